"""What runs without a hand: polls, the nightly settling and pruning, the check of reading ages, views and tiers.

One schedule polls all feeds, so that those due at the same minute share one run. Every run costs
seconds of CPU, so what an earlier run is still asking is left out, and with nothing left the tick skips.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from homeiq_assets.defs.automation.ageing import Ageing, removal_schedule, report_schedule
from homeiq_assets.defs.automation.checks import AGE_CHECK, CHECKS, NOTABLE_CHECKS
from homeiq_assets.defs.automation.filling import JOB as FILL_JOB
from homeiq_assets.defs.automation.filling import fill_schedule
from homeiq_assets.defs.automation.history import prune_job
from homeiq_assets.defs.common.options import FOLLOW_TAG
from homeiq_assets.defs.feeds import POLL_TAG
from homeiq_assets.defs.resources import abandoned, run_lock
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import choice, settles
from homeiq_assets.home import Home
from homeiq_assets.window import local_date

MINUTE = timedelta(minutes=1)
JOBS_OF_FEEDS = ("poll_feeds", "settle_feeds", FILL_JOB)
RUNNING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def due(feeds: Sequence[Feed], tick: datetime, zone: ZoneInfo) -> list[Feed]:
    """The feeds whose interval divides the local minute of day of a tick."""
    local = tick.astimezone(zone)
    minute = timedelta(hours=local.hour, minutes=local.minute)
    return [feed for feed in feeds if not minute % feed.interval]


def schedules(
    feeds: Sequence[Feed],
    home: Home,
    watched: Sequence[Feed] = (),
    ageings: Sequence[Ageing] = (),
    report: dg.AssetKey | None = None,
) -> list[dg.ScheduleDefinition]:
    """Every schedule of the project, on by default where automation is; those of feeds only where some are polled.

    `watched` are the feeds that are read where they are, `ageings` what removes old days, `report` the storage report.
    """
    on = home.settings.homeiq_automation == "on"
    status = dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
    prune = dg.ScheduleDefinition(
        job=prune_job(home), cron_schedule="40 3 * * *", execution_timezone=home.zone.key, default_status=status
    )
    return [
        *(_of_feeds(feeds, home, status) if feeds else []),
        *([_observe(watched, home, status)] if watched else []),
        *([_check_ages([*feeds, *watched], home, status)] if feeds or watched else []),
        *([removal_schedule(ageings, home, status)] if ageings else []),
        *([report_schedule(report, home, status)] if report else []),
        prune,
    ]


def _of_feeds(feeds: Sequence[Feed], home: Home, status: dg.DefaultScheduleStatus) -> list[dg.ScheduleDefinition]:
    every = min(feed.interval for feed in feeds) // MINUTE
    ages = dg.AssetSelection.checks(*_hourly(feeds))
    poll_job = dg.define_asset_job(
        "poll_feeds",
        selection=dg.AssetSelection.assets(*(["feeds", feed.name] for feed in feeds)) - ages,
        description="What the feeds say now: from where readings are missing to as far as each provider knows.",
    )

    @dg.schedule(
        name="poll_feeds",
        job=poll_job,
        cron_schedule=f"*/{every} * * * *" if every < 60 else "0 * * * *",
        execution_timezone=home.zone.key,
        default_status=status,
    )
    def poll(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Ask every feed that is due, in one run; what another run is asking already is left out."""
        tick = context.scheduled_execution_time
        chosen = due(feeds, tick, home.zone)
        if not chosen:
            return dg.SkipReason("no feed is due")
        return poll_request(chosen, feeds, tick, home, context.instance)

    settle_job = dg.define_asset_job(
        "settle_feeds",
        selection=dg.AssetSelection.assets(*(["feeds", feed.name] for feed in feeds)) - ages,
        description="The last closed days again, as each provider says them now: as many as it may still revise.",
    )

    @dg.schedule(
        name="settle_feeds",
        job=settle_job,
        cron_schedule="20 2 * * *",
        execution_timezone=home.zone.key,
        default_status=status,
    )
    def settle(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        """Ask every feed for its last closed days again; those that go back equally far share a run."""
        today = local_date(context.scheduled_execution_time, home.zone)
        last, earliest = today - timedelta(days=1), home.settings.homeiq_start_date
        if earliest == today:
            return dg.SkipReason("HOMEIQ_START_DATE is today: no day is closed yet")
        spans: dict[date, list[Feed]] = defaultdict(list)
        for feed in feeds:
            spans[max(today - timedelta(days=settles(feed, home.settings)), earliest)].append(feed)
        return [
            dg.RunRequest(
                run_key=f"settle {today} from {first}",
                asset_selection=[dg.AssetKey(["feeds", feed.name]) for feed in together],
                asset_check_keys=[_check(feed, name) for feed in together for name in CHECKS],
                tags={
                    "dagster/asset_partition_range_start": first.isoformat(),
                    "dagster/asset_partition_range_end": last.isoformat(),
                },
            )
            for first, together in sorted(spans.items(), key=lambda span: span[0], reverse=True)
        ]

    fill = fill_schedule(
        feeds,
        lambda instance: _busy(instance, feeds, home),
        lambda feed: [_check(feed, name) for name in CHECKS],
        home,
        status,
    )
    return [poll, settle, fill]


def poll_request(
    chosen: Sequence[Feed], feeds: Sequence[Feed], now: datetime, home: Home, instance: dg.DagsterInstance
) -> dg.RunRequest | dg.SkipReason:
    """A run of `poll_feeds` for the `chosen` of `feeds`, without those whose provider another run is asking."""
    busy = _busy(instance, feeds, home)
    free = [feed for feed in chosen if choice(feed, home.settings) not in busy]
    if not free:
        return dg.SkipReason(f"an earlier run still asks {', '.join(sorted(busy))}")
    return dg.RunRequest(
        partition_key=local_date(now, home.zone).isoformat(),
        asset_selection=[dg.AssetKey(["feeds", feed.name]) for feed in free],
        asset_check_keys=[_check(feed, name) for feed in free for name in CHECKS],
        tags={POLL_TAG: ",".join(feed.name for feed in free)},
    )


def _observe(feeds: Sequence[Feed], home: Home, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    selection = dg.AssetSelection.assets(*(["feeds", feed.name] for feed in feeds))
    ages = dg.AssetSelection.checks(*(_check(feed, AGE_CHECK) for feed in feeds))
    job = dg.define_asset_job(
        "observe_events",
        selection=selection - ages,
        description="Counts the events of the last days where they are, and sees on which days any changed.",
    )
    # Just before the views look for what to refresh.
    return dg.ScheduleDefinition(
        job=job, cron_schedule="4 * * * *", execution_timezone=home.zone.key, default_status=status
    )


def _check_ages(feeds: Sequence[Feed], home: Home, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    job = dg.define_asset_job(
        "check_reading_ages",
        selection=dg.AssetSelection.checks(*_hourly(feeds)),
        description="How old the newest reading of each feed is, and what an owner wants to be told of the last day.",
    )
    return dg.ScheduleDefinition(
        job=job, cron_schedule="7 * * * *", execution_timezone=home.zone.key, default_status=status
    )


def _busy(instance: dg.DagsterInstance, feeds: Sequence[Feed], home: Home) -> set[str]:
    """The providers that runs ask, or wait to ask: one more run would wait for them, with all its other feeds."""
    runs = [record.dagster_run for record in instance.get_run_records(dg.RunsFilter(statuses=RUNNING))]
    return {
        choice(feed, home.settings)
        for feed in feeds
        for run in runs
        if (run.asset_selection and dg.AssetKey(["feeds", feed.name]) in run.asset_selection)
        or (not run.asset_selection and run.job_name in JOBS_OF_FEEDS)
    }


def _hourly(feeds: Sequence[Feed]) -> list[dg.AssetCheckKey]:
    """The checks that stand alone, and run each hour."""
    ages = [_check(feed, AGE_CHECK) for feed in feeds]
    return [*ages, *(_check(feed, NOTABLE_CHECKS[feed.name][0]) for feed in feeds if feed.name in NOTABLE_CHECKS)]


def _check(feed: Feed, name: str) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey(["feeds", feed.name]), name)


def sensors(home: Home) -> list[dg.SensorDefinition]:
    """The sensor of views, tiers and archive, and the one that clears away runs whose process died."""
    on = home.settings.homeiq_automation == "on"
    status = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    follow = dg.AutomationConditionSensorDefinition(
        "follow_feeds",
        target=dg.AssetSelection.groups("views", "tiers", "archive", "insights"),
        default_status=status,
        # An evaluation costs CPU and tens of kilobytes of history; nothing downstream needs it sooner.
        minimum_interval_seconds=120,
        run_tags={FOLLOW_TAG: "true"},
        description="Re-rolls views, tiers, archive and insights whose inputs were updated.",
    )

    @dg.sensor(name="dead_runs", minimum_interval_seconds=60, default_status=status)
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Runs whose process was killed are marked as failed, so that they hold no pool."""
        failed = 0
        for run_id in abandoned(home):
            run = context.instance.get_run_by_id(run_id)
            if run is not None and run.status == dg.DagsterRunStatus.STARTED:
                context.instance.report_run_failed(run, "The process of this run is gone; run it again.")
                failed += 1
            run_lock(home, run_id).unlink(missing_ok=True)
        return dg.SkipReason(f"{failed} dead runs marked as failed")

    return [follow, dead_runs]
