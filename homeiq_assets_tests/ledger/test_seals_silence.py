"""Meters that speak again after what they said before is gone: no energy is lost to the silence, nor counted twice."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.retention.ages import Level
from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurements import (
    HOME_ASSISTANT_EVENTS,
    HOME_ASSISTANT_HISTORY,
    MV_DAILY_ENERGY_BY_DEVICE,
    SMART_METER,
)
from homeiq_assets.stores.base import Store
from homeiq_assets.views.events import Written, energy_days
from homeiq_assets.window import HOUR
from homeiq_assets_tests.retention.old_days import DAY, OldDays, old_days, three_at_night

D = date(2025, 10, 14)
MONTH = date(2025, 10, 1)
AGAIN = D + 25 * DAY
NOW = three_at_night(D + 60 * DAY)
BOILER, PUMP = "sensor.boiler", "sensor.pump"


def remove_all(home: OldDays, level: Level) -> None:
    """The day gone from a level."""
    if level is Level.DAILY:
        home.archive_months(MONTH)
    (removal,) = home.remove(D, level=level)
    assert removal.outcome is Outcome.REMOVED, removal.reason


@pytest.fixture
def metered(tmp_path: Path, store: Store) -> OldDays:
    """A counter that says 3.5, then 17 on a day, and 20 in the second hour of another, weeks later."""
    home = old_days(tmp_path / "home", store, NOW, stored_as=SMART_METER)
    said = ((D, 8, 3.5), (D, 20, 17.0), (AGAIN, 1, 20.0))
    home.put([reading(home, day, hour, kwh) for day, hour, kwh in said])
    home.ready(D, D + DAY)
    return home


def reading(home: OldDays, day: date, hour: int, kwh: float) -> dict[str, Any]:
    return {"time": home.window(day).start + hour * HOUR, "meter_type": "emporia", "daily_kwh": kwh}


def increase(home: OldDays, day: date) -> list[float]:
    """What the tiers of a day count, once rolled: its second hour, and the day."""
    home.roll_hourly(day)
    (rolled,) = home.roll_daily(day)
    assert (rolled.left, rolled.differs) == (None, None)
    hours = home.tier("hourly", day)["daily_kwh_increase"].to_pylist()
    return [hours[0], *home.tier("daily", day)["daily_kwh_increase"].to_pylist()]


def test_a_counter_counts_from_its_last_value_whatever_keeps_that(metered: OldDays) -> None:
    assert increase(metered, AGAIN) == [3.0, 3.0]
    for level in Level:
        remove_all(metered, level)
        assert increase(metered, AGAIN) == [3.0, 3.0], f"with {level} rows gone"
    assert metered.raw(D).num_rows + sum(tier.num_rows for tier in metered.tiers(D)) == 0


def test_a_range_over_a_removed_day_counts_from_that_day_and_not_from_the_one_before(
    tmp_path: Path, store: Store
) -> None:
    home = old_days(tmp_path / "home", store, NOW, stored_as=SMART_METER)
    said = ((D - DAY, 20, 10.0), (D, 20, 17.0), (D + 2 * DAY, 1, 20.0))
    home.put([reading(home, day, hour, kwh) for day, hour, kwh in said])
    days = [D + n * DAY for n in range(-1, 3)]
    home.ready(*days)
    tiers = home.tiers(*days)
    remove_all(home, Level.RAW)

    rolled = home.roll(*days)

    assert [bool(one.left) for one in rolled] == [False, True, True, False, False, False, False, False]
    assert [one.differs for one in rolled] == [None] * 8
    assert home.tiers(*days) == tiers
    assert home.tier("daily", D + 2 * DAY)["daily_kwh_increase"].to_pylist() == [3.0]


def event(home: OldDays, day: date, hour: float, said: tuple[str, float, str]) -> dict[str, Any]:
    entity, value, unit = said
    return {
        "time": home.window(day).start + hour * HOUR,
        "entity_id": entity,
        "domain": "sensor",
        "device_class": "energy",
        "area": "cellar",
        "state": str(value),
        "normalized_value": value,
        "unit_of_measurement": unit,
    }


def told(folder: Path, store: Store, *events: tuple[date, float, tuple[str, float, str]]) -> OldDays:
    """A home whose events go by age."""
    home = old_days(
        folder / "home",
        store,
        NOW,
        measurement=HOME_ASSISTANT_EVENTS,
        stored_as=HOME_ASSISTANT_HISTORY,
        EVENTS_SOURCE="simulated",
        RETENTION_RAW_DAYS="home_assistant_events=7",
    )
    home.put([event(home, *one) for one in events])
    return home


def energy(home: OldDays, *days: date) -> tuple[Sequence[Written], dict[tuple[date, str], float]]:
    """What the view said of the days, and holds of them."""
    written = list(energy_days(days, home.home, home.store))
    stored = {}
    for day in days:
        rows = home.store.read(MV_DAILY_ENERGY_BY_DEVICE, home.window(day))
        stored |= {(day, row["entity_id"]): row["total_kwh"] for row in rows.to_pylist()}
    return written, stored


def test_the_energy_of_a_device_and_its_tiers_count_from_its_last_value_whatever_keeps_that(
    tmp_path: Path, store: Store
) -> None:
    home = told(
        tmp_path,
        store,
        (D, 8, (BOILER, 3.5, "kWh")),
        (D, 20, (BOILER, 17.0, "kWh")),
        (D, 20, (PUMP, 2.0, "kWh")),
        (AGAIN, 1, (BOILER, 20.0, "kWh")),
        (AGAIN, 1, (PUMP, 2500.0, "Wh")),
    )
    home.ready(D, D + DAY)
    for level in (None, *Level):
        if level is not None:
            remove_all(home, level)
        _, stored = energy(home, AGAIN)
        assert stored == {(AGAIN, BOILER): pytest.approx(3.0), (AGAIN, PUMP): pytest.approx(0.5)}, level
        home.roll(AGAIN)
        increases = home.tier("daily", AGAIN)["normalized_value_increase"].to_pylist()
        assert increases == [3.0, 0.0], "in a tier the first reading in another unit is a first value"
    assert home.raw(D).num_rows + sum(tier.num_rows for tier in home.tiers(D)) == 0


def test_a_range_of_the_view_over_a_removed_day_counts_from_that_day(tmp_path: Path, store: Store) -> None:
    home = told(
        tmp_path,
        store,
        (D - DAY, 20, (BOILER, 10.0, "kWh")),
        (D, 20, (BOILER, 17.0, "kWh")),
        (D + 2 * DAY, 1, (BOILER, 20.0, "kWh")),
    )
    days = [D + n * DAY for n in range(-1, 3)]
    home.ready(*days)
    _, before = energy(home, *days)
    remove_all(home, Level.RAW)

    written, after = energy(home, *days)

    assert after == before
    assert after[D + 2 * DAY, BOILER] == pytest.approx(3.0)
    left = {one.date: one.left for one in written}
    assert left.keys() == set(days)
    assert [bool(left[day]) for day in days] == [False, True, True, False]
    assert f"home_assistant_events of {D} was removed" in str(left[D]), (
        "though there are no rows of it to make a view of"
    )
