"""A real InfluxDB that holds events of others, and the way to open it."""

from collections.abc import Callable
from typing import Any

import pytest

from homeiq_assets_tests.events.foreign_home import ForeignHome
from homeiq_assets_tests.stores.influxd import Influxd


@pytest.fixture
def foreign(influxd: Influxd, settings_of: Callable[..., Any]) -> ForeignHome:
    """A bucket of events, and one of ours beside it."""
    return ForeignHome(influxd, settings_of)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Callable[[], Influxd]:
    """The server, which is started where one is needed."""
    return lambda: request.getfixturevalue("influxd")
