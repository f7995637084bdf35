"""Days and months brought back from the archive: every row as it was, where it was or elsewhere."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from homeiq_assets.archive.manifest import Period
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.errors import SettingError
from homeiq_assets.ledger.removed_days import State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.retention.restoring import Restored
from homeiq_assets.schema.measurement import Field, Type
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.stores.opening import opened_bucket
from homeiq_assets_tests.retention.old_days import (
    DAILY,
    DAY,
    METER,
    OldDays,
    altered,
    in_influxdb,
    old_days,
    three_at_night,
)
from homeiq_assets_tests.stores.influxd import Influxd

D = date(2025, 10, 26)
NEXT, MONTH = D + DAY, date(2025, 10, 1)
NOW = three_at_night(D + 60 * DAY)


@pytest.fixture
def live(tmp_path: Path, influxd: Influxd) -> Iterator[OldDays]:
    """As `home`, with the settings that lead to an InfluxDB."""
    made = old_days(tmp_path / "home", None, NOW, **in_influxdb(influxd, influxd.create_bucket()))
    made.meter(D, NEXT)
    made.ready(D, NEXT)
    with closing(made.store):
        yield made


@pytest.fixture
def home(tmp_path: Path, store: Store) -> OldDays:
    """A day and the one after it, rolled and archived."""
    made = old_days(tmp_path / "home", store, NOW)
    made.meter(D, NEXT)
    made.ready(D, NEXT)
    return made


def removed(home: OldDays, *days: date, level: Level = Level.RAW) -> None:
    """The days gone."""
    assert {one.outcome for one in home.remove(*days, level=level)} == {Outcome.REMOVED}


def state(home: OldDays, day: date, level: Level = Level.RAW) -> State:
    entry = home.ledger(day, level)
    assert entry is not None
    return entry.state


def test_every_row_is_back_as_it_was_and_a_second_time_changes_nothing(home: OldDays) -> None:
    rows, beside = home.raw(D), home.raw(NEXT)
    texts = [(row["phase"], row["note"], row["pulses"]) for row in rows.to_pylist()]
    assert {("", None, None), ("L1", None, 2**53), ("", "", None)} <= set(texts)
    removed(home, D)

    first = home.restore(D)
    entry = home.ledger(D)
    home.clock.now += timedelta(hours=1)
    second = home.restore(D)

    assert (first, second) == ([Restored(D, 51, 51, "store")], [Restored(D, 51, 0, "store")])
    assert home.raw(D).equals(rows)
    assert home.raw(D).schema == rows.schema
    assert home.raw(NEXT).equals(beside)
    assert state(home, D) is State.RESTORED
    assert home.ledger(D) == entry


def test_a_restored_day_can_be_rolled_archived_and_removed_again(home: OldDays) -> None:
    tiers, archived = home.tiers(D, NEXT), home.archive.sizes("")
    removed(home, D)
    assert home.roll(D)[0].left is not None
    home.restore(D)

    home.ready(D, NEXT)

    assert home.tiers(D, NEXT) == tiers
    assert home.archive.sizes("") == archived
    removed(home, D)
    assert state(home, D) is State.REMOVED
    assert home.raw(D).num_rows == 0


def test_late_rows_stay_beside_and_in_the_place_of_restored_ones(home: OldDays) -> None:
    rows = home.raw(D)
    removed(home, D)
    home.put([{"time": home.window(D).start + timedelta(minutes=7), "meter_type": "emporia", "total_power_w": 1.0}])
    in_place = altered(rows.slice(5, 1), "total_power_w", lambda power: power + 50)
    home.store.put(METER, in_place)

    (restored,) = home.restore(D)

    assert (restored.rows, restored.put) == (51, 50)
    assert home.raw(D).num_rows == 52
    there = home.raw(D).to_pylist()
    assert in_place.to_pylist()[0] in there
    assert sum(row in there for row in rows.to_pylist()) == 50


def test_rows_that_were_lost_in_part_come_back_beside_those_that_stayed(home: OldDays) -> None:
    rows = home.raw(D)
    home.store.delete(METER, home.window(D))
    home.store.put(METER, rows.slice(7, 20))

    assert [(one.rows, one.put) for one in home.restore(D)] == [(51, 31)]

    assert home.raw(D).equals(rows)
    assert home.ledger(D) is None, "what was never removed has no entry"


def test_what_was_never_archived_cannot_be_restored(home: OldDays) -> None:
    removed(home, D)

    without, beside = home.restore(date(2025, 10, 20), D)
    (month,) = home.restore_months(date(2025, 9, 1))

    assert without.left == "nothing is archived of smart_meter 2025-10-20, so nothing can be restored of it"
    assert str(month.left).startswith("nothing is archived of smart_meter_daily 2025-09")
    assert (beside.put, beside.left) == (51, None), "the others of the range are restored"


def test_a_damaged_object_brings_nothing_back_and_the_day_stays_sealed(home: OldDays) -> None:
    removed(home, D)
    manifest = manifest_of(home.measurement, Period.day(D, home.home.zone), home.archive)
    assert manifest is not None
    data = home.archive.get(manifest.object)
    assert data is not None
    home.archive.put(manifest.object, data[:-9] + b"corrupted")

    (restored,) = home.restore(D)

    assert "is damaged" in str(restored.left)
    assert home.raw(D).num_rows == 0
    assert state(home, D) is State.REMOVED


def test_a_month_of_the_daily_tier_is_back_as_it_was(home: OldDays) -> None:
    day = home.tier("daily", D)
    removed(home, D)
    removed(home, D, level=Level.HOURLY)
    home.archive_months(MONTH)
    removed(home, D, level=Level.DAILY)
    assert home.archive_months(MONTH)[0].left is not None

    first, second = home.restore_months(MONTH), home.restore_months(MONTH)

    assert [(one.day, one.rows, one.put) for one in (*first, *second)] == [(MONTH, 2, 1), (MONTH, 2, 0)]
    assert home.tier("daily", D) == day
    assert state(home, D, Level.DAILY) is State.RESTORED
    assert (state(home, D), state(home, D, Level.HOURLY)) == (State.REMOVED, State.REMOVED)
    assert home.archive_months(MONTH)[0].left is None
    removed(home, D, level=Level.DAILY)


def test_a_folder_of_its_own_holds_what_is_restored_elsewhere(tmp_path: Path) -> None:
    home = old_days(tmp_path / "home", EmbeddedStore(tmp_path / "store"), NOW)
    home.meter(D, NEXT)
    home.ready(D, NEXT)
    rows = home.raw(D)
    removed(home, D)

    (restored,) = home.restore(D, bucket="to_look_at")

    folder = tmp_path / "home" / "restored" / "to_look_at"
    assert restored == Restored(D, 51, 51, str(folder))
    assert EmbeddedStore(folder).whole(METER, home.window(D))[1].equals(rows)
    assert home.raw(D).num_rows == 0
    assert state(home, D) is State.REMOVED, "where it was it is still gone"
    for name in ("../elsewhere", "a/b", "ä"):
        with pytest.raises(SettingError, match="is no name of a folder"):
            home.restore(D, bucket=name)


def test_another_bucket_is_made_for_what_is_restored_into_it(live: OldDays, influxd: Influxd) -> None:
    rows, day = live.raw(D), live.tier("daily", D)
    live.archive_months(MONTH)
    removed(live, D)
    own = live.home.settings.influxdb_bucket
    name = f"{own}_look"

    assert live.restore(D, bucket=name) == [Restored(D, 51, 51, name)]
    live.restore_months(MONTH, bucket=name)

    assert influxd.bucket(name)["retentionRules"][0]["everySeconds"] == 0
    with closing(opened_bucket(name, live.home.settings)) as other:
        assert other.whole(METER, live.window(D))[1].equals(rows)
        assert other.read(replace(DAILY, tier=False), live.window(D)) == day, (
            "tiers too, though theirs is another bucket"
        )
    assert live.raw(D).num_rows == 0
    assert state(live, D) is State.REMOVED

    assert live.restore(D, bucket=own) == [Restored(D, 51, 51, own)]
    assert live.raw(D).equals(rows)
    assert state(live, D) is State.RESTORED, "the bucket that it was removed from, by its name"


def test_a_bucket_that_would_drop_the_rows_is_refused_with_what_to_set(live: OldDays, influxd: Influxd) -> None:
    removed(live, D)
    own = live.home.settings.influxdb_bucket
    influxd.keep(own, 30)

    with pytest.raises(SettingError) as caught:
        live.restore(D)

    assert str(caught.value) == (
        f"bucket: {own} keeps rows for 30 days only and would drop what is restored of smart_meter from 2025-10-25: "
        "set the bucket's retention to 0 (for ever), or name another bucket in the run's configuration"
    )
    assert state(live, D) is State.REMOVED
    assert live.restore(D, bucket=f"{own}_look")[0].put == 51


def test_simulated_days_of_a_demonstration_never_enter_a_live_influxdb(tmp_path: Path, influxd: Influxd) -> None:
    tried = old_days(tmp_path / "home", EmbeddedStore(tmp_path / "store"), NOW)
    tried.put([{"time": tried.window(D).start, "meter_type": "simulated", "total_power_w": 1.0}])
    tried.archive_raw(D)
    bucket = influxd.create_bucket()
    live = old_days(tmp_path / "home", None, NOW, **in_influxdb(influxd, bucket))

    with closing(live.store), pytest.raises(SettingError, match=r"HOMEIQ_ALLOW_SIMULATED.*never enter a live InfluxDB"):
        live.restore(D)
    assert influxd.influxql(bucket, "SHOW MEASUREMENTS") == []
    allowed = old_days(tmp_path / "home", None, NOW, HOMEIQ_ALLOW_SIMULATED="on", **in_influxdb(influxd, bucket))
    with closing(allowed.store):
        assert allowed.restore(D)[0].put == 1


def test_a_field_comes_back_as_the_type_it_was_stored_as_whatever_the_schema_says(tmp_path: Path, store: Store) -> None:
    home = old_days(tmp_path / "home", store, NOW)
    integers = replace(SMART_METER, fields=(Field("daily_kwh", Type.INTEGER),))
    home.put([{"time": home.window(D).start, "meter_type": "emporia", "daily_kwh": 2**53 + 1}], integers)
    rows = home.raw(D)
    home.archive_raw(D)
    home.store.delete(integers, home.window(D))

    home.restore(D)

    assert home.raw(D).equals(rows)
    assert home.raw(D)["daily_kwh"].to_pylist() == [2**53 + 1]
