"""Closed days that lack rows are asked for again by themselves, once too often never, and what follows them is made."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from homeiq_assets.cli.doctor import examine
from homeiq_assets.feeds.catalog import METER, PRICING
from homeiq_assets.ledger.gaps import record_of
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, SMART_METER
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.defs.automation.filling_home import Automation
from homeiq_assets_tests.household import checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant
from homeiq_assets_tests.simulated_vendors.server import json_reply, no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
FIRST = local_day(date(2025, 7, 1), VIENNA).start
OFF = {f"{family}_PROVIDER": "off" for family in ("CARBON", "AIR_QUALITY", "CALENDAR", "FX")} | {"EVENTS_SOURCE": "off"}


@pytest.fixture(scope="module")
def scheduler() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as made:
        yield made


@pytest.fixture
def vendor() -> Iterator[AwattarVendor]:
    with AwattarVendor({FIRST + n * HOUR: 80.0 + n % 24 for n in range(60 * 24)}) as running, no_waiting():
        yield running


@pytest.fixture
def automation(tmp_path: Path, vendor: AwattarVendor, scheduler: dg.DagsterInstance) -> Automation:
    """A home with prices alone, which were first stored on the 1st of July."""
    home = household(
        tmp_path,
        datetime(2025, 7, 1, 8, tzinfo=UTC),
        METER_TYPE="off",
        PRICING_PROVIDER="awattar",
        AWATTAR_BASE_URL=vendor.url,
        HOMEIQ_START_DATE="2025-07-01",
        **OFF,
    )
    return Automation(home, scheduler)


def store_days(automation: Automation, first: str, last: str) -> None:
    assert automation.home.materialise("feeds/electricity_pricing", days=(first, last)).success


def lose(automation: Automation, day: str, hours: int = 24) -> None:
    window = local_day(date.fromisoformat(day), VIENNA)
    automation.home.store.delete(ELECTRICITY_PRICING, Window(window.end - hours * HOUR, window.end))


def prices(automation: Automation, day: str) -> int:
    return automation.home.stored(ELECTRICITY_PRICING, day).num_rows


def test_an_outage_longer_than_the_settling_reaches_is_filled_in_one_run(automation: Automation) -> None:
    automation.at("2025-07-10T09:00")
    store_days(automation, "2025-07-01", "2025-07-05")
    lose(automation, "2025-07-05", 6)

    automation.at("2025-07-10T09:35")
    assert automation.spans()["electricity_pricing"] == ("2025-07-05", "2025-07-09")
    assert [run.success for run in automation.run("fill_gaps")] == [True, True], "the prices, and their forecast"
    assert [prices(automation, f"2025-07-0{day}") for day in range(5, 10)] == [24] * 5
    assert automation.spans() == {}


def test_days_that_the_next_settling_asks_for_are_left_to_it(automation: Automation) -> None:
    automation.at("2025-07-10T09:35")
    store_days(automation, "2025-07-01", "2025-07-09")
    lose(automation, "2025-07-08")

    assert "electricity_pricing" not in automation.spans()
    lose(automation, "2025-07-07")
    assert automation.spans()["electricity_pricing"] == ("2025-07-07", "2025-07-08"), "the 7th it would not reach"


def test_good_days_between_are_asked_for_along_and_farther_ones_are_not(automation: Automation) -> None:
    automation.at("2025-07-25T09:35")
    store_days(automation, "2025-07-01", "2025-07-24")
    for day in ("2025-07-03", "2025-07-05", "2025-07-15"):
        lose(automation, day)

    assert automation.spans()["electricity_pricing"] == ("2025-07-03", "2025-07-05")
    automation.run("fill_gaps")
    assert automation.spans()["electricity_pricing"] == ("2025-07-15", "2025-07-15")


def test_what_is_older_than_a_month_is_looked_for_at_night(automation: Automation) -> None:
    automation.at("2025-08-20T09:35")
    store_days(automation, "2025-07-01", "2025-08-19")
    lose(automation, "2025-07-02")

    assert "electricity_pricing" not in automation.spans()
    automation.at("2025-08-21T02:35")
    assert automation.spans()["electricity_pricing"] == ("2025-07-02", "2025-07-02")


def test_where_nothing_was_ever_stored_it_begins_with_the_start_date(
    tmp_path: Path, vendor: AwattarVendor, scheduler: dg.DagsterInstance
) -> None:
    home = household(
        tmp_path,
        datetime(2025, 7, 10, 8, tzinfo=UTC),
        METER_TYPE="off",
        PRICING_PROVIDER="awattar",
        AWATTAR_BASE_URL=vendor.url,
        HOMEIQ_START_DATE="2025-07-04",
        **OFF,
    )

    assert Automation(home, scheduler).spans()["electricity_pricing"] == ("2025-07-04", "2025-07-09")


def test_a_day_answered_twice_without_its_rows_is_named_and_left_alone_until_the_owner_asks(
    automation: Automation, vendor: AwattarVendor
) -> None:
    automation.at("2025-07-10T09:00")
    store_days(automation, "2025-07-01", "2025-07-09")
    lose(automation, "2025-07-03")
    gone = {at: vendor.prices.pop(at) for at in list(vendor.prices) if at in local_day(date(2025, 7, 3), VIENNA)}

    def ask(local: str) -> bool:
        automation.at(local)
        asked = automation.spans().get("electricity_pricing") == ("2025-07-03", "2025-07-03")
        automation.run("fill_gaps")
        return asked

    assert ask("2025-07-10T09:35")
    assert not ask("2025-07-10T10:35"), "not twice on a day"
    assert ask("2025-07-11T09:35")
    assert "2025-07-03: awattar has no rows of it" in failure_of(automation.runs[-1])
    assert not ask("2025-07-12T09:35")
    assert not ask("2025-07-13T02:35")

    assert record_of(PRICING, automation.home.home).unfillable == [date(2025, 7, 3)]
    (told,) = [probe for probe in examine(automation.home.settings) if probe.what == "days of electricity_pricing"]
    assert told.warning
    assert "2025-07-03" in told.detail
    polled = automation.home.poll("electricity_pricing")
    check = checks_of(polled, "feeds/electricity_pricing")["unfillable_days"]
    assert not check.passed
    assert check.metadata["days"].value == ["2025-07-03"]

    vendor.prices.update(gone)
    store_days(automation, "2025-07-03", "2025-07-03")
    assert record_of(PRICING, automation.home.home).unfillable == []
    assert not [probe for probe in examine(automation.home.settings) if probe.what == "days of electricity_pricing"]
    again = checks_of(automation.home.poll("electricity_pricing"), "feeds/electricity_pricing")
    assert again["unfillable_days"].passed


def test_a_vendor_that_does_not_answer_has_not_answered(automation: Automation, vendor: AwattarVendor) -> None:
    automation.at("2025-07-10T09:00")
    store_days(automation, "2025-07-01", "2025-07-09")
    lose(automation, "2025-07-03")
    for day in range(10, 14):
        automation.at(f"2025-07-{day}T09:35")
        vendor.misbehave(*[json_reply({"message": "down"}, 400)] * 9)
        assert automation.spans()["electricity_pricing"] == ("2025-07-03", "2025-07-03")
        automation.run("fill_gaps")
    vendor.behave()

    automation.at("2025-07-14T09:35")
    automation.run("fill_gaps")

    assert prices(automation, "2025-07-03") == 24


def test_a_vendor_that_polls_leave_alone_is_not_asked_to_fill_either(
    automation: Automation, vendor: AwattarVendor
) -> None:
    automation.at("2025-07-10T09:00")
    store_days(automation, "2025-07-01", "2025-07-09")
    lose(automation, "2025-07-03")
    vendor.misbehave(json_reply({"message": "slow down"}, 429, Retry_After="7200"))
    assert not automation.home.poll("electricity_pricing").success

    automation.at("2025-07-10T09:35")
    assert automation.spans() == {}
    automation.at("2025-07-10T11:35")
    assert automation.spans()["electricity_pricing"] == ("2025-07-03", "2025-07-03")


def test_an_answer_of_a_clock_that_was_set_back_does_not_hold_up_the_next(
    automation: Automation, vendor: AwattarVendor
) -> None:
    automation.at("2025-07-20T09:00")
    store_days(automation, "2025-07-01", "2025-07-19")
    lose(automation, "2025-07-03")
    vendor.prices = {at: one for at, one in vendor.prices.items() if at not in local_day(date(2025, 7, 3), VIENNA)}
    automation.at("2025-07-20T09:35")
    automation.run("fill_gaps")

    automation.at("2025-07-18T09:35")

    assert automation.spans()["electricity_pricing"] == ("2025-07-03", "2025-07-03")


def test_what_is_known_survives_a_damaged_file_and_belongs_to_one_vendor(automation: Automation) -> None:
    automation.at("2025-07-10T09:00")
    store_days(automation, "2025-07-01", "2025-07-02")
    file = automation.home.settings.homeiq_home / "history" / "electricity_pricing.json"
    kept = json.loads(file.read_text())
    assert (kept["provider"], kept["first"], kept["steps"]) == ("awattar", "2025-07-01", {"2025-07-01": 3600.0})

    file.write_text(json.dumps(kept | {"provider": "tibber", "days": {"2025-07-01": {"answers": 2}}}))
    assert record_of(PRICING, automation.home.home).unfillable == []
    file.write_text('{"provider": ')
    assert automation.spans()["electricity_pricing"][0] == "2025-07-03"


@pytest.fixture
def meter() -> Iterator[HomeAssistant]:
    with HomeAssistant(datetime(2025, 7, 20, 7, 35, tzinfo=UTC), {"sensor.grid": lambda _: 480.0}) as running:
        yield running


@pytest.fixture
def metered(tmp_path: Path, meter: HomeAssistant, scheduler: dg.DagsterInstance) -> Automation:
    home = household(
        tmp_path,
        meter.now,
        METER_TYPE="home_assistant",
        HOME_ASSISTANT_URL=meter.url,
        HOME_ASSISTANT_TOKEN=TOKEN,
        HOME_ASSISTANT_POWER_ENTITY="sensor.grid",
        PRICING_PROVIDER="off",
        HOMEIQ_START_DATE="2025-07-01",
        **OFF,
    )
    return Automation(home, scheduler)


def test_hourly_statistics_fill_what_is_older_than_the_finer_ones_and_replace_none(
    metered: Automation, meter: HomeAssistant
) -> None:
    meter.purge_keep_days = 30
    for day in ("2025-07-03", "2025-07-19"):
        assert metered.home.materialise("feeds/smart_meter", days=day).success
    window = local_day(date(2025, 7, 3), VIENNA)
    metered.home.store.delete(SMART_METER, Window(window.start + 18 * HOUR + timedelta(minutes=40), window.end))
    meter.purge_keep_days = 10

    assert metered.spans()["smart_meter"] == ("2025-07-03", "2025-07-18")
    metered.run("fill_gaps")

    rows = {day: metered.home.stored(SMART_METER, f"2025-07-{day:02}").num_rows for day in (3, 4, 9, 11, 18, 19)}
    # Of the hour that is stored in part its fine rows stay.
    assert rows == {3: 18 * 12 + 8 + 5, 4: 24, 9: 24, 11: 288, 18: 288, 19: 288}
    assert record_of(METER, metered.home.home).unfillable == []
    metered.at("2025-07-21T09:35")
    meter.now = metered.home.clock.now
    assert "smart_meter" not in {feed for feed, span in metered.spans().items() if span[0] < "2025-07-18"}


def test_a_removed_day_is_never_asked_for_also_not_along_with_others(metered: Automation) -> None:
    home = metered.home
    assert home.materialise("feeds/smart_meter", days=("2025-07-12", "2025-07-19")).success
    for assets in (("tiers/smart_meter_hourly", "tiers/smart_meter_daily"), ("archive/smart_meter",)):
        assert home.materialise(*assets, days=("2025-07-12", "2025-07-19")).success
    home.clock.now += timedelta(days=10)
    assert home.materialise("retention/smart_meter", days=("2025-07-12", "2025-07-14")).success
    home.clock.now -= timedelta(days=10)
    home.store.delete(SMART_METER, local_day(date(2025, 7, 15), VIENNA))

    assert metered.spans()["smart_meter"] == ("2025-07-15", "2025-07-15")


def test_what_follows_a_filled_day_is_made_however_old_it_is(metered: Automation) -> None:
    home = metered.home
    assert home.materialise("feeds/smart_meter", days="2025-07-02").success
    metered.follow()
    metered.run("fill_gaps")

    asked = metered.follow()

    filled = [f"2025-07-{day:02}" for day in range(1, 20)]
    assert asked["tiers/smart_meter_hourly"] == asked["tiers/smart_meter_daily"]
    assert set(filled[2:]) <= set(asked["tiers/smart_meter_daily"])
    assert set(filled[2:]) <= home.marked("tiers/smart_meter_daily")
    assert set(filled[2:]) <= home.marked("archive/smart_meter")
    assert metered.follow().keys() <= {"insights/daily_energy_report"}, "then it rests"
