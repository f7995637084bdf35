"""Dagster's own history, which grows for ever by itself: what may go, and the nightly job that removes it.

A run with the newest materialisation of any partition stays, whatever its age, so that no day ever
looks as if it had not been materialised.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from homeiq_assets.home import Home

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
PAGE = 500


def superseded(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """The ids of the finished runs from before an instant that hold no partition's newest materialisation."""
    needed = {record.run_id for key in instance.get_asset_keys() for record in newest_materialisations(instance, key)}
    old: list[str] = []
    while True:
        filters = dg.RunsFilter(statuses=FINISHED, created_before=before)
        page = instance.get_run_records(filters, limit=PAGE, cursor=old[-1] if old else None)
        old += [record.dagster_run.run_id for record in page]
        if len(page) < PAGE:
            return [run_id for run_id in old if run_id not in needed]


def remove(instance: dg.DagsterInstance, run_id: str) -> None:
    """Remove a run, its events, its log files and, on SQLite, the file that its events were in."""
    instance.delete_run(run_id)
    if isinstance(instance.compute_log_manager, LocalComputeLogManager):
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        shard = Path(instance.event_log_storage.path_for_shard(run_id))
        for file in (shard, *(shard.with_name(shard.name + end) for end in ("-wal", "-shm", "-journal"))):
            file.unlink(missing_ok=True)


def prune_job(home: Home) -> dg.JobDefinition:
    """The job that removes superseded runs older than `HOMEIQ_HISTORY_DAYS`."""

    @dg.op
    def prune_runs(context: dg.OpExecutionContext) -> None:
        """Remove runs that nothing needs any more from Dagster's history."""
        before = home.now() - timedelta(days=home.settings.homeiq_history_days)
        runs = superseded(context.instance, before)
        for run_id in runs:
            remove(context.instance, run_id)
        context.log.info(f"{len(runs)} runs from before {before:%Y-%m-%d %H:%M} UTC removed")

    @dg.job(description="Removes old runs that no partition's newest materialisation is in.")
    def prune_history() -> None:
        prune_runs()

    return prune_history


def newest_materialisations(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Collection[str] | None = None
) -> Iterator[dg.EventLogRecord]:
    """The newest materialisation of each partition of an asset; `partitions`: of these alone."""
    newest = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, set(partitions) if partitions is not None else None
    )
    ids = sorted(newest.values())
    for start in range(0, len(ids), PAGE):
        chosen = dg.AssetRecordsFilter(key, storage_ids=ids[start : start + PAGE])
        yield from instance.fetch_materializations(chosen, limit=PAGE).records
