"""The GB Carbon Intensity API as this project uses it: the shapes of its answers, its regions, its ranges.

Half hours of settlement, everything UTC. What the numbers mean as rows belongs to `provider.py`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.vendors.skipped import without_odd
from homeiq_assets.window import Window, floor_to

NAME = "gb_carbon_intensity"
STEP = timedelta(minutes=30)
LONGEST_RANGE = timedelta(days=14)
# The terms mention a limit without a number; one a second is modest.
QUOTA = Quota(NAME, 60, timedelta(minutes=1))
NATIONAL = "GB"
REGIONS = {
    1: "North Scotland",
    2: "South Scotland",
    3: "North West England",
    4: "North East England",
    5: "Yorkshire",
    6: "North Wales",
    7: "South Wales",
    8: "West Midlands",
    9: "East Midlands",
    10: "East England",
    11: "South West England",
    12: "South England",
    13: "London",
    14: "South East England",
    15: "England",
    16: "Scotland",
    17: "Wales",
}
"""The tag of each region. It stands here because a name that the vendor spells anew would begin another series."""
_OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class Fuel(_Strict):
    """A fuel's share of generation, in percent."""

    fuel: str
    perc: float | None = Field(allow_inf_nan=False)


class _HalfHour(_Strict):
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")


class _Forecast(_Strict):
    forecast: float | None = Field(allow_inf_nan=False)


class _Measured(_Forecast):
    actual: float | None = Field(allow_inf_nan=False)


class _National(_HalfHour):
    intensity: _Measured


class _Generation(_HalfHour):
    generationmix: list[Fuel]


class _Regional(_HalfHour):
    intensity: _Forecast
    generationmix: list[Fuel]


class _Region(_Strict):
    regionid: int
    data: list[_Regional] | _Regional


# The vendor sends one element now as a list, now by itself.
class _Nationals(_Strict):
    data: list[_National] | _National


class _Generations(_Strict):
    data: list[_Generation] | _Generation


class _Regions(_Strict):
    data: list[_Region] | _Region


Element = TypeVar("Element")
Slot = TypeVar("Slot", bound=_HalfHour)


@dataclass
class HalfHour:
    """What is known of one half hour: g/kWh forecast and measured (never of a region), and its mix."""

    forecast: float | None = None
    actual: float | None = None
    mix: list[Fuel] | None = None


class GbCarbonApi:
    """Calls about the home's region. All methods raise ProviderError and SettingError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._region_id: int | None = None

    def client(self) -> VendorClient:
        """A client for a few calls; close it."""
        self._settings.sound("GB_CARBON_BASE_URL")
        return VendorClient(NAME, self._settings.gb_carbon_base_url, self._settings, quota=QUOTA)

    @property
    def regional(self) -> bool:
        """Whether GRID_REGION names a part of Great Britain."""
        return bool(self._place())

    @property
    def region(self) -> str:
        """The region's tag; of a postcode known only after an answer."""
        if not self.regional:
            return NATIONAL
        return REGIONS[self._region_id] if self._region_id is not None else ""

    def told(self, client: VendorClient, asked: Window) -> dict[datetime, HalfHour]:
        """What the vendor says of the half hours that start in `asked` (which lies on their grid), in order."""
        halves: dict[datetime, HalfHour] = {}
        for begin, until in _ranges(asked, cut=self.regional):
            if self.regional:
                self._take(halves, self._regional(client, f"/regional/intensity/{begin}/{until}"))
            else:
                self._take(halves, _several(client.get(f"/intensity/{begin}/{until}", expect=_Nationals).data))
        for begin, until in () if self.regional else _ranges(asked, cut=True):
            self._take(halves, _several(client.get(f"/generation/{begin}/{until}", expect=_Generations).data))
        return {at: halves[at] for at in sorted(halves) if at in asked}

    def ahead(self, client: VendorClient, slot: datetime) -> dict[datetime, HalfHour]:
        """What is forecast now for the two days from the half hour `slot` on."""
        halves: dict[datetime, HalfHour] = {}
        if self.regional:
            self._take(halves, self._regional(client, f"/regional/intensity/{_begin(slot)}/fw48h"))
        else:
            self._take(halves, _several(client.get(f"/intensity/{_begin(slot)}/fw48h", expect=_Nationals).data))
        return halves

    def newest(self, client: VendorClient) -> dict[datetime, HalfHour]:
        """The half hour that the vendor calls the current one."""
        halves: dict[datetime, HalfHour] = {}
        if self.regional:
            self._take(halves, self._regional(client, "/regional"))
        else:
            self._take(halves, _several(client.get("/intensity", expect=_Nationals).data))
        return halves

    def _place(self) -> str:
        """The end of a region's paths, empty for all of Great Britain."""
        self._settings.sound("GRID_REGION")
        text = (self._settings.grid_region or NATIONAL).strip().upper()
        if text == NATIONAL:
            return ""
        if re.fullmatch("[0-9]{1,2}", text) and int(text) in REGIONS:
            return f"/regionid/{int(text)}"
        if _OUTWARD.fullmatch(text):
            return f"/postcode/{text}"
        raise SettingError(
            "GRID_REGION",
            f"{text!r} is neither a region's number from 1 to 17 (13 is London) nor the first half of a postcode "
            "(SW1A); unset, it is all of Great Britain",
        )

    def _regional(self, client: VendorClient, path: str) -> list[_Regional]:
        place = self._place()
        try:
            regions = _several(client.get(path + place, expect=_Regions).data)
        except VendorFailure as failure:
            if failure.status in (400, 404):
                raise failure.advise(
                    "Look at GRID_REGION: not every postcode is known there; a region's number is."
                ) from None
            raise
        for region in regions:
            self._check(place, region.regionid)
        return [half for region in regions for half in _several(region.data)]

    def _check(self, place: str, region_id: int) -> None:
        expected = int(place.removeprefix("/regionid/")) if place.startswith("/regionid/") else self._region_id
        if region_id not in REGIONS or region_id != (expected or region_id):
            raise ProviderError(NAME, f"answered for region {region_id}, not for {place[1:]}. Look at GRID_REGION.")
        self._region_id = region_id

    def _take(
        self, halves: dict[datetime, HalfHour], slots: Iterable[_National] | Iterable[_Generation] | Iterable[_Regional]
    ) -> None:
        """Put what came where it belongs; of a half hour that comes twice the later values stand."""
        for slot in without_odd(NAME, slots, _problem):
            half = halves.setdefault(slot.start.astimezone(UTC), HalfHour())
            if isinstance(slot, _National | _Regional) and slot.intensity.forecast is not None:
                half.forecast = slot.intensity.forecast
            if isinstance(slot, _National) and slot.intensity.actual is not None:
                half.actual = slot.intensity.actual
            if isinstance(slot, _Generation | _Regional):
                half.mix = slot.generationmix


def _problem(slot: _HalfHour) -> str | None:
    start = slot.start.astimezone(UTC)
    if slot.end - slot.start == STEP and floor_to(start, STEP) == start:
        return None
    return f"{start.isoformat()} .. {slot.end.isoformat()} is no half hour of settlement"


def _several(data: list[Element] | Element) -> list[Element]:
    return data if isinstance(data, list) else [data]


def _ranges(asked: Window, *, cut: bool) -> Iterator[tuple[str, str]]:
    """The beginnings and ends that have to be asked for, so that all half hours that start in `asked` come.

    The vendor answers with those that END from the first instant to the second, both included. With `cut` it
    leaves out what ends in another year than the first instant.
    """
    for part in asked.chunks(LONGEST_RANGE):
        # The first half hour that ends in the year of the part's end.
        turn = datetime(part.end.year, 1, 1, tzinfo=UTC) - STEP
        both = (
            [Window(part.start, turn), Window(turn, part.end)] if cut and turn in part and turn > part.start else [part]
        )
        for one in both:
            # Up to the year's last minute, should the vendor go by starts: its last half hour then belongs to it.
            until = _text(turn + timedelta(minutes=29) if one is not part and one.end == turn else one.end)
            # The last half hour of a year, asked for alone, would begin where it ends.
            if until == _begin(one.start):
                until = _text(one.end + timedelta(minutes=1))
            yield _begin(one.start), until


def _begin(first: datetime) -> str:
    """Where to begin in order to get the half hour `first`: there, or at its end where that is in a new year.

    Its own start is half an hour early, which is harmless, and right as well should the vendor come to go by starts.
    """
    end = first + STEP
    return _text(first if end.year == first.year else end)


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%MZ}"
