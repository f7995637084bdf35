"""The air quality feed as an asset."""

from datetime import timedelta

import dagster as dg

from homeiq_assets.defs.feeds.run import feed_options, run_feed
from homeiq_assets.defs.partitions import Grid
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.home import Home
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.stores.base import Store

FEED = Feed(
    AIR_QUALITY, "air_quality", "AIR_QUALITY_PROVIDER", timedelta(hours=1), chart="aqi", late=timedelta(hours=4)
)


def air_quality(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of FEED."""

    @dg.asset(**feed_options(FEED, home, grid))
    def air_quality(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Air quality at the home, hourly, per pollutant."""
        return run_feed(context, FEED, home, store)

    return air_quality
