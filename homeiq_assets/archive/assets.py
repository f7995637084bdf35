"""The archive as assets: a month of a daily tier as one Parquet object."""

from datetime import timedelta

import dagster as dg

from homeiq_assets.archive.months import refuse_simulated, write_month
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.automation.failures import owner_errors
from homeiq_assets.automation.options import common, day_metadata, follows
from homeiq_assets.home import Home
from homeiq_assets.measurements import tier_of
from homeiq_assets.partitions import Grid, month_window
from homeiq_assets.schema import Measurement
from homeiq_assets.stores.base import Store

LOOKBACK = timedelta(days=62)


def month_archive(measurement: Measurement, home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The monthly archive of a raw measurement's daily tier."""
    tier = tier_of(measurement, "daily")
    options = common(
        "archive",
        tier,
        home,
        kinds={"parquet", "s3" if home.settings.s3_archive_bucket else "file"},
        fresh=timedelta(days=35),
        pool=f"archive_{tier.name}",
    )

    @dg.asset(
        **options,
        partitions_def=grid.months,
        deps=[["tiers", tier.name]],
        automation_condition=follows(LOOKBACK, home.zone.key),
        description=f"Each month of {tier.name} as one Parquet object: zstd, hive paths, checked after upload.",
    )
    def archived_month(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        store: dg.ResourceParam[Store],
        archive: dg.ResourceParam[ObjectStore],
    ) -> dg.MaterializeResult:
        rows = 0
        with owner_errors():
            store.recover(tier)
            for key in context.partition_keys:
                window = month_window(key, home.zone)
                stored = store.read(tier, window)
                refuse_simulated(stored, tier, home.settings)
                written = write_month(stored, tier, window, home.zone, archive)
                rows += written.rows
                context.add_asset_metadata(
                    day_metadata(written.rows, object=written.object, bytes=written.bytes),
                    asset_key=context.asset_key,
                    partition_key=key,
                )
        return dg.MaterializeResult(metadata={"rows": rows})

    return archived_month
