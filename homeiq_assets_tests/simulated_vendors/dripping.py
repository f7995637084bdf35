"""A vendor whose answer never ends: after a beginning it sends a piece at a time for ever."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

PAUSE = 0.01


class Dripping:
    """Between `with` and its end, whoever connects to `port` is sent `beginning`, then `piece` after `piece`."""

    def __init__(self, beginning: bytes, piece: bytes) -> None:
        self._beginning, self._piece = beginning, piece
        self._closing = threading.Event()
        self.connections = 0

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(self.answer(connection))
            while not self._closing.wait(PAUSE):
                connection.sendall(self._piece)

    def answer(self, connection: socket.socket) -> bytes:
        """How the answer to what comes in begins."""
        return self._beginning
