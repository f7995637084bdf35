"""Hourly readings of the home's air and the rows made of them: the same rules for every provider of air quality.

Plain functions. What a vendor measures or computes belongs to its provider.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf

from homeiq_assets.feeds.air_quality.aqi import category_of
from homeiq_assets.feeds.provider import Answer
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import HOUR, Window

FIELDS = {"PM2.5": "pm25", "PM10": "pm10", "Ozone": "ozone"}
"""The parameters, each with the field that holds its concentration."""
# Hours missing between others for no longer than this were withdrawn; for longer the vendor had an outage.
WITHDRAWN = 3 * HOUR


@dataclass(frozen=True)
class Place:
    """The home, in degrees."""

    latitude: float
    longitude: float

    @property
    def location(self) -> str:
        """The tag of its rows."""
        return f"{self.latitude:g},{self.longitude:g}"


@dataclass(frozen=True)
class Reading:
    """One parameter in one hour: µg/m³ (ozone ppb) and the AQI, None for what is not known."""

    concentration: float | None
    aqi: int | None


Readings = Mapping[datetime, Mapping[str, Reading]]
"""By the START of the hour, by parameter. No hour is without a reading."""


def place_of(settings: Settings) -> Place:
    """Where the home is. Raises SettingError where that is not set."""
    settings.require("LATITUDE", "LONGITUDE")
    return Place(float(settings.latitude or 0), float(settings.longitude or 0))


def believable(provider: str, parameter: str, at: datetime, concentration: float) -> float | None:
    """The concentration, or None (and a warning) where the schema says that no air has it."""
    field = AIR_QUALITY.field(FIELDS[parameter])
    if (field.low or 0) <= concentration <= (field.high or inf):
        return concentration
    skip(provider, f"no usable {parameter} for {at.isoformat()}: {concentration}", at)
    return None


def answers_of(readings: Readings, window: Window, location: str) -> Iterator[Answer]:
    """Rows of air_quality, an answer from the first to the last hour, cut where hours are missing for long.

    An hour that vanished between others was withdrawn, so it is covered: what was stored of it is no longer true. In an
    outage, before the first hour and after the last nothing is said, of each parameter by itself (its monitor may be
    another's): there what was stored stays.
    """
    run: list[datetime] = []
    for at in [*sorted(hour for hour in readings if hour in window), None]:
        if run and (at is None or at - run[-1] - HOUR > WITHDRAWN):
            rows = [
                {
                    "time": hour,
                    "location": location,
                    "category": category_of(reading.aqi),
                    "parameter": parameter,
                    "aqi": reading.aqi,
                    FIELDS[parameter]: reading.concentration,
                }
                for hour in run
                for parameter, reading in readings[hour].items()
            ]
            covers = Window(run[0], min(run[-1] + HOUR, window.end))
            yield Answer(rows_of(AIR_QUALITY, rows), covers, HOUR, apart="parameter")
            run = []
        if at is not None:
            run.append(at)
