"""Which feeds a tick polls, in one run; when it waits for its predecessor; the nightly settling."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from homeiq_assets.defs.automation.checks import CHECKS
from homeiq_assets.defs.automation.schedules import due
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.window import floor_to
from homeiq_assets_tests.household import QUIET, RANGE, Household, asset_key, household

NOW = datetime(2025, 10, 24, 10, 0, tzinfo=UTC)
HOURLY = {"electricity_pricing", "electricity_pricing_forecast", "air_quality", "fx_rate"}
QUARTERLY = {"carbon_intensity", "occupancy_prediction", "home_assistant_events"}
ALWAYS = {"smart_meter", "smart_meter_circuit"}
Tick = dg.RunRequest | dg.SkipReason


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, instance: dg.DagsterInstance) -> Household:
    return household(tmp_path, NOW, instance=instance)


def tick(home: Household, at: datetime, schedule: str = "poll_feeds") -> Tick:
    """What the schedule asks for at an instant."""
    home.clock.now = at
    context = dg.build_schedule_context(
        instance=home.instance,
        scheduled_execution_time=at.astimezone(home.zone),
        repository_def=home.defs.get_repository_def(),
    )
    with dg.partition_loading_context(effective_dt=at):
        data = home.defs.resolve_schedule_def(schedule).evaluate_tick(context)
    if data.skip_message:
        return dg.SkipReason(data.skip_message)
    (request,) = data.run_requests or ()
    return request


def polled(request: Tick) -> set[str]:
    assert isinstance(request, dg.RunRequest)
    return {key.path[-1] for key in request.asset_selection or ()}


@pytest.mark.parametrize(
    ("minutes", "feeds"),
    [
        (0, HOURLY | QUARTERLY | ALWAYS),
        (5, ALWAYS),
        (15, QUARTERLY | ALWAYS),
        (20, ALWAYS),
        (30, QUARTERLY | ALWAYS),
        (45, QUARTERLY | ALWAYS),
        (60, HOURLY | QUARTERLY | ALWAYS),
    ],
)
def test_the_feeds_due_at_a_minute_share_one_run_of_today(minutes: int, feeds: set[str], home: Household) -> None:
    request = tick(home, NOW + timedelta(minutes=minutes))

    assert polled(request) == feeds
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2025-10-24"
    assert set(request.tags["homeiq/poll"].split(",")) == feeds


def test_everything_is_polled_at_local_midnight(home: Household) -> None:
    midnight = datetime(2025, 10, 23, 22, tzinfo=UTC)

    request = tick(home, midnight)

    assert polled(request) == {feed.name for feed in FEEDS}
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2025-10-24"


def test_the_checks_of_the_polled_feeds_run_along_and_no_others(home: Household) -> None:
    request = tick(home, NOW + timedelta(minutes=5))

    assert isinstance(request, dg.RunRequest)
    assert {(key.asset_key.path[-1], key.name) for key in request.asset_check_keys or ()} == {
        (feed, check) for feed in ALWAYS for check in CHECKS
    }


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
def test_what_is_due_goes_by_the_homes_own_clock(zone: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    home = household(tmp_path, NOW, zone=zone, instance=instance)
    noon = datetime(2025, 7, 1, 12, tzinfo=home.zone)

    assert polled(tick(home, noon.astimezone(UTC))) == HOURLY | QUARTERLY | ALWAYS
    assert polled(tick(home, noon.astimezone(UTC) + timedelta(minutes=30))) == QUARTERLY | ALWAYS


def test_a_feed_is_due_as_often_as_its_interval_divides_the_day(home: Household) -> None:
    day = [datetime(2025, 7, 1, tzinfo=home.zone) + timedelta(minutes=5 * n) for n in range(288)]

    times = {feed.name: sum(feed in due(FEEDS, at, home.zone) for at in day) for feed in FEEDS}

    assert times == {feed.name: timedelta(days=1) // feed.interval for feed in FEEDS}


def test_a_tick_that_finds_its_predecessor_running_skips_and_the_next_one_goes_on(home: Household) -> None:
    run = home.instance.create_run_for_job(home.defs.resolve_job_def("poll_feeds"), status=dg.DagsterRunStatus.STARTED)
    now = floor_to(datetime.now(UTC), timedelta(minutes=5))

    skipped = tick(home, now)
    home.instance.report_run_failed(run)
    request = tick(home, now)

    assert isinstance(skipped, dg.SkipReason)
    assert "still asks simulated" in (skipped.skip_message or "")
    assert polled(request)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
def test_a_backfill_of_one_vendor_leaves_the_polls_of_the_others_alone(
    status: dg.DagsterRunStatus, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = household(tmp_path, NOW, instance=instance, PRICING_PROVIDER="awattar")
    backfill = instance.create_run_for_job(
        home.defs.resolve_implicit_global_asset_job_def(),
        asset_selection=frozenset({asset_key("feeds/electricity_pricing")}),
        status=status,
    )
    try:
        request = tick(home, NOW)
    finally:
        instance.report_run_failed(backfill)

    prices = {"electricity_pricing", "electricity_pricing_forecast"}
    assert polled(request) == (HOURLY | QUARTERLY | ALWAYS) - prices
    assert prices < polled(tick(home, NOW))


def test_on_the_first_day_there_is_nothing_to_settle(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    today = datetime.now(UTC).date().isoformat()
    home = household(tmp_path, datetime.now(UTC), zone="UTC", instance=instance, HOMEIQ_START_DATE=today)

    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=datetime.now(UTC), repository_def=home.defs.get_repository_def()
    )
    asked = home.defs.resolve_schedule_def("settle_feeds").evaluate_tick(context)

    assert "no day is closed yet" in (asked.skip_message or "")


def test_the_run_that_a_tick_asks_for_polls_what_it_says(home: Household) -> None:
    request = tick(home, NOW + timedelta(minutes=5))
    assert isinstance(request, dg.RunRequest)

    result = home.defs.resolve_job_def("poll_feeds").execute_in_process(
        instance=home.instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        asset_selection=[*(request.asset_selection or ())],
        run_config=QUIET,
        raise_on_error=False,
    )

    assert result.success
    assert {event.asset_key for event in result.get_asset_materialization_events()} == {
        asset_key(f"feeds/{feed}") for feed in ALWAYS
    }
    assert {evaluation.check_name for evaluation in result.get_asset_check_evaluations()} >= {
        "bounds",
        "gaps",
        "resolution",
    }


def test_each_night_the_last_closed_days_are_asked_for_again_in_one_run(home: Household) -> None:
    request = tick(home, datetime(2025, 10, 27, 1, 20, tzinfo=UTC), "settle_feeds")

    assert isinstance(request, dg.RunRequest)
    first, last = (request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    assert last == "2025-10-26"
    assert date.fromisoformat(first) < date(2025, 10, 26)
    home.instance = dg.DagsterInstance.ephemeral()
    result = home.defs.resolve_job_def("settle_feeds").execute_in_process(
        instance=home.instance, tags=dict(request.tags), run_config=QUIET, raise_on_error=False
    )
    assert result.success
    assert home.marked("feeds/fx_rate") >= {first, last}


def test_each_feed_is_settled_as_far_back_as_its_vendor_revises(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    home = household(
        tmp_path, NOW, instance=instance, CARBON_PROVIDER="energy_charts", FX_PROVIDER="frankfurter", GRID_REGION="de"
    )
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime(2025, 10, 27, 1, 20, tzinfo=UTC),
        repository_def=home.defs.get_repository_def(),
    )
    requests = home.defs.resolve_schedule_def("settle_feeds").evaluate_tick(context).run_requests

    first = {
        key.path[-1]: request.tags[f"{RANGE}start"]
        for request in requests or ()
        for key in request.asset_selection or ()
    }
    assert first["carbon_intensity"] == "2025-10-19"
    assert first["fx_rate"] == "2025-10-22"
    assert first["smart_meter"] == first["electricity_pricing"] == "2025-10-24"
    assert {request.tags[f"{RANGE}end"] for request in requests or ()} == {"2025-10-26"}


def test_the_first_night_of_a_home_settles_no_day_before_its_first(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = household(tmp_path, NOW, instance=instance, HOMEIQ_START_DATE="2025-10-26")

    request = tick(home, datetime(2025, 10, 27, 1, 20, tzinfo=UTC), "settle_feeds")

    assert isinstance(request, dg.RunRequest)
    assert request.tags["dagster/asset_partition_range_start"] == "2025-10-26"


def test_a_home_without_any_polled_feed_has_no_schedule_that_could_fail(tmp_path: Path) -> None:
    home = household(tmp_path, NOW, INFLUXDB_URL="http://127.0.0.1:9")

    assert not [schedule.name for schedule in home.defs.schedules or () if "feeds" in schedule.name]
    dg.Definitions.validate_loadable(home.defs)


def test_history_is_pruned_and_old_days_go_even_where_no_feed_is_polled(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    off = dict.fromkeys((feed.setting for feed in FEEDS), "off")
    home = household(tmp_path, NOW, instance=instance, **off)

    assert {schedule.name for schedule in home.defs.schedules or ()} == {
        "remove_old_days",
        "report_storage",
        "prune_history_schedule",
    }
