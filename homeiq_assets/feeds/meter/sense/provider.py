"""Sense as a smart meter: the energy of each hour, of the home and of the devices that Sense tells apart.

Its history holds hours of the monitor's own local days; finer there is only the power of this instant, which is no
mean of any interval and never becomes a row.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.meter.readings import circuit_rows, meter_rows, powers
from homeiq_assets.feeds.meter.sense.api import Monitor, SenseApi, Usage
from homeiq_assets.feeds.meter.sense.login import NAME
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import TIME, Measurement
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import HOUR, Window, hour_edges, local_date, local_day, local_days, local_midnight

# What the monitor sends of an hour arrives until some minutes after it.
LAG = timedelta(minutes=10)
# No home draws more: beyond stands a sentinel, not a reading.
MOST_W = SMART_METER.field("total_power_w").high or 0.0


@dataclass
class _Hours:
    """Mean power (W) by start of the hour: `grid` of what the home draws from the grid, `devices` by name.

    `measured` are the hours in which the monitor measured anything.
    """

    measured: set[datetime] = field(default_factory=set)
    grid: dict[datetime, float] = field(default_factory=dict)
    devices: defaultdict[str, dict[datetime, float]] = field(default_factory=lambda: defaultdict(dict))


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of `smart_meter` and `smart_meter_circuit`. Settings are judged when they are used, not here."""
    return {measurement.name: Sense(settings, zone, measurement) for measurement in (SMART_METER, SMART_METER_CIRCUIT)}


class Sense:
    """Rows of the smart meter or of its circuits, which are the devices that Sense tells apart."""

    name = NAME
    # A request per day, two with solar panels: as many as the time budget of a fetch surely suffices for.
    longest = timedelta(days=7)

    def __init__(self, settings: Settings, zone: ZoneInfo, measurement: Measurement) -> None:
        self.measurement = measurement
        self._api = SenseApi(settings)
        self._zone = zone

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """Hourly rows of hours that are over; hours that the monitor did not measure are not covered.

        Raises ProviderError, SettingError.
        """
        if now <= window.start:
            return []
        known = Window(window.start, min(window.end, now))
        circuits = self.measurement is SMART_METER_CIRCUIT
        # daily_kwh counts from midnight, so the meter reads the whole day.
        midnight = local_midnight(local_date(known.start, self._zone), self._zone)
        hours = _Hours()
        with self._api.client() as client:
            monitor = self._api.monitor(client, now)
            hidden = self._api.hidden_devices(client, monitor) if circuits else set()
            for day in local_days(Window(known.start if circuits else midnight, known.end), monitor.zone):
                self._read(client, monitor, local_day(day, monitor.zone), now, hidden, hours)
        return list(self._answers(hours, known))

    def probe(self, now: datetime) -> str:
        """Log in if need be and look at the monitor."""
        with self._api.client() as client:
            monitor = self._api.monitor(client, now, anew=True)
        return f"monitor {monitor.id} in {monitor.zone.key}{', with solar panels' if monitor.solar else ''}"

    def _read(
        self, client: VendorClient, monitor: Monitor, day: Window, now: datetime, hidden: set[str], hours: _Hours
    ) -> None:
        """Add the hours of one of the monitor's days."""
        usage = self._api.usage(client, monitor, day.start)
        times = [at for at in _starts(usage, day, monitor.zone) if at + HOUR + LAG <= now]
        drawn = _watts(times, usage.consumption.usage_breakdown_kwh)
        # Sense says 0 of hours of which it knows nothing; a monitor that is on uses some watts itself.
        drawn = {at: watts for at, watts in drawn.items() if watts != 0}
        hours.measured |= set(drawn)
        if monitor.solar:
            breakdown = self._api.solar(client, monitor, day.start).breakdown
            made = _watts(times, breakdown.production_kwh if breakdown else None)
            # What is left of the panels' power is fed in, and what is fed in is negative. Sense says the difference
            # too, but not which of the two it takes from the other.
            hours.grid |= {at: drawn[at] - watts for at, watts in made.items() if at in drawn}
        else:
            hours.grid |= drawn
        for device in usage.device_breakdown or []:
            if device.id in hidden:
                continue
            # A device that was found anew has another id and the same name.
            series = hours.devices[(device.name or "").strip() or f"Device {device.id}"]
            used = device.consumption.usage_breakdown_kwh if device.consumption else None
            for at, watts in _watts(times, used).items():
                if at in drawn:
                    series[at] = series.get(at, 0.0) + watts

    def _answers(self, hours: _Hours, window: Window) -> Iterator[Answer]:
        home = powers(*_columns(hours.grid), pa.array([HOUR.total_seconds()] * len(hours.grid), pa.float64()))
        if self.measurement is SMART_METER:
            rows, vouched = meter_rows(home, self._zone, NAME), set(hours.grid)
        else:
            tables = [_circuit(name, series) for name, series in hours.devices.items()]
            rows = circuit_rows(pa.concat_tables(tables), home) if tables else SMART_METER_CIRCUIT.empty()
            vouched = hours.measured
        for covers in _runs(sorted(at for at in vouched if at in window), window):
            inside = pc.and_(
                pc.greater_equal(rows["time"], pa.scalar(covers.start, TIME)),
                pc.less(rows["time"], pa.scalar(covers.end, TIME)),
            )
            part = rows.filter(inside)
            if part.num_rows:
                yield Answer(part, covers, HOUR)


def _starts(usage: Usage, asked: Window, zone: ZoneInfo) -> list[datetime]:
    """The starts of the hours that an answer has values of. Raises ProviderError where it is of another day."""
    start, count = usage.start.astimezone(asked.start.tzinfo), len(usage.consumption.usage_breakdown_kwh or [])
    if not start <= asked.start < start + timedelta(days=1):
        raise ProviderError(NAME, f"asked for the day from {asked.start.isoformat()}, it answered from {usage.start}")
    # A monitor that was moved has days that begin elsewhere; their instants count.
    day = asked if start == asked.start else Window(start, start + timedelta(days=1, hours=1))
    edges = hour_edges(day)
    if count >= len(edges):
        raise ProviderError(
            NAME, f"{count} hourly values of {local_date(asked.start, zone)}, which has {len(edges) - 1} hours"
        )
    return edges[:count]


def _watts(times: Sequence[datetime], kwh: Sequence[float | None] | None) -> dict[datetime, float]:
    """Mean power of each of the hours `times` that has a usable value (kWh)."""
    found = {}
    for at, value in zip(times, kwh or [], strict=False):
        if value is None:
            continue
        if abs(value * 1000) > MOST_W:
            skip(NAME, f"no usable value for {at.isoformat()}: {value} kWh", at)
            continue
        found[at] = value * 1000
    return found


def _columns(series: Mapping[datetime, float]) -> tuple[pa.Array, pa.Array]:
    return pa.array(list(series), TIME), pa.array(list(series.values()), pa.float64())


def _circuit(name: str, series: Mapping[datetime, float]) -> pa.Table:
    times, watts = _columns(series)
    return pa.table({"time": times, "circuit_name": pa.repeat(name, len(series)), "power_w": watts})


def _runs(starts: Sequence[datetime], window: Window) -> Iterator[Window]:
    """What hours without a hole between them cover."""
    first: datetime | None = None
    for n, at in enumerate(starts):
        first = first or at
        if n + 1 == len(starts) or starts[n + 1] != at + HOUR:
            yield Window(first, min(at + HOUR, window.end))
            first = None
