"""Arrow tables as InfluxDB line protocol, encoded a column at a time.

The lines are those of influxdb-client's `Point.to_line_protocol()`, but for the spelling of floats
(`1e-05` here is `0.00001`; both are the shortest text that reads back as the same number) and a tab in a
tag value, which InfluxDB takes and gives back as it is, and the client makes two characters of. Syntax:
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

import functools
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

BATCH_ROWS = 5000
"""the size of a write that InfluxDB recommends"""
SLAB_ROWS = 50_000
"""how many rows are encoded at once: enough that a call's overhead vanishes, few enough for flat memory"""
_MOST_COMBINATIONS = 2**62
"""what surely fits in 64 bits"""
_SAMPLE_ROWS = 1000
_FEW_REPEAT = 0.98
"""the share of distinct values in a sample of that size when about half of a slab's values are distinct"""

_LINE_BREAKS = (("\n", r"\n"), ("\r", r"\r"))
_NAME = ((",", r"\,"), (" ", r"\ "))
_KEY = (*_NAME, ("=", r"\="))
_TAG = (*_LINE_BREAKS, *_KEY)
_TEXT = (("\\", r"\\"), ('"', r"\""))
_UNWRITABLE = re.compile(r'[\n\t\r]|\\([,= "]|\Z)')

_Part: TypeAlias = pa.Array | str
"""a piece of each row's line: an array of strings, or the same string for all"""


def encode(
    table: pa.Table,
    measurement_name: str,
    tags: Sequence[str],
    fields: Sequence[str],
    *,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[bytes]:
    """Lines of `measurement_name`, each ended by a line break, at most `batch_rows` of them at a time.

    `table` has a column `time` (any timestamp, written in ns), strings under the names `tags`, and floats,
    integers, booleans or strings under the names `fields`. Empty and absent tags are left out of their
    line, absent values and NaN or infinity likewise; a row without any value is no line.
    Raises ValueError for a name that line protocol cannot carry and for a row without time, TypeError for
    a field of another type.
    """
    _refuse_unwritable(measurement_name, tags, fields)
    columns = table.select(["time", *tags, *fields])
    slab_rows = max(1, SLAB_ROWS // batch_rows) * batch_rows
    for start in range(0, table.num_rows, slab_rows):
        for slab in columns.slice(start, slab_rows).combine_chunks().to_batches():
            lines = _lines(slab, measurement_name, sorted(tags), sorted(fields))
            for first in range(0, len(lines), batch_rows):
                yield _bytes(lines.slice(first, batch_rows))


def as_stored(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    r"""Tag values as InfluxDB gives them back once written.

    Line protocol has no way to say a line break or a backslash at the end of a tag value: the first
    becomes `\n` or `\r` in two characters, the last a blank.
    """
    for raw, written in _LINE_BREAKS:
        values = pc.replace_substring(values, raw, written)
    return pc.replace_substring_regex(values, r"\\$", " ")


def tags_as_stored(rows: pa.Table, tags: Iterable[str]) -> pa.Table:
    """The rows with the values of these tags as InfluxDB gives them back; the same table where none changes."""
    for name in tags:
        values = pc.unique(rows[name])
        if not as_stored(values).equals(values):
            place = rows.column_names.index(name)
            rows = rows.set_column(place, rows.schema.field(place), as_stored(rows[name]))
    return rows


def _refuse_unwritable(measurement_name: str, tags: Sequence[str], fields: Sequence[str]) -> None:
    """InfluxDB keeps such names under another name or refuses the line, and a `#` begins a comment."""
    if measurement_name.startswith("#"):
        raise ValueError(f"the name of a measurement may not begin with '#': {measurement_name!r}")
    for name in (measurement_name, *tags, *fields):
        if not name or _UNWRITABLE.search(name):
            raise ValueError(
                "a name may not be empty, hold a line break or a tab, or have a backslash at its end or before a "
                f"comma, a blank, an equals sign or a quote: {name!r}"
            )


def _lines(batch: pa.RecordBatch, name: str, tags: Sequence[str], fields: Sequence[str]) -> pa.Array:
    """The lines of a batch. Tags and fields come in order of their names, as the client writes them."""
    if batch["time"].null_count:
        raise ValueError(f"{name}: a row has no time")
    values = [_finite(batch[key]) for key in fields]
    if all(value.null_count for value in values):
        present = functools.reduce(pc.or_, [pc.is_valid(value) for value in values], pa.repeat(False, batch.num_rows))
        batch, values = batch.filter(present), [value.filter(present) for value in values]
    if batch.num_rows == 0:
        return pa.array([], pa.string())
    time = batch["time"].cast(pa.timestamp("ns", batch["time"].type.tz)).cast(pa.int64()).cast(pa.string())
    return _joined([_series(name, batch, tags), *_fields(fields, values), " ", time, "\n"], nulls="skip")


def _series(name: str, batch: pa.RecordBatch, tags: Sequence[str]) -> _Part:
    """The measurement, the tags, a blank."""
    head = _escaped(name, _NAME)
    if not tags:
        return f"{head} "
    columns = [pc.fill_null(batch[key].cast(pa.string()), "") for key in tags]
    changes = [pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)) for column in columns]
    begins = pa.concat_arrays([pa.array([True]), functools.reduce(pc.or_, changes)])
    if 2 * begins.true_count > len(begins):
        return _combined(head, tags, columns)
    # Mostly the rows of a series follow one another: one row of each run of them will do.
    runs = _combined(head, tags, [column.filter(begins) for column in columns])
    return runs.take(pc.cumulative_sum(begins.cast(pa.int32()), -1))


def _combined(head: str, tags: Sequence[str], columns: Sequence[pa.Array]) -> pa.Array:
    """`head`, the tags and a blank for each row, made once for each combination of tags that occurs."""
    encoded = [column.dictionary_encode() for column in columns]
    texts = [_tag(key, column.dictionary) for key, column in zip(tags, encoded, strict=True)]
    if math.prod(map(len, texts)) > _MOST_COMBINATIONS:
        return _joined([head, *(text.take(one.indices) for text, one in zip(texts, encoded, strict=True)), " "])
    # A combination is a number with a digit for each tag: which of the tag's values it is.
    numbers = pa.repeat(pa.scalar(0, pa.int64()), len(columns[0]))
    for text, one in zip(texts, encoded, strict=True):
        numbers = pc.add(pc.multiply(numbers, len(text)), one.indices)
    occurring = numbers.dictionary_encode()
    left, parts = occurring.dictionary, [" "]
    for text in reversed(texts):
        more = pc.divide(left, len(text))
        parts.insert(0, text.take(pc.subtract(left, pc.multiply(more, len(text)))))
        left = more
    return _joined([head, *parts]).take(occurring.indices)


def _tag(key: str, values: pa.Array) -> pa.Array:
    """`,key=value` for each value, nothing for an empty one."""
    escaped = _escape(values, _TAG)
    escaped = pc.replace_substring_regex(escaped, r"\\$", r"\\ ")  # else it would escape what follows
    return pc.if_else(pc.equal(values, ""), "", _joined([f",{_escaped(key, _KEY)}=", escaped]))


def _fields(keys: Sequence[str], values: Sequence[pa.Array]) -> list[_Part]:
    """`key=value` for each value that is there, commas between them. Each row has at least one."""
    whole = next((number for number, value in enumerate(values) if not value.null_count), None)
    if whole is None:
        texts = [_field(key, value) for key, value in zip(keys, values, strict=True)]
        return [pc.binary_join_element_wise(*texts, ",", null_handling="skip")]
    # Commas go toward a field that every row has; joining with nulls is slower.
    return [
        _field(key, value, "," if number > whole else "", "," if number < whole else "")
        for number, (key, value) in enumerate(zip(keys, values, strict=True))
    ]


def _field(key: str, values: pa.Array, before: str = "", after: str = "") -> pa.Array:
    """`key=value` between `before` and `after`, null where there is no value."""
    prefix = f"{before}{_escaped(key, _KEY)}="
    kind = values.type
    if pa.types.is_boolean(kind):
        return pc.if_else(values, f"{prefix}true{after}", f"{prefix}false{after}")
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        suffix = f"i{after}" if pa.types.is_integer(kind) else after
        return _by_distinct(values, lambda some: _joined([prefix, some.cast(pa.string()), suffix]))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = values.cast(pa.string())
        return _by_distinct(texts, lambda some: _joined([f'{prefix}"', _escape(some, _TEXT), f'"{after}']))
    raise TypeError(f"field {key}: {kind} is not a type of InfluxDB")


def _finite(values: pa.Array) -> pa.Array:
    if not pa.types.is_floating(values.type):
        return values
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))


def _joined(parts: Iterable[_Part], nulls: str = "emit_null") -> pa.Array:
    """The parts of each row one after another; constants that follow one another are one."""
    merged: list[_Part] = []
    for constant, run in itertools.groupby(parts, lambda part: isinstance(part, str)):
        if not constant:
            merged += run
        elif text := "".join(run):
            merged.append(text)
    return pc.binary_join_element_wise(*merged, "", null_handling=nulls)


def _by_distinct(values: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """`change` done once for each distinct value, unless a sample shows that hardly any comes twice."""
    sample = values[:: len(values) // _SAMPLE_ROWS + 1]
    if len(sample.unique()) > _FEW_REPEAT * len(sample):
        return change(values)
    encoded = values.dictionary_encode()
    return change(encoded.dictionary).take(encoded.indices)


def _escape(values: pa.Array, codes: Sequence[tuple[str, str]]) -> pa.Array:
    for raw, written in codes:
        values = pc.replace_substring(values, raw, written)
    return values


def _escaped(text: str, codes: Sequence[tuple[str, str]]) -> str:
    for raw, written in codes:
        text = text.replace(raw, written)
    return text


def _bytes(lines: pa.Array) -> bytes:
    """The strings of `lines`, not empty, one after another, which is how Arrow keeps them already."""
    _, offsets, text = lines.buffers()
    ends = pa.Array.from_buffers(pa.int32(), len(lines) + 1, [None, offsets], offset=lines.offset)
    return bytes(memoryview(text)[ends[0].as_py() : ends[-1].as_py()])
