"""Readings that no home can have: left out of tiers, views and insights, named, and shown as a failed check."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.events.opening import opened_events
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, HOME_ASSISTANT_EVENTS
from homeiq_assets.views.events import energy_days
from homeiq_assets.window import HOUR
from homeiq_assets_tests.events.said_home import METER, OURS, THEIRS, D, Said, home_in, told
from homeiq_assets_tests.retention.old_days import DAY, OldDays
from homeiq_assets_tests.stores.influxd import Influxd

SPIKE = 4294967.295
MINUTES = 1 / 60
Server = Callable[[], Influxd]


def readings(values: Sequence[float], start: float = 9.0, step: float = 5 * MINUTES) -> list[Said]:
    """Readings of the meter on D, from an hour on."""
    return [(-(start + number * step), METER, value) for number, value in enumerate(values)]


def alone() -> Influxd:
    return pytest.fail("needs no server")


def named(home: OldDays) -> list[str]:
    """What the hourly tier and the view of D say was left out."""
    (rolled,) = home.roll_hourly(D)
    (energy,) = energy_days([D], home.home, home.store)
    return [*rolled.beyond, *energy.beyond]


@pytest.mark.parametrize("place", [*OURS, *THEIRS])
def test_one_absurd_reading_of_a_meter_is_no_energy(place: str, tmp_path: Path, server: Server) -> None:
    home = home_in(place, tmp_path, server, readings([100.1, SPIKE, 100.1, 100.4]))
    home.put(
        [{"time": home.window(D).start, "provider": "us", "currency": "EUR", "current_price": 0.3}], ELECTRICITY_PRICING
    ) if place in ("embedded", "influxdb") else None

    assert told(home) == {"tier": pytest.approx(0.3), "view": pytest.approx(0.3)}
    in_tier, in_view = named(home)
    assert "sensor.meter: 4.29497e+06 kWh at 2026-03-10 09:05 UTC" in in_tier
    assert "HOMEIQ_MAX_POWER_KW=100" in in_tier
    assert in_view == in_tier


@pytest.mark.parametrize(
    ("values", "energy"),
    [
        ([100.1, SPIKE, SPIKE, 100.1, 100.4], 0.3),
        ([100.1, SPIKE, 3e6, 100.1, 100.4], 0.3),
        ([SPIKE, 100.1, 100.4], 0.3),
        ([100.1, 0.0, 100.1, 100.4], 0.3),
        ([100.1, 0.0, 0.0, 100.1, 100.4], 0.3),
        ([100.1, 5.0, 5.1, 100.1, 100.4], 0.3),
        ([100.1, 0.0, SPIKE, 0.1, 0.2], 0.2),
        ([100.0, 50000.0, 50000.2, 50000.4], 0.4),
        ([50000.0, 100.0, 100.2], 0.2),
        ([100.0, 108.3, 108.4], 8.4),
        ([100.0, 108.4, 108.4], 8.4),
        ([100.0, 108.4], 0.0),
        ([100.0, 0.5, 0.7], 0.7),
        ([1000.0, 950.0, 1000.0], 0.0),
        ([100.1, SPIKE], 0.0),
    ],
    ids=str,
)
def test_only_what_can_be_drawn_in_that_time_is_counted(values: list[float], energy: float, tmp_path: Path) -> None:
    found = told(home_in("embedded", tmp_path, alone, readings(values)))

    assert [found.get(one, 0.0) for one in ("tier", "view")] == [pytest.approx(energy)] * 2


@pytest.mark.parametrize(("hours", "energy"), [(1, 0.3), (6, 0.3)])
def test_the_return_after_hours_is_no_new_cycle(hours: float, energy: float, tmp_path: Path) -> None:
    home = home_in("embedded", tmp_path, alone, readings([100.1, SPIKE, 100.1, 100.4], 1, hours))

    assert told(home) == {"tier": pytest.approx(energy), "view": pytest.approx(energy)}


@pytest.mark.parametrize(("unit", "factor"), [("Wh", 1e3), ("kWh", 1.0), ("MWh", 1e-3)])
def test_the_limit_is_that_of_the_unit(unit: str, factor: float, tmp_path: Path) -> None:
    said = readings([one * factor for one in (100.0, 108.0, 117.0, 117.0, 108.1, 108.2)])
    home = home_in("embedded", tmp_path, alone, said, unit_of_measurement=unit)

    found = told(home)

    assert (found["tier"] / factor, found["view"]) == (pytest.approx(8.2), pytest.approx(8.2))
    assert len(named(home)) == 2


def test_a_long_silence_allows_more(tmp_path: Path) -> None:
    said: list[Said] = [(4, METER, 100.0), *readings([900.0, 900.3])]
    assert told(home_in("embedded", tmp_path, alone, said))["tier"] == pytest.approx(800.3)

    too_much: list[Said] = [(4, METER, 100.0), *readings([SPIKE, 900.0, 900.3])]
    again = told(home_in("embedded", tmp_path / "again", alone, too_much))
    assert (again["tier"], again["view"]) == (pytest.approx(800.3), pytest.approx(800.3))


@pytest.mark.parametrize("place", [*OURS, *THEIRS])
@pytest.mark.parametrize("absurd", [[SPIKE], [SPIKE, 3e6]], ids=str)
def test_a_meter_whose_last_readings_before_a_silence_were_absurd(
    place: str, absurd: list[float], tmp_path: Path, server: Server
) -> None:
    """Four days without a reading: what was said before the absurd ones is known all the same."""
    before = [100.1, *absurd]
    said: list[Said] = [(4 - number / 288, METER, value) for number, value in enumerate(before)]
    home = home_in(place, tmp_path, server, said + readings([100.4]))

    assert told(home) == {"tier": pytest.approx(0.3), "view": pytest.approx(0.3)}


def test_a_spike_over_midnight_is_none_of_either_day(tmp_path: Path) -> None:
    said = readings([100.0, 100.1], 23) + readings([SPIKE], 23.95) + readings([100.1, 100.4], 24.05)
    home = home_in("embedded", tmp_path, alone, said)
    home.clock.now += 2 * DAY

    rolled = home.roll(D, D + DAY)
    view = list(energy_days([D, D + DAY], home.home, home.store))

    assert [(one.left, one.differs) for one in rolled] == [(None, None)] * 4
    tier = [home.tier("daily", day)["normalized_value_increase"].to_pylist() for day in (D, D + DAY)]
    assert tier == [[pytest.approx(0.1)], [pytest.approx(0.3)]]
    assert [one.rows["total_kwh"].to_pylist() for one in view] == [[pytest.approx(0.1)], [pytest.approx(0.3)]]
    assert [home.tier("daily", day)["normalized_value_last"].to_pylist() for day in (D, D + DAY)] == [[100.1], [100.4]]
    alone_again = list(energy_days([D + DAY], home.home, home.store))
    assert alone_again[0].rows.equals(view[1].rows), "the same when the day is made by itself"


@pytest.mark.parametrize("place", OURS)
def test_a_day_with_an_absurd_reading_goes_like_others(place: str, tmp_path: Path, server: Server) -> None:
    said = readings([100.0, SPIKE, 100.1], 23.8) + readings([SPIKE, 100.2, 100.3, 0.0, 100.4], 24)
    said += readings([101.0], 50)
    home = home_in(place, tmp_path, server, said, RETENTION_RAW_DAYS="home_assistant_events=7")
    days = [D, D + DAY, D + 2 * DAY]
    home.clock.now += 20 * DAY
    home.ready(*days)
    before = home.tiers(*days)

    removed = home.remove(*days[:2])

    assert [(one.outcome, one.reason) for one in removed] == [(Outcome.REMOVED, None)] * 2
    assert home.tiers(*days) == before
    with opened_events(home.home, home.store) as events:
        known = events.last_before(home.window(D + 2 * DAY).start, known=True).to_pylist()
    assert [row["normalized_value"] for row in known] == [100.4]


@pytest.mark.parametrize(("unit", "factor"), [("W", 1.0), ("kW", 1e-3)])
def test_power_that_no_home_draws_is_none(unit: str, factor: float, tmp_path: Path) -> None:
    watts = [600.0, 4294967.0, 600.0, -250000.0, 600.0]
    said = readings([one * factor for one in watts], 9, 0.5)
    home = home_in("embedded", tmp_path, alone, said, unit_of_measurement=unit)
    home.roll(D)
    (energy,) = energy_days([D], home.home, home.store)

    (tier,) = home.tier("daily", D).to_pylist()
    assert tier["normalized_value_mean"] == tier["normalized_value_max"] == pytest.approx(600 * factor)
    assert tier["normalized_value_min"] == pytest.approx(600 * factor)
    (row,) = energy.rows.to_pylist()
    assert (row["total_kwh"], row["avg_power"], row["peak_power"]) == (pytest.approx(9.0), pytest.approx(600), 600)
    assert len(energy.beyond) == 2
    assert "250000 W at 2026-03-10 10:30 UTC is beyond HOMEIQ_MAX_POWER_KW=100" in energy.beyond[1]


def test_a_home_that_draws_more_says_so(tmp_path: Path) -> None:
    values: list[Any] = readings([100.0, 112.0, 124.0])
    home = home_in("embedded", tmp_path, alone, values, HOMEIQ_MAX_POWER_KW="150")

    assert told(home) == {"tier": 24.0, "view": 24.0}
    assert named(home) == []
    assert home.measurement is HOME_ASSISTANT_EVENTS
    assert home.window(D).length == 24 * HOUR
