"""A home grows old in simulated time: `python benchmarks/retention.py [--help]`.

Events of 200 entities, a smart meter with circuits, prices and carbon. Night after night rows arrive (some late, some
revised), tiers are rolled, days and months archived, and what is old enough is removed, by the functions that the
assets call. At the end everything is compared with the raw rows that were kept aside, and all raw days are restored.
On InfluxDB the bytes on disk are told, too, beside those of all raw rows. About half an hour a store, checks included.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from measuring import peak_bytes
from retention_storage import storage
from store_server import Server

from homeiq_assets.settings.variables import load
from homeiq_assets_tests.retention.ageing import NOT_PART, Ageing
from homeiq_assets_tests.retention.ageing_checks import check, check_restored
from homeiq_assets_tests.retention.ageing_home import AgeingHome
from homeiq_assets_tests.stores.influxd import SKIP_REASON, find_influxd

FIRST = date(2025, 1, 1)
ZONE = "Europe/Vienna"
MINUTES, BYTES = 10, 10**9
"""what the nights of a year may take, and the memory that they may need"""
SOON = ("--storage-cache-snapshot-write-cold-duration=20s", "--storage-compact-full-write-cold-duration=20s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="how many days the home grows old (%(default)s)")
    parser.add_argument("--more", type=int, default=35, help="days after these, so that daily rows go (%(default)s)")
    parser.add_argument("--events-per-day", type=int, default=10_000, choices=(10_000, 50_000))
    parser.add_argument("--store", default="both", choices=("embedded", "influxdb", "both"))
    parser.add_argument("--no-restore", action="store_true", help="leave out the restore of all raw days")
    arguments = parser.parse_args()
    if arguments.store != "embedded" and not find_influxd():
        parser.error(SKIP_REASON)
    if arguments.store == "both":
        # Each in a process of its own, so that each has its own peak of memory.
        for store in ("embedded", "influxdb"):
            subprocess.run([sys.executable, "-W", "ignore", *sys.argv, "--store", store], check=True)
        return
    invented = AgeingHome(ZoneInfo(ZONE), FIRST, arguments.days + arguments.more, arguments.events_per_day)
    with tempfile.TemporaryDirectory() as folder:
        variables = {
            "HOMEIQ_HOME": f"{folder}/home",
            "HOMEIQ_TIMEZONE": ZONE,
            "RETENTION_RAW_DAYS": "home_assistant_events=7",
        }
        if arguments.store == "embedded":
            measure(invented, variables | {"EVENTS_SOURCE": "simulated"}, Path(folder), None, arguments)
            return
        with Server(Path(folder), own=True) as server:
            variables |= {
                "EVENTS_SOURCE": "homeiq",
                "INFLUXDB_URL": server.url,
                "INFLUXDB_TOKEN": server.token,
                "INFLUXDB_ORG": server.org,
                "INFLUXDB_BUCKET": server.bucket("home"),
                "EVENTS_INFLUXDB_BUCKET": server.bucket("events"),
            }
            measure(invented, variables, Path(folder), server, arguments)


def measure(
    invented: AgeingHome,
    variables: Mapping[str, str],
    folder: Path,
    server: Server | None,
    arguments: argparse.Namespace,
) -> None:
    os.environ.update(variables)
    ageing = Ageing(invented, load(Path(os.devnull)), folder / "aside")
    print(f"\n{arguments.store}: {invented.days} days from {FIRST}, {invented.events:,} events a day", flush=True)
    wall, cpu, server_cpu = time.perf_counter(), time.process_time(), server.cpu() if server else 0.0
    for number, day in enumerate(invented.all_days):
        ageing.night(day)
        if number % 30 == 29:
            seconds = time.perf_counter() - wall
            print(f"  {day}: {seconds:6.0f} s, {peak_bytes() / 1e6:,.0f} MB at most", file=sys.stderr, flush=True)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    for name, seconds in ageing.seconds.most_common():
        print(f"  {name:<36}{seconds:>9.1f} s")
    nights = wall - ageing.seconds[NOT_PART]
    reached(
        f"{invented.days} nights, {nights:.0f} s of {wall:.0f}",
        nights / invented.days * 365 / 60,
        MINUTES,
        "minutes a year",
    )
    print(f"  CPU {cpu:.0f} s" + (f", of influxd {server.cpu() - server_cpu:.0f} s" if server else ""))
    reached("peak memory of the process", peak_bytes() / 1e6, BYTES / 1e6, "MB")
    if server:
        print(f"  peak memory of influxd {server.peak_bytes() / 1e6:,.0f} MB")
        # Only now: to compact every twenty seconds would cost the nights more than a day of real time would.
        server.restart(*SOON)
        storage(ageing, server)
    told("all that is left, beside all raw rows", lambda: check(ageing))
    if not arguments.no_restore:
        told("all raw days restored", lambda: check_restored(ageing))
    reached("peak memory of the process, all checks included", peak_bytes() / 1e6, BYTES / 1e6, "MB")


def told(what: str, work: Callable[[], Mapping[str, int]]) -> None:
    """Do a check and print what it compared."""
    began = time.perf_counter()
    compared = work()
    print(f"  {what}: {time.perf_counter() - began:.0f} s")
    for name, number in compared.items():
        print(f"    {number:>12,} {name}", flush=True)


def reached(what: str, value: float, target: float, unit: str) -> None:
    """Print a number beside its target."""
    print(
        f"  {what}: {value:,.1f} {unit}; target {target:,.0f}: {'reached' if value < target else 'MISSED'}", flush=True
    )


if __name__ == "__main__":
    main()
