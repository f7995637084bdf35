"""Electricity Maps' API v3 as this project uses it: the shapes of its answers, the home's zone, what the plan lacks.

What the numbers mean as rows belongs to `provider.py`.
"""

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.settings.variables import Settings, home_folder
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import Params, VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.window import HOUR

NAME = "electricity_maps"
KEY = "ELECTRICITYMAPS_API_KEY"
# The limit of a free key is not published; so many it had when it still was.
QUOTA = Quota(NAME, 30, HOUR)
# Ranges of the past are asked by paid plans alone, in backfills.
RANGES = Quota(f"{NAME}_ranges", 300, HOUR)
LATEST = "/v3/carbon-intensity/latest"
REFUSALS = (401, 403, 404, 410)
# For so long a refusal is taken to be the plan's: each costs a request of few.
REFUSED_FOR = timedelta(hours=1)

logger = logging.getLogger(__name__)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class Intensity(_Strict):
    """Life-cycle g CO2eq/kWh of consumption in the slot that starts `at`; None where it is not known."""

    at: AwareDatetime = Field(alias="datetime")
    grams: float | None = Field(alias="carbonIntensity", allow_inf_nan=False)


class Mix(_Strict):
    """Shares of consumption (percent) in the slot that starts `at`; None where they are not known."""

    at: AwareDatetime = Field(alias="datetime")
    renewable: float | None = Field(alias="renewablePercentage", allow_inf_nan=False)
    fossil_free: float | None = Field(alias="fossilFreePercentage", allow_inf_nan=False)


# A list of slots has another name in every kind of question.
LISTS = ("history", "data", "forecast")


class Intensities(_Strict):
    """The answer of /v3/carbon-intensity/{history,past-range,forecast}."""

    row_lists: ClassVar = LISTS

    zone: str = Field(min_length=1)
    slots: list[Intensity] = Field(validation_alias=AliasChoices(*LISTS))


class Mixes(_Strict):
    """The answer of /v3/power-breakdown/{history,past-range}."""

    row_lists: ClassVar = LISTS

    zone: str = Field(min_length=1)
    slots: list[Mix] = Field(validation_alias=AliasChoices(*LISTS))


class Latest(Intensity):
    """The answer of /v3/carbon-intensity/latest."""

    zone: str = Field(min_length=1)


class _KeptRefusals(BaseModel):
    base_url: str
    place: str
    since: dict[str, state_files.Instant]


Zoned = TypeVar("Zoned", Intensities, Mixes, Latest)


class ElectricityMapsApi:
    """Calls about the home's zone. All methods raise ProviderError and SettingError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._zone: str | None = None

    def client(self, quota: Quota = QUOTA) -> VendorClient:
        """A client for a few calls; close it. Raises SettingError where the settings do not suffice."""
        self._settings.sound("ELECTRICITYMAPS_BASE_URL")
        token = self._settings.required(KEY)
        return VendorClient(
            NAME,
            self._settings.electricitymaps_base_url,
            self._settings,
            headers={"auth-token": token},
            quota=quota,
        )

    def ask(self, client: VendorClient, path: str, expect: type[Zoned], params: Params | None = None) -> Zoned:
        """The answer about the home's zone, and none about another."""
        # Without the last, an unknown zone is answered with the one that the caller's address lies in.
        asked = {**self._place(), **(params or {}), "shouldUseFallbackCallerLookup": "false"}
        try:
            answer = client.get(path, asked, expect=expect)
        except VendorFailure as failure:
            raise _explained(failure) from None
        self._check(path, answer.zone)
        return answer

    def ask_if_in_plan(
        self, client: VendorClient, path: str, expect: type[Zoned], now: datetime, params: Params | None = None
    ) -> Zoned | None:
        """As `ask`; None where the plan does not hold it, which is taken for granted for a while then.

        A refusal is the plan's only where the key may ask something else: it is also how a wrong key and too
        many requests are answered.
        """
        if self._refused(path, now):
            return None
        try:
            return self.ask(client, path, expect, params)
        except VendorFailure as failure:
            # A web page is the word of something in between.
            if failure.status not in REFUSALS or not failure.excerpt.startswith("{"):
                raise
            self.ask(client, LATEST, Latest)
            logger.warning("%s: taken not to be in the plan: %s", NAME, failure)
        self._remember_refusal(path, now)
        return None

    def _place(self) -> dict[str, str | float]:
        settings = self._settings
        settings.sound("GRID_REGION")
        if settings.grid_region:
            return {"zone": settings.grid_region.strip().upper()}
        settings.sound("LATITUDE", "LONGITUDE")
        if settings.latitude is None or settings.longitude is None:
            raise SettingError("GRID_REGION", "is not set; name the zone, or set LATITUDE and LONGITUDE instead")
        return {"lat": settings.latitude, "lon": settings.longitude}

    def _check(self, path: str, zone: str) -> None:
        expected = self._place().get("zone") or self._zone
        if expected is not None and zone != expected:
            raise ProviderError(NAME, f"{path} answered for {zone}, not for {expected}. Look at GRID_REGION.")
        self._zone = zone

    @property
    def _refusals_file(self) -> Path:
        return home_folder(self._settings) / "caches" / "electricity_maps_plan.json"

    def _known_refusals(self) -> _KeptRefusals:
        ours = _KeptRefusals(base_url=self._settings.electricitymaps_base_url, place=str(self._place()), since={})
        known = state_files.read(self._refusals_file, _KeptRefusals)
        return known if known and (known.base_url, known.place) == (ours.base_url, ours.place) else ours

    def _refused(self, path: str, now: datetime) -> bool:
        since = self._known_refusals().since.get(path)
        return since is not None and since <= now < since + REFUSED_FOR

    def _remember_refusal(self, path: str, now: datetime) -> None:
        known = self._known_refusals()
        state_files.write(self._refusals_file, known.model_copy(update={"since": {**known.since, path: now}}))


def _explained(failure: VendorFailure) -> VendorFailure:
    """The failure with what the owner may do about it."""
    if failure.status == 401:
        explained = failure.advise(
            f"Look at {KEY} and GRID_REGION. Electricity Maps answers so to a wrong key, to a zone that is not the "
            "account's, and also when its rate limit is passed; a later run tries again."
        )
        explained.retryable = True
        return explained
    if failure.status == 403:
        return failure.advise(f"Look at {KEY} and at what its plan holds.")
    if failure.status in (400, 404):
        return failure.advise("Look at GRID_REGION, or at LATITUDE and LONGITUDE.")
    return failure
