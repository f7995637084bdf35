"""Rows of a measurement read from InfluxDB, exactly: absent tags, empty strings, and fields of another type."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import FieldTypeConflict
from homeiq_assets.schema import TIME, Field, Measurement, Tag, Type
from homeiq_assets.stores import influxql
from homeiq_assets.stores.influxdb_connection import Connection
from homeiq_assets.stores.tables import ordered
from homeiq_assets.window import Window

_NUMBERS = {"float", "integer", "unsigned"}
_EMPTY = "__empty"


def as_found(
    connection: Connection, bucket: str, measurement: Measurement, name: str, window: Window | None = None
) -> Measurement | None:
    """`measurement` under the name `name`, with the tags and fields of the window (of all times) beyond its schema.

    None where nothing was ever stored under that name.
    """
    source = influxql.identifier(name)
    (keys,) = connection.ask(bucket, f"SHOW FIELD KEYS FROM {source}")
    if not keys:
        return None
    types = {row["fieldKey"]: "integer" if row["fieldType"] == "unsigned" else row["fieldType"] for row in keys}
    # SHOW TAG KEYS would answer for the database's default policy, which may be another bucket.
    wanted = ", ".join(["*::tag", *(f"{influxql.identifier(key)}::field" for key in types)])
    (found,) = connection.ask(bucket, f"SELECT {wanted} FROM {source}{influxql.where(window, None)} LIMIT 1")  # noqa: S608
    tags = list(found[0])[1 : -len(types)] if found else []
    return replace(
        measurement,
        name=name,
        tags=(
            *measurement.tags,
            *(Tag(tag, identity=False) for tag in tags if tag not in measurement.tag_names),
        ),
        fields=(
            *measurement.fields,
            *(Field(key, Type(type_)) for key, type_ in types.items() if key not in measurement.field_names),
        ),
    )


def read(
    connection: Connection,
    bucket: str,
    measurement: Measurement,
    window: Window | None = None,
    tags: Mapping[str, str] | None = None,
) -> pa.Table:
    """Rows of the window (of all times without one) with these tag values, sorted by tags, then time.

    A tag that a row lacks is an empty string. Raises FieldTypeConflict where the window holds values of a
    field under another type.
    """
    if not measurement.fields:
        return measurement.empty()
    table, types = _selected(connection, bucket, measurement, measurement.fields, influxql.where(window, tags))
    _refuse_other_types(connection, bucket, measurement, types, influxql.where(window, tags))
    for field in measurement.fields:
        if field.type is Type.STRING and table.num_rows and table[field.name].null_count:
            empty = f"{influxql.field(field)} = ''"
            found, _ = _selected(connection, bucket, measurement, [field], influxql.where(window, tags, empty))
            if found.num_rows:
                table = _with_empty(table, found, measurement, field.name)
    return _arranged(table, measurement)


def last(connection: Connection, bucket: str, measurement: Measurement, field: Field, before: datetime) -> pa.Table:
    """The newest value of `field` before an instant, a row per series. Raises FieldTypeConflict as `read`."""
    narrow = replace(measurement, fields=(field,))
    tags = [influxql.tag(name) for name in measurement.tag_names]
    expressions = [f"last({influxql.field(field)})", *tags]
    columns = [pa.field(field.name, field.type.arrow), *(pa.field(name, pa.string()) for name in measurement.tag_names)]
    groups = f" GROUP BY {', '.join(tags)}" if tags else ""
    past = f" WHERE time < {influxql.nanoseconds(before)}"
    table, types = connection.rows(bucket, measurement.name, expressions, past + groups, columns)
    _refuse_other_types(connection, bucket, narrow, types, past)
    if field.type is Type.STRING:
        # A last value is never absent: an empty cell is an empty string.
        place = table.column_names.index(field.name)
        table = table.set_column(place, field.name, pc.fill_null(table[field.name], ""))
    return _arranged(table, narrow)


def _selected(
    connection: Connection, bucket: str, measurement: Measurement, fields: Iterable[Field], rest: str
) -> tuple[pa.Table, dict[str, set[str]]]:
    fields = list(fields)
    columns = [pa.field(name, pa.string()) for name in measurement.tag_names]
    columns += [pa.field(field.name, field.type.arrow) for field in fields]
    table, types = connection.rows(bucket, measurement.name, influxql.columns(measurement, fields), rest, columns)
    for name in measurement.tag_names:
        table = table.set_column(table.column_names.index(name), name, pc.fill_null(table[name], ""))
    return table, types


def _refuse_other_types(
    connection: Connection, bucket: str, measurement: Measurement, types: Mapping[str, set[str]], rest: str
) -> None:
    """A selection leaves out values of another type than the one asked for, without a word: count those."""
    for field in measurement.fields:
        mine = {str(field.type)} if field.type in (Type.STRING, Type.BOOLEAN) else _NUMBERS
        for other in sorted({"float" if type_ in _NUMBERS else type_ for type_ in types.get(field.name, set()) - mine}):
            name = influxql.identifier(field.name)
            source = influxql.identifier(measurement.name)
            (found,) = connection.ask(bucket, f"SELECT count({name}::{other}) FROM {source}{rest}")  # noqa: S608
            if found and found[0]["count"]:
                raise FieldTypeConflict(
                    f"{measurement.name}.{field.name} is stored as {other} in the bucket {bucket} ({found[0]['count']} "
                    f"values), and should be {field.type}: name another bucket ({connection.setting(bucket)}), or "
                    f"remove them"
                )


def _with_empty(table: pa.Table, found: pa.Table, measurement: Measurement, name: str) -> pa.Table:
    """`table` with empty strings in the column `name` where `found` has a row: CSV shows them as absent."""
    keys = ["time", *measurement.tag_names]
    marks = found.select(keys).append_column(_EMPTY, pa.repeat("", found.num_rows))
    joined = table.join(marks, keys)
    place = joined.column_names.index(name)
    return joined.set_column(place, name, pc.coalesce(joined[name], joined[_EMPTY])).drop_columns(_EMPTY)


def _arranged(table: pa.Table, measurement: Measurement) -> pa.Table:
    arrays = [table[name].cast(TIME) if name == "time" else table[name] for name in measurement.arrow.names]
    return ordered(pa.table(arrays, schema=measurement.arrow), measurement)
