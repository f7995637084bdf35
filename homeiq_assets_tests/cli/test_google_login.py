"""`homeiq google-login`: consent in a browser, the token into `.env`, and no secret on the screen."""

import io
import re
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from homeiq_assets_tests.cli.conftest import Outcome
from homeiq_assets_tests.simulated_vendors.google import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, GoogleVendor
from homeiq_assets_tests.simulated_vendors.server import html_reply, json_reply

CONSENT_HOST = "https://accounts.google.com"


class Terminal(io.StringIO):
    """What the command writes; the address it shows goes to whoever waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: Queue[str] = Queue()

    def write(self, text: str) -> int:
        for address in re.findall(r"https://accounts\.google\.com\S+", text):
            self.addresses.put(address)
        return super().write(text)


@dataclass
class Login:
    """The command's end, what it wrote, and the pages that the browser saw."""

    outcome: Outcome
    text: str
    pages: list[httpx.Response]
    env: Path


Owner = Callable[[str, str], list[httpx.Response]]
"""What the owner does with the address shown: (address, URL of the simulated Google) -> the pages seen"""


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=10, trust_env=False)


def consented(address: str, google: str) -> str:
    """Where Google sends the browser once the owner clicked Allow."""
    answer = get(address.replace(CONSENT_HOST, google))
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def allows(address: str, google: str) -> list[httpx.Response]:
    return [get(consented(address, google))]


def refuses(address: str, google: str) -> list[httpx.Response]:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    return [get(f"{asked['redirect_uri']}?error=access_denied&state={asked['state']}")]


@pytest.fixture
def vendor() -> Iterator[GoogleVendor]:
    with GoogleVendor() as google:
        yield google


@pytest.fixture
def login(
    homeiq: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vendor: GoogleVendor
) -> Callable[..., Login]:
    """Run the command on a free port while `owner` uses the browser; `.env` holds `env` (None: there is none)."""

    def run(owner: Owner | None = allows, *words: str, env: str | None = "#GOOGLE_REFRESH_TOKEN=\n") -> Login:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        variables = {
            "GOOGLE_BASE_URL": vendor.url,
            "GOOGLE_CLIENT_ID": CLIENT_ID,
            "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "GOOGLE_LOGIN_PORT": str(port),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        if env is not None:
            (tmp_path / ".env").write_bytes(env.encode())
        terminal, pages = Terminal(), []

        def browse() -> None:
            if owner is not None:
                pages.extend(owner(terminal.addresses.get(timeout=30), vendor.url))

        browser = threading.Thread(target=browse, daemon=True)
        browser.start()
        with redirect_stdout(terminal):
            outcome = homeiq("google-login", "--wait", "0.2", *words)
        browser.join(30 if owner else 0)
        return Login(outcome, terminal.getvalue(), pages, tmp_path / ".env")

    return run


def token_in(file: Path) -> str:
    (token,) = re.findall(r"^GOOGLE_REFRESH_TOKEN=(\S+)$", file.read_text(), re.MULTILINE)
    return str(token)


def test_consent_puts_a_token_that_works_into_env_and_shows_no_secret(
    login: Callable[..., Login], vendor: GoogleVendor
) -> None:
    done = login(env="# mine\nGRID_REGION=DE\n#GOOGLE_REFRESH_TOKEN=\nLATITUDE=48\n")
    assert (done.outcome.status, done.outcome.err) == (0, "")
    token = token_in(done.env)
    assert token in vendor.refresh_tokens - {REFRESH_TOKEN}
    assert done.env.read_text() == f"# mine\nGRID_REGION=DE\nGOOGLE_REFRESH_TOKEN={token}\nLATITUDE=48\n"
    (page,) = done.pages
    assert (page.status_code, "close this window" in page.text) == (200, True)
    code = parse_qs(page.request.url.query.decode())["code"][0]
    seen = done.text + page.text
    assert not [secret for secret in (token, CLIENT_SECRET, code) if secret in seen]
    assert f"GOOGLE_REFRESH_TOKEN is in {done.env} now" in done.text
    assert "homeiq doctor" in done.text
    assert "not used for six months" in done.text


def test_what_is_asked_is_the_least_that_reads_events_offline_and_with_proof(login: Callable[..., Login]) -> None:
    asked: dict[str, Any] = {}

    def looks(address: str, google: str) -> list[httpx.Response]:
        asked.update({name: values[0] for name, values in parse_qs(urlsplit(address).query).items()})
        return allows(address, google)

    assert login(looks).outcome.status == 0
    assert asked["scope"] == "https://www.googleapis.com/auth/calendar.events.readonly"
    assert (asked["access_type"], asked["prompt"], asked["code_challenge_method"]) == ("offline", "consent", "S256")
    assert urlsplit(asked["redirect_uri"]).path == "/oauth-callback"


def test_a_testing_app_is_told_when_its_login_ends(login: Callable[..., Login], vendor: GoogleVendor) -> None:
    vendor.testing = True
    text = login().text
    assert re.search(r"The login ends on \d{4}-\d\d-\d\d \d\d:\d\d UTC, because .* Testing", text)
    assert "Publish the app" in text


def test_a_refusal_changes_nothing(login: Callable[..., Login]) -> None:
    done = login(refuses)
    assert done.outcome.status == 1
    assert "google: you did not allow it; nothing was changed" in done.outcome.err
    assert done.pages[0].status_code == 403
    assert done.env.read_text() == "#GOOGLE_REFRESH_TOKEN=\n"


def test_an_answer_with_another_state_is_not_taken_and_the_right_one_still_is(login: Callable[..., Login]) -> None:
    def attacked(address: str, google: str) -> list[httpx.Response]:
        right = consented(address, google)
        callback = right.partition("?")[0]
        forged = [
            f"{callback}?code=4/0Aattacker&state=guessed",
            f"{callback}?code=4/0Aattacker",
            f"{callback}?error=access_denied&state=",
            callback.replace("oauth-callback", "favicon.ico"),
        ]
        return [get(url) for url in (*forged, right)]

    done = login(attacked)
    assert [page.status_code for page in done.pages] == [400, 400, 400, 404, 200]
    assert done.outcome.status == 0


def test_nobody_coming_back_is_an_end(login: Callable[..., Login]) -> None:
    done = login(None, "--wait", "0")
    assert done.outcome.status == 1
    assert "nobody allowed it in time" in done.outcome.err


def test_a_port_that_is_taken_names_the_setting(
    homeiq: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("GOOGLE_LOGIN_PORT", str(taken.getsockname()[1]))
        monkeypatch.setenv("GOOGLE_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("GOOGLE_CLIENT_SECRET", CLIENT_SECRET)
        outcome = homeiq("google-login")
    assert outcome.status == 1
    assert "GOOGLE_LOGIN_PORT: cannot listen on 127.0.0.1" in outcome.err


def test_a_client_is_needed_first(homeiq: Callable[..., Outcome]) -> None:
    assert "GOOGLE_CLIENT_ID: is not set" in homeiq("google-login").err


def test_in_a_container_it_listens_on_all_addresses(login: Callable[..., Login]) -> None:
    def from_outside(address: str, google: str) -> list[httpx.Response]:
        return [get(consented(address, google).replace("127.0.0.1", "127.0.0.2"))]

    assert login(from_outside, "--bind", "0.0.0.0").outcome.status == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"give_refresh_token": False}, "Google gave no refresh token. Remove homeiq at"),
        ({"granted": "openid"}, "its box was left empty"),
    ],
)
def test_what_was_not_given_is_told_and_nothing_stored(
    login: Callable[..., Login], vendor: GoogleVendor, change: dict[str, Any], told: str
) -> None:
    for name, value in change.items():
        setattr(vendor, name, value)
    done = login()
    assert done.outcome.status == 1
    assert told in done.outcome.err
    assert done.env.read_text() == "#GOOGLE_REFRESH_TOKEN=\n"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (json_reply({"error": "invalid_client", "error_description": "unknown"}, 401), "GOOGLE_CLIENT_SECRET"),
        (
            json_reply({"access_token": "x", "expires_in": 1, "scope": "", "refresh_token": "a'b"}),
            "refresh_token is not",
        ),
        (html_reply(), "not (complete) JSON"),
    ],
)
def test_a_bad_answer_to_the_code_is_told_without_what_it_held(
    login: Callable[..., Login], vendor: GoogleVendor, answer: Any, problem: str
) -> None:
    vendor.misbehave(answer, path="/token")
    done = login()
    assert done.outcome.status == 1
    assert problem in done.outcome.err
    assert "a'b" not in done.outcome.err


@pytest.mark.parametrize("unusable", [False, True], ids=["no .env", "a folder in its place"])
def test_without_an_env_to_write_the_token_waits_in_a_private_file(
    login: Callable[..., Login], tmp_path: Path, unusable: bool
) -> None:
    if unusable:
        (tmp_path / ".env").mkdir()
    done = login(env=None)
    aside = tmp_path / "homeiq" / "tokens" / "google_refresh_token"
    assert done.outcome.status == 0
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert token_in(aside) not in done.text
    assert f"is in {aside}" in done.text
