"""How often a vendor may be asked, kept across processes and restarts in one small SQLite file of HOMEIQ_HOME."""

import contextlib
import logging
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from filelock import Timeout
from pyrate_limiter import Rate, RateItem, SQLiteBucket

AHEAD = timedelta(minutes=1)
"""How far ahead of this clock a request may have been counted, by another process whose turn came first."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quota:
    """At most `calls` requests in any span of `per`. `name` (a vendor's, or a part of its API) tells quotas apart."""

    name: str
    calls: int
    per: timedelta

    def __str__(self) -> str:
        return f"{self.calls} requests in {self.per}"


def take(ledger: Path, quota: Quota) -> float:
    """Count one request now; 0 where it may be made, else the seconds until one may be (and nothing is counted).

    Requests counted further ahead than `AHEAD` are forgotten: the clock was set back since. Where the ledger cannot be
    written a warning is logged and the request may be made: what the owner is after is the vendor's answer.
    """
    try:
        ledger.parent.mkdir(parents=True, exist_ok=True)
        rate = Rate(quota.calls, round(quota.per / timedelta(milliseconds=1)))
        with closing(SQLiteBucket.init_from_file([rate], quota.name, str(ledger), use_file_lock=True)) as bucket:
            item = RateItem(quota.name, time.time_ns() // 1_000_000)
            latest = item.timestamp + AHEAD // timedelta(milliseconds=1)
            with bucket.lock, bucket.conn:
                bucket.conn.execute(f'DELETE FROM "{bucket.table}" WHERE item_timestamp > ?', (latest,))  # noqa: S608
            bucket.leak(item.timestamp)
            if bucket.put(item):
                return 0.0
            oldest = bucket.peek(quota.calls - 1)
            freed = oldest.timestamp + rate.interval if oldest else item.timestamp
            return float(min(max(freed - item.timestamp, 1), rate.interval)) / 1000
    except (OSError, sqlite3.Error, ValueError, Timeout) as error:
        logger.warning("%s cannot be kept (%s); the request to %s is not counted", ledger, error, quota.name)
        if _damaged(error):
            aside = ledger.with_suffix(".damaged")
            with contextlib.suppress(OSError):
                ledger.replace(aside)
                logger.warning("it is damaged, so it was moved to %s, and counting begins anew", aside)
        return 0.0


def _damaged(error: Exception) -> bool:
    """Whether the ledger is no database, or holds what nobody put into it."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, ValueError)
