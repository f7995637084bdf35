"""The removal of days by age, each in five steps, so that none goes before what takes its place is proven.

(1) What takes the place of the day, and of the days that its readings hold into, is there; (2) it equals what the
day's rows say, asked anew; (3) the day's archived object is downloaded and compared; (4) the ledger says `removing`,
with this proof; (5) the rows are counted once more, deleted, counted to nothing, and the ledger says `removed`.
Whoever finds `removing` goes on at (5). What is removed, and what takes its place, is in `targets.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import pyarrow as pa

from homeiq_assets.archive.merging import holds
from homeiq_assets.errors import ArchiveError, CountsDiffer, DamagedFile, FieldTypeConflict, StoreError
from homeiq_assets.home import Home
from homeiq_assets.ledger.locks import alone
from homeiq_assets.ledger.removed_days import Entry, Ledger, Proof, State
from homeiq_assets.retention.ages import last_due
from homeiq_assets.retention.row_sets import same_rows
from homeiq_assets.retention.targets import NotProvenError, Target
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.stores.base import Store
from homeiq_assets.window import local_date, local_day


class Outcome(StrEnum):
    """What became of a day that was to go."""

    REMOVED = "removed"
    WOULD_GO = "would be removed"
    KEPT = "kept"
    NOTHING = "no rows"
    LATE = "late rows"


@dataclass(frozen=True)
class Removal:
    """What a removal did with a day. `reason` says why it was kept; `proof` None without one.

    `rows` are those that went now: none of a day that was removed before.
    """

    day: date
    outcome: Outcome
    reason: str | None = None
    proof: Proof | None = None
    rows: int = 0


def remove_days(
    target: Target,
    days: Sequence[date],
    home: Home,
    store: Store,
    *,
    age: int,
    red: Mapping[date, str],
    dry: bool = False,
) -> Iterator[Removal]:
    """Remove local days older than `age` days, in their order; a day whose proof is not found stays and says why.

    `red` are days whose checks say that something is wrong. With `dry` everything is looked at and nothing changed.
    Raises StoreError and SettingError where looking or removing fails, and ArchiveError where the archive is away; the
    days before are done.
    """
    last = last_due(age, local_date(home.now(), home.zone))
    for day in sorted(days):
        if day > last:
            yield Removal(day, Outcome.KEPT, f"it goes once it is older than {age} days")
        elif day in red:
            yield Removal(day, Outcome.KEPT, f"a check is red: {red[day]}")
        else:
            with alone(home, target.name):
                try:
                    removal = _Day(target, day, home, store).remove(dry=dry)
                except (DamagedFile, FieldTypeConflict) as error:
                    removal = Removal(day, Outcome.KEPT, str(error))
            yield removal


class _Day:
    """The removal of one day."""

    def __init__(self, target: Target, day: date, home: Home, store: Store) -> None:
        self._target, self._day, self._home = target, day, home
        self._ledger = Ledger(store, home.zone)
        self._window = local_day(day, home.zone)
        self._place, self._measurement = target.place()

    def remove(self, *, dry: bool) -> Removal:
        if not dry:
            # Else a delete that was decided when its process was killed would show half of a day.
            self._place.recover(self._measurement)
        entry = self._ledger.of(self._target.name, self._day)
        wide, rows = self._place.whole(self._measurement, self._window)
        # Of the rows that were looked at, not of any that came since.
        counts = {field.name: rows.num_rows - int(rows[field.name].null_count) for field in wide.fields}
        try:
            if entry is not None and entry.sealed:
                sealed = self._sealed(entry, wide, rows, counts, dry=dry)
                if sealed is not None:
                    return sealed
            if not rows.num_rows:
                return Removal(self._day, Outcome.NOTHING)
            proof = replace(self._target.proof(self._day, rows), counts=counts)
        except (NotProvenError, ArchiveError) as error:
            # Unreachable archive: retry. Damaged archive: keep this day, go on with the others.
            if error.retryable:
                raise
            return Removal(self._day, Outcome.KEPT, str(error))
        if not dry:
            self._say(State.REMOVING, proof)
        # Writers that are not ours ask for no lock: the rows are looked at once more, right before they go.
        if not dry and not same_rows(rows, self._place.whole(self._measurement, self._window)[1]):
            return self._changed(proof)
        return self._finished(wide, counts, proof, dry=dry)

    def _sealed(
        self, entry: Entry, wide: Measurement, rows: pa.Table, counts: Mapping[str, int], *, dry: bool
    ) -> Removal | None:
        """What becomes of a day that went, or was about to; None where all of it is to be proven anew."""
        if entry.state is State.REMOVED:
            return self._gone(rows, entry.proof)
        if self._is_rest(rows, counts, entry.proof):
            return self._finished(wide, counts, entry.proof, dry=dry, begun=True)
        if not self._is_whole(rows, counts, entry.proof):
            return self._late(rows)
        # Nothing was deleted, and rows came since: what is made of the day has to take them in first.
        if not dry:
            self._say(State.RESTORED, entry.proof)
        return None

    def _finished(
        self, wide: Measurement, counts: Mapping[str, int], proof: Proof, *, dry: bool, begun: bool = False
    ) -> Removal:
        """Delete what was counted, see that nothing is left, say so. `begun`: some of it may be gone already."""
        if dry:
            return Removal(self._day, Outcome.WOULD_GO, None, proof)
        if any(counts.values()):
            try:
                self._place.delete(wide, self._window, expected=counts)
            except CountsDiffer:
                # A day of which rows are gone stays sealed.
                return self._kept() if begun else self._changed(proof)
        left = self._place.counts(wide, self._window)
        if any(left.values()):
            raise StoreError(
                f"{self._target.name} of {self._day} was deleted, but the store still counts {left}; run it again",
                retryable=True,
            )
        self._say(State.REMOVED, proof)
        return Removal(self._day, Outcome.REMOVED, None, proof, proof.rows)

    def _changed(self, proof: Proof) -> Removal:
        self._say(State.RESTORED, proof)
        return self._kept()

    def _kept(self) -> Removal:
        return Removal(self._day, Outcome.KEPT, "rows came or went while it was looked at; it is tried again")

    def _gone(self, rows: pa.Table, proof: Proof) -> Removal:
        return self._late(rows) if rows.num_rows else Removal(self._day, Outcome.REMOVED, None, proof)

    def _late(self, rows: pa.Table) -> Removal:
        return Removal(
            self._day,
            Outcome.LATE,
            f"{rows.num_rows} rows of {self._target.name} came after it was removed; they stay, and are not in what "
            f"was made of it. Restore first ({self._target.restored_by(self._day)}), then materialise what follows",
        )

    def _is_rest(self, rows: pa.Table, counts: Mapping[str, int], proof: Proof) -> bool:
        """Whether all values that are there are among those of the proof."""
        archived = self._target.archived(self._day)
        if archived is not None:
            return holds(archived, rows)
        # Where nothing is missing values may have been revised since, and the proof can be had anew.
        fewer = any(counts.get(field, 0) < count for field, count in proof.counts.items())
        known = all(count <= proof.counts.get(field, 0) for field, count in counts.items())
        return fewer and known and (not rows.num_rows or self._target.still_proven(self._day))

    def _is_whole(self, rows: pa.Table, counts: Mapping[str, int], proof: Proof) -> bool:
        """Whether all values of the proof are there."""
        archived = self._target.archived(self._day)
        if archived is not None:
            return holds(rows, archived)
        return all(counts.get(field, 0) >= count for field, count in proof.counts.items())

    def _say(self, state: State, proof: Proof) -> None:
        self._ledger.write(self._target.name, Entry(self._day, state, proof), self._home.now())
