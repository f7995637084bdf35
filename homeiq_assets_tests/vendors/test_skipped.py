"""What is left out of an answer, and the rest taken: how each vendor's odd row is named, in runs, checks and doctor."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.cli.doctor import examine
from homeiq_assets.errors import ProviderError
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING
from homeiq_assets.vendors.skipped import LISTED, Skipped, last, noting, remember, skip, without_odd
from homeiq_assets_tests.feeds.pricing.octopus_home import AGILE, DAY, HALF_HOUR, NOON, rates, row, running
from homeiq_assets_tests.household import Household, checks_of, failure_of, household, settings_in
from homeiq_assets_tests.simulated_vendors.octopus import OctopusVendor

NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
FEED = "feeds/electricity_pricing"


def test_what_is_skipped_is_counted_once_and_the_first_are_named() -> None:
    with noting(NOW) as skipped:
        for n in range(50):
            skip("test", f"row {n}")
        skip("test", "row 3")
    assert skipped.count == 50
    assert skipped.listed == [f"row {n}" for n in range(LISTED)]
    assert skipped.summary() == "row 0; row 1; row 2; and 47 more"


def test_of_an_interval_that_has_not_begun_nothing_need_be_known(caplog: pytest.LogCaptureFixture) -> None:
    with noting(NOW) as skipped:
        skip("test", "no price yet", NOW + timedelta(hours=1))
    assert skipped == Skipped(NOW)
    assert "test: no price yet" in caplog.text


def test_outside_of_a_run_it_is_logged_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        skip("test", "an odd row")
    assert "test: an odd row" in caplog.text


def test_rows_that_are_all_odd_are_an_error() -> None:
    assert without_odd("test", [1, 2, 3], lambda n: "two" if n == 2 else None) == [1, 3]
    assert without_odd("test", [], lambda _: "odd") == []
    with pytest.raises(ProviderError, match="test: row 1"):
        without_odd("test", [1, 2], lambda n: f"row {n}")


def test_the_doctor_is_told_of_the_last_poll_and_of_the_last_days_until_one_leaves_nothing_out(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    remember(settings, "air_quality", Skipped(NOW, 1, ["an odd row"]), polled=True)
    remember(settings, "air_quality", Skipped(NOW, 1, ["an odd day"]), polled=False)
    assert last(settings, "air_quality") == [
        "left out by the poll of 2026-03-11 12:00 UTC: an odd row",
        "left out by the run of 2026-03-11 12:00 UTC: an odd day",
    ]
    assert last(settings, "fx_rate") == []
    remember(settings, "air_quality", Skipped(NOW), polled=True)
    remember(settings, "air_quality", Skipped(NOW), polled=True)
    assert last(settings, "air_quality") == ["left out by the run of 2026-03-11 12:00 UTC: an odd day"]


class TestInARun:
    @pytest.fixture
    def vendor(self) -> Iterator[OctopusVendor]:
        with running() as octopus:
            yield octopus

    @pytest.fixture
    def home(self, vendor: OctopusVendor, tmp_path: Path) -> Household:
        return household(
            tmp_path, NOON, "Europe/London", OCTOPUS_BASE_URL=vendor.url, PRICING_PROVIDER="octopus", PRICING_AREA=AGILE
        )

    def test_an_odd_rate_is_named_by_the_run_the_check_and_the_doctor_and_the_rest_is_stored(
        self, home: Household, vendor: OctopusVendor
    ) -> None:
        start = DAY.start - timedelta(days=1)
        sound = [row(start + n * HALF_HOUR) for n in range(47)]
        odd = row(
            start + 47 * HALF_HOUR, valid_to=f"{start + 47 * HALF_HOUR + timedelta(minutes=2):%Y-%m-%dT%H:%M:%SZ}"
        )
        vendor.misbehave(rates(*sound, odd))

        result = home.materialise(FEED, days="2026-03-10")

        told = "the price of 2026-03-10T23:30Z is for less time than any market's interval"
        assert result.success
        assert len(home.times(ELECTRICITY_PRICING)) == 47
        (materialisation,) = result.asset_materializations_for_node(FEED.replace("/", "__"))
        assert materialisation.metadata["skipped"].value == told
        check = checks_of(result, FEED)["skipped"]
        assert not check.passed
        assert check.metadata["skipped"].value == [told]
        assert check.description == told
        (probe,) = (one for one in examine(home.settings) if one.what == "feed electricity_pricing")
        assert probe.warning
        assert f"left out by the run of 2026-03-11 12:00 UTC: {told}" in probe.detail

        assert checks_of(home.materialise(FEED, days="2026-03-10"), FEED)["skipped"].passed

    def test_a_day_that_is_over_and_was_answered_with_nothing_is_named(
        self, home: Household, vendor: OctopusVendor
    ) -> None:
        vendor.misbehave(rates())
        result = home.materialise(FEED, days="2026-03-10")
        assert not result.success
        assert "2026-03-10: octopus has no rows of it" in failure_of(result)
