"""The same work done by the codec and by influxdb-client: each function tells how many rows it did."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
from home_events import HOME_EVENTS
from influxdb_client import Point
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.dataframe_serializer import data_frame_to_list_of_points
from influxdb_client.client.write_api import SYNCHRONOUS, PointSettings

from homeiq_assets.stores.influxdb import influxql
from homeiq_assets.stores.influxdb.connection import Connection
from homeiq_assets.stores.influxdb.line_protocol import BATCH_ROWS, encode

NAME, TAGS, FIELDS = HOME_EVENTS.name, HOME_EVENTS.tag_names, HOME_EVENTS.field_names
COLUMNS = [pa.field(key, pa.string()) for key in TAGS] + [
    pa.field(one.name, one.type.arrow) for one in HOME_EVENTS.fields
]
FRAME: dict[str, Any] = {
    "data_frame_measurement_name": NAME,
    "data_frame_tag_columns": list(TAGS),
    "data_frame_timestamp_column": "time",
}
TIMEOUT = 600

Row = tuple[Any, ...]


def row_tuples(table: pa.Table) -> list[Row]:
    """What a program that uses `Point` has in hand: Python values, times in ns."""
    times = table["time"].cast(pa.int64()).to_pylist()
    return list(zip(times, *(table[key].to_pylist() for key in TAGS + FIELDS), strict=True))


def data_frame(table: pa.Table) -> pd.DataFrame:
    """The rows with texts as Python objects, which influxdb-client serialises faster than other kinds of texts."""
    frame = table.to_pandas()
    return frame.astype(dict.fromkeys((*TAGS, "state", "unit_of_measurement"), object))


def encode_ours(table: pa.Table) -> int:
    return table.num_rows if all(encode(table, NAME, TAGS, FIELDS)) else 0


def encode_points(rows: Iterable[Row]) -> int:
    lines = [point.to_line_protocol() for point in points(rows)]
    return len(lines) if "\n".join(lines).encode() else 0


def encode_frame(frame: pd.DataFrame) -> int:
    lines = data_frame_to_list_of_points(frame, PointSettings(), **FRAME)
    return len(lines) if "\n".join(lines).encode() else 0


def points(rows: Iterable[Row]) -> Iterator[Point]:
    for row in rows:
        time, *values = row
        point = Point(NAME).time(time)
        for key, value in zip(TAGS, values[: len(TAGS)], strict=True):
            point.tag(key, value)
        for key, value in zip(FIELDS, values[len(TAGS) :], strict=True):
            point.field(key, value)
        yield point


class Ours:
    """The codec behind the project's own connection."""

    def __init__(self, url: str, token: str, org: str) -> None:
        self._arguments = (url, token, org)

    def write(self, bucket: str, table: pa.Table) -> int:
        connection = self._connection(bucket)
        for lines in encode(table, NAME, TAGS, FIELDS):
            connection.write(bucket, lines)
        connection.close()
        return table.num_rows

    def read(self, bucket: str) -> int:
        connection = self._connection(bucket)
        expressions = influxql.columns(HOME_EVENTS, HOME_EVENTS.fields)
        table, _ = connection.rows(bucket, NAME, expressions, "", COLUMNS)
        connection.close()
        return int(table.num_rows)

    def _connection(self, bucket: str) -> Connection:
        return Connection(*self._arguments, {bucket: "INFLUXDB_BUCKET"}, TIMEOUT)


class Client:
    """influxdb-client, in batches of the same size."""

    def __init__(self, url: str, token: str, org: str) -> None:
        self._arguments = {"url": url, "token": token, "org": org, "timeout": TIMEOUT * 1000}

    def write_points(self, bucket: str, rows: list[Row]) -> int:
        with InfluxDBClient(**self._arguments) as client, client.write_api(write_options=SYNCHRONOUS) as api:
            remaining = iter(rows)
            while batch := list(itertools.islice(remaining, BATCH_ROWS)):
                api.write(bucket, record=list(points(batch)))
        return len(rows)

    def write_frame(self, bucket: str, frame: pd.DataFrame) -> int:
        with InfluxDBClient(**self._arguments) as client, client.write_api(write_options=SYNCHRONOUS) as api:
            for start in range(0, len(frame), BATCH_ROWS):
                api.write(bucket, record=frame.iloc[start : start + BATCH_ROWS], **FRAME)
        return len(frame)

    def read(self, bucket: str) -> int:
        flux = (
            f'from(bucket: "{bucket}") |> range(start: 2000-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)'
            f' |> filter(fn: (r) => r._measurement == "{NAME}")'
            ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
        )
        with InfluxDBClient(**self._arguments) as client:
            found = client.query_api().query_data_frame(flux)
        return sum(len(frame) for frame in found) if isinstance(found, list) else len(found)
