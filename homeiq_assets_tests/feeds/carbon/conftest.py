"""Simulated vendors of carbon intensity, and the folder of a home that asks them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeiq_assets_tests.feeds.carbon import gb_home, maps_home
from homeiq_assets_tests.feeds.carbon.watttime_home import running
from homeiq_assets_tests.simulated_vendors.electricity_maps import ElectricityMapsVendor
from homeiq_assets_tests.simulated_vendors.gb_carbon import GbCarbonVendor
from homeiq_assets_tests.simulated_vendors.watttime import WattTimeVendor


@pytest.fixture
def vendor() -> Iterator[WattTimeVendor]:
    with running() as watttime:
        yield watttime


@pytest.fixture
def gb() -> Iterator[GbCarbonVendor]:
    with gb_home.running() as gb_carbon:
        yield gb_carbon


@pytest.fixture
def maps() -> Iterator[ElectricityMapsVendor]:
    with maps_home.running() as electricity_maps:
        yield electricity_maps


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
