"""A home whose meter is any JSON API that the owner describes: what its tests share."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.feeds.meter import generic
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor

VIENNA = ZoneInfo("Europe/Vienna")
DAY = local_day(date(2026, 11, 20), VIENNA)
MINUTE = timedelta(minutes=1)
NOW = DAY.start + timedelta(hours=10, minutes=7, seconds=30)
RANGE = "/v1/rows?from={start}&to={end}"
POWER = "data[].{start: t, power_w: w}"
ENERGY = "data[].{start: t, energy_kwh: kwh}"
CIRCUITS = "data[].{start: t, power_w: w, circuit: c}"

Rows = dict[datetime, list[dict[str, Any]]]


def every(step: timedelta, window: Window, value: Callable[[datetime], dict[str, Any]]) -> Rows:
    """A row per `step` of `window`."""
    return {at: [value(at)] for n in range(window.length // step) for at in [window.start + n * step]}


def watts(number: float) -> Callable[[datetime], dict[str, Any]]:
    return lambda _: {"w": number}


def meter(
    vendor: DescribedVendor, jmespath: str = POWER, feed: str = "smart_meter", path: str = RANGE, **given: Any
) -> Provider:
    described = {"meter_url": vendor.url + path, "meter_jmespath": jmespath}
    return generic.build(Settings(**(described | given)), VIENNA)[feed]


def answers(vendor: DescribedVendor, window: Window = DAY, now: datetime = NOW, **given: Any) -> list[Answer]:
    return list(meter(vendor, **given).fetch(window, now))


def times(rows: pa.Table) -> list[datetime]:
    return [time.to_pydatetime() for time in rows["time"].to_pandas()]
