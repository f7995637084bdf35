"""A home of either store whose days are rolled, archived and removed by the plain functions; the clock stands still."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from homeiq_assets.archive.objects import ObjectStore
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.feeds.catalog import FEEDS, raw_of
from homeiq_assets.home import Home, open_home
from homeiq_assets.retention import advice
from homeiq_assets.retention.archiving import archive_days, archive_months
from homeiq_assets.retention.removal import Outcome, remove_days
from homeiq_assets.retention.targets import RawTarget
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Probe, Store
from homeiq_assets.stores.opening import open_store
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets.tiers.roll import roll_daily, roll_hourly
from homeiq_assets.window import local_date, local_day
from homeiq_assets_tests.stores.influxd import Influxd

DAY, STEP = timedelta(days=1), timedelta(minutes=5)
ROWS = 288
"""of the meter on a day"""


@dataclass
class AgedHome:
    """A home at an instant, with its store and archive."""

    home: Home
    store: Store
    archive: ObjectStore

    @property
    def today(self) -> date:
        return local_date(self.home.now(), self.home.zone)

    def ago(self, *numbers: int) -> list[date]:
        """The days so many days ago, in order."""
        return sorted(self.today - number * DAY for number in numbers)

    def meter(self, *days: date) -> None:
        """A reading every five minutes of these days."""
        for day in days:
            window = local_day(day, self.home.zone)
            rows = [
                {"time": window.start + n * STEP, "meter_type": "emporia", "total_power_w": 100.0 + n % 7}
                for n in range(window.length // STEP)
            ]
            self.store.replace(SMART_METER, rows_of(SMART_METER, rows), window)

    def roll(self, *days: date) -> None:
        """The meter's tiers of these days."""
        with opened_raw(SMART_METER, self.home, self.store) as raw:
            list(roll_hourly(raw, days, self.home, self.store))
            list(roll_daily(raw, days, self.home, self.store))

    def archived(self, *days: date) -> None:
        """Raw days of the meter, and the months of its daily tier, into the archive."""
        with opened_raw(SMART_METER, self.home, self.store) as raw:
            list(archive_days(raw, days, self.home, self.archive, self.store))
        months = sorted({day.replace(day=1) for day in days})
        list(archive_months(SMART_METER, months, self.home, self.archive, self.store))

    def remove(self, *days: date) -> None:
        """Raw days of the meter, all of which go."""
        with opened_raw(SMART_METER, self.home, self.store) as raw:
            target = RawTarget(raw, self.home, self.store, self.archive)
            removals = list(remove_days(target, days, self.home, self.store, age=7, red={}))
        assert [one.outcome for one in removals] == [Outcome.REMOVED] * len(days), removals


PAIRS = [(raw_of(feed), feed) for feed in FEEDS]


def told(aged: AgedHome, *, archive_works: bool = True) -> dict[str, Probe]:
    """What the doctor says of store and archive, by what it is said of."""
    probes = list(advice.of_store(PAIRS, aged.home, aged.store, aged.archive if archive_works else None))
    assert len({probe.what for probe in probes}) == len(probes)
    return {probe.what: probe for probe in probes}


Opened = Callable[..., AgedHome]


def influx_variables(influxd: Influxd, **others: str) -> dict[str, str]:
    """The environment of a home in a fresh bucket."""
    return {
        "HOMEIQ_TIMEZONE": "UTC",
        "INFLUXDB_URL": influxd.url,
        "INFLUXDB_TOKEN": influxd.token_all,
        "INFLUXDB_ORG": influxd.org,
        "METER_TYPE": "sense",
        "METER_USERNAME": "owner",
        "METER_PASSWORD": "secret",
    } | (others if "INFLUXDB_BUCKET" in others else {"INFLUXDB_BUCKET": influxd.create_bucket(), **others})


@pytest.fixture
def opened(settings_of: Callable[..., Settings]) -> Iterator[Opened]:
    """Homes with these settings, by default embedded; `now` is the real time unless said."""
    stores: list[Store] = []

    def open_(now: datetime | None = None, **variables: str) -> AgedHome:
        settings = settings_of(**{"HOMEIQ_TIMEZONE": "UTC", **variables})
        instant = now or datetime.now(UTC)
        stores.append(open_store(settings))
        return AgedHome(replace(open_home(settings), now=lambda: instant), stores[-1], open_archive(settings))

    yield open_
    for store in stores:
        with closing(store):
            pass


@pytest.fixture(params=["embedded", pytest.param("influxdb", marks=pytest.mark.influxdb)])
def anywhere(request: pytest.FixtureRequest, opened: Opened) -> Opened:
    """As `opened`, once for each kind of store."""
    if request.param == "embedded":
        return opened
    influxd: Influxd = request.getfixturevalue("influxd")

    def open_(now: datetime | None = None, **variables: str) -> AgedHome:
        return opened(now, **influx_variables(influxd, **variables))

    return open_
