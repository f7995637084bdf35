"""Simulated reference rates of the euro, one a UTC day."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.provider import Provider
from homeiq_assets.feeds.simulation import DAY, Floats, Simulated, noise
from homeiq_assets.schema.measurements import FX_RATE
from homeiq_assets.settings.variables import Settings

RATES = {"USD": 1.08, "GBP": 0.85, "CHF": 0.95}


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of `fx_rate`."""

    def shape(instants: Floats, zone: ZoneInfo) -> Iterable[Mapping[str, object]]:
        for seed, (currency, rate) in enumerate(RATES.items()):
            drift = noise(instants, 40 * DAY, 31 + seed) + 0.2 * noise(instants, 3 * DAY, 41 + seed)
            yield {"base": "EUR", "currency": currency, "rate": rate * (0.95 + 0.08 * drift)}

    return {FX_RATE.name: Simulated(FX_RATE, timedelta(days=1), shape, zone)}
