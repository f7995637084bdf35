"""What a home holds beside what it should: that nothing is gone without its proof, and that two homes end alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from homeiq_assets.archive.days import read_day
from homeiq_assets.archive.months import read_month
from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.ledger.removed_days import Entry, Ledger, State
from homeiq_assets.retention.ages import Level
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import tier_of
from homeiq_assets.schema.retention import RETENTION_DAYS
from homeiq_assets.settings.retention import names_of
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import inside
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.tiers.roll import roll_daily, roll_hourly
from homeiq_assets.window import Window, local_month
from homeiq_assets_tests.retention.crash_home import STORED, ZONE, House, Life
from homeiq_assets_tests.stores.places import ALWAYS, plain

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Thing:
    """What days are removed from: a measurement or its tier, with its name in the ledger and how it is stored."""

    measurement: Measurement
    level: Level

    @property
    def name(self) -> str:
        return self.level.of(self.measurement).name

    @property
    def stored(self) -> Measurement:
        return STORED[self.measurement] if self.level is Level.RAW else self.level.of(self.measurement)

    @property
    def successors(self) -> "list[Thing]":
        """What has to hold a day before it goes from here."""
        coarser = {Level.RAW: [Level.HOURLY, Level.DAILY], Level.HOURLY: [Level.DAILY], Level.DAILY: []}
        return [Thing(self.measurement, level) for level in coarser[self.level]]


def things(life: Life) -> Iterator[Thing]:
    """All that a home keeps days of."""
    for measurement in life.measurements:
        for level in Level:
            yield Thing(measurement, level)


class Expected:
    """All rows of a home of which nothing was ever removed, made in one go in a store of its own."""

    def __init__(self, life: Life, folder: Path) -> None:
        self.life = life
        house = House(folder, life=life)
        home, days = house.at(life.days), [life.day(number) for number in range(life.days)]
        everything = Window(life.window(0).start, life.window(life.days - 1).end)
        self.rows: dict[str, pa.Table] = {}
        with house.opened() as (store, _):
            for measurement in life.measurements:
                rows = pa.concat_tables([life.rows(measurement, number) for number in range(life.days)])
                store.replace(STORED[measurement], rows, everything)
                with opened_raw(measurement, home, store) as raw:
                    list(roll_hourly(raw, days, home, store))
                    list(roll_daily(raw, days, home, store))
            for thing in things(life):
                self.rows[thing.name] = store.read(thing.stored, ALWAYS)

    @cached_property
    def edges(self) -> Ints:
        """Where each day begins (ns), and where the last one ends."""
        starts = [self.life.window(number).start for number in range(self.life.days + 1)]
        return np.array([int(start.timestamp()) * 10**9 for start in starts], np.int64)

    def numbers(self, rows: pa.Table) -> Ints:
        """Of each row the number of its day."""
        times = rows["time"].cast(pa.int64()).to_numpy()
        return np.searchsorted(self.edges, times, "right").astype(np.int64) - 1

    def day(self, thing: Thing, number: int) -> pa.Table:
        """The rows of a day."""
        rows = self.rows[thing.name]
        return rows.filter(pa.array(self.numbers(rows) == number))


@dataclass
class Look:
    """A home looked at: what is in its store, its ledger and its archive at this moment."""

    expected: Expected
    house: House
    store: Store
    archive: ObjectStore
    compared: dict[str, bool] = field(default_factory=dict)
    """archived objects (they never change) that were compared, and days in them; kept from one look to the next"""

    def assert_nothing_is_gone_unproven(self, stored: int, working: range = range(0)) -> None:
        """Of the first `stored` days, and where they are begun of those that are worked on."""
        life = self.expected.life
        everything = Window(life.window(0).start, life.window(life.days).end)
        ledger = Ledger(self.store, ZONE)
        self.sealed: dict[str, dict[date, Entry]] = {}
        self.whole: dict[str, Ints] = {}
        for thing in things(life):
            entries = ledger.entries(thing.name, everything)
            self.sealed[thing.name] = {day: entry for day, entry in entries.items() if entry.sealed}
            assert len(entries) == len(self.sealed[thing.name]), f"{thing.name}: {entries}"
            self.whole[thing.name] = self._whole_days(thing, stored, working)
        names = set(self.archive.sizes(""))
        for thing in things(life):
            for day, entry in self.sealed[thing.name].items():
                self._assert_proven(thing, (day - life.first).days, entry, names)

    def _whole_days(self, thing: Thing, stored: int, working: range) -> Ints:
        """The days of which all rows are there; the others must be sealed, or at work."""
        wanted, found = self.expected.rows[thing.name], self.store.read(thing.stored, ALWAYS)
        due, there = self.expected.numbers(wanted), self.expected.numbers(found)
        days = self.expected.life.days
        whole = np.flatnonzero(np.bincount(due, minlength=days) == np.bincount(there, minlength=days))
        same = found.filter(pa.array(np.isin(there, whole)))
        assert same.equals(wanted.filter(pa.array(np.isin(due, whole)))), f"{thing.name} has other rows"
        assert not set(there) - set(range(stored)) - set(working), f"{thing.name} has days that are not over"
        for number in sorted(set(range(days)) - set(whole.tolist())):
            if number < stored or number in working:
                entry = self.sealed[thing.name].get(self.expected.life.day(number))
                assert entry or number in working, f"{thing.name} of day {number} is gone, and nobody says why"
                rest = found.filter(pa.array(there == number))
                assert row_set(rest) <= row_set(self.expected.day(thing, number))
                assert entry is None or entry.state is State.REMOVING or not rest.num_rows
        return whole

    def _assert_proven(self, thing: Thing, number: int, entry: Entry, names: set[str]) -> None:
        told = f"{thing.name} of {entry.day} is {entry.state}"
        assert entry.state is State.REMOVING or number not in self.whole[thing.name], f"{told}, but its rows are there"
        assert entry.proof.rows == self.expected.day(thing, number).num_rows
        for one in thing.successors:
            held = number in self.whole[one.name] or entry.day in self.sealed[one.name]
            assert held, f"{told}, but {one.name} is not there"
        if thing.level is Level.DAILY or (
            thing.level is Level.RAW and thing.measurement.name in names_of(self.house.archived)
        ):
            assert entry.proof.object in names, f"{told}, but its archived object is gone"
            key = f"{entry.proof.object} {entry.day}"
            if key not in self.compared:
                wanted = row_set(self.expected.day(thing, number))
                self.compared[key] = row_set(self._archived(thing, number)) == wanted
            assert self.compared[key], f"{told}, but its archived object is another"

    def _archived(self, thing: Thing, number: int) -> pa.Table:
        day, window = self.expected.life.day(number), self.expected.life.window(number)
        if thing.level is Level.RAW:
            return read_day(thing.measurement, day, ZONE, self.archive)
        month = read_month(tier_of(thing.measurement, "daily"), local_month(day, ZONE), ZONE, self.archive)
        return month.filter(inside(month, window))


@dataclass(frozen=True)
class End:
    """All that a home holds: rows, ledger (but for when it was written), objects."""

    rows: Mapping[str, list[dict[str, Any]]]
    ledger: list[dict[str, Any]]
    objects: Mapping[str, bytes | None]


def end_of(life: Life, store: Store, archive: ObjectStore) -> End:
    """What a home holds at the end."""
    rows = {thing.name: plain(store.read(thing.stored, ALWAYS)) for thing in things(life)}
    told = plain(store.read(RETENTION_DAYS, ALWAYS).drop_columns("changed_at"))
    # One store tells an empty text from none, the other does not.
    ledger = [{name: value for name, value in row.items() if value != ""} for row in told]
    return End(rows, ledger, {name: archive.get(name) for name in archive.sizes("")})


def row_set(rows: pa.Table) -> set[frozenset[tuple[str, Any]]]:
    """The rows as what each says, to be compared with others that may have more columns."""
    timed = rows.set_column(rows.column_names.index("time"), "time", rows["time"].cast(pa.int64()))
    return {
        frozenset((name, value) for name, value in row.items() if value is not None and (value != "" or name in fields))
        for fields in [{column.name for column in rows.schema if column.nullable}]
        for row in timed.to_pylist()
    }
