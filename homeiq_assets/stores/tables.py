"""What every store does with Arrow tables in the same way: which rows, days and columns are meant.

No storage: tables and schemas in, tables and schemas out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import CountsDiffer, StoreError
from homeiq_assets.schema.measurement import TIME, Measurement
from homeiq_assets.window import Window

FIRST = datetime(1678, 1, 1, tzinfo=UTC)
"""from here to LAST reach instants with nanoseconds in 64 bits"""
LAST = datetime(2262, 1, 1, tzinfo=UTC)


def inside(table: pa.Table, window: Window) -> pa.ChunkedArray:
    """For each row whether its time lies in the window."""
    start, end = (
        pa.scalar(min(max(instant, FIRST), LAST), pa.timestamp("us", "UTC")).cast(TIME)
        for instant in (window.start, window.end)
    )
    return pc.and_(pc.greater_equal(table["time"], start), pc.less(table["time"], end))


def refuse_outside(rows: pa.Table, covers: Window, measurement: Measurement) -> None:
    """Raise StoreError if a row lies outside `covers`."""
    outside = rows.filter(pc.invert(inside(rows, covers)))
    if outside.num_rows:
        raise StoreError(
            f"{measurement.name}: {outside.num_rows} rows lie outside of {covers}, which they are said to cover"
            f" (the first at {outside['time'][0]}): nothing was written; the provider that answered so is at fault"
        )


def refuse_unexpected(
    expected: Mapping[str, int], found: Mapping[str, int], measurement: Measurement, window: Window
) -> None:
    """Raise CountsDiffer unless a window holds as many values of each field as expected; one left out has none."""
    differing = [name for name in (*found, *(expected.keys() - found)) if expected.get(name, 0) != found.get(name, 0)]
    if differing:
        differences = ", ".join(
            f"{expected.get(name, 0)} values of {name} were expected and {found.get(name, 0)} found"
            for name in sorted(differing)
        )
        raise CountsDiffer(
            f"{measurement.name} has changed in {window} since it was counted: {differences}; nothing was removed. "
            f"Find out what writes there, then run this again, which counts anew"
        )


def narrowed(measurement: Measurement, columns: Sequence[str] | None) -> Measurement:
    """`measurement` with only the fields named, in its own order. Raises KeyError for one it does not have."""
    if columns is None:
        return measurement
    wanted = {measurement.field(name).name for name in columns}
    return replace(measurement, fields=tuple(field for field in measurement.fields if field.name in wanted))


def known_tags(measurement: Measurement, tags: Iterable[str] | None) -> None:
    """Raise KeyError for a tag that the measurement does not have: it would match nothing, without a word."""
    for name in tags or ():
        if name not in measurement.tag_names:
            raise KeyError(f"{measurement.name} has no tag {name}")


def ordered(table: pa.Table, measurement: Measurement) -> pa.Table:
    """The rows sorted by tags, then time. Tags are never null."""
    series, times = _series(table, measurement.tag_names), table["time"].cast(pa.int64()).to_numpy()
    if series is None:
        return table.sort_by([(key, "ascending") for key in (*measurement.tag_names, "time")]).combine_chunks()
    in_time = (times[1:] >= times[:-1]).all()
    rows = np.argsort(series, kind="stable") if in_time else np.lexsort((times, series))
    return table.take(pa.array(rows)).combine_chunks()


def last_rows(table: pa.Table, measurement: Measurement, count: int) -> pa.Table:
    """Of each series the last `count` rows; the rows are sorted by tags, then time."""
    same = np.ones(max(table.num_rows - count, 0), np.bool_)
    for name in measurement.tag_names:
        codes = table[name].combine_chunks().dictionary_encode().indices.to_numpy()
        same &= codes[:-count] == codes[count:]
    return table.filter(pa.array(np.append(~same, np.ones(min(count, table.num_rows), np.bool_))))


def _series(table: pa.Table, tags: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """A number for each row, in the order of its tags' values; None where 64 bits are too few.

    Numbers sort twice as fast as the texts of several columns.
    """
    series, many = np.zeros(table.num_rows, np.int64), 1
    for tag in tags:
        column = table[tag].combine_chunks().dictionary_encode()
        values = len(column.dictionary)
        many *= values
        if many >= 2**63:
            return None
        ranks = np.empty(values, np.int64)
        ranks[pc.sort_indices(column.dictionary).to_numpy()] = np.arange(values)
        series = series * values + ranks[column.indices.to_numpy()]
    return series


def overlaid(tables: Sequence[pa.Table], measurement: Measurement) -> pa.Table:
    """All rows of the tables, typed as the measurement says, as one row per series and time.

    Each field has the value of the last table that has one. Sorted by tags, then time.
    """
    together = pa.concat_tables(tables)
    # Any name may be that of a tag and, with what an aggregate appends, of a field.
    together = together.rename_columns([f"c{number}" for number in range(together.num_columns)])
    tags = len(measurement.tag_names)
    keys = [f"c{number}" for number in (*range(1, tags + 1), 0)]
    values = [f"c{number}" for number in range(tags + 1, together.num_columns)]
    found = together.group_by(keys, use_threads=False).aggregate([(value, "last") for value in values])
    columns = ["c0", *keys[:-1], *(f"{value}_last" for value in values)]
    return ordered(pa.table(found.select(columns).columns, schema=measurement.arrow), measurement)


def days_of(table: pa.Table) -> set[date]:
    """The UTC days that have rows."""
    return set(pc.unique(table["time"].cast(pa.date32())).to_pylist())


def utc_day(day: date) -> Window:
    """The window of the UTC day."""
    midnight = datetime.combine(day, time(), UTC)
    return Window(midnight, midnight + timedelta(days=1))
