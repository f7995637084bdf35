"""Phantom loads: the rules of nights and weeks, days of clock changes, and random nights minute by minute."""

import math
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.insights.phantom import mean_price, night_figures, night_of, phantom_load
from homeiq_assets.schema.insights import PHANTOM_LOAD
from homeiq_assets.window import HOUR, Window
from homeiq_assets_tests.insights.at_home import (
    DAY,
    DAYS,
    JUNE,
    LORD_HOWE,
    MINUTE,
    VIENNA,
    at,
    circuits_of,
    every,
    meter_of,
    plain,
    prices_of,
)

NIGHT = night_of(JUNE, VIENNA)
NOTHING = meter_of({}), circuits_of({})


def night(watts: list[float], step: timedelta = 30 * MINUTE) -> dict[datetime, float | None]:
    return {NIGHT.start + n * step: value for n, value in enumerate(watts)}


def loads(*nights: dict[str, float], price: float | None = None) -> dict[str, dict[str, Any]]:
    rows = phantom_load(nights, price, DAY)
    assert rows.schema.equals(PHANTOM_LOAD.arrow)
    assert all(row["time"] == DAY.start for row in plain(rows))
    return {row.pop("circuit_name"): row for row in plain(rows)}


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (JUNE, VIENNA, 2),
        (date(2025, 3, 30), VIENNA, 1),
        (date(2025, 10, 26), VIENNA, 3),
        (date(2025, 10, 5), LORD_HOWE, 1.5),
        (date(2025, 4, 6), LORD_HOWE, 2),
    ],
)
def test_a_night_is_from_two_to_four_by_the_wall_clock(day: date, zone: ZoneInfo, hours: float) -> None:
    window = night_of(day, zone)

    assert window.length == hours * HOUR
    assert window.end.astimezone(zone).hour == 4


def test_the_nights_figure_is_the_least_mean_of_its_half_hours() -> None:
    assert night_figures(meter_of(night([400, 90, 100, 2000])), NOTHING[1], NIGHT) == {"home": 90}


def test_what_is_fed_in_is_no_load_and_no_negative_one() -> None:
    meter = meter_of(night([300, -200] * 4, 15 * MINUTE))
    circuits = circuits_of({"solar": dict.fromkeys(night([0] * 4), -5.0)})

    assert night_figures(meter, circuits, NIGHT) == {"home": 150, "solar": 0}


def test_a_half_hour_known_for_less_than_half_has_no_mean_and_a_silent_night_no_figure() -> None:
    readings = {NIGHT.start + n * 5 * MINUTE: (10.0 if n < 2 else 100.0) for n in (0, 1, *range(6, 24))}

    assert night_figures(meter_of(readings), NOTHING[1], NIGHT) == {"home": 100}
    assert night_figures(*NOTHING, NIGHT) == {}


def test_the_baseline_is_the_median_of_the_nights_that_are_known() -> None:
    found = loads({"home": 100.0}, {"home": 900.0, "fridge": 30.0}, {}, {"home": 120.0}, price=0.25)

    assert found["home"]["baseline_w"] == 120
    assert found["home"]["yearly_kwh"] == pytest.approx(1051.92)
    assert found["home"]["yearly_cost"] == pytest.approx(262.98)
    assert found["fridge"]["baseline_w"] == 30


def test_without_prices_there_is_no_cost_and_without_nights_no_row() -> None:
    assert "yearly_cost" not in loads({"home": 100.0})["home"]
    assert loads({}, {}) == {}
    assert mean_price(prices_of({})) is None


def test_a_circuit_called_home_does_not_stand_in_for_the_home() -> None:
    circuits = circuits_of({"home": dict.fromkeys(night([0] * 4), 5.0)})

    assert night_figures(meter_of(night([80] * 4)), circuits, NIGHT) == {"home": 80}


def test_the_mean_price_is_over_time() -> None:
    slots = {at(0): 1.0, at(1): 1.0, at(2): 1.0, at(3): 4.0, at(3.25): 4.0, at(3.5): 4.0, at(3.75): 4.0}

    assert mean_price(prices_of(slots)) == pytest.approx(7 / 4)


@given(
    st.sampled_from(DAYS),
    st.sampled_from([5, 15, 60]),
    st.lists(st.floats(-500, 5000), min_size=3, max_size=20),
    st.integers(0, 59),
    st.integers(0, 99),
)
def test_random_nights_agree_with_a_count_of_every_minute(
    on: tuple[date, ZoneInfo], step: int, powers: list[float], shift: int, missing: int
) -> None:
    window = night_of(*on)
    # The hour before the night is given too: it tells how long a reading is that stands alone in the night.
    begin = window.start - (60 + shift % step) * MINUTE
    grid = every(step * MINUTE, Window(begin, window.end))
    readings = {time: powers[n % len(powers)] for n, time in enumerate(grid) if n != missing or len(grid) < 9}
    minutes = {time + m * MINUTE: max(power, 0.0) for time, power in readings.items() for m in range(step)}
    means = []
    start = window.start
    while start < window.end:
        half = [start + n * MINUTE for n in range(30) if start + n * MINUTE < window.end]
        known = [minutes[minute] for minute in half if minute in minutes]
        if known and 2 * len(known) >= len(half):
            means.append(sum(known) / len(known))
        start += 30 * MINUTE

    found = night_figures(meter_of(readings), NOTHING[1], window)

    assert math.isclose(found["home"], min(means), rel_tol=1e-9, abs_tol=1e-9)
    assert median([found["home"]]) == loads(found)["home"]["baseline_w"]
    assert window.start.tzinfo is UTC
