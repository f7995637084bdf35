"""Connections to vendors that end at a deadline, whatever the other side does.

Looking up the name, connecting, TLS, and every byte in either direction wait no longer than what is left: a vendor
that sends a byte a second is as silent as one that sends none.
"""

import functools
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable

import httpcore
import httpx


@functools.cache
def tls() -> ssl.SSLContext:
    """What certificates are trusted, loaded once for all vendors: it costs more than the request that needs it."""
    return httpx.create_ssl_context()


class Deadline:
    """When all has to be done, `seconds` from now; a question asked on the way may have less time (`question`, s)."""

    def __init__(self, seconds: float, question: float) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds
        self._question = question
        self.begin()

    def begin(self) -> None:
        """A question begins now."""
        until = time.monotonic() + self._question
        self._until = min(until, self._end)
        self.seconds = self._question if until < self._end else self._seconds

    @property
    def left(self) -> float:
        """Seconds left; 0 or less once the time has passed."""
        return self._until - time.monotonic()


class DeadlineBackend(httpcore.NetworkBackend):
    """How httpcore opens connections: as it does by itself, but none outlives the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._below = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that accepts; each may take `timeout` s of what is left."""
        problem: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port, _within(self._deadline, timeout, httpcore.ConnectTimeout)):
            wait = _within(self._deadline, timeout, httpcore.ConnectTimeout)
            try:
                stream = self._below.connect_tcp(address, port, wait, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
            else:
                return _DeadlineStream(stream, self._deadline)
        raise problem


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, below: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._below = below
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._below.read(max_bytes, _within(self._deadline, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._below.write(buffer, _within(self._deadline, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._below.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = _within(self._deadline, timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._below.start_tls(ssl_context, server_hostname, wait), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._below.get_extra_info(info)


def _within(deadline: Deadline, timeout: float | None, passed: type[httpcore.TimeoutException]) -> float:
    left = deadline.left
    if left <= 0:
        raise passed("the deadline has passed")
    return left if timeout is None else min(left, timeout)


def _addresses(host: str, port: int, wait: float) -> list[str]:
    """The addresses of a host, looked up beside this thread, because a resolver takes its own time."""
    found: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put([str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except (OSError, UnicodeError) as error:
            found.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = found.get(timeout=wait)
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"the name {host} was not looked up in time") from None
    if isinstance(answer, Exception):
        raise httpcore.ConnectError(str(answer))
    return answer
