"""What a calendar's events say of where somebody is, and how their words are read.

The rules are those of docs/occupancy.md. What becomes of the events on a day's grid belongs to `occupancy.py`.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from homeiq_assets.errors import SettingError
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import skip

OUT_OF_OFFICE = "out of office"
"""What calendars call being away. It is read as one phrase, so that `office` is not found in it."""


class Says(StrEnum):
    """What an event says: work at home, work elsewhere, away, or merely that somebody is busy."""

    HOME_OFFICE = "home office"
    WORKPLACE = "workplace"
    AWAY = "away"
    BUSY = "busy"


@dataclass(frozen=True)
class Event:
    """One event of somebody's calendar, half-open.

    `start` and `end` are instants (aware datetimes), or both local dates of an all-day event. `explicit`: the calendar
    service itself knows it as a working location; else it was read from words. `tentative`: it may not take place.
    """

    start: datetime | date
    end: datetime | date
    says: Says
    explicit: bool = False
    tentative: bool = False

    @property
    def all_day(self) -> bool:
        return not isinstance(self.start, datetime)


class When(BaseModel):
    """An end of an event as calendar services write it: an instant, or the date of an all-day event."""

    model_config = ConfigDict(strict=True)

    date: dt.date | None = None
    date_time: AwareDatetime | None = Field(None, alias="dateTime")


def ends(
    provider: str, calendar: str, start: When | None, end: When | None
) -> tuple[datetime, datetime] | tuple[date, date] | None:
    """Beginning and end of an event, None (and the event is skipped) where they make no stretch of time."""
    problem = "without a beginning or an end"
    if start and end:
        if start.date_time and end.date_time and start.date_time <= end.date_time:
            return start.date_time, end.date_time
        if start.date and end.date and start.date <= end.date:
            return start.date, end.date
        first, last = (one.date_time or one.date for one in (start, end))
        if first and last:
            alike = isinstance(first, datetime) == isinstance(last, datetime)
            odd = "that ends before it begins" if alike else "with a date at one end and a time at the other"
            problem = f"{odd} ({first.isoformat()} to {last.isoformat()})"
    skip(provider, f"{calendar} has an event {problem}, which is left out")
    return None


class Words:
    """The owner's words for work at home and for being away; `office` are those of `away` that mean the workplace.

    "Out of office" is away too, unless it is among the words for work at home.
    """

    def __init__(self, wfh: Iterable[str], away: Iterable[str], office: Iterable[str]) -> None:
        self._says: dict[str, Says] = {OUT_OF_OFFICE: Says.AWAY}
        workplace = {_plain(word) for word in office}
        for word in map(_plain, away):
            self._says[word] = Says.WORKPLACE if word in workplace else Says.AWAY
        self._says |= {_plain(word): Says.HOME_OFFICE for word in wfh}
        # The longest first: `office` is no word of its own in `home office`.
        phrases = sorted((word for word in self._says if word), key=len, reverse=True)
        self._pattern = re.compile("|".join(rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in phrases))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of CALENDAR_WFH_WORDS, CALENDAR_AWAY_WORDS and CALENDAR_OFFICE_WORDS. Raises SettingError."""
        settings.sound("CALENDAR_WFH_WORDS", "CALENDAR_AWAY_WORDS", "CALENDAR_OFFICE_WORDS")
        lists = (settings.calendar_wfh_words, settings.calendar_away_words, settings.calendar_office_words)
        return cls(*(text.split(",") for text in lists))

    def read(self, *texts: str | None) -> Says:
        """What whole words in an event's texts say, whatever their case; a contradiction says nothing but busy."""
        found = {self._says[match] for text in texts if text for match in self._pattern.findall(_plain(text))}
        away = found & {Says.AWAY, Says.WORKPLACE}
        if away:
            if Says.HOME_OFFICE in found:
                return Says.BUSY
            return Says.AWAY if Says.AWAY in away else Says.WORKPLACE
        return Says.HOME_OFFICE if Says.HOME_OFFICE in found else Says.BUSY


@dataclass(frozen=True)
class Rules:
    """How long the way home takes, and the wall hours in which people work (half-open; may wrap midnight)."""

    travel: timedelta
    work_hours: tuple[int, int]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of CALENDAR_TRAVEL_MINUTES and CALENDAR_WORK_HOURS. Raises SettingError."""
        settings.sound("CALENDAR_TRAVEL_MINUTES", "CALENDAR_WORK_HOURS")
        first, last = (int(hour) for hour in settings.calendar_work_hours.split("-"))
        first %= 24
        # A clock change can take an hour away.
        if first == last or (last - first) % 24 == 1:
            raise SettingError("CALENDAR_WORK_HOURS", "must begin and end at least two hours apart, such as 8-17")
        return cls(timedelta(minutes=settings.calendar_travel_minutes), (first, last))


def calendars(setting: str, text: str, names: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(user, calendar id) of each item of a setting: `id` or `user=id`, comma-separated; a user may have several.

    Without a name the user is what stands in `names` for the id, else the id's part before an @. Raises SettingError.
    """
    found: list[tuple[str, str]] = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        user, given, calendar = (part.strip() for part in item.rpartition("="))
        user = user if given else (names or {}).get(calendar, calendar.partition("@")[0])
        if not user or not calendar:
            raise SettingError(setting, f"{item!r} is neither a calendar's id nor name=id")
        if (user, calendar) not in found:
            found.append((user, calendar))
    if not found:
        raise SettingError(setting, f"{text!r} names no calendar")
    return found


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
