"""Two processes write the same measurement at once: the store ends with one answer whole, and nobody fails."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.schema.measurements import AIR_QUALITY, SMART_METER, tier_of
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.crashes import processes
from homeiq_assets_tests.stores.places import EmbeddedPlace, InfluxPlace, Place, Row, held, locked_by_another, put, rows

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
TWO_DAYS = Window(MIDNIGHT, MIDNIGHT + 48 * HOUR)
ROUNDS = 8


def air(hours: float, category: str, aqi: int) -> Row:
    time = MIDNIGHT + hours * HOUR
    return {"time": time, "location": "48.2,16.4", "category": category, "parameter": "PM2.5", "aqi": aqi}


OUTSIDE = [air(-1, "Good", 1), air(48, "Good", 2)]
ONE = [air(hour, "Good", hour) for hour in range(0, 48, 2)]
OTHER = [air(hour, "Moderate", 100 + hour) for hour in range(0, 48, 3)]


def write_repeatedly(place: Place, answer: list[Row], start: Barrier) -> None:
    store = place.open()
    for _ in range(ROUNDS):
        start.wait(timeout=30)
        put(store, AIR_QUALITY, answer, TWO_DAYS)
    store.close()


def test_the_store_ends_with_one_of_two_answers_whole(store: Store, place: Place) -> None:
    put(store, AIR_QUALITY, OUTSIDE)
    start = processes.Barrier(2)
    both = [processes.Process(target=write_repeatedly, args=(place, answer, start)) for answer in (ONE, OTHER)]
    for process in both:
        process.start()
    for process in both:
        process.join(timeout=60)

    assert [process.exitcode for process in both] == [0, 0]
    ends = (rows(AIR_QUALITY, *OUTSIDE, *ONE), rows(AIR_QUALITY, *OUTSIDE, *OTHER))
    assert held(store, AIR_QUALITY) in ends
    store.recover(AIR_QUALITY)
    assert held(store, AIR_QUALITY) in ends


def test_readers_of_the_embedded_store_see_every_day_whole_while_it_is_written(tmp_path: Path) -> None:
    place = EmbeddedPlace(tmp_path / "store")
    store = place.open()
    put(store, AIR_QUALITY, ONE)
    start = processes.Barrier(2)
    both = [processes.Process(target=write_repeatedly, args=(place, answer, start)) for answer in (ONE, OTHER)]
    for process in both:
        process.start()

    seen = []
    while any(process.is_alive() for process in both):
        seen += [held(store, AIR_QUALITY, day) for day in TWO_DAYS.utc_days()]

    wholes = [
        [row for row in rows(AIR_QUALITY, *answer) if row["time"] in day]
        for day in TWO_DAYS.utc_days()
        for answer in (ONE, OTHER)
    ]
    assert [process.exitcode for process in both] == [0, 0]
    assert seen
    assert all(day in wholes for day in seen)


def write_a_tier(place: Place, resolution: str, start: Barrier) -> None:
    store = place.open()
    start.wait(timeout=30)
    put(store, tier_of(SMART_METER, resolution), [tier_row(resolution)])
    store.close()


def tier_row(resolution: str) -> Row:
    return {"time": MIDNIGHT, "meter_type": resolution, "total_power_w_mean": 400.0}


@pytest.mark.influxdb
def test_two_processes_that_both_miss_the_tier_bucket_both_store_in_the_one_that_is_made(
    influx_place: Callable[..., InfluxPlace],
) -> None:
    place = influx_place()
    start = processes.Barrier(2)
    both = [processes.Process(target=write_a_tier, args=(place, name, start)) for name in ("hourly", "daily")]
    for process in both:
        process.start()
    for process in both:
        process.join(timeout=60)

    assert [process.exitcode for process in both] == [0, 0]
    store = place.open()
    for name in ("hourly", "daily"):
        tier = tier_of(SMART_METER, name)
        assert held(store, tier) == rows(tier, tier_row(name))
    store.close()


def test_a_writer_waits_until_another_one_is_done(store: Store, place: Place) -> None:
    put(store, AIR_QUALITY, OUTSIDE)
    writer = threading.Thread(target=put, args=(store, AIR_QUALITY, ONE, TWO_DAYS))
    with locked_by_another(place, "air_quality"):
        writer.start()
        writer.join(timeout=0.3)
        assert writer.is_alive()
        assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE)  # readers never wait

    writer.join(timeout=30)

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE, *ONE)


def test_a_writer_that_waited_too_long_says_for_whom_and_that_waiting_helps(store: Store, place: Place) -> None:
    put(store, AIR_QUALITY, OUTSIDE)
    impatient = replace(place, lock_timeout=0.1).open()

    with locked_by_another(place, "air_quality"):
        for write in (
            lambda: put(impatient, AIR_QUALITY, ONE, TWO_DAYS),
            lambda: impatient.delete(AIR_QUALITY, TWO_DAYS),
        ):
            with pytest.raises(StoreError, match=r"HOMEIQ_HOME: another process .* air_quality") as busy:
                write()
            assert busy.value.retryable
        put(impatient, SMART_METER, [{"time": MIDNIGHT, "meter_type": "emporia", "total_power_w": 1.0}])

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *OUTSIDE)
    put(impatient, AIR_QUALITY, ONE, TWO_DAYS)
    impatient.close()
