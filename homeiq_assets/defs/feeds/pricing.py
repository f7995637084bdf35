"""The electricity price feeds as assets."""

from datetime import timedelta

import dagster as dg

from homeiq_assets.defs.feeds.run import feed_options, run_feed
from homeiq_assets.defs.partitions import Grid
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.home import Home
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST
from homeiq_assets.stores.base import Store

FEED = Feed(
    ELECTRICITY_PRICING,
    "pricing",
    "PRICING_PROVIDER",
    timedelta(hours=1),
    chart="current_price",
    late=timedelta(hours=2),
)
FORECAST_FEED = Feed(
    ELECTRICITY_PRICING_FORECAST,
    "pricing",
    "PRICING_PROVIDER",
    timedelta(hours=1),
    chart="price",
    late=timedelta(hours=2),
)


def electricity_pricing(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of FEED."""

    @dg.asset(**feed_options(FEED, home, grid))
    def electricity_pricing(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Electricity price per market interval, to the end of what is published."""
        return run_feed(context, FEED, home, store)

    return electricity_pricing


def electricity_pricing_forecast(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of FORECAST_FEED."""

    @dg.asset(**feed_options(FORECAST_FEED, home, grid))
    def electricity_pricing_forecast(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Day-ahead prices as published, per delivery slot."""
        return run_feed(context, FORECAST_FEED, home, store)

    return electricity_pricing_forecast
