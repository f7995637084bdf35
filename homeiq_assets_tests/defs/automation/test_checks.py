"""What the checks say of a feed's days: unbelievable values, missing intervals, coarse answers, and old readings."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa
import pytest

from homeiq_assets.defs.automation.checks import CHECKS, LISTED, NOTABLE_CHECKS, feed_checks
from homeiq_assets.feeds.catalog import CARBON, FEEDS
from homeiq_assets.feeds.collect import StoredDay, survey
from homeiq_assets.feeds.feed import poll_window
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY, SMART_METER
from homeiq_assets.stores.base import Replaced
from homeiq_assets.vendors.skipped import Skipped
from homeiq_assets.window import HOUR, local_day
from homeiq_assets_tests.household import QUIET, Household, asset_key, checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor

VIENNA = ZoneInfo("Europe/Vienna")
DAY = date(2025, 10, 24)
MIDNIGHT = local_day(DAY, VIENNA).start
NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
WHOLE = Skipped(NOW)
NO_CHART = pa.table({"time": [], "value": []})


def stored_day(intervals: int = 24, expected: int | None = 24, beyond: tuple[str, ...] = (), n: int = 0) -> StoredDay:
    return StoredDay(DAY + timedelta(days=n), intervals, intervals, expected, list(beyond), NO_CHART)


def by_name(results: list[dg.AssetCheckResult]) -> dict[str | None, dg.AssetCheckResult]:
    return {result.check_name: result for result in results}


def test_whole_believable_days_pass_all_checks_with_numbers_to_plot() -> None:
    results = by_name(feed_checks([stored_day(), stored_day(25, 25, n=2)], Replaced(written=49), None, WHOLE))

    assert {name: result.passed for name, result in results.items()} == {
        "bounds": True,
        "gaps": True,
        "resolution": True,
        "removed_days": True,
        "skipped": True,
        "unfillable_days": True,
    }
    assert results["gaps"].metadata["intervals"].value == 49
    assert results["gaps"].metadata["expected"].value == 49
    assert results["resolution"].metadata["rows_refused"].value == 0


def test_nothing_a_feed_check_finds_stops_what_comes_after(tmp_path: Path) -> None:
    results = feed_checks(
        [stored_day(3, 24, ("a: 1 .. 2",))],
        Replaced(refused=3),
        "rows came for a removed day",
        Skipped(NOW, 1, ["an odd row"]),
        [NOW.date()],
    )

    assert not any(result.passed for result in results)
    assert {result.severity for result in results} == {dg.AssetCheckSeverity.WARN}
    graph = household(tmp_path, NOW).defs.resolve_asset_graph()
    checks = graph.get_check_keys_for_assets({asset_key(f"feeds/{feed.name}") for feed in FEEDS})
    assert len(checks) == (len(CHECKS) + 1) * len(FEEDS) + len(NOTABLE_CHECKS)
    assert not any(graph.get_check_spec(check).blocking for check in checks)


def test_short_days_are_listed_with_what_they_have_and_should_have() -> None:
    gaps = by_name(
        feed_checks([stored_day(), stored_day(20, 25, n=2), stored_day(0, 24, n=3)], Replaced(), None, WHOLE)
    )["gaps"]

    assert gaps.metadata["short_days"].value == ["2025-10-26: 20 of 25", "2025-10-27: 0 of 24"]
    assert (gaps.metadata["intervals"].value, gaps.metadata["expected"].value) == (44, 73)


def test_a_day_of_which_nothing_is_expected_is_not_short() -> None:
    assert by_name(feed_checks([stored_day(7, None), stored_day(0, 0)], Replaced(), None, WHOLE))["gaps"].passed


def test_a_year_of_short_days_lists_the_first_and_no_more_bytes() -> None:
    gaps = by_name(feed_checks([stored_day(1, n=n, beyond=(f"day {n}",)) for n in range(365)], Replaced(), None, WHOLE))

    assert len(gaps["gaps"].metadata["short_days"].value) == len(gaps["bounds"].metadata["beyond"].value) == LISTED


def test_refused_rows_are_counted_and_explained() -> None:
    resolution = by_name(feed_checks([stored_day()], Replaced(refused=24), None, WHOLE))["resolution"]

    assert resolution.metadata["rows_refused"].value == 24
    assert resolution.description == "finer readings are stored for that time and stay"


class TestInARun:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Household:
        return household(tmp_path, NOW)

    def test_an_unbelievable_stored_value_is_found_and_the_run_is_green(self, tmp_path: Path) -> None:
        prices: dict[datetime, float | None] = {MIDNIGHT + n * HOUR: 80.0 for n in range(24)}
        prices[MIDNIGHT + 7 * HOUR] = 19_000.0
        prices[MIDNIGHT + 8 * HOUR] = -9999.0
        prices[MIDNIGHT + 9 * HOUR] = 99_999.0
        with AwattarVendor(prices) as vendor:
            settings = {"PRICING_PROVIDER": "awattar", "PRICING_VAT_PERCENT": "20", "AWATTAR_BASE_URL": vendor.url}
            home = household(tmp_path, NOW, **settings)
            result = home.materialise("feeds/electricity_pricing", days="2025-10-24")

        assert result.success
        checks = checks_of(result, "feeds/electricity_pricing")
        assert not checks["bounds"].passed
        assert checks["bounds"].metadata["beyond"].value == ["2025-10-24 current_price: 0.096 .. 22.8 currency/kWh"]
        assert checks["gaps"].metadata["short_days"].value == ["2025-10-24: 22 of 24"], "a sentinel is no price"

    def test_an_answer_coarser_than_what_is_stored_is_refused_and_reported(self, tmp_path: Path) -> None:
        for step in (HOUR / 12, HOUR):
            rows = {MIDNIGHT + n * step: [{"w": 80.0 + n}] for n in range(24 * HOUR // step)}
            with DescribedVendor(rows, zone=VIENNA) as vendor:
                home = household(
                    tmp_path,
                    NOW,
                    METER_TYPE="generic",
                    METER_URL=f"{vendor.url}/v1/rows?from={{start}}&to={{end}}",
                    METER_JMESPATH="data[].{start: t, power_w: w}",
                )
                result = home.materialise("feeds/smart_meter", days="2025-10-24")

        assert result.success
        resolution = checks_of(result, "feeds/smart_meter")["resolution"]
        assert not resolution.passed
        assert resolution.metadata["rows_refused"].value == 24
        assert home.stored(SMART_METER, "2025-10-24").num_rows == 288

    def test_a_reading_in_time_passes_and_an_old_one_is_stale_since_then(self, home: Household) -> None:
        home.materialise("feeds/smart_meter", days="2025-11-20")
        fresh = checks_of(self.check_ages(home), "feeds/smart_meter")["newest_reading"]
        assert fresh.passed
        assert fresh.metadata["newest_reading"].value == "2025-11-20 10:00 UTC"
        assert (fresh.metadata["age_minutes"].value, fresh.metadata["limit_minutes"].value) == (7.0, 30.0)

        home.clock.now = NOW + timedelta(minutes=24)
        stale = checks_of(self.check_ages(home), "feeds/smart_meter")["newest_reading"]
        assert not stale.passed
        assert stale.severity == dg.AssetCheckSeverity.WARN
        assert stale.metadata["age_minutes"].value == 31.0
        assert stale.description == "stale since 2025-11-20 10:00 UTC"

    def test_rows_that_hold_forecasts_alone_are_neither_readings_nor_intervals(self, home: Household) -> None:
        home.clock.now = datetime(2025, 11, 20, 21, 5, tzinfo=UTC)
        day = local_day(date(2025, 11, 20), VIENNA)
        measured = [
            {"time": day.start + n * HOUR, "region": "de", "carbon_intensity_gco2_kwh": 300.0} for n in range(13)
        ]
        forecast = [{"time": day.start + n * HOUR, "region": "de", "forecast_1h": 300.0} for n in range(13, 23)]
        home.store.replace(CARBON_INTENSITY, rows_of(CARBON_INTENSITY, [*measured, *forecast]), day, HOUR)

        age = checks_of(self.check_ages(home), "feeds/carbon_intensity")["newest_reading"]
        assert not age.passed
        assert age.description == "stale since 2025-11-20 11:00 UTC"
        (found,) = survey(
            CARBON_INTENSITY, home.store, [date(2025, 11, 20)], None, {date(2025, 11, 20): HOUR}, NOW, VIENNA
        )
        assert (found.rows, found.intervals) == (23, 9)
        assert (
            poll_window(CARBON, home.clock.now, VIENNA, home.store.newest(CARBON_INTENSITY)).start
            == measured[-1]["time"]
        )

    def test_a_backfill_of_an_old_day_does_not_make_a_silent_feed_look_fresh(self, home: Household) -> None:
        result = home.materialise("feeds/smart_meter", days="2025-10-24")

        age = checks_of(result, "feeds/smart_meter")["newest_reading"]
        assert not age.passed
        assert age.metadata["newest_reading"].value == "2025-10-24 21:55 UTC"

    def test_a_feed_that_never_had_a_reading_says_so(self, home: Household) -> None:
        age = checks_of(self.check_ages(home), "feeds/air_quality")["newest_reading"]

        assert not age.passed
        assert (age.metadata["newest_reading"].value, age.metadata["age_minutes"].value) == ("none", -1.0)
        assert age.description == "no reading yet"

    def test_prices_of_tomorrow_are_no_negative_age(self, home: Household) -> None:
        home.clock.now = NOW + 4 * HOUR
        home.poll("electricity_pricing")

        age = checks_of(self.check_ages(home), "feeds/electricity_pricing")["newest_reading"]

        assert age.passed
        assert age.metadata["newest_reading"].value == "2025-11-21 22:00 UTC"
        assert age.metadata["age_minutes"].value == 0.0

    def test_a_store_that_cannot_be_read_fails_the_look_in_the_owners_words(self, home: Household) -> None:
        home.materialise("feeds/fx_rate", days="2025-11-20")
        (damaged,) = (home.settings.homeiq_home / "store" / "fx_rate").glob("*.parquet")
        damaged.write_bytes(b"no Parquet")

        result = self.check_ages(home)

        assert not result.success
        assert failure_of(result).startswith("HOMEIQ_HOME: ")
        assert f"{damaged} is damaged" in failure_of(result)

    def test_every_polled_feed_is_looked_at_in_one_run(self, home: Household) -> None:
        result = self.check_ages(home)

        assert result.success, "a stale feed warns and fails no run"
        found = {evaluation.asset_key.path[-1] for evaluation in result.get_asset_check_evaluations()}
        assert found == {feed.name for feed in FEEDS}

    def test_one_missing_interval_is_seen_although_newer_ones_came_than_had_to(self, home: Household) -> None:
        home.materialise("feeds/smart_meter", days="2025-10-26")
        hole = local_day(date(2025, 10, 26), VIENNA).start + 30 * timedelta(minutes=5)
        rows = home.stored(SMART_METER, "2025-10-26")
        home.store.delete(SMART_METER, local_day(date(2025, 10, 26), VIENNA))
        kept = [at != hole for at in rows["time"].cast(pa.timestamp("us", "UTC")).to_pylist()]
        home.store.replace(SMART_METER, rows.filter(kept), local_day(date(2025, 10, 26), VIENNA))

        home.clock.now = datetime(2025, 10, 26, 22, 59, tzinfo=UTC)
        gaps = checks_of(home.poll("smart_meter"), "feeds/smart_meter")["gaps"]

        assert not gaps.passed
        assert gaps.metadata["short_days"].value == ["2025-10-26: 296 of 297"]

    @staticmethod
    def check_ages(home: Household) -> dg.ExecuteInProcessResult:
        return home.defs.resolve_job_def("check_reading_ages").execute_in_process(
            instance=home.instance, raise_on_error=False, run_config=QUIET
        )
