"""Meters and levels: what counts as energy in view and tier, by state_class, by the owner, and by the readings."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from homeiq_assets.feeds.events.meters import Meters, owners_meters
from homeiq_assets.home import Home, open_home
from homeiq_assets.schema.measurements import (
    HOME_ASSISTANT_EVENTS,
    HOME_ASSISTANT_HISTORY,
    MV_DAILY_ENERGY_BY_DEVICE,
    tier_of,
)
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.tiers.roll import roll_daily, roll_hourly
from homeiq_assets.views.energy_by_device import Devices, energy_by_device
from homeiq_assets.views.events import assumed_meters, energy_days
from homeiq_assets.views.readings import readings_of
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.stores.places import put
from homeiq_assets_tests.views.brute_force import event
from homeiq_assets_tests.views.listed_events import plain, table_of
from homeiq_assets_tests.views.test_energy_by_device import DAY, HOLD, JUNE, at, priced

FORECAST, METER = "sensor.energy_production_today", "sensor.boiler_energy"
FORECASTS = (20, 15.2, 22.1, 10.4, 21, 24.5)
YESTERDAY, TODAY = "2025-05-31T00:00:00+00:00", "2025-06-01T00:00:00+00:00"
Row = dict[str, Any]


def told(entity: str, *values: Any, since: float = 1, kind: str = "energy", **more: Any) -> list[Row]:
    """A value an hour, in kWh."""
    return [event(entity, at(since + n), value, "kWh", kind=kind, **more) for n, value in enumerate(values)]


def devices(*rows: Row, meters: str = "", settings_of: Callable[..., Settings] | None = None) -> Devices:
    said = Meters() if settings_of is None else owners_meters(settings_of(EVENTS_METERS=meters))
    ordered = sorted(rows, key=lambda row: row["time"])
    return energy_by_device(readings_of(table_of(ordered)), DAY, JUNE, HOLD, priced(0.3), {}, said)


def energy(found: Devices) -> dict[str, float]:
    return {row["entity_id"]: round(row["total_kwh"], 9) for row in plain(found.rows)}


@pytest.mark.parametrize("state_class", [None, "none", "measurement"])
def test_a_forecast_is_no_energy_and_no_cost_and_is_named(state_class: str | None) -> None:
    found = devices(*told(FORECAST, *FORECASTS, state_class=state_class))

    assert found.rows.num_rows == 0
    assert found.skipped == {}
    assert found.assumed.keys() == {FORECAST}
    assert "EVENTS_METERS" in found.assumed[FORECAST]


@pytest.mark.parametrize(("state_class", "assumed"), [("total_increasing", set()), ("total", set()), (None, {METER})])
def test_what_rises_is_a_meter_where_its_class_says_so_and_is_assumed_to_be_one_without(
    state_class: str | None, assumed: set[str]
) -> None:
    found = devices(*told(METER, 500, 501.5, 0.5, 1, state_class=state_class))

    assert energy(found) == {METER: 2.5}
    assert found.assumed.keys() == assumed


def test_a_rising_forecast_is_none_where_home_assistant_says_that_it_has_no_class() -> None:
    assert energy(devices(*told(FORECAST, 20, 22, 25, state_class="none"))) == {}


def test_the_owner_has_the_last_word(settings_of: Callable[..., Settings]) -> None:
    rows = [*told(METER, 1, 2, 4, state_class="measurement"), *told(FORECAST, 20, 22, 25, state_class="total")]

    found = devices(*rows, meters=f"{METER}, !sensor.energy_production_*", settings_of=settings_of)
    assert (energy(found), found.assumed) == ({METER: 3}, {})
    assert energy(devices(*rows, meters=f"!sensor.*, {METER}", settings_of=settings_of)) == {METER: 3}
    assert energy(devices(*rows, meters=f"{METER}, !*", settings_of=settings_of)) == {}


@pytest.mark.parametrize("entity", ["number.charge_until", "input_number.goal"])
def test_what_is_set_by_hand_is_no_meter(entity: str) -> None:
    assert devices(*told(entity, 5, 8)) == Devices(MV_DAILY_ENERGY_BY_DEVICE.empty(), {})


def test_one_wrong_reading_between_two_right_ones_makes_no_level_of_a_meter() -> None:
    assert METER in energy(devices(*told(METER, 100.1, 180, 100.1, 181, 100.1, 100.4)))


def test_the_class_that_was_said_last_with_a_value_decides() -> None:
    gone = told(METER, "unavailable", since=5, state_class="none")
    assert energy(devices(*told(METER, 1, 2, state_class="total"), *gone)) == {METER: 1}
    later = told(METER, 3, since=6, state_class="measurement")
    assert energy(devices(*told(METER, 1, 2, state_class="total"), *later)) == {}


class TestATotalThatIsReset:
    def of(self, *readings: tuple[float, float, str | None], state_class: str = "total") -> float:
        more = {"kind": "energy", "state_class": state_class}
        rows = [event(METER, at(hour), value, "kWh", last_reset=reset, **more) for hour, value, reset in readings]
        return energy(devices(*rows))[METER]

    def test_a_higher_value_after_a_reset_counts_whole(self) -> None:
        assert self.of((-8, 8.2, YESTERDAY), (-2, 9.1, YESTERDAY), (20, 9.4, TODAY)) == 9.4

    def test_without_a_reset_it_is_the_difference_up_or_down(self) -> None:
        assert self.of((-8, 8.2, YESTERDAY), (-2, 9.1, YESTERDAY), (20, 9.4, YESTERDAY)) == 0.3
        assert self.of((-2, 9.1, YESTERDAY), (20, 2.1, YESTERDAY)) == -7

    def test_a_reset_after_a_reading_that_says_none_is_one(self) -> None:
        assert self.of((-8, 8.2, None), (-2, 9.1, None), (20, 9.4, TODAY)) == 9.4
        assert self.of((-2, 9.1, None), (20, 9.4, YESTERDAY)) == 0.3

    def test_the_same_instant_in_another_zone_is_no_reset(self) -> None:
        assert self.of((-2, 9.1, YESTERDAY), (20, 9.4, "2025-05-31T02:00:00+02:00")) == 0.3

    def test_a_total_increasing_begins_anew_where_it_falls(self) -> None:
        assert self.of((-2, 9.1, YESTERDAY), (20, 9.4, TODAY), state_class="total_increasing") == 0.3
        assert self.of((-2, 9.1, YESTERDAY), (20, 2.1, YESTERDAY), state_class="total_increasing") == 2.1


class TestStored:
    """From the store into view and tier: three days, between which the meter is silent for longer than a hold."""

    @pytest.fixture
    def home(self, settings_of: Callable[..., Settings]) -> Home:
        settings = settings_of(HOMEIQ_TIMEZONE="UTC", EVENTS_SOURCE="simulated")
        return replace(open_home(settings), now=lambda: datetime(2025, 6, 3, 6, tzinfo=UTC))

    @pytest.fixture
    def rows(self) -> list[Row]:
        day = timedelta(days=1)
        total = {"kind": "energy", "state_class": "total"}
        days = ((-20, 7.7, YESTERDAY), (2, 9.1, TODAY), (20, 9.4, TODAY), (47, 9.6, (at(24)).isoformat()))
        rows = [event(METER, at(hour), value, "kWh", last_reset=reset, **total) for hour, value, reset in days]
        rows += told(FORECAST, *FORECASTS) + [
            {**one, "time": one["time"] + day, "state_class": "measurement"} for one in told(FORECAST, 3, 4)
        ]
        return [*rows, *told("sensor.battery", 5, 4, 6, kind="energy_storage")]

    def test_view_and_tiers_have_the_same_energy(self, store: Store, home: Home, rows: list[Row]) -> None:
        put(store, HOME_ASSISTANT_HISTORY, rows)
        days = [date(2025, 5, 31), JUNE, JUNE + timedelta(days=1)]

        list(energy_days(days, home, store))
        with opened_raw(HOME_ASSISTANT_EVENTS, home, store) as raw:
            list(roll_hourly(raw, days, home, store))
            rolled = list(roll_daily(raw, days, home, store))

        assert [(day.left, day.differs) for day in rolled] == [(None, None)] * 3
        whole = Window(local_day(days[0], home.zone).start, local_day(days[-1], home.zone).end)
        view = [(row["entity_id"], row["time"].day, round(row["total_kwh"], 9))
                for row in plain(store.read(MV_DAILY_ENERGY_BY_DEVICE, whole))]  # fmt: skip
        assert view == [(METER, 31, 0), (METER, 1, 9.4), (METER, 2, 9.6)]
        tier = plain(store.read(tier_of(HOME_ASSISTANT_EVENTS, "daily"), whole))
        counted = [(row["entity_id"], row["time"].day, round(row["normalized_value_increase"], 9))
                   for row in tier if "normalized_value_increase" in row]  # fmt: skip
        assert counted == view
        assert {row["entity_id"] for row in tier if "normalized_value_mean" in row} == {FORECAST, "sensor.battery"}
        assert [row["last_reset_last"] for row in tier if "last_reset_last" in row][-1] == "2025-06-02T00:00:00+00:00"

    def test_what_is_assumed_is_told_of_the_last_days(self, store: Store, home: Home, rows: list[Row]) -> None:
        put(store, HOME_ASSISTANT_HISTORY, rows)
        assert assumed_meters(home, store).keys() == {FORECAST}
        (_, day, _) = energy_days([date(2025, 5, 31), JUNE, date(2025, 6, 2)], home, store)
        assert day.told["entities_assumed"] == 1
        assert day.told["assumed"][0].startswith(f"{FORECAST} has no known state_class and goes up and down")
