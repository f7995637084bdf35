"""The base of every simulated vendor: a real HTTP server on a free loopback port that misbehaves on demand.

A vendor is a subclass whose `respond` answers as the real one does. It keeps what it was asked, and
serves what stands in its queue of misbehaviours before anything else.
"""

import contextlib
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, time_ns
from types import TracebackType
from typing import Any, Self
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

HTML = b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>"


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Misbehaviour:
    """What happens to a request instead of, or besides, its right answer.

    `reply` stands in place of the answer. `delay` (s) holds it back. `reset` cuts the connection before
    a byte of it; `truncate` cuts the connection in its middle; `half` sends the first half of its body
    as if that were all; `drip` (s) passes before each of its bytes. `path` limits it to requests of that path.
    """

    reply: Reply | None = None
    delay: float = 0.0
    reset: bool = False
    truncate: bool = False
    half: bool = False
    drip: float = 0.0
    path: str | None = None


def json_reply(content: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; underscores in header names stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/json", **named})


def html_reply(status: int = 200) -> Reply:
    """A web page where JSON was due, as edge networks and maintenance pages send it."""
    return Reply(status, HTML, {"Content-Type": "text/html"})


class Vendor:
    """A server between `with` and its end; `url` is its base URL, `asked` the requests in order."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._misbehaviours: deque[Misbehaviour] = deque()
        self._closing = threading.Event()

    def respond(self, request: Asked) -> Reply:
        """The right answer to a request."""
        raise NotImplementedError

    def misbehave(self, *misbehaviours: Misbehaviour | Reply, path: str | None = None) -> None:
        """Serve these, one per request in this order, to the next requests (of `path`)."""
        for one in misbehaviours:
            wrong = Misbehaviour(one) if isinstance(one, Reply) else one
            self._misbehaviours.append(replace(wrong, path=path or wrong.path))

    def behave(self) -> None:
        """Forget the misbehaviours that are still to come."""
        self._misbehaviours.clear()

    def asked_for(self, path: str) -> list[Asked]:
        """The requests of one path."""
        return [request for request in self.asked if request.path == path]

    def __enter__(self) -> Self:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                # A client that hung up is none of the vendor's business.
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

            def do_GET(self) -> None:
                vendor._serve(self)

            do_POST = do_GET  # noqa: N815 - the name http.server calls

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        request = Asked(
            handler.command,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(int(handler.headers.get("Content-Length", 0))),
        )
        self.asked.append(request)
        wrong = self._next_misbehaviour(request.path)
        self._closing.wait(wrong.delay)
        if wrong.reset:
            # Without lingering, closing sends a reset instead of an orderly end.
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        reply = wrong.reply or self.respond(request)
        body = reply.body[: len(reply.body) // 2] if wrong.half or wrong.truncate else reply.body
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body if wrong.truncate else body)))
        handler.end_headers()
        for part in [body[n : n + 1] for n in range(len(body))] if wrong.drip else [body]:
            if self._closing.wait(wrong.drip):
                break
            handler.wfile.write(part)
        handler.close_connection = wrong.truncate

    def _next_misbehaviour(self, path: str) -> Misbehaviour:
        for wrong in self._misbehaviours:
            if wrong.path in (None, path):
                self._misbehaviours.remove(wrong)
                return wrong
        return Misbehaviour()


@contextlib.contextmanager
def no_waiting() -> Iterator[list[float]]:
    """The retry library's pauses are noted, in seconds, instead of spent."""
    waits: list[float] = []
    with mock.patch("httpx_retries.retry.time", mock.Mock(sleep=waits.append)):
        yield waits


@contextlib.contextmanager
def passing_turns() -> Iterator[list[float]]:
    """The pauses until a vendor may be asked again are noted, in seconds, and pass at once."""
    waits: list[float] = []
    ledger = mock.Mock(time_ns=lambda: time_ns() + round(sum(waits) * 1e9))
    clock = mock.Mock(monotonic=monotonic, sleep=waits.append)
    quotas = mock.patch("homeiq_assets.vendors.quotas.time", ledger)
    with quotas, mock.patch("homeiq_assets.vendors.transport.time", clock):
        yield waits
