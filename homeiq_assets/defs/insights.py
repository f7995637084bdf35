"""The insights as assets, and the checks that point out what an owner wants to be told."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from homeiq_assets.defs.automation.checks import LISTED, NOTABLE_CHECKS, bounds_check, bounds_spec
from homeiq_assets.defs.common.charts import day_chart
from homeiq_assets.defs.common.day_reports import days_told
from homeiq_assets.defs.common.failures import owner_errors
from homeiq_assets.defs.common.options import common, follows, store_kind
from homeiq_assets.defs.partitions import FROM_THE_DAY_BEFORE, Grid, days_of
from homeiq_assets.defs.tiers import lookback
from homeiq_assets.feeds.catalog import CALENDAR, EVENTS, METER, PRICING
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import OFF, choice
from homeiq_assets.home import Home
from homeiq_assets.insights.best_table import best_table
from homeiq_assets.insights.days import accuracy_days, ahead_of, phantom_days, rank_days, report_days
from homeiq_assets.insights.energy_chart import energy_chart, share_table
from homeiq_assets.insights.notable import category_changes, high_loads
from homeiq_assets.insights.phantom import NIGHTS
from homeiq_assets.retention.wanted import lacks_input, wants_rows
from homeiq_assets.schema.insights import (
    DAILY_ENERGY_REPORT,
    ELECTRICITY_PRICE_RANK,
    OCCUPANCY_ACCURACY,
    PHANTOM_LOAD,
)
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import (
    AIR_QUALITY,
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    HOME_ASSISTANT_EVENTS,
    OCCUPANCY_PREDICTION,
    SMART_METER,
    SMART_METER_CIRCUIT,
)
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window, local_day

HOURLY = "10 * * * *"
MORNING = "20 5 * * *"
A_WEEK = dg.TimeWindowPartitionMapping(start_offset=1 - NIGHTS, allow_nonexistent_upstream_partitions=True)
NOTABLE_SPAN = timedelta(days=1)


def insight_assets(home: Home, grid: Grid) -> list[dg.AssetsDefinition]:
    """All insights."""
    return [
        _electricity_price_rank(home, grid),
        _phantom_load(home, grid),
        _daily_energy_report(home, grid),
        _occupancy_accuracy(home, grid),
    ]


def _electricity_price_rank(home: Home, grid: Grid) -> dg.AssetsDefinition:
    @dg.asset(
        **_options(ELECTRICITY_PRICE_RANK, home, timedelta(hours=36), PRICING),
        partitions_def=grid.feeds,
        deps=[["feeds", ELECTRICITY_PRICING.name]],
        automation_condition=follows(_lookback(home, ELECTRICITY_PRICING), home.zone.key, every=HOURLY),
    )
    def electricity_price_rank(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Each price slot's rank in its local day, and the best hours ahead for a load."""
        unit = ELECTRICITY_PRICING.field("current_price").unit
        with days_told(context) as told:
            days = days_of(context.partition_keys, home.zone)
            for ranked in rank_days(days, home, store, told.stays, told.doubts):
                missing = None if ranked.rows else wants_rows(PRICING, ranked.day, home)
                if missing:
                    told.stays(ranked.day.isoformat(), missing)
                    continue
                window, best = local_day(ranked.day, home.zone), None
                if window.end > home.now():
                    best = best_table(lambda hours: ahead_of(home.now(), hours, store), home)
                chart = day_chart(ranked.prices, window, unit)
                told.done(ranked.day.isoformat(), ranked.rows, chart=_markdown(chart), best_hours=_markdown(best))
        return dg.MaterializeResult(metadata={"rows": told.rows}, check_results=[bounds_check(told.beyond)])

    return electricity_price_rank


def _phantom_load(home: Home, grid: Grid) -> dg.AssetsDefinition:
    @dg.asset(
        **_options(PHANTOM_LOAD, home, timedelta(hours=60), METER),
        partitions_def=grid.views,
        deps=[
            dg.AssetDep(["feeds", measurement.name], partition_mapping=A_WEEK)
            for measurement in (SMART_METER, SMART_METER_CIRCUIT, ELECTRICITY_PRICING)
        ],
        # A day further back would need nights whose raw readings may be gone.
        automation_condition=follows(timedelta(days=1), home.zone.key, every=MORNING, older=False),
    )
    def phantom_load(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """What home and circuits draw in quiet nights, and what that costs in a year."""
        with days_told(context) as told:
            for day, loads in phantom_days(
                days_of(context.partition_keys, home.zone), home, store, told.stays, told.doubts
            ):
                reach = timedelta(days=NIGHTS - 1)
                missing = None if loads.num_rows else lacks_input(METER, day, home, store, reach=reach)
                if missing:
                    told.stays(day.isoformat(), missing)
                else:
                    told.done(day.isoformat(), loads.num_rows)
        return dg.MaterializeResult(metadata={"rows": told.rows}, check_results=[bounds_check(told.beyond)])

    return phantom_load


def _daily_energy_report(home: Home, grid: Grid) -> dg.AssetsDefinition:
    @dg.asset(
        **_options(DAILY_ENERGY_REPORT, home, timedelta(hours=6), METER),
        partitions_def=grid.views,
        deps=[
            ["feeds", SMART_METER.name],
            ["feeds", SMART_METER_CIRCUIT.name],
            ["feeds", ELECTRICITY_PRICING.name],
            dg.AssetDep(["feeds", CARBON_INTENSITY.name], partition_mapping=FROM_THE_DAY_BEFORE),
        ],
        automation_condition=follows(_lookback(home, SMART_METER, SMART_METER_CIRCUIT), home.zone.key, every=HOURLY),
    )
    def daily_energy_report(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """A day's energy by circuit, fed in and unmetered, with its cost and its carbon."""
        with days_told(context) as told:
            home.settings.sound("FEED_IN_PRICE")
            for day, report in report_days(
                days_of(context.partition_keys, home.zone), home, store, told.stays, told.doubts
            ):
                missing = None if report else wants_rows(METER, day, home)
                if missing:
                    told.stays(day.isoformat(), missing)
                    continue
                chart, shares = (energy_chart(report), share_table(report)) if report else ("", "")
                shown = {"chart": _markdown(chart), "shares": _markdown(shares)}
                told.done(day.isoformat(), int(report is not None), **shown)
        return dg.MaterializeResult(metadata={"rows": told.rows}, check_results=[bounds_check(told.beyond)])

    return daily_energy_report


def _occupancy_accuracy(home: Home, grid: Grid) -> dg.AssetsDefinition:
    @dg.asset(
        **_options(OCCUPANCY_ACCURACY, home, timedelta(hours=6), CALENDAR, EVENTS),
        partitions_def=grid.views,
        deps=[
            ["feeds", OCCUPANCY_PREDICTION.name],
            dg.AssetDep(["feeds", EVENTS.name], partition_mapping=FROM_THE_DAY_BEFORE),
        ],
        automation_condition=follows(
            _lookback(home, OCCUPANCY_PREDICTION, HOME_ASSISTANT_EVENTS), home.zone.key, every=HOURLY
        ),
    )
    def occupancy_accuracy(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """How often the calendars' prediction agreed with what motion and presence sensors saw."""
        with days_told(context) as told:
            for day, row in accuracy_days(
                days_of(context.partition_keys, home.zone), home, store, told.stays, told.doubts
            ):
                missing = None if row.num_rows else _unpredicted(day, home, store)
                if missing:
                    told.stays(day.isoformat(), missing)
                    continue
                accuracy = row["accuracy"][0].as_py() if row.num_rows else None
                told.done(day.isoformat(), row.num_rows, accuracy=accuracy)
        return dg.MaterializeResult(metadata={"rows": told.rows}, check_results=[bounds_check(told.beyond)])

    return occupancy_accuracy


def _unpredicted(day: date, home: Home, store: Store) -> str | None:
    """Why there is no accuracy of a day: nothing was predicted, or nothing was seen."""
    no_prediction = lacks_input(CALENDAR, day, home, store, reach=timedelta())
    return no_prediction or lacks_input(EVENTS, day, home, store, reach=home.settings.hold)


def notable_checks(feeds: Sequence[Feed]) -> list[dg.AssetChecksDefinition]:
    """Checks over the last day of feeds that are polled: changes of the AQI category, loads above HIGH_LOAD_KW."""
    specs = [
        dg.AssetCheckSpec(NOTABLE_CHECKS[feed.name][0], asset=["feeds", feed.name], description=text)
        for feed in feeds
        if feed.name in NOTABLE_CHECKS
        for text in [NOTABLE_CHECKS[feed.name][1]]
    ]
    if not specs:
        return []

    @dg.multi_asset_check(specs=specs, can_subset=True, name="notable")
    def notable(
        context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> Iterator[dg.AssetCheckResult]:
        for key in sorted(context.selected_asset_check_keys, key=str):
            with owner_errors():
                found = _found(key.asset_key.path[-1], home, store)
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=not found,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"found": found[-LISTED:]},
                description=found[-1] if found else None,
            )

    return [notable]


def _found(feed: str, home: Home, store: Store) -> list[str]:
    window = Window(home.now() - NOTABLE_SPAN, home.now())
    # What held before the window tells a change from a beginning.
    reaching = Window(window.start - NOTABLE_SPAN, window.end)
    if feed == AIR_QUALITY.name:
        return category_changes(store.read(AIR_QUALITY, reaching), window, home.zone)
    home.settings.sound("HIGH_LOAD_KW")
    return high_loads(store.read(SMART_METER, window), window, home.zone, home.settings.high_load_kw)


def _options(measurement: Measurement, home: Home, fresh: timedelta, *feeds: Feed) -> dict[str, Any]:
    """What `common` gives; fresh only where all the feeds are there that it cannot do without."""
    there = all(choice(feed, home.settings) != OFF for feed in feeds)
    kinds = {store_kind(home), "insight"}
    shared = common("insights", measurement, home, kinds=kinds, fresh=fresh if there else None, pool=measurement.name)
    return shared | {"check_specs": [bounds_spec(["insights", measurement.name])]}


def _lookback(home: Home, *inputs: Measurement) -> timedelta:
    """How far back an insight follows: as long as the raw rows of all its inputs are certain to be there."""
    return min(lookback(one, home.settings) for one in inputs)


def _markdown(text: str | None) -> dg.MetadataValue[Any] | None:
    return dg.MetadataValue.md(text) if text else None
