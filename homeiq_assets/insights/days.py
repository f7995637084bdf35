"""The insights of a range of days: what each needs is read a month at a time, worked out per local day, and stored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow as pa

from homeiq_assets.events.opening import events_kept, opened_events
from homeiq_assets.feeds.catalog import EVENTS
from homeiq_assets.feeds.events.values import newest_each
from homeiq_assets.feeds.registry import OFF, choice
from homeiq_assets.home import Home
from homeiq_assets.insights.best import Ahead, ahead
from homeiq_assets.insights.energy_report import Report, energy_report
from homeiq_assets.insights.phantom import NIGHTS, mean_price, night_figures, night_of, phantom_load
from homeiq_assets.insights.presence import occupancy_accuracy, presence_events
from homeiq_assets.insights.price_rank import price_rank
from homeiq_assets.ledger.seals import left_days
from homeiq_assets.schema.bounds import believed, bounded, out_of_bounds
from homeiq_assets.schema.insights import (
    DAILY_ENERGY_REPORT,
    ELECTRICITY_PRICE_RANK,
    OCCUPANCY_ACCURACY,
    PHANTOM_LOAD,
)
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import (
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    HOME_ASSISTANT_EVENTS,
    OCCUPANCY_PREDICTION,
    SMART_METER,
    SMART_METER_CIRCUIT,
)
from homeiq_assets.series.steps import within
from homeiq_assets.stores.base import Store
from homeiq_assets.views.bill import NEIGHBOURS
from homeiq_assets.window import HOUR, Window, ceil_to, existing, local_day, local_midnight

CHUNK = 31
"""Days whose inputs are in memory at once."""
CARBON_FIELDS = ("carbon_intensity_gco2_kwh", "forecast_1h", "forecast_24h")


@dataclass(frozen=True)
class Ranked:
    """A day's ranks: how many rows, and the prices (time, current_price) to draw."""

    day: date
    rows: int
    prices: pa.Table


Stays = Callable[[str, str], None]
"""Is told of each day that stays as it is stored (ISO date, why), because rows that it was made of are gone."""
Doubts = Callable[[str, Sequence[str]], None]
"""Is told of what lies beyond its bounds in each day (ISO date), or was left out for that."""


def no_doubts(_: str, __: Sequence[str]) -> None:
    """Nobody is told."""


def rank_days(
    days: Sequence[date], home: Home, store: Store, stays: Stays, doubts: Doubts = no_doubts
) -> Iterator[Ranked]:
    """Store electricity_price_rank of each of the consecutive local days."""
    store.recover(ELECTRICITY_PRICING)
    made = _Made(ELECTRICITY_PRICE_RANK, [ELECTRICITY_PRICING], NEIGHBOURS, home, store, stays, doubts)
    for chunk in _chunks(days):
        prices = _read(ELECTRICITY_PRICING, chunk, home, store, before=NEIGHBOURS, after=NEIGHBOURS)
        for day in chunk:
            window = local_day(day, home.zone)
            ranks = price_rank(within(prices, _around(window)), window, home.zone)
            if made.stores(day, ranks):
                yield Ranked(day, ranks.num_rows, within(prices, window).select(["time", "current_price"]))


def phantom_days(
    days: Sequence[date], home: Home, store: Store, stays: Stays, doubts: Doubts = no_doubts
) -> Iterator[tuple[date, pa.Table]]:
    """Store phantom_load of each of the consecutive local days, from the seven nights up to it."""
    for measurement in (SMART_METER, SMART_METER_CIRCUIT, ELECTRICITY_PRICING):
        store.recover(measurement)
    week = timedelta(days=NIGHTS - 1)
    made = _Made(
        PHANTOM_LOAD, [SMART_METER, SMART_METER_CIRCUIT, ELECTRICITY_PRICING], week, home, store, stays, doubts
    )
    for chunk in _chunks(days):
        span = (chunk[0] - week + timedelta(days=n) for n in range((chunk[-1] - chunk[0] + week).days + 1))
        nights = existing(span, home.zone)
        meter = _read(SMART_METER, nights, home, store, columns=["total_power_w"])
        circuits = _read(SMART_METER_CIRCUIT, nights, home, store, columns=["power_w"])
        prices = _read(ELECTRICITY_PRICING, nights, home, store)
        figures = {}
        for day in nights:
            night = night_of(day, home.zone)
            reaching = Window(night.start - HOUR, night.end)
            figures[day] = night_figures(within(meter, reaching), within(circuits, reaching), night)
        for day in chunk:
            window = local_day(day, home.zone)
            of_week = Window(local_midnight(day - week, home.zone), window.end)
            of_nights = [figures.get(day - timedelta(days=n), {}) for n in range(NIGHTS)]
            loads = phantom_load(of_nights, mean_price(within(prices, of_week)), window)
            if made.stores(day, loads):
                yield day, loads


def report_days(
    days: Sequence[date], home: Home, store: Store, stays: Stays, doubts: Doubts = no_doubts
) -> Iterator[tuple[date, Report | None]]:
    """Store daily_energy_report of each of the consecutive local days."""
    for measurement in (SMART_METER, SMART_METER_CIRCUIT, ELECTRICITY_PRICING, CARBON_INTENSITY):
        store.recover(measurement)
    hold, max_kw = home.settings.hold, home.settings.homeiq_max_power_kw
    metered = _Made(DAILY_ENERGY_REPORT, [SMART_METER, SMART_METER_CIRCUIT], timedelta(), home, store, stays, doubts)
    made = _Made(DAILY_ENERGY_REPORT, [ELECTRICITY_PRICING, CARBON_INTENSITY], hold, home, store, stays, doubts)
    for chunk in _chunks(days):
        # Named by day below.
        meter = _read(SMART_METER, chunk, home, store, all_values=True)
        circuits = _read(SMART_METER_CIRCUIT, chunk, home, store, columns=["power_w"])
        prices = _read(ELECTRICITY_PRICING, chunk, home, store, before=NEIGHBOURS, after=NEIGHBOURS)
        carbon = _read(CARBON_INTENSITY, chunk, home, store, before=hold, columns=CARBON_FIELDS[:1])
        for day in chunk:
            window = local_day(day, home.zone)
            left_out = list[str]()
            report = energy_report(
                believed(within(meter, window), bounded(SMART_METER, max_kw), left_out),
                within(circuits, window),
                within(prices, _around(window)),
                within(carbon, Window(window.start - hold, window.end)),
                day=window,
                date=day,
                hold=hold,
                feed_in_price=home.settings.feed_in_price,
                max_kw=max_kw,
            )
            row = report.row if report else DAILY_ENERGY_REPORT.empty()
            if not metered.left(day) and made.stores(day, row):
                doubts(day.isoformat(), [*left_out, *(report.left_out if report else ())])
                yield day, report


def accuracy_days(
    days: Sequence[date], home: Home, store: Store, stays: Stays, doubts: Doubts = no_doubts
) -> Iterator[tuple[date, pa.Table]]:
    """Store occupancy_accuracy of each of the consecutive local days; nothing where no events are configured."""
    if choice(EVENTS, home.settings) == OFF:
        yield from ((day, OCCUPANCY_ACCURACY.empty()) for day in days)
        return
    store.recover(OCCUPANCY_PREDICTION)
    hold = home.settings.hold
    made = _Made(OCCUPANCY_ACCURACY, [OCCUPANCY_PREDICTION, HOME_ASSISTANT_EVENTS], hold, home, store, stays, doubts)
    with opened_events(home, store) as events:
        before = presence_events(events.last_before(local_day(days[0], home.zone).start))
        for day in days:
            window = local_day(day, home.zone)
            seen = [presence_events(table) for table in events.stream(window, domains=["binary_sensor"])]
            seen_by_now = pa.concat_tables([before, *seen])
            predictions = store.read(OCCUPANCY_PREDICTION, window, columns=["currently_home"])
            row = occupancy_accuracy(predictions, seen_by_now, day=window, date=day, zone=home.zone, hold=hold)
            before = newest_each(seen_by_now)
            if made.stores(day, row):
                yield day, row


class _Made:
    """Days of an insight, stored unless rows that they were made of are gone."""

    def __init__(
        self,
        measurement: Measurement,
        inputs: Sequence[Measurement],
        reach: timedelta,
        home: Home,
        store: Store,
        stays: Stays,
        doubts: Doubts,
    ) -> None:
        self._measurement, self._reach, self._home, self._store, self._stays = measurement, reach, home, store, stays
        self._doubts, self._bounded = doubts, bounded(measurement, home.settings.homeiq_max_power_kw)
        self._inputs = {
            one.name: events_kept(home, store) if one is HOME_ASSISTANT_EVENTS else store.keeps(one) for one in inputs
        }

    def left(self, day: date) -> bool:
        """Whether a day stays as it is stored, of which the owner is told."""
        window = local_day(day, self._home.zone)
        reaching = {day: Window(window.start - self._reach, window.end)}
        left = left_days(self._measurement, reaching, self._inputs, self._home, self._store)
        if left:
            self._stays(day.isoformat(), left[day])
        return bool(left)

    def stores(self, day: date, rows: pa.Table) -> bool:
        """Store a day unless it stays; whether it was stored."""
        if self.left(day):
            return False
        self._store.replace(self._measurement, rows, local_day(day, self._home.zone))
        self._doubts(day.isoformat(), out_of_bounds(rows, self._bounded))
        return True


def ahead_of(now: datetime, length: timedelta, store: Store) -> Ahead:
    """Prices and carbon intensity of the time from the next minute on."""
    start = ceil_to(now, timedelta(minutes=1))
    window = Window(start, start + length)
    prices = believed(store.read(ELECTRICITY_PRICING, _around(window)), ELECTRICITY_PRICING)
    carbon = store.read(CARBON_INTENSITY, Window(start - timedelta(days=1), start), columns=CARBON_FIELDS)
    return ahead(prices, carbon, window)


def _chunks(days: Sequence[date]) -> Iterator[Sequence[date]]:
    return (days[n : n + CHUNK] for n in range(0, len(days), CHUNK))


def _around(window: Window) -> Window:
    return Window(window.start - NEIGHBOURS, window.end + NEIGHBOURS)


def _read(
    measurement: Measurement,
    days: Sequence[date],
    home: Home,
    store: Store,
    *,
    before: timedelta = timedelta(),
    after: timedelta = timedelta(),
    columns: Sequence[str] | None = None,
    all_values: bool = False,
) -> pa.Table:
    """Rows of the days, without values beyond their bounds unless all are wanted."""
    first, last = local_day(days[0], home.zone), local_day(days[-1], home.zone)
    rows = store.read(measurement, Window(first.start - before, last.end + after), columns=columns)
    return rows if all_values else believed(rows, bounded(measurement, home.settings.homeiq_max_power_kw))
