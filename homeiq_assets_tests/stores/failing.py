"""Everything a store can be asked, to be asked of one that cannot do it; and what its errors must be like."""

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from homeiq_assets.errors import HomeiqError, SettingError, StoreError
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.places import Row, put

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = Window(NOON - 12 * HOUR, NOON + 12 * HOUR)


def air(hours: float, aqi: int, category: str = "Good") -> Row:
    return {
        "time": NOON + hours * HOUR,
        "location": "48.2,16.4",
        "category": category,
        "parameter": "PM2.5",
        "aqi": aqi,
    }


STORED = [air(0, 41), air(1, 42), air(2, 43)]
"""what is stored before something fails"""
ANSWER = [air(0, 41), air(1, 52, "Moderate"), air(3, 44)]
"""what then comes: one row unchanged, one changed, one gone, one new"""

READING: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read(AIR_QUALITY, DAY),
    "stream": lambda store: list(store.stream(AIR_QUALITY, DAY)),
    "whole": lambda store: store.whole(AIR_QUALITY, DAY),
    "last": lambda store: store.last(AIR_QUALITY, "aqi", NOON),
    "newest": lambda store: store.newest(AIR_QUALITY),
    "counts": lambda store: store.counts(AIR_QUALITY, DAY),
    "recover": lambda store: store.recover(AIR_QUALITY),
}
WRITING: dict[str, Callable[[Store], object]] = {
    "replace": lambda store: put(store, AIR_QUALITY, ANSWER, DAY),
    "delete": lambda store: store.delete(AIR_QUALITY, DAY),
}


def error_of(store: Store, act: Callable[[Store], object]) -> HomeiqError:
    """The error that the act ends with; it must be one of ours."""
    with pytest.raises((StoreError, SettingError)) as caught:
        act(store)
    return caught.value


def shown(error: BaseException) -> str:
    """All that a log could show of the error, its causes included."""
    return "".join(traceback.format_exception(error))
