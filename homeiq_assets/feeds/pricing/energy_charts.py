"""Energy-Charts: the day-ahead market price of Europe's bidding zones, without a key (GET /price).

Where that is gone, GET /v2/price of the API's second version says the same, a row per slot. Either is history, today
and tomorrow (published about 13:00 CET, zone by zone). Prices are net EUR/MWh in every zone, of an hour until
2025-09-30 and of a quarter of an hour since then, in Switzerland still of an hour.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, model_validator

from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.pricing.published import PriceFeed, Published
from homeiq_assets.feeds.pricing.slots import Slot
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import answer_cache
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.energy_charts import (
    NAME,
    PRICES,
    Series,
    Strict,
    Told,
    Value,
    ask,
    client,
    in_order,
    market_day,
    steps,
)
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import HOUR, Window, floor_to

CURRENCY = "EUR"
DEFAULT_ZONE = "DE-LU"
# DE-AT-LU ended with September 2018.
ZONES = (
    "AT", "BE", "BG", "CH", "CZ", "DE-LU", "DE-AT-LU", "DK1", "DK2", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IT-Calabria", "IT-Centre-North", "IT-Centre-South", "IT-North", "IT-SACOAC", "IT-SACODC", "IT-Sardinia",
    "IT-Sicily", "IT-South", "LT", "LV", "ME", "NL", "NO1", "NO2", "NO2NSL", "NO3", "NO4", "NO5", "PL", "PT", "RO",
    "RS", "SE1", "SE2", "SE3", "SE4", "SI", "SK",
)  # fmt: skip
# The coupled day-ahead market clears at no less than the first, and no raised limit will come near the second:
# beyond stands a sentinel, not a price.
LOWEST_EUR_PER_MWH, HIGHEST_EUR_PER_MWH = -500.0, 20_000.0
# Both feeds are probed with the same question, and its next turn is half a minute away.
PROBED = timedelta(minutes=1)

logger = logging.getLogger(__name__)


class _Prices(Series):
    price: list[Value]
    unit: Literal["EUR / MWh"]

    def arrays(self) -> Mapping[str, Sequence[float | None]]:
        return {"price": self.price}


class _Values(Strict):
    price: Value = Field(None, alias="day_ahead_price")


class _Row(Strict):
    timestamp: AwareDatetime
    values: _Values


class _Rows(Told):
    """The answer of the second version."""

    row_lists: ClassVar = frozenset({"data"})

    data: list[_Row]
    unit: Literal["EUR / MWh"]
    license_info: str | None = Field(None, alias="license")

    @property
    def times(self) -> list[datetime]:
        return [row.timestamp.astimezone(UTC) for row in self.data]

    @property
    def price(self) -> list[float | None]:
        return [row.values.price for row in self.data]

    @model_validator(mode="after")
    def _rows_in_order(self) -> Self:
        in_order([row.timestamp.timestamp() for row in self.data])
        return self


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of both price feeds. Settings are judged when they are used, not here."""
    return {
        measurement.name: EnergyChartsPrices(_Market(settings), measurement, settings, zone)
        for measurement in (ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST)
    }


class EnergyChartsPrices(PriceFeed):
    """Rows of either price measurement."""

    def probe(self, now: datetime) -> str:
        """What today's prices look like, of the last minute if they were just asked for. Raises as `fetch` does."""
        with answer_cache.polled(now, PROBED):
            return super().probe(now)


class _Market:
    """Asks Energy-Charts for prices."""

    name = NAME
    # A whole year is answered by one request, and no more than two may be made a minute.
    longest = timedelta(days=366)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def published(self, window: Window, now: datetime) -> Published:
        """What is published of `window`, in EUR/kWh. Raises ProviderError, SettingError."""
        bidding_zone = _bidding_zone(self._settings)
        # Zones with half-hour offsets begin their day within a market hour, which is asked for too.
        asked = Window(floor_to(window.start, HOUR), window.end)
        with client(self._settings, PRICES) as asking:
            answer = _ask(asking, bidding_zone, asked)
        if answer is None:
            return Published([], CURRENCY)
        logger.info("%s: prices of %s, licence: %s", NAME, bidding_zone, answer.license_info or "not said")
        return Published(list(_slots(answer)), CURRENCY)


def _ask(asking: VendorClient, bidding_zone: str, window: Window) -> _Prices | _Rows | None:
    place = {"bzn": bidding_zone}
    try:
        return ask(asking, "/price", place, window, _Prices, "PRICING_AREA")
    except VendorFailure as failure:
        # That there are no prices is no failure: the service itself is not there.
        if failure.status not in (404, 410):
            raise
        logger.warning("%s: the second version of the API is asked instead: %s", NAME, failure)
    return ask(asking, "/v2/price", place, window, _Rows, "PRICING_AREA")


def _bidding_zone(settings: Settings) -> str:
    """The owner's bidding zone as Energy-Charts writes it. Raises SettingError."""
    settings.sound("PRICING_AREA")
    wanted = (settings.pricing_area or DEFAULT_ZONE).strip()
    for name in ZONES:
        if name.casefold() == wanted.casefold():
            return name
    raise SettingError("PRICING_AREA", f"Energy-Charts has no bidding zone {wanted!r}, but {', '.join(ZONES)}")


def _slots(answer: _Prices | _Rows) -> Iterator[Slot]:
    """Slots in EUR/kWh; one whose price is null or beyond what the market allows has none."""
    times = answer.times
    lengths = steps(times)
    for at, price in zip(times, answer.price, strict=True):
        if price is None or not LOWEST_EUR_PER_MWH <= price <= HIGHEST_EUR_PER_MWH:
            skip(NAME, f"no usable price for {at.isoformat()}: {price}", at)
        elif market_day(at) in lengths:
            yield Slot(at, at + lengths[market_day(at)], price / 1000)
