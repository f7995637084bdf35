"""AirNow: what the monitor nearest to the home measured, hourly, with the index the US EPA gives it.

The concentration is the NowCast that the hour's AQI is made of. Only the service with hourly history is asked, also by
polls: the current observation by place has an index alone, of a whole area, under the END of a local hour, and
would mix two sources into one series.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.air_quality.airnow.api import ASKED, NAME, AirNowApi
from homeiq_assets.feeds.air_quality.airnow.sites import (
    KM_PER_DEGREE,
    REACHES,
    Choices,
    Site,
    around,
    distance_km,
    enclosing,
    nearest,
    recall,
    remember,
    search,
    site_of,
)
from homeiq_assets.feeds.air_quality.aqi import HIGHEST
from homeiq_assets.feeds.air_quality.readings import Place, Reading, answers_of, believable, place_of
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.window import DAY, HOUR, Window

FAR_KM = round(REACHES[-1] * KM_PER_DEGREE)

logger = logging.getLogger(__name__)
Readings = dict[datetime, dict[str, Reading]]


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of air_quality. Settings are judged when they are used, not here."""
    return {AIR_QUALITY.name: AirNow(settings)}


class AirNow:
    """Rows of air_quality."""

    name = NAME
    measurement = AIR_QUALITY
    # AirNow states no limit. A local month of 31 days and an hour is one request, small because its box is.
    longest = timedelta(days=32)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._api = AirNowApi(settings)

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """What the home's sites reported of `window` until `now`.

        Where a site of the past is not the one of today (monitors come and go), the nearest with data then speaks for
        the window. A poll keeps to its site until that has been silent for a day. Raises ProviderError and
        SettingError.
        """
        if now <= window.start:
            return
        place = place_of(self._settings)
        asked = Window(window.start, min(window.end, now))
        with self._api.client() as client:
            readings = self._readings(client, place, asked, now, polling=now in window)
        yield from answers_of(readings, window, place.location)

    def probe(self, now: datetime) -> str:
        """Which sites near the home reported in the last hours. Raises ProviderError, SettingError."""
        place = place_of(self._settings)
        reach = REACHES[1]
        with self._api.client() as client:
            seen = self._api.observations(client, around(place, reach), Window(now - 3 * HOUR, now), ASKED)
        count = len({site_of(observation).code for observation in seen})
        found = {p: site for p in ASKED if (site := nearest(seen, place, p, self._settings.airnow_site))}
        near = ", ".join(f"{p} at {site.name} ({distance_km(place, site):.0f} km)" for p, site in found.items())
        sites = f"{count} site{'' if count == 1 else 's'} within {reach * KM_PER_DEGREE:.0f} km"
        return f"the key is accepted; {sites}" + (f"; {near}" if near else "")

    def _readings(
        self, client: VendorClient, place: Place, window: Window, now: datetime, *, polling: bool
    ) -> Readings:
        choices = recall(self._settings, place)
        last_day = Window(now - DAY, now)
        names: list[str] = []
        due = choices.due(ASKED, now)
        if due:
            found, names = self._search(client, place, last_day, due)
            self._choose(choices, due, found, now)
        sites = choices.sites()
        readings = self._ask(client, window, sites)
        heard = {parameter for hour in readings.values() for parameter in hour}
        silent = [parameter for parameter in ASKED if parameter not in heard]
        if polling:
            choices.hear(heard, now)
            silent = choices.silent(silent, now)
        elif sites and choices.named:
            silent = []
        if silent:
            if polling:
                found, others = self._search(client, place, last_day, silent)
                self._choose(choices, silent, found, now)
            else:
                # Most homes lack one parameter for years: one question a window, not one per box.
                found, others = self._search(client, place, _middle(window), silent, REACHES[-1:])
            names = names or others
            replaced = {parameter: site for parameter, site in found.items() if sites.get(parameter) != site}
            for hour, more in self._ask(client, window, replaced).items():
                readings.setdefault(hour, {}).update(more)
            sites = sites | found
        if not sites:
            self._refuse(choices, names)
        if choices.sites():
            remember(self._settings, choices)
        return readings

    def _choose(self, choices: Choices, parameters: Sequence[str], found: Mapping[str, Site], now: datetime) -> None:
        before = choices.sites()
        choices.choose(parameters, found, now)
        for parameter, site in choices.sites().items():
            if parameter in before and before[parameter].code != site.code:
                logger.warning(
                    "%s: %s is from %s now, no more from %s", NAME, parameter, site.name, before[parameter].name
                )

    def _search(
        self,
        client: VendorClient,
        place: Place,
        window: Window,
        parameters: Sequence[str],
        reaches: Sequence[float] = REACHES,
    ) -> tuple[dict[str, Site], list[str]]:
        return search(
            lambda box: self._api.observations(client, box, window, parameters),
            place,
            parameters,
            self._settings.airnow_site,
            reaches,
        )

    def _ask(self, client: VendorClient, window: Window, sites: Mapping[str, Site]) -> Readings:
        """The readings of `window` at these sites; of an hour that comes twice, the later row is the correction."""
        readings: Readings = {}
        if not sites:
            return readings
        said = {}
        for observation in self._api.observations(client, enclosing(sites.values()), window, sites):
            parameter = observation.known_parameter or ""
            chosen = sites.get(parameter)
            if chosen and site_of(observation).code == chosen.code and observation.hour in window:
                said[observation.hour, parameter] = observation
        for (hour, parameter), observation in said.items():
            value, index = observation.concentration, observation.index
            if value is not None:
                value = believable(NAME, parameter, hour, value)
            if value is not None or index is not None:
                reading = Reading(value, None if index is None else min(index, HIGHEST))
                readings.setdefault(hour, {})[parameter] = reading
        return readings

    def _refuse(self, choices: Choices, names: Sequence[str]) -> None:
        """Raise the error of a home for which no site speaks."""
        if choices.named:
            nearby = f"; those that did are {', '.join(names[:5])}" if names else ""
            raise SettingError(
                "AIRNOW_SITE", f"no site {choices.named!r} within {FAR_KM} km of the home has reported{nearby}"
            )
        raise ProviderError(
            NAME,
            f"no site within {FAR_KM} km of LATITUDE and LONGITUDE has reported in the last day; AirNow measures in "
            "the US and near it. Elsewhere set AIR_QUALITY_PROVIDER to open_meteo.",
        )


def _middle(window: Window) -> Window:
    """A day from the middle of the window, all of a shorter one: enough to see who reported then."""
    spare = max((window.length - DAY) / 2, timedelta(0))
    return Window(window.start + spare, window.end - spare)
