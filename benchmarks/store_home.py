"""A year of an invented home: 200 entities in 12 areas, 10,000 events a day, and what its views need besides."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from homeiq_assets.schema.measurement import TIME, Measurement, conform
from homeiq_assets.schema.measurements import CARBON_INTENSITY, ELECTRICITY_PRICING, FX_RATE, HOME_ASSISTANT_EVENTS
from homeiq_assets.window import Window, local_midnight

ZONE = ZoneInfo("Europe/Vienna")
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
AREAS = (
    "kitchen", "living_room", "dining_room", "bedroom", "nursery", "bathroom",
    "office", "hall", "cellar", "attic", "garage", "garden",
)  # fmt: skip
KINDS = (
    ("sensor", "power", "W", 50, 90),
    ("sensor", "energy", "kWh", 50, 40),
    ("binary_sensor", "motion", None, 16, 60),
    ("binary_sensor", "occupancy", None, 12, 20),
    ("sensor", "temperature", "°C", 28, 40),
    ("sensor", "humidity", "%", 16, 30),
    ("light", "unknown", None, 20, 15),
    ("sensor", "illuminance", "lx", 8, 50),
)
"""domain, device class, unit, how many entities, how many events of each a day"""
METERED = ("power", "energy")
EVENTS_PER_DAY = sum(entities * events for *_, entities, events in KINDS)
_GAUGES = {"power": (120.0, 60.0, 1), "temperature": (20.0, 3.0, 1), "humidity": (50.0, 8.0, 0)}
_GAUGES |= {"illuminance": (300.0, 100.0, 0)}
"""mean, spread, decimal places"""


def day_of(number: int) -> datetime:
    """The UTC midnight at which the day begins."""
    return FIRST + timedelta(days=number)


def window(first: int, days: int) -> Window:
    """UTC days."""
    return Window(day_of(first), day_of(first + days))


def local_window(first: int, days: int) -> Window:
    """The same days by the home's own clock."""
    return Window(*(local_midnight(day_of(number).date(), ZONE) for number in (first, first + days)))


def entities_of(device_class: str) -> list[str]:
    """The entities of a device class."""
    return [
        f"{domain}.{AREAS[n % len(AREAS)]}_{kind if kind != 'unknown' else domain}_{n}"
        for domain, kind, _, entities, _ in KINDS
        if kind == device_class
        for n in range(entities)
    ]


def events(number: int) -> pa.Table:
    """The events of a UTC day as rows of `home_assistant_events`: sorted by tags, then time."""
    random = np.random.default_rng(number)
    tables = [_events(kind, number, random) for kind in KINDS]
    return conform(pa.concat_tables(tables), HOME_ASSISTANT_EVENTS)


def surroundings(days: int) -> Iterator[tuple[Measurement, pa.Table]]:
    """What the views read besides events: prices each quarter of an hour, carbon readings, exchange rates."""
    random = np.random.default_rng(11)
    quarters, dates = _instants(days, 900), _instants(days, 86_400)
    price = np.round(random.normal(0.28, 0.06, len(quarters)), 5)
    carbon, renewable = random.normal(240, 60, len(quarters)).clip(20), random.uniform(20, 95, len(quarters))
    yield _rows(ELECTRICITY_PRICING, quarters, {"provider": "awattar", "currency": "EUR"}, current_price=price)
    yield _rows(
        CARBON_INTENSITY,
        quarters,
        {"region": "AT", "grid_operator": "APG"},
        carbon_intensity_gco2_kwh=np.round(carbon),
        renewable_percentage=np.round(renewable, 1),
    )
    rate = np.round(random.normal(1.1, 0.01, len(dates)), 4)
    yield _rows(FX_RATE, dates, {"base": "EUR", "currency": "USD"}, rate=rate)


def _events(kind: tuple[str, str, str | None, int, int], number: int, random: np.random.Generator) -> pa.Table:
    domain, device_class, unit, entities, per_day = kind
    instants = np.sort(random.integers(0, 86_400 * 10**6 - per_day, (entities, per_day)), axis=1)
    # Two events of one entity never share a microsecond, so that every day has the same number of rows.
    times = int(day_of(number).timestamp()) * 10**9 + (instants + np.arange(per_day)) * 1000
    if device_class == "energy":
        values = _meters(entities)[:, None] * (number + _shares(random, entities, per_day)) + 1000
        values = np.round(values, 3)
    elif unit:
        mean, spread, places = _GAUGES[device_class]
        values = np.round(random.normal(mean, spread, times.shape).clip(0), places)
    else:
        values = np.broadcast_to(np.arange(per_day, 0, -1) % 2 * -1.0 + 1.0, times.shape)
    flat = values.ravel()
    states = pa.array(flat).cast(pa.string()) if unit else pa.array(np.where(flat > 0, "on", "off").tolist())
    names = entities_of(device_class)
    each = np.repeat(np.arange(entities), per_day)
    return pa.table(
        {
            "time": pa.array(times.ravel()).cast(TIME),
            "entity_id": pa.array(names).take(pa.array(each)),
            "domain": pa.repeat(domain, len(each)),
            "device_class": pa.repeat(device_class, len(each)),
            "area": pa.array(AREAS).take(pa.array(each % len(AREAS))),
            "state": states,
            "normalized_value": pa.array(flat),
            "energy_consumption": pa.array(np.round(flat / 12_000, 4)) if device_class == "power" else _none(len(each)),
            "unit_of_measurement": pa.repeat(pa.scalar(unit, pa.string()), len(each)),
        }
    )


@cache
def _meters(entities: int) -> np.ndarray:
    """kWh that each meter counts in a day."""
    return np.random.default_rng(5).uniform(0.2, 6, entities)


def _shares(random: np.random.Generator, entities: int, per_day: int) -> np.ndarray:
    """Which share of the day's kWh a meter has counted at each of its readings: the whole at the last one."""
    steps = np.cumsum(random.uniform(0.1, 1, (entities, per_day)), axis=1)
    return steps / steps[:, -1:]


def _instants(days: int, step: int) -> np.ndarray:
    """From two days before the first one, so that a local day and what holds from before it is known."""
    first = int(FIRST.timestamp()) - 2 * 86_400
    return np.arange(first, int(day_of(days).timestamp()), step)


def _rows(
    measurement: Measurement, seconds: np.ndarray, tags: dict[str, str], **fields: np.ndarray
) -> tuple[Measurement, pa.Table]:
    columns = {"time": pa.array(seconds * 10**9).cast(TIME)}
    columns |= {name: pa.repeat(value, len(seconds)) for name, value in tags.items()}
    columns |= {name: pa.array(values) for name, values in fields.items()}
    return measurement, conform(pa.table(columns), measurement)


def _none(count: int) -> pa.Array:
    return pa.nulls(count, pa.float64())
