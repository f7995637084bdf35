"""aWATTar: the day-ahead market price in Germany and Austria, without a key (GET /v1/marketdata).

The same endpoint is history, today and tomorrow (published about 14:00 CET). Prices are net
EUR/MWh of the whole market interval; fair use is 100 requests a day, so a month is one request.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.pricing.published import Published, price_feeds
from homeiq_assets.feeds.pricing.slots import Slot
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import HOUR, Window, ceil_to, floor_to

NAME = "awattar"
CURRENCY = "EUR"
HOSTS = {"DE": "https://api.awattar.de", "AT": "https://api.awattar.at"}
# The coupled day-ahead market clears at no less than the first, and no raised limit will come near the second:
# beyond stands a sentinel, not a price.
LOWEST_EUR_PER_MWH, HIGHEST_EUR_PER_MWH = -500.0, 20_000.0
QUOTA = Quota(NAME, 100, timedelta(days=1))
LAST_MS = 4_102_444_800_000  # 2100-01-01


class _Price(BaseModel):
    model_config = ConfigDict(strict=True)

    start_timestamp: int = Field(ge=0, le=LAST_MS)
    end_timestamp: int = Field(ge=0, le=LAST_MS)
    marketprice: float | None = Field(allow_inf_nan=False)
    unit: Literal["Eur/MWh"]


class _MarketData(BaseModel):
    model_config = ConfigDict(strict=True)
    row_lists: ClassVar = frozenset({"data"})

    object: Literal["list"]
    data: list[_Price]


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of both price feeds. Settings are judged when they are used, not here."""
    return price_feeds(Awattar(settings), settings, zone)


class Awattar:
    """Asks aWATTar for prices."""

    name = NAME
    # Any month in one request, that with the 25-hour day included.
    longest = timedelta(days=31, hours=1)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def published(self, window: Window, now: datetime) -> Published:
        """What is published of `window`, future prices included, in EUR/kWh. Raises ProviderError, SettingError."""
        # Zones with half-hour offsets begin their day within a market hour, which is asked for too.
        params = {"start": _ms(floor_to(window.start, HOUR)), "end": _ms(ceil_to(window.end, HOUR))}
        with VendorClient(NAME, base_url(self._settings), self._settings, quota=QUOTA) as client:
            answer = client.get("/v1/marketdata", params, expect=_MarketData)
        return Published(list(_priced(answer.data)), CURRENCY)


def base_url(settings: Settings) -> str:
    """Where the owner's area is served. Raises SettingError."""
    settings.sound("AWATTAR_BASE_URL", "PRICING_AREA")
    area = (settings.pricing_area or "DE").upper()
    if area not in HOSTS:
        raise SettingError("PRICING_AREA", f"aWATTar has prices for DE and AT, not for {settings.pricing_area!r}")
    return settings.awattar_base_url or HOSTS[area]


def _priced(prices: list[_Price]) -> Iterable[Slot]:
    """Slots in EUR/kWh; one whose price is null or beyond what the market allows has none."""
    for price in prices:
        start = _instant(price.start_timestamp)
        if price.marketprice is None or not LOWEST_EUR_PER_MWH <= price.marketprice <= HIGHEST_EUR_PER_MWH:
            skip(NAME, f"no usable price for {start.isoformat()}: {price.marketprice}", start)
            continue
        yield Slot(start, _instant(price.end_timestamp), price.marketprice / 1000)


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
