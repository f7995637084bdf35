"""Access to Emporia: its login, tokens kept and renewed, the account's devices, and no secret told."""

import logging
import stat
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from homeiq_assets.errors import HomeiqError, ProviderError, SettingError
from homeiq_assets.feeds.meter.emporia import login
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window
from homeiq_assets_tests.feeds.meter.emporia_home import (
    DAY,
    HOUR,
    NOW,
    PASSWORD,
    fetch,
    provider,
    running,
)
from homeiq_assets_tests.simulated_vendors.emporia import EmporiaVendor
from homeiq_assets_tests.simulated_vendors.server import Reply, html_reply, json_reply

YESTERDAY = Window(DAY.start - 24 * HOUR, DAY.start)
LOGIN = ["InitiateAuth", "RespondToAuthChallenge"]


@pytest.fixture
def vendor() -> Iterator[EmporiaVendor]:
    with running() as emporia:
        yield emporia


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def kept(home: Path) -> Path:
    return home / "tokens" / "emporia.json"


def test_a_login_proves_the_password_without_sending_it(vendor: EmporiaVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    assert vendor.logins == LOGIN
    assert not [one for one in vendor.asked if PASSWORD.encode() in one.body]
    (request,) = vendor.asked_for("/customers/devices")
    assert request.headers["authtoken"] in vendor.cognito.id_tokens


def test_polls_within_an_hour_share_a_login_and_later_ones_renew_it(vendor: EmporiaVendor, home: Path) -> None:
    for minutes in (0, 30, 57):
        vendor.now = NOW + timedelta(minutes=minutes)
        fetch(vendor, home, YESTERDAY)
    assert vendor.logins == LOGIN

    for hours in (1, 2):
        vendor.now = NOW + timedelta(hours=hours)
        fetch(vendor, home, YESTERDAY)
    assert vendor.logins == [*LOGIN, "InitiateAuth", "InitiateAuth"]


def test_a_refresh_token_that_is_handed_out_anew_is_the_one_kept(vendor: EmporiaVendor, home: Path) -> None:
    vendor.cognito.rotates = True
    for hours in range(4):
        vendor.now = NOW + timedelta(hours=hours)
        fetch(vendor, home, YESTERDAY)
    assert vendor.logins == [*LOGIN, *["InitiateAuth"] * 3]


def test_an_id_token_refused_before_its_time_is_renewed_once(vendor: EmporiaVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    vendor.cognito.forget()
    assert len(fetch(vendor, home, YESTERDAY)) == 1
    assert vendor.logins == [*LOGIN, "InitiateAuth"]


def test_a_token_that_goes_on_being_refused_is_an_error_and_not_repeated(vendor: EmporiaVendor, home: Path) -> None:
    vendor.misbehave(*[json_reply({"message": "The incoming token has expired"}, 401)] * 9, path="/AppAPI")
    with pytest.raises(ProviderError, match=r"401.*Look at METER_USERNAME and METER_PASSWORD"):
        fetch(vendor, home, YESTERDAY)
    assert len(vendor.charts) == 2
    assert vendor.logins == [*LOGIN, "InitiateAuth"]


def test_where_the_refresh_token_has_expired_the_password_logs_in(vendor: EmporiaVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    vendor.now = NOW + timedelta(days=40)
    vendor.cognito.refresh_tokens.clear()
    fetch(vendor, home, YESTERDAY)
    assert vendor.logins == [*LOGIN, "InitiateAuth", *LOGIN]


def test_a_wrong_password_names_the_settings_and_is_tried_once(vendor: EmporiaVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"Incorrect username or password.*METER_USERNAME and METER_PASSWORD") as no:
        fetch(vendor, home, YESTERDAY, meter_password=SecretStr("wrong-horse-2!"))
    assert not no.value.retryable
    assert vendor.logins == LOGIN
    assert not kept(home).exists()


def test_a_user_that_does_not_exist_is_told(vendor: EmporiaVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"User does not exist.*METER_USERNAME"):
        fetch(vendor, home, YESTERDAY, meter_username="nobody@example.org")


def test_too_many_logins_are_worth_another_try_later(vendor: EmporiaVendor, home: Path) -> None:
    vendor.misbehave(json_reply({"__type": "TooManyRequestsException", "message": "Rate exceeded"}, 400), path="/")
    with pytest.raises(ProviderError, match="Rate exceeded") as caught:
        fetch(vendor, home, YESTERDAY)
    assert caught.value.retryable


def test_a_second_factor_is_told_by_its_name(vendor: EmporiaVendor, home: Path) -> None:
    vendor.cognito.challenge = "SOFTWARE_TOKEN_MFA"
    with pytest.raises(ProviderError, match="METER_USERNAME asks for SOFTWARE_TOKEN_MFA"):
        fetch(vendor, home, YESTERDAY)


def test_a_refresh_token_stands_in_for_the_password(vendor: EmporiaVendor, home: Path) -> None:
    vendor.cognito.refresh_tokens.add("eyJhbGciOi.owners-own")
    given: dict[str, Any] = {
        "meter_username": None,
        "meter_password": None,
        "meter_api_token": SecretStr("eyJhbGciOi.owners-own"),
    }
    assert fetch(vendor, home, YESTERDAY, **given)
    assert vendor.logins == ["InitiateAuth"]

    vendor.now += timedelta(hours=2)
    vendor.cognito.refresh_tokens.clear()
    with pytest.raises(ProviderError, match=r"Refresh Token has expired.*METER_API_TOKEN"):
        fetch(vendor, home, YESTERDAY, **given)


def test_an_id_token_in_its_place_is_good_for_as_long_as_it_lives(vendor: EmporiaVendor, home: Path) -> None:
    vendor.cognito.id_tokens["an.id.token"] = vendor.now + timedelta(hours=1)
    given = {"meter_username": None, "meter_password": None, "meter_api_token": SecretStr("an.id.token")}
    assert fetch(vendor, home, YESTERDAY, **given)
    vendor.cognito.forget()
    with pytest.raises(ProviderError, match="METER_API_TOKEN") as failure:
        fetch(vendor, home, YESTERDAY, **given)
    assert "an.id.token" not in str(failure.value)


def test_without_an_account_the_settings_are_named(vendor: EmporiaVendor, home: Path) -> None:
    with pytest.raises(SettingError, match=r"METER_USERNAME: is not set.*METER_USERNAME and METER_PASSWORD"):
        fetch(vendor, home, YESTERDAY, meter_username=None, meter_password=None)
    with pytest.raises(SettingError, match="METER_PASSWORD: is not set"):
        fetch(vendor, home, YESTERDAY, meter_password=None)
    assert vendor.asked == []


def test_without_the_package_the_owner_is_told_what_to_install(
    vendor: EmporiaVendor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyemvue.auth", None)
    with pytest.raises(SettingError, match=r"METER_TYPE: emporia needs the package pyemvue.*pip install pyemvue"):
        fetch(vendor, home, YESTERDAY)


def test_where_nothing_is_set_in_their_place_the_vendors_own_hosts_are_asked() -> None:
    assert Settings().emporia_base_url is None
    assert login.COGNITO_URL == "https://cognito-idp.us-east-2.amazonaws.com"


@pytest.mark.parametrize("text", ['{"id_token": "ey', "", "[]"])
def test_a_damaged_token_file_costs_a_login(vendor: EmporiaVendor, home: Path, text: str) -> None:
    fetch(vendor, home, YESTERDAY)
    kept(home).write_text(text)
    fetch(vendor, home, YESTERDAY)
    assert vendor.logins == LOGIN * 2


def test_a_token_kept_of_another_account_or_address_is_not_used(vendor: EmporiaVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    vendor.cognito.username = "tenant@example.org"
    fetch(vendor, home, YESTERDAY, meter_username="tenant@example.org")
    assert vendor.logins == LOGIN * 2
    assert len(vendor.asked_for("/customers/devices")) == 2
    with running() as other:
        fetch(other, home, YESTERDAY)
        assert other.logins == LOGIN


def test_the_kept_token_is_for_the_owners_eyes_only(vendor: EmporiaVendor, home: Path) -> None:
    fetch(vendor, home, YESTERDAY)
    assert stat.S_IMODE(kept(home).stat().st_mode) == 0o600
    assert PASSWORD not in kept(home).read_text()


def test_the_accounts_devices_are_asked_for_every_six_hours_and_by_the_probe(vendor: EmporiaVendor, home: Path) -> None:
    for hours in (0, 1, 5):
        vendor.now = NOW + timedelta(hours=hours)
        fetch(vendor, home, YESTERDAY)
    assert len(vendor.asked_for("/customers/devices")) == 1
    vendor.now = NOW + timedelta(hours=6)
    fetch(vendor, home, YESTERDAY)
    provider(vendor, home).probe(vendor.now)
    assert len(vendor.asked_for("/customers/devices")) == 3


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (html_reply(), "not (complete) JSON"),
        (Reply(200, b""), "nothing in it"),
        (json_reply({}), "neither tokens nor a challenge"),
        (json_reply({"ChallengeName": "PASSWORD_VERIFIER"}), "challenge is not what"),
        (json_reply({"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": {"SALT": "x"}}), "challenge is not"),
        (json_reply({"ChallengeName": 7}), "ChallengeName"),
        (json_reply({"message": "no"}, 400), "Look at METER_USERNAME and METER_PASSWORD"),
        (json_reply({"message": "no"}, 401), "Look at METER_USERNAME and METER_PASSWORD"),
        (json_reply({"message": "no"}, 403), "Look at METER_USERNAME and METER_PASSWORD"),
    ],
)
def test_a_login_that_is_not_what_cognito_promises_is_an_error(
    vendor: EmporiaVendor, home: Path, wrong: Reply, problem: str
) -> None:
    vendor.misbehave(wrong, path="/")
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, home, YESTERDAY)
    assert problem in str(caught.value)


@pytest.mark.parametrize("token", ["\u201ctoken\u201d", "two words", "two\nlines", "", None])
def test_a_token_that_no_header_takes_is_no_answer_and_not_kept(
    vendor: EmporiaVendor, home: Path, token: str | None
) -> None:
    fetch(vendor, home, YESTERDAY)
    kept(home).unlink()
    tokens = {"AuthenticationResult": {"IdToken": token, "ExpiresIn": 3600}}
    vendor.misbehave(json_reply(tokens), path="/")
    with pytest.raises(ProviderError, match="IdToken"):
        fetch(vendor, home, YESTERDAY)
    assert not kept(home).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"devices": None},
        {"devices": [{"deviceGid": "111"}]},
        {"devices": [{"deviceGid": 111, "channels": [{"channelNum": 1}]}]},
        {"message": "an error inside a 200"},
    ],
)
def test_devices_of_another_shape_are_an_error(vendor: EmporiaVendor, home: Path, wrong: dict[str, Any]) -> None:
    vendor.misbehave(json_reply(wrong), path="/customers/devices")
    with pytest.raises(ProviderError, match="devices"):
        fetch(vendor, home, YESTERDAY)


def test_no_secret_is_ever_told(vendor: EmporiaVendor, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fetch(vendor, home, YESTERDAY)
    (id_token,), (refresh,) = vendor.cognito.id_tokens, vendor.cognito.refresh_tokens
    texts = []

    def failing(**given: Any) -> None:
        with pytest.raises(HomeiqError) as caught:
            fetch(vendor, home, YESTERDAY, **given)
        texts.append(f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}")

    failing(meter_password=SecretStr("wrong-horse-2!"), meter_username="nobody@example.org")
    for status in (400, 401, 403, 500):
        vendor.misbehave(*[json_reply({"message": f"you sent {id_token}"}, status)] * 4, path="/AppAPI")
        failing()
        vendor.behave()
    vendor.now = NOW + timedelta(hours=2)
    vendor.misbehave(json_reply({"__type": "InternalErrorException", "message": f"for {refresh}"}, 500), path="/")
    vendor.misbehave(*[json_reply({"message": f"for {refresh}"}, 500)] * 3, path="/")
    failing()
    vendor.behave()
    vendor.misbehave(json_reply({"AuthenticationResult": {"IdToken": "ey.unread-token", "ExpiresIn": "1"}}), path="/")
    failing()
    logged = [caplog.text, *(str(vars(record)) for record in caplog.records)]
    hidden = (PASSWORD, "wrong-horse-2!", id_token, id_token[:24], refresh, "unread-token")
    assert not [text for text in texts + logged if any(secret in text for secret in hidden)]
    assert any("***" in text for text in texts)
