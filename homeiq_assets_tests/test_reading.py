"""Which place is asked for a day's rows; the command line's and the notebook's tests are in cli/test_read.py."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.archive.objects import LocalFolder
from homeiq_assets.errors import ArchiveError
from homeiq_assets.measurements import SMART_METER, tier_of
from homeiq_assets.reading import parts
from homeiq_assets.stores.embedded import EmbeddedStore
from homeiq_assets.window import HOUR, Window, local_month

VIENNA = ZoneInfo("Europe/Vienna")


class Away:
    """An archive that nobody can reach."""

    def __getattr__(self, name: str) -> Any:
        raise ArchiveError("the archive is away")


def test_a_month_that_is_not_over_is_read_without_asking_the_archive(tmp_path: Path) -> None:
    daily, october = tier_of(SMART_METER, "daily"), local_month(date(2025, 10, 1), VIENNA)
    during, after = october.end - HOUR, october.end
    store, archive = EmbeddedStore(tmp_path), Away()

    assert list(parts(daily, october, VIENNA, store, archive, during)) == []  # type: ignore[arg-type]
    with pytest.raises(ArchiveError, match="away"):
        list(parts(daily, october, VIENNA, store, archive, after))  # type: ignore[arg-type]


def test_centuries_that_a_timestamp_cannot_reach_are_empty(tmp_path: Path) -> None:
    centuries = Window(datetime(1660, 1, 1, tzinfo=UTC), datetime(1680, 1, 1, tzinfo=UTC))
    daily, now = tier_of(SMART_METER, "daily"), datetime(2025, 11, 1, tzinfo=UTC)

    assert list(parts(daily, centuries, VIENNA, EmbeddedStore(tmp_path), LocalFolder(tmp_path / "archive"), now)) == []
