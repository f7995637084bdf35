"""The embedded store: a folder of Parquet files, one per measurement and UTC day.

`<folder>/<measurement>/<YYYY-MM-DD>.parquet`, read without a lock, written under one (a file lock per
measurement). How changed days get there, all of them or none, is in `dayfiles.py`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import FieldTypeConflict
from homeiq_assets.schema.measurement import Measurement, conform, widened, with_readings
from homeiq_assets.stores.base import Probe, Replaced
from homeiq_assets.stores.diff import plan
from homeiq_assets.stores.embedded.dayfiles import DayFiles, bytes_of, probe, read_day
from homeiq_assets.stores.tables import (
    FIRST,
    LAST,
    days_of,
    inside,
    known_tags,
    last_rows,
    narrowed,
    ordered,
    overlaid,
    refuse_outside,
    refuse_unexpected,
    utc_day,
)
from homeiq_assets.window import Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EmbeddedStore:
    """A store in `folder`; `lock_timeout` is how many seconds a writer waits for another one.

    Safe with several processes at once. A folder that does not exist yet is an empty store.
    """

    live = False

    def __init__(self, folder: Path, *, lock_timeout: float = 60) -> None:
        self._folder = folder
        self._lock_timeout = lock_timeout

    def replace(
        self, measurement: Measurement, rows: pa.Table, covers: Window, step: timedelta | None = None
    ) -> Replaced:
        """See `Store.replace`. All changed days get in place or, where writing fails, none.

        Raises FieldTypeConflict where a day's file holds a field as another type, else StoreError (also for
        rows outside `covers`) or SettingError.
        """
        if rows.num_rows == 0:
            return Replaced()
        refuse_outside(rows, covers, measurement)
        files = self._files(measurement)
        with files.writing() as write:
            stored = {day: _load(path, measurement, whole=True) for day, path in files.between(covers)}
            # What a day holds beyond the schema given (an open measurement) is part of its rows.
            wide = reduce(widened, stored.values(), measurement)
            everything = pa.concat_tables([conform(table, wide, "") for table in stored.values()] or [wide.empty()])
            covered = inside(everything, covers)
            todo = plan(everything.filter(covered), conform(rows, wide, ""), wide, step)
            changed = days_of(todo.write) | days_of(todo.stale)
            if changed:
                final = _by_day(pa.concat_tables([todo.final, everything.filter(pc.invert(covered))]), wide)
                for day in sorted(changed):
                    write(day, final.get(day))
        return todo.counts

    def put(self, measurement: Measurement, rows: pa.Table) -> None:
        """See `Store.put`. All days get in place or, where writing fails, none."""
        files = self._files(measurement)
        with files.writing() as write:
            for day, added in _by_day(rows, measurement).items():
                path = dict(files.between(utc_day(day))).get(day)
                stored = [] if path is None else [_load(path, measurement, whole=True)]
                wide = reduce(widened, stored, measurement)
                write(day, overlaid([conform(table, wide, "") for table in (*stored, added)], wide))

    def recover(self, measurement: Measurement) -> None:
        """Put in place what a killed writer had finished, remove what it had not. See `Store.recover`."""
        self._files(measurement).recover()

    def read(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        days = list(self.stream(measurement, window, tags=tags, columns=columns))
        if not days:
            return narrowed(measurement, columns).empty()
        return ordered(pa.concat_tables(days), measurement)

    def stream(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.Table]:
        """See `Store.stream`. Days without rows are left out."""
        wanted = narrowed(measurement, columns)
        known_tags(measurement, tags)
        for _, path in self._files(measurement).between(window):
            table = _load(path, wanted)
            table = table.filter(pc.and_(inside(table, window), _tagged(table, tags)))
            if table.num_rows:
                yield ordered(table, wanted)

    def whole(self, measurement: Measurement, window: Window) -> tuple[Measurement, pa.Table]:
        days: list[pa.Table] = []
        for _, path in self._files(measurement).between(window):
            if (day := read_day(path)) is not None and (day := day.filter(inside(day, window))).num_rows:
                days.append(_meaningful(day, measurement))
        _refuse_two_types(days, measurement, window)
        wide = reduce(widened, days, measurement)
        rows = pa.concat_tables([conform(day, wide, "") for day in days] or [wide.empty()])
        return wide, ordered(rows, wide)

    def last(
        self,
        measurement: Measurement,
        field: str,
        before: datetime,
        *,
        since: datetime | None = None,
        beside: Sequence[str] = (),
        without: Collection[str] = (),
        count: int = 1,
    ) -> pa.Table:
        """See `Store.last`. A series is what has the same values of all tags."""
        wanted = narrowed(measurement, [field, *beside])
        newest = wanted.empty()
        start, end = max(since or FIRST, FIRST), min(before, LAST)
        if end <= start:
            return newest
        past = Window(start, end)
        # From the oldest day on: a series may have been silent for years.
        for _, path in self._files(measurement).between(past):
            day = _load(path, wanted)
            valued = pc.and_(inside(day, past), pc.is_valid(day[field]))
            if without:
                none = pc.is_in(day[field], value_set=pa.array(sorted(without)))
                valued = pc.and_(valued, pc.invert(none))
            rows = pa.concat_tables([newest, day.filter(valued)])
            if rows.num_rows:
                newest = last_rows(ordered(rows, wanted), wanted, count)
        return ordered(newest, wanted)

    def newest(self, measurement: Measurement, *, tags: Mapping[str, str] | None = None) -> datetime | None:
        """See `Store.newest`; cut to the microsecond."""
        known_tags(measurement, tags)
        for _, path in reversed(self._files(measurement).between(Window(FIRST, LAST))):
            table = _load(path, measurement)
            table = with_readings(table.filter(_tagged(table, tags)), measurement)
            if table.num_rows:
                return EPOCH + timedelta(microseconds=int(pc.max(table["time"]).value) // 1000)
        return None

    def oldest(self, measurement: Measurement) -> datetime | None:
        """See `Store.oldest`; cut to the microsecond."""
        for _, path in self._files(measurement).between(Window(FIRST, LAST)):
            table = _load(path, measurement)
            if table.num_rows:
                return EPOCH + timedelta(microseconds=int(pc.min(table["time"]).value) // 1000)
        return None

    def counts(
        self, measurement: Measurement, window: Window, *, tags: Mapping[str, str] | None = None
    ) -> dict[str, int]:
        counts = dict.fromkeys(measurement.field_names, 0)
        for table in self.stream(measurement, window, tags=tags):
            for name in counts:
                counts[name] += table.num_rows - int(table[name].null_count)
        return counts

    def rows(self, measurement: Measurement, window: Window | None = None) -> int:
        window = window or Window(FIRST, LAST)
        days = (read_day(path, ["time"]) for _, path in self._files(measurement).between(window))
        return sum(day.filter(inside(day, window)).num_rows for day in days if day is not None)

    def delete(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        expected: Mapping[str, int] | None = None,
    ) -> None:
        known_tags(measurement, tags)
        files = self._files(measurement)
        with files.writing() as write:
            if expected is not None:
                refuse_unexpected(expected, self.counts(measurement, window, tags=tags), measurement, window)
            for day, path in files.between(window):
                table = _load(path, measurement, whole=True)
                kept = table.filter(pc.invert(pc.and_(inside(table, window), _tagged(table, tags))))
                if kept.num_rows < table.num_rows:
                    write(day, kept if kept.num_rows else None)

    def keeps(self, measurement: Measurement) -> timedelta | None:
        """See `Store.keeps`: a file stays until it is removed."""
        return None

    def sizes(self) -> Mapping[str, int]:
        """See `Store.sizes`: the day files of each measurement."""
        return bytes_of(self._folder)

    def probe(self) -> list[Probe]:
        """See `Store.probe`: whether the folder can be written, and what is in it."""
        return [probe(self._folder)]

    def close(self) -> None:
        """Nothing is held open."""

    def _files(self, measurement: Measurement) -> DayFiles:
        return DayFiles(self._folder, measurement.name, self._lock_timeout)


def _load(path: Path, measurement: Measurement, *, whole: bool = False) -> pa.Table:
    """The rows of a day file that have a value of the measurement, with its columns.

    `whole`: all rows with all columns, also what the measurement does not name. Raises
    FieldTypeConflict.
    """
    found = read_day(path, None if whole else measurement.arrow.names)
    if found is None:
        return measurement.empty()
    for column in measurement.arrow:
        if column.name in found.column_names and found.schema.field(column.name).type != column.type:
            stored = found.schema.field(column.name).type
            raise FieldTypeConflict(
                f"{measurement.name}.{column.name} is stored as {stored} in {path} (below HOMEIQ_HOME), but has to be"
                f" {column.type}: move that file away and materialise its UTC day again"
            )
        if column.name not in found.column_names:
            absent = pa.scalar("" if column.name in measurement.tag_names else None, column.type)
            found = found.append_column(column, pa.repeat(absent, found.num_rows))
    if whole:
        return found
    valid = (pc.is_valid(found[name]) for name in measurement.field_names)
    nothing = pa.repeat(False, found.num_rows)
    return found.select(measurement.arrow.names).filter(reduce(pc.or_, valid, nothing))


def _meaningful(day: pa.Table, measurement: Measurement) -> pa.Table:
    """The rows with the columns that say something in them, and with the measurement's tags."""
    names = []
    for column in day.schema:
        if column.name == "time" or column.name in measurement.tag_names:
            says = True
        elif column.nullable:
            says = day[column.name].null_count < day.num_rows
        else:
            says = pc.any(pc.not_equal(day[column.name], "")).as_py()
        names += [column.name] if says else []
    return day.select(names)


def _refuse_two_types(days: Sequence[pa.Table], measurement: Measurement, window: Window) -> None:
    types: dict[str, pa.DataType] = {}
    for column in (column for day in days for column in day.schema):
        if types.setdefault(column.name, column.type) != column.type:
            raise FieldTypeConflict(
                f"{measurement.name}.{column.name} is stored as {types[column.name]} and as {column.type} in the files"
                f" of {window} (below HOMEIQ_HOME): move those of one type away and materialise their UTC days again"
            )


def _tagged(table: pa.Table, tags: Mapping[str, str] | None) -> pa.ChunkedArray:
    matches = (pc.equal(table[name], value) for name, value in (tags or {}).items())
    return reduce(pc.and_, matches, pc.is_valid(table["time"]))


def _by_day(table: pa.Table, measurement: Measurement) -> dict[date, pa.Table]:
    """The rows of each UTC day, sorted by tags, then time."""
    dated = table.append_column("__day", table["time"].cast(pa.date32()))
    dated = dated.sort_by([(key, "ascending") for key in ["__day", *measurement.tag_names, "time"]])
    runs = dated["__day"].combine_chunks().value_counts()
    days, start = {}, 0
    for run in runs.to_pylist():
        days[run["values"]] = dated.slice(start, run["counts"]).drop_columns(["__day"])
        start += run["counts"]
    return days
