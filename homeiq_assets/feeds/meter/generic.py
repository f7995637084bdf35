"""Any JSON API as a smart meter, as the settings describe it: its rows become those of the meter and its circuits."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import model_validator

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.meter.intervals import STEP, Reading, runs, tidy
from homeiq_assets.feeds.meter.readings import JOULES_PER_KWH, circuit_rows, meter_rows, powers
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import TIME, Measurement
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.described import DescribedApi, Names
from homeiq_assets.vendors.described_rows import NAME, Interval, Row
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import HOUR, Window, floor_to, local_date, local_midnight

URL, JMESPATH, FACTOR = "METER_URL", "METER_JMESPATH", "METER_UNIT_FACTOR"
HOME = ""
LARGEST_W = SMART_METER.field("total_power_w").high or math.inf


class _Row(Row):
    power_w: float | None = None
    energy_kwh: float | None = None
    circuit: str | None = None

    @property
    def series(self) -> str:
        return (self.circuit or HOME).strip()

    @model_validator(mode="after")
    def _one_number(self) -> "_Row":
        if not {"power_w", "energy_kwh"} & self.model_fields_set:
            raise ValueError("has neither power_w nor energy_kwh")
        if self.power_w is not None and self.energy_kwh is not None:
            raise ValueError("has both power_w and energy_kwh, and which of them counts is not known")
        return self


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of the meter and its circuits. Settings are judged when they are used, not here."""
    return {
        measurement.name: GenericMeter(settings, zone, measurement)
        for measurement in (SMART_METER, SMART_METER_CIRCUIT)
    }


class GenericMeter:
    """Rows of the smart meter, or of its circuits."""

    name = NAME

    def __init__(self, settings: Settings, zone: ZoneInfo, measurement: Measurement) -> None:
        self.measurement = measurement
        self._settings = settings
        self._zone = zone
        self._api = DescribedApi(Names(URL, JMESPATH, "METER_API_TOKEN", "METER_AUTH_HEADER"), settings, zone)

    @property
    def longest(self) -> timedelta:
        """The longest window one call of `fetch` may ask for. Raises SettingError."""
        return self._api.longest

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """What the API knows of the part of `window` that is over. Raises ProviderError, SettingError."""
        _, readings = self._readings(window, now)
        own = [reading for reading in readings if (reading.series == HOME) == (self.measurement is SMART_METER)]
        home = [reading for reading in readings if reading.series == HOME]
        rows = self._meter(own) if self.measurement is SMART_METER else _circuits(own, home)
        for covers, step in runs(NAME, own, window):
            inside = pc.and_(
                pc.greater_equal(rows["time"], pa.scalar(covers.start, TIME)),
                pc.less(rows["time"], pa.scalar(covers.end, TIME)),
            )
            yield Answer(rows.filter(inside), covers, step)

    def probe(self, now: datetime) -> str:
        """What the API has of the last hour. Raises ProviderError, SettingError."""
        rows, readings = self._readings(Window(now - HOUR, now), now)
        if not rows:
            return "reachable, but it has no reading of today"
        if not readings:
            raise ProviderError(
                NAME,
                f"none of {len(rows)} rows is a reading that can be used: their numbers are null, above "
                f"{LARGEST_W:.0f} W, or their intervals not over; look at {JMESPATH} and {FACTOR}",
            )
        newest = readings[-1]
        names = {reading.series for reading in readings} - {HOME}
        circuits = f", circuits {', '.join(sorted(names))}" if names else ", no circuits"
        return f"{len(rows)} rows of today, newest {newest.watts:.0f} W at {newest.start:%H:%M} UTC{circuits}"

    def _readings(self, window: Window, now: datetime) -> tuple[Sequence[Interval[_Row]], list[Reading]]:
        """The rows from the local midnight before `window` on, and what can be used of them.

        daily_kwh counts from midnight. Both measurements ask the same question, so that a poll of the two asks once.
        """
        self._settings.sound(URL, JMESPATH, FACTOR)
        if self._settings.meter_unit_factor == 0:
            raise SettingError(FACTOR, "is 0, which makes every reading 0; it is 1 where the numbers are W or kWh")
        start = local_midnight(local_date(window.start, self._zone), self._zone)
        end = min(window.end, floor_to(now, STEP))
        if now <= window.start or end <= start:
            return [], []
        rows = self._api.ask(Window(start, end), now, _Row)
        return rows, tidy(NAME, self._usable(rows, now))

    def _usable(self, rows: Sequence[Interval[_Row]], now: datetime) -> Iterator[Reading]:
        """The rows as readings; those without a number, or whose interval is not over yet, are none."""
        for one in rows:
            length = one.end - one.start
            if one.row.energy_kwh is not None:
                value = one.row.energy_kwh * JOULES_PER_KWH / length.total_seconds()
            else:
                value = math.nan if one.row.power_w is None else one.row.power_w
            watts = value * self._settings.meter_unit_factor
            if math.isnan(watts) or abs(watts) > LARGEST_W:
                skip(NAME, f"no usable reading for {one.start.isoformat()}: {watts} W", one.end)
            elif one.end <= now:
                yield Reading(one.start, one.end, one.row.series, watts, length)

    def _meter(self, home: list[Reading]) -> pa.Table:
        """Rows of smart_meter; energy since midnight is absent where an API that cannot be asked begins later."""
        rows = meter_rows(_powers(home), self._zone, NAME)
        if self._api.asks_for_times:
            return rows
        whole = {
            local_date(reading.start, self._zone)
            for reading in home
            if reading.start - reading.length < local_midnight(local_date(reading.start, self._zone), self._zone)
        }
        known = pa.array([local_date(at, self._zone) in whole for at in rows["time"].to_pandas()], pa.bool_())
        for name in ("daily_kwh", "daily_export_kwh"):
            counted = pc.if_else(known, rows[name], pa.scalar(None, pa.float64()))
            rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), counted)
        return rows


def _powers(readings: Sequence[Reading]) -> pa.Table:
    return powers(
        pa.array([reading.start for reading in readings], TIME),
        pa.array([reading.watts for reading in readings], pa.float64()),
        pa.array([reading.known.total_seconds() for reading in readings], pa.float64()),
    )


def _circuits(circuits: Sequence[Reading], home: Sequence[Reading]) -> pa.Table:
    """Rows of smart_meter_circuit; a share is of what the home drew in the very same interval."""
    names = pa.array([reading.series for reading in circuits], pa.string())
    intervals = {(reading.start, reading.length) for reading in circuits}
    alike = [reading for reading in home if (reading.start, reading.length) in intervals]
    return circuit_rows(_powers(circuits).append_column("circuit_name", names), _powers(alike))
