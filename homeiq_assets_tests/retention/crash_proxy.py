"""A proxy in front of a real InfluxDB and an S3 that counts what a home asks of both, and makes trouble at a request.

Either the process that asks is killed, or the service is gone from that request on.
"""

import http.client
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

INFLUXDB, S3 = "influxdb", "s3"
KILLS = ("killed before", "killed during")
"""before the service sees the request, or when it has it and nobody will read its answer"""


def _influxdb(status: int, code: str, message: str) -> tuple[int, bytes]:
    return status, f'{{"code": "{code}", "message": "{message}"}}'.encode()


def _s3(status: int, code: str) -> tuple[int, bytes]:
    return status, f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()


ANSWERS: Mapping[str, Mapping[str, tuple[int, bytes]]] = {
    INFLUXDB: {
        "503": _influxdb(503, "unavailable", "engine is closed"),
        "500": _influxdb(500, "internal error", "engine: panic"),
        "full": _influxdb(500, "internal error", "write /var/lib/influxdb2: no space left on device"),
        "401": _influxdb(401, "unauthorized", "unauthorized access"),
    },
    S3: {
        "SlowDown": _s3(503, "SlowDown"),
        "ExpiredToken": _s3(400, "ExpiredToken"),
        "AccessDenied": _s3(403, "AccessDenied"),
        "InternalError": _s3(500, "InternalError"),
    },
}
"""what a service answers that cannot or will not"""
OUTAGES = {service: (*answers, "refused", "broken off", "cut off") for service, answers in ANSWERS.items()}
"""beside the answers: nothing listens any more; the connection breaks; it breaks in the middle of an answer"""
Asked = tuple[str, str]
"""method and path"""


@dataclass
class Plan:
    """What is to happen at which request: the `at`th (from 1) of those that are `meant`, or the next that it suits."""

    how: str
    at: int
    meant: Callable[[Asked], bool]
    victim: int = 0


class CrashProxy:
    """`urls` stand for the addresses of the services while it runs; `asked` are the requests since the last plan."""

    def __init__(self, services: Mapping[str, str]) -> None:
        self._addresses = {name: urlsplit(url).netloc for name, url in services.items()}
        self._servers: dict[str, ThreadingHTTPServer] = {}
        self._ready = threading.Event()
        self._count = threading.Lock()
        self._plan: Plan | None = None
        self._gone: tuple[str, str] | None = None
        self.asked: list[Asked] = []
        self.urls: dict[str, str] = {}
        for name in services:
            self._listen(name, 0)
            self.urls[name] = f"http://127.0.0.1:{self._servers[name].server_address[1]}"

    def hold(self) -> None:
        """From now on requests wait for `plan` or `behave`."""
        self._ready.clear()

    def plan(self, how: str, at: int, victim: int = 0, meant: Callable[[Asked], bool] = lambda _: True) -> None:
        """Make this trouble at the `at`th of the requests that are meant; `victim` is the process to kill."""
        self._begin(Plan(how, at, meant, victim))

    def behave(self) -> None:
        """Pass everything on, and listen again."""
        self._begin(None)

    @property
    def struck(self) -> bool:
        """Whether it came to the trouble."""
        return self._gone is not None

    def close(self) -> None:
        """Listen no more."""
        for server in self._servers.values():
            _close(server)

    def _begin(self, plan: Plan | None) -> None:
        for name in self.urls:
            if name not in self._servers:
                self._listen(name, int(self.urls[name].rpartition(":")[2]))
        self.asked, self._plan, self._gone = [], plan, None
        self._ready.set()

    def _listen(self, name: str, port: int) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            upstream: http.client.HTTPConnection | None = None

            def do_GET(self) -> None:
                # A client that was killed is gone.
                with suppress(ConnectionError):
                    proxy._serve(name, self)

            do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names http.server calls

            def finish(self) -> None:
                with suppress(ConnectionError):
                    super().finish()
                if self.upstream is not None:
                    self.upstream.close()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self._servers[name] = server

    def _serve(self, name: str, handler: Any) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self._ready.wait()
        trouble = self._trouble(name, (handler.command, urlsplit(handler.path).path))
        if trouble == "killed before":
            return self._kill(handler)
        if trouble in ("refused", "broken off"):
            return self._hang_up(handler)
        if trouble in ANSWERS[name]:
            return _send(handler, *ANSWERS[name][trouble])
        if trouble == "killed during":
            upstream = self._pass_on(name, handler, body)
            self._kill(handler)
            # A service that is hung up on may break off what it does.
            upstream.getresponse().read()
            return None
        status, content, headers = self._answered(name, handler, body)
        if trouble == "cut off":
            _send(handler, status, content[: len(content) // 2], {**headers, "Content-Length": str(len(content) + 1)})
            return self._hang_up(handler)
        return _send(handler, status, content, headers)

    def _trouble(self, name: str, asked: Asked) -> str:
        """What happens to this request; nothing is an empty text."""
        with self._count:
            self.asked.append(asked)
            plan = self._plan
            if plan is None:
                return ""
            suits = plan.how in (*KILLS, *OUTAGES[name]) and plan.meant(asked)
            if self._gone is None and suits and sum(map(plan.meant, self.asked)) >= plan.at:
                self._gone = (name, plan.how)
                if plan.how == "refused":
                    _close(self._servers.pop(name))
                return plan.how
            return plan.how if self._gone == (name, plan.how) else ""

    def _pass_on(self, name: str, handler: Any, body: bytes) -> http.client.HTTPConnection:
        if handler.upstream is None:
            handler.upstream = http.client.HTTPConnection(self._addresses[name], timeout=60)
        handler.upstream.request(handler.command, handler.path, body, dict(handler.headers))
        return handler.upstream  # type: ignore[no-any-return]

    def _answered(self, name: str, handler: Any, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        answer = self._pass_on(name, handler, body).getresponse()
        left_out = ("transfer-encoding", "content-length", "connection")
        headers = {key: value for key, value in answer.getheaders() if key.lower() not in left_out}
        if handler.command == "HEAD":
            headers["Content-Length"] = answer.getheader("Content-Length") or "0"
        return answer.status, answer.read(), headers

    def _kill(self, handler: Any) -> None:
        assert self._plan is not None
        os.kill(self._plan.victim, signal.SIGKILL)
        handler.close_connection = True

    def _hang_up(self, handler: Any) -> None:
        handler.wfile.flush()
        handler.connection.close()
        handler.close_connection = True


@contextmanager
def crash_proxy(services: Mapping[str, str]) -> Iterator[CrashProxy]:
    """A proxy that runs until the block ends."""
    proxy = CrashProxy(services)
    yield proxy
    proxy.behave()
    proxy.close()


def _close(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()


def _send(handler: Any, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
