"""Raw days into the archive and back: `python benchmarks/archive.py [--help]`.

Bytes of an object, writing with all that is checked, writing again what is there, reading; in a folder, and in moto's
S3 (a process of its own, on the same cores) by boto3 and by pyarrow.fs beside it. About a minute on two cores.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import boto3
import httpx
import pyarrow as pa
import pyarrow.compute as pc
from home_events import EVENTS_PER_DAY, HOME_EVENTS, START, by_series
from measuring import race, report
from pyarrow import fs

from homeiq_assets.archive.days import read_day, write_day
from homeiq_assets.archive.manifest import Manifest
from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.archive.s3 import S3Bucket
from homeiq_assets.schema.measurement import TIME

UTC, DAY, BUCKET = ZoneInfo("UTC"), START.date(), "benchmark"
KEY = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "not-so-secret"}
Opening = Callable[[], ObjectStore]
"""a new, empty archive each time"""


def day_of(count: int) -> pa.Table:
    """`count` events in one day."""
    events = by_series(count)
    start = int(START.timestamp()) * 10**9
    since = pc.divide(pc.subtract(events["time"].cast(pa.int64()), start), -(-count // EVENTS_PER_DAY))
    return events.set_column(0, events.schema.field("time"), pc.add(since, start).cast(TIME))


class ArrowBucket:
    """The same objects by pyarrow.fs."""

    def __init__(self, url: str, prefix: str) -> None:
        host = url.removeprefix("http://")
        self._files = fs.S3FileSystem(
            access_key=KEY["aws_access_key_id"], secret_key=KEY["aws_secret_access_key"], region="us-east-1",
            endpoint_override=host, scheme="http",
        )  # fmt: skip
        self._root = f"{BUCKET}/{prefix}"

    def put(self, name: str, data: bytes) -> None:
        with self._files.open_output_stream(f"{self._root}/{name}") as stream:
            stream.write(data)

    def get(self, name: str) -> bytes | None:
        try:
            with self._files.open_input_stream(f"{self._root}/{name}") as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None

    def sizes(self, folder: str) -> dict[str, int]:
        below = fs.FileSelector(f"{self._root}/{folder}", recursive=True, allow_not_found=True)
        found = self._files.get_file_info(below)
        return {one.path.removeprefix(f"{self._root}/"): one.size for one in found if one.type == fs.FileType.File}

    def delete(self, name: str) -> None:
        self._files.delete_file(f"{self._root}/{name}")

    def probe(self) -> str:
        return self._root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="how often each takes its turn (%(default)s)")
    rounds = parser.parse_args().rounds
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with tempfile.TemporaryDirectory() as folder:
            measure(url, Path(folder), rounds)
    finally:
        server.terminate()
        server.wait()


def measure(url: str, folder: Path, rounds: int) -> None:
    while True:
        try:
            httpx.get(url)
            break
        except httpx.ConnectError:
            time.sleep(0.1)
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **KEY)
    client.create_bucket(Bucket=BUCKET)
    openings: dict[str, Opening] = {
        "boto3": lambda: S3Bucket(client, BUCKET, uuid4().hex),
        "pyarrow.fs": lambda: ArrowBucket(url, uuid4().hex),
        "folder": lambda: LocalFolder(folder / uuid4().hex),
    }
    for count in (EVENTS_PER_DAY, 5 * EVENTS_PER_DAY):
        days(count, openings, rounds)


def days(count: int, openings: dict[str, Opening], rounds: int) -> None:
    day = day_of(count)
    places = {name: opening() for name, opening in openings.items()}
    manifests = {name: write(day, objects) for name, objects in places.items()}
    (size,) = {manifest.bytes for manifest in manifests.values()}
    print(f"\n{count:,} events: an object of {size:,} bytes, {size / count:.1f} an event; medians of {rounds} rounds")
    data = places["folder"].get(manifests["folder"].object)
    assert data is not None

    def put_and_get(objects: ObjectStore) -> int:
        objects.put("x.parquet", data)
        assert objects.get("x.parquet") == data
        return count

    for title, work in {
        "the bytes alone, up and down": lambda name: put_and_get(places[name]),
        "a day written, checked and named": lambda name: write(day, openings[name]()).rows,
        "the same day again": lambda name: write(day, places[name]).rows,
        "a day read": lambda name: read_day(HOME_EVENTS, DAY, UTC, places[name]).num_rows,
    }.items():
        timings = race({name: lambda name=name, work=work: work(name) for name in openings}, rounds)
        report(title, count, timings)
        print(
            "  seconds: " + ", ".join(f"{name} {sorted(t.wall)[len(t.wall) // 2]:.3f}" for name, t in timings.items())
        )


def write(day: pa.Table, objects: ObjectStore) -> Manifest:
    return write_day(day, HOME_EVENTS, DAY, UTC, objects)


if __name__ == "__main__":
    main()
