"""The bounds that the schema declares: what lies beyond them, and rows without it.

Bounds in W and kWh are declared for a home that draws `DECLARED_KW` at most, and grow with HOMEIQ_MAX_POWER_KW.
"""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import Measurement

DECLARED_KW = 100.0


def bounded(measurement: Measurement, max_kw: float) -> Measurement:
    """The measurement with the bounds of a home that draws `max_kw` at most."""
    factor = max_kw / DECLARED_KW
    fields = tuple(
        replace(
            field,
            low=None if field.low is None else field.low * factor,
            high=None if field.high is None else field.high * factor,
        )
        if field.unit in ("W", "kWh")
        else field
        for field in measurement.fields
    )
    return replace(measurement, fields=fields)


def out_of_bounds(rows: pa.Table, measurement: Measurement) -> list[str]:
    """The fields of `rows` with values beyond the schema's bounds, each with the range found."""
    found = []
    for field in measurement.fields:
        if field.low is None and field.high is None:
            continue
        extremes = pc.min_max(rows[field.name]).as_py()
        low, high = extremes["min"], extremes["max"]
        if low is not None and (
            (field.low is not None and low < field.low) or (field.high is not None and high > field.high)
        ):
            found.append(f"{field.name}: {low:g} .. {high:g} {field.unit}")
    return found


def believed(rows: pa.Table, measurement: Measurement, left_out: list[str] | None = None) -> pa.Table:
    """The rows with null for each value beyond its field's bounds; `left_out` is called with each.

    Columns that the measurement does not name, or that rows lack, are of no consequence.
    """
    for field in measurement.fields:
        if field.name not in rows.column_names or (field.low is None and field.high is None):
            continue
        column = rows[field.name]
        beyond = pc.or_(
            pc.less(column, -float("inf") if field.low is None else field.low),
            pc.greater(column, float("inf") if field.high is None else field.high),
        )
        if not pc.any(beyond, min_count=0).as_py():
            continue
        if left_out is not None:
            low, high = ("any" if bound is None else f"{bound:g}" for bound in (field.low, field.high))
            for row in rows.filter(beyond).to_pylist():
                name = ", ".join(str(row[tag]) for tag in measurement.identity if row.get(tag))
                said = f"{row[field.name]:g} {field.unit} at {row['time']:%Y-%m-%d %H:%M} UTC"
                left_out.append(f"{name} {field.name}: {said} is beyond {low} to {high} and left out")
        place = rows.column_names.index(field.name)
        kept = pc.if_else(pc.fill_null(beyond, False), pa.scalar(None, column.type), column)
        rows = rows.set_column(place, rows.schema.field(place), kept)
    return rows
