"""A home whose days are old: its settings, a clock that tests set, its store and archive, and what is done to its days.

Its meter says something every half hour, with a tag and two fields that its schema does not name, at midnight exactly
and a nanosecond before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.home import Home, open_home
from homeiq_assets.ledger.removed_days import Entry, Ledger
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.archiving import Archived, archive_days, archive_months
from homeiq_assets.retention.removal import Removal, remove_days
from homeiq_assets.retention.restoring import Restored, restore_days, restore_months
from homeiq_assets.retention.targets import DailyTarget, HourlyTarget, RawTarget, Target
from homeiq_assets.schema.measurement import TIME, Field, Measurement, Tag, Type, conform
from homeiq_assets.schema.measurements import SMART_METER, tier_of
from homeiq_assets.series.holds import nanoseconds
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.opening import open_store
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.tiers.roll import RolledDay, roll_daily, roll_hourly
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.household import Clock, settings_in
from homeiq_assets_tests.stores.influxd import Influxd

DAY = timedelta(days=1)
HOURLY, DAILY = tier_of(SMART_METER, "hourly"), tier_of(SMART_METER, "daily")
METER = replace(
    SMART_METER,
    tags=(*SMART_METER.tags, Tag("phase", identity=False)),
    fields=(*SMART_METER.fields, Field("pulses", Type.INTEGER), Field("note", Type.STRING)),
)
"""As its rows are stored."""


@dataclass
class OldDays:
    """A home in `store`; `measurement` is the raw one whose days are rolled, archived, removed and restored."""

    home: Home
    store: Store
    archive: ObjectStore
    clock: Clock
    measurement: Measurement = SMART_METER
    stored_as: Measurement = METER

    def window(self, day: date) -> Window:
        """The local day."""
        return local_day(day, self.home.zone)

    def put(self, rows: Sequence[Mapping[str, Any]], measurement: Measurement | None = None) -> None:
        """Store rows beside what is there."""
        measurement = measurement or self.stored_as
        self.store.put(measurement, table_of(measurement, rows))

    def meter(self, *days: date, start: float = 0.0, power: float = 300.0) -> None:
        """Store what the meter says on these days."""
        self.put([row for day in days for row in meter_rows(self.window(day), start + day.toordinal() % 7, power)])

    def raw(self, day: date) -> pa.Table:
        """The day's rows exactly as they are stored."""
        return self.store.whole(self.stored_as, self.window(day))[1]

    def tier(self, resolution: str, day: date) -> pa.Table:
        """The day's rows of a tier."""
        return self.store.read(tier_of(self.measurement, resolution), self.window(day))

    def tiers(self, *days: date) -> list[pa.Table]:
        """All that both tiers hold of these days."""
        return [self.tier(resolution, day) for day in days for resolution in ("hourly", "daily")]

    def roll(self, *days: date) -> list[RolledDay]:
        """Roll both tiers."""
        return [*self.roll_hourly(*days), *self.roll_daily(*days)]

    def roll_hourly(self, *days: date) -> list[RolledDay]:
        """Roll the hourly tier."""
        with opened_raw(self.measurement, self.home, self.store) as raw:
            return list(roll_hourly(raw, days, self.home, self.store))

    def roll_daily(self, *days: date) -> list[RolledDay]:
        """Roll the daily tier."""
        with opened_raw(self.measurement, self.home, self.store) as raw:
            return list(roll_daily(raw, days, self.home, self.store))

    def archive_raw(self, *days: date) -> list[Archived]:
        """Archive raw days."""
        with opened_raw(self.measurement, self.home, self.store) as raw:
            return list(archive_days(raw, days, self.home, self.archive, self.store))

    def archive_months(self, *months: date) -> list[Archived]:
        """Archive months of the daily tier."""
        return list(archive_months(self.measurement, months, self.home, self.archive, self.store))

    def ready(self, *days: date) -> None:
        """Roll and archive days of which rows are stored."""
        assert not [one for one in self.roll(*days) if one.left or one.differs]
        self.archive_raw(*days)

    def remove(
        self,
        *days: date,
        level: Level = Level.RAW,
        age: int = 7,
        red: Mapping[date, str] | None = None,
        dry: bool = False,
    ) -> list[Removal]:
        """Remove days."""
        with self._target(level) as target:
            return list(remove_days(target, days, self.home, self.store, age=age, red=red or {}, dry=dry))

    def restore(self, *days: date, bucket: str | None = None) -> list[Restored]:
        """Restore raw days."""
        return list(restore_days(self.measurement, days, self.home, self.store, self.archive, bucket))

    def restore_months(self, *months: date, bucket: str | None = None) -> list[Restored]:
        """Restore months of the daily tier."""
        return list(restore_months(self.measurement, months, self.home, self.store, self.archive, bucket))

    def ledger(self, day: date, level: Level = Level.RAW) -> Entry | None:
        """What the ledger says."""
        return Ledger(self.store, self.home.zone).of(level.of(self.measurement).name, day)

    @contextmanager
    def _target(self, level: Level) -> Iterator[Target]:
        with opened_raw(self.measurement, self.home, self.store) as raw:
            if level is Level.RAW:
                yield RawTarget(raw, self.home, self.store, self.archive)
            elif level is Level.HOURLY:
                yield HourlyTarget(raw, self.home, self.store)
            else:
                yield DailyTarget(self.measurement, self.home, self.store, self.archive)


def old_days(
    folder: Path,
    store: Store | None,
    now: datetime,
    *,
    zone: str = "Europe/Vienna",
    measurement: Measurement = SMART_METER,
    stored_as: Measurement = METER,
    **variables: str,
) -> OldDays:
    """A home in `zone` at `now`, its archive in `folder` unless variables name another; the store that they name."""
    settings = settings_in(folder, HOMEIQ_TIMEZONE=zone, **variables)
    clock = Clock(now)
    home = replace(open_home(settings), now=clock)
    return OldDays(home, store or open_store(settings), open_archive(settings), clock, measurement, stored_as)


def in_influxdb(influxd: Influxd, bucket: str) -> dict[str, str]:
    """The settings that lead to a bucket, with a token that may do anything."""
    return {
        "INFLUXDB_URL": influxd.url,
        "INFLUXDB_TOKEN": influxd.token_all,
        "INFLUXDB_ORG": influxd.org,
        "INFLUXDB_BUCKET": bucket,
    }


def three_at_night(day: date) -> datetime:
    """An instant early in a day, in UTC."""
    return datetime(day.year, day.month, day.day, 3, tzinfo=UTC)


def meter_rows(window: Window, start: float = 0.0, power: float = 300.0) -> list[dict[str, Any]]:
    """A day's rows of METER: every half hour from midnight on, the last a nanosecond before the day is over."""
    instants = [nanoseconds(window.start + n * HOUR / 2) for n in range(int(window.length / (HOUR / 2)))]
    return [
        {
            "time": instant,
            "meter_type": "emporia",
            "phase": "" if number % 3 else "L1",
            "total_power_w": power + 7.3 * (number * 5 % 11),
            "daily_kwh": start + 0.31 * number,
            "pulses": 2**53 + number if number % 4 == 0 else None,
            "note": "" if number == 2 else None,
        }
        for number, instant in enumerate([*instants, nanoseconds(window.end) - 1])
    ]


def table_of(measurement: Measurement, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows given as mappings, typed as they are stored; a `time` may be in nanoseconds, absent tags are empty."""
    columns = {}
    for column in measurement.arrow:
        values = [row.get(column.name) for row in rows]
        if column.name == "time":
            instants = [one if isinstance(one, int) else nanoseconds(one) for one in values]
            columns["time"] = pa.array(instants, pa.int64()).cast(TIME)
        else:
            columns[column.name] = pa.array(values, column.type)
    return conform(pa.table(columns), measurement, "")


def altered(table: pa.Table, column: str, change: Any, row: int = 0) -> pa.Table:
    """The table with another value in one row of a column: what `change` makes of the one that is there."""
    values = table[column].to_pylist()
    values[row] = change(values[row])
    place = table.column_names.index(column)
    return table.set_column(place, table.schema.field(column), pa.chunked_array([values], table[column].type))
