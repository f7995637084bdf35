"""A simulated Home Assistant and the settings that lead to it."""

from collections.abc import Callable, Iterable

import pytest

from homeiq_assets.feeds.meter.home_assistant import build
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets_tests.feeds.meter.home_with_meter import (
    BOILER,
    GRID,
    NOW,
    OVEN,
    VIENNA,
    SettingsOf,
    constant,
)
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant


@pytest.fixture
def vendor() -> Iterable[HomeAssistant]:
    with HomeAssistant(NOW, {GRID: constant(1200.0), OVEN: constant(300.0), BOILER: constant(600.0)}) as running:
        yield running


@pytest.fixture
def configured(settings_of: SettingsOf, vendor: HomeAssistant) -> Callable[..., Settings]:
    def settings(**changed: str) -> Settings:
        chosen = {
            "HOME_ASSISTANT_URL": vendor.url,
            "HOME_ASSISTANT_TOKEN": TOKEN,
            "HOME_ASSISTANT_POWER_ENTITY": GRID,
            **changed,
        }
        return settings_of(**chosen)

    return settings


@pytest.fixture
def meter(configured: SettingsOf) -> Provider:
    return build(configured(), VIENNA)["smart_meter"]
