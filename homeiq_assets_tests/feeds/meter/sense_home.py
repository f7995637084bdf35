"""A home whose meter is a simulated Sense, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from homeiq_assets.feeds.meter.sense import provider as sense
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.sense import SenseVendor, Watts
from homeiq_assets_tests.simulated_vendors.server import no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = local_day(date(2026, 3, 18), VIENNA)
YESTERDAY = Window(DAY.start - 24 * HOUR, DAY.start)
NOW = DAY.start + timedelta(hours=10, minutes=20)
USER, PASSWORD = "owner@example.org", "correct-horse-1!"
METER, CIRCUITS = "smart_meter", "smart_meter_circuit"


def constant(watts: float | None) -> Watts:
    return lambda _: watts


@contextmanager
def running() -> Iterator[SenseVendor]:
    """The vendor at NOW: 1200 W, of which a fridge 120 W and 240 W always on; its client's pauses skipped."""
    devices = {("a1b2", "Fridge"): constant(120), ("always_on", "Always On"): constant(240)}
    with (
        SenseVendor(constant(1200), devices, now=NOW, username=USER, password=PASSWORD) as vendor,
        no_waiting(),
    ):
        yield vendor


def provider(vendor: SenseVendor, home: Path, feed: str = METER, zone: ZoneInfo = VIENNA, **given: Any) -> Provider:
    usual: dict[str, Any] = {
        "sense_base_url": vendor.url,
        "homeiq_home": home,
        "meter_username": USER,
        "meter_password": SecretStr(PASSWORD),
    }
    return sense.build(Settings(**(usual | given)), zone)[feed]


def fetch(vendor: SenseVendor, home: Path, window: Window, feed: str = METER, **given: Any) -> list[Answer]:
    return list(provider(vendor, home, feed, **given).fetch(window, vendor.now))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def poll(now: datetime = NOW, back: timedelta = 2 * HOUR) -> Window:
    """The window of a poll at `now` whose newest reading began `back` ago: to the end of tomorrow."""
    return Window(now - back, DAY.end + 24 * HOUR)
