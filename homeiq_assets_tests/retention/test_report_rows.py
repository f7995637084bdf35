"""Rows are counted, not values: also where no field is in all of them, and where a field has several types."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from homeiq_assets.schema.measurement import Field, Measurement, Type
from homeiq_assets.schema.measurements import AIR_QUALITY, HOME_ASSISTANT_HISTORY, SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import InfluxPlace, Place, put

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FIELDS = (
    {"state": "on"},
    {"normalized_value": 1.5},
    {"unit_of_measurement": "W"},
    {"state": "", "normalized_value": 2.0},
    {"normalized_value": 0.0, "unit_of_measurement": "W"},
    {"energy_consumption": 3.0},
)


def test_rows_of_which_none_has_all_fields_are_each_counted_once(store: Store) -> None:
    given = [
        {"time": NOON + number * SECOND, "entity_id": f"sensor.e{number % 2}", "domain": "sensor", **fields}
        for number, fields in enumerate(FIELDS * 3)
    ]
    put(store, HOME_ASSISTANT_HISTORY, given)

    assert store.rows(HOME_ASSISTANT_HISTORY) == len(given)
    assert max(store.counts(HOME_ASSISTANT_HISTORY, Window(NOON, NOON + 60 * SECOND)).values()) < len(given)


def test_series_with_fields_of_their_own_are_all_counted(store: Store) -> None:
    put(
        store,
        AIR_QUALITY,
        [
            {"time": NOON, "location": "1,2", "category": "Good", "parameter": name, field: 4}
            for name, field in (("PM2.5", "pm25"), ("PM10", "pm10"), ("Ozone", "ozone"), ("PM2.5 ", "aqi"))
        ],
    )

    assert store.rows(AIR_QUALITY) == 4


def test_a_window_has_the_rows_from_its_start_to_before_its_end(store: Store) -> None:
    put(
        store,
        SMART_METER,
        [
            {"time": NOON + hours * timedelta(hours=1), "meter_type": "emporia", "total_power_w": 1.0}
            for hours in range(48)
        ],
    )

    assert store.rows(SMART_METER, Window(NOON, NOON + timedelta(hours=5))) == 5
    assert store.rows(SMART_METER, Window(NOON + timedelta(hours=40), NOON + timedelta(days=9))) == 8
    assert store.rows(SMART_METER) == 48


def test_where_nothing_is_stored_there_is_no_row(store: Store) -> None:
    assert store.rows(SMART_METER) == 0


def test_rows_of_fields_that_no_schema_names_count_too(place: Place) -> None:
    wide = Measurement("smart_meter", SMART_METER.tags, (*SMART_METER.fields, Field("volts", Type.INTEGER)))
    opened = place.open()
    put(
        opened,
        wide,
        [
            {"time": NOON, "meter_type": "emporia", "volts": 230},
            {"time": NOON + SECOND, "meter_type": "emporia", "total_power_w": 1.0},
        ],
    )

    assert opened.rows(SMART_METER) == 2
    opened.close()


@pytest.mark.influxdb
def test_a_field_stored_under_several_types_counts_under_each(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace]
) -> None:
    place = influx_place()
    opened = place.open()
    nanoseconds = int(NOON.timestamp()) * 10**9
    week = 7 * 86400 * 10**9
    for shard, value in enumerate(("1i", "1.5", '"one"', "true", "7u")):
        influxd.write(
            place.bucket,
            f"smart_meter,meter_type=a total_power_w={value} {nanoseconds + shard * week}\n"
            f"smart_meter,meter_type=a total_power_w={value},daily_kwh=1 {nanoseconds + shard * week + 1}\n"
            f"smart_meter,meter_type=a daily_kwh=1 {nanoseconds + shard * week + 2}",
        )

    assert opened.rows(SMART_METER) == 15
    opened.close()
