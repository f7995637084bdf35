"""The views as assets: take the day, read what it needs, call the plain function, write, report."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from homeiq_assets.automation.failures import owner_errors
from homeiq_assets.automation.options import common, day_metadata, follows, store_kind
from homeiq_assets.home import Home
from homeiq_assets.measurements import CARBON_INTENSITY, MV_DAILY_CARBON_SUMMARY
from homeiq_assets.partitions import FROM_THE_DAY_BEFORE, Grid, day_of
from homeiq_assets.stores.base import Store
from homeiq_assets.views.carbon_summary import carbon_summary
from homeiq_assets.window import Window, local_day

LOOKBACK = timedelta(days=10)
"""Feeds revise what they said for up to eight days; a view re-rolls any day of these whose input was updated."""


def mv_daily_carbon_summary(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of the daily carbon summary."""
    options = common(
        "views",
        MV_DAILY_CARBON_SUMMARY,
        home,
        kinds={store_kind(home), "view"},
        fresh=timedelta(hours=6),
        pool=MV_DAILY_CARBON_SUMMARY.name,
    )

    @dg.asset(
        **options,
        partitions_def=grid.views,
        deps=[dg.AssetDep(["feeds", CARBON_INTENSITY.name], partition_mapping=FROM_THE_DAY_BEFORE)],
        automation_condition=follows(LOOKBACK, home.zone.key, every="10 * * * *"),
    )
    def mv_daily_carbon_summary(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Carbon intensity of each local day: time-weighted mean, lowest, highest, mean renewable share."""
        with owner_errors():
            rows = dict(_summaries(context.partition_keys, home, store))
        for key, count in rows.items():
            context.add_asset_metadata(day_metadata(count), asset_key=context.asset_key, partition_key=key)
        return dg.MaterializeResult(metadata={"rows": sum(rows.values())})

    return mv_daily_carbon_summary


def _summaries(keys: Any, home: Home, store: Store) -> Iterator[tuple[str, int]]:
    store.recover(CARBON_INTENSITY)
    hold = home.settings.hold
    for key in keys:
        day = local_day(day_of(key), home.zone)
        readings = store.read(CARBON_INTENSITY, Window(day.start - hold, day.end))
        summary = carbon_summary(readings, day, day_of(key), hold)
        store.replace(MV_DAILY_CARBON_SUMMARY, summary, day)
        yield key, summary.num_rows
