"""Which days the nightly run of removals asks for, and that it removes them by a real run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets_tests.household import QUIET, RANGE, Household, asset_key, household

NOW = datetime(2025, 11, 20, 2, 10, tzinfo=UTC)
METER = "retention/smart_meter"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    """Ten days of a meter with tiers and archive; three of them are older than a week."""
    with dg.DagsterInstance.local_temp() as instance:
        made = household(tmp_path, NOW, instance=instance)
        days = ("2025-11-10", "2025-11-19")
        tiers = ("tiers/smart_meter_hourly", "tiers/smart_meter_daily")
        for assets in (("feeds/smart_meter",), tiers, ("archive/smart_meter",)):
            assert made.materialise(*assets, days=days).success
        yield made


def asked(home: Household) -> dict[tuple[str, str], set[str]]:
    """The spans of days that the schedule asks for at night, with the assets."""
    context = dg.build_schedule_context(
        instance=home.instance,
        scheduled_execution_time=home.clock.now.astimezone(home.zone),
        repository_def=home.defs.get_repository_def(),
    )
    with dg.partition_loading_context(effective_dt=home.clock.now):
        data = home.defs.resolve_schedule_def("remove_old_days").evaluate_tick(context)
    return {
        (request.tags[f"{RANGE}start"], request.tags[f"{RANGE}end"]): {
            key.to_user_string() for key in request.asset_selection or ()
        }
        for request in data.run_requests or ()
    }


def test_days_older_than_their_age_are_asked_for_and_go(home: Household) -> None:
    assert asked(home) == {("2025-11-10", "2025-11-12"): {METER}}

    result = home.defs.resolve_job_def("remove_old_days").execute_in_process(
        instance=home.instance,
        asset_selection=[asset_key(METER)],
        tags={f"{RANGE}start": "2025-11-10", f"{RANGE}end": "2025-11-12"},
        run_config=QUIET,
    )

    assert result.success
    assert home.marked(METER) == {"2025-11-10", "2025-11-11", "2025-11-12"}
    assert [home.stored(SMART_METER, f"2025-11-{day}").num_rows for day in (11, 12, 13)] == [0, 0, 288]


def test_what_went_is_not_asked_for_again_until_its_tier_is_made_again(home: Household) -> None:
    home.materialise(METER, days=("2025-11-10", "2025-11-12"))
    assert asked(home) == {}

    home.materialise("restore/smart_meter", days=("2025-11-10", "2025-11-11"))
    assert asked(home) == {}, "what was restored stays until its tiers are made again"
    home.materialise("tiers/smart_meter_hourly", "tiers/smart_meter_daily", days="2025-11-11")
    assert asked(home) == {("2025-11-11", "2025-11-11"): {METER}}


def test_days_that_are_apart_are_runs_of_their_own(home: Household) -> None:
    home.materialise(METER, days="2025-11-11")

    assert asked(home) == {("2025-11-10", "2025-11-10"): {METER}, ("2025-11-12", "2025-11-12"): {METER}}


def test_a_day_that_could_not_go_is_asked_for_again_the_next_night(home: Household) -> None:
    # The archive lost the day.
    for name in [name for name in home.archive_names() if "day=11" in name]:
        (home.settings.homeiq_home / "archive" / name).unlink()

    assert not home.materialise(METER, days=("2025-11-10", "2025-11-12")).success
    assert home.marked(METER) == {"2025-11-10", "2025-11-12"}
    assert asked(home) == {("2025-11-11", "2025-11-11"): {METER}}


def test_each_age_has_its_own_days_and_raw_rows_go_before_their_hours(home: Household) -> None:
    home.clock.now = datetime(2026, 2, 10, 2, 10, tzinfo=UTC)
    # The last day's readings hold into one that has no tiers.
    assert asked(home) == {("2025-11-10", "2025-11-18"): {METER}}

    home.materialise(METER, days=("2025-11-10", "2025-11-18"))
    assert asked(home) == {("2025-11-10", "2025-11-11"): {"retention/smart_meter_hourly"}}

    home.materialise("retention/smart_meter_hourly", days=("2025-11-10", "2025-11-11"))
    assert asked(home) == {}
