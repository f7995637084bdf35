"""A vendor that reports by the hour, and late, is judged and asked at its own pace."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from homeiq_assets.defs.automation.checks import AGE_CHECK
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.window import HOUR
from homeiq_assets_tests.feeds.meter.sense_home import DAY, PASSWORD, USER, running
from homeiq_assets_tests.household import QUIET, Household, checks_of, household
from homeiq_assets_tests.simulated_vendors.sense import SenseVendor

MINUTE = timedelta(minutes=1)


@pytest.fixture
def vendor() -> Iterator[SenseVendor]:
    with running() as sense:
        yield sense


@pytest.fixture
def home(tmp_path: Path, vendor: SenseVendor) -> Household:
    return household(
        tmp_path,
        vendor.now,
        METER_TYPE="sense",
        SENSE_BASE_URL=vendor.url,
        METER_USERNAME=USER,
        METER_PASSWORD=PASSWORD,
        METER_TTL_MINUTES="0",
    )


def age_is_fine(home: Household) -> bool:
    result = home.defs.resolve_job_def("check_reading_ages").execute_in_process(
        instance=home.instance, run_config=QUIET, raise_on_error=False
    )
    return checks_of(result, "feeds/smart_meter")[AGE_CHECK].passed


def test_hours_that_come_when_they_are_over_are_neither_gaps_nor_stale(home: Household, vendor: SenseVendor) -> None:
    for minutes in (0, 25, 45, 70):
        home.clock.now = vendor.now = DAY.start + 10 * HOUR + minutes * MINUTE
        result = home.poll("smart_meter")
        assert result.success
        assert checks_of(result, "feeds/smart_meter")["gaps"].passed, f"{minutes} minutes past ten"
        assert age_is_fine(home)


def test_polls_after_midnight_bring_the_last_hour_of_the_day_that_ended(home: Household, vendor: SenseVendor) -> None:
    for minutes in (-30, 5, 20):
        home.clock.now = vendor.now = DAY.end + minutes * MINUTE
        assert home.poll("smart_meter").success
    assert home.times(SMART_METER)[-1] == DAY.end - HOUR


def test_when_the_vendor_falls_silent_both_checks_say_so(home: Household, vendor: SenseVendor) -> None:
    home.poll("smart_meter")
    home.clock.now = vendor.now + 4 * HOUR
    assert not age_is_fine(home)
