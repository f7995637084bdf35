"""The WebSocket API of Home Assistant: connecting, authenticating, commands, its recorder's statistics.

What is not what the API promises becomes a ProviderError that names the setting to look at; the
token is in none of them.
"""

import json
import logging
import math
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from pydantic_core import from_json
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from homeiq_assets.errors import ProviderError
from homeiq_assets.redaction import excerpt, redact, register
from homeiq_assets.window import Window

NAME = "home_assistant"
CONNECT_SECONDS = 5
BUDGET_SECONDS = 60
LARGEST_MESSAGE = 16 * 2**20
"""Bytes, decoded; a large home's registries have some 3 MB."""
ROWS = 100_000
"""of statistics that are asked for at once: some 10 MB"""
EXCERPT = 200
PERIODS = {"5minute": timedelta(minutes=5), "hour": timedelta(hours=1)}
_LASTING_ERRORS = ("invalid_format", "invalid_start_time", "invalid_end_time", "unauthorized", "not_found")

# At DEBUG websockets logs every frame, and one of them is the token.
_frames = logging.getLogger(f"{__name__}.frames")
_frames.setLevel(logging.WARNING)


class UnknownCommandError(ProviderError):
    """This Home Assistant does not have the command."""


def failure(message: str, *, retryable: bool = False) -> ProviderError:
    """A ProviderError of Home Assistant, without secrets."""
    return ProviderError(NAME, redact(message), retryable=retryable)


class HomeAssistantSocket:
    """One authenticated connection, a context manager. Everything done with it shares one deadline.

    `patience` multiplies the seconds that connecting, and all together, may take (VENDOR_PATIENCE).

    Raises ProviderError: retryable where Home Assistant is away or busy; never where it refused the
    token, because it bans addresses that keep trying.
    """

    def __init__(self, url: str, token: str, patience: float) -> None:
        register(token)
        self._url = url
        self._token = token
        self._last_id = 0
        self._connect_seconds, self._budget = CONNECT_SECONDS * patience, BUDGET_SECONDS * patience
        self._deadline = time.monotonic() + self._budget

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._connection = self._connect(stack)
            self._authenticate()
            self._close = stack.pop_all().close
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def statistics_metadata(self, ids: Sequence[str] | None = None) -> dict[str, Mapping[str, Any]]:
        """What Home Assistant says of its long-term statistics (of all without `ids`), by statistic id."""
        if ids is None:
            rows = self._command("recorder/list_statistic_ids")
        else:
            try:
                rows = self._command("recorder/get_statistics_metadata", statistic_ids=list(ids))
            except UnknownCommandError:
                return {name: row for name, row in self.statistics_metadata().items() if name in ids}
        try:
            return {str(row["statistic_id"]): dict(row) for row in rows}
        except (TypeError, KeyError, ValueError):
            raise self._malformed(rows) from None

    def mean_power(self, ids: Sequence[str], window: Window, period: str) -> dict[str, dict[datetime, float]]:
        """Mean power in W by statistic id and start of the interval, of a `period` (see PERIODS).

        Only intervals that begin in the window and have a mean. The unit is pinned: without it Home
        Assistant converts to whatever its user displays today.
        """
        found = self.statistics(ids, window, period, units={"power": "W"}, types=["mean"])
        return {
            name: {start: values["mean"] for start, values in series.items() if "mean" in values}
            for name, series in found.items()
        }

    def statistics(
        self, ids: Sequence[str], window: Window, period: str, *, units: Mapping[str, str], types: Sequence[str]
    ) -> dict[str, dict[datetime, dict[str, float]]]:
        """Statistics by id and start of the interval, of a `period` (see PERIODS): the values of `types` that it has.

        Only intervals that begin in the window. `units` pins the unit of each unit class.
        """
        most = max(1, ROWS // (window.length // PERIODS[period] + 1))
        found: dict[str, dict[datetime, dict[str, float]]] = {}
        for first in range(0, len(ids), most):
            found |= self._statistics(ids[first : first + most], window, period, units=units, types=types)
        return found

    def _statistics(
        self, ids: Sequence[str], window: Window, period: str, *, units: Mapping[str, str], types: Sequence[str]
    ) -> dict[str, dict[datetime, dict[str, float]]]:
        result = self._command(
            "recorder/statistics_during_period",
            start_time=f"{window.start:%Y-%m-%dT%H:%M:%SZ}",
            end_time=f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
            statistic_ids=list(ids),
            period=period,
            units=dict(units),
            types=list(types),
        )
        try:
            found = {name: dict(_values(row, types) for row in result.get(name, [])) for name in ids}
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError, OSError):
            raise self._malformed(result) from None
        return {name: {at: one for at, one in rows.items() if at in window} for name, rows in found.items()}

    def registry(self, kind: str) -> list[dict[str, Any]]:
        """The entries of the registry of `area`, `entity` or `device`."""
        entries = self._command(f"config/{kind}_registry/list")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self._malformed(entries)
        return entries

    def _connect(self, stack: ExitStack) -> ClientConnection:
        address = "ws" + self._url.removeprefix("http") + "/api/websocket"
        try:
            return stack.enter_context(
                connect(
                    address,
                    open_timeout=self._connect_seconds,
                    close_timeout=1,
                    max_size=LARGEST_MESSAGE,
                    logger=_frames,
                )
            )
        except InvalidStatus as error:
            status = error.response.status_code
            if status == 403:
                raise failure(
                    "it refuses this machine (HTTP 403): its address may be banned; look into ip_bans.yaml of "
                    "Home Assistant, then at HOME_ASSISTANT_TOKEN"
                ) from None
            raise failure(
                f"HTTP {status} instead of a WebSocket at {self._url}: HOME_ASSISTANT_URL should be what a browser "
                "shows, such as http://homeassistant.local:8123",
                retryable=status >= 500 or status == 429,
            ) from None
        except (InvalidHandshake, InvalidURI) as error:
            said = _excerpt(str(error))
            raise failure(
                f"what answers at {self._url} is not Home Assistant ({said}); look at HOME_ASSISTANT_URL"
            ) from None
        except ssl.SSLError as error:
            raise failure(f"no secure connection to {self._url} ({error.reason}); look at HOME_ASSISTANT_URL") from None
        except OSError as error:
            reason = error.strerror or error or "it did not answer in time"
            raise failure(
                f"{self._url} cannot be reached ({reason}); is it running, and is HOME_ASSISTANT_URL right?",
                retryable=True,
            ) from None

    def _authenticate(self) -> None:
        hello = self._receive()
        if hello.get("type") != "auth_required":
            raise self._malformed(hello)
        self._send({"type": "auth", "access_token": self._token})
        answer = self._receive()
        if answer.get("type") == "auth_invalid":
            raise failure(
                f"it refuses the token in HOME_ASSISTANT_TOKEN ({_excerpt(answer.get('message'))}); make a new "
                "long-lived access token in your Home Assistant profile, under Security"
            )
        if answer.get("type") != "auth_ok":
            raise self._malformed(answer)

    def _command(self, kind: str, **fields: Any) -> Any:
        self._last_id += 1
        self._send({"id": self._last_id, "type": kind, **fields})
        answer = self._receive()
        if answer.get("type") != "result" or answer.get("id") != self._last_id or "success" not in answer:
            raise self._malformed(answer)
        if answer["success"] is not True:
            error = answer.get("error")
            code, text = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
            what = f"{kind} failed at {self._url}: {_excerpt(code)}: {_excerpt(text)}"
            if code == "unknown_command":
                raise UnknownCommandError(NAME, redact(f"{what}; is its recorder integration on?"), retryable=True)
            raise failure(what, retryable=code not in _LASTING_ERRORS)
        if "result" not in answer:
            raise self._malformed(answer)
        return answer["result"]

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._connection.send(json.dumps(message))
        except ConnectionClosed:
            raise self._closed() from None

    def _receive(self) -> dict[str, Any]:
        try:
            text = self._connection.recv(timeout=max(self._deadline - time.monotonic(), 0))
        except TimeoutError:
            raise failure(
                f"{self._url} (HOME_ASSISTANT_URL) did not finish its answer within {self._budget:g} s", retryable=True
            ) from None
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.code == CloseCode.MESSAGE_TOO_BIG:
                raise failure(
                    f"{self._url} (HOME_ASSISTANT_URL) sent more than {LARGEST_MESSAGE // 2**20} MB at once, which is "
                    "not read"
                ) from None
            raise self._closed() from None
        try:
            # Stricter than json: half a character, which it takes, could not be stored or shown.
            message = from_json(text)
        except ValueError:
            raise self._malformed(text) from None
        if not isinstance(message, dict):
            raise self._malformed(message)
        return message

    def _closed(self) -> ProviderError:
        return failure(f"{self._url} (HOME_ASSISTANT_URL) closed the connection midway; try again", retryable=True)

    def _malformed(self, message: Any) -> ProviderError:
        return failure(
            f"what {self._url} sent is not what Home Assistant's API promises; is HOME_ASSISTANT_URL right? "
            f"It began: {_excerpt(message)}"
        )


def _excerpt(message: Any) -> str:
    """The start of what came back."""
    try:
        text = message if isinstance(message, str) else json.dumps(message, default=repr)
    except RecursionError:
        text = "values within values, too deep to be shown"
    return excerpt(text, EXCERPT)


def _values(row: Mapping[str, Any], types: Sequence[str]) -> tuple[datetime, dict[str, float]]:
    """Start and values of one row; what is null or not there is left out."""
    milliseconds, values = row["start"], {kind: row.get(kind) for kind in types}
    for number in (milliseconds, *values.values()):
        if number is not None and (type(number) not in (int, float) or not math.isfinite(number)):
            raise ValueError(f"not a number: {number!r}")
    known = {kind: float(value) for kind, value in values.items() if value is not None}
    return datetime.fromtimestamp(milliseconds / 1000, UTC), known
