"""The codec against influxdb-client, side by side in one run: `.venv/bin/python benchmarks/codec.py [--help]`.

Encoding (Arrow to line protocol), reading (a CSV answer to Arrow) and peak memory, without a server; with
`influxd` on PATH also writing to and reading from a real InfluxDB.
"""

import argparse
import tempfile
from pathlib import Path

import home_events
import pyarrow as pa
from codec_contenders import (
    FIELDS,
    NAME,
    TAGS,
    Client,
    Ours,
    data_frame,
    encode_frame,
    encode_ours,
    encode_points,
    points,
    row_tuples,
)
from codec_memory import TIMES, growths
from codec_server import serving
from measuring import race, report

from homeiq_assets.stores.influxdb.line_protocol import encode
from homeiq_assets_tests.stores.influxd import SKIP_REASON, Influxd, find_influxd

POINT = "client: Point(...).to_line_protocol()"
FRAME = "client: DataFrame serialiser"
ENCODE_TARGETS = {POINT: 30.0, FRAME: 15.0}
READ_TARGETS = {"client: query_data_frame": 15.0}


def encoding(title: str, table: pa.Table, rounds: int, targets: dict[str, float] | None = None) -> None:
    rows, frame = row_tuples(table), data_frame(table)
    contenders = {
        "encode": lambda: encode_ours(table),
        POINT: lambda: encode_points(rows),
        FRAME: lambda: encode_frame(frame),
    }
    report(f"Encoding {title}", table.num_rows, race(contenders, rounds), targets)


def same_lines(table: pa.Table) -> bool:
    """Whether the lines of the codec are, byte for byte, those of `Point`."""
    lines = b"".join(encode(table, NAME, TAGS, FIELDS)).decode()
    return lines == "".join(f"{point.to_line_protocol()}\n" for point in points(row_tuples(table)))


def reading(table: pa.Table, influxql_csv: bytes, flux_csv: bytes, rounds: int) -> None:
    with serving({"/query": influxql_csv, "/api/v2/query": flux_csv}) as url:
        ours, client = Ours(url, "token", "org"), Client(url, "token", "org")
        contenders = {
            "InfluxQL's CSV to an Arrow table": lambda: ours.read("bucket"),
            "client: query_data_frame": lambda: client.read("bucket"),
        }
        timings = race(contenders, rounds)
    report(
        f"Reading, the client's side only: a loopback server sends the same {table.num_rows:,} rows, to the codec as "
        f"InfluxQL's CSV\n({len(influxql_csv) / 1e6:.1f} MB), to influxdb-client as Flux's annotated CSV, pivoted "
        f"({len(flux_csv) / 1e6:.1f} MB); both by their whole HTTP path",
        table.num_rows,
        timings,
        READ_TARGETS,
    )


def memory(table: pa.Table, influxql_csv: bytes, flux_csv: bytes) -> None:
    print("\nGrowth of peak memory in MiB, each in a process of its own (Arrow reads up to 32 blocks of CSV ahead)")
    print(f"  {'':<44}" + "".join(f"{times * table.num_rows:>12,} rows" for times in TIMES))
    with tempfile.TemporaryDirectory() as folder:
        for name, growth in growths(Path(folder), table, influxql_csv, flux_csv).items():
            print(f"  {name:<44}" + "".join(f"{one / 2**20:>17.1f}" for one in growth))


def real_server(table: pa.Table, rounds: int) -> None:
    rows, frame = row_tuples(table), data_frame(table)
    server = Influxd()
    try:
        ours = Ours(server.url, server.token_all, server.org)
        client = Client(server.url, server.token_all, server.org)
        contenders = {
            "encode and write": lambda: ours.write(server.create_bucket(), table),
            "client: Points": lambda: client.write_points(server.create_bucket(), rows),
            "client: DataFrame": lambda: client.write_frame(server.create_bucket(), frame),
        }
        report(
            "Writing to a real InfluxDB on this machine (CPU: without the server's), batches of 5000 rows",
            table.num_rows,
            race(contenders, rounds),
        )
        bucket = server.create_bucket()
        ours.write(bucket, table)
        contenders = {
            "InfluxQL's CSV to an Arrow table": lambda: ours.read(bucket),
            "client: query_data_frame, pivoted": lambda: client.read(bucket),
        }
        report(
            "Reading from a real InfluxDB on this machine (CPU: without the server's)",
            table.num_rows,
            race(contenders, rounds),
        )
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=50_000, help="how many events (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each takes its turn (%(default)s)")
    arguments = parser.parse_args()
    count, rounds = arguments.rows, arguments.rounds

    table = home_events.by_series(count)
    print(f"{count:,} Home Assistant events: {home_events.ENTITIES} entities, {len(TAGS)} tags, {len(FIELDS)} fields.")
    print(f"Medians of {rounds} rounds, in each of which everybody takes a turn.")
    print(f"The codec's lines are those of Point, byte for byte: {'yes' if same_lines(table) else 'NO'}.")
    encoding("in the order in which a store gets rows, by series", table, rounds, ENCODE_TARGETS)
    encoding("in the order in which events happen", home_events.by_time(count), rounds)
    encoding("the same, but every number of 16 digits and seen once", home_events.every_number_another(count), rounds)
    influxql_csv, flux_csv = home_events.influxql_csv(table), home_events.flux_csv(table)
    reading(table, influxql_csv, flux_csv, rounds)
    memory(table, influxql_csv, flux_csv)
    if find_influxd():
        real_server(table, rounds)
    else:
        print(f"\nWriting to and reading from a real InfluxDB are left out: that {SKIP_REASON}")


if __name__ == "__main__":
    main()
