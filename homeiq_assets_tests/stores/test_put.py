"""Rows put beside what is stored, on both stores."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from homeiq_assets.schema.measurement import Field, Tag, Type, rows_of
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets_tests.stores.places import held, put, rows

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
VOLTS = Field("volts", Type.FLOAT)


def reading(time: datetime, watts: float, meter: str = "sense") -> dict[str, object]:
    return {"time": time, "meter_type": meter, "total_power_w": watts, "daily_kwh": watts / 1000}


def given(*readings: dict[str, object]) -> pa.Table:
    return rows_of(SMART_METER, readings)


def test_rows_come_beside_what_is_stored_over_several_days(store: Store) -> None:
    put(store, SMART_METER, [reading(NOON, 1), reading(NOON, 2, "emporia")])

    store.put(SMART_METER, given(reading(NOON + DAY, 3), reading(NOON - DAY, 4), reading(NOON + DAY / 4, 5)))

    kept = [
        reading(NOON, 2, "emporia"),
        *(reading(NOON + n * DAY / 4, w) for n, w in ((-4, 4), (0, 1), (1, 5), (4, 3))),
    ]
    assert held(store, SMART_METER) == rows(SMART_METER, *kept)


def test_a_row_comes_in_place_of_one_of_the_same_series_and_time(store: Store) -> None:
    put(store, SMART_METER, [reading(NOON, 1), reading(NOON + DAY, 2)])

    store.put(SMART_METER, given(reading(NOON, 7)))

    assert held(store, SMART_METER) == rows(SMART_METER, reading(NOON, 7), reading(NOON + DAY, 2))


def test_what_a_day_holds_beyond_the_schema_stays(store: Store) -> None:
    wide = replace(SMART_METER, tags=(*SMART_METER.tags, Tag("phase")), fields=(*SMART_METER.fields, VOLTS))
    put(store, wide, [reading(NOON, 1) | {"phase": "L1", "volts": 231.5}])

    store.put(SMART_METER, given(reading(NOON + DAY / 8, 2)))
    store.put(SMART_METER, SMART_METER.empty())

    (first, second) = sorted(held(store, wide), key=lambda row: str(row["time"]))
    assert (first["phase"], first["volts"], first["total_power_w"]) == ("L1", 231.5, 1)
    assert second["total_power_w"] == 2
    assert "volts" not in second


def test_a_field_that_the_new_row_lacks_keeps_its_value(store: Store) -> None:
    wide = replace(SMART_METER, fields=(*SMART_METER.fields, VOLTS))
    put(store, wide, [reading(NOON, 1) | {"volts": 231.5}, reading(NOON + DAY / 8, 2)])

    store.put(SMART_METER, given({"time": NOON, "meter_type": "sense", "daily_kwh": 9.5}))
    store.put(wide, rows_of(wide, [{"time": NOON + DAY / 8, "meter_type": "sense", "volts": 229.0}]))

    first = {"time": NOON, "meter_type": "sense", "total_power_w": 1.0, "daily_kwh": 9.5, "volts": 231.5}
    assert held(store, wide) == rows(wide, first, reading(NOON + DAY / 8, 2) | {"volts": 229.0})
