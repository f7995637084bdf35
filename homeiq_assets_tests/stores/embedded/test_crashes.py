"""A process that is killed at any change of a file of the embedded store leaves all of the old or all of the new."""

import shutil
import signal
from pathlib import Path

import pytest

from homeiq_assets_tests.stores.crashes import SETTLED_HISTORY, Replacement
from homeiq_assets_tests.stores.places import EmbeddedPlace, held


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as it is before SETTLED_HISTORY, to be copied."""
    place = EmbeddedPlace(tmp_path_factory.mktemp("stored") / "store")
    SETTLED_HISTORY.store_what_was_before(place.open())
    return place.folder


def dies(one: Replacement, place: EmbeddedPlace, at: int) -> bool:
    """Replace in another process; whether it got as far as its `at`th change and was killed there."""
    process = one.start(place, dies_at=at)
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def left_over(one: Replacement, place: EmbeddedPlace) -> list[str]:
    """What lies in the measurement's folder beside its days and its lock."""
    names = [path.name for path in (place.folder / one.measurement.name).iterdir()]
    return [name for name in names if not name.endswith(".parquet") and name != ".lock"]


def copied(stored: Path, folder: Path) -> EmbeddedPlace:
    return EmbeddedPlace(Path(shutil.copytree(stored, folder)))


def test_killed_at_any_change_a_replace_is_done_whole_or_not_at_all(stored: Path, tmp_path: Path) -> None:
    one = SETTLED_HISTORY
    at, ends, done = 0, set(), False
    while not done:
        at += 1
        place = copied(stored, tmp_path / str(at))
        store = place.open()

        done = not dies(one, place, at)

        one.assert_nothing_is_lost(held(store, one.measurement))
        for day in one.covers.utc_days():
            whole = [[row for row in rows if row["time"] in day] for rows in (one.before, one.after)]
            assert held(store, one.measurement, day) in whole
        store.recover(one.measurement)
        assert held(store, one.measurement) in (one.before, one.after)
        ends.add(held(store, one.measurement) == one.after)
        one.run(store)
        assert held(store, one.measurement) == one.after
        assert left_over(one, place) == []
    assert at > 20
    assert ends == {False, True}


def test_killed_again_at_any_change_of_putting_it_right_a_replace_is_still_whole(stored: Path, tmp_path: Path) -> None:
    one = SETTLED_HISTORY
    for first in range(1, 100):
        decided = copied(stored, tmp_path / f"first killed at {first}")
        assert dies(one, decided, first)
        if ".committed" in left_over(one, decided):
            break

    at, done = 0, False
    while not done:
        at += 1
        place = copied(decided.folder, tmp_path / f"again at {at}")
        store = place.open()

        done = not dies(one, place, at)

        one.assert_nothing_is_lost(held(store, one.measurement))
        store.recover(one.measurement)
        assert held(store, one.measurement) == one.after
        assert left_over(one, place) == []
    assert at > 8
