"""Google's Calendar API v3 as this project uses it: asked by Google's own client, sent through ours.

The access token is kept in HOMEIQ_HOME until it expires. How requests travel stands in `transport.py`, what
events mean in `provider.py`.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.calendar.events import When
from homeiq_assets.feeds.calendar.google.transport import CREDENTIALS, LOGIN_AGAIN, NAME, Transport
from homeiq_assets.redaction import register
from homeiq_assets.settings.variables import Settings, home_folder
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.answers import VendorFailure, judge
from homeiq_assets.window import Window

if TYPE_CHECKING:
    from google.oauth2.credentials import Credentials

CALENDARS = "GOOGLE_CALENDAR_IDS"
LARGEST_PAGE = 2500
FIELDS = (
    "kind,summary,accessRole,nextPageToken,items(status,eventType,summary,location,transparency,start,end,"
    "attendees(self,responseStatus),workingLocationProperties/type)"
)
SLOW_DOWN = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class Attendee(_Strict):
    """Who is invited; `own` is the calendar asked."""

    own: bool | None = Field(None, alias="self")
    response: str | None = Field(None, alias="responseStatus")


class _WorkingLocation(_Strict):
    type: str | None = None


class Item(_Strict):
    """One event, or one instance of a recurring one. A cancelled one may have nothing but its status."""

    status: str | None = None
    kind: str | None = Field(None, alias="eventType")
    summary: str | None = None
    location: str | None = None
    transparency: str | None = None
    start: When | None = None
    end: When | None = None
    attendees: list[Attendee] | None = None
    working: _WorkingLocation | None = Field(None, alias="workingLocationProperties")


class Page(_Strict):
    """A page of a calendar's events."""

    row_lists: ClassVar = frozenset({"items"})

    kind: str = Field(pattern="^calendar#events$")
    summary: str | None = None
    access: str | None = Field(None, alias="accessRole")
    next_page: str | None = Field(None, alias="nextPageToken")
    items: list[Item] = []


class _KeptToken(BaseModel):
    of: str
    token: str = Field(pattern=r"^[!-~]+$")
    expiry: state_files.Instant


class GoogleCalendars:
    """Calls with a valid login, between `with` and its end. Methods raise ProviderError and SettingError."""

    def __init__(self, settings: Settings) -> None:
        settings.sound("GOOGLE_BASE_URL")
        self._client_id, self._client_secret, self._refresh_token = (settings.required(name) for name in CREDENTIALS)
        self._settings = settings
        self._file = home_folder(settings) / "tokens" / "google.json"

    def __enter__(self) -> Self:
        # A second of import, for those only who ask Google.
        from google_auth_httplib2 import AuthorizedHttp  # type: ignore[import-untyped]  # noqa: PLC0415
        from googleapiclient.discovery import build  # noqa: PLC0415
        from googleapiclient.model import RawModel  # noqa: PLC0415

        self._transport = Transport(self._settings)
        self._credentials = self._kept_login()
        self._service = build(
            "calendar",
            "v3",
            http=AuthorizedHttp(self._credentials, self._transport, max_refresh_attempts=1),
            model=RawModel(),
            client_options={"api_endpoint": f"{self._transport.api}/calendar/v3/"},
            static_discovery=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    def pages(self, calendar: str, window: Window, *, largest: int = LARGEST_PAGE) -> Iterator[Page]:
        """The calendar's single events that overlap `window`, a page at a time; at least one page."""
        events = self._service.events()
        request = events.list(
            calendarId=calendar,
            singleEvents=True,
            timeMin=f"{window.start:%Y-%m-%dT%H:%M:%SZ}",
            timeMax=f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
            maxResults=largest,
            fields=FIELDS,
        )
        seen = set()
        while request is not None:
            page = self._page(request, calendar)
            yield page
            if page.next_page in seen:
                raise ProviderError(NAME, f"calendar {calendar} repeats a page of its events for ever")
            seen.add(page.next_page)
            request = events.list_next(request, {"nextPageToken": page.next_page})

    def _page(self, request: Any, calendar: str) -> Page:
        from googleapiclient.errors import HttpError  # noqa: PLC0415

        before = self._credentials.token
        try:
            request.execute()
        except HttpError:
            # What came instead is judged below.
            pass
        finally:
            if self._credentials.token != before:
                self._keep_login()
        result = judge(NAME, self._transport.answer, Page, (), False)
        if isinstance(result, VendorFailure):
            raise _explained(result, self._transport.answer, calendar)
        self._transport.remember()
        return result

    def _kept_login(self) -> "Credentials":
        from google.oauth2.credentials import Credentials  # noqa: PLC0415

        known = state_files.read(self._file, _KeptToken)
        if known is not None and known.of != self._whose:
            known = None
        if known is not None:
            register(known.token)
        return Credentials(  # type: ignore[no-untyped-call]
            token=known.token if known else None,
            # google-auth wants UTC without saying so.
            expiry=known.expiry.astimezone(dt.UTC).replace(tzinfo=None) if known else None,
            refresh_token=self._refresh_token,
            token_uri=self._transport.token_uri,
            client_id=self._client_id,
            client_secret=self._client_secret,
        )

    def _keep_login(self) -> None:
        token, expiry = self._credentials.token, self._credentials.expiry
        if token and expiry:
            state_files.write(self._file, _KeptToken(of=self._whose, token=token, expiry=expiry.replace(tzinfo=dt.UTC)))

    @property
    def _whose(self) -> str:
        """Tells whose token it is, without telling the secrets it was given for."""
        parts = (self._transport.token_uri, self._client_id, self._refresh_token)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _explained(failure: VendorFailure, answer: httpx.Response, calendar: str) -> VendorFailure:
    """The failure with what the owner can do about it."""
    reasons, advice = _reasons(answer), None
    if failure.status == 401:
        advice = LOGIN_AGAIN
    elif failure.status in (404, 410):
        advice = f"Look at {CALENDARS}: the account has no calendar {calendar}, or has it no longer."
    elif failure.status == 403 and reasons & SLOW_DOWN:
        failure.retryable = True
        advice = "Google's quota is used up for now; a later run tries again."
    elif failure.status == 403 and reasons & {"accessNotConfigured", "SERVICE_DISABLED"}:
        advice = "Enable the Google Calendar API in the project that GOOGLE_CLIENT_ID belongs to."
    elif failure.status == 403 and reasons & {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}:
        advice = "The login may not read events; run `homeiq google-login` and allow it."
    elif failure.status == 403:
        advice = f"Look at {CALENDARS}: the account may not read the events of {calendar}."
    return failure.advise(advice) if advice else failure


class _Reason(BaseModel):
    reason: str = ""


class _Fault(BaseModel):
    errors: list[_Reason] = []
    details: list[_Reason] = []


_FAULT = TypeAdapter(dict[str, _Fault])


def _reasons(answer: httpx.Response) -> set[str]:
    try:
        fault = _FAULT.validate_json(answer.content).get("error", _Fault())
    except ValidationError:
        return set()
    return {each.reason for each in (*fault.errors, *fault.details)}
