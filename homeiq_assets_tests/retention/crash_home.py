"""A home that ages: what its days hold, what a night does to them, and where it is, so that any process can open it.

Days are long enough ago that clocks go back in them, and a sensor is silent for weeks: it has to be remembered.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.errors import HomeiqError
from homeiq_assets.home import Home, open_home
from homeiq_assets.retention.archiving import archive_days, archive_months
from homeiq_assets.retention.removal import Outcome, remove_days
from homeiq_assets.retention.targets import DailyTarget, HourlyTarget, RawTarget, Target
from homeiq_assets.schema.measurement import Field, Measurement, Type, rows_of
from homeiq_assets.schema.measurements import (
    ELECTRICITY_PRICING,
    HOME_ASSISTANT_EVENTS,
    HOME_ASSISTANT_HISTORY,
    SMART_METER,
)
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.opening import open_store
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.tiers.roll import roll_daily, roll_hourly
from homeiq_assets.window import Window, local_day, local_midnight
from homeiq_assets_tests.stores.places import Row

ZONE = ZoneInfo("Europe/Vienna")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
METER = replace(SMART_METER, fields=(*SMART_METER.fields, Field("pulses", Type.INTEGER)))
"""with a field that the schema does not name"""
STORED = {SMART_METER: METER, HOME_ASSISTANT_EVENTS: HOME_ASSISTANT_HISTORY, ELECTRICITY_PRICING: ELECTRICITY_PRICING}
"""what has tiers, and as what it is stored; prices are few rows and stay"""
_SILENT = 48
"""Of so many days, but for the first three, the cellar's meter says nothing."""


@dataclass(frozen=True)
class Life:
    """How long a home is looked at, from when, and at which ages its days go."""

    first: date
    days: int
    raw: int
    hourly: int
    daily: int
    names: tuple[str, ...] = tuple(measurement.name for measurement in STORED)
    """of what it has; a schema sent to another process would not be the one that is compared there"""

    @property
    def measurements(self) -> list[Measurement]:
        """What it has, of `STORED`."""
        return [measurement for measurement in STORED if measurement.name in self.names]

    def day(self, number: int) -> date:
        """The local date of a day, counted from 0."""
        return self.first + number * DAY

    def window(self, number: int) -> Window:
        """The window of a day, counted from 0."""
        return local_day(self.day(number), ZONE)

    def rows(self, measurement: Measurement, number: int) -> pa.Table:
        """What a day, counted from 0, holds of one of `STORED`, as it is stored."""
        told = _ROWS[measurement.name](number, self.window(number), number < 3 or number >= min(_SILENT, self.days - 3))
        return rows_of(STORED[measurement], told)


SIXTY_DAYS = Life(date(2026, 9, 15), 60, raw=7, hourly=20, daily=40)
"""clocks go back on day 40, whose rows go in night 48; the archived September takes the place of its daily tier"""
SHORT = Life(date(2026, 10, 22), 14, raw=4, hourly=6, daily=10, names=(SMART_METER.name, HOME_ASSISTANT_EVENTS.name))
"""the same in less time, for every run of the tests"""


@dataclass(frozen=True)
class House:
    """Where the home is: a folder, and where they are set an InfluxDB and an S3 bucket.

    `archived`: the measurements whose raw days are archived.
    """

    folder: Path
    influxdb: tuple[tuple[str, str], ...] = ()
    s3: tuple[tuple[str, str], ...] = ()
    life: Life = SHORT
    archived: str = "smart_meter, home_assistant_events"

    @property
    def settings(self) -> Settings:
        """Its settings, whatever the environment says; what S3's client wants is put there."""
        given: dict[str, Any] = {
            "homeiq_home": self.folder,
            "homeiq_timezone": ZONE.key,
            "events_source": "home_assistant",
            "retention_raw_days": f"smart_meter={self.life.raw}, home_assistant_events={self.life.raw}",
            "retention_hourly_days": str(self.life.hourly),
            "retention_daily_days": str(self.life.daily),
            "raw_archive": self.archived,
            **dict(self.influxdb),
        }
        if self.s3:
            os.environ.update(self.s3)
            given["s3_archive_bucket"] = dict(self.s3)["HOMEIQ_TEST_BUCKET"]
        return Settings(_env_file=None, **given)

    def home(self, now: datetime) -> Home:
        """The home at an instant."""
        return replace(open_home(self.settings), now=lambda: now)

    def at(self, night: int) -> Home:
        """The home in a night: 3 h after the midnight that ended so many days."""
        return self.home(local_midnight(self.life.day(night), ZONE) + 3 * HOUR)

    @contextmanager
    def opened(self) -> Iterator[tuple[Store, ObjectStore]]:
        """Its store and its archive."""
        with closing(open_store(self.settings)) as store:
            yield store, open_archive(self.settings)

    def age(self, last: int, stride: int, first: int | None = None) -> None:
        """What the nights from `first` (by default the last one alone) to the last one do, in steps of `stride`."""
        with self.opened() as (store, archive):
            for night in range(first or last, last + 1, stride):
                Night(self.life, self.at(night), night, stride, store, archive).run()


class StaysError(HomeiqError):
    """Days that were due stay."""


@dataclass(frozen=True)
class Night:
    """A night in which `stride` days are over that were not in the one before. Whatever it does can be done again."""

    life: Life
    home: Home
    number: int
    stride: int
    store: Store
    archive: ObjectStore

    def run(self) -> None:
        """All that is due. Raises StaysError for days that are due and stay."""
        new = range(self.number - self.stride, self.number)
        for measurement in self.life.measurements:
            for number in new:
                rows = self.life.rows(measurement, number)
                self.store.replace(STORED[measurement], rows, self.life.window(number))
        for measurement in self.life.measurements:
            self.make(measurement, [self.life.day(number) for number in new])
            self.remove(measurement)

    def make(self, measurement: Measurement, days: Sequence[date]) -> None:
        """Tiers and archive of these days, and once more of the one before, as after every late row."""
        days = [day for day in (days[0] - DAY, *days) if day >= self.life.first]
        with opened_raw(measurement, self.home, self.store) as raw:
            rolled = [*roll_hourly(raw, days, self.home, self.store), *roll_daily(raw, days, self.home, self.store)]
            assert not [day for day in rolled if day.left or day.differs], rolled
            if measurement.name in self.home.settings.archived_raw:
                list(archive_days(raw, days, self.home, self.archive, self.store))
        months = sorted({day.replace(day=1) for day in days[1:] if (day + DAY).day == 1})
        list(archive_months(measurement, months, self.home, self.archive, self.store))

    def remove(self, measurement: Measurement) -> None:
        """The days that are old enough by now, and once more the newest of those that were so before."""
        with opened_raw(measurement, self.home, self.store) as raw:
            if measurement is not ELECTRICITY_PRICING:
                self._remove(RawTarget(raw, self.home, self.store, self.archive), self.life.raw)
            self._remove(HourlyTarget(raw, self.home, self.store), self.life.hourly)
        self._remove(DailyTarget(measurement, self.home, self.store, self.archive), self.life.daily)

    def _remove(self, target: Target, age: int) -> None:
        last = self.number - age - 1
        due = [self.life.day(number) for number in range(max(last - self.stride, 0), last + 1)]
        done = list(remove_days(target, due, self.home, self.store, age=age, red={}))
        stays = [f"{one.day}: {one.reason}" for one in done if one.outcome is not Outcome.REMOVED]
        if stays:
            raise StaysError(f"{target.name} of {stays}")


def _meter(number: int, day: Window, _: bool) -> Iterator[Row]:
    for slot in range(int(2 * (day.length / HOUR))):
        power = 300.0 + 7 * ((number * 48 + slot * 5) % 61) / 3
        yield {
            "time": day.start + slot * HOUR / 2,
            "meter_type": "emporia",
            "total_power_w": power,
            "daily_kwh": slot * 0.31 + number % 3 / 7,
            "pulses": number * 100 + slot if slot % 4 else None,
        }


def _prices(number: int, day: Window, _: bool) -> Iterator[Row]:
    for hour in range(int(day.length / HOUR)):
        price = 0.1 + (number * 24 + hour * 7) % 31 / 100
        yield {
            "time": day.start + hour * HOUR,
            "provider": "tibber",
            "currency": "EUR",
            "current_price": price,
            "peak_period": price > 0.3,
        }


def _events(number: int, day: Window, cellar: bool) -> Iterator[Row]:
    for hour in (1, 6.5, 13, 20.25):
        yield _event(day.start + hour * HOUR, "sensor.heat_pump_energy", f"{number * 9 + hour / 3:.3f}", "kWh")
    for hour in (0.5, 7.25, 7.75, 18, 23.5):
        state = "unavailable" if number % 5 == 4 and hour == 18 else ("on", "off")[int(hour * 4 + number) % 2]
        yield _event(day.start + hour * HOUR, "binary_sensor.hall_motion", state)
    for hour in range(0, 24, 5):
        yield _event(
            day.start + hour * HOUR + timedelta(minutes=11), "sensor.bedroom", f"{18 + (number + hour) % 9}", "°C"
        )
    if cellar:
        yield _event(day.start + 9 * HOUR, "sensor.cellar_energy", f"{100 + number}", "kWh")


def _event(time: datetime, entity: str, state: str, unit: str | None = None) -> Row:
    number = float(state) if unit else {"on": 1.0, "off": 0.0}.get(state)
    told = {"state": state, "normalized_value": number, "unit_of_measurement": unit}
    return {"time": time, "entity_id": entity, "domain": entity.partition(".")[0], **told}


_ROWS = {SMART_METER.name: _meter, ELECTRICITY_PRICING.name: _prices, HOME_ASSISTANT_EVENTS.name: _events}
