"""A home whose carbon feed is a simulated WattTime, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from homeiq_assets.feeds.carbon.watttime import provider as watttime
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply, no_waiting
from homeiq_assets_tests.simulated_vendors.watttime import WattTimeVendor

BERLIN = ZoneInfo("Europe/Berlin")
STEP = timedelta(minutes=5)
HOUR = timedelta(hours=1)
START = datetime(2023, 10, 1, tzinfo=UTC)
VALUES: dict[datetime, float | None] = {START + n * STEP: 800.0 + n % 288 for n in range(190 * 288)}
FORECASTS: dict[datetime, float | None] = {at: 5000.0 - (value or 0) for at, value in VALUES.items()}
DAY = local_day(date(2023, 11, 15), BERLIN)
NEXT_WEEK = DAY.end + timedelta(days=7)
NOW = DAY.start + timedelta(hours=10, minutes=7)
SLOT = DAY.start + timedelta(hours=10, minutes=5)
PASSWORD = "correct-horse-1!"
LB_PER_MWH = 0.45359237


@contextmanager
def running() -> Iterator[WattTimeVendor]:
    """The vendor at NOW, its client's pauses skipped."""
    with WattTimeVendor(VALUES, forecasts=FORECASTS, now=NOW, password=PASSWORD) as vendor, no_waiting():
        yield vendor


def provider(vendor: WattTimeVendor, home: Path, **given: Any) -> Provider:
    usual: dict[str, Any] = {
        "watttime_base_url": vendor.url,
        "homeiq_home": home,
        "watttime_username": "owner",
        "watttime_password": SecretStr(PASSWORD),
        "grid_region": "CAISO_NORTH",
    }
    return watttime.build(Settings(**(usual | given)), BERLIN)["carbon_intensity"]


def fetch(vendor: WattTimeVendor, home: Path, window: Window, **given: Any) -> list[Answer]:
    assert vendor.now is not None
    return list(provider(vendor, home, **given).fetch(window, vendor.now))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def grams(at: datetime, values: dict[datetime, float | None] = VALUES) -> Any:
    return pytest.approx((values[at] or 0) * LB_PER_MWH)


def series(*points: tuple[datetime, Any], **meta: Any) -> Reply:
    usual = {
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "lbs_co2_per_mwh",
        "data_point_period_seconds": 300,
    }
    data = [{"point_time": at.isoformat().replace("+00:00", "Z"), "value": value} for at, value in points]
    return json_reply({"data": data, "meta": usual | meta})
