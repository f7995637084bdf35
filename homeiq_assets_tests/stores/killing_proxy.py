"""A proxy in front of a real InfluxDB that counts the requests of a client and kills it at one of them."""

import http.client
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


class KillingProxy:
    """Between `with` and its end `url` stands for the server's address.

    `arm` says at which request (from 1) the process `victim` dies: before the server sees it, or `during`
    it: the server has it, and nobody will read its answer.
    """

    def __init__(self, server_url: str) -> None:
        self._server_address = urlsplit(server_url).netloc
        self._armed = threading.Event()
        self._at, self._during, self._victim = 0, False, 0
        self.asked: list[str] = []

    def arm(self, victim: int, at: int, *, during: bool) -> None:
        self.asked.clear()
        self._at, self._during, self._victim = at, during, victim
        self._armed.set()

    def disarm(self) -> None:
        """Wait for whatever comes next to be armed for."""
        self._armed.clear()

    def __enter__(self) -> Self:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                proxy._serve(self)

            do_POST = do_GET  # noqa: N815 - the name http.server calls

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._proxy.daemon_threads = True
        self._proxy.block_on_close = False
        self.url = f"http://127.0.0.1:{self._proxy.server_address[1]}"
        self._thread = threading.Thread(target=self._proxy.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self._armed.wait()
        self.asked.append(f"{handler.command} {urlsplit(handler.path).path}")
        dies = len(self.asked) == self._at
        if dies and not self._during:
            self._kill(handler)
            return
        server = http.client.HTTPConnection(self._server_address, timeout=30)
        server.request(handler.command, handler.path, body, dict(handler.headers))
        if dies:
            self._kill(handler)
        answer = server.getresponse()
        content = answer.read()
        server.close()
        if dies:
            return
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _kill(self, handler: BaseHTTPRequestHandler) -> None:
        os.kill(self._victim, signal.SIGKILL)
        handler.close_connection = True
