"""Home Assistant as a smart meter: its long-term statistics of power sensors become meter and circuit rows.

5-minute statistics where Home Assistant still has them (about ten days), hourly ones for all of
its past before that.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.meter.readings import circuit_rows, meter_rows, powers
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import TIME, Measurement
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.home_assistant.socket import NAME, PERIODS, HomeAssistantSocket, failure
from homeiq_assets.window import HOUR, Window, ceil_to, floor_to, local_date, local_midnight

Means = Mapping[str, Mapping[datetime, float]]
_CONNECTION = ("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN")
_POWER, _CIRCUITS = "HOME_ASSISTANT_POWER_ENTITY", "HOME_ASSISTANT_CIRCUITS"


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers by measurement: `smart_meter`, and `smart_meter_circuit` where circuits are set.

    Raises SettingError.
    """
    settings.require(*_CONNECTION, _POWER)
    settings.sound(_CIRCUITS)
    home, circuits = str(settings.home_assistant_power_entity).strip(), _circuits(settings)
    providers: dict[str, Provider] = {SMART_METER.name: Meter(settings, zone, SMART_METER, home, {})}
    if circuits:
        providers[SMART_METER_CIRCUIT.name] = Meter(settings, zone, SMART_METER_CIRCUIT, home, circuits)
    return providers


class Meter:
    """Rows of the smart meter or, with `circuits` (entity id -> circuit name), of those, from Home Assistant."""

    name = NAME
    # A month in which the clocks go back is an hour longer than 31 days.
    longest = timedelta(days=31, hours=1)

    def __init__(
        self, settings: Settings, zone: ZoneInfo, measurement: Measurement, home: str, circuits: Mapping[str, str]
    ) -> None:
        self.measurement = measurement
        self._settings = settings
        self._zone = zone
        self._home = home
        self._circuits = circuits

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """Hourly rows, then 5-minute rows, each vouched for from its first row to the end of its last.

        Before the first Home Assistant may merely have forgotten, and after the last not have compiled
        what just ended, so nothing is vouched for there. Raises ProviderError.
        """
        if now <= window.start:
            return []
        known = Window(window.start, min(window.end, now))
        # daily_kwh counts from midnight, so the meter reads the whole day.
        start = known.start if self._circuits else local_midnight(local_date(known.start, self._zone), self._zone)
        with self._socket() as socket:
            self._check(socket)
            parts = _read(socket, [self._home, *self._circuits], Window(start, known.end))
        return list(self._answers(parts, known))

    def probe(self, now: datetime) -> str:
        """Authenticate and look the statistics up."""
        with self._socket() as socket:
            self._check(socket)
        return f"power statistics of {', '.join([self._home, *self._circuits])}"

    def _socket(self) -> HomeAssistantSocket:
        url, token = (self._settings.required(name) for name in _CONNECTION)
        return HomeAssistantSocket(url, token, self._settings.vendor_patience)

    def _check(self, socket: HomeAssistantSocket) -> None:
        """Raise ProviderError where an entity has no mean power statistics."""
        wanted = [self._home, *self._circuits]
        known = socket.statistics_metadata(wanted)
        for entity in wanted:
            setting = _POWER if entity == self._home else _CIRCUITS
            metadata = known.get(entity)
            if metadata is None:
                raise _unknown(entity, setting, socket)
            if metadata.get("mean_type", 1 if metadata.get("has_mean") else 0) != 1:
                raise failure(
                    f"{setting}: {entity} has no mean statistics; choose a power sensor (state_class: measurement)"
                )
            if metadata.get("unit_class") != "power":
                unit = metadata.get("statistics_unit_of_measurement")
                raise failure(f"{setting}: {entity} is not power: its statistics are in {unit}, not W or kW")

    def _answers(self, parts: Mapping[timedelta, Means], window: Window) -> Iterator[Answer]:
        home = pa.concat_tables([_powers(means[self._home], step) for step, means in parts.items()])
        if self._circuits:
            rows = circuit_rows(
                pa.concat_tables(
                    [
                        _powers(means[entity], step).append_column("circuit_name", pa.repeat(name, len(means[entity])))
                        for step, means in parts.items()
                        for entity, name in self._circuits.items()
                    ]
                ),
                home,
            )
        else:
            rows = meter_rows(home, self._zone, NAME)
        for step, means in parts.items():
            starts = [
                start for entity in (self._circuits or [self._home]) for start in means[entity] if start in window
            ]
            if not starts:
                continue
            covers = Window(min(starts), min(max(starts) + step, window.end))
            inside = pc.and_(
                pc.greater_equal(rows["time"], pa.scalar(covers.start, TIME)),
                pc.less(rows["time"], pa.scalar(covers.end, TIME)),
            )
            yield Answer(rows.filter(inside), covers, step)


def _read(socket: HomeAssistantSocket, ids: list[str], asked: Window) -> dict[timedelta, Means]:
    """Mean power by step, the coarse part first; each instant of `asked` belongs to one of them.

    Home Assistant purges 5-minute statistics in the middle of an hour; that hour is taken from the
    hourly ones. An hour that merely was recorded in part keeps its 5-minute rows.
    """
    short, hour = PERIODS["5minute"], PERIODS["hour"]
    # An hour more, to see whether what lies before the first row was purged or never recorded.
    wider = Window(floor_to(asked.start, HOUR) - HOUR, asked.end)
    fine = socket.mean_power(ids, wider, "5minute")
    first = min((start for means in fine.values() for start in means), default=None)
    if first is not None and first <= ceil_to(asked.start, short):
        return {short: _between(fine, asked.start, asked.end)}
    seam = ceil_to(first, HOUR) if first is not None else asked.end
    coarse = socket.mean_power(ids, Window(wider.start, seam), "hour")
    hours = {start for means in coarse.values() for start in means}
    if first is not None and not {floor_to(first, HOUR) - HOUR, floor_to(first, HOUR)} <= hours:
        seam = floor_to(first, HOUR)
    return {hour: _between(coarse, asked.start, seam), short: _between(fine, seam, asked.end)}


def _between(means: Means, start: datetime, end: datetime) -> Means:
    return {name: {at: mean for at, mean in series.items() if start <= at < end} for name, series in means.items()}


def _powers(means: Mapping[datetime, float], step: timedelta) -> pa.Table:
    times, watts = pa.array(list(means), TIME), pa.array(list(means.values()), pa.float64())
    return powers(times, watts, pa.array([step.total_seconds()] * len(means), pa.float64()))


def _circuits(settings: Settings) -> dict[str, str]:
    """Entity id -> circuit name, of `HOME_ASSISTANT_CIRCUITS`: `entity_id` or `name=entity_id`, comma-separated."""
    circuits: dict[str, str] = {}
    for item in (settings.home_assistant_circuits or "").split(","):
        name, given, entity = (part.strip() for part in item.rpartition("="))
        if not entity and not given:
            continue
        name = name if given else entity.rpartition(".")[2]
        if not name or "." not in entity.replace(":", "."):
            raise SettingError(_CIRCUITS, f"{item.strip()!r} is neither an entity id nor name=entity id")
        if entity in circuits or name in circuits.values():
            raise SettingError(_CIRCUITS, f"{item.strip()!r}: each circuit needs an entity and a name of its own")
        circuits[entity] = name
    if settings.home_assistant_circuits is not None and not circuits:
        raise SettingError(_CIRCUITS, f"{settings.home_assistant_circuits!r} names no sensor")
    return circuits


def _unknown(entity: str, setting: str, socket: HomeAssistantSocket) -> ProviderError:
    """The error for an entity without statistics, with the power statistics that are spelled alike."""
    power = [name for name, row in socket.statistics_metadata().items() if row.get("unit_class") == "power"]
    near = difflib.get_close_matches(entity, power, n=3) or power[:3]
    hint = f"; did you mean {' or '.join(near)}?" if near else "; it keeps none of any power sensor"
    return failure(
        f"{setting}: Home Assistant keeps no statistics of {entity} (they need state_class: measurement){hint}"
    )
