"""A home whose carbon feed is a simulated GB Carbon Intensity API, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.carbon.gb_carbon_intensity import provider as gb_carbon_intensity
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.gb_carbon import STEP, TEXT, GbCarbonVendor, mix
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply, no_waiting

LONDON = ZoneInfo("Europe/London")
HOUR = timedelta(hours=1)
START = datetime(2025, 9, 1, tzinfo=UTC)
FORECASTS: dict[datetime, int | None] = {START + n * STEP: 100 + n % 97 for n in range(240 * 48)}
DAY = local_day(date(2025, 11, 20), LONDON)
NEXT_WEEK = DAY.end + timedelta(days=7)
SLOT = DAY.start + 10 * HOUR
NOW = SLOT + timedelta(minutes=7)
POLL = Window(NOW - 3 * HOUR, DAY.end + timedelta(days=1))


@contextmanager
def running(now: datetime = NOW) -> Iterator[GbCarbonVendor]:
    """The vendor at `now`, its client's pauses skipped."""
    with GbCarbonVendor(FORECASTS, now=now) as vendor, no_waiting():
        yield vendor


def provider(vendor: GbCarbonVendor, **given: Any) -> Provider:
    return gb_carbon_intensity.build(Settings(gb_carbon_base_url=vendor.url, **given), LONDON)["carbon_intensity"]


def fetch(vendor: GbCarbonVendor, window: Window, **given: Any) -> list[Answer]:
    return list(provider(vendor, **given).fetch(window, vendor.now))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def half(start: datetime = DAY.start, *, to: datetime | None = None, **intensity: Any) -> dict[str, Any]:
    """A half hour of both national answers at once, with `intensity` in place of the usual numbers."""
    return {
        "from": f"{start:{TEXT}}",
        "to": f"{to or start + STEP:{TEXT}}",
        "intensity": {"forecast": 141, "actual": 138, "index": "moderate"} | intensity,
        "generationmix": mix(),
    }


def answered(*halves: dict[str, Any]) -> Reply:
    return json_reply({"data": list(halves)})
