"""The exchange rate feed as an asset."""

from datetime import timedelta

import dagster as dg

from homeiq_assets.defs.feeds.run import feed_options, run_feed
from homeiq_assets.defs.partitions import Grid
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.home import Home
from homeiq_assets.schema.measurements import FX_RATE
from homeiq_assets.stores.base import Store

FEED = Feed(
    FX_RATE,
    "fx",
    "FX_PROVIDER",
    timedelta(hours=1),
    chart="rate",
    late=timedelta(days=5),
    # A rate is that of a UTC day, which begins on another local day west of Greenwich.
    reach=timedelta(days=2),
    # From Thursday to Tuesday over Easter.
    sparse=timedelta(days=5),
)


def fx_rate(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of FEED."""

    @dg.asset(**feed_options(FEED, home, grid))
    def fx_rate(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Daily reference exchange rates, so that costs can be shown in other currencies."""
        return run_feed(context, FEED, home, store)

    return fx_rate
