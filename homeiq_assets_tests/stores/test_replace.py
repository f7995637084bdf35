"""The contract of a store, part one: writing is a replace of exactly what a provider vouches for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import (
    AIR_QUALITY,
    CARBON_INTENSITY,
    MV_DAILY_CARBON_SUMMARY,
    SMART_METER,
    SMART_METER_CIRCUIT,
)
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.stores.places import ALWAYS, Row, held, put, rows

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
DAY = Window(MIDNIGHT, MIDNIGHT + 24 * HOUR)
BEFORE, AFTER = MIDNIGHT - HOUR, MIDNIGHT + 24 * HOUR


def air(time: datetime, category: str = "Good", parameter: str = "PM2.5", **fields: float) -> Row:
    return {"time": time, "location": "48.2,16.4", "category": category, "parameter": parameter} | fields


def carbon(time: datetime, operator: str = "APG", **fields: float) -> Row:
    return {"time": time, "region": "AT", "grid_operator": operator} | fields


def meter(time: datetime, watts: float, **fields: float) -> Row:
    return {"time": time, "meter_type": "emporia", "total_power_w": watts} | fields


def test_what_is_replaced_is_what_is_read_back(store: Store) -> None:
    answer = [air(MIDNIGHT, aqi=41, pm25=9.8), air(NOON, "Moderate", aqi=70, pm25=21.25)]

    done = store.replace(AIR_QUALITY, rows_of(AIR_QUALITY, answer), DAY)

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *answer)
    assert done == Replaced(written=2)


def test_a_row_that_vanished_goes(store: Store) -> None:
    put(store, AIR_QUALITY, [air(MIDNIGHT, aqi=41), air(NOON, aqi=43), air(NOON + HOUR, aqi=44)], DAY)

    done = store.replace(AIR_QUALITY, rows_of(AIR_QUALITY, [air(MIDNIGHT, aqi=41), air(NOON + HOUR, aqi=50)]), DAY)

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, air(MIDNIGHT, aqi=41), air(NOON + HOUR, aqi=50))
    assert done == Replaced(written=1, removed=1, unchanged=1)


def test_a_field_that_vanished_goes(store: Store) -> None:
    put(store, AIR_QUALITY, [air(NOON, aqi=41, pm25=9.8), air(NOON + HOUR, aqi=43, pm25=10.0)], DAY)

    store.replace(AIR_QUALITY, rows_of(AIR_QUALITY, [air(NOON, aqi=41), air(NOON + HOUR, aqi=43, pm25=10.0)]), DAY)

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, air(NOON, aqi=41), air(NOON + HOUR, aqi=43, pm25=10.0))


def test_a_reading_whose_tag_was_revised_is_there_once(store: Store) -> None:
    put(store, AIR_QUALITY, [air(NOON, "Good", aqi=50), air(NOON, "Good", "Ozone", aqi=20)], DAY)

    done = store.replace(
        AIR_QUALITY,
        rows_of(AIR_QUALITY, [air(NOON, "Moderate", aqi=51), air(NOON, "Good", "Ozone", aqi=20)]),
        DAY,
    )

    assert held(store, AIR_QUALITY) == rows(
        AIR_QUALITY, air(NOON, "Moderate", aqi=51), air(NOON, "Good", "Ozone", aqi=20)
    )
    assert done == Replaced(written=1, removed=1, unchanged=1)


def test_only_the_covered_part_of_a_day_is_replaced(store: Store) -> None:
    morning, evening = air(NOON - HOUR, aqi=1), air(NOON + HOUR, aqi=3)
    put(store, AIR_QUALITY, [morning, air(NOON, aqi=2), air(NOON + 30 * MINUTE, aqi=2), evening])

    put(store, AIR_QUALITY, [air(NOON, aqi=20)], Window(NOON, NOON + HOUR))

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, morning, air(NOON, aqi=20), evening)


def test_rows_at_the_edges_outside_of_what_is_covered_stay(store: Store) -> None:
    just_before = air(MIDNIGHT - timedelta(microseconds=1), aqi=1)
    at_the_end = air(AFTER, aqi=3)
    put(store, AIR_QUALITY, [just_before, air(MIDNIGHT, aqi=2), at_the_end])

    put(store, AIR_QUALITY, [air(NOON, aqi=9)], DAY)

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, just_before, air(NOON, aqi=9), at_the_end)


def test_other_measurements_stay(store: Store) -> None:
    put(store, SMART_METER_CIRCUIT, [{"time": NOON, "circuit_name": "oven", "power_w": 900.0}])
    put(store, SMART_METER, [meter(NOON, 1200.0)])

    put(store, SMART_METER, [meter(MIDNIGHT, 100.0)], DAY)

    assert held(store, SMART_METER_CIRCUIT) == rows(
        SMART_METER_CIRCUIT, {"time": NOON, "circuit_name": "oven", "power_w": 900.0}
    )


def test_an_empty_answer_changes_nothing(store: Store) -> None:
    put(store, AIR_QUALITY, [air(NOON, aqi=41)])

    done = store.replace(AIR_QUALITY, AIR_QUALITY.empty(), DAY)

    assert done == Replaced()
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, air(NOON, aqi=41))


def test_the_same_answer_again_writes_nothing_and_says_so(store: Store) -> None:
    answer = rows_of(AIR_QUALITY, [air(MIDNIGHT + n * HOUR, aqi=n, pm25=n / 3) for n in range(24)])
    first = store.replace(AIR_QUALITY, answer, DAY)
    before = held(store, AIR_QUALITY)

    again = store.replace(AIR_QUALITY, answer, DAY)

    assert (first, again) == (Replaced(written=24), Replaced(unchanged=24))
    assert held(store, AIR_QUALITY) == before


def test_several_days_are_replaced_at_once_where_each_differs(store: Store) -> None:
    days = [MIDNIGHT + n * 24 * HOUR for n in range(4)]
    put(store, AIR_QUALITY, [air(day + HOUR, aqi=1) for day in days] + [air(day + 2 * HOUR, aqi=2) for day in days])

    answer = [
        air(days[0] + HOUR, aqi=1),  # a row vanished
        air(days[1] + HOUR, aqi=1),
        air(days[1] + 2 * HOUR, aqi=2),  # unchanged
        air(days[3] + HOUR, aqi=10),  # the day before vanished whole; here one is new, one gone
        air(days[3] + 3 * HOUR, aqi=3),
    ]
    done = store.replace(AIR_QUALITY, rows_of(AIR_QUALITY, answer), Window(days[0], days[3] + 24 * HOUR))

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *answer)
    assert done == Replaced(written=2, removed=4, unchanged=3)


def test_a_window_across_utc_midnight_leaves_the_rest_of_both_days(store: Store) -> None:
    stays = [air(MIDNIGHT - 2 * HOUR, aqi=1), air(MIDNIGHT + HOUR, aqi=4)]
    put(store, AIR_QUALITY, [*stays, air(MIDNIGHT - MINUTE, aqi=2), air(MIDNIGHT + MINUTE, aqi=3)])

    put(store, AIR_QUALITY, [air(MIDNIGHT, aqi=9)], Window(MIDNIGHT - HOUR, MIDNIGHT + HOUR))

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, stays[0], air(MIDNIGHT, aqi=9), stays[1])


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_of_a_clock_change_is_replaced_whole_and_alone(store: Store, date: str, hours: int) -> None:
    day = local_day(datetime.fromisoformat(date).date(), ZoneInfo("Europe/Vienna"))
    beside = [meter(day.start - 5 * MINUTE, 1.0), meter(day.end, 2.0)]
    put(store, SMART_METER, [*beside, *(meter(day.start + n * 15 * MINUTE, 500.0) for n in range(4 * hours))])
    assert len(held(store, SMART_METER, day)) == 4 * hours

    put(store, SMART_METER, [meter(day.start + n * HOUR, 600.0) for n in range(hours)], day)

    assert held(store, SMART_METER, day) == rows(
        SMART_METER, *(meter(day.start + n * HOUR, 600.0) for n in range(hours))
    )
    assert held(store, SMART_METER)[0] == rows(SMART_METER, beside[0])[0]
    assert held(store, SMART_METER)[-1] == rows(SMART_METER, beside[1])[0]


def test_rows_outside_of_what_is_covered_are_refused_whole(store: Store) -> None:
    put(store, AIR_QUALITY, [air(NOON, aqi=41)])
    answer = rows_of(AIR_QUALITY, [air(NOON, aqi=99), air(AFTER, aqi=99)])

    with pytest.raises(StoreError, match=r"air_quality: 1 rows lie outside of 2026-03-10T00:00:00Z\.\.") as refused:
        store.replace(AIR_QUALITY, answer, DAY)

    assert not refused.value.retryable
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, air(NOON, aqi=41))


def test_coarser_rows_are_refused_and_the_stored_ones_stay(store: Store) -> None:
    fine = [meter(NOON + n * 5 * MINUTE, 100.0 + n) for n in range(12)]
    put(store, SMART_METER, [*fine, meter(NOON + HOUR + 5 * MINUTE, 700.0), meter(NOON + 3 * HOUR, 900.0)])
    hourly = [meter(NOON, 105.5), meter(NOON + HOUR, 710.0), meter(NOON + 2 * HOUR, 800.0)]

    done = store.replace(SMART_METER, rows_of(SMART_METER, hourly), DAY, step=HOUR)

    # One stored row in an hour is not finer than an hourly one; and 15:00 the answer no longer has.
    assert held(store, SMART_METER) == rows(SMART_METER, *fine, *hourly[1:])
    assert done == Replaced(written=2, removed=2, unchanged=12, refused=1)
    assert store.replace(SMART_METER, rows_of(SMART_METER, hourly), DAY, step=HOUR) == Replaced(unchanged=14, refused=1)


def test_coarser_rows_of_one_series_do_not_stop_another(store: Store) -> None:
    fine = [{"time": NOON + n * 30 * MINUTE, "circuit_name": "oven", "power_w": 100.0 + n} for n in range(2)]
    put(store, SMART_METER_CIRCUIT, fine)
    hourly = [{"time": NOON, "circuit_name": name, "power_w": 500.0} for name in ("fridge", "oven", "pump")]

    store.replace(SMART_METER_CIRCUIT, rows_of(SMART_METER_CIRCUIT, hourly), DAY, step=HOUR)

    assert held(store, SMART_METER_CIRCUIT) == rows(SMART_METER_CIRCUIT, hourly[0], *fine, hourly[2])


def test_finer_rows_take_the_place_of_coarser_ones(store: Store) -> None:
    put(store, SMART_METER, [meter(NOON + n * HOUR, 100.0 + n) for n in range(3)])
    fine = [meter(NOON + n * 5 * MINUTE, 200.0 + n) for n in range(24)]

    store.replace(SMART_METER, rows_of(SMART_METER, fine), Window(NOON, NOON + 2 * HOUR), step=5 * MINUTE)

    assert held(store, SMART_METER) == rows(SMART_METER, *fine, meter(NOON + 2 * HOUR, 102.0))


def test_rows_under_a_revised_tag_are_not_taken_for_finer_ones(store: Store) -> None:
    put(store, AIR_QUALITY, [air(NOON, "Good", aqi=50)])

    done = store.replace(AIR_QUALITY, rows_of(AIR_QUALITY, [air(NOON, "Moderate", aqi=51)]), DAY, step=HOUR)

    assert done == Replaced(written=1, removed=1)
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, air(NOON, "Moderate", aqi=51))


def test_what_was_forecast_at_the_poll_stays_when_a_later_answer_lacks_it(store: Store) -> None:
    put(store, CARBON_INTENSITY, [carbon(NOON, carbon_intensity_gco2_kwh=200.0, forecast_1h=210.0, forecast_24h=150.0)])

    # History, fetched later: settled, by another operator's name, and without forecasts.
    later = rows_of(CARBON_INTENSITY, [carbon(NOON, "A.P.G.", carbon_intensity_gco2_kwh=204.0)])
    done = store.replace(CARBON_INTENSITY, later, DAY)

    assert done == Replaced(written=1, removed=1)
    assert held(store, CARBON_INTENSITY) == rows(
        CARBON_INTENSITY,
        carbon(NOON, "A.P.G.", carbon_intensity_gco2_kwh=204.0, forecast_1h=210.0, forecast_24h=150.0),
    )
    assert store.replace(CARBON_INTENSITY, later, DAY) == Replaced(unchanged=1)


def test_a_forecast_stays_as_the_first_poll_of_the_slot_made_it(store: Store) -> None:
    for operator, first, second in (("APG", 210.0, None), ("APG", 190.0, 150.0), ("A.P.G.", 170.0, 140.0)):
        polled = {"carbon_intensity_gco2_kwh": first - 10, "forecast_1h": first} | (
            {} if second is None else {"forecast_24h": second}
        )
        put(store, CARBON_INTENSITY, [carbon(NOON, operator, **polled)], DAY)

    assert held(store, CARBON_INTENSITY) == rows(
        CARBON_INTENSITY,
        carbon(NOON, "A.P.G.", carbon_intensity_gco2_kwh=160.0, forecast_1h=210.0, forecast_24h=150.0),
    )


def test_a_measurement_without_tags_is_replaced_like_any_other(store: Store) -> None:
    days = [{"time": MIDNIGHT + n * 24 * HOUR, "date": f"2026-03-{10 + n}", "avg_carbon": 200.0 + n} for n in range(3)]
    put(store, MV_DAILY_CARBON_SUMMARY, days)

    without = [days[0], {"time": days[1]["time"], "date": "2026-03-11", "max_carbon": 300.0}]
    put(store, MV_DAILY_CARBON_SUMMARY, without, ALWAYS)

    assert held(store, MV_DAILY_CARBON_SUMMARY) == rows(MV_DAILY_CARBON_SUMMARY, *without)


def test_nothing_is_left_to_recover_after_a_replace(store: Store) -> None:
    put(store, AIR_QUALITY, [air(NOON, aqi=41), air(NOON + HOUR, aqi=42)])
    put(store, AIR_QUALITY, [air(NOON, aqi=43)])

    store.recover(AIR_QUALITY)

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, air(NOON, aqi=43))
