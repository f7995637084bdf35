"""The two price feeds of a vendor that publishes prices per slot: what it knows of whole days becomes their rows.

How a vendor is asked, and what it calls a price, belongs to its provider.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.pricing.slots import Slot, forecast_answers, pricing_answers, tidy, whole_days, with_tariff
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import Window, local_date, local_day


@dataclass(frozen=True)
class Published:
    """What a vendor calls its prices, in `currency`/kWh (an ISO 4217 code, `unknown` where it is not said)."""

    slots: list[Slot]
    currency: str
    peaks: Mapping[datetime, bool] | None = None
    """which slots are dear, by their start, where it is not the dearest quarter of a day"""
    means: bool = False
    """whether a slot may be the mean of shorter ones: then stored prices of shorter slots stay"""
    from_settings: bool = False
    """whether the owner's settings state the prices, and no vendor"""


class PriceVendor(Protocol):
    """One vendor of prices."""

    @property
    def name(self) -> str:
        """The setting's value that chooses it."""
        ...

    @property
    def longest(self) -> timedelta:
        """The longest window one call of `published` may ask for."""
        ...

    def published(self, window: Window, now: datetime) -> Published:
        """What is published of `window`, at `now`; slots may reach beyond it. Raises ProviderError, SettingError."""
        ...


def price_feeds(vendor: PriceVendor, settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of both price feeds. Settings are judged when they are used, not here."""
    return {
        measurement.name: PriceFeed(vendor, measurement, settings, zone)
        for measurement in (ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST)
    }


class PriceFeed:
    """Rows of either price measurement."""

    def __init__(self, vendor: PriceVendor, measurement: Measurement, settings: Settings, zone: ZoneInfo) -> None:
        self.measurement = measurement
        self._vendor = vendor
        self._settings = settings
        self._zone = zone

    @property
    def name(self) -> str:
        return self._vendor.name

    @property
    def longest(self) -> timedelta:
        return self._vendor.longest

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """Every published price of `window`, future ones included. Raises ProviderError, SettingError."""
        if self.measurement is ELECTRICITY_PRICING:
            self._settings.sound("PRICING_PEAK_HOURS")
        # Both feeds ask for the same whole days, so that a poll of the two asks the vendor once.
        known = self._priced(whole_days(window, self._zone), now)
        if now in window and not any(slot.start <= now < slot.end for slot in known.slots):
            skip(self.name, "no price of the present is published")
        if self.measurement is ELECTRICITY_PRICING_FORECAST:
            answers = forecast_answers(known.slots, window, provider=self.name, zone=self._zone)
        else:
            answers = pricing_answers(
                known.slots,
                window,
                provider=self.name,
                currency=known.currency,
                zone=self._zone,
                settings=self._settings,
                peaks=known.peaks,
            )
        for answer in answers:
            yield replace(answer, replaces_finer=not known.means, from_settings=known.from_settings)

    def probe(self, now: datetime) -> str:
        """What today's prices look like. Raises ProviderError, SettingError."""
        today = local_day(local_date(now, self._zone), self._zone)
        known = self._priced(today, now)
        slots = [slot for slot in known.slots if slot.start in today]
        if not slots:
            skip(self.name, "no price of today is published")
            return "reachable"
        current = [slot.price for slot in slots if slot.start <= now < slot.end]
        price = f", now {current[0]:.4f} {known.currency}/kWh" if current else ""
        return f"{len(slots)} prices of today{price}"

    def _priced(self, window: Window, now: datetime) -> Published:
        """What is published, its slots at the owner's tariff and in order."""
        self._settings.sound("PRICING_SURCHARGE", "PRICING_VAT_PERCENT")
        published = self._vendor.published(window, now)
        slots = tidy(self.name, [with_tariff(slot, self._settings) for slot in published.slots])
        return replace(published, slots=slots)
