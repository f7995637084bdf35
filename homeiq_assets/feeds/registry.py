"""Which provider serves which family of feeds: a line per provider, and the choice among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from homeiq_assets.settings import Settings

SIMULATED, OFF = "simulated", "off"

Build = Callable[[Settings, ZoneInfo], Mapping[str, Provider]]


@dataclass(frozen=True)
class Entry:
    """A provider: how it is built, what it needs, and which sets of settings choose it by being there.

    A provider that needs no key has no `credentials` and is chosen by name only.
    """

    build: Build
    credentials: tuple[tuple[str, ...], ...] = ()


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
            home_assistant.build, (("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN", "HOME_ASSISTANT_POWER_ENTITY"),)
        ),
        SIMULATED: Entry(simulated_meter.build),
    },
    "fx": {SIMULATED: Entry(simulated_fx.build)},
}  # fmt: skip


def choice(feed: Feed, settings: Settings) -> str:
    """The name of the provider in force: the one set, else the one whose credentials are there.

    Without either it is `simulated` on the embedded store and `off` with a live InfluxDB. The name may be
    one that no provider has; `provider_of` then says so.
    """
    chosen = getattr(settings, feed.setting.lower())
    if chosen is not None:
        return str(chosen)
    for name, entry in PROVIDERS[feed.family].items():
        for needed in entry.credentials:
            if all(getattr(settings, setting.lower()) is not None for setting in needed):
                return name
    return OFF if settings.live else SIMULATED


def provider_of(feed: Feed, settings: Settings, zone: ZoneInfo) -> Provider:
    """The provider in force. Raises SettingError where there is none, or simulated ones are refused (R1)."""
    name = choice(feed, settings)
    known = PROVIDERS[feed.family]
    if name == OFF:
        raise SettingError(feed.setting, f"no provider is configured for {feed.name}; set it to one of {_names(known)}")
    if name not in known:
        raise SettingError(feed.setting, f"{name!r} is not a provider of {feed.name}; set it to one of {_names(known)}")
    if name == SIMULATED and settings.live and settings.homeiq_allow_simulated != "on":
        raise SettingError(
            "HOMEIQ_ALLOW_SIMULATED",
            f"{feed.setting} is simulated, and simulated readings never enter a live InfluxDB (INFLUXDB_URL is set) "
            "unless this is set to on",
        )
    built = known[name].build(settings, zone)
    if feed.name not in built:
        raise SettingError(feed.setting, f"the provider {name} does not give {feed.name} as it is configured")
    return built[feed.name]


def serves(feed: Feed, settings: Settings) -> bool:
    """Whether polling the feed makes sense: a provider is chosen and gives this measurement."""
    if choice(feed, settings) == OFF:
        return False
    return (
        feed.name != "smart_meter_circuit"
        or choice(feed, settings) != "home_assistant"
        or bool(settings.home_assistant_circuits)
    )


def _names(known: Mapping[str, Entry]) -> str:
    return ", ".join(name for name in (*known, OFF))
