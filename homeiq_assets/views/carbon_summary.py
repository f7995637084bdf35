"""The daily carbon summary: readings of the grid's carbon intensity to one row per local day."""

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY, MV_DAILY_CARBON_SUMMARY
from homeiq_assets.tiers.statistics import daily_from_raw
from homeiq_assets.window import Window

CARBON, RENEWABLE = "carbon_intensity_gco2_kwh", "renewable_percentage"
_SUMMARISED = replace(CARBON_INTENSITY, fields=tuple(CARBON_INTENSITY.field(name) for name in (CARBON, RENEWABLE)))


def carbon_summary(readings: pa.Table, day: Window, date: date, hold: timedelta) -> pa.Table:
    """The row of `mv_daily_carbon_summary` of the local day `date`, or none where nothing is in force or read.

    `readings`: rows of carbon_intensity of the day and of the `hold` before it. The means are over the
    time in force, with the value held at midnight (several regions together, by their seconds); least
    and greatest are of the readings of the day. What is not known is absent. Time = the day's start.
    """
    regions = daily_from_raw(readings, readings.slice(0, 0), _SUMMARISED, day, hold)
    if regions.num_rows == 0:
        return MV_DAILY_CARBON_SUMMARY.empty()
    summary = {
        "time": day.start,
        "date": date.isoformat(),
        "avg_carbon": _mean(regions, CARBON),
        "min_carbon": pc.min(regions[f"{CARBON}_min"]).as_py(),
        "max_carbon": pc.max(regions[f"{CARBON}_max"]).as_py(),
        "avg_renewable": _mean(regions, RENEWABLE),
    }
    return rows_of(MV_DAILY_CARBON_SUMMARY, [summary])


def _mean(regions: pa.Table, field: str) -> float | None:
    seconds = regions[f"{field}_seconds"]
    total = pc.sum(seconds).as_py()
    return float(pc.sum(pc.multiply(regions[f"{field}_mean"], seconds)).as_py() / total) if total else None
