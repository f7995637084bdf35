"""A simulated WattTime, and the folder of a home that asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeiq_assets_tests.feeds.carbon.watttime_home import running
from homeiq_assets_tests.vendors.watttime import WattTimeVendor


@pytest.fixture
def vendor() -> Iterator[WattTimeVendor]:
    with running() as watttime:
        yield watttime


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
