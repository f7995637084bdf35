"""What the entities of a home say, from its events: their readings in order, and the days of a run of a view.

A view of a day needs more than its events: what held when it began, and what each entity last said before, however
old. Both are carried here from one day of a range to the next, so that a range is read once.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.events.source import EventSource
from homeiq_assets.feeds.events.values import NUMBERS, chosen
from homeiq_assets.ledger.last_known import SPANS
from homeiq_assets.schema.measurement import TIME, UNKNOWN
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.series.holds import NO_VALUE, ON, Ints, Mask, filled, nanoseconds, series_numbers
from homeiq_assets.window import Window, consecutive, local_day

READINGS = pa.schema(
    [
        ("time", TIME),
        ("entity_id", pa.string()),
        ("device_class", pa.string()),
        ("area", pa.string()),
        ("unit", pa.string()),
        ("value", pa.float64()),
        ("state_class", pa.string()),
        ("last_reset", pa.string()),
    ]
)
"""What entities say, sorted by entity, then time; a `value` of NaN says that there is none (`unavailable`)."""
_NOTHING = READINGS.empty_table()


@dataclass(frozen=True)
class Day:
    """A local day of a run. `window` is its part that has elapsed.

    `readings` are those of that part and of the hold before it (without it, where domains were chosen) and, of each
    entity, the newest before that and the newest that have a value (`NUMBERS`), at their own times.
    """

    date: date
    window: Window
    readings: pa.Table


def readings_of(events: pa.Table, earlier: pa.Table = _NOTHING) -> pa.Table:
    """The readings that events (rows of HOME_ASSISTANT_EVENTS, in order of time) are, after `earlier` ones.

    On and off are 1 and 0. An event that says neither a number nor that there is none is no reading. Where an event
    lacks unit, device class, state class or area, they are what its entity had before, or else after.
    """
    rows = pa.concat_tables([earlier, _said(events)]).combine_chunks()
    series = series_numbers(rows, ("entity_id",))
    order = np.lexsort((rows["time"].to_numpy(), series))
    rows, series = rows.take(pa.array(order)), series[order]
    for name, absent in (("device_class", UNKNOWN), ("area", UNKNOWN), ("unit", None), ("state_class", None)):
        texts = rows[name].combine_chunks()
        if absent is not None:
            texts = pc.if_else(pc.equal(texts, absent), pa.scalar(None, pa.string()), texts)
        texts = filled(texts, series)
        if absent is not None:
            texts = pc.fill_null(texts, absent)
        rows = rows.set_column(rows.column_names.index(name), name, texts)
    return rows


def days_of(
    events: EventSource,
    days: Iterable[date],
    zone: ZoneInfo,
    hold: timedelta,
    now: datetime,
    *,
    domains: Collection[str] | None = None,
) -> Iterator[Day]:
    """The days in their order, each with its readings up to `now`; days that have not begun are left out.

    Memory does not grow with their number. Raises what the source does.
    """
    begun = [day for day in sorted(days) if local_day(day, zone).start < now]
    for run in consecutive(begun):
        windows = {day: local_day(day, zone) for day in run}
        last = max(windows)
        windows[last] = Window(windows[last].start, min(windows[last].end, now))
        # A choice of domains has no meters, whose readings of yesterday tell whether today's first one can be.
        yield from _consecutive(events, windows, hold, domains, timedelta() if domains else hold)


def _consecutive(
    events: EventSource,
    windows: dict[date, Window],
    hold: timedelta,
    domains: Collection[str] | None,
    carry: timedelta,
) -> Iterator[Day]:
    """Days of which each begins where the one before it ends; all readings of a time `carry` go with the next one."""
    first, last = min(windows), max(windows)
    start = windows[first].start - hold
    cuts = [windows[first].start, *(window.end for window in windows.values())]
    parts = _cut(events.stream(Window(start, windows[last].end), domains=domains), cuts)
    carried, spans = _carried(readings_of(next(parts)), windows[first].start - carry), list(SPANS)
    for (day, window), part in zip(windows.items(), parts, strict=True):
        while spans and _unheard(part, carried):
            # Looking back is done only where it decides something, no further than need be, and once in a run.
            span = spans.pop(0)
            older = events.last_before(start, known=True, since=None if span is None else start - span)
            carried = _carried(readings_of(chosen(older, domains, None), carried), window.start - carry)
        readings = readings_of(part, carried)
        yield Day(day, window, readings)
        carried = _carried(readings, window.end - carry)


def _cut(tables: Iterator[pa.Table], instants: Sequence[datetime]) -> Iterator[pa.Table]:
    """Events in order of time, cut at each of the instants; the last of them ends the last part."""
    waiting: list[pa.Table] = []
    for instant in instants:
        end = nanoseconds(instant)
        while not waiting or waiting[-1]["time"][-1].value < end:
            table = next(tables, None)
            if table is None:
                break
            waiting.append(table)
        if not waiting:
            yield HOME_ASSISTANT_EVENTS.empty()
            continue
        whole = pa.concat_tables(waiting)
        place = int(np.searchsorted(whole["time"].cast(pa.int64()).to_numpy(), end))
        yield whole.slice(0, place)
        waiting = [whole.slice(place)] if place < whole.num_rows else []


def _said(events: pa.Table) -> pa.Table:
    """The events that say a value, or that there is none."""
    state = events["state"]
    none = pc.is_in(state, value_set=pa.array(NO_VALUE))
    flag = pc.if_else(pc.equal(state, ON), 1.0, pc.if_else(pc.equal(state, "off"), 0.0, pa.scalar(None, pa.float64())))
    value = pc.if_else(none, float("nan"), pc.coalesce(flag, events["normalized_value"]))
    # What is unavailable may lack the class that it has otherwise.
    state_class = pc.if_else(none, pa.scalar(None, pa.string()), events["state_class"])
    columns = [events["time"], events["entity_id"], events["device_class"], events["area"]]
    columns += [events["unit_of_measurement"], value, state_class, events["last_reset"]]
    rows = pa.table(columns, schema=READINGS)
    return rows.filter(pc.is_valid(rows["value"]))


def _carried(readings: pa.Table, since: datetime) -> pa.Table:
    """Of each entity the newest reading, the newest that have a value, and all from an instant on."""
    recent = np.flatnonzero(readings["time"].cast(pa.int64()).to_numpy() >= nanoseconds(since))
    series, known = series_numbers(readings, ("entity_id",)), np.flatnonzero(_valued(readings))
    ours = series[known]
    newest = known[np.searchsorted(ours, ours, "right") - np.arange(len(ours)) <= NUMBERS]
    return readings.take(pa.array(np.union1d(np.union1d(_last_of_runs(series), newest), recent)))


def _last_of_runs(series: Ints) -> Ints:
    return np.flatnonzero(np.diff(series, append=-1))


def _valued(readings: pa.Table) -> Mask:
    return ~np.isnan(readings["value"].to_numpy())  # type: ignore[no-any-return]


def _known_entities(readings: pa.Table) -> pa.Array:
    return pc.unique(readings["entity_id"].filter(pa.array(_valued(readings))))


def _unheard(events: pa.Table, carried: pa.Table) -> bool:
    """Whether an entity says a value of which no earlier one is carried."""
    return bool(set(_known_entities(_said(events)).to_pylist()) - set(_known_entities(carried).to_pylist()))
