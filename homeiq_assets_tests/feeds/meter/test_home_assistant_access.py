"""Home Assistant that refuses, misbehaves or is not there: each an error that says what to do, without the token."""

import json
import logging
import socket

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.meter.home_assistant import build
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.vendors.home_assistant.zone import time_zone
from homeiq_assets.window import HOUR, Window
from homeiq_assets_tests.feeds.meter.home_with_meter import (
    GRID,
    NOW,
    VIENNA,
    SettingsOf,
    answers,
)
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant


def test_a_wrong_token_is_said_once_and_never_tried_again(configured: SettingsOf, vendor: HomeAssistant) -> None:
    provider = build(configured(HOME_ASSISTANT_TOKEN="a-token-that-was-revoked"), VIENNA)["smart_meter"]

    with pytest.raises(ProviderError, match="HOME_ASSISTANT_TOKEN") as caught:
        provider.probe(NOW)

    assert not caught.value.retryable
    assert len(vendor.logins) == 1
    assert "revoked" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"HOME_ASSISTANT_POWER_ENTITY": "sensor.grid_pover"}, "HOME_ASSISTANT_POWER_ENTITY.*mean sensor.grid_power"),
        ({"HOME_ASSISTANT_CIRCUITS": "x=sensor.ovn_power"}, "HOME_ASSISTANT_CIRCUITS.*mean sensor.oven_power"),
    ],
)
def test_an_unknown_entity_names_the_setting_and_what_is_spelled_alike(
    configured: SettingsOf, changed: dict[str, str], said: str
) -> None:
    provider = list(build(configured(**changed), VIENNA).values())[-1]

    with pytest.raises(ProviderError, match=said) as caught:
        provider.probe(NOW)

    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"mean_type": 0, "has_mean": False, "has_sum": True}, "no mean statistics"),
        ({"mean_type": 2}, "no mean statistics"),
        ({"unit_class": "energy", "statistics_unit_of_measurement": "kWh"}, "not power: its statistics are in kWh"),
    ],
)
def test_an_entity_that_is_no_power_says_so(
    meter: Provider, vendor: HomeAssistant, metadata: dict[str, object], said: str
) -> None:
    vendor.metadata[GRID] = metadata

    with pytest.raises(ProviderError, match=said):
        answers(meter, Window(NOW - HOUR, NOW))


def test_a_home_assistant_that_only_lists_all_statistics_is_understood(
    configured: SettingsOf, vendor: HomeAssistant
) -> None:
    vendor.lists_only = True
    assert GRID in build(configured(), VIENNA)["smart_meter"].probe(NOW)
    with pytest.raises(ProviderError, match="HOME_ASSISTANT_POWER_ENTITY"):
        build(configured(HOME_ASSISTANT_POWER_ENTITY="sensor.none"), VIENNA)["smart_meter"].probe(NOW)


def test_the_probe_says_what_it_found(meter: Provider) -> None:
    assert GRID in meter.probe(NOW)


@pytest.mark.parametrize(
    "raw",
    [
        "{",
        "[]",
        "null",
        '{"id": 1, "type": "result", "success": true, "result": ["\\ud800"]}',
        '{"id": 1, "result": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"id": 1, "type": "result"}',
        '{"id": 7, "type": "result", "success": true, "result": []}',
        '{"id": 1, "type": "result", "success": true}',
        '{"id": 1, "type": "result", "success": true, "result": null}',
        '{"id": 1, "type": "result", "success": true, "result": [null]}',
        '{"id": 1, "type": "result", "success": true, "result": [{"name": "x"}]}',
    ],
)
def test_what_is_not_the_api_is_quoted(meter: Provider, vendor: HomeAssistant, raw: str) -> None:
    vendor.raw = raw

    with pytest.raises(ProviderError, match="not what Home Assistant's API promises") as caught:
        meter.probe(NOW)

    assert "HOME_ASSISTANT_URL" in str(caught.value)
    assert str(caught.value).rpartition("It began: ")[2] in raw


@pytest.mark.parametrize(
    "row", [{"mean": 5.0}, {"start": "2026-11-20", "mean": 1.0}, {"start": 1e300, "mean": 1.0}, [], 5]
    + [{"start": 1795168800000, "mean": mean} for mean in ("5.0", True, float("nan"), [1.0])],
)  # fmt: skip
def test_statistics_of_the_wrong_shape_are_no_rows(configured: SettingsOf, vendor: HomeAssistant, row: object) -> None:
    described = {"id": 1, "type": "result", "success": True, "result": [vendor._described(GRID)]}
    statistics = {"id": 2, "type": "result", "success": True, "result": {GRID: [row]}}
    scripted = iter([json.dumps(described), json.dumps(statistics)])
    vendor._result = lambda command: setattr(vendor, "raw", next(scripted))  # type: ignore[method-assign]

    with pytest.raises(ProviderError, match="not what Home Assistant's API promises"):
        answers(build(configured(), VIENNA)["smart_meter"], Window(NOW - HOUR, NOW))


@pytest.mark.parametrize(
    ("misbehaviour", "said", "retryable"),
    [
        ("close", "closed the connection midway", True),
        ("error", "unknown_error", True),
        ("hello", "HOME_ASSISTANT_URL", False),
    ],
)
def test_misbehaviour_is_an_error_that_says_what_happened(
    meter: Provider, vendor: HomeAssistant, misbehaviour: str, said: str, retryable: bool
) -> None:
    vendor.misbehaviour = misbehaviour

    with pytest.raises(ProviderError, match=said) as caught:
        answers(meter, Window(NOW - HOUR, NOW))

    assert caught.value.retryable is retryable


@pytest.mark.parametrize(
    ("status", "said", "retryable"),
    [
        (200, "HOME_ASSISTANT_URL", False),
        (404, "HOME_ASSISTANT_URL", False),
        (502, "HOME_ASSISTANT_URL", True),
        (403, "banned", False),
    ],
)
def test_a_web_page_instead_of_a_socket_points_at_the_url(
    meter: Provider, vendor: HomeAssistant, status: int, said: str, retryable: bool
) -> None:
    vendor.status = status

    with pytest.raises(ProviderError, match=said) as caught:
        meter.probe(NOW)

    assert caught.value.retryable is retryable


def test_nobody_at_home_can_be_tried_again(configured: SettingsOf) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        provider = build(configured(HOME_ASSISTANT_URL=url), VIENNA)["smart_meter"]

        with pytest.raises(ProviderError, match=r"cannot be reached.*HOME_ASSISTANT_URL") as caught:
            provider.probe(NOW)

    assert caught.value.retryable


def test_the_token_is_in_no_log_line_and_no_error(
    meter: Provider, vendor: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers(meter, Window(NOW - HOUR, NOW))
    vendor.raw = json.dumps({"echo": f"you sent {'x' * 60} {TOKEN}"})

    with pytest.raises(ProviderError) as caught:
        meter.probe(NOW)

    assert vendor.logins == [TOKEN, TOKEN]
    for text in (caplog.text, str(caught.value), repr(caught.value.__context__)):
        assert TOKEN[:12] not in text


def test_home_assistant_knows_the_homes_time_zone(configured: SettingsOf) -> None:
    assert time_zone(configured()) == "Europe/Vienna"


@pytest.mark.parametrize(
    ("changed", "status", "zone", "said"),
    [
        ({"HOME_ASSISTANT_TOKEN": "another-token"}, None, "UTC", "HOME_ASSISTANT_TOKEN"),
        ({}, 200, "UTC", "HOME_ASSISTANT_URL"),
        ({}, 404, "UTC", "HOME_ASSISTANT_URL"),
        ({}, None, "Mars/Olympus", "HOMEIQ_TIMEZONE"),
        ({}, None, "../etc/passwd", "HOMEIQ_TIMEZONE"),
    ],
)
def test_a_time_zone_that_cannot_be_learned_says_why(
    configured: SettingsOf, vendor: HomeAssistant, changed: dict[str, str], status: int | None, zone: str, said: str
) -> None:
    vendor.status, vendor.time_zone = status, zone

    with pytest.raises(ProviderError, match=said) as caught:
        time_zone(configured(**changed))

    assert "another-token" not in str(caught.value)
