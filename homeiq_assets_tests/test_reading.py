"""Which place is asked for a day's rows; the command line's and the notebook's tests are in cli/test_read.py."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.archive.objects import LocalFolder
from homeiq_assets.errors import ArchiveError
from homeiq_assets.home import Home, open_home
from homeiq_assets.measurements import SMART_METER, tier_of
from homeiq_assets.reading import parts
from homeiq_assets.settings import Settings
from homeiq_assets.stores.embedded import EmbeddedStore
from homeiq_assets.window import HOUR, Window, local_month

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
