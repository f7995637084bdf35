"""The smart meter feeds as assets."""

from datetime import timedelta

import dagster as dg

from homeiq_assets.defs.feeds.run import feed_options, run_feed
from homeiq_assets.defs.partitions import Grid
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.home import Home
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.stores.base import Store

FEED = Feed(SMART_METER, "meter", "METER_TYPE", timedelta(minutes=5), chart="total_power_w", late=timedelta(minutes=30))
CIRCUIT_FEED = Feed(
    SMART_METER_CIRCUIT, "meter", "METER_TYPE", timedelta(minutes=5), chart="power_w", late=timedelta(minutes=30)
)


def smart_meter(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of FEED."""

    @dg.asset(**feed_options(FEED, home, grid))
    def smart_meter(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """The home's electricity meter: power, import and feed-in since midnight."""
        return run_feed(context, FEED, home, store)

    return smart_meter


def smart_meter_circuit(home: Home, grid: Grid) -> dg.AssetsDefinition:
    """The asset of CIRCUIT_FEED."""

    @dg.asset(**feed_options(CIRCUIT_FEED, home, grid))
    def smart_meter_circuit(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        """Power of the home's circuits and their share of what it draws."""
        return run_feed(context, CIRCUIT_FEED, home, store)

    return smart_meter_circuit
