"""Emporia's API as this project uses it: the account's devices, and charts of a channel.

Which channels are circuits belongs to `circuits.py`, what the numbers mean as rows to `provider.py`, the login
to `login.py`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.meter.emporia.circuits import Device, Monitor, Series, chosen
from homeiq_assets.feeds.meter.emporia.login import NAME, EmporiaLogin
from homeiq_assets.settings.variables import Settings, home_folder
from homeiq_assets.vendors import state_files
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import Params, VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.window import Window, floor_to

API_URL = "https://api.emporiaenergy.com"
# What Emporia asks of those who use its API without being its app.
QUOTA = Quota(NAME, 2000, timedelta(days=1))
DEVICES_LIFE = timedelta(hours=6)


@dataclass(frozen=True)
class Scale:
    """A resolution of charts: its name, the length of a bucket, the longest range of a request."""

    name: str
    bucket: timedelta
    longest: timedelta


MINUTES = Scale("1MIN", timedelta(minutes=1), timedelta(hours=12))
QUARTERS = Scale("15MIN", timedelta(minutes=15), timedelta(days=7))


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, populate_by_name=True)


class _Devices(_Strict):
    devices: list[Device]


_Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]
_Kwh = Annotated[float, Field(allow_inf_nan=False)]


class _Chart(_Strict):
    first: _Instant | None = Field(None, alias="firstUsageInstant")
    usage: list[_Kwh | None] = Field(alias="usageList")


class _Kept(BaseModel):
    base_url: str
    account: str
    since: state_files.Instant
    devices: list[Device]


Answer = TypeVar("Answer", bound=BaseModel)


class EmporiaApi:
    """Calls with a valid login. All methods raise ProviderError and SettingError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._login = EmporiaLogin(settings)
        self._base_url = settings.emporia_base_url or API_URL

    def client(self, budget: float = 60.0) -> VendorClient:
        """A client for some calls; close it."""
        self._settings.sound("EMPORIA_BASE_URL", "METER_DEVICE_ID")
        return VendorClient(NAME, self._base_url, self._settings, quota=QUOTA, budget=budget, question=60.0)

    def monitor(self, now: datetime, *, anew: bool = False) -> Monitor:
        """The monitor that METER_DEVICE_ID names, or the account's only one; asked for every six hours, or `anew`."""
        return chosen(self._devices(now, anew), self._settings.meter_device_id)

    def usage(
        self, client: VendorClient, series: Series, window: Window, scale: Scale, now: datetime
    ) -> dict[datetime, float]:
        """kWh by start of the bucket, of buckets that begin in `window` and have a value; in order of time."""
        found: dict[datetime, float] = {}
        for part in window.chunks(scale.longest):
            found |= self._chart(client, series, part, scale, now)
        return found

    def _chart(
        self, client: VendorClient, series: Series, window: Window, scale: Scale, now: datetime
    ) -> dict[datetime, float]:
        params: Params = {
            "apiMethod": "getChartUsage",
            "deviceGid": series.gid,
            "channel": series.channel,
            "start": f"{window.start:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
            "scale": scale.name,
            "energyUnit": "KilowattHours",
        }
        chart = self._get(client, "/AppAPI", params, _Chart, now)
        if not chart.usage:
            return {}
        # What comes may begin elsewhere than was asked.
        first = chart.first
        if first is None or floor_to(first, scale.bucket) != first:
            raise ProviderError(
                NAME, f"the {scale.name} chart of channel {series.channel} begins at {first}, no start of a bucket"
            )
        times = [first + n * scale.bucket for n in range(len(chart.usage))]
        return {at: kwh for at, kwh in zip(times, chart.usage, strict=True) if kwh is not None and at in window}

    def _devices(self, now: datetime, anew: bool) -> list[Device]:
        file = home_folder(self._settings) / "caches" / "emporia_devices.json"
        ours = {"base_url": self._base_url, "account": self._login.account}
        known = None if anew else state_files.read(file, _Kept)
        if (
            known is not None
            and {"base_url": known.base_url, "account": known.account} == ours
            and known.since <= now < known.since + DEVICES_LIFE
        ):
            return known.devices
        with self.client() as client:
            devices = self._get(client, "/customers/devices", {}, _Devices, now).devices
        state_files.write(file, _Kept(**ours, since=now, devices=devices))
        return devices

    def _get(self, client: VendorClient, path: str, params: Params, expect: type[Answer], now: datetime) -> Answer:
        token = self._login.token(now)
        try:
            return client.get(path, params, expect=expect, headers={"authtoken": token})
        except VendorFailure as failure:
            if failure.status in (403, 404):
                raise failure.advise("Look at METER_DEVICE_ID.") from None
            if failure.status != 401:
                raise
        token = self._login.token(now, refused=token)
        return client.get(path, params, expect=expect, headers={"authtoken": token}, credentials=[self._login.named])
