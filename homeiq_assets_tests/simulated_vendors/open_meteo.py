"""A simulated Open-Meteo air quality API: hourly series of one place in GMT, its range, its limits by the word."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

HOUR = timedelta(hours=1)
FIRST = datetime(2013, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=7)
KNOWN = {
    "latitude",
    "longitude",
    "hourly",
    "timezone",
    "timeformat",
    "start_hour",
    "end_hour",
    "start_date",
    "end_date",
}
VARIABLES = ("pm2_5", "pm10", "ozone")


class OpenMeteoVendor(Vendor):
    """Serves `values`: variable -> start of the hour (UTC) -> µg/m³; an hour without one is a null, as in the real one.

    It answers for every hour asked for, those of the coming days included. `calls` are allowed a day, `minutely` of
    them in this minute.
    """

    def __init__(
        self,
        values: Mapping[str, Mapping[datetime, float | None]],
        *,
        now: datetime,
        calls: float = 10_000,
        minutely: float = 600,
    ) -> None:
        super().__init__()
        self.values = {name: dict(series) for name, series in values.items()}
        self.now = now
        self.calls = calls
        self.minutely = minutely
        self.weight = 0.0

    def respond(self, request: Asked) -> Reply:
        if request.path != "/v1/air-quality":
            return error("Not Found", 404)
        params = request.params
        if unknown := set(params) - KNOWN:
            return error(f"Unknown parameter {sorted(unknown)}")
        if params.get("timezone", "GMT") != "GMT":
            return error("this simulation knows GMT only")
        for variable in params["hourly"].split(","):
            if variable not in VARIABLES:
                return error(f"Cannot initialize SurfaceVariable from invalid String value {variable} for key hourly")
        if not -90 <= float(params["latitude"]) <= 90:
            return error("Latitude must be in range of -90 to 90°. Given: " + params["latitude"])
        start, end = (datetime.fromisoformat(params[name]).replace(tzinfo=UTC) for name in ("start_hour", "end_hour"))
        last = datetime(self.now.year, self.now.month, self.now.day, tzinfo=UTC) + AHEAD
        if start < FIRST or end >= last:
            return error(f"Parameter 'start_hour' is out of allowed range from 2013-01-01 to {last - HOUR:%Y-%m-%d}")
        self.weight += max(1.0, 0.3 * (end - start) / timedelta(days=14))
        if len(self.asked) > self.minutely:
            return error("Minutely API request limit exceeded. Please try again in one minute.", 429)
        if self.weight > self.calls:
            return error("Daily API request limit exceeded. Please try again tomorrow.", 429)
        hours = [start + n * HOUR for n in range((end - start) // HOUR + 1)]
        return series({name: [self.values[name].get(hour) for hour in hours] for name in VARIABLES}, hours)


def error(reason: str, status: int = 400) -> Reply:
    """Open-Meteo's error body."""
    return json_reply({"error": True, "reason": reason}, status)


def series(values: Mapping[str, object], hours: list[datetime], **envelope: object) -> Reply:
    """An answer with these values at these hours."""
    usual = {
        "latitude": 48.200005,
        "longitude": 16.400002,
        "generationtime_ms": 0.5,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 171.0,
        "hourly_units": {"time": "iso8601", "pm2_5": "μg/m³", "pm10": "μg/m³", "ozone": "μg/m³"},
        "hourly": {"time": [f"{hour:%Y-%m-%dT%H:%M}" for hour in hours], **values},
    }
    return json_reply(usual | envelope)
