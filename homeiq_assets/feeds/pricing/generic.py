"""Prices of the owner's own: a tariff that stands in the settings, or any JSON API that they describe."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.errors import NoHistory, ProviderError, SettingError
from homeiq_assets.feeds.pricing import tariff
from homeiq_assets.feeds.pricing.published import Published, price_feeds
from homeiq_assets.feeds.pricing.slots import Slot
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.described import MONTH, DescribedApi, Names
from homeiq_assets.vendors.described_rows import NAME, Interval, Row
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import Window, local_midnight

TARIFF, URL, JMESPATH = tariff.SETTING, "PRICING_URL", "PRICING_JMESPATH"
# What APIs write where they have no number; no market has had such a price in any unit.
SENTINELS = frozenset({-999.0, -9999.0, -99999.0})


class _Price(Row):
    price: float | None


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of both price feeds. Settings are judged when they are used, not here."""
    return price_feeds(_GenericPrices(settings, zone), settings, zone)


class _GenericPrices:
    """Prices by the tariff, or from the API."""

    name = NAME

    def __init__(self, settings: Settings, zone: ZoneInfo) -> None:
        self._settings = settings
        self._zone = zone
        self._api = DescribedApi(Names(URL, JMESPATH, "PRICING_API_KEY", "PRICING_AUTH_HEADER"), settings, zone)

    @property
    def longest(self) -> timedelta:
        """The longest window one call of `published` may ask for."""
        return MONTH if self._settings.pricing_tariff is not None else self._api.longest

    def published(self, window: Window, now: datetime) -> Published:
        """What is known of the whole days `window`: of a tariff all, of an API what it answers.

        Raises ProviderError (NoHistory for days before the tariff), SettingError.
        """
        settings = self._settings
        settings.sound(TARIFF, URL, JMESPATH, "PRICING_UNIT_FACTOR", "PRICING_CURRENCY")
        described = settings.pricing_url is not None or settings.pricing_jmespath is not None
        if settings.pricing_tariff is None:
            if not described:
                raise SettingError(
                    TARIFF, f"is not set; {NAME} prices need a tariff such as 0.32 here, or {URL} and {JMESPATH}"
                )
            rows = self._api.ask(window, now, _Price, lone_row_fails=True)
            return Published(self._slots(rows, now), settings.pricing_currency)
        if described:
            raise SettingError(TARIFF, f"is set beside {URL} or {JMESPATH}; keep the one that is your price")
        agreed = tariff.read(settings.pricing_tariff)
        if agreed.begins is not None and window.end <= local_midnight(agreed.begins, self._zone):
            raise NoHistory(NAME, f"{TARIFF} begins on {agreed.begins}; there is no price for {window}")
        slots = agreed.slots(window, self._zone)
        peaks = agreed.peaks(slots, self._zone)
        return Published(slots, settings.pricing_currency, peaks, from_settings=True)

    def _slots(self, rows: Sequence[Interval[_Price]], now: datetime) -> list[Slot]:
        """Slots in currency/kWh; a row without a price has none. Raises ProviderError where no row has one."""
        slots = []
        for one in rows:
            price = one.row.price
            if price is None or not math.isfinite(price) or price in SENTINELS:
                skip(NAME, f"no usable price for {one.start.isoformat()}: {price}", one.start)
                continue
            slots.append(Slot(one.start, one.end, price * self._settings.pricing_unit_factor))
        if rows and not slots and rows[0].start <= now:
            raise ProviderError(NAME, f"none of {len(rows)} rows has a price; does {JMESPATH} name the right key?")
        return slots
