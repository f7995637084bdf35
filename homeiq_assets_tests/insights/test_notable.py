"""What is pointed out: changes of the air's category, and high loads."""

from datetime import datetime

import pyarrow as pa

from homeiq_assets.insights.notable import category_changes, high_loads
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.window import Window
from homeiq_assets_tests.insights.at_home import DAY, VIENNA, at, meter_of


def air(*rows: tuple[float, str, str]) -> pa.Table:
    """Readings: hour of the day, pollutant, category."""
    return rows_of(
        AIR_QUALITY,
        [
            {"time": at(hour), "location": "48,16", "parameter": parameter, "category": category, "aqi": 60}
            for hour, parameter, category in rows
        ],
    )


def test_a_change_of_category_is_told_with_its_time_pollutant_from_and_to() -> None:
    found = category_changes(
        air((-1, "PM10", "Good"), (1, "PM10", "Moderate"), (2, "PM10", "Moderate"), (0, "Ozone", "Good"),
            (3, "Ozone", "Unhealthy"), (4, "PM10", "Good")),
        DAY, VIENNA,
    )  # fmt: skip

    assert found == [
        "2025-06-01 01:00 PM10: Good → Moderate",
        "2025-06-01 03:00 Ozone: Good → Unhealthy",
        "2025-06-01 04:00 PM10: Moderate → Good",
    ]


def test_an_unknown_category_and_what_changed_before_the_window_are_no_changes() -> None:
    assert category_changes(air((1, "PM10", "Good"), (2, "PM10", "unknown"), (3, "PM10", "Good")), DAY, VIENNA) == []
    assert category_changes(air((-3, "PM10", "Good"), (-2, "PM10", "Moderate")), DAY, VIENNA) == []
    assert category_changes(air(), DAY, VIENNA) == []


def loads(*watts: float | None, window: Window = DAY) -> list[str]:
    readings: dict[datetime, float | None] = {at(18 + n / 12): value for n, value in enumerate(watts)}
    return high_loads(meter_of(readings), window, VIENNA, 10)


def test_intervals_that_follow_each_other_are_one_spell_with_its_highest_load() -> None:
    assert loads(500, 10_400, 12_340, 11_000, 10_000, 10_001, 300) == [
        "2025-06-01 18:05 to 18:20: up to 12.3 kW",
        "2025-06-01 18:25 to 18:30: up to 10.0 kW",
    ]


def test_feeding_in_is_no_load_and_a_silent_meter_ends_a_spell() -> None:
    assert loads(-15_000, 200) == []
    assert loads(11_000, None, None, 12_000, 13_000, 500) == [
        "2025-06-01 18:00 to 18:05: up to 11.0 kW",
        "2025-06-01 18:15 to 18:25: up to 13.0 kW",
    ]
    assert loads() == []
