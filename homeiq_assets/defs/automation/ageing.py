"""The nightly runs of retention: which days are due to go, and when what storage is used is looked at."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg

from homeiq_assets.home import Home
from homeiq_assets.retention.ages import last_due
from homeiq_assets.window import consecutive, local_date

JOB = "remove_old_days"


@dataclass(frozen=True)
class Ageing:
    """An asset that removes days older than `age` days, once `successor` has been materialised for them.

    `held`: readings hold into the day after, so that its successor has to be there, too. `after` is the removal of what
    the days were made of, which goes first; None where that stays.
    """

    key: dg.AssetKey
    successor: dg.AssetKey
    age: int
    held: bool = False
    after: dg.AssetKey | None = None


def due_days(ageing: Ageing, today: date, instance: dg.DagsterInstance) -> list[date]:
    """The days, in order, that are old enough and were not removed since their successor was last materialised."""
    done, ready = (_newest(key, instance) for key in (ageing.key, ageing.successor))
    last = last_due(ageing.age, today)
    if ageing.held:
        ready = {day: event for day, event in ready.items() if day + timedelta(days=1) in ready}
    if ageing.after is not None:
        gone = _newest(ageing.after, instance)
        ready = {day: event for day, event in ready.items() if day in gone}
    return sorted(day for day, event in ready.items() if day <= last and event > done.get(day, -1))


def removal_schedule(ageings: Sequence[Ageing], home: Home, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """Asks each night for the days that are due; assets with the same days share a run."""
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(*(ageing.key for ageing in ageings)),
        description="Removes days that are older than their age, each once what takes its place is proven.",
    )

    @dg.schedule(name=JOB, job=job, cron_schedule="10 3 * * *", execution_timezone=home.zone.key, default_status=status)
    def remove(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        """Every span of days that are due, with the assets that they are due of."""
        today = local_date(context.scheduled_execution_time, home.zone)
        spans: dict[tuple[date, date], list[dg.AssetKey]] = defaultdict(list)
        for ageing in ageings:
            for run in consecutive(due_days(ageing, today, context.instance)):
                spans[run[0], run[-1]].append(ageing.key)
        if not spans:
            return dg.SkipReason("no day is due")
        return [
            dg.RunRequest(
                run_key=f"remove {today} {first} {last}",
                asset_selection=keys,
                tags={
                    "dagster/asset_partition_range_start": first.isoformat(),
                    "dagster/asset_partition_range_end": last.isoformat(),
                },
            )
            for (first, last), keys in sorted(spans.items(), key=lambda span: span[0])
        ]

    return remove


def report_schedule(report: dg.AssetKey, home: Home, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """The storage report, after the removals."""
    job = dg.define_asset_job(
        "report_storage",
        selection=dg.AssetSelection.assets(report),
        description="What storage each measurement and tier takes, and what it costs.",
    )

    @dg.schedule(
        name="report_storage",
        job=job,
        cron_schedule="50 3 * * *",
        execution_timezone=home.zone.key,
        default_status=status,
    )
    def look(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """Today's report."""
        return dg.RunRequest(partition_key=local_date(context.scheduled_execution_time, home.zone).isoformat())

    return look


def _newest(key: dg.AssetKey, instance: dg.DagsterInstance) -> Mapping[date, int]:
    """The storage id, which grows with time, of the newest materialisation of each day."""
    ids = instance.event_log_storage.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {date.fromisoformat(day): event for day, event in ids.items()}
