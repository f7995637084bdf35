"""The ledger `retention_days`: which local days were removed, on what proof, and what became of them.

A day that was removed is sealed: what is made of it stays as it is stored, because it cannot be made again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.errors import DamagedFile
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.retention import RETENTION_DAYS
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import FIRST, LAST, utc_day
from homeiq_assets.window import Window, local_day, local_days


class State(StrEnum):
    """What became of a day."""

    REMOVING = "removing"
    REMOVED = "removed"
    RESTORED = "restored"
    REFILLED = "refilled"


SEALED = (State.REMOVING, State.REMOVED)


@dataclass(frozen=True)
class Proof:
    """What a day was before it was removed, and what was found to hold it: see `RETENTION_DAYS`."""

    rows: int
    counts: Mapping[str, int]
    successor: str
    successor_rows: int
    sums: Mapping[str, Any] = field(default_factory=dict)
    object: str = ""
    step: timedelta = timedelta()


@dataclass(frozen=True)
class Entry:
    """A day of the ledger."""

    day: date
    state: State
    proof: Proof

    @property
    def sealed(self) -> bool:
        """Whether the day's rows are gone, or about to go."""
        return self.state in SEALED


class Ledger:
    """The ledger in a store. Every method raises StoreError."""

    def __init__(self, store: Store, zone: ZoneInfo) -> None:
        self._store, self._zone = store, zone

    def entries(self, measurement: str, window: Window) -> dict[date, Entry]:
        """What the ledger says of the days that begin in a window."""
        with self._explained():
            rows = self._store.read(RETENTION_DAYS, window, tags={"measurement": measurement})
        entries = (_entry(row) for row in rows.to_pylist())
        return {entry.day: entry for entry in entries}

    def sealed(self, measurement: str, window: Window) -> list[date]:
        """The days, in order, whose rows are gone, of those that begin in a window."""
        return sorted(day for day, entry in self.entries(measurement, window).items() if entry.sealed)

    def of(self, measurement: str, day: date) -> Entry | None:
        """What the ledger says of a day; None: it was never removed."""
        return self.entries(measurement, local_day(day, self._zone)).get(day)

    def removed_rows(self) -> dict[str, int]:
        """How many rows are gone of each measurement, by the proofs of the days that were removed and still are."""
        gone: dict[str, int] = {}
        with self._explained():
            rows = self._store.read(RETENTION_DAYS, Window(FIRST, LAST), columns=["state", "rows"])
        for row in rows.to_pylist():
            if row["state"] == State.REMOVED:
                gone[row["measurement"]] = gone.get(row["measurement"], 0) + row["rows"]
        return gone

    def write(self, measurement: str, entry: Entry, now: datetime) -> None:
        """Say what became of a day."""
        proof = entry.proof
        row = {
            "time": local_day(entry.day, self._zone).start,
            "measurement": measurement,
            "date": entry.day.isoformat(),
            "state": entry.state.value,
            "rows": proof.rows,
            "successor": proof.successor,
            "successor_rows": proof.successor_rows,
            "counts": json.dumps(dict(proof.counts), sort_keys=True),
            "sums": json.dumps(dict(proof.sums), sort_keys=True),
            "object": proof.object,
            "step_seconds": proof.step / timedelta(seconds=1),
            "changed_at": now.isoformat(timespec="seconds"),
        }
        with self._explained():
            self._store.put(RETENTION_DAYS, rows_of(RETENTION_DAYS, [row]))

    def reopen(self, measurement: str, days: Iterable[date], state: State, now: datetime) -> list[date]:
        """Say of those of the days that are sealed that their rows are there again; which these were."""
        wanted = sorted(days)
        if not wanted:
            return []
        span = Window(local_day(wanted[0], self._zone).start, local_day(wanted[-1], self._zone).end)
        entries = self.entries(measurement, span)
        opened = [day for day in wanted if day in entries and entries[day].sealed]
        for day in opened:
            self.write(measurement, Entry(day, state, entries[day].proof), now)
        return opened

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say of a damaged file of the ledger what is to be done, which is not to materialise it."""
        try:
            yield
        except DamagedFile as error:
            if error.path.parent.name.startswith("."):
                raise  # a change of a killed writer: the ledger itself is whole
            raise DamagedFile(error.path, self._advice(error.path)) from error

    def _advice(self, path: Path) -> str:
        begins = utc_day(date.fromisoformat(path.stem))
        days = [day for day in local_days(begins, self._zone) if local_day(day, self._zone).start in begins]
        told, months = (", ".join(dict.fromkeys(map(str, one))) for one in (days, [f"{day:%Y-%m}" for day in days]))
        return (
            f"HOMEIQ_HOME: {path} is damaged and cannot be read; it says what was removed of {told}. Put it back from "
            "a backup. Without one: set HOMEIQ_AUTOMATION=off, move the file away, and bring back what it told of: "
            f"materialise restore/… of {told} for each measurement of RAW_ARCHIVE, then its tiers of {told}; and where "
            f"the month is archived, restore/…_daily of {months}. Then set HOMEIQ_AUTOMATION as it was: the days are "
            "removed again, on a new proof"
        )


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        date.fromisoformat(row["date"]),
        State(row["state"]),
        Proof(
            row["rows"],
            json.loads(row["counts"]),
            row["successor"] or "",
            row["successor_rows"],
            json.loads(row["sums"]),
            row["object"] or "",
            timedelta(seconds=row["step_seconds"] or 0),
        ),
    )
