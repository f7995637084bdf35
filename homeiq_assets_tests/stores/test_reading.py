"""The contract of a store, part two: what is read, counted and deleted is what was asked for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import AIR_QUALITY, CARBON_INTENSITY, MV_DAILY_CARBON_SUMMARY, SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.places import ALWAYS, Place, Row, held, plain, put, rows

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)


def air(time: datetime, parameter: str = "PM2.5", category: str = "Good", **fields: float) -> Row:
    return {"time": time, "location": "48.2,16.4", "category": category, "parameter": parameter} | fields


DAYS_APART = [
    air(NOON, aqi=1, pm25=1.5),
    air(NOON, "Ozone", aqi=2, ozone=30.0),
    air(MIDNIGHT - TICK, aqi=3),
    air(MIDNIGHT, "Ozone", "Moderate", ozone=31.5),
    air(NOON + 48 * HOUR, aqi=5, pm25=2.5),
]


def test_a_window_holds_its_start_and_not_its_end(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    assert held(store, AIR_QUALITY, Window(NOON, MIDNIGHT)) == rows(AIR_QUALITY, *DAYS_APART[:3])
    assert held(store, AIR_QUALITY, Window(NOON + TICK, MIDNIGHT + TICK)) == rows(AIR_QUALITY, *DAYS_APART[2:4])
    assert held(store, AIR_QUALITY, Window(MIDNIGHT, NOON + 48 * HOUR)) == rows(AIR_QUALITY, DAYS_APART[3])


def test_rows_come_sorted_by_tags_then_time_with_every_column_of_the_schema(store: Store) -> None:
    put(store, AIR_QUALITY, list(reversed(DAYS_APART)))

    found = store.read(AIR_QUALITY, ALWAYS)

    assert found.schema == AIR_QUALITY.arrow
    series = list(zip(found["category"].to_pylist(), found["parameter"].to_pylist(), strict=True))
    assert series == [("Good", "Ozone"), *[("Good", "PM2.5")] * 3, ("Moderate", "Ozone")]
    assert found.slice(1, 3)["aqi"].to_pylist() == [1, 3, 5]


def test_rows_are_read_by_their_tags(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    def read(**tags: str) -> list[dict[str, object]]:
        return plain(store.read(AIR_QUALITY, ALWAYS, tags=tags))

    assert read(parameter="Ozone") == rows(AIR_QUALITY, DAYS_APART[1], DAYS_APART[3])
    assert read(parameter="Ozone", category="Moderate") == rows(AIR_QUALITY, DAYS_APART[3])
    assert read(parameter="Ozone", category="Hazardous") == []


def test_columns_are_read_by_name_without_the_rows_that_have_none_of_them(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    found = store.read(AIR_QUALITY, ALWAYS, columns=["ozone", "pm25"])

    assert found.column_names == ["time", "location", "category", "parameter", "pm25", "ozone"]
    assert found["ozone"].to_pylist() == [30.0, None, None, 31.5]
    assert found["pm25"].to_pylist() == [None, 1.5, 2.5, None]
    assert store.read(AIR_QUALITY, ALWAYS, columns=[]).num_rows == 0


def test_what_the_measurement_does_not_have_cannot_be_asked_for(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)
    asked: list[Callable[[], object]] = [
        lambda: store.read(AIR_QUALITY, ALWAYS, columns=["pm1"]),
        lambda: store.read(AIR_QUALITY, ALWAYS, tags={"place": "here"}),
        lambda: list(store.stream(AIR_QUALITY, ALWAYS, tags={"place": "here"})),
        lambda: store.last(AIR_QUALITY, "pm1", NOON),
        lambda: store.newest(AIR_QUALITY, tags={"place": "here"}),
        lambda: store.counts(AIR_QUALITY, ALWAYS, tags={"place": "here"}),
        lambda: store.delete(AIR_QUALITY, ALWAYS, tags={"place": "here"}),
    ]

    for ask in asked:
        with pytest.raises(KeyError, match="air_quality has no"):
            ask()
    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *DAYS_APART)


def test_a_stream_is_the_same_rows_a_utc_day_at_a_time(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)
    window = Window(NOON - 72 * HOUR, NOON + 72 * HOUR)

    parts = list(store.stream(AIR_QUALITY, window))

    assert [part.num_rows for part in parts] == [3, 1, 1]
    assert all(part.schema == AIR_QUALITY.arrow for part in parts)
    order = [(key, "ascending") for key in (*AIR_QUALITY.tag_names, "time")]
    assert pa.concat_tables(parts).sort_by(order).equals(store.read(AIR_QUALITY, window))


def test_a_stream_keeps_to_its_window_tags_and_columns(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    parts = store.stream(
        AIR_QUALITY, Window(NOON + TICK, NOON + 72 * HOUR), tags={"parameter": "PM2.5"}, columns=["pm25"]
    )

    assert [plain(part) for part in parts] == [rows(AIR_QUALITY, air(NOON + 48 * HOUR, pm25=2.5))]


def test_the_last_value_is_that_of_each_series_strictly_before_an_instant(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    def last(field: str, before: datetime) -> list[dict[str, object]]:
        return plain(store.last(AIR_QUALITY, field, before))

    assert last("aqi", NOON + 48 * HOUR) == rows(AIR_QUALITY, air(NOON, "Ozone", aqi=2), air(MIDNIGHT - TICK, aqi=3))
    assert last("aqi", MIDNIGHT - TICK) == rows(AIR_QUALITY, air(NOON, "Ozone", aqi=2), air(NOON, aqi=1))
    # Newer rows without the field do not hide its last value.
    assert last("pm25", NOON + 48 * HOUR) == rows(AIR_QUALITY, air(NOON, pm25=1.5))
    assert last("ozone", NOON) == []
    assert store.last(AIR_QUALITY, "ozone", NOON).column_names == ["time", *AIR_QUALITY.tag_names, "ozone"]


def test_the_last_value_is_found_after_years_of_silence(store: Store) -> None:
    long_ago = datetime(2019, 7, 1, 8, 30, tzinfo=UTC)
    put(store, SMART_METER, [{"time": long_ago, "meter_type": "emporia", "daily_kwh": 8.5}])

    assert plain(store.last(SMART_METER, "daily_kwh", NOON)) == rows(
        SMART_METER, {"time": long_ago, "meter_type": "emporia", "daily_kwh": 8.5}
    )


def test_the_last_value_of_a_measurement_without_tags_has_its_time(store: Store) -> None:
    days = [{"time": NOON + n * 24 * HOUR, "date": f"2026-03-{10 + n}", "avg_carbon": 200.0 + n} for n in range(3)]
    put(store, MV_DAILY_CARBON_SUMMARY, days)

    assert plain(store.last(MV_DAILY_CARBON_SUMMARY, "avg_carbon", NOON + 48 * HOUR)) == [
        {"time": days[1]["time"], "avg_carbon": 201.0}
    ]
    assert plain(store.last(MV_DAILY_CARBON_SUMMARY, "date", NOON + 72 * HOUR)) == [
        {"time": days[2]["time"], "date": "2026-03-12"}
    ]


def test_the_newest_row_tells_its_time(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    assert store.newest(AIR_QUALITY) == NOON + 48 * HOUR
    assert store.newest(AIR_QUALITY, tags={"parameter": "Ozone"}) == MIDNIGHT
    assert store.newest(AIR_QUALITY, tags={"parameter": "PM10"}) is None


def test_the_oldest_row_tells_its_time(store: Store) -> None:
    assert store.oldest(AIR_QUALITY) is None
    put(store, AIR_QUALITY, DAYS_APART)

    assert store.oldest(AIR_QUALITY) == min(row["time"] for row in DAYS_APART)


def test_the_newest_row_may_lie_in_the_future(store: Store) -> None:
    put(store, AIR_QUALITY, [air(NOON, aqi=1), air(datetime(2100, 1, 1, tzinfo=UTC), aqi=2)])

    assert store.newest(AIR_QUALITY) == datetime(2100, 1, 1, tzinfo=UTC)
    assert len(held(store, AIR_QUALITY)) == 2


def test_a_row_of_forecasts_alone_is_no_reading(store: Store) -> None:
    region = {"region": "AT", "grid_operator": "APG"}
    put(
        store,
        CARBON_INTENSITY,
        [
            {"time": NOON - HOUR, **region, "renewable_percentage": 60.0},
            {"time": NOON, **region, "carbon_intensity_gco2_kwh": 200.0, "forecast_1h": 210.0},
            *({"time": NOON + n * HOUR, **region, "forecast_1h": 210.0} for n in range(1, 11)),
            {"time": NOON + 48 * HOUR, **region, "forecast_24h": 230.0},
        ],
    )

    assert store.newest(CARBON_INTENSITY) == NOON
    assert store.newest(CARBON_INTENSITY, tags={"region": "AT"}) == NOON
    assert len(held(store, CARBON_INTENSITY)) == 13


def test_values_are_counted_by_field(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    assert store.counts(AIR_QUALITY, ALWAYS) == {"aqi": 4, "pm25": 2, "pm10": 0, "ozone": 2}
    assert store.counts(AIR_QUALITY, Window(NOON, MIDNIGHT)) == {"aqi": 3, "pm25": 1, "pm10": 0, "ozone": 1}
    assert store.counts(AIR_QUALITY, ALWAYS, tags={"parameter": "Ozone"}) == {
        "aqi": 1,
        "pm25": 0,
        "pm10": 0,
        "ozone": 2,
    }


def test_a_delete_keeps_to_its_window(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    store.delete(AIR_QUALITY, Window(NOON + TICK, MIDNIGHT))

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *DAYS_APART[:2], *DAYS_APART[3:])
    store.delete(AIR_QUALITY, ALWAYS)
    assert held(store, AIR_QUALITY) == []
    assert store.newest(AIR_QUALITY) is None


def test_a_delete_keeps_to_its_tags(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    store.delete(AIR_QUALITY, ALWAYS, tags={"parameter": "Ozone", "category": "Good"})

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, DAYS_APART[0], *DAYS_APART[2:])


def test_what_was_deleted_can_be_stored_again(store: Store) -> None:
    put(store, AIR_QUALITY, DAYS_APART)
    store.delete(AIR_QUALITY, ALWAYS)

    put(store, AIR_QUALITY, DAYS_APART)

    assert held(store, AIR_QUALITY) == rows(AIR_QUALITY, *DAYS_APART)


@pytest.mark.parametrize("filled", [False, True], ids=["an empty store", "an unknown measurement"])
def test_what_was_never_stored_reads_as_nothing(store: Store, filled: bool) -> None:
    if filled:
        put(store, SMART_METER, [{"time": NOON, "meter_type": "emporia", "total_power_w": 1.0}])

    store.recover(AIR_QUALITY)
    store.delete(AIR_QUALITY, ALWAYS)

    assert store.read(AIR_QUALITY, ALWAYS).equals(AIR_QUALITY.empty())
    assert list(store.stream(AIR_QUALITY, Window(NOON, MIDNIGHT))) == []
    assert store.last(AIR_QUALITY, "aqi", MIDNIGHT).num_rows == 0
    assert store.newest(AIR_QUALITY) is None
    assert store.counts(AIR_QUALITY, ALWAYS) == dict.fromkeys(AIR_QUALITY.field_names, 0)
    assert all(probe.ok is not False for probe in store.probe())


def test_a_store_opened_again_reads_the_same(store: Store, place: Place) -> None:
    put(store, AIR_QUALITY, DAYS_APART)

    other = place.open()

    assert other.read(AIR_QUALITY, ALWAYS).equals(rows_of(AIR_QUALITY, DAYS_APART))
    other.close()
