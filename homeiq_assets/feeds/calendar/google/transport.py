"""How Google's own libraries reach Google: through our client, whose time budget, quota, retries and log they share.

Also what Google's token endpoint answers, which the feed and `homeiq google-login` both ask.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from homeiq_assets.redaction import excerpt, register
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import answer_cache
from homeiq_assets.vendors.answers import VendorFailure, judge, told
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota

NAME = "google"
API, LOGIN = "https://www.googleapis.com", "https://oauth2.googleapis.com"
CREDENTIALS = ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_REFRESH_TOKEN")
# Google's allowance for one user.
QUOTA = Quota(NAME, 600, timedelta(minutes=1))
LOGIN_AGAIN = (
    "The login of GOOGLE_REFRESH_TOKEN is over: it was revoked, not used for six months, or given to an app whose "
    "publishing status is Testing, where it ends after 7 days. Run `homeiq google-login`."
)


class Grant(BaseModel):
    """What the token endpoint answers: an access token and how many seconds it lives."""

    model_config = ConfigDict(strict=True)

    # It travels in a header, which takes printable ASCII alone.
    access_token: str = Field(pattern=r"^[!-~]+$")
    expires_in: int = Field(gt=0, le=10_000_000)


class _Refusal(BaseModel):
    error: str
    error_description: str = ""


Granted = TypeVar("Granted", bound=Grant)


class Transport:
    """What Google's libraries ask through in place of httplib2. `answer` is the last one of the calendar API."""

    answer: httpx.Response

    def __init__(self, settings: Settings) -> None:
        self.api = settings.google_base_url or API
        self.token_uri = f"{settings.google_base_url or LOGIN}/token"
        self._settings = settings
        self._open = ExitStack()
        self._clients: dict[str, VendorClient] = {}
        self._recent = settings.homeiq_home / "caches" / "answers"
        self._fresh: httpx.Request | None = None

    def close(self) -> None:
        self._open.close()

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> tuple[Any, bytes]:
        """What httplib2's `Http.request` does, as far as those libraries use it."""
        import httplib2  # type: ignore[import-untyped]  # noqa: PLC0415

        content = body.encode() if isinstance(body, str) else body
        if uri == self.token_uri:
            answer = self._granted(uri, content, headers)
        else:
            answer = self.answer = self._asked(httpx.Request(method, uri, headers=headers, content=content))
        plain = {name.lower(): value for name, value in answer.headers.items()}
        return httplib2.Response({**plain, "status": str(answer.status_code)}), answer.content

    def remember(self) -> None:
        """The last answer was found right."""
        if self._fresh is not None:
            answer_cache.remember(self._recent, self._fresh, self.answer.content)

    def _asked(self, request: httpx.Request) -> httpx.Response:
        known = answer_cache.recall(self._recent, request)
        if known is not None:
            self._fresh = None
            return httpx.Response(200, content=known, request=request)
        self._fresh = request
        path = str(request.url).removeprefix(self.api)
        content = request.content or None
        return self._client(self.api).exchange(request.method, path, content=content, headers=request.headers)

    def _granted(self, uri: str, content: bytes | None, headers: Mapping[str, str] | None) -> httpx.Response:
        """The answer to a refresh. Raises VendorFailure for everything but a grant."""
        base = uri.removesuffix("/token")
        answer = self._client(base).exchange("POST", "/token", content=content, headers=headers)
        granted_or_raise(answer, Grant)
        return answer

    def _client(self, base_url: str) -> VendorClient:
        if base_url not in self._clients:
            client = VendorClient(NAME, base_url, self._settings, quota=QUOTA)
            self._clients[base_url] = self._open.enter_context(client)
        return self._clients[base_url]


def granted_or_raise(answer: httpx.Response, expect: type[Granted]) -> Granted:
    """What a token endpoint granted. Raises VendorFailure, which quotes nothing but its error's name."""
    grant = judge(NAME, answer, expect, (), confidential=True)
    if not isinstance(grant, VendorFailure):
        register(grant.access_token)
        return grant
    if answer.status_code not in (400, 401):
        raise grant
    try:
        refusal = _Refusal.model_validate_json(answer.content)
    except ValidationError:
        raise grant from None
    advice = {
        "invalid_grant": LOGIN_AGAIN,
        "invalid_client": "Look at GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.",
        "unauthorized_client": f"Look at {', '.join(CREDENTIALS)}: the token is of another client.",
    }.get(refusal.error, f"Look at {', '.join(CREDENTIALS)}.")
    why = excerpt(f"{refusal.error} ({refusal.error_description})", 200)
    raise VendorFailure(
        NAME, f"{told(answer.request)} answered {answer.status_code}: {why}. {advice}", status=answer.status_code
    )
