"""`homeiq google-login`: the owner's one-time consent in a browser, and the refresh token into `.env`.

The token itself is never shown. How `.env` is edited stands in `env_file.py`.
"""

import secrets
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

import click
from pydantic import Field

from homeiq_assets.cli.env_file import keep_setting
from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.calendar.google.transport import LOGIN, NAME, Grant, granted_or_raise
from homeiq_assets.redaction import excerpt, register
from homeiq_assets.settings.variables import Settings, env_path, home_folder, load
from homeiq_assets.vendors.http import VendorClient

CONSENT = "https://accounts.google.com/o/oauth2/auth"
SCOPE = "https://www.googleapis.com/auth/calendar.events.readonly"
CALLBACK = "/oauth-callback"
SETTING = "GOOGLE_REFRESH_TOKEN"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DONE = "homeiq may read your calendar's events now. You can close this window."
REFUSED = "homeiq was not allowed to read your calendar. You can close this window."


class _Granted(Grant):
    # It has to fit into a line of .env as it is.
    refresh_token: str | None = Field(None, pattern=r"^[A-Za-z0-9._~/+=-]+$")
    refresh_token_expires_in: int | None = None
    scope: str


@click.command("google-login")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 in a container.")
@click.option("--wait", default=10.0, show_default=True, type=click.FloatRange(min=0), help="Minutes to wait for you.")
def google_login(bind: str, wait: float) -> None:
    """Allow homeiq to read your Google Calendar, once; the refresh token goes into .env."""
    settings = load()
    settings.require("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET")
    settings.sound("GOOGLE_LOGIN_PORT", "GOOGLE_BASE_URL")
    redirect = f"http://127.0.0.1:{settings.google_login_port}{CALLBACK}"
    url, state, verifier = _consent_url(settings, redirect)
    with _Loopback(settings, bind, state) as loopback:
        click.echo(f"Open this address in a browser on this machine, and allow it:\n\n{url}\n")
        click.echo(f"Waiting at {redirect} for {wait:g} minutes; Ctrl-C stops.")
        code = loopback.code(timedelta(minutes=wait))
    _keep(settings, _exchange(settings, code, redirect, verifier))


def _consent_url(settings: Settings, redirect: str) -> tuple[str, str, str]:
    """Where the owner says yes; the state that tells their answer from others, the proof that the question was ours."""
    from google_auth_oauthlib.flow import Flow  # noqa: PLC0415 (a fifth of a second, for this command alone)

    client = {
        "client_id": settings.required("GOOGLE_CLIENT_ID"),
        "client_secret": settings.required("GOOGLE_CLIENT_SECRET"),
        "auth_uri": CONSENT,
        "token_uri": f"{LOGIN}/token",
    }
    flow = Flow.from_client_config({"installed": client}, scopes=[SCOPE], redirect_uri=redirect)
    # Google gives a refresh token again only where it asks again.
    url, state = flow.authorization_url(access_type="offline", prompt="consent", state=secrets.token_urlsafe(32))
    register(flow.code_verifier)
    return str(url), str(state), str(flow.code_verifier)


class _Loopback:
    """Waits, between `with` and its end, for the browser to come back from Google."""

    def __init__(self, settings: Settings, bind: str, state: str) -> None:
        self._answers: Queue[tuple[str, str]] = Queue()
        answers = self._answers

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                said = {name: values[0] for name, values in parse_qs(parts.query).items()}
                if parts.path != CALLBACK:
                    return self._tell(404, "There is nothing here.")
                # Without the state of this very login it is somebody else's answer: go on waiting.
                if not secrets.compare_digest(said.get("state", "").encode(), state.encode()):
                    return self._tell(400, "This is not the answer to the login that is waiting; start anew.")
                if "error" in said or not said.get("code"):
                    self._tell(403, REFUSED)
                    return answers.put(("error", said.get("error", "no code")))
                self._tell(200, DONE)
                return answers.put(("code", said["code"]))

            def _tell(self, status: int, text: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                # The address holds the code.
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: what is asked for holds the code."""

        port = settings.google_login_port
        try:
            self._server = ThreadingHTTPServer((bind, port), Handler)
        except OSError as error:
            raise SettingError(
                "GOOGLE_LOGIN_PORT", f"cannot listen on {bind}, port {port} ({error.strerror}); set another one"
            ) from None
        self._server.daemon_threads = True
        self._server.block_on_close = False

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def code(self, patience: timedelta) -> str:
        """What is exchanged for tokens. Raises ProviderError where it was refused or did not come."""
        try:
            kind, said = self._answers.get(timeout=patience.total_seconds())
        except Empty:
            raise ProviderError(
                NAME, "nobody allowed it in time; run `homeiq google-login` again (docs/google_calendar.md)"
            ) from None
        if kind == "code":
            register(said)
            return said
        why = "you did not allow it" if said == "access_denied" else f"Google answered {excerpt(said, 100)!r}"
        raise ProviderError(NAME, f"{why}; nothing was changed")


def _exchange(settings: Settings, code: str, redirect: str, verifier: str) -> _Granted:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": redirect,
        "client_id": settings.required("GOOGLE_CLIENT_ID"),
        "client_secret": settings.required("GOOGLE_CLIENT_SECRET"),
    }
    # A code is good once: a second try would only be refused.
    with VendorClient(NAME, settings.google_base_url or LOGIN, settings, retries=0) as client:
        answer = client.exchange("POST", "/token", content=urlencode(form).encode(), headers=FORM)
        granted = granted_or_raise(answer, _Granted)
    if granted.refresh_token is None:
        raise ProviderError(
            NAME,
            "Google gave no refresh token. Remove homeiq at https://myaccount.google.com/connections and run "
            "`homeiq google-login` again.",
        )
    if SCOPE not in granted.scope.split():
        raise ProviderError(
            NAME, "reading events was not allowed (its box was left empty); run `homeiq google-login` again"
        )
    register(granted.refresh_token)
    return granted


def _keep(settings: Settings, granted: _Granted) -> None:
    token = granted.refresh_token or ""
    aside = home_folder(settings) / "tokens" / "google_refresh_token"
    try:
        place = keep_setting(env_path(), SETTING, token, aside)
    except OSError as error:
        raise SettingError("HOMEIQ_HOME", f"{aside} cannot be written ({error.strerror}), nor can .env") from None
    if place == aside:
        click.echo(f"{env_path()} cannot be written from here. The line to put into your .env is in {aside}, which")
        click.echo("only you can read; move it there and delete the file.")
    else:
        click.echo(f"{SETTING} is in {place} now.")
    click.echo("Then restart Dagster, and run `homeiq doctor`. If your environment sets the variable, that one counts.")
    seconds = granted.refresh_token_expires_in
    if seconds:
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        click.echo(f"The login ends on {ends:%Y-%m-%d %H:%M} UTC, because the app's publishing status is Testing.")
        click.echo("Publish the app in the Google Cloud console and run this again: then it does not end by itself.")
    else:
        click.echo("It ends if you revoke it, or if it is not used for six months.")
