"""A simulated JSON API of nobody in particular, as an owner may describe it: strict, with a key or without.

`GET /v1/rows?from=…&to=…` takes ISO 8601 UTC, `/v1/seconds` and `/v1/millis` the same as numbers since 1970,
`/v1/dates?first=…&last=…` local dates, both included; `/v1/days/2026/11-20` is one local day, 404 until it is
published; `/v1/today` says what it likes. All answer `{"data": [{"t": …, …}]}`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class DescribedVendor(Vendor):
    """Serves `rows`: instant -> the objects of that time, whose key `t` is the instant as `told`.

    Nothing from `published` on is told. With a `key`, requests need it in the header `header` (behind `Bearer ` in
    Authorization) or, where `header` is None, as the parameter `key`.
    """

    def __init__(
        self,
        rows: Mapping[datetime, Sequence[dict[str, Any]]],
        *,
        zone: ZoneInfo,
        told: Callable[[datetime], Any] = iso,
        published: datetime | None = None,
        key: str | None = None,
        header: str | None = "authorization",
    ) -> None:
        super().__init__()
        self.rows = dict(rows)
        self.zone = zone
        self.told = told
        self.published = published
        self.key = key
        self.header = header

    def respond(self, request: Asked) -> Reply:
        params = dict(request.params)
        given = params.pop("key", None) if self.header is None else request.headers.get(self.header)
        expected = f"Bearer {self.key}" if self.header == "authorization" else self.key
        if self.key is not None and given is None:
            return json_reply({"error": "a key is needed"}, 401)
        if self.key is not None and given != expected:
            return json_reply({"error": f"the key {given} is not known"}, 403)
        try:
            window = self._window(request.path, params)
        except (ValueError, KeyError) as error:
            return json_reply({"error": {"code": 17, "message": f"parameters: {error}"}}, 400)
        if window is None:
            return json_reply({"error": "no such page"}, 404)
        return json_reply({"data": self._told(window)})

    def _window(self, path: str, params: dict[str, str]) -> Window | None:
        units = {"/v1/rows": _iso, "/v1/seconds": _number(1, 10), "/v1/millis": _number(1000, 13)}
        if path in units:
            first, last = units[path](params.pop("from")), units[path](params.pop("to"))
        elif path == "/v1/dates":
            days = [date.fromisoformat(params.pop(name)) for name in ("first", "last")]
            first, last = local_day(days[0], self.zone).start, local_day(days[1], self.zone).end
        elif found := re.fullmatch(r"/v1/days/(\d{4})/(\d\d-\d\d)", path):
            day = local_day(date.fromisoformat(f"{found[1]}-{found[2]}"), self.zone)
            if self.published is not None and day.start >= self.published:
                return None
            first, last = day.start, day.end
        elif path == "/v1/today":
            first, last = min(self.rows), datetime(2100, 1, 1, tzinfo=UTC)
        else:
            return None
        if params:
            raise ValueError(f"unknown: {', '.join(sorted(params))}")
        return Window(first, last)

    def _told(self, window: Window) -> list[dict[str, Any]]:
        return [
            {"t": self.told(at), **row}
            for at, rows in sorted(self.rows.items())
            if at in window and (self.published is None or at < self.published)
            for row in rows
        ]


def _iso(text: str) -> datetime:
    if not ISO.fullmatch(text):
        raise ValueError(f"{text} is not like 2026-11-20T00:00:00Z")
    return datetime.fromisoformat(text)


def _number(per_second: int, digits: int) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        if len(text) != digits:
            raise ValueError(f"{text} has not {digits} digits")
        return datetime.fromtimestamp(int(text) / per_second, UTC)

    return read
