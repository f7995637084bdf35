"""How a request travels: within the time budget, the largest size and the vendor's quotas, read to its end."""

import time
from pathlib import Path

import httpx
from httpx_retries import Retry

from homeiq_assets.feeds import quotas
from homeiq_assets.feeds.answers import RETRIED, VendorFailure, told
from homeiq_assets.feeds.quotas import Quota

LARGEST_ANSWER = 64 * 2**20
QUOTAS = "homeiq_quotas"
"""The request extension that holds the quotas a request counts against."""


class WholeAnswers(httpx.BaseTransport):
    """Reads every answer to its end, within its size and the time budget; what goes out is counted in `ledger`.

    It stands below the retries, so that a connection lost in the middle of an answer is tried again too, and every
    try counts against the quota.
    """

    def __init__(self, provider: str, timeout: float, budget: float, ledger: Path) -> None:
        self._provider = provider
        self._timeout = timeout
        self._budget = budget
        self._deadline = time.monotonic() + budget
        self._ledger = ledger
        self._below = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for quota in request.extensions.get(QUOTAS, ()):
            self._keep_within(quota, request)
        request.extensions["timeout"] = httpx.Timeout(min(self._timeout, self._left(request))).as_dict()
        response = self._below.handle_request(request)
        try:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > LARGEST_ANSWER:
                    message = f"{told(request)} sent more than {LARGEST_ANSWER // 2**20} MB."
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
            message = f"{told(request)}: no complete answer within {self._budget:g} s, retries included."
            raise VendorFailure(self._provider, message, retryable=True)
        return left

    def _keep_within(self, quota: Quota, request: httpx.Request) -> None:
        """Count the request; wait for its turn where that comes within the budget. Raises VendorFailure where not."""
        while (wait := quotas.take(self._ledger, quota)) > 0:
            if wait > self._left(request):
                raise VendorFailure(
                    self._provider,
                    f"{told(request)} was not asked: the vendor allows {quota}, and they are used up for another "
                    f"{wait:.0f} s; a later run tries again.",
                    status=429,
                    wait=wait,
                )
            time.sleep(wait)

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
                f"{told(request)} answered {response.status_code} and asks to wait {wait:.0f} s, "
                f"longer than this call may take ({self._budget:g} s); a later run tries again.",
                status=response.status_code,
                wait=wait,
            )
