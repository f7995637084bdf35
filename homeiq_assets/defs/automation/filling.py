"""The hourly runs that ask vendors for closed days that lack rows, whatever left them out and however long ago."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta

import dagster as dg

from homeiq_assets.defs.common.options import FILL_TAG
from homeiq_assets.errors import HomeiqError
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import choice, paced
from homeiq_assets.home import Home
from homeiq_assets.ledger import gaps
from homeiq_assets.ledger.removed_days import Ledger
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.opening import open_store
from homeiq_assets.vendors import circuit_breaker
from homeiq_assets.window import Window, local_date, local_day

JOB = "fill_gaps"
RECENT = timedelta(days=31)
EVERYTHING_AT = 2
"""The local hour at which all days are looked at; at others the `RECENT` ones."""
Checks = Callable[[Feed], Sequence[dg.AssetCheckKey]]


def days_to_fill(feed: Feed, now: datetime, home: Home, store: Store) -> tuple[date, date] | None:
    """The first and the last day to ask the feed's vendor for now, None where none is. Raises StoreError."""
    paced_feed = paced(feed, home.settings)
    record = gaps.record_of(feed, home)
    today = local_date(now, home.zone)
    first = gaps.first_day(feed, record, home, store)
    if now.astimezone(home.zone).hour != EVERYTHING_AT:
        first = max(first, today - RECENT)
    days = [first + timedelta(days=n) for n in range((today - first).days)]
    short = list(gaps.short_days(paced_feed, record, days, home, store))
    if not short:
        return None
    window = Window(local_day(first, home.zone).start, local_day(today, home.zone).start)
    sealed = Ledger(store, home.zone).sealed(feed.name, window)
    return gaps.next_days(paced_feed, record, short, [*sealed, *gaps.forgotten(feed, days, home, store)], now, home)


def fill_schedule(
    feeds: Sequence[Feed],
    busy: Callable[[dg.DagsterInstance], set[str]],
    checks: Checks,
    home: Home,
    status: dg.DefaultScheduleStatus,
) -> dg.ScheduleDefinition:
    """Asks each hour for days that lack rows; feeds with the same days share a run.

    `busy` are the providers that runs ask already, `checks` the checks that run along with a feed.
    """
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(*(["feeds", feed.name] for feed in feeds)),
        description="Closed days that lack rows, as far as each vendor's history still has them.",
    )

    @dg.schedule(name=JOB, job=job, cron_schedule="35 * * * *", execution_timezone=home.zone.key, default_status=status)
    def fill(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        """A span of days for each feed that lacks some, those first that its vendor forgets soonest."""
        now = context.scheduled_execution_time
        asked = busy(context.instance)
        spans: dict[tuple[date, date], list[Feed]] = defaultdict(list)
        try:
            home.require_zone()
            with closing(open_store(home.settings)) as store:
                for feed in feeds:
                    provider = choice(feed, home.settings)
                    if provider in asked or circuit_breaker.paused(home.settings, feed.family, provider, now):
                        continue
                    span = days_to_fill(feed, now, home, store)
                    if span is not None:
                        spans[span].append(feed)
        except HomeiqError as error:
            return dg.SkipReason(str(error))
        if not spans:
            return dg.SkipReason("no day lacks rows that are to be asked for now")
        return [
            dg.RunRequest(
                run_key=f"fill {now:%Y-%m-%dT%H:%M%z} {first} {last}",
                asset_selection=[dg.AssetKey(["feeds", feed.name]) for feed in together],
                asset_check_keys=[key for feed in together for key in checks(feed)],
                tags={
                    FILL_TAG: ",".join(feed.name for feed in together),
                    "dagster/asset_partition_range_start": first.isoformat(),
                    "dagster/asset_partition_range_end": last.isoformat(),
                },
            )
            for (first, last), together in sorted(spans.items(), key=lambda span: span[0])
        ]

    return fill
