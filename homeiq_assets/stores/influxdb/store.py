"""The store in an InfluxDB 2.7: which bucket, which query; rows and writing have modules of their own."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.stores.base import Probe, Replaced
from homeiq_assets.stores.influxdb import discovery, influxql, row_queries
from homeiq_assets.stores.influxdb.connection import Connection
from homeiq_assets.stores.influxdb.errors import NoBucket
from homeiq_assets.stores.influxdb.line_protocol import BATCH_ROWS, as_stored
from homeiq_assets.stores.influxdb.probe import probe
from homeiq_assets.stores.influxdb.sizes import sizes
from homeiq_assets.stores.influxdb.writer import Writer
from homeiq_assets.stores.tables import known_tags, narrowed, refuse_unexpected
from homeiq_assets.window import Window


class InfluxStore:
    """A store in the bucket `bucket`, tiers in `tier_bucket`; one writer per measurement and machine.

    `timeout` is how many seconds an answer may take to begin or to go on, `lock_timeout` how many a writer waits
    for another one (by a file in `lock_folder`), `batch_rows` the size of a write. A tag value that line
    protocol cannot carry is stored as `line_protocol.as_stored` says. `setting` names the bucket in errors; with
    `makes` it is made at the first write where it does not exist. Nothing is asked until the first call.
    """

    live = True

    def __init__(
        self,
        url: str,
        token: str,
        org: str,
        bucket: str,
        tier_bucket: str,
        lock_folder: Path,
        *,
        timeout: float = 60,
        lock_timeout: float = 120,
        batch_rows: int = BATCH_ROWS,
        setting: str = "INFLUXDB_BUCKET",
        makes: bool = False,
    ) -> None:
        self._bucket, self._tier_bucket = bucket, tier_bucket
        settings = {tier_bucket: "INFLUXDB_TIER_BUCKET"} | {bucket: setting}
        self._connection = Connection(url, token, org, settings, timeout, made=[bucket] if makes else [])
        self._writer = Writer(self._connection, lock_folder, lock_timeout, batch_rows)

    def replace(
        self, measurement: Measurement, rows: pa.Table, covers: Window, step: timedelta | None = None
    ) -> Replaced:
        """See `Store.replace`. Raises StoreError, also for rows outside `covers`, and FieldTypeConflict."""
        return self._writer.replace(self._place(measurement), measurement, rows, covers, step)

    def put(self, measurement: Measurement, rows: pa.Table) -> None:
        self._writer.put(self._place(measurement), measurement, rows)

    def recover(self, measurement: Measurement) -> None:
        self._writer.recover(self._place(measurement), measurement)

    def read(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """See `Store.read`. A tag that a stored row lacks is an empty string."""
        wanted = narrowed(measurement, columns)
        return row_queries.read(self._connection, self._place(measurement), wanted, window, _stored(measurement, tags))

    def stream(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.Table]:
        """See `Store.stream`. Days without rows are left out."""
        for day in window.utc_days():
            table = self.read(measurement, day, tags=tags, columns=columns)
            if table.num_rows:
                yield table

    def whole(self, measurement: Measurement, window: Window) -> tuple[Measurement, pa.Table]:
        """See `Store.whole`. Raises StoreError also for a name that is both a tag and a field."""
        return discovery.whole(self._connection, self._place(measurement), measurement, window)

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
        wanted, valued = narrowed(measurement, [field, *beside]), measurement.field(field)
        return row_queries.last(
            self._connection, self._place(measurement), wanted, valued, before, since, sorted(without), count
        )

    def newest(self, measurement: Measurement, *, tags: Mapping[str, str] | None = None) -> datetime | None:
        """See `Store.newest`; cut to the microsecond."""
        return self._outermost(measurement, "DESC", tags)

    def oldest(self, measurement: Measurement) -> datetime | None:
        """See `Store.oldest`; cut to the microsecond."""
        return self._outermost(measurement, "ASC", None)

    def _outermost(self, measurement: Measurement, order: str, tags: Mapping[str, str] | None) -> datetime | None:
        fields = ", ".join(influxql.field(measurement.field(name)) for name in measurement.readings)
        rest = f"{influxql.where(None, _stored(measurement, tags))} ORDER BY time {order} LIMIT 1"
        found = self._ask(measurement, f"SELECT {fields} FROM {influxql.identifier(measurement.name)}{rest}")  # noqa: S608
        return influxql.instant(found[0]["time"]) if found else None

    def counts(
        self, measurement: Measurement, window: Window, *, tags: Mapping[str, str] | None = None
    ) -> dict[str, int]:
        """See `Store.counts`. Values count whatever their stored type."""
        known: dict[str, set[str]] = {}
        for row in self._ask(measurement, f"SHOW FIELD KEYS FROM {influxql.identifier(measurement.name)}"):
            if row["fieldKey"] in measurement.field_names:
                known.setdefault(row["fieldKey"], set()).add(row["fieldType"])
        place, stored = self._place(measurement), _stored(measurement, tags)
        found = row_queries.counts(self._connection, place, measurement.name, known, window, stored)
        return {name: sum(found.get(name, {}).values()) for name in measurement.field_names}

    def rows(self, measurement: Measurement, window: Window | None = None) -> int:
        return row_queries.number(self._connection, self._place(measurement), measurement.name, window)

    def delete(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        expected: Mapping[str, int] | None = None,
    ) -> None:
        """See `Store.delete`."""

        def check() -> None:
            if expected is not None:
                refuse_unexpected(expected, self.counts(measurement, window, tags=tags), measurement, window)

        self._writer.delete(self._place(measurement), measurement, window, _stored(measurement, tags), check)

    def keeps(self, measurement: Measurement) -> timedelta | None:
        """See `Store.keeps`: the retention of the bucket; None also where the token may not know it."""
        place = self._place(measurement)
        try:
            seconds = self._connection.retention(place)
        except NoBucket:
            if not self._connection.makes(place):
                raise
            return None
        return timedelta(seconds=seconds) if seconds else None

    def sizes(self) -> Mapping[str, int]:
        """See `Store.sizes`: the buckets that exist."""
        return sizes(self._connection, [self._bucket, self._tier_bucket])

    def probe(self) -> list[Probe]:
        return probe(self._connection, self._bucket, self._tier_bucket)

    def close(self) -> None:
        self._connection.close()

    def _place(self, measurement: Measurement) -> str:
        return self._tier_bucket if measurement.tier else self._bucket

    def _ask(self, measurement: Measurement, statement: str) -> list[dict[str, Any]]:
        (found,) = self._connection.ask(self._place(measurement), statement)
        return found


def _stored(measurement: Measurement, tags: Mapping[str, str] | None) -> dict[str, str] | None:
    """Tag values to look for, as they are stored. Raises KeyError for a tag that the measurement does not have."""
    known_tags(measurement, tags)
    return dict(zip(tags, as_stored(pa.array(tags.values(), pa.string())).to_pylist(), strict=True)) if tags else None
