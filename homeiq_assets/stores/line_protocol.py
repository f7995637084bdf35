"""Arrow tables as InfluxDB line protocol, encoded a column at a time.

The lines are those of influxdb-client's `Point.to_line_protocol()`, but for the spelling of floats
(`1e-05` here is `0.00001`; both are the shortest text that reads back as the same number). Syntax:
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

BATCH_ROWS = 5000
"""the size of a write that InfluxDB recommends"""
SLAB_ROWS = 50_000
"""how many rows are encoded at once: enough that a call's overhead vanishes, few enough for flat memory"""

_LINE_BREAKS = (("\n", r"\n"), ("\t", r"\t"), ("\r", r"\r"))
_NAME = (*_LINE_BREAKS, (",", r"\,"), (" ", r"\ "))
_KEY = (*_NAME, ("=", r"\="))
_TEXT = (("\\", r"\\"), ('"', r"\""))


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
    Raises ValueError for a name that line protocol cannot carry, TypeError for a field of another type.
    """
    if not measurement_name or measurement_name.startswith("#") or not all((*tags, *fields)):
        raise ValueError(f"a name may not be empty, a measurement's not begin with '#': {measurement_name!r}")
    slab_rows = max(1, SLAB_ROWS // batch_rows) * batch_rows
    for slab in table.select(["time", *tags, *fields]).to_batches(max_chunksize=slab_rows):
        lines = _lines(slab, measurement_name, sorted(tags), sorted(fields))
        for start in range(0, len(lines), batch_rows):
            yield _bytes(lines.slice(start, batch_rows))


def as_stored(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    r"""Tag values as InfluxDB gives them back once written.

    Line protocol has no way to say a line break, a tab or a backslash at the end of a tag value:
    the first become `\n`, `\r` or `\t` in two characters, the last a blank.
    """
    for raw, written in _LINE_BREAKS:
        values = pc.replace_substring(values, raw, written)
    return pc.replace_substring_regex(values, r"\\$", " ")


def _lines(batch: pa.RecordBatch, name: str, tags: Sequence[str], fields: Sequence[str]) -> pa.Array:
    """The lines of a batch. Tags and fields come in order of their names, as the client writes them."""
    values = [_field(key, batch[key]) for key in fields]
    present = functools.reduce(pc.or_, [pc.is_valid(value) for value in values], pa.repeat(False, batch.num_rows))
    if present.true_count < batch.num_rows:
        # First, because Arrow's join with `skip` loses a row whose every part is null.
        batch, values = batch.filter(present), [value.filter(present) for value in values]
    if batch.num_rows == 0:
        return pa.array([], pa.string())
    if any(value.null_count for value in values):
        middle = [pc.binary_join_element_wise(*values, ",", null_handling="skip")]
    else:
        middle = [part for value in values for part in (",", value)][1:]
    time = batch["time"].cast(pa.timestamp("ns", batch["time"].type.tz)).cast(pa.int64()).cast(pa.string())
    series = [_escaped(name, _NAME), *(_tag(key, batch[key]) for key in tags)]
    return pc.binary_join_element_wise(*series, " ", *middle, " ", time, "\n", "")


def _tag(key: str, values: pa.Array) -> pa.Array:
    """`,key=value` for each row, nothing where there is no value."""

    def text(distinct: pa.Array) -> pa.Array:
        escaped = _escape(distinct, _KEY)
        escaped = pc.replace_substring_regex(escaped, r"\\$", r"\\ ")  # else it would escape what follows
        tag = pc.binary_join_element_wise(f",{_escaped(key, _KEY)}=", escaped, "")
        return pc.if_else(pc.equal(pc.fill_null(distinct, ""), ""), "", tag)

    return _by_distinct(values, text)


def _field(key: str, values: pa.Array) -> pa.Array:
    """`key=value` for each row, null where there is no value."""
    prefix = f"{_escaped(key, _KEY)}="
    kind = values.type
    if pa.types.is_floating(kind):
        finite = pc.if_else(pc.is_finite(values), values, pa.scalar(None, kind))
        return pc.binary_join_element_wise(prefix, finite.cast(pa.string()), "")
    if pa.types.is_integer(kind):
        return pc.binary_join_element_wise(prefix, values.cast(pa.string()), "i", "")
    if pa.types.is_boolean(kind):
        return pc.if_else(values, f"{prefix}true", f"{prefix}false")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _by_distinct(
            values, lambda distinct: pc.binary_join_element_wise(f'{prefix}"', _escape(distinct, _TEXT), '"', "")
        )
    raise TypeError(f"field {key}: {kind} is not a type of InfluxDB")


def _by_distinct(values: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """`change` done once per distinct string: they repeat."""
    encoded = values.cast(pa.string()).dictionary_encode(null_encoding="encode")
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
