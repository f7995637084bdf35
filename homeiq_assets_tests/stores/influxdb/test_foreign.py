"""InfluxDB holds what others wrote, too: other tags, fields and types, which a replace respects or names."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from homeiq_assets.errors import FieldTypeConflict
from homeiq_assets.schema.measurement import Field, Tag, Type, rows_of
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import ALWAYS, InfluxPlace, Row, held, put, rows

pytestmark = pytest.mark.influxdb

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
YEARS_AGO = datetime(2024, 3, 10, 12, tzinfo=UTC)
DAY = Window(NOON - 12 * HOUR, NOON + 12 * HOUR)


@pytest.fixture
def place(influx_place: Callable[..., InfluxPlace]) -> InfluxPlace:
    return influx_place()


@pytest.fixture
def store(place: InfluxPlace) -> Iterator[Store]:
    opened = place.open()
    yield opened
    opened.close()


@pytest.fixture
def foreign(influxd: Influxd, place: InfluxPlace) -> Callable[[str, datetime], None]:
    """Stores a line of line protocol, given without its time, as another program would."""

    def write(line: str, time: datetime = NOON) -> None:
        influxd.write(place.bucket, f"{line} {int(time.timestamp())}000000000")

    return write


def meter(time: datetime, watts: float, **more: float) -> Row:
    return {"time": time, "meter_type": "emporia", "total_power_w": watts} | more


def test_a_row_without_a_declared_tag_is_replaced_by_one_that_has_it(
    store: Store, foreign: Callable[..., None]
) -> None:
    foreign("smart_meter total_power_w=100")
    assert held(store, SMART_METER) == [{"time": NOON, "meter_type": "", "total_power_w": 100.0}]

    done = store.replace(SMART_METER, rows_of(SMART_METER, [{"time": NOON, "total_power_w": 100.0}]), DAY)

    assert done == Replaced(written=1, removed=1)
    assert held(store, SMART_METER) == [{"time": NOON, "meter_type": "unknown", "total_power_w": 100.0}]


def test_what_others_stored_beside_goes_where_it_is_covered_and_stays_elsewhere(
    store: Store, foreign: Callable[..., None]
) -> None:
    wide = replace(
        SMART_METER, tags=(*SMART_METER.tags, Tag("room")), fields=(*SMART_METER.fields, Field("volts", Type.FLOAT))
    )
    for time in (NOON, NOON + HOUR, NOON + 20 * HOUR):
        foreign("smart_meter,meter_type=emporia,room=cellar total_power_w=100,volts=230", time)

    put(store, SMART_METER, [meter(NOON, 100.0)], DAY)

    assert held(store, wide) == [
        {"time": NOON, "meter_type": "emporia", "room": "", "total_power_w": 100.0},
        {"time": NOON + 20 * HOUR, "meter_type": "emporia", "room": "cellar", "total_power_w": 100.0, "volts": 230.0},
    ]


def test_rows_that_stay_because_they_are_finer_keep_what_others_stored_in_them(
    store: Store, foreign: Callable[..., None]
) -> None:
    wide = replace(
        SMART_METER, tags=(*SMART_METER.tags, Tag("room")), fields=(*SMART_METER.fields, Field("volts", Type.FLOAT))
    )
    finer = [NOON, NOON + 0.5 * HOUR]
    for time in (*finer, NOON + 3 * HOUR):
        foreign("smart_meter,meter_type=emporia,room=cellar total_power_w=100,volts=230", time)

    store.replace(SMART_METER, rows_of(SMART_METER, [meter(NOON, 150.0), meter(NOON + HOUR, 160.0)]), DAY, step=HOUR)

    kept = {"meter_type": "emporia", "room": "cellar", "total_power_w": 100.0, "volts": 230.0}
    assert held(store, wide) == [
        {"time": NOON + HOUR, "meter_type": "emporia", "room": "", "total_power_w": 160.0},
        *({"time": time} | kept for time in finer),
    ]


def test_whole_numbers_of_another_program_are_read_as_numbers(store: Store, foreign: Callable[..., None]) -> None:
    foreign("smart_meter,meter_type=emporia total_power_w=100i")

    assert held(store, SMART_METER) == rows(SMART_METER, meter(NOON, 100.0))
    assert store.counts(SMART_METER, ALWAYS)["total_power_w"] == 1


def test_rows_that_could_not_be_written_back_are_not_deleted(store: Store, foreign: Callable[..., None]) -> None:
    for hours in (-24, 0, 1, 2):
        foreign("smart_meter,meter_type=emporia total_power_w=100i", NOON + hours * HOUR)
    before = held(store, SMART_METER)

    # Nothing is new and one row is gone; the others are stored as integers, and floats cannot take their place.
    with pytest.raises(FieldTypeConflict, match=r"smart_meter\.total_power_w is stored as integer"):
        put(store, SMART_METER, [meter(NOON, 100.0), meter(NOON + HOUR, 100.0)], DAY)

    assert held(store, SMART_METER) == before


def test_a_field_stored_as_another_type_in_the_window_is_named_and_nothing_changes(
    store: Store, foreign: Callable[..., None]
) -> None:
    put(store, SMART_METER, [meter(NOON + HOUR, 1.0)])
    foreign('smart_meter,meter_type=emporia daily_kwh="8.5"')
    message = r"smart_meter\.daily_kwh is stored as string .*INFLUXDB_BUCKET"

    for act in (
        lambda: put(store, SMART_METER, [meter(NOON + HOUR, 2.0, daily_kwh=8.5)], DAY),
        lambda: store.read(SMART_METER, DAY),
        lambda: list(store.stream(SMART_METER, DAY)),
        lambda: store.last(SMART_METER, "daily_kwh", DAY.end),
    ):
        with pytest.raises(FieldTypeConflict, match=message):
            act()

    assert store.read(SMART_METER, DAY, columns=["total_power_w"])["total_power_w"].to_pylist() == [1.0]
    assert store.counts(SMART_METER, DAY) == {"total_power_w": 1, "daily_kwh": 1, "daily_export_kwh": 0}


def test_a_field_of_another_type_beside_the_window_but_in_its_shard_stops_before_anything_is_deleted(
    store: Store, foreign: Callable[..., None]
) -> None:
    stored = [meter(NOON, 1.0), meter(NOON + HOUR, 2.0)]
    put(store, SMART_METER, stored)
    foreign('smart_meter,meter_type=emporia daily_kwh="8.5"', NOON - 24 * HOUR)

    with pytest.raises(FieldTypeConflict, match=r"smart_meter\.daily_kwh is stored as string .*INFLUXDB_BUCKET"):
        put(store, SMART_METER, [meter(NOON + HOUR, 2.0, daily_kwh=9.0)], DAY)

    assert held(store, SMART_METER, DAY) == rows(SMART_METER, *stored)


def test_a_field_of_another_type_in_another_shard_only_stops_what_touches_it(
    store: Store, foreign: Callable[..., None]
) -> None:
    foreign('smart_meter,meter_type=emporia total_power_w="strong"', YEARS_AGO)
    foreign("smart_meter,meter_type=emporia total_power_w=true", YEARS_AGO - 1000 * HOUR)

    put(store, SMART_METER, [meter(NOON, 1.0), meter(NOON + HOUR, 2.0)], DAY)
    put(store, SMART_METER, [meter(NOON, 1.0)], DAY)

    assert held(store, SMART_METER, DAY) == rows(SMART_METER, meter(NOON, 1.0))
    assert store.newest(SMART_METER) == NOON
    assert store.counts(SMART_METER, ALWAYS)["total_power_w"] == 3
    for window in (ALWAYS, Window(YEARS_AGO, YEARS_AGO + HOUR)):
        with pytest.raises(FieldTypeConflict, match=r"total_power_w is (stored as|not double)"):
            store.read(SMART_METER, window)


def test_values_with_a_fraction_where_whole_numbers_are_due_are_named(
    store: Store, foreign: Callable[..., None]
) -> None:
    whole = replace(SMART_METER, fields=(Field("total_power_w", Type.INTEGER),))
    foreign("smart_meter,meter_type=emporia total_power_w=1.5")

    with pytest.raises(FieldTypeConflict, match=r"smart_meter .*INFLUXDB_BUCKET.* total_power_w is not int64"):
        store.read(whole, DAY)


@pytest.mark.parametrize("name", ["a\nb", "tab\tand\rreturn", "ends\\"], ids=["line break", "tab", "backslash"])
def test_a_tag_that_line_protocol_cannot_carry_is_stored_the_same_way_each_time(store: Store, name: str) -> None:
    answer = rows_of(SMART_METER_CIRCUIT, [{"time": NOON, "circuit_name": name, "power_w": 5.0}])

    assert store.replace(SMART_METER_CIRCUIT, answer, DAY) == Replaced(written=1)
    assert store.replace(SMART_METER_CIRCUIT, answer, DAY) == Replaced(unchanged=1)
    assert store.counts(SMART_METER_CIRCUIT, DAY, tags={"circuit_name": name})["power_w"] == 1
    store.delete(SMART_METER_CIRCUIT, DAY, tags={"circuit_name": name})
    assert held(store, SMART_METER_CIRCUIT) == []


def test_a_bucket_named_as_database_and_policy_is_that_bucket(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace]
) -> None:
    place = influx_place(bucket=influxd.create_bucket(f"{uuid.uuid4().hex}/weekly"))
    store = place.open()

    put(store, SMART_METER, [meter(NOON, 1.0), meter(NOON + HOUR, 2.0)], DAY)
    put(store, SMART_METER, [meter(NOON, 1.0)], DAY)

    assert held(store, SMART_METER) == rows(SMART_METER, meter(NOON, 1.0))
    store.close()
