"""What an owner wants to be told: changes of the air's category, and loads above a limit."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.insights.price_rank import instant
from homeiq_assets.schema.measurement import UNKNOWN
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.series.holds import nanoseconds
from homeiq_assets.series.steps import fullest, intervals, times_of, within
from homeiq_assets.window import HOUR, Window


def category_changes(air: pa.Table, window: Window, zone: ZoneInfo) -> list[str]:
    """Changes of the AQI category within `window`, each with time, pollutant, from and to.

    `air`: rows of air_quality of the window and before it. An unknown category is no change, and none to compare with.
    """
    known = air.filter(pc.not_equal(air["category"], UNKNOWN)).sort_by(
        [("location", "ascending"), ("parameter", "ascending"), ("time", "ascending")]
    )
    rows = known.select(["location", "parameter", "category"]).to_pylist()
    changes = []
    for at, (before, after) in zip(times_of(known)[1:].tolist(), pairwise(rows), strict=True):
        same = (before["location"], before["parameter"]) == (after["location"], after["parameter"])
        if same and before["category"] != after["category"] and instant(at) in window:
            changes.append((instant(at), f"{after['parameter']}: {before['category']} → {after['category']}"))
    return [f"{at.astimezone(zone):%Y-%m-%d %H:%M} {text}" for at, text in sorted(changes)]


def high_loads(meter: pa.Table, window: Window, zone: ZoneInfo, limit_kw: float) -> list[str]:
    """The spells within `window` in which the home drew more than `limit_kw`, each from, to and its highest mean.

    `meter`: rows of smart_meter. Intervals that follow each other are one spell. Feeding in is no load.
    """
    power = intervals(
        fullest(within(meter, window), "meter_type"), "total_power_w", nanoseconds(SMART_METER.step or HOUR)
    )
    high = np.flatnonzero(power.values > 1000 * limit_kw)
    spells: list[list[int]] = []
    for n in high.tolist():
        if spells and power.ends[spells[-1][-1]] == power.starts[n]:
            spells[-1].append(n)
        else:
            spells.append([n])
    return [
        f"{instant(power.starts[spell[0]]).astimezone(zone):%Y-%m-%d %H:%M} to "
        f"{instant(power.ends[spell[-1]]).astimezone(zone):%H:%M}: up to {power.values[spell].max() / 1000:.1f} kW"
        for spell in spells
    ]
