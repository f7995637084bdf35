"""The contract of a store, part four: what was counted is removed, and anything else stays where it is."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.schema.measurement import Field, Type
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.failing import DAY, NOON, STORED, air, error_of
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import EmbeddedPlace, InfluxPlace, Place, held, locked_by_another, put, rows

HOUR = timedelta(hours=1)
OUTSIDE = [air(-13, 1), air(12, 2)]


def filled(store: Store) -> dict[str, int]:
    """Rows of a day between others, and how many values they have."""
    put(store, AIR_QUALITY, [*OUTSIDE, *STORED])
    return store.counts(AIR_QUALITY, DAY)


def test_what_is_as_it_was_counted_is_removed_and_nothing_else(store: Store) -> None:
    counted = filled(store)

    store.delete(AIR_QUALITY, DAY, expected=counted)

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"aqi": 2}, "2 values of aqi were expected and 3 found"),
        ({"aqi": 4}, "4 values of aqi were expected and 3 found"),
        ({}, "0 values of aqi were expected and 3 found"),
        ({"aqi": 3, "ozone": 1}, "1 values of ozone were expected and 0 found"),
        ({"aqi": 3, "soot": 1}, "1 values of soot were expected and 0 found"),
    ],
    ids=["a late row", "a row gone", "nothing", "another field", "an unknown field"],
)
def test_what_is_not_as_it_was_counted_stays_and_both_numbers_are_said(
    store: Store, expected: dict[str, int], said: str
) -> None:
    filled(store)

    error = error_of(store, lambda it: it.delete(AIR_QUALITY, DAY, expected=expected))

    assert isinstance(error, StoreError)
    assert not error.retryable
    assert f"air_quality has changed in {DAY}" in str(error)
    assert said in str(error)
    assert "nothing was removed" in str(error)
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE, *STORED)


def test_fields_that_nobody_has_need_not_be_expected(store: Store) -> None:
    filled(store)

    store.delete(AIR_QUALITY, DAY, expected={"aqi": 3})

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE)


def test_an_empty_window_that_was_counted_as_such_stays_so(store: Store) -> None:
    store.delete(AIR_QUALITY, DAY, expected=store.counts(AIR_QUALITY, DAY))
    put(store, AIR_QUALITY, OUTSIDE)
    store.delete(AIR_QUALITY, DAY, expected={})

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE)


def test_what_is_expected_is_that_of_the_tags(store: Store) -> None:
    put(store, AIR_QUALITY, [*STORED, air(3, 70, "Moderate")])
    moderate = {"category": "Moderate"}

    with pytest.raises(StoreError, match="4 values of aqi were expected and 1 found"):
        store.delete(AIR_QUALITY, DAY, tags=moderate, expected=store.counts(AIR_QUALITY, DAY))
    store.delete(AIR_QUALITY, DAY, tags=moderate, expected=store.counts(AIR_QUALITY, DAY, tags=moderate))

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *STORED)


def test_values_that_the_measurement_does_not_name_count_where_they_are_asked_for(store: Store) -> None:
    wide = replace(AIR_QUALITY, fields=(*AIR_QUALITY.fields, Field("no2", Type.FLOAT)))
    put(store, wide, [{**STORED[0], "no2": 7.5}])

    with pytest.raises(StoreError, match="0 values of no2 were expected and 1 found"):
        store.delete(wide, DAY, expected=store.counts(AIR_QUALITY, DAY))
    store.delete(wide, DAY, expected=store.counts(wide, DAY))

    assert held(store, wide) == []


def test_a_row_that_came_while_the_delete_waited_for_another_writer_stops_it(
    store: Store, place: Place, request: pytest.FixtureRequest
) -> None:
    counted = filled(store)
    errors: list[StoreError] = []

    def delete() -> None:
        try:
            store.delete(AIR_QUALITY, DAY, expected=counted)
        except StoreError as error:
            errors.append(error)

    waiting = threading.Thread(target=delete)
    with locked_by_another(place, "air_quality"):
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
        written_meanwhile(place, request)
    waiting.join(timeout=30)

    assert ["3 values of aqi were expected and 4 found" in str(error) for error in errors] == [True]
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE, *STORED, air(3, 44))


def written_meanwhile(place: Place, request: pytest.FixtureRequest) -> None:
    """One more row, by whoever holds the lock."""
    if isinstance(place, EmbeddedPlace):
        other = EmbeddedPlace(place.folder.parent / "other")
        put(other.open(), AIR_QUALITY, [*STORED, air(3, 44)])
        name = f"air_quality/{NOON:%Y-%m-%d}.parquet"
        (other.folder / name).replace(place.folder / name)
    else:
        server: Influxd = request.getfixturevalue("influxd")
        time = int((NOON + 3 * HOUR).timestamp())
        line = f"air_quality,location=48.2\\,16.4,category=Good,parameter=PM2.5 aqi=44i {time}000000000"
        server.write(place.bucket, line)


@pytest.mark.influxdb
@pytest.mark.parametrize(
    ("permission", "may_not"), [("read", "delete from"), ("write", "read")], ids=["may only read", "may only delete"]
)
def test_a_token_without_both_permissions_removes_nothing_and_is_told_what_it_lacks(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace], permission: str, may_not: str
) -> None:
    place = influx_place()
    store = place.open()
    counted = filled(store)
    token = influxd.token(**{permission: [place.bucket]})
    modest = replace(place, token=token).open()

    error = error_of(modest, lambda it: it.delete(AIR_QUALITY, DAY, expected=counted))

    assert str(error) == (
        f"INFLUXDB_TOKEN: the token may not {may_not} the bucket {place.bucket} (INFLUXDB_BUCKET); "
        "give it read and write permission on that bucket"
    )
    assert not error.retryable
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE, *STORED)
    store.close()
    modest.close()


def test_the_day_before_and_the_day_after_are_untouched(store: Store) -> None:
    put(store, AIR_QUALITY, [air(-12, 1), air(12, 2)])
    microsecond = timedelta(microseconds=1)
    put(store, AIR_QUALITY, [air(0, 3)], Window(DAY.start + microsecond, DAY.end))

    store.delete(AIR_QUALITY, Window(DAY.start + microsecond, DAY.end), expected={"aqi": 1})

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, air(-12, 1), air(12, 2))
