"""What a store says of itself: how long it keeps rows, and the bytes that they take on disk."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.schema.measurement import Field, Measurement, Type
from homeiq_assets.schema.measurements import AIR_QUALITY, SMART_METER, tier_of
from homeiq_assets_tests.stores.failing import STORED, error_of
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import ALWAYS, EmbeddedPlace, InfluxPlace, put

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAILY = tier_of(SMART_METER, "daily")
METER = {"time": NOON, "meter_type": "emporia", "total_power_w": 1.0}
DAILY_ROW = {"time": NOON, "meter_type": "emporia", "total_power_w_mean": 400.0}


@pytest.fixture
def embedded(tmp_path: Path) -> EmbeddedPlace:
    return EmbeddedPlace(tmp_path / "store")


def test_the_embedded_store_says_the_bytes_of_each_measurements_files(embedded: EmbeddedPlace) -> None:
    store = embedded.open()
    odd = Measurement("W/m².x", (), (Field("value", Type.FLOAT),))
    put(store, AIR_QUALITY, [*STORED, {**STORED[0], "time": NOON - timedelta(days=3)}])
    put(store, odd, [{"time": NOON, "value": 2.0}])
    put(store, SMART_METER, [METER])
    store.delete(SMART_METER, ALWAYS)
    (embedded.folder / "air_quality" / "notes.txt").write_text("mine")
    (embedded.folder / "notes.txt").write_text("mine")

    files = list((embedded.folder / "air_quality").glob("*.parquet"))
    (other,) = embedded.folder.glob("W*/*.parquet")

    assert len(files) == 2
    assert store.sizes() == {
        "air_quality": sum(file.stat().st_size for file in files),
        "W/m².x": other.stat().st_size,
    }


def test_an_embedded_store_that_does_not_exist_yet_takes_no_room_and_keeps_rows_for_ever(
    embedded: EmbeddedPlace,
) -> None:
    store = embedded.open()

    assert store.sizes() == {}
    assert store.keeps(AIR_QUALITY) is None
    assert not embedded.folder.exists()


@pytest.fixture(scope="module")
def restless() -> Iterator[Influxd]:
    """A server that soon puts what is written on disk."""
    if shutil.which("influxd") is None:
        pytest.skip("needs influxd on PATH")
    server = Influxd("--storage-cache-snapshot-write-cold-duration=1s")
    yield server
    server.stop()


@pytest.mark.influxdb
def test_influxdb_says_the_bytes_of_each_of_our_buckets(
    restless: Influxd, influx_place: Callable[..., InfluxPlace]
) -> None:
    bucket = restless.create_bucket()
    place = influx_place(url=restless.url, token=restless.token_all, bucket=bucket)
    store = place.open()
    restless.write(restless.create_bucket(), "of_others x=1 1700000000000000000")
    assert store.sizes() == {bucket: 0}

    put(store, AIR_QUALITY, [*STORED, {**STORED[0], "time": NOON - timedelta(days=30)}])
    put(store, DAILY, [DAILY_ROW])

    # Its own measure is taken every ten seconds.
    give_up = time.monotonic() + 60
    while not (all(found := store.sizes().values()) and len(found) == 2) and time.monotonic() < give_up:
        time.sleep(0.5)
    assert store.sizes() == {name: restless.disk_size(name) for name in (bucket, place.tier_bucket)}
    store.close()


@pytest.mark.influxdb
def test_influxdb_that_shows_no_metrics_is_named(influx_place: Callable[..., InfluxPlace]) -> None:
    if shutil.which("influxd") is None:
        pytest.skip("needs influxd on PATH")
    server = Influxd("--metrics-disabled")
    store = influx_place(url=server.url, token=server.token_all, bucket=server.create_bucket()).open()

    error = error_of(store, lambda it: it.sizes())

    store.close()
    server.stop()
    assert str(error).startswith(f"INFLUXDB_URL: {server.url} shows no metrics")
    assert "--metrics-disabled" in str(error)
    assert not error.retryable


@pytest.mark.influxdb
def test_a_token_that_may_not_know_the_buckets_cannot_tell_their_sizes(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace]
) -> None:
    place = influx_place()
    writing = replace(place, token=influxd.token(write=[place.bucket])).open()

    error = error_of(writing, lambda it: it.sizes())

    assert isinstance(error, StoreError)
    assert str(error).startswith(f"INFLUXDB_TOKEN: the token may not read the bucket {place.bucket} (INFLUXDB_BUCKET)")
    assert writing.keeps(AIR_QUALITY) is None
    writing.close()


@pytest.mark.influxdb
def test_influxdb_keeps_rows_as_long_as_the_bucket_of_the_measurement_does(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace]
) -> None:
    place = influx_place(bucket=influxd.create_bucket(retention_seconds=30 * 86400))
    store = place.open()

    assert store.keeps(AIR_QUALITY) == timedelta(days=30)
    assert store.keeps(DAILY) is None
    put(store, DAILY, [DAILY_ROW])
    assert store.keeps(DAILY) is None
    influxd.keep(place.tier_bucket, days=400)
    assert store.keeps(DAILY) == timedelta(days=400)
    store.close()


@pytest.mark.influxdb
def test_a_bucket_that_is_not_there_keeps_nothing_and_is_named(influx_place: Callable[..., InfluxPlace]) -> None:
    store = influx_place(bucket="hoem_assistant").open()

    error = error_of(store, lambda it: it.keeps(AIR_QUALITY))

    assert str(error).startswith("INFLUXDB_BUCKET: ")
    assert "has no bucket hoem_assistant" in str(error)
    assert store.sizes() == {}
    store.close()
