"""Fetching a feed into the store: a chunk at a time, each answer a replace, counted per local day."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.feeds.provider import Provider
from homeiq_assets.schema import Measurement
from homeiq_assets.stores.base import Replaced, Store
from homeiq_assets.window import Window, local_date, local_day, local_days, local_midnight

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collected:
    """What a chunk brought: rows received per local day (0 for days without), and what the store did."""

    window: Window
    received: Counter[date]
    replaced: Replaced
    step: timedelta | None


def collect(provider: Provider, store: Store, window: Window, now: datetime, zone: ZoneInfo) -> Iterator[Collected]:
    """Ask `provider` for `window` and put every answer into `store`; yields after each chunk is stored.

    A chunk ends at a local midnight, so that its days are finished when it is yielded. Raises
    ProviderError and StoreError; chunks yielded before stay stored.
    """
    for chunk in _chunks(window, provider.longest, zone):
        received: Counter[date] = Counter(dict.fromkeys(local_days(chunk, zone), 0))
        done: Counter[str] = Counter(asdict(Replaced()))
        step = None
        for answer in provider.fetch(chunk, now):
            done.update(asdict(store.replace(provider.measurement, answer.rows, answer.covers, answer.step)))
            step = answer.step if step is None else min(step, answer.step or step)
            for day in local_days(answer.covers, zone):
                received[day] += _between(answer.rows, local_day(day, zone)).num_rows
        log.info(
            "%s: %d rows of %s", provider.measurement.name, received.total(), chunk, extra={"provider": provider.name}
        )
        yield Collected(chunk, received, Replaced(**done), step)


def _chunks(window: Window, longest: timedelta, zone: ZoneInfo) -> Iterator[Window]:
    start = window.start
    while start < window.end:
        end = min(start + longest, window.end)
        if end < window.end:
            end = max(local_midnight(local_date(end, zone), zone), start + timedelta(hours=1))
        yield Window(start, end)
        start = end


@dataclass(frozen=True)
class StoredDay:
    """How a local day stands in the store.

    `rows` counts them all; `intervals` the distinct times before the survey's `now`, `expected` how many
    there should be of them by then (None without a step); `beyond` names fields with unbelievable
    values; `chart` holds times and values of the field to be drawn.
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
    field: str,
    step: timedelta | None,
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[StoredDay]:
    """What the store holds of each of `days`, in order; `field` is the one to be drawn."""
    for day in days:
        window = local_day(day, zone)
        rows = store.read(measurement, window)
        begun = rows.filter(pc.less(rows["time"], pa.scalar(now, rows["time"].type)))
        expected = None
        if step is not None:
            # The slot in progress and the one before it may not be published yet.
            end = window.end if now >= window.end + 2 * step else max(now - 2 * step, window.start)
            expected = (end - window.start) // step
        yield StoredDay(
            day,
            rows.num_rows,
            int(pc.count_distinct(begun["time"]).as_py()),
            expected,
            [f"{day} {text}" for text in out_of_bounds(rows, measurement)],
            rows.select(["time", field]).drop_null(),
        )


def out_of_bounds(rows: pa.Table, measurement: Measurement) -> list[str]:
    """The fields of `rows` with values beyond the schema's bounds, each with the range found."""
    found = []
    for field in measurement.fields:
        if field.low is None and field.high is None:
            continue
        extremes = pc.min_max(rows[field.name]).as_py()
        low, high = extremes["min"], extremes["max"]
        if low is not None and (
            (field.low is not None and low < field.low) or (field.high is not None and high > field.high)
        ):
            found.append(f"{field.name}: {low:g} .. {high:g} {field.unit}")
    return found


def _between(rows: pa.Table, window: Window) -> pa.Table:
    times = rows["time"]
    start, end = pa.scalar(window.start, times.type), pa.scalar(window.end, times.type)
    return rows.filter(pc.and_(pc.greater_equal(times, start), pc.less(times, end)))
