"""Emporia's API as this project uses it: the account's devices, which of their channels are what, charts of a channel.

What the numbers mean as rows belongs to `emporia.py`, the login to `emporia_login.py`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds import kept
from homeiq_assets.feeds.answers import VendorFailure
from homeiq_assets.feeds.http import Params, VendorClient
from homeiq_assets.feeds.meter.emporia_login import NAME, EmporiaLogin
from homeiq_assets.feeds.quotas import Quota
from homeiq_assets.settings import Settings, home_folder
from homeiq_assets.window import Window, floor_to

API_URL = "https://api.emporiaenergy.com"
# What Emporia asks of those who use its API without being its app.
QUOTA = Quota(NAME, 2000, timedelta(days=1))
MAINS = ("1,2,3", "Mains")
DEVICES_LIFE = timedelta(hours=6)
# Numbers up to this one are clamps; what the owner merged out of them has a higher one.
CLAMPS = 16


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


class _Channel(_Strict):
    number: str = Field(alias="channelNum")
    name: str | None = None
    kind: int | None = Field(None, alias="channelTypeGid")
    type: str | None = None
    parent: str | None = Field(None, alias="parentChannelNum")


class _Location(_Strict):
    name: str | None = Field(None, alias="deviceName")


class _Device(_Strict):
    gid: int = Field(alias="deviceGid")
    parent: int | None = Field(None, alias="parentDeviceGid")
    outlet: dict[str, Any] | None = None
    charger: dict[str, Any] | None = Field(None, alias="evCharger")
    battery: dict[str, Any] | None = None
    location: _Location | None = Field(None, alias="locationProperties")
    channels: list[_Channel] | None = None
    devices: list["_Device"] | None = None

    @property
    def name(self) -> str | None:
        return (self.location.name or "").strip() or None if self.location else None

    @property
    def appliance(self) -> dict[str, Any] | None:
        """What it is where it is no monitor: a plug, a charger, a battery."""
        return self.outlet or self.charger or self.battery

    @property
    def above(self) -> int | None:
        """The device it is nested under."""
        said = self.parent or (self.appliance or {}).get("parentDeviceGid")
        return said if isinstance(said, int) and said else None

    @property
    def mains(self) -> str | None:
        return next((one.number for one in self.channels or [] if one.number in MAINS), None)


class _Devices(_Strict):
    devices: list[_Device]


_Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]
_Kwh = Annotated[float, Field(allow_inf_nan=False)]


class _Chart(_Strict):
    first: _Instant | None = Field(None, alias="firstUsageInstant")
    usage: list[_Kwh | None] = Field(alias="usageList")


class _Kept(BaseModel):
    base_url: str
    account: str
    since: kept.Instant
    devices: list[_Device]


@dataclass(frozen=True)
class Series:
    """What is charted: a channel of a device, and what the owner calls it."""

    gid: int
    channel: str
    name: str


@dataclass(frozen=True)
class Monitor:
    """An energy monitor: the home's mains and its circuits."""

    mains: Series
    circuits: tuple[Series, ...]


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
        return _chosen(self._devices(now, anew), self._settings.meter_device_id)

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

    def _devices(self, now: datetime, anew: bool) -> list[_Device]:
        file = home_folder(self._settings) / "caches" / "emporia_devices.json"
        ours = {"base_url": self._base_url, "account": self._login.account}
        known = None if anew else kept.read(file, _Kept)
        if (
            known is not None
            and {"base_url": known.base_url, "account": known.account} == ours
            and known.since <= now < known.since + DEVICES_LIFE
        ):
            return known.devices
        with self.client() as client:
            devices = self._get(client, "/customers/devices", {}, _Devices, now).devices
        kept.write(file, _Kept(**ours, since=now, devices=devices))
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


def _chosen(devices: list[_Device], wanted: str | None) -> Monitor:
    monitors = [one for one in devices if one.appliance is None and one.above is None and one.mains is not None]
    known = ", ".join(f"{one.gid} ({one.name or 'without a name'})" for one in monitors)
    if not monitors:
        raise ProviderError(NAME, "the account has no energy monitor; is it the account that the monitor belongs to?")
    if wanted is None and len(monitors) > 1:
        raise SettingError("METER_DEVICE_ID", f"is not set, and the account has several monitors: {known}")
    chosen = next((one for one in monitors if wanted is None or str(one.gid) == wanted.strip()), None)
    if chosen is None:
        raise SettingError("METER_DEVICE_ID", f"{wanted!r} is no energy monitor of this account, which has {known}")
    circuits = [*_clamped(chosen), *_nested(devices, chosen, alone=len(monitors) == 1)]
    names = Counter(one.name for one in circuits)
    return Monitor(
        Series(chosen.gid, chosen.mains or MAINS[0], chosen.name or str(chosen.gid)),
        tuple(
            one
            if names[one.name] == 1
            else Series(one.gid, one.channel, f"{one.name} ({one.channel if one.gid == chosen.gid else one.gid})")
            for one in circuits
        ),
    )


def _clamped(monitor: _Device) -> Iterator[Series]:
    """The monitor's own circuits, in its expansion modules too.

    Mains, their legs and what Emporia computes (Balance, TotalUsage, MainsFromGrid, MainsToGrid) have no numbers.
    A circuit that was merged into another is in that one already. A clamp that the owner never set up has no
    circuit, and Emporia asks not to chart it.
    """
    modules = [one for one in monitor.devices or [] if one.appliance is None and one.gid == monitor.gid]
    channels = [channel for device in (monitor, *modules) for channel in device.channels or []]
    merged = {one.number for one in channels if _is_merged(one)}
    for one in {channel.number: channel for channel in channels}.values():
        if one.number.isdecimal() and one.parent not in merged and (one.name or one.kind is not None):
            yield Series(monitor.gid, one.number, (one.name or "").strip() or f"Channel {one.number}")


def _is_merged(channel: _Channel) -> bool:
    return channel.number.isdecimal() and ((channel.type or "").lower() == "merged" or int(channel.number) > CLAMPS)


def _nested(devices: list[_Device], monitor: _Device, alone: bool) -> Iterator[Series]:
    """Plugs, chargers and sub-panels' monitors under `monitor`, each as one circuit.

    Where it is the account's only monitor, plugs that are not nested anywhere are taken for its home's too.
    """
    everything = [*devices, *(inner for device in devices for inner in device.devices or [])]
    for device in {one.gid: one for one in everything if one.gid != monitor.gid}.values():
        below = device.above == monitor.gid or any(inner.gid == device.gid for inner in monitor.devices or [])
        loose = alone and device.appliance is not None and device.above is None
        if device.mains is not None and (below or loose):
            yield Series(device.gid, device.mains, device.name or f"Device {device.gid}")
