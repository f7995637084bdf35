"""What all tests share: an environment without the developer's settings, and the stores to test with."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from homeiq_assets.settings.variables import Settings, load
from homeiq_assets.stores.base import Store
from homeiq_assets_tests.stores.influxd import SKIP_REASON, Influxd, find_influxd
from homeiq_assets_tests.stores.places import EmbeddedPlace, InfluxPlace, Place

NO_ENV_FILE = Path(os.devnull)
PROJECT = Path(__file__).parents[1]
"""The folder with README, docs and `.env.example`."""

hypothesis.settings.register_profile("few", max_examples=20, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=150, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("INFLUX_TOKEN", "INFLUX_ORG", "INFLUX_BUCKET", "DAGSTER_HOME", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOMEIQ_HOME", str(tmp_path / "homeiq"))
    before = set(os.environ)
    yield
    # A test's `.env` puts its AWS_* into the environment, where boto3 looks for them.
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in before]:
        del os.environ[name]


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    """Settings from environment variables given as keywords; HOMEIQ_HOME is a folder of the test's own."""

    def build(**variables: Any) -> Settings:
        monkeypatch.setenv("HOMEIQ_HOME", str(tmp_path / "homeiq"))
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        return load(NO_ENV_FILE)

    return build


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
