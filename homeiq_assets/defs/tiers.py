"""The tiers as assets: raw -> hourly -> daily, made by a factory from a measurement's schema."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import dagster as dg

from homeiq_assets.defs.automation.checks import bounds_check, bounds_spec
from homeiq_assets.defs.automation.history import newest_materialisations
from homeiq_assets.defs.common.day_reports import days_told, recorded
from homeiq_assets.defs.common.options import common, follows, store_kind
from homeiq_assets.defs.partitions import FROM_THE_DAY_BEFORE, Grid, day_of, days_of
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import OFF, choice
from homeiq_assets.home import Home
from homeiq_assets.retention.ages import SPARE, Level, age
from homeiq_assets.retention.wanted import wants_rows
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import tier_of
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.tiers.roll import roll_daily, roll_hourly

LOOKBACK = 10
"""How many days back a tier follows its input at most: feeds revise what they said for up to eight days."""
FRESH = timedelta(hours=36)
AGREES_WITH_RAW = "agrees_with_raw"


def lookback(measurement: Measurement, settings: Settings) -> timedelta:
    """How far back the tiers and the archive of raw days follow: as long as raw rows are certain to be there."""
    days = age(measurement, Level.RAW, settings)
    return timedelta(days=LOOKBACK if days is None else max(1, min(LOOKBACK, days - SPARE)))


def tier_assets(measurement: Measurement, feed: Feed, home: Home, grid: Grid) -> list[dg.AssetsDefinition]:
    """The hourly and the daily tier of a raw measurement. A day's tier exists as soon as the day is over."""
    hourly, daily = tier_of(measurement, "hourly"), tier_of(measurement, "daily")

    def options(tier: Measurement) -> dict[str, Any]:
        return common(
            "tiers",
            tier,
            home,
            kinds={store_kind(home), "tier"},
            fresh=None if choice(feed, home.settings) == OFF else FRESH,
            pool=tier.name,
        ) | {
            "partitions_def": grid.tiers,
            "automation_condition": follows(
                lookback(measurement, home.settings), home.zone.key, together=tier is daily
            ),
        }

    @dg.asset(
        **options(hourly),
        deps=[dg.AssetDep(["feeds", measurement.name], partition_mapping=FROM_THE_DAY_BEFORE)],
        check_specs=[bounds_spec(["tiers", hourly.name])],
        description=f"Hourly statistics of {measurement.name}; every hour in which a series is in force has a row.",
    )
    def hourly_tier(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        with (
            days_told(context) as told,
            recorded("roll", hourly.name, told, home.now(), store),
            opened_raw(measurement, home, store) as raw,
        ):
            for day in roll_hourly(raw, days_of(context.partition_keys, home.zone), home, store):
                left = day.left or (None if day.rows else wants_rows(feed, day.day, home))
                if left:
                    told.stays(day.day.isoformat(), left)
                else:
                    told.done(day.day.isoformat(), day.rows)
                    told.doubts(day.day.isoformat(), day.beyond)
        return dg.MaterializeResult(metadata={"rows": told.rows}, check_results=[bounds_check(told.beyond)])

    @dg.asset(
        **options(daily),
        deps=[["tiers", hourly.name]],
        description=f"Daily statistics of {measurement.name}, from the hourly ones.",
        check_specs=[
            dg.AssetCheckSpec(
                AGREES_WITH_RAW,
                asset=["tiers", daily.name],
                description="Daily from hourly equals daily from raw, to 1e-9.",
                # A wrong tier must not become what is left of its days.
                blocking=True,
            ),
            bounds_spec(["tiers", daily.name]),
        ],
    )
    def daily_tier(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        differing: dict[str, str] = {}
        with (
            days_told(context) as told,
            recorded("roll", daily.name, told, home.now(), store),
            opened_raw(measurement, home, store) as raw,
        ):
            for day in roll_daily(raw, days_of(context.partition_keys, home.zone), home, store):
                key = day.day.isoformat()
                left = day.left or (None if day.rows else wants_rows(feed, day.day, home))
                if left:
                    told.stays(key, left)
                    continue
                told.done(key, day.rows, differs=day.differs)
                told.doubts(key, day.beyond)
                if day.differs:
                    differing[key] = day.differs
        check = dg.AssetCheckResult(
            check_name=AGREES_WITH_RAW,
            passed=not differing,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={
                "days": len(told.metadata),
                "differing": [f"{key}: {text}" for key, text in differing.items()][:20],
            },
        )
        return dg.MaterializeResult(metadata={"rows": told.rows}, check_results=[check, bounds_check(told.beyond)])

    return [hourly_tier, daily_tier]


def red_days(instance: dg.DagsterInstance, daily: str, days: Collection[date] | None = None) -> dict[date, str]:
    """The days (of `days` alone) whose newest materialisation of a daily tier differed from raw rows, and how.

    A check knows of its last run only, whichever days that had; what archives and removes asks for each day.
    """
    red = {}
    keys = None if days is None else [day.isoformat() for day in days]
    for record in newest_materialisations(instance, dg.AssetKey(["tiers", daily]), keys):
        event = record.asset_materialization
        differs = event.metadata.get("differs") if event else None
        if event and event.partition and differs is not None:
            red[day_of(event.partition)] = f"{AGREES_WITH_RAW}: {differs.value}"
    return red
