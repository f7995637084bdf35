"""A local day's energy: drawn and fed in, by circuit, what it cost and what it emitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.insights.best import CARBON
from homeiq_assets.insights.price_rank import price_steps
from homeiq_assets.schema.insights import DAILY_ENERGY_REPORT
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.series.holds import Floats, Ints, nanoseconds
from homeiq_assets.series.plausible import increases, jump_text, rates
from homeiq_assets.series.steps import Steps, edges_of, ends_of, fullest, held, intervals, numbers, times_of, within
from homeiq_assets.window import HOUR, Window, hour_edges

_STEP = nanoseconds(SMART_METER.step or HOUR)
_WATT_NS = 3.6e15
"""Watts · nanoseconds in a kWh."""


@dataclass(frozen=True)
class Report:
    """A day's row of daily_energy_report, and kWh per hour of the day (elapsed, the last may be shorter) to draw.

    `circuits`: what each circuit drew, the largest first; `unmetered`: what the home drew beyond them, None where no
    circuit is known. `left_out`: the meter's readings that no home can have, as the owner reads them.
    """

    row: pa.Table
    drawn: Floats
    fed_in: Floats
    circuits: dict[str, Floats]
    unmetered: Floats | None
    left_out: Sequence[str] = ()


def energy_report(
    meter: pa.Table,
    circuits: pa.Table,
    prices: pa.Table,
    carbon: pa.Table,
    *,
    day: Window,
    date: date,
    hold: timedelta,
    feed_in_price: float | None,
    max_kw: float = np.inf,
) -> Report | None:
    """The report of the local day `date`, None where the meter said nothing.

    `meter`, `circuits`: rows of smart_meter and smart_meter_circuit of the day; `prices`: of electricity_pricing, of
    the day and its neighbours (`bill.NEIGHBOURS`); `carbon`: of carbon_intensity, of the day and the `hold` before it.
    Energy is what the meter's counters say, evenly over each interval, or the mean power where it has no counters; an
    increase that a home cannot draw with `max_kw` is left out.
    `cost` is what is drawn, slot by slot at its price, less what is fed in at `feed_in_price` (nothing without one), in
    the prices' currency; `carbon_kg` is what is drawn at the intensity in force. Each is absent where energy was drawn
    at a time of which price, or intensity, is not known. Time = the day's start.
    """
    left_out: list[str] = []
    energy = _meter_energy(within(meter, day), _Limit(nanoseconds(day.start), max_kw, left_out))
    if energy is None:
        return None
    drawn, fed_in = energy
    price, currency = price_steps(prices)
    intensity = held(fullest(carbon, "region"), CARBON, nanoseconds(hold))
    powers = {
        name: intervals(circuits.filter(pc.equal(circuits["circuit_name"], name)), "power_w", _STEP)
        for name in pc.unique(circuits["circuit_name"]).to_pylist()
    }
    hours = np.array([nanoseconds(edge) for edge in hour_edges(day)], np.int64)
    edges = edges_of(drawn, fed_in, price, intensity, *powers.values(), more=hours)
    edges = edges[(edges >= hours[0]) & (edges <= max(hours[-1], drawn.ends[-1]))]
    starts, lengths = edges[:-1], np.diff(edges).astype(np.float64)
    said = drawn.at(starts)
    taken, given = (np.nan_to_num(rate) * lengths for rate in (said, fed_in.at(starts)))
    metered = {name: steps.at(starts) * lengths / _WATT_NS for name, steps in powers.items()}
    unmetered = _unmetered(np.where(np.isnan(said), np.nan, taken - given), metered)
    cost = _total(taken, price.at(starts)) if currency is not None else None
    emitted = _total(taken, intensity.at(starts) / 1000)
    export = None if np.isnan(fed_in.values).all() else float(given.sum())
    if cost is not None and feed_in_price is not None:
        cost -= (export or 0.0) * feed_in_price
    row = {
        "time": day.start,
        "date": date.isoformat(),
        "total_kwh": float(taken.sum()),
        "export_kwh": export,
        "unmetered_kwh": None if unmetered is None else float(unmetered.sum()),
        "cost": cost,
        "currency": None if cost is None else currency,
        "carbon_kg": emitted,
    }

    def hourly(amounts: Floats) -> Floats:
        # What an interval of the last hour reaches beyond the day stays in it.
        hour = np.minimum(np.searchsorted(hours, starts, "right") - 1, len(hours) - 2)
        return np.bincount(hour, np.nan_to_num(amounts), len(hours) - 1).astype(np.float64)

    by_size = sorted(metered, key=lambda name: (-np.nansum(np.maximum(metered[name], 0)), name))
    return Report(
        rows_of(DAILY_ENERGY_REPORT, [row]),
        hourly(taken),
        hourly(given),
        {name: hourly(np.maximum(metered[name], 0)) for name in by_size},
        None if unmetered is None else hourly(unmetered),
        left_out,
    )


@dataclass(frozen=True)
class _Limit:
    """When counters begin at 0 (ns), what a home can draw, and where what is beyond that is named."""

    midnight: int
    max_kw: float
    left_out: list[str]


def _meter_energy(meter: pa.Table, limit: _Limit) -> tuple[Steps, Steps] | None:
    """What is drawn and what is fed in, in kWh per nanosecond of each interval; NaN where that is not said."""
    meter = fullest(meter, "meter_type").sort_by("time").combine_chunks()
    said = [numbers(meter, name) for name in ("daily_kwh", "daily_export_kwh", "total_power_w")]
    if not meter.num_rows or np.isnan(np.concatenate(said[::2])).all():
        return None
    starts = times_of(meter)
    ends = ends_of(starts, _STEP)
    power = said[2] * (ends - starts) / _WATT_NS
    return (
        _energy("daily_kwh", said[0], np.maximum(power, 0.0), starts, ends, limit),
        _energy("daily_export_kwh", said[1], np.maximum(-power, 0.0), starts, ends, limit),
    )


def _energy(name: str, counter: Floats, otherwise: Floats, starts: Ints, ends: Ints, limit: _Limit) -> Steps:
    """The increases of a counter that begins at midnight; without any reading of it, what the power says."""
    there = ~np.isnan(counter)
    if not there.any():
        return Steps(starts, ends, otherwise / (ends - starts))
    values, times = np.append(0.0, counter[there]), np.append(limit.midnight, ends[there])
    rate = rates(limit.max_kw, np.full(len(values), "kWh"))
    found = increases(values, times, np.ones(len(values) - 1, np.bool_), rate)
    for place, rise, took in found.jumps:
        text = jump_text(name, float(values[place]), "kWh", int(times[place]), rise, took, limit.max_kw)
        limit.left_out.append(text)
    return Steps(starts[there], ends[there], found.amounts[1:] / (ends - starts)[there])


def _unmetered(net: Floats, circuits: dict[str, Floats]) -> Floats | None:
    """What the meter drew beyond all circuits at the same time; nothing where they have other sources (the sun).

    Nothing either where the meter, or every circuit, is silent (NaN); None without any circuit.
    """
    if not circuits:
        return None
    amounts = np.array(list(circuits.values()))
    beyond = np.maximum(net - np.nansum(amounts, axis=0), 0.0)
    return np.where(np.isnan(amounts).all(axis=0), 0.0, np.nan_to_num(beyond))


def _total(energy: Floats, rate: Floats) -> float | None:
    """Energy times rate; None where there is energy without a rate."""
    used = energy != 0
    return None if np.isnan(rate[used]).any() else float((energy[used] * rate[used]).sum())
