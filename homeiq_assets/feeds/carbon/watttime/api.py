"""WattTime's API v3 as this project uses it: the shapes of its answers, the login, the home's region.

What the numbers mean as rows belongs to `provider.py`.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from homeiq_assets.errors import SettingError
from homeiq_assets.redaction import register
from homeiq_assets.settings.variables import Settings, home_folder, secret
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import Params, VendorClient
from homeiq_assets.vendors.quotas import Quota

NAME = "watttime"
SIGNAL = "co2_moer"
TOKEN_LIFE = timedelta(minutes=30)
# A token about to expire would do so in the middle of a fetch.
TOKEN_SPARE = timedelta(minutes=1)
# WattTime renames regions now and then and asks to look them up about monthly.
REGION_LIFE = timedelta(days=30)
QUOTA = Quota(NAME, 3000, timedelta(minutes=5))
LOGINS = Quota(f"{NAME}_logins", 100, timedelta(minutes=5))


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class Point(_Strict):
    """One value of a signal, at the START of its period; None where WattTime has none."""

    point_time: AwareDatetime
    value: float | None = Field(allow_inf_nan=False)


class Meta(_Strict):
    """What a series is of. `generated_at` is only there on forecasts."""

    region: str
    signal_type: Literal["co2_moer"]
    units: Literal["lbs_co2_per_mwh"]
    data_point_period_seconds: int = Field(gt=0, le=86_400)
    generated_at: AwareDatetime | None = None

    @property
    def step(self) -> timedelta:
        """The length of a point's period."""
        return timedelta(seconds=self.data_point_period_seconds)


class Series(_Strict):
    """The answer of /v3/historical and /v3/forecast."""

    row_lists: ClassVar = frozenset({"data"})

    data: list[Point]
    meta: Meta


class _Model(_Strict):
    data_start: str | None = None


class _Endpoint(_Strict):
    endpoint: str
    models: list[_Model] = []


class _Region(_Strict):
    region: str
    endpoints: list[_Endpoint]


class _Signal(_Strict):
    signal_type: str
    regions: list[_Region]


class Access(_Strict):
    """The answer of /v3/my-access: what the account may ask for."""

    signal_types: list[_Signal]

    def endpoints(self, region: str) -> list[str]:
        """The endpoints open for the region's marginal emissions, such as `historical`."""
        return sorted(
            endpoint.endpoint.removeprefix("v3/")
            for signal in self.signal_types
            for allowed in signal.regions
            for endpoint in allowed.endpoints
            if signal.signal_type == SIGNAL and allowed.region == region
        )

    def history_start(self, region: str) -> str | None:
        """The date (YYYY-MM-DD) that the region's history begins on, None where it is not said."""
        starts = [
            model.data_start[:10]
            for signal in self.signal_types
            for allowed in signal.regions
            for endpoint in allowed.endpoints
            for model in endpoint.models
            if signal.signal_type == SIGNAL
            and allowed.region == region
            and endpoint.endpoint == "v3/historical"
            and model.data_start
        ]
        return min(starts, default=None)


# It travels in a header, which takes printable ASCII alone.
_Token = Annotated[str, Field(pattern=r"^[!-~]+$")]


class _Login(_Strict):
    token: _Token


class _Place(_Strict):
    region: str = Field(min_length=1)


class _KeptToken(BaseModel):
    base_url: str
    username: str
    token: _Token
    since: state_files.Instant


class _KeptRegion(BaseModel):
    latitude: float
    longitude: float
    region: str
    since: state_files.Instant


Answer = TypeVar("Answer", bound=BaseModel)


class WattTimeApi:
    """Calls with a valid login. All methods raise ProviderError and SettingError.

    A login's token and the region looked up are kept in HOMEIQ_HOME, so that a poll every 15 minutes
    neither logs in nor looks up each time.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base_url = settings.watttime_base_url
        self._token: _KeptToken | None = None

    def client(self) -> VendorClient:
        """A client for a few calls; close it. Raises SettingError where the settings do not suffice."""
        settings = self._settings
        settings.sound("WATTTIME_BASE_URL", "WATTTIME_USERNAME", "WATTTIME_PASSWORD", "WATTTIME_API_TOKEN")
        if not self._can_log_in and settings.watttime_api_token is None:
            missing = "WATTTIME_PASSWORD" if settings.watttime_username else "WATTTIME_USERNAME"
            raise SettingError(
                missing, "is not set; WattTime needs WATTTIME_USERNAME and WATTTIME_PASSWORD, or WATTTIME_API_TOKEN"
            )
        return VendorClient(NAME, self._base_url, settings, quota=QUOTA)

    def get(self, client: VendorClient, path: str, params: Params, expect: type[Answer], now: datetime) -> Answer:
        """The answer to an authorised call; a token that is refused is replaced once."""
        if not self._can_log_in:
            token = secret(self._settings.watttime_api_token)
            return self._authorised(client, path, params, expect, token)
        held = self._held_token(now)
        if held is not None:
            try:
                return self._authorised(client, path, params, expect, held)
            except VendorFailure as failure:
                if failure.status != 401:
                    raise
        return self._authorised(client, path, params, expect, self._log_in(client, now))

    def region(self, client: VendorClient, now: datetime) -> str:
        """GRID_REGION, or the region that LATITUDE and LONGITUDE lie in."""
        settings = self._settings
        settings.sound("GRID_REGION")
        if settings.grid_region:
            return settings.grid_region
        settings.sound("LATITUDE", "LONGITUDE")
        latitude, longitude = settings.latitude, settings.longitude
        if latitude is None or longitude is None:
            raise SettingError(
                "GRID_REGION", "is not set; name the grid region, or set LATITUDE and LONGITUDE to have it looked up"
            )
        file = home_folder(settings) / "caches" / "watttime_region.json"
        known = state_files.read(file, _KeptRegion)
        if (
            known
            and (known.latitude, known.longitude) == (latitude, longitude)
            and _fresh(known.since, REGION_LIFE, now)
        ):
            return known.region
        params: Params = {"latitude": latitude, "longitude": longitude, "signal_type": SIGNAL}
        try:
            place = self.get(client, "/v3/region-from-loc", params, _Place, now)
        except VendorFailure as failure:
            if failure.retryable or failure.status == 401:
                raise
            raise failure.advise("Look at LATITUDE and LONGITUDE, or name the region in GRID_REGION.") from None
        state_files.write(file, _KeptRegion(latitude=latitude, longitude=longitude, region=place.region, since=now))
        return place.region

    def access(self, client: VendorClient, now: datetime) -> Access:
        """What the account may ask for."""
        try:
            return self.get(client, "/v3/my-access", {"signal_type": SIGNAL}, Access, now)
        except VendorFailure as failure:
            raise failure.advise(f"Look at {self._account}.") if failure.status == 403 else failure from None

    @property
    def _can_log_in(self) -> bool:
        return bool(self._settings.watttime_username) and self._settings.watttime_password is not None

    @property
    def _account(self) -> str:
        """The settings that the account is in, for errors."""
        return "WATTTIME_USERNAME and WATTTIME_PASSWORD" if self._can_log_in else "WATTTIME_API_TOKEN"

    @property
    def _token_file(self) -> Path:
        return home_folder(self._settings) / "tokens" / "watttime.json"

    def _held_token(self, now: datetime) -> str | None:
        held = self._token or state_files.read(self._token_file, _KeptToken)
        ours = (self._base_url, self._settings.watttime_username)
        if held is None or (held.base_url, held.username) != ours:
            return None
        if not _fresh(held.since, TOKEN_LIFE - TOKEN_SPARE, now):
            return None
        self._token = held
        return held.token

    def _log_in(self, client: VendorClient, now: datetime) -> str:
        username = self._settings.watttime_username or ""
        login = client.get(
            "/login",
            expect=_Login,
            auth=(username, secret(self._settings.watttime_password)),
            credentials=("WATTTIME_USERNAME", "WATTTIME_PASSWORD"),
            confidential=True,
            quota=LOGINS,
        )
        self._token = _KeptToken(base_url=self._base_url, username=username, token=login.token, since=now)
        state_files.write(self._token_file, self._token)
        return login.token

    def _authorised(
        self,
        client: VendorClient,
        path: str,
        params: Params,
        expect: type[Answer],
        token: str,
    ) -> Answer:
        register(token)
        try:
            return client.get(path, params, expect=expect, headers={"Authorization": f"Bearer {token}"})
        except VendorFailure as failure:
            if failure.status != 401:
                raise
            raise failure.advise(f"Look at {self._account}.") from None


def _fresh(since: datetime, life: timedelta, now: datetime) -> bool:
    return since <= now < since + life
