"""A day that should have rows and has none is not materialised; one that may have none is."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.window import local_day
from homeiq_assets_tests.household import Household, failure_of, household

NOON = datetime(2025, 10, 24, 10, tzinfo=UTC)
VIENNA = ZoneInfo("Europe/Vienna")
YESTERDAY = "2025-10-23"
MADE = {
    "views/mv_daily_carbon_summary": "carbon_intensity",
    "views/mv_daily_energy_by_device": "home_assistant_events",
    "views/mv_hourly_room_activity": "home_assistant_events",
    "insights/electricity_price_rank": "electricity_pricing",
    "insights/phantom_load": "smart_meter",
    "insights/daily_energy_report": "smart_meter",
    "insights/occupancy_accuracy": "occupancy_prediction",
    "tiers/smart_meter_hourly": "smart_meter",
    "tiers/smart_meter_daily": "smart_meter",
    "archive/smart_meter": "smart_meter",
}
OFF = {
    "CARBON_PROVIDER": "off",
    "PRICING_PROVIDER": "off",
    "CALENDAR_PROVIDER": "off",
    "METER_TYPE": "off",
}


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return household(tmp_path, NOON)


def test_what_is_made_of_a_day_without_its_input_is_not_materialised_and_names_it(home: Household) -> None:
    result = home.materialise(*MADE, days=YESTERDAY)

    told = failure_of(result)
    assert {made: home.marked(made) for made in MADE} == {made: set() for made in MADE}
    for feed in MADE.values():
        assert f"there are no rows of {feed} to make it of" in told


def test_what_is_made_of_feeds_that_are_off_is_an_empty_day_and_no_failure(tmp_path: Path) -> None:
    home = household(tmp_path, NOON, **OFF)
    made = [name for name, feed in MADE.items() if feed != "home_assistant_events" and "occupancy" not in name]

    result = home.materialise(*made, days=YESTERDAY)

    assert result.success, failure_of(result)


def test_a_day_that_has_not_begun_or_has_only_just_begun_may_be_empty(home: Household) -> None:
    assert home.materialise("insights/electricity_price_rank", days="2025-10-25").success

    home.clock.now = local_day(date(2025, 10, 24), VIENNA).start
    assert home.materialise("insights/daily_energy_report", "views/mv_daily_carbon_summary", days="2025-10-24").success


def test_a_weekend_without_a_reference_rate_is_an_empty_day_and_no_failure(home: Household) -> None:
    result = home.materialise("tiers/fx_rate_hourly", "tiers/fx_rate_daily", days="2025-10-19")

    assert result.success, failure_of(result)


def test_an_empty_day_in_a_range_costs_no_other(home: Household) -> None:
    assert home.materialise("feeds/smart_meter", days=("2025-10-18", "2025-10-22")).success
    home.store.delete(SMART_METER, local_day(date(2025, 10, 20), VIENNA))

    result = home.materialise("insights/daily_energy_report", days=("2025-10-18", "2025-10-22"))

    assert "2025-10-20: there are no rows of smart_meter" in failure_of(result)
    assert home.marked("insights/daily_energy_report") == {"2025-10-18", "2025-10-19", "2025-10-21", "2025-10-22"}
