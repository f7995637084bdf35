"""A damaged file or manifest costs its own day: the others of a range are done, it is named, and the advice works."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from homeiq_assets.archive.manifest import MANIFEST, Period
from homeiq_assets.errors import DamagedFile
from homeiq_assets.ledger.removed_days import Entry, Ledger, Proof, State
from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets_tests.retention.old_days import DAY, METER, OldDays, old_days, three_at_night

D = date(2025, 10, 26)
BEFORE, NEXT, MONTH = D - DAY, D + DAY, date(2025, 10, 1)
NOW = three_at_night(D + 60 * DAY)


@pytest.fixture
def home(tmp_path: Path, store: Store) -> OldDays:
    """Three days, rolled and archived."""
    made = old_days(tmp_path / "home", store, NOW)
    made.meter(BEFORE, D, NEXT)
    made.ready(BEFORE, D, NEXT)
    return made


@pytest.fixture
def embedded(tmp_path: Path) -> OldDays:
    """As `home`, on the embedded store."""
    made = old_days(tmp_path / "home", EmbeddedStore(tmp_path / "store"), NOW)
    made.meter(BEFORE, D, NEXT)
    made.ready(BEFORE, D, NEXT)
    return made


def manifest_name(home: OldDays, day: date) -> str:
    return f"{Period.day(day, home.home.zone).folder('smart_meter')}/{MANIFEST}"


def damage_manifest(home: OldDays) -> None:
    home.archive.put(manifest_name(home, D), b'{"rows": 51')


def damage_object(home: OldDays) -> None:
    folder = Period.day(D, home.home.zone).folder("smart_meter")
    (name,) = [name for name in home.archive.sizes(folder) if name.endswith(".parquet")]
    home.archive.put(name, b"PAR1")


def lose_manifest(home: OldDays) -> None:
    home.archive.delete(manifest_name(home, D))


@pytest.mark.parametrize("damage", [damage_manifest, damage_object, lose_manifest])
def test_a_range_is_restored_but_for_the_day_that_is_damaged(home: OldDays, damage: Callable[[OldDays], None]) -> None:
    rows = [home.raw(day) for day in (BEFORE, NEXT)]
    assert {one.outcome for one in home.remove(BEFORE, D)} == {Outcome.REMOVED}
    damage(home)

    first, left, last = home.restore(BEFORE, D, NEXT)

    assert (first.put, last.put) == (rows[0].num_rows, 0)
    assert [home.raw(day) for day in (BEFORE, NEXT)] == rows
    assert "day=26/" in str(left.left) or "2025-10-26" in str(left.left)
    entries = [home.ledger(day) for day in (BEFORE, D)]
    assert [entry.state for entry in entries if entry is not None] == [State.RESTORED, State.REMOVED]


def test_a_range_is_archived_but_for_the_day_whose_manifest_is_damaged_and_the_advice_works(home: OldDays) -> None:
    home.meter(BEFORE, D, NEXT, power=500.0)
    damage_manifest(home)

    first, left, last = home.archive_raw(BEFORE, D, NEXT)

    assert first.manifest is not None
    assert last.manifest is not None
    assert f"{manifest_name(home, D)} is damaged" in str(left.left)
    assert "If every row of its period is still in the store, delete it and materialise the period again" in str(
        left.left
    )
    home.archive.delete(manifest_name(home, D))
    (again,) = home.archive_raw(D)
    assert again.manifest is not None
    assert home.roll(BEFORE, D, NEXT)
    assert home.remove(D)[0].outcome is Outcome.REMOVED


def test_a_range_is_removed_but_for_the_day_whose_archive_is_damaged(home: OldDays) -> None:
    damage_object(home)

    removals = home.remove(BEFORE, D)

    assert [one.outcome for one in removals] == [Outcome.REMOVED, Outcome.KEPT]
    assert "is damaged" in str(removals[1].reason)
    Ledger(home.store, home.home.zone).write("smart_meter", Entry(D, State.REMOVING, Proof(51, {}, "", 0)), NOW)
    (broken_off,) = home.remove(D)
    assert (broken_off.outcome, "is damaged" in str(broken_off.reason)) == (Outcome.KEPT, True)
    assert home.raw(D).num_rows == 51


def test_a_day_whose_file_in_the_store_is_damaged_stops_no_other(embedded: OldDays, tmp_path: Path) -> None:
    (tmp_path / "store" / "smart_meter" / f"{NEXT}.parquet").write_bytes(b"PAR1")

    archived, removals = embedded.archive_raw(BEFORE, D, NEXT), embedded.remove(NEXT)

    assert [one.left is None for one in archived] == [True, True, False]
    assert f"{NEXT}.parquet is damaged" in str(archived[2].left)
    assert removals[0].outcome is Outcome.KEPT


def test_the_advice_for_a_damaged_file_of_the_ledger_brings_back_what_it_told_of(
    embedded: OldDays, tmp_path: Path
) -> None:
    home = embedded
    home.archive_months(MONTH)
    rows, tiers, objects = home.raw(D), home.tiers(D, NEXT), home.archive.sizes("")
    for level in Level:
        assert home.remove(D, level=level)[0].outcome is Outcome.REMOVED
    path = tmp_path / "store" / "retention_days" / "2025-10-25.parquet"
    path.write_bytes(path.read_bytes()[:-20])

    advice = (
        f"HOMEIQ_HOME: {path} is damaged and cannot be read; it says what was removed of {D}. Put it back from "
        "a backup. Without one: set HOMEIQ_AUTOMATION=off, move the file away, and bring back what it told of: "
        f"materialise restore/… of {D} for each measurement of RAW_ARCHIVE, then its tiers of {D}; and where "
        "the month is archived, restore/…_daily of 2025-10. Then set HOMEIQ_AUTOMATION as it was: the days are "
        "removed again, on a new proof"
    )
    for told in (home.archive_raw(D)[0].left, home.restore(D)[0].left, home.remove(D)[0].reason):
        assert told == advice
    with pytest.raises(DamagedFile) as caught:
        home.roll(D)
    assert str(caught.value) == advice

    path.rename(tmp_path / "moved away")
    home.restore(D)
    assert not [one for one in home.roll(D) if one.left or one.differs]
    home.restore_months(MONTH)

    assert home.raw(D).equals(rows)
    assert home.tiers(D, NEXT) == tiers
    assert not [one for one in (*home.archive_raw(D), *home.archive_months(MONTH)) if one.left]
    assert home.archive.sizes("") == objects
    for level in Level:
        assert home.remove(D, level=level)[0].outcome is Outcome.REMOVED
        entry = home.ledger(D, level)
        assert entry is not None
        assert entry.state is State.REMOVED
    assert home.store.whole(METER, home.window(D))[1].num_rows == 0
