"""What the views over events should say, in slow plain Python: one instant at a time, over raw rows of events.

Also the homes that property tests put through it: days with clock changes, gaps, resets, dips, held values,
readings exactly at edges, spells of `unavailable`, units that change.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.tiers.brute_force_events import is_meter

Row = dict[str, Any]
TO_BASE = {"W": 1, "kW": 1000, "Wh": 1, "kWh": 1000, "MWh": 1_000_000}
POWER, ENERGY = ("W", "kW"), ("Wh", "kWh", "MWh")
SPOKEN_FOR = {"sensor.bare": "kWh"}
"""what EVENTS_UNITS says in these homes"""
THERE = ("motion", "occupancy", "presence")
DAYS = (
    (date(2025, 3, 29), "Europe/Vienna"),
    (date(2025, 10, 25), "Europe/Vienna"),
    (date(2025, 10, 4), "Australia/Lord_Howe"),
    (date(2025, 4, 5), "Australia/Lord_Howe"),
    (date(2025, 6, 1), "America/Los_Angeles"),
)
"""The day before the one of interest, which is a clock change but for the last."""


@dataclass(frozen=True)
class Slot:
    """A price of a span of time."""

    start: datetime
    end: datetime
    price: float


@dataclass(frozen=True)
class Case:
    """A home's events, in order of time, and what its views are asked for: three days, up to `now`."""

    days: list[date]
    zone: ZoneInfo
    now: datetime
    hold: timedelta
    rows: list[Row]
    slot: timedelta
    holes: frozenset[int]
    feed_in: float | None

    @cached_property
    def slots(self) -> list[Slot]:
        """Prices from six hours before the first day on, to beyond the last, without some."""
        start = local_day(self.days[0], self.zone).start - timedelta(hours=6)
        count = int((local_day(self.days[-1], self.zone).end - start) / self.slot) + 4
        starts = [start + number * self.slot for number in range(count)]
        return [
            Slot(at, at + self.slot, (number % 7 - 1) / 10)
            for number, at in enumerate(starts)
            if number not in self.holes
        ]

    def elapsed(self, day: date) -> Window | None:
        whole = local_day(day, self.zone)
        return Window(whole.start, min(whole.end, self.now)) if whole.start < self.now else None


def value_at(history: Sequence[tuple[datetime, float | None]], instant: datetime, hold: timedelta) -> float | None:
    """What is in force at an instant; a None in the history says that there is no value."""
    before = [(time, value) for time, value in history if time <= instant]
    if not before or instant >= before[-1][0] + hold:
        return None
    return before[-1][1]


def spans(histories: Sequence[Sequence[tuple[datetime, Any]]], window: Window, hold: timedelta) -> list[Window]:
    """The window cut wherever anything may begin or end to hold."""
    times = {time + shift for history in histories for time, _ in history for shift in (timedelta(), hold)}
    edges = sorted({window.start, window.end} | {time for time in times if time in window})
    return [Window(start, end) for start, end in itertools.pairwise(edges)]


def of(rows: Sequence[Row], entity: str, until: datetime) -> list[Row]:
    return [row for row in rows if row["entity_id"] == entity and row["time"] < until]


def energy(case: Case, day: date) -> dict[str, Row]:
    """The rows of mv_daily_energy_by_device of a day by entity, without what is absent; in no currency but EUR."""
    window = case.elapsed(day)
    assert window is not None
    wanted = {}
    for entity in sorted({row["entity_id"] for row in case.rows}):
        rows = of(case.rows, entity, window.end)
        units = [row["unit_of_measurement"] or SPOKEN_FOR.get(entity) for row in rows]
        # A spell without a value lacks its unit, too.
        unit = next((one for one in reversed(units) if one), None)
        if unit not in TO_BASE:
            continue
        ours = POWER if unit in POWER else ENERGY
        history = [
            (
                row["time"],
                row["normalized_value"] * TO_BASE[one] if one in ours and row["normalized_value"] is not None else None,
            )
            for row, one in zip(rows, units, strict=True)
        ]
        if ours is ENERGY:
            readings = [(time, value, None) for time, value in history if value is not None]
            classes = [row["state_class"] for row in rows if row["normalized_value"] is not None]
            if not is_meter(classes, readings, window.start):
                continue
        found = (power_row if ours is POWER else meter_row)(case, history, window)
        if found is not None:
            wanted[entity] = {"date": day.isoformat(), **found}
    return wanted


def price_at(case: Case, instant: datetime) -> float | None:
    return next((slot.price for slot in case.slots if slot.start <= instant < slot.end), None)


def billed(case: Case, window: Window) -> bool:
    return any(slot.start < window.end and slot.end > window.start for slot in case.slots)


def power_row(case: Case, history: list[tuple[datetime, float | None]], window: Window) -> Row | None:
    prices = [(edge, None) for slot in case.slots for edge in (slot.start, slot.end)]
    seconds = watt_seconds = cost = 0.0
    unpriced = False
    for span in spans([history, prices], window, case.hold):
        value = value_at(history, span.start, case.hold)
        if value is None:
            continue
        length = span.length.total_seconds()
        seconds += length
        watt_seconds += value * length
        price = -(case.feed_in or 0) if value < 0 else price_at(case, span.start)
        if value < 0:
            cost += -value * length / 3.6e6 * price
        elif value > 0 and price is None:
            unpriced = True
        elif value > 0:
            cost += value * length / 3.6e6 * price
    read = [value for time, value in history if time in window and value is not None]
    if not seconds and not read:
        return None
    row: Row = {"total_kwh": watt_seconds / 3.6e6}
    if seconds:
        row["avg_power"] = watt_seconds / seconds
    if read:
        row["peak_power"] = max(read)
    return row | _cost(case, window, None if unpriced else cost)


def meter_row(case: Case, history: list[tuple[datetime, float | None]], window: Window) -> Row | None:
    in_force = any(value_at(history, span.start, case.hold) is not None for span in spans([history], window, case.hold))
    last, total, cost, unpriced, read = None, 0.0, 0.0, False, False
    by_slot: dict[datetime, float] = {}
    for time, value in history:
        if value is None:
            continue
        if time in window:
            read = True
            if last is not None:
                step = value if value < 0.9 * last else value - last
                total += step
                start = next((slot.start for slot in case.slots if slot.start <= time < slot.end), datetime.min)
                by_slot[start] = by_slot.get(start, 0.0) + step
        last = value
    if not in_force and not read:
        return None
    for start, used in by_slot.items():
        price = price_at(case, start) if start != datetime.min else None
        if used and price is None:
            unpriced = True
        elif used:
            cost += used / 1000 * (price or 0)
    hours = window.length / timedelta(hours=1)
    return {"total_kwh": total / 1000, "avg_power": total / hours} | _cost(case, window, None if unpriced else cost)


def _cost(case: Case, window: Window, cost: float | None) -> Row:
    return {"cost": cost, "currency": "EUR"} if cost is not None and billed(case, window) else {}


def activity(case: Case, day: date) -> dict[tuple[str, datetime], Row]:
    """The rows of mv_hourly_room_activity of a day, by area and hour."""
    window = case.elapsed(day)
    assert window is not None
    wanted = {}
    sensors = {row["entity_id"]: row["area"] for row in case.rows if row["device_class"] in THERE}
    moving = {row["entity_id"] for row in case.rows if row["device_class"] == "motion"}
    for hour in window.chunks(timedelta(hours=1)):
        for area in sorted(set(sensors.values())):
            histories = [_switched(of(case.rows, one, window.end)) for one, its in sensors.items() if its == area]
            on = timedelta()
            known = any(time in hour and value is not None for history in histories for time, value in history)
            for span in spans(histories, hour, case.hold):
                values = [value_at(history, span.start, case.hold) for history in histories]
                known |= any(value is not None for value in values)
                on += span.length if 1.0 in values else timedelta()
            if known:
                wanted[area, hour.start] = {
                    "hour": hour.start.astimezone(case.zone).hour,
                    "day_of_week": hour.start.astimezone(case.zone).weekday(),
                    "motion_count": sum(
                        _changes_to_on(_switched(of(case.rows, one, window.end)), hour)
                        for one, its in sensors.items()
                        if its == area and one in moving
                    ),
                    "occupancy_rate": on / hour.length,
                }
    return wanted


def _switched(rows: Sequence[Row]) -> list[tuple[datetime, float | None]]:
    return [(row["time"], {"on": 1.0, "off": 0.0}.get(row["state"])) for row in rows]


def _changes_to_on(history: list[tuple[datetime, float | None]], hour: Window) -> int:
    said = [(time, value) for time, value in history if value is not None]
    return sum(time in hour and value == 1 and before == 0 for (_, before), (time, value) in itertools.pairwise(said))


def event(
    entity: str,
    time: datetime,
    state: Any,
    unit: str | None = None,
    *,
    kind: str = "unknown",
    area: str = "hall",
    state_class: str | None = None,
    last_reset: str | None = None,
) -> Row:
    """An event as a source of events tells it."""
    number = {"on": 1.0, "off": 0.0}.get(state, state) if state not in ("unavailable", "unknown") else None
    return {
        "time": time.astimezone(UTC),
        "entity_id": entity,
        "domain": entity.partition(".")[0],
        "device_class": kind,
        "area": area,
        "state": str(state),
        "normalized_value": None if number is None else float(number),
        "unit_of_measurement": None if number is None else unit,
        "state_class": state_class,
        "last_reset": last_reset,
    }


# Mostly small steps from 1000 down or up, so that dips and falls on both sides of 90 % come often.
_METERED = st.sampled_from([0, 1, 899, 901, 950, 999, 1000, 1001, 1100, 2500])
_WATTS = st.sampled_from([-1500, -20, 0, 0, 5, 60, 1200])
_SWITCHED = st.sampled_from(["on", "off", "on", "off", "unavailable"])
_GONE = st.sampled_from(["unavailable", "unknown"])
ENTITIES: dict[str, tuple[str, str, st.SearchStrategy[tuple[Any, str | None]]]] = {
    "sensor.meter": ("energy", "hall", st.one_of(
        st.tuples(_METERED, st.just("Wh")),
        st.tuples(_METERED.map(lambda wh: wh / 1000), st.just("kWh")),
        st.tuples(_GONE, st.none()),
    )),
    "sensor.bare": ("energy", "hall", st.tuples(st.one_of(_METERED, _GONE), st.none())),
    "sensor.nameless": ("energy", "hall", st.tuples(_METERED, st.none())),
    "sensor.plug": ("power", "hall", st.one_of(
        st.tuples(_WATTS, st.just("W")),
        st.tuples(_WATTS.map(lambda watts: watts / 1000), st.just("kW")),
        st.tuples(_GONE, st.none()),
    )),
    "sensor.warmth": ("temperature", "hall", st.tuples(st.integers(10, 30), st.just("°C"))),
    **{
        f"binary_sensor.{area}_{kind}": (kind, area, st.tuples(_SWITCHED, st.none()))
        for area in ("hall", "bath")
        for kind in (*THERE, "door")
    },
}  # fmt: skip


@st.composite
def cases(draw: st.DrawFn, names: Callable[[str], bool]) -> Case:
    """Random homes of the entities whose names fit, over three days around a clock change and the time before."""
    first, name = draw(st.sampled_from(DAYS))
    zone = ZoneInfo(name)
    days = [first + timedelta(days=n) for n in range(3)]
    start, end = local_day(days[0], zone).start, local_day(days[-1], zone).end
    hold = draw(st.sampled_from([timedelta(minutes=45), timedelta(hours=1), timedelta(hours=5), timedelta(hours=24)]))
    began = start - timedelta(days=4)
    step = timedelta(minutes=5)
    moments = st.one_of(
        st.integers(0, int((end - began) / step) - 1).map(lambda n: began + n * step),
        st.integers(0, int((end - start) / timedelta(hours=1)) - 1).map(lambda n: start + n * timedelta(hours=1)),
        st.sampled_from([local_day(day, zone).start for day in days]),
    )
    rows = []
    for entity in draw(st.lists(st.sampled_from(sorted(filter(names, ENTITIES))), min_size=1, max_size=5, unique=True)):
        kind, area, states = ENTITIES[entity]
        state_class = draw(st.sampled_from([None, "total_increasing", "total", "measurement", "none"]))
        for time in draw(st.lists(moments, max_size=14, unique=True)):
            state, unit = draw(states)
            rows.append(event(entity, time, state, unit, kind=kind, area=area, state_class=state_class))
    length = draw(st.sampled_from([timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1)]))
    # Two that share a neighbour would look like slots of twice the length.
    hole = draw(st.one_of(st.none(), st.integers(5, 70)))
    now = draw(st.sampled_from([end + timedelta(hours=3), end - timedelta(hours=4, minutes=20)]))
    feed_in = draw(st.sampled_from([None, 0.08]))
    return Case(
        days, zone, now, hold, sorted(rows, key=lambda row: row["time"]), length, frozenset({hole}) - {None}, feed_in
    )
