"""Rows for tests of the codec: tables of any tags, fields and values, and what influxdb-client makes of them."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from influxdb_client import Point

from homeiq_assets.schema.measurement import TIME, Type
from homeiq_assets.stores.influxdb.line_protocol import encode

START_NS = 1_760_000_000_000_000_000
ODD = ' ,=\\"#\n\t\rabé🏠'
"""characters that mean something in line protocol, and some that do not"""
_WEEK_NS = 6 * 86400 * 10**9


@dataclass(frozen=True)
class Rows:
    """A table of `name` with its tags and fields; `typed` are the fields with their types."""

    name: str
    tags: tuple[str, ...]
    typed: Mapping[str, Type]
    table: pa.Table

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.typed)

    def encoded(self, **options: Any) -> list[bytes]:
        return list(encode(self.table, self.name, self.tags, self.fields, **options))


class Spelt(float):
    """A float that is written as Arrow spells it."""

    def __str__(self) -> str:
        return str(pa.array([float(self)]).cast(pa.string())[0])


def table_of(times: Sequence[int], **columns: Any) -> pa.Table:
    """A table of times in ns and further columns."""
    return pa.table({"time": pa.array(times, pa.int64()).cast(TIME)} | {key: pa.array(v) for key, v in columns.items()})


def client_lines(rows: Rows) -> list[str]:
    """The lines that influxdb-client writes of the rows, floats in Arrow's spelling, tabs in tags as they are."""
    lines, tab = [], "\ue000"
    for row in rows.table.set_column(0, "time", rows.table["time"].cast(pa.int64())).to_pylist():
        point = Point(rows.name).time(row["time"])
        for key in rows.tags:
            point.tag(key, row[key] and row[key].replace("\t", tab))
        for key in rows.fields:
            point.field(key, Spelt(row[key]) if isinstance(row[key], float) else row[key])
        lines.append(point.to_line_protocol().replace(tab, "\t"))
    return [f"{line}\n" for line in lines if line]


def kept(rows: Rows) -> list[dict[str, Any]]:
    """The rows that have a value, times in ns, without what is absent; infinite numbers are absent too."""
    found = []
    for row in rows.table.set_column(0, "time", rows.table["time"].cast(pa.int64())).to_pylist():
        values = {key: row[key] for key in rows.fields if row[key] is not None}
        values = {key: value for key, value in values.items() if not isinstance(value, float) or math.isfinite(value)}
        if values:
            found.append({"time": row["time"]} | {key: row[key] or "" for key in rows.tags} | values)
    return found


def names() -> st.SearchStrategy[str]:
    """Names of measurements, tags and fields, also odd ones, that line protocol can carry."""
    odd = st.text(st.sampled_from(' ,="#_\\abé🏠'), min_size=1, max_size=5)
    return odd.filter(lambda name: not name.startswith(("#", "_")) and not re.search(r'\\([,= "]|$)', name))


def texts() -> st.SearchStrategy[str]:
    """Any text, mostly of the characters that have to be escaped."""
    return st.text(st.sampled_from(ODD), max_size=6) | st.text(max_size=6)


_VALUES: Mapping[Type, st.SearchStrategy[Any]] = {
    Type.FLOAT: st.floats() | st.sampled_from([0.0, -0.0, 0.1, 21.5, 1e15, 1e-7, 5e-324, 1.7976931348623157e308]),
    Type.INTEGER: st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2),
    Type.BOOLEAN: st.booleans(),
    Type.STRING: texts(),
}


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Few or many distinct values, present or absent, in a table that is cut into chunks and out of a bigger one."""
    keys = draw(st.lists(names(), min_size=1, max_size=6, unique=True).filter(lambda found: "time" not in found))
    tag_count = draw(st.integers(0, len(keys) - 1))
    tags, fields = tuple(keys[:tag_count]), keys[tag_count:]
    typed = {key: draw(st.sampled_from(Type)) for key in fields}
    times = draw(st.lists(st.integers(START_NS, START_NS + _WEEK_NS), max_size=12, unique=True))
    arrays = {"time": pa.array(times, pa.int64()).cast(TIME)}
    for key in tags:
        arrays[key] = pa.array(_column(draw, texts(), len(times)), pa.string())
    for key, type_ in typed.items():
        arrays[key] = pa.array(_column(draw, _VALUES[type_], len(times)), type_.arrow)
    table = pa.table(arrays)
    cuts = sorted(draw(st.lists(st.integers(0, len(times)), max_size=2)))
    chunks = [table.slice(start, end - start) for start, end in itertools.pairwise([*cuts, len(times)])]
    return Rows(draw(names()), tags, typed, pa.concat_tables(chunks) if chunks else table)


def _column(draw: st.DrawFn, values: st.SearchStrategy[Any], length: int) -> list[Any]:
    """Values of one column: from a few that repeat, or all drawn afresh, with or without absent ones."""
    if draw(st.booleans()):
        values = st.sampled_from(draw(st.lists(values, min_size=1, max_size=2)))
    if draw(st.booleans()):
        values = st.none() | values
    return draw(st.lists(values, min_size=length, max_size=length))
