"""What a vendor's answer turned out to be: the model asked for, or a failure that tells the owner what came instead."""

import json
from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from homeiq_assets.errors import ProviderError
from homeiq_assets.redaction import excerpt, redact
from homeiq_assets.vendors.skipped import skip

RETRIED = frozenset({429, 500, 502, 503, 504})
EXCERPT = 200

Model = TypeVar("Model", bound=BaseModel)


class VendorFailure(ProviderError):
    """A call to a vendor failed.

    `status` is the HTTP status, None where no answer came; `excerpt` is the start of what came back,
    without secrets. `wait` is how long (s) the vendor is to be left alone, where that is known; then a step is
    not tried again, which would be too soon.
    """

    def __init__(
        self,
        provider: str,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        excerpt: str = "",
        wait: float = 0,
    ) -> None:
        super().__init__(provider, message)
        self.retryable = retryable and not wait
        self.status = status
        self.excerpt = excerpt
        self.wait = wait

    def advise(self, advice: str) -> "VendorFailure":
        """The same failure, with a sentence for the owner at its end."""
        message = str(self).removeprefix(f"{self.provider}: ")
        return VendorFailure(
            self.provider,
            f"{message} {advice}",
            retryable=self.retryable,
            status=self.status,
            excerpt=self.excerpt,
            wait=self.wait,
        )


class TooLarge(VendorFailure):
    """The answer is larger than any that is read; a narrower question may have a smaller one."""


def judge(
    provider: str, response: httpx.Response, expect: type[Model], credentials: Sequence[str], confidential: bool
) -> Model | VendorFailure:
    """The answer as a model, or what is wrong with it.

    A failure is returned rather than raised inside `except`: pydantic's error quotes what it was given, and
    would travel along as the failure's context.
    """
    status = response.status_code

    def failure(problem: str, *, retryable: bool = False) -> VendorFailure:
        begins = "" if confidential else excerpt(response.content[: 100 * EXCERPT].decode(errors="replace"), EXCERPT)
        quoted = f": {begins}" if begins else "."
        what = f"{told(response.request)} {problem}{quoted}"
        return VendorFailure(provider, what, retryable=retryable, status=status, excerpt=begins)

    if response.has_redirect_location:
        target = excerpt(response.headers["Location"], EXCERPT)
        return failure(f"answered {status}, a redirect to {target}, which is not followed")
    if not response.is_success:
        # 429: the retries have already waited.
        refused = failure(f"answered {status} {_phrase(status)}".rstrip(), retryable=status in RETRIED - {429})
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
            details = error.errors(include_input=False, include_context=False, include_url=False)
            detail = details[0]
        sound = _sound_rows(provider, response.content, expect, details)
        if sound is not None:
            return sound
        if detail["type"] == "json_invalid":
            problem = f"answered {status} with something that is not (complete) JSON"
        else:
            retryable = False
            where = ".".join(str(part) for part in detail["loc"]) or "the answer"
            told_wrong = excerpt(f"{where} is not what the API promises ({detail['msg']})", 3 * EXCERPT)
            problem = f"answered {status}, but {told_wrong}"
    return failure(problem, retryable=retryable)


def _sound_rows(provider: str, content: bytes, expect: type[Model], details: Sequence[ErrorDetails]) -> Model | None:
    """The answer without the rows that are not what the API promises, which are skipped; None where more is wrong.

    A model names in `row_lists` the lists whose rows say something each by itself; an empty name is that of an
    answer that is a list. So much is wrong too where no row remains.
    """
    lists: Collection[str] = getattr(expect, "row_lists", ())
    odd: dict[tuple[int | str, ...], ErrorDetails] = {}
    for detail in details:
        place = detail["loc"]
        numbers = [n for n, part in enumerate(place) if isinstance(part, int) and _before(place, n) in lists]
        if not numbers:
            return None
        odd.setdefault(place[: numbers[0] + 1], detail)
    if not odd:
        return None
    whole = json.loads(content)
    remaining = 0
    for path in sorted({place[:-1] for place in odd}, key=str):
        rows = whole
        for part in path:
            rows = rows if isinstance(part, str) and isinstance(rows, list) else rows[part]
        wrong = {place[-1] for place in odd if place[:-1] == path}
        rows[:] = [row for n, row in enumerate(rows) if n not in wrong]
        remaining += len(rows)
    if not remaining:
        return None
    try:
        sound = expect.model_validate_json(json.dumps(whole))
    except ValidationError:
        return None
    for place, detail in odd.items():
        where = ".".join(map(str, detail["loc"]))
        problem = redact(f"{where} of its answer is not what the API promises ({detail['msg']})")
        skip(provider, f"{problem}; row {place[-1]} is left out")
    return sound


def _before(place: tuple[int | str, ...], number: int) -> str:
    """The name of the list that a part of a place is a number in."""
    return str(place[number - 1]) if number else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def told(request: httpx.Request) -> str:
    """Method and URL of a request, without secrets."""
    return f"{request.method} {redact(str(request.url))}"
