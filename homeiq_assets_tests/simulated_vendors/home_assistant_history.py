"""A simulated Home Assistant with a recorder: its states and their history over REST, beside all that it is else."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant, _page

LONGEST_LINE = 8190
FLAGS = {"minimal_response", "no_attributes", "skip_initial_state"}
Json = dict[str, Any]


class HomeAssistantHistory(HomeAssistant):
    """`states` is what it lists: entity id -> attributes; `recorded` what its recorder wrote: times and states of each.

    Attributes are those of `states`, or before an instant others: `earlier`, entity id -> (until when, attributes), in
    order of time. A state that comes again is a change of attributes only. `asked` holds the path and parameters of
    each history request. `answer` stands in place of the right history, `listing` of the right list (text, as JSON).
    """

    def __init__(self, now: datetime, **more: Any) -> None:
        super().__init__(now, {}, **more)
        self.states: dict[str, Json] = {}
        self.recorded: dict[str, list[tuple[datetime, str | None]]] = {}
        self.earlier: dict[str, list[tuple[datetime, Json]]] = {}
        self.asked: list[tuple[str, Json]] = []
        self.answer: str | None = None
        self.listing: str | None = None

    def _http(self, connection: ServerConnection, request: Request) -> Response | None:
        url = urlsplit(request.path)
        history = url.path.startswith("/api/history/period")
        if self.status is not None or not (history or url.path == "/api/states"):
            return super()._http(connection, request)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _page(401, "401: Unauthorized", "text/plain")
        if len(f"GET {request.path} HTTP/1.1") > LONGEST_LINE:
            return _page(400, "Got more than 8190 bytes when reading Status line is too long.", "text/plain")
        if history:
            parameters = dict(parse_qsl(url.query, keep_blank_values=True))
            self.asked.append((unquote(url.path.removeprefix("/api/history/period/")), parameters))
            if self.answer is not None:
                return _page(200, self.answer, "application/json")
            return self._history(*self.asked[-1])
        if self.listing is not None:
            return _page(200, self.listing, "application/json")
        return _json(
            [self._whole(name, self._latest(name), attributes, self.now) for name, attributes in self.states.items()]
        )

    def _latest(self, name: str) -> str:
        rows = [state for at, state in self.recorded.get(name, []) if at <= self.now]
        return (rows[-1] if rows else None) or "unknown"

    def _history(self, begin: str, parameters: Json) -> Response:
        unknown = set(parameters) - FLAGS - {"filter_entity_id", "end_time", "significant_changes_only"}
        assert not unknown, f"no such parameters: {unknown}"
        try:
            start = datetime.fromisoformat(begin)
        except ValueError:
            return _json({"message": "Invalid datetime"}, 400)
        try:
            end = datetime.fromisoformat(parameters.get("end_time", (start + timedelta(days=1)).isoformat()))
        except ValueError:
            return _json({"message": "Invalid end_time"}, 400)
        if not parameters.get("filter_entity_id"):
            return _json({"message": "filter_entity_id is missing"}, 400)
        if start > self.now:
            return _json([])
        ids = parameters["filter_entity_id"].lower().split(",")
        series = (self._series(name, start, end, parameters) for name in reversed(ids) if name in self.recorded)
        return _json([rows for rows in series if rows])

    def _series(self, name: str, start: datetime, end: datetime, parameters: Json) -> list[Json]:
        kept = self.now - timedelta(days=self.purge_keep_days)
        rows, changed, before = [], None, None
        for at, state in self.recorded[name]:
            changed = at if state != before or changed is None else changed
            before = state
            if kept <= at <= self.now:
                rows.append((at, changed, state))
        held = [state for at, _, state in rows if at <= start]
        found: list[Json] = []

        def whole(state: str | None, at: datetime, changed: datetime | None = None) -> Json:
            attributes = {} if "no_attributes" in parameters else self._attributes(name, at)
            return self._whole(name, state, attributes, at, changed)

        if held and "skip_initial_state" not in parameters:
            found.append(whole(held[-1], start))
        for at, since, state in rows:
            if not start < at < end:
                continue
            if "minimal_response" not in parameters or not found:
                found.append(whole(state, at, since))
            elif state != found[-1]["state"]:
                found.append({"state": state, "last_changed": at.isoformat()})
        return found

    def _attributes(self, name: str, at: datetime) -> Json:
        before = (attributes for until, attributes in self.earlier.get(name, []) if at < until)
        return next(before, self.states.get(name, {}))

    def _whole(
        self, name: str, state: str | None, attributes: Json, at: datetime, changed: datetime | None = None
    ) -> Json:
        return {
            "entity_id": name,
            "state": state,
            "attributes": attributes,
            "last_changed": (changed or at).isoformat(),
            "last_updated": at.isoformat(),
        }


def _json(content: Any, status: int = 200) -> Response:
    return _page(status, json.dumps(content), "application/json")
