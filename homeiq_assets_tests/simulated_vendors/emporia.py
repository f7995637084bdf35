"""A simulated Emporia: its app's login, the devices of an account, charts of a channel with their limits."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pyemvue.auth import CLIENT_ID, USER_POOL

from homeiq_assets_tests.simulated_vendors.cognito import Cognito
from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

MINUTE = timedelta(minutes=1)
LIMITS = {"1MIN": (MINUTE, timedelta(hours=23, minutes=59)), "15MIN": (15 * MINUTE, timedelta(days=7))}
MINUTES_KEPT = timedelta(days=7)
PARAMETERS = {"apiMethod", "deviceGid", "channel", "start", "end", "scale", "energyUnit"}

Power = Callable[[datetime], float | None]


def channel(gid: int, number: str, name: str | None = None, **different: Any) -> dict[str, Any]:
    usual = {"deviceGid": gid, "channelNum": number, "name": name, "channelMultiplier": 1.0, "channelTypeGid": None}
    return usual | {"type": "Main" if number == "1,2,3" else "FiftyAmp", "parentChannelNum": None} | different


def device(gid: int, name: str | None, *channels: dict[str, Any], **different: Any) -> dict[str, Any]:
    usual = {
        "deviceGid": gid,
        "manufacturerDeviceId": f"A2208A04B{gid}",
        "model": "VUE002",
        "firmware": "Vue2-1629150067",
        "parentDeviceGid": None,
        "parentChannelNum": None,
        "locationProperties": {"deviceGid": gid, "deviceName": name, "timeZone": "Europe/Vienna"} if name else None,
        "outlet": None,
        "evCharger": None,
        "devices": [],
        "channels": list(channels),
    }
    return usual | different


class EmporiaVendor(Vendor):
    """Serves `power`: (device, channel) -> W at a minute (UTC), None for minutes without a value.

    A device reports `lag` late. Minutes are kept for seven days; quarters of an hour since `began`.
    """

    def __init__(
        self,
        devices: list[dict[str, Any]],
        power: Mapping[tuple[int, str], Power],
        *,
        now: datetime,
        username: str,
        password: str,
        lag: timedelta = timedelta(0),
        began: datetime = datetime(2020, 1, 1, tzinfo=UTC),
    ) -> None:
        super().__init__()
        self.devices = devices
        self.power = dict(power)
        self.now = now
        self.lag = lag
        self.began = began
        self.cognito = Cognito(username, password, lambda: self.now, pool=USER_POOL, client_id=CLIENT_ID)

    @property
    def logins(self) -> list[str]:
        """The operations asked of Cognito, in order."""
        return [one.headers["x-amz-target"].rpartition(".")[2] for one in self.asked_for("/")]

    @property
    def charts(self) -> list[dict[str, str]]:
        return [request.params for request in self.asked_for("/AppAPI")]

    def respond(self, request: Asked) -> Reply:
        if request.path == "/" and request.method == "POST":
            return self.cognito.respond(request)
        if request.method != "GET" or request.path not in ("/customers/devices", "/AppAPI"):
            return json_reply({"message": "Missing Authentication Token"}, 403)
        if "authorization" in request.headers or not self.cognito.valid(request.headers.get("authtoken", "")):
            return json_reply({"message": "The incoming token has expired"}, 401)
        if request.path == "/customers/devices":
            return json_reply({"customerGid": 1234, "email": self.cognito.username, "devices": self.devices})
        return self._chart(request.params)

    def _chart(self, params: dict[str, str]) -> Reply:
        if set(params) != PARAMETERS or params["apiMethod"] != "getChartUsage" or params["scale"] not in LIMITS:
            return json_reply({"message": f"Bad Request: {sorted(params)}"}, 400)
        if params["energyUnit"] != "KilowattHours" or not params["start"].endswith("Z"):
            return json_reply({"message": "Bad Request"}, 400)
        bucket, longest = LIMITS[params["scale"]]
        start, end = (datetime.fromisoformat(params[name]) for name in ("start", "end"))
        if not start < end <= start + longest:
            return json_reply({"message": "Bad Request: time range too large"}, 400)
        if params["scale"] == "1MIN" and start < self.now - MINUTES_KEPT:
            return json_reply({"message": "Bad Request: no data at this resolution"}, 400)
        power = self.power.get((int(params["deviceGid"]), params["channel"]))
        if power is None:
            return json_reply({"message": "Forbidden"}, 403)
        if self.now < start:
            return json_reply({"firstUsageInstant": None, "usageList": []})
        # The bucket that `end` lies in comes too.
        first = datetime.fromtimestamp(start.timestamp() // bucket.total_seconds() * bucket.total_seconds(), UTC)
        times = [first + n * bucket for n in range((min(end, self.now) - first) // bucket + 1)]
        usage = [self._kwh(power, at, bucket) for at in times]
        return json_reply({"firstUsageInstant": f"{first:%Y-%m-%dT%H:%M:%SZ}", "usageList": usage})

    def _kwh(self, power: Power, at: datetime, bucket: timedelta) -> float | None:
        minutes = [at + n * MINUTE for n in range(bucket // MINUTE)]
        known = [power(one) for one in minutes if self.began <= one and one + MINUTE <= self.now - self.lag]
        watts = [one for one in known if one is not None]
        return sum(watts) / 60_000 if watts else None
