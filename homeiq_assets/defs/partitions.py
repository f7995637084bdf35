"""The home's day and month as Dagster partitions: one grid, with the ends that design asks for.

Feeds reach to tomorrow (day-ahead prices), views to today, tiers and archive to yesterday. Windows are
taken from the partition's key by `window.py`, because Dagster's own are wall-clock intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import dagster as dg

from homeiq_assets.home import Home
from homeiq_assets.window import Window, existing, local_day

FROM_THE_DAY_BEFORE = dg.TimeWindowPartitionMapping(start_offset=-1, allow_nonexistent_upstream_partitions=True)
"""A day that also reads the day before it: the values that still hold at midnight."""


@dataclass(frozen=True)
class Grid:
    """The partitions of one home."""

    feeds: dg.DailyPartitionsDefinition
    views: dg.DailyPartitionsDefinition
    tiers: dg.DailyPartitionsDefinition
    months: dg.MonthlyPartitionsDefinition


def grid(home: Home) -> Grid:
    """The home's grid in its zone, from `HOMEIQ_START_DATE`."""
    start, zone = home.settings.homeiq_start_date.isoformat(), home.zone.key

    def days(end_offset: int) -> dg.DailyPartitionsDefinition:
        return dg.DailyPartitionsDefinition(start, timezone=zone, end_offset=end_offset)

    first_month = home.settings.homeiq_start_date.replace(day=1).isoformat()
    return Grid(days(2), days(1), days(0), dg.MonthlyPartitionsDefinition(first_month, timezone=zone))


def day_of(key: str) -> date:
    """The local date of a daily partition's key."""
    return date.fromisoformat(key)


def days_of(keys: Sequence[str], zone: ZoneInfo) -> list[date]:
    """The local dates of daily partitions, in their order, but for dates that do not exist in the zone.

    Dagster has a partition for such a date too, with nothing to be done; asked for it alone it does the day after.
    """
    return existing((day_of(key) for key in keys), zone)


def days_window(days: Sequence[date], zone: ZoneInfo) -> Window:
    """The window from the first to the last of local dates."""
    return Window(local_day(min(days), zone).start, local_day(max(days), zone).end)
