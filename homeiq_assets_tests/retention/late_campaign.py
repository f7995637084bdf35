"""Random late, partial and revised rows over removed days and months, archived, removed and restored in any order.

After each step the store over the archive has to say exactly what was written last of every (series, time, field), and
of the daily tier every (series, day, field) that was ever archived has to be known. The tests do that in few homes. The
whole:

    python -W ignore -m homeiq_assets_tests.retention.late_campaign --homes 50 --steps 60 --seed 1 [--store influxdb]
"""

import argparse
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from homeiq_assets.archive.days import read_day
from homeiq_assets.archive.months import read_month
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurement import Tag
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.tables import inside
from homeiq_assets.window import Window, local_month
from homeiq_assets_tests.retention.old_days import (
    DAILY,
    METER,
    OldDays,
    in_influxdb,
    old_days,
    table_of,
    three_at_night,
)
from homeiq_assets_tests.stores.influxd import Influxd

FIRST = date(2025, 10, 30)
DAYS = [FIRST + number * timedelta(days=1) for number in range(4)]
"""two of each of two months"""
MONTHS = [date(2025, 10, 1), date(2025, 11, 1)]
NOW = three_at_night(DAYS[-1] + timedelta(days=30))
WIDE = replace(METER, tags=(*METER.tags, Tag("area", identity=False)))
Values = dict[tuple[Any, ...], Any]


def values(rows: pa.Table, *, tags: tuple[str, ...] | None = None) -> Values:
    """Each value by its series (the tags that are set, of all or of these), time and field."""
    every = [column.name for column in rows.schema if not column.nullable and column.name != "time"]
    timed = rows.set_column(0, "time", rows["time"].cast(pa.int64()))
    return {
        (row["time"], *((tag, row[tag]) for tag in sorted(tags or every) if row[tag] != ""), name): row[name]
        for row in timed.to_pylist()
        for name in rows.column_names
        if name != "time" and name not in every and row[name] is not None
    }


@dataclass
class LateHome:
    """A home, and what was ever written to it."""

    home: OldDays
    chance: random.Random
    written: Values = field(default_factory=dict)
    """the last value of each key of the raw rows"""
    tiered: set[tuple[Any, ...]] = field(default_factory=set)
    """the keys of the daily tier that were ever archived"""
    done: Counter[str] = field(default_factory=Counter)

    def run(self, steps: int) -> None:
        """So many steps, each looked at, and what the owner does in the end: all is back in the store."""
        for day in DAYS:
            self._put([self._row(day) for _ in range(6)])
        kinds: list[Callable[[date], None]] = [
            *(self._late, self._late, self._revised, self._night, self._night),
            *(self._restore, self._month, self._tier, self._expired, self._elsewhere),
        ]
        for number in range(steps):
            step = self.chance.choice(kinds)
            day = self.chance.choice(DAYS)
            step(day)
            self._assert_nothing_is_lost(f"step {number}: {step.__name__} of {day}")
        for _ in range(2):
            self.home.restore_months(*self._archived_months())
            self.home.restore(*self._archived_days())
            self._ready()
            self._assert_nothing_is_lost("the end")
        assert {key: self._stored().get(key) for key in self.written} == self.written, "all is in the store again"

    def _row(self, day: date) -> dict[str, Any]:
        """A row at one of few stamps, of one of few series, with some fields."""
        chance, window = self.chance, self.home.window(day)
        fields = {
            "total_power_w": chance.randint(0, 5000) / 10,
            "daily_kwh": chance.randint(0, 500) / 10,
            "daily_export_kwh": chance.randint(0, 500) / 10,
            "pulses": 2**53 + chance.randint(0, 99),
            "note": chance.choice(["", "a", "late"]),
        }
        some = chance.sample(list(fields), chance.choice([1, 1, 2, 3, 5]))
        return {
            "time": window.start + chance.randint(0, 5) * timedelta(hours=4),
            "meter_type": chance.choice(["emporia", "sense"]),
            "phase": chance.choice(["", "", "L1"]),
            "area": chance.choice(["", "", "", "cellar"]),
        } | {name: fields[name] for name in some}

    def _put(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            table = table_of(WIDE, [row])
            self.home.store.put(WIDE, table)
            self.written |= values(table)

    def _late(self, day: date) -> None:
        self._put([self._row(day) for _ in range(self.chance.randint(1, 3))])
        gone = self.home.ledger(day)
        self.done["rows late to a removed day" if gone is not None and gone.sealed else "rows that came"] += 1

    def _revised(self, day: date) -> None:
        window = self.home.window(day)
        known = [key for key in self.written if window.start.timestamp() <= key[0] / 1e9 < window.end.timestamp()]
        row = self._row(day)
        for key in self.chance.sample(known, min(1, len(known))):
            row = {name: row.get(name) for name in ("total_power_w", key[-1])} | dict(key[1:-1])
            row["time"] = key[0]
            row[key[-1]] = self._changed(self.written[key])
        self._put([row])
        self.done["rows revised"] += 1

    def _changed(self, value: Any) -> Any:
        return f"{value}'" if isinstance(value, str) else value + 1

    def _night(self, _: date) -> None:
        """What comes by itself: tiers, archive, removal of some days from everywhere."""
        self._ready()
        days = self.chance.sample(DAYS, self.chance.randint(1, 3))
        for level in self.chance.choice([[Level.RAW], list(Level)]):
            outcomes = self.home.remove(*days, level=level)
            self.done[f"{level} days removed"] += sum(
                one.outcome is Outcome.REMOVED and one.rows > 0 for one in outcomes
            )

    def _ready(self) -> None:
        self.home.roll(*DAYS)
        self.home.archive_raw(*DAYS)
        self.home.archive_months(*MONTHS)

    def _restore(self, day: date) -> None:
        if day in self._archived_days():
            (restored,) = self.home.restore(day)
            assert restored.left is None, restored
            self.done["days restored"] += 1

    def _month(self, day: date) -> None:
        first = day.replace(day=1)
        if first in self._archived_months():
            (restored,) = self.home.restore_months(first)
            assert restored.left is None, restored
            self.done["months restored"] += 1
        if self.chance.random() < 0.5:
            self.home.archive_months(first)

    def _tier(self, day: date) -> None:
        """A row of the daily tier, late and partial, where its day was removed."""
        gone = self.home.ledger(day, Level.DAILY)
        if gone is not None and gone.sealed:
            late = {"time": self.home.window(day).start, "meter_type": self.chance.choice(["emporia", "sense"])}
            self.home.store.put(DAILY, table_of(DAILY, [late | {"total_power_w_max": self.chance.randint(0, 9) * 1e3}]))
            self.done["rows late to a removed day of the tier"] += 1

    def _expired(self, day: date) -> None:
        """The store drops a part of a day, of which the archive knows all."""
        window = self.home.window(day)
        cut = window.start + self.chance.randint(1, 5) * timedelta(hours=4)
        part = Window(window.start, cut)
        rows = self.home.raw(day)
        going, known = values(rows.filter(inside(rows, part))), self._archived(day)
        if going and all(known.get(key) == value for key, value in going.items()):
            self.home.store.delete(WIDE, part)
            self.done["days expired in part"] += 1

    def _elsewhere(self, day: date) -> None:
        if day in self._archived_days():
            self.home.restore(day, bucket=f"look{self.chance.randint(0, 1)}_{id(self) % 9973}")
            self.done["days restored elsewhere"] += 1

    def _archived_days(self) -> list[date]:
        return [day for day in DAYS if self._archived(day)]

    def _archived_months(self) -> list[date]:
        return [first for first in MONTHS if self._archived_month(first).num_rows]

    def _archived(self, day: date) -> Values:
        return values(read_day(self.home.measurement, day, self.home.home.zone, self.home.archive))

    def _archived_month(self, first: date) -> pa.Table:
        return read_month(DAILY, local_month(first, self.home.home.zone), self.home.home.zone, self.home.archive)

    def _stored(self) -> Values:
        return {key: value for day in DAYS for key, value in values(self.home.raw(day)).items()}

    def _assert_nothing_is_lost(self, told: str) -> None:
        known = {key: value for day in DAYS for key, value in self._archived(day).items()} | self._stored()
        differ = {key: (value, known.get(key)) for key, value in self.written.items() if known.get(key) != value}
        assert not differ, f"{told}: {differ}"
        assert known.keys() == self.written.keys(), told
        months = {key for first in MONTHS for key in values(self._archived_month(first), tags=DAILY.identity)}
        assert self.tiered <= months, f"{told}: {self.tiered - months}"
        self.tiered = months


def late_homes(folder: Path, seed: int, homes: int, influxd: Influxd | None = None) -> Iterator[LateHome]:
    """Homes of either store, each with a chance of its own."""
    for number in range(seed, seed + homes):
        variables = in_influxdb(influxd, influxd.create_bucket()) if influxd is not None else {}
        home = old_days(folder / str(number), None, NOW, stored_as=WIDE, **variables)
        with closing(home.store):
            yield LateHome(home, random.Random(number))


def _main() -> None:
    parser = argparse.ArgumentParser(description="Write late rows to homes whose days go and come back.")
    parser.add_argument("--homes", type=int, default=50)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["embedded", "influxdb"], default="embedded")
    asked = parser.parse_args()
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="homeiq-late-")))
        influxd = None
        if asked.store == "influxdb":
            influxd = Influxd()
            stack.callback(influxd.stop)
        began, done = time.monotonic(), Counter[str]()
        for number, home in enumerate(late_homes(folder, asked.seed, asked.homes, influxd), asked.seed):
            try:
                home.run(asked.steps)
            except BaseException:
                print(f"seed {number}: {dict(home.done)}")
                raise
            done += home.done
        print(f"{time.monotonic() - began:.0f} s: {asked.homes} homes of {asked.steps} steps; nothing is lost")
        print(*(f"{count} {what}" for what, count in sorted(done.items())), sep="\n")


if __name__ == "__main__":
    _main()
