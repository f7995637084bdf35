"""A simulated home's events: six rooms with motion, light, climate and a metered plug, a front door, a heat pump.

Each entity looks at its own grid of instants; where what it would say differs from the instant before, that is an
event. So any window is a pure slice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from homeiq_assets.feeds.events.meters import ENERGY, INCREASING
from homeiq_assets.feeds.events.values import normalized
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.feeds.simulation import DAY, HOUR, Floats, bump, local_hours, noise
from homeiq_assets.schema.measurement import TIME, conform
from homeiq_assets.schema.measurements import HOME_ASSISTANT_HISTORY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window

AREAS = ("kitchen", "living_room", "bedroom", "bathroom", "office", "hall")
_BUSY = (7.3, 20.0, 22.5, 7.0, 14.0, 17.5)
"""the wall hour at which each room is busiest"""
_METERED_FROM = datetime(1999, 12, 1, tzinfo=UTC).timestamp() // DAY
"""before any partition can begin"""
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True)
class _Series:
    entity_id: str
    device_class: str
    area: str
    unit: str | None
    states: Texts
    instants: Floats


@dataclass(frozen=True)
class SimulatedEvents:
    """The provider of `home_assistant_history` in a home in `zone`."""

    zone: ZoneInfo
    measurement = HOME_ASSISTANT_HISTORY
    name = "simulated"
    longest = timedelta(days=31)

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """The events of the window up to now."""
        if now <= window.start:
            return
        known = Window(window.start, min(window.end, now))
        tables = [_events(series, known) for n in range(len(AREAS)) for series in self._room(n, known)]
        tables += [_events(series, known) for series in self._house(known)]
        yield Answer(conform(pa.concat_tables(tables), HOME_ASSISTANT_HISTORY), known)

    def probe(self, now: datetime) -> str:
        """Nothing to reach."""
        return "computed, nothing is asked"

    def _room(self, n: int, window: Window) -> Iterator[_Series]:
        area = AREAS[n]
        fast, slow = _instants(window, 90, 7 * n), _instants(window, 900, 31 * n)
        hours, _ = local_hours(fast, self.zone)
        busy = 0.06 + 0.5 * bump(hours, _BUSY[n], 2.2)
        motion = noise(fast, 600, 300 + n) < busy * noise(fast, 3 * HOUR, 310 + n)
        yield _flag(f"binary_sensor.{area}_motion", "motion", area, motion, fast)
        there = noise(slow, 2 * HOUR, 320 + n) < 0.15 + 0.8 * bump(local_hours(slow, self.zone)[0], _BUSY[n], 3)
        yield _flag(f"binary_sensor.{area}_occupancy", "occupancy", area, there, slow)
        yield _flag(f"light.{area}", "unknown", area, there & (noise(slow, HOUR, 330 + n) > 0.4), slow)
        warmth = 20.5 + 0.4 * n + 2 * noise(slow, 9 * HOUR, 340 + n)
        away = noise(slow, 30 * HOUR, 350 + n) > 0.93
        yield _number(f"sensor.{area}_temperature", "temperature", area, "°C", np.round(warmth, 1), slow, away)
        damp = 42 + 3 * n + 12 * noise(slow, 7 * HOUR, 360 + n)
        yield _number(f"sensor.{area}_humidity", "humidity", area, "%", np.round(damp), slow, away)
        plug = _instants(window, 600, 13 * n)
        watts = 4 + 90 * noise(plug, 2 * HOUR, 370 + n) ** 3 * (1 + n % 3)
        yield _number(f"sensor.{area}_plug_power", "power", area, "W", np.round(watts), plug)

    def _house(self, window: Window) -> Iterator[_Series]:
        quarter, fast = _instants(window, 900, 5), _instants(window, 300, 11)
        hours, _ = local_hours(fast, self.zone)
        watts = 250 + 500 * noise(fast, HOUR, 380) + 1400 * bump(hours, 18.8, 1.2) * noise(fast, HOUR / 4, 381)
        yield _number("sensor.grid_power", "power", "hall", "W", np.round(watts), fast)
        door = noise(fast, 600, 382) > 0.985
        yield _flag("binary_sensor.front_door", "door", "hall", door, fast)
        used = _meter(quarter, 383)
        yield _number("sensor.grid_energy", "energy", "hall", "kWh", np.round(used, 2), quarter)
        # A small meter that begins again at every 40 kWh.
        yield _number(
            "sensor.heat_pump_energy", "energy", "hall", "kWh", np.round(_meter(quarter, 384) % 40, 2), quarter
        )


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of `home_assistant_history`."""
    return {HOME_ASSISTANT_HISTORY.name: SimulatedEvents(zone)}


def _instants(window: Window, step: int, shift: int) -> Floats:
    """Multiples of `step` seconds, `shift` seconds later, of the window, and the one before it."""
    first = np.ceil((window.start.timestamp() - shift) / step) - 1
    return np.arange(first * step + shift, window.end.timestamp(), step)


def _meter(instants: Floats, seed: int) -> Floats:
    """kWh since the meter began: each day uses between 4 and 12, evenly over its hours."""
    day = np.floor(instants / DAY)
    every = np.arange(_METERED_FROM, day.max(initial=_METERED_FROM) + 1)
    used = 4 + 8 * noise(every * DAY, DAY, seed)
    before = np.concatenate([[0.0], np.cumsum(used)])
    number = (day - _METERED_FROM).astype(np.int64)
    return before[number] + used[number] * (instants / DAY - day)


def _flag(entity: str, device_class: str, area: str, on: npt.NDArray[np.bool_], instants: Floats) -> _Series:
    return _Series(entity, device_class, area, None, np.where(on, "on", "off"), instants)


def _number(
    entity: str,
    device_class: str,
    area: str,
    unit: str,
    values: Floats,
    instants: Floats,
    away: npt.NDArray[np.bool_] | None = None,
) -> _Series:
    texts = values.astype(np.str_)
    states = texts if away is None else np.where(away, "unavailable", texts)
    return _Series(entity, device_class, area, unit, states, instants)


def _state_class(series: _Series) -> str | None:
    if series.unit is None:
        return None
    return INCREASING if series.unit in ENERGY else "measurement"


def _events(series: _Series, window: Window) -> pa.Table:
    changed = np.flatnonzero(series.states[1:] != series.states[:-1]) + 1
    # The first instant lies before the window.
    states = pa.chunked_array([pa.array(series.states[changed].tolist(), pa.string())])
    times = (series.instants[changed] * 1e9).astype(np.int64)
    return pa.table(
        {
            "time": pa.array(times).cast(TIME),
            "entity_id": pa.repeat(series.entity_id, len(changed)),
            "domain": pa.repeat(series.entity_id.partition(".")[0], len(changed)),
            "device_class": pa.repeat(series.device_class, len(changed)),
            "area": pa.repeat(series.area, len(changed)),
            "state": states,
            "normalized_value": normalized(states),
            "unit_of_measurement": pa.repeat(pa.scalar(series.unit, pa.string()), len(changed)),
            "state_class": pa.repeat(pa.scalar(_state_class(series), pa.string()), len(changed)),
        }
    )
