"""Electricity Maps: average life-cycle carbon intensity of what a zone consumes, with shares of its mix, hour by hour.

A free key has the last 24 hours of one zone and no more; ranges of the past and forecasts belong to paid plans.
The newest hours are estimates that are revised for days. Calls and their shapes are in `api.py`.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from homeiq_assets.errors import NoHistory, ProviderError
from homeiq_assets.feeds.carbon.electricity_maps.api import (
    KEY,
    LATEST,
    NAME,
    RANGES,
    ElectricityMapsApi,
    Intensities,
    Intensity,
    Latest,
    Mix,
    Mixes,
)
from homeiq_assets.feeds.carbon.readings import (
    FOSSIL,
    INTENSITY,
    RENEWABLE,
    SHARES,
    believable,
    reading_answers,
    row_of,
)
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.skipped import without_odd
from homeiq_assets.window import DAY, HOUR, Window, ceil_to, floor_to

# What `history` holds, and the longest that `past-range` answers by the hour.
HISTORY, LONGEST_RANGE = DAY, timedelta(days=10)
# A poll may ask from the last local midnight on, which is up to 25 hours ago.
LONGEST_POLL = timedelta(hours=26)
# The nightly settling goes back over a few closed days. A free key cannot, and polls have brought them.
SETTLING = timedelta(days=6)
HORIZON_HOURS = 24
SHORTEST_STEP = timedelta(minutes=5)

logger = logging.getLogger(__name__)


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of carbon_intensity. Settings are judged when they are used, not here."""
    return {CARBON_INTENSITY.name: ElectricityMaps(settings)}


@dataclass
class _Past:
    """What was told of the past: the zone, the length of its slots, and start of slot -> fields.

    `cut`: the plan does not reach back to the beginning of what was asked for.
    """

    zone: str
    step: timedelta
    readings: dict[datetime, dict[str, float]]
    unsaid: frozenset[str]
    cut: bool = False


class ElectricityMaps:
    """Rows of carbon_intensity."""

    name = NAME
    measurement = CARBON_INTENSITY
    longest = 4 * LONGEST_RANGE

    def __init__(self, settings: Settings) -> None:
        self._api = ElectricityMapsApi(settings)

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """The slots of `window` that have begun; where `now` lies in it, the current one with its forecasts.

        The last 24 hours are answered whatever the plan. Raises NoHistory for what is older where the plan has no
        ranges (after the last 24 hours were given; not where only nightly settling would reach that far back),
        ProviderError and SettingError.
        """
        if now <= window.start:
            return
        asked = Window(window.start, min(window.end, now))
        past = self._past(asked, now)
        slot = floor_to(now, past.step)
        current = past.readings.pop(slot, {}) if now in window and slot in window else None
        yield from reading_answers(past.readings, window, past.zone, past.step, past.unsaid)
        if current is not None:
            # The caller stores between answers, which may take long: a client, and a time budget, of its own.
            with self._api.client() as client:
                fields = {**self._outlook(client, slot, now), **current}
            # Shares without an intensity are left for later, as they are in the past.
            if fields.keys() - SHARES:
                covers = Window(slot, min(slot + past.step, window.end))
                row = rows_of(CARBON_INTENSITY, [row_of(slot, past.zone, fields)])
                yield Answer(row, covers, past.step, past.unsaid)
        if past.cut and window.start < now - SETTLING:
            raise _no_history(window)

    def probe(self, now: datetime) -> str:
        """What the newest hour of the home's zone is."""
        with self._api.client() as client:
            latest = self._api.ask(client, LATEST, Latest)
        value = "no intensity" if latest.grams is None else f"{latest.grams:g} g/kWh"
        return f"zone {latest.zone}: {value} at {latest.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def _past(self, asked: Window, now: datetime) -> _Past:
        """The past by ranges where it is longer than `history`, and the plan has them; else by `history`."""
        if asked.start >= now - HISTORY or (asked.end >= now and asked.start >= now - LONGEST_POLL):
            return self._recent(asked, now)
        with self._api.client(RANGES) as client:
            ranged = self._ranges(client, asked, now)
        if ranged is not None:
            return ranged
        if asked.end <= now - HISTORY:
            raise _no_history(asked)
        recent = self._recent(asked, now)
        logger.warning("%s: the plan has no history of %s beyond the last 24 hours", NAME, asked)
        recent.cut = True
        return recent

    def _recent(self, asked: Window, now: datetime) -> _Past:
        with self._api.client() as client:
            known = self._api.ask(client, "/v3/carbon-intensity/history", Intensities)
            mix = self._api.ask_if_in_plan(client, "/v3/power-breakdown/history", Mixes, now)
        return _told(known.zone, known.slots, mix.slots if mix else None, asked)

    def _ranges(self, client: VendorClient, asked: Window, now: datetime) -> _Past | None:
        """The past range by range, None where the plan has none."""
        zone, known = "", list[Intensity]()
        mixed: list[Mix] | None = []
        # Local days may begin within an hour, which is asked for whole.
        for part in Window(floor_to(asked.start, HOUR), ceil_to(asked.end, HOUR)).chunks(LONGEST_RANGE):
            params = {"start": f"{part.start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{part.end:%Y-%m-%dT%H:%M:%SZ}"}
            found = self._api.ask_if_in_plan(client, "/v3/carbon-intensity/past-range", Intensities, now, params)
            if found is None:
                return None
            mix = self._api.ask_if_in_plan(client, "/v3/power-breakdown/past-range", Mixes, now, params)
            zone = found.zone
            known += found.slots
            mixed = mixed + mix.slots if mix and mixed is not None else None
        return _told(zone, known, mixed, asked)

    def _outlook(self, client: VendorClient, slot: datetime, now: datetime) -> dict[str, float]:
        """What is forecast now for the slot, and for an hour and a day after it; what is not given is absent."""
        params = {"horizonHours": HORIZON_HOURS}
        try:
            found = self._api.ask_if_in_plan(client, "/v3/carbon-intensity/forecast", Intensities, now, params)
        except VendorFailure as failure:
            if failure.status != 401:
                raise
            # The key was right a moment ago, so its limit is passed; the history is there.
            logger.warning("%s: no forecasts this time: %s", NAME, failure)
            return {}
        ahead = {one.at.astimezone(UTC): one.grams for one in found.slots} if found else {}
        wanted = {INTENSITY: slot, "forecast_1h": slot + HOUR, "forecast_24h": slot + DAY}
        values = {name: believable(NAME, INTENSITY, at, ahead.get(at)) for name, at in wanted.items()}
        return {name: value for name, value in values.items() if value is not None}


def _told(zone: str, known: Iterable[Intensity], mixed: Iterable[Mix] | None, window: Window) -> _Past:
    """What lies in `window`, put together; `mixed` is None where the plan has no mix.

    Raises ProviderError where the times are of no regular slots.
    """
    readings: dict[datetime, dict[str, float]] = defaultdict(dict)
    intensities = list(known)
    step = _step(sorted({one.at.astimezone(UTC) for one in intensities}))

    def problem(one: Intensity | Mix) -> str | None:
        return None if floor_to(one.at, step) == one.at else f"{one.at.isoformat()} is no start of a slot of {step}"

    for one in without_odd(NAME, intensities, problem):
        _put(readings, window, one.at.astimezone(UTC), INTENSITY, one.grams)
    for mix in without_odd(NAME, mixed or (), problem):
        at = mix.at.astimezone(UTC)
        _put(readings, window, at, RENEWABLE, mix.renewable)
        _put(readings, window, at, FOSSIL, None if mix.fossil_free is None else 100 - mix.fossil_free)
    return _Past(zone, step, dict(readings), SHARES if mixed is None else frozenset())


def _put(
    readings: dict[datetime, dict[str, float]], window: Window, at: datetime, field: str, value: float | None
) -> None:
    found = believable(NAME, field, at, value) if at in window else None
    if found is not None:
        readings[at][field] = found


def _step(times: list[datetime]) -> timedelta:
    """The length of a slot: the most frequent time between two of them, an hour at most."""
    apart = Counter(after - before for before, after in pairwise(times)).most_common(1)
    step = min(apart[0][0], HOUR) if apart else HOUR
    if step < SHORTEST_STEP:
        raise ProviderError(NAME, f"{times[0].isoformat()} is no start of a slot of {step}")
    return step


def _no_history(window: Window) -> NoHistory:
    return NoHistory(
        NAME,
        f"the plan of {KEY} has no history of {window}: a free key reaches back 24 hours, a paid plan with past "
        "ranges further",
    )
