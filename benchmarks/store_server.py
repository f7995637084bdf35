"""The InfluxDB of the store's benchmark: its CPU, the writes it took, when it is at rest; the year in it."""

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

import httpx
import pyarrow as pa
from influxdb_client.client.influxdb_client import InfluxDBClient
from measuring import peak_bytes

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.stores.influxdb.connection import Connection
from homeiq_assets.stores.influxdb.line_protocol import encode
from homeiq_assets.stores.influxdb.store import InfluxStore
from homeiq_assets_tests.stores.influxd import Influxd

TIMEOUT = 600
_WRITES = re.compile(r'^http_api_requests_total\{.*method="POST",path="/api/v2/(?:write|delete)".*\} (\S+)$', re.M)
_TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """A real InfluxDB 2.7, started here or named by the environment; the CPU of the latter is not known.

    With `own` it is always one of our own.
    """

    def __init__(self, folder: Path, *, own: bool = False) -> None:
        self._influxd = Influxd(own=own)
        self._folder = folder
        self.url, self.token, self.org = self._influxd.url, self._influxd.token_all, self._influxd.org
        self._find_process()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._influxd.stop()

    def restart(self, *options: str) -> None:
        """Start one of our own anew, on its data, with options of `influxd`."""
        self._influxd.restart(*options)
        self._find_process()

    def _find_process(self) -> None:
        process = self._influxd._process
        self._process = process.pid if process and Path("/proc/self/stat").exists() else None

    def bucket(self, name: str | None = None) -> str:
        """A new one."""
        return self._influxd.create_bucket(name)

    def on_disk(self, bucket: str) -> int:
        """The bytes of the bucket's data files, of a server of our own."""
        return self._influxd.disk_size(bucket)

    def peak_bytes(self) -> int:
        """The most memory that the server has had at once; 0 where that cannot be told."""
        return 0 if self._process is None else peak_bytes(f"{self._process}")

    def store(self, bucket: str) -> InfluxStore:
        """Our store in a bucket."""
        return InfluxStore(self.url, self.token, self.org, bucket, f"{bucket}_tiers", self._folder, timeout=TIMEOUT)

    def connection(self, bucket: str) -> Connection:
        """What a store of ours speaks to the server by."""
        return Connection(self.url, self.token, self.org, {bucket: "INFLUXDB_BUCKET"}, TIMEOUT)

    def client(self) -> InfluxDBClient:
        """influxdb-client, as its documentation makes it."""
        return InfluxDBClient(url=self.url, token=self.token, org=self.org, timeout=TIMEOUT * 1000)

    def cpu(self) -> float:
        """Seconds of CPU that the server has used; 0 where that cannot be told."""
        if self._process is None:
            return 0.0
        after_name = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in after_name[11:13]) / _TICK

    def writes(self) -> int:
        """How many requests to write or to delete the server has had."""
        text = httpx.get(f"{self.url}/metrics", timeout=30, trust_env=False).raise_for_status().text
        return int(sum(float(count) for count in _WRITES.findall(text)))

    def settle(self, longest: float = 120) -> None:
        """Wait until the server has compacted what was written, so that it does not do so at another's expense."""
        give_up = time.monotonic() + longest
        quiet = 0
        while self._process is not None and quiet < 3 and time.monotonic() < give_up:
            before = self.cpu()
            time.sleep(1)
            quiet = quiet + 1 if self.cpu() - before < 0.05 else 0

    def load(self, bucket: str, measurement: Measurement, tables: Iterable[pa.Table]) -> None:
        """Write rows as fast as it goes."""
        connection = self.connection(bucket)
        for table in tables:
            for lines in ready_lines(measurement, table):
                connection.write(bucket, lines)
        connection.close()


def ready_lines(measurement: Measurement, table: pa.Table) -> list[bytes]:
    """Line protocol in batches of the size that the store writes."""
    return list(encode(table, measurement.name, measurement.tag_names, measurement.field_names))
