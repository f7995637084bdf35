"""What the feeds' assets share: their options in Dagster and the run of a poll or a backfill.

The assets themselves stand in `<feed>/asset.py`, written out.
"""

from collections import Counter
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from homeiq_assets.automation.charts import day_chart
from homeiq_assets.automation.checks import CHECKS, feed_checks
from homeiq_assets.automation.failures import owner_errors
from homeiq_assets.automation.options import common, day_metadata, store_kind
from homeiq_assets.feeds.collect import StoredDay, collect, survey
from homeiq_assets.feeds.feed import Feed, poll_window
from homeiq_assets.feeds.registry import choice, provider_of, serves
from homeiq_assets.home import Home
from homeiq_assets.partitions import Grid, day_of, days_window
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.window import local_date, local_day

POLL_TAG = "homeiq/poll"
CHARTED_DAYS = 40
"""A range longer than this gets charts for its newest days only: each is kilobytes of event log."""


def feed_options(feed: Feed, home: Home, grid: Grid) -> dict[str, Any]:
    """Keyword arguments of a feed's `@dg.asset`."""
    provider = choice(feed, home.settings)
    polled = serves(feed, home.settings)
    options = common(
        "feeds",
        feed.measurement,
        home,
        kinds={store_kind(home), provider},
        fresh=max(4 * feed.interval, timedelta(minutes=30)) if polled else None,
        pool=provider,
    )
    return options | {
        "partitions_def": grid.feeds,
        "deps": [vendor_key(provider)] if polled else [],
        "tags": {"homeiq/provider": provider},
        "check_specs": [
            dg.AssetCheckSpec(name, asset=options["key"], description=text) for name, text in CHECKS.items()
        ],
    }


def vendor_key(provider: str) -> dg.AssetKey:
    """The external asset that stands for a vendor."""
    return dg.AssetKey(["vendors", provider])


def run_feed(context: dg.AssetExecutionContext, feed: Feed, home: Home, store: Store) -> dg.MaterializeResult:
    """Materialise the run's partitions: a poll where the run says so, else the days from the provider's history."""
    now = home.now()
    polling = POLL_TAG in context.run.tags
    with owner_errors():
        provider = provider_of(feed, home.settings, home.zone)
        window = poll_window(feed, now, home.zone) if polling else days_window(context.partition_keys, home.zone)
        received: Counter[date] = Counter()
        total: Counter[str] = Counter(asdict(Replaced()))
        step: timedelta | None = feed.measurement.step
        try:
            for part in collect(provider, store, window, now, home.zone):
                received.update(part.received)
                total.update(asdict(part.replaced))
                step = part.step or step
        except Exception:
            _record_finished(context, feed, received, polling)
            raise
        own = [day_of(key) for key in context.partition_keys]
        days = list(survey(feed.measurement, store, own, feed.chart, step, now, home.zone))
    if polling and total["written"] + total["removed"]:
        _record_touched(context, feed, received, own)
    for day in days:
        context.add_asset_metadata(
            _metadata(feed, home, day, received[day.day], provider.name, now),
            asset_key=context.asset_key,
            partition_key=day.day.isoformat(),
        )
    return dg.MaterializeResult(
        metadata={
            "provider": provider.name,
            "window": str(window),
            **{f"rows {name}": count for name, count in total.items()},
            "seconds": round((home.now() - now).total_seconds(), 3),
        },
        check_results=feed_checks(days, Replaced(**total)),
    )


def _metadata(feed: Feed, home: Home, day: StoredDay, received: int, provider: str, now: datetime) -> dict[str, Any]:
    chart = None
    if day.day > local_date(now, home.zone) - timedelta(days=CHARTED_DAYS) or len(day.chart) <= 100:
        unit = feed.measurement.field(feed.chart).unit
        chart = day_chart(day.chart, local_day(day.day, home.zone), home.zone, unit)
    return dict(
        day_metadata(
            day.rows,
            rows_received=received,
            intervals=day.intervals,
            intervals_expected=day.expected,
            chart=dg.MetadataValue.md(chart) if chart else None,
        )
    )


def _record_finished(context: dg.AssetExecutionContext, feed: Feed, received: Counter[date], polling: bool) -> None:
    """Mark the days that were stored before a later chunk failed, so that a failure costs a chunk only."""
    if polling:
        return
    wanted = set(context.partition_keys)
    for day, rows in sorted(received.items()):
        if day.isoformat() in wanted:
            context.log_event(
                dg.AssetMaterialization(
                    context.asset_key,
                    partition=day.isoformat(),
                    metadata={"rows_received": rows},
                    description="stored before a later part of the range failed",
                )
            )


def _record_touched(context: dg.AssetExecutionContext, feed: Feed, received: Counter[date], own: list[date]) -> None:
    """Mark the days beside the run's own that a poll brought rows for: yesterday's last, tomorrow's first."""
    for day, rows in sorted(received.items()):
        if rows and day not in own:
            context.log_event(
                dg.AssetMaterialization(
                    context.asset_key, partition=day.isoformat(), metadata={"rows_received": rows, "provider": "poll"}
                )
            )
