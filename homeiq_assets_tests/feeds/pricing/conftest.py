"""The tests of prices use both kinds of store."""

from homeiq_assets_tests.stores.conftest import influx_place, influxd, place, store

__all__ = ["influx_place", "influxd", "place", "store"]
