"""A simulated grid: carbon intensity with renewable and fossil shares, every 5 minutes."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.feeds.provider import Provider
from homeiq_assets.feeds.simulation import DAY, HOUR, Floats, Simulated, carbon, grid, noise, place_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY
from homeiq_assets.settings.variables import Settings


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of `carbon_intensity`."""
    place = place_of(settings)

    def shape(instants: Floats, zone: ZoneInfo) -> Iterable[Mapping[str, object]]:
        mix = grid(instants, zone, *place)
        yield {
            "region": "SIMULATED",
            "grid_operator": "simulated",
            "carbon_intensity_gco2_kwh": carbon(instants, zone, *place),
            "renewable_percentage": 100 * mix.renewable,
            "fossil_percentage": 100 * mix.fossil,
            "forecast_1h": carbon(instants + HOUR, zone, *place) * (0.98 + 0.04 * noise(instants, HOUR, 21)),
            "forecast_24h": carbon(instants + DAY, zone, *place) * (0.9 + 0.2 * noise(instants, 6 * HOUR, 22)),
        }

    return {CARBON_INTENSITY.name: Simulated(CARBON_INTENSITY, timedelta(minutes=5), shape, zone)}
