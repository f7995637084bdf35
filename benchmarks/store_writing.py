"""How the store writes and reads, beside ready-made lines and influxdb-client: each function tells how many rows."""

import warnings
from datetime import UTC

import pandas as pd
import pyarrow as pa
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.warnings import MissingPivotFunction
from measuring import race
from store_home import events, window
from store_report import report, verdict
from store_server import Server, ready_lines

from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.stores.influxdb.store import InfluxStore
from homeiq_assets.window import Window

LINES = "ready-made lines, same connections"
FRAME, PIVOTED = "client: query_data_frame", "client: query_data_frame, pivoted by the server"
WRITE_TARGETS, READ_TARGETS = {LINES: 0.9}, {FRAME: 15.0}


def writing(server: Server, rounds: int, days: int = 31) -> None:
    """Days that were not stored yet: a month as a backfill gives it, and each of its days for itself."""
    tables = [events(number) for number in range(days)]
    month = pa.concat_tables(tables).sort_by([(name, "ascending") for name in _KEYS]).combine_chunks()
    for title, parts, windows in (
        ("in one replace", [month], [window(0, days)]),
        ("a replace a day", tables, [window(number, 1) for number in range(days)]),
    ):
        lines = [batch for part in parts for batch in ready_lines(HOME_ASSISTANT_EVENTS, part)]

        def replace(parts: list[pa.Table] = parts, windows: list[Window] = windows) -> int:
            store = server.store(server.bucket())
            written = sum(
                store.replace(HOME_ASSISTANT_EVENTS, part, covers).written
                for part, covers in zip(parts, windows, strict=True)
            )
            store.close()
            return written

        def send(lines: list[bytes] = lines) -> int:
            bucket = server.bucket()
            connection = server.connection(bucket)
            for batch in lines:
                connection.write(bucket, batch)
            connection.close()
            return sum(batch.count(b"\n") for batch in lines)

        report(
            f"Writing {month.num_rows:,} events of {days} days, {title}",
            race({"store.replace": replace, LINES: send}, rounds, server.cpu),
            WRITE_TARGETS,
            rows=month.num_rows,
        )


def reading(server: Server, bucket: str, rounds: int, days: int = 30) -> None:
    """All fields of the days, from the bucket that holds the year."""
    store, client = server.store(bucket), server.client()
    covers = window(0, days)
    contenders = {
        "store.read": lambda: store.read(HOME_ASSISTANT_EVENTS, covers).num_rows,
        "store.stream, a day at a time": lambda: sum(
            table.num_rows for table in store.stream(HOME_ASSISTANT_EVENTS, covers)
        ),
        PIVOTED: lambda: len(frame_of(client, bucket, covers)),
        FRAME: lambda: int((frame_of(client, bucket, covers, pivot="")["_field"] == "state").sum()),
    }
    rows = contenders["store.read"]()
    report(f"Reading all fields of {days} days", race(contenders, rounds, server.cpu), READ_TARGETS, rows=rows)
    store.close()
    client.close()


def unchanged(server: Server, bucket: str, rounds: int) -> None:
    """A day replaced by itself."""
    store, table, covers = server.store(bucket), events(40), window(40, 1)
    writes = server.writes()
    timings = race({"store.replace": lambda: _unchanged(store, table, covers)}, rounds, server.cpu)
    report(f"A stored day of {table.num_rows:,} events replaced by the same", timings, rows=table.num_rows)
    writes = server.writes() - writes
    print(f"  requests to write or delete: {writes}  {verdict(writes == 0, 'none')}")
    store.close()


PIVOT = '|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'


def frame_of(client: InfluxDBClient, bucket: str, covers: Window, pivot: str = PIVOT) -> pd.DataFrame:
    """What influxdb-client reads of the window: a row for each event; without `pivot` one for each of its values."""
    start, end = (f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for instant in (covers.start, covers.end))
    warnings.simplefilter("ignore", MissingPivotFunction)
    found = client.query_api().query_data_frame(
        f'from(bucket: "{bucket}") |> range(start: {start}, stop: {end})'
        f' |> filter(fn: (r) => r._measurement == "{HOME_ASSISTANT_EVENTS.name}")'
        f" {pivot}"
    )
    return pd.concat(found) if isinstance(found, list) else found


_KEYS = (*HOME_ASSISTANT_EVENTS.tag_names, "time")


def _unchanged(store: InfluxStore, table: pa.Table, covers: Window) -> int:
    done = store.replace(HOME_ASSISTANT_EVENTS, table, covers)
    assert done.written == 0, done
    return done.unchanged
