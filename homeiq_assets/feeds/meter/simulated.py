"""A simulated house: base load, kitchen, laundry, heat pump and water, with solar panels that feed in at noon."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.feeds.meter.readings import circuit_rows, meter_rows, powers
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.feeds.simulation import HOUR, Floats, bump, local_hours, noise, place_of, sun
from homeiq_assets.schema.measurement import TIME, Measurement
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, floor_to, local_date, local_midnight

STEP = timedelta(minutes=5)


@dataclass(frozen=True)
class SimulatedMeter:
    """Either meter measurement."""

    measurement: Measurement
    settings: Settings
    zone: ZoneInfo
    name: str = "simulated"
    longest: timedelta = timedelta(days=31)

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """Every 5-minute interval of the window that is over."""
        end = min(window.end, floor_to(now, STEP))
        if end <= window.start:
            return
        # Energy counts from local midnight, so the first day is computed whole.
        first = local_midnight(local_date(window.start, self.zone), self.zone)
        instants = np.arange(first.timestamp(), end.timestamp(), STEP.total_seconds())
        circuits = self._circuits(instants)
        total = sum(circuits.values()) - self._solar(instants)
        times = pa.array((instants * 1e9).astype(np.int64)).cast(TIME)
        home = powers(times, pa.array(total), pa.array(np.full(len(instants), STEP.total_seconds())))
        if self.measurement is SMART_METER:
            rows = meter_rows(home, self.zone, self.name)
        else:
            rows = circuit_rows(
                pa.concat_tables(
                    pa.table({"time": times, "circuit_name": [name] * len(instants), "power_w": power})
                    for name, power in circuits.items()
                ),
                home,
            )
        inside = pc.greater_equal(rows["time"], pa.scalar(window.start, TIME))
        yield Answer(rows.filter(inside), Window(window.start, end), STEP)

    def probe(self, now: datetime) -> str:
        """Nothing to reach."""
        return "computed, nothing is asked"

    def _circuits(self, instants: Floats) -> dict[str, Floats]:
        hours, weekday = local_hours(instants, self.zone)
        day = np.floor(instants / 86400)
        cooking = bump(hours, 7.2, 0.7) + 1.6 * bump(hours, 18.8, 1.1) + 0.8 * bump(hours, 12.4, 0.8) * (weekday > 4)
        washing = ((hours > 10) & (hours < 11.6) & (day % 3 == 0)).astype(float)
        season = 0.5 + 0.5 * np.cos(2 * np.pi * (instants / 86400 % 365.2425 - 15) / 365.2425)
        heating = season * (0.4 + 0.6 * noise(instants, 40 * HOUR, 81)) * (1 + 0.5 * bump(hours, 6, 3))
        return {
            "base": 170 + 60 * noise(instants, HOUR / 2, 82) + 130 * bump(hours, 20.5, 2.2),
            "kitchen": 40 + 1300 * cooking * noise(instants, HOUR / 4, 83) ** 2,
            "laundry": 1700 * washing * noise(instants, HOUR / 3, 84),
            "heat_pump": 1500 * heating * (noise(instants, HOUR, 85) > 0.35),
            "water_heater": 1900.0 * ((hours > 13) & (hours < 13.75)),
        }

    def _solar(self, instants: Floats) -> Floats:
        light = sun(instants, *place_of(self.settings))
        return 6500 * light * (0.2 + 0.8 * noise(instants, 7 * HOUR, 86)) * (0.8 + 0.2 * noise(instants, HOUR / 5, 87))


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of `smart_meter` and `smart_meter_circuit`."""
    return {
        measurement.name: SimulatedMeter(measurement, settings, zone)
        for measurement in (SMART_METER, SMART_METER_CIRCUIT)
    }
