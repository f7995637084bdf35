"""What a measurement is made of, and Arrow tables that obey it.

`Measurement` describes tags and fields; `conform` turns any table into rows of one: columns
`time` (timestamp[ns, UTC], start of the interval), the tags (string), the fields. The
measurements themselves stand in `measurements.py`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import HomeiqError

TIME = pa.timestamp("ns", tz="UTC")
UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a field's readings mean, which decides its statistics in a tier (docs/tiers.md)."""

    GAUGE = "gauge"
    COUNTER = "counter"
    DELTA = "delta"
    FLAG = "flag"
    TEXT = "text"


class Type(StrEnum):
    """The type of a field, as InfluxDB names it."""

    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STRING = "string"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column."""
        return {"float": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "string": pa.string()}[self]


_TYPES = {kind.arrow: kind for kind in Type}


@dataclass(frozen=True)
class Tag:
    """A tag. `identity`: it tells series apart; other tags may be revised for the same reading."""

    name: str
    description: str = ""
    identity: bool = True


@dataclass(frozen=True)
class Field:
    """A field: its type, unit, believable bounds (inclusive) and kind.

    `poll_only`: a forecast made at the time of the poll. It is no reading, the first one of a row stands, and it is
    kept when a later answer lacks it. `statistics`: what a tier keeps of it, where its series are of several kinds;
    the kind says it otherwise. `unit_field`: the text field that says the unit of a reading; only readings in the
    same unit are compared for `increase`. `cycle_field`: the column that says since when (ns) a reading counts.
    """

    name: str
    type: Type
    unit: str = ""
    kind: Kind = Kind.GAUGE
    low: float | None = None
    high: float | None = None
    description: str = ""
    poll_only: bool = False
    statistics: tuple[str, ...] | None = None
    unit_field: str | None = None
    cycle_field: str | None = None


@dataclass(frozen=True)
class Measurement:
    """The schema of one measurement. `tier`: it is kept in the tier bucket."""

    name: str
    tags: tuple[Tag, ...]
    fields: tuple[Field, ...]
    description: str = ""
    step: timedelta | None = None
    tier: bool = False

    @cached_property
    def tag_names(self) -> tuple[str, ...]:
        return tuple(tag.name for tag in self.tags)

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @cached_property
    def readings(self) -> tuple[str, ...]:
        """The fields that are readings: a row without any of them says nothing of its own time."""
        return tuple(field.name for field in self.fields if not field.poll_only)

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """The tags that tell series apart."""
        return tuple(tag.name for tag in self.tags if tag.identity)

    @cached_property
    def arrow(self) -> pa.Schema:
        """`time`, tags, fields, in this order."""
        return pa.schema(
            [pa.field("time", TIME, nullable=False)]
            + [pa.field(tag.name, pa.string(), nullable=False) for tag in self.tags]
            + [pa.field(field.name, field.type.arrow) for field in self.fields]
        )

    def field(self, name: str) -> Field:
        """The field of that name. Raises KeyError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no field {name}")

    def keeping(self, names: Collection[str]) -> "Measurement":
        """This schema for rows that say nothing of the fields `names`: a replace keeps what is stored of them."""
        kept = (replace(field, poll_only=True) if field.name in names else field for field in self.fields)
        return replace(self, fields=tuple(kept)) if names else self

    def empty(self) -> pa.Table:
        """No rows."""
        return self.arrow.empty_table()


def rows_of(measurement: Measurement, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows given as mappings (absent keys are absent values), conformed."""
    columns: dict[str, list[Any]] = {name: [] for name in measurement.arrow.names}
    for row in rows:
        for name, values in columns.items():
            values.append(row.get(name))
    table = pa.table(
        {
            field.name: pa.array(
                columns[field.name], pa.string() if field.name in measurement.tag_names else field.type
            )
            for field in measurement.arrow
        }
    )
    return conform(table, measurement)


def conform(table: pa.Table, measurement: Measurement, absent: str = UNKNOWN) -> pa.Table:
    """`table` as rows of `measurement`: its columns in order and type, sorted by tags, then time.

    Absent fields become null, absent or empty tags `absent`, NaN and infinities null; rows
    without any value are dropped; of several rows of one series and time the last is kept.
    Raises HomeiqError where a column is not known or cannot be of its type.
    """
    unknown = set(table.column_names) - set(measurement.arrow.names)
    if unknown or "time" not in table.column_names:
        raise HomeiqError(f"{measurement.name}: columns do not fit the schema: {sorted(unknown) or 'no time'}")
    arrays = []
    for field in measurement.arrow:
        if field.name not in table.column_names:
            fill = absent if field.name in measurement.tag_names else None
            arrays.append(pa.array([fill] * table.num_rows, field.type))
            continue
        try:
            column = table[field.name].cast(field.type)
        except pa.ArrowInvalid as error:
            raise HomeiqError(f"{measurement.name}.{field.name} is not {field.type}: {error}") from error
        if field.name in measurement.tag_names:
            column = pc.if_else(pc.equal(pc.fill_null(column, ""), ""), absent, column)
        elif pa.types.is_floating(field.type):
            column = pc.if_else(pc.fill_null(pc.is_finite(column), False), column, pa.scalar(None, field.type))
        arrays.append(column)
    result = pa.table(arrays, schema=measurement.arrow)
    if result.num_rows == 0:
        return result
    return _last_per_key(_with_any(result, measurement.field_names), measurement)


def with_readings(rows: pa.Table, measurement: Measurement) -> pa.Table:
    """The rows that hold a reading, and not forecasts alone."""
    return _with_any(rows, measurement.readings)


def _with_any(rows: pa.Table, names: Iterable[str]) -> pa.Table:
    anything = pa.array([False] * rows.num_rows, pa.bool_())
    for name in names:
        anything = pc.or_(anything, pc.is_valid(rows[name]))
    return rows.filter(anything)


def widened(measurement: Measurement, columns: pa.Table | pa.Schema) -> Measurement:
    """The measurement with the tags and fields of rows as they are stored, also those that it does not name.

    Further columns that may not be null are tags, which tell no series apart; the others are fields. A field whose
    column has another type than the measurement says gets that type. Raises HomeiqError for a column that rows of a
    measurement cannot have.
    """
    schema = columns if isinstance(columns, pa.Schema) else columns.schema
    tags, fields = list(measurement.tags), {field.name: field for field in measurement.fields}
    for column in schema:
        known = fields.get(column.name)
        if column.name == "time" or column.name in measurement.tag_names:
            continue
        if known is None and not column.nullable and column.type == pa.string():
            tags.append(Tag(column.name, identity=False))
        elif column.type not in _TYPES:
            raise HomeiqError(f"{measurement.name}.{column.name} is {column.type}, which is no type of a field")
        elif known is None or known.type.arrow != column.type:
            kind = _TYPES[column.type]
            fields[column.name] = replace(known, type=kind) if known else Field(column.name, kind)
    return replace(measurement, tags=tuple(tags), fields=tuple(fields.values()))


def _last_per_key(table: pa.Table, measurement: Measurement) -> pa.Table:
    keys = [*measurement.tag_names, "time"]
    numbered = table.append_column("__row", pa.array(range(table.num_rows), pa.int64()))
    last = numbered.group_by(keys).aggregate([("__row", "max")])["__row_max"]
    kept = table if len(last) == table.num_rows else table.take(last)
    return kept.sort_by([(key, "ascending") for key in keys]).combine_chunks()
