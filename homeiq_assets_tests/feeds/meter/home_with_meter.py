"""A home whose meter is Home Assistant: what its tests share beside their fixtures."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window

VIENNA = ZoneInfo("Europe/Vienna")
GRID, OVEN, BOILER = "sensor.grid_power", "sensor.oven_power", "sensor.boiler_power"
NOW = datetime(2026, 11, 20, 10, 7, 30, tzinfo=UTC)
MINUTES = timedelta(minutes=1)

SettingsOf = Callable[..., Settings]


def constant(watts: float) -> Callable[[datetime], float | None]:
    return lambda _: watts


def answers(provider: Provider, window: Window, now: datetime = NOW) -> list[Answer]:
    return list(provider.fetch(window, now))


def only(answered: Iterable[Answer]) -> Answer:
    (answer,) = answered
    return answer


def times(rows: pa.Table) -> list[datetime]:
    return [time.to_pydatetime() for time in rows["time"].to_pandas()]
