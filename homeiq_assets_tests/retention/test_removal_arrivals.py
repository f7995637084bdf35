"""Rows that come while a day is removed, and after it: none goes without a proof of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.ledger.removed_days import Entry, Ledger, State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurement import Field, Type
from homeiq_assets.stores.tables import inside
from homeiq_assets.window import Window
from homeiq_assets_tests.retention.old_days import DAY, HOURLY, METER, OldDays, altered, old_days, three_at_night
from homeiq_assets_tests.retention.watched import Watched
from homeiq_assets_tests.stores.places import EmbeddedPlace, Place

D = date(2025, 10, 14)
NEXT = D + DAY
NOW = three_at_night(D + 8 * DAY)
CHANGED = "rows came or went while it was looked at; it is tried again"


@pytest.fixture
def watched(place: Place) -> Watched:
    return Watched(place.open())


def ready(folder: Path, store: Any, **variables: str) -> OldDays:
    """A day that is old enough and the one after it, rolled and archived."""
    home = old_days(folder / "home", store, NOW, **variables)
    home.meter(D, NEXT)
    home.ready(D, NEXT)
    return home


def late(home: OldDays, **fields: Any) -> dict[str, Any]:
    """A row at an odd time of the day."""
    return {"time": home.window(D).start + timedelta(minutes=607), "meter_type": "emporia", **fields}


def add_a_reading(home: OldDays) -> None:
    home.put([late(home, phase="L1", total_power_w=12.5)])


def add_what_no_field_was_before(home: OldDays) -> None:
    tampered = replace(METER, fields=(Field("tampered", Type.BOOLEAN),))
    home.put([late(home, phase="L1", tampered=True)], tampered)


def revise_a_reading(home: OldDays) -> None:
    home.store.put(METER, altered(home.raw(D).slice(5, 1), "total_power_w", lambda power: power + 100))


@pytest.mark.parametrize(
    ("come", "archive"),
    [(add_a_reading, "smart_meter"), (add_what_no_field_was_before, "smart_meter"), (revise_a_reading, "off")],
)
def test_what_comes_between_proof_and_delete_keeps_the_day_until_it_is_proven_anew(
    tmp_path: Path, watched: Watched, come: Callable[[OldDays], None], archive: str
) -> None:
    home = ready(tmp_path, watched, RAW_ARCHIVE=archive)
    watched.before_ledger = lambda _: come(home)

    (removal,) = home.remove(D)

    assert (removal.outcome, removal.reason) == (Outcome.KEPT, CHANGED)
    assert home.raw(D).num_rows == (49 if come is revise_a_reading else 50)
    entry = home.ledger(D)
    assert entry is not None
    assert entry.state is State.RESTORED, "so that tiers and archive take in what came"
    home.ready(D, NEXT)
    assert home.remove(D)[0].outcome is Outcome.REMOVED
    assert home.raw(D).num_rows == 0


def test_a_reading_that_comes_right_before_the_delete_is_counted_there(tmp_path: Path, watched: Watched) -> None:
    home = ready(tmp_path, watched)
    watched.before_delete = lambda _: add_a_reading(home)

    (removal,) = home.remove(D)

    assert (removal.outcome, removal.reason) == (Outcome.KEPT, CHANGED)
    assert home.raw(D).num_rows == 50


@pytest.mark.parametrize(
    ("come", "archive"), [(add_a_reading, "off"), (revise_a_reading, "smart_meter"), (revise_a_reading, "off")]
)
def test_what_came_to_a_day_whose_removal_was_broken_off_is_not_lost(
    tmp_path: Path, watched: Watched, come: Callable[[OldDays], None], archive: str
) -> None:
    home = ready(tmp_path, watched, RAW_ARCHIVE=archive)

    def broken_off(_: Any) -> None:
        raise InterruptedError

    watched.before_delete = broken_off
    with pytest.raises(InterruptedError):
        home.remove(D)
    entry = home.ledger(D)
    assert entry is not None
    assert entry.state is State.REMOVING
    come(home)
    rows = home.raw(D)

    (removal,) = home.remove(D)

    assert home.raw(D).equals(rows)
    if removal.outcome is Outcome.LATE:  # the revised row is not what was archived
        assert "materialise what follows" in str(removal.reason)
        home.restore(D)
    else:
        assert removal.outcome is Outcome.KEPT
        assert "materialise the tiers of" in str(removal.reason) or "materialise archive/" in str(removal.reason)
    home.ready(D, NEXT)
    assert home.remove(D)[0].outcome is Outcome.REMOVED
    assert home.raw(D).num_rows == 0


@pytest.mark.parametrize("archive", ["smart_meter", "off"])
def test_a_removal_that_was_broken_off_goes_on_without_looking_at_what_took_its_place(
    tmp_path: Path, watched: Watched, archive: str
) -> None:
    home = ready(tmp_path, watched, RAW_ARCHIVE=archive)
    window = home.window(D)
    half = home.raw(D).filter(inside(home.raw(D), Window(window.start, window.start + timedelta(hours=10))))

    def broken_off(_: Any) -> None:
        raise InterruptedError

    watched.before_delete = broken_off
    with pytest.raises(InterruptedError):
        home.remove(D)
    home.store.delete(METER, home.window(D))
    home.store.put(METER, half)
    before = home.ledger(D)

    assert home.remove(D)[0].outcome is Outcome.REMOVED

    assert home.raw(D).num_rows == 0
    assert home.ledger(D) == Entry(D, State.REMOVED, before.proof)


def test_a_row_that_came_after_the_delete_is_not_taken_for_a_rest_of_it(tmp_path: Path, watched: Watched) -> None:
    home = ready(tmp_path, watched, RAW_ARCHIVE="off")
    late = home.raw(D).slice(7, 1)

    def broken_off(_: Any) -> None:
        raise InterruptedError

    watched.before_delete = broken_off
    with pytest.raises(InterruptedError):
        home.remove(D)
    home.store.delete(METER, home.window(D))
    home.store.put(METER, late)

    (removal,) = home.remove(D)

    assert removal.outcome is Outcome.LATE
    assert home.raw(D).equals(late)
    assert home.ledger(D).state is State.REMOVING


def test_late_rows_of_a_removed_day_stay_and_are_told(tmp_path: Path, place: Place) -> None:
    store = place.open()
    home = ready(tmp_path, store)
    assert home.remove(D)[0].outcome is Outcome.REMOVED
    tiers, entry = home.tiers(D, NEXT), home.ledger(D)
    add_a_reading(home)
    rows = home.raw(D)

    for _ in range(2):
        (removal,) = home.remove(D)
        assert removal.outcome is Outcome.LATE
        assert removal.reason == (
            f"1 rows of smart_meter came after it was removed; they stay, and are not in what was made of it. Restore "
            f"first (restore/smart_meter of {D}), then materialise what follows"
        )
    left = home.roll(D)

    assert all(one.left for one in left[:1])
    assert home.raw(D).equals(rows)
    assert home.tiers(D, NEXT) == tiers
    assert home.ledger(D) == entry

    home.restore(D)
    home.ready(D, NEXT)
    assert home.tier("daily", D)["total_power_w_count"].to_pylist() == [50], "and once restored it is in"
    assert home.remove(D)[0].outcome is Outcome.REMOVED


def test_without_a_raw_archive_the_tiers_are_proof_enough_and_the_ledger_names_no_object(
    tmp_path: Path, place: Place
) -> None:
    home = old_days(tmp_path / "home", place.open(), NOW, RAW_ARCHIVE="off")
    home.meter(D, NEXT)
    home.roll(D, NEXT)

    (removal,) = home.remove(D)

    assert removal.outcome is Outcome.REMOVED
    assert home.ledger(D).proof.object == ""
    assert f"nothing is archived of smart_meter {D}" in str(home.restore(D)[0].left)


def test_a_dry_run_says_what_would_go_and_changes_nothing(tmp_path: Path, place: Place) -> None:
    home = ready(tmp_path, place.open())
    rows, archived = [home.raw(day) for day in (D, NEXT)], home.archive.sizes("")
    files = files_of(place)

    outcomes = [(one.outcome, one.proof.rows if one.proof else 0) for one in home.remove(D - DAY, D, NEXT, dry=True)]

    assert outcomes == [(Outcome.NOTHING, 0), (Outcome.WOULD_GO, 49), (Outcome.KEPT, 0)]
    assert [home.raw(day) for day in (D, NEXT)] == rows
    assert home.ledger(D) is None
    assert home.archive.sizes("") == archived
    assert files_of(place) == files
    home.store.delete(HOURLY, home.window(D))
    (spoilt,) = home.remove(D, dry=True)
    assert (spoilt.outcome, "there is no smart_meter_hourly" in str(spoilt.reason)) == (Outcome.KEPT, True)


def test_a_dry_run_over_a_removal_that_was_broken_off_changes_nothing_either(tmp_path: Path, place: Place) -> None:
    home = ready(tmp_path, place.open())
    proof = home.remove(D, dry=True)[0].proof
    Ledger(home.store, home.home.zone).write("smart_meter", Entry(D, State.REMOVING, proof), NOW)
    add_a_reading(home)

    assert home.remove(D, dry=True)[0].outcome is Outcome.KEPT

    assert home.ledger(D).state is State.REMOVING
    assert home.raw(D).num_rows == 50
    assert home.ledger(D, Level.HOURLY) is None


def files_of(place: Place) -> dict[str, bytes]:
    """Every file of an embedded store; none of another."""
    if not isinstance(place, EmbeddedPlace):
        return {}
    return {str(path): path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
