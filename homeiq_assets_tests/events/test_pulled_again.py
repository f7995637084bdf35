"""Days that are asked for again after Home Assistant has changed: what was stored right stays right."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.feeds.collect import collect
from homeiq_assets.schema.measurements import HOME_ASSISTANT_HISTORY, MV_DAILY_ENERGY_BY_DEVICE
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.feeds.events.pulled_home import (
    DAY,
    GRID,
    LAMP,
    MINUTE,
    MOTION,
    NOW,
    VIENNA,
    SettingsOf,
    answers,
    history,
    quiet,
    served,
    variables,
)
from homeiq_assets_tests.household import Household, failure_of, household
from homeiq_assets_tests.simulated_vendors.home_assistant_history import HomeAssistantHistory

EVENTS, VIEW = "feeds/home_assistant_events", "views/mv_daily_energy_by_device"
HOUR = 60 * MINUTE
KILOWATT = {"device_class": "power", "unit_of_measurement": "kW", "state_class": "measurement", "friendly_name": "Grid"}


@pytest.fixture
def vendor() -> Iterator[HomeAssistantHistory]:
    with served() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, vendor: HomeAssistantHistory) -> Household:
    return household(tmp_path, NOW, **variables(vendor), **quiet())


def pulled(home: Household) -> dict[tuple[str, str], list[Any]]:
    """Unit, classes and area of each stored state."""
    names = ("unit_of_measurement", "device_class", "state_class", "area")
    rows = home.stored(HOME_ASSISTANT_HISTORY).to_pylist()
    return {(row["entity_id"], row["state"]): [row[name] for name in names] for row in rows}


def settle(home: Household, *assets: str) -> None:
    result = home.materialise(EVENTS, *assets, days=("2026-11-19", "2026-11-20"))
    assert result.success, failure_of(result)


def test_a_changed_unit_leaves_the_readings_before_it_in_theirs(vendor: HomeAssistantHistory, home: Household) -> None:
    vendor.states[GRID] = KILOWATT
    began = NOW - DAY
    vendor.recorded[GRID] = [(began, "1.5"), (began + 2 * HOUR, "0.0")]
    settle(home, VIEW)
    before = home.stored(HOME_ASSISTANT_HISTORY), home.stored(MV_DAILY_ENERGY_BY_DEVICE, "2026-11-19")
    assert before[1]["total_kwh"].to_pylist() == [pytest.approx(3)]

    vendor.states[GRID] = KILOWATT | {"unit_of_measurement": "W"}
    vendor.earlier[GRID] = [(NOW - HOUR, KILOWATT)]
    vendor.recorded[GRID] += [(NOW - HOUR, "40.0")]
    settle(home, VIEW)

    after = home.stored(HOME_ASSISTANT_HISTORY, "2026-11-19"), home.stored(MV_DAILY_ENERGY_BY_DEVICE, "2026-11-19")
    assert after[0].equals(before[0])
    assert after[1].equals(before[1])
    assert [pulled(home)[GRID, state][0] for state in ("1.5", "0.0", "40.0")] == ["kW", "kW", "W"]


def test_rows_in_either_store_keep_their_unit_and_area_when_they_are_asked_for_again(
    store: Store, vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    provider, window = history(settings_of, vendor), Window(NOW - DAY, NOW)
    vendor.states[GRID] = KILOWATT
    vendor.recorded[GRID] = [(NOW - 9 * HOUR, "1.5"), (NOW - 7 * HOUR, "0.0")]
    vendor.recorded[MOTION] = [(NOW - 8 * HOUR, "on")]
    list(collect(provider, store, window, NOW, VIENNA))
    before = store.read(HOME_ASSISTANT_HISTORY, window)

    vendor.earlier[GRID] = [(NOW, KILOWATT)]
    vendor.states[GRID] = {"unit_of_measurement": "W", "friendly_name": "Grid"}
    vendor.registries["device"] = []
    list(collect(provider, store, window, NOW + 2 * DAY, VIENNA))

    assert before.num_rows == 3
    assert store.read(HOME_ASSISTANT_HISTORY, window).equals(before)


def test_a_unit_that_changed_and_changed_back_is_that_of_each_reading(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    watt = KILOWATT | {"unit_of_measurement": "W"}
    at = NOW - 10 * HOUR
    vendor.states[GRID] = KILOWATT
    # In the middle of what is asked for at once the unit changes without the state.
    vendor.earlier[GRID] = [(at + MINUTE, KILOWATT), (at + 4 * MINUTE, watt)]
    told = ("1", "1", "2", "3", "4", "5")
    vendor.recorded[GRID] = [(at + n * MINUTE, state) for n, state in enumerate(told)]

    (answer,) = answers(history(settings_of, vendor), Window(NOW - 12 * HOUR, NOW))

    units = zip(answer.rows["state"].to_pylist(), answer.rows["unit_of_measurement"].to_pylist(), strict=True)
    assert list(units) == [("1", "kW"), ("2", "W"), ("3", "W"), ("4", "kW"), ("5", "kW")]


def test_changed_classes_and_resets_are_those_of_each_readings_own_time(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    meter, at = "sensor.daily", NOW - 3 * HOUR
    energy = {"device_class": "energy", "unit_of_measurement": "kWh", "friendly_name": "Daily"}
    vendor.states = {meter: energy | {"state_class": "total", "last_reset": "2026-11-20T09:00:00+01:00"}}
    vendor.earlier = {meter: [(at + MINUTE, energy), (at + HOUR, energy | {"state_class": "measurement"})]}
    vendor.recorded = {meter: [(at, "8.2"), (at + MINUTE, "9.1"), (at + 2 * HOUR, "9.4")]}

    (answer,) = answers(history(settings_of, vendor), Window(NOW - 6 * HOUR, NOW))

    assert answer.rows["state_class"].to_pylist() == ["none", "measurement", "total"]
    assert answer.rows["last_reset"].to_pylist() == [None, None, "2026-11-20T08:00:00+00:00"]


def test_an_entity_that_moved_stays_where_it_was(vendor: HomeAssistantHistory, home: Household) -> None:
    vendor.recorded[MOTION] = [(NOW - DAY, "on"), (NOW - 23 * HOUR, "off"), (NOW - HOUR, "on")]
    settle(home)
    before = home.stored(HOME_ASSISTANT_HISTORY, "2026-11-19")

    vendor.registries["device"] = [{"id": "d1", "area_id": "cellar"}]
    vendor.now = home.clock.now = NOW + 25 * HOUR
    vendor.recorded[MOTION] += [(NOW + 24 * HOUR + 59 * MINUTE, "on")]
    result = home.materialise(EVENTS, days=("2026-11-19", "2026-11-21"))

    assert result.success, failure_of(result)
    assert home.stored(HOME_ASSISTANT_HISTORY, "2026-11-19").equals(before)
    assert set(before["area"].to_pylist()) == {"hall"}


def test_an_entity_that_is_not_asked_for_any_more_keeps_what_is_stored(
    vendor: HomeAssistantHistory, home: Household
) -> None:
    vendor.recorded[MOTION] = [(NOW - DAY, "on")]
    vendor.recorded[GRID] = [(NOW - DAY - HOUR, "1"), (NOW - DAY, "2"), (NOW - DAY + HOUR, "3")]
    settle(home)
    before = home.stored(HOME_ASSISTANT_HISTORY)

    (home.settings.homeiq_home / "caches" / "home_assistant_entities.json").unlink()
    vendor.states = {GRID: vendor.states[GRID], LAMP: vendor.states[LAMP]}
    settle(home)

    assert home.stored(HOME_ASSISTANT_HISTORY).equals(before)


def test_a_renamed_entity_is_not_there_twice(vendor: HomeAssistantHistory, home: Household) -> None:
    vendor.recorded[GRID] = [(NOW - DAY, "1"), (NOW - DAY + HOUR, "2")]
    settle(home)

    vendor.states["sensor.mains"], vendor.recorded["sensor.mains"] = vendor.states.pop(GRID), vendor.recorded.pop(GRID)
    settle(home)

    assert set(pulled(home)) == {("sensor.mains", "1"), ("sensor.mains", "2")}


def test_what_the_recorder_has_no_more_of_an_entity_stays_and_what_it_revised_does_not(
    vendor: HomeAssistantHistory, home: Household
) -> None:
    vendor.recorded[GRID] = [(NOW - DAY + n * HOUR, str(n)) for n in range(5)]
    settle(home)

    vendor.recorded[GRID] = [one for one in vendor.recorded[GRID][2:] if one[1] != "3"]
    settle(home)

    assert {state for _, state in pulled(home)} == {"0", "1", "2", "4"}


def test_a_forecast_that_is_pulled_is_no_energy(vendor: HomeAssistantHistory, home: Household) -> None:
    forecast, meter = "sensor.energy_production_today", "sensor.boiler"
    energy = {"device_class": "energy", "unit_of_measurement": "kWh", "friendly_name": "Energy"}
    vendor.states = {forecast: energy, meter: energy | {"state_class": "total_increasing"}}
    at = NOW - DAY
    vendor.recorded = {
        forecast: [(at + n * HOUR, state) for n, state in enumerate(("20", "15.2", "22.1", "10.4", "21", "24.5"))],
        meter: [(at, "1"), (at + timedelta(hours=2), "1.5")],
    }
    settle(home, VIEW)

    rows = home.stored(MV_DAILY_ENERGY_BY_DEVICE, "2026-11-19").to_pylist()
    assert [(row["entity_id"], row["total_kwh"]) for row in rows] == [(meter, 0.5)]
    (assumed,) = home.told(VIEW, "2026-11-19")["assumed"]
    assert assumed.startswith(f"{forecast} has no state_class in Home Assistant, so it counts as no meter")
