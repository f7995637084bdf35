"""The last known values before an instant, however old: of raw rows, of tiers where these are gone, of the archive.

Counters, flags and texts compare the first reading of a day with them, so that no energy is lost to a silent meter.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.archive.months import read_month
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.feeds.events.values import NUMBERS
from homeiq_assets.home import Home
from homeiq_assets.ledger.removed_days import Ledger
from homeiq_assets.schema.measurement import TIME, Kind, Measurement
from homeiq_assets.schema.measurements import statistics, tier_of
from homeiq_assets.series.holds import is_value, series_numbers
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import FIRST
from homeiq_assets.window import Window, local_month

SPANS = (timedelta(days=7), timedelta(days=64), None)
"""How far back is looked, one after the other, until every series has its value; the last one is everything.

The first one is as long as raw rows stay at least, mostly, so that nothing else is asked.
"""
Values = Mapping[str, pa.Table]
"""Of each field the newest values of each series (`how_many`): columns time, the identity tags, the field."""


def remembered_fields(measurement: Measurement) -> list[str]:
    """The fields whose first reading of a day is compared with the last one before, and what says its unit."""
    return [
        field.name
        for field in measurement.fields
        if field.kind is Kind.TEXT or {"increase", "changes"} & set(statistics(field))
    ]


def newest(rows: pa.Table, measurement: Measurement, field: str, count: int = 1) -> pa.Table:
    """Of each series the newest rows that say a value, `count` at most: time, the identity tags, the field."""
    identity = list(measurement.identity)
    schema = pa.schema([measurement.arrow.field(name) for name in ("time", *identity, field)])
    valued = rows.filter(pc.is_valid(rows[field])).select(schema.names).combine_chunks()
    valued = valued.filter(pa.array(is_value(valued[field].combine_chunks())))
    series, time = series_numbers(valued, measurement.identity), valued["time"].cast(pa.int64()).to_numpy()
    order = np.lexsort((time, series))
    series, time = series[order], time[order]
    # Of rows of one time the last one counts.
    alone = np.flatnonzero((np.diff(series, append=-1) != 0) | (np.diff(time, append=0) != 0))
    series, order = series[alone], order[alone]
    rank = np.searchsorted(series, series, "right") - 1 - np.arange(len(series))
    return valued.take(pa.array(order[rank < count])).cast(schema)


def how_many(measurement: Measurement, field: str) -> int:
    """How many of a field's newest values are remembered: those before a counter's last one tell whether it can be."""
    return NUMBERS if "increase" in statistics(measurement.field(field)) else 1


def merged(one: Values, other: Values, measurement: Measurement) -> dict[str, pa.Table]:
    """The newest of both."""
    return {
        field: newest(
            pa.concat_tables([side[field] for side in (one, other) if field in side]),
            measurement,
            field,
            how_many(measurement, field),
        )
        for field in dict.fromkeys([*one, *other])
    }


def in_tiers(
    measurement: Measurement, fields: Sequence[str], before: datetime, store: Store, *, since: datetime | None = None
) -> dict[str, pa.Table]:
    """The newest values that the tiers keep; `time` is the start of the interval that the reading was in."""
    tiers = [tier_of(measurement, resolution) for resolution in ("daily", "hourly")]
    found = {}
    for field in fields:
        lasts = [store.last(tier, f"{field}_last", before, since=since) for tier in tiers]
        columns = ["time", *measurement.identity, f"{field}_last"]
        rows = pa.concat_tables([last.select(columns) for last in lasts])
        found[field] = newest(rows.rename_columns([*columns[:-1], field]), measurement, field)
    return found


def in_archive(measurement: Measurement, fields: Sequence[str], before: datetime, home: Home, store: Store) -> Values:
    """The newest values of the archived months of which days are gone from the daily tier. Raises ArchiveError."""
    tier, archive = tier_of(measurement, "daily"), open_archive(home.settings)
    gone = Ledger(store, home.zone).sealed(tier.name, Window(FIRST, before))
    found: dict[str, pa.Table] = {}
    for first in sorted({day.replace(day=1) for day in gone}):
        rows = read_month(tier, local_month(first, home.zone), home.zone, archive)
        rows = rows.filter(pc.less(rows["time"], pa.scalar(before, TIME)))
        of_month = {
            field: newest(
                rows.select(["time", *measurement.identity, f"{field}_last"]).rename_columns(
                    ["time", *measurement.identity, field]
                ),
                measurement,
                field,
            )
            for field in fields
        }
        found = merged(found, of_month, measurement)
    return found
