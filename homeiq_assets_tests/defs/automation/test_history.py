"""Pruning Dagster's history: what goes, what stays, and that nothing then looks as if it had not run."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from homeiq_assets.defs.automation.history import prune_job, superseded
from homeiq_assets.home import Home, open_home
from homeiq_assets.settings.variables import Settings

DAYS = dg.DailyPartitionsDefinition("2026-10-01", end_date="2026-10-10")


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def reading() -> dg.MaterializeResult:
    return dg.MaterializeResult()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.fixture
def later(settings_of: Callable[..., Settings]) -> Home:
    """A home ten days from now, for which every run made meanwhile is old."""
    home = open_home(settings_of(HOMEIQ_TIMEZONE="UTC"))
    return Home(home.settings, home.zone, now=lambda: datetime.now(UTC) + timedelta(days=10))


def materialise(instance: dg.DagsterInstance, first: str, last: str) -> str:
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.materialize([reading], instance=instance, tags=tags).run_id


def files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    return [path for path in Path(instance.root_directory).rglob("*") if run_id in path.name]


def test_a_run_goes_with_all_its_files_once_every_day_of_it_was_materialised_again(
    instance: dg.DagsterInstance, later: Home
) -> None:
    old = materialise(instance, "2026-10-01", "2026-10-02")
    partly_replaced = materialise(instance, "2026-10-02", "2026-10-04")
    newest = materialise(instance, "2026-10-01", "2026-10-03")
    assert files(instance, old)

    prune_job(later).execute_in_process(instance=instance)

    left = {run.run_id for run in instance.get_runs() if run.job_name != "prune_history"}
    assert left == {partly_replaced, newest}
    assert not files(instance, old)


def test_no_day_looks_unmaterialised_afterwards(instance: dg.DagsterInstance, later: Home) -> None:
    for last in ("2026-10-03", "2026-10-04", "2026-10-02"):
        materialise(instance, "2026-10-01", last)
    before = instance.get_materialized_partitions(reading.key)

    prune_job(later).execute_in_process(instance=instance)

    assert before == {"2026-10-01", "2026-10-02", "2026-10-03", "2026-10-04"}
    assert instance.get_materialized_partitions(reading.key) == before


def test_a_failed_run_goes_when_it_is_old(instance: dg.DagsterInstance, later: Home) -> None:
    @dg.asset(partitions_def=DAYS)
    def failing() -> None:
        raise ValueError

    failed = dg.materialize([failing], instance=instance, partition_key="2026-10-01", raise_on_error=False)

    prune_job(later).execute_in_process(instance=instance)

    assert instance.get_run_by_id(failed.run_id) is None


def test_what_is_younger_than_the_owner_wants_kept_stays(
    instance: dg.DagsterInstance, settings_of: Callable[..., Settings]
) -> None:
    materialise(instance, "2026-10-01", "2026-10-01")
    materialise(instance, "2026-10-01", "2026-10-01")
    home = open_home(settings_of(HOMEIQ_TIMEZONE="UTC", HOMEIQ_HISTORY_DAYS="3"))

    prune_job(home).execute_in_process(instance=instance)

    assert len([run for run in instance.get_runs() if run.job_name != "prune_history"]) == 2


def test_more_runs_than_a_page_are_found(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeiq_assets.defs.automation.history.PAGE", 2)
    runs = [materialise(instance, "2026-10-01", "2026-10-03") for _ in range(6)]

    found = superseded(instance, datetime.now(UTC) + timedelta(seconds=1))

    assert sorted(found) == sorted(runs[:-1])
