"""Logging in to Emporia: Amazon Cognito by SRP (the password itself never travels), its tokens kept and renewed.

Emporia has no tokens of its own to hand out: whoever asks logs in as the app does. pyemvue knows the app's
identity, and pycognito beside it the mathematics of SRP; requests go out through the same client as all others.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.redaction import register
from homeiq_assets.settings.variables import Settings, home_folder, secret
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.answers import VendorFailure, judge
from homeiq_assets.vendors.http import VendorClient

NAME = "emporia"
COGNITO_URL = "https://cognito-idp.us-east-2.amazonaws.com"
SERVICE = "AWSCognitoIdentityProviderService"
# A token about to expire would do so in the middle of a fetch.
SPARE = timedelta(minutes=2)
BUDGET_SECONDS = 30.0
REFUSALS = (400, 401, 403, 404)
_ACCOUNT = "METER_USERNAME and METER_PASSWORD"

# It travels in a header, which takes printable ASCII alone.
_Token = Annotated[str, Field(pattern=r"^[!-~]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Tokens(_Strict):
    id_token: _Token = Field(alias="IdToken")
    refresh_token: _Token | None = Field(None, alias="RefreshToken")
    expires_in: int = Field(alias="ExpiresIn", gt=0, le=86_400)


class _Reply(_Strict):
    """What Cognito answers: tokens, or the next challenge."""

    tokens: _Tokens | None = Field(None, alias="AuthenticationResult")
    challenge: str | None = Field(None, alias="ChallengeName")
    parameters: dict[str, str] | None = Field(None, alias="ChallengeParameters")


class _Kept(BaseModel):
    base_url: str
    account: str
    id_token: _Token
    refresh_token: _Token | None
    since: state_files.Instant
    expires: state_files.Instant


class EmporiaLogin:
    """Valid id tokens of the owner's account. All methods raise ProviderError and SettingError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def account(self) -> str:
        """What tells accounts apart in what is kept: the user's name, or a digest of the token set in its place."""
        settings = self._settings
        settings.sound("EMPORIA_BASE_URL", "METER_USERNAME", "METER_PASSWORD", "METER_API_TOKEN")
        if settings.meter_username and settings.meter_password is not None:
            # Cognito knows names in lower case only.
            return settings.meter_username.strip().lower()
        if settings.meter_api_token is None:
            missing = "METER_PASSWORD" if settings.meter_username else "METER_USERNAME"
            raise SettingError(
                missing, f"is not set; Emporia needs {_ACCOUNT} of its app's account, or a refresh token of it in "
                "METER_API_TOKEN"
            )  # fmt: skip
        return hashlib.sha256(secret(settings.meter_api_token).encode()).hexdigest()

    @property
    def named(self) -> str:
        """The settings that the account is in, for errors."""
        return _ACCOUNT if self._password else "METER_API_TOKEN"

    def token(self, now: datetime, refused: str | None = None) -> str:
        """The id token in force at `now`; a new one where the one kept has expired or is the `refused` one."""
        held = self._held()
        if held is not None and held.id_token != refused and held.since <= now < held.expires - SPARE:
            register(held.id_token)
            return held.id_token
        with self._client() as client:
            return self._renewed(client, held, now, refused)

    @property
    def _password(self) -> str:
        settings = self._settings
        return secret(settings.meter_password) if settings.meter_username else ""

    @property
    def _file(self) -> Path:
        return home_folder(self._settings) / "tokens" / "emporia.json"

    def _client(self) -> VendorClient:
        base_url = self._settings.emporia_base_url or COGNITO_URL
        return VendorClient(NAME, base_url, self._settings, budget=BUDGET_SECONDS)

    def _held(self) -> _Kept | None:
        held = state_files.read(self._file, _Kept)
        ours = (self._settings.emporia_base_url or COGNITO_URL, self.account)
        return held if held is not None and (held.base_url, held.account) == ours else None

    def _renewed(self, client: VendorClient, held: _Kept | None, now: datetime, refused: str | None) -> str:
        client_id, _ = _app()
        own = "" if self._password else secret(self._settings.meter_api_token)
        refresh = (held.refresh_token if held else None) or own
        if refresh:
            register(refresh)
            body = {
                "AuthFlow": "REFRESH_TOKEN_AUTH",
                "ClientId": client_id,
                "AuthParameters": {"REFRESH_TOKEN": refresh},
            }
            try:
                reply = _ask(client, "InitiateAuth", body)
                return self._keep(reply, refresh, now)
            except VendorFailure as failure:
                if failure.status not in REFUSALS or failure.retryable:
                    raise
                if not self._password:
                    if held is None and refused is None:
                        # It may be an id token as it is, which the API will tell.
                        return own
                    raise failure.advise("Log in anew and look at METER_API_TOKEN.") from None
        return self._keep(self._logged_in(client), None, now)

    def _logged_in(self, client: VendorClient) -> _Reply:
        from pycognito.aws_srp import AWSSRP  # noqa: PLC0415 - an extra, and slow to import

        client_id, pool = _app()
        register(self._password)
        # Given a client it makes none of its own; none is used, because the requests are made here.
        srp = AWSSRP(self.account, self._password, pool, client_id, client=client)
        asked = srp.get_auth_params()
        challenge = self._judged(
            client,
            "InitiateAuth",
            {"AuthFlow": "USER_SRP_AUTH", "ClientId": client_id, "AuthParameters": asked},
        )
        if challenge.challenge != srp.PASSWORD_VERIFIER_CHALLENGE:
            raise _unanswerable(challenge)
        try:
            answer = srp.process_challenge(challenge.parameters or {}, asked)
        except (KeyError, TypeError, ValueError):
            raise ProviderError(NAME, "its login's challenge is not what Amazon Cognito promises") from None
        return self._judged(
            client,
            "RespondToAuthChallenge",
            {
                "ChallengeName": srp.PASSWORD_VERIFIER_CHALLENGE,
                "ClientId": client_id,
                "ChallengeResponses": answer,
            },
        )

    def _judged(self, client: VendorClient, operation: str, body: Mapping[str, Any]) -> _Reply:
        try:
            return _ask(client, operation, body)
        except VendorFailure as failure:
            if failure.status not in REFUSALS or failure.retryable:
                raise
            raise failure.advise(
                f"Look at {_ACCOUNT}: the login of Emporia's app (one made with Google or Apple has no password; share "
                "the monitor with an account that has)."
            ) from None

    def _keep(self, reply: _Reply, refresh: str | None, now: datetime) -> str:
        if reply.tokens is None:
            raise _unanswerable(reply)
        tokens = reply.tokens
        # A renewal hands out a new refresh token only where the old one is no longer good.
        refresh = tokens.refresh_token or refresh
        register(tokens.id_token, refresh or "")
        held = _Kept(
            base_url=self._settings.emporia_base_url or COGNITO_URL,
            account=self.account,
            id_token=tokens.id_token,
            refresh_token=refresh,
            since=now,
            expires=now + timedelta(seconds=tokens.expires_in),
        )
        state_files.write(self._file, held)
        return tokens.id_token


def _app() -> tuple[str, str]:
    """Client id and user pool of Emporia's app. Raises SettingError where pyemvue is not installed."""
    try:
        from pyemvue.auth import CLIENT_ID, USER_POOL  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise SettingError(
            "METER_TYPE",
            "emporia needs the package pyemvue to log in, which is not installed; run: pip install pyemvue",
        ) from None
    return str(CLIENT_ID), str(USER_POOL)


def _ask(client: VendorClient, operation: str, body: Mapping[str, Any]) -> _Reply:
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{SERVICE}.{operation}"}
    response = client.exchange("POST", "/", content=json.dumps(body).encode(), headers=headers)
    # A right answer is made of tokens, so none is quoted.
    reply = judge(NAME, response, _Reply, (), confidential=response.is_success)
    if isinstance(reply, VendorFailure):
        busy = "TooManyRequestsException" in reply.excerpt
        raise VendorFailure(
            NAME,
            str(reply).removeprefix(f"{NAME}: "),
            retryable=reply.retryable or busy,
            status=reply.status,
            excerpt=reply.excerpt,
        )
    return reply


def _unanswerable(reply: _Reply) -> ProviderError:
    if reply.challenge is None:
        return ProviderError(NAME, "its login answered with neither tokens nor a challenge")
    return ProviderError(
        NAME,
        f"the account of METER_USERNAME asks for {reply.challenge}, which no program can answer alone; settle it in "
        "Emporia's app, or share the monitor with an account that has a password only",
    )
