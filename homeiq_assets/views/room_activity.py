"""Activity of rooms: motion, occupancy and presence sensors to one row per area and hour of the local day."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import TIME, conform
from homeiq_assets.schema.measurements import MV_HOURLY_ROOM_ACTIVITY
from homeiq_assets.series.holds import FieldReadings, Floats, Grid, Ints, Mask, held_until, nanoseconds, series_numbers
from homeiq_assets.window import Window, hour_edges, local_day

MOTION = "motion"
ACTIVITY = (MOTION, "occupancy", "presence")
"""Device classes of sensors that are on while somebody is there."""
DOMAINS = ("binary_sensor",)
# Longer than any day: until the next change of what holds.
_ALWAYS = nanoseconds(timedelta(days=3660))


def room_activity(readings: pa.Table, day: Window, date: date, hold: timedelta, zone: ZoneInfo) -> pa.Table:
    """The rows of `mv_hourly_room_activity` of the local day `date`, of which `day` is what has elapsed.

    `readings`: as `Day` of `readings.py` has them. Hours are elapsed hours from local midnight; `hour` is the wall
    hour at its start. `motion_count`: how often motion sensors changed to on, over their last known value, however old.
    `occupancy_rate`: the share of the hour, as far as it has elapsed, in which at least one sensor of the area was on,
    with what was on when it began, each at most for `hold` after it was last told. An area has a row in an hour in
    which one of its sensors is in force or read.
    """
    readings = readings.filter(pc.is_in(readings["device_class"], value_set=pa.array(ACTIVITY))).combine_chunks()
    edges = [edge for edge in hour_edges(local_day(date, zone))[:-1] if edge < day.end]
    area = series_numbers(readings, ("area",))
    grid = Grid(_instants([*edges, day.end]), int(area.max(initial=-1)) + 1)
    time, value = readings["time"].cast(pa.int64()).to_numpy(), readings["value"].to_numpy()
    sensor = series_numbers(readings, ("entity_id",))

    somebody = _together(area, time, held_until(sensor, time, nanoseconds(hold)), value, grid)
    known, bucket = ~np.isnan(value), grid.bucket(time)
    inside = known & (bucket >= 0)
    read = np.bincount((area * grid.buckets + bucket)[inside], minlength=grid.cells) > 0
    cells = np.flatnonzero(somebody.present() | read)

    motion = pc.equal(readings["device_class"], MOTION).to_numpy()
    begun = _changed_to_on(sensor, value) & motion & inside
    counts = np.bincount((area * grid.buckets + bucket)[begun], minlength=grid.cells)
    on = pc.fill_null(somebody.on_seconds(), 0).to_numpy(zero_copy_only=False)
    lengths = np.diff(grid.edges) / 1e9
    walls = [edge.astimezone(zone) for edge in edges]
    hour = cells % grid.buckets
    first_of_area = np.unique(area, return_index=True)[1]
    return conform(
        pa.table(
            {
                "time": pa.array(grid.edges[hour]).cast(TIME),
                "area": readings["area"].take(pa.array(first_of_area[cells // grid.buckets])),
                "hour": pa.array(np.array([wall.hour for wall in walls], np.int64)[hour]),
                "day_of_week": pa.array(np.full(len(cells), date.weekday(), np.int64)),
                "motion_count": pa.array(counts[cells].astype(np.int64)),
                "occupancy_rate": pa.array(on[cells] / lengths[hour]),
            }
        ),
        MV_HOURLY_ROOM_ACTIVITY,
    )


def _together(area: Ints, time: Ints, until: Ints, value: Floats, grid: Grid) -> FieldReadings:
    """What the sensors of an area say as one: on while one of them is, off while one is and none is on."""
    known = np.flatnonzero(~np.isnan(value) & (until > time))
    areas = np.concatenate([area[known], area[known]])
    times = np.concatenate([time[known], until[known]])
    # Each reading adds its sensor when it begins, and takes it away where it ends.
    sensors = np.repeat([1, -1], len(known))
    on = sensors * np.tile(value[known] != 0, 2)
    order = np.lexsort((times, areas))
    areas, times = areas[order], times[order]
    # Apply all changes of one instant before reading the state. What began has ended by an area's last.
    last = np.flatnonzero((np.diff(areas, append=-1) != 0) | (np.diff(times, append=-1) != 0))
    told, somebody = np.cumsum(sensors[order])[last], np.cumsum(on[order])[last]
    column = pa.array(np.where(told > 0, (somebody > 0).astype(np.float64), np.nan))
    before_the_end = times[last] < grid.edges[-1]
    return FieldReadings(
        column.filter(pa.array(before_the_end)), areas[last][before_the_end], times[last][before_the_end], grid, _ALWAYS
    )


def _changed_to_on(sensor: Ints, value: Floats) -> Mask:
    """Which readings are on where the last known one of the same sensor was not; a first one is no change."""
    known = np.flatnonzero(~np.isnan(value))
    on, ours = value[known] != 0, sensor[known]
    changed = np.zeros(len(value), np.bool_)
    changed[known[1:]] = (ours[1:] == ours[:-1]) & on[1:] & ~on[:-1]
    return changed


def _instants(edges: list[datetime]) -> Ints:
    return np.array([nanoseconds(edge) for edge in edges], np.int64)
