"""What rows that are to go say, and whether others say the same. Arrow in; no storage."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.series.holds import series_numbers


def same_rows(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables hold the same rows and columns, in whichever order these are."""
    names = sorted(one.column_names)
    if names != sorted(other.column_names):
        return False
    # What orders rows of one time is their tags, of which a store may name the undeclared ones in any order.
    order = [(name, "ascending") for name in names if not one.schema.field(name).nullable]
    left, right = (table.select(names).sort_by(order).combine_chunks() for table in (one, other))
    return bool(left.schema.equals(right.schema) and left.equals(right))


def sums(rows: pa.Table, measurement: Measurement) -> Mapping[str, Any]:
    """Of each field that has values: how many, and of numbers their sum, least and greatest."""
    found: dict[str, Any] = {}
    for field in measurement.fields:
        values = rows[field.name].drop_null()
        if not len(values):
            continue
        found[field.name] = {"count": len(values)}
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            extremes = pc.min_max(values).as_py()
            found[field.name] |= {"sum": pc.sum(values).as_py(), **extremes}
    return found


def shortest_step(rows: pa.Table, identity: tuple[str, ...]) -> timedelta:
    """The shortest time between two rows of a series, whatever is missing between others; none without two of one.

    A distance that less than a twentieth of the rows have is that of a stray row.
    """
    tags = tuple(tag for tag in identity if tag in rows.column_names)
    if not rows.num_rows or not tags:
        return timedelta()
    series, times = series_numbers(rows, tags), rows["time"].cast(pa.int64()).to_numpy()
    order = np.lexsort((times, series))
    series, times = series[order], times[order]
    steps = np.diff(times)[(series[1:] == series[:-1]) & (np.diff(times) > 0)]
    lengths, counts = np.unique(steps, return_counts=True)
    usual = lengths[counts * 20 >= len(steps)]
    return timedelta(microseconds=max(int(min(usual, default=steps.min())) // 1000, 1)) if len(steps) else timedelta()
