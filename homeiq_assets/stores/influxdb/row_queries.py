"""Rows of a measurement read from InfluxDB, exactly: absent tags, empty strings, and fields of another type."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import FieldTypeConflict
from homeiq_assets.schema.measurement import TIME, Field, Measurement, Type
from homeiq_assets.stores.influxdb import influxql
from homeiq_assets.stores.influxdb.connection import Connection
from homeiq_assets.stores.tables import ordered
from homeiq_assets.window import Window

NUMBERS = {"float", "integer", "unsigned"}
_EMPTY = "__empty"


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
        # In a tier an empty text says as much as none, and telling them apart costs a question for each text.
        if field.type is Type.STRING and not measurement.tier and table.num_rows and table[field.name].null_count:
            empty = f"{influxql.field(field)} = ''"
            found, _ = _selected(connection, bucket, measurement, [field], influxql.where(window, tags, empty))
            if found.num_rows:
                table = _with_empty(table, found, measurement, field.name)
    return _arranged(table, measurement)


def counts(
    connection: Connection,
    bucket: str,
    name: str,
    fields: Mapping[str, Collection[str]],
    window: Window | None,
    tags: Mapping[str, str] | None,
    *more: str,
) -> dict[str, dict[str, int]]:
    """How many values of each kind (`float` means all numbers) each field has, given the types it is stored as.

    `more` are conditions for the rows that count.
    """
    # A selection sees one kind of a name, so each is counted for itself.
    wanted = sorted({(key, _kind(type_)) for key, types in fields.items() for type_ in types})
    counted: dict[str, dict[str, int]] = {key: {} for key in fields}
    if wanted:
        select = ", ".join(f"count({influxql.identifier(key)}::{kind}) AS c{n}" for n, (key, kind) in enumerate(wanted))
        rest = influxql.where(window, tags, *more)
        (rows,) = connection.ask(bucket, f"SELECT {select} FROM {influxql.identifier(name)}{rest}")  # noqa: S608
        for row in rows:
            for number, (key, kind) in enumerate(wanted):
                counted[key][kind] = row[f"c{number}"] or 0
    return counted


def number(connection: Connection, bucket: str, name: str, window: Window | None) -> int:
    """How many rows there are, whichever fields they have."""
    (keys,) = connection.ask(bucket, f"SHOW FIELD KEYS FROM {influxql.identifier(name)}")
    fields: dict[str, set[str]] = {}
    for row in keys:
        fields.setdefault(row["fieldKey"], set()).add(_kind(row["fieldType"]))
    total, without = 0, list[str]()
    # Values are counted, not rows: first those of the fullest field, then of rows that lack it, until none is left.
    while fields:
        found = counts(connection, bucket, name, fields, window, None, *without)
        fields = {key: kinds for key, counted in found.items() if (kinds := {k for k in counted if counted[k]})}
        if fields:
            most, key, kind = max((found[key][kind], key, kind) for key, kinds in fields.items() for kind in kinds)
            total += most
            fields[key].remove(kind)
            stored = f"{influxql.identifier(key)}::{kind}"
            # In InfluxQL a missing field makes `f = f` false.
            without.append(f"({stored} = {stored}) = false")
    return total


def last(
    connection: Connection,
    bucket: str,
    measurement: Measurement,
    field: Field,
    before: datetime,
    since: datetime | None = None,
    without: Sequence[str] = (),
    count: int = 1,
) -> pa.Table:
    """The newest rows of each series before an instant that have a value of `field`, with all of the measurement's.

    `without` are texts that are no value of it. Raises FieldTypeConflict as `read`.
    """
    stored = influxql.field(field)
    terms = [f"time < {influxql.nanoseconds(before)}"]
    terms += [f"time >= {influxql.nanoseconds(since)}"] if since else []
    # What is absent is not equal to itself; a selection of one field has no rows without it.
    terms += [f"{stored} = {stored}"] if len(measurement.fields) > 1 else []
    past = f" WHERE {' AND '.join([*terms, *(f'{stored} != {influxql.literal(text)}' for text in without)])}"
    tags = [influxql.tag(name) for name in measurement.tag_names]
    groups = f" GROUP BY {', '.join(tags)}" if tags else ""
    newest = f"{groups} ORDER BY time DESC LIMIT {count}"
    table, types = _selected(connection, bucket, measurement, measurement.fields, past + newest)
    _refuse_other_types(connection, bucket, measurement, types, past)
    if field.type is Type.STRING:
        # A last value is never absent: an empty cell is an empty string.
        place = table.column_names.index(field.name)
        table = table.set_column(place, field.name, pc.fill_null(table[field.name], ""))
    return _arranged(table, measurement)


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
        mine = {str(field.type)} if field.type in (Type.STRING, Type.BOOLEAN) else NUMBERS
        for other in sorted({_kind(type_) for type_ in types.get(field.name, set()) - mine}):
            name = influxql.identifier(field.name)
            source = influxql.identifier(measurement.name)
            (found,) = connection.ask(bucket, f"SELECT count({name}::{other}) FROM {source}{rest}")  # noqa: S608
            if found and found[0]["count"]:
                raise FieldTypeConflict(
                    f"{measurement.name}.{field.name} is stored as {other} in the bucket {bucket} ({found[0]['count']} "
                    f"values), and should be {field.type}: name another bucket ({connection.setting(bucket)}), or "
                    f"remove them"
                )


def _kind(type_: str) -> str:
    return "float" if type_ in NUMBERS else type_


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
