"""What a run tells of the days it is asked for: those that are done, those that stay as they are stored, and why.

A run that cannot do all days still tells of those it did, and what it cost is kept where it is an operation of
retention.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Any

import dagster as dg

from homeiq_assets.defs.common.failures import owner_errors
from homeiq_assets.defs.common.options import day_metadata
from homeiq_assets.errors import HomeiqError
from homeiq_assets.ledger.operations import Operation, record
from homeiq_assets.stores.base import Store

LISTED = 5
"""How many days that were left a failure names."""


class DaysTold:
    """The days of a run so far."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {}
        self.left: dict[str, str] = {}
        self.tried: list[str] = []
        self.beyond: list[str] = []
        self.rows = 0

    def done(self, key: str, rows: int, **more: Any) -> None:
        """A partition is stored, with so many rows."""
        self.metadata[key] = day_metadata(rows, **more)
        self.rows += rows

    def doubts(self, key: str, beyond: Sequence[str]) -> None:
        """What of a partition lies beyond its bounds, or was left out for that."""
        self.beyond += [f"{key}: {text}" for text in beyond]

    def would(self, key: str, rows: int) -> None:
        """A partition would be done, were it not a dry run."""
        self.tried.append(key)
        self.rows += rows

    def stays(self, key: str, why: str) -> None:
        """A partition stays as it is stored."""
        self.left[key] = why


@contextmanager
def days_told(context: dg.AssetExecutionContext) -> Iterator[DaysTold]:
    """Tell Dagster of the days once the block is over, also where it fails; errors as `owner_errors` makes them.

    Raises Failure where days were left.
    """
    told = DaysTold()
    try:
        with owner_errors():
            yield told
        _refuse_left(told)
    except Exception:
        for key, metadata in told.metadata.items():
            context.log_event(dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata))
        raise
    for key, metadata in told.metadata.items():
        context.add_asset_metadata(metadata, asset_key=context.asset_key, partition_key=key)


@contextmanager
def recorded(kind: str, measurement: str, told: DaysTold, began: datetime, store: Store) -> Iterator[None]:
    """Record the block, within `days_told`, as an operation of retention."""
    clock, message = time.monotonic(), ""
    try:
        yield
    except BaseException as error:  # also a run that is cancelled
        message = str(error) or type(error).__name__
        raise
    finally:
        days = sorted(date.fromisoformat(key) for key in (*told.metadata, *told.tried, *told.left))
        seconds, errors = round(time.monotonic() - clock, 3), len(told.left) + bool(message)
        first = message or next(iter(told.left.values()), "")
        # A store that is away cannot be told so.
        with suppress(*([HomeiqError] if message else [])):
            record(Operation(kind, measurement, began, seconds, days, told.rows, errors, first), store)


def _refuse_left(told: DaysTold) -> None:
    if told.left:
        shown = [f"{key}: {why}" for key, why in list(told.left.items())[:LISTED]]
        more = f"\n… and {len(told.left) - LISTED} more" if len(told.left) > LISTED else ""
        done = f"; {len(told.metadata)} others are done" if told.metadata else ""
        raise dg.Failure(
            f"{len(told.left)} days stay as they are stored{done}.\n" + "\n".join(shown) + more,
            metadata={"days": sorted(told.left)},
            allow_retries=False,
        )
