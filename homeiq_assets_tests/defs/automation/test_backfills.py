"""A range of days in one run: what each day received, what a failing vendor costs, and what is refused."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.schema.measurements import CARBON_INTENSITY, ELECTRICITY_PRICING
from homeiq_assets.window import HOUR, local_day, local_midnight
from homeiq_assets_tests.household import Household, checks_of, failure_of, household, metadata_by_day
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, html_reply, json_reply

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
WEEK = ("2025-10-24", "2025-10-28")


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return household(tmp_path, NOW)


def test_a_range_is_one_run_that_reports_every_day_by_its_own_length(home: Household) -> None:
    result = home.materialise("feeds/smart_meter", days=WEEK)

    assert result.success
    days = metadata_by_day(result, "feeds/smart_meter")
    assert {day: told["dagster/partition_row_count"] for day, told in days.items()} == {
        "2025-10-24": 288,
        "2025-10-25": 288,
        "2025-10-26": 300,
        "2025-10-27": 288,
        "2025-10-28": 288,
    }
    for told in days.values():
        assert told["rows_received"] == told["intervals"] == told["intervals_expected"]
        assert told["window"] == "2025-10-23T22:00:00Z..2025-10-28T23:00:00Z"
        assert told["rows written"] == 4 * 288 + 300
    assert home.marked("feeds/smart_meter") == set(days)
    assert len(home.instance.get_runs()) == 1


def test_every_day_of_a_range_has_its_own_chart(home: Household) -> None:
    days = metadata_by_day(home.materialise("feeds/carbon_intensity", days=WEEK), "feeds/carbon_intensity")

    charts = [told["chart"] for told in days.values()]
    assert len(set(charts)) == 5
    assert all(len(chart) < 1000 for chart in charts)


def test_a_day_that_has_not_begun_is_no_rows_and_no_error(home: Household) -> None:
    home.clock.now = local_midnight(date(2025, 10, 25), VIENNA) + HOUR

    result = home.materialise("feeds/smart_meter", days=("2025-10-25", "2025-10-26"))

    assert result.success
    days = metadata_by_day(result, "feeds/smart_meter")
    assert days["2025-10-25"]["rows_received"] == 12
    assert (days["2025-10-26"]["rows_received"], days["2025-10-26"]["intervals_expected"]) == (0, 0)
    assert checks_of(result, "feeds/smart_meter")["gaps"].passed


def test_a_backfill_of_the_past_leaves_today_alone(home: Household) -> None:
    home.poll("carbon_intensity")
    polled = home.stored(CARBON_INTENSITY)

    home.materialise("feeds/carbon_intensity", days=WEEK)

    assert home.stored(CARBON_INTENSITY, "2025-11-20").equals(polled)
    assert home.stored(CARBON_INTENSITY).num_rows == polled.num_rows + 4 * 288 + 300


def test_the_same_range_again_changes_no_byte(home: Household) -> None:
    feeds = [f"feeds/{name}" for name in ("carbon_intensity", "electricity_pricing", "smart_meter_circuit")]
    home.materialise(*feeds, days=WEEK)
    before = home.files()

    result = home.materialise(*feeds, days=WEEK)

    assert result.success
    assert home.files() == before
    assert metadata_by_day(result, feeds[0])["2025-10-26"]["rows unchanged"] == 4 * 288 + 300


class TestBesideAVendor:
    """aWATTar is asked for a month at a time."""

    FIRST = local_day(date(2025, 7, 1), VIENNA).start
    RANGE = ("2025-07-01", "2025-09-15")

    @pytest.fixture
    def vendor(self) -> Iterator[AwattarVendor]:
        with AwattarVendor({self.FIRST + n * HOUR: 80.0 + n % 24 for n in range(100 * 24)}, now=NOW) as running:
            yield running

    @pytest.fixture
    def home(self, tmp_path: Path, vendor: AwattarVendor) -> Household:
        return household(tmp_path, NOW, PRICING_PROVIDER="awattar", AWATTAR_BASE_URL=vendor.url)

    def test_a_vendor_that_fails_in_the_middle_costs_a_chunk_and_not_the_range(
        self, home: Household, vendor: AwattarVendor
    ) -> None:
        vendor.misbehave(Misbehaviour(), json_reply({"message": "Bad Request"}, 400))

        result = home.materialise("feeds/electricity_pricing", days=self.RANGE)

        assert not result.success
        told = failure_of(result)
        assert told.startswith(f"awattar: GET {vendor.url}/v1/marketdata?start=")
        assert "answered 400" in told
        july = {f"2025-07-{day:02}" for day in range(1, 32)}
        assert home.marked("feeds/electricity_pricing") == july
        assert home.stored(ELECTRICITY_PRICING).num_rows == 31 * 24
        assert home.told("feeds/electricity_pricing", "2025-07-31")["rows_received"] == 24

        again = home.materialise("feeds/electricity_pricing", days=self.RANGE)

        assert again.success
        assert len(home.marked("feeds/electricity_pricing")) == 77

    def test_what_was_stored_of_the_failing_chunk_stays_as_it_was(self, home: Household, vendor: AwattarVendor) -> None:
        home.materialise("feeds/electricity_pricing", days="2025-08-10")
        before = home.stored(ELECTRICITY_PRICING, "2025-08-10")
        vendor.misbehave(Misbehaviour(), html_reply(404))

        assert not home.materialise("feeds/electricity_pricing", days=self.RANGE).success

        assert before.num_rows == 24
        assert home.stored(ELECTRICITY_PRICING, "2025-08-10").equals(before)
        assert "2025-08-10" in home.marked("feeds/electricity_pricing")

    def test_a_failure_at_once_marks_nothing(self, home: Household, vendor: AwattarVendor) -> None:
        vendor.misbehave(json_reply({"message": "Bad Request"}, 400))

        assert not home.materialise("feeds/electricity_pricing", days=self.RANGE).success

        assert home.marked("feeds/electricity_pricing") == set()
        assert len(vendor.asked) == 1

    def test_a_price_that_a_vendor_withdraws_goes_with_the_next_backfill(
        self, home: Household, vendor: AwattarVendor
    ) -> None:
        home.materialise("feeds/electricity_pricing", days="2025-07-03")
        revised = self.FIRST + 52 * HOUR
        vendor.prices[revised] = -12.0

        result = home.materialise("feeds/electricity_pricing", days="2025-07-03")

        told = metadata_by_day(result, "feeds/electricity_pricing")["2025-07-03"]
        assert (told["rows written"], told["rows unchanged"]) == (1, 23)
        stored = dict(
            zip(
                home.times(ELECTRICITY_PRICING),
                home.stored(ELECTRICITY_PRICING)["current_price"].to_pylist(),
                strict=True,
            )
        )
        assert stored[revised] == pytest.approx(-0.012)


@pytest.mark.parametrize(
    ("settings", "feed", "told"),
    [
        ({"CARBON_PROVIDER": "off"}, "carbon_intensity", "CARBON_PROVIDER: no provider is configured"),
        ({"CARBON_PROVIDER": "nobody"}, "carbon_intensity", "CARBON_PROVIDER: 'nobody' is not a provider"),
        ({"CARBON_PROVIDER": "watttime"}, "carbon_intensity", "WATTTIME_USERNAME: is not set"),
        (
            {"PRICING_PROVIDER": "awattar", "PRICING_AREA": "FR"},
            "electricity_pricing",
            "PRICING_AREA: aWATTar has prices for DE and AT",
        ),
        ({"METER_TYPE": "home_assistant"}, "smart_meter", "HOME_ASSISTANT_URL: is not set"),
        ({"HOMEIQ_START_DATE": "the beginning"}, "smart_meter", "HOMEIQ_START_DATE: "),
    ],
)
def test_what_is_set_wrongly_fails_the_run_and_is_named(
    settings: dict[str, str], feed: str, told: str, tmp_path: Path
) -> None:
    home = household(tmp_path, NOW, **settings)

    result = home.materialise(f"feeds/{feed}", days="2025-10-24")

    assert not result.success
    assert told in failure_of(result)
    assert home.marked(f"feeds/{feed}") == set()
    assert home.files() == {}


def test_simulated_readings_are_refused_before_a_live_influxdb_is_even_asked(tmp_path: Path) -> None:
    live = {
        "INFLUXDB_URL": "http://127.0.0.1:9",
        "INFLUXDB_TOKEN": "a-token",
        "INFLUXDB_ORG": "home",
        "INFLUXDB_BUCKET": "ha",
    }
    home = household(tmp_path, NOW, CARBON_PROVIDER="simulated", **live)

    result = home.materialise("feeds/carbon_intensity", days="2025-10-24")

    assert not result.success
    assert failure_of(result).startswith("HOMEIQ_ALLOW_SIMULATED: CARBON_PROVIDER is simulated")
    assert "never enter a live InfluxDB" in failure_of(result)


def test_a_store_that_cannot_be_written_fails_the_run_and_names_the_folder(home: Household) -> None:
    (home.settings.homeiq_home / "store").write_text("a file where the folder should be")

    result = home.materialise("feeds/smart_meter", days="2025-10-24")

    assert not result.success
    assert "HOMEIQ_HOME" in failure_of(result)


def test_a_changed_time_zone_fails_the_run_before_anything_is_written(tmp_path: Path) -> None:
    home = household(tmp_path, NOW)
    home.materialise("feeds/smart_meter", days="2025-10-24")
    before = home.files()
    moved = household(tmp_path, NOW, zone="Asia/Kolkata")

    result = moved.materialise("feeds/smart_meter", days="2025-10-25")

    assert not result.success
    assert "HOMEIQ_TIMEZONE: is Asia/Kolkata, but the days stored so far were cut in Europe/Vienna" in failure_of(
        result
    )
    assert moved.files() == before
