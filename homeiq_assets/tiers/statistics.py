"""Raw readings to hourly rows, hourly rows to daily ones (docs/tiers.md): Arrow in, Arrow out.

What a tier's row says, for every measurement alike; how long readings hold is in `series/holds.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import TIME, Field, Measurement, conform
from homeiq_assets.schema.measurements import statistics, tier_of
from homeiq_assets.series.holds import FieldReadings, Grid, Ints, nanoseconds, series_numbers
from homeiq_assets.series.plausible import LONG_AGO, jump_text, rates
from homeiq_assets.window import Window, hour_edges

_STATISTICS: dict[str, Callable[[FieldReadings], pa.Array]] = {
    "mean": FieldReadings.mean,
    "seconds": FieldReadings.seconds,
    "on_seconds": FieldReadings.on_seconds,
    "min": FieldReadings.min,
    "max": FieldReadings.max,
    "sum": FieldReadings.sum,
    "count": FieldReadings.count,
    "last": FieldReadings.last,
    "increase": FieldReadings.increase,
    "changes": FieldReadings.changes,
}
_DAILY = {"min": "min", "max": "max", "last": "last"}
"""how a day's statistic comes from those of its hours; by their sum, where it is not named"""


@dataclass(frozen=True)
class Limits:
    """What readings may be: a home draws `max_kw` at most. `tell` is told of each one that is beyond that."""

    max_kw: float
    tell: Callable[[str], None]


NO_LIMITS = Limits(np.inf, lambda _: None)


def hourly(
    readings: pa.Table,
    before: pa.Table,
    measurement: Measurement,
    day: Window,
    hold: timedelta,
    limits: Limits = NO_LIMITS,
) -> pa.Table:
    """The rows of `<measurement>_hourly` of one local day, a row per series and hour in force or read.

    `readings`: rows of the measurement of the day and of the `hold` before it (for what is in force
    when it begins). `before`: the last known values from before the day, however old: the identity
    tags, then any of the fields (the statistics of counters, flags and texts compare with them), with
    `<field>.time` when each was read; may be empty, may lack columns, need not hold what stands in
    `readings`. Hours are elapsed hours from local midnight, the last cut at the day's end; a reading
    at an edge belongs to what begins.

    A field's statistics are null in an hour in which the field itself is neither in force nor read;
    mean is null without time in force, min, max, sum and last without a reading. A first value ever
    adds nothing to increase and changes. A float NaN, or the texts `unavailable` and `unknown`, are
    no value and end a hold. String flags are on at `on`. Tags that are not identity carry their last
    value before the hour's end. An increase that a home within the `limits` cannot have drawn is left out.
    """
    rows = stacked(before, readings, measurement, day.end)
    return rolled(rows, measurement, tier_of(measurement, "hourly"), hour_edges(day), hold, limits)


def daily_from_raw(
    readings: pa.Table,
    before: pa.Table,
    measurement: Measurement,
    day: Window,
    hold: timedelta,
    limits: Limits = NO_LIMITS,
) -> pa.Table:
    """As `hourly` with the whole day as one interval: what `daily` must agree with, to 1e-9."""
    rows = stacked(before, readings, measurement, day.end)
    return rolled(rows, measurement, tier_of(measurement, "daily"), [day.start, day.end], hold, limits)


def daily(hourly_rows: pa.Table, measurement: Measurement, day: Window) -> pa.Table:
    """The rows of `<measurement>_daily` of one local day from its hourly rows alone; time = the day's start.

    mean = Σ mean·seconds / Σ seconds; min, max and last of the hours; all else is their sum.
    """
    tier = tier_of(measurement, "daily")
    table = hourly_rows.sort_by("time")
    wanted = [(tag, "last") for tag in measurement.tag_names if tag not in measurement.identity]
    for field in measurement.fields:
        for statistic in statistics(field):
            name = f"{field.name}_{statistic}"
            if statistic == "mean":
                weighted = pc.multiply(table[name], table[f"{field.name}_seconds"])
                table = table.set_column(table.column_names.index(name), name, weighted)
            wanted.append((name, _DAILY.get(statistic, "sum")))
    # `last` needs the rows in order, so one thread.
    grouped = table.group_by(list(measurement.identity), use_threads=False).aggregate(wanted)
    columns = {tag: grouped[tag] for tag in measurement.identity}
    columns |= {name: grouped[f"{name}_{function}"] for name, function in wanted}
    for name in [f"{field.name}_mean" for field in measurement.fields if "mean" in statistics(field)]:
        columns[name] = pc.divide(columns[name], columns[name.removesuffix("mean") + "seconds"])
    # Without identity tags an empty table still makes one group.
    rows = pa.table(columns).slice(0, grouped.num_rows if table.num_rows else 0)
    return conform(rows.append_column("time", _times(np.full(rows.num_rows, nanoseconds(day.start)))), tier)


def rolled(
    rows: pa.Table,
    measurement: Measurement,
    tier: Measurement,
    edges: list[datetime],
    hold: timedelta,
    limits: Limits = NO_LIMITS,
) -> pa.Table:
    """The rows of `tier` between `edges`, from rows of the measurement as `stacked` makes them, in any order."""
    series = series_numbers(rows, measurement.identity)
    order = np.lexsort((rows["time"].to_numpy(), series))
    rows, series = rows.take(pa.array(order)).combine_chunks(), series[order]
    time = rows["time"].to_numpy()
    grid = Grid(np.array([nanoseconds(edge) for edge in edges], np.int64), int(series.max(initial=-1)) + 1)

    def read(field: Field) -> FieldReadings:
        cycles = None if field.cycle_field is None else rows[field.cycle_field].to_numpy()
        column, units, at = rows[field.name].combine_chunks(), None, time
        if field.unit_field is not None:
            units = rows[field.unit_field].combine_chunks()
        if "increase" not in statistics(field):
            return FieldReadings(column, series, time, grid, nanoseconds(hold), units)
        said = (
            np.full(len(time), field.unit, object)
            if units is None
            else pc.fill_null(units, "").to_numpy(zero_copy_only=False)
        )
        if known_at(field) in rows.column_names:
            at = pc.coalesce(rows[known_at(field)], rows["time"]).to_numpy()
        rate = rates(limits.max_kw, said)
        found = FieldReadings(column, series, time, grid, nanoseconds(hold), units, cycles, rate=rate, at=at)
        for row, rise, took in found.jumps():
            name = ", ".join(rows[tag][row].as_py() for tag in measurement.identity)
            limits.tell(jump_text(name, column[row].as_py(), said[row], int(time[row]), rise, took, limits.max_kw))
        return found

    fields = {field: read(field) for field in measurement.fields if statistics(field)}
    present = np.zeros(grid.cells, np.bool_)
    for field_readings in fields.values():
        present |= field_readings.present()
    cells = np.flatnonzero(present)

    # A row that carries the tags has a value and is no last known value, of which the tags are not known.
    valued = np.unique(np.concatenate([field_readings.rows for field_readings in fields.values()]))
    valued = valued[time[valued] != LONG_AGO]
    tags = rows.take(pa.array(_last_in(cells, valued, series, time, grid)))
    columns = {tag: tags[tag] for tag in measurement.tag_names}
    columns["time"] = _times(grid.edges[cells % grid.buckets])
    for field, field_readings in fields.items():
        for statistic in statistics(field):
            values = _STATISTICS[statistic](field_readings)
            columns[f"{field.name}_{statistic}"] = values.take(pa.array(cells))
    return conform(pa.table(columns), tier)


def _last_in(cells: Ints, rows: Ints, series: Ints, time: Ints, grid: Grid) -> Ints:
    """For each cell the last of `rows` of its series from before the cell's end."""
    width = grid.buckets + 1
    ranks = series[rows] * width + grid.bucket(time[rows]) + 1
    wanted = cells // grid.buckets * width + cells % grid.buckets + 1
    return rows[np.searchsorted(ranks, wanted, "right") - 1]


def stacked(before: pa.Table, readings: pa.Table, measurement: Measurement, end: datetime) -> pa.Table:
    """The last known values as rows of LONG_AGO, then the readings before `end`.

    All columns of the measurement, typed by it, but `time`, which is int64; what `before` lacks is null there.
    """
    readings = readings.filter(pc.less(readings["time"], pa.scalar(end, TIME)))
    columns = {"time": pa.chunked_array([np.full(before.num_rows, LONG_AGO), readings["time"].cast(pa.int64())])}
    for name in (*measurement.tag_names, *measurement.field_names):
        kind = measurement.arrow.field(name).type
        known = before[name].cast(kind) if name in before.column_names else pa.nulls(before.num_rows, kind)
        pieces = known.chunks if isinstance(known, pa.ChunkedArray) else [known]
        columns[name] = pa.chunked_array([*pieces, *readings[name].cast(kind).chunks], kind)
    for one in measurement.fields:
        if known_at(one) in before.column_names:
            none = pa.nulls(readings.num_rows, pa.int64())
            columns[known_at(one)] = pa.chunked_array(
                [*before[known_at(one)].cast(pa.int64()).chunks, none], pa.int64()
            )
    return pa.table(columns)


def known_at(field: Field) -> str:
    """The column that says when the last known value of a field was read."""
    return f"{field.name}.time"


def _times(instants: Ints) -> pa.Array:
    return pa.array(instants, pa.int64()).cast(TIME)
