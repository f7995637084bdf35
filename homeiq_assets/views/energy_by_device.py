"""Energy by device: the readings of power and energy entities to one row per entity and local day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.feeds.events.meters import ENERGY as ENERGY_UNITS
from homeiq_assets.feeds.events.meters import Meters, cycles, jumping
from homeiq_assets.schema.measurement import TIME, conform
from homeiq_assets.schema.measurements import MV_DAILY_ENERGY_BY_DEVICE
from homeiq_assets.series.holds import FieldReadings, Floats, Grid, Ints, Mask, nanoseconds, series_numbers
from homeiq_assets.series.plausible import beyond_power, jump_text, power_text, rates
from homeiq_assets.views.bill import Bill
from homeiq_assets.window import Window

POWER, ENERGY = 1, 2
UNITS = {"W": (POWER, 1.0), "kW": (POWER, 1e3)} | {unit: (ENERGY, wh) for unit, wh in ENERGY_UNITS.items()}
"""The units of power sensors and meters: what they measure, and how many W or Wh they are."""
MEASURING = ("power", "energy")
"""Device classes that say so, whatever the unit."""
NO_METERS = Meters()


@dataclass(frozen=True)
class Devices:
    """Rows of `mv_daily_energy_by_device`, and the entities that are none of them although they should be, with why.

    `assumed` are those in a unit of energy of which nobody says whether they are meters, with what they are taken for.
    `left_out`: the readings that no home can have, as the owner reads them.
    """

    rows: pa.Table
    skipped: dict[str, str]
    assumed: dict[str, str] = field(default_factory=dict)
    left_out: Sequence[str] = ()


@dataclass(frozen=True)
class _Totals:
    """Per series; `used` and `fed_in` (negative) per series and slot; Wh and W. NaN is not known."""

    present: Mask
    used: Floats
    fed_in: Floats
    average: Floats
    peak: Floats


@dataclass(frozen=True)
class _Limit:
    """What a home can draw, the entities of the series, and where what is beyond that is named."""

    max_kw: float
    names: Sequence[str]
    left_out: list[str]


def energy_by_device(
    readings: pa.Table,
    day: Window,
    date: date,
    hold: timedelta,
    bill: Bill,
    units: Mapping[str, str],
    meters: Meters = NO_METERS,
    max_kw: float = np.inf,
) -> Devices:
    """The rows of the local day `date`, of which `day` is what has elapsed; time = the day's start.

    `readings`: as `Day` of `readings.py` has them. `bill`: its slots cut `day`. `units`: those of entities that
    have none; `meters`: what the owner says of entities in a unit of energy. What is no meter has no row.

    A meter's energy is the sum of its increases over the last known value, each in the slot of the reading that shows
    it, and its mean power that over `day`; a power sensor's is its integral while its readings hold, its
    mean power that over the time in force, its peak the greatest of the day's readings. Units may change in between.

    The cost is each slot's energy times its price, absent where a slot with energy has none; what a power sensor feeds
    in (negative power) has no price and earns the feed-in price. A counter's dip is not fed in.

    An increase that a home cannot draw with `max_kw`, and power beyond it, are left out.
    """
    series = series_numbers(readings, ("entity_id",))
    entities = readings.take(pa.array(np.flatnonzero(np.diff(series, append=-1))))
    measures, values, understood = _measured(readings, series, units)
    rows, left_out = [], list[str]()
    time = readings["time"].cast(pa.int64()).to_numpy()
    jumps = jumping(series, time, np.where(measures == ENERGY, values, np.nan), nanoseconds(day.start))
    verdicts = meters.verdicts(entities, jumps)
    level = (understood == ENERGY) & ~np.array([verdict.meter for verdict in verdicts], np.bool_)
    counts_since = cycles(readings["last_reset"].combine_chunks(), readings["state_class"].combine_chunks())
    for kind in (POWER, ENERGY):
        chosen = np.flatnonzero((understood == kind) & ~level)
        ours = np.flatnonzero(((understood == kind) & ~level)[series])
        # A reading of the other kind is no value of this one.
        column = pa.array(np.where(measures[ours] == kind, values[ours], np.nan))
        grid = Grid(bill.edges, len(chosen))
        of, at = np.searchsorted(chosen, series[ours]), time[ours]
        limit = _Limit(max_kw, entities["entity_id"].take(pa.array(chosen)).to_pylist(), left_out)
        if kind == POWER:
            totals = _power(column, of, at, grid, nanoseconds(hold), limit)
        else:
            totals = _energy(column, of, at, grid, nanoseconds(hold), counts_since[ours], limit)
            length = day.length / timedelta(hours=1)
            totals = replace(totals, average=totals.used.sum(axis=1) / length)
        rows.append(_rows(entities["entity_id"].take(pa.array(chosen)), totals, bill, day, date))
    told = np.unique(series[(time >= nanoseconds(day.start)) & ~np.isnan(readings["value"].to_numpy())])
    unused = entities.take(pa.array(told[understood[told] == 0]))
    names = entities["entity_id"].to_pylist()
    assumed = {names[n]: verdicts[n].assumed for n in told[understood[told] == ENERGY].tolist()}
    return Devices(
        conform(pa.concat_tables(rows), MV_DAILY_ENERGY_BY_DEVICE),
        _skipped(unused, units),
        {entity: why for entity, why in sorted(assumed.items()) if why},
        tuple(left_out),
    )


def _measured(readings: pa.Table, series: Ints, units: Mapping[str, str]) -> tuple[Ints, Floats, Ints]:
    """Per row what it measures (0: nothing of ours) and its W or Wh, and per series what it measures by now."""
    ends = np.flatnonzero(np.diff(series, append=-1))
    said = pa.array([units.get(one) for one in readings["entity_id"].take(pa.array(ends)).to_pylist()], pa.string())
    unit = pc.coalesce(readings["unit"].combine_chunks(), said.take(pa.array(series)))
    code = pc.dictionary_encode(pc.fill_null(unit, ""))
    known = [UNITS.get(name, (0, np.nan)) for name in code.dictionary.to_pylist()]
    kinds = np.array([kind for kind, _ in known], np.int64)
    factors = np.array([factor for _, factor in known])
    numbers = code.indices.to_numpy()
    measures = kinds[numbers]
    return measures, readings["value"].to_numpy() * factors[numbers], measures[ends]


def _power(column: pa.Array, series: Ints, time: Ints, grid: Grid, hold: int, limit: _Limit) -> _Totals:
    shape = (grid.series, grid.buckets)
    beyond = beyond_power(column, pa.repeat("W", len(column)), limit.max_kw)
    for row in np.flatnonzero(beyond & (time >= grid.edges[0])):
        name, value = limit.names[series[row]], column[row].as_py()
        limit.left_out.append(power_text(name, value, "W", int(time[row]), limit.max_kw))
    watts = column.to_numpy()
    column = pa.array(watts, mask=beyond)
    readings = FieldReadings(column, series, time, grid, hold)
    fed_in = FieldReadings(pa.array(np.minimum(watts, 0), mask=beyond), series, time, grid, hold)
    seconds = _numbers(readings.seconds(), 0).reshape(shape)
    whole, negative = (_numbers(one.mean(), 0).reshape(shape) * seconds / 3600 for one in (readings, fed_in))
    in_force = seconds.sum(axis=1)
    average = np.divide(whole.sum(axis=1) * 3600, in_force, out=np.full(grid.series, np.nan), where=in_force > 0)
    peaks = _numbers(readings.max(), -np.inf).reshape(shape).max(axis=1, initial=-np.inf)
    return _Totals(
        _any(readings.present(), shape),
        whole - negative,
        negative,
        average,
        np.where(np.isinf(peaks), np.nan, peaks),
    )


def _energy(
    column: pa.Array, series: Ints, time: Ints, grid: Grid, hold: int, counts_since: Ints, limit: _Limit
) -> _Totals:
    shape = (grid.series, grid.buckets)
    rate = rates(limit.max_kw, np.full(len(column), "Wh"))
    readings = FieldReadings(column, series, time, grid, hold, cycles=counts_since, rate=rate)
    for row, rise, took in readings.jumps():
        name, kwh, at = limit.names[series[row]], column[row].as_py() / 1000, int(time[row])
        limit.left_out.append(jump_text(name, kwh, "kWh", at, rise / 1000, took, limit.max_kw))
    increase = _numbers(readings.increase(), 0).reshape(shape)
    unknown = np.full(grid.series, np.nan)
    return _Totals(_any(readings.present(), shape), increase, np.zeros(shape), unknown, unknown)


def _rows(entities: pa.ChunkedArray, totals: _Totals, bill: Bill, day: Window, date: date) -> pa.Table:
    energy = (totals.used + totals.fed_in).sum(axis=1) / 1000
    cost = _cost(totals, bill)
    currency = pa.array([bill.currency] * len(cost), pa.string(), mask=np.isnan(cost))
    columns = {
        "time": pa.array(np.full(len(cost), nanoseconds(day.start))).cast(TIME),
        "entity_id": entities,
        "date": pa.array([date.isoformat()] * len(cost), pa.string()),
        "total_kwh": energy,
        "avg_power": totals.average,
        "peak_power": totals.peak,
        "cost_usd": cost * (np.nan if bill.dollars is None else bill.dollars),
        "cost": cost,
        "currency": currency,
    }
    return pa.table(columns).filter(pa.array(totals.present))


def _cost(totals: _Totals, bill: Bill) -> Floats:
    """Per series, in the bill's currency; NaN where it is not known."""
    if bill.currency is None:
        return np.full(len(totals.present), np.nan)
    # A price that is not known does not matter where nothing is used.
    paid = np.where(totals.used == 0, 0.0, totals.used * bill.prices).sum(axis=1)
    cost: Floats = (paid + totals.fed_in.sum(axis=1) * (bill.feed_in or 0.0)) / 1000
    return cost


def _any(cells: Mask, shape: tuple[int, int]) -> Mask:
    return np.asarray(cells.reshape(shape).any(axis=1), np.bool_)


def _numbers(column: pa.Array, absent: float) -> Floats:
    return pc.fill_null(column.cast(pa.float64()), absent).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _skipped(entities: pa.Table, units: Mapping[str, str]) -> dict[str, str]:
    skipped = {}
    for one in entities.select(["entity_id", "device_class", "unit"]).to_pylist():
        entity, unit = one["entity_id"], one["unit"] or units.get(one["entity_id"])
        if one["device_class"] in MEASURING or entity in units:
            skipped[entity] = (
                "has no unit; say it in EVENTS_UNITS"
                if unit is None
                else f"is in {unit}, which is none of {', '.join(UNITS)}"
            )
    return dict(sorted(skipped.items()))
