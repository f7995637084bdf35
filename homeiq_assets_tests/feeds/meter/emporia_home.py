"""A home whose meter is a simulated Emporia Vue, for the tests of that provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from homeiq_assets.feeds.meter.emporia import provider as emporia
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.emporia import EmporiaVendor, Power, channel, device
from homeiq_assets_tests.simulated_vendors.server import no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
MINUTE = timedelta(minutes=1)
STEP = 5 * MINUTE
HOUR = timedelta(hours=1)
DAY = local_day(date(2026, 3, 18), VIENNA)
NOW = DAY.start + timedelta(hours=10, minutes=7, seconds=30)
USER, PASSWORD = "Owner@Example.org", "correct-horse-1!"
VUE, PLUG = 111, 333
METER, CIRCUITS = "smart_meter", "smart_meter_circuit"

MAINS = channel(VUE, "1,2,3")
DEVICES = [
    device(
        VUE,
        "Home",
        MAINS,
        channel(VUE, "1", "Oven", channelTypeGid=9, channelMultiplier=2.0),
        channel(VUE, "2", "Solar", channelTypeGid=13),
    )
]


def constant(watts: float | None) -> Power:
    return lambda _: watts


@contextmanager
def running() -> Iterator[EmporiaVendor]:
    """The vendor at NOW: mains 1200 W, an oven of 300 W, solar panels of 500 W; its client's pauses skipped."""
    power = {(VUE, "1,2,3"): constant(1200.0), (VUE, "1"): constant(300.0), (VUE, "2"): constant(-500.0)}
    with (
        EmporiaVendor(DEVICES, power, now=NOW, username=USER.lower(), password=PASSWORD) as vendor,
        no_waiting(),
    ):
        yield vendor


def provider(vendor: EmporiaVendor, home: Path, feed: str = METER, **given: Any) -> Provider:
    usual: dict[str, Any] = {
        "emporia_base_url": vendor.url,
        "homeiq_home": home,
        "meter_username": USER,
        "meter_password": SecretStr(PASSWORD),
    }
    return emporia.build(Settings(**(usual | given)), VIENNA)[feed]


def fetch(vendor: EmporiaVendor, home: Path, window: Window, feed: str = METER, **given: Any) -> list[Answer]:
    return list(provider(vendor, home, feed, **given).fetch(window, vendor.now))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def poll(now: datetime = NOW, back: timedelta = 2 * STEP) -> Window:
    """The window of a poll at `now`: to the end of tomorrow."""
    floor = datetime.fromtimestamp(now.timestamp() // 300 * 300, now.tzinfo)
    return Window(floor - back, local_day(now.astimezone(VIENNA).date() + timedelta(days=1), VIENNA).end)
