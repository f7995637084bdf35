"""A removal and a restore in a process of their own that dies at a named moment, on a home of a few old days."""

import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets_tests.retention.crash_process import Trouble, Watch
from homeiq_assets_tests.retention.old_days import DAY, OldDays, meter_rows, old_days, three_at_night
from homeiq_assets_tests.retention.watched import Watched
from homeiq_assets_tests.stores.places import Place

D = date(2025, 10, 25)
"""the day before clocks go back"""
NEXT = D + DAY
AGES = {Level.RAW: 7, Level.HOURLY: 90, Level.DAILY: 365}
NOW = three_at_night(D + 400 * DAY)


def home_of(place: Place, folder: Path, **variables: str) -> OldDays:
    """The home whose store is at a place, in this process."""
    return old_days(folder / "home", place.open(), NOW, **variables)


def prepare(place: Place, folder: Path, level: Level, days: int = 2, silent: int = 0, **variables: str) -> OldDays:
    """A home of old days, the first of which is due to be removed from a level.

    So many rows after each midnight are `silent`: what was said before it holds until then.
    """
    home = home_of(place, folder, **variables)
    all_days = [D + number * DAY for number in range(days)]
    home.put([row for day in all_days for row in meter_rows(home.window(day), day.toordinal() % 7)[silent:]])
    home.roll(*all_days)
    if "RAW_ARCHIVE" not in variables:
        home.archive_raw(*all_days)
    home.archive_months(D.replace(day=1))
    for finer in list(Level)[: list(Level).index(level)]:
        assert remove(home, finer) == [Outcome.REMOVED]
    return home


def remove(home: OldDays, level: Level, *days: date) -> list[Outcome]:
    """Remove days (D by default) from a level; what became of them."""
    return [one.outcome for one in home.remove(*(days or (D,)), level=level, age=AGES[level])]


def removes(place: Place, folder: Path, level: Level, *days: date) -> list[Outcome]:
    """The same in another process."""
    home = home_of(place, folder)
    with closing(home.store):
        return remove(home, level, *days)


def dies_before_the_delete(place: Place, folder: Path, level: Level, variables: dict[str, str]) -> None:
    """Between `removing` and the delete."""
    _watched(place, folder, level, variables, lambda store: setattr(store, "before_delete", _die))


def dies_after_the_delete(place: Place, folder: Path, level: Level, variables: dict[str, str]) -> None:
    """Between the delete and `removed`, which is the ledger's second row."""

    def first(store: Watched) -> Callable[[Any], None]:
        return lambda _: setattr(store, "before_ledger", _die)

    _watched(place, folder, level, variables, lambda store: setattr(store, "before_ledger", first(store)))


def dies_in_the_delete(place: Place, folder: Path, level: Level, at: int) -> None:
    """At this change of a file, counted from where the delete begins."""
    watch = Watch(Trouble(at))
    _watched(place, folder, level, {}, lambda store: setattr(store, "before_delete", lambda _: sys.setprofile(watch)))


def finds_the_disk_full(place: Place, folder: Path, level: Level) -> None:
    """From where the ledger is written on no file may become longer than 512 bytes."""

    def fill(_: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

    _watched(place, folder, level, {}, lambda store: setattr(store, "before_ledger", fill))


def restores_and_dies(place: Place, folder: Path, at: int) -> None:
    """Restore the day; die at this change of a file."""
    home = home_of(place, folder)
    sys.setprofile(Watch(Trouble(at)))
    home.restore(D)
    sys.setprofile(None)


def restores(place: Place, folder: Path) -> None:
    """Restore the day."""
    home_of(place, folder).restore(D)


def _watched(
    place: Place, folder: Path, level: Level, variables: dict[str, str], watch: Callable[[Watched], None]
) -> None:
    store = Watched(place.open())
    home = old_days(folder / "home", store, NOW, **variables)  # type: ignore[arg-type]
    watch(store)
    remove(home, level)
    sys.setprofile(None)


def _die(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
