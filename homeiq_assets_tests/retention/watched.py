"""A store that says what it is about to do, so that something can come in between."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.retention import RETENTION_DAYS
from homeiq_assets.stores.base import Store


class Watched:
    """All of a store; `before_ledger` is called before a row of the ledger is written, `before_delete` before one goes.

    Each is called once, then forgotten.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.before_ledger: Callable[[pa.Table], Any] | None = None
        self.before_delete: Callable[[Measurement], Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def put(self, measurement: Measurement, rows: pa.Table) -> None:
        """See `Store.put`."""
        if measurement is RETENTION_DAYS and self.before_ledger is not None:
            call, self.before_ledger = self.before_ledger, None
            call(rows)
        self.store.put(measurement, rows)

    def delete(self, measurement: Measurement, *where: Any, **how: Any) -> None:
        """See `Store.delete`."""
        if self.before_delete is not None:
            call, self.before_delete = self.before_delete, None
            call(measurement)
        self.store.delete(measurement, *where, **how)
