"""The one HTTP client that every vendor is asked through: patient with hiccups, strict with answers, silent on secrets.

What an answer turned out to be stands in `answers`, how requests travel in `transport`; what an answer means
belongs to its provider.
"""

import base64
import logging
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
from httpx_retries import Retry, RetryTransport

from homeiq_assets.redaction import excerpt, install, redact, register
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import answer_cache
from homeiq_assets.vendors.answers import EXCERPT, RETRIED, Model, VendorFailure, judge, told
from homeiq_assets.vendors.connections import Deadline
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.vendors.transport import ENCODING, QUOTAS, WholeAnswers

_SECRET_HEADERS = frozenset({"authorization", "authtoken", "auth-token", "x-api-key"})
_REDIRECTS = 3

logger = logging.getLogger(__name__)
Params = Mapping[str, str | int | float]


# The HTTP libraries log whole URLs. The line this module logs stands in their place; where somebody lowers
# their level to look for a fault, what they log is redacted.
install()
for _name in ("httpx", "httpcore", "httpx_retries"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class VendorClient:
    """Requests to one vendor, within one time budget.

    `timeout` (s) is that of each connect and read, `budget` (s) the deadline of all calls of this client, from
    connecting to decoding, with their retries and waits, counted from its making; `question` (s) a nearer one of each
    call. VENDOR_PATIENCE multiplies them. 429, 500, 502, 503, 504, timeouts and lost connections are tried again
    `retries` times, with exponential backoff and jitter, or as long after as `Retry-After` says. Every try counts
    against `quota`, which all processes share; where it is used up for longer than the budget, the vendor is not
    asked. Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        settings: Settings,
        *,
        timeout: float = 5.0,
        budget: float = 60.0,
        question: float | None = None,
        headers: Mapping[str, str] | None = None,
        retries: int = 3,
        quota: Quota | None = None,
    ) -> None:
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._quota = quota
        self._recent = settings.homeiq_home / "caches" / "answers"
        _remember(headers)
        patience = settings.vendor_patience
        timeout, budget = timeout * patience, budget * patience
        again = Retry(
            total=retries,
            # A POST is a question here too: a GraphQL query, a login.
            allowed_methods=["GET", "POST"],
            status_forcelist=RETRIED,
            backoff_factor=0.5 * patience,
            backoff_jitter=0.5,
            max_backoff_wait=budget,
            total_timeout=budget,
        )
        self._deadline = Deadline(budget, budget if question is None else question * patience)
        below = WholeAnswers(provider, timeout, self._deadline, settings.homeiq_home / "quotas.sqlite")
        self._client = httpx.Client(
            transport=RetryTransport(below, again),
            headers={"Accept": "application/json", "User-Agent": "homeiq-assets/0.1", **(headers or {})},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        expect: type[Model],
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: Sequence[str] = (),
        confidential: bool = False,
        quota: Quota | None = None,
    ) -> Model:
        """What the vendor answers to `path`, as JSON validated by the model `expect`.

        `params` join those that stand in `path` already. `auth` is user and password (HTTP Basic). `credentials`
        are the settings a 401 or 403 tells the owner to look at. `confidential`: the answer is itself a secret, errors
        never quote it and it is never kept. `quota` counts beside the client's own. A redirect is followed within the
        vendor's own host only, so that credentials go nowhere else.

        Raises VendorFailure for everything but such an answer; it is retryable where waiting can help.
        """
        request = self._request("GET", path, params, headers=headers, auth=auth, quota=quota)
        return self._ask(request, expect, credentials, confidential)

    def post(
        self,
        path: str,
        *,
        expect: type[Model],
        json: Any = None,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: Sequence[str] = (),
        confidential: bool = False,
        quota: Quota | None = None,
    ) -> Model:
        """As `get`, of a question that goes out as a JSON body or a form. Bodies are never logged or quoted."""
        request = self._request("POST", path, headers=headers, auth=auth, quota=quota, json=json, data=form)
        return self._ask(request, expect, credentials, confidential)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        quota: Quota | None = None,
    ) -> httpx.Response:
        """The answer as it came, whatever its status, for a vendor's own library to judge.

        Raises VendorFailure where none came, or none in time.
        """
        request = self._request(method, path, headers=headers, quota=quota, content=content)
        began = time.monotonic()
        answer = self._send(request)
        self._log(request, answer, began)
        if isinstance(answer, VendorFailure):
            raise answer
        return answer

    def _request(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None,
        quota: Quota | None,
        auth: tuple[str, str] | None = None,
        **body: Any,
    ) -> httpx.Request:
        own: dict[str, str] = {}
        if auth:
            basic = base64.b64encode(":".join(auth).encode()).decode()
            register(auth[1], basic)
            own = {"Authorization": f"Basic {basic}"}
        _remember(headers)
        url = httpx.URL(self._base_url + path)
        request = self._client.build_request(
            method,
            url.copy_merge_params(params) if params else url,
            headers={**own, **(headers or {})},
            extensions={QUOTAS: [one for one in (self._quota, quota) if one]},
            **body,
        )
        request.headers["Accept-Encoding"] = ENCODING
        return request

    def _ask(
        self, request: httpx.Request, expect: type[Model], credentials: Sequence[str], confidential: bool
    ) -> Model:
        known = answer_cache.recall(self._recent, request)
        if known is not None:
            answer = judge(self._provider, httpx.Response(200, content=known, request=request), expect, (), False)
            if not isinstance(answer, VendorFailure):
                return answer
        began = time.monotonic()
        response = self._send(request)
        if isinstance(response, VendorFailure):
            result: Model | VendorFailure = response
        else:
            result = judge(self._provider, response, expect, credentials, confidential)
        self._log(request, response if not isinstance(result, VendorFailure) else result, began)
        if isinstance(result, VendorFailure):
            raise result
        if not confidential and isinstance(response, httpx.Response):
            answer_cache.remember(self._recent, request, response.content)
        return result

    def _log(self, request: httpx.Request, answer: httpx.Response | VendorFailure, began: float) -> None:
        failed = isinstance(answer, VendorFailure)
        logger.log(
            logging.WARNING if failed else logging.INFO,
            "%s %s",
            self._provider,
            "failed" if failed else "answered",
            extra={
                "provider": self._provider,
                "url": redact(str(request.url)),
                "status": answer.status if isinstance(answer, VendorFailure) else answer.status_code,
                "ms": round((time.monotonic() - began) * 1000),
            },
        )

    def _send(self, request: httpx.Request) -> httpx.Response | VendorFailure:
        self._deadline.begin()
        try:
            response = self._client.send(request)
            for _ in range(_REDIRECTS):
                onward = response.next_request
                if onward is None or not _same_host(onward.url, request.url):
                    break
                onward.extensions = {**request.extensions}
                response = self._client.send(onward)
        except VendorFailure as failure:
            return failure
        except httpx.TimeoutException:
            return VendorFailure(self._provider, f"{told(request)} was not answered in time.", retryable=True)
        except httpx.HTTPError as error:
            said = excerpt(str(error), EXCERPT).rstrip(".")
            return VendorFailure(self._provider, f"{told(request)} failed: {said}.", retryable=True)
        return response


def _same_host(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _remember(headers: Mapping[str, str] | None) -> None:
    register(*(value.split(" ")[-1] for name, value in (headers or {}).items() if name.lower() in _SECRET_HEADERS))
