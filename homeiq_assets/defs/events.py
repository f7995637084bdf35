"""The events as an asset: observed where somebody else writes them, else a feed; and Home Assistant's statistics."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from homeiq_assets.defs.common.day_reports import days_told
from homeiq_assets.defs.common.failures import owner_errors
from homeiq_assets.defs.common.options import AC, OWNERS, common, day_metadata, store_kind, table_schema
from homeiq_assets.defs.feeds import feed_asset, vendor_key
from homeiq_assets.defs.partitions import Grid, days_of, days_window
from homeiq_assets.events.days import event_day
from homeiq_assets.events.opening import opened_events
from homeiq_assets.feeds.catalog import EVENTS
from homeiq_assets.feeds.collect import collect
from homeiq_assets.feeds.events.statistics import LongTermStatistics
from homeiq_assets.feeds.registry import choice, observed
from homeiq_assets.home import Home
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY_HOURLY
from homeiq_assets.stores.base import Store
from homeiq_assets.window import existing, local_date

OBSERVED_DAYS = 12
"""How many days up to today an observation looks at: views look ten back, and read the day before each."""
STATISTICS_LOOKBACK = timedelta(days=5)
NIGHTLY = "50 2 * * *"


def event_assets(home: Home, grid: Grid) -> list[dg.AssetsDefinition]:
    """`feeds/home_assistant_events` as EVENTS_SOURCE has it, and the statistics where Home Assistant is asked."""
    if observed(EVENTS, home.settings):
        return [_observed_events(home, grid)]
    if choice(EVENTS, home.settings) == "home_assistant":
        return [feed_asset(EVENTS, home, grid), _long_term_statistics(home, grid)]
    return [feed_asset(EVENTS, home, grid)]


def _observed_events(home: Home, grid: Grid) -> dg.AssetsDefinition:
    key = dg.AssetKey(["feeds", EVENTS.name])
    provider = choice(EVENTS, home.settings)
    spec = dg.AssetSpec(
        key,
        description="What changes in Home Assistant, as somebody else writes it: read where it is, never written.",
        metadata={"dagster/column_schema": table_schema(HOME_ASSISTANT_EVENTS), "dagster/table_name": EVENTS.name},
        group_name="feeds",
        owners=OWNERS,
        kinds={"influxdb", provider},
        tags={"homeiq/provider": provider},
        partitions_def=grid.feeds,
    )

    @dg.multi_observable_source_asset(specs=[spec], name="home_assistant_events")
    def home_assistant_events(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> Iterator[dg.ObserveResult]:
        today, began = local_date(home.now(), home.zone), time.monotonic()
        wanted = [today - timedelta(days=n) for n in range(OBSERVED_DAYS - 1, -1, -1)]
        if context.has_partition_key_range or context.has_partition_key:
            wanted = days_of(context.partition_keys, home.zone)
        days = existing((day for day in wanted if day >= home.settings.homeiq_start_date), home.zone)
        with owner_errors(), opened_events(home, store) as events:
            found = [event_day(events, day, home.zone) for day in days]
        seconds = round(time.monotonic() - began, 3)
        metadata = {"events": sum(day.events for day in found), "days": len(found), "seconds": seconds}
        # First, because in a run of a range it stands for each day: the days' versions come after it and count.
        yield dg.ObserveResult(key, metadata=metadata)
        for day in found:
            # Views and tiers run for a day when its version has changed.
            context.log_event(
                dg.AssetObservation(
                    key,
                    partition=day.day.isoformat(),
                    metadata=day_metadata(day.events, entities=day.entities, newest=day.newest),
                    tags={"dagster/data_version": day.version},
                )
            )

    # Without it a range of days is refused by Dagster's command line, which does not say why.
    return home_assistant_events.with_attributes(backfill_policy=dg.BackfillPolicy.single_run())


def _long_term_statistics(home: Home, grid: Grid) -> dg.AssetsDefinition:
    tier = HOME_ASSISTANT_HISTORY_HOURLY
    nightly: Any = (
        AC.in_latest_time_window(STATISTICS_LOOKBACK) & AC.cron_tick_passed(NIGHTLY, home.zone.key) & ~AC.in_progress()
    )

    @dg.asset(
        **common(
            "tiers",
            tier,
            home,
            kinds={store_kind(home), "tier", "home_assistant"},
            fresh=timedelta(hours=36),
            pool="home_assistant",
        ),
        partitions_def=grid.tiers,
        deps=[vendor_key("home_assistant")],
        automation_condition=nightly.with_label("each night, the last days"),
        description="Home Assistant's own hourly statistics, for all of its past: backfill any range of days.",
    )
    def home_assistant_history_hourly(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        now: datetime = home.now()
        window, received = days_window(days_of(context.partition_keys, home.zone), home.zone), dict[str, int]()
        try:
            with owner_errors():
                for part in collect(LongTermStatistics(home.settings), store, window, now, home.zone):
                    received |= {day.isoformat(): part.received[day] for day in part.finished}
        except Exception:
            # The months before the failure are stored.
            for key, rows in received.items():
                if rows:
                    event = dg.AssetMaterialization(context.asset_key, partition=key, metadata=day_metadata(rows))
                    context.log_event(event)
            raise
        with days_told(context) as told:
            for key, rows in received.items():
                if rows:
                    told.done(key, rows)
                else:
                    told.stays(key, "Home Assistant has no statistics of it")
        return dg.MaterializeResult(metadata={"rows": sum(received.values()), "window": str(window)})

    return home_assistant_history_hourly
