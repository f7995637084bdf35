"""A home whose prices are a simulated Octopus's, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.pricing import octopus
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.octopus import OctopusVendor, Rate
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply, no_waiting

LONDON = ZoneInfo("Europe/London")
HALF_HOUR, HOUR = timedelta(minutes=30), timedelta(hours=1)
AGILE, FLEXIBLE, GO = "E-1R-AGILE-24-10-01-C", "E-1R-VAR-22-11-01-C", "E-1R-GO-VAR-22-10-14-C"
START = datetime(2025, 9, 25, 23, tzinfo=UTC)
PENCE = {START + n * HALF_HOUR: round((n % 53 - 8) * 1.05, 4) for n in range(200 * 48)}
DAY = local_day(date(2026, 3, 11), LONDON)
TOMORROW = local_day(date(2026, 3, 12), LONDON)
NOON = DAY.start + 12 * HOUR
NEXT_WEEK = DAY.start + 7 * 24 * HOUR
PRICING, FORECAST = "electricity_pricing", "electricity_pricing_forecast"
SPRING = datetime(2026, 1, 1, tzinfo=UTC)


def agile() -> list[Rate]:
    return [Rate(pence, at, at + HALF_HOUR) for at, pence in PENCE.items()]


def flexible() -> list[Rate]:
    """A quarter's rates that have ended, and those in force without an end, for either payment method."""
    return [
        Rate(27.0, START, SPRING, "DIRECT_DEBIT"),
        Rate(28.5, START, SPRING, "NON_DIRECT_DEBIT"),
        Rate(25.2, SPRING, None, "DIRECT_DEBIT"),
        Rate(26.7, SPRING, None, "NON_DIRECT_DEBIT"),
    ]


def go() -> list[Rate]:
    """Cheap from 00:30 to 05:30 UTC."""
    midnights = [datetime(2026, 3, 1, tzinfo=UTC) + n * 24 * HOUR for n in range(20)]
    cheap = [Rate(8.5, at + HALF_HOUR, at + 11 * HALF_HOUR) for at in midnights]
    return cheap + [Rate(29.0, at + 11 * HALF_HOUR, at + 49 * HALF_HOUR) for at in midnights]


@contextmanager
def running() -> Iterator[OctopusVendor]:
    """The vendor at NOON, its client's pauses skipped."""
    with OctopusVendor({AGILE: agile(), FLEXIBLE: flexible(), GO: go()}, NOON) as vendor, no_waiting():
        yield vendor


def provider(vendor: OctopusVendor, feed: str = PRICING, zone: ZoneInfo = LONDON, **given: Any) -> Provider:
    usual: dict[str, Any] = {"octopus_base_url": vendor.url, "pricing_area": AGILE}
    return octopus.build(Settings(**(usual | given)), zone)[feed]


def answers(
    vendor: OctopusVendor, window: Window, feed: str = PRICING, zone: ZoneInfo = LONDON, **given: Any
) -> list[Answer]:
    return list(provider(vendor, feed, zone, **given).fetch(window, vendor.now))


def rows(answered: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answered for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def row(at: datetime, pence: Any = 21.0, **different: Any) -> dict[str, Any]:
    usual = {
        "value_exc_vat": 20.0,
        "value_inc_vat": pence,
        "valid_from": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "valid_to": f"{at + HALF_HOUR:%Y-%m-%dT%H:%M:%SZ}",
        "payment_method": None,
    }
    return usual | different


def rates(*results: Any, **envelope: Any) -> Reply:
    return json_reply({"count": len(results), "next": None, "previous": None, "results": results} | envelope)
