"""Which channels of an Emporia account are the home's circuits, and which circuit each of them hangs on.

A monitor has its mains, clamps on circuits, and what the owner merged out of clamps. Plugs, chargers, further monitors
and their expansion modules are devices of their own, nested on a circuit of another or on none. Every circuit's chart
holds all that hangs on it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.meter.emporia.login import NAME

MAINS = ("1,2,3", "Mains")
# Numbers up to this one are clamps; what the owner merged out of them has a higher one.
CLAMPS = 16

_Key = tuple[int, str]
"""A device's gid and the number of one of its channels."""
_Named = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""A channel that another one names, by text or number."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, populate_by_name=True)


class _Channel(_Strict):
    number: str = Field(alias="channelNum")
    name: str | None = None
    kind: int | None = Field(None, alias="channelTypeGid")
    type: str | None = None
    parent: _Named | None = Field(None, alias="parentChannelNum")
    merged_into: _Named | None = Field(None, alias="mergedChannelId")

    @property
    def merged(self) -> bool:
        """Whether it is what the owner merged out of others."""
        number = self.number
        return number.isdecimal() and ((self.type or "").lower() == "merged" or int(number) > CLAMPS)


class _Location(_Strict):
    name: str | None = Field(None, alias="deviceName")


class Device(_Strict):
    """A monitor, an expansion module, a plug, a charger or a battery."""

    gid: int = Field(alias="deviceGid")
    parent: int | None = Field(None, alias="parentDeviceGid")
    parent_channel: _Named | None = Field(None, alias="parentChannelNum")
    outlet: dict[str, Any] | None = None
    charger: dict[str, Any] | None = Field(None, alias="evCharger")
    battery: dict[str, Any] | None = None
    location: _Location | None = Field(None, alias="locationProperties")
    channels: list[_Channel] | None = None
    devices: list["Device"] | None = None

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
    def above_channel(self) -> str | None:
        """The channel of that device it is nested on."""
        said = self.parent_channel or (self.appliance or {}).get("parentChannelNum")
        return None if said is None else str(said)

    @property
    def mains(self) -> str | None:
        return next((one.number for one in self.channels or [] if one.number in MAINS), None)

    @property
    def whole(self) -> bool:
        """Whether it is charted as a whole, where it is not the home's monitor."""
        return self.appliance is not None or self.mains is not None


@dataclass(frozen=True)
class Series:
    """What is charted: a channel of a device, what the owner calls it, and the circuit (if any) that it hangs on."""

    gid: int
    channel: str
    name: str
    under: _Key | None = None

    @property
    def key(self) -> _Key:
        return self.gid, self.channel


@dataclass(frozen=True)
class Monitor:
    """An energy monitor: the home's mains and its circuits; `left_out` tells of devices that may belong to it."""

    mains: Series
    circuits: tuple[Series, ...]
    left_out: tuple[str, ...] = ()


def chosen(devices: Sequence[Device], wanted: str | None) -> Monitor:
    """The monitor `wanted` by METER_DEVICE_ID, or the only one. Raises ProviderError, SettingError."""
    monitors = [one for one in devices if one.appliance is None and one.above is None and one.mains is not None]
    known = ", ".join(f"{one.gid} ({one.name or 'without a name'})" for one in monitors)
    if not monitors:
        raise ProviderError(NAME, "the account has no energy monitor; is it the account that the monitor belongs to?")
    if wanted is None and len(monitors) > 1:
        raise SettingError("METER_DEVICE_ID", f"is not set, and the account has several monitors: {known}")
    home = next((one for one in monitors if wanted is None or str(one.gid) == wanted.strip()), None)
    if home is None:
        raise SettingError("METER_DEVICE_ID", f"{wanted!r} is no energy monitor of this account, which has {known}")
    account = _account(devices)
    own = {one.gid for one in monitors}
    loose = [one for one in account.values() if one.above not in account and one.gid not in own]
    belonging = {home.gid} | ({one.gid for one in loose} if len(monitors) == 1 else set())
    # Nested devices may have others nested on them.
    while more := {one.gid for one in account.values() if one.above in belonging} - belonging:
        belonging |= more
    found = [series for gid, device in account.items() if gid in belonging for series in _charted(device, home.gid)]
    circuits = _hung(_told_apart(found, home.gid, account), account, home.gid)
    mains = Series(home.gid, home.mains or MAINS[0], home.name or str(home.gid))
    left_out = [_stray(one) for one in loose if one.gid not in belonging and list(_charted(one, home.gid))]
    return Monitor(mains, tuple(circuits), tuple(left_out))


def _stray(device: Device) -> str:
    return (
        f"{device.name or 'a device'} ({device.gid}) is nested under none of the account's monitors, so it is left "
        "out; nest it under one in Emporia's app"
    )


def _account(devices: Sequence[Device]) -> dict[int, Device]:
    """Every device once, by gid, with its place. A module that has the gid of its monitor is part of that."""
    found: dict[int, Device] = {}

    def take(device: Device, inside: int | None) -> None:
        known = found.get(device.gid)
        if known is None:
            above = device.above or (inside if inside != device.gid else None)
            found[device.gid] = device.model_copy(update={"parent": above, "parent_channel": device.above_channel})
        elif device.appliance is None:
            numbers = {one.number for one in known.channels or []}
            more = [one for one in device.channels or [] if one.number not in numbers]
            found[device.gid] = known.model_copy(update={"channels": [*(known.channels or []), *more]})
        for inner in device.devices or []:
            take(inner, device.gid)

    for device in devices:
        take(device, None)
    return found


def _charted(device: Device, home: int) -> Iterator[Series]:
    """The circuits that a device is: itself as a whole, or of the home's monitor and what adds clamps to it each one.

    Mains, their legs and what Emporia computes (Balance, TotalUsage, MainsFromGrid, MainsToGrid) have no numbers.
    A circuit that was merged into another is in that one already. A clamp that the owner never set up has no
    circuit, and Emporia asks not to chart it.
    """
    if device.gid != home and device.whole:
        if device.mains is not None:
            yield Series(device.gid, device.mains, device.name or f"Device {device.gid}")
        return
    for one in {channel.number: channel for channel in device.channels or []}.values():
        if one.number.isdecimal() and _leg_of(one, device) is None and (one.name or one.kind is not None):
            yield Series(device.gid, one.number, (one.name or "").strip() or f"Channel {one.number}")


def _leg_of(channel: _Channel, device: Device) -> _Channel | None:
    """The channel that this one was merged into."""
    if channel.merged:
        return None
    merged = [one for one in device.channels or [] if one.merged]
    by_number = next((one for one in merged if channel.parent == one.number), None)
    said = channel.merged_into
    if by_number is not None or said in (None, "", "0") or not merged:
        return by_number
    # By number or by an id of its own, which the merged channel has too.
    return next((one for one in merged if said in (one.number, one.merged_into)), merged[0])


def _told_apart(circuits: Sequence[Series], home: int, account: Mapping[int, Device]) -> list[Series]:
    names = Counter(one.name for one in circuits)

    def of(one: Series) -> str:
        if one.gid == home:
            return one.channel
        return str(one.gid) if account[one.gid].whole else f"{one.gid}/{one.channel}"

    return [one if names[one.name] == 1 else replace(one, name=f"{one.name} ({of(one)})") for one in circuits]


def _hung(circuits: Sequence[Series], account: Mapping[int, Device], home: int) -> list[Series]:
    """The circuits, each with the one it hangs on."""
    known = {one.key for one in circuits}

    def on_channel(device: Device, number: str | None, tried: frozenset[str] = frozenset()) -> _Key | None:
        """The circuit that something on a channel of a device hangs on."""
        if device.gid != home and device.whole:
            return (device.gid, device.mains) if device.mains is not None else of_device(device)
        channel = next((one for one in device.channels or [] if one.number == number), None)
        if channel is None or not channel.number.isdecimal() or channel.number in tried:
            return of_device(device)
        leg_of = _leg_of(channel, device)
        key = (device.gid, (leg_of or channel).number)
        return key if key in known else on_channel(device, channel.parent, tried | {channel.number})

    def of_device(device: Device) -> _Key | None:
        over = account.get(device.above or 0)
        return None if over is None or device.gid == home else on_channel(over, device.above_channel)

    def place(one: Series) -> _Key | None:
        device = account[one.gid]
        if device.gid != home and device.whole:
            return of_device(device)
        channel = next(each for each in device.channels or [] if each.number == one.channel)
        return on_channel(device, channel.parent, frozenset({channel.number}))

    places = {one.key: place(one) for one in circuits}

    def in_circle(key: _Key) -> bool:
        seen, at = {key}, places[key]
        while at is not None and at not in seen:
            seen.add(at)
            at = places.get(at)
        return at == key

    return [replace(one, under=None if in_circle(one.key) else places[one.key]) for one in circuits]
