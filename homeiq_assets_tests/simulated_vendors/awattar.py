"""A simulated aWATTar: GET /v1/marketdata, strict about its parameters, publishing tomorrow at 14:00."""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

MARKET = ZoneInfo("Europe/Berlin")
PUBLICATION = time(14)


class AwattarVendor(Vendor):
    """Serves `prices`: start of the market interval (UTC) -> EUR/MWh, None for a null.

    `now` decides what is published: all of today (CET), tomorrow from 14:00; None publishes everything.
    `quota` is how many requests are answered before 429.
    """

    def __init__(
        self,
        prices: Mapping[datetime, float | None],
        *,
        step: timedelta = timedelta(hours=1),
        now: datetime | None = None,
        quota: int | None = None,
    ) -> None:
        super().__init__()
        self.prices = dict(prices)
        self.step = step
        self.now = now
        self.quota = quota

    def respond(self, request: Asked) -> Reply:
        if request.path != "/v1/marketdata" or request.method != "GET":
            return json_reply({"message": "no Route matched with those values"}, 404)
        if self.quota is not None and len(self.asked) > self.quota:
            return json_reply({"message": "API rate limit exceeded"}, 429)
        if set(request.params) - {"start", "end"}:
            return json_reply({"message": "unknown parameter"}, 400)
        now = self.now or datetime.now(UTC)
        try:
            start = _instant(request.params["start"]) if "start" in request.params else now
            end = _instant(request.params["end"]) if "end" in request.params else start + timedelta(hours=24)
        except ValueError:
            return json_reply({"message": "start and end are epoch milliseconds"}, 400)
        if end <= start:
            return json_reply({"message": "end is not after start"}, 400)
        return json_reply({"object": "list", "data": self._rows(start, end), "url": "/de/v1/marketdata"})

    def _rows(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        times = sorted(self.prices)
        wanted = times[bisect_left(times, start) : bisect_left(times, min(end, self._published_until()))]
        return [
            {
                "start_timestamp": _ms(at),
                "end_timestamp": _ms(at + self.step),
                "marketprice": self.prices[at],
                "unit": "Eur/MWh",
            }
            for at in wanted
        ]

    def _published_until(self) -> datetime:
        if self.now is None:
            return datetime.max.replace(tzinfo=UTC)
        local = self.now.astimezone(MARKET)
        days = 2 if local.time() >= PUBLICATION else 1
        return datetime.combine(local.date() + timedelta(days=days), time(), MARKET).astimezone(UTC)


def _instant(ms: str) -> datetime:
    value = int(ms)
    if value < 10**11:
        raise ValueError("seconds, not milliseconds")
    return datetime.fromtimestamp(value / 1000, UTC)


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
