"""Which place is asked for a day's rows; the command line's and the notebook's tests are in cli/test_read.py."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.archive.objects import LocalFolder
from homeiq_assets.errors import ArchiveError, HomeiqError
from homeiq_assets.home import Home, open_home
from homeiq_assets.reading import parts, span
from homeiq_assets.schema.measurements import SMART_METER, tier_of
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import HOUR, Window, local_day, local_month

VIENNA = ZoneInfo("Europe/Vienna")


class Away:
    """An archive that nobody can reach."""

    def __getattr__(self, name: str) -> Any:
        raise ArchiveError("the archive is away")


def home_at(now: datetime, settings_of: Callable[..., Settings]) -> Home:
    return replace(open_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna")), now=lambda: now)


def test_a_month_that_is_not_over_is_read_without_asking_the_archive(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    daily, october = tier_of(SMART_METER, "daily"), local_month(date(2025, 10, 1), VIENNA)
    during, after = october.end - HOUR, october.end
    store, archive = EmbeddedStore(tmp_path), Away()

    assert list(parts(daily, october, home_at(during, settings_of), store, archive)) == []  # type: ignore[arg-type]
    with pytest.raises(ArchiveError, match="away"):
        list(parts(daily, october, home_at(after, settings_of), store, archive))  # type: ignore[arg-type]


def test_centuries_that_a_timestamp_cannot_reach_are_empty(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    centuries = Window(datetime(1660, 1, 1, tzinfo=UTC), datetime(1680, 1, 1, tzinfo=UTC))
    home, archive = home_at(datetime(2025, 11, 1, tzinfo=UTC), settings_of), LocalFolder(tmp_path / "archive")

    for measurement in (SMART_METER, tier_of(SMART_METER, "daily")):
        assert list(parts(measurement, centuries, home, EmbeddedStore(tmp_path), archive)) == []


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("-7d", date(2025, 10, 19)),
        ("-0d", date(2025, 10, 26)),
        ("+2d", date(2025, 10, 28)),
        (" -365D ", date(2024, 10, 26)),
        ("yesterday", date(2025, 10, 25)),
        ("Today", date(2025, 10, 26)),
        ("TOMORROW", date(2025, 10, 27)),
        ("2025-10-20", date(2025, 10, 20)),
    ],
)
def test_a_day_from_today_is_the_midnight_of_that_local_day(text: str, day: date) -> None:
    # In Vienna the day of 25 hours has begun, in UTC it has not.
    now = datetime(2025, 10, 25, 22, 30, tzinfo=UTC)
    midnight = local_day(day, VIENNA).start

    assert span(text, "+9d", now, VIENNA).start == midnight
    assert span("2020-01-01", text, now, VIENNA).end == midnight


def test_a_day_from_today_begins_at_the_clock_change_where_that_removes_midnight() -> None:
    havana = ZoneInfo("America/Havana")
    now = datetime(2025, 3, 10, 12, tzinfo=UTC)

    assert span("yesterday", "today", now, havana).length == timedelta(hours=23)


@pytest.mark.parametrize("text", ["7d", "-d", "-1.5d", "--1d", "-7", "-7h", "last week", "2025-13-01", "-99999999d"])
def test_what_is_no_day_is_refused_with_what_may_be_said(text: str) -> None:
    with pytest.raises(HomeiqError, match=r"is no date \(2025-10-26\), .*-7d, yesterday, today, tomorrow"):
        span(text, None, datetime(2025, 10, 26, tzinfo=UTC), VIENNA)
