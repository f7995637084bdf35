"""Which of AirNow's sites speaks for the home: the one the owner names, else the nearest that reports, per parameter.

Particles and ozone are often measured at different sites. The choice is kept in HOMEIQ_HOME, so that the series does
not jump between sites from poll to poll.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from homeiq_assets.feeds.air_quality.airnow.api import Box, Observation
from homeiq_assets.feeds.air_quality.readings import Place
from homeiq_assets.settings.variables import Settings, home_folder
from homeiq_assets.vendors import state_files

# Half the side of the boxes that are searched one after the other, in degrees of latitude.
REACHES = (0.25, 0.5, 1.0)
KM_PER_DEGREE = 111.2
EARTH_RADIUS_KM = 6371.0
# A box around known sites only has to be wider than the rounding of their coordinates.
MARGIN = 0.01
LIFE = timedelta(days=30)
SILENCE = timedelta(days=1)


class Site(BaseModel):
    """A site; `code` tells it from all others."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    latitude: float
    longitude: float


class Choice(BaseModel):
    """The site of one parameter, None where none was found; when it was chosen, and last reported (or was sought)."""

    site: Site | None
    since: state_files.Instant
    heard: state_files.Instant


class Choices(BaseModel):
    """The sites of the home, by parameter, and what they were chosen for."""

    base_url: str
    latitude: float
    longitude: float
    named: str | None
    by_parameter: dict[str, Choice] = {}

    def sites(self) -> dict[str, Site]:
        """The sites by parameter; parameters without one are absent."""
        return {parameter: choice.site for parameter, choice in self.by_parameter.items() if choice.site}

    def due(self, parameters: Iterable[str], now: datetime) -> list[str]:
        """The parameters whose site is to be chosen anew."""
        return [
            parameter
            for parameter in parameters
            if (choice := self.by_parameter.get(parameter)) is None or not choice.since <= now < choice.since + LIFE
        ]

    def silent(self, parameters: Iterable[str], now: datetime) -> list[str]:
        """The parameters whose site has not reported for too long."""
        return [parameter for parameter in parameters if now - self.by_parameter[parameter].heard >= SILENCE]

    def choose(self, parameters: Iterable[str], found: Mapping[str, Site], now: datetime) -> None:
        """Take what was found; a site that fell silent stays where there is no other."""
        before = self.sites()
        for parameter in parameters:
            site = found.get(parameter, before.get(parameter))
            self.by_parameter[parameter] = Choice(site=site, since=now, heard=now)

    def hear(self, parameters: Iterable[str], now: datetime) -> None:
        """Note that the sites of these parameters reported."""
        for parameter in parameters:
            self.by_parameter[parameter].heard = now


def recall(settings: Settings, place: Place) -> Choices:
    """The choices kept for this place and these settings, none where they were made for others."""
    fresh = Choices(
        base_url=settings.airnow_base_url,
        latitude=place.latitude,
        longitude=place.longitude,
        named=settings.airnow_site,
    )
    known = state_files.read(_file(settings), Choices)
    same = known is not None and known.model_copy(update={"by_parameter": {}}) == fresh
    return known if known is not None and same else fresh


def remember(settings: Settings, choices: Choices) -> None:
    """Keep the choices."""
    state_files.write(_file(settings), choices)


def search(
    ask: Callable[[Box], Sequence[Observation]],
    place: Place,
    parameters: Sequence[str],
    named: str | None,
    reaches: Sequence[float] = REACHES,
) -> tuple[dict[str, Site], list[str]]:
    """The sites that speak for `parameters`, and the names of all that reported, nearest first.

    `ask` gives what is reported in a box; boxes grow until the nearest site is known of each parameter. Parameters
    without a site within the largest box are absent.
    """
    observations: Sequence[Observation] = ()
    found: dict[str, Site] = {}
    for reach in reaches:
        observations = ask(around(place, reach))
        found = {p: site for p in parameters if (site := nearest(observations, place, p, named))}
        # In a box's corner a site may be farther than one just outside of the box's side.
        certain = [p for p, site in found.items() if distance_km(place, site) <= reach * KM_PER_DEGREE]
        if len(certain) == len(parameters) or (named and found):
            break
    everyone = {site_of(observation) for observation in observations}
    ordered = sorted(everyone, key=lambda site: (distance_km(place, site), site.code))
    return found, list(dict.fromkeys(site.name for site in ordered))


def nearest(observations: Sequence[Observation], place: Place, parameter: str, named: str | None) -> Site | None:
    """The nearest site (of that name or code, if given) that reports the parameter.

    A site with less than half the hours of the one with most does not count: it is failing.
    """
    hours: dict[str, set[datetime]] = defaultdict(set)
    sites: dict[str, Site] = {}
    for observation in observations:
        said = observation.concentration is not None or observation.index is not None
        if said and observation.known_parameter == parameter and (named is None or _is(observation, named)):
            site = site_of(observation)
            sites[site.code] = site
            hours[site.code].add(observation.hour)
    enough = max((len(reported) for reported in hours.values()), default=0) / 2
    reporting = [sites[code] for code, reported in hours.items() if len(reported) >= enough]
    return min(reporting, key=lambda site: (distance_km(place, site), site.code), default=None)


def site_of(observation: Observation) -> Site:
    """The site that made an observation."""
    name = (observation.site_name or "").strip()
    place = f"{observation.latitude:.4f},{observation.longitude:.4f}"
    code = observation.international_code or observation.full_code or name or place
    return Site(
        code=code, name=name or code, latitude=round(observation.latitude, 4), longitude=round(observation.longitude, 4)
    )


def _is(observation: Observation, named: str) -> bool:
    names = (observation.site_name, observation.full_code, observation.international_code)
    return named.strip().casefold() in {name.strip().casefold() for name in names if name}


def around(place: Place, reach: float) -> Box:
    """A box with the place in its middle, about as wide as it is high (2 * `reach` degrees of latitude)."""
    wide = reach / max(cos(radians(place.latitude)), 0.05)
    return _box([place.latitude - reach, place.latitude + reach], [place.longitude - wide, place.longitude + wide])


def enclosing(sites: Iterable[Site]) -> Box:
    """The smallest box with all of the sites in it."""
    latitudes, longitudes = zip(*((site.latitude, site.longitude) for site in sites), strict=True)
    return _box(
        [min(latitudes) - MARGIN, max(latitudes) + MARGIN], [min(longitudes) - MARGIN, max(longitudes) + MARGIN]
    )


def _box(latitudes: list[float], longitudes: list[float]) -> Box:
    return Box(max(latitudes[0], -90), max(longitudes[0], -180), min(latitudes[1], 90), min(longitudes[1], 180))


def distance_km(one: Place | Site, other: Place | Site) -> float:
    """The great-circle distance (haversine)."""
    up = radians(other.latitude - one.latitude)
    along = radians(other.longitude - one.longitude)
    chord = sin(up / 2) ** 2 + cos(radians(one.latitude)) * cos(radians(other.latitude)) * sin(along / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(chord))


def _file(settings: Settings) -> Path:
    return home_folder(settings) / "caches" / "airnow_sites.json"
