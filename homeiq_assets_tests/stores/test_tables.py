"""The order of rows: by tags, then time, whatever the tags are."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.schema.measurement import TIME, Field, Measurement, Tag, Type
from homeiq_assets.stores.tables import ordered


def readings(tags: int) -> Measurement:
    return Measurement("readings", tuple(Tag(f"t{n}") for n in range(tags)), (Field("value", Type.FLOAT),))


def table(measurement: Measurement, rows: list[tuple[int, tuple[str, ...]]]) -> pa.Table:
    columns = {"time": pa.array([time for time, _ in rows], pa.int64()).cast(TIME)}
    columns |= {name: pa.array([tags[n] for _, tags in rows]) for n, name in enumerate(measurement.tag_names)}
    columns |= {"value": pa.array([float(n) for n in range(len(rows))])}
    return pa.table(columns, schema=measurement.arrow)


@given(st.lists(st.tuples(st.integers(-5, 5), st.tuples(*[st.text("aZé🏠 \x00", max_size=2)] * 3)), max_size=30))
def test_rows_are_in_the_order_of_their_tags_bytes_then_of_time(rows: list[tuple[int, tuple[str, ...]]]) -> None:
    measurement = readings(3)

    found = ordered(table(measurement, rows), measurement)

    expected = sorted(range(len(rows)), key=lambda n: ([text.encode() for text in rows[n][1]], rows[n][0]))
    assert [int(number) for number in found["value"].to_pylist()] == expected


@pytest.mark.parametrize("tags", [0, 1, 40])
def test_there_may_be_more_combinations_of_tags_than_64_bits_count(tags: int) -> None:
    measurement = readings(tags)
    rows = [(number, (f"{9 - number % 10}",) * tags) for number in range(20)]

    found = ordered(table(measurement, rows), measurement)

    expected = sorted(range(20), key=lambda number: (rows[number][1], number))
    assert [int(number) for number in found["value"].to_pylist()] == expected
