"""What happens in the middle of something else: a removal beside a roll, a restore that is killed half-way."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.errors import StoreError
from homeiq_assets.ledger.removed_days import State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.stores.base import Store
from homeiq_assets_tests.retention.crash_moments import (
    NEXT,
    NOW,
    D,
    home_of,
    prepare,
    remove,
    restores,
    restores_and_dies,
)
from homeiq_assets_tests.retention.crash_process import Child, ended
from homeiq_assets_tests.retention.crash_proxy import INFLUXDB, crash_proxy
from homeiq_assets_tests.retention.old_days import DAY, OldDays, old_days
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import EmbeddedPlace, InfluxPlace, Place

pytestmark = pytest.mark.slow

PAIRS = 7


class Interrupted:
    """A store in which something happens right before the nth thing (from 1) that is asked of it."""

    def __init__(self, store: Store, number: int, happens: Callable[[], Any]) -> None:
        self._store, self._left, self._happens = store, number, happens

    def __getattr__(self, name: str) -> Any:
        self._left -= 1
        if self._left == 0:
            self._happens()
        return getattr(self._store, name)


def all_tiers(home: OldDays) -> list[Any]:
    return home.tiers(*(D + number * DAY for number in range(PAIRS + 1)))


def beside(home: OldDays, folder: Path, number: int, happens: Callable[[], Any]) -> OldDays:
    """The home on a store in which something happens before the nth thing that is asked of it."""
    store: Any = Interrupted(home.store, number, happens)
    return old_days(folder / "home", store, NOW)


def test_a_removal_at_any_moment_of_a_roll_of_the_day_after_leaves_the_tiers_as_they_are(
    place: Place, tmp_path: Path
) -> None:
    home = prepare(place, tmp_path, Level.RAW, days=PAIRS + 1, silent=3)
    before = all_tiers(home)

    for number in range(PAIRS):
        day = D + number * DAY
        other = beside(home, tmp_path, 1 + 2 * number, lambda day=day: remove(home, Level.RAW, day))
        with suppress(StoreError):  # rows went while they were read, and it is to be tried again
            assert [one.differs for one in other.roll(day + DAY)] == [None, None]
        assert all_tiers(home) == before

        assert remove(home, Level.RAW, day) == [Outcome.REMOVED]
        home.roll(day + DAY)
        assert all_tiers(home) == before


def test_a_roll_of_the_day_after_at_any_moment_of_a_removal_leaves_the_tiers_as_they_are(
    place: Place, tmp_path: Path
) -> None:
    home = prepare(place, tmp_path, Level.RAW, days=PAIRS + 1, silent=3)
    before = all_tiers(home)

    for number in range(PAIRS):
        day = D + number * DAY
        other = beside(home, tmp_path, 1 + 3 * number, lambda day=day: home.roll(day, day + DAY))

        assert remove(other, Level.RAW, day) == [Outcome.REMOVED]

        assert all_tiers(home) == before
        assert home.raw(day).num_rows == 0


def removed(place: Place, folder: Path) -> tuple[OldDays, Any]:
    """A home whose raw rows of D were removed, and what they were."""
    home = prepare(place, folder, Level.RAW)
    rows = home.raw(D)
    assert remove(home, Level.RAW) == [Outcome.REMOVED]
    return home, rows


def assert_restored_by_a_re_run(home: OldDays, rows: Any) -> None:
    """Whatever a killed restore left, a second one brings all back, once, and the day may go again."""
    home.store.recover(home.stored_as)
    left = home.raw(D).num_rows
    assert home.ledger(D).state in (State.REMOVED, State.RESTORED)  # type: ignore[union-attr]
    home.remove(D)
    assert home.raw(D).num_rows in (left, 0)

    home.restore(D)

    assert home.raw(D).equals(rows)
    assert home.ledger(D).state is State.RESTORED  # type: ignore[union-attr]
    home.restore(D)
    assert home.raw(D).equals(rows)
    assert remove(home, Level.RAW) == [Outcome.REMOVED]


def test_a_restore_killed_at_any_change_of_a_file_is_done_by_a_re_run(tmp_path: Path) -> None:
    removed(EmbeddedPlace(tmp_path / "origin" / "store"), tmp_path / "origin")
    whole = prepare(EmbeddedPlace(tmp_path / "whole" / "store"), tmp_path / "whole", Level.RAW).raw(D)
    at, killed = 2, True
    while killed:
        folder = Path(shutil.copytree(tmp_path / "origin", tmp_path / str(at)))
        place = EmbeddedPlace(folder / "store")

        killed = ended(restores_and_dies, place, folder, at).killed

        assert_restored_by_a_re_run(home_of(place, folder), whole)
        at += 4
    assert at > 20


@pytest.mark.influxdb
@pytest.mark.parametrize("number", [2, 4, 5, 6])
def test_a_restore_killed_between_two_batches_of_rows_is_done_by_a_re_run(
    influxd: Influxd, influx_place: Callable[..., InfluxPlace], tmp_path: Path, number: int
) -> None:
    place = influx_place(batch_rows=10)
    home, rows = removed(place, tmp_path)
    with crash_proxy({INFLUXDB: influxd.url}) as proxy:
        proxy.hold()
        child = Child(restores, replace(place, url=proxy.urls[INFLUXDB]), tmp_path)
        proxy.plan("killed before", number, child.pid, lambda asked: asked == ("POST", "/api/v2/write"))

        assert child.end().killed

    assert home.raw(D).num_rows == min(10 * (number - 1), rows.num_rows)
    assert_restored_by_a_re_run(home, rows)


def test_what_the_feed_brings_while_a_removed_day_is_restored_stays(place: Place, tmp_path: Path) -> None:
    home, rows = removed(place, tmp_path)
    late = {"time": home.window(D).start + timedelta(minutes=607), "meter_type": "emporia", "total_power_w": 1.5}
    home.put([late])

    home.restore(D)

    assert home.raw(D).num_rows == rows.num_rows + 1
    home.ready(D, NEXT)
    assert remove(home, Level.RAW) == [Outcome.REMOVED]
