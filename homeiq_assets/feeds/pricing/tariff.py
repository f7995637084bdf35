"""A tariff of the owner's own, from one line of settings: fixed, or by the wall clock and the day of the week.

    0.32
    22-6=0.21; sat,sun=0.25; 0.32
    0.27; 2026-11-01: 0.31
    2025-01-01: 0.32 | 2026-07-01: mon-fri 7-22:30=0.36; 0.29

Rules stand between `;` and the first that fits is the price; the last, a bare number, is that of all other time. Hours
are half-open local wall hours and may wrap midnight; days are those of the calendar at that hour. A date of validity,
after `;` or `|`, begins a part of rules that is in force from that day on; before the first date nothing is known.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.pricing.slots import Slot
from homeiq_assets.window import Window, local_date, local_day, local_days

SETTING = "PRICING_TARIFF"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
QUARTER = timedelta(minutes=15)
_MIDNIGHT = 24 * 60
_PRICE = re.compile(r"-?(\d+(\.\d*)?|\.\d+)")
_HOURS = re.compile(r"(\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?")
_DAYS = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?")
_DATED = re.compile(r"(\d+-\d+-\d+)\s*:(.*)", re.DOTALL)
_NEXT_PART = re.compile(r"\||;(?=\s*\d+-\d+-\d+\s*:)")


@dataclass(frozen=True)
class _Rule:
    """`days` (0 is Monday) and `spans` (minutes of the wall clock, half-open) it is for; without any: all."""

    price: float
    days: frozenset[int]
    spans: tuple[tuple[int, int], ...]

    @property
    def bare(self) -> bool:
        return not self.days and not self.spans

    def fits(self, wall: datetime) -> bool:
        minute = wall.hour * 60 + wall.minute
        return (not self.days or wall.weekday() in self.days) and (
            not self.spans
            or any(
                first <= minute < last if first < last else minute >= first or minute < last
                for first, last in self.spans
            )
        )


@dataclass(frozen=True)
class _Part:
    since: date | None
    rules: tuple[_Rule, ...]


@dataclass(frozen=True)
class Tariff:
    """A tariff that was read. Prices are in the owner's currency per kWh."""

    parts: tuple[_Part, ...]

    @property
    def begins(self) -> date | None:
        """The first day of which a price is known, None where all are."""
        return self.parts[0].since

    def slots(self, window: Window, zone: ZoneInfo) -> list[Slot]:
        """The whole local days of `window`, in slots of an hour, or shorter where a rule begins within one."""
        slots: list[Slot] = []
        for day in local_days(window, zone):
            part = next((part for part in reversed(self.parts) if part.since is None or part.since <= day), None)
            if part is not None:
                slots += _slots_of(local_day(day, zone), part.rules, zone)
        return slots

    def peaks(self, slots: list[Slot], zone: ZoneInfo) -> dict[datetime, bool]:
        """Whether a slot, by its start, has the highest price of its day; none has where all are the same."""
        prices: dict[date, set[float]] = {}
        for slot in slots:
            prices.setdefault(local_date(slot.start, zone), set()).add(slot.price)
        return {
            slot.start: len(levels) > 1 and slot.price == max(levels)
            for slot in slots
            for levels in [prices[local_date(slot.start, zone)]]
        }


def read(text: str) -> Tariff:
    """The tariff that the setting describes. Raises SettingError, which says what is wrong with which part."""
    parts: list[_Part] = []
    for written in _NEXT_PART.split(text):
        dated = _DATED.fullmatch(written.strip())
        since = _date(dated[1]) if dated else None
        if parts and since is None:
            raise _wrong(f"{written.strip()!r} follows a | and needs the date it begins on, such as 2026-07-01: 0.35")
        if parts and since is not None and parts[-1].since is not None and since <= parts[-1].since:
            raise _wrong(f"{since} does not come after {parts[-1].since}; put the parts in order of their dates")
        parts.append(_Part(since, tuple(_rules(dated[2] if dated else written, written.strip()))))
    return Tariff(tuple(parts))


def _rules(text: str, part: str) -> Iterator[_Rule]:
    """The rules of a part, from its `text` behind the date; `part` is all of it, for errors."""
    written = [rule.strip() for rule in text.strip().removesuffix(";").split(";")]
    for number, rule in enumerate(written, 1):
        conditions, equals, price = rule.rpartition("=")
        if not _PRICE.fullmatch(price.strip()):
            raise _wrong(
                f"{price.strip()!r} is no price; one is written like 0.32, per kWh, behind a date of validity like "
                f"2026-07-01: 0.32; look at {part!r}"
            )
        days: set[int] = set()
        spans: list[tuple[int, int]] = []
        for condition in re.sub(r"\s*-\s*", "-", conditions.lower()).replace(",", " ").split():
            if found := _HOURS.fullmatch(condition):
                spans.append(_span(condition, *found.groups()))
            elif found := _DAYS.fullmatch(condition):
                days |= _weekdays(condition, found[1], found[2] or found[1])
            else:
                raise _wrong(f"{condition!r} is neither hours such as 22-6 nor days such as sat,sun or mon-fri")
        parsed = _Rule(float(price), frozenset(days), tuple(spans))
        last = number == len(written)
        if equals and parsed.bare:
            raise _wrong(f"{rule!r} says no hours and no days before its =")
        if parsed.bare and not last:
            raise _wrong(
                f"{rule!r} is for all time, so the rules after it never fit ({'; '.join(written[number:])}); put it "
                "last, or before a new price the date it begins on, such as 2026-07-01: 0.35"
            )
        if last and not parsed.bare:
            raise _wrong(f"ends with {rule!r}; add the price of all other time, such as ; 0.32")
        yield parsed


def _span(condition: str, first: str, first_minute: str | None, last: str, last_minute: str | None) -> tuple[int, int]:
    start, end = int(first) * 60 + int(first_minute or 0), int(last) * 60 + int(last_minute or 0)
    quarter = QUARTER // timedelta(minutes=1)
    if start >= _MIDNIGHT or end > _MIDNIGHT or start == end or start % quarter or end % quarter:
        raise _wrong(
            f"{condition!r} are no hours; they go from 0 to 24, at full hours or their quarters, and end elsewhere "
            "than they begin"
        )
    return start, end


def _weekdays(condition: str, first: str, last: str) -> set[int]:
    if first not in DAYS or last not in DAYS:
        raise _wrong(f"{condition!r} is no day; days are {', '.join(DAYS)}")
    begin, end = DAYS.index(first), DAYS.index(last)
    return {day % 7 for day in range(begin, end + 1 if begin <= end else end + 8)}


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _wrong(f"{text} is no date") from None


def _wrong(problem: str) -> SettingError:
    return SettingError(SETTING, f"{problem} (docs/generic.md)")


def _slots_of(day: Window, rules: tuple[_Rule, ...], zone: ZoneInfo) -> Iterator[Slot]:
    edges = [edge for rule in rules for span in rule.spans for edge in span]
    step = next(step for step in (60, 30, 15) if not any(edge % step for edge in edges))
    at = day.start
    while at < day.end:
        # Cut where the wall clock shows a multiple of the step: after a clock change by half an hour (Lord Howe)
        # that is no multiple of it since midnight.
        wall = at.astimezone(zone)
        end = min(at + timedelta(minutes=step - wall.minute % step), day.end)
        price = next(rule.price for rule in rules if rule.fits(wall))
        yield Slot(at.astimezone(UTC), end, price)
        at = end
