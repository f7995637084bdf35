"""The store and the views on a real InfluxDB 2.7 with a year of a home in it: `python benchmarks/store.py [--help]`.

Writing beside ready-made lines, reading beside influxdb-client, a day replaced by itself, the backfill of the year's
views, and what a dashboard asks, from a view and from raw events. About ten minutes on two cores.
"""

import argparse
import tempfile
from pathlib import Path

from store_backfill import backfills
from store_home import EVENTS_PER_DAY, events
from store_server import Server
from store_views import dashboards
from store_writing import reading, unchanged, writing

from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets_tests.stores.influxd import SKIP_REASON, find_influxd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="how many days of the home (%(default)s, at least 45)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each takes its turn (%(default)s)")
    arguments = parser.parse_args()
    if not find_influxd():
        parser.error(SKIP_REASON)
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
        measure(server, max(arguments.days, 45), arguments.rounds)


def measure(server: Server, days: int, rounds: int) -> None:
    print(f"{days} days of {EVENTS_PER_DAY:,} events; medians of {rounds} rounds in which everybody takes a turn.")
    writing(server, rounds)
    bucket = server.bucket()
    server.load(bucket, HOME_ASSISTANT_EVENTS, map(events, range(days)))
    server.settle()
    reading(server, bucket, rounds)
    unchanged(server, bucket, rounds)
    views = backfills(server, bucket, days, min(rounds, 3))
    server.settle()
    dashboards(server, bucket, views, rounds)


if __name__ == "__main__":
    main()
