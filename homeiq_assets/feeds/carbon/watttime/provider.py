"""WattTime: marginal emissions (MOER) of the grid every five minutes, with forecasts at the time of the poll.

History comes minutes to hours late and is revised for days. A value is lb CO2 per MWh; there is no
renewable share, and the grid's operator is not named. Calls and their shapes are in `api.py`.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.errors import NoHistory, ProviderError
from homeiq_assets.feeds.carbon.readings import INTENSITY, believable, reading_answers, row_of
from homeiq_assets.feeds.carbon.watttime.api import NAME, SIGNAL, Point, Series, WattTimeApi
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import Params, VendorClient
from homeiq_assets.vendors.skipped import without_odd
from homeiq_assets.window import DAY, HOUR, Window, ceil_to, floor_to

# lb/MWh -> g/kWh: 453.59237 g to the pound (exact, by definition), 1000 kWh to the MWh
GRAMS_PER_KWH = 0.45359237
STEP = timedelta(minutes=5)
# A day ahead from any point of the current slot, that slot included.
HORIZON_HOURS = 25
# An older forecast begins too early for its value of now to be a nowcast.
NOWCAST_AGE = timedelta(minutes=30)
LOOK_AT_REGION = "Look at GRID_REGION."

logger = logging.getLogger(__name__)


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of carbon_intensity. Settings are judged when they are used, not here."""
    return {CARBON_INTENSITY.name: WattTime(settings)}


class WattTime:
    """Rows of carbon_intensity."""

    name = NAME
    measurement = CARBON_INTENSITY
    longest = timedelta(days=32)

    def __init__(self, settings: Settings) -> None:
        self._api = WattTimeApi(settings)
        self._forecast_refused = False

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """History of `window` as far as it is published; where `now` lies in it, the current slot too.

        The current slot's row is an answer of its own: its value is the history's if that is there
        already, else the nowcast; beside it stands what is forecast now. Raises ProviderError (NoHistory
        before the region's history begins) and SettingError.
        """
        if now <= window.start:
            return
        with self._api.client() as client:
            region = self._api.region(client, now)
            history, step = self._history(client, region, Window(window.start, min(window.end, now)), now)
            if not history and window.end < now - DAY:
                self._refuse_before_history(client, region, window, now)
        slot = floor_to(now, step)
        if now not in window or slot not in window:
            yield from _answers(history, window, region, step)
            return
        current = history.pop(slot, None)
        yield from _answers(history, window, region, step)
        # The caller stores between answers, which may take long: a client, and a time budget, of its own.
        with self._api.client() as client:
            row = self._outlook(client, region, slot, now)
        if current is not None:
            row[INTENSITY] = current
        if row:
            covers = Window(slot, min(slot + step, window.end))
            yield Answer(rows_of(CARBON_INTENSITY, [row_of(slot, region, row)]), covers, step)

    def probe(self, now: datetime) -> str:
        """What the account may ask of the home's region. Raises ProviderError where that is not its history."""
        with self._api.client() as client:
            region = self._api.region(client, now)
            endpoints = self._api.access(client, now).endpoints(region)
        if "historical" not in endpoints:
            raise ProviderError(NAME, _not_in_plan(region))
        return f"logged in; region {region}: {', '.join(endpoints)}"

    def _history(
        self, client: VendorClient, region: str, window: Window, now: datetime
    ) -> tuple[dict[datetime, float], timedelta]:
        start, last = ceil_to(window.start, STEP), ceil_to(window.end, STEP) - STEP
        if last < start:
            return {}, STEP
        # Both ends are inclusive.
        params = {"start": f"{start:%Y-%m-%dT%H:%MZ}", "end": f"{last:%Y-%m-%dT%H:%MZ}"}
        series = self._series(client, "/v3/historical", region, params, now)
        return _readings(series, window), series.meta.step

    def _outlook(self, client: VendorClient, region: str, slot: datetime, now: datetime) -> dict[str, float]:
        """The nowcast and what is forecast now for an hour and a day after the slot; what is not given is absent."""
        if self._forecast_refused:
            return {}
        try:
            series = self._series(client, "/v3/forecast", region, {"horizon_hours": HORIZON_HOURS}, now)
        except VendorFailure as failure:
            if failure.status != 403:
                raise
            self._forecast_refused = True
            logger.warning("carbon_intensity comes without forecasts: %s", failure)
            return {}
        ahead = _readings(series, Window(slot, slot + HORIZON_HOURS * HOUR))
        made = series.meta.generated_at
        found = {"forecast_1h": ahead.get(slot + HOUR), "forecast_24h": ahead.get(slot + DAY)}
        if made is not None and slot - made <= NOWCAST_AGE:
            found[INTENSITY] = ahead.get(slot)
        return {name: value for name, value in found.items() if value is not None}

    def _series(self, client: VendorClient, path: str, region: str, params: Params, now: datetime) -> Series:
        asked = {"region": region, "signal_type": SIGNAL, **params}
        try:
            series = self._api.get(client, path, asked, Series, now)
        except VendorFailure as failure:
            if failure.status in (400, 403, 404, 422):
                raise failure.advise(_not_in_plan(region) if failure.status == 403 else LOOK_AT_REGION) from None
            raise
        if series.meta.region != region:
            raise ProviderError(NAME, f"{path} answered for {series.meta.region}, not for {region}. {LOOK_AT_REGION}")
        return series

    def _refuse_before_history(self, client: VendorClient, region: str, window: Window, now: datetime) -> None:
        """Raise NoHistory where an empty answer is due to the history beginning later."""
        start = self._api.access(client, now).history_start(region)
        if start is not None and f"{window.end:%Y-%m-%dT%H:%M}" <= start:
            raise NoHistory(NAME, f"the history of {region} begins on {start}; there is none for {window}")


def _not_in_plan(region: str) -> str:
    return (
        f"The account may not ask this of region {region}. Look at GRID_REGION and at the account's plan "
        "(a free one has CAISO_NORTH only)."
    )


def _readings(series: Series, window: Window) -> dict[datetime, float]:
    """The values that lie in `window`, in g/kWh, in order of time; what cannot be an intensity is none."""
    step = series.meta.step

    def problem(point: Point) -> str | None:
        at = point.point_time.astimezone(UTC)
        return None if floor_to(at, step) == at else f"{at.isoformat()} is no start of a period of {step}"

    readings = {}
    for point in sorted(without_odd(NAME, series.data, problem), key=lambda point: point.point_time):
        at = point.point_time.astimezone(UTC)
        if point.value is None or at not in window:
            continue
        grams = believable(NAME, INTENSITY, at, point.value * GRAMS_PER_KWH)
        if grams is not None:
            readings[at] = grams
    return readings


def _answers(history: Mapping[datetime, float], window: Window, region: str, step: timedelta) -> Iterable[Answer]:
    return reading_answers({at: {INTENSITY: grams} for at, grams in history.items()}, window, region, step)
