"""What a home draws while everybody sleeps, of the whole home and of each circuit, and what that costs in a year.

A night is 02:00 to 04:00 by the wall clock. Its figure is the least of the means of its half hours, so that a fridge
or a heat pump that runs for part of it does not count; the baseline is the median over the nights of a week, so that
one night of laundry or guests does not count either.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.insights.price_rank import price_steps
from homeiq_assets.schema.insights import PHANTOM_LOAD
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.series.holds import nanoseconds
from homeiq_assets.series.steps import Steps, edges_of, fullest, intervals
from homeiq_assets.window import HOUR, Window

NIGHTS = 7
BEGINS, ENDS = time(2), time(4)
HALF_HOUR = timedelta(minutes=30)
COVERED = 0.5
"""Of a half hour at least this share has to be known, else it has no mean."""
YEAR_HOURS = 365.25 * 24
HOME = "home"
"""The name under which the whole home stands; a circuit of this name is left out for it."""
_STEP = nanoseconds(SMART_METER.step or HOUR)


def night_of(day: date, zone: ZoneInfo) -> Window:
    """The night of a local date, 02:00 to 04:00 by its wall clock: an hour long, or three, where clocks change."""
    begins, ends = (datetime.combine(day, at, zone).astimezone(UTC) for at in (BEGINS, ENDS))
    return Window(begins, ends)


def night_figures(meter: pa.Table, circuits: pa.Table, night: Window) -> dict[str, float]:
    """The night's figure (W) of the home and of each circuit; one without readings has none.

    `meter`, `circuits`: rows of smart_meter and smart_meter_circuit of the night and of the hour before it. Only what
    is drawn counts: while the home, or a circuit, feeds in, it draws nothing.
    """
    figures = {}
    for name in pc.unique(circuits["circuit_name"]).to_pylist():
        of_circuit = circuits.filter(pc.equal(circuits["circuit_name"], name))
        figures[name] = _figure(intervals(of_circuit, "power_w", _STEP), night)
    figures[HOME] = _figure(intervals(fullest(meter, "meter_type"), "total_power_w", _STEP), night)
    return {name: figure for name, figure in figures.items() if figure is not None}


def mean_price(prices: pa.Table) -> float | None:
    """The mean over time of the prices that rows of electricity_pricing say, None without any."""
    steps, _ = price_steps(prices)
    return float(np.average(steps.values, weights=steps.ends - steps.starts)) if len(steps.values) else None


def phantom_load(nights: Sequence[Mapping[str, float]], price: float | None, day: Window) -> pa.Table:
    """Rows of phantom_load of one local day: a row per circuit, and the home, that has a figure in one of the nights.

    `nights`: the figures of the last nights, the day's own among them; `price`: what a kWh costs, absent
    where it is not known, and then the yearly cost is too. A year is 365.25 days. Time = the day's start.
    """
    rows = []
    for name in _names(nights):
        baseline = median(figures[name] for figures in nights if name in figures)
        yearly = baseline * YEAR_HOURS / 1000
        rows.append(
            {
                "time": day.start,
                "circuit_name": name,
                "baseline_w": baseline,
                "yearly_kwh": yearly,
                "yearly_cost": None if price is None else yearly * price,
            }
        )
    return rows_of(PHANTOM_LOAD, rows)


def _names(nights: Iterable[Mapping[str, float]]) -> list[str]:
    return sorted({name for figures in nights for name in figures})


def _figure(power: Steps, night: Window) -> float | None:
    cuts = np.arange(nanoseconds(night.start), nanoseconds(night.end), nanoseconds(HALF_HOUR))
    edges = edges_of(power, window=night, more=cuts)
    lengths, drawn = np.diff(edges).astype(np.float64), np.maximum(power.at(edges[:-1]), 0.0)
    half_hour = np.searchsorted(cuts, edges[:-1], "right") - 1
    there = ~np.isnan(drawn)
    covered = np.bincount(half_hour[there], lengths[there], len(cuts))
    total = np.bincount(half_hour[there], (lengths * drawn)[there], len(cuts))
    whole = covered >= COVERED * np.diff(np.append(cuts, nanoseconds(night.end)))
    return float((total[whole] / covered[whole]).min()) if whole.any() else None
