"""Fetching a feed into the store: a chunk at a time, each answer a replace, counted per local day."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import NoHistory
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.redaction import printable
from homeiq_assets.schema.bounds import out_of_bounds
from homeiq_assets.schema.measurement import TIME, Measurement, conform, with_readings
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import Window, ceil_to, floor_to, local_date, local_day, local_days, local_midnight

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collected:
    """What a chunk brought: rows received per local day (0 for days without), and what the store did.

    `finished` are the days that end with the chunk or in it; `steps` the coarsest step that came for a day; `covers`
    the windows that the answers vouched for; `left` the days that stay removed, which the settings had rows for;
    `refused` what the provider said where it has no history of the chunk, or of a part of it.
    """

    window: Window
    received: Counter[date]
    finished: tuple[date, ...]
    replaced: Replaced
    steps: dict[date, timedelta]
    covers: tuple[Window, ...]
    left: tuple[date, ...] = ()
    refused: NoHistory | None = None


def collect(
    provider: Provider,
    store: Store,
    window: Window,
    now: datetime,
    zone: ZoneInfo,
    removed: Callable[[Window], Sequence[date]] = lambda _: (),
) -> Iterator[Collected]:
    """Ask `provider` for `window` and put every answer into `store`; yields after each chunk is stored.

    A chunk ends at a local midnight, unless the provider's longest window is shorter than a day. A chunk of which there
    is no history costs no other. `removed` says which days of a window are removed: rows that only the settings state
    are not stored there. Raises ProviderError and StoreError; chunks yielded before stay stored.
    """
    for chunk in _chunks(window, provider.longest, zone):
        days = local_days(chunk, zone)
        received: Counter[date] = Counter(dict.fromkeys(days, 0))
        done: Counter[str] = Counter(asdict(Replaced()))
        steps: dict[date, timedelta] = {}
        covers: list[Window] = []
        left: set[date] = set()
        refused: NoHistory | None = None
        try:
            for told in provider.fetch(chunk, now):
                whole = replace(told, rows=_printable(told.rows, provider.measurement))
                closed = removed(whole.covers) if whole.from_settings else ()
                left.update(closed)
                for answer in _without(whole, closed, zone):
                    measurement = provider.measurement.keeping(answer.unsaid)
                    rows = answer.rows if answer.apart is None else _beside(answer, answer.apart, measurement, store)
                    finer_stay = None if answer.replaces_finer else answer.step
                    done.update(asdict(store.replace(measurement, rows, answer.covers, finer_stay)))
                    covers.append(answer.covers)
                    for day in local_days(answer.covers, zone):
                        received[day] += _between(answer.rows, local_day(day, zone)).num_rows
                        if answer.step is not None:
                            steps[day] = max(answer.step, steps.get(day, answer.step))
        except NoHistory as error:
            refused = error
        for day in days:
            span = local_day(day, zone)
            # A day that an answer covers may have no rows: then the vendor says so.
            if (
                refused is None
                and chunk.intersect(span) == span
                and span.end <= now
                and not any(map(span.intersect, covers))
            ):
                skip(provider.name, f"nothing that can be used came for {day}")
        log.info(
            "%s: %d rows of %s", provider.measurement.name, received.total(), chunk, extra={"provider": provider.name}
        )
        finished = tuple(day for day in days if local_day(day, zone).end <= chunk.end)
        yield Collected(chunk, received, finished, Replaced(**done), steps, tuple(covers), tuple(sorted(left)), refused)


def _without(answer: Answer, days: Sequence[date], zone: ZoneInfo) -> Iterator[Answer]:
    """The parts of an answer beside some local days."""
    start = answer.covers.start
    for edge in [*(local_day(day, zone) for day in sorted(days)), None]:
        end = answer.covers.end if edge is None else edge.start
        if start < end:
            covers = Window(start, end)
            yield replace(answer, rows=_between(answer.rows, covers), covers=covers)
        start = start if edge is None else edge.end


def _printable(rows: pa.Table, measurement: Measurement) -> pa.Table:
    """The rows without what a terminal or page would obey in their tags: the names in them are the vendor's."""
    clean = rows
    for name in measurement.tag_names:
        names = rows[name].unique().to_pylist()
        shown = {said: " ".join(printable(said).split()) for said in names if not said.isprintable()}
        if shown:
            column = pa.array([shown.get(said, said) for said in rows[name].to_pylist()], rows[name].type)
            clean = clean.set_column(clean.column_names.index(name), rows.field(name), column)
    return rows if clean is rows else conform(clean, measurement)


def _beside(answer: Answer, tag: str, measurement: Measurement, store: Store) -> pa.Table:
    """The answer's rows, and the stored ones that it says nothing of: of a value of `tag` outside its span."""
    stored = store.read(measurement, answer.covers)
    spans = answer.rows.group_by(tag).aggregate([("time", "min"), ("time", "max")])
    said = stored.select([tag, "time"]).append_column("row", pa.arange(0, stored.num_rows)).join(spans, tag)
    inside = pc.and_(pc.greater_equal(said["time"], said["time_min"]), pc.less_equal(said["time"], said["time_max"]))
    gone = pc.is_in(said[tag], value_set=pa.array(sorted(answer.absent), pa.string()))
    kept = said.filter(pc.invert(pc.or_(gone, pc.fill_null(inside, False))))["row"]
    return conform(pa.concat_tables([stored.take(kept), answer.rows]), measurement)


def _chunks(window: Window, longest: timedelta, zone: ZoneInfo) -> Iterator[Window]:
    start = window.start
    while start < window.end:
        end = min(start + longest, window.end)
        midnight = local_midnight(local_date(end, zone), zone)
        if start < midnight < end < window.end:
            end = midnight
        yield Window(start, end)
        start = end


@dataclass(frozen=True)
class StoredDay:
    """How a local day stands in the store.

    `rows` counts them all; `intervals` the slots with a reading that are due at the survey's `now`, `expected` how
    many there should be of them (None without a step); `beyond` names fields with unbelievable values;
    `chart` holds times and values of the field to be drawn.
    """

    day: date
    rows: int
    intervals: int
    expected: int | None
    beyond: list[str]
    chart: pa.Table

    @property
    def short(self) -> bool:
        """Whether intervals are missing."""
        return self.expected is not None and self.intervals < self.expected


def survey(
    measurement: Measurement,
    store: Store,
    days: Iterable[date],
    field: str | None,
    steps: Mapping[date, timedelta],
    now: datetime,
    zone: ZoneInfo,
    late: timedelta | None = None,
) -> Iterator[StoredDay]:
    """What the store holds of each of `days`, in order; `field` is the one to be drawn, if any.

    `steps` are the days' steps where they are known; the measurement's own otherwise. `late` is how long after its
    slot a reading may be published, two steps at least.
    """
    for day in days:
        window = local_day(day, zone)
        rows = store.read(measurement, window)
        step = steps.get(day, measurement.step)
        due = now if step is None else _due(window, step, now, max(late or timedelta(), 2 * step))
        yield StoredDay(
            day,
            rows.num_rows,
            slots_held(with_readings(rows, measurement), due, step),
            None if step is None else slots_due(window, due, step),
            [f"{day} {text}" for text in out_of_bounds(rows, measurement)],
            rows.select(["time"] if field is None else ["time", field]).drop_null(),
        )


def slots_due(day: Window, until: datetime, step: timedelta) -> int:
    """How many slots of a day, which begin at multiples of `step`, begin before `until`."""
    return max(0, -((ceil_to(day.start, step) - until) // step))


def slots_held(rows: pa.Table, until: datetime, step: timedelta | None) -> int:
    """In how many slots there are rows that begin before `until`; without a step each time is one."""
    times = rows.filter(pc.less(rows["time"], pa.scalar(until, TIME)))["time"].cast(pa.int64())
    if step is not None:
        # Rows of a finer step that are stored beside coarser ones fill no more than their slots.
        times = pc.divide(times, step // timedelta(microseconds=1) * 1000)
    return int(pc.count_distinct(times).as_py())


def _due(day: Window, step: timedelta, now: datetime, late: timedelta) -> datetime:
    """Until when the slots of a day, which begin at multiples of `step`, should be there at `now`."""
    # The slot in progress, and those for which it is not too late yet, may not be published.
    return day.end if now >= day.end + late else floor_to(now, step) - late


def _between(rows: pa.Table, window: Window) -> pa.Table:
    times = rows["time"]
    start, end = pa.scalar(window.start, times.type), pa.scalar(window.end, times.type)
    return rows.filter(pc.and_(pc.greater_equal(times, start), pc.less(times, end)))
