"""What a tier's rows should say, in slow plain Python: one reading at a time, straight from docs/tiers.md.

Also the homes that property tests put through it: measurements of all five kinds, days with clock
changes, gaps, resets, dips, held values, readings exactly at edges.
"""

import itertools
import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from homeiq_assets.schema.measurement import Field, Kind, Measurement, Tag, Type
from homeiq_assets.window import Window, local_day

HOME = Measurement(
    "home",
    (Tag("room"), Tag("area", identity=False), Tag("sensor")),
    (
        Field("temperature", Type.FLOAT, "°C"),
        Field("aqi", Type.INTEGER),
        Field("energy", Type.FLOAT, "kWh", kind=Kind.COUNTER),
        Field("pulses", Type.INTEGER, kind=Kind.COUNTER),
        Field("interval_energy", Type.FLOAT, "kWh", kind=Kind.DELTA),
        Field("motion", Type.BOOLEAN, kind=Kind.FLAG),
        Field("light", Type.STRING, kind=Kind.FLAG),
        Field("state", Type.STRING, kind=Kind.TEXT),
    ),
)
DAYS = (
    (date(2025, 3, 30), "Europe/Vienna"),
    (date(2025, 10, 26), "Europe/Vienna"),
    (date(2025, 10, 5), "Australia/Lord_Howe"),
    (date(2025, 4, 6), "Australia/Lord_Howe"),
    (date(2025, 3, 9), "America/Havana"),
    (date(2018, 11, 4), "America/Sao_Paulo"),
    (date(2025, 6, 1), "Asia/Kathmandu"),
    (date(2025, 6, 1), "UTC"),
)


@dataclass(frozen=True)
class Case:
    """A day of a home: rows of HOME, last known values, how long readings hold."""

    day: Window
    hold: timedelta
    rows: list[dict[str, Any]]
    before: list[dict[str, Any]]


def _is_reading(value: Any) -> bool:
    return value not in ("unavailable", "unknown") and not (isinstance(value, float) and math.isnan(value))


def expected(case: Case, edges: list[datetime], measurement: Measurement = HOME) -> list[dict[str, Any]]:
    """The tier's rows, sorted by tags, then time; statistics that are absent are left out."""
    result = []
    identity = [tag.name for tag in measurement.tags if tag.identity]
    for key in sorted({tuple(row[tag] for tag in identity) for row in case.rows}):
        rows = sorted((r for r in case.rows if tuple(r[tag] for tag in identity) == key), key=lambda r: r["time"])
        known = [r for r in case.before if tuple(r[tag] for tag in identity) == key]
        for start, end in itertools.pairwise(edges):
            statistics: dict[str, Any] = {}
            for field in measurement.fields:
                history = [(r["time"], r[field.name]) for r in rows if r.get(field.name) is not None]
                last_known = next((r[field.name] for r in known if r.get(field.name) is not None), None)
                for name, value in _of_field(field, history, last_known, Window(start, end), case.hold).items():
                    statistics[f"{field.name}_{name}"] = value
            if statistics:
                tags = dict(zip(identity, key, strict=True))
                for row in rows:
                    carries = any(
                        r is not None and _is_reading(r) for r in (row.get(f.name) for f in measurement.fields)
                    )
                    if row["time"] < end and carries:
                        tags |= {tag.name: row[tag.name] for tag in measurement.tags}
                result.append({"time": start, **tags, **statistics})
    return sorted(result, key=lambda r: (*(r[tag.name] for tag in measurement.tags), r["time"]))


def _of_field(
    field: Field, history: list[tuple[datetime, Any]], last_known: Any, interval: Window, hold: timedelta
) -> dict[str, Any]:
    inside, seconds, integral, on_seconds, increase, changes = [], 0.0, 0.0, 0.0, 0.0, 0
    for index, (time, value) in enumerate(history):
        if not _is_reading(value):
            continue
        until = time + hold
        if index + 1 < len(history):
            until = min(until, history[index + 1][0])
        held = (min(until, interval.end) - max(time, interval.start)).total_seconds()
        if held > 0:
            seconds += held
            if field.kind is Kind.GAUGE:
                integral += held * value
            if field.kind is Kind.FLAG and value in (True, "on"):
                on_seconds += held
        if time in interval:
            inside.append(value)
            if last_known is not None:
                if field.kind is Kind.COUNTER:
                    new_cycle = value < last_known and value < 0.9 * last_known
                    increase += value if new_cycle else value - last_known
                changes += value != last_known
        last_known = value
    if not inside and seconds == 0:
        return {}
    everything: dict[str, Any] = {
        "count": len(inside),
        "seconds": seconds,
        "on_seconds": on_seconds,
        "increase": increase,
        "changes": changes,
    }
    if seconds:
        everything["mean"] = integral / seconds
    if inside:
        everything["last"] = inside[-1]
        if field.kind in (Kind.GAUGE, Kind.DELTA):
            everything |= {"min": min(inside), "max": max(inside), "sum": sum(inside)}
    wanted = {
        Kind.GAUGE: ("mean", "seconds", "min", "max", "count", "last"),
        Kind.COUNTER: ("increase", "last", "count"),
        Kind.DELTA: ("sum", "count"),
        Kind.FLAG: ("on_seconds", "seconds", "last", "changes", "count"),
        Kind.TEXT: ("last", "changes", "count"),
    }[field.kind]
    return {name: everything[name] for name in wanted if name in everything}


def differences(actual: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[str]:
    """Where rows differ, floats by more than 1e-9 of their size; empty where they agree."""
    if len(actual) != len(wanted):
        return [f"{len(actual)} rows instead of {len(wanted)}"]
    found = []
    for got, want in zip(actual, wanted, strict=True):
        for name in got.keys() | want.keys():
            left, right = got.get(name), want.get(name)
            if isinstance(left, float) and isinstance(right, int | float):
                if not math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9):
                    found.append(f"{want['time']} {name}: {left} instead of {right}")
            elif left != right:
                found.append(f"{want['time']} {name}: {left!r} instead of {right!r}")
    return found


def _counter(counter: Any) -> Any:
    """Mostly small steps from 1000 down or up, so that dips and falls on both sides of 90 % come often."""
    return st.sampled_from([0, 1, 899, 900, 901, 950, 999, 1000, 1001, 1100]).map(counter)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.one_of(st.floats(-50, 50), st.just(math.nan)),
    "aqi": st.integers(0, 500),
    "energy": st.one_of(_counter(float), st.floats(0, 2000)),
    "pulses": _counter(int),
    "interval_energy": st.floats(0, 5),
    "motion": st.booleans(),
    "light": st.sampled_from(["on", "off", "unavailable"]),
    "state": st.sampled_from(["home", "away", "unavailable", "unknown"]),
}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Random homes on ordinary and extraordinary days."""
    on, zone = draw(st.sampled_from(DAYS))
    day = local_day(on, ZoneInfo(zone))
    hold = draw(st.sampled_from([timedelta(minutes=45), timedelta(hours=1), timedelta(hours=5), timedelta(hours=24)]))
    first = day.start - hold
    steps = int((day.end - first) / timedelta(minutes=5)) - 1
    any_moment = st.integers(0, steps).map(lambda n: first + n * timedelta(minutes=5))
    at_edges = st.sampled_from(
        [moment for n in range(25) for moment in (day.start + n * timedelta(hours=1), first) if moment < day.end]
        + [day.end - timedelta(microseconds=1)]
    )
    times = st.one_of(any_moment, at_edges)
    rows, before = [], []
    for room in draw(st.sampled_from([["kitchen"], ["bath", "kitchen"], ["kitchen", "attic", "bath"]])):
        names = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True))
        some = st.fixed_dictionaries({}, optional={name: VALUES[name] for name in names})
        for time in draw(st.lists(times, max_size=12, unique=True)):
            values = draw(some)
            area = draw(st.sampled_from(["up", "down"]))
            if values:
                rows.append({"time": time, "room": room, "sensor": "s", "area": area, **values})
        earlier = draw(some)
        reading = {name: value for name, value in earlier.items() if _is_reading(value)}
        if reading:
            before.append({"room": room, "sensor": "s", **reading})
    # Where a reading of the hold is the last known value, that is what stands in `before`, or nothing.
    return Case(day, hold, rows, before)
