"""A real InfluxDB that holds events of others, and the way to open it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from homeiq_assets_tests.events.foreign_home import ForeignHome
from homeiq_assets_tests.stores.conftest import influx_place, place, store
from homeiq_assets_tests.stores.influxd import SKIP_REASON, Influxd, find_influxd

__all__ = ["influx_place", "place", "store"]


@pytest.fixture(scope="session")
def influxd() -> Iterator[Influxd]:
    """One server for all tests of a worker."""
    if find_influxd() is None:
        pytest.skip(SKIP_REASON)
    server = Influxd()
    yield server
    server.stop()


@pytest.fixture
def foreign(influxd: Influxd, settings_of: Callable[..., Any]) -> ForeignHome:
    """A bucket of events, and one of ours beside it."""
    return ForeignHome(influxd, settings_of)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Callable[[], Influxd]:
    """The server, which is started where one is needed."""
    return lambda: request.getfixturevalue("influxd")
