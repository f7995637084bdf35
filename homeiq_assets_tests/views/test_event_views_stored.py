"""The views over events from a store into a store: each kind of store, ranges and days alone, a real recording."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.events.stored import StoredEvents
from homeiq_assets.home import Home, open_home
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import (
    ELECTRICITY_PRICING,
    FX_RATE,
    HOME_ASSISTANT_HISTORY,
    MV_DAILY_ENERGY_BY_DEVICE,
    MV_HOURLY_ROOM_ACTIVITY,
)
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.base import Store
from homeiq_assets.views.events import activity_days, energy_days
from homeiq_assets.views.readings import days_of
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.household import failure_of, household
from homeiq_assets_tests.recordings import CIRCUITS, minutes, prices
from homeiq_assets_tests.stores.places import put
from homeiq_assets_tests.views import brute_force
from homeiq_assets_tests.views.brute_force import Case, event
from homeiq_assets_tests.views.listed_events import ListedEvents, plain
from homeiq_assets_tests.views.test_views_at_random import same

VIENNA = ZoneInfo("Europe/Vienna")
DAYS = [date(2025, 10, 25), date(2025, 10, 26), date(2025, 10, 27)]
NOW = datetime(2025, 10, 27, 15, 20, tzinfo=UTC)
HALF_HOUR, MINUTE = timedelta(minutes=30), timedelta(minutes=1)


@pytest.fixture
def case() -> Case:
    """A home of meters that begin anew, plugs that feed in and rooms, over the end of summer time."""
    chance = random.Random(7)
    start = local_day(DAYS[0], VIENNA).start
    rows = [event("sensor.old", start - timedelta(days=20), 500, "kWh", kind="energy")]
    rows += [event("binary_sensor.cellar", start - timedelta(days=20), "off", kind="motion", area="cellar")]
    for number in range(400):
        time = start + timedelta(minutes=chance.randrange(-3000, 4000))
        entity, kind, area, unit, states = chance.choice(
            [
                ("sensor.meter", "energy", "hall", "Wh", [number * 40 % 9000, "unavailable"]),
                ("sensor.plug", "power", "hall", "W", [0, 40, -300, 1100, "unknown"]),
                ("binary_sensor.motion", "motion", "hall", None, ["on", "off"]),
                ("binary_sensor.stay", "occupancy", "hall", None, ["on", "off", "unavailable"]),
            ]
        )
        rows.append(event(entity, time, chance.choice(states), unit, kind=kind, area=area))
    rows.append(event("sensor.old", start + timedelta(hours=30), 503.5, "kWh", kind="energy"))
    rows.append(event("binary_sensor.cellar", start + timedelta(hours=30), "on", kind="motion", area="cellar"))
    by_time = {(row["entity_id"], row["time"]): row for row in rows}
    ordered = sorted(by_time.values(), key=lambda row: row["time"])
    return Case(DAYS, VIENNA, NOW, timedelta(hours=24), ordered, HALF_HOUR, frozenset(), 0.07)


@pytest.fixture
def home(settings_of: Callable[..., Settings]) -> Home:
    # The meter of `case` rises by more than a home can draw.
    settings = settings_of(HOMEIQ_TIMEZONE="Europe/Vienna", FEED_IN_PRICE="0.07", HOMEIQ_MAX_POWER_KW="100000")
    return replace(open_home(settings), now=lambda: NOW)


def fill(store: Store, case: Case) -> None:
    put(store, HOME_ASSISTANT_HISTORY, case.rows)
    price = {"provider": "us", "currency": "EUR"}
    put(
        store,
        ELECTRICITY_PRICING,
        [{"time": slot.start, **price, "current_price": slot.price} for slot in case.slots],
    )
    friday = {"time": datetime(2025, 10, 24, tzinfo=UTC), "base": "EUR", "currency": "USD", "rate": 1.25}
    put(store, FX_RATE, [friday])


def stored(store: Store, measurement: Measurement, day: date) -> list[dict[str, Any]]:
    return plain(store.read(measurement, local_day(day, VIENNA)))


def test_what_is_stored_is_what_is_counted_instant_by_instant(store: Store, case: Case, home: Home) -> None:
    fill(store, case)

    counted = {one.date: one.rows.num_rows for one in energy_days(DAYS, home, store)}
    list(activity_days(DAYS, home, store))

    for day in DAYS:
        wanted = brute_force.energy(case, day)
        found = {row.pop("entity_id"): row for row in stored(store, MV_DAILY_ENERGY_BY_DEVICE, day)}
        assert (found.keys(), counted[day]) == (wanted.keys(), len(wanted))
        for entity, row in found.items():
            assert row.pop("time") == local_day(day, VIENNA).start
            # The rate of Friday is in force over the weekend and until Monday's is there.
            assert row.pop("cost_usd") == pytest.approx(1.25 * wanted[entity]["cost"])
            assert same(row, wanted[entity]), (day, entity)
        rooms = brute_force.activity(case, day)
        activity = {(row.pop("area"), row.pop("time")): row for row in stored(store, MV_HOURLY_ROOM_ACTIVITY, day)}
        assert activity.keys() == rooms.keys()
        assert all(same(row, rooms[key]) for key, row in activity.items())
    found = stored(store, MV_HOURLY_ROOM_ACTIVITY, DAYS[1])
    counted_in = [row["time"] for row in found if row["area"] == "cellar" and row["motion_count"]]
    assert counted_in == [datetime(2025, 10, 26, 4, tzinfo=UTC)], "of one that was silent for three weeks"


def test_days_alone_and_days_with_a_hole_between_are_the_same_as_a_range(store: Store, case: Case, home: Home) -> None:
    fill(store, case)
    views = (energy_days, MV_DAILY_ENERGY_BY_DEVICE), (activity_days, MV_HOURLY_ROOM_ACTIVITY)
    for write, measurement in views:
        list(write(DAYS, home, store))
        whole = [stored(store, measurement, day) for day in DAYS]
        assert all(whole)
        for day in DAYS:
            store.delete(measurement, local_day(day, VIENNA))

        list(write([DAYS[2], DAYS[0]], home, store))
        assert [stored(store, measurement, day) for day in DAYS] == [whole[0], [], whole[2]]
        list(write([DAYS[1]], home, store))
        assert [stored(store, measurement, day) for day in DAYS] == whole
        list(write([DAYS[0], DAYS[2]], home, store))
        assert [stored(store, measurement, day) for day in DAYS] == whole, "the day between is left as it is"


def test_a_device_that_is_gone_leaves_its_day(store: Store, case: Case, home: Home) -> None:
    fill(store, case)
    list(energy_days(DAYS, home, store))
    put(store, HOME_ASSISTANT_HISTORY, [row for row in case.rows if row["entity_id"] != "sensor.plug"])

    list(energy_days([DAYS[1]], home, store))

    names = [{row["entity_id"] for row in stored(store, MV_DAILY_ENERGY_BY_DEVICE, day)} for day in DAYS]
    assert ["sensor.plug" in day for day in names] == [True, False, True]


def test_the_past_is_searched_once_in_a_run_and_only_for_what_is_not_known(case: Case) -> None:
    source = ListedEvents(case.rows)
    assert [day.date for day in days_of(source, DAYS, VIENNA, case.hold, NOW)] == DAYS
    start = local_day(DAYS[0], VIENNA).start - case.hold
    assert source.asked == [(start, start - timedelta(days=7)), (start, start - timedelta(days=64))], (
        "no further than to what was said twenty days before"
    )

    loud = ListedEvents([row for row in case.rows if row["entity_id"] in ("sensor.plug", "sensor.meter")])
    assert len(list(days_of(loud, DAYS, VIENNA, case.hold, NOW))) == 3
    assert loud.asked == []


def test_a_range_is_read_once_and_what_lies_between_days_far_apart_not_at_all(case: Case) -> None:
    source, early = ListedEvents(case.rows), DAYS[0] - timedelta(days=30)
    list(days_of(source, [*DAYS, early], VIENNA, case.hold, NOW))
    assert source.streamed == [
        Window(local_day(early, VIENNA).start - case.hold, local_day(early, VIENNA).end),
        Window(local_day(DAYS[0], VIENNA).start - case.hold, NOW),
    ]


def test_days_that_have_not_begun_are_none_and_the_present_one_ends_now(store: Store, case: Case) -> None:
    fill(store, case)
    days = [*DAYS, DAYS[-1] + timedelta(days=1)]
    found = list(days_of(StoredEvents(store), days, VIENNA, case.hold, NOW))
    assert [day.date for day in found] == DAYS
    assert found[-1].window.end == NOW


RECORDED = ("2023-06-09", "2023-06-12", "2023-06-15", "2023-06-18")


def test_a_recorded_house_uses_what_its_recording_adds_up_to(tmp_path: Path) -> None:
    home = household(tmp_path, datetime(2023, 6, 20, 12, tzinfo=UTC), "Europe/Berlin", HOMEIQ_START_DATE="2023-01-01")
    columns = {f"sensor.{column}": minutes(column) for column in ("total_power_w", *CIRCUITS.values())}
    rows = []
    for entity, watts in columns.items():
        before = None
        for time, value in sorted(watts.items()):
            # Home Assistant tells what has changed.
            if value != before:
                rows.append(event(entity, time, value, "W", kind="power"))
            before = value
    put(home.store, HOME_ASSISTANT_HISTORY, rows)
    market = prices()
    priced = {"provider": "awattar", "currency": "EUR"}
    put(
        home.store,
        ELECTRICITY_PRICING,
        [{"time": time, **priced, "current_price": price / 1000} for time, price in market.items()],
    )

    run = home.materialise("views/mv_daily_energy_by_device", days=("2023-06-09", "2023-06-18"))

    assert run.success, failure_of(run)
    for day in RECORDED:
        window = local_day(date.fromisoformat(day), home.zone)
        found = {row["entity_id"]: row for row in plain(home.stored(MV_DAILY_ENERGY_BY_DEVICE, day))}
        assert found.keys() == columns.keys()
        for entity, watts in columns.items():
            joules, cost, value, since, in_force, time = [], [], -1, window.start, 0, window.start - timedelta(hours=25)
            while time < window.end:
                # A minute without a reading goes on as the one before; what tells nothing new for a day is over.
                if watts.get(time, value) != value:
                    value, since = watts[time], time
                if time >= window.start and time < since + timedelta(hours=24):
                    in_force += 60
                    joules.append(value * 60)
                    cost.append(value / 60_000 * market[time.replace(minute=0)] / 1000)
                time += MINUTE
            row = found[entity]
            assert row["total_kwh"] == pytest.approx(math.fsum(joules) / 3.6e6, rel=1e-9)
            assert row["avg_power"] == pytest.approx(math.fsum(joules) / in_force, rel=1e-9)
            assert row["cost"] == pytest.approx(math.fsum(cost), rel=1e-9)
            changed = [watts[at] for at in watts if at in window and watts.get(at - MINUTE, watts[at]) != watts[at]]
            assert row.get("peak_power") == max(changed, default=None)
