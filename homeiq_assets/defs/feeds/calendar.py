"""The occupancy prediction feed as an asset."""

from datetime import timedelta

import dagster as dg

from homeiq_assets.defs.feeds.run import feed_options, run_feed
from homeiq_assets.defs.partitions import Grid
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.home import Home
from homeiq_assets.schema.measurements import OCCUPANCY_PREDICTION
from homeiq_assets.stores.base import Store

FEED = Feed(
    OCCUPANCY_PREDICTION,
    "calendar",
    "CALENDAR_PROVIDER",
    timedelta(minutes=15),
    chart="currently_home",
    late=timedelta(hours=1),
)


def occupancy_prediction(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of FEED."""

    @dg.asset(**feed_options(FEED, home, grid))
    def occupancy_prediction(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Who is expected at home, on a 15-minute grid."""
        return run_feed(context, FEED, home, store)

    return occupancy_prediction
