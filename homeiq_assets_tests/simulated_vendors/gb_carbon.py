"""A simulated GB Carbon Intensity API: half hours chosen by their ends, ranges of 14 days, its holes and its errors."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

STEP = timedelta(minutes=30)
LONGEST = timedelta(days=14)
AHEAD = timedelta(hours=48)
TEXT = "%Y-%m-%dT%H:%MZ"
FUELS = ("biomass", "coal", "imports", "gas", "nuclear", "other", "hydro", "solar", "wind")
SHARES = (5.0, 1.0, 10.0, 29.5, 14.0, 0.5, 2.0, 8.0, 30.0)
POSTCODES = {"SW1A": 13, "G1": 2}
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\dZ"
_PATH = re.compile(
    rf"(?P<kind>/intensity|/generation|/regional/intensity)/(?P<start>{_TIME})/(?P<end>{_TIME}|fw48h)"
    r"(?P<place>/regionid/\d+|/postcode/\w+)?"
)


class GbCarbonVendor(Vendor):
    """Serves `forecasts` and `actuals`: start of the half hour (UTC) -> g/kWh, None for a null, and `mixes`.

    A measured value is there `lag` after the end of its half hour. Regions have the national forecast plus their
    number. A half hour without a mix of its own has SHARES. `single`: data of one element comes without its list.
    `by_starts`: half hours are chosen by their starts instead, those of the last instant not included.
    """

    def __init__(
        self,
        forecasts: Mapping[datetime, int | None],
        *,
        now: datetime,
        actuals: Mapping[datetime, int | None] | None = None,
    ) -> None:
        super().__init__()
        self.forecasts = dict(forecasts)
        self.actuals = {at: None if value is None else value - 3 for at, value in forecasts.items()}
        self.actuals.update(actuals or {})
        self.now = now
        self.lag = timedelta(minutes=5)
        self.mixes: dict[datetime, list[dict[str, Any]]] = {}
        self.single = False
        self.by_starts = False

    def respond(self, request: Asked) -> Reply:
        if request.params:
            return _error(400, "No parameters are taken.")
        match = _PATH.fullmatch(request.path)
        if match:
            return self._range(match["kind"], match["start"], match["end"], match["place"])
        newest = self._halves(self.now - STEP - timedelta(minutes=29), self.now)
        if request.path == "/intensity":
            return json_reply({"data": [self._half("/intensity", at) for at in newest]})
        place = request.path.removeprefix("/regional")
        if request.path.startswith("/regional/") and self._region(place) is not None:
            return self._of_region(place, newest)
        if place.startswith("/postcode/"):
            return _error(400, "No postcode match can be found.")
        return _error(404, "Requested resource not found.")

    def _range(self, kind: str, first: str, last: str, place: str | None) -> Reply:
        start = datetime.strptime(first, TEXT).replace(tzinfo=UTC)
        forward = last == "fw48h"
        end = start + AHEAD if forward else datetime.strptime(last, TEXT).replace(tzinfo=UTC)
        if end <= start:
            return _error(400, "Please enter a valid date: the end is not after the start.")
        if end - start > LONGEST:
            return _error(400, "The date range can be 14 days at most.")
        if (kind == "/regional/intensity") != (place is not None) or (kind == "/generation" and forward):
            return _error(404, "Requested resource not found.")
        if kind != "/intensity":
            end = min(end, datetime(start.year, 12, 31, 23, 59, tzinfo=UTC))
        halves = self._halves(start, end)
        if place is not None:
            if self._region(place) is None:
                return _error(400, "No postcode match can be found.")
            return self._of_region(place, halves)
        found = [self._half(kind, at) for at in halves]
        return json_reply({"data": found[0] if self.single and len(found) == 1 else found})

    def _halves(self, start: datetime, end: datetime) -> list[datetime]:
        """The starts of those that end from `start` to `end`, both included."""
        if self.by_starts:
            return [at for at in sorted(self.forecasts) if start <= at < end]
        return [at for at in sorted(self.forecasts) if start <= at + STEP <= end]

    def _half(self, kind: str, at: datetime, region: int | None = None) -> dict[str, Any]:
        half: dict[str, Any] = {"from": f"{at:{TEXT}}", "to": f"{at + STEP:{TEXT}}"}
        if kind != "/generation":
            forecast = self.forecasts[at]
            half["intensity"] = {"forecast": forecast, "index": "moderate"}
            if region is not None:
                half["intensity"]["forecast"] = None if forecast is None else forecast + region
            else:
                measured = at + STEP + self.lag <= self.now
                half["intensity"]["actual"] = self.actuals.get(at) if measured else None
        if kind != "/intensity":
            half["generationmix"] = self.mixes.get(at) or mix()
        return half

    def _region(self, place: str) -> int | None:
        _, kind, name = place.split("/")
        if kind == "regionid":
            return int(name) if 1 <= int(name) <= 17 else None
        return POSTCODES.get(name)

    def _of_region(self, place: str, halves: list[datetime]) -> Reply:
        number = self._region(place) or 0
        region: dict[str, Any] = {
            "regionid": number,
            "dnoregion": "UKPN London",
            "shortname": "London",
            "data": [self._half("/regional/intensity", at, number) for at in halves],
        }
        if place.startswith("/postcode/"):
            region["postcode"] = place.removeprefix("/postcode/")
        return json_reply({"data": region if self.single else [region]})


def mix(**different: float | None) -> list[dict[str, Any]]:
    """A generation mix as the vendor writes it."""
    shares: dict[str, float | None] = {**dict(zip(FUELS, SHARES, strict=True)), **different}
    return [{"fuel": fuel, "perc": percent} for fuel, percent in shares.items()]


def _error(status: int, message: str) -> Reply:
    phrase = {400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}[status]
    return json_reply({"error": {"code": f"{status} {phrase}", "message": message}}, status)
