"""The daily energy report: its rules as stories, then random days against a count of every minute."""

import math
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.insights.energy_report import Report, energy_report
from homeiq_assets.schema.insights import DAILY_ENERGY_REPORT
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.insights.at_home import (
    DAY,
    DAYS,
    JUNE,
    MINUTE,
    at,
    carbon_of,
    circuits_of,
    every,
    meter_of,
    plain,
    prices_of,
)

HOLD = 24 * HOUR
HOURS = every(HOUR, DAY)
FLAT, CLEAN = prices_of(dict.fromkeys(HOURS, 0.3)), carbon_of({DAY.start: 200.0})


def report(
    meter: pa.Table,
    circuits: pa.Table | None = None,
    prices: pa.Table = FLAT,
    carbon: pa.Table = CLEAN,
    feed_in_price: float | None = None,
    day: Window = DAY,
    date: date = JUNE,
    hold: timedelta = HOLD,
) -> Report:
    found = energy_report(
        meter, circuits or circuits_of({}), prices, carbon, day=day, date=date, hold=hold, feed_in_price=feed_in_price
    )
    assert found is not None
    assert found.row.schema.equals(DAILY_ENERGY_REPORT.arrow)
    return found


def row_of(*given: Any, **more: Any) -> dict[str, Any]:
    (row,) = plain(report(*given, **more).row)
    return row


def hourly(*watts: float) -> dict[datetime, float | None]:
    return dict(zip(HOURS, watts, strict=False))


def test_a_day_of_a_home_that_draws_and_feeds_in() -> None:
    row = row_of(meter_of(hourly(1000, -500, 2000), counters=True, step=HOUR), feed_in_price=0.08)

    assert row == {
        "time": DAY.start, "date": "2025-06-01", "total_kwh": 3.0, "export_kwh": 0.5,
        "cost": pytest.approx(0.9 - 0.04), "currency": "EUR", "carbon_kg": pytest.approx(0.6),
    }  # fmt: skip


def test_without_a_feed_in_price_the_cost_is_of_what_is_drawn() -> None:
    assert row_of(meter_of(hourly(1000, -500)))["cost"] == pytest.approx(0.3)


def test_energy_is_what_the_counters_say_also_where_both_directions_are_in_one_interval() -> None:
    meter = meter_of(hourly(0, 0), counters=True, step=HOUR)
    counted = meter.set_column(3, "daily_kwh", pa.array([0.4, 1.0])).set_column(
        4, "daily_export_kwh", pa.array([0.4, 0.5])
    )

    row = row_of(counted)

    assert (row["total_kwh"], row["export_kwh"]) == (1.0, 0.5)


def test_a_counter_that_begins_anew_counts_whole_and_a_dip_is_made_good() -> None:
    meter = meter_of(hourly(0, 0, 0, 0, 0), counters=True, step=HOUR)
    counted = meter.set_column(3, "daily_kwh", pa.array([5.0, 1.0, 2.0, 1.9, 3.0]))

    assert row_of(counted)["total_kwh"] == pytest.approx(8.0)


def test_each_slot_costs_its_own_price_also_a_negative_one() -> None:
    prices = prices_of({at(0): 0.1, at(1): -0.2, at(2): 0.3})

    assert row_of(meter_of(hourly(1000, 1000, 1000)), prices=prices)["cost"] == pytest.approx(0.2)


def test_energy_without_a_price_is_no_cost_and_a_slot_without_energy_needs_none() -> None:
    prices = prices_of({at(0): 0.1, at(2): 0.3, at(3): 0.3})

    assert {"cost", "currency"}.isdisjoint(row_of(meter_of(hourly(1000, 1000, 1000)), prices=prices))
    assert row_of(meter_of(hourly(1000, 0, 1000)), prices=prices)["cost"] == pytest.approx(0.4)
    assert "cost" not in row_of(meter_of(hourly(0, 0)), prices=prices_of({}))
    assert row_of(meter_of(hourly(1000, 1000)), prices=prices_of({}))["total_kwh"] == 2.0


def test_carbon_is_absent_where_none_is_in_force() -> None:
    meter = meter_of(hourly(1000, 1000))

    assert "carbon_kg" not in row_of(meter, carbon=carbon_of({at(1): 100.0}))
    assert "carbon_kg" not in row_of(meter, carbon=carbon_of({at(-3): 100.0}), hold=4 * HOUR)
    assert row_of(meter, carbon=carbon_of({at(-3): 100.0}), hold=5 * HOUR)["carbon_kg"] == pytest.approx(0.2)


def test_unmetered_is_what_the_home_draws_beyond_its_circuits() -> None:
    circuits = circuits_of({"oven": hourly(600, 100), "solar": hourly(0, -1000)})  # type: ignore[dict-item]
    found = report(meter_of(hourly(1000, -700)), circuits)

    (row,) = plain(found.row)
    assert row["unmetered_kwh"] == pytest.approx(0.4 + 0.2)
    assert list(found.circuits) == ["oven", "solar"]
    assert found.circuits["oven"][:2].tolist() == pytest.approx([0.6, 0.1])


def test_panels_of_which_no_circuit_says_anything_make_nothing_unmetered_negative() -> None:
    row = row_of(meter_of(hourly(-2000, 500)), circuits_of({"oven": hourly(600, 300)}))  # type: ignore[dict-item]

    assert row["unmetered_kwh"] == pytest.approx(0.2)


def test_without_circuits_nothing_is_said_of_them_and_their_holes_count_as_nothing() -> None:
    assert "unmetered_kwh" not in row_of(meter_of(hourly(1000)))
    assert row_of(meter_of(hourly(1000, 1000)), circuits_of({"oven": {at(0): 900.0}}))["unmetered_kwh"] < 0.11


def test_a_silent_meter_is_no_report_and_no_zero() -> None:
    given: dict[str, Any] = {"day": DAY, "date": JUNE, "hold": HOLD, "feed_in_price": None}

    assert energy_report(meter_of({}), circuits_of({}), FLAT, CLEAN, **given) is None
    unsaid = meter_of(hourly(1000), counters=True).set_column(2, "total_power_w", pa.array([None], pa.float64()))
    assert report(unsaid).drawn.sum() > 0


def test_after_a_change_of_provider_a_day_is_counted_once() -> None:
    prices = pa.concat_tables([FLAT, prices_of(dict.fromkeys(HOURS[:3], 9.0), provider="tibber", currency="SEK")])

    row = row_of(meter_of(hourly(*[1000] * 24)), prices=prices)

    assert row["currency"] == "EUR"
    assert row["cost"] < 24 * 9


_POWER = st.floats(-3000, 9000).map(lambda watts: round(watts, 1))


@given(
    st.sampled_from(DAYS),
    st.sampled_from([5, 15, 60]),
    st.sampled_from([15, 60]),
    st.lists(_POWER, min_size=2, max_size=12),
    st.lists(_POWER, min_size=0, max_size=5),
    st.lists(st.integers(-20, 60), min_size=1, max_size=9),
    st.lists(st.tuples(st.integers(-1440, 1500), st.integers(0, 600)), max_size=4, unique_by=lambda one: one[0]),
    st.sampled_from([2, 24]),
    st.booleans(),
    st.tuples(st.integers(1, 400), st.integers(3, 400)),
    st.sampled_from([None, 0.08]),
)
def test_random_days_agree_with_a_count_of_every_minute(
    on: tuple[date, ZoneInfo], step: int, slot: int, home: list[float], circuit: list[float], cents: list[int],
    carbon: list[tuple[int, int]], hold_hours: int, counters: bool, missing: tuple[int, int], earns: float | None,
) -> None:  # fmt: skip
    day = local_day(*on)
    times = every(step * MINUTE, day)
    powers = {time: home[n % len(home)] for n, time in enumerate(times)}
    full = plain(meter_of(powers, counters, step * MINUTE))
    kept = [row for n, row in enumerate(full) if n != missing[0]]
    metered = {time: circuit[n % len(circuit)] for n, time in enumerate(times)} if circuit else {}
    slots = {time: cents[n * n % len(cents)] / 100 for n, time in enumerate(every(slot * MINUTE, Window(day.start - HOUR, day.end + HOUR))) if n != missing[1]}  # fmt: skip  # noqa: E501
    readings = {day.start + minute * MINUTE: float(value) for minute, value in sorted(carbon)}

    drawn, fed_in, unmetered, cost, emitted = 0.0, 0.0, 0.0, 0.0, 0.0
    priced, known, counted = True, True, (0.0, 0.0)
    for row in kept:
        if counters:
            taken, given = row["daily_kwh"] - counted[0], row["daily_export_kwh"] - counted[1]
            counted = row["daily_kwh"], row["daily_export_kwh"]
        else:
            taken, given = (max(sign * row["total_power_w"], 0) * step / 60000 for sign in (1, -1))
        drawn, fed_in = drawn + taken, fed_in + given
        for minute in (row["time"] + n * MINUTE for n in range(step)):
            price = next((slots[time] for n in range(slot) if (time := minute - n * MINUTE) in slots), None)
            latest = max((time for time in readings if time <= minute), default=None)
            reading = None if latest is None or minute >= latest + hold_hours * HOUR else readings[latest]
            if taken:
                priced, known = priced and price is not None, known and reading is not None
                cost += taken / step * (price or 0)
                emitted += taken / step * (reading or 0) / 1000
            if metered:
                unmetered += max((taken - given) / step - metered[row["time"]] / 60000, 0)

    meter = meter_of(powers, counters, step * MINUTE)
    left = meter.filter(pa.array([n != missing[0] for n in range(meter.num_rows)]))
    found = row_of(
        left, circuits_of({"all": metered} if metered else {}), prices_of(slots), carbon_of(readings),
        feed_in_price=earns, day=day, date=on[0], hold=hold_hours * HOUR,
    )  # fmt: skip

    wanted = {"total_kwh": drawn, "export_kwh": fed_in}
    if metered:
        wanted["unmetered_kwh"] = unmetered
    if priced:
        wanted["cost"] = cost - fed_in * (earns or 0)
    if known:
        wanted["carbon_kg"] = emitted
    numbers = {name: value for name, value in found.items() if isinstance(value, float)}
    assert numbers.keys() == wanted.keys()
    for name, value in wanted.items():
        assert math.isclose(numbers[name], value, rel_tol=1e-9, abs_tol=1e-9), name
