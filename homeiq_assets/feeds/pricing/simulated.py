"""Simulated day-ahead prices: hourly, dear when renewables are few, sometimes negative at sunny noon."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from homeiq_assets.feeds.pricing.slots import Slot, forecast_answers, pricing_answers, whole_days, with_tariff
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.feeds.simulation import HOUR, grid, noise, place_of
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import Window, floor_to, local_date, local_day, next_day

PUBLISHED_AT = 13
"""Local hour from which tomorrow's prices are known."""


@dataclass(frozen=True)
class SimulatedPrices:
    """Either price measurement."""

    measurement: Measurement
    settings: Settings
    zone: ZoneInfo
    name: str = "simulated"
    longest: timedelta = timedelta(days=31)

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """Prices to the end of today, from 13:00 local to the end of tomorrow."""
        ahead = now.astimezone(self.zone).hour >= PUBLISHED_AT
        today = local_date(now, self.zone)
        known = local_day(next_day(today, self.zone) if ahead else today, self.zone).end
        whole = whole_days(window, self.zone)
        if min(whole.end, known) <= whole.start:
            return []
        slots = self._slots(Window(whole.start, min(whole.end, known)))
        if self.measurement is ELECTRICITY_PRICING_FORECAST:
            return forecast_answers(slots, window, provider=self.name, zone=self.zone)
        return pricing_answers(
            slots, window, provider=self.name, currency="EUR", zone=self.zone, settings=self.settings
        )

    def probe(self, now: datetime) -> str:
        """Nothing to reach."""
        return "computed, nothing is asked"

    def _slots(self, window: Window) -> list[Slot]:
        hour = timedelta(hours=1)
        # A day that begins at half past needs the market hour that it begins in.
        start = floor_to(window.start, hour)
        instants = np.arange(start.timestamp(), window.end.timestamp(), HOUR)
        mix = grid(instants, self.zone, *place_of(self.settings))
        prices = 0.02 + 0.26 * np.maximum(0.95 - mix.renewable, 0) ** 1.6 - 0.09 * np.maximum(mix.renewable - 0.8, 0)
        prices += 0.03 * (noise(instants, 5 * HOUR, 51) - 0.5)
        return [
            with_tariff(Slot(start + n * hour, start + (n + 1) * hour, round(float(price), 5)), self.settings)
            for n, price in enumerate(prices)
        ]


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of `electricity_pricing` and its forecast."""
    return {
        measurement.name: SimulatedPrices(measurement, settings, zone)
        for measurement in (ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST)
    }
