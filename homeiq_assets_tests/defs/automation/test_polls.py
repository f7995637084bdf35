"""The run of a poll: today's partition, the days beside it that it touched, and each feed failing alone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from homeiq_assets.schema.measurements import (
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    ELECTRICITY_PRICING_FORECAST,
    FX_RATE,
    OCCUPANCY_PREDICTION,
    SMART_METER,
)
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.household import Household, checks_of, failure_of, household, metadata_by_day
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.server import json_reply, no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
MINUTE = timedelta(minutes=1)
TODAY = local_day(date(2025, 10, 24), VIENNA)
NOON = TODAY.start + 12 * HOUR


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return household(tmp_path, NOON)


@pytest.fixture
def polled(home: Household) -> Household:
    """The home after the polls of a quarter of an hour ago."""
    home.clock.now = NOON - 15 * MINUTE
    assert home.poll("carbon_intensity", "smart_meter").success
    home.clock.now = NOON
    return home


def test_the_first_poll_brings_all_of_today_and_marks_it(home: Household) -> None:
    result = home.poll("carbon_intensity", "smart_meter")

    assert result.success
    carbon = home.times(CARBON_INTENSITY)
    assert (carbon[0], carbon[-1]) == (TODAY.start, NOON - 5 * MINUTE)
    assert len(home.times(SMART_METER)) == 12 * 12
    assert home.marked("feeds/carbon_intensity") == home.marked("feeds/smart_meter") == {"2025-10-24"}
    assert checks_of(result, "feeds/smart_meter")["gaps"].passed


def test_a_poll_asks_again_from_two_intervals_ago(polled: Household) -> None:
    polled.clock.now = NOON - 10 * MINUTE

    result = polled.poll("smart_meter")

    (today,) = metadata_by_day(result, "feeds/smart_meter").values()
    assert today["window"] == "2025-10-24T09:40:00Z..2025-10-25T22:00:00Z"
    assert (today["rows written"], today["rows unchanged"]) == (1, 1)


def test_carbon_is_asked_for_hours_back_because_it_is_published_late(polled: Household) -> None:
    result = polled.poll("carbon_intensity")

    (today,) = metadata_by_day(result, "feeds/carbon_intensity").values()
    assert today["window"] == "2025-10-24T04:00:00Z..2025-10-25T22:00:00Z"
    assert (today["rows written"], today["rows unchanged"]) == (3, 69)


def test_a_poll_after_hours_of_silence_begins_where_the_readings_end(polled: Household) -> None:
    polled.clock.now = NOON + 5 * HOUR

    result = polled.poll("smart_meter")

    (today,) = metadata_by_day(result, "feeds/smart_meter").values()
    assert today["window"].startswith("2025-10-24T09:40:00Z..")
    assert len(polled.times(SMART_METER)) == 17 * 12


def test_a_poll_after_days_of_silence_brings_today_only(polled: Household) -> None:
    polled.clock.now = TODAY.end + 34 * HOUR

    polled.poll("smart_meter")

    assert min(at for at in polled.times(SMART_METER) if at > NOON) == TODAY.end + 24 * HOUR


def test_polls_one_after_another_fill_the_day_without_a_hole(home: Household) -> None:
    home.clock.now = TODAY.start
    while home.clock.now <= TODAY.start + 2 * HOUR:
        assert home.poll("carbon_intensity").success
        home.clock.now += 15 * MINUTE

    wanted = [TODAY.start + n * 5 * MINUTE for n in range(24)]
    assert [at for at in home.times(CARBON_INTENSITY) if at >= TODAY.start] == wanted


def test_a_poll_says_what_it_did_and_how_the_day_stands(home: Household) -> None:
    home.poll("smart_meter")
    home.store.delete(SMART_METER, Window(NOON - 10 * MINUTE, NOON))
    home.store.delete(SMART_METER, Window(NOON - 3 * HOUR, NOON - 2 * HOUR))

    result = home.poll("smart_meter")

    (today,) = metadata_by_day(result, "feeds/smart_meter").values()
    assert today["provider"] == "simulated"
    assert today["window"] == "2025-10-24T09:45:00Z..2025-10-25T22:00:00Z"
    assert (today["rows written"], today["rows unchanged"], today["rows removed"], today["rows refused"]) == (
        2,
        1,
        0,
        0,
    )
    assert (today["dagster/partition_row_count"], today["rows_received"]) == (132, 3)
    assert (today["intervals"], today["intervals_expected"]) == (130, 142)
    assert today["seconds"] > 0
    assert today["chart"].startswith("![total_power_w](data:image/svg+xml,")
    gaps = checks_of(result, "feeds/smart_meter")["gaps"]
    assert (gaps.passed, gaps.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert gaps.metadata["short_days"].value == ["2025-10-24: 130 of 142"]


def test_just_after_midnight_a_poll_finishes_yesterday_and_marks_it_too(home: Household) -> None:
    home.materialise("feeds/smart_meter", days="2025-10-23")
    home.clock.now = TODAY.start + 3 * MINUTE
    stored = home.stored(SMART_METER, "2025-10-23").slice(0, 286)
    home.store.delete(SMART_METER, local_day(date(2025, 10, 23), VIENNA))
    home.store.replace(SMART_METER, stored, local_day(date(2025, 10, 23), VIENNA))

    result = home.poll("smart_meter")

    assert home.times(SMART_METER)[-1] == TODAY.start - 5 * MINUTE
    days = metadata_by_day(result, "feeds/smart_meter")
    assert set(days) == {"2025-10-23", "2025-10-24"}
    assert (days["2025-10-23"]["dagster/partition_row_count"], days["2025-10-23"]["intervals_expected"]) == (288, 286)
    assert days["2025-10-24"]["dagster/partition_row_count"] == 0


def test_tomorrows_prices_mark_tomorrow_on_the_poll_that_first_brings_them(home: Household) -> None:
    def days_marked() -> set[str]:
        return set(metadata_by_day(home.poll("electricity_pricing"), "feeds/electricity_pricing"))

    assert days_marked() == {"2025-10-24"}
    home.clock.now = NOON + HOUR
    assert days_marked() == {"2025-10-24", "2025-10-25"}
    home.clock.now = NOON + 2 * HOUR
    assert days_marked() == {"2025-10-24"}, "a poll without news touches no other day"
    assert len(home.times(ELECTRICITY_PRICING, "2025-10-25")) == 24


def test_a_poll_before_the_long_night_brings_all_25_hours_of_tomorrow(tmp_path: Path) -> None:
    home = household(tmp_path, TODAY.end + 15 * HOUR)

    assert home.poll("electricity_pricing", "electricity_pricing_forecast", "occupancy_prediction").success

    assert len(home.times(ELECTRICITY_PRICING, "2025-10-26")) == 25
    assert home.stored(ELECTRICITY_PRICING_FORECAST, "2025-10-26")["hour_offset"].to_pylist()[:4] == [0, 1, 2, 2]
    assert len(home.times(OCCUPANCY_PREDICTION, "2025-10-26")) == 100
    assert home.marked("feeds/occupancy_prediction") == {"2025-10-25", "2025-10-26"}


def test_a_run_that_waited_over_midnight_marks_the_day_that_it_brought_and_not_the_one_it_was_for(
    home: Household,
) -> None:
    home.clock.now = TODAY.end + 20 * MINUTE
    result = home.defs.resolve_job_def("poll_feeds").execute_in_process(
        instance=home.instance,
        asset_selection=[dg.AssetKey(["feeds", "smart_meter"])],
        partition_key="2025-10-24",
        tags={"homeiq/poll": "smart_meter"},
        raise_on_error=False,
    )

    assert home.marked("feeds/smart_meter") == {"2025-10-25"}
    assert not result.success
    assert "2025-10-24: simulated has no rows of it" in failure_of(result)


def test_polling_again_writes_nothing_and_leaves_every_byte(home: Household) -> None:
    feeds = ("carbon_intensity", "electricity_pricing", "air_quality", "occupancy_prediction", "smart_meter", "fx_rate")
    home.poll(*feeds)
    before = home.files()

    result = home.poll(*feeds)

    assert result.success
    for feed in feeds:
        (told,) = metadata_by_day(result, f"feeds/{feed}").values()
        assert (told["rows written"], told["rows removed"]) == (0, 0)
    assert home.files() == before


def test_the_daily_rate_is_found_west_of_greenwich_too(tmp_path: Path) -> None:
    home = household(tmp_path, NOON + 9 * HOUR, zone="America/Los_Angeles")

    home.poll("fx_rate")

    assert datetime(2025, 10, 24, tzinfo=UTC) in home.times(FX_RATE)


def test_the_daily_rate_has_no_gap_while_it_is_polled(home: Household) -> None:
    home.poll("fx_rate")

    assert datetime(2025, 10, 24, tzinfo=UTC) in home.times(FX_RATE)
    assert checks_of(home.poll("fx_rate"), "feeds/fx_rate")["gaps"].passed


class TestBesideAVendor:
    @pytest.fixture
    def vendor(self) -> Iterator[AwattarVendor]:
        first = TODAY.start - 48 * HOUR
        with AwattarVendor({first + n * HOUR: 80.0 + n % 24 for n in range(120)}, now=NOON) as running:
            yield running

    @pytest.fixture
    def home(self, tmp_path: Path, vendor: AwattarVendor) -> Household:
        return household(tmp_path, NOON, PRICING_PROVIDER="awattar", AWATTAR_BASE_URL=vendor.url)

    def test_a_feed_whose_vendor_fails_fails_alone(self, home: Household, vendor: AwattarVendor) -> None:
        vendor.misbehave(json_reply({"message": "Bad Request"}, 400))

        result = home.poll("electricity_pricing", "carbon_intensity", "smart_meter")

        assert not result.success
        assert "awattar: GET" in failure_of(result)
        assert home.marked("feeds/electricity_pricing") == set()
        assert home.marked("feeds/carbon_intensity") == home.marked("feeds/smart_meter") == {"2025-10-24"}
        assert home.stored(CARBON_INTENSITY).num_rows == 144

    def test_a_vendor_that_is_down_holds_up_a_poll_no_longer_than_one_try(
        self, home: Household, vendor: AwattarVendor
    ) -> None:
        vendor.misbehave(*[json_reply({"message": "down"}, 503)] * 20)

        with no_waiting():
            result = home.poll("electricity_pricing", "smart_meter")

        assert home.marked("feeds/smart_meter") == {"2025-10-24"}
        assert not [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]
        assert len(vendor.asked) == 4, "the client's own tries"

    def test_a_vendor_that_is_down_for_a_moment_does_not_fail_a_backfill(
        self, home: Household, vendor: AwattarVendor
    ) -> None:
        vendor.misbehave(*[json_reply({"message": "down"}, 503)] * 5)

        with no_waiting():
            result = home.materialise("feeds/electricity_pricing", days="2025-10-23")

        assert result.success
        assert [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]

    def test_old_values_stay_and_get_no_new_time_when_the_vendor_is_silent(
        self, home: Household, vendor: AwattarVendor
    ) -> None:
        home.poll("electricity_pricing")
        before = home.files()
        home.clock.now = vendor.now = NOON + 3 * HOUR
        vendor.misbehave(json_reply({"object": "list", "data": [], "url": "/"}))

        result = home.poll("electricity_pricing")

        assert result.success
        assert home.files() == before

    def test_a_poll_of_both_price_feeds_takes_what_is_published_and_asks_once(
        self, home: Household, vendor: AwattarVendor
    ) -> None:
        home.poll("electricity_pricing", "electricity_pricing_forecast")

        assert len(vendor.asked) == 1
        assert home.times(ELECTRICITY_PRICING)[-1] == TODAY.end - HOUR
        assert home.times(ELECTRICITY_PRICING)[0] == TODAY.start
        assert set(home.stored(ELECTRICITY_PRICING)["provider"].to_pylist()) == {"awattar"}
