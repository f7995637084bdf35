"""The removal of raw days: its five steps, and what a day that cannot be proven tells its owner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from homeiq_assets.archive.manifest import Period
from homeiq_assets.archive.periods import manifest_of
from homeiq_assets.ledger.removed_days import Entry, State
from homeiq_assets.retention.removal import Outcome, Removal
from homeiq_assets.schema.measurement import Field, Kind, Measurement, Tag, Type, rows_of
from homeiq_assets.schema.measurements import SMART_METER, statistics
from homeiq_assets.stores.base import Store
from homeiq_assets.tiers.comparison import INSIDE, readings_differ
from homeiq_assets_tests.retention.old_days import (
    DAILY,
    DAY,
    HOURLY,
    METER,
    OldDays,
    altered,
    old_days,
    three_at_night,
)
from homeiq_assets_tests.retention.watched import Watched

D = date(2025, 10, 14)
NEXT = D + DAY
NOW = three_at_night(D + 8 * DAY)


@pytest.fixture
def home(tmp_path: Path, store: Store) -> OldDays:
    """A day that is old enough and the one after it, rolled and archived."""
    made = old_days(tmp_path / "home", store, NOW)
    made.meter(D, NEXT)
    made.ready(D, NEXT)
    return made


def kept(home: OldDays, **how: Any) -> str:
    """Why the day stays; it does, whole, and the ledger says nothing of it."""
    before, entry = home.raw(D), home.ledger(D)
    (removal,) = home.remove(D, **how)
    assert removal.outcome is Outcome.KEPT, removal
    assert home.raw(D).equals(before)
    assert home.ledger(D) == entry
    return str(removal.reason)


@contextmanager
def spoilt(
    home: OldDays, measurement: Measurement, day: date, change: Callable[[pa.Table], pa.Table]
) -> Iterator[None]:
    """The rows of a day changed while the block lasts."""
    window = home.window(day)
    right = home.store.read(measurement, window)
    home.store.replace(measurement, change(right), window)
    yield
    home.store.replace(measurement, right, window)


def test_a_day_whose_proof_is_found_goes_and_the_ledger_keeps_the_proof(home: OldDays) -> None:
    rows, following = home.raw(D), home.raw(NEXT)

    (removal,) = home.remove(D)

    assert removal.outcome is Outcome.REMOVED
    assert home.raw(D).num_rows == 0
    assert home.raw(NEXT).equals(following), "the row at midnight is of the next day, the nanosecond before it is not"
    entry = home.ledger(D)
    assert entry == Entry(D, State.REMOVED, entry.proof)
    proof = entry.proof
    assert proof == removal.proof
    assert (proof.rows, proof.successor, proof.successor_rows) == (49, "smart_meter_hourly, smart_meter_daily", 25)
    assert proof.counts == {
        "total_power_w": 49,
        "daily_kwh": 49,
        "daily_export_kwh": 0,
        "pulses": 13,
        "note": 1,
    }, "undeclared fields are counted too"
    powers = rows["total_power_w"].to_pylist()
    assert proof.sums["total_power_w"] == {
        "count": 49,
        "sum": pytest.approx(sum(powers)),
        "min": min(powers),
        "max": max(powers),
    }
    assert proof.step == timedelta(minutes=30)
    archived = manifest_of(SMART_METER, Period.day(D, home.home.zone), home.archive)
    assert archived is not None
    assert proof.object == archived.object


def test_the_ledger_says_so_with_the_proof_before_anything_is_deleted(tmp_path: Path, place: Any) -> None:
    watched = Watched(place.open())
    home = old_days(tmp_path / "home", watched, NOW)
    home.meter(D, NEXT)
    home.ready(D, NEXT)
    seen = []
    watched.before_delete = lambda _: seen.append((home.ledger(D), home.raw(D).num_rows))

    home.remove(D)

    ((entry, rows),) = seen
    assert entry is not None
    assert (entry.state, entry.proof.rows, rows) == (State.REMOVING, 49, 49)
    assert home.ledger(D) == Entry(D, State.REMOVED, entry.proof)


def test_again_it_is_found_removed_and_nothing_changes(home: OldDays) -> None:
    home.remove(D)
    entry, tiers = home.ledger(D), [home.tier(one, D) for one in ("hourly", "daily")]
    home.clock.now += DAY

    (again,) = home.remove(D)

    assert again == Removal(D, Outcome.REMOVED, None, entry.proof)
    assert home.ledger(D) == entry
    assert [home.tier(one, D) for one in ("hourly", "daily")] == tiers


def test_a_day_too_young_stays_until_the_day_it_is_due(home: OldDays) -> None:
    home.clock.now = three_at_night(D + 7 * DAY)
    assert kept(home) == "it goes once it is older than 7 days"

    home.clock.now = three_at_night(D + 8 * DAY)
    assert home.remove(D)[0].outcome is Outcome.REMOVED


def test_a_day_with_a_red_check_stays_and_says_which(home: OldDays) -> None:
    assert kept(home, red={D: "agrees_with_raw: daily_kwh_increase differs"}) == (
        "a check is red: agrees_with_raw: daily_kwh_increase differs"
    )


def test_a_day_without_rows_is_nothing_to_remove_and_is_not_sealed(home: OldDays) -> None:
    assert home.remove(D - DAY) == [Removal(D - DAY, Outcome.NOTHING)]
    assert home.ledger(D - DAY) is None


def test_every_statistic_of_both_tiers_has_to_equal_what_the_rows_say(home: OldDays) -> None:
    fields = [("total_power_w", ("count", "min", "max", "last")), ("daily_kwh", ("count", "last"))]
    for tier in (HOURLY, DAILY):
        for name in (f"{field}_{one}" for field, those in fields for one in those):
            with spoilt(home, tier, D, lambda rows, name=name: altered(rows, name, lambda value: value + 1)):
                assert kept(home) == (
                    f"{tier.name} of {D} is not what its rows say ({name} differs): materialise the tiers of {D} "
                    "again, the hourly one first"
                )
    assert home.remove(D)[0].outcome is Outcome.REMOVED, "and with all of them right it goes"


def test_the_sum_of_what_is_energy_per_interval_is_compared_too() -> None:
    said = Measurement("said", (Tag("of"),), (Field("kwh", Type.FLOAT, kind=Kind.DELTA),))
    assert set(statistics(said.fields[0])) <= set(INSIDE)
    tier = Measurement("said_daily", said.tags, (Field("kwh_sum", Type.FLOAT), Field("kwh_count", Type.INTEGER)))
    right = rows_of(tier, [{"time": NOW, "of": "a", "kwh_sum": 2.0, "kwh_count": 3}])

    assert readings_differ(right, right, said, tier) is None
    assert (
        readings_differ(altered(right, "kwh_sum", lambda total: total + 1e-6), right, said, tier) == "kwh_sum differs"
    )


def test_a_tier_that_is_not_there_is_asked_for(home: OldDays) -> None:
    for tier in (HOURLY, DAILY):
        rows = home.store.read(tier, home.window(D))
        home.store.delete(tier, home.window(D))
        assert kept(home) == f"there is no {tier.name} of {D}: materialise tiers/{tier.name} of {D}"
        home.store.put(tier, rows)

    assert home.remove(D)[0].outcome is Outcome.REMOVED


def test_the_day_after_has_to_have_taken_in_what_held_over_midnight(tmp_path: Path, store: Store) -> None:
    home = old_days(tmp_path / "home", store, NOW)
    home.meter(D)
    noon = home.window(NEXT).start + timedelta(hours=12)
    home.put([{"time": noon, "meter_type": "emporia", "phase": "L1", "total_power_w": 80.0}])
    home.ready(D)
    asked = "materialise the tiers of 2025-10-15 again, the hourly one first"
    assert kept(home) == f"smart_meter_hourly of {NEXT} is not what its rows say (0 rows, computed anew 24): {asked}"

    home.roll(NEXT)
    held = home.tier("hourly", NEXT)
    assert held["total_power_w_count"].to_pylist()[:12] == [0] * 12, "hours in which the value of the evening holds"
    for name, change in (("total_power_w_mean", lambda mean: mean + 1), ("total_power_w_seconds", lambda _: 3599.0)):
        with spoilt(home, HOURLY, NEXT, lambda rows, name=name, change=change: altered(rows, name, change)):
            assert kept(home) == f"smart_meter_hourly of {NEXT} is not what its rows say ({name} differs): {asked}"

    assert home.remove(D)[0].outcome is Outcome.REMOVED


def test_a_day_stays_while_the_one_that_its_readings_hold_into_is_not_over(home: OldDays) -> None:
    home.clock.now = home.window(NEXT).end - timedelta(seconds=1)
    assert kept(home, age=0) == f"its readings hold into {NEXT}, which is not over"

    home.clock.now = home.window(NEXT).end
    assert home.remove(D, age=0)[0].outcome is Outcome.REMOVED


def test_a_day_that_is_not_archived_stays(tmp_path: Path, store: Store) -> None:
    home = old_days(tmp_path / "home", store, NOW)
    home.meter(D, NEXT)
    home.roll(D, NEXT)

    assert kept(home) == f"it is not archived: materialise archive/smart_meter of {D} (or look at RAW_ARCHIVE)"


def test_an_archived_object_that_says_another_value_keeps_the_day(home: OldDays) -> None:
    right = home.raw(D)
    first = right.slice(0, 1)
    for name, change in (
        ("pulses", lambda pulses: (pulses or 0) + 1),
        ("note", lambda _: "?"),
        ("phase", lambda _: "L2"),
    ):
        home.store.put(METER, altered(first, name, change))
        assert kept(home) == (
            f"its archived object is not what the store holds: materialise archive/smart_meter of {D} again"
            if name != "phase"
            else f"smart_meter_hourly of {D} is not what its rows say (total_power_w_count differs): materialise the "
            f"tiers of {D} again, the hourly one first"
        )
        home.store.delete(METER, home.window(D))
        home.store.put(METER, right)

    assert home.remove(D)[0].outcome is Outcome.REMOVED


def test_a_day_whose_object_is_damaged_stays_and_says_how_to_mend_it(home: OldDays) -> None:
    manifest = manifest_of(SMART_METER, Period.day(D, home.home.zone), home.archive)
    assert manifest is not None
    data = home.archive.get(manifest.object)
    assert data is not None
    for damaged in (data[:-1], data[: len(data) // 2] + b"!" + data[len(data) // 2 + 1 :]):
        home.archive.put(manifest.object, damaged)
        (kept,) = home.remove(D)
        assert kept.outcome is Outcome.KEPT
        assert "is damaged" in (kept.reason or "")
        assert "if the rows are still in the store, materialise the archive" in (kept.reason or "")
        assert home.raw(D).num_rows == 49
        assert home.ledger(D) is None
    home.archive.delete(manifest.object)
    assert "is missing" in (home.remove(D)[0].reason or "")

    home.archive_raw(D)

    assert home.remove(D)[0].outcome is Outcome.REMOVED, "materialised again as the message says"
