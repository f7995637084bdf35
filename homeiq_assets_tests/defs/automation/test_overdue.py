"""What was not polled within its interval is polled at once: after the first start, a stop, a backfill."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.window import local_date
from homeiq_assets_tests.household import QUIET, Household, household

ALL = {feed.name for feed in FEEDS}
MINUTE = timedelta(minutes=1)
Asked = dg.RunRequest | dg.SkipReason


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Household:
    return household(tmp_path_factory.mktemp("home"), datetime.now(UTC))


@pytest.fixture
def home(made: Household) -> Iterator[Household]:
    """A home that has had no run yet; its clock goes right, as Dagster notes the real time of each run."""
    with dg.DagsterInstance.ephemeral() as made.instance:
        yield made


def asked(home: Household, after: timedelta = timedelta()) -> Asked:
    """What the sensor asks for so long after the runs that were made until now."""
    home.clock.now = datetime.now(UTC) + after
    sensor = home.defs.resolve_sensor_def("poll_overdue")
    context = dg.build_sensor_context(
        home.instance, repository_def=home.defs.get_repository_def(), sensor_name="poll_overdue"
    )
    data = sensor.evaluate_tick(context)
    if data.skip_message:
        return dg.SkipReason(data.skip_message)
    (request,) = data.run_requests or ()
    return request


def polled(request: Asked) -> set[str]:
    assert isinstance(request, dg.RunRequest), request.skip_message
    return {key.path[-1] for key in request.asset_selection or ()}


def launch(home: Household, request: Asked) -> dg.DagsterRun:
    """The run of a request, as the daemon makes it, over at once."""
    assert isinstance(request, dg.RunRequest)
    run = home.instance.create_run_for_job(home.defs.resolve_job_def("poll_feeds"), tags=dict(request.tags))
    home.instance.report_run_failed(run)
    return run


def test_after_the_first_start_everything_is_polled_and_then_nothing(home: Household) -> None:
    first = asked(home)
    launch(home, first)

    assert polled(first) == ALL
    assert isinstance(first, dg.RunRequest)
    assert first.partition_key == local_date(home.clock.now, home.zone).isoformat()
    assert isinstance(asked(home), dg.SkipReason)
    assert "each feed was polled" in (asked(home, 9 * MINUTE).skip_message or "")  # type: ignore[union-attr]


def test_what_it_asks_for_is_a_poll_that_brings_today(home: Household) -> None:
    request = asked(home)
    assert isinstance(request, dg.RunRequest)

    result = home.defs.resolve_job_def("poll_feeds").execute_in_process(
        instance=home.instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        asset_selection=[*(request.asset_selection or ())],
        run_config=QUIET,
    )

    assert result.success
    assert all(request.partition_key in home.marked(f"feeds/{feed}") for feed in ALL)
    assert isinstance(asked(home), dg.SkipReason), "a poll that was made by other hands counts"


@pytest.mark.parametrize(
    ("minutes", "feeds"),
    [
        (11, {"smart_meter", "smart_meter_circuit"}),
        (
            21,
            {"smart_meter", "smart_meter_circuit", "carbon_intensity", "occupancy_prediction", "home_assistant_events"},
        ),
        (66, ALL),
        (14 * 60, ALL),
    ],
)
def test_after_a_stop_the_feeds_that_missed_polls_are_polled(minutes: int, feeds: set[str], home: Household) -> None:
    launch(home, asked(home))

    assert polled(asked(home, minutes * MINUTE)) == feeds


def test_a_poll_of_one_feed_leaves_the_others_overdue(home: Household) -> None:
    home.instance.create_run_for_job(
        home.defs.resolve_job_def("poll_feeds"), tags={"homeiq/poll": "smart_meter"}, status=dg.DagsterRunStatus.SUCCESS
    )

    assert polled(asked(home)) == ALL - {"smart_meter"}


def test_it_waits_for_a_run_that_asks_the_same_vendor(home: Household) -> None:
    run = home.instance.create_run_for_job(
        home.defs.resolve_job_def("settle_feeds"), status=dg.DagsterRunStatus.STARTED
    )

    waiting = asked(home)
    home.instance.report_run_failed(run)

    assert isinstance(waiting, dg.SkipReason)
    assert "still asks simulated" in (waiting.skip_message or "")
    assert polled(asked(home)) == ALL


def test_it_is_off_with_automation_and_absent_without_a_feed_to_poll(tmp_path: Path) -> None:
    off = household(tmp_path / "off", datetime.now(UTC), HOMEIQ_AUTOMATION="off")
    alone = household(tmp_path / "alone", datetime.now(UTC), **dict.fromkeys((feed.setting for feed in FEEDS), "off"))

    assert off.defs.resolve_sensor_def("poll_overdue").default_status == dg.DefaultSensorStatus.STOPPED
    assert "poll_overdue" not in {sensor.name for sensor in alone.defs.sensors or ()}
