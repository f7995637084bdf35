"""Days of a tier, from the store into the store: what is read, computed, written and compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from homeiq_assets.errors import StoreError
from homeiq_assets.home import Home
from homeiq_assets.ledger.removed_days import Ledger, State
from homeiq_assets.ledger.seals import expired_days, left_days, reaches, removed_days
from homeiq_assets.schema.bounds import bounded, out_of_bounds
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import inside
from homeiq_assets.tiers.comparison import difference
from homeiq_assets.tiers.inputs import Inputs
from homeiq_assets.tiers.raw import Raw
from homeiq_assets.tiers.statistics import daily
from homeiq_assets.window import Window, consecutive, local_day, local_days

AT_ONCE = 31
"""How many days are written together."""


@dataclass(frozen=True)
class RolledDay:
    """A day of a tier: its rows, and either `left`, why it stays as it is stored, or None.

    `differs` is what differs from the same numbers computed from raw rows, None for nothing; where these are gone
    nothing is compared. `beyond` names what lies beyond its bounds, or had to be left out for that.
    """

    day: date
    rows: int
    left: str | None = None
    differs: str | None = None
    beyond: Sequence[str] = ()


def roll_hourly(raw: Raw, days: Sequence[date], home: Home, store: Store) -> Iterator[RolledDay]:
    """Write the hourly tier of local days, in their order. Raises StoreError, SettingError and ArchiveError."""
    tier, keeps = tier_of(raw.measurement, "hourly"), {raw.measurement.name: raw.keeps()}
    inputs = Inputs(raw, home, store, home.settings.hold, sorted(days))
    store.recover(tier)
    for together in _batches(days):
        left, rows = left_days(tier, reaches(together, home), keeps, home, store), dict[date, pa.Table]()
        beyond: dict[date, list[str]] = {day: [] for day in together}
        for day in together:
            if day in left:
                inputs.forget()
                continue
            window = local_day(day, home.zone)
            readings, before = inputs.of(window)
            rows[day] = raw.hourly(readings, before, window, home.settings.hold, beyond[day])
            beyond[day] += out_of_bounds(rows[day], bounded(tier, home.settings.homeiq_max_power_kw))
        went = left_days(tier, reaches(list(rows), home), keeps, home, store)
        if went:
            raise StoreError(f"rows went while they were read: {next(iter(went.values()))}", retryable=True)
        _write(tier, rows, home, store)
        for day in together:
            if day in left:
                yield RolledDay(day, 0, left[day])
            else:
                yield RolledDay(day, int(rows[day].num_rows), beyond=beyond[day])


def roll_daily(raw: Raw, days: Sequence[date], home: Home, store: Store) -> Iterator[RolledDay]:
    """Write the daily tier of local days from the hourly one, compared with raw rows. Raises as `roll_hourly`."""
    source, tier = tier_of(raw.measurement, "hourly"), tier_of(raw.measurement, "daily")
    keeps, inputs = raw.keeps(), Inputs(raw, home, store, home.settings.hold, sorted(days))
    store.recover(source)
    for together in _batches(days):
        span = Window(local_day(together[0], home.zone).start, local_day(together[-1], home.zone).end)
        hours, gone_hours = store.read(source, span), set(removed_days(source.name, span, home, store))
        rows = {
            day: daily(
                hours.filter(inside(hours, local_day(day, home.zone))), raw.measurement, local_day(day, home.zone)
            )
            for day in together
            if day not in gone_hours
        }
        _write(tier, rows, home, store)
        differs = _compared(raw, tier, rows, inputs, keeps, home, store)
        for day in together:
            if day in gone_hours:
                yield RolledDay(day, 0, _hourly_first(raw.measurement, source, day))
            else:
                beyond_bounds = out_of_bounds(rows[day], bounded(tier, home.settings.homeiq_max_power_kw))
                yield RolledDay(day, int(rows[day].num_rows), None, differs.get(day), beyond_bounds)


def _compared(
    raw: Raw,
    tier: Measurement,
    rows: Mapping[date, pa.Table],
    inputs: Inputs,
    keeps: timedelta | None,
    home: Home,
    store: Store,
) -> dict[date, str | None]:
    """What differs, by day, between rows of the daily tier and those computed from raw rows, where these are there."""
    columns, differs = ("time", *tier.identity, *tier.field_names), dict[date, str | None]()
    gone = _gone(raw.measurement, list(rows), keeps, home, store)
    for day, stored in rows.items():
        if day in gone:
            inputs.forget()
            continue
        window = local_day(day, home.zone)
        readings, before = inputs.of(window)
        differs[day] = difference(stored, raw.daily(readings, before, window, home.settings.hold), columns)
    # What went while it was read was not read whole.
    for day in _gone(raw.measurement, list(differs), keeps, home, store):
        del differs[day]
    return differs


def _gone(
    measurement: Measurement, days: Sequence[date], keeps: timedelta | None, home: Home, store: Store
) -> set[date]:
    """The days of which raw rows, or those that held when they began, were removed or have expired."""
    windows = reaches(days, home)
    if not windows:
        return set()
    whole = Window(min(window.start for window in windows.values()), max(window.end for window in windows.values()))
    gone = {*removed_days(measurement.name, whole, home, store), *expired_days(whole, keeps, home)}
    return {day for day, window in windows.items() if gone.intersection(local_days(window, home.zone))}


def _write(tier: Measurement, rows: Mapping[date, pa.Table], home: Home, store: Store) -> None:
    """Store days of a tier; one without rows stays as it is stored."""
    days = [day for day, table in rows.items() if table.num_rows]
    for run in consecutive(days):
        order = [(name, "ascending") for name in (*tier.tag_names, "time")]
        together = pa.concat_tables([rows[day] for day in run]).sort_by(order)
        store.replace(tier, together, Window(local_day(run[0], home.zone).start, local_day(run[-1], home.zone).end))
    Ledger(store, home.zone).reopen(tier.name, days, State.REFILLED, home.now())


def _batches(days: Sequence[date]) -> Iterator[list[date]]:
    """Consecutive days that are read and written together."""
    for run in consecutive(sorted(days)):
        yield from (run[n : n + AT_ONCE] for n in range(0, len(run), AT_ONCE))


def _hourly_first(measurement: Measurement, hourly: Measurement, day: date) -> str:
    return (
        f"{hourly.name} of {day} was removed, so the daily tier of {day} stays as it is stored; to make it again, "
        f"restore first (materialise restore/{measurement.name} where its raw rows were removed too), then "
        f"tiers/{hourly.name}"
    )
