"""A simulated Electricity Maps v3: one zone a key, plans, ranges of ten days, and its one answer to all it refuses."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

FREE = (
    "/carbon-intensity/latest",
    "/carbon-intensity/history",
    "/power-breakdown/latest",
    "/power-breakdown/history",
)
PAID = (*FREE, "/carbon-intensity/past-range", "/power-breakdown/past-range", "/carbon-intensity/forecast")
PLACE = {"zone", "lat", "lon", "shouldUseFallbackCallerLookup"}
PARAMETERS = {"past-range": {"start", "end", "temporalGranularity"}, "forecast": {"horizonHours"}}
LONGEST = timedelta(days=10)
CALLERS_ZONE = "FR"


class ElectricityMapsVendor(Vendor):
    """Serves `values`: start of the slot (UTC) -> g/kWh, None for a null, and `mix`: renewable and fossil-free percent.

    `forecasts` are what is forecast at `now` (the values themselves without). History is the 24 hours that end with
    the slot `lag` slots before the current one. `plan` names the paths open for `zone`; `refusal` is the status of
    the others; `limit` is how many requests are answered before 401. `places` are the zones by (lat, lon).
    """

    def __init__(
        self,
        values: Mapping[datetime, float | None],
        *,
        now: datetime,
        token: str,
        mix: Mapping[datetime, tuple[float | None, float | None]] | None = None,
        forecasts: Mapping[datetime, float | None] | None = None,
        zone: str = "DE",
        plan: Collection[str] = PAID,
        step: timedelta = timedelta(hours=1),
    ) -> None:
        super().__init__()
        self.values = dict(values)
        self.mix = dict.fromkeys(values, (63, 66)) if mix is None else dict(mix)
        self.forecasts = self.values if forecasts is None else dict(forecasts)
        self.now, self.token, self.zone, self.plan, self.step = now, token, zone, plan, step
        self.lag = 0
        self.refusal = 401
        self.limit: int | None = None
        self.places: dict[tuple[float, float], str] = {}

    def respond(self, request: Asked) -> Reply:
        path = request.path.removeprefix("/v3")
        signal, _, kind = path.strip("/").partition("/")
        if not request.path.startswith("/v3/") or path not in PAID:
            return json_reply({"error": "Not found"}, 404)
        given = request.headers.get("auth-token", "")
        if given != self.token or (self.limit is not None and len(self.asked) > self.limit):
            return self._refused(given)
        unknown = set(request.params) - PLACE - PARAMETERS.get(kind, set())
        if unknown:
            return json_reply({"status": "error", "message": f"unknown parameters {sorted(unknown)}"}, 400)
        zone = self._zone(request.params)
        if zone is None:
            return json_reply({"status": "error", "message": "No zone was found"}, 404)
        if zone == self.zone and path not in self.plan:
            return self._refused(given, self.refusal)
        if zone not in (self.zone, CALLERS_ZONE):
            return self._refused(given)
        answers: dict[str, Callable[[str, str, dict[str, str]], Reply]] = {
            "latest": self._latest,
            "history": self._history,
            "past-range": self._past_range,
            "forecast": self._forecast,
        }
        return answers[kind](signal, zone, request.params)

    @property
    def slot(self) -> datetime:
        """The current slot's start."""
        seconds = self.step.total_seconds()
        return datetime.fromtimestamp(self.now.timestamp() // seconds * seconds, UTC)

    def _refused(self, given: str, status: int = 401) -> Reply:
        return json_reply({"error": "Invalid auth-token", "message": f"no access with {given}"}, status)

    def _zone(self, params: dict[str, str]) -> str | None:
        if "zone" in params and params["zone"].replace("-", "").isupper():
            return params["zone"]
        if {"lat", "lon"} <= set(params):
            found = self.places.get((float(params["lat"]), float(params["lon"])))
            if found is not None:
                return found
        return None if params.get("shouldUseFallbackCallerLookup") == "false" else CALLERS_ZONE

    def _latest(self, signal: str, zone: str, _: dict[str, str]) -> Reply:
        return json_reply(self._entry(signal, zone, self.slot - self.lag * self.step))

    def _history(self, signal: str, zone: str, _: dict[str, str]) -> Reply:
        newest = self.slot - self.lag * self.step
        oldest = newest - timedelta(hours=24) + self.step
        return json_reply({"zone": zone, "history": self._entries(signal, zone, oldest, newest)})

    def _past_range(self, signal: str, zone: str, params: dict[str, str]) -> Reply:
        try:
            start, end = datetime.fromisoformat(params["start"]), datetime.fromisoformat(params["end"])
        except (KeyError, ValueError):
            return json_reply({"status": "error", "message": "start and end are ISO 8601"}, 400)
        if end <= start or end - start > LONGEST:
            return json_reply({"status": "error", "message": "at most 10 days by the hour"}, 400)
        until = min(end - self.step, self.slot)
        return json_reply(
            {
                "zone": zone,
                "temporalGranularity": "hourly",
                "data": self._entries(signal, zone, start, until),
            }
        )

    def _forecast(self, _: str, zone: str, params: dict[str, str]) -> Reply:
        if params.get("horizonHours") not in ("6", "24", "48", "72"):
            return json_reply({"status": "error", "message": "horizonHours is 6, 24, 48 or 72"}, 400)
        times = [self.slot + n * timedelta(hours=1) for n in range(int(params["horizonHours"]) + 1)]
        points = [{"carbonIntensity": self.forecasts[at], "datetime": _iso(at)} for at in times if at in self.forecasts]
        return json_reply({"zone": zone, "forecast": points, "updatedAt": _iso(self.now)})

    def _entries(self, signal: str, zone: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        known = self.mix if signal == "power-breakdown" else self.values
        return [self._entry(signal, zone, at) for at in sorted(known) if first <= at <= last]

    def _entry(self, signal: str, zone: str, at: datetime) -> dict[str, Any]:
        estimated = at >= self.slot - 3 * self.step
        entry = {
            "zone": zone,
            "datetime": _iso(at),
            "updatedAt": _iso(self.now),
            "createdAt": _iso(at),
            "isEstimated": estimated,
            "estimationMethod": "TIME_SLICER_AVERAGE" if estimated else None,
        }
        if signal == "carbon-intensity":
            return entry | {"carbonIntensity": self.values.get(at), "emissionFactorType": "lifecycle"}
        renewable, fossil_free = self.mix.get(at, (None, None))
        return entry | {
            "powerConsumptionBreakdown": {"nuclear": None, "wind": 21000, "gas": 7000, "hydro discharge": 300},
            "powerProductionBreakdown": {"nuclear": None, "wind": 20000, "gas": 7000, "battery discharge": None},
            "powerImportBreakdown": {"FR": 1200},
            "powerExportBreakdown": {},
            "fossilFreePercentage": fossil_free,
            "renewablePercentage": renewable,
            "powerConsumptionTotal": None,
        }


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
