"""A service between the archive and its S3 that passes everything on, but for what a test makes it do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

Refusal = tuple[int, str]


class Meddler:
    """What to do: each attribute is asked with method and path, and says whether or what."""

    def __init__(self) -> None:
        self.asked = 0
        self.refuses: Callable[[str, str], Refusal | None] = lambda _method, _path: None
        """HTTP status and S3's error code"""
        self.swallows: Callable[[str, str], bool] = lambda _method, _path: False
        """a 200 without a byte, and nothing is passed on"""
        self.cuts_upload: Callable[[str, str], bool] = lambda _method, _path: False
        self.cuts_answer: Callable[[str, str], bool] = lambda _method, _path: False
        self.url = ""

    def from_request(self, number: int, refusal: Refusal) -> None:
        """Refuse everything from the nth request on, counted from 0."""
        self.asked = 0
        self.refuses = lambda _method, _path: refusal if self.asked > number else None


@contextmanager
def meddling(upstream: str) -> Iterator[Meddler]:
    meddler = Meddler()
    client = httpx.Client(base_url=upstream, timeout=30)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # older ones do not answer an upload that waits to be welcomed

        def _answer(self) -> None:
            asked = (self.command, self.path)
            meddler.asked += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            refusal = meddler.refuses(*asked)
            if refusal is not None:
                text = f"<Error><Code>{refusal[1]}</Code><Message>as the test wants it</Message></Error>"
                return self._send(refusal[0], {}, b"" if self.command == "HEAD" else text.encode())
            if meddler.swallows(*asked):
                return self._send(200, {}, b"")
            if meddler.cuts_upload(*asked):
                body = body[: len(body) // 2]
            passed_on = {name: value for name, value in self.headers.items() if not self._is_dropped(name)}
            answer = client.request(self.command, self.path, headers=passed_on, content=body)
            headers = {name: value for name, value in answer.headers.items() if name != "connection"}
            self.close_connection = cut = meddler.cuts_answer(*asked)
            content = answer.content
            return self._send(answer.status_code, headers, content[: len(content) // 2] if cut else content)

        def _is_dropped(self, header: str) -> bool:
            """A checksum, too, of what is cut: as a service does that does not look at it."""
            cut = meddler.cuts_upload(self.command, self.path)
            return header.lower() in ("content-length", "expect") or (cut and "checksum" in header.lower())

        do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = _answer  # noqa: N815 (the names http.server asks for)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in ({"content-length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    meddler.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield meddler
    server.shutdown()
    server.server_close()
    client.close()
