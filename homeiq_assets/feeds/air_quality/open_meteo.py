"""Open-Meteo: the air at the home's place from the CAMS models, hourly since 2013, without a key (GET /v1/air-quality).

A value is the model's at the START of its hour, not a mean and not a measurement. Only concentrations are taken: the
vendor's own index follows no EPA rule (it neither truncates nor fills the steps of the table) and changes
history when its formula changes, so the index is computed here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime

from homeiq_assets.errors import NoHistory, ProviderError
from homeiq_assets.feeds.air_quality.aqi import (
    NOWCAST_HOURS,
    OZONE_HOURS,
    index_of,
    mean_of_8_hours,
    nowcast,
    ozone_index,
)
from homeiq_assets.feeds.air_quality.readings import Place, Reading, answers_of, believable, place_of
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import Params, VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.vendors.skipped import without_odd
from homeiq_assets.window import HOUR, Window, ceil_to, floor_to

NAME = "open_meteo"
PATH = "/v1/air-quality"
VARIABLES = {"PM2.5": "pm2_5", "PM10": "pm10", "Ozone": "ozone"}
# µg/m³ of ozone to the ppb, as Open-Meteo itself has it; EPA's 25 °C and 1013 hPa give 48 / 24.45 = 1.963.
OZONE_UG_PER_PPB = 1.96
MINUTELY = Quota(f"{NAME}_minute", 600, timedelta(minutes=1))
DAILY = Quota(NAME, 10_000, timedelta(days=1))
HISTORY_START = datetime(2013, 1, 1, tzinfo=UTC)
# The global model's archive begins in August 2022; before it there is Europe alone.
GLOBAL_START = datetime(2022, 9, 1, tzinfo=UTC)
BEFORE = (max(NOWCAST_HOURS, OZONE_HOURS) - 1) * HOUR
"""What the index of an hour needs beside it."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


_Values = list[Annotated[float, Field(allow_inf_nan=False)] | None]
# The sign is U+03BC today; it has been U+00B5.
_Unit = Literal["μg/m³", "µg/m³"]


class _Units(_Strict):
    time: Literal["iso8601"]
    pm2_5: _Unit
    pm10: _Unit
    ozone: _Unit


class _Hourly(_Strict):
    time: list[NaiveDatetime]
    pm2_5: _Values
    pm10: _Values
    ozone: _Values


class _Forecast(_Strict):
    utc_offset_seconds: Literal[0]
    hourly_units: _Units
    hourly: _Hourly


Series = Mapping[datetime, float]


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of air_quality. Settings are judged when they are used, not here."""
    return {AIR_QUALITY.name: OpenMeteo(settings)}


class OpenMeteo:
    """Rows of air_quality."""

    name = NAME
    measurement = AIR_QUALITY
    # Three variables cost more than one call beyond 46 days.
    longest = timedelta(days=45)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """The hours of `window` up to the one that `now` lies in; what is forecast for later is no reading.

        Raises ProviderError (NoHistory before the models' archives begin) and SettingError.
        """
        if window.end <= HISTORY_START:
            raise NoHistory(NAME, f"history begins on {HISTORY_START:%Y-%m-%d}; there is none for {window}")
        start = max(ceil_to(window.start, HOUR), HISTORY_START)
        end = min(ceil_to(window.end, HOUR), floor_to(now, HOUR) + HOUR)
        if start >= end:
            return
        place = place_of(self._settings)
        series = self._series(place, Window(max(start - BEFORE, HISTORY_START), end))
        hours = [start + n * HOUR for n in range((end - start) // HOUR)]
        readings = {hour: found for hour in hours if (found := _readings(series, hour))}
        if not readings and window.end <= GLOBAL_START:
            raise NoHistory(
                NAME,
                f"there is nothing at {place.location} for {window}; history begins on {HISTORY_START:%Y-%m-%d} in "
                "Europe, in August 2022 elsewhere",
            )
        yield from answers_of(readings, window, place.location)

    def probe(self, now: datetime) -> str:
        """The air of the current hour. Raises ProviderError, SettingError."""
        hour = floor_to(now, HOUR)
        place = place_of(self._settings)
        series = self._series(place, Window(hour, hour + HOUR))
        current = series["PM2.5"].get(hour)
        return "reachable, but nothing of this hour" if current is None else f"now {current:g} µg/m³ PM2.5 at the home"

    def _series(self, place: Place, hours: Window) -> dict[str, Series]:
        """Concentrations of each parameter, by hour; what the vendor does not give, or nothing can be, is absent."""
        self._settings.sound("OPEN_METEO_BASE_URL")
        params: Params = {
            "latitude": place.latitude,
            "longitude": place.longitude,
            "hourly": ",".join(VARIABLES.values()),
            # With a zone the answer would have today's offset on every day, and 24 hours on each.
            "timezone": "GMT",
            "start_hour": f"{hours.start:%Y-%m-%dT%H:%M}",
            "end_hour": f"{hours.end - HOUR:%Y-%m-%dT%H:%M}",
        }
        with VendorClient(
            NAME, self._settings.open_meteo_base_url, self._settings, timeout=15.0, quota=MINUTELY
        ) as client:
            try:
                hourly = client.get(PATH, params, expect=_Forecast, quota=DAILY).hourly
            except VendorFailure as failure:
                if failure.status == 400:
                    raise failure.advise("Look at LATITUDE and LONGITUDE.") from None
                raise
        return {
            parameter: _parsed(parameter, hourly.time, getattr(hourly, name)) for parameter, name in VARIABLES.items()
        }


def _parsed(parameter: str, times: Sequence[datetime], values: Sequence[float | None]) -> Series:
    if len(times) != len(values):
        raise ProviderError(NAME, f"{PATH} answered {len(values)} values of {parameter} for {len(times)} hours")
    series = {}
    hours = [naive.replace(tzinfo=UTC) for naive in times]
    for at, value in without_odd(NAME, zip(hours, values, strict=True), _problem):
        if value is None:
            continue
        concentration = believable(NAME, parameter, at, value / OZONE_UG_PER_PPB if parameter == "Ozone" else value)
        if concentration is not None:
            series[at] = concentration
    return series


def _problem(hour: tuple[datetime, float | None]) -> str | None:
    at, _ = hour
    return None if floor_to(at, HOUR) == at else f"{PATH} answered with {at.isoformat()}, which is no start of an hour"


def _readings(series: Mapping[str, Series], hour: datetime) -> dict[str, Reading]:
    """What is known of an hour: the concentration, and the index of the hours up to it."""
    found = {}
    for parameter, values in series.items():
        current = values.get(hour)
        if current is None:
            continue
        past = [values.get(hour - n * HOUR) for n in reversed(range(NOWCAST_HOURS))]
        if parameter == "Ozone":
            index = ozone_index(mean_of_8_hours(past), current)
        else:
            average = nowcast(past)
            index = None if average is None else index_of(parameter, average)
        found[parameter] = Reading(current, index)
    return found
