"""The part of a simulated Home Assistant's REST API that serves calendars, with the errors that the real one has."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

TOKEN = "eyJhbGciOiJIUzI1NiJ9.long-lived-access-token.of-the-tests"
PREFIX = "/api/calendars"
Json = dict[str, Any]


class HomeAssistantRest(Vendor):
    """Serves `calendars`: entity id -> its events; `failing` is what the calendar's own server says is wrong."""

    def __init__(self, calendars: Mapping[str, Sequence[Json]], zone: str = "Europe/Vienna") -> None:
        super().__init__()
        self.calendars = dict(calendars)
        self.zone = ZoneInfo(zone)
        self.failing: str | None = None

    def respond(self, request: Asked) -> Reply:
        if not request.path.startswith("/api/"):
            return Reply(404, b"404: Not Found", {"Content-Type": "text/plain; charset=utf-8"})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, b"401: Unauthorized", {"Content-Type": "text/plain; charset=utf-8"})
        if request.path == PREFIX:
            names = [{"name": name.partition(".")[2].title(), "entity_id": name} for name in self.calendars]
            return json_reply(sorted(names, key=lambda each: each["name"]))
        if not request.path.startswith(f"{PREFIX}/"):
            return Reply(404, b"404: Not Found", {"Content-Type": "text/plain; charset=utf-8"})
        events = self.calendars.get(request.path.removeprefix(f"{PREFIX}/"))
        bounds = [_moment(request.params.get(name)) for name in ("start", "end")]
        if events is None or bounds[0] is None or bounds[1] is None or bounds[0] > bounds[1]:
            return Reply(400, b"", {"Content-Type": "application/octet-stream"})
        if self.failing is not None:
            return json_reply({"message": f"Error reading events: {self.failing}"}, 500)
        start, end = bounds[0], bounds[1]
        inside = [each for each in events if self._instant(each["end"]) > start and self._instant(each["start"]) < end]
        return json_reply([{**each, **self._local(each)} for each in inside])

    def _instant(self, when: Json) -> datetime:
        if "date" in when:
            return datetime.combine(date.fromisoformat(when["date"]), time(), self.zone).astimezone(UTC)
        return datetime.fromisoformat(when["dateTime"])

    def _local(self, event: Json) -> Json:
        """Times come in Home Assistant's own zone."""
        return {
            name: {"dateTime": self._instant(event[name]).astimezone(self.zone).isoformat()}
            for name in ("start", "end")
            if "dateTime" in event[name]
        }


def event(start: str, end: str, summary: str, **more: Any) -> Json:
    """An event of every attribute that Home Assistant gives; all-day where its ends are dates."""
    key = "date" if len(start) == 10 else "dateTime"
    absent: Json = {"description": None, "location": None, "uid": None, "recurrence_id": None, "rrule": None}
    return {"start": {key: start}, "end": {key: end}, "summary": summary, **absent, **more}


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
