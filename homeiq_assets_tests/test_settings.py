"""Settings: wrong ones never stop the project from loading, and each is explained to the owner."""

import re
from collections.abc import Callable

import pytest

from homeiq_assets.errors import SettingError
from homeiq_assets.redaction import redact
from homeiq_assets.settings import PROJECT, Settings

WRONG = {
    "HOMEIQ_TIMEZONE": "Mars/Olympus",
    "HOMEIQ_START_DATE": "yesterday",
    "HOMEIQ_AUTOMATION": "perhaps",
    "HOMEIQ_HOLD_HOURS": "-3",
    "LATITUDE": "123",
    "INFLUXDB_URL": "influx.local:8086",
    "HOME_ASSISTANT_URL": "http://ha.example.com:8123",
    "WATTTIME_BASE_URL": "http://api.watttime.org",
    "PRICING_VAT_PERCENT": "twenty",
    "PRICING_PEAK_HOURS": "evening",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_wrong_setting_is_remembered_and_its_default_is_in_force(
    name: str, value: str, settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(**{name: value})

    assert list(settings.problems) == [name]
    with pytest.raises(SettingError, match=name):
        settings.sound(name)


def test_all_wrong_at_once_still_loads(settings_of: Callable[..., Settings]) -> None:
    assert set(settings_of(**WRONG).problems) == set(WRONG)


def test_a_wrong_influxdb_url_does_not_fall_back_to_the_embedded_store(settings_of: Callable[..., Settings]) -> None:
    assert settings_of(INFLUXDB_URL="influx.local:8086").live


def test_plain_http_is_allowed_within_the_home(settings_of: Callable[..., Settings]) -> None:
    for url in ("http://192.168.1.4:8123", "http://homeassistant.local:8123", "http://127.0.0.1:9", "http://hass:8123"):
        assert settings_of(HOME_ASSISTANT_URL=url).problems == {}


def test_the_older_names_of_the_influxdb_settings_are_read(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(INFLUX_TOKEN="older", INFLUX_ORG="home", INFLUX_BUCKET="ha")

    assert settings.required("INFLUXDB_TOKEN") == "older"
    assert (settings.influxdb_org, settings.influxdb_bucket) == ("home", "ha")


def test_an_empty_variable_is_an_unset_one(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(INFLUXDB_URL="", HOMEIQ_TIMEZONE="")

    assert not settings.live
    assert settings.problems == {}


def test_a_missing_setting_is_named(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(SettingError, match="INFLUXDB_TOKEN: is not set"):
        settings_of(INFLUXDB_URL="http://127.0.0.1:8086").required("INFLUXDB_TOKEN")


def test_secrets_are_hidden_from_the_moment_settings_are_loaded(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(HOME_ASSISTANT_TOKEN="long-lived-token", WATTTIME_PASSWORD="pass/word 1")

    assert "long-lived" not in repr(settings)
    assert redact("sent long-lived-token and pass%2Fword%201") == "sent *** and ***"


def test_the_example_file_explains_every_setting_and_no_other() -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^#([A-Z0-9_]+)=", text, re.MULTILINE))

    assert explained == {name.upper() for name in Settings.model_fields}


def test_the_example_file_shows_the_defaults_in_force(settings_of: Callable[..., Settings]) -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#([A-Z0-9_]+)=(\S+)$", text, re.MULTILINE))
    places = {"INFLUXDB_URL", "HOME_ASSISTANT_URL", "AWATTAR_BASE_URL"}
    settings, plain = settings_of(**{k: v for k, v in shown.items() if k not in places}), settings_of()

    assert settings.problems == {}
    for name in shown.keys() - places - {"PRICING_AREA"}:
        assert getattr(settings, name.lower()) == getattr(plain, name.lower())


@pytest.mark.parametrize("name", ["INFLUXDB_URL", "HOME_ASSISTANT_URL", "WATTTIME_BASE_URL"])
def test_an_address_with_credentials_is_refused_because_addresses_are_shown(
    name: str, settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(**{name: "https://user:hidden-password@10.0.0.1:8086"})

    assert "must not hold a user or password" in settings.problems[name]
    assert "hidden-password" not in repr(settings) + str(settings.problems)
