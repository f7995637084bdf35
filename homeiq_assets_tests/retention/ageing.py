"""A home that grows old in simulated time, night after night, by the plain functions that the assets call.

Each night the rows of the day that is over arrive, and what comes late; tiers, archive and removals follow. What
arrived is kept aside untouched (`Copy`), so that it can be compared with what is left of it (`ageing_checks.py`).
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.events.opening import events_place
from homeiq_assets.home import Home, open_home
from homeiq_assets.retention.ages import Level, age, last_due
from homeiq_assets.retention.archiving import archive_days, archive_months
from homeiq_assets.retention.removal import Outcome, remove_days
from homeiq_assets.retention.targets import DailyTarget, HourlyTarget, RawTarget, Target
from homeiq_assets.schema.measurement import UNKNOWN, Measurement, conform
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, HOME_ASSISTANT_HISTORY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.opening import open_store
from homeiq_assets.tiers.raw import Raw, opened_raw
from homeiq_assets.tiers.roll import RolledDay, roll_daily, roll_hourly
from homeiq_assets.window import local_date, local_day, local_month
from homeiq_assets_tests.retention.ageing_home import FOREIGN_EVENTS, AgeingHome, Arrival

NIGHT = timedelta(hours=3)
"""after midnight"""
NOT_PART = "(rows invented and kept aside)"
"""the part of the nights that is only for comparing"""


@dataclass(frozen=True)
class Copy:
    """Rows kept aside in a folder, by measurement and local day."""

    folder: Path

    def write(self, measurement: Measurement, day: date, rows: pa.Table) -> None:
        path = self._path(measurement, day)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path, compression="zstd")

    def read(self, measurement: Measurement, day: date) -> pa.Table | None:
        """The rows of a day; None where none were kept."""
        path = self._path(measurement, day)
        return pq.ParquetFile(path).read() if path.exists() else None

    def _path(self, measurement: Measurement, day: date) -> Path:
        return self.folder / measurement.name / f"{day}.parquet"


@dataclass
class Ageing:
    """A home as it is tonight. `seconds` is what each part of the nights took, all together."""

    invented: AgeingHome
    settings: Settings
    aside: Path
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    seconds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    """how many days of each measurement and tier were found removed, or without rows, by a removal"""

    def __post_init__(self) -> None:
        self.home: Home = replace(open_home(self.settings), now=lambda: self.now)
        self.store: Store = open_store(self.settings)
        self.archive: ObjectStore = open_archive(self.settings)
        self.raw, self.hours = Copy(self.aside / "raw"), Copy(self.aside / "hours")
        """all raw rows as they arrived; the hourly tiers as they were before they were removed"""
        self._coming: dict[date, list[tuple[Measurement, date, pa.Table]]] = defaultdict(list)
        self.events = (
            FOREIGN_EVENTS if self.settings.live else replace(FOREIGN_EVENTS, name=HOME_ASSISTANT_HISTORY.name)
        )

    def grow(self, days: Iterable[date]) -> None:
        """One night after another, each of them after one of the days."""
        for day in days:
            self.night(day)

    def night(self, day: date) -> None:
        """The night after a day."""
        self.now = local_day(day, self.home.zone).end + NIGHT
        with self.phase(NOT_PART):
            arrivals = {
                measurement: self.invented.arrival(measurement, day) for measurement in self.invented.measurements
            }
        changed = self._arrived(day, arrivals)
        for measurement in self.invented.measurements:
            touched = self.days_between(min(changed[measurement]), day)
            with opened_raw(measurement, self.home, self.store) as raw:
                self._rolled(raw, touched)
                self._archived(raw, sorted(changed[measurement]), touched)
                self._removed(raw)

    def days_between(self, first: date, last: date) -> list[date]:
        """Local days, both ends included."""
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Its seconds count as those of a part of the night."""
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began

    def readings(self, measurement: Measurement, day: date) -> pa.Table:
        """The rows of a day kept aside, in declared columns."""
        rows = self.raw.read(measurement, day)
        if rows is None:
            return measurement.empty()
        unknown = {tag: pc.if_else(pc.equal(rows[tag], ""), UNKNOWN, rows[tag]) for tag in measurement.tag_names}
        return pa.table([unknown.get(one.name, rows[one.name]) for one in measurement.arrow], schema=measurement.arrow)

    def stored_as(self, measurement: Measurement) -> Measurement:
        """The measurement that raw rows are stored as."""
        return self.events if measurement is HOME_ASSISTANT_EVENTS else measurement

    def age(self, measurement: Measurement, level: Level) -> int | None:
        """After how many days rows go."""
        return age(measurement, level, self.settings)

    def _arrived(self, day: date, arrivals: dict[Measurement, Arrival]) -> dict[Measurement, set[date]]:
        changed = {measurement: {day} for measurement in self.invented.measurements}
        for measurement, arrival in arrivals.items():
            self._take(measurement, day, arrival.rows)
            if arrival.later is not None:
                self._coming[day + timedelta(days=arrival.after)].append((measurement, day, arrival.later))
        for measurement, of, rows in self._coming.pop(day, []):
            self._take(measurement, of, rows)
            changed[measurement].add(of)
        return changed

    def _take(self, measurement: Measurement, day: date, rows: pa.Table) -> None:
        if measurement is HOME_ASSISTANT_EVENTS:
            with self.phase("raw rows arrive"), events_place(self.home, self.store) as place:
                place.store.put(self.events, rows)
        else:
            with self.phase("raw rows arrive"):
                self.store.replace(measurement, rows, local_day(day, self.home.zone))
        with self.phase(NOT_PART):
            stored = self.raw.read(measurement, day)
            if measurement is HOME_ASSISTANT_EVENTS and stored is not None:
                rows = conform(pa.concat_tables([stored, rows]), self.events, "")
            if rows.num_rows:
                self.raw.write(measurement, day, rows)

    def _rolled(self, raw: Raw, days: Sequence[date]) -> None:
        with self.phase("hourly tiers"):
            _refuse(raw, list(roll_hourly(raw, days, self.home, self.store)))
        with self.phase("daily tiers"):
            _refuse(raw, list(roll_daily(raw, days, self.home, self.store)))

    def _archived(self, raw: Raw, days: Sequence[date], touched: Sequence[date]) -> None:
        if raw.measurement.name in self.settings.archived_raw:
            with self.phase("raw days archived"):
                left = [one for one in archive_days(raw, days, self.home, self.archive, self.store) if one.left]
                assert not left, f"{raw.measurement.name} was not archived: {left}"
        today = local_date(self.now, self.home.zone)
        months = sorted({first for one in touched if (first := one.replace(day=1)) != today.replace(day=1)})
        if not months:
            return
        with self.phase("months archived"):
            left = [
                one for one in archive_months(raw.measurement, months, self.home, self.archive, self.store) if one.left
            ]
            assert not left, f"the daily tier of {raw.measurement.name} was not archived: {left}"

    def _removed(self, raw: Raw) -> None:
        targets: dict[Level, Target] = {
            Level.RAW: RawTarget(raw, self.home, self.store, self.archive),
            Level.HOURLY: HourlyTarget(raw, self.home, self.store),
            Level.DAILY: DailyTarget(raw.measurement, self.home, self.store, self.archive),
        }
        for level, target in targets.items():
            days = self.age(raw.measurement, level)
            if days is None:
                continue
            due = last_due(days, local_date(self.now, self.home.zone))
            if due < self.invented.first:
                continue
            if level is Level.HOURLY:
                with self.phase(NOT_PART):
                    hourly = level.of(raw.measurement)
                    self.hours.write(raw.measurement, due, self.store.read(hourly, local_day(due, self.home.zone)))
            with self.phase(f"{level} days removed"):
                (removal,) = remove_days(target, [due], self.home, self.store, age=days, red={})
            assert removal.outcome in (Outcome.REMOVED, Outcome.NOTHING), f"{target.name} of {due}: {removal.reason}"
            self.outcomes[target.name, removal.outcome] += 1

    def months(self) -> list[date]:
        """The first days of the months that are over."""
        firsts = sorted({day.replace(day=1) for day in self.invented.all_days})
        return [first for first in firsts if local_month(first, self.home.zone).end <= self.now]


def _refuse(raw: Raw, rolled: list[RolledDay]) -> None:
    wrong = [day for day in rolled if day.left or day.differs]
    assert not wrong, f"the tiers of {raw.measurement.name} are not made of its rows: {wrong}"
