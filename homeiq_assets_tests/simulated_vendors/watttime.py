"""A simulated WattTime v3: logins that expire, inclusive ranges of at most 32 days, plans, errors of its shapes."""

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

STEP = timedelta(minutes=5)
TOKEN_LIFE = timedelta(minutes=30)
LONGEST = timedelta(days=32)
PARAMETERS = {
    "/v3/historical": {"region", "signal_type", "start", "end", "model", "updated_since", "include_imputed_marker"},
    "/v3/forecast": {"region", "signal_type", "horizon_hours", "model"},
    "/v3/region-from-loc": {"latitude", "longitude", "signal_type"},
    "/v3/my-access": {"region", "signal_type"},
}
REQUIRED = {
    "/v3/historical": ("region", "signal_type", "start", "end"),
    "/v3/forecast": ("region", "signal_type"),
    "/v3/region-from-loc": ("latitude", "longitude", "signal_type"),
}


class WattTimeVendor(Vendor):
    """Serves `values`: start of the 5-minute period (UTC) -> lb CO2/MWh, None for a null.

    `forecasts` are what is forecast at `now` (the values themselves without). History reaches to
    `now - lag`; `now` None is the real time. `plan` names the endpoints open for `region`, `places`
    the regions by (latitude, longitude), `api_token` a token that is valid without a login.
    """

    def __init__(
        self,
        values: Mapping[datetime, float | None],
        *,
        forecasts: Mapping[datetime, float | None] | None = None,
        region: str = "CAISO_NORTH",
        username: str = "owner",
        password: str = "correct-horse-1!",
        api_token: str | None = None,
        now: datetime | None = None,
        lag: timedelta = timedelta(minutes=10),
        plan: Collection[str] = ("forecast", "historical"),
        places: Mapping[tuple[float, float], str] | None = None,
        data_start: str = "2019-01-01",
    ) -> None:
        super().__init__()
        self.values = dict(values)
        self.forecasts = self.values if forecasts is None else dict(forecasts)
        self.region = region
        self.username, self.password = username, password
        self.now = now
        self.lag = lag
        self.plan = plan
        self.places = places or {}
        self.data_start = data_start
        self._tokens: dict[str, datetime | None] = {api_token: None} if api_token else {}

    def forget_logins(self) -> None:
        """Every token handed out is refused from now on."""
        self._tokens.clear()

    def respond(self, request: Asked) -> Reply:
        if request.method != "GET":
            return json_reply({"detail": "Method Not Allowed"}, 405)
        if request.path == "/login":
            return self._login(request)
        if request.path not in PARAMETERS:
            return json_reply({"detail": "Not Found"}, 404)
        if not self._authorised(request):
            return _error(401, "INVALID_TOKEN", "Invalid or expired token")
        missing = [name for name in REQUIRED.get(request.path, ()) if name not in request.params]
        if missing:
            detail = [{"loc": ["query", name], "msg": "field required", "type": "missing"} for name in missing]
            return json_reply({"detail": detail}, 422)
        unknown = set(request.params) - PARAMETERS[request.path]
        if unknown or request.params.get("signal_type", "co2_moer") != "co2_moer":
            return _error(400, "INVALID_QUERY_PARAMS", f"not understood: {request.params}")
        answers: dict[str, Callable[[dict[str, str]], Reply]] = {
            "/v3/historical": self._historical,
            "/v3/forecast": self._forecast,
            "/v3/region-from-loc": self._region_from_loc,
            "/v3/my-access": self._my_access,
        }
        return answers[request.path](request.params)

    @property
    def _clock(self) -> datetime:
        return self.now or datetime.now(UTC)

    def _login(self, request: Asked) -> Reply:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        if scheme != "Basic" or given != f"{self.username}:{self.password}":
            return _error(401, "INVALID_CREDENTIALS", f"no account for {given}")
        token = f"eyJhbGciOiJSUzI1NiJ9.login-{len(self._tokens)}.{id(self):x}"
        self._tokens[token] = self._clock + TOKEN_LIFE
        return json_reply({"token": token})

    def _authorised(self, request: Asked) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            return False
        expires = self._tokens[token]
        return expires is None or self._clock < expires

    def _historical(self, params: dict[str, str]) -> Reply:
        try:
            start, end = datetime.fromisoformat(params["start"]), datetime.fromisoformat(params["end"])
        except ValueError:
            start = end = datetime.min
        if start.tzinfo is None or end.tzinfo is None:
            return _error(400, "INVALID_QUERY_PARAMS", "start and end need a UTC offset")
        if end < start or end - start > LONGEST:
            return _error(400, "INVALID_QUERY_PARAMS", "end must be after start, by at most 32 days")
        refused = self._refused("historical", params["region"])
        if refused:
            return refused
        times = sorted(self.values)
        inside = times[bisect_left(times, start) : bisect_right(times, min(end, self._clock - self.lag))]
        return json_reply({"data": [_point(at, self.values[at]) for at in inside], "meta": self._meta()})

    def _forecast(self, params: dict[str, str]) -> Reply:
        hours = int(params.get("horizon_hours", "24"))
        if not 0 <= hours <= 72:
            return _error(400, "INVALID_QUERY_PARAMS", "horizon_hours must be between 0 and 72")
        refused = self._refused("forecast", params["region"])
        if refused:
            return refused
        first = datetime.fromtimestamp(self._clock.timestamp() // 300 * 300, UTC)
        times = [first + n * STEP for n in range(max(1, hours * 12))]
        points = [_point(at, self.forecasts[at]) for at in times if at in self.forecasts]
        meta = {**self._meta(), "generated_at": first.isoformat(), "generated_at_period_seconds": 300}
        return json_reply({"data": points, "meta": meta})

    def _region_from_loc(self, params: dict[str, str]) -> Reply:
        region = self.places.get((float(params["latitude"]), float(params["longitude"])))
        if region is None:
            return json_reply({"error": "INVALID_QUERY_PARAMS", "msg": "coordinates not found"}, 400)
        return json_reply({"region": region, "region_full_name": f"{region} (full)", "signal_type": "co2_moer"})

    def _my_access(self, _: dict[str, str]) -> Reply:
        models = [{"model": "2025-01-01", "data_start": self.data_start, "type": "binned_regression"}]
        region = {
            "region": self.region,
            "region_full_name": f"{self.region} (full)",
            "parent": "CAISO",
            "data_point_period_seconds": 300,
            "endpoints": [{"endpoint": f"v3/{name}", "models": models} for name in self.plan],
        }
        return json_reply({"signal_types": [{"signal_type": "co2_moer", "regions": [region]}]})

    def _refused(self, endpoint: str, region: str) -> Reply | None:
        if endpoint in self.plan and region == self.region:
            return None
        return _error(403, "INVALID_SCOPE", f"your plan does not include {endpoint} for {region}")

    def _meta(self) -> dict[str, Any]:
        return {
            "region": self.region,
            "signal_type": "co2_moer",
            "units": "lbs_co2_per_mwh",
            "model": {"date": "2025-01-01", "type": "binned_regression"},
            "data_point_period_seconds": 300,
            "warnings": [],
        }


def _point(at: datetime, value: float | None) -> dict[str, Any]:
    return {"point_time": at.isoformat(), "value": value, "last_updated": (at + STEP).isoformat()}


def _error(status: int, name: str, message: str) -> Reply:
    return json_reply({"error": name, "message": message, "docs": "https://docs.watttime.org"}, status)
