"""Removal where clocks change and readings hold for other times than a day: what is proven, and which rows go."""

from datetime import date
from pathlib import Path

import pytest

from homeiq_assets.retention.removal import Outcome
from homeiq_assets.series.holds import nanoseconds
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets_tests.retention.old_days import DAY, HOURLY, OldDays, old_days, three_at_night

CHANGES = [
    ("Europe/Vienna", date(2025, 3, 30), 23),
    ("Europe/Vienna", date(2025, 10, 26), 25),
    ("Australia/Lord_Howe", date(2025, 10, 5), 23.5),
    ("Australia/Lord_Howe", date(2025, 4, 6), 24.5),
]


def filled(folder: Path, store: Store, zone: str, day: date, hold: str) -> OldDays:
    """The day and three on both sides of it, rolled and archived, all but the last three old enough to go."""
    home = old_days(folder / "home", store, three_at_night(day + 9 * DAY), zone=zone, HOMEIQ_HOLD_HOURS=hold)
    days = [day + n * DAY for n in range(-3, 4)]
    home.meter(*days)
    home.ready(*days)
    return home


@pytest.mark.parametrize(
    ("zone", "day", "hours", "hold"),
    [(*CHANGES[0], "24"), (*CHANGES[0], "48"), (*CHANGES[1], "6"), (*CHANGES[2], "48"), (*CHANGES[3], "24")],
)
def test_a_day_on_which_clocks_change_goes_whole_and_alone(
    tmp_path: Path, zone: str, day: date, hours: float, hold: str
) -> None:
    home = filled(tmp_path, EmbeddedStore(tmp_path / "store"), zone, day, hold)
    assert home.raw(day).num_rows == 2 * hours + 1
    beside = [home.raw(day - DAY), home.raw(day + DAY)]

    (removal,) = home.remove(day)

    assert removal.outcome is Outcome.REMOVED, removal.reason
    assert home.raw(day).num_rows == 0
    assert [home.raw(day - DAY), home.raw(day + DAY)] == beside
    assert home.tier("hourly", day).num_rows == -(-hours // 1)


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, day, _ in CHANGES])
def test_days_go_one_after_the_other_in_one_run_over_the_change(tmp_path: Path, zone: str, day: date) -> None:
    home = filled(tmp_path, EmbeddedStore(tmp_path / "store"), zone, day, "48")
    days = [day + n * DAY for n in range(-3, 2)]
    tiers = home.tiers(*days)

    removals = home.remove(*reversed(days))

    assert [(one.day, one.outcome) for one in removals] == [(one, Outcome.REMOVED) for one in days]
    assert home.raw(day + 2 * DAY).num_rows == 49
    assert home.tiers(*days) == tiers


@pytest.mark.parametrize(
    ("day", "hold", "needed"),
    [
        (date(2025, 6, 10), "6", [1]),
        (date(2025, 6, 10), "24", [1]),
        (date(2025, 6, 10), "24.5", [1, 2]),
        (date(2025, 6, 10), "48", [1, 2]),
        # The day after is an hour short, so an evening holds into the day after that; or an hour long.
        (date(2025, 3, 29), "24", [1, 2]),
        (date(2025, 10, 25), "24", [1]),
        (date(2025, 10, 25), "48", [1, 2]),
    ],
)
def test_every_day_that_an_evening_holds_into_has_to_be_proven(
    tmp_path: Path, day: date, hold: str, needed: list[int]
) -> None:
    home = filled(tmp_path, EmbeddedStore(tmp_path / "store"), "Europe/Vienna", day, hold)
    for number in (3, 2, 1):
        following = day + number * DAY
        rows = home.tier("hourly", following)
        home.store.delete(HOURLY, home.window(following))
        (removal,) = home.remove(day, dry=True)
        if number in needed:
            assert removal.outcome is Outcome.KEPT
            assert f"smart_meter_hourly of {following} is not what its rows say" in str(removal.reason)
        else:
            assert removal.outcome is Outcome.WOULD_GO
        home.store.put(HOURLY, rows)

    assert home.remove(day)[0].outcome is Outcome.REMOVED


def test_the_row_at_midnight_and_the_one_a_nanosecond_before_belong_to_two_days(tmp_path: Path, store: Store) -> None:
    day = date(2025, 10, 26)
    home = old_days(tmp_path / "home", store, three_at_night(day + 9 * DAY))
    midnights = [nanoseconds(home.window(one).start) for one in (day, day + DAY)]
    for midnight in midnights:
        for instant in (midnight - 1, midnight, midnight + 1):
            home.put([{"time": instant, "meter_type": "emporia", "total_power_w": float(instant - midnight)}])
    home.ready(day, day + DAY)

    (removal,) = home.remove(day)

    assert removal.outcome is Outcome.REMOVED, removal.reason
    assert removal.proof is not None
    assert removal.proof.rows == 3
    left = [home.raw(one)["time"].cast("int64").to_pylist() for one in (day - DAY, day, day + DAY)]
    assert left == [[midnights[0] - 1], [], [midnights[1], midnights[1] + 1]]


def test_a_long_hold_seals_as_many_days_after_what_went(tmp_path: Path, store: Store) -> None:
    day = date(2025, 6, 10)
    home = old_days(tmp_path / "home", store, three_at_night(day + 11 * DAY), HOMEIQ_HOLD_HOURS="48")
    days = [day + n * DAY for n in range(5)]
    home.meter(*days)
    home.ready(*days)

    assert [one.outcome for one in home.remove(*days[:2])] == [Outcome.REMOVED] * 2

    assert [bool(one.left) for one in home.roll_hourly(*days)] == [True, True, True, True, False]
