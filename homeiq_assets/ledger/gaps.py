"""Closed days that lack rows of a feed: which they are, which of them to ask for next, and what came of asking.

What came of it is kept in HOMEIQ_HOME: a day that was answered twice without its rows is not asked for again by
itself. A day without rows of its own step is known by the slots that an answer told, for not every vendor has the same.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from filelock import FileLock
from pydantic import AwareDatetime, BaseModel

from homeiq_assets.feeds.collect import slots_due, slots_held
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import choice, history, settles
from homeiq_assets.home import Home
from homeiq_assets.ledger.seals import expired_days
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.tables import inside
from homeiq_assets.vendors import state_files
from homeiq_assets.window import DAY, HOUR, Window, local_date, local_day, local_midnight

ANSWERS = 2
"""how often a day is answered without its rows until it is left alone"""
SPACING = 20 * HOUR
"""how long after such an answer the day is asked for again, unless it leaves the vendor's history before"""
LONGEST = 31
"""days that one run asks for at most: polls need the vendor's quota too"""
BRIDGED = 3
"""whole days between two short ones that are asked for along, to spare a run"""
SETTLED = 3 * HOUR
"""by when in the night the settling of the feeds is done"""


class Told(BaseModel):
    """What is known of a closed day that is not as its feed's days usually are.

    `step` (s) is that of its rows, None where they have none; `answers` how often the vendor answered the question for
    what is missing without it, the last time at `last` (UTC), and `why` what it said.
    """

    step: float | None = None
    answers: int = 0
    last: AwareDatetime | None = None
    why: str = ""


class Record(BaseModel):
    """What is known of a feed's days. `provider` is whose answers these were, `first` the first day ever stored.

    `steps` (s) are those that the provider's rows have had since the day named; 0 where they have none.
    """

    provider: str
    first: date | None = None
    steps: dict[date, float] = {}
    days: dict[date, Told] = {}

    @property
    def unfillable(self) -> list[date]:
        """The days, in order, that were answered without their rows often enough."""
        return sorted(day for day, told in self.days.items() if told.answers >= ANSWERS)

    def usual(self, feed: Feed, day: date) -> timedelta | None:
        """The step that rows of a day have where nothing else is known of it; zero: none, None: that is not known."""
        if feed.measurement.step is not None or not self.steps:
            return feed.measurement.step
        since = max((first for first in self.steps if first <= day), default=min(self.steps))
        return timedelta(seconds=self.steps[since])

    def step(self, feed: Feed, day: date) -> timedelta | None:
        """The step that rows of a day have, as far as that is known; zero: none."""
        told = self.days.get(day)
        return self.usual(feed, day) if told is None else timedelta(seconds=told.step or 0)


def record_of(feed: Feed, home: Home) -> Record:
    """What is known of the days of a feed, as the provider in force told it."""
    provider = choice(feed, home.settings)
    known = state_files.read(_file(feed, home), Record)
    if known is None or known.provider != provider:
        # What one vendor lacks another may have.
        return Record(provider=provider, first=known.first if known else None)
    return known


def lacks(feed: Feed, record: Record, day: date, rows: pa.Table, home: Home) -> bool:
    """Whether a closed day has fewer rows than it should; `rows` are those of it, and of `feed.sparse` before it."""
    window = local_day(day, home.zone)
    own = rows.filter(inside(rows, window))
    step = record.step(feed, day)
    if step:
        return slots_held(own, window.end, step) < slots_due(window, window.end, step)
    if step is not None and day not in record.days:
        return True  # of rows without a step nobody knows whether they are all, until they were asked for once
    nearby = rows.filter(inside(rows, Window(window.start - feed.sparse, window.end))) if feed.sparse else own
    return not nearby.num_rows


def over(feed: Feed, day: date, now: datetime, home: Home) -> bool:
    """Whether a day is closed, and all of it should be published."""
    late = feed.reach or 2 * (feed.measurement.step or feed.interval)
    return local_day(day, home.zone).end + late <= now


def short_days(feed: Feed, record: Record, days: Sequence[date], home: Home, store: Store) -> Iterator[date]:
    """Those of consecutive closed days that lack rows, read a month at a time. Raises StoreError."""
    yield from (day for day, rows in _rows_of(feed, days, home, store) if lacks(feed, record, day, rows, home))


def _rows_of(feed: Feed, days: Sequence[date], home: Home, store: Store) -> Iterator[tuple[date, pa.Table]]:
    """Each of consecutive days, with the rows of its month, and of `feed.sparse` before it."""
    for start in range(0, len(days), LONGEST):
        month = days[start : start + LONGEST]
        first, last = local_day(month[0], home.zone).start, local_day(month[-1], home.zone).end
        rows = store.read(feed.measurement, Window(first - feed.sparse, last))
        yield from ((day, rows) for day in month)


def first_day(feed: Feed, record: Record, home: Home, store: Store) -> date:
    """The first day that the feed should have: the first ever stored, else HOMEIQ_START_DATE. Raises StoreError."""
    oldest = store.oldest(feed.measurement)
    stored = [] if oldest is None else [local_date(oldest, home.zone)]
    known = [] if record.first is None else [record.first]
    return max(min([*stored, *known], default=home.settings.homeiq_start_date), home.settings.homeiq_start_date)


def next_days(
    feed: Feed, record: Record, short: Collection[date], barred: Collection[date], now: datetime, home: Home
) -> tuple[date, date] | None:
    """The first and the last of the short days to ask for now, those first that leave the vendor's history soonest.

    `barred` are days that must not be asked for. Days that the nightly settling asks for are left to it, unless they
    go along or would leave the history before.
    """
    barred = {*barred, *record.unfillable}
    settled = _next_settling(now, home) - settles(feed, home.settings) * DAY
    rested = [day for day in sorted(short) if day >= settled or _rested(feed, record, day, now, home)]
    open_days = [day for day in rested if day not in barred]
    wanted = [
        day for day in open_days if (day < settled and over(feed, day, now, home)) or _pressing(feed, day, now, home)
    ]
    if not wanted:
        return None
    in_reach = [day for day in wanted if not _gone(feed, day, now, home)]
    # Days beyond the known history are asked for too: a plan may reach further, or hold coarser rows.
    first = last = in_reach[0] if in_reach else wanted[-1]
    for day in (day for day in open_days if day > last):
        if not _joins(last, day, barred) or (day - first).days >= LONGEST:
            break
        last = day
    for day in reversed([day for day in open_days if day < first]):
        if not _joins(day, first, barred) or (last - day).days >= LONGEST:
            break
        first = day
    return first, last


def keep_found(
    feed: Feed,
    days: Sequence[date],
    received: Mapping[date, int],
    steps: Mapping[date, timedelta],
    why: Mapping[date, str],
    home: Home,
    store: Store,
    *,
    asked: bool,
    filling: bool,
) -> Record:
    """Keep what a run found of local days, and return all that is known. Raises StoreError.

    `received` are the rows that came for each day and `steps` their steps, `why` what the vendor said where it has no
    history. `asked`: the whole days were asked for; `filling`: because they lacked rows.
    """
    now, file = home.now(), _file(feed, home)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(file.with_suffix(".lock"), timeout=60)
        lock.acquire()
    except OSError:
        return record_of(feed, home)
    try:
        before = record_of(feed, home)
        record = before.model_copy(deep=True)
        for day in sorted(day for day in days if received.get(day)):
            record.first = min(day, record.first or day)
            told = steps.get(day, timedelta())
            newest = day >= max(record.steps, default=day)
            if feed.measurement.step is None and newest and record.usual(feed, day) != told:
                record.steps[day] = told.total_seconds()
        closed = [day for day in days if asked and local_day(day, home.zone).end <= now]
        for day, rows in _rows_of(feed, closed, home, store):
            counted = filling and over(feed, day, now, home)
            _keep_day(feed, record, day, rows, steps.get(day), why.get(day, ""), home, counted=counted)
        if record != before:
            state_files.write(file, record)
        return record
    finally:
        lock.release()


def _keep_day(
    feed: Feed,
    record: Record,
    day: date,
    rows: pa.Table,
    step: timedelta | None,
    why: str,
    home: Home,
    *,
    counted: bool,
) -> None:
    told = record.days.get(day, Told())
    usual = step or record.step(feed, day)
    record.days[day] = told.model_copy(update={"step": usual.total_seconds() if usual else None})
    if lacks(feed, record, day, rows, home):
        if counted:
            more = {"answers": told.answers + 1, "last": home.now(), "why": why}
            record.days[day] = record.days[day].model_copy(update=more)
        elif not told.answers:
            del record.days[day]
    elif usual and usual == record.usual(feed, day):
        del record.days[day]
    else:
        record.days[day] = Told(step=record.days[day].step)


def _rested(feed: Feed, record: Record, day: date, now: datetime, home: Home) -> bool:
    """Whether it is time to ask for a day again."""
    told = record.days.get(day)
    # An answer that lies in the future is one of a clock that was set back since.
    if told is None or told.last is None or not now - SPACING < told.last <= now:
        return True
    reach = history(feed, home.settings)
    return reach is not None and now < local_day(day, home.zone).end + reach <= now + SPACING


def _pressing(feed: Feed, day: date, now: datetime, home: Home) -> bool:
    """Whether some of a day leaves the vendor's history before the next settling is done."""
    reach = history(feed, home.settings)
    settling = local_midnight(_next_settling(now, home), home.zone) + SETTLED
    return reach is not None and local_day(day, home.zone).start + reach <= settling


def _next_settling(now: datetime, home: Home) -> date:
    """The local day in whose night the feeds are settled next."""
    return local_date(now - SETTLED, home.zone) + DAY


def _gone(feed: Feed, day: date, now: datetime, home: Home) -> bool:
    reach = history(feed, home.settings)
    return reach is not None and local_day(day, home.zone).end + reach <= now


def _joins(one: date, next_one: date, barred: Collection[date]) -> bool:
    between = [one + n * DAY for n in range(1, (next_one - one).days)]
    return len(between) <= BRIDGED and not any(day in barred for day in between)


def forgotten(feed: Feed, days: Sequence[date], home: Home, store: Store) -> list[date]:
    """Those of the days whose rows the store would not keep. Raises StoreError."""
    if not days:
        return []
    window = Window(local_day(days[0], home.zone).start, local_day(days[-1], home.zone).end)
    return expired_days(window, store.keeps(feed.measurement), home)


def _file(feed: Feed, home: Home) -> Path:
    return home.settings.homeiq_home / "history" / f"{feed.name}.json"
