"""Access to Sense: its login, tokens that are good once, the account's monitors, and no secret told."""

import logging
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from homeiq_assets.errors import HomeiqError, ProviderError, SettingError
from homeiq_assets_tests.feeds.meter.sense_home import NOW, PASSWORD, YESTERDAY, constant, fetch, provider, running
from homeiq_assets_tests.simulated_vendors.sense import BELOW, SenseVendor
from homeiq_assets_tests.simulated_vendors.server import Reply, html_reply, json_reply

AUTHENTICATE, RENEW = f"{BELOW}authenticate", f"{BELOW}renew"
HISTORY = f"{BELOW}app/monitors/901/history/usage"


@pytest.fixture
def vendor() -> Iterator[SenseVendor]:
    with running() as sense:
        yield sense


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def kept(home: Path) -> Path:
    return home / "tokens" / "sense.json"


def test_one_login_serves_until_it_is_refused_and_is_one_device_for_ever(vendor: SenseVendor, home: Path) -> None:
    for days in range(3):
        vendor.now = NOW + timedelta(days=days)
        fetch(vendor, home, YESTERDAY)
    assert vendor.logins == ["authenticate"]
    kept(home).write_text(kept(home).read_text().replace(vendor.access_tokens[-1], "t1.outdated"))
    vendor.refresh_tokens.clear()
    fetch(vendor, home, YESTERDAY)
    assert vendor.logins == ["authenticate", "renew", "authenticate"]
    assert len({request.headers["x-sense-device-id"] for request in vendor.asked}) == 1


def test_a_refused_token_is_renewed_and_the_new_refresh_token_kept(vendor: SenseVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    for _ in range(3):
        vendor.forget_logins()
        fetch(vendor, home, YESTERDAY)
    assert vendor.logins == ["authenticate", "renew", "renew", "renew"]
    assert vendor.refresh_tokens[-1] in kept(home).read_text()


def test_a_token_that_goes_on_being_refused_is_an_error_and_not_repeated(vendor: SenseVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    vendor.misbehave(*[json_reply({"error_reason": "Unauthorized"}, 401)] * 9, path=HISTORY)
    with pytest.raises(ProviderError, match=r"401.*Look at METER_USERNAME and METER_PASSWORD"):
        fetch(vendor, home, YESTERDAY)
    assert vendor.logins == ["authenticate", "renew", "authenticate"]


def test_what_stays_forbidden_does_not_log_in_again(vendor: SenseVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    vendor.misbehave(*[json_reply({"error_reason": "Forbidden"}, 403)] * 9, path=HISTORY)
    with pytest.raises(ProviderError, match=r"403.*METER_DEVICE_ID"):
        fetch(vendor, home, YESTERDAY)
    assert vendor.logins == ["authenticate", "renew"]


def test_a_wrong_password_names_the_settings_and_is_tried_once(vendor: SenseVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"Invalid email or password.*METER_USERNAME, METER_PASSWORD") as caught:
        fetch(vendor, home, YESTERDAY, meter_password=SecretStr("wrong-horse-2!"))
    assert not caught.value.retryable
    assert vendor.logins == ["authenticate"]
    assert not kept(home).exists()


def test_a_password_may_be_any_text(vendor: SenseVendor, home: Path) -> None:
    vendor.password = "\u201cgr\u00fcn\u201d & \u20ac=1+1"
    assert fetch(vendor, home, YESTERDAY, meter_password=SecretStr(vendor.password))


def test_an_account_that_asks_for_a_code_is_told_what_works(vendor: SenseVendor, home: Path) -> None:
    vendor.code = True
    with pytest.raises(ProviderError, match=r"multi-factor.*turn it off.*METER_TYPE=home_assistant") as caught:
        fetch(vendor, home, YESTERDAY)
    assert "mfa-secret-token" not in str(caught.value)
    assert vendor.logins == ["authenticate"]


def test_without_an_account_the_setting_is_named(vendor: SenseVendor, home: Path) -> None:
    for name in ("METER_USERNAME", "METER_PASSWORD"):
        with pytest.raises(SettingError, match=f"{name}: is not set"):
            fetch(vendor, home, YESTERDAY, **{name.lower(): None})
    assert vendor.asked == []


def test_of_several_monitors_the_setting_names_one(vendor: SenseVendor, home: Path) -> None:
    vendor.monitors = [901, 902]
    with pytest.raises(SettingError, match=r"METER_DEVICE_ID: is not set.*901, 902"):
        fetch(vendor, home, YESTERDAY)
    with pytest.raises(SettingError, match=r"METER_DEVICE_ID: '999' is no monitor.*901, 902"):
        fetch(vendor, home, YESTERDAY, meter_device_id="999")
    assert fetch(vendor, home, YESTERDAY, meter_device_id="902")
    assert vendor.asked_below("app/monitors/902/history/usage")
    vendor.monitors = []
    with pytest.raises(ProviderError, match="no monitor"):
        fetch(vendor, home / "other", YESTERDAY)


def test_a_monitor_added_since_the_login_is_found(vendor: SenseVendor, home: Path) -> None:
    vendor.monitors = [901, 902]
    fetch(vendor, home, YESTERDAY, meter_device_id="902")
    vendor.monitors = [901, 902, 903]
    assert fetch(vendor, home, YESTERDAY, meter_device_id="903")
    assert vendor.logins == ["authenticate", "authenticate"]


@pytest.mark.parametrize("text", ['{"access_token": "t1', "", "[]"])
def test_a_damaged_token_file_costs_a_login(vendor: SenseVendor, home: Path, text: str) -> None:
    fetch(vendor, home, YESTERDAY)
    kept(home).write_text(text)
    fetch(vendor, home, YESTERDAY)
    assert vendor.logins == ["authenticate", "authenticate"]


def test_a_token_kept_of_another_account_or_address_is_not_used(vendor: SenseVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    vendor.username = "tenant@example.org"
    fetch(vendor, home, YESTERDAY, meter_username="tenant@example.org")
    assert vendor.logins == ["authenticate", "authenticate"]
    with running() as other:
        fetch(other, home, YESTERDAY)
        assert other.logins == ["authenticate"]


def test_the_kept_token_is_for_the_owners_eyes_only(vendor: SenseVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    assert stat.S_IMODE(kept(home).stat().st_mode) == 0o600
    assert PASSWORD not in kept(home).read_text()


def test_the_monitor_is_looked_up_once_a_day(vendor: SenseVendor, home: Path) -> None:
    for hours in (0, 1, 23):
        vendor.now = NOW + timedelta(hours=hours)
        fetch(vendor, home, YESTERDAY)
    assert len(vendor.asked_below("app/monitors/901/overview")) == 1
    vendor.now = NOW + timedelta(hours=24)
    fetch(vendor, home, YESTERDAY)
    assert len(vendor.asked_below("app/monitors/901/overview")) == 2


def test_the_probe_says_what_was_found(vendor: SenseVendor, home: Path) -> None:
    assert provider(vendor, home).probe(NOW) == "monitor 901 in Europe/Vienna"
    vendor.solar = constant(0)
    assert provider(vendor, home).probe(NOW) == "monitor 901 in Europe/Vienna, with solar panels"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_time_zone_that_is_not_known_is_an_error(vendor: SenseVendor, home: Path, zone: str) -> None:
    told = {"monitor_overview": {"monitor": {"time_zone": zone, "solar_configured": False}}}
    vendor.misbehave(json_reply(told), path=f"{BELOW}app/monitors/901/overview")
    with pytest.raises(ProviderError, match="time zone"):
        fetch(vendor, home, YESTERDAY)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (html_reply(), "not (complete) JSON"),
        (Reply(200, b""), "nothing in it"),
        (json_reply({"access_token": "t1.a", "refresh_token": "t1.b"}), "user_id"),
        (
            json_reply({"access_token": "two words", "refresh_token": "t1.b", "user_id": 1, "monitors": []}),
            "access_token",
        ),
        (json_reply({"access_token": "t1.a", "refresh_token": None, "user_id": 1, "monitors": []}), "refresh_token"),
        (json_reply({"status": "error", "error_reason": "Forbidden"}, 403), "METER_USERNAME"),
        (html_reply(404), "404"),
    ],
)
def test_a_login_that_is_not_what_sense_promises_is_an_error(
    vendor: SenseVendor, home: Path, wrong: Reply, problem: str
) -> None:
    vendor.misbehave(wrong, path=AUTHENTICATE)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, home, YESTERDAY)
    assert problem in str(caught.value)
    assert not kept(home).exists()


def test_no_secret_is_ever_told(vendor: SenseVendor, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fetch(vendor, home, YESTERDAY)
    access, refresh = vendor.access_tokens[-1], vendor.refresh_tokens[-1]
    texts = []

    def failing(**given: Any) -> None:
        with pytest.raises(HomeiqError) as caught:
            fetch(vendor, home, YESTERDAY, **given)
        texts.append(f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}")

    echoed = json_reply({"error_reason": "you sent wrong-horse-2!"}, 401)
    vendor.misbehave(echoed, path=AUTHENTICATE)
    failing(meter_password=SecretStr("wrong-horse-2!"), meter_username="nobody@example.org")
    for status in (400, 404, 500):
        vendor.misbehave(*[json_reply({"error_reason": f"you sent {access}"}, status)] * 4, path=HISTORY)
        failing()
        vendor.behave()
    vendor.forget_logins()
    vendor.misbehave(*[json_reply({"error_reason": f"you sent {refresh}"}, 500)] * 4, path=RENEW)
    failing()
    vendor.behave()
    vendor.misbehave(json_reply({"access_token": "t1.unread-token", "refresh_token": 7}), path=RENEW)
    failing()
    logged = [caplog.text, *(str(vars(record)) for record in caplog.records)]
    hidden = (PASSWORD, "wrong-horse-2!", access, access[:20], refresh, "unread-token")
    assert not [text for text in texts + logged if any(secret in text for secret in hidden)]
    assert any("***" in text for text in texts)
