"""What is archived of days and months, and that the archive stays where rows of them are gone."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.archive.days import read_day
from homeiq_assets.archive.months import read_month
from homeiq_assets.errors import SettingError
from homeiq_assets.ledger.removed_days import Entry, Ledger, Proof, State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.retention.row_sets import same_rows
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import HOUR, Window, local_month
from homeiq_assets_tests.retention.old_days import (
    DAILY,
    DAY,
    HOURLY,
    METER,
    OldDays,
    in_influxdb,
    old_days,
    three_at_night,
)
from homeiq_assets_tests.stores.influxd import Influxd

D = date(2025, 10, 26)
NEXT, MONTH = D + DAY, date(2025, 10, 1)
NOW = three_at_night(D + 60 * DAY)
LONG = timedelta(days=30_000)


class KeepingSixDays:
    """A store whose own rule keeps rows for six days."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def keeps(self, _: Measurement) -> timedelta:
        """See `Store.keeps`."""
        return timedelta(days=6)


@pytest.fixture
def home(tmp_path: Path, store: Store) -> OldDays:
    """A day and the one after it."""
    made = old_days(tmp_path / "home", store, NOW)
    made.meter(D, NEXT)
    return made


@pytest.fixture
def dropping(tmp_path: Path, influxd: Influxd) -> Iterator[OldDays]:
    """A day and the one after it, rolled and archived; then their bucket drops the first half of the first one."""
    bucket = influxd.create_bucket()
    home = old_days(tmp_path / "home", None, NOW, **in_influxdb(influxd, bucket))
    home.meter(D, NEXT)
    home.ready(D, NEXT)
    noon = home.window(D).start + 12 * HOUR
    influxd.keep(bucket, LONG.days)
    home.clock.now = noon + LONG
    home.store.delete(METER, Window(home.window(D).start, noon))
    with closing(home.store):
        yield home


def archived(home: OldDays, day: date):
    """The archived rows of a day."""
    return read_day(SMART_METER, day, home.home.zone, home.archive)


def test_a_day_is_archived_exactly_as_it_is_stored_and_again_changes_nothing(home: OldDays) -> None:
    (first,) = home.archive_raw(D)
    (second,) = home.archive_raw(D)

    assert same_rows(archived(home, D), home.raw(D))
    assert first == second
    assert first.left is None
    assert first.manifest is not None
    assert first.manifest.rows == 51
    assert archived(home, NEXT).num_rows == 0


def test_a_removed_day_stays_archived_with_a_late_row_in_the_store_until_it_is_restored(home: OldDays) -> None:
    home.ready(D, NEXT)
    rows, objects = archived(home, D), home.archive.sizes("")
    assert home.remove(D)[0].outcome is Outcome.REMOVED
    home.put([{"time": home.window(D).start + timedelta(minutes=7), "meter_type": "emporia", "total_power_w": 1.0}])

    left, other = home.archive_raw(D, NEXT)

    assert left.manifest is None
    assert left.left == (
        f"smart_meter of {D} was removed, so what is made of it stays as it is stored; to make it again, restore first "
        f"(materialise restore/smart_meter of {D})"
    )
    assert other.manifest is not None, "the others of the range are archived"
    assert home.archive.sizes("") == objects
    assert archived(home, D).equals(rows)

    home.restore(D)
    (again,) = home.archive_raw(D)
    assert again.manifest.rows == 52, "and with it the late row"


def test_rows_that_a_vendor_takes_back_soon_leave_the_archive_and_later_ones_do_not(home: OldDays) -> None:
    window = home.window(D)
    home.clock.now = window.end + 2 * HOUR
    home.archive_raw(D)
    home.store.delete(METER, Window(window.start, window.start + HOUR))
    home.archive_raw(D)
    assert archived(home, D).num_rows == 49

    home.clock.now = window.end + 12 * DAY
    home.store.delete(METER, Window(window.start, window.start + 2 * HOUR))
    (kept,) = home.archive_raw(D)
    assert kept.manifest is not None
    assert archived(home, D).num_rows == 49


def test_a_store_that_holds_nothing_of_a_day_takes_nothing_from_its_archive(home: OldDays) -> None:
    home.clock.now = home.window(D).end + HOUR
    home.archive_raw(D)
    home.store.delete(METER, home.window(D))

    (left,) = home.archive_raw(D)

    assert left.left == (
        f"the store has no rows of smart_meter {D}, which is archived: the archive stays as it is; to have them back, "
        f"materialise restore/smart_meter of {D}"
    )
    assert archived(home, D).num_rows == 51
    home.restore(D)
    assert home.archive_raw(D)[0].left is None


def test_of_a_young_day_that_a_bucket_dropped_half_of_nothing_leaves_the_archive(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store")
    home = old_days(tmp_path / "home", KeepingSixDays(store), NOW)
    home.meter(D)
    home.archive_raw(D)
    noon = home.window(D).start + 12 * HOUR
    store.delete(METER, Window(home.window(D).start, noon))
    home.clock.now = noon + 6 * DAY
    late = {"time": noon + timedelta(minutes=7), "meter_type": "emporia", "total_power_w": 1.0}
    home.put([late])

    home.archive_raw(D)

    assert archived(home, D).num_rows == 52, "the late row too, which the bucket will drop as well"


def test_simulated_days_never_enter_the_owners_bucket(tmp_path: Path) -> None:
    home = old_days(tmp_path / "home", EmbeddedStore(tmp_path / "store"), NOW, S3_ARCHIVE_BUCKET="years-of-home")
    home.put([{"time": home.window(D).start, "meter_type": "simulated", "total_power_w": 1.0}])

    with pytest.raises(SettingError, match="HOMEIQ_ALLOW_SIMULATED"):
        home.archive_raw(D)


def test_a_month_is_archived_as_its_days_are_and_stays_once_one_of_them_is_gone(home: OldDays) -> None:
    home.ready(D, NEXT)
    for level in (Level.RAW, Level.HOURLY):
        assert home.remove(D, level=level)[0].outcome is Outcome.REMOVED
    (first,) = home.archive_months(MONTH)
    assert first.manifest is not None
    assert first.manifest.days == ("2025-10-26", "2025-10-27")
    assert home.remove(D, level=Level.DAILY)[0].outcome is Outcome.REMOVED
    objects = home.archive.sizes("")

    (left,) = home.archive_months(MONTH)

    assert left.manifest is None
    assert left.left == (
        f"smart_meter_daily of {D} was removed, so the archive of 2025-10 stays as it is; to make it again, restore "
        "first (materialise restore/smart_meter_daily of 2025-10)"
    )
    assert home.archive.sizes("") == objects
    month = read_month(DAILY, local_month(MONTH, home.home.zone), home.home.zone, home.archive)
    assert month.num_rows == 2


def test_a_month_takes_a_revised_day_and_loses_none(tmp_path: Path) -> None:
    home = old_days(tmp_path / "home", EmbeddedStore(tmp_path / "store"), NOW)
    home.meter(D, NEXT)
    home.ready(D, NEXT)
    home.archive_months(MONTH)
    home.meter(D, power=500.0)
    home.roll(D)
    (revised,) = home.archive_months(MONTH)
    month = read_month(DAILY, local_month(MONTH, home.home.zone), home.home.zone, home.archive)
    assert revised.manifest.rows == 2
    assert month["total_power_w_min"].to_pylist()[0] == 500.0

    home.store.delete(DAILY, home.window(D))
    (kept,) = home.archive_months(MONTH)
    assert kept.manifest == revised.manifest


def test_what_a_bucket_dropped_half_a_day_of_stays_as_it_is_made_and_archived(dropping: OldDays) -> None:
    home, tiers = dropping, dropping.tiers(D, NEXT)
    assert 0 < home.raw(D).num_rows < 51

    rolled = home.roll_hourly(D, NEXT)

    assert [str(one.left).partition(" only, ")[0] for one in rolled] == [
        "the bucket of smart_meter keeps rows for 30000 days"
    ] * 2
    assert str(rolled[1].left).endswith(
        f", and some of {D} are gone, so what is made of them stays as it is stored; to make it again, restore first "
        f"(give that bucket a longer retention, then materialise restore/smart_meter of {D})"
    ), "of the day after too, over whose midnight half a day may have held"
    assert [one.differs for one in home.roll_daily(D, NEXT)] == [None, None], "nothing to compare with"
    assert home.tiers(D, NEXT) == tiers
    home.archive_raw(D)
    assert archived(home, D).num_rows == 51


def test_of_a_day_that_nothing_was_made_of_it_is_made_of_what_is_left(dropping: OldDays) -> None:
    home = dropping
    home.store.delete(DAILY, home.window(D))
    home.store.delete(HOURLY, home.window(D))

    (rolled,) = home.roll_hourly(D)

    assert rolled.left is None
    assert 0 < home.store.read(HOURLY, home.window(D)).num_rows <= 13


def test_hours_that_were_removed_are_not_made_of_half_a_day(dropping: OldDays) -> None:
    home = dropping
    ledger = Ledger(home.store, home.home.zone)
    ledger.write("smart_meter_hourly", Entry(D, State.REMOVED, Proof(25, {}, "smart_meter_daily", 1)), NOW)
    home.store.delete(HOURLY, home.window(D))
    day = home.tier("daily", D)

    assert home.roll_hourly(D)[0].left is not None
    assert home.roll_daily(D)[0].left is not None

    assert home.tier("hourly", D).num_rows == 0
    assert home.tier("daily", D) == day, "which the half would have been taken for the whole of"
