"""Writing to InfluxDB so that a crash at any moment loses nothing: replace, recover, delete.

InfluxDB can neither replace rows at once nor remove a single field. So (0) what a killed writer left in
`homeiq_pending_<measurement>` is finished first; (1) new and changed rows are written, and once more the rows that
stay of a day with stale ones, so that errors of type, permission and retention stop here, before anything is
deleted; (2) mostly nothing is stale, and that is all; (3) else each UTC day with stale rows is copied to the pending
measurement, deleted, written, and its copy deleted; (4) at last come the rows that may not stand beside stale ones.
Whenever it is killed, every row is in its place or in the copy.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from homeiq_assets.errors import StoreError
from homeiq_assets.schema.measurement import Measurement, conform
from homeiq_assets.stores.base import Replaced
from homeiq_assets.stores.diff import plan, without
from homeiq_assets.stores.influxdb import discovery, influxql, row_queries
from homeiq_assets.stores.influxdb.connection import Connection
from homeiq_assets.stores.influxdb.errors import NoBucket, OutsideRetention
from homeiq_assets.stores.influxdb.line_protocol import encode, tags_as_stored
from homeiq_assets.stores.local import explained, one_writer
from homeiq_assets.stores.tables import days_of, inside, refuse_outside, utc_day
from homeiq_assets.window import Window


class Writer:
    """The one writer of a measurement on this machine, by a lock file per measurement in `lock_folder`."""

    def __init__(self, connection: Connection, lock_folder: Path, lock_timeout: float, batch_rows: int) -> None:
        self._connection = connection
        self._lock_folder = lock_folder
        self._lock_timeout = lock_timeout
        self._batch_rows = batch_rows

    def replace(
        self, bucket: str, measurement: Measurement, rows: pa.Table, covers: Window, step: timedelta | None
    ) -> Replaced:
        if rows.num_rows == 0:
            return Replaced()
        refuse_outside(rows, covers, measurement)
        with self._lock(measurement):
            self._finish(bucket, measurement)
            wide = measurement
            if not measurement.tier:
                # What is stored beyond the schema belongs to the stored rows too; nobody else writes tiers.
                found = discovery.as_found(self._connection, bucket, measurement, measurement.name, covers)
                wide = found or measurement
            stored = row_queries.read(self._connection, bucket, wide, covers)
            todo = plan(stored, _widened(_storable(rows, measurement), wide), wide, step)
            days = [day for date in sorted(days_of(todo.stale)) if (day := utc_day(date).intersect(covers))]
            stays = without(todo.final, todo.late, wide)
            self._write(bucket, wide, without(todo.write, todo.late, wide))
            for day in days:
                self._write(bucket, wide, stays.filter(inside(stays, day)))
            for day in days:
                self._rewrite(bucket, wide, stays.filter(inside(stays, day)), day)
            self._write(bucket, wide, todo.late)
        return todo.counts

    def put(self, bucket: str, measurement: Measurement, rows: pa.Table) -> None:
        with self._lock(measurement):
            self._finish(bucket, measurement)
            self._write(bucket, measurement, rows)

    def recover(self, bucket: str, measurement: Measurement) -> None:
        """See `Store.recover`. Takes the lock only where there is something to finish."""
        pending = influxql.identifier(_pending(measurement))
        if self._connection.ask(bucket, f"SELECT count(*) FROM {pending}")[0]:  # noqa: S608 - influxql.py quotes
            with self._lock(measurement):
                self._finish(bucket, measurement)

    def delete(
        self,
        bucket: str,
        measurement: Measurement,
        window: Window,
        tags: Mapping[str, str] | None,
        check: Callable[[], None],
    ) -> None:
        """See `Store.delete`. `check` raises where nothing may be removed."""
        with self._lock(measurement):
            # Else a later recovery would bring back what is deleted now.
            self._finish(bucket, measurement)
            check()
            self._delete(bucket, measurement.name, window, tags)

    def _rewrite(self, bucket: str, measurement: Measurement, final: pa.Table, day: Window) -> None:
        self._write(bucket, measurement, final, _pending(measurement))
        self._delete(bucket, measurement.name, day)
        self._write(bucket, measurement, final)
        self._clear(bucket, measurement)

    def _finish(self, bucket: str, measurement: Measurement) -> None:
        pending = discovery.as_found(self._connection, bucket, measurement, _pending(measurement))
        if pending is None:
            return
        left = row_queries.read(self._connection, bucket, pending)
        if left.num_rows:
            # What the bucket no longer keeps cannot come back, and must not stop every later write.
            self._write(bucket, pending, left, measurement.name, OutsideRetention)
            self._clear(bucket, measurement)

    def _clear(self, bucket: str, measurement: Measurement) -> None:
        self._connection.delete(bucket, _pending(measurement), influxql.FIRST_NS, influxql.LAST_NS)

    def _delete(self, bucket: str, name: str, window: Window, tags: Mapping[str, str] | None = None) -> None:
        # InfluxDB's delete includes its end.
        last = influxql.nanoseconds(window.end) - 1
        self._connection.delete(bucket, name, influxql.nanoseconds(window.start), last, tags)

    def _write(
        self,
        bucket: str,
        measurement: Measurement,
        rows: pa.Table,
        name: str | None = None,
        *pass_over: type[StoreError],
    ) -> None:
        for lines in encode(
            rows,
            name or measurement.name,
            measurement.tag_names,
            measurement.field_names,
            batch_rows=self._batch_rows,
        ):
            with suppress(*pass_over):
                self._write_lines(bucket, lines)

    def _write_lines(self, bucket: str, lines: bytes) -> None:
        try:
            self._connection.write(bucket, lines)
        except NoBucket:
            if not self._connection.makes(bucket):
                raise
            self._connection.create_bucket(bucket)
            self._connection.write(bucket, lines)

    @contextmanager
    def _lock(self, measurement: Measurement) -> Iterator[None]:
        path = self._lock_folder / f"influxdb-{quote(measurement.name, safe='')}.lock"
        try:
            self._lock_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explained(error, self._lock_folder) from error
        with one_writer(path, measurement.name, self._lock_timeout):
            yield


def _pending(measurement: Measurement) -> str:
    return f"homeiq_pending_{measurement.name}"


def _storable(rows: pa.Table, measurement: Measurement) -> pa.Table:
    """`rows` with tag values as they can be stored, so that writing them twice changes nothing."""
    changed = tags_as_stored(rows, measurement.tag_names)
    return rows if changed is rows else conform(changed, measurement, "")


def _widened(rows: pa.Table, wide: Measurement) -> pa.Table:
    """`rows` with the columns `wide` has beyond theirs: no value, no tag."""
    return pa.table(
        [
            rows[field.name]
            if field.name in rows.column_names
            else pa.repeat(pa.scalar("" if field.name in wide.tag_names else None, field.type), rows.num_rows)
            for field in wide.arrow
        ],
        schema=wide.arrow,
    )
