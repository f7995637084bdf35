"""Readings of a grid and what is made of them: the same rules for every provider that gives an intensity with its mix.

Plain functions. A reading is the intensity of one slot; shares of generation stand beside it. Which of them
a vendor knows, and what it calls them, belongs to its provider.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import inf

from homeiq_assets.feeds.provider import Answer
from homeiq_assets.schema.measurement import UNKNOWN, rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import Window

INTENSITY, RENEWABLE, FOSSIL = "carbon_intensity_gco2_kwh", "renewable_percentage", "fossil_percentage"
SHARES = frozenset({RENEWABLE, FOSSIL})
# Readings missing between others for no longer than this were withdrawn; for longer the vendor had an outage.
WITHDRAWN = timedelta(hours=1)


def believable(provider: str, field: str, at: datetime, value: float | None) -> float | None:
    """`value` if it can be one of `field` (g/kWh or percent), else None: a sentinel is logged, a null is not."""
    bounds = CARBON_INTENSITY.field(field)
    low, high = bounds.low, bounds.high
    if value is None or (-inf if low is None else low) <= value <= (inf if high is None else high):
        return value
    skip(provider, f"no usable {field} for {at.isoformat()}: {value} {bounds.unit}", at)
    return None


def reading_answers(
    readings: Mapping[datetime, Mapping[str, float]],
    window: Window,
    region: str,
    step: timedelta,
    unsaid: frozenset[str] = frozenset(),
) -> Iterator[Answer]:
    """An answer from the first to the last reading (start of slot -> fields), cut where readings are missing for long.

    Single readings are withdrawn when a vendor revises, so a short gap is covered: what was stored in it is no longer
    true. A long one is an outage, and before the first and after the last nothing is said: there what was
    stored stays, and shares without an intensity are left for later. `unsaid` are fields that were not to be had.
    """
    known = sorted(at for at, fields in readings.items() if INTENSITY in fields and at in window)
    first = 0
    for number, at in enumerate(known):
        if number + 1 < len(known) and known[number + 1] - at - step <= WITHDRAWN:
            continue
        covers = Window(known[first], min(at + step, window.end))
        rows = [row_of(time, region, fields) for time, fields in readings.items() if time in covers]
        yield Answer(rows_of(CARBON_INTENSITY, rows), covers, step, unsaid)
        first = number + 1


def row_of(time: datetime, region: str, fields: Mapping[str, float]) -> dict[str, object]:
    """A row of carbon_intensity; the operator of the grid is not named."""
    return {"time": time, "region": region, "grid_operator": UNKNOWN, **fields}
