"""The contract of a store, part three: every value comes back exactly as it was stored."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from homeiq_assets.schema.measurement import TIME, UNKNOWN, Field, Measurement, Tag, Type, conform, rows_of
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.places import ALWAYS, held, plain, put, rows

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EVERYTHING = Measurement(
    "all kinds, of=values",
    (Tag("where"), Tag("tag with, odd=name")),
    (
        Field("float", Type.FLOAT),
        Field("whole number", Type.INTEGER),
        Field("on", Type.BOOLEAN),
        Field("text", Type.STRING),
        Field("other text", Type.STRING),
    ),
)
TEXTS = [
    "",
    " ",
    "plain",
    "with spaces, commas and = signs",
    "double \"quotes\" and 'single' ones",
    "back\\slash and a last one\\",
    "line\nbreak, carriage\r\nreturn and\ttab",
    "Grüße aus Wien, 気温 21 °C, 🏠",
    "null",
    "NaN",
    "true",
    "42",
    "#hash",
    '"',
    '""',
    "x" * 20_000,
]
AWKWARD_TAGS = [
    "living room",
    "tab\ttab\t",
    "a,b",
    "a=b",
    "48.2,16.4",
    "it's",
    'the "big" one',
    "back\\slash",
    "\\ leads",
    "a\\,b",
    "a\\ b",
    "a\\=b",
    "'; DROP SERIES --",
    "Küche 気温 🏠",
    " blanks around ",
    "null",
    "true",
    "1",
    "-1",
    "1h",
    "/.*/",
    "$x",
    "{curly}",
    "unknown?",
]


def test_a_text_comes_back_as_it_was(store: Store) -> None:
    given = [{"time": NOON, "where": f"{n:02}", "text": text} for n, text in enumerate(TEXTS)]
    put(store, EVERYTHING, given)

    assert held(store, EVERYTHING) == rows(EVERYTHING, *given)
    assert plain(store.last(EVERYTHING, "text", NOON + SECOND)) == rows(EVERYTHING, *given)
    assert store.counts(EVERYTHING, ALWAYS)["text"] == len(TEXTS)
    assert store.replace(EVERYTHING, rows_of(EVERYTHING, given), ALWAYS) == Replaced(unchanged=len(TEXTS))


def test_empty_texts_and_absent_ones_are_told_apart_in_every_field(store: Store) -> None:
    given = [
        {"time": NOON, "where": "here", "text": "", "other text": ""},
        {"time": NOON + SECOND, "where": "here", "text": "", "on": True},
        {"time": NOON + 2 * SECOND, "where": "here", "other text": "", "text": "x"},
        {"time": NOON + 3 * SECOND, "where": "here", "on": False},
    ]
    put(store, EVERYTHING, given)

    assert held(store, EVERYTHING) == rows(EVERYTHING, *given)


@pytest.mark.parametrize("text", ["", "\n", '"', "last\\"], ids=["empty", "line break", "quote", "backslash"])
def test_a_text_comes_back_as_it_was_where_it_is_all_there_is(store: Store, text: str) -> None:
    put(store, EVERYTHING, [{"time": NOON, "text": text}])

    assert store.read(EVERYTHING, ALWAYS)["text"].to_pylist() == [text]
    assert store.read(EVERYTHING, ALWAYS, columns=["text"])["text"].to_pylist() == [text]
    assert store.last(EVERYTHING, "text", NOON + SECOND)["text"].to_pylist() == [text]
    assert store.newest(EVERYTHING) == NOON


def test_numbers_and_booleans_come_back_as_they_were(store: Store) -> None:
    floats = [0.0, -0.0, 1e-300, -1.7976931348623157e308, 5e-324, 0.1, 1 / 3, 1e22, 123456789.123456789, 2.0]
    integers = [0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, 500, 7, 8, 9]
    given = [
        {"time": NOON + n * SECOND, "where": "here", "float": a, "whole number": b, "on": n % 3 == 0}
        for n, (a, b) in enumerate(zip(floats, integers, strict=True))
    ]
    put(store, EVERYTHING, given)

    found = store.read(EVERYTHING, ALWAYS)

    assert found["float"].to_pylist() == floats
    assert found["whole number"].to_pylist() == integers
    assert found["on"].to_pylist() == [n % 3 == 0 for n in range(10)]
    assert store.replace(EVERYTHING, rows_of(EVERYTHING, given), ALWAYS) == Replaced(unchanged=10)


def test_a_value_that_is_no_number_is_absent(store: Store) -> None:
    given = {"time": pa.array([NOON] * 2, TIME), "where": ["a", "b"], "float": [float("nan"), float("inf")]}
    table = conform(pa.table(given | {"on": [True, False]}), EVERYTHING)

    store.replace(EVERYTHING, table, ALWAYS)

    assert store.counts(EVERYTHING, ALWAYS) == {"float": 0, "whole number": 0, "on": 2, "text": 0, "other text": 0}


def test_whatever_a_tag_holds_it_is_found_replaced_and_deleted_by(store: Store) -> None:
    odd = [
        {"time": NOON, "where": value, "tag with, odd=name": value, "whole number": n}
        for n, value in enumerate(AWKWARD_TAGS)
    ]
    put(store, EVERYTHING, [*odd, *({**row, "time": NOON + SECOND} for row in odd)])

    put(store, EVERYTHING, odd)

    assert held(store, EVERYTHING) == rows(EVERYTHING, *odd)
    assert plain(store.last(EVERYTHING, "whole number", NOON + SECOND)) == rows(EVERYTHING, *odd)
    for row in odd:
        tags = {name: str(row[name]) for name in EVERYTHING.tag_names}
        assert plain(store.read(EVERYTHING, ALWAYS, tags=tags)) == rows(EVERYTHING, row)
        assert store.newest(EVERYTHING, tags=tags) == NOON
        assert store.counts(EVERYTHING, ALWAYS, tags=tags)["whole number"] == 1
    for number, row in enumerate(odd, start=1):
        store.delete(EVERYTHING, ALWAYS, tags={"where": str(row["where"])})
        assert held(store, EVERYTHING) == rows(EVERYTHING, *odd[number:])


@pytest.mark.parametrize("tag", ["two\nlines", "carriage\rreturn", "tab\ttab", "last\\"])
def test_a_tag_is_not_new_the_next_time_whatever_it_is_stored_as(store: Store, tag: str) -> None:
    some = rows_of(EVERYTHING, [{"time": NOON, "where": tag, "float": 1.0}, {"time": NOON, "where": "b", "float": 2.0}])
    store.replace(EVERYTHING, some, ALWAYS)

    assert store.replace(EVERYTHING, some, ALWAYS) == Replaced(unchanged=2)


def test_an_absent_tag_is_stored_as_unknown(store: Store) -> None:
    put(store, EVERYTHING, [{"time": NOON, "float": 1.0}])

    (found,) = held(store, EVERYTHING)

    assert (found["where"], found["tag with, odd=name"]) == (UNKNOWN, UNKNOWN)


def test_times_keep_their_nanoseconds(store: Store) -> None:
    start = int(NOON.timestamp()) * 10**9
    times = [start, start + 1, start + 999, start + 1000, start + 999_999_999]
    table = conform(
        pa.table({"time": pa.array(times, TIME), "where": ["here"] * 5, "float": [1.0, 2.0, 3.0, 4.0, 5.0]}), EVERYTHING
    )
    store.replace(EVERYTHING, table, ALWAYS)

    assert store.read(EVERYTHING, ALWAYS).equals(table)
    first_microsecond = Window(NOON, NOON + timedelta(microseconds=1))
    assert store.read(EVERYTHING, first_microsecond)["time"].cast(pa.int64()).to_pylist() == times[:3]
    assert store.last(EVERYTHING, "float", first_microsecond.end)["float"].to_pylist() == [3.0]

    store.delete(EVERYTHING, first_microsecond)
    assert store.read(EVERYTHING, ALWAYS)["time"].cast(pa.int64()).to_pylist() == times[3:]
    assert store.newest(EVERYTHING) == NOON + timedelta(microseconds=999_999)


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Australia/Lord_Howe", "America/Havana"])
def test_the_hour_that_a_clock_change_repeats_is_two_hours(store: Store, zone: str) -> None:
    there = ZoneInfo(zone)
    day = datetime(2026, 4, 5, tzinfo=there) if zone == "Australia/Lord_Howe" else datetime(2026, 10, 25, tzinfo=there)
    start = day.astimezone(UTC)
    quarters = [{"time": start + n * 900 * SECOND, "where": zone, "whole number": n} for n in range(40)]
    put(store, EVERYTHING, quarters)

    assert held(store, EVERYTHING) == rows(EVERYTHING, *quarters)


def test_days_before_the_epoch_and_far_ahead_are_days_like_any_other(store: Store) -> None:
    given = [
        {"time": datetime(1969, 12, 31, 23, 59, tzinfo=UTC), "where": "here", "float": 1.0},
        {"time": datetime(1970, 1, 1, tzinfo=UTC), "where": "here", "float": 2.0},
        {"time": datetime(2199, 12, 31, 23, tzinfo=UTC), "where": "here", "float": 3.0},
    ]
    put(store, EVERYTHING, given)

    put(store, EVERYTHING, given[1:2], Window(datetime(1960, 1, 1, tzinfo=UTC), NOON))

    assert held(store, EVERYTHING) == rows(EVERYTHING, *given[1:])
