"""Rows of an API that the owner describes: their times made exact, their intervals made whole.

Plain functions. A time is ISO 8601 with an offset, seconds or milliseconds since 1970, or a local time beside the name
of its `zone`; what says less than one instant is refused, or, where the clock alone is to blame, left out.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from homeiq_assets.errors import ProviderError
from homeiq_assets.redaction import excerpt
from homeiq_assets.vendors.skipped import skip, without_odd

NAME = "generic"
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
# 10^11 seconds are the year 5138, 10^11 milliseconds 1973.
MILLISECONDS_FROM = 1e11
EXCERPT = 100


def _moment(value: object) -> object:
    """An instant, or a datetime without offset; pydantic judges what is neither text nor a number."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{excerpt(value, EXCERPT)!r} is no time in ISO 8601") from None
        if at.tzinfo is None:
            return at
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        ms = value * 1000 if abs(value) < MILLISECONDS_FROM else value
        if not FIRST.timestamp() <= ms / 1000 < LAST.timestamp():
            raise ValueError("is no time of this century, neither in seconds nor in milliseconds since 1970")
        # Fractions of a millisecond are noise of floating point.
        return datetime.fromtimestamp(round(ms) / 1000, UTC)
    else:
        return value
    if not FIRST <= at < LAST:
        raise ValueError(f"{at.isoformat()} is no time of this century")
    return at.astimezone(UTC)


Moment = Annotated[datetime, BeforeValidator(_moment)]


class Row(BaseModel):
    """What every row has: the `start` of its interval, the `end` where it is said, and the `zone` of local times."""

    model_config = ConfigDict(strict=True)

    start: Moment | None
    end: Moment | None = None
    zone: str | None = None

    @property
    def series(self) -> str:
        """Tells rows apart that may share a time."""
        return ""

    @model_validator(mode="after")
    def _exact(self) -> "Row":
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (ValueError, OSError, ZoneInfoNotFoundError):
                said = excerpt(self.zone, EXCERPT)
                raise ValueError(f"zone {said!r} is not a time zone such as Europe/Vienna") from None
            return self
        for at in (self.start, self.end):
            if at is not None and at.tzinfo is None:
                raise ValueError(
                    f"{at.isoformat()} does not say its offset from UTC; if it is UTC, join('', [start, 'Z']) adds it, "
                    "if it is local time, a key zone: 'Europe/Vienna' beside start says so"
                )
        return self


Rows = TypeVar("Rows", bound=Row)


@dataclass(frozen=True)
class Interval(Generic[Rows]):
    """A row and its half-open interval (UTC)."""

    start: datetime
    end: datetime
    row: Rows


def intervals_of(rows: Sequence[Rows], *, lone_row_fails: bool) -> list[Interval[Rows]]:
    """The rows (each has a start) with their intervals, in order.

    Without `end` they are as long as the smallest distance between two of their series (or of any, where a series has
    one row only); one that is alone has no length and is left out. Raises ProviderError where a length is not known, or
    none can be, and for the lone row with `lone_row_fails`.
    """
    begun = [(start, row) for start, row in zip(_starts(rows), rows, strict=True) if start is not None]
    series: dict[str, set[datetime]] = defaultdict(set)
    for start, row in begun:
        series[row.series].add(start)
    apart = {name: [later - earlier for earlier, later in pairwise(sorted(starts))] for name, starts in series.items()}
    least = min((distance for distances in apart.values() for distance in distances), default=None)
    intervals = []
    for start, row in begun:
        distances = apart[row.series]
        step = min(distances, default=least)
        end = _instant(row.end, row.zone, after=start) if row.end is not None else None
        if end is None:
            if step is None and not lone_row_fails:
                skip(NAME, f"how long the only row, of {start.isoformat()}, lasts is not known", start)
                continue
            if step is None or any(distance % step for distance in distances):
                alone = "the only one" if step is None else "one of several that are not evenly apart"
                raise ProviderError(
                    NAME,
                    f"how long the row of {start:%Y-%m-%dT%H:%M:%SZ} lasts is not known, as it has no `end` and is "
                    f"{alone}; let the JMESPath give `end` too",
                )
            end = start + step
        intervals.append(Interval(start, end, row))
    sound = without_odd(NAME, intervals, _problem)
    return sorted(sound, key=lambda interval: (interval.start, interval.end))


def _problem(interval: Interval[Rows]) -> str | None:
    if interval.end > interval.start:
        return None
    return f"the row of {interval.start:%Y-%m-%dT%H:%M:%SZ} ends before it has begun"


def _starts(rows: Sequence[Rows]) -> list[datetime | None]:
    """Each row's start as an instant, None where a local time does not tell which one it is.

    In the hour that a zone repeats in autumn a time is told apart by its order: of two rows of a series with the
    same time the first is the earlier.
    """
    total = Counter((row.start, row.series) for row in rows)
    seen: Counter[tuple[datetime | None, str]] = Counter()
    starts: list[datetime | None] = []
    for row in rows:
        assert row.start is not None  # noqa: S101
        start = _instant(row.start, row.zone)
        if start is None:
            own = (row.start, row.series)
            if total[own] == 2 and row.zone is not None:
                start = row.start.replace(tzinfo=ZoneInfo(row.zone), fold=seen[own]).astimezone(UTC)
                start = start if _wall(start, row.zone) == row.start else None
            seen[own] += 1
        if start is None:
            skip(NAME, f"{row.start} is not one instant in {row.zone}, so its row is left out")
        starts.append(start)
    return starts


def _instant(at: datetime, zone: str | None, after: datetime | None = None) -> datetime | None:
    """The instant of a time; of a local time that exists twice, or never, None (or the first later than `after`)."""
    if at.tzinfo is not None or zone is None:
        return at
    both = [at.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    if after is not None:
        return next((one for one in both if one > after), both[0])
    return both[0] if both[0] == both[1] else None


def _wall(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
