"""Runs of the views over events: days from the store into the store."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from homeiq_assets.errors import StoreError
from homeiq_assets.events.opening import events_kept, opened_events
from homeiq_assets.feeds.events.meters import owners_meters
from homeiq_assets.home import Home
from homeiq_assets.ledger.seals import left_days, reaches
from homeiq_assets.schema.bounds import believed, bounded, out_of_bounds
from homeiq_assets.schema.measurement import UNKNOWN, Measurement
from homeiq_assets.schema.measurements import (
    ELECTRICITY_PRICING,
    FX_RATE,
    HOME_ASSISTANT_EVENTS,
    MV_DAILY_ENERGY_BY_DEVICE,
    MV_HOURLY_ROOM_ACTIVITY,
)
from homeiq_assets.series.holds import nanoseconds
from homeiq_assets.settings.types import units_of
from homeiq_assets.stores.base import Store
from homeiq_assets.views.bill import NEIGHBOURS, Bill, Slots, dollars_for_one, slots_of
from homeiq_assets.views.energy_by_device import energy_by_device
from homeiq_assets.views.readings import Day, days_of
from homeiq_assets.views.room_activity import DOMAINS, room_activity
from homeiq_assets.window import Window, consecutive, local_date, local_day, local_midnight

AT_ONCE = 31
"""How many days are written together."""
LISTED = 20
"""How many entities the metadata of a day names; more only cost bytes of event log."""


@dataclass(frozen=True)
class Written:
    """A day of a view: its rows, and what else there is to say of it. One that has not begun has no rows.

    `left` is why it stays as it is stored, None where it was made. `beyond` names what lies beyond its bounds, or was
    left out for that.
    """

    date: date
    rows: pa.Table
    told: Mapping[str, Any] = field(default_factory=dict)
    left: str | None = None
    beyond: Sequence[str] = ()


def energy_days(days: Sequence[date], home: Home, store: Store) -> Iterator[Written]:
    """Write `mv_daily_energy_by_device` of these days. Raises StoreError, and SettingError."""
    settings = home.settings
    settings.sound("HOMEIQ_HOLD_HOURS", "HOMEIQ_MAX_POWER_KW", "EVENTS_UNITS", "FEED_IN_PRICE")
    max_kw = settings.homeiq_max_power_kw
    view = bounded(MV_DAILY_ENERGY_BY_DEVICE, max_kw)
    units, meters = units_of(settings.events_units or ""), owners_meters(settings)
    bills = _Bills(home, store, days)

    def rows(there: Sequence[date]) -> Iterator[Written]:
        with opened_events(home, store) as events:
            for day in days_of(events, there, home.zone, settings.hold, home.now()):
                devices = energy_by_device(
                    day.readings, day.window, day.date, settings.hold, bills.of(day), units, meters, max_kw
                )
                told = {"skipped": devices.skipped, "assumed": devices.assumed}
                listed = {
                    name: [f"{entity} {why}" for entity, why in one.items()][:LISTED] for name, one in told.items()
                }
                counts = {f"entities_{name}": len(one) for name, one in told.items()}
                beyond = [*devices.left_out, *out_of_bounds(devices.rows, view)]
                yield Written(day.date, devices.rows, listed | counts, beyond=beyond)

    return _written(MV_DAILY_ENERGY_BY_DEVICE, [ELECTRICITY_PRICING, FX_RATE], rows, days, home, store)


def assumed_meters(home: Home, store: Store) -> dict[str, str]:
    """Entity id -> what is assumed of it, of those in a unit of energy of which nobody says whether they are meters.

    Of yesterday's and today's events. Raises StoreError, and SettingError.
    """
    settings, today = home.settings, local_date(home.now(), home.zone)
    settings.sound("HOMEIQ_HOLD_HOURS", "EVENTS_UNITS")
    units, meters, assumed = units_of(settings.events_units or ""), owners_meters(settings), dict[str, str]()
    with opened_events(home, store) as events:
        for day in days_of(events, [today - timedelta(days=1), today], home.zone, settings.hold, home.now()):
            edges = np.array([nanoseconds(day.window.start), nanoseconds(day.window.end)])
            no_bill = Bill(edges, np.array([np.nan]))
            devices = energy_by_device(day.readings, day.window, day.date, settings.hold, no_bill, units, meters)
            assumed |= devices.assumed
    return assumed


def activity_days(days: Sequence[date], home: Home, store: Store) -> Iterator[Written]:
    """Write `mv_hourly_room_activity` of these days. Raises StoreError, and SettingError."""
    home.settings.sound("HOMEIQ_HOLD_HOURS")
    hold = home.settings.hold

    def rows(there: Sequence[date]) -> Iterator[Written]:
        with opened_events(home, store) as events:
            for day in days_of(events, there, home.zone, hold, home.now(), domains=DOMAINS):
                found = room_activity(day.readings, day.window, day.date, hold, home.zone)
                areas = set(found["area"].to_pylist())
                told = {"areas": len(areas - {UNKNOWN}), "without_area": UNKNOWN in areas}
                yield Written(day.date, found, told, beyond=out_of_bounds(found, MV_HOURLY_ROOM_ACTIVITY))

    return _written(MV_HOURLY_ROOM_ACTIVITY, [], rows, days, home, store)


class _Bills:
    """What energy costs on the days of a run; prices are read a month at a time."""

    def __init__(self, home: Home, store: Store, days: Sequence[date]) -> None:
        self._home, self._store = home, store
        self._last = max(days)
        self._until: datetime | None = None
        self._slots: Slots
        first = datetime.combine(min(days), time(), UTC)
        store.recover(ELECTRICITY_PRICING)
        store.recover(FX_RATE)
        following = store.read(FX_RATE, Window(first, datetime.combine(self._last, time(), UTC) + timedelta(days=1)))
        self._rates = pa.concat_tables([store.last(FX_RATE, "rate", first), following])

    def of(self, day: Day) -> Bill:
        """The bill of a day; days come in their order."""
        if self._until is None or day.window.end > self._until:
            last = min(day.date + timedelta(days=AT_ONCE), self._last)
            self._until = local_midnight(last + timedelta(days=1), self._home.zone)
            window = Window(day.window.start - NEIGHBOURS, self._until + NEIGHBOURS)
            self._slots = slots_of(believed(self._store.read(ELECTRICITY_PRICING, window), ELECTRICITY_PRICING))
        bill = self._slots.bill(day.window)
        dollars = None if bill.currency is None else dollars_for_one(self._rates, bill.currency, day.date)
        return Bill(bill.edges, bill.prices, bill.currency, self._home.settings.feed_in_price, dollars)


def _written(
    measurement: Measurement,
    others: Sequence[Measurement],
    made: Callable[[Sequence[date]], Iterable[Written]],
    days: Sequence[date],
    home: Home,
    store: Store,
) -> Iterator[Written]:
    """The days once they are stored, those that have not begun with them; `others` are inputs beside the events.

    A day of which events are gone stays as it is stored, and so does one without rows. `made` is not asked for the
    former, so that it does not carry what entities said across it: they may have said more in it.
    """
    together = list[Written]()
    inputs = {one.name: store.keeps(one) for one in others} | {HOME_ASSISTANT_EVENTS.name: events_kept(home, store)}
    left = left_days(measurement, reaches(sorted(days), home), inputs, home, store)
    missing = dict.fromkeys(day for day in sorted(days) if day not in left)

    def store_together() -> Iterator[Written]:
        went = left_days(measurement, reaches([one.date for one in together], home), inputs, home, store)
        if went:
            raise StoreError(f"rows went while they were read: {next(iter(went.values()))}", retryable=True)
        rows_of = {one.date: one.rows for one in together}
        for run in consecutive(rows_of):
            start, end = local_day(run[0], home.zone).start, local_day(run[-1], home.zone).end
            rows = pa.concat_tables([rows_of[day] for day in run])
            store.replace(
                measurement,
                rows.sort_by([(name, "ascending") for name in (*measurement.tag_names, "time")]),
                Window(start, end),
            )
        yield from together
        together.clear()

    yield from (Written(day, measurement.empty(), left=why) for day, why in left.items())
    for one in made(list(missing)):
        del missing[one.date]
        if len(together) >= AT_ONCE:
            yield from store_together()
        if one.rows.num_rows:
            together.append(one)
        else:
            yield one
    yield from store_together()
    yield from (Written(day, measurement.empty()) for day in missing)
