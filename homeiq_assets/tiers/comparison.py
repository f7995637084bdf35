"""Whether rows of a tier say the same as rows computed another way, to 1e-9. Arrow in, words out."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import statistics

TOLERANCE = 1e-9
INSIDE = ("count", "min", "max", "sum", "last")
"""Statistics that the readings inside an interval decide alone, whatever held before it."""


def difference(stored: pa.Table, raw: pa.Table, columns: Sequence[str]) -> str | None:
    """What differs between the columns of two tables in the same order; None for nothing beyond 1e-9."""
    if stored.num_rows != raw.num_rows:
        return f"{stored.num_rows} rows, computed anew {raw.num_rows}"
    for name in columns:
        left, right = stored[name].combine_chunks(), raw[name].combine_chunks()
        if pa.types.is_floating(left.type):
            scale = pc.max_element_wise(pc.abs(left), pc.abs(right), 1.0)
            close = pc.less_equal(pc.abs(pc.subtract(left, right)), pc.multiply(scale, TOLERANCE))
        else:
            close = pc.equal(left, right)
        same = pc.and_(pc.equal(pc.is_valid(left), pc.is_valid(right)), pc.fill_null(close, True))
        if not pc.all(same, min_count=0).as_py():
            return f"{name} differs"
    return None


def readings_differ(stored: pa.Table, raw: pa.Table, measurement: Measurement, tier: Measurement) -> str | None:
    """As `difference`, of those statistics that are `INSIDE`, in rows of a tier in which anything was read."""
    names = [f"{field.name}_{one}" for field in measurement.fields for one in statistics(field) if one in INSIDE]
    columns = ["time", *tier.identity, *names]
    return difference(_read_in(stored, columns, tier), _read_in(raw, columns, tier), columns)


def readings_held(stored: pa.Table, raw: pa.Table, measurement: Measurement, tier: Measurement) -> bool:
    """True if every interval with raw readings equals the row of the tier for it."""
    keys = ["time", *tier.identity]
    counted = [f"{field.name}_count" for field in measurement.fields if "count" in statistics(field)]
    read = _read_in(raw, [*keys, *counted], tier).select(keys)
    same = stored.join(read, keys, join_type="left semi")
    return readings_differ(same, raw, measurement, tier) is None


def _read_in(rows: pa.Table, columns: Sequence[str], tier: Measurement) -> pa.Table:
    counted = [name for name in columns if name.endswith("_count")]
    read = pa.repeat(False, rows.num_rows)
    for name in counted:
        rows = rows.set_column(rows.column_names.index(name), name, pc.fill_null(rows[name], 0))
        read = pc.or_(read, pc.greater(rows[name], 0))
    order = [(name, "ascending") for name in (*tier.identity, "time")]
    return rows.filter(read).select(columns).sort_by(order).combine_chunks()
