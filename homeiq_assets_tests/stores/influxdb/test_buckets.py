"""A store in a bucket other than the usual one: made where it does not exist, named by another setting."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from homeiq_assets.schema.measurements import AIR_QUALITY, SMART_METER, tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets_tests.stores.failing import DAY, READING, STORED, WRITING, error_of
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import InfluxPlace, held, put, rows

pytestmark = pytest.mark.influxdb

EVENTS = "EVENTS_INFLUXDB_BUCKET"
DAILY = tier_of(SMART_METER, "daily")


@pytest.fixture
def place(influx_place: Callable[..., InfluxPlace]) -> InfluxPlace:
    """A bucket that does not exist, to be made."""
    place = influx_place()
    return replace(place, bucket=f"{place.bucket}_restored", setting="SOME_BUCKET", makes=True)


@pytest.fixture
def opened() -> Iterator[Callable[[InfluxPlace], Store]]:
    stores: list[Store] = []

    def make(place: InfluxPlace) -> Store:
        stores.append(place.open())
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.mark.parametrize("setting", ["SOME_BUCKET", EVENTS])
def test_a_bucket_to_be_made_is_empty_until_it_is_made_for_what_is_stored(
    influxd: Influxd, place: InfluxPlace, opened: Callable[[InfluxPlace], Store], setting: str
) -> None:
    store = opened(replace(place, setting=setting))
    assert store.whole(AIR_QUALITY, DAY) == (AIR_QUALITY, AIR_QUALITY.empty())
    assert store.counts(AIR_QUALITY, DAY) == dict.fromkeys(AIR_QUALITY.field_names, 0)
    assert store.keeps(AIR_QUALITY) is None
    store.delete(AIR_QUALITY, DAY, expected={})
    assert influxd.bucket(place.bucket) is None

    put(store, AIR_QUALITY, STORED)

    made = influxd.bucket(place.bucket)
    assert made is not None
    assert made["retentionRules"][0].get("everySeconds") == 0
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *STORED)


def test_a_bucket_is_not_made_unless_that_is_wanted(
    influxd: Influxd, place: InfluxPlace, opened: Callable[[InfluxPlace], Store]
) -> None:
    store = opened(replace(place, makes=False))

    error = error_of(store, WRITING["replace"])

    assert str(error).startswith(f"SOME_BUCKET: InfluxDB at {influxd.url} has no bucket {place.bucket} ")
    assert influxd.bucket(place.bucket) is None


def test_a_token_that_may_not_make_the_bucket_is_told_the_command_that_does(
    influxd: Influxd, place: InfluxPlace, opened: Callable[[InfluxPlace], Store]
) -> None:
    other = influxd.create_bucket()
    modest = opened(replace(place, token=influxd.token(read=[other], write=[other])))

    error = error_of(modest, WRITING["replace"])

    assert str(error) == (
        f"SOME_BUCKET: there is no bucket {place.bucket}, and the token (INFLUXDB_TOKEN) may not make it. "
        f"Make it with: influx bucket create --name '{place.bucket}' --org '{influxd.org}' --retention 0 "
        "--shard-group-duration 2160h"
    )
    assert not error.retryable


@pytest.mark.parametrize("act", [*READING, *WRITING])
def test_errors_name_the_setting_of_the_bucket(
    influxd: Influxd, place: InfluxPlace, opened: Callable[[InfluxPlace], Store], act: str
) -> None:
    influxd.create_bucket(place.bucket)
    token = influxd.token(**{"read" if act == "delete" else "write": [place.bucket]})
    modest = opened(replace(place, makes=False, token=token))

    error = error_of(modest, (READING | WRITING)[act])

    assert str(error).startswith("INFLUXDB_TOKEN: the token may not ")
    assert f"the bucket {place.bucket} (SOME_BUCKET)" in str(error)


def test_events_can_be_removed_and_brought_back_in_their_bucket(
    influxd: Influxd, place: InfluxPlace, opened: Callable[[InfluxPlace], Store]
) -> None:
    influxd.create_bucket(place.bucket)
    store = opened(replace(place, setting=EVENTS, makes=False))
    put(store, AIR_QUALITY, STORED)
    wide, found = store.whole(AIR_QUALITY, DAY)

    store.delete(AIR_QUALITY, DAY, expected=store.counts(AIR_QUALITY, DAY))
    assert held(store, AIR_QUALITY) == []
    store.replace(wide, found, DAY)

    assert store.whole(AIR_QUALITY, DAY) == (wide, found)


@pytest.mark.parametrize("act", [*READING, *WRITING])
@pytest.mark.parametrize("there", [False, True], ids=["no such bucket", "it may not be read"])
def test_the_bucket_of_the_events_is_never_made_by_accident_and_named(
    influxd: Influxd, place: InfluxPlace, opened: Callable[[InfluxPlace], Store], act: str, there: bool
) -> None:
    if there:
        influxd.create_bucket(place.bucket)
    token = influxd.token(write=[place.bucket]) if there else influxd.token_all
    store = opened(replace(place, setting=EVENTS, makes=False, token=token))

    error = error_of(store, (READING | WRITING)[act])

    assert str(error).startswith(f"{EVENTS}: ")
    assert place.bucket in str(error)
    assert not error.retryable
    assert (influxd.bucket(place.bucket) is not None) == there


def test_tiers_stay_where_they_are(
    influxd: Influxd, place: InfluxPlace, opened: Callable[[InfluxPlace], Store]
) -> None:
    store = opened(place)

    put(store, DAILY, [{"time": DAY.start, "meter_type": "emporia", "total_power_w_mean": 400.0}])

    assert influxd.bucket(place.tier_bucket) is not None
    assert influxd.bucket(place.bucket) is None
