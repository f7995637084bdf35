"""Access to WattTime: logins and their tokens, the home's region, the account's plan, and no secret told."""

import logging
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets_tests.feeds.carbon.watttime_home import (
    DAY,
    NEXT_WEEK,
    NOW,
    PASSWORD,
    VALUES,
    fetch,
    provider,
    running,
)
from homeiq_assets_tests.simulated_vendors.server import json_reply
from homeiq_assets_tests.simulated_vendors.watttime import WattTimeVendor


def test_a_region_outside_the_plan_names_the_setting(vendor: WattTimeVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"INVALID_SCOPE.*may not ask this of region DE\. Look at GRID_REGION"):
        fetch(vendor, home, DAY, grid_region="DE")


def test_polls_within_half_an_hour_share_one_login(vendor: WattTimeVendor, home: Path) -> None:
    for minutes in (0, 15, 30):
        vendor.now = NOW + timedelta(minutes=minutes)
        fetch(vendor, home, DAY)
    assert len(vendor.asked_for("/login")) == 2
    assert {request.headers["authorization"][:6] for request in vendor.asked_for("/login")} == {"Basic "}


def test_the_kept_token_is_for_the_owners_eyes_only(vendor: WattTimeVendor, home: Path) -> None:
    fetch(vendor, home, DAY)
    (file,) = (home / "tokens").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()


def test_a_damaged_token_file_costs_a_login(vendor: WattTimeVendor, home: Path) -> None:
    fetch(vendor, home, DAY)
    (home / "tokens" / "watttime.json").write_text('{"token": "ey')
    fetch(vendor, home, DAY)
    assert len(vendor.asked_for("/login")) == 2


def test_a_token_kept_for_another_account_is_not_used(vendor: WattTimeVendor, home: Path) -> None:
    fetch(vendor, home, DAY)
    vendor.username = "tenant"
    fetch(vendor, home, DAY, watttime_username="tenant")
    assert len(vendor.asked_for("/login")) == 2


def test_a_token_refused_before_its_time_is_replaced_once(vendor: WattTimeVendor, home: Path) -> None:
    carbon = provider(vendor, home)
    list(carbon.fetch(DAY, NOW))
    vendor.forget_logins()
    assert len(list(carbon.fetch(DAY, NOW))) == 2
    assert len(vendor.asked_for("/login")) == 2


@pytest.mark.parametrize("token", ["\u201ctoken\u201d", "two words", "two\nlines", ""])
def test_a_token_that_no_header_takes_is_no_answer_and_not_kept(token: str, vendor: WattTimeVendor, home: Path) -> None:
    vendor.misbehave(json_reply({"token": token}), path="/login")
    with pytest.raises(ProviderError, match=r"token is not what the API promises"):
        fetch(vendor, home, DAY)
    assert not (home / "tokens").exists()


def test_a_password_may_be_any_text(home: Path) -> None:
    typographic = "\u201cgr\u00fcn\u201d \u20ac"
    with running() as vendor:
        vendor.password = typographic
        assert fetch(vendor, home, DAY, watttime_password=SecretStr(typographic))


def test_a_login_that_goes_on_being_refused_is_not_repeated_for_ever(vendor: WattTimeVendor, home: Path) -> None:
    fetch(vendor, home, DAY)
    vendor.misbehave(*[json_reply({"error": "INVALID_TOKEN"}, 401)] * 2, path="/v3/historical")
    with pytest.raises(ProviderError, match="Look at WATTTIME_USERNAME and WATTTIME_PASSWORD"):
        fetch(vendor, home, DAY)
    assert len(vendor.asked_for("/login")) == 2


def test_a_wrong_password_names_the_settings(vendor: WattTimeVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"401.*Look at WATTTIME_USERNAME, WATTTIME_PASSWORD") as caught:
        fetch(vendor, home, DAY, watttime_password=SecretStr("wrong-donkey-2?"))
    assert not caught.value.retryable
    assert len(vendor.asked) == 1


def test_an_api_token_needs_no_login(vendor: WattTimeVendor, home: Path) -> None:
    with WattTimeVendor(VALUES, now=NEXT_WEEK, api_token="given-token-1") as tokened:
        only_token = {"watttime_username": None, "watttime_password": None}
        (answer,) = fetch(tokened, home, DAY, **only_token, watttime_api_token=SecretStr("given-token-1"))
        assert answer.rows.num_rows == 288
        assert tokened.asked_for("/login") == []
        with pytest.raises(ProviderError, match="Look at WATTTIME_API_TOKEN"):
            fetch(tokened, home, DAY, **only_token, watttime_api_token=SecretStr("other-token-2"))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"watttime_username": None, "watttime_password": None}, "WATTTIME_USERNAME: is not set"),
        ({"watttime_password": None}, "WATTTIME_PASSWORD: is not set"),
    ],
)
def test_missing_credentials_name_what_is_missing(
    vendor: WattTimeVendor, home: Path, given: dict[str, None], named: str
) -> None:
    with pytest.raises(SettingError, match=named):
        fetch(vendor, home, DAY, **given)


def test_without_a_region_the_homes_place_decides_and_is_looked_up_monthly(vendor: WattTimeVendor, home: Path) -> None:
    vendor.places = {(37.8, -122.3): "CAISO_NORTH"}
    place = {"grid_region": None, "latitude": 37.8, "longitude": -122.3}
    for days in (0, 20, 40):
        vendor.now = NOW + timedelta(days=days)
        (answer, *_) = fetch(vendor, home, DAY, **place)
        assert answer.rows["region"].unique().to_pylist() == ["CAISO_NORTH"]
    lookups = vendor.asked_for("/v3/region-from-loc")
    assert len(lookups) == 2
    assert lookups[0].params == {"latitude": "37.8", "longitude": "-122.3", "signal_type": "co2_moer"}


def test_a_home_that_moves_is_looked_up_again(vendor: WattTimeVendor, home: Path) -> None:
    vendor.places = {(37.8, -122.3): "CAISO_NORTH", (38.0, -122.0): "CAISO_NORTH"}
    fetch(vendor, home, DAY, grid_region=None, latitude=37.8, longitude=-122.3)
    fetch(vendor, home, DAY, grid_region=None, latitude=38.0, longitude=-122.0)
    assert len(vendor.asked_for("/v3/region-from-loc")) == 2


def test_a_place_outside_the_coverage_names_the_settings(vendor: WattTimeVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"coordinates not found.*LATITUDE and LONGITUDE.*GRID_REGION"):
        fetch(vendor, home, DAY, grid_region=None, latitude=48.2, longitude=16.4)


def test_a_home_without_a_place_is_not_taken_for_another_one(vendor: WattTimeVendor, home: Path) -> None:
    with pytest.raises(SettingError, match=r"GRID_REGION: is not set.*LATITUDE and LONGITUDE"):
        fetch(vendor, home, DAY, grid_region=None)


def test_no_secret_is_in_any_message_or_log_line(
    vendor: WattTimeVendor, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The simulated login repeats the password in its refusal, and the others the token."""
    for name in ("", "httpx", "httpcore", "httpx_retries"):
        caplog.set_level(logging.DEBUG, logger=name)
    wrong_password, unread_token = "wrong-donkey-2?", "eyJ-in-a-wrong-place"
    texts: list[str] = []

    def failing(**given: Any) -> None:
        with pytest.raises(ProviderError) as caught:
            fetch(vendor, home, DAY, **given)
        error: BaseException | None = caught.value
        while error is not None:
            texts.extend((str(error), repr(error)))
            error = error.__cause__ or error.__context__

    failing(watttime_password=SecretStr(wrong_password))
    vendor.misbehave(json_reply({"token": [unread_token], "was": PASSWORD}), path="/login")
    failing()
    fetch(vendor, home, DAY)
    token = vendor.asked_for("/v3/historical")[0].headers["authorization"].removeprefix("Bearer ")
    for status in (200, 400, 403, 500):
        vendor.misbehave(*[json_reply({"message": f"you sent {token}"}, status)] * 4, path="/v3/historical")
        failing()
        vendor.behave()
    logged = [caplog.text, *(str(vars(record)) for record in caplog.records)]
    hidden = (wrong_password, unread_token, PASSWORD, token, token[:20])
    assert not [text for text in texts + logged if any(secret in text for secret in hidden)]
    assert any("***" in text for text in texts)


def test_the_probe_says_what_the_account_may_ask(vendor: WattTimeVendor, home: Path) -> None:
    assert provider(vendor, home).probe(NOW) == "logged in; region CAISO_NORTH: forecast, historical"
    with pytest.raises(ProviderError, match=r"region DE.*GRID_REGION"):
        provider(vendor, home, grid_region="DE").probe(NOW)


def test_an_account_that_may_not_ask_what_it_may_ask_is_named(vendor: WattTimeVendor, home: Path) -> None:
    vendor.misbehave(json_reply({"error": "FORBIDDEN", "message": "no"}, 403), path="/v3/my-access")
    with pytest.raises(ProviderError, match="Look at WATTTIME_USERNAME and WATTTIME_PASSWORD"):
        provider(vendor, home).probe(NOW)
