"""The stores to put through the same tests: a folder, and a bucket of its own in a real InfluxDB."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.stores.base import Store
from homeiq_assets_tests.stores.influxd import SKIP_REASON, Influxd, find_influxd
from homeiq_assets_tests.stores.places import EmbeddedPlace, InfluxPlace, Place


@pytest.fixture(scope="session")
def influxd() -> Iterator[Influxd]:
    """One server for all tests of a worker."""
    if find_influxd() is None:
        pytest.skip(SKIP_REASON)
    server = Influxd()
    yield server
    server.stop()


@pytest.fixture
def influx_place(influxd: Influxd, tmp_path: Path) -> Callable[..., InfluxPlace]:
    """Places in fresh buckets, unless keywords name others."""

    def make(**other: Any) -> InfluxPlace:
        bucket = other.pop("bucket", None) or influxd.create_bucket()
        ours = {
            "url": influxd.url,
            "token": influxd.token_all,
            "org": influxd.org,
            "bucket": bucket,
            "tier_bucket": f"{bucket}_tiers",
            "locks": tmp_path / "locks",
        }
        return InfluxPlace(**(ours | other))

    return make


@pytest.fixture(params=["embedded", pytest.param("influxdb", marks=pytest.mark.influxdb)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where an empty store is, once for each kind of store."""
    if request.param == "embedded":
        return EmbeddedPlace(tmp_path / "store")
    make: Callable[..., InfluxPlace] = request.getfixturevalue("influx_place")
    return make()


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    opened = place.open()
    yield opened
    opened.close()
