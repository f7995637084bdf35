"""Logging in to Sense as its app does: a session kept in HOMEIQ_HOME, renewed when it is refused.

Renewing replaces the refresh token, so each session is kept as soon as it is there.
"""

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from homeiq_assets.errors import ProviderError
from homeiq_assets.redaction import register
from homeiq_assets.settings.variables import Settings, home_folder
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.answers import VendorFailure, judge
from homeiq_assets.vendors.http import VendorClient

NAME = "sense"
BELOW = "/apiservice/api/v1"
CREDENTIALS = ("METER_USERNAME", "METER_PASSWORD")

# It travels in a header, which takes printable ASCII alone.
_Token = Annotated[str, Field(pattern=r"^[!-~]+$")]


def _text(value: Any) -> Any:
    return str(value) if type(value) is int else value


_Id = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
"""Numbers today, opaque in any case."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _MonitorId(_Strict):
    id: _Id


class _Login(_Strict):
    access_token: _Token
    refresh_token: _Token
    user_id: _Id
    monitors: list[_MonitorId]


class _Renewal(_Strict):
    access_token: _Token
    refresh_token: _Token


class _Refusal(_Strict):
    mfa_token: str | None = None


class Session(BaseModel):
    """A login: its tokens, and the monitors of the account."""

    base_url: str
    username: str
    device_id: _Token
    access_token: _Token
    refresh_token: _Token
    user_id: str
    monitors: list[str]


Answer = TypeVar("Answer", bound=BaseModel)


class SenseLogin:
    """Sessions of the owner's account. All methods raise ProviderError and SettingError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base_url = settings.sense_base_url

    def session(self, client: VendorClient) -> Session:
        """The session kept, else a new one."""
        return self._held() or self.log_in(client)

    def sessions(self, client: VendorClient) -> Iterator[Session]:
        """The sessions to be tried in turn: the one kept, the same renewed, one of a new login."""
        held = self._held()
        if held is not None:
            yield held
            renewed = self._renewed(client, held)
            if renewed is not None:
                yield renewed
        yield self.log_in(client)

    @property
    def _file(self) -> Path:
        return home_folder(self._settings) / "tokens" / "sense.json"

    def _held(self) -> Session | None:
        held = state_files.read(self._file, Session)
        ours = (self._base_url, self._settings.meter_username)
        return held if held is not None and (held.base_url, held.username) == ours else None

    def _renewed(self, client: VendorClient, held: Session) -> Session | None:
        """The session with new tokens, None where it cannot be renewed any more."""
        form = {"user_id": held.user_id, "refresh_token": held.refresh_token}
        try:
            answer = self._post(client, "/renew", form, held.device_id, _Renewal)
        except VendorFailure as failure:
            if failure.retryable or failure.status not in (400, 401, 403, 404):
                raise
            return None
        # The old refresh token is no longer good.
        renewed = held.model_copy(update=answer.model_dump())
        state_files.write(self._file, renewed)
        return renewed

    def log_in(self, client: VendorClient) -> Session:
        """A new session."""
        username, password = (self._settings.required(name) for name in CREDENTIALS)
        register(password)
        # To Sense each id is a device of its own, so it stays the same.
        before = state_files.read(self._file, Session)
        device_id = before.device_id if before is not None else uuid.uuid4().hex
        login = self._post(client, "/authenticate", {"email": username, "password": password}, device_id, _Login)
        held = Session(
            base_url=self._base_url,
            username=username,
            device_id=device_id,
            access_token=login.access_token,
            refresh_token=login.refresh_token,
            user_id=login.user_id,
            monitors=[monitor.id for monitor in login.monitors],
        )
        state_files.write(self._file, held)
        return held

    def _post(
        self, client: VendorClient, path: str, form: Mapping[str, str], device_id: str, expect: type[Answer]
    ) -> Answer:
        """The answer to a form that asks for tokens, so neither is quoted."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "x-sense-device-id": device_id}
        response = client.exchange("POST", f"{BELOW}{path}", content=urlencode(form).encode(), headers=headers)
        if _asks_for_code(response.content):
            raise ProviderError(
                NAME,
                "the account of METER_USERNAME asks for a code of multi-factor authentication at every login, which "
                "no program can answer alone; turn it off in Sense's app, or set METER_TYPE=home_assistant and read "
                "Sense through Home Assistant, which asks you for the code",
            )
        answer = judge(NAME, response, expect, CREDENTIALS, confidential=response.is_success)
        if isinstance(answer, VendorFailure):
            raise answer
        return answer


def _asks_for_code(content: bytes) -> bool:
    try:
        return _Refusal.model_validate_json(content).mfa_token is not None
    except ValidationError:
        return False
