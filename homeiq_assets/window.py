"""The half-open, time-zone-aware window that everything is asked for, and the home's local days.

Instants are UTC datetimes. Lengths are differences of UTC instants, so a local day is 23, 24 or
25 hours long (23.5 and 24.5 on Lord Howe); nothing here counts 24. No storage, no Dagster.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
"""24 hours, or a step from one date to the next; a local day may be shorter or longer."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Half-open interval `[start, end)` of UTC instants; never empty.

    Raises ValueError for naive datetimes and where `end` is not after `start`.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window's ends need a time zone")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end <= self.start:
            raise ValueError(f"a window's end must be after its start: {self.start} .. {self.end}")

    @property
    def length(self) -> timedelta:
        """Elapsed time between the two instants."""
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def intersect(self, other: "Window") -> "Window | None":
        """The common part, or None where there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start, end) if start < end else None

    def chunks(self, longest: timedelta) -> Iterator["Window"]:
        """The window cut, in order, into parts of at most `longest`."""
        start = self.start
        while start < self.end:
            end = min(start + longest, self.end)
            yield Window(start, end)
            start = end

    def utc_days(self) -> Iterator["Window"]:
        """The window cut at UTC midnights."""
        start = self.start
        while start < self.end:
            midnight = datetime.combine(start.date() + timedelta(days=1), time(), UTC)
            end = min(midnight, self.end)
            yield Window(start, end)
            start = end

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%M:%SZ}..{self.end:%Y-%m-%dT%H:%M:%SZ}"


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) of the local date `day`.

    Where a clock change removes midnight (Havana, Beirut, São Paulo) it is the instant of the change.
    """
    naive = datetime.combine(day, time())
    instant = naive.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).date() < day:
        # A skipped midnight: with fold=1 the offset after the change is used.
        instant = naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != naive:
        # Inside the gap both readings lie beside the change; search the change itself.
        low, high = instant - timedelta(hours=3), instant + timedelta(hours=3)
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) / 2
            if middle.astimezone(zone).date() < day:
                low = middle
            else:
                high = middle
        instant = high.replace(microsecond=0)
    return instant


def exists(day: date, zone: ZoneInfo) -> bool:
    """Whether the local date `day` has any time: none has one that a zone skipped to change sides of the date line.

    Apia went from 2011-12-29 to 2011-12-31, Kwajalein from 1993-08-20 to 1993-08-22.
    """
    return local_midnight(day, zone) < local_midnight(day + timedelta(days=1), zone)


def existing(days: Iterable[date], zone: ZoneInfo) -> list[date]:
    """Those of the local dates that exist, in the order given."""
    return [day for day in days if exists(day, zone)]


def next_day(day: date, zone: ZoneInfo) -> date:
    """The local date that follows `day`."""
    following = day + timedelta(days=1)
    return following if exists(following, zone) else next_day(following, zone)


def local_day(day: date, zone: ZoneInfo) -> Window:
    """The window of the local date `day`, midnight to midnight. Raises ValueError for a date that does not exist."""
    return Window(local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone))


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The local date that `instant` falls on."""
    return instant.astimezone(zone).date()


def local_days(window: Window, zone: ZoneInfo) -> list[date]:
    """The local dates that `window` touches, in order."""
    first = local_date(window.start, zone)
    last = local_date(window.end - timedelta(microseconds=1), zone)
    return existing((first + timedelta(days=n) for n in range((last - first).days + 1)), zone)


def consecutive(days: Iterable[date]) -> Iterator[list[date]]:
    """Days, in their order, cut where one is missing between them."""
    for _, run in groupby(enumerate(days), lambda numbered: numbered[1].toordinal() - numbered[0]):
        yield [day for _, day in run]


def local_month(first_day: date, zone: ZoneInfo) -> Window:
    """The window of the local month that begins on `first_day`."""
    after = (first_day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return Window(local_midnight(first_day.replace(day=1), zone), local_midnight(after, zone))


def hour_edges(day: Window) -> list[datetime]:
    """The instants that cut `day` into hours: its start, then every 3,600 s elapsed, last its end.

    The last hour is shorter where the day is not whole hours long (Lord Howe: 23.5, 24.5 h).
    """
    edges = []
    edge = day.start
    while edge < day.end:
        edges.append(edge)
        edge += HOUR
    return [*edges, day.end]


def floor_to(instant: datetime, step: timedelta) -> datetime:
    """`instant` rounded down to a multiple of `step` since the epoch (UTC)."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return instant - (instant - epoch) % step


def ceil_to(instant: datetime, step: timedelta) -> datetime:
    """`instant` rounded up to a multiple of `step` since the epoch (UTC)."""
    floored = floor_to(instant, step)
    return floored if floored == instant else floored + step
