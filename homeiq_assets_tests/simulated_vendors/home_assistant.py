"""A strict simulated Home Assistant: its WebSocket API and two of its REST paths on one loopback port.

It keeps statistics as the recorder does: 5-minute means for `purge_keep_days` before its clock,
hourly means of them for ever, each compiled a few seconds after its interval ends.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from homeiq_assets.window import HOUR, ceil_to, floor_to

TOKEN = "eyJhbGciOiJIUzI1NiJ9.long-lived-access-token.of-the-tests"
SHORT = timedelta(minutes=5)
COMPILE_DELAY = timedelta(seconds=10)
WATTS_PER = {"W": 1.0, "kW": 1000.0, "MW": 1e6}
STATISTICS_KEYS = {"id", "type", "start_time", "end_time", "statistic_ids", "period", "units", "types"}
COUNTED = {
    "display_unit_of_measurement": "Wh",
    "statistics_unit_of_measurement": "kWh",
    "has_mean": False,
    "mean_type": 0,
    "has_sum": True,
    "unit_class": "energy",
}
TYPES = {"change", "last_reset", "max", "mean", "min", "state", "sum"}
HTML = "<!doctype html><html><head><title>My router</title></head><body>Welcome</body></html>"

Power = Callable[[datetime], float | None]
"""mean W of the 5-minute interval that begins then; None where Home Assistant was down"""

# The server's own log would show the frames, and the token in them, to a test that looks for it.
_quiet = logging.getLogger("simulated_home_assistant")
_quiet.setLevel(logging.CRITICAL)


class _RefusedError(Exception):
    """An error result: code and message."""


class HomeAssistant:
    """Between `with` and its end it answers at `url`; `commands` and `logins` hold what it was sent.

    `power` gives the 5-minute means by entity, `sums` the meter reading of counters (kWh) at an instant, `registries`
    the entries of devices and entities, of those that there are; without `socket` a proxy lets only REST through;
    `began` is when it was installed; `metadata` overrides what it says of an entity; with `lists_only` it says it of
    all at once. `raw` is sent, as it is, in place of every result; `misbehaviour` is `close` (goes away instead of a
    result), `error` (an error result), or `hello` (speaks another protocol); `status` with `page` answer every
    request over HTTP.
    """

    def __init__(self, now: datetime, power: Mapping[str, Power], *, purge_keep_days: float = 10) -> None:
        self.now = now
        self.power = dict(power)
        self.purge_keep_days = purge_keep_days
        self.began = datetime(2020, 1, 1, tzinfo=UTC)
        self.nulls: set[datetime] = set()
        self.metadata: dict[str, dict[str, Any]] = {}
        self.time_zone = "Europe/Vienna"
        self.raw: str | None = None
        self.misbehaviour: str | None = None
        self.status: int | None = None
        self.page = HTML
        self.logins: list[str] = []
        self.commands: list[dict[str, Any]] = []
        self.registries: dict[str, Any] = {"device": [], "entity": []}
        self.sums: dict[str, Callable[[datetime], float]] = {}
        self.lists_only = False
        self.socket = True

    def __enter__(self) -> Self:
        self._server = serve(self._converse, "127.0.0.1", 0, process_request=self._http, logger=_quiet)
        self.url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()

    def asked_for(self, period: str) -> list[dict[str, Any]]:
        """The statistics commands of that period."""
        return [command for command in self.commands if command.get("period") == period]

    def _http(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.status is not None:
            return _page(self.status, self.page, "text/html")
        if request.path == "/api/websocket" and self.socket:
            return None
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _page(401, "401: Unauthorized", "text/plain")
        pages = {"/api/": {"message": "API running."}, "/api/config": {"time_zone": self.time_zone, "state": "RUNNING"}}
        if request.path not in pages:
            return _page(404, "404: Not Found", "text/plain")
        return _page(200, json.dumps(pages[request.path]), "application/json")

    def _converse(self, connection: ServerConnection) -> None:
        try:
            if self.misbehaviour == "hello":
                connection.send(json.dumps({"jsonrpc": "2.0", "method": "hello"}))
                return
            connection.send(json.dumps({"type": "auth_required", "ha_version": "2026.11.0"}))
            login = json.loads(connection.recv())
            self.logins.append(str(login.get("access_token")))
            if login != {"type": "auth", "access_token": TOKEN}:
                connection.send(json.dumps({"type": "auth_invalid", "message": "Invalid access token or password"}))
                return
            connection.send(json.dumps({"type": "auth_ok", "ha_version": "2026.11.0"}))
            last = 0
            while True:
                last = self._serve(connection, json.loads(connection.recv()), last)
        except ConnectionClosed:
            return

    def _serve(self, connection: ServerConnection, command: dict[str, Any], last: int) -> int:
        self.commands.append(command)
        number = command["id"]
        answer: dict[str, Any] = {"id": number, "type": "result"}
        try:
            if number <= last:
                raise _RefusedError("id_reuse", "Identifier values have to increase.")
            if self.misbehaviour == "close":
                connection.close()
            if self.misbehaviour == "error":
                raise _RefusedError("unknown_error", "Unknown error")
            answer |= {"success": True, "result": self._result(command)}
        except _RefusedError as refused:
            answer |= {"success": False, "error": {"code": refused.args[0], "message": refused.args[1]}}
        connection.send(self.raw if self.raw is not None else json.dumps(answer))
        return int(number)

    def _result(self, command: dict[str, Any]) -> Any:
        kind = command["type"]
        registry = kind.removeprefix("config/").removesuffix("_registry/list")
        if registry in self.registries:
            _only(command, {"id", "type"})
            return self.registries[registry]
        if kind == "recorder/list_statistic_ids":
            _only(command, {"id", "type", "statistic_type"})
            return [self._described(name) for name in (*self.power, *self.sums)]
        if kind == "recorder/get_statistics_metadata" and not self.lists_only:
            _only(command, {"id", "type", "statistic_ids"})
            return [self._described(name) for name in command["statistic_ids"] if name in self.power]
        if kind == "recorder/statistics_during_period":
            return self._statistics(command)
        raise _RefusedError("unknown_command", "Unknown command.")

    def _described(self, name: str) -> dict[str, Any]:
        return (
            {
                "statistic_id": name,
                "display_unit_of_measurement": "kW",
                "statistics_unit_of_measurement": "W",
                "has_mean": True,
                "mean_type": 1,
                "has_sum": False,
                "name": None,
                "source": "recorder",
                "unit_class": "power",
            }
            | (COUNTED if name in self.sums else {})
            | self.metadata.get(name, {})
        )

    def _statistics(self, command: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        _only(command, STATISTICS_KEYS)
        ids, period = command.get("statistic_ids"), command.get("period")
        if not ids or period not in ("5minute", "hour") or not set(command.get("types", TYPES)) <= TYPES:
            raise _RefusedError("invalid_format", "not a valid value for dictionary value")
        start = _instant(command["start_time"], "invalid_start_time")
        end = _instant(command["end_time"], "invalid_end_time")
        # Without pinned units it converts to what the entity is displayed in.
        divisor = WATTS_PER[command.get("units", {}).get("power", "kW")]
        rows = {name: self._rows(self.power[name], period, start, end, divisor) for name in ids if name in self.power}
        scale = {"kWh": 1.0, "Wh": 1000.0}[command.get("units", {}).get("energy", "Wh")]
        rows |= {name: self._sums(self.sums[name], start, end, scale) for name in ids if name in self.sums}
        kept = {"start", "end", *command.get("types", TYPES)}
        return {
            name: [{key: value for key, value in row.items() if key in kept} for row in series]
            for name, series in rows.items()
            if series
        }

    def _sums(
        self, reading: Callable[[datetime], float], start: datetime, end: datetime, scale: float
    ) -> list[dict[str, Any]]:
        at, rows = max(ceil_to(start, HOUR), ceil_to(self.began, HOUR)), []
        while at < end and at + HOUR + COMPILE_DELAY <= self.now:
            state, change = reading(at + HOUR) * scale, (reading(at + HOUR) - reading(at)) * scale
            row = {"start": _milliseconds(at), "end": _milliseconds(at + HOUR), "last_reset": None}
            rows.append({**row, "state": state, "sum": state, "change": change})
            at += HOUR
        return rows

    def _rows(self, power: Power, period: str, start: datetime, end: datetime, divisor: float) -> list[dict[str, Any]]:
        step = SHORT if period == "5minute" else HOUR
        kept = self.began if period == "hour" else max(self.began, self.now - timedelta(days=self.purge_keep_days))
        at, rows = ceil_to(start, step), []
        while at < end and at + step + COMPILE_DELAY <= self.now:
            means = [power(at + n * SHORT) for n in range(step // SHORT) if at + n * SHORT >= self.began]
            known = [mean for mean in means if mean is not None]
            if known and at >= floor_to(kept, step):
                mean = None if at in self.nulls else sum(known) / len(known) / divisor
                row = {"start": _milliseconds(at), "end": _milliseconds(at + step), "mean": mean}
                rows.append(row | {"min": min(known) / divisor, "max": max(known) / divisor})
            at += step
        return rows


def _only(command: dict[str, Any], known: set[str]) -> None:
    if unknown := set(command) - known:
        raise _RefusedError("invalid_format", f"extra keys not allowed @ data['{min(unknown)}']. Got None")


def _instant(text: str, code: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _RefusedError(code, f"Invalid {code.removeprefix('invalid_')}") from None


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1000


def _page(status: int, body: str, kind: str) -> Response:
    content = body.encode()
    headers = Headers({"Content-Type": kind, "Content-Length": str(len(content)), "Connection": "close"})
    return Response(status, HTTPStatus(status).phrase, headers, content)
