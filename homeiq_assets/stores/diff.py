"""The diff of a replace: what a window must hold afterwards, what to write for that, what to delete.

Pure: Arrow in, Arrow out, no storage. Every store replaces by this plan, so that all mean the same.
"""

from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.stores.base import Replaced

_ROW, _MATCH = "__row", "__match"


@dataclass(frozen=True)
class Plan:
    """What a replace has to do. All tables are conformed, sorted by tags, then time."""

    final: pa.Table
    """exactly what the covered window must hold afterwards"""
    write: pa.Table
    """the rows of `final` that are not stored, or stored with other values"""
    late: pa.Table
    """those rows of `write` that must not be stored beside the stale ones: killed there, a writer that looks
    again would take the two of them for finer rows than its own"""
    stale: pa.Table
    """stored rows that need a delete: those not in `final`, and those that lose the value of a field"""
    counts: Replaced


def plan(stored: pa.Table, rows: pa.Table, measurement: Measurement, step: timedelta | None) -> Plan:
    """How `stored` (all rows of the covered window) becomes `rows`; both conformed to the measurement.

    - A row is known by its tags and its time. A tag that changed makes another row: the old one is stale.
    - A stored `poll_only` value is carried over to the new row of the same identity and time, also where its tag
      changed, and whatever the new row says of it: the first one was made nearest to the row's own time. A stored
      row at a time of which the answer holds no row goes whole, with its `poll_only` values: a reading withdrawn
      takes along what was forecast beside it.
    - With `step`, a new row is refused where its slot `[time, time + step)` holds two or more stored times
      of its identity; the stored rows of that slot stay. (Times, not rows: one reading that a killed
      writer left under both its old and its new tag is still one.)
    - Without `rows` nothing changes.
    """
    nothing = stored.slice(0, 0)
    if rows.num_rows == 0:
        return Plan(stored, nothing, nothing, nothing, Replaced())
    # The two most frequent cases of many rows, at a fraction of what comparing each of them takes.
    if stored.num_rows == 0:
        return Plan(rows, rows, nothing, nothing, Replaced(written=rows.num_rows))
    if stored.equals(rows):
        return Plan(stored, nothing, nothing, nothing, Replaced(unchanged=rows.num_rows))
    keys = [*measurement.tag_names, "time"]
    accepted, kept, shared = _refuse(stored, rows, measurement, step) if step else (rows, nothing, nothing)
    final = _carry(stored, accepted, measurement)
    if kept.num_rows:
        final = pa.concat_tables([final, kept]).sort_by([(key, "ascending") for key in keys]).combine_chunks()

    before = stored.take(_match(final, stored, keys))
    changed = pc.is_null(before["time"])
    after = final.take(_match(stored, final, keys))
    gone = stale = pc.is_null(after["time"])
    for name in measurement.field_names:
        changed = pc.or_(changed, _differs(final[name], before[name]))
        stale = pc.or_(stale, pc.and_(pc.is_valid(stored[name]), pc.is_null(after[name])))
    write = final.filter(changed)
    counts = Replaced(
        written=write.num_rows,
        removed=stored.filter(gone).num_rows,
        unchanged=final.num_rows - write.num_rows,
        refused=rows.num_rows - accepted.num_rows,
    )
    late = write.filter(pc.is_valid(_match(write, shared, [*measurement.identity, "time"])))
    return Plan(final, write, late, stored.filter(stale), counts)


def without(rows: pa.Table, others: pa.Table, measurement: Measurement) -> pa.Table:
    """The rows that are not among the others, by tags and time."""
    if others.num_rows == 0:
        return rows
    return rows.filter(pc.is_null(_match(rows, others, [*measurement.tag_names, "time"])))


def _refuse(
    stored: pa.Table, rows: pa.Table, measurement: Measurement, step: timedelta
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """What becomes of the new rows by what is stored in their slots.

    The rows accepted, being no coarser; the stored rows that stay in place of the others; and of the accepted rows
    the series and times of those whose slot holds a stored row at another time than theirs.
    """
    keys = [*measurement.identity, "time"]
    starts = rows.group_by(keys).aggregate([])
    both = pa.concat_tables(
        [
            stored.select(keys).append_column(_MATCH, _numbers(stored)).append_column(_ROW, _no_number(stored)),
            starts.select(keys).append_column(_MATCH, _no_number(starts)).append_column(_ROW, _numbers(starts)),
        ]
    )
    # In order of series and time (a start before what is stored at its instant) each stored row has
    # the start of its slot above it; without overlap, so that a stored row lies in one slot at most.
    both = both.sort_by([(key, "ascending") for key in [*keys, _ROW]])
    start = pc.fill_null_forward(both[_ROW])
    slots = starts.take(start)
    inside = pc.less(both["time"], pc.add(slots["time"], pa.scalar(step, pa.duration("ns"))))
    for name in measurement.identity:
        inside = pc.and_(inside, pc.equal(both[name], slots[name]))
    inside = pc.and_(pc.fill_null(inside, False), pc.is_valid(both[_MATCH]))
    placed = both.set_column(both.column_names.index(_ROW), _ROW, start).filter(inside)
    held = placed.select([_ROW, "time"]).group_by(_ROW).aggregate([("time", "count_distinct")])
    coarse = held.filter(pc.greater_equal(held["time_count_distinct"], 2))[_ROW]
    refused = pc.is_valid(_match(rows, starts.take(coarse), keys))
    stays = pc.is_in(placed[_ROW], coarse)
    beside = pc.not_equal(placed["time"], starts["time"].take(placed[_ROW]))
    shared = placed.filter(pc.and_not(beside, stays))[_ROW]
    return rows.filter(pc.invert(refused)), stored.take(placed.filter(stays)[_MATCH]), starts.take(shared)


def _carry(stored: pa.Table, rows: pa.Table, measurement: Measurement) -> pa.Table:
    """`rows` with the `poll_only` values that are stored.

    They come from the stored row of the same tags and time, else from one of the same identity and time that no
    row has the tags of any more: its tag changed.
    """
    keys, time_keys = [*measurement.tag_names, "time"], [*measurement.identity, "time"]
    gone = pc.is_null(_match(stored, rows, keys))
    for name in (field.name for field in measurement.fields if field.poll_only):
        known = pc.is_valid(stored[name])
        having, changed = stored.filter(known), stored.filter(pc.and_(known, gone))
        same = having.take(_match(rows, having, keys))[name]
        before = changed.take(_match(rows, changed, time_keys))[name]
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), pc.coalesce(same, before, rows[name]))
    return rows


def _match(table: pa.Table, other: pa.Table, keys: list[str]) -> pa.ChunkedArray:
    """For each row of `table` the number of the first row of `other` with the same keys, null without one."""
    left = table.select(keys).append_column(_ROW, _numbers(table))
    right = other.select(keys).append_column(_MATCH, _numbers(other)).group_by(keys).aggregate([(_MATCH, "min")])
    return left.join(right, keys).sort_by(_ROW)[f"{_MATCH}_min"]


def _differs(new: pa.ChunkedArray, old: pa.ChunkedArray) -> pa.ChunkedArray:
    equal = pc.fill_null(pc.equal(new, old), False)
    return pc.invert(pc.or_(equal, pc.and_(pc.is_null(new), pc.is_null(old))))


def _numbers(table: pa.Table) -> pa.Array:
    return pa.arange(0, table.num_rows)


def _no_number(table: pa.Table) -> pa.Array:
    return pa.nulls(table.num_rows, pa.int64())
