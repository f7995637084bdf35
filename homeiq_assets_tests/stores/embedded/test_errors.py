"""An embedded store that cannot write or read says what to do, and keeps what it held."""

import re
import resource
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from homeiq_assets.errors import FieldTypeConflict, HomeiqError, SettingError, StoreError
from homeiq_assets.schema.measurement import Field, Measurement, Tag, Type
from homeiq_assets.schema.measurements import AIR_QUALITY, SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.crashes import processes
from homeiq_assets_tests.stores.failing import ANSWER, DAY, HOUR, NOON, READING, STORED, WRITING, air, error_of
from homeiq_assets_tests.stores.places import ALWAYS, EmbeddedPlace, Row, held, put, rows

YESTERDAY = air(-24, 40)
NEEDS_THE_FILE = {name: act for name, act in (READING | WRITING).items() if name != "recover"}


@pytest.fixture
def place(tmp_path: Path) -> EmbeddedPlace:
    return EmbeddedPlace(tmp_path / "home" / "store")


@pytest.fixture
def store(place: EmbeddedPlace) -> Store:
    """A store with rows of two days in it."""
    opened = place.open()
    put(opened, AIR_QUALITY, [YESTERDAY, *STORED])
    return opened


@pytest.fixture
def day_file(place: EmbeddedPlace) -> Path:
    return place.folder / "air_quality" / "2026-03-10.parquet"


@pytest.mark.parametrize("act", WRITING)
def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path, act: str) -> None:
    (tmp_path / "store").write_text("not a folder")

    error = error_of(EmbeddedPlace(tmp_path / "store").open(), WRITING[act])

    assert isinstance(error, SettingError)
    assert re.match(r"HOMEIQ_HOME: .*/store.* cannot be used \(.*\): name a folder that can be written", str(error))
    assert (tmp_path / "store").read_text() == "not a folder"


@pytest.mark.parametrize("act", NEEDS_THE_FILE)
def test_a_file_in_the_way_of_a_measurement_is_named(place: EmbeddedPlace, act: str) -> None:
    place.folder.mkdir(parents=True)
    (place.folder / "air_quality").write_text("not a folder")

    error = error_of(place.open(), NEEDS_THE_FILE[act])

    assert isinstance(error, SettingError)
    assert str(error).startswith(f"HOMEIQ_HOME: {place.folder}/air_quality")
    assert (place.folder / "air_quality").read_text() == "not a folder"


def write_with_little_room(place: EmbeddedPlace, answer: list[Row], told: Connection) -> None:
    """Replace all there is where no file can become longer than 4 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        put(place.open(), AIR_QUALITY, answer)
    except HomeiqError as error:
        told.send((type(error), str(error), error.retryable))


def test_a_full_disk_changes_nothing_not_even_the_days_that_had_room(store: Store, place: EmbeddedPlace) -> None:
    small = [air(-24, 99)]
    large = [{**air(n / 100, 50), "pm25": n**0.5} for n in range(1000)]
    hear, told = processes.Pipe(duplex=False)
    process = processes.Process(target=write_with_little_room, args=(place, [*small, *large], told))
    process.start()
    process.join()

    assert hear.poll(1), "writing did not fail"
    kind, message, retryable = hear.recv()
    assert kind is StoreError
    assert re.match(r"HOMEIQ_HOME: no room to write .*: free some space, then run this again", message)
    assert not retryable
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, YESTERDAY, *STORED)
    put(store, AIR_QUALITY, [*small, *large])
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *small, *large)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda content: content[:-20],
    "empty": lambda content: b"",
    "something else": lambda content: b"# homeiq\n" * 100,
    "a wrong byte": lambda content: content[:8] + bytes([content[8] ^ 255]) + content[9:],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("act", NEEDS_THE_FILE)
def test_a_damaged_day_is_named_and_left_alone(store: Store, day_file: Path, act: str, damage: str) -> None:
    damaged = DAMAGES[damage](day_file.read_bytes())
    day_file.write_bytes(damaged)

    error = error_of(store, NEEDS_THE_FILE[act])

    assert str(error).startswith(f"HOMEIQ_HOME: {day_file} is damaged")
    assert "put it back from a backup" in str(error)
    assert day_file.read_bytes() == damaged
    assert held(store, AIR_QUALITY, Window(NOON - 36 * HOUR, NOON - 12 * HOUR)) == rows(AIR_QUALITY, YESTERDAY)


def test_a_wrong_byte_anywhere_is_found_or_does_no_harm(store: Store, day_file: Path) -> None:
    content = day_file.read_bytes()
    found = 0
    for at in range(0, len(content), 5):
        day_file.write_bytes(content[:at] + bytes([content[at] ^ (0x55, 0x80)[at % 2]]) + content[at + 1 :])
        try:
            assert held(store, AIR_QUALITY, DAY) == rows(AIR_QUALITY, *STORED)
        except StoreError:
            found += 1
    assert found > 200


def test_a_day_that_is_a_folder_is_named(store: Store, day_file: Path) -> None:
    day_file.unlink()
    day_file.mkdir()

    assert re.match(r"HOMEIQ_HOME: .*2026-03-10\.parquet", str(error_of(store, READING["read"])))


@pytest.mark.parametrize("act", ["read", "stream", "counts", "newest", "replace", "delete"])
def test_a_field_stored_as_another_type_is_named_and_left_alone(place: EmbeddedPlace, day_file: Path, act: str) -> None:
    store = place.open()
    texts = replace(AIR_QUALITY, fields=(Field("aqi", Type.STRING),))
    put(store, texts, [{**STORED[0], "aqi": "good"}])
    before = day_file.read_bytes()

    error = error_of(store, (READING | WRITING)[act])

    assert isinstance(error, FieldTypeConflict)
    assert re.match(r"air_quality\.aqi is stored as string in .*2026-03-10\.parquet.* has to be int64", str(error))
    assert day_file.read_bytes() == before


def test_what_a_day_holds_beyond_the_schema_stays_outside_of_what_is_covered(place: EmbeddedPlace) -> None:
    store = place.open()
    wide = replace(
        AIR_QUALITY, tags=(*AIR_QUALITY.tags, Tag("station")), fields=(*AIR_QUALITY.fields, Field("no2", Type.FLOAT))
    )
    more = [{**row, "station": "north", "no2": 7.5} for row in STORED]
    put(store, wide, more)

    put(store, AIR_QUALITY, ANSWER[:1], Window(NOON, NOON + 2 * HOUR))

    assert held(store, wide) == [rows(wide, ANSWER[0])[0] | {"station": ""}, *rows(wide, more[2])]
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, ANSWER[0], STORED[2])


@pytest.mark.parametrize("name", ["W/m²", "..", ".", "../escape", "a b", "°C", "%"])
def test_a_measurement_may_have_any_name_and_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    place = EmbeddedPlace(tmp_path / "store")
    store = place.open()
    put(store, SMART_METER, [{"time": NOON, "meter_type": "emporia", "total_power_w": 1.0}])
    odd = Measurement(name, (), (Field("value", Type.FLOAT),))

    put(store, odd, [{"time": NOON, "value": 2.0}])

    assert held(store, odd) == rows(odd, {"time": NOON, "value": 2.0})
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert len(list(place.folder.iterdir())) == 2


def test_files_of_others_in_the_folder_are_no_days(store: Store, day_file: Path) -> None:
    for name in ("notes.txt", "2026-03-09.parquet.bak", ".2026-03-09.parquet", "2026-02-31.parquet"):
        (day_file.parent / name).write_text("mine")

    assert held(store, AIR_QUALITY, ALWAYS) == rows(AIR_QUALITY, YESTERDAY, *STORED)


def test_the_doctor_hears_whether_the_folder_can_be_written(store: Store, place: EmbeddedPlace, tmp_path: Path) -> None:
    before = sorted(place.folder.rglob("*"))

    (fine,) = store.probe()
    (tmp_path / "file").touch()
    (bad,) = EmbeddedPlace(tmp_path / "file" / "store").open().probe()

    assert (fine.ok, fine.detail) == (True, "can be written; holds 2 day files")
    assert sorted(place.folder.rglob("*")) == before
    assert bad.ok is False
    assert bad.detail.startswith("HOMEIQ_HOME: ")


def test_reading_makes_no_folder(place: EmbeddedPlace) -> None:
    store = place.open()

    for act in READING.values():
        act(store)

    assert not place.folder.exists()
