"""Emporia Vue as a smart meter: the energy of its mains and circuits, from the charts of its app's API.

Minutes, made into 5-minute rows, for the last days; quarters of an hour for all time before, for Emporia keeps
minutes for about a week only. A value is the energy (kWh) of a bucket with the channel's multiplier in it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.feeds.meter.emporia.api import MINUTES, QUARTERS, EmporiaApi, Scale
from homeiq_assets.feeds.meter.emporia.circuits import Monitor, Series
from homeiq_assets.feeds.meter.emporia.login import NAME
from homeiq_assets.feeds.meter.readings import JOULES_PER_KWH, circuit_rows, meter_rows, powers
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import TIME, Measurement
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import HOUR, Window, ceil_to, floor_to, local_date, local_day, local_midnight

STEPS = {MINUTES: timedelta(minutes=5), QUARTERS: QUARTERS.bucket}
"""The length of a row's interval, by the chart it is made of."""
# Emporia keeps minutes for about seven days; a day of which the first are gone would count from nowhere.
FINE_REACH = timedelta(days=6, hours=12)
# Within this time after a bucket a device may not have reported it yet.
LAG = timedelta(minutes=30)
# Each circuit is a request of its own, and Emporia asks for at most 2,000 a day of everything.
CIRCUIT_REQUESTS_A_DAY = 1200
TURNS = [timedelta(minutes=minutes) for minutes in (5, 10, 15, 20, 30, 40, 60)]
REQUEST_SECONDS = 3.0
# No home draws more: beyond stands a sentinel, not a reading.
MOST_W = SMART_METER.field("total_power_w").high or 0.0

Means = dict[datetime, tuple[float, float]]
"""Mean power (W) and the seconds it is the mean of, by start of the interval."""


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of `smart_meter` and `smart_meter_circuit`. Settings are judged when they are used, not here."""
    return {
        measurement.name: Emporia(settings, zone, measurement) for measurement in (SMART_METER, SMART_METER_CIRCUIT)
    }


class Emporia:
    """Rows of the smart meter or of its circuits."""

    name = NAME
    # A month in which the clocks go back is an hour longer than 31 days.
    longest = timedelta(days=31, hours=1)

    def __init__(self, settings: Settings, zone: ZoneInfo, measurement: Measurement) -> None:
        self.measurement = measurement
        self._api = EmporiaApi(settings)
        self._zone = zone

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """15-minute rows of older days, then 5-minute rows; an hour or more without any value is not covered.

        Before the first value Emporia may have forgotten and after the last not have heard from the device, so
        nothing is vouched for there. Many circuits are not asked for at every poll: see `turn`. Raises
        ProviderError, SettingError.
        """
        end = min(window.end, floor_to(now, MINUTES.bucket))
        if end <= window.start:
            return []
        known = Window(window.start, end)
        today = local_day(local_date(now, self._zone), self._zone)
        monitor = self._api.monitor(now)
        circuits = monitor.circuits if self.measurement is SMART_METER_CIRCUIT else ()
        if self.measurement is SMART_METER_CIRCUIT:
            _tell(monitor)
            if not circuits:
                return []
            polled = window.end > today.end
            if polled and floor_to(now, TURNS[0]) != floor_to(now, turn(len(circuits))):
                return []
        parts = self._means(monitor, circuits, known, now)
        return list(self._answers(parts, circuits, known, now))

    def probe(self, now: datetime) -> str:
        """Log in if need be and look at the account's devices."""
        monitor = self._api.monitor(now, anew=True)
        if self.measurement is SMART_METER_CIRCUIT:
            _tell(monitor)
        return f"monitor {monitor.mains.name} ({monitor.mains.gid}) with {len(monitor.circuits)} circuits"

    def _means(
        self, monitor: Monitor, circuits: Sequence[Series], known: Window, now: datetime
    ) -> dict[Scale, dict[Series, Means]]:
        """Mean power by chart and channel, the home's from the local midnight before `known` because it is counted."""
        midnight = local_midnight(local_date(known.start, self._zone), self._zone)
        wanted = [(monitor.mains, Window(midnight, known.end)), *((one, known) for one in circuits)]
        seam = _seam(now, self._zone)
        asked = [(scale, series, part) for series, window in wanted for scale, part in _parts(window, seam)]
        requests = sum(-(-part.length // scale.longest) for scale, _, part in asked)
        found: dict[Scale, dict[Series, Means]] = {}
        with self._api.client(budget=max(60.0, requests * REQUEST_SECONDS)) as client:
            for scale, series, part in asked:
                usage = self._api.usage(client, series, part, scale, now)
                found.setdefault(scale, {})[series] = means(usage, scale.bucket, STEPS[scale])
        return {scale: own(part) for scale, part in sorted(found.items(), key=lambda item: item[0] is MINUTES)}

    def _answers(
        self, parts: Mapping[Scale, Mapping[Series, Means]], circuits: Sequence[Series], window: Window, now: datetime
    ) -> Iterator[Answer]:
        tables = {
            series: _table([part[series] for part in parts.values() if series in part])
            for part in parts.values()
            for series in part
        }
        home = next(table for series, table in tables.items() if series not in circuits)
        if circuits:
            named = [
                tables[one].append_column("circuit_name", pa.repeat(one.name, tables[one].num_rows))
                for one in circuits
                if one in tables
            ]
            rows = circuit_rows(pa.concat_tables(named), home) if named else SMART_METER_CIRCUIT.empty()
        else:
            rows = meter_rows(home, self._zone, NAME)
        for scale, part in parts.items():
            counted = [list(found) for series, found in part.items() if not circuits or series in circuits]
            for covers in covered(counted, STEPS[scale], window, now):
                inside = pc.and_(
                    pc.greater_equal(rows["time"], pa.scalar(covers.start, TIME)),
                    pc.less(rows["time"], pa.scalar(covers.end, TIME)),
                )
                yield Answer(rows.filter(inside), covers, STEPS[scale])


def turn(circuits: int) -> timedelta:
    """How often so many circuits are polled, so that their requests stay below CIRCUIT_REQUESTS_A_DAY.

    Four circuits at every poll, eight every 10 minutes, twelve every 15, sixteen every 20, thirty-two every 40.
    """
    day = timedelta(days=1)
    return next((one for one in TURNS if circuits * (day // one) <= CIRCUIT_REQUESTS_A_DAY), TURNS[-1])


def means(usage: Mapping[datetime, float], bucket: timedelta, step: timedelta) -> Means:
    """Energy (kWh) per bucket as mean power per step, which is a multiple of the bucket.

    A step of which the device left out a bucket has the mean of the others. The last one is only there once
    all its buckets are: the device may be about to report them.
    """
    steps: dict[datetime, list[float]] = {}
    for at, kwh in usage.items():
        if abs(kwh) * JOULES_PER_KWH / bucket.total_seconds() > MOST_W:
            skip(NAME, f"no usable value for {at.isoformat()}: {kwh} kWh", at)
            continue
        steps.setdefault(floor_to(at, step), []).append(kwh)
    newest = max(steps, default=None)
    found = {}
    for at, parts in steps.items():
        seconds = len(parts) * bucket.total_seconds()
        if at != newest or seconds == step.total_seconds():
            found[at] = (sum(parts) * JOULES_PER_KWH / seconds, seconds)
    return found


def own(readings: Mapping[Series, Means]) -> dict[Series, Means]:
    """Each circuit's mean power without that of the circuits that hang on it: those have rows of their own."""
    hanging: dict[tuple[int, str], list[Series]] = {}
    for series in readings:
        if series.under is not None:
            hanging.setdefault(series.under, []).append(series)
    found = {}
    for series, means in readings.items():
        others = [readings[one] for one in hanging.get(series.key, ())]
        found[series] = {
            at: (watts - sum(other[at][0] for other in others if at in other), seconds)
            for at, (watts, seconds) in means.items()
        }
    return found


def _tell(monitor: Monitor) -> None:
    for problem in monitor.left_out:
        skip(NAME, problem)


def covered(series: Sequence[Sequence[datetime]], step: timedelta, window: Window, now: datetime) -> Iterator[Window]:
    """What the starts of the intervals with values vouch for, cut where an hour or more has none.

    Up to the present only as far as all have reported that did so lately: a plug may be behind the monitor.
    """
    ends = [max(starts) + step for starts in series if starts]
    if not ends:
        return
    end = max(ends)
    if end > now - LAG:
        end = min(one for one in ends if one > now - LAG)
    run: list[datetime] = []
    for at in [*sorted({at for starts in series for at in starts if at in window and at < end}), None]:
        if run and (at is None or at - run[-1] - step >= HOUR):
            yield Window(run[0], min(run[-1] + step, window.end))
            run = []
        if at is not None:
            run.append(at)


def _seam(now: datetime, zone: ZoneInfo) -> datetime:
    """The local midnight from which on minutes are asked for, so that no day has both steps."""
    reach = local_day(local_date(now - FINE_REACH, zone), zone)
    return reach.start if reach.start >= now - FINE_REACH else reach.end


def _parts(window: Window, seam: datetime) -> Iterator[tuple[Scale, Window]]:
    """The window by the chart it is asked of; whole steps, so that polls of both feeds ask the same."""
    if window.start < seam:
        end = min(window.end, seam)
        yield QUARTERS, Window(floor_to(window.start, STEPS[QUARTERS]), ceil_to(end, STEPS[QUARTERS]))
    if window.end > seam:
        start = floor_to(max(window.start, seam), STEPS[MINUTES])
        yield MINUTES, Window(start, ceil_to(window.end, MINUTES.bucket))


def _table(parts: Sequence[Means]) -> pa.Table:
    everything = {at: mean for part in parts for at, mean in part.items()}
    return powers(
        pa.array(list(everything), TIME),
        pa.array([watts for watts, _ in everything.values()], pa.float64()),
        pa.array([seconds for _, seconds in everything.values()], pa.float64()),
    )
