"""Which provider serves which family of feeds: a line per provider, and the choice among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.air_quality import open_meteo
from homeiq_assets.feeds.air_quality import simulated as simulated_air
from homeiq_assets.feeds.air_quality.airnow import provider as airnow
from homeiq_assets.feeds.calendar import home_assistant as home_assistant_calendar
from homeiq_assets.feeds.calendar import simulated as simulated_calendar
from homeiq_assets.feeds.calendar.google import provider as google
from homeiq_assets.feeds.carbon import simulated as simulated_carbon
from homeiq_assets.feeds.carbon.electricity_maps import provider as electricity_maps
from homeiq_assets.feeds.carbon.energy_charts import provider as energy_charts_carbon
from homeiq_assets.feeds.carbon.gb_carbon_intensity import provider as gb_carbon_intensity
from homeiq_assets.feeds.carbon.watttime import provider as watttime
from homeiq_assets.feeds.events import pulled as pulled_events
from homeiq_assets.feeds.events import simulated as simulated_events
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.fx import frankfurter
from homeiq_assets.feeds.fx import simulated as simulated_fx
from homeiq_assets.feeds.meter import generic as generic_meter
from homeiq_assets.feeds.meter import home_assistant
from homeiq_assets.feeds.meter import simulated as simulated_meter
from homeiq_assets.feeds.meter.emporia import provider as emporia
from homeiq_assets.feeds.meter.sense import provider as sense
from homeiq_assets.feeds.pricing import awattar, octopus
from homeiq_assets.feeds.pricing import energy_charts as energy_charts_pricing
from homeiq_assets.feeds.pricing import generic as generic_pricing
from homeiq_assets.feeds.pricing import simulated as simulated_pricing
from homeiq_assets.feeds.pricing.tibber import provider as tibber
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.schema.measurements import SMART_METER_CIRCUIT
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import HOUR

SIMULATED, OFF, UNKNOWN = "simulated", "off", "unknown"
OBSERVED: Mapping[str, tuple[str, ...]] = {"events": ("homeiq", "home_assistant_influxdb")}
"""Choices of a family under which no provider brings anything in: it is read where it is."""

Build = Callable[[Settings, ZoneInfo], Mapping[str, Provider]]


@dataclass(frozen=True)
class Entry:
    """A provider: how it is built, what it needs, and which sets of settings choose it by being there.

    A provider that needs no key has no `credentials` and is chosen by name only. `needs` names, for a measurement
    that it gives only with one more setting, that setting. `settles` is how many closed days are asked for again each
    night: those it may still revise or fill late, and no fewer than three, for whatever an outage here left out.
    `step` is that of its rows where it is not the measurement's, `lag` how long after the start of its slot a
    reading may come where that is later than usual. `history` is how far back its past certainly reaches where that is
    not far: what is about to leave it is asked for first. `points_at` are the settings that say whom and what is asked:
    addresses, regions, entities; none of them is a secret.
    """

    build: Build
    credentials: tuple[tuple[str, ...], ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)
    settles: int = 3
    step: timedelta | None = None
    lag: timedelta = timedelta()
    history: timedelta | None = None
    points_at: tuple[str, ...] = ()


PROVIDERS: dict[str, dict[str, Entry]] = {
    "carbon": {
        "watttime": Entry(
            watttime.build, (("WATTTIME_USERNAME", "WATTTIME_PASSWORD"), ("WATTTIME_API_TOKEN",)),
            points_at=("WATTTIME_BASE_URL", "GRID_REGION"),
        ),
        "electricity_maps": Entry(
            electricity_maps.build, (("ELECTRICITYMAPS_API_KEY",),), settles=5, history=24 * HOUR,
            points_at=("ELECTRICITYMAPS_BASE_URL", "GRID_REGION"),
        ),
        "gb_carbon_intensity": Entry(gb_carbon_intensity.build, points_at=("GB_CARBON_BASE_URL", "GRID_REGION")),
        "energy_charts": Entry(
            energy_charts_carbon.build, settles=8, points_at=("ENERGY_CHARTS_BASE_URL", "GRID_REGION")
        ),
        SIMULATED: Entry(simulated_carbon.build),
    },
    "pricing": {
        "awattar": Entry(awattar.build, points_at=("AWATTAR_BASE_URL", "PRICING_AREA")),
        "tibber": Entry(tibber.build, (("PRICING_API_KEY",),), points_at=("TIBBER_BASE_URL", "PRICING_AREA")),
        "octopus": Entry(octopus.build, points_at=("OCTOPUS_BASE_URL", "PRICING_AREA")),
        "generic": Entry(generic_pricing.build, points_at=("PRICING_TARIFF",)),
        "energy_charts": Entry(energy_charts_pricing.build, points_at=("ENERGY_CHARTS_BASE_URL", "PRICING_AREA")),
        SIMULATED: Entry(simulated_pricing.build),
    },
    "air_quality": {
        "airnow": Entry(
            airnow.build, (("AIRNOW_API_KEY",),), points_at=("AIRNOW_BASE_URL", "LATITUDE", "LONGITUDE", "AIRNOW_SITE")
        ),
        "open_meteo": Entry(open_meteo.build, points_at=("OPEN_METEO_BASE_URL", "LATITUDE", "LONGITUDE")),
        SIMULATED: Entry(simulated_air.build),
    },
    "calendar": {
        "google": Entry(
            google.build, (("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_REFRESH_TOKEN"),),
            points_at=("GOOGLE_BASE_URL", "GOOGLE_CALENDAR_IDS"),
        ),
        "home_assistant": Entry(
            home_assistant_calendar.build,
            (("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN", "HOME_ASSISTANT_CALENDARS"),),
            points_at=("HOME_ASSISTANT_URL", "HOME_ASSISTANT_CALENDARS"),
        ),
        SIMULATED: Entry(simulated_calendar.build),
    },
    "meter": {
        "home_assistant": Entry(
            home_assistant.build,
            (("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN", "HOME_ASSISTANT_POWER_ENTITY"),),
            {SMART_METER_CIRCUIT.name: "HOME_ASSISTANT_CIRCUITS"},
            points_at=("HOME_ASSISTANT_URL", "HOME_ASSISTANT_POWER_ENTITY", "HOME_ASSISTANT_CIRCUITS"),
            # Hourly statistics stay for ever, 5-minute ones as long as its recorder keeps states.
            history=10 * 24 * HOUR,
        ),
        "emporia": Entry(
            emporia.build, settles=6, lag=timedelta(minutes=75), points_at=("EMPORIA_BASE_URL", "METER_DEVICE_ID")
        ),
        "sense": Entry(
            sense.build, step=HOUR, lag=2.5 * HOUR, points_at=("SENSE_BASE_URL", "METER_DEVICE_ID")
        ),
        "generic": Entry(generic_meter.build),
        SIMULATED: Entry(simulated_meter.build),
    },
    "fx": {
        "frankfurter": Entry(frankfurter.build, settles=5, points_at=("FRANKFURTER_BASE_URL",)),
        SIMULATED: Entry(simulated_fx.build),
    },
    "events": {
        "home_assistant": Entry(
            pulled_events.build, points_at=("HOME_ASSISTANT_URL", "HOME_ASSISTANT_EVENTS"), history=10 * 24 * HOUR
        ),
        SIMULATED: Entry(simulated_events.build),
    },
}  # fmt: skip


def choice(feed: Feed, settings: Settings) -> str:
    """The name of the provider in force: the one set, else the one whose credentials are there.

    Without either it is `simulated` on the embedded store and `off` with a live InfluxDB. It is `unknown`
    where no provider has the name that is set: it may hold anything, and Dagster takes few characters.
    """
    known = PROVIDERS[feed.family]
    chosen = getattr(settings, feed.setting.lower())
    if chosen is not None or feed.setting in settings.problems:
        name = str(chosen).strip().lower()
        return name if name in (*known, *OBSERVED.get(feed.family, ()), OFF) else UNKNOWN
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
    settings.sound(feed.setting)
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
    return known[name].build(settings, zone)[feed.measurement.name]


def needs(feed: Feed, settings: Settings) -> str | None:
    """The setting that is missing for the provider in force to give this measurement, None where nothing is."""
    entry = PROVIDERS[feed.family].get(choice(feed, settings))
    needed = entry.needs.get(feed.measurement.name) if entry else None
    return needed if needed is not None and getattr(settings, needed.lower()) is None else None


def serves(feed: Feed, settings: Settings) -> bool:
    """Whether polling the feed makes sense: a provider is chosen and gives this measurement."""
    return choice(feed, settings) != OFF and not observed(feed, settings) and needs(feed, settings) is None


def observed(feed: Feed, settings: Settings) -> bool:
    """Whether somebody else writes what the feed is of, and it is read where it is."""
    return choice(feed, settings) in OBSERVED.get(feed.family, ())


def paced(feed: Feed, settings: Settings) -> Feed:
    """The feed at the pace of the provider in force: what its days are measured by, and how far back its polls ask."""
    entry = PROVIDERS[feed.family].get(choice(feed, settings))
    if entry is None or (entry.step is None and not entry.lag):
        return feed
    return replace(
        feed,
        measurement=replace(feed.measurement, step=entry.step or feed.measurement.step),
        late=max(feed.late, entry.lag),
        reach=max(feed.reach or 2 * feed.interval, entry.lag),
    )


def settles(feed: Feed, settings: Settings) -> int:
    """How many closed days the provider in force may still revise."""
    entry = PROVIDERS[feed.family].get(choice(feed, settings))
    return entry.settles if entry else Entry.settles


def history(feed: Feed, settings: Settings) -> timedelta | None:
    """How far back the past of the provider in force certainly reaches, None where that is far."""
    entry = PROVIDERS[feed.family].get(choice(feed, settings))
    return entry.history if entry else None


def _names(known: Mapping[str, Entry]) -> str:
    return ", ".join(name for name in (*known, OFF))
