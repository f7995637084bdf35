"""Access to Google: logins and their tokens, what is refused and why, and no secret told."""

import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.window import HOUR
from homeiq_assets_tests.feeds.calendar.google_home import NOW, PRIMARY, fetch, page, provider, rows, running
from homeiq_assets_tests.simulated_vendors.google import (
    CLIENT_SECRET,
    REFRESH_TOKEN,
    Calendar,
    GoogleVendor,
    all_day,
    fault,
    timed,
)
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply

TOKENS = "homeiq/tokens"
EVENT = timed("2026-03-02T09:00:00+01:00", "2026-03-02T12:00:00+01:00", summary="Away")


@pytest.fixture
def vendor() -> Iterator[GoogleVendor]:
    with running() as google:
        yield google


def logins(vendor: GoogleVendor) -> int:
    return len(vendor.asked_for("/token"))


def test_runs_within_an_hour_share_one_login(vendor: GoogleVendor) -> None:
    for _ in range(3):
        fetch(vendor)
    assert logins(vendor) == 1


def test_a_token_about_to_expire_is_replaced_first(vendor: GoogleVendor) -> None:
    vendor.lives = 60
    for _ in range(2):
        fetch(vendor)
    assert logins(vendor) == 2
    assert len(vendor.lists) == 2


def test_the_kept_token_is_for_the_owners_eyes_only(vendor: GoogleVendor, tmp_path: Path) -> None:
    fetch(vendor)
    (file,) = (tmp_path / TOKENS).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert REFRESH_TOKEN not in file.read_text()
    assert CLIENT_SECRET not in file.read_text()


@pytest.mark.parametrize(
    "content", ['{"of": ', "{}", '{"of": "somebody else", "token": "x", "expiry": "2099-01-01T00:00Z"}']
)
def test_a_token_file_that_is_damaged_or_of_another_login_costs_a_login(
    vendor: GoogleVendor, tmp_path: Path, content: str
) -> None:
    fetch(vendor)
    (tmp_path / TOKENS / "google.json").write_text(content)
    fetch(vendor)
    assert logins(vendor) == 2


def test_a_token_of_another_refresh_token_is_not_used(vendor: GoogleVendor) -> None:
    fetch(vendor)
    vendor.refresh_tokens.add("1//0gAnother")
    fetch(vendor, google_refresh_token=SecretStr("1//0gAnother"))
    assert logins(vendor) == 2


def test_a_token_refused_before_its_time_is_replaced_once(vendor: GoogleVendor) -> None:
    fetch(vendor)
    vendor.forget_logins()
    assert rows(fetch(vendor))
    assert logins(vendor) == 2
    fetch(vendor)
    assert logins(vendor) == 2


def test_a_login_that_goes_on_being_refused_is_not_repeated_for_ever(vendor: GoogleVendor) -> None:
    vendor.misbehave(*[fault(401, "authError", "Invalid Credentials")] * 5, path=PRIMARY)
    with pytest.raises(ProviderError, match=r"401.*homeiq google-login"):
        fetch(vendor)
    assert (logins(vendor), len(vendor.lists)) == (2, 2)


def test_a_login_that_is_over_says_why_and_what_to_do(vendor: GoogleVendor) -> None:
    vendor.refresh_tokens.clear()
    with pytest.raises(ProviderError) as caught:
        fetch(vendor)
    told = str(caught.value)
    assert "invalid_grant (Token has been expired or revoked.)" in told
    for part in ("GOOGLE_REFRESH_TOKEN", "Testing", "7 days", "six months", "`homeiq google-login`"):
        assert part in told
    assert not caught.value.retryable
    assert len(vendor.asked) == 1


def test_a_wrong_client_names_its_settings(vendor: GoogleVendor) -> None:
    with pytest.raises(ProviderError, match=r"invalid_client.*GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET"):
        fetch(vendor, google_client_secret=SecretStr("GOCSPX-wrong"))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (html_reply(), "not (complete) JSON"),
        (html_reply(400), "400"),
        (json_reply({"error": "server_busy"}, 400), "server_busy"),
        (json_reply({"error": {"code": 403}}, 403), "403"),
        (json_reply({"access_token": "two words", "expires_in": 3599}), "access_token is not what"),
        (json_reply({"access_token": "ya29.x", "expires_in": "soon"}), "expires_in is not what"),
        (json_reply({}), "access_token is not what"),
        (Reply(200, b""), "nothing in it"),
    ],
)
def test_whatever_else_the_login_answers_is_an_error_and_nothing_is_kept(
    vendor: GoogleVendor, tmp_path: Path, answer: Reply, problem: str
) -> None:
    vendor.misbehave(answer, path="/token")
    with pytest.raises(ProviderError) as caught:
        fetch(vendor)
    assert str(caught.value).startswith("google: POST http")
    assert problem in str(caught.value)
    assert not (tmp_path / TOKENS).exists()
    assert vendor.lists == []


def test_hiccups_are_waited_out(vendor: GoogleVendor) -> None:
    vendor.misbehave(json_reply({}, 503), json_reply({}, 429), path="/token")
    vendor.misbehave(json_reply({}, 500), Misbehaviour(reset=True), Misbehaviour(truncate=True), path=PRIMARY)
    assert len(rows(fetch(vendor))) == 96


def test_a_login_that_stays_down_is_tried_as_often_as_any_call(vendor: GoogleVendor) -> None:
    vendor.misbehave(*[json_reply({}, 503)] * 20, path="/token")
    with pytest.raises(ProviderError, match="503") as caught:
        fetch(vendor)
    assert caught.value.retryable
    assert logins(vendor) == 4


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded"])
def test_a_used_up_quota_is_an_error_that_a_later_run_may_try_again(vendor: GoogleVendor, reason: str) -> None:
    vendor.misbehave(fault(403, reason, "Rate Limit Exceeded", domain="usageLimits"), path=PRIMARY)
    with pytest.raises(ProviderError, match=r"403.*Rate Limit Exceeded.*later run") as caught:
        fetch(vendor)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (fault(403, "forbidden", "Forbidden"), r"GOOGLE_CALENDAR_IDS: the account may not read the events of primary"),
        (fault(403, "accessNotConfigured", "Not enabled", domain="usageLimits"), r"Enable the Google Calendar API"),
        (html_reply(403), r"GOOGLE_CALENDAR_IDS"),
        (fault(410, "deleted", "Resource has been deleted"), r"GOOGLE_CALENDAR_IDS.*has it no longer"),
        (fault(400, "badRequest", "Bad Request"), r"400 Bad Request"),
    ],
)
def test_what_google_refuses_says_what_to_look_at(vendor: GoogleVendor, answer: Reply, advice: str) -> None:
    vendor.misbehave(answer, path=PRIMARY)
    with pytest.raises(ProviderError, match=advice) as caught:
        fetch(vendor)
    assert not caught.value.retryable


def test_a_login_without_the_right_to_read_events_says_so(vendor: GoogleVendor) -> None:
    vendor.granted = "https://www.googleapis.com/auth/userinfo.email"
    with pytest.raises(ProviderError, match=r"403.*may not read events; run `homeiq google-login`"):
        fetch(vendor)


def test_a_calendar_that_is_not_there_is_named_with_its_setting(vendor: GoogleVendor) -> None:
    with pytest.raises(
        ProviderError, match=r"404.*Look at GOOGLE_CALENDAR_IDS: the account has no calendar ben@x\.org"
    ):
        fetch(vendor, google_calendar_ids="primary, ben@x.org")


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (page(EVENT | {"summary": 7}), "items.0.summary"),
        (page(EVENT | {"start": {"dateTime": "2026-03-02T09:00:00"}}), "items.0.start.dateTime"),
        (page(all_day("2026-03-02") | {"end": {"date": "yesterday"}}), "items.0.end.date"),
        (page("event"), "items.0"),
        (page(EVENT | {"attendees": {}}), "items.0.attendees"),
        (page(EVENT, items=None), "items"),
        (page(EVENT, kind="calendar#calendar"), "kind"),
        (json_reply({"error": {"code": 500, "message": "an error inside a 200"}}), "an error inside a 200"),
        (json_reply([]), "the answer"),
        (html_reply(), "Bad gateway"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (Reply(302, b"", {"Location": "https://elsewhere.example/login"}), "redirect to https://elsewhere.example"),
        (json_reply({}, 429, Retry_After="86400"), "86400 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: GoogleVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong, path=PRIMARY)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor)
    assert str(caught.value).startswith("google: ")
    assert problem in str(caught.value)


def test_a_page_that_comes_again_and_again_is_an_error(vendor: GoogleVendor) -> None:
    vendor.misbehave(*[page(EVENT, nextPageToken="p1")] * 9, path=PRIMARY)
    with pytest.raises(ProviderError, match="repeats a page"):
        fetch(vendor)
    assert len(vendor.lists) == 2


@pytest.mark.parametrize("name", ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_REFRESH_TOKEN"])
def test_missing_credentials_name_what_is_missing(vendor: GoogleVendor, name: str) -> None:
    with pytest.raises(SettingError, match=f"{name}: is not set"):
        fetch(vendor, **{name.lower(): None})
    assert vendor.asked == []


def test_no_secret_is_in_any_message_or_log_line(vendor: GoogleVendor, caplog: pytest.LogCaptureFixture) -> None:
    """The simulated answers repeat what they were sent."""
    for name in ("", "httpx", "httpcore", "googleapiclient", "google.auth", "google_auth_httplib2", "httplib2"):
        caplog.set_level(logging.DEBUG, logger=name)
    texts: list[str] = []

    def failing(**given: Any) -> None:
        with pytest.raises(ProviderError) as caught:
            fetch(vendor, **given)
        error: BaseException | None = caught.value
        while error is not None:
            texts.extend((str(error), repr(error)))
            error = error.__cause__ or error.__context__

    fetch(vendor)
    token = vendor.lists[0].headers["authorization"].removeprefix("Bearer ")
    for status in (200, 400, 403, 500):
        vendor.misbehave(*[json_reply({"message": f"you sent {token}"}, status)] * 4, path=PRIMARY)
        failing()
        vendor.behave()
    vendor.forget_logins()
    for status in (200, 400, 401, 500):
        content = {"error": "x", "error_description": f"{REFRESH_TOKEN} {CLIENT_SECRET}", "token": "ya29.unread"}
        vendor.misbehave(*[json_reply(content, status)] * 4, path="/token")
        failing(google_refresh_token=SecretStr(f"{REFRESH_TOKEN}-{status}"))
        vendor.behave()
    logged = [caplog.text, *(str(vars(record)) for record in caplog.records)]
    hidden = (token, token[:20], REFRESH_TOKEN, CLIENT_SECRET, "ya29.unread")
    assert not [text for text in texts + logged if any(secret in text for secret in hidden)]
    assert any("***" in text for text in texts)


def test_the_probe_asks_each_calendar_once_for_one_event(vendor: GoogleVendor) -> None:
    vendor.calendars["anna@example.com"] = Calendar(access="reader", summary="Anna")
    found = provider(vendor, google_calendar_ids="primary,anna@example.com").probe(NOW)
    assert found == "owner: owner@example.com (owner); anna: Anna (reader)"
    assert [request.params["maxResults"] for request in vendor.lists] == ["1", "1"]
    with pytest.raises(ProviderError, match="GOOGLE_CALENDAR_IDS"):
        provider(vendor, google_calendar_ids="ben@example.com").probe(NOW + HOUR)
