"""What vendors answered to polls a short while ago, kept in HOMEIQ_HOME so that they are not asked again too soon.

Only polls use it: whoever materialises a day wants to know what the vendor says now. Only answers that were
found right are kept, under a digest of the request, never with its URL or headers.
"""

import contextlib
import hashlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from pydantic import BaseModel

from homeiq_assets.vendors import state_files

KEPT = timedelta(days=1)


@dataclass(frozen=True)
class _Poll:
    now: datetime
    life: timedelta


_poll: ContextVar[_Poll | None] = ContextVar("poll", default=None)


@contextlib.contextmanager
def polled(now: datetime, life: timedelta) -> Iterator[None]:
    """Within it, answers that were kept less than `life` before `now` are good enough."""
    token = _poll.set(_Poll(now, life))
    try:
        yield
    finally:
        _poll.reset(token)


class _Kept(BaseModel):
    at: state_files.Instant
    content: str


def recall(folder: Path, request: httpx.Request) -> bytes | None:
    """The body kept of the answer to such a request, None where there is none, or none that is fresh."""
    poll = _poll.get()
    if poll is None or not poll.life:
        return None
    found = state_files.read(folder / _digest(request), _Kept)
    return found.content.encode() if found and found.at <= poll.now < found.at + poll.life else None


def remember(folder: Path, request: httpx.Request, body: bytes) -> None:
    """Keep the body of a right answer, where this is a poll; what is older than a day goes."""
    poll = _poll.get()
    if poll is None or not poll.life:
        return
    state_files.write(folder / _digest(request), _Kept(at=poll.now, content=body.decode()))
    oldest = time.time() - KEPT.total_seconds()
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            if file.stat().st_mtime < oldest:
                file.unlink()


def _digest(request: httpx.Request) -> str:
    parts = [request.method.encode(), str(request.url).encode(), request.read()]
    parts += [f"{name}:{value}".encode() for name, value in sorted(request.headers.items())]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()
