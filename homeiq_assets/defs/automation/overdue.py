"""Polls that are overdue are made at once: after the first start, and after whatever kept the schedule from polling."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg

from homeiq_assets.defs.automation.schedules import poll_request
from homeiq_assets.defs.feeds import POLL_TAG
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.home import Home

MARGIN = timedelta(minutes=5)
"""How much later than its interval says a poll may come before it is overdue: the schedule's own is on its way."""


def overdue(feeds: Sequence[Feed], now: datetime, instance: dg.DagsterInstance) -> list[Feed]:
    """The feeds that no run was made to poll within their interval.

    Polls that failed count: a vendor that is down is not asked more often than the schedule does.
    """
    longest = max(feed.interval for feed in feeds) + MARGIN
    records = instance.get_run_records(dg.RunsFilter(created_after=now - longest))
    return [
        feed
        for feed in feeds
        if not any(
            record.create_timestamp > now - feed.interval - MARGIN
            and feed.name in record.dagster_run.tags.get(POLL_TAG, "").split(",")
            for record in records
        )
    ]


def overdue_sensor(feeds: Sequence[Feed], home: Home) -> dg.SensorDefinition:
    """The sensor that polls what is overdue, on where automation is."""
    on = home.settings.homeiq_automation == "on"

    @dg.sensor(
        name="poll_overdue",
        job_name="poll_feeds",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED,
    )
    def poll_overdue(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Feeds that were not polled within their interval are polled now, not when the schedule comes to them."""
        now = home.now()
        late = overdue(feeds, now, context.instance)
        if not late:
            return dg.SkipReason("each feed was polled within its interval")
        return poll_request(late, feeds, now, home, context.instance)

    return poll_overdue
