"""A home whose prices are a simulated Tibber's, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from homeiq_assets.feeds.pricing.tibber import provider as tibber
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply, no_waiting
from homeiq_assets_tests.simulated_vendors.tibber import TibberVendor

OSLO = ZoneInfo("Europe/Oslo")
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
START = datetime(2025, 8, 25, tzinfo=UTC)
PRICES: dict[datetime, float | None] = {START + n * QUARTER: round((n % 97 - 10) / 100, 2) for n in range(230 * 96)}
DAY = local_day(date(2026, 3, 11), OSLO)
TOMORROW = local_day(date(2026, 3, 12), OSLO)
NOON = DAY.start + 12 * HOUR
NEXT_WEEK = DAY.start + 7 * 24 * HOUR
TOKEN = "5K4MVS-OjfWhK_4yrjOlFe1F6kJXPVf7eQYggo8ebAE"
HOME, CABIN = "11111111-2222-3333-4444-555555555555", "99999999-8888-7777-6666-555555555555"
PRICING, FORECAST = "electricity_pricing", "electricity_pricing_forecast"


@contextmanager
def running() -> Iterator[TibberVendor]:
    """The vendor at NOON, its client's pauses skipped."""
    with TibberVendor(PRICES, NOON, token=TOKEN) as vendor, no_waiting():
        yield vendor


def provider(vendor: TibberVendor, feed: str = PRICING, zone: ZoneInfo = OSLO, **given: Any) -> Provider:
    usual: dict[str, Any] = {"tibber_base_url": vendor.url, "pricing_api_key": SecretStr(TOKEN)}
    return tibber.build(Settings(**(usual | given)), zone)[feed]


def answers(
    vendor: TibberVendor, window: Window, feed: str = PRICING, zone: ZoneInfo = OSLO, **given: Any
) -> list[Answer]:
    return list(provider(vendor, feed, zone, **given).fetch(window, vendor.now))


def rows(answered: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answered for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def price(at: datetime, total: Any = 0.25, **different: Any) -> dict[str, Any]:
    return {"startsAt": at.astimezone(OSLO).isoformat(), "total": total, "currency": "NOK"} | different


def page(*nodes: Any, more: bool = False, end: str | None = None) -> Reply:
    """An answer about history."""
    return subscription({"priceInfoRange": {"pageInfo": {"hasNextPage": more, "endCursor": end}, "nodes": nodes}})


def today(*prices: Any, tomorrow: Any = (), current: Any = None) -> Reply:
    """An answer about today."""
    return subscription({"priceInfo": {"current": current, "today": prices, "tomorrow": tomorrow}})


def subscription(content: Any) -> Reply:
    return json_reply({"data": {"viewer": {"homes": [{"id": HOME, "currentSubscription": content}]}}})
