"""How a request travels: within the deadline, the largest size and the vendor's quotas, read to its end."""

import contextlib
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpcore
import httpx
from httpx_retries import Retry

from homeiq_assets.redaction import excerpt
from homeiq_assets.vendors import quotas
from homeiq_assets.vendors.answers import RETRIED, TooLarge, VendorFailure, told
from homeiq_assets.vendors.connections import Deadline, DeadlineBackend, tls
from homeiq_assets.vendors.quotas import Quota

LARGEST_ANSWER = 8 * 2**20
"""Bytes, decoded. Vendors send at most a few MB; as rows an answer takes some twenty times its size in memory."""
ENCODING = "gzip"
"""The one that is asked for and understood."""
QUOTAS = "homeiq_quotas"
"""The request extension that holds the quotas a request counts against."""
_PIECE = 2**16


class WholeAnswers(httpx.BaseTransport):
    """Reads every answer to its end, within its size and the deadline; counts requests in `ledger`.

    It stands below the retries, so that a connection lost in the middle of an answer is tried again too, and every
    try counts against the quota.
    """

    def __init__(self, provider: str, timeout: float, deadline: Deadline, ledger: Path) -> None:
        self._provider = provider
        self._timeout = httpx.Timeout(timeout).as_dict()
        self._deadline = deadline
        self._ledger = ledger
        self._pool = httpcore.ConnectionPool(ssl_context=tls(), network_backend=DeadlineBackend(deadline))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for quota in request.extensions.get(QUOTAS, ()):
            self._keep_within(quota, request)
        self._left(request)
        try:
            answer = self._read(request)
        except httpx.TransportError:
            # What the deadline cut off is told as that, and not tried again.
            self._left(request)
            raise
        self._refuse_long_wait(request, answer)
        return answer

    def close(self) -> None:
        self._pool.close()

    def _read(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with (
            _as_httpx(request),
            self._pool.stream(
                request.method,
                target,
                headers=request.headers.raw,
                content=request.read(),
                extensions={**request.extensions, "timeout": self._timeout},
            ) as response,
        ):
            headers = httpx.Headers(response.headers)
            sent = self._bounded(request, response.status, response.iter_stream())
            decoded = self._decoded(request, response.status, headers.get("Content-Encoding", ""), sent)
            body = b"".join(self._bounded(request, response.status, decoded))
        # The body is decoded by now, so what described its encoding is no longer true.
        for name in ("Content-Encoding", "Content-Length", "Transfer-Encoding"):
            headers.pop(name, None)
        return httpx.Response(response.status, headers=headers, content=body)

    def _bounded(self, request: httpx.Request, status: int, parts: Iterable[bytes]) -> Iterator[bytes]:
        """The parts, as long as they are not too many. Raises VendorFailure."""
        size = 0
        for part in parts:
            size += len(part)
            if size > LARGEST_ANSWER:
                limit = f"{LARGEST_ANSWER // 2**20} MB"
                raise TooLarge(
                    self._provider, f"{told(request)} sent more than {limit}, which is not read.", status=status
                )
            self._left(request)
            yield part

    def _decoded(self, request: httpx.Request, status: int, encoding: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        """The parts as they were before they were compressed, a bounded piece at a time."""
        encoding = encoding.strip().lower()
        if encoding in ("", "identity"):
            yield from parts
            return
        if encoding != ENCODING:
            raise VendorFailure(
                self._provider,
                f"{told(request)} answered in an encoding that was not asked for ({excerpt(encoding, 40)!r}).",
                status=status,
            )
        unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
        for part in parts:
            packed = part
            while packed and not unpacking.eof:
                try:
                    yield unpacking.decompress(packed, _PIECE)
                except zlib.error as error:
                    raise httpx.DecodingError(str(error), request=request) from None
                packed = unpacking.unconsumed_tail

    def _left(self, request: httpx.Request) -> float:
        """Seconds left until the deadline. Raises VendorFailure where it has passed."""
        if (left := self._deadline.left) <= 0:
            message = f"{told(request)}: no complete answer within {self._deadline.seconds:g} s, retries included."
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
                f"longer than this call may take ({self._deadline.seconds:g} s); a later run tries again.",
                status=response.status_code,
                wait=wait,
            )


@contextlib.contextmanager
def _as_httpx(request: httpx.Request) -> Iterator[None]:
    """Errors of the connection under the names that the retries know; the two libraries share them."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error), request=request) from None
