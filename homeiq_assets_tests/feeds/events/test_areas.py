"""Which area an entity is in: from the registries, kept for a day, and kept longer while Home Assistant is away."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.events.areas import areas_of
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SettingsOf = Callable[..., Any]
REGISTRIES = {
    "device": [{"id": "d1", "area_id": "hall"}, {"id": "d2", "area_id": None}],
    "entity": [
        {"entity_id": "sensor.own", "area_id": "attic", "device_id": "d1"},
        {"entity_id": "sensor.of_device", "area_id": None, "device_id": "d1"},
        {"entity_id": "sensor.nowhere", "area_id": None, "device_id": "d2"},
        {"entity_id": "sensor.helper", "area_id": None, "device_id": None},
    ],
}
AREAS = {"sensor.own": "attic", "sensor.of_device": "hall"}


def test_an_entitys_own_area_wins_over_its_devices(settings_of: SettingsOf) -> None:
    with HomeAssistant(NOW, {}) as vendor:
        vendor.registries = REGISTRIES
        settings = settings_of(HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN)

        assert areas_of(settings, NOW).at(NOW) == AREAS
        vendor.registries = {"device": [], "entity": []}
        assert areas_of(settings, NOW + timedelta(hours=23)).at(NOW + timedelta(hours=23)) == AREAS
        assert areas_of(settings, NOW + timedelta(hours=25)).at(NOW + timedelta(hours=25)) == {}


def test_an_event_stays_in_the_area_in_which_its_entity_was_then(settings_of: SettingsOf) -> None:
    day, own, device = timedelta(days=1), "sensor.own", "sensor.of_device"
    with HomeAssistant(NOW, {}) as vendor:
        vendor.registries = REGISTRIES
        settings = settings_of(HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN)
        areas_of(settings, NOW)
        vendor.registries = {
            "device": [],
            "entity": [{"entity_id": own, "area_id": "cellar"}, {"entity_id": "sensor.nowhere", "area_id": "hall"}],
        }
        areas_of(settings, NOW + day)
        vendor.registries["entity"][0]["area_id"] = "attic"

        areas = areas_of(settings, NOW + 2 * day)

    asked = [
        (own, -30 * day, "attic"), (own, day - timedelta(seconds=1), "attic"), (own, day, "cellar"),
        (own, 2 * day, "attic"), (device, timedelta(), "hall"), (device, day, None),
        ("sensor.nowhere", timedelta(), None), ("sensor.nowhere", 3 * day, "hall"), ("sensor.other", day, None),
    ]  # fmt: skip
    names, times = [name for name, _, _ in asked], [NOW + after for _, after, _ in asked]
    told = [area for _, _, area in asked]
    assert [areas.of(name, at) for name, at in zip(names, times, strict=True)] == told
    column = areas.column(pa.chunked_array([names]), pa.chunked_array([pa.array(times, pa.timestamp("ns", "UTC"))]))
    assert column.to_pylist() == told


def test_what_was_kept_stands_while_home_assistant_is_away(
    settings_of: SettingsOf, caplog: pytest.LogCaptureFixture
) -> None:
    with HomeAssistant(NOW, {}) as vendor:
        vendor.registries = REGISTRIES
        settings = settings_of(HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN)
        areas_of(settings, NOW)
    with caplog.at_level(logging.WARNING):
        assert areas_of(settings, NOW + timedelta(days=3)).at(NOW) == AREAS
    assert "cannot be reached" in caplog.text
    assert TOKEN not in caplog.text


def test_unknown_areas_are_an_error_rather_than_rooms_without_any_motion(settings_of: SettingsOf) -> None:
    with pytest.raises(ProviderError, match="HOME_ASSISTANT_URL"):
        areas_of(settings_of(HOME_ASSISTANT_URL="http://127.0.0.1:9", HOME_ASSISTANT_TOKEN=TOKEN), NOW)


@pytest.mark.parametrize("entries", [{}, "no", [5], [{"name": "without an id"}]])
def test_registries_that_are_none_are_told(entries: Any, settings_of: SettingsOf) -> None:
    with HomeAssistant(NOW, {}) as vendor:
        vendor.registries = {"device": entries, "entity": entries}
        settings = settings_of(HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN)
        with pytest.raises(ProviderError, match="API promises") as failure:
            areas_of(settings, NOW)
    assert TOKEN not in str(failure.value)


def test_where_there_are_no_registries_no_area_is_known(
    settings_of: SettingsOf, caplog: pytest.LogCaptureFixture
) -> None:
    with HomeAssistant(NOW, {}) as vendor:
        vendor.registries = {}
        assert areas_of(settings_of(HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN), NOW).at(NOW) == {}
    assert "no area is known" in caplog.text


def test_without_home_assistant_no_area_is_known(settings_of: SettingsOf) -> None:
    assert areas_of(settings_of(), NOW).at(NOW) == {}
