"""A simulated Google: the calendar API's events.list, the token endpoint and the consent page, as strict as the real.

Answers are those that were asked for by `fields` alone; errors have the real shapes, of the API's and of OAuth's.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode
from zoneinfo import ZoneInfo

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

CLIENT_ID = "1234567890-abcdef.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-correct-horse-battery"
REFRESH_TOKEN = "1//0gRefresh-of_the-tests"
SCOPE = "https://www.googleapis.com/auth/calendar.events.readonly"
CONSENT = "/o/oauth2/auth"
EVENTS = re.compile(r"/calendar/v3/calendars/([^/]+)/events")
KNOWN = {
    "alt", "calendarId", "eventTypes", "fields", "maxResults", "orderBy", "pageToken", "prettyPrint", "showDeleted",
    "singleEvents", "timeMax", "timeMin", "timeZone",
}  # fmt: skip
Json = dict[str, Any]


@dataclass
class Calendar:
    """A calendar's events, single ones and instances; `access` is what the account may do with it."""

    events: Sequence[Json] = ()
    zone: str = "Europe/Vienna"
    access: str = "owner"
    summary: str = "owner@example.com"


@dataclass
class _Code:
    redirect: str
    challenge: str
    scope: str


class GoogleVendor(Vendor):
    """Serves `calendars` by id. `page` is the most events of a page; an empty page comes first where `empty_first`.

    `granted` is the scope that logins have, `lives` how many seconds an access token does; `refresh_tokens` are those
    in force, `testing` says that the app is in Testing.
    """

    def __init__(self, calendars: Mapping[str, Calendar] | None = None) -> None:
        super().__init__()
        self.calendars = dict(calendars or {})
        self.page = 2500
        self.empty_first = False
        self.granted = SCOPE
        self.lives = 3599
        self.refresh_tokens = {REFRESH_TOKEN}
        self.testing = False
        self.give_refresh_token = True
        self._access: set[str] = set()
        self._codes: dict[str, _Code] = {}

    def forget_logins(self) -> None:
        """Every access token handed out is refused from now on."""
        self._access.clear()

    @property
    def lists(self) -> list[Asked]:
        """The requests for events."""
        return [request for request in self.asked if EVENTS.fullmatch(request.path)]

    def respond(self, request: Asked) -> Reply:
        if request.path == "/token" and request.method == "POST":
            return self._token(request)
        if request.path == CONSENT and request.method == "GET":
            return self._consent(request.params)
        found = EVENTS.fullmatch(request.path)
        if found is None or request.method != "GET":
            return Reply(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", {"Content-Type": "text/html"})
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._access:
            return fault(401, "authError", "Invalid Credentials", status="UNAUTHENTICATED")
        if self.granted != SCOPE:
            text = "Request had insufficient authentication scopes."
            return fault(403, "insufficientPermissions", text, status="PERMISSION_DENIED")
        calendar = self.calendars.get(unquote(found[1]))
        if calendar is None:
            return fault(404, "notFound", "Not Found")
        return self._events(calendar, request.params)

    def _events(self, calendar: Calendar, params: dict[str, str]) -> Reply:
        wrong = sorted(set(params) - KNOWN)
        try:
            bounds = [datetime.fromisoformat(params[name]) for name in ("timeMin", "timeMax")]
            largest = int(params.get("maxResults", "250"))
        except (KeyError, ValueError):
            return fault(400, "badRequest", "Bad Request")
        if wrong or any(bound.tzinfo is None for bound in bounds) or not 1 <= largest <= 2500:
            return fault(400, "badRequest", f"Bad Request {wrong}")
        if bounds[0] >= bounds[1]:
            return fault(400, "timeRangeEmpty", "The specified time range is empty.")
        if params.get("singleEvents") != "true":
            return fault(400, "badRequest", "these calendars hold single events alone")
        inside = [event for event in calendar.events if _overlaps(event, *bounds, ZoneInfo(calendar.zone))]
        first = int(params.get("pageToken", "p-1" if self.empty_first else "p0")[1:])
        size = min(largest, self.page)
        shown = inside[first * size : (first + 1) * size] if first >= 0 else []
        busy = calendar.access == "freeBusyReader"
        answer: Json = {
            "kind": "calendar#events",
            "etag": '"p32"',
            "summary": calendar.summary,
            "timeZone": calendar.zone,
            "accessRole": calendar.access,
            "defaultReminders": [],
            "items": [_without_details(event) if busy else event for event in shown],
        }
        if (first + 1) * size < len(inside):
            answer["nextPageToken"] = f"p{first + 1}"
        return json_reply(_partial(answer, params["fields"]) if "fields" in params else answer)

    def _token(self, request: Asked) -> Reply:
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            return _refusal("invalid_request", "Could not parse the request")
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _refusal("invalid_client", "The OAuth client was not found.", 401)
        answer: Json = {}
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self.refresh_tokens:
                return _refusal("invalid_grant", "Token has been expired or revoked.")
        elif form.get("grant_type") == "authorization_code":
            code = self._codes.pop(form.get("code", ""), None)
            if code is None or not _proves(form.get("code_verifier", ""), code.challenge):
                return _refusal("invalid_grant", "Malformed auth code.")
            if form.get("redirect_uri") != code.redirect:
                return _refusal("redirect_uri_mismatch", "Bad Request")
            if self.give_refresh_token:
                answer["refresh_token"] = f"1//0g{secrets.token_urlsafe(24)}"
                self.refresh_tokens.add(answer["refresh_token"])
            if self.testing:
                answer["refresh_token_expires_in"] = 604799
        else:
            return _refusal("unsupported_grant_type", "Invalid grant_type")
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self._access.add(token)
        fresh = {"access_token": token, "expires_in": self.lives, "scope": self.granted, "token_type": "Bearer"}
        return json_reply(fresh | answer)

    def _consent(self, params: dict[str, str]) -> Reply:
        """What the owner's click on Allow leads to; the page itself is left out."""
        expected = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "scope": SCOPE,
            "access_type": "offline",
            "prompt": "consent",
            "code_challenge_method": "S256",
        }
        wrong = {name for name, value in expected.items() if params.get(name) != value}
        redirect = params.get("redirect_uri", "")
        if wrong or not re.fullmatch(r"http://127\.0\.0\.1:\d+/\S*", redirect) or not params.get("state"):
            return Reply(400, f"Error 400: invalid_request {sorted(wrong)} {redirect}".encode())
        code = f"4/0A{secrets.token_urlsafe(16)}"
        self._codes[code] = _Code(redirect, params["code_challenge"], params["scope"])
        back = urlencode({"state": params["state"], "code": code, "scope": params["scope"]})
        return Reply(302, b"", {"Location": f"{redirect}?{back}"})


def fault(code: int, reason: str, message: str, *, domain: str = "global", status: str | None = None) -> Reply:
    """An error of the calendar API."""
    error: Json = {
        "code": code,
        "message": message,
        "errors": [{"domain": domain, "reason": reason, "message": message}],
    }
    return json_reply({"error": error | ({"status": status} if status else {})}, code)


def all_day(first: str, after: str | None = None, **more: Any) -> Json:
    """An all-day event; `after` is the exclusive end, one day if None."""
    last = after or (date.fromisoformat(first) + timedelta(days=1)).isoformat()
    return _event(start={"date": first}, end={"date": last}, **more)


def timed(start: str, end: str, **more: Any) -> Json:
    """An event from instant to instant, with their offsets."""
    return _event(start={"dateTime": start, "timeZone": "Europe/Vienna"}, end={"dateTime": end}, **more)


def working(kind: str, event: Json) -> Json:
    """The event as a working location."""
    detail = {"homeOffice": {}, "officeLocation": {"label": "HQ"}, "customLocation": {"label": "Café"}}
    properties = {"type": kind, kind: detail.get(kind, {})}
    return event | {
        "eventType": "workingLocation",
        "transparency": "transparent",
        "visibility": "public",
        "workingLocationProperties": properties,
    }


def cancelled(event: Json) -> Json:
    """A cancelled instance, with the little that is guaranteed of one."""
    return {"id": event["id"], "status": "cancelled", "recurringEventId": "series", "originalStartTime": event["start"]}


def _event(**more: Any) -> Json:
    usual = {"kind": "calendar#event", "etag": '"1"', "id": secrets.token_hex(8), "status": "confirmed"}
    return usual | {"eventType": "default", "updated": "2026-02-20T10:00:00.000Z"} | more


def _overlaps(event: Json, after: datetime, before: datetime, zone: ZoneInfo) -> bool:
    """timeMin is an exclusive bound of the end, timeMax of the start."""
    start = event.get("start") or event.get("originalStartTime")
    end = event.get("end") or start
    return start is None or (_instant(end, zone) > after and _instant(start, zone) < before)


def _instant(when: Json, zone: ZoneInfo) -> datetime:
    if "date" in when:
        return datetime.combine(date.fromisoformat(when["date"]), time(), zone).astimezone(UTC)
    return datetime.fromisoformat(when["dateTime"])


def _without_details(event: Json) -> Json:
    shown = {name: event[name] for name in ("kind", "etag", "id", "status", "start", "end") if name in event}
    return shown | {"visibility": "private"}


def _partial(answer: Any, fields: str) -> Any:
    """What a `fields` mask leaves of an answer."""
    if isinstance(answer, list):
        return [_partial(each, fields) for each in answer]
    kept: Json = {}
    for name, below in _split(fields):
        if name in answer:
            kept[name] = _partial(answer[name], below) if below else answer[name]
    return kept


def _split(fields: str) -> list[tuple[str, str]]:
    """`a,b(c,d),e/f` as name and what is asked for below it."""
    found = re.findall(r"(\w+)(?:\(((?:[^()]|\([^()]*\))*)\)|/(\w+))?(?:,|$)", fields)
    return [(name, inner or below) for name, inner, below in found]


def _proves(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge


def _refusal(error: str, description: str, status: int = 400) -> Reply:
    return json_reply({"error": error, "error_description": description}, status)
