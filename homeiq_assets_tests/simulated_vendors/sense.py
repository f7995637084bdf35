"""A simulated Sense: its app's login with refresh tokens that are good once, and hourly history per local day."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from homeiq_assets.window import HOUR, Window, hour_edges, local_date, local_day
from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

BELOW = "/apiservice/api/v1/"

Watts = Callable[[datetime], float | None]


class SenseVendor(Vendor):
    """Serves `used` and, by (id, name), `devices`: mean W of the hour that begins at an instant, None for a null.

    `solar` is what the panels produce (None: there are none). Hours after `now`, and before `began`, are 0, as
    Sense tells them. `tags` are a device's by id. `code`: a login needs one of multi-factor authentication. `net` is
    1 where its net is what was produced less what was used, else -1. `plain`: an overview says it without wrapping.
    """

    def __init__(
        self,
        used: Watts,
        devices: Mapping[tuple[str, str], Watts],
        *,
        now: datetime,
        username: str,
        password: str,
        zone: str = "Europe/Vienna",
        began: datetime = datetime(2020, 1, 1, tzinfo=UTC),
    ) -> None:
        super().__init__()
        self.used = used
        self.devices = dict(devices)
        self.solar: Watts | None = None
        self.net = 1
        self.plain = False
        self.tags: dict[str, dict[str, Any]] = {}
        self.now = now
        self.username, self.password = username, password
        self.zone = zone
        self.began = began
        self.monitors = [901]
        self.code = False
        self.access_tokens: list[str] = []
        self.refresh_tokens: list[str] = []

    def forget_logins(self) -> None:
        """Every access token is refused from now on."""
        self.access_tokens.clear()

    def asked_below(self, path: str) -> list[Asked]:
        return self.asked_for(BELOW + path)

    @property
    def logins(self) -> list[str]:
        """The calls that asked for tokens, in order."""
        names = [one.path.removeprefix(BELOW) for one in self.asked]
        return [name for name in names if name in ("authenticate", "renew")]

    def respond(self, request: Asked) -> Reply:
        if not request.path.startswith(BELOW):
            return json_reply({"status": "error", "error_reason": "Not Found"}, 404)
        path = request.path.removeprefix(BELOW)
        if not request.headers.get("x-sense-device-id"):
            return json_reply({"status": "error", "error_reason": "Missing device id"}, 400)
        if request.method == "POST":
            return self._tokens(path, dict(parse_qsl(request.body.decode())), request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "bearer" or token not in self.access_tokens:
            return json_reply({"status": "error", "error_reason": "Unauthorized"}, 401)
        for monitor in self.monitors:
            below = f"app/monitors/{monitor}/"
            if path.startswith(below):
                return self._of_monitor(path.removeprefix(below), monitor, request.params)
        return json_reply({"status": "error", "error_reason": "Forbidden"}, 403)

    def _tokens(self, path: str, form: dict[str, str], request: Asked) -> Reply:
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            return json_reply({"status": "error", "error_reason": "Unsupported Media Type"}, 415)
        if path == "authenticate":
            if form != {"email": self.username, "password": self.password}:
                return json_reply({"status": "error", "error_reason": "Invalid email or password"}, 401)
            if self.code:
                wanted = {"status": "mfa_required", "mfa_token": "mfa-secret-token", "error_reason": "Code required"}
                return json_reply(wanted, 401)
        elif path == "renew":
            if form.get("user_id") != "77" or form.get("refresh_token") not in self.refresh_tokens:
                return json_reply({"status": "error", "error_reason": "Invalid refresh token"}, 401)
            self.refresh_tokens.remove(form["refresh_token"])
        else:
            return json_reply({"status": "error", "error_reason": "Not Found"}, 404)
        self.access_tokens.append(f"t1.access-{secrets.token_hex(8)}")
        self.refresh_tokens.append(f"t1.refresh-{secrets.token_hex(8)}")
        tokens = {"access_token": self.access_tokens[-1], "refresh_token": self.refresh_tokens[-1], "user_id": 77}
        if path == "renew":
            return json_reply({"authorized": True, **tokens})
        monitors = [{"id": one, "time_zone": self.zone, "solar_connected": True} for one in self.monitors]
        return json_reply({"authorized": True, "account_id": 55, **tokens, "monitors": monitors})

    def _of_monitor(self, path: str, monitor: int, params: dict[str, str]) -> Reply:
        if path == "overview" and not params:
            told = {"id": monitor, "time_zone": self.zone, "solar_configured": self.solar is not None}
            return json_reply(told if self.plain else {"monitor_overview": {"monitor": told, "partner_channel": None}})
        if path == "devices/overview" and not params:
            devices = [
                {"id": key, "name": name, "icon": "home", "tags": self.tags.get(key, {"DeviceListAllowed": "true"})}
                for key, name in self.devices
            ]
            return json_reply({"devices": devices, "device_data_checksum": "9C1F"})
        if path not in ("history/usage", "history/usage/solar"):
            return json_reply({"status": "error", "error_reason": "Not Found"}, 404)
        if set(params) != {"scale", "start"} or params["scale"] not in ("DAY", "WEEK", "MONTH", "YEAR", "CYCLE"):
            return json_reply({"status": "error", "error_reason": "Bad Request"}, 400)
        start = datetime.strptime(params["start"], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        zone = ZoneInfo(self.zone)
        day = local_day(local_date(start, zone), zone)
        if path == "history/usage":
            return json_reply(self._usage(day))
        if self.solar is None:
            return json_reply({"status": "error", "error_reason": "Solar is not configured"}, 400)
        return json_reply(self._solar(day, self.solar))

    def _usage(self, day: Window) -> dict[str, Any]:
        used = self._hours(day, self.used)
        return {
            "scale": "DAY",
            "start": f"{day.start:%Y-%m-%dT%H:%M:%S.000Z}",
            "consumption": {"usage_total_kwh": sum(one or 0 for one in used), "usage_breakdown_kwh": used},
            "device_breakdown": [
                {
                    "id": key,
                    "name": name,
                    "icon": "home",
                    "consumption": {"usage_total_kwh": 1.0, "usage_breakdown_kwh": self._hours(day, watts)},
                }
                for (key, name), watts in self.devices.items()
            ],
        }

    def _solar(self, day: Window, solar: Watts) -> dict[str, Any]:
        made, used = self._hours(day, solar), self._hours(day, self.used)
        net = [None if a is None or b is None else (a - b) * self.net for a, b in zip(made, used, strict=True)]
        return {"total": {"production_kwh": 9.0}, "breakdown": {"net_kwh": net, "production_kwh": made}}

    def _hours(self, day: Window, watts: Watts) -> list[float | None]:
        values = []
        for at in hour_edges(day)[:-1]:
            power = watts(at) if self.began <= at < self.now else 0.0
            share = min(1.0, (self.now - at) / HOUR) if at < self.now else 0.0
            values.append(None if power is None else power * share / 1000)
        return values
