"""After several failed polls in a row a vendor is left alone for a while; a backfill and the doctor always ask."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.cli.doctor import examine
from homeiq_assets.errors import NoHistory, ProviderError, SettingError, StoreError
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, SMART_METER
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.circuit_breaker import FAILURES, PAUSE, over, watched
from homeiq_assets.window import HOUR, local_day
from homeiq_assets_tests.household import Household, failure_of, household
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.server import json_reply, no_waiting

TODAY = local_day(date(2025, 10, 24), ZoneInfo("Europe/Vienna"))
PRICES = {TODAY.start + n * HOUR: float(n) for n in range(-48, 48)}


@pytest.fixture
def vendor() -> Iterator[AwattarVendor]:
    with AwattarVendor(PRICES) as running, no_waiting():
        yield running


@pytest.fixture
def home(tmp_path: Path, vendor: AwattarVendor) -> Household:
    return household(
        tmp_path,
        TODAY.start + 12 * HOUR,
        PRICING_PROVIDER="awattar",
        AWATTAR_BASE_URL=vendor.url,
        PRICING_TTL_MINUTES="0",
    )


def fail(vendor: AwattarVendor, home: Household, times: int = FAILURES) -> None:
    for _ in range(times):
        vendor.misbehave(json_reply({"message": "maintenance"}, 403))
        assert not home.poll("electricity_pricing").success


def test_a_vendor_that_failed_poll_after_poll_is_left_alone_and_the_run_says_why(
    vendor: AwattarVendor, home: Household
) -> None:
    fail(vendor, home)
    result = home.poll("electricity_pricing")
    assert len(vendor.asked) == FAILURES
    assert not result.success
    assert "awattar: is not asked before" in failure_of(result)
    assert "maintenance" in failure_of(result)


def test_a_poll_that_succeeds_in_between_begins_the_count_anew(vendor: AwattarVendor, home: Household) -> None:
    fail(vendor, home, FAILURES - 1)
    assert home.poll("electricity_pricing").success
    fail(vendor, home, FAILURES - 1)
    assert home.poll("electricity_pricing").success


def test_a_backfill_asks_all_the_same_and_polls_go_on_after_it(vendor: AwattarVendor, home: Household) -> None:
    fail(vendor, home)
    assert home.materialise("feeds/electricity_pricing", days="2025-10-23").success
    assert home.poll("electricity_pricing").success
    assert home.times(ELECTRICITY_PRICING)[-1] >= TODAY.end - HOUR


def test_the_doctor_asks_too_and_ends_the_pause(vendor: AwattarVendor, home: Household) -> None:
    fail(vendor, home)
    told = {probe.what: probe for probe in examine(home.settings)}
    assert told["feed electricity_pricing"].ok
    assert home.poll("electricity_pricing").success


def test_a_vendor_that_asks_to_wait_is_left_alone_by_polls_for_as_long(vendor: AwattarVendor, home: Household) -> None:
    vendor.misbehave(json_reply({"message": "slow down"}, 429, Retry_After="3600"))
    assert not home.poll("electricity_pricing").success
    assert "asks to wait 3600 s" in failure_of(home.poll("electricity_pricing"))
    assert len(vendor.asked) == 1
    assert home.materialise("feeds/electricity_pricing", days="2025-10-23").success


def test_a_backfill_does_not_try_again_sooner_than_the_vendor_asks(vendor: AwattarVendor, home: Household) -> None:
    vendor.misbehave(*[json_reply({"message": "slow down"}, 429, Retry_After="3600")] * 5)
    assert not home.materialise("feeds/electricity_pricing", days="2025-10-23").success
    assert len(vendor.asked) == 1


def test_other_vendors_are_asked_as_ever(vendor: AwattarVendor, home: Household) -> None:
    fail(vendor, home)
    assert home.poll("carbon_intensity", "electricity_pricing").get_asset_materialization_events()


def poll(settings: Settings, error: Exception) -> None:
    with pytest.raises(type(error)), watched(settings, "pricing", "vendor"):
        raise error


@pytest.mark.parametrize(
    "error",
    [NoHistory("vendor", "begins later"), SettingError("X", "is not set"), StoreError("the disk is full")],
    ids=["no history there", "a setting", "the store"],
)
def test_only_the_vendors_own_failures_count(error: Exception) -> None:
    settings = Settings()
    for _ in range(2 * FAILURES):
        poll(settings, error)
    with watched(settings, "pricing", "vendor"):
        pass


def test_after_the_pause_one_poll_tries_and_its_failure_begins_another(tmp_path: Path) -> None:
    settings = Settings()
    for _ in range(FAILURES):
        poll(settings, ProviderError("vendor", "down"))
    file = tmp_path / "homeiq" / "caches" / "outage_pricing_vendor.json"
    kept = file.read_text()
    year = kept.index('"opened_at":"') + len('"opened_at":"')
    file.write_text(kept[:year] + "2001" + kept[year + 4 :])
    poll(settings, ProviderError("vendor", "still down"))
    with pytest.raises(ProviderError, match="still down"), watched(settings, "pricing", "vendor"):
        pytest.fail("it was asked again at once")


def test_when_it_is_over_it_is_over() -> None:
    settings = Settings()
    for _ in range(FAILURES):
        poll(settings, ProviderError("vendor", "down"))
    over(settings, "pricing", "vendor")
    with watched(settings, "pricing", "vendor"):
        pass
    assert timedelta(hours=1) > PAUSE


def at(home: Household, hours: float) -> None:
    home.clock.now = TODAY.start + hours * HOUR


def test_after_a_clock_was_set_back_an_hour_a_vendor_is_left_alone_no_longer_than_before(
    vendor: AwattarVendor, home: Household
) -> None:
    at(home, 12)
    fail(vendor, home)
    at(home, 11)
    assert not home.poll("electricity_pricing").success, "the pause is not over"
    at(home, 11.26)
    assert home.poll("electricity_pricing").success


def test_after_a_clock_was_set_back_a_vendor_gets_the_rest_it_asked_for(vendor: AwattarVendor, home: Household) -> None:
    at(home, 12)
    vendor.misbehave(json_reply({"message": "slow down"}, 429, Retry_After="7200"))
    assert not home.poll("electricity_pricing").success
    at(home, 10)
    assert not home.poll("electricity_pricing").success
    at(home, 11.9)
    assert not home.poll("electricity_pricing").success
    at(home, 12.1)
    assert home.poll("electricity_pricing").success
    assert len(vendor.asked) == 2


def test_polls_go_on_and_leave_no_hole_where_a_clock_was_set_back(vendor: AwattarVendor, home: Household) -> None:
    at(home, 14)
    assert home.poll("electricity_pricing", "smart_meter").success
    at(home, 13)
    assert home.poll("electricity_pricing", "smart_meter").success
    at(home, 14.25)
    assert home.poll("electricity_pricing", "smart_meter").success

    assert len(home.times(SMART_METER)) == 14 * 12 + 3


def test_an_answer_kept_by_a_clock_that_was_set_back_since_is_asked_for_anew(
    vendor: AwattarVendor, tmp_path: Path
) -> None:
    patient = household(tmp_path, TODAY.start + 12 * HOUR, PRICING_PROVIDER="awattar", AWATTAR_BASE_URL=vendor.url)
    assert patient.poll("electricity_pricing").success
    at(patient, 11)
    assert patient.poll("electricity_pricing").success

    assert len(vendor.asked) == 2
