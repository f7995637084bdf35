"""Events of calendars become occupancy predictions on a local day's 15-minute grid.

A day's rows depend on the events from a day's travel before it to 14 days after it, and on the rules, never on when
they are worked out: a past day comes out the same whenever it is asked for again. docs/occupancy.md has the rules.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.calendar.events import Event, Rules, Says
from homeiq_assets.feeds.provider import Answer
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import OCCUPANCY_PREDICTION
from homeiq_assets.window import HOUR, Window, local_date, local_day, local_days, local_midnight

SLOT = timedelta(minutes=15)
AHEAD = timedelta(days=14)
"""How far beyond a day later events are looked for, which may put the return off."""
LONGEST_HOURS = OCCUPANCY_PREDICTION.field("hours_until_arrival").high or inf
LOCATED, WORDED, ON_THE_WAY, QUIET, WORKDAY, BUSY = 0.95, 0.85, 0.7, 0.8, 0.6, 0.5
TENTATIVE_LOSS = 0.25
_GONE = (Says.AWAY, Says.WORKPLACE)
_DAY = timedelta(days=1)


def reach(window: Window, zone: ZoneInfo) -> Window:
    """From when to when events have to be known for the rows of `window`, whatever zone the calendar is in."""
    days = local_days(window, zone)
    return Window(
        local_midnight(days[0], zone) - 2 * _DAY,
        local_midnight(days[-1] + _DAY, zone) + AHEAD + _DAY,
    )


def answers(
    source: str, calendars: Mapping[str, Iterable[Event]], window: Window, zone: ZoneInfo, rules: Rules
) -> Iterator[Answer]:
    """The rows of all slots that lie whole in `window`, by user; what a calendar has nothing of is an answer too.

    `calendars` are each user's events, complete for `reach(window, zone)`.
    """
    days = {day: [s for s in slots(day, zone) if window.intersect(s) == s] for day in local_days(window, zone)}
    covered = [slot for inside in days.values() for slot in inside]
    if not covered:
        return
    rows: list[dict[str, Any]] = []
    for user, events in calendars.items():
        stretches = _stretches(events, reach(window, zone), zone, rules)
        for day, inside in days.items():
            of_day = _day_rows(stretches, day, inside, zone, rules)
            rows.extend({"source": source, "user": user, **row} for row in of_day)
    covers = Window(covered[0].start, covered[-1].end)
    yield Answer(rows_of(OCCUPANCY_PREDICTION, rows), covers, SLOT)


def slots(day: date, zone: ZoneInfo) -> list[Window]:
    """The grid of a local day: every 15 minutes elapsed since its midnight, the last slot cut at the day's end."""
    return list(local_day(day, zone).chunks(SLOT))


@dataclass(frozen=True)
class _Stretch:
    """A stretch of time of which an event says something. `day`: the local date that an all-day event gives it."""

    start: datetime
    end: datetime
    event: Event
    day: date | None = None

    def on(self, day: date, window: Window) -> bool:
        """Whether it belongs to the local date."""
        return self.day == day if self.day else self.start < window.end and self.end > window.start


def _stretches(events: Iterable[Event], known: Window, zone: ZoneInfo, rules: Rules) -> list[_Stretch]:
    """The events in time, as far as they matter to `known`. A part-day working location stands above all-day ones."""
    found = [stretch for event in events for stretch in _in_time(event, known, zone, rules)]
    parts = [stretch for stretch in found if stretch.event.explicit and not stretch.event.all_day]
    return sorted(
        (
            piece
            for stretch in found
            for piece in (_without(stretch, parts) if stretch.event.explicit and stretch.event.all_day else [stretch])
        ),
        key=lambda stretch: (stretch.start, stretch.end),
    )


def _in_time(event: Event, known: Window, zone: ZoneInfo, rules: Rules) -> Iterator[_Stretch]:
    # Beyond the longest absence that can be told, an end makes no difference.
    last = known.end + timedelta(hours=LONGEST_HOURS)
    if isinstance(event.start, datetime) and isinstance(event.end, datetime):
        start, end = max(event.start, known.start), min(event.end, last)
        if start < min(end, known.end):
            yield _Stretch(start.astimezone(UTC), end.astimezone(UTC), event)
        return
    if event.start >= local_date(known.end, zone):
        return
    first = max(event.start, local_date(known.start, zone))
    # Some calendars give an all-day event of one day the same date twice.
    after = min(max(event.end, event.start + _DAY), local_date(last, zone))
    if event.says in (Says.HOME_OFFICE, Says.WORKPLACE):
        day = first
        while day < min(after, local_date(known.end, zone)):
            hours = work_hours(day, zone, rules)
            yield _Stretch(hours.start, hours.end, event, day)
            day += _DAY
    elif event.says is not Says.BUSY and first < after:
        yield _Stretch(local_midnight(first, zone), local_midnight(after, zone), event)


def work_hours(day: date, zone: ZoneInfo, rules: Rules) -> Window:
    """The hours of work that begin on a local date."""
    first, last = rules.work_hours
    return Window(_wall(day, first, zone), _wall(day if last > first else day + _DAY, last, zone))


def _wall(day: date, hour: int, zone: ZoneInfo) -> datetime:
    if hour % 24 == 0:
        return local_midnight(day + hour // 24 * _DAY, zone)
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


def _without(stretch: _Stretch, parts: Sequence[_Stretch]) -> Iterator[_Stretch]:
    start = stretch.start
    for part in sorted(parts, key=lambda part: part.start):
        if part.end <= start or part.start >= stretch.end:
            continue
        if start < part.start:
            yield _Stretch(start, part.start, stretch.event, stretch.day)
        start = part.end
    if start < stretch.end:
        yield _Stretch(start, stretch.end, stretch.event, stretch.day)


def _day_rows(
    stretches: Sequence[_Stretch], day: date, inside: Sequence[Window], zone: ZoneInfo, rules: Rules
) -> Iterator[dict[str, Any]]:
    window, horizon = local_day(day, zone), local_midnight(day + _DAY + AHEAD, zone)
    near = [stretch for stretch in stretches if stretch.start < horizon and stretch.end + rules.travel > window.start]
    runs = _absences([stretch for stretch in near if stretch.event.says in _GONE], rules.travel)
    wfh = _works_at_home(near, day, window, work_hours(day, zone, rules))
    today = [stretch for stretch in near if stretch.start < window.end]
    # Work that began last night may wrap midnight.
    shifts = [work_hours(begun, zone, rules) for begun in (day - _DAY, day) if begun.weekday() < 5]
    for slot in inside:
        at = slot.start
        arrival = next((end for start, end in runs if start <= at < end), None)
        current = [stretch.event for stretch in today if stretch.start <= at < stretch.end]
        working = any(at in shift for shift in shifts)
        yield {
            "time": at,
            "currently_home": arrival is None,
            "wfh_today": wfh,
            "confidence": _confidence(current, arrival is not None, working),
            "hours_until_arrival": 0.0 if arrival is None else min((arrival - at) / HOUR, LONGEST_HOURS),
        }


def _absences(gone: Sequence[_Stretch], travel: timedelta) -> list[tuple[datetime, datetime]]:
    """From leaving to arriving back; who would leave again before having arrived stays away."""
    runs: list[tuple[datetime, datetime]] = []
    for stretch in gone:
        start, end = stretch.start, stretch.end + travel
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], end))
        else:
            runs.append((start, end))
    return runs


def _works_at_home(near: Sequence[_Stretch], day: date, window: Window, hours: Window) -> bool:
    """Whether the day is one of work at home: a working location says so or, without any, words.

    Part-day working locations decide alone, by the longer time. A day of which at least half of the work hours go
    to being away (working locations aside) is none.
    """
    own = [stretch for stretch in near if stretch.on(day, window)]
    located = [stretch for stretch in own if stretch.event.explicit]
    located = [stretch for stretch in located if not stretch.event.all_day] or located
    if located:
        home = _shared(window, [stretch for stretch in located if stretch.event.says is Says.HOME_OFFICE])
        says_so = home > _shared(window, [stretch for stretch in located if stretch.event.says is Says.WORKPLACE])
    else:
        says_so = any(stretch.event.says is Says.HOME_OFFICE for stretch in own)
    gone = [stretch for stretch in near if stretch.event.says in _GONE and not stretch.event.explicit]
    return says_so and 2 * _shared(hours, gone) < hours.length


def _shared(window: Window, stretches: Sequence[_Stretch]) -> timedelta:
    """How much of the window the stretches take, together."""
    total, until = timedelta(0), window.start
    for stretch in stretches:
        start, end = max(stretch.start, until), min(stretch.end, window.end)
        if start < end:
            total, until = total + (end - start), end
    return total


def _confidence(current: Sequence[Event], away: bool, working: bool) -> float:
    """How sure a slot is, of the events that cover it (docs/occupancy.md has the table)."""
    kinds = _GONE if away else (Says.HOME_OFFICE,)
    said = [
        (LOCATED if event.explicit else WORDED) - (TENTATIVE_LOSS if event.tentative else 0)
        for event in current
        if event.says in kinds
    ]
    if said:
        return round(max(said), 2)
    if away:
        return ON_THE_WAY
    if current:
        return BUSY
    return WORKDAY if working else QUIET
