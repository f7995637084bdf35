"""An API that an owner describes: how the tests of it ask."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.described import DescribedApi, Names
from homeiq_assets.vendors.described_rows import Interval, Row
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor

VIENNA = ZoneInfo("Europe/Vienna")
DAY = local_day(date(2026, 11, 20), VIENNA)
NOW = DAY.start + 12 * HOUR
AUTUMN, SPRING = local_day(date(2026, 10, 25), VIENNA), local_day(date(2026, 3, 29), VIENNA)
KEY = "k3y/with+signs="
RANGE = "/v1/rows?from={start}&to={end}"
NAMES = Names("PRICING_URL", "PRICING_JMESPATH", "PRICING_API_KEY", "PRICING_AUTH_HEADER")
ROWS = "data[].{start: t, value: v}"


class Value(Row):
    value: float | None


def ask(
    vendor: DescribedVendor, window: Window = DAY, path: str = RANGE, jmespath: str = ROWS, **given: Any
) -> list[Interval[Value]]:
    settings = Settings(pricing_url=vendor.url + path, pricing_jmespath=jmespath, **given)
    return DescribedApi(NAMES, settings, VIENNA).ask(window, NOW, Value)
