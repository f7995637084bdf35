"""Simulated air: particles that gather in still nights, ozone on sunny afternoons, hourly."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from homeiq_assets.feeds.air_quality.aqi import category_of, index_of
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.feeds.simulation import HOUR, Floats, Simulated, bump, local_hours, noise, place_of, sun
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.settings.variables import Settings


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of `air_quality`."""
    latitude, longitude = place_of(settings)
    location = f"{latitude:g},{longitude:g}"

    def shape(instants: Floats, zone: ZoneInfo) -> Iterable[Mapping[str, object]]:
        hours, _ = local_hours(instants, zone)
        still = noise(instants, 60 * HOUR, 61) ** 2 * (0.6 + 0.4 * bump(hours, 6, 5))
        pm25 = 3 + 34 * still + 2 * noise(instants, 2 * HOUR, 62)
        light = sun(instants - 2 * HOUR, latitude, longitude)
        values = {
            "PM2.5": ("pm25", np.round(pm25, 1)),
            "PM10": ("pm10", np.round(6 + 1.6 * pm25)),
            "Ozone": ("ozone", np.round(18 + 46 * light * noise(instants, 20 * HOUR, 63))),
        }
        for parameter, (field, value) in values.items():
            index = [index_of(parameter, float(one)) for one in value]
            yield {
                "location": location,
                "parameter": parameter,
                "category": [category_of(one) for one in index],
                "aqi": index,
                field: value,
            }

    return {AIR_QUALITY.name: Simulated(AIR_QUALITY, timedelta(hours=1), shape, zone)}
