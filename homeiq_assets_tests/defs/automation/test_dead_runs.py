"""A run whose process was killed is found dead and marked as failed; one that lives, or waits, is left alone."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from filelock import FileLock

from homeiq_assets.defs.resources import abandoned, resources, run_lock
from homeiq_assets_tests.household import QUIET, Household, household

NOW = datetime(2025, 10, 24, 10, 0, tzinfo=UTC)
HOLD = """
import sys, time, filelock
with filelock.FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, instance: dg.DagsterInstance) -> Household:
    return household(tmp_path, NOW, instance=instance)


def started(home: Household, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> str:
    return home.instance.create_run_for_job(home.defs.resolve_job_def("poll_feeds"), status=status).run_id


def status_of(home: Household, run_id: str) -> dg.DagsterRunStatus:
    run = home.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def look(home: Household) -> str | None:
    """One evaluation of the sensor; what it says."""
    context = dg.build_sensor_context(instance=home.instance, repository_def=home.defs.get_repository_def())
    return home.defs.resolve_sensor_def("dead_runs").evaluate_tick(context).skip_message


@contextmanager
def process_of(home: Household, run_id: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the run's lock, as a run's own process does."""
    command = [sys.executable, "-c", HOLD, str(run_lock(home.home, run_id))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_killed_run_is_marked_as_failed_and_a_living_one_goes_on(home: Household) -> None:
    killed, living = started(home), started(home)
    with process_of(home, living):
        with process_of(home, killed) as process:
            assert look(home) == "0 dead runs marked as failed"
            assert status_of(home, killed) == dg.DagsterRunStatus.STARTED
            process.kill()
            process.wait()

        assert look(home) == "1 dead runs marked as failed"

        assert status_of(home, killed) == dg.DagsterRunStatus.FAILURE
        assert status_of(home, living) == dg.DagsterRunStatus.STARTED
    logged = [entry.message for entry in home.instance.all_logs(killed)]
    assert any("The process of this run is gone" in message for message in logged)


def test_a_run_that_has_not_begun_its_work_is_not_dead(home: Household) -> None:
    waiting, beginning = started(home, dg.DagsterRunStatus.NOT_STARTED), started(home)

    assert look(home) == "0 dead runs marked as failed"

    assert status_of(home, waiting) == dg.DagsterRunStatus.NOT_STARTED
    assert status_of(home, beginning) == dg.DagsterRunStatus.STARTED


def test_a_dead_run_is_found_once(home: Household) -> None:
    killed = started(home)
    with process_of(home, killed):
        pass

    assert look(home) == "1 dead runs marked as failed"
    assert look(home) == "0 dead runs marked as failed"


def test_the_lock_of_a_killed_run_that_somebody_else_marked_goes_too(home: Household) -> None:
    killed = started(home, dg.DagsterRunStatus.FAILURE)
    with process_of(home, killed):
        pass

    assert look(home) == "0 dead runs marked as failed"
    assert not run_lock(home.home, killed).exists()


def test_a_run_holds_its_lock_while_it_works_and_leaves_nothing_behind(home: Household) -> None:
    seen: list[bool] = []

    @dg.asset(required_resource_keys={"home"})
    def at_work(context: dg.AssetExecutionContext) -> None:
        path = run_lock(home.home, context.run.run_id)
        seen.append(path.exists())
        seen.append(context.run.run_id not in abandoned(home.home))
        with pytest.raises(Exception, match="lock"), FileLock(path, timeout=0):
            pass

    result = dg.materialize(
        [at_work], resources={"home": resources(home.home, {})["home"]}, instance=home.instance, run_config=QUIET
    )

    assert result.success
    assert seen == [True, True]
    assert list((home.settings.homeiq_home / "locks" / "runs").iterdir()) == []


def test_a_run_that_fails_leaves_no_lock_either(home: Household) -> None:
    @dg.asset(required_resource_keys={"home"})
    def failing() -> None:
        raise ValueError("as planned")

    result = dg.materialize(
        [failing],
        resources={"home": resources(home.home, {})["home"]},
        instance=home.instance,
        run_config=QUIET,
        raise_on_error=False,
    )

    assert not result.success
    assert list((home.settings.homeiq_home / "locks" / "runs").iterdir()) == []
