"""The bytes that an aged home takes on disk after compaction, beside those of all its raw rows, in a real InfluxDB."""

import time
from contextlib import closing

from store_server import Server

from homeiq_assets.events.opening import events_bucket
from homeiq_assets.stores.opening import opened_bucket
from homeiq_assets_tests.retention.ageing import Ageing

ALL_RAW = "all_raw"
TARGETS = {10_000: 0.85, 50_000: 0.95}
"""by events a day, the share of the bytes that is to be saved"""


def storage(ageing: Ageing, server: Server) -> None:
    """Print a table of bytes, with the ratio to all raw rows."""
    server.bucket(ALL_RAW)
    rows = 0
    with closing(opened_bucket(ALL_RAW, ageing.settings)) as store:
        for measurement in ageing.invented.measurements:
            for day in ageing.invented.all_days:
                table = ageing.raw.read(measurement, day)
                if table is not None:
                    store.put(ageing.stored_as(measurement), table)
                    rows += table.num_rows
        home, events = ageing.settings.required("INFLUXDB_BUCKET"), events_bucket(ageing.settings)
        buckets = (home, events, f"{home}_tiers", ALL_RAW)
        sizes, waited = _settled(server, buckets)
        told = {**ageing.store.sizes(), ALL_RAW: store.sizes()[ALL_RAW]}
    whole, aged = sizes[ALL_RAW], sum(sizes[bucket] for bucket in buckets[:-1])
    print(f"  bytes on disk, at rest after {waited:.0f} s; {rows:,} raw rows, {whole / rows:.1f} bytes each")
    for what, size in {
        "all raw rows": whole,
        "aged: raw rows of feeds": sizes[home],
        "aged: events": sizes[events],
        "aged: tiers and ledger": sizes[f"{home}_tiers"],
        "aged, together": aged,
        "archive (Parquet), raw days": _archived(ageing, daily=False),
        "archive (Parquet), daily tiers": _archived(ageing, daily=True),
    }.items():
        print(f"    {what:<36}{size:>14,}{size / whole:>9.1%}")
    apart = [f"{name} {told[name]:,} and {sizes[name]:,}" for name in told if abs(told[name] - sizes[name]) > 4096]
    print(f"    /metrics and the files {'agree' if not apart else 'differ: ' + ', '.join(apart)}")
    saved, target = 1 - aged / whole, TARGETS[ageing.invented.events]
    print(f"  saved {saved:.1%}; target {target:.0%}: {'reached' if saved >= target else 'MISSED'}", flush=True)


def _archived(ageing: Ageing, *, daily: bool) -> int:
    sizes = ageing.archive.sizes("")
    return sum(size for name, size in sizes.items() if ("/day=" not in name) == daily)


def _settled(server: Server, buckets: tuple[str, ...], longest: float = 300) -> tuple[dict[str, int], float]:
    """The bytes of each bucket's files once they stay the same for longer than it takes a shard to go cold."""
    began = time.monotonic()
    sizes: dict[str, int] = {}
    same = began
    while time.monotonic() - same < 45 and time.monotonic() - began < longest:
        now = {bucket: server.on_disk(bucket) for bucket in buckets}
        if now != sizes:
            sizes, same = now, time.monotonic()
        time.sleep(1)
    return sizes, time.monotonic() - began
