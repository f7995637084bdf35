"""The carbon intensity feed as an asset."""

from datetime import timedelta

import dagster as dg

from homeiq_assets.defs.feeds.run import feed_options, run_feed
from homeiq_assets.defs.partitions import Grid
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.home import Home
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.stores.base import Store

FEED = Feed(
    CARBON_INTENSITY,
    "carbon",
    "CARBON_PROVIDER",
    timedelta(minutes=15),
    chart="carbon_intensity_gco2_kwh",
    late=timedelta(hours=6),
    reach=timedelta(hours=6),
)


def carbon_intensity(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of FEED."""

    @dg.asset(**feed_options(FEED, home, grid))
    def carbon_intensity(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Carbon intensity of the grid the home draws from, in the provider's own resolution."""
        return run_feed(context, FEED, home, store)

    return carbon_intensity
