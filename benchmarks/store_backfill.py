"""The year's backfill of each view by the function that its asset calls, each in a process of its own."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from measuring import peak_bytes
from store_home import FIRST, ZONE, surroundings
from store_report import WIDTH, verdict
from store_server import Server

from homeiq_assets.home import open_home
from homeiq_assets.schema.measurements import (
    MV_DAILY_CARBON_SUMMARY,
    MV_DAILY_ENERGY_BY_DEVICE,
    MV_HOURLY_ROOM_ACTIVITY,
)
from homeiq_assets.settings.variables import load
from homeiq_assets.stores.opening import open_store

SECONDS, MEGABYTES = 60, 500
NAMES = (MV_DAILY_ENERGY_BY_DEVICE.name, MV_HOURLY_ROOM_ACTIVITY.name, MV_DAILY_CARBON_SUMMARY.name)


def backfills(server: Server, events_bucket: str, days: int, rounds: int) -> str:
    """Each view, into a new bucket each time; the last of these buckets."""
    told: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
    for _ in range(rounds):
        bucket = server.bucket()
        for measurement, rows in surroundings(days):
            server.load(bucket, measurement, [rows])
        for name in NAMES:
            server.settle()
            told[name].append(_backfill(server, events_bucket, bucket, name, days))
    print(f"\nBackfill of {days} local days in one run, medians of {rounds}, each in a process of its own")
    print(f"  {'':<{WIDTH}}{'rows':>9}{'s':>8}{'CPU s':>8}{'+ server':>10}{'peak MB':>9}{'of it libraries':>17}")
    for name, all_rounds in told.items():
        rows, wall, cpu, server_cpu, peak, libraries = (
            statistics.median(one[key] for one in all_rounds)
            for key in ("rows", "wall", "cpu", "server", "peak", "libraries")
        )
        print(
            f"  {name:<{WIDTH}}{rows:>9,.0f}{wall:>8.1f}{cpu:>8.1f}{cpu + server_cpu:>10.1f}{peak / 1e6:>9.0f}"
            f"{libraries / 1e6:>17.0f}  "
            + verdict(wall < SECONDS and peak < MEGABYTES * 1e6, f"below {SECONDS} s and {MEGABYTES} MB")
        )
    return bucket


def _backfill(server: Server, events_bucket: str, bucket: str, name: str, days: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "HOMEIQ_HOME": folder,
            "HOMEIQ_TIMEZONE": ZONE.key,
            "EVENTS_SOURCE": "homeiq",
            "EVENTS_INFLUXDB_BUCKET": events_bucket,
            "INFLUXDB_URL": server.url,
            "INFLUXDB_TOKEN": server.token,
            "INFLUXDB_ORG": server.org,
            "INFLUXDB_BUCKET": bucket,
        }
        before = server.cpu()
        done = subprocess.run(
            [sys.executable, __file__, name, str(days), folder],
            check=True, capture_output=True, text=True, env=os.environ | settings,
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1]) | {"server": server.cpu() - before}


def _run(name: str, days: int, folder: Path) -> None:
    """The child: prints what it took."""
    # Here, for the parent has no use for Dagster, whose memory a run of the asset does have.
    from homeiq_assets.defs import views  # noqa: PLC0415

    work = {NAMES[0]: views.energy_days, NAMES[1]: views.activity_days, NAMES[2]: views._summaries}[name]
    home = open_home(load(folder / "none.env"))
    store = open_store(home.settings)
    dates = [FIRST.date() + timedelta(days=number) for number in range(days)]
    libraries, start = peak_bytes(), time.perf_counter()
    rows = sum(day.rows.num_rows for day in work(dates, home, store))
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"rows": rows, "wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak": peak_bytes()}
    print(json.dumps(told | {"libraries": libraries}))


if __name__ == "__main__":
    _run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
