"""What retention did, as rows of `retention_operations`, so that an owner can look it up in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from homeiq_assets.ledger.seals import spelt
from homeiq_assets.redaction import redact
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.retention import RETENTION_OPERATIONS
from homeiq_assets.stores.base import Store


@dataclass(frozen=True)
class Operation:
    """An operation on days of a measurement, over or broken off; `message` is its first error, empty without any."""

    kind: str
    measurement: str
    began: datetime
    seconds: float
    days: Sequence[date]
    rows: int
    errors: int
    message: str


def record(operation: Operation, store: Store) -> None:
    """Store what an operation did. Raises StoreError."""
    row = {
        "time": operation.began,
        "operation": operation.kind,
        "measurement": operation.measurement,
        "days": spelt(operation.days) if operation.days else "",
        "rows": operation.rows,
        "seconds": operation.seconds,
        "errors": operation.errors,
        "message": redact(operation.message),
    }
    store.put(RETENTION_OPERATIONS, rows_of(RETENTION_OPERATIONS, [row]))
