"""A home in San Francisco whose air quality feed is a simulated AirNow, for the tests of that provider.

Main St (3 km) measures PM2.5, Bay View (10 km) PM2.5 and ozone, Hilltop (21 km) PM10 and PM2.5, Faraway (95 km) all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from homeiq_assets.feeds.air_quality.airnow import provider as airnow
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.airnow import AirNowVendor, Station
from homeiq_assets_tests.simulated_vendors.server import no_waiting

PACIFIC = ZoneInfo("America/Los_Angeles")
HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 5, 17, 20, tzinfo=UTC)
NEWEST = datetime(2026, 11, 5, 16, tzinfo=UTC)
DAY = local_day(date(2026, 10, 20), PACIFIC)
POLLED = Window(datetime(2026, 11, 5, 15, tzinfo=UTC), local_day(date(2026, 11, 6), PACIFIC).end)
KEY = "11111111-AAAA-2222-BBBB-333333333333"
MAIN_ST, BAY_VIEW, HILLTOP, FARAWAY = range(4)
PLACES = {
    "Main St": (37.80, -122.40, "060000001", ("PM25",)),
    "Bay View": (37.70, -122.50, "060000002", ("PM25", "OZONE")),
    "Hilltop": (37.95, -122.35, "060000003", ("PM10", "PM25")),
    "Faraway": (38.60, -122.20, "060000004", ("PM25", "PM10", "OZONE")),
}
HOURS = [datetime(2026, 9, 28, tzinfo=UTC) + n * HOUR for n in range(40 * 24)]


def stations() -> list[Station]:
    """Values tell sites apart: Main St reports 10.0 to 10.9, Bay View 20.0 to 20.9, and so on."""
    found = []
    for number, (name, (latitude, longitude, code, measured)) in enumerate(PLACES.items(), start=1):
        hours: dict[str, dict[datetime, tuple[float | None, int | None]]] = {
            parameter: {at: (10.0 * number + n % 10 / 10, 40 + n % 10) for n, at in enumerate(HOURS)}
            for parameter in measured
        }
        found.append(Station(name, latitude, longitude, code, hours))
    return found


@contextmanager
def running() -> Iterator[AirNowVendor]:
    """The vendor at NOW, its client's pauses skipped."""
    with AirNowVendor(stations(), key=KEY, now=NOW) as vendor, no_waiting():
        yield vendor


def provider(vendor: AirNowVendor, **given: Any) -> Provider:
    usual: dict[str, Any] = {
        "airnow_base_url": vendor.url,
        "airnow_api_key": SecretStr(KEY),
        "latitude": 37.77,
        "longitude": -122.42,
    }
    return airnow.build(Settings(**(usual | given)), PACIFIC)["air_quality"]


def fetch(vendor: AirNowVendor, window: Window = DAY, **given: Any) -> list[Answer]:
    return list(provider(vendor, **given).fetch(window, vendor.now))


def poll(vendor: AirNowVendor, now: datetime, **given: Any) -> list[Answer]:
    """A poll at another time, as its asset asks."""
    vendor.now = now
    hour = now.replace(minute=0)
    return fetch(vendor, Window(hour - 2 * HOUR, hour + timedelta(days=1)), **given)


def rows(answers: list[Answer], parameter: str | None = None) -> list[dict[str, Any]]:
    found = [row | {"time": row["time"].to_pydatetime()} for answer in answers for row in answer.rows.to_pylist()]
    return sorted((row for row in found if parameter in (None, row["parameter"])), key=itemgetter("time"))


def site_numbers(answers: list[Answer]) -> dict[str, set[int]]:
    """Which stations the readings of each parameter are from, by their values."""
    fields = {"PM2.5": "pm25", "PM10": "pm10", "Ozone": "ozone"}
    return {
        parameter: {int(row[field] // 10) - 1 for row in rows(answers, parameter)}
        for parameter, field in fields.items()
        if rows(answers, parameter)
    }
