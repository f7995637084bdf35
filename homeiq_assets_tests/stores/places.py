"""Where a store is, so that a test can open it, and open it again in another process; and rows to compare."""

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from homeiq_assets.schema.measurement import Measurement, rows_of
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.stores.influxdb.store import InfluxStore
from homeiq_assets.window import Window

Row = Mapping[str, Any]
ALWAYS = Window(datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class EmbeddedPlace:
    """A folder, which need not exist."""

    folder: Path
    lock_timeout: float = 30

    def open(self) -> Store:
        return EmbeddedStore(self.folder, lock_timeout=self.lock_timeout)


@dataclass(frozen=True)
class InfluxPlace:
    """A bucket, and the folder of its writers' locks."""

    url: str
    token: str
    org: str
    bucket: str
    tier_bucket: str
    locks: Path
    timeout: float = 30
    lock_timeout: float = 30
    batch_rows: int = 5000
    setting: str = "INFLUXDB_BUCKET"
    makes: bool = False

    def open(self) -> Store:
        return InfluxStore(
            self.url,
            self.token,
            self.org,
            self.bucket,
            self.tier_bucket,
            self.locks,
            timeout=self.timeout,
            lock_timeout=self.lock_timeout,
            batch_rows=self.batch_rows,
            setting=self.setting,
            makes=self.makes,
        )


Place = EmbeddedPlace | InfluxPlace


@contextmanager
def locked_by_another(place: Place, measurement: str) -> Iterator[None]:
    """Hold the lock of a measurement that was written, as another process would."""
    path = (
        place.folder / measurement / ".lock"
        if isinstance(place, EmbeddedPlace)
        else place.locks / f"influxdb-{measurement}.lock"
    )
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def plain(table: pa.Table) -> list[dict[str, Any]]:
    """The rows in their order, each with what it has."""
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


def held(store: Store, measurement: Measurement, window: Window = ALWAYS) -> list[dict[str, Any]]:
    """What the store holds in the window, as `plain` says it."""
    return plain(store.read(measurement, window))


def rows(measurement: Measurement, *given: Row) -> list[dict[str, Any]]:
    """What a store holds that was given these rows and nothing else."""
    return plain(rows_of(measurement, given))


def put(store: Store, measurement: Measurement, given: Sequence[Row], window: Window = ALWAYS) -> None:
    """Store the rows as all there is in the window."""
    store.replace(measurement, rows_of(measurement, given), window)
