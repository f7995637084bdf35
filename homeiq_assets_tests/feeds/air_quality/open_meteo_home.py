"""A home whose air quality feed is a simulated Open-Meteo, for the tests of that provider."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.air_quality import open_meteo
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.open_meteo import OpenMeteoVendor
from homeiq_assets_tests.simulated_vendors.server import no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
HOUR = timedelta(hours=1)
FIRST = datetime(2025, 9, 25, tzinfo=UTC)
NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
SLOT = datetime(2025, 11, 20, 10, tzinfo=UTC)
DAY = local_day(date(2025, 11, 12), VIENNA)
HOURS = [FIRST + n * HOUR for n in range(70 * 24)]
AIR = {
    "pm2_5": {at: 10 + 8 * math.sin(n / 5) for n, at in enumerate(HOURS)},
    "pm10": {at: 20 + 15 * math.sin(n / 7) for n, at in enumerate(HOURS)},
    "ozone": {at: 80 + 60 * math.sin(n / 9) for n, at in enumerate(HOURS)},
}


@contextmanager
def running() -> Iterator[OpenMeteoVendor]:
    """The vendor at NOW, its client's pauses skipped."""
    with OpenMeteoVendor(AIR, now=NOW) as vendor, no_waiting():
        yield vendor


def provider(vendor: OpenMeteoVendor, **given: Any) -> Provider:
    usual: dict[str, Any] = {"open_meteo_base_url": vendor.url, "latitude": 48.2, "longitude": 16.4}
    return open_meteo.build(Settings(**(usual | given)), VIENNA)["air_quality"]


def fetch(vendor: OpenMeteoVendor, window: Window = DAY, now: datetime = NOW, **given: Any) -> list[Answer]:
    return list(provider(vendor, **given).fetch(window, now))


def rows(answers: list[Answer], parameter: str | None = None) -> list[dict[str, Any]]:
    found = [row | {"time": row["time"].to_pydatetime()} for answer in answers for row in answer.rows.to_pylist()]
    return sorted((row for row in found if parameter in (None, row["parameter"])), key=itemgetter("time"))
