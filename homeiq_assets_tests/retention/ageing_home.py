"""The raw rows of an invented home that grows old: what arrives at the end of each local day, and what comes later.

Entities of every kind with resets, spells without a value, gaps and meters that fall silent for months; a smart meter
and its circuits, prices, carbon. Everything is a pure function of the day.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from homeiq_assets.schema.measurement import TIME, Field, Measurement, Tag, conform
from homeiq_assets.schema.measurements import (
    BOOLEAN,
    CARBON_INTENSITY,
    ELECTRICITY_PRICING,
    HOME_ASSISTANT_EVENTS,
    INTEGER,
    SMART_METER,
    SMART_METER_CIRCUIT,
    STRING,
)
from homeiq_assets.window import local_day

MEASUREMENTS = (HOME_ASSISTANT_EVENTS, SMART_METER, SMART_METER_CIRCUIT, ELECTRICITY_PRICING, CARBON_INTENSITY)
FOREIGN_EVENTS = replace(
    HOME_ASSISTANT_EVENTS,
    tags=(*HOME_ASSISTANT_EVENTS.tags, Tag("floor", identity=False), Tag("integration", identity=False)),
    fields=(
        *HOME_ASSISTANT_EVENTS.fields,
        Field("battery", INTEGER),
        Field("note", STRING),
        Field("restored", BOOLEAN),
    ),
)
"""The events as somebody else writes them, with tags and fields that were never declared."""
AREAS = ("kitchen", "living_room", "bedroom", "nursery", "bathroom", "office", "hall", "cellar", "attic", "garden")
KINDS = (
    ("sensor", "power", "W", 50, 0.42),
    ("sensor", "energy", "kWh", 40, 0.16),
    ("binary_sensor", "motion", None, 28, 0.14),
    ("sensor", "temperature", "°C", 28, 0.12),
    ("sensor", "humidity", "%", 16, 0.06),
    ("light", "", None, 20, 0.03),
    ("sensor", "illuminance", "lx", 4, 0.065),
    ("sensor", "", None, 6, 0.005),
    ("binary_sensor", "door", None, 8, 0.0),
)
"""domain, device class, unit, how many of 200 entities, share of the events (0: one every third day)"""
_GAUGES = {"power": (120.0, 60.0, 1), "temperature": (20.0, 3.0, 1), "humidity": (50.0, 8.0, 0)}
_GAUGES |= {"illuminance": (300.0, 100.0, 0)}
_PROGRAMMES = np.array(["idle", "washing", "rinsing", "spinning", "Fertig, bitte öffnen"])
Numbers = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Arrival:
    """A day's rows as they arrive when it is over, and what comes `after` days later.

    Of a feed that is the whole day as it is known then; of events it is those that are new or another than before.
    """

    rows: pa.Table
    later: pa.Table | None
    after: int


@dataclass(frozen=True)
class AgeingHome:
    """`days` local days from `first` on, with about `events` a day; `scale` is the share of the 200 entities it has."""

    zone: ZoneInfo
    first: date
    days: int
    events: int
    scale: float = 1.0
    measurements: tuple[Measurement, ...] = MEASUREMENTS

    @cached_property
    def all_days(self) -> list[date]:
        """Its days, in order."""
        return [self.first + timedelta(days=number) for number in range(self.days)]

    def arrival(self, measurement: Measurement, day: date) -> Arrival:
        """What arrives of a measurement."""
        number = (day - self.first).days
        random = np.random.default_rng([number, MEASUREMENTS.index(measurement)])
        after = {0: 1, 3: 2, 6: 3}.get(number % 10, 0)
        if measurement is HOME_ASSISTANT_EVENTS:
            final = self._events(number, random)
            late = random.random(final.num_rows) < 0.06
            if not after or not late.any():
                return Arrival(final, None, 0)
            # Half of what comes later is new, the other half had said something else.
            anew = late & (random.random(final.num_rows) < 0.5)
            return Arrival(_altered(final, anew).filter(pa.array(~late | anew)), final.filter(pa.array(late)), after)
        # The vendor has nothing of some days, and of others less.
        if number % 83 == 29:
            return Arrival(measurement.empty(), None, 0)
        final = self._series(measurement, number, random)
        if number % 37 == 11:
            final = final.filter(pa.array(random.random(final.num_rows) < 0.7))
        if not after:
            return Arrival(final, None, 0)
        # At first a row too many, some not yet there, some with another value.
        stray = pa.array(final["time"].cast(pa.int64()).to_numpy()[-1:] + 7_000_000_000).cast(TIME)
        strays = final.slice(final.num_rows - 1).set_column(0, final.schema.field("time"), pa.chunked_array([stray]))
        known = _altered(final, random.random(final.num_rows) < 0.1)
        known = known.filter(pa.array(random.random(final.num_rows) < 0.95))
        return Arrival(conform(pa.concat_tables([known, strays]), measurement), final, after)

    def silent(self, number: int) -> list[int]:
        """The energy meters that say nothing on a day: one for a few months, one for nearly all the time."""
        spans = [(self.days // 4, self.days * 3 // 5), (2, self.days - 4)]
        return [meter for meter, (start, end) in enumerate(spans) if start <= number < end]

    def _events(self, number: int, random: np.random.Generator) -> pa.Table:
        if number % 97 in (16, 17):  # Home Assistant is down for two days
            return FOREIGN_EVENTS.empty()
        tables = [self._of_kind(index, number, random) for index in range(len(KINDS))]
        return conform(pa.concat_tables(tables), FOREIGN_EVENTS, "")

    def _of_kind(self, index: int, number: int, random: np.random.Generator) -> pa.Table:
        domain, device_class, unit, of_200, share = KINDS[index]
        entities = max(2, round(of_200 * self.scale))
        each = max(1, round(self.events * share / entities))
        window = local_day(self.first + timedelta(days=number), self.zone)
        length = int(window.length.total_seconds())
        instants = np.sort(random.integers(0, length * 10**6 - each, (entities, each)), axis=1) + np.arange(each)
        shape = instants.shape
        entity = np.repeat(np.arange(entities), each)
        nanoseconds = (
            int(window.start.timestamp()) * 10**9 + instants.ravel() * 1000 + random.integers(0, 1000, shape).ravel()
        )

        values = self._values(index, number, instants / 10**6 / length, random).ravel()
        if unit:
            states, numbers = pa.array(values).cast(pa.string()), pa.array(values)
        elif domain == "sensor":
            states = pa.array(_PROGRAMMES[values.astype(np.int64)].tolist(), pa.string())
            numbers = pa.nulls(len(values), pa.float64())
        else:
            states, numbers = pa.array(np.where(values > 0, "on", "off").tolist()), pa.array(values)
        away = self._away(shape, instants / 10**6 / length, random).ravel()
        states = pa.array(np.where(away, "unavailable", states.to_numpy(zero_copy_only=False)).tolist(), pa.string())
        kept = np.ones(len(values), np.bool_)
        if share == 0:
            kept &= random.random(len(values)) < 0.35
        if device_class == "energy":
            kept &= ~np.isin(entity, self.silent(number))
        if number % 31 == 17:  # the recorder was off over noon
            noon = (instants.ravel() / 10**6 / length > 0.4) & (instants.ravel() / 10**6 / length < 0.65)
            kept &= ~noon
        stem = device_class or ("light" if domain == "light" else "programme")
        units = np.full(len(values), unit, object)
        if device_class == "energy" and number < self.days // 2:
            units[entity == 2] = "Wh"
        columns = {
            "time": pa.array(nanoseconds).cast(TIME),
            "entity_id": pa.array([f"{domain}.{AREAS[n % len(AREAS)]}_{stem}_{n}" for n in entity]),
            "domain": pa.repeat(domain, len(values)),
            "device_class": pa.repeat(device_class, len(values)),
            "area": pa.array([AREAS[n % len(AREAS)] if n else "" for n in entity]),
            # From a day on the same entities are of one series more.
            "floor": pa.array([f"{n % 3}" if number >= self.days // 3 else "" for n in entity]),
            "integration": pa.array(["zigbee" if n % 2 else "esphome" for n in entity]),
            "state": states,
            "normalized_value": _where(numbers, ~away),
            "energy_consumption": _where(pa.array(np.round(values / 12_000, 4)), (~away) & (device_class == "power")),
            "unit_of_measurement": pa.array(units, pa.string()),
            "battery": _where(
                pa.array(random.integers(2**53, 2**53 + 9, len(values))), random.random(len(values)) < 0.02
            ),
            "note": _where(pa.repeat("", len(values)), random.random(len(values)) < 0.01),
            "restored": _where(pa.array(random.random(len(values)) < 0.5), random.random(len(values)) < 0.02),
        }
        return pa.table(columns).filter(pa.array(kept))

    def _values(self, index: int, number: int, shares: Numbers, random: np.random.Generator) -> Numbers:
        """What the entities of a kind say at these shares of the day."""
        domain, device_class, unit, *_ = KINDS[index]
        entities, each = shares.shape
        if device_class == "energy":
            rate = np.random.default_rng(5).uniform(0.2, 6, entities)[:, None]
            total = np.round(rate * (number + shares) + 1000, 3)
            # Every third meter begins again at some height; some tell a little less now and then.
            limit = np.where(np.arange(entities) % 3 == 2, 13.0 + np.arange(entities), np.inf)[:, None]
            total = np.where(np.isfinite(limit), np.mod(total, limit), total)
            return np.round(np.maximum(total - 0.02 * (random.random(shares.shape) < 0.01), 0), 3)
        if unit:
            mean, spread, places = _GAUGES[device_class]
            return np.round(random.normal(mean, spread, shares.shape).clip(0), places)
        if domain == "sensor":
            return random.integers(0, len(_PROGRAMMES), shares.shape).astype(np.float64)
        return (np.arange(each)[None, :] + number + np.arange(entities)[:, None]) % 2 * np.ones(shares.shape)

    def _away(self, shape: tuple[int, ...], shares: Numbers, random: np.random.Generator) -> npt.NDArray[np.bool_]:
        """Which events are `unavailable`: of some entities all of a part of the day."""
        begins = random.random((shape[0], 1))
        there = random.random((shape[0], 1)) < 0.97
        return ~there & (shares >= begins) & (shares < begins + 0.3)

    def _series(self, measurement: Measurement, number: int, random: np.random.Generator) -> pa.Table:
        """The rows of a feed, on its grid."""
        window = local_day(self.first + timedelta(days=number), self.zone)
        step = 900 if measurement is ELECTRICITY_PRICING else 300
        count = int(window.length.total_seconds()) // step
        times = pa.array((int(window.start.timestamp()) + np.arange(count) * step) * 10**9).cast(TIME)
        share = np.arange(1, count + 1) / count
        if measurement is SMART_METER:
            columns = {
                "meter_type": "shelly",
                "total_power_w": np.round(random.normal(400, 200, count), 1),
                "daily_kwh": np.round(9.0 * share, 3),
                "daily_export_kwh": np.round(3.0 * share**2, 3),
            }
        elif measurement is ELECTRICITY_PRICING:
            prices = np.round(random.normal(0.28, 0.06, count), 5)
            columns = {"provider": "awattar", "currency": "EUR", "current_price": prices, "peak_period": prices > 0.33}
        elif measurement is CARBON_INTENSITY:
            columns = {
                "region": "AT",
                "grid_operator": "APG" if number < self.days // 2 else "APG neu",
                "carbon_intensity_gco2_kwh": np.round(random.normal(240, 60, count).clip(20)),
                "renewable_percentage": np.round(random.uniform(20, 95, count), 1),
            }
        else:
            circuits = max(2, round(6 * self.scale))
            power = np.round(random.normal(150, 40, (circuits, count)), 1)
            tables = [
                _table(
                    times, {"circuit_name": f"circuit {n}", "power_w": power[n], "percentage": np.round(power[n] / 9)}
                )
                for n in range(circuits)
            ]
            return conform(pa.concat_tables(tables), measurement)
        return conform(_table(times, columns), measurement)


def _table(times: pa.Array, columns: dict[str, object]) -> pa.Table:
    arrays = {
        name: pa.repeat(one, len(times)) if isinstance(one, str) else pa.array(one) for name, one in columns.items()
    }
    return pa.table({"time": times} | arrays)


def _where(values: pa.Array, there: npt.NDArray[np.bool_] | bool) -> pa.Array:
    """The values that are there, null elsewhere."""
    absent = pa.array(~np.broadcast_to(there, len(values)))
    return pa.compute.if_else(absent, pa.scalar(None, values.type), values)


def _altered(rows: pa.Table, which: npt.NDArray[np.bool_]) -> pa.Table:
    """The rows with another number in those named, as one would be revised later."""
    for name in ("normalized_value", "total_power_w", "power_w", "current_price", "carbon_intensity_gco2_kwh"):
        if name in rows.column_names:
            place = rows.column_names.index(name)
            other = pa.compute.if_else(pa.array(which), pa.compute.add(rows[name], 1.25), rows[name])
            rows = rows.set_column(place, rows.schema.field(name), other)
    return rows
