"""One day of a tier, from the store into the store: what is read, computed, written and compared."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.measurements import tier_of
from homeiq_assets.schema import TIME, Kind, Measurement
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.holds import is_value
from homeiq_assets.tiers.statistics import daily, daily_from_raw, hourly
from homeiq_assets.window import Window, local_day

REMEMBERED = (Kind.COUNTER, Kind.FLAG, Kind.TEXT)
"""Kinds whose first reading of a day is compared with the last one before it, however old."""
TOLERANCE = 1e-9


@dataclass(frozen=True)
class RolledDay:
    """Rows of the daily tier, and what differs from the same numbers computed from raw (None: nothing)."""

    rows: int
    differs: str | None


def roll_hourly(measurement: Measurement, day: date, zone: ZoneInfo, hold: timedelta, store: Store) -> int:
    """Write the hourly tier of a local day; its number of rows. Raises StoreError."""
    store.recover(measurement)
    window = local_day(day, zone)
    readings, before = _inputs(measurement, window, hold, store)
    rows = hourly(readings, before, measurement, window, hold)
    store.replace(tier_of(measurement, "hourly"), rows, window)
    return int(rows.num_rows)


def roll_daily(measurement: Measurement, day: date, zone: ZoneInfo, hold: timedelta, store: Store) -> RolledDay:
    """Write the daily tier of a local day from its hourly one, compared with raw. Raises StoreError."""
    source = tier_of(measurement, "hourly")
    store.recover(source)
    window = local_day(day, zone)
    rows = daily(store.read(source, window), measurement, window)
    target = tier_of(measurement, "daily")
    store.replace(target, rows, window)
    readings, before = _inputs(measurement, window, hold, store)
    return RolledDay(
        int(rows.num_rows), _difference(rows, daily_from_raw(readings, before, measurement, window, hold), target)
    )


def _inputs(measurement: Measurement, window: Window, hold: timedelta, store: Store) -> tuple[pa.Table, pa.Table]:
    """Readings of the day and the hold before it, and the last known values before the day."""
    readings = store.read(measurement, Window(window.start - hold, window.end))
    before: pa.Table | None = None
    for field in measurement.fields:
        if field.kind in REMEMBERED and _needs_older(readings, measurement, field.name, window.start):
            last = store.last(measurement, field.name, window.start)
            newest = _newest_per_series(last, measurement, field.name)
            before = (
                newest if before is None else before.join(newest, list(measurement.identity), join_type="full outer")
            )
    return readings, before if before is not None else pa.table(
        {name: pa.array([], pa.string()) for name in measurement.identity}
    )


def _needs_older(readings: pa.Table, measurement: Measurement, field: str, start: datetime) -> bool:
    """Whether a series has values of `field` from `start` on, and none in the hold before to compare them with.

    Looking further back than the hold means all of the past, so it is done only where it decides something.
    """
    valued = readings.filter(pc.is_valid(readings[field])).combine_chunks()
    valued = valued.filter(pa.array(is_value(valued[field].combine_chunks())))
    early = pc.less(valued["time"], pa.scalar(start, TIME))
    identity = list(measurement.identity)
    compared = valued.filter(early).group_by(identity).aggregate([])
    late = valued.filter(pc.invert(early)).group_by(identity).aggregate([])
    return bool(late.join(compared, identity, join_type="left anti").num_rows) if identity else True


def _newest_per_series(last: pa.Table, measurement: Measurement, field: str) -> pa.Table:
    """Of series that differ in a revisable tag only, the newest value: identity tags and the field."""
    identity = list(measurement.identity)
    ordered = last.sort_by([("time", "ascending")])
    newest = ordered.group_by(identity, use_threads=False).aggregate([(field, "last")])
    return newest.rename_columns([field if name == f"{field}_last" else name for name in newest.column_names]).select(
        [*identity, field]
    )


def _difference(stored: pa.Table, raw: pa.Table, tier: Measurement) -> str | None:
    if stored.num_rows != raw.num_rows:
        return f"{stored.num_rows} rows, from raw {raw.num_rows}"
    for name in tier.field_names:
        left, right = stored[name].combine_chunks(), raw[name].combine_chunks()
        if pa.types.is_floating(left.type):
            scale = pc.max_element_wise(pc.abs(left), pc.abs(right), 1.0)
            close = pc.less_equal(pc.abs(pc.subtract(left, right)), pc.multiply(scale, TOLERANCE))
        else:
            close = pc.equal(left, right)
        same = pc.and_(pc.equal(pc.is_valid(left), pc.is_valid(right)), pc.fill_null(close, True))
        if not pc.all(same).as_py():
            return f"{name} differs"
    return None
