"""A believable home in a believable grid: deterministic functions of time, shared by the simulated providers.

Every function takes instants as epoch seconds (UTC, numpy float64) and depends on nothing else but the
place, so that any window is a pure slice and running a day twice gives the same rows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from homeiq_assets.feeds.provider import Answer
from homeiq_assets.schema.measurement import TIME, Measurement, conform
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, ceil_to

Floats = npt.NDArray[np.float64]
HOUR, DAY = 3600.0, 86400.0

Shape = Callable[[Floats, ZoneInfo], Iterable[Mapping[str, object]]]
"""Instants -> columns of one series each (arrays or constants), without `time`."""


@dataclass(frozen=True)
class Simulated:
    """A provider that computes instead of asking. `horizon`: the end of what is known at an instant."""

    measurement: Measurement
    step: timedelta
    shape: Shape
    zone: ZoneInfo
    horizon: Callable[[datetime], datetime] = lambda now: now
    name: str = "simulated"
    longest: timedelta = timedelta(days=31)

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """The rows of every slot that begins in the window and before the horizon."""
        start, end = ceil_to(window.start, self.step), min(window.end, self.horizon(now))
        if end <= start:
            return
        instants = np.arange(start.timestamp(), end.timestamp(), self.step.total_seconds())
        times = pa.array((instants * 1e9).astype(np.int64)).cast(TIME)
        tables = [
            pa.table(
                {"time": times}
                | {
                    name: value if isinstance(value, np.ndarray | list) else [value] * len(instants)
                    for name, value in columns.items()
                }
            )
            for columns in self.shape(instants, self.zone)
        ]
        rows = conform(pa.concat_tables(tables, promote_options="permissive"), self.measurement)
        yield Answer(rows, Window(window.start, end), self.step)

    def probe(self, now: datetime) -> str:
        """Nothing to reach."""
        return "computed, nothing is asked"


def place_of(settings: Settings) -> tuple[float, float]:
    """Latitude and longitude of the home in degrees; Vienna's where they are not set."""
    return (
        48.2 if settings.latitude is None else settings.latitude,
        16.4 if settings.longitude is None else settings.longitude,
    )


def noise(instants: Floats, period: float, seed: int) -> Floats:
    """Smooth noise in 0..1 that changes over `period` seconds: hashed lattice values, cosine between them."""
    place = instants / period
    cell = np.floor(place)
    weight = (1 - np.cos(np.pi * (place - cell))) / 2
    return _hashed(cell, seed) * (1 - weight) + _hashed(cell + 1, seed) * weight


def _hashed(cell: Floats, seed: int) -> Floats:
    # SplitMix64's finaliser (Steele, Lea, Flood 2014).
    x = cell.astype(np.int64).astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15) % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x.astype(np.float64) / 2.0**64


def local_hours(instants: Floats, zone: ZoneInfo) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The local wall hour (0..24) and the weekday (0 = Monday) of each instant."""
    quarter = np.floor(instants / 900).astype(np.int64)
    unique, inverse = np.unique(quarter, return_inverse=True)
    local = [datetime.fromtimestamp(int(q) * 900, zone) for q in unique]
    hours = np.array([moment.hour + moment.minute / 60 for moment in local])
    days = np.array([moment.weekday() for moment in local])
    return hours[inverse] + (instants % 900) / HOUR, days[inverse]


def bump(hours: Floats, centre: float, width: float) -> Floats:
    """A smooth hill of height 1 around a wall hour."""
    away = np.abs((hours - centre + 12) % 24 - 12)
    return np.exp(-((away / width) ** 2))


def sun(instants: Floats, latitude: float, longitude: float) -> Floats:
    """Sine of the sun's elevation, 0 below the horizon (declination by Cooper, 1969)."""
    day = instants / DAY % 365.2425
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
    angle = 2 * np.pi * (instants % DAY / DAY - 0.5) + np.radians(longitude)
    phi = np.radians(latitude)
    height: Floats = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(angle)
    return np.maximum(height, 0.0)


@dataclass(frozen=True)
class Grid:
    """Shares of renewables and fossils (0..1) in the grid at each instant."""

    renewable: Floats
    fossil: Floats


def grid(instants: Floats, zone: ZoneInfo, latitude: float, longitude: float) -> Grid:
    """Solar noon, windy days, and morning and evening demand."""
    hours, weekday = local_hours(instants, zone)
    demand = 0.62 + 0.16 * bump(hours, 8.5, 2.5) + 0.24 * bump(hours, 19, 3) - 0.08 * (weekday > 4)
    solar = 0.42 * sun(instants, latitude, longitude) * (0.35 + 0.65 * noise(instants, 9 * HOUR, 11))
    wind = 0.30 * noise(instants, 31 * HOUR, 12) * (0.7 + 0.3 * noise(instants, 3 * HOUR, 13))
    renewable = np.clip((0.12 + solar + wind) / demand, 0.03, 0.97)
    return Grid(renewable, np.clip(0.92 - renewable, 0.02, 0.9))


def carbon(instants: Floats, zone: ZoneInfo, latitude: float, longitude: float) -> Floats:
    """Carbon intensity in g/kWh: the fossil share at 700 g/kWh, and a little of everything else."""
    return 22 + 700 * grid(instants, zone, latitude, longitude).fossil
