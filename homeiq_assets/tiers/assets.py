"""The tiers as assets: raw -> hourly -> daily, made by a factory from a measurement's schema."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import dagster as dg

from homeiq_assets.automation.failures import owner_errors
from homeiq_assets.automation.options import common, day_metadata, follows, store_kind
from homeiq_assets.home import Home
from homeiq_assets.measurements import tier_of
from homeiq_assets.partitions import FROM_THE_DAY_BEFORE, Grid, day_of
from homeiq_assets.schema import Measurement
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.roll import roll_daily, roll_hourly

LOOKBACK = timedelta(days=5)
"""The age at which raw data goes (7 days) less two: what is updated within it is rolled again."""


def tier_assets(measurement: Measurement, home: Home, grid: Grid) -> list[dg.AssetsDefinition]:
    """The hourly and the daily tier of a raw measurement. A day's tier exists as soon as the day is over."""
    hourly, daily = tier_of(measurement, "hourly"), tier_of(measurement, "daily")

    def options(tier: Measurement) -> dict[str, Any]:
        return common(
            "tiers",
            tier,
            home,
            kinds={store_kind(home), "tier"},
            fresh=timedelta(hours=36),
            pool=tier.name,
        ) | {
            "partitions_def": grid.tiers,
            "automation_condition": follows(LOOKBACK, home.zone.key, together=tier is daily),
        }

    @dg.asset(
        **options(hourly),
        deps=[dg.AssetDep(["feeds", measurement.name], partition_mapping=FROM_THE_DAY_BEFORE)],
        description=f"Hourly statistics of {measurement.name}; every hour in which a series is in force has a row.",
    )
    def hourly_tier(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        with owner_errors():
            rows = {
                key: roll_hourly(measurement, day_of(key), home.zone, home.settings.hold, store)
                for key in context.partition_keys
            }
        return _report(context, rows)

    @dg.asset(
        **options(daily),
        deps=[["tiers", hourly.name]],
        description=f"Daily statistics of {measurement.name}, from the hourly ones.",
        check_specs=[
            dg.AssetCheckSpec(
                "agrees_with_raw",
                asset=["tiers", daily.name],
                description="Daily from hourly equals daily from raw, to 1e-9.",
            )
        ],
    )
    def daily_tier(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        with owner_errors():
            rolled = {
                key: roll_daily(measurement, day_of(key), home.zone, home.settings.hold, store)
                for key in context.partition_keys
            }
        differing = {key: day.differs for key, day in rolled.items() if day.differs}
        check = dg.AssetCheckResult(
            check_name="agrees_with_raw",
            passed=not differing,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"days": len(rolled), "differing": [f"{key}: {text}" for key, text in differing.items()][:20]},
        )
        return _report(context, {key: day.rows for key, day in rolled.items()}, [check])

    return [hourly_tier, daily_tier]


def _report(
    context: dg.AssetExecutionContext, rows: dict[str, int], checks: Iterable[dg.AssetCheckResult] = ()
) -> dg.MaterializeResult:
    for key, count in rows.items():
        context.add_asset_metadata(day_metadata(count), asset_key=context.asset_key, partition_key=key)
    return dg.MaterializeResult(metadata={"rows": sum(rows.values())}, check_results=list(checks))
