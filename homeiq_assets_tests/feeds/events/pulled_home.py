"""A Home Assistant whose history is pulled: what its tests share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.feeds.events.pulled import build
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN
from homeiq_assets_tests.simulated_vendors.home_assistant_history import HomeAssistantHistory

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 20, 10, 7, 30, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
GRID, MOTION, LAMP = "sensor.grid_power", "binary_sensor.hall_motion", "light.hall"
SettingsOf = Callable[..., Settings]


def vendor() -> HomeAssistantHistory:
    """Three entities, two of which are pulled by default; a lamp that nobody asked for."""
    home = HomeAssistantHistory(NOW)
    home.states = {
        GRID: {
            "device_class": "power",
            "unit_of_measurement": "W",
            "state_class": "measurement",
            "friendly_name": "Grid",
        },
        MOTION: {"device_class": "motion", "friendly_name": "Hall"},
        LAMP: {"friendly_name": "Lamp", "brightness": 12},
    }
    home.recorded = {name: [] for name in home.states}
    home.registries = {
        "device": [{"id": "d1", "area_id": "hall"}],
        "entity": [{"entity_id": MOTION, "device_id": "d1"}],
    }
    return home


def variables(home: HomeAssistantHistory, **changed: str) -> dict[str, str]:
    """The environment of a home that pulls its events from there."""
    chosen = {"EVENTS_SOURCE": "home_assistant", "HOME_ASSISTANT_URL": home.url, "HOME_ASSISTANT_TOKEN": TOKEN}
    return chosen | changed


@contextmanager
def served() -> Iterator[HomeAssistantHistory]:
    with vendor() as running:
        yield running


def history(settings_of: SettingsOf, home: HomeAssistantHistory, **changed: str) -> Provider:
    """The provider."""
    return build(settings_of(**variables(home, **changed)), VIENNA)["home_assistant_history"]


def answers(provider: Provider, window: Window, now: datetime = NOW) -> list[Answer]:
    return list(provider.fetch(window, now))


def seen(rows: pa.Table) -> list[tuple[str, datetime, str]]:
    """Entity, time and state of each row, in order of time."""
    times = rows["time"].cast(pa.timestamp("us", "UTC")).to_pylist()
    return sorted(
        zip(rows["entity_id"].to_pylist(), times, rows["state"].to_pylist(), strict=True), key=lambda one: one[1]
    )


def quiet() -> dict[str, Any]:
    """Every other feed switched off."""
    settings = ("CARBON_PROVIDER", "PRICING_PROVIDER", "AIR_QUALITY_PROVIDER", "CALENDAR_PROVIDER", "METER_TYPE")
    return dict.fromkeys((*settings, "FX_PROVIDER"), "off")
