"""A simulated Energy-Charts: parallel arrays, inclusive ends, a 404 in plain text where there is nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

MARKET = ZoneInfo("Europe/Berlin")
PUBLICATION = time(13)
LICENCE = "CC BY 4.0 (creativecommons.org/licenses/by/4.0) from Bundesnetzagentur | SMARD.de"
NO_CONTENT = Reply(404, b"no content available", {"Content-Type": "text/plain; charset=utf-8"})
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)
Values = Mapping[datetime, float | None]


class EnergyChartsVendor(Vendor):
    """Serves `prices` (EUR/MWh) of `bidding_zone`, `power` (MW by type) and `co2eq` (g/kWh) of `country`.

    Each value stands at the start of its slot (UTC), None for a null. `now` decides what is published: prices of today
    (CET), and of tomorrow from 13:00; generation and intensities until `now - lag`, nulls from there to `now`, and
    `forecasts` where nothing is measured; None publishes everything. `co2eq` None: there is no such service.
    `retired`: of the prices only the API's second version is left.
    """

    def __init__(
        self,
        *,
        prices: Values | None = None,
        bidding_zone: str = "DE-LU",
        power: Mapping[str, Values] | None = None,
        co2eq: Values | None = None,
        forecasts: Values | None = None,
        country: str = "de",
        now: datetime | None = None,
        lag: timedelta = timedelta(minutes=30),
    ) -> None:
        super().__init__()
        self.prices = dict(prices or {})
        self.bidding_zone = bidding_zone
        self.power = {name: dict(values) for name, values in (power or {}).items()}
        self.co2eq = None if co2eq is None else dict(co2eq)
        self.forecasts = dict(forecasts or {})
        self.country = country
        self.now = now
        self.lag = lag
        self.deprecated = False
        self.retired = False

    def respond(self, request: Asked) -> Reply:
        answers = {"/public_power": self._public_power, "/v2/price": self._price_rows}
        if not self.retired:
            answers["/price"] = self._price
        if self.co2eq is not None:
            answers["/co2eq"] = self._co2eq
        if request.path not in answers or request.method != "GET":
            return json_reply({"detail": "Not Found"}, 404)
        place = "bzn" if request.path.endswith("/price") else "country"
        if set(request.params) - {place, "start", "end"}:
            return _invalid("query", "extra parameter")
        if request.params.get(place) != (self.bidding_zone if place == "bzn" else self.country):
            return json_reply({"detail": f"unknown {place}"}, 400)
        try:
            start, end = (_instant(request.params[name]) for name in ("start", "end"))
        except (KeyError, ValueError):
            return _invalid("start", "start and end are instants here")
        return answers[request.path](start, end)

    def _price(self, start: datetime, end: datetime) -> Reply:
        times = [at for at in _within(self.prices, start, end) if at < self._priced_until()]
        prices = {"price": [self.prices[at] for at in times], "unit": "EUR / MWh"}
        return self._answer(times, {"license_info": LICENCE, **prices})

    def _price_rows(self, start: datetime, end: datetime) -> Reply:
        times = [at for at in _within(self.prices, start, end) if at < self._priced_until()]
        if not times:
            return NO_CONTENT
        rows = [
            {"timestamp": at.astimezone(MARKET).isoformat(), "values": {"day_ahead_price": self.prices[at]}}
            for at in times
        ]
        about = {"schema_version": "2.0", "endpoint": "price", "bidding_zone": self.bidding_zone, "unit": "EUR / MWh"}
        series = [{"id": "day_ahead_price", "unit": "EUR / MWh"}]
        told = {"timezone": MARKET.key, "license": LICENCE, "deprecated": self.deprecated, "series": series}
        return json_reply({**about, **told, "data": rows})

    def _public_power(self, start: datetime, end: datetime) -> Reply:
        known = self.now or FAR_AHEAD
        every = {at for values in self.power.values() for at in values}
        times = [at for at in _within(every, start, end) if at <= known]
        types = [
            {"name": name, "data": [values.get(at) if at <= known - self.lag else None for at in times]}
            for name, values in self.power.items()
        ]
        return self._answer(times, {"production_types": types})

    def _co2eq(self, start: datetime, end: datetime) -> Reply:
        measured = {at: value for at, value in (self.co2eq or {}).items() if at <= (self.now or FAR_AHEAD) - self.lag}
        times = _within({*measured, *self.forecasts}, start, end)
        ahead = [None if measured.get(at) is not None else self.forecasts.get(at) for at in times]
        return self._answer(times, {"co2eq": [measured.get(at) for at in times], "co2eq_forecast": ahead})

    def _answer(self, times: Sequence[datetime], arrays: dict[str, Any]) -> Reply:
        if not times:
            return NO_CONTENT
        return answer(times, deprecated=self.deprecated, **arrays)

    def _priced_until(self) -> datetime:
        if self.now is None:
            return FAR_AHEAD
        local = self.now.astimezone(MARKET)
        days = 2 if local.time() >= PUBLICATION else 1
        return datetime.combine(local.date() + timedelta(days=days), time(), MARKET).astimezone(UTC)


def answer(times: Sequence[datetime], **arrays: Any) -> Reply:
    """An answer as it looks on the wire."""
    return json_reply({"unix_seconds": [round(at.timestamp()) for at in times], "deprecated": False} | arrays)


def _within(times: Any, start: datetime, end: datetime) -> list[datetime]:
    return sorted(at for at in times if start <= at <= end)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a local day, or no zone")
    return at


def _invalid(where: str, message: str) -> Reply:
    return json_reply({"detail": [{"loc": ["query", where], "msg": message, "type": "value_error"}]}, 422)
