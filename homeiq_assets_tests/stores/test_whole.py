"""The contract of a store, part three: `whole` gives rows as they are stored, and a `replace` brings the same back."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from homeiq_assets.errors import FieldTypeConflict
from homeiq_assets.schema.measurement import TIME, Field, Measurement, Tag, Type, conform
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.places import EmbeddedPlace, Place, Row, plain, put

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = Window(NOON - 12 * HOUR, NOON + 12 * HOUR)
WEEKS = Window(NOON - 14 * 24 * HOUR, NOON + 14 * 24 * HOUR)
WIDE = replace(
    SMART_METER,
    tags=(*SMART_METER.tags, Tag("room", identity=False), Tag("floor", identity=False)),
    fields=(
        *SMART_METER.fields,
        Field("volts", Type.FLOAT),
        Field("pulses", Type.INTEGER),
        Field("note", Type.STRING),
        Field("tamper", Type.BOOLEAN),
    ),
)


@pytest.fixture
def elsewhere(place: Place, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store of the same kind."""
    if isinstance(place, EmbeddedPlace):
        opened = EmbeddedPlace(tmp_path / "elsewhere").open()
    else:
        opened = request.getfixturevalue("influx_place")().open()
    yield opened
    opened.close()


def table(measurement: Measurement, *given: Row) -> pa.Table:
    """The rows with what they have: an absent tag is an empty string."""
    columns: dict[str, Any] = {}
    for column in measurement.arrow:
        values = [row.get(column.name) for row in given]
        columns[column.name] = pa.array(values, pa.int64() if values and column.name == "time" else column.type)
    columns["time"] = columns["time"].cast(TIME)
    return conform(pa.table(columns), measurement, "")


def at(hours: float, **more: Any) -> dict[str, Any]:
    return {"time": int((NOON + hours * HOUR).timestamp()) * 10**9, "meter_type": "emporia"} | more


def test_what_the_measurement_does_not_name_comes_with_what_it_does(store: Store) -> None:
    given = table(WIDE, at(0, room="cellar", total_power_w=1.5, volts=230.0), at(1, note="", pulses=3, tamper=False))
    store.replace(WIDE, given, DAY)

    wide, rows = store.whole(SMART_METER, DAY)

    assert rows.schema == wide.arrow
    assert wide.tags == (*SMART_METER.tags, Tag("room", identity=False))
    assert wide.fields[: len(SMART_METER.fields)] == SMART_METER.fields
    further = {field.name: field.type for field in wide.fields[len(SMART_METER.fields) :]}
    assert further == {
        "volts": Type.FLOAT,
        "pulses": Type.INTEGER,
        "note": Type.STRING,
        "tamper": Type.BOOLEAN,
    }
    assert plain(rows) == [
        {"time": NOON + HOUR, "meter_type": "emporia", "room": "", "pulses": 3, "note": "", "tamper": False},
        {"time": NOON, "meter_type": "emporia", "room": "cellar", "total_power_w": 1.5, "volts": 230.0},
    ]


def test_rows_without_a_declared_value_are_rows_too(store: Store) -> None:
    store.replace(WIDE, table(WIDE, at(0, volts=230.0)), DAY)

    assert plain(store.whole(SMART_METER, DAY)[1]) == [{"time": NOON, "meter_type": "emporia", "volts": 230.0}]
    assert store.read(SMART_METER, DAY).num_rows == 0


def test_what_only_rows_outside_of_the_window_have_is_not_there(store: Store) -> None:
    store.replace(WIDE, table(WIDE, at(0, total_power_w=1.0), at(12, room="attic", volts=231.0)), WEEKS)
    store.replace(WIDE, table(WIDE, at(-13, floor="1", pulses=2)), Window(NOON - 14 * HOUR, DAY.start))

    wide, rows = store.whole(SMART_METER, DAY)

    assert wide == SMART_METER
    assert plain(rows) == [{"time": NOON, "meter_type": "emporia", "total_power_w": 1.0}]


def test_of_a_measurement_of_which_only_the_name_is_known_everything_comes(store: Store) -> None:
    given = table(WIDE, at(0, room="cellar", total_power_w=1.5), at(1, note="", pulses=3))
    store.replace(WIDE, given, DAY)

    wide, rows = store.whole(Measurement("smart_meter", (), ()), DAY)

    assert set(wide.tag_names) == {"meter_type", "room"}
    assert set(wide.field_names) == {"total_power_w", "pulses", "note"}
    assert sorted(plain(rows), key=lambda row: row["time"]) == [
        {"time": NOON, "meter_type": "emporia", "room": "cellar", "total_power_w": 1.5},
        {"time": NOON + HOUR, "meter_type": "emporia", "room": "", "pulses": 3, "note": ""},
    ]


@pytest.mark.parametrize("filled", [False, True], ids=["an empty store", "an empty window"])
def test_where_there_is_nothing_the_measurement_is_as_it_was(store: Store, filled: bool) -> None:
    if filled:
        store.replace(WIDE, table(WIDE, at(72, volts=231.0)), WEEKS)

    assert store.whole(SMART_METER, DAY) == (SMART_METER, SMART_METER.empty())


AWKWARD = [
    {"meter_type": "a b", "room": "48.2,16.4", "note": 'line\nbreak, "quoted" \\ and = signs'},
    {"meter_type": "key=value", "room": "Küche 気温 🏠", "note": ""},
    {"meter_type": "", "room": "only this one", "total_power_w": 0.1 + 0.2},
    {"meter_type": "emporia", "floor": "back\\slash", "pulses": 2**53 + 1},
    {"meter_type": "emporia", "pulses": -(2**63), "volts": 5e-324},
    {"meter_type": "", "pulses": 2**63 - 1, "tamper": True, "volts": -1.7976931348623157e308},
    {"meter_type": "unknown", "note": "unknown", "tamper": False, "total_power_w": -0.0},
]


def test_a_replace_brings_identical_rows_back_elsewhere(store: Store, elsewhere: Store) -> None:
    times = [at(n)["time"] + 123_456_789 + n for n in range(len(AWKWARD))]
    given = table(WIDE, *({**row, "time": time} for row, time in zip(AWKWARD, times, strict=True)))
    store.replace(WIDE, given, DAY)
    wide, rows = store.whole(SMART_METER, DAY)
    assert rows.num_rows == len(AWKWARD)
    assert set(rows["time"].cast(pa.int64()).to_pylist()) == set(times)
    assert sorted(rows["pulses"].drop_null().to_pylist()) == [-(2**63), 2**53 + 1, 2**63 - 1]
    assert sorted(rows["meter_type"].to_pylist()) == sorted(row["meter_type"] for row in AWKWARD)

    assert elsewhere.replace(wide, rows, DAY) == Replaced(written=rows.num_rows)
    assert elsewhere.whole(SMART_METER, DAY) == (wide, rows)
    assert elsewhere.replace(wide, rows, DAY) == Replaced(unchanged=rows.num_rows)
    assert elsewhere.counts(wide, DAY) == store.counts(wide, DAY)


def test_rows_come_back_identical_in_a_store_of_another_kind(store: Store, tmp_path: Path) -> None:
    store.replace(WIDE, table(WIDE, at(0, room="cellar", pulses=1), {**at(1, note=""), "meter_type": ""}), DAY)
    wide, rows = store.whole(SMART_METER, DAY)
    other = EmbeddedStore(tmp_path / "other")

    other.replace(wide, rows, DAY)

    assert other.whole(SMART_METER, DAY) == (wide, rows)


def test_rows_come_back_where_others_stayed_that_lack_their_tags(store: Store) -> None:
    stays, goes = at(1, total_power_w=1.0), at(2, room="cellar", total_power_w=2.0, note="x")
    store.replace(WIDE, table(WIDE, stays, goes), DAY)
    before = store.whole(SMART_METER, DAY)
    removed = Window(NOON + 1.5 * HOUR, DAY.end)
    wide, rows = store.whole(SMART_METER, removed)
    store.delete(SMART_METER, removed)
    assert store.whole(SMART_METER, DAY) == (SMART_METER, table(SMART_METER, stays))

    store.replace(wide, rows, removed)

    assert store.whole(SMART_METER, DAY) == before


def test_a_declared_field_comes_as_the_type_it_is_stored_as(store: Store, elsewhere: Store) -> None:
    texts = replace(SMART_METER, fields=(Field("total_power_w", Type.STRING), Field("daily_kwh", Type.INTEGER)))
    store.replace(texts, table(texts, at(0, total_power_w="high", daily_kwh=2**53 + 1)), DAY)

    wide, rows = store.whole(SMART_METER, DAY)

    assert [field.type for field in wide.fields] == [Type.STRING, Type.INTEGER, Type.FLOAT]
    assert wide.fields[0] == replace(SMART_METER.fields[0], type=Type.STRING)
    assert plain(rows) == [{"time": NOON, "meter_type": "emporia", "total_power_w": "high", "daily_kwh": 2**53 + 1}]
    elsewhere.replace(wide, rows, DAY)
    assert elsewhere.whole(SMART_METER, DAY) == (wide, rows)


@pytest.mark.parametrize("name", ["total_power_w", "volts"], ids=["declared", "not declared"])
@pytest.mark.parametrize(("type_", "value"), [(Type.STRING, "high"), (Type.INTEGER, 7), (Type.BOOLEAN, True)], ids=str)
def test_two_types_of_one_field_in_the_window_are_named(store: Store, name: str, type_: Type, value: object) -> None:
    other = replace(SMART_METER, fields=(Field(name, type_),))
    store.replace(WIDE, table(WIDE, at(0, **{name: 1.5})), DAY)
    week_before = Window(DAY.start - 7 * 24 * HOUR, DAY.end - 7 * 24 * HOUR)
    store.replace(other, table(other, at(-7 * 24, **{name: value})), week_before)

    with pytest.raises(FieldTypeConflict, match=rf"smart_meter\.{name} is stored as \w+ and as \w+ in .*: (re)?move"):
        store.whole(SMART_METER, WEEKS)

    assert store.whole(SMART_METER, DAY)[0].field(name).type is Type.FLOAT
    assert plain(store.whole(SMART_METER, week_before)[1])[0][name] == value


def test_what_a_poll_put_beside_is_part_of_the_row(store: Store, elsewhere: Store) -> None:
    wide = WIDE.keeping(["daily_kwh"])
    put(store, wide, [{"time": NOON, "meter_type": "emporia", "daily_kwh": 3.5, "total_power_w": 1.0}])

    found, rows = store.whole(wide, DAY)
    elsewhere.replace(found, rows, DAY)

    assert found.field("daily_kwh").poll_only
    assert elsewhere.whole(wide, DAY) == (found, rows)


ASK: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read(WIDE, DAY),
    "stream": lambda store: pa.concat_tables(store.stream(WIDE, DAY)),
}


@pytest.mark.parametrize("ask", ASK)
def test_a_tag_that_a_row_lacks_is_an_empty_string_to_every_reader(store: Store, ask: str) -> None:
    put(store, SMART_METER, [{"time": NOON, "meter_type": "emporia", "total_power_w": 1.0}])

    found = ASK[ask](store)

    assert isinstance(found, pa.Table)
    assert found["room"].to_pylist() == [""]
