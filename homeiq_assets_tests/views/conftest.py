"""The stores that views over events are put through."""

from homeiq_assets_tests.stores.conftest import influx_place, influxd, place, store

__all__ = ["influx_place", "influxd", "place", "store"]
