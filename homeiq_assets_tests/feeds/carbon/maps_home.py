"""A home whose carbon feed is a simulated Electricity Maps, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from homeiq_assets.feeds.carbon.electricity_maps import provider as electricity_maps
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.electricity_maps import ElectricityMapsVendor
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply, no_waiting

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
START = datetime(2025, 9, 1, tzinfo=UTC)
VALUES: dict[datetime, float | None] = {START + n * HOUR: 250 + n % 101 for n in range(240 * 24)}
FORECASTS: dict[datetime, float | None] = {at: (value or 0) + 500 for at, value in VALUES.items()}
DAY = local_day(date(2025, 11, 20), BERLIN)
NEXT_WEEK = DAY.end + timedelta(days=7)
SLOT = DAY.start + 10 * HOUR
NOW = SLOT + timedelta(minutes=7)
POLL = Window(NOW - 6 * HOUR, DAY.end + timedelta(days=1))
TOKEN = "correct-horse-key-1"
HISTORY, MIX = "/v3/carbon-intensity/history", "/v3/power-breakdown/history"
RANGE, MIX_RANGE = "/v3/carbon-intensity/past-range", "/v3/power-breakdown/past-range"
FORECAST, LATEST = "/v3/carbon-intensity/forecast", "/v3/carbon-intensity/latest"


@contextmanager
def running() -> Iterator[ElectricityMapsVendor]:
    """The vendor at NOW, its client's pauses skipped."""
    with ElectricityMapsVendor(VALUES, forecasts=FORECASTS, now=NOW, token=TOKEN) as vendor, no_waiting():
        yield vendor


def provider(vendor: ElectricityMapsVendor, home: Path, **given: Any) -> Provider:
    usual: dict[str, Any] = {
        "electricitymaps_base_url": vendor.url,
        "homeiq_home": home,
        "electricitymaps_api_key": SecretStr(TOKEN),
        "grid_region": "DE",
    }
    return electricity_maps.build(Settings(**(usual | given)), BERLIN)["carbon_intensity"]


def fetch(vendor: ElectricityMapsVendor, home: Path, window: Window, **given: Any) -> list[Answer]:
    return list(provider(vendor, home, **given).fetch(window, vendor.now))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def paths(vendor: ElectricityMapsVendor) -> list[str]:
    return [request.path for request in vendor.asked]


def history(*slots: tuple[datetime, Any], zone: str = "DE") -> Reply:
    entries = [{"zone": zone, "datetime": at.isoformat(), "carbonIntensity": value} for at, value in slots]
    return json_reply({"zone": zone, "history": entries})


def mixes(*slots: tuple[datetime, Any, Any], zone: str = "DE") -> Reply:
    entries = [
        {"datetime": at.isoformat(), "renewablePercentage": renewable, "fossilFreePercentage": free}
        for at, renewable, free in slots
    ]
    return json_reply({"zone": zone, "history": entries})
