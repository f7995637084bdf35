"""A simulated AirNow: GET /aq/data/ over a box and UTC hours, its error envelope, the services retired in 2026."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

HOUR = timedelta(hours=1)
MISSING = -999
PARAMETERS = {"PM25": "PM2.5", "PM10": "PM10", "OZONE": "OZONE"}
KNOWN = {
    "startdate", "enddate", "parameters", "bbox", "datatype", "format", "verbose", "monitortype",
    "includerawconcentrations", "nowcastonly", "api_key",
}  # fmt: skip
RETIRED = (
    "/aq/observation/zipcode/current",
    "/aq/observation/latlong/current",
    "/aq/forecast/latlong",
    "/aq/observation/latlong/historical",
)
NOTHING = {"WebServiceError": [{"Message": "There are no observations available for the requested criteria."}]}


@dataclass
class Station:
    """A site. `hours`: parameter (PM25, PM10, OZONE) -> start of the hour (UTC) -> (NowCast value, AQI).

    None in place of either is sent as -999; an hour that is not there is sent as no row.
    """

    name: str
    latitude: float
    longitude: float
    code: str
    hours: dict[str, dict[datetime, tuple[float | None, int | None]]] = field(default_factory=dict)
    mobile: bool = False


class AirNowVendor(Vendor):
    """Serves `stations`; hours are published until `now`. `calls` are allowed, then the hour's limit is reached."""

    def __init__(self, stations: list[Station], *, key: str, now: datetime, calls: int = 500) -> None:
        super().__init__()
        self.stations = stations
        self.key = key
        self.now = now
        self.calls = calls

    def respond(self, request: Asked) -> Reply:
        path = request.path.lower().rstrip("/")
        params = {name.lower(): value for name, value in request.params.items()}
        if path in RETIRED:
            return refusal("This web service has been retired.", 410)
        if path != "/aq/data":
            return Reply(404, b"<html><head><title>404 Not Found</title></head></html>", {"Content-Type": "text/html"})
        if params.get("api_key") != self.key:
            return refusal("Invalid API key" if "api_key" in params else "Request not authenticated.", 401)
        if len(self.asked) > self.calls:
            return refusal("Web service request limit exceeded.", 429)
        try:
            return self._data(params)
        except (KeyError, ValueError) as error:
            return refusal(f"Invalid or missing parameter: {error}", 400)

    def _data(self, params: Mapping[str, str]) -> Reply:
        if unknown := set(params) - KNOWN:
            raise ValueError(sorted(unknown))
        if params["format"] != "application/json":
            return Reply(200, b"<ArrayOfAirNowAQData/>", {"Content-Type": "application/xml"})
        if (params["datatype"], params["verbose"], params["includerawconcentrations"]) != ("B", "1", "1"):
            raise ValueError("dataType")
        start, end = (
            datetime.strptime(params[name], "%Y-%m-%dT%H").replace(tzinfo=UTC) for name in ("startdate", "enddate")
        )
        west, south, east, north = (float(edge) for edge in params["bbox"].split(","))
        if end < start or west >= east or south >= north:
            raise ValueError("BBOX")
        rows = [
            _row(station, parameter, hour, *values)
            for station in self.stations
            if west <= station.longitude <= east and south <= station.latitude <= north
            if not station.mobile or params["monitortype"] in ("1", "2")
            for parameter in params["parameters"].upper().split(",")
            for hour, values in sorted(station.hours.get(PARAMETERS[parameter] and parameter, {}).items())
            if start <= hour <= end and hour + HOUR <= self.now
        ]
        return json_reply(rows or NOTHING)


def refusal(message: str, status: int = 200) -> Reply:
    """AirNow's error envelope."""
    return json_reply({"WebServiceError": [{"Message": message}]}, status)


def _row(station: Station, parameter: str, hour: datetime, value: float | None, index: int | None) -> dict[str, Any]:
    return {
        "Latitude": station.latitude,
        "Longitude": station.longitude,
        "UTC": f"{hour:%Y-%m-%dT%H:%M}",
        "Parameter": PARAMETERS[parameter],
        "Unit": "PPB" if parameter == "OZONE" else "UG/M3",
        "Value": MISSING if value is None else value,
        "RawConcentration": MISSING if value is None else value + 0.5,
        "AQI": MISSING if index is None else index,
        "Category": 7 if index is None else 1 + (index > 50) + (index > 100) + (index > 150),
        "SiteName": station.name,
        "AgencyName": "Example AQMD ",
        "FullAQSCode": station.code,
        "IntlAQSCode": f"840{station.code}",
    }
