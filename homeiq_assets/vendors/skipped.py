"""What vendors sent, or did not send, that is not in the rows: told by the run, by a check and by the doctor.

A provider calls `skip` wherever it leaves a part out and takes the rest. Within `noting` that is collected; what the
last poll, and the last materialisation of days, left out is kept in HOMEIQ_HOME for the doctor.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel

from homeiq_assets.errors import ProviderError
from homeiq_assets.redaction import redact
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import state_files

LISTED = 20
"""How many parts are named; more are only counted."""
TOLD = 3
"""How many of them a sentence for the owner holds."""

Row = TypeVar("Row")

logger = logging.getLogger(__name__)


@dataclass
class Skipped:
    """What was left out until now; `now` is when the vendor was asked."""

    now: datetime
    count: int = 0
    listed: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        """Count a part, and name it while few are; one that is named already is not counted again."""
        if what not in self.listed:
            self.count += 1
            if len(self.listed) < LISTED:
                self.listed.append(what)

    def summary(self) -> str:
        """One sentence for the owner, empty where nothing was left out."""
        more = f"; and {self.count - TOLD} more" if self.count > TOLD else ""
        return "; ".join(self.listed[:TOLD]) + more


class _Kept(BaseModel):
    at: AwareDatetime
    summary: str


_noted: ContextVar[Skipped | None] = ContextVar("skipped", default=None)


@contextlib.contextmanager
def noting(now: datetime) -> Iterator[Skipped]:
    """Collect what is skipped within the block."""
    skipped = Skipped(now)
    token = _noted.set(skipped)
    try:
        yield skipped
    finally:
        _noted.reset(token)


def skip(provider: str, what: str, at: datetime | None = None) -> None:
    """Say that a part of an answer is left out, and why; no secret may be in it.

    `at` is the start of the interval concerned: of one that has not begun yet nothing need be known, so it is only
    logged.
    """
    logger.warning("%s: %s", provider, what)
    noted = _noted.get()
    if noted is not None and (at is None or at <= noted.now):
        noted.add(what)


def without_odd(provider: str, rows: Iterable[Row], problem: Callable[[Row], str | None]) -> list[Row]:
    """The rows of an answer that have no `problem`; the others are skipped.

    Raises ProviderError where all have one: then it is not the rows that are odd.
    """
    sound: list[Row] = []
    odd: list[str] = []
    for row in rows:
        found = problem(row)
        if found is None:
            sound.append(row)
        else:
            odd.append(found)
    if odd and not sound:
        raise ProviderError(provider, odd[0])
    for found in odd:
        skip(provider, f"{found}, so that row is left out")
    return sound


def remember(settings: Settings, feed: str, skipped: Skipped, *, polled: bool) -> None:
    """Keep what a run of the feed left out, in place of what the last run of its kind did."""
    file = _file(settings, feed, polled=polled)
    if skipped.count:
        state_files.write(file, _Kept(at=skipped.now, summary=redact(skipped.summary())))
    else:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def last(settings: Settings, feed: str) -> list[str]:
    """For the doctor: what the last poll, and the last materialisation of days, left out."""
    found = [(what, state_files.read(_file(settings, feed, polled=what == "poll"), _Kept)) for what in ("poll", "run")]
    return [f"left out by the {what} of {one.at:%Y-%m-%d %H:%M} UTC: {one.summary}" for what, one in found if one]


def _file(settings: Settings, feed: str, *, polled: bool) -> Path:
    return settings.homeiq_home / "caches" / f"skipped_{feed}_{'poll' if polled else 'days'}.json"
