"""The one HTTP client that every vendor is asked through: patient with hiccups, strict with answers, silent on secrets.

Transport, retries, time budget, redaction and validation belong here; what a vendor's answer means
belongs to its provider.
"""

import base64
import logging
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

import httpx
from httpx_retries import Retry, RetryTransport
from pydantic import BaseModel, ValidationError

from homeiq_assets.errors import ProviderError
from homeiq_assets.redaction import install, redact, register

RETRIED = frozenset({429, 500, 502, 503, 504})
LARGEST_ANSWER = 64 * 2**20
EXCERPT = 200
_SECRET_HEADERS = frozenset({"authorization", "auth-token", "x-api-key"})
_REDIRECTS = 3

logger = logging.getLogger(__name__)
Model = TypeVar("Model", bound=BaseModel)
Params = Mapping[str, str | int | float]


# The HTTP libraries log whole URLs. The line this module logs stands in their place; where somebody lowers
# their level to look for a fault, what they log is redacted.
install()
for _name in ("httpx", "httpcore", "httpx_retries"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class VendorFailure(ProviderError):
    """A call to a vendor failed.

    `status` is the HTTP status, None where no answer came; `excerpt` is the start of what came back,
    without secrets.
    """

    def __init__(
        self, provider: str, message: str, *, retryable: bool = False, status: int | None = None, excerpt: str = ""
    ) -> None:
        super().__init__(provider, message)
        self.retryable = retryable
        self.status = status
        self.excerpt = excerpt

    def advise(self, advice: str) -> "VendorFailure":
        """The same failure, with a sentence for the owner at its end."""
        message = str(self).removeprefix(f"{self.provider}: ")
        return VendorFailure(
            self.provider, f"{message} {advice}", retryable=self.retryable, status=self.status, excerpt=self.excerpt
        )


class VendorClient:
    """GET requests to one vendor, within one time budget.

    `timeout` (s) is that of each connect and read, `budget` (s) that of all calls of this client with
    their retries and waits, counted from its making. 429, 500, 502, 503, 504, timeouts and lost
    connections are tried again `retries` times, with exponential backoff and jitter, or as long
    after as `Retry-After` says. Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        timeout: float = 5.0,
        budget: float = 60.0,
        headers: Mapping[str, str] | None = None,
        retries: int = 3,
    ) -> None:
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        _remember(headers)
        patience = Retry(
            total=retries,
            allowed_methods=["GET"],
            status_forcelist=RETRIED,
            backoff_factor=0.5,
            backoff_jitter=0.5,
            max_backoff_wait=budget,
            total_timeout=budget,
        )
        self._client = httpx.Client(
            transport=RetryTransport(_WholeAnswers(provider, timeout, budget), patience),
            headers={"Accept": "application/json", "User-Agent": "homeiq-assets", **(headers or {})},
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
    ) -> Model:
        """What the vendor answers to `path`, as JSON validated by the model `expect`.

        `auth` is user and password (HTTP Basic). `credentials` are the settings a 401 or 403 tells the
        owner to look at. `confidential`: the answer is itself a secret, errors never quote it. A redirect
        is followed within the vendor's own host only, so that credentials go nowhere else.

        Raises VendorFailure for everything but such an answer; it is retryable where waiting can help.
        """
        if auth:
            register(auth[1], base64.b64encode(":".join(auth).encode()).decode())
        _remember(headers)
        request = self._client.build_request("GET", self._base_url + path, params=params, headers=headers)
        began = time.monotonic()
        answer = self._send(request, auth)
        if isinstance(answer, VendorFailure):
            result: Model | VendorFailure = answer
            status = answer.status
        else:
            result = _judge(self._provider, answer, expect, credentials, confidential)
            status = answer.status_code
        failed = isinstance(result, VendorFailure)
        logger.log(
            logging.WARNING if failed else logging.INFO,
            "%s %s",
            self._provider,
            "failed" if failed else "answered",
            extra={
                "provider": self._provider,
                "url": redact(str(request.url)),
                "status": status,
                "ms": round((time.monotonic() - began) * 1000),
            },
        )
        if isinstance(result, VendorFailure):
            raise result
        return result

    def _send(self, request: httpx.Request, auth: tuple[str, str] | None) -> httpx.Response | VendorFailure:
        what = f"GET {redact(str(request.url))}"
        try:
            response = self._client.send(request, auth=auth)
            for _ in range(_REDIRECTS):
                onward = response.next_request
                if onward is None or not _same_host(onward.url, request.url):
                    break
                response = self._client.send(onward, auth=auth)
        except VendorFailure as failure:
            return failure
        except httpx.TimeoutException:
            return VendorFailure(self._provider, f"{what} was not answered in time.", retryable=True)
        except httpx.HTTPError as error:
            return VendorFailure(self._provider, f"{what} failed: {redact(str(error))}.", retryable=True)
        return response


class _WholeAnswers(httpx.BaseTransport):
    """Reads every answer to its end, within its size and the time budget.

    It stands below the retries, so that a connection lost in the middle of an answer is tried again too.
    """

    def __init__(self, provider: str, timeout: float, budget: float) -> None:
        self._provider = provider
        self._timeout = timeout
        self._budget = budget
        self._deadline = time.monotonic() + budget
        self._below = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["timeout"] = httpx.Timeout(min(self._timeout, self._left(request))).as_dict()
        response = self._below.handle_request(request)
        try:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > LARGEST_ANSWER:
                    message = f"GET {redact(str(request.url))} sent more than {LARGEST_ANSWER // 2**20} MB."
                    raise VendorFailure(self._provider, message, status=response.status_code)
                self._left(request)
        finally:
            response.close()
        self._refuse_long_wait(request, response)
        # The body is decoded by now, so what described its encoding is no longer true.
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body))

    def close(self) -> None:
        self._below.close()

    def _left(self, request: httpx.Request) -> float:
        """Seconds left of the budget. Raises VendorFailure without any."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            message = f"GET {redact(str(request.url))}: no complete answer within {self._budget:g} s, retries included."
            raise VendorFailure(self._provider, message, retryable=True)
        return left

    def _refuse_long_wait(self, request: httpx.Request, response: httpx.Response) -> None:
        asked = response.headers.get("Retry-After", "")
        if response.status_code not in RETRIED or not asked:
            return
        try:
            wait = Retry().parse_retry_after(asked)
        except ValueError:
            return
        if wait > self._left(request):
            raise VendorFailure(
                self._provider,
                f"GET {redact(str(request.url))} answered {response.status_code} and asks to wait {wait:.0f} s, "
                f"longer than this call may take ({self._budget:g} s); a later run tries again.",
                retryable=True,
                status=response.status_code,
            )


def _judge(
    provider: str, response: httpx.Response, expect: type[Model], credentials: Sequence[str], confidential: bool
) -> Model | VendorFailure:
    """The answer as a model, or what is wrong with it.

    A failure is returned rather than raised inside `except`: pydantic's error quotes what it was given, and
    would travel along as the failure's context.
    """
    status = response.status_code

    def failure(problem: str, *, retryable: bool = False) -> VendorFailure:
        # Redacted before it is cut: half a secret would not be recognised.
        text = "" if confidential else redact(response.content[: 100 * EXCERPT].decode(errors="replace"))
        excerpt = " ".join(text.split())[:EXCERPT]
        quoted = f": {excerpt}" if excerpt else "."
        what = f"GET {redact(str(response.url))} {problem}{quoted}"
        return VendorFailure(provider, what, retryable=retryable, status=status, excerpt=excerpt)

    if response.is_redirect:
        target = redact(response.headers["Location"])
        return failure(f"answered {status}, a redirect to {target}, which is not followed")
    if not response.is_success:
        refused = failure(f"answered {status} {_phrase(status)}".rstrip(), retryable=status in RETRIED)
        if status in (401, 403) and credentials:
            return refused.advise(f"Look at {', '.join(credentials)}.")
        return refused
    retryable = True
    if not response.content.strip():
        problem = f"answered {status} with nothing in it"
    else:
        try:
            return expect.model_validate_json(response.content)
        except ValidationError as error:
            detail = error.errors(include_input=False, include_context=False, include_url=False)[0]
        if detail["type"] == "json_invalid":
            problem = f"answered {status} with something that is not (complete) JSON"
        else:
            retryable = False
            where = ".".join(str(part) for part in detail["loc"]) or "the answer"
            problem = redact(f"answered {status}, but {where} is not what the API promises ({detail['msg']})")
    return failure(problem, retryable=retryable)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _same_host(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _remember(headers: Mapping[str, str] | None) -> None:
    register(*(value.split(" ")[-1] for name, value in (headers or {}).items() if name.lower() in _SECRET_HEADERS))
