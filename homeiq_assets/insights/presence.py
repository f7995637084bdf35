"""Predicted against observed occupancy: how often the calendars were right about somebody being at home.

Compared are the quarter hours from 7:00 to 22:00 by the wall clock: at night people at home do not move either.
"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.insights.price_rank import instant
from homeiq_assets.schema.insights import OCCUPANCY_ACCURACY
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.series.holds import NO_VALUE, ON, Ints, Mask, nanoseconds, series_numbers
from homeiq_assets.series.steps import times_of
from homeiq_assets.window import Window

CLASSES = ("motion", "occupancy", "presence")
"""The device classes of the binary sensors that see somebody."""
SLOT = timedelta(minutes=15)
AWAKE = range(7, 22)
"""The wall hours that are compared."""


def presence_events(events: pa.Table) -> pa.Table:
    """The events that say whether somebody is there."""
    sensors = pc.equal(events["domain"], "binary_sensor")
    return events.filter(pc.and_(sensors, pc.is_in(events["device_class"], value_set=pa.array(CLASSES))))


def occupancy_accuracy(
    predictions: pa.Table, events: pa.Table, *, day: Window, date: date, zone: ZoneInfo, hold: timedelta
) -> pa.Table:
    """The row of occupancy_accuracy of the local day `date`, none where no slot can be compared.

    `predictions`: rows of occupancy_prediction of the day; somebody is expected at home where any of the users is.
    `events`: presence events of the day, and of each sensor the last before it. Somebody was seen where a sensor
    was on at any time of the slot, which a state says until the next one, for at most `hold`; a slot of which no sensor
    says anything is not compared. Time = the day's start.
    """
    predicted = _predicted(predictions)
    starts = np.array([start for start in predicted if instant(start).astimezone(zone).hour in AWAKE], np.int64)
    seen, said = _seen(events, starts, nanoseconds(hold))
    expected = np.array([predicted[start] for start in starts.tolist()], np.bool_)[said]
    seen = seen[said]
    if not len(seen):
        return OCCUPANCY_ACCURACY.empty()
    row = {
        "time": day.start,
        "date": date.isoformat(),
        "accuracy": float((expected == seen).mean()),
        "slots": len(seen),
        "unseen_slots": int((expected & ~seen).sum()),
        "unexpected_slots": int((~expected & seen).sum()),
    }
    return rows_of(OCCUPANCY_ACCURACY, [row])


def _predicted(predictions: pa.Table) -> dict[int, bool]:
    known = predictions.select(["time", "currently_home"]).drop_null()
    slots = known.group_by("time").aggregate([("currently_home", "any")]).sort_by("time")
    return dict(zip(times_of(slots).tolist(), slots["currently_home_any"].to_pylist(), strict=True))


def _seen(events: pa.Table, starts: Ints, hold: int) -> tuple[Mask, Mask]:
    """For each slot whether a sensor was on in it, and whether any said anything."""
    series = series_numbers(events, ("entity_id",))
    times = times_of(events)
    order = np.lexsort((times, series))
    series, times = series[order], times[order]
    states = events["state"].combine_chunks().take(pa.array(order))
    until = times + hold
    followed = np.flatnonzero(series[1:] == series[:-1])
    until[followed] = np.minimum(until[followed], times[followed + 1])
    valued = pc.invert(pc.is_in(states, value_set=pa.array([*NO_VALUE, None], pa.string()))).to_numpy(
        zero_copy_only=False
    )
    on = pc.fill_null(pc.equal(states, ON), False).to_numpy(zero_copy_only=False)
    return _touched(times[on], until[on], starts), _touched(times[valued], until[valued], starts)


def _touched(begins: Ints, ends: Ints, starts: Ints) -> Mask:
    """Which slots any of the intervals has a part of; one that the next state ended at once has none."""
    real = ends > begins
    first = np.searchsorted(starts + nanoseconds(SLOT), begins[real], "right")
    after = np.searchsorted(starts, ends[real], "left")
    crossed = np.maximum(after, first)
    changes = np.bincount(first, minlength=len(starts) + 1) - np.bincount(crossed, minlength=len(starts) + 1)
    return np.cumsum(changes)[: len(starts)] > 0
