"""The interface of a store, which every store's contract test proves.

A store hides its query language: callers speak of measurements, windows, tags and Arrow tables.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.window import Window


@dataclass(frozen=True)
class Replaced:
    """What a replace did, in rows."""

    written: int = 0
    """new or changed rows"""
    removed: int = 0
    """stored rows that the answer no longer holds (also rows of a changed tag)"""
    unchanged: int = 0
    refused: int = 0
    """rows of a coarser step than what is stored in their slot; the stored ones stay"""


@dataclass(frozen=True)
class Probe:
    """One thing that was tried, for the doctor: `ok` None means there was nothing to try.

    `warning`: it works, but there is something to look at.
    """

    what: str
    ok: bool | None
    detail: str
    warning: bool = False


class Store(Protocol):
    """Rows of measurements, replaced and read by window. Safe with several processes at once.

    Every method raises StoreError (or SettingError) whose message names the setting to look at, and
    KeyError for a tag or a field that the measurement does not have.
    """

    live: bool
    """whether this is the owner's database, which simulated readings must never enter"""

    def replace(
        self, measurement: Measurement, rows: pa.Table, covers: Window, step: timedelta | None = None
    ) -> Replaced:
        """Make `covers` hold exactly `rows` (conformed to the measurement), touching nothing outside it.

        Rows outside `covers` are an error; without rows nothing is changed. Idempotent, and safe against a
        crash at any moment: nothing that was stored is lost and a re-run puts right what was left. Where
        `step` is given, rows whose slot `[time, time + step)` already holds two or more rows of their
        series are refused, and those stored rows stay. Values of `poll_only` fields stay as they are
        stored, also where the new row has none.
        """
        ...

    def put(self, measurement: Measurement, rows: pa.Table) -> None:
        """Store the values of rows beside what is there; nothing else is touched.

        Where a row of the same tags and time is stored, its fields take the new values, and those that the new row
        lacks keep theirs.
        """
        ...

    def recover(self, measurement: Measurement) -> None:
        """Finish what a killed writer left half done; called before a derived asset reads."""
        ...

    def read(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows of the window, sorted by tags, then time; `tags` keeps rows with these values.

        `columns` names the fields wanted (time and tags always come); rows in which none of them
        has a value are absent.
        """
        ...

    def stream(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.Table]:
        """As `read`, in order of time, a UTC day at a time, so that memory does not grow with the window."""
        ...

    def whole(self, measurement: Measurement, window: Window) -> tuple[Measurement, pa.Table]:
        """Every row of the window as it is stored, also with tags and fields that the measurement does not name.

        The measurement with those that the window's rows have beyond its own (such tags tell no series apart), a field
        stored as another type than it says with that type; and the rows, sorted by tags, then time. A tag that a row
        lacks is an empty string, a field that it lacks null. What a killed writer left half done is not in place
        before `recover`. A `replace` with both brings the same rows back. Raises FieldTypeConflict where the window
        holds values of one field under two types.
        """
        ...

    def last(
        self,
        measurement: Measurement,
        field: str,
        before: datetime,
        *,
        since: datetime | None = None,
        beside: Sequence[str] = (),
        without: Collection[str] = (),
        count: int = 1,
    ) -> pa.Table:
        """The newest `count` values of `field` strictly before an instant, of each series: time, tags, field.

        `since` bounds the work: values before it are not looked for. `beside` names further fields, which come as the
        same row has them. `without` are texts that are no value of the field.
        """
        ...

    def newest(self, measurement: Measurement, *, tags: Mapping[str, str] | None = None) -> datetime | None:
        """The time of the newest row with a reading (`Measurement.readings`), or None without any."""
        ...

    def oldest(self, measurement: Measurement) -> datetime | None:
        """The time of the oldest row, or None without any."""
        ...

    def counts(
        self, measurement: Measurement, window: Window, *, tags: Mapping[str, str] | None = None
    ) -> dict[str, int]:
        """How many values each field has in the window; fields without any are 0."""
        ...

    def rows(self, measurement: Measurement, window: Window | None = None) -> int:
        """How many rows the window holds (all times without one), whichever fields they have."""
        ...

    def delete(
        self,
        measurement: Measurement,
        window: Window,
        *,
        tags: Mapping[str, str] | None = None,
        expected: Mapping[str, int] | None = None,
    ) -> None:
        """Remove the rows of the window.

        With `expected` (what `counts` said of the same window and tags; a field left out means none), nothing is
        removed and StoreError raised unless the window holds exactly that, looked up where no writer of this machine
        can come between.
        """
        ...

    def keeps(self, measurement: Measurement) -> timedelta | None:
        """How long the store's own rule keeps rows of the measurement; None: for ever, or it may not be known."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """The bytes on disk of each thing that the store can tell apart. Raises StoreError where it cannot know."""
        ...

    def probe(self) -> list[Probe]:
        """Try cheaply whether the store can be reached, read and written."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
