"""Sense's API as this project uses it: the shapes of its answers, the login, the account's monitor.

What the numbers mean as rows belongs to `provider.py`. Sense publishes no API: this is the one of its app.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, AliasPath, AwareDatetime, BaseModel, ConfigDict, Field

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.meter.sense.login import BELOW, CREDENTIALS, NAME, SenseLogin
from homeiq_assets.redaction import register
from homeiq_assets.settings.variables import Settings, home_folder
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import Params, VendorClient

MONITOR_LIFE = timedelta(days=1)
_Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]
_Kwh = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


def _of_monitor(name: str) -> AliasChoices:
    """Where an overview says something of the monitor: within `monitor_overview`, or plainly."""
    return AliasChoices(AliasPath("monitor_overview", "monitor", name), name)


class _Overview(_Strict):
    time_zone: str = Field(validation_alias=_of_monitor("time_zone"))
    solar_configured: bool | None = Field(None, validation_alias=_of_monitor("solar_configured"))


class _Device(_Strict):
    id: str
    tags: dict[str, Any] | None = None

    @property
    def hidden(self) -> bool:
        """Whether it is merged into another device, or not to be listed (the plug behind a device that is)."""
        tags = self.tags or {}
        return bool(tags.get("MergeId")) or str(tags.get("DeviceListAllowed", "true")).lower() == "false"


class _Devices(_Strict):
    devices: list[_Device]


class Consumption(_Strict):
    """kWh per hour of the monitor's local day."""

    usage_breakdown_kwh: list[_Kwh | None] | None = None


class DeviceUsage(_Strict):
    """What one device used."""

    id: str
    name: str | None = None
    consumption: Consumption | None = None


class Usage(_Strict):
    """The answer of history/usage for a day, which begins at `start`."""

    start: _Instant
    consumption: Consumption
    device_breakdown: list[DeviceUsage] | None = None


class _Breakdown(_Strict):
    production_kwh: list[_Kwh | None] | None = None


class Solar(_Strict):
    """The answer of history/usage/solar for a day."""

    breakdown: _Breakdown | None = None


class _KeptMonitor(BaseModel):
    base_url: str
    id: str
    since: state_files.Instant
    time_zone: str
    solar: bool


class Monitor(BaseModel):
    """The home's monitor: its id, its time zone's name, whether it measures solar panels."""

    id: str
    time_zone: str
    solar: bool

    @property
    def zone(self) -> ZoneInfo:
        """Raises ProviderError for a name that is not known."""
        try:
            return ZoneInfo(self.time_zone)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ProviderError(NAME, f"the monitor's time zone {self.time_zone!r} is not one that is known") from None


Answer = TypeVar("Answer", bound=BaseModel)


class SenseApi:
    """Calls with a valid login. All methods raise ProviderError and SettingError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base_url = settings.sense_base_url
        self._login = SenseLogin(settings)

    def client(self) -> VendorClient:
        """A client for some calls; close it."""
        self._settings.sound("SENSE_BASE_URL", "METER_DEVICE_ID")
        self._settings.require(*CREDENTIALS)
        return VendorClient(NAME, self._base_url, self._settings)

    def monitor(self, client: VendorClient, now: datetime, *, anew: bool = False) -> Monitor:
        """The monitor that METER_DEVICE_ID names, or the account's only one; looked up once a day, or `anew`."""
        chosen = self._chosen(client)
        file = home_folder(self._settings) / "caches" / "sense_monitor.json"
        known = None if anew else state_files.read(file, _KeptMonitor)
        ours = (self._base_url, chosen)
        if known is None or (known.base_url, known.id) != ours or not known.since <= now < known.since + MONITOR_LIFE:
            overview = self.get(client, f"/app/monitors/{chosen}/overview", {}, _Overview)
            known = _KeptMonitor(
                base_url=self._base_url,
                id=chosen,
                since=now,
                time_zone=overview.time_zone,
                solar=bool(overview.solar_configured),
            )
            state_files.write(file, known)
        return Monitor(id=chosen, time_zone=known.time_zone, solar=known.solar)

    def hidden_devices(self, client: VendorClient, monitor: Monitor) -> set[str]:
        """Ids of devices whose usage is in another's, or that Sense does not list."""
        answer = self.get(client, f"/app/monitors/{monitor.id}/devices/overview", {}, _Devices)
        return {device.id for device in answer.devices if device.hidden}

    def usage(self, client: VendorClient, monitor: Monitor, start: datetime) -> Usage:
        """What the home and its devices used on the monitor's local day that begins at `start`."""
        return self.get(client, f"/app/monitors/{monitor.id}/history/usage", _day(start), Usage)

    def solar(self, client: VendorClient, monitor: Monitor, start: datetime) -> Solar:
        """What its panels produced on that day."""
        return self.get(client, f"/app/monitors/{monitor.id}/history/usage/solar", _day(start), Solar)

    def get(self, client: VendorClient, path: str, params: Params, expect: type[Answer]) -> Answer:
        """The answer to an authorised call; a token that is refused is renewed, then replaced by a login, once."""
        refused: VendorFailure | None = None
        for n, session in enumerate(self._login.sessions(client)):
            headers = {"Authorization": f"bearer {session.access_token}", "x-sense-device-id": session.device_id}
            register(session.access_token, session.refresh_token)
            try:
                return client.get(f"{BELOW}{path}", params, expect=expect, headers=headers)
            except VendorFailure as failure:
                if failure.status == 404:
                    raise failure.advise("Look at METER_DEVICE_ID.") from None
                if failure.status not in (401, 403):
                    raise
                refused = failure
                # A monitor that is not the account's is refused however often one logs in.
                if failure.status == 403 and n:
                    break
        assert refused is not None  # noqa: S101 - there is always a session to be tried
        raise refused.advise(f"Look at {' and '.join(CREDENTIALS)}, and at METER_DEVICE_ID.")

    def _chosen(self, client: VendorClient) -> str:
        wanted = (self._settings.meter_device_id or "").strip()
        monitors = self._login.session(client).monitors
        if wanted not in monitors and len(monitors) != 1:
            # There may be one more since that login.
            monitors = self._login.log_in(client).monitors
        known = ", ".join(monitors)
        if not monitors:
            raise ProviderError(NAME, "the account has no monitor; is it the account that the monitor belongs to?")
        if not wanted and len(monitors) > 1:
            raise SettingError("METER_DEVICE_ID", f"is not set, and the account has several monitors: {known}")
        if wanted and wanted not in monitors:
            raise SettingError("METER_DEVICE_ID", f"{wanted!r} is no monitor of this account, which has {known}")
        return wanted or monitors[0]


def _day(start: datetime) -> Params:
    # Sense reads it as UTC.
    return {"scale": "DAY", "start": f"{start:%Y-%m-%dT%H:%M:%S}"}
