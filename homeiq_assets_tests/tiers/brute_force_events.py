"""What the tiers of Home Assistant's events should say, in slow plain Python, straight from docs/tiers.md.

Also the homes that property tests put through it: entities of every kind, units that change or are not said, spells
without a value, resets, values carried in from before, days with clock changes.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.tiers.brute_force import DAYS, Case

NONE = ("unavailable", "unknown")
ON_OFF = ("binary_sensor", "switch", "light", "fan", "input_boolean")
ENERGY = {"Wh": 1, "kWh": 1000, "MWh": 1_000_000}
Row = dict[str, Any]
Reading = tuple[datetime | None, float, datetime | None]
"""When (None: before all others), what, since when it counts (None: not said)."""


def is_meter(state_classes: Sequence[str | None], readings: Sequence[Reading], start: datetime) -> bool:
    """Whether an entity in a unit of energy is one, by what was said of it, else by its readings from `start` on."""
    said = [one for one in state_classes if one]
    if said:
        return said[-1] in ("total", "total_increasing")
    falls = 0
    for place in range(1, len(readings)):
        (_, last, _), (time, value, _) = readings[place - 1 : place + 1]
        if time is None or time < start or not last < 10 * value < 9 * last:
            continue
        earlier = readings[place - 2][1] if place > 1 else None
        falls += earlier is None or not 100 * earlier <= 100 * value <= 101 * earlier
    return falls < 2


def begins_anew(last: Reading, reading: Reading) -> bool:
    """Whether a meter's reading begins a new cycle."""
    (before, earlier, was_reset), (_, value, reset) = last, reading
    if reset and was_reset:
        return reset != was_reset
    return 10 * value < 9 * earlier or bool(reset and before and reset > before)


def expected(case: Case, edges: list[datetime]) -> list[Row]:
    """The tier's rows, sorted by tags, then time; statistics that are absent are left out."""
    result = []
    for entity in {row["entity_id"] for row in case.rows}:
        rows = sorted((row for row in case.rows if row["entity_id"] == entity), key=lambda row: row["time"])
        before = next((row for row in case.before if row["entity_id"] == entity), {})
        result += _of_entity(entity, rows, before, edges, case.hold)
    return sorted(
        result, key=lambda row: (row["entity_id"], row["domain"], row["device_class"], row["area"], row["time"])
    )


def _of_entity(entity: str, rows: list[Row], before: Row, edges: list[datetime], hold: timedelta) -> list[Row]:
    numbers = [
        None if row["state"] in NONE else row["normalized_value"]
        for row in rows
        if row["state"] in NONE or row["normalized_value"] is not None
    ]
    timed = [row for row in rows if row["state"] in NONE or row["normalized_value"] is not None]
    units = [before.get("unit_of_measurement"), *(row["unit_of_measurement"] for row in timed)]
    if entity.split(".", maxsplit=1)[0] in ON_OFF:
        kind = "flag"
    elif all(number is None for number in [*numbers, before.get("normalized_value")]):
        kind = "text"
    else:
        in_energy = [None, *(unit for unit in units if unit)][-1] in ENERGY
        said_before, *of_units = zip([before, *timed], _carried(units), strict=True)
        readings = [
            (row.get("time"), row["normalized_value"] * ENERGY[unit], None)
            for row, unit in (said_before, *of_units)
            if row.get("normalized_value") is not None and row.get("state") not in NONE and unit in ENERGY
        ]
        classes = [row["state_class"] for row in timed if row["state"] not in NONE]
        kind = "counter" if in_energy and is_meter(classes, readings, edges[0]) else "gauge"

    if kind in ("flag", "text"):
        timed = [row for row in rows if row["state"] is not None]
        said = [None if row["state"] in NONE else row["state"] for row in timed]
        known, known_unit = before.get("state"), None
        unit_of = [None] * len(timed)
    else:
        said, known = numbers, before.get("normalized_value")
        known_unit, *unit_of = _carried(units)

    result = []
    for start, end in itertools.pairwise(edges):
        interval = Window(start, end)
        found: Row = {}
        inside: list[tuple[Any, Any]] = []
        seconds = integral = on_seconds = increase = 0.0
        changes, last_known, last_unit = 0, known, known_unit
        last_reset = moment(before.get("last_reset"))
        last_time = None
        for index, (row, value, unit) in enumerate(zip(timed, said, unit_of, strict=True)):
            if value is None:
                continue
            until = row["time"] + hold
            if index + 1 < len(timed):
                until = min(until, timed[index + 1]["time"])
            held = (min(until, end) - max(row["time"], start)).total_seconds()
            if held > 0:
                seconds += held
                on_seconds += held if value == "on" else 0
                integral += held * value if kind == "gauge" else 0
            if row["time"] in interval:
                inside.append((value, unit))
                if last_known is not None:
                    changes += value != last_known
                    if kind == "counter" and unit == last_unit and unit in ENERGY:
                        reset = (last_time, last_known, last_reset), (row["time"], value, counts_since(row, timed))
                        increase += value if begins_anew(*reset) else value - last_known
            last_known, last_unit = value, unit
            last_time, last_reset = row["time"], counts_since(row, timed)
        if not inside and not seconds:
            continue
        name = "state" if kind in ("flag", "text") else "normalized_value"
        found[f"{name}_count"] = len(inside)
        if inside:
            found[f"{name}_last"] = inside[-1][0]
        if kind in ("flag", "text"):
            found["state_changes"] = changes
        if kind == "flag":
            found |= {"state_on_seconds": on_seconds, "state_seconds": seconds}
        if kind == "counter":
            found["normalized_value_increase"] = increase
        if kind == "gauge":
            found["normalized_value_seconds"] = seconds
            if seconds:
                found["normalized_value_mean"] = integral / seconds
            if inside:
                found["normalized_value_min"] = min(value for value, _ in inside)
                found["normalized_value_max"] = max(value for value, _ in inside)
        resets = [
            row["last_reset"]
            for row, value in zip(timed, said, strict=True)
            if row["time"] in interval and value is not None
        ]
        if kind == "counter" and any(resets):
            found["last_reset_last"] = next(reset for reset in reversed(resets) if reset)
        if inside and inside[-1][1]:
            found["unit_of_measurement_last"] = inside[-1][1]
        result.append({"time": start, "entity_id": entity, **_tags(rows, timed, said, end), **found})
    return result


def _tags(rows: list[Row], timed: list[Row], said: list[Any], end: datetime) -> Row:
    *_, newest = (row for row, value in zip(timed, said, strict=True) if value is not None and row["time"] < end)
    place = rows.index(newest)
    tags = {"domain": newest["domain"]}
    for tag in ("device_class", "area"):
        values = [None if row[tag] == "unknown" else row[tag] for row in rows]
        tags[tag] = _carried(values)[place] or "unknown"
    return tags


def _carried(values: list[Any]) -> list[Any]:
    """Each value, or the one before it, or else the one after it."""
    result = []
    for place in range(len(values)):
        earlier = [value for value in values[: place + 1] if value]
        later = [value for value in values[place:] if value]
        result.append(earlier[-1] if earlier else later[0] if later else None)
    return result


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def counts_since(row: Row, rows: list[Row]) -> datetime | None:
    """As Home Assistant has it, a `total_increasing` counts since whenever it fell."""
    classes = [None if one["state"] in NONE else one["state_class"] for one in rows]
    increasing = _carried(classes)[rows.index(row)] == "total_increasing"
    return None if increasing else moment(row["last_reset"])


_CLASSES = st.sampled_from(["total_increasing", "total", None, "measurement", "none"])
_RESETS = st.sampled_from([None, "2025-01-01T00:00:00+00:00", "2025-03-30T00:30:00+00:00"])
_WORDS = st.sampled_from(["low", "home", "away", None])
_SILENT = st.sampled_from(NONE)
_LEVEL = st.sampled_from([0.0, 899.0, 900.0, 901.0, 950.0, 999.0, 1000.0, 1001.0, 1100.0])
"""Small steps around 1000, so that dips and falls on both sides of 90 % come often."""
_ENTITIES: dict[str, tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]] = {
    "binary_sensor.door": (st.sampled_from(["on", "off"]), st.none()),
    "input_boolean.guests": (st.sampled_from(["on", "off", None]), st.none()),
    "sensor.meter": (_LEVEL, st.just("kWh")),
    "sensor.moody_meter": (st.one_of(_LEVEL, _LEVEL, _WORDS), st.sampled_from(["Wh", "kWh", None])),
    "sensor.anything": (st.one_of(_LEVEL, _WORDS), st.sampled_from(["kWh", "W", None])),
    "sensor.warmth": (st.floats(-50, 50), st.sampled_from(["°C", "°C", "°F", None])),
    "sensor.mode": (_WORDS, st.sampled_from(["kWh", None])),
    "light.lamp": (st.sampled_from(["on", "off"]), st.sampled_from([None, "lx"])),
}


def event(entity: str, time: datetime, value: Any, unit: str | None = None, **tags: str | None) -> Row:
    """A row of home_assistant_events as a source gives it; `value` is a number, or a state that is none."""
    number = value if isinstance(value, float) else {"on": 1.0, "off": 0.0}.get(value)
    return {
        "time": time,
        "entity_id": entity,
        "domain": entity.split(".", maxsplit=1)[0],
        "device_class": tags.get("device_class", "unknown"),
        "area": tags.get("area", "unknown"),
        "state": None if value is None else str(value),
        "normalized_value": number,
        "unit_of_measurement": unit,
        "state_class": tags.get("state_class"),
        "last_reset": tags.get("last_reset"),
    }


@st.composite
def event_cases(draw: st.DrawFn) -> Case:
    """Random homes on ordinary and extraordinary days; `before` may lack entities and values."""
    on, zone = draw(st.sampled_from(DAYS))
    day = local_day(on, ZoneInfo(zone))
    hold = draw(st.sampled_from([timedelta(minutes=45), timedelta(hours=1), timedelta(hours=5), timedelta(hours=24)]))
    first = day.start - hold
    steps = int((day.end - first) / timedelta(minutes=5)) - 1
    any_moment = st.integers(0, steps).map(lambda n: first + n * timedelta(minutes=5))
    at_edges = st.sampled_from([day.start + n * timedelta(hours=1) for n in range(23)] + [first])
    rows, before = [], []
    for entity in draw(st.lists(st.sampled_from(sorted(_ENTITIES)), min_size=1, max_size=4, unique=True)):
        values, units = _ENTITIES[entity]
        tag, state_class = st.sampled_from(["unknown", "up", "down"]), draw(_CLASSES)
        for time in draw(st.lists(st.one_of(any_moment, at_edges), max_size=12, unique=True)):
            value = draw(st.one_of(values, values, values, _SILENT))
            told = {"device_class": draw(tag), "area": draw(tag)}
            if "meter" in entity or entity == "sensor.anything":
                told |= {"state_class": draw(st.one_of(st.just(state_class), _CLASSES)), "last_reset": draw(_RESETS)}
            rows.append(event(entity, time, value, draw(units), **told))
        known = event(entity, first, draw(values), draw(units), last_reset=draw(_RESETS))
        names = draw(st.sets(st.sampled_from(["state", "normalized_value", "unit_of_measurement", "last_reset"])))
        if names:
            before.append({"entity_id": entity, **{name: known[name] for name in sorted(names)}})
    return Case(day, hold, draw(st.permutations(rows)), before)
