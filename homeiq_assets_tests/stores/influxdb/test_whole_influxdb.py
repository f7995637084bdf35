"""What others may have stored in InfluxDB, given whole: types that differ between shards, names used twice."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from homeiq_assets.errors import FieldTypeConflict, StoreError
from homeiq_assets.schema.measurement import Type
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import InfluxPlace, plain

pytestmark = pytest.mark.influxdb

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 9, tzinfo=UTC)
"""where one shard ends and the next begins: a week each"""
ACROSS = Window(MONDAY - 6 * HOUR, MONDAY + 18 * HOUR)
BIG = 2**53 + 1


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

    def write(line: str, time: datetime) -> None:
        influxd.write(place.bucket, f"{line} {int(time.timestamp())}000000001")

    return write


def test_tags_that_a_row_lacks_stay_absent_where_it_is_brought_back(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace], store: Store, foreign: Callable[..., None]
) -> None:
    foreign("smart_meter total_power_w=1", MONDAY)
    foreign("smart_meter,room=a\\,\\ b\\=c total_power_w=2", MONDAY + HOUR)
    foreign("smart_meter,meter_type=emporia,ünïcode=気温 total_power_w=3", MONDAY + 2 * HOUR)
    wide, rows = store.whole(SMART_METER, ACROSS)
    other = influx_place()
    elsewhere = other.open()

    elsewhere.replace(wide, rows, ACROSS)

    (found,) = influxd.influxql(other.bucket, "SELECT * FROM smart_meter")
    assert found["columns"] == ["time", "meter_type", "room", "total_power_w", "ünïcode"]
    assert [row[1:] for row in found["values"]] == [
        [None, None, 1, None],
        [None, "a, b=c", 2, None],
        ["emporia", None, 3, "気温"],
    ]
    assert elsewhere.whole(SMART_METER, ACROSS) == (wide, rows)
    elsewhere.close()


def test_tags_that_had_to_be_changed_to_be_stored_do_not_fill_in_those_that_are_absent(store: Store) -> None:
    wide, _ = store.whole(SMART_METER, ACROSS)
    rows = wide.empty().from_pylist(
        [
            {"time": MONDAY, "meter_type": "two\nlines", "total_power_w": 1.0},
            {"time": MONDAY, "meter_type": "", "total_power_w": 2.0},
        ],
        wide.arrow,
    )

    store.replace(wide, rows, ACROSS)

    assert store.whole(SMART_METER, ACROSS)[1]["meter_type"].to_pylist() == ["", "two\\nlines"]


def test_the_type_is_that_of_the_window_and_not_that_of_other_shards(
    store: Store, foreign: Callable[..., None]
) -> None:
    foreign(f"smart_meter pulses={BIG}i,note=1", MONDAY - 2 * HOUR)
    foreign("smart_meter pulses=1.5,note=true", MONDAY + 20 * HOUR)
    foreign('smart_meter pulses="many",note="x"', MONDAY - 14 * 24 * HOUR)

    wide, rows = store.whole(SMART_METER, Window(MONDAY - 3 * HOUR, MONDAY))

    assert (wide.field("pulses").type, wide.field("note").type) == (Type.INTEGER, Type.FLOAT)
    assert rows.select(["pulses", "note"]).to_pylist() == [{"pulses": BIG, "note": 1.0}]
    assert store.whole(SMART_METER, Window(MONDAY, MONDAY + 24 * HOUR))[1]["pulses"].to_pylist() == [1.5]


@pytest.mark.parametrize("more", ["1.5", "18446744073709551615u", '"many"'], ids=["float", "unsigned", "text"])
def test_a_big_integer_is_exact_beside_a_shard_in_which_the_field_has_another_type(
    store: Store, foreign: Callable[..., None], more: str
) -> None:
    foreign(f"smart_meter,meter_type=b pulses={BIG}i", MONDAY - 2 * HOUR)
    foreign("smart_meter,meter_type=a volts=2", MONDAY + 2 * HOUR)
    foreign(f"smart_meter pulses={more}", MONDAY + 30 * HOUR)

    wide, rows = store.whole(SMART_METER, ACROSS)

    assert wide.field("pulses").type is Type.INTEGER
    assert [(row["meter_type"], row.get("pulses"), row.get("volts")) for row in plain(rows)] == [
        ("a", None, 2.0),
        ("b", BIG, None),
    ]


def test_the_error_of_two_types_says_which_setting_names_the_bucket(
    place: InfluxPlace, store: Store, foreign: Callable[..., None]
) -> None:
    foreign("smart_meter total_power_w=7i", MONDAY - HOUR)
    foreign("smart_meter total_power_w=7", MONDAY + HOUR)

    with pytest.raises(FieldTypeConflict) as refused:
        store.whole(SMART_METER, ACROSS)

    assert str(refused.value) == (
        f"smart_meter.total_power_w is stored as float and as integer in {ACROSS} in the bucket {place.bucket} "
        "(INFLUXDB_BUCKET): remove the values of one type"
    )
    assert not refused.value.retryable


@pytest.mark.parametrize("others", [False, True], ids=["one type", "another in another shard"])
def test_unsigned_numbers_are_refused_because_they_would_not_come_back_as_such(
    store: Store, foreign: Callable[..., None], others: bool
) -> None:
    foreign("smart_meter total_power_w=1,pulses=7u", MONDAY + HOUR)
    if others:
        foreign("smart_meter pulses=7i", MONDAY - HOUR)

    with pytest.raises(FieldTypeConflict, match=r"smart_meter\.pulses is stored as unsigned in .*INFLUXDB_BUCKET"):
        store.whole(SMART_METER, Window(MONDAY, MONDAY + 24 * HOUR))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("smart_meter,room=cellar room=1,total_power_w=1", "room"),
        ('smart_meter meter_type="text",volts=230', "meter_type"),
    ],
    ids=["neither declared", "a declared tag"],
)
def test_a_name_that_is_both_a_tag_and_a_field_is_refused(
    store: Store, foreign: Callable[..., None], line: str, name: str
) -> None:
    foreign(line, MONDAY)

    with pytest.raises(StoreError, match=rf"smart_meter in .*INFLUXDB_BUCKET.* has {name} as a tag and as a field"):
        store.whole(SMART_METER, ACROSS)


def test_a_declared_field_that_is_a_tag_there_is_a_tag(store: Store, foreign: Callable[..., None]) -> None:
    foreign("smart_meter,total_power_w=1 volts=230", MONDAY)

    wide, rows = store.whole(SMART_METER, ACROSS)

    assert "total_power_w" in wide.tag_names
    assert "total_power_w" not in wide.field_names
    assert rows["total_power_w"].to_pylist() == ["1"]


def test_a_field_of_which_every_value_was_removed_is_gone(store: Store, foreign: Callable[..., None]) -> None:
    foreign("smart_meter,room=cellar volts=230", MONDAY)
    foreign("smart_meter total_power_w=1", MONDAY + HOUR)
    store.delete(SMART_METER, Window(MONDAY, MONDAY + HOUR))

    wide, rows = store.whole(SMART_METER, ACROSS)

    assert wide == SMART_METER
    assert rows.num_rows == 1
