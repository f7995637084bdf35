"""The tiers of Home Assistant's events: the kind of each entity, and its hourly and daily rows (docs/tiers.md).

An entity's readings go into a column of its kind, which is rolled as that of any measurement (`statistics.py`) and
shown under the name of the column of events that it was read from. Arrow in, Arrow out.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.feeds.events.meters import ENERGY, Meters, cycles, in_watt_hours, jumping
from homeiq_assets.schema.measurement import UNKNOWN, Field, Kind
from homeiq_assets.schema.measurements import FLOAT, HOME_ASSISTANT_EVENTS, STRING, statistics, tier_of
from homeiq_assets.series.holds import NO_VALUE, Ints, Mask, filled, is_value, nanoseconds, series_numbers
from homeiq_assets.series.plausible import LONG_AGO, beyond_power, power_text
from homeiq_assets.tiers.statistics import NO_LIMITS, Limits, known_at, rolled, stacked
from homeiq_assets.window import Window, hour_edges

FLAG_DOMAINS = ("binary_sensor", "switch", "light", "fan", "input_boolean")
"""domains whose entities are on or off"""
COUNTER_UNITS = tuple(ENERGY)
"""units of meters, and of levels such as a forecast (events/meters.py)"""
NO_METERS = Meters()
_BY_KIND = replace(
    HOME_ASSISTANT_EVENTS,
    fields=(
        Field("flag", STRING, kind=Kind.FLAG),
        Field("text", STRING, kind=Kind.TEXT),
        Field("counter", FLOAT, kind=Kind.COUNTER, unit_field="counter_unit", cycle_field="cycle"),
        Field("gauge", FLOAT, kind=Kind.GAUGE),
        Field("unit", STRING, kind=Kind.TEXT, statistics=("last",)),
        Field("counter_unit", STRING, kind=Kind.TEXT, statistics=()),
        Field("reset", STRING, kind=Kind.TEXT, statistics=("last",)),
    ),
)
_READ_FROM = {
    "state": ("flag", "text"),
    "normalized_value": ("counter", "gauge"),
    "unit_of_measurement": ("unit",),
    "last_reset": ("reset",),
}
_NUMBER_AT = known_at(HOME_ASSISTANT_EVENTS.field("normalized_value"))
_NO_TEXT, _NO_NUMBER = pa.scalar(None, pa.string()), pa.scalar(None, pa.float64())


def hourly(
    events: pa.Table,
    before: pa.Table,
    day: Window,
    hold: timedelta,
    meters: Meters = NO_METERS,
    limits: Limits = NO_LIMITS,
) -> pa.Table:
    """The rows of `home_assistant_events_hourly` of one local day, a row per entity and hour in force or read.

    `events`: rows of HOME_ASSISTANT_EVENTS of the day and of the `hold` before it, in any order. `before`: the last
    known values from before the day, however old: `entity_id`, and any of `state`, `normalized_value`,
    `unit_of_measurement` and `last_reset`; may be empty or lack columns, need not hold what stands in `events`.
    `meters`: what the owner says of entities in a unit of energy.

    An entity is of one kind for the whole day, decided from all of these. A row has the statistics of that kind, all
    others are null. `unavailable` and `unknown` end a hold, whatever the kind; an event that says neither a value nor
    that is none. Where an event lacks unit, device class or area, they are what its entity had before, or else after.
    For all else see `statistics.hourly`.
    """
    return _tier(events, before, "hourly", hour_edges(day), hold, meters, limits)


def daily_from_raw(
    events: pa.Table,
    before: pa.Table,
    day: Window,
    hold: timedelta,
    meters: Meters = NO_METERS,
    limits: Limits = NO_LIMITS,
) -> pa.Table:
    """As `hourly` with the whole day as one interval: what `statistics.daily` must agree with, to 1e-9."""
    return _tier(events, before, "daily", [day.start, day.end], hold, meters, limits)


def compared(events: pa.Table, field: str) -> pa.Table:
    """The events whose values of `state` or `normalized_value` a tier compares with older ones.

    Those of flags and texts the one, those of counters, and of what may be one, the other. The tiers keep no state of
    an entity with numbers and no number of a flag, so that these would be looked for in vain.
    """
    flag = pc.is_in(pc.replace_substring_regex(events["entity_id"], r"\..*$", ""), value_set=pa.array(FLAG_DOMAINS))
    number = pc.and_(pc.is_valid(events["normalized_value"]), pc.invert(flag))
    if field == "state":
        numbers = pc.unique(events["entity_id"].filter(number))
        return events.filter(pc.or_(flag, pc.invert(pc.is_in(events["entity_id"], value_set=numbers))))
    unit = pc.fill_null(events["unit_of_measurement"], COUNTER_UNITS[0])
    return events.filter(pc.and_(number, pc.is_in(unit, value_set=pa.array(COUNTER_UNITS))))


def _tier(
    events: pa.Table,
    before: pa.Table,
    resolution: str,
    edges: list[datetime],
    hold: timedelta,
    meters: Meters,
    limits: Limits,
) -> pa.Table:
    rows = _by_kind(stacked(before, events, HOME_ASSISTANT_EVENTS, edges[-1]), nanoseconds(edges[0]), meters)
    rows = _possible(rows, edges[0], limits)
    rows = rolled(rows, _BY_KIND, tier_of(_BY_KIND, resolution), edges, hold, limits)
    tier = tier_of(HOME_ASSISTANT_EVENTS, resolution)
    columns = [rows[name] for name in ("time", *tier.tag_names)]
    for field in HOME_ASSISTANT_EVENTS.fields:
        for statistic in statistics(field):
            names = [f"{source}_{statistic}" for source in _READ_FROM[field.name]]
            # An entity is of one kind, so of one row at most one column has a value.
            columns.append(pc.coalesce(*(rows[name] for name in names if name in rows.column_names)))
    return pa.table(columns, schema=tier.arrow)


def _possible(rows: pa.Table, start: datetime, limits: Limits) -> pa.Table:
    """Rows of _BY_KIND without power beyond the limits, of which these are told from `start` on."""
    beyond = beyond_power(rows["gauge"].combine_chunks(), rows["unit"].combine_chunks(), limits.max_kw)
    for row in np.flatnonzero(beyond & (rows["time"].to_numpy() >= nanoseconds(start))).tolist():
        value, unit = rows["gauge"][row].as_py(), rows["unit"][row].as_py()
        limits.tell(power_text(rows["entity_id"][row].as_py(), value, unit, rows["time"][row].as_py(), limits.max_kw))
    for name, nothing in (("gauge", _NO_NUMBER), ("unit", _NO_TEXT)):
        place = rows.column_names.index(name)
        kept = pc.if_else(pa.array(beyond), nothing, rows[name].combine_chunks())
        rows = rows.set_column(place, rows.field(place), kept)
    return rows


def _by_kind(rows: pa.Table, start: int, meters: Meters) -> pa.Table:
    """Events as rows of _BY_KIND: of each entity the columns of its kind are filled; `rows` as of `stacked`.

    `start` (ns) is that of the day.
    """
    series = series_numbers(rows, ("entity_id",))
    order = np.lexsort((rows["time"].to_numpy(), series))
    rows, series = rows.take(pa.array(order)).combine_chunks(), series[order]
    state, value, unit = (rows[name].combine_chunks() for name in ("state", "normalized_value", "unit_of_measurement"))
    value = pc.if_else(pc.is_in(state, value_set=pa.array(NO_VALUE)), float("nan"), value)
    said = pc.or_(pc.is_valid(value), pc.equal(rows["time"].combine_chunks(), LONG_AGO))
    unit = filled(pc.if_else(said, unit, _NO_TEXT), series)
    of_counter = pc.is_in(unit, value_set=pa.array(COUNTER_UNITS))

    newest = np.flatnonzero(np.diff(series, append=-1))
    domain = pc.replace_substring_regex(rows["entity_id"].take(pa.array(newest)), r"\..*$", "")
    flag = pc.is_in(domain, value_set=pa.array(FLAG_DOMAINS)).to_numpy()
    has_number = np.zeros(len(newest), np.bool_)
    has_number[series[is_value(pc.fill_null(value, float("nan")))]] = True
    number = has_number & ~flag
    device_class, area = (_known_texts(rows[tag], series) for tag in ("device_class", "area"))
    said = pa.array(is_value(pc.fill_null(value, float("nan"))))
    state_class = filled(pc.if_else(said, rows["state_class"].combine_chunks(), _NO_TEXT), series)
    entities = pa.table(
        {"entity_id": rows["entity_id"], "device_class": device_class, "state_class": state_class}
    ).take(pa.array(newest))
    jumps = jumping(series, rows["time"].to_numpy(), in_watt_hours(value, unit), start)
    is_meter = np.array([verdict.meter for verdict in meters.verdicts(entities, jumps)], np.bool_)
    counter = number & of_counter.to_numpy(zero_copy_only=False)[newest] & is_meter

    def of(kind: Mask, column: pa.Array, nothing: pa.Scalar = _NO_TEXT) -> pa.Array:
        return pc.if_else(pa.array(kind[series]), column, nothing)

    reset = pc.if_else(pc.is_valid(value), rows["last_reset"].combine_chunks(), _NO_TEXT)
    columns = {
        "time": rows["time"],
        "entity_id": rows["entity_id"],
        "domain": rows["domain"],
        "device_class": device_class,
        "area": area,
        "flag": of(flag, state),
        "text": of(~(flag | number), state),
        "counter": of(counter, value, _NO_NUMBER),
        "gauge": of(number & ~counter, value, _NO_NUMBER),
        # In force exactly where the number is.
        "unit": of(number, pc.if_else(pc.is_nan(value), NO_VALUE[0], unit)),
        known_at(_BY_KIND.field("counter")): rows[_NUMBER_AT] if _NUMBER_AT in rows.column_names else rows["time"],
        # Of a counter that was a gauge, what is read in the gauge's unit is no energy.
        "counter_unit": of(counter, pc.if_else(of_counter, unit, _NO_TEXT)),
        "reset": of(counter, pc.if_else(pc.is_nan(value), NO_VALUE[0], reset)),
        "cycle": cycles(reset, state_class),
    }
    return pa.table(columns)


def _known_texts(texts: pa.ChunkedArray, series: Ints) -> pa.Array:
    """What is `unknown` filled in from the other rows of its series, where one of them says it."""
    texts = texts.combine_chunks()
    return pc.fill_null(filled(pc.if_else(pc.equal(texts, UNKNOWN), _NO_TEXT, texts), series), UNKNOWN)
