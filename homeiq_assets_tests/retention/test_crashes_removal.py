"""A removal that is killed at the moments that matter most, by SIGKILL in a process of its own, and run again."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from homeiq_assets.ledger.removed_days import SEALED, Entry, State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.window import Window
from homeiq_assets_tests.retention.crash_moments import (
    NEXT,
    D,
    dies_after_the_delete,
    dies_before_the_delete,
    dies_in_the_delete,
    finds_the_disk_full,
    home_of,
    prepare,
    remove,
    removes,
)
from homeiq_assets_tests.retention.crash_process import Child, ended
from homeiq_assets_tests.retention.crash_proxy import INFLUXDB, CrashProxy, crash_proxy
from homeiq_assets_tests.retention.old_days import OldDays
from homeiq_assets_tests.retention.watched import Watched
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import EmbeddedPlace, InfluxPlace, Place

pytestmark = pytest.mark.slow

REMOVED = [Outcome.REMOVED]


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[CrashProxy]:
    with crash_proxy({INFLUXDB: influxd.url}) as running:
        yield running


def rows_of(home: OldDays, level: Level) -> int:
    """How many rows of D there are."""
    return (home.raw(D) if level is Level.RAW else home.tier(level.value, D)).num_rows


def state_of(home: OldDays, level: Level) -> State | None:
    entry = home.ledger(D, level)
    return entry and entry.state


def assert_gone_for_good(home: OldDays, level: Level) -> None:
    """Nothing is left of D, the ledger says so, and what takes its place is as it was."""
    assert rows_of(home, level) == 0
    assert state_of(home, level) is State.REMOVED
    if level is Level.RAW:
        assert home.tier("hourly", D)["total_power_w_count"].to_pylist() == [2] * 23 + [3]
    if level is not Level.DAILY:
        assert home.tier("daily", D)["total_power_w_count"].to_pylist() == [49]
    assert remove(home, level) == REMOVED, "a day that is gone stays so"


@pytest.mark.parametrize("level", Level)
def test_killed_between_the_ledger_and_the_delete_nothing_is_gone_and_a_re_run_removes_it(
    place: Place, tmp_path: Path, level: Level
) -> None:
    home = prepare(place, tmp_path, level)
    before = rows_of(home, level)

    assert ended(dies_before_the_delete, place, tmp_path, level, {}).killed

    assert rows_of(home, level) == before > 0
    entry = home.ledger(D, level)
    assert entry is not None
    assert entry.state is State.REMOVING
    assert remove(home, level) == REMOVED
    assert home.ledger(D, level) == Entry(D, State.REMOVED, entry.proof)
    assert_gone_for_good(home, level)


@pytest.mark.parametrize("level", Level)
def test_killed_between_the_delete_and_the_ledger_a_re_run_says_that_it_is_gone(
    place: Place, tmp_path: Path, level: Level
) -> None:
    home = prepare(place, tmp_path, level)

    assert ended(dies_after_the_delete, place, tmp_path, level, {}).killed

    assert (rows_of(home, level), state_of(home, level)) == (0, State.REMOVING)
    assert remove(home, level) == REMOVED
    assert_gone_for_good(home, level)


def test_killed_at_any_change_of_a_file_in_the_delete_also_between_two_utc_days_a_re_run_removes_the_rest(
    tmp_path: Path,
) -> None:
    level = Level.HOURLY  # before raw rows are looked at what was left half done is put right anyway
    origin = EmbeddedPlace(tmp_path / "origin" / "store")
    whole = rows_of(prepare(origin, tmp_path / "origin", level), level)
    # Earlier ones only set the rest aside.
    at, state, seen = 10, None, set()
    while state is not State.REMOVED:
        at += 1
        folder = Path(shutil.copytree(tmp_path / "origin", tmp_path / str(at)))
        place = EmbeddedPlace(folder / "store")

        assert ended(dies_in_the_delete, place, folder, level, at).killed

        home = home_of(place, folder)
        seen.add(rows_of(home, level))
        state = state_of(home, level)
        assert state in SEALED
        assert remove(home, level) == REMOVED
        assert_gone_for_good(home, level)
    assert {0, whole} < seen, "and once only one of two UTC days was gone"


@pytest.mark.influxdb
@pytest.mark.parametrize("level", Level)
def test_killed_while_influxdb_deletes_a_re_run_says_that_it_is_gone(
    influx_place: Callable[..., InfluxPlace], proxy: CrashProxy, tmp_path: Path, level: Level
) -> None:
    place = influx_place()
    home = prepare(place, tmp_path, level)
    proxy.hold()
    child = Child(removes, replace(place, url=proxy.urls[INFLUXDB]), tmp_path, level)
    proxy.plan("killed during", 1, child.pid, lambda asked: asked == ("POST", "/api/v2/delete"))

    assert child.end().killed

    assert state_of(home, level) is State.REMOVING
    while remove(home, level) != REMOVED:  # the server still deletes
        assert state_of(home, level) is State.REMOVING
    assert_gone_for_good(home, level)


def test_a_row_that_comes_after_the_delete_of_a_killed_removal_stays_and_is_told(place: Place, tmp_path: Path) -> None:
    home = prepare(place, tmp_path, Level.RAW)
    assert ended(dies_after_the_delete, place, tmp_path, Level.RAW, {}).killed
    late = {"time": home.window(D).start.replace(minute=7), "meter_type": "emporia", "total_power_w": 12.5}
    home.put([late])

    assert remove(home, Level.RAW) == [Outcome.LATE]

    assert rows_of(home, Level.RAW) == 1
    home.restore(D)
    home.ready(D, NEXT)
    assert home.tier("daily", D)["total_power_w_count"].to_pylist() == [50]
    assert remove(home, Level.RAW) == REMOVED


def test_a_row_that_comes_while_the_rest_of_a_day_is_removed_leaves_the_day_sealed(
    place: Place, tmp_path: Path
) -> None:
    home = prepare(place, tmp_path, Level.RAW)
    assert ended(dies_before_the_delete, place, tmp_path, Level.RAW, {}).killed
    half = Window(home.window(D).start, home.window(D).start + timedelta(hours=12))
    home.store.delete(home.stored_as, half)
    late = {"time": home.window(D).start + timedelta(minutes=7), "meter_type": "emporia", "total_power_w": 12.5}
    watched = Watched(place.open())
    watched.before_delete = lambda _: home.put([late])

    assert remove(replace(home, store=watched), Level.RAW) == [Outcome.KEPT]

    assert rows_of(home, Level.RAW) == 26
    assert state_of(home, Level.RAW) is State.REMOVING
    assert remove(home, Level.RAW) == [Outcome.LATE]
    home.restore(D)
    assert rows_of(home, Level.RAW) == 50
    home.ready(D, NEXT)
    assert home.tier("daily", D)["total_power_w_count"].to_pylist() == [50]
    assert remove(home, Level.RAW) == REMOVED


@pytest.mark.parametrize("level", [Level.RAW, Level.HOURLY])
def test_two_processes_that_remove_the_same_days_at_once_remove_them_once(
    place: Place, tmp_path: Path, level: Level
) -> None:
    home = prepare(place, tmp_path, level, days=3)
    if level is Level.HOURLY:
        assert remove(home, Level.RAW, NEXT) == REMOVED
    both = [Child(removes, place, tmp_path, level, D, NEXT) for _ in range(2)]

    endings = [child.end() for child in both]

    assert [ending.found for ending in endings] == [REMOVED * 2] * 2, endings
    assert rows_of(home, level) == 0
    assert state_of(home, level) is State.REMOVED


@pytest.mark.parametrize("level", Level)
def test_a_disk_that_is_full_when_the_ledger_is_written_removes_nothing(tmp_path: Path, level: Level) -> None:
    place = EmbeddedPlace(tmp_path / "store")
    home = prepare(place, tmp_path, level)
    before = rows_of(home, level)

    ending = ended(finds_the_disk_full, place, tmp_path, level)

    assert ending.error == "StoreError"
    assert ending.said.startswith("HOMEIQ_HOME: no room to write ")
    assert "free some space, then run this again" in ending.said
    assert (rows_of(home, level), state_of(home, level)) == (before, None)
    assert remove(home, level) == REMOVED
    assert_gone_for_good(home, level)


@pytest.mark.influxdb
@pytest.mark.parametrize("level", Level)
def test_an_influxdb_whose_disk_is_full_when_the_ledger_is_written_removes_nothing(
    influx_place: Callable[..., InfluxPlace], proxy: CrashProxy, tmp_path: Path, level: Level
) -> None:
    place = influx_place()
    home = prepare(place, tmp_path, level)
    before = rows_of(home, level)
    proxy.plan("full", 1, meant=lambda asked: asked == ("POST", "/api/v2/write"))

    ending = ended(removes, replace(place, url=proxy.urls[INFLUXDB]), tmp_path, level)

    assert ending.error == "StoreError"
    assert ending.said.startswith("INFLUXDB_URL: the disk of InfluxDB at ")
    assert (rows_of(home, level), state_of(home, level)) == (before, None)
    assert remove(home, level) == REMOVED
    assert_gone_for_good(home, level)
