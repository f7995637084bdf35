"""How long an interval is of which only the start is stored: holes, also equal ones, are not taken for longer steps."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeiq_assets.insights.energy_report import energy_report
from homeiq_assets.insights.notable import high_loads
from homeiq_assets.insights.phantom import night_figures, night_of
from homeiq_assets.series.holds import nanoseconds
from homeiq_assets.series.steps import ends_of
from homeiq_assets.window import HOUR, Window
from homeiq_assets_tests.insights.at_home import (
    DAY,
    JUNE,
    MINUTE,
    VIENNA,
    at,
    carbon_of,
    circuits_of,
    every,
    meter_of,
    plain,
    prices_of,
)

FIVE = 5 * MINUTE


def reported(watts: Mapping[datetime, float | None], circuits: pa.Table | None = None) -> dict[str, Any]:
    """The report's row of a meter that says power only."""
    prices, carbon = prices_of(dict.fromkeys(every(HOUR, DAY), 0.3)), carbon_of({DAY.start: 200.0})
    given: dict[str, Any] = {"day": DAY, "date": JUNE, "hold": 24 * HOUR, "feed_in_price": None}
    report = energy_report(meter_of(watts), circuits or circuits_of({}), prices, carbon, **given)
    assert report is not None
    (row,) = plain(report.row)
    return row


def kilowatts(*minutes: int) -> dict[datetime, float | None]:
    """A kilowatt in the 5 minutes from each of these minutes of the day on."""
    return {at(minute / 60): 1000.0 for minute in minutes}


@pytest.mark.parametrize(
    "minutes",
    [
        (0, 5, 10, 35, 60, 65, 70),
        (0, 25, 50),
        (0, 25, 50, 55),
        (0, 10, 20, 25, 30),
        (0, 10, 25),
        (0, 5, 20, 35, 40),
        (0, 5, 65, 125, 130),
        (0, 5, 35, 65, 95, 100),
        (0, 70, 140, 210),
    ],
)
def test_equal_holes_in_a_meter_of_power_are_no_energy(minutes: tuple[int, ...]) -> None:
    row = reported(kilowatts(*minutes))

    assert row["total_kwh"] == pytest.approx(len(minutes) / 12)
    assert row["cost"] == pytest.approx(0.3 * len(minutes) / 12)
    assert row["carbon_kg"] == pytest.approx(0.2 * len(minutes) / 12)


def test_a_day_with_two_equal_holes_has_the_energy_of_its_readings() -> None:
    whole = every(FIVE, DAY)
    holes = {at(10 + minute / 60) for minute in (5, 10, 15, 20, 30, 35, 40, 45)}

    row = reported({time: 1000.0 for time in whole if time not in holes})

    assert row["total_kwh"] == pytest.approx(24 - 8 / 12), "and not 0.67 kWh more"


def test_equal_holes_in_a_circuit_are_no_energy_of_it() -> None:
    circuit: dict[datetime, float] = dict.fromkeys(kilowatts(0, 25, 50, 55), 600.0)

    row = reported(kilowatts(*range(0, 60, 5)), circuits_of({"oven": circuit}))

    assert row["unmetered_kwh"] == pytest.approx(0.4 * 4 / 12), "where nothing is said of it nothing is unmetered"


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([5, 15, 60]), st.data())
def test_whatever_readings_are_missing_the_energy_is_that_of_the_others(step: int, data: st.DataObject) -> None:
    times = every(step * MINUTE, DAY)
    first = data.draw(st.integers(0, len(times) - 2))
    drawn = data.draw(st.sets(st.sampled_from(times), max_size=3 * len(times) // 4))
    kept = [time for n, time in enumerate(times) if n in (first, first + 1) or time not in drawn]

    # Three hours of equal distances, a part of the hour, would be a step.
    distances = np.diff([time.timestamp() for time in kept])
    odd = distances[distances > 60 * step]
    if len(odd) < 3 or not any((odd[n : n + 3] == odd[n]).all() for n in range(len(odd) - 2)):
        assert reported(dict.fromkeys(kept, 1000.0))["total_kwh"] == pytest.approx(len(kept) * step / 60)


@pytest.mark.parametrize("step", [5, 10, 15, 30, 60])
def test_a_meter_of_any_step_has_it_also_beside_a_hole(step: int) -> None:
    times = [time for time in every(step * MINUTE, DAY) if not at(7) <= time < at(9)]

    assert reported(dict.fromkeys(times, 1000.0))["total_kwh"] == pytest.approx(22)


def test_hourly_statistics_before_five_minute_ones_keep_their_length() -> None:
    hours, fine = every(HOUR, Window(DAY.start, at(9))), every(FIVE, Window(at(9), DAY.end))

    assert reported(dict.fromkeys([*hours, *fine], 1000.0))["total_kwh"] == pytest.approx(24)


def test_a_load_and_a_night_last_as_long_as_their_readings() -> None:
    loads = {at(18 + minute / 60): 12_000.0 for minute in (0, 25, 50)}
    night = night_of(JUNE, VIENNA)
    readings: dict[datetime, float | None] = {night.start + minute * MINUTE: 100.0 for minute in (0, 25, 50, 75)}

    assert high_loads(meter_of(dict(loads)), DAY, VIENNA, 10) == [
        f"2025-06-01 18:{minute:02} to 18:{minute + 5:02}: up to 12.0 kW" for minute in (0, 25, 50)
    ]
    assert night_figures(meter_of(readings), circuits_of({}), night) == {}, "known for 5 minutes of each half-hour"


def slots(*minutes: int) -> list[int]:
    """How many minutes each price slot lasts, by the minutes they begin at."""
    starts = np.array([nanoseconds(timedelta(minutes=minute)) for minute in minutes], np.int64)
    return ((ends_of(starts) - starts) // nanoseconds(MINUTE)).tolist()  # type: ignore[no-any-return]


def test_equal_holes_in_prices_are_no_longer_slots() -> None:
    assert slots(0, 15, 45, 75, 90, 105) == [15] * 6
    assert slots(0, 45, 90, 105) == [15] * 4
    assert slots(0, 15, 30, 60, 90, 120, 135) == [15] * 7
    assert slots(*range(0, 360, 15), *range(360, 660, 60)) == [15] * 24 + [60] * 4 + [15]
    assert slots(0) == [60]
