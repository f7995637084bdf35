"""Polls leave a vendor alone after several of them failed in a row (a circuit breaker), and as long as it asks for.

Some vendors answer stubborn requests with longer bans. Its state is a file of HOMEIQ_HOME, for every run is a
process of its own. A backfill, the nightly settling and the doctor always ask; where the vendor answers them, polls
begin again.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pybreaker import STATE_OPEN, CircuitBreaker, CircuitBreakerError, CircuitMemoryStorage
from pydantic import BaseModel, Field

from homeiq_assets.errors import HomeiqError, NoHistory, ProviderError
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.answers import VendorFailure

FAILURES = 5
PAUSE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
"""A vendor may ask for any wait; one that asks for more is asked again after this."""


class _Kept(BaseModel):
    """`at` is when it was written: by a clock that was set back since, it lies in the future."""

    failures: int = Field(0, ge=0, le=1000)
    state: Literal["closed", "open", "half-open"] = "closed"
    opened_at: state_files.Instant | None = None
    last: str = ""
    at: state_files.Instant | None = None

    def left(self, now: datetime) -> timedelta:
        """How much longer the vendor is to be left alone at `now`: never longer than when that was decided."""
        if self.state != STATE_OPEN or self.opened_at is None:
            return timedelta()
        return min(self.opened_at + PAUSE - max(now, self.at or now), LONGEST)


def paused(settings: Settings, family: str, provider: str, now: datetime) -> bool:
    """Whether polls leave the vendor alone at `now`."""
    before = state_files.read(_file(settings, family, provider), _Kept)
    return before is not None and before.left(now) > timedelta()


@contextlib.contextmanager
def watched(settings: Settings, family: str, provider: str, now: datetime | None = None) -> Iterator[None]:
    """A poll of `provider` for a family of feeds: its failure is counted, its success ends an outage.

    `now` is the present instant where it is not the machine's. Raises ProviderError at once where the vendor is being
    left alone.
    """
    now = now or datetime.now(UTC)
    file = _file(settings, family, provider)
    before = state_files.read(file, _Kept) or _Kept()
    if before.opened_at is not None and before.opened_at > (before.at or now) + LONGEST:
        # No pause begins so late: the file is damaged.
        before = _Kept()
    storage = CircuitMemoryStorage(before.state)
    for _ in range(before.failures):
        storage.increment_counter()
    # The breaker goes by the machine's clock.
    ahead = datetime.now(UTC) - now
    if before.opened_at is not None:
        storage.opened_at = now + before.left(now) - PAUSE + ahead
    breaker = CircuitBreaker(
        fail_max=FAILURES,
        reset_timeout=PAUSE.total_seconds(),
        exclude=[lambda error: not isinstance(error, ProviderError) or isinstance(error, NoHistory)],
        state_storage=storage,
        throw_new_error_on_trip=False,
    )
    last = before.last
    try:
        with breaker.calling():
            yield
    except CircuitBreakerError:
        again = now + before.left(now)
        raise ProviderError(
            provider,
            f"is not asked before {again:%H:%M} UTC, because of what came last: {last} "
            "(a backfill, or `homeiq doctor`, asks at once)",
            retryable=True,
        ) from None
    except HomeiqError as error:
        last = str(error).removeprefix(f"{provider}: ")
        if isinstance(error, VendorFailure) and error.wait:
            breaker.open()
            storage.opened_at = datetime.now(UTC) - PAUSE + timedelta(seconds=min(error.wait, LONGEST.total_seconds()))
        raise
    finally:
        after = _Kept(
            failures=breaker.fail_counter,
            state=breaker.current_state,
            opened_at=storage.opened_at - ahead if breaker.current_state == STATE_OPEN and storage.opened_at else None,
            last=last,
            at=before.at,
        )
        if after != before:
            state_files.write(file, after.model_copy(update={"at": now}))


def over(settings: Settings, family: str, provider: str) -> None:
    """The vendor answered: polls may ask it again."""
    with contextlib.suppress(OSError):
        _file(settings, family, provider).unlink(missing_ok=True)


def _file(settings: Settings, family: str, provider: str) -> Path:
    return settings.homeiq_home / "caches" / f"outage_{family}_{provider}.json"
