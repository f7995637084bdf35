"""What is written as line protocol to a real InfluxDB is exactly what is read back from its CSV."""

import struct
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings

from homeiq_assets.schema.measurement import Field, Measurement, Tag, Type
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.influxdb.influxql import FIRST_NS, LAST_NS
from homeiq_assets.stores.influxdb.line_protocol import as_stored
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.influxdb.codec_rows import START_NS, Rows, kept, rows, table_of
from homeiq_assets_tests.stores.places import InfluxPlace

pytestmark = pytest.mark.influxdb

ALL_TIMES = Window(datetime(1600, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC))


class Bucket:
    """A bucket of its own, written as line protocol and read as a store."""

    def __init__(self, influxd: Influxd, place: InfluxPlace) -> None:
        self._influxd, self._name = influxd, place.bucket
        self.store: Store = place.open()

    def write(self, given_rows: Rows, **options: Any) -> None:
        for lines in given_rows.encoded(**options):
            self._influxd.write(self._name, lines.decode())

    def read(self, given_rows: Rows) -> list[dict[str, Any]]:
        """The rows under the same name, as `kept` tells rows, in order of their times."""
        measurement = Measurement(
            given_rows.name,
            tuple(Tag(key) for key in given_rows.tags),
            tuple(Field(key, type_) for key, type_ in given_rows.typed.items()),
        )
        table = self.store.read(measurement, ALL_TIMES)
        found = kept(Rows(given_rows.name, given_rows.tags, given_rows.typed, table))
        return sorted(found, key=lambda row: int(row["time"]))


@pytest.fixture
def bucket(influxd: Influxd, influx_place: Callable[..., InfluxPlace]) -> Iterator[Bucket]:
    opened = Bucket(influxd, influx_place())
    yield opened
    opened.store.close()


def to_be_read(given_rows: Rows) -> list[dict[str, Any]]:
    """What a store should tell of the rows: tags as InfluxDB keeps them, all else as it is."""
    found = sorted(kept(given_rows), key=lambda row: int(row["time"]))
    for row in found:
        row |= {key: as_stored(pa.array([row[key]]))[0].as_py() for key in given_rows.tags}
    return found


def exact(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in which floats are equal only if all their bits are."""
    return [
        {key: struct.pack("d", value) if isinstance(value, float) else value for key, value in row.items()}
        for row in found
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_rows=rows())
def test_rows_come_back_as_they_were_written(bucket: Bucket, given_rows: Rows) -> None:
    mine = Rows(f"{given_rows.name} {uuid.uuid4()}", given_rows.tags, given_rows.typed, given_rows.table)
    assume(kept(mine))

    bucket.write(mine, batch_rows=5)

    assert exact(bucket.read(mine)) == exact(to_be_read(mine))


def test_the_ends_of_every_range_come_back(bucket: Bucket) -> None:
    floats = [
        5e-324,
        -5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
        -1.7976931348623157e308,
        -0.0,
        0.1 + 0.2,
    ]
    integers = [2**63 - 1, -(2**63), 0, 2**53 + 1, -1, None, 1]
    table = table_of(range(START_NS, START_NS + 7), f=floats, n=integers)
    extremes = Rows("extremes", (), {"f": Type.FLOAT, "n": Type.INTEGER}, table)

    bucket.write(extremes)

    assert exact(bucket.read(extremes)) == exact(to_be_read(extremes))


def test_the_first_and_the_last_nanosecond_come_back(bucket: Bucket) -> None:
    times = [FIRST_NS, -1, 0, 1, LAST_NS - 1]
    instants = Rows("instants", (), {"n": Type.INTEGER}, table_of(times, n=[1, 2, 3, 4, 5]))

    bucket.write(instants)

    assert [(row["time"], row["n"]) for row in bucket.read(instants)] == list(zip(times, range(1, 6), strict=True))


def test_strings_of_every_kind_come_back(bucket: Bucket) -> None:
    texts = [
        "",
        " ",
        '"',
        '""',
        "\\",
        '\\"',
        "\\\\\\",
        "\n",
        "a\r\nb\n\nc",
        "\r",
        "\t",
        ",",
        "#",
        "🏠 Küche\u2028",
        "'",
    ]
    texts += [
        "null",
        "NaN",
        "true",
        "1.5",
        "\x00",
        "m,t=v f=1 1\nm,t=v f=2 2",
        "x\n\nname,tags,fieldKey,fieldType\nm,,n,float",
    ]
    table = table_of(range(START_NS, START_NS + len(texts)), s=texts)
    written = Rows("texts", (), {"s": Type.STRING}, table)

    bucket.write(written)

    assert [row["s"] for row in bucket.read(written)] == texts


def test_tags_come_back_as_line_protocol_can_tell_them(bucket: Bucket) -> None:
    values = [
        "a b",
        "a,b",
        "a=b",
        '"',
        "a\\b",
        "a\\,b",
        "a\\ b",
        "a\\=b",
        "\\a",
        "end\\",
        "end\\\\",
        " ",
        "x\ny\tz\r",
        "🏠",
    ]
    table = table_of(range(START_NS, START_NS + len(values)), t=values, u=["v"] * len(values), n=[1] * len(values))
    written = Rows("tags", ("t", "u"), {"n": Type.INTEGER}, table)

    bucket.write(written)

    assert [row["t"] for row in bucket.read(written)] == [
        *[
            "a b",
            "a,b",
            "a=b",
            '"',
            "a\\b",
            "a\\,b",
            "a\\ b",
            "a\\=b",
            "\\a",
            "end ",
            "end\\ ",
            " ",
            "x\\ny\tz\\r",
            "🏠",
        ]
    ]


def test_the_longest_string_that_influxdb_takes_comes_back(bucket: Bucket) -> None:
    longest = Rows("long", (), {"s": Type.STRING}, table_of([START_NS, START_NS + 1], s=['"' * 2**20, "short"]))

    bucket.write(longest)

    assert bucket.read(longest) == kept(longest)


def test_more_rows_than_a_batch_a_slab_and_a_block_hold_come_back(bucket: Bucket) -> None:
    count = 60_000
    numbers = [n / 7 if n % 3 else None for n in range(count)]
    texts = [f"state {n % 50}, said twice" if n % 2 else None for n in range(count)]
    rooms = [f"room {n % 20}" if n % 20 else "" for n in range(count)]
    table = table_of(range(START_NS, START_NS + count * 1000, 1000), room=rooms, f=numbers, s=texts)
    many = Rows("many", ("room",), {"f": Type.FLOAT, "s": Type.STRING}, table)

    bucket.write(many)

    assert bucket.read(many) == kept(many)
