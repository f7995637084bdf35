"""Which provider serves which family of feeds: a line per provider, and the choice among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.air_quality import simulated as simulated_air
from homeiq_assets.feeds.calendar import simulated as simulated_calendar
from homeiq_assets.feeds.carbon import simulated as simulated_carbon
from homeiq_assets.feeds.carbon import watttime
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.fx import simulated as simulated_fx
from homeiq_assets.feeds.meter import home_assistant
from homeiq_assets.feeds.meter import simulated as simulated_meter
from homeiq_assets.feeds.pricing import awattar
from homeiq_assets.feeds.pricing import simulated as simulated_pricing
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.measurements import SMART_METER_CIRCUIT
from homeiq_assets.settings import Settings

SIMULATED, OFF, UNKNOWN = "simulated", "off", "unknown"

Build = Callable[[Settings, ZoneInfo], Mapping[str, Provider]]


@dataclass(frozen=True)
class Entry:
    """A provider: how it is built, what it needs, and which sets of settings choose it by being there.

    A provider that needs no key has no `credentials` and is chosen by name only. `needs` names, for a measurement
    that it gives only with one more setting, that setting. `settles` is how many closed days it may still revise,
    or fill late: so many are asked for again each night.
    """

    build: Build
    credentials: tuple[tuple[str, ...], ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)
    settles: int = 3


PROVIDERS: dict[str, dict[str, Entry]] = {
    "carbon": {
        "watttime": Entry(
            watttime.build, (("WATTTIME_USERNAME", "WATTTIME_PASSWORD"), ("WATTTIME_API_TOKEN",))
        ),
        SIMULATED: Entry(simulated_carbon.build),
    },
    "pricing": {
        "awattar": Entry(awattar.build),
        SIMULATED: Entry(simulated_pricing.build),
    },
    "air_quality": {SIMULATED: Entry(simulated_air.build)},
    "calendar": {SIMULATED: Entry(simulated_calendar.build)},
    "meter": {
        "home_assistant": Entry(
            home_assistant.build,
            (("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN", "HOME_ASSISTANT_POWER_ENTITY"),),
            {SMART_METER_CIRCUIT.name: "HOME_ASSISTANT_CIRCUITS"},
        ),
        SIMULATED: Entry(simulated_meter.build),
    },
    "fx": {SIMULATED: Entry(simulated_fx.build)},
}  # fmt: skip


def choice(feed: Feed, settings: Settings) -> str:
    """The name of the provider in force: the one set, else the one whose credentials are there.

    Without either it is `simulated` on the embedded store and `off` with a live InfluxDB. It is `unknown`
    where no provider has the name that is set: it may hold anything, and Dagster takes few characters.
    """
    known = PROVIDERS[feed.family]
    chosen = getattr(settings, feed.setting.lower())
    if chosen is not None:
        name = str(chosen).strip().lower()
        return name if name in (*known, OFF) else UNKNOWN
    for name, entry in known.items():
        for needed in entry.credentials:
            # A wrong value was meant too: else a slip in a token would bring simulated readings.
            if all(
                setting in settings.problems or getattr(settings, setting.lower()) is not None for setting in needed
            ):
                return name
    return OFF if settings.live else SIMULATED


def provider_of(feed: Feed, settings: Settings, zone: ZoneInfo) -> Provider:
    """The provider in force. Raises SettingError where there is none, or simulated ones are refused (R1)."""
    name = choice(feed, settings)
    known = PROVIDERS[feed.family]
    if name == OFF:
        raise SettingError(feed.setting, f"no provider is configured for {feed.name}; set it to one of {_names(known)}")
    if name not in known:
        wrong = getattr(settings, feed.setting.lower())
        raise SettingError(
            feed.setting, f"{wrong!r} is not a provider of {feed.name}; set it to one of {_names(known)}"
        )
    if name == SIMULATED and settings.live and settings.homeiq_allow_simulated != "on":
        raise SettingError(
            "HOMEIQ_ALLOW_SIMULATED",
            f"{feed.setting} is simulated, and simulated readings never enter a live InfluxDB (INFLUXDB_URL is set) "
            "unless this is set to on",
        )
    needed = needs(feed, settings)
    if needed is not None:
        raise SettingError(needed, f"is not set, and without it {name} does not give {feed.name}")
    return known[name].build(settings, zone)[feed.name]


def needs(feed: Feed, settings: Settings) -> str | None:
    """The setting that is missing for the provider in force to give this measurement, None where nothing is."""
    entry = PROVIDERS[feed.family].get(choice(feed, settings))
    needed = entry.needs.get(feed.name) if entry else None
    return needed if needed is not None and getattr(settings, needed.lower()) is None else None


def serves(feed: Feed, settings: Settings) -> bool:
    """Whether polling the feed makes sense: a provider is chosen and gives this measurement."""
    return choice(feed, settings) != OFF and needs(feed, settings) is None


def settles(feed: Feed, settings: Settings) -> int:
    """How many closed days the provider in force may still revise."""
    entry = PROVIDERS[feed.family].get(choice(feed, settings))
    return entry.settles if entry else Entry.settles


def _names(known: Mapping[str, Entry]) -> str:
    return ", ".join(name for name in (*known, OFF))
