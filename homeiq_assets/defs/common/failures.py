"""How an error of ours ends a run: a Dagster Failure with the owner's words, retried only where waiting helps."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from homeiq_assets.errors import HomeiqError
from homeiq_assets.redaction import redact

RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""Short, because a waiting retry holds its run; the next poll or a re-run does the rest."""


@contextmanager
def owner_errors(*, retried: bool = True) -> Iterator[None]:
    """Turn errors into Failures, and keep secrets out of any other exception's text.

    `retried` False: not even where waiting can help, because something else waits behind this.
    """
    try:
        yield
    except HomeiqError as error:
        raise dg.Failure(redact(str(error)), allow_retries=retried and error.retryable) from None
    except dg.DagsterError:
        raise
    except Exception as error:
        if not any(redact(text) != text for text in _texts(error)):
            raise
        raise dg.Failure(redact(next(_texts(error))), allow_retries=False) from None


def _texts(error: BaseException | None) -> Iterator[str]:
    """What Dagster would show of an error and of those that led to it."""
    while error is not None:
        yield f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__
