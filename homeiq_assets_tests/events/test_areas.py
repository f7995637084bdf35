"""Which area an entity is in: from the registries, kept for a day, and kept longer while Home Assistant is away."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.events.areas import areas_of
from homeiq_assets_tests.vendors.home_assistant import TOKEN, HomeAssistant

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

        assert areas_of(settings, NOW) == AREAS
        vendor.registries = {"device": [], "entity": []}
        assert areas_of(settings, NOW + timedelta(hours=23)) == AREAS
        assert areas_of(settings, NOW + timedelta(hours=25)) == {}


def test_what_was_kept_stands_while_home_assistant_is_away(
    settings_of: SettingsOf, caplog: pytest.LogCaptureFixture
) -> None:
    with HomeAssistant(NOW, {}) as vendor:
        vendor.registries = REGISTRIES
        settings = settings_of(HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN)
        areas_of(settings, NOW)
    with caplog.at_level(logging.WARNING):
        assert areas_of(settings, NOW + timedelta(days=3)) == AREAS
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
        assert areas_of(settings_of(HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN), NOW) == {}
    assert "no area is known" in caplog.text


def test_without_home_assistant_no_area_is_known(settings_of: SettingsOf) -> None:
    assert areas_of(settings_of(), NOW) == {}
