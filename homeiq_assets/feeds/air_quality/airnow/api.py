"""AirNow's hourly data service as this project uses it: the question, the shape of its answers, its refusals.

GET /aq/data/ is the only service with hourly history since AirNow's API was replaced on 2026-09-30. It answers for all
sites in a box; which of them counts stands in `sites.py`, what the numbers mean as rows in `provider.py`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, NaiveDatetime, RootModel, Tag

from homeiq_assets.redaction import excerpt, redact, register
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import Params, VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.vendors.skipped import without_odd
from homeiq_assets.window import HOUR, Window, ceil_to, floor_to

NAME = "airnow"
PATH = "/aq/data/"
QUOTA = Quota(NAME, 500, HOUR)
MISSING = -999
ASKED = {"PM2.5": "PM25", "PM10": "PM10", "Ozone": "OZONE"}
"""The parameters, as the service wants them named."""
_ANSWERED = {"PM2.5": "PM2.5", "PM25": "PM2.5", "PM10": "PM10", "OZONE": "Ozone", "O3": "Ozone"}
_UNITS = {"PM2.5": "UG/M3", "PM10": "UG/M3", "Ozone": "PPB"}
_NOTHING = re.compile(r"\bno\b.*\b(observations|data)\b", re.IGNORECASE)
_KEY = re.compile(r"\b(authenticated|api key)\b", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit\b", re.IGNORECASE)
PERMANENT, PERMANENT_AND_MOBILE = 0, 2


@dataclass(frozen=True)
class Box:
    """An area, in degrees."""

    south: float
    west: float
    north: float
    east: float


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class Observation(_Strict):
    """One parameter at one site in one hour, `utc` being its START; `value` is the NowCast's concentration."""

    latitude: float = Field(alias="Latitude", ge=-90, le=90)
    longitude: float = Field(alias="Longitude", ge=-180, le=180)
    utc: NaiveDatetime = Field(alias="UTC")
    parameter: str = Field(alias="Parameter")
    unit: str = Field(alias="Unit")
    value: float | None = Field(alias="Value", allow_inf_nan=False)
    aqi: int | None = Field(alias="AQI")
    site_name: str | None = Field(None, alias="SiteName")
    full_code: str | None = Field(None, alias="FullAQSCode")
    international_code: str | None = Field(None, alias="IntlAQSCode")

    @property
    def hour(self) -> datetime:
        """The start of the hour."""
        return self.utc.replace(tzinfo=UTC)

    @property
    def known_parameter(self) -> str | None:
        """PM2.5, PM10 or Ozone; None for any other."""
        return _ANSWERED.get(self.parameter.strip().upper())

    @property
    def concentration(self) -> float | None:
        """µg/m³, ozone in ppb; None where it is missing."""
        return None if self.value == MISSING else self.value

    @property
    def index(self) -> int | None:
        """The AQI; None where it is missing."""
        return None if self.aqi is None or self.aqi < 0 else self.aqi


class _Message(_Strict):
    message: str = Field(alias="Message")


class _Refusal(_Strict):
    errors: list[_Message] = Field(alias="WebServiceError", min_length=1)


def _shape(answer: Any) -> str:
    return "refusal" if isinstance(answer, dict) else "observations"


class _Reply(
    RootModel[
        Annotated[
            Annotated[list[Observation], Tag("observations")] | Annotated[_Refusal, Tag("refusal")],
            Discriminator(_shape),
        ]
    ]
):
    row_lists: ClassVar = frozenset({"observations"})


class AirNowApi:
    """Questions to AirNow with the owner's key. All methods raise ProviderError and SettingError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def client(self) -> VendorClient:
        """A client for a few calls; close it. Raises SettingError where the settings do not suffice."""
        self._settings.require("AIRNOW_API_KEY")
        self._settings.sound("AIRNOW_BASE_URL", "AIRNOW_SITE")
        # A month takes AirNow seconds to gather.
        return VendorClient(
            NAME, self._settings.airnow_base_url, self._settings, timeout=20.0, budget=90.0, quota=QUOTA
        )

    def observations(
        self, client: VendorClient, box: Box, window: Window, parameters: Iterable[str]
    ) -> list[Observation]:
        """What the sites in `box` reported of the hours of `window`, and perhaps of the one after it."""
        key = self._settings.required("AIRNOW_API_KEY")
        register(key)
        params: Params = {
            "startDate": f"{floor_to(window.start, HOUR):%Y-%m-%dT%H}",
            # It is not documented whether the last hour is part of the answer, so one more is asked for.
            "endDate": f"{ceil_to(window.end, HOUR):%Y-%m-%dT%H}",
            "parameters": ",".join(ASKED[parameter] for parameter in parameters),
            "BBOX": f"{box.west:.4f},{box.south:.4f},{box.east:.4f},{box.north:.4f}",
            "dataType": "B",
            "format": "application/json",
            "verbose": 1,
            # A site that wanders with the smoke is taken only where the owner names it.
            "monitorType": PERMANENT_AND_MOBILE if self._settings.airnow_site else PERMANENT,
            # With it, `Value` is the NowCast and the plain hour's mean stands beside it.
            "includerawconcentrations": 1,
            "API_KEY": key,
        }
        answer = client.get(PATH, params, expect=_Reply, credentials=("AIRNOW_API_KEY",)).root
        if isinstance(answer, _Refusal):
            self._judge(" ".join(error.message for error in answer.errors))
            return []
        known = [observation for observation in answer if observation.known_parameter]
        return without_odd(NAME, known, _problem)

    def _judge(self, message: str) -> None:
        """An error inside a 200: nothing where it says that there are no observations. Raises VendorFailure."""
        if _NOTHING.search(message):
            return
        where = f"GET {redact(self._settings.airnow_base_url)}{PATH}"
        failure = VendorFailure(
            NAME,
            f"{where} answered 200 with an error: {excerpt(message, 200)}",
            retryable=_LIMIT.search(message) is not None,
            status=200,
        )
        raise failure.advise("Look at AIRNOW_API_KEY.") if _KEY.search(message) else failure


def _problem(observation: Observation) -> str | None:
    """Why the observation cannot be used: its unit or its time is not what the API promises."""
    parameter = observation.known_parameter or ""
    if observation.unit.strip().upper() != _UNITS[parameter]:
        return f"{PATH} answered {parameter} in {redact(observation.unit)!r}, not in {_UNITS[parameter]}"
    if floor_to(observation.hour, HOUR) != observation.hour:
        return f"{PATH} answered with {observation.utc.isoformat()}, which is no start of an hour"
    return None
