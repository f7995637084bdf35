"""A simulated Tibber: its GraphQL schema of prices, executed; silent caps, cursors, errors inside a 200."""

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

from graphql import GraphQLError, build_schema, execute, parse, validate

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

PUBLICATION = time(13)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
CAP = {"QUARTER_HOURLY": 672, "HOURLY": 744, "DAILY": 31}
QUARTER_HOURS_SINCE = datetime(2025, 9, 30, 22, tzinfo=UTC)
SCHEMA = build_schema("""
enum PriceInfoResolution { HOURLY QUARTER_HOURLY }
enum PriceInfoRangeResolution { DAILY HOURLY QUARTER_HOURLY }
enum PriceLevel { VERY_CHEAP CHEAP NORMAL EXPENSIVE VERY_EXPENSIVE }
type Query { viewer: Viewer! }
type Viewer { login: String homes: [Home]! }
type Home { id: ID! timeZone: String! currentSubscription: Subscription }
type Subscription {
  status: String
  priceInfo(resolution: PriceInfoResolution): PriceInfo
  priceInfoRange(
    resolution: PriceInfoRangeResolution!, first: Int, last: Int, before: String, after: String
  ): SubscriptionPriceConnection
}
type PriceInfo { current: Price today: [Price]! tomorrow: [Price]! }
type Price { total: Float energy: Float tax: Float startsAt: String currency: String! level: PriceLevel }
type SubscriptionPriceConnection { pageInfo: PageInfo! nodes: [Price]! }
type PageInfo { startCursor: String endCursor: String hasPreviousPage: Boolean hasNextPage: Boolean count: Int }
""")


class TibberVendor(Vendor):
    """Serves `prices`: start of the slot of `step` (UTC) -> total per kWh, None for a null.

    `homes` are the account's homes, id -> zone; those in `ended` have no subscription. `now` decides what is today,
    and from 13:00 tomorrow; history ends where today begins. `inclusive`: a page holds the price at its cursor.
    `cap` stands in place of the real most prices of a page. `quota` is how many requests are answered before 429.
    """

    def __init__(
        self,
        prices: Mapping[datetime, float | None],
        now: datetime,
        *,
        token: str = "5K4MVS-OjfWhK_4yrjOlFe1F6kJXPVf7eQYggo8ebAE",
        homes: Mapping[str, str] | None = None,
        ended: Collection[str] = (),
        currency: str = "NOK",
    ) -> None:
        super().__init__()
        self.prices = dict(prices)
        self.now = now
        self.token = token
        self.homes = dict(homes or {"11111111-2222-3333-4444-555555555555": "Europe/Oslo"})
        self.ended = set(ended)
        self.currency = currency
        self.step = QUARTER
        self.inclusive = False
        self.cap: int | None = None
        self.quota: int | None = None
        self._asked_with: list[dict[str, Any]] = []

    def asked_with(self) -> list[dict[str, Any]]:
        """The arguments of the questions about history, in order."""
        return self._asked_with

    def respond(self, request: Asked) -> Reply:
        if request.path != "/v1-beta/gql":
            return json_reply({"message": "Not Found"}, 404)
        if request.method != "POST" or request.headers.get("content-type") != "application/json":
            return json_reply({"errors": [_error("POST body missing, invalid Content-Type", "BAD_REQUEST")]}, 400)
        if "/" not in request.headers.get("user-agent", ""):
            return json_reply({"message": "a User-Agent is required"}, 403)
        if self.quota is not None and len(self.asked) > self.quota:
            return Reply(429, b"Too Many Requests")
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return refused()
        question = json.loads(request.body)
        if question.get("variables") != {} or "$" in question["query"]:
            return json_reply({"errors": [_error("this simulation names no types of variables", "BAD_REQUEST")]}, 400)
        document = parse(question["query"])
        wrong = validate(SCHEMA, document)
        if wrong:
            return json_reply({"errors": [_error(each.message, "GRAPHQL_VALIDATION_FAILED") for each in wrong]}, 400)
        result = execute(SCHEMA, document, {"viewer": self._viewer()})
        assert not hasattr(result, "__await__")
        if result.errors:
            return json_reply({"errors": [_error(each.message, "BAD_USER_INPUT") for each in result.errors]})
        return json_reply({"data": result.data})

    def _viewer(self) -> dict[str, Any]:
        homes = [
            {
                "id": home,
                "timeZone": zone,
                "currentSubscription": None
                if home in self.ended
                else {
                    "status": "running",
                    "priceInfo": partial(self._price_info, ZoneInfo(zone)),
                    "priceInfoRange": partial(self._price_range, ZoneInfo(zone)),
                },
            }
            for home, zone in self.homes.items()
        ]
        return {"homes": homes}

    def _price_info(self, zone: ZoneInfo, _: Any, resolution: str = "HOURLY") -> dict[str, Any]:
        today = self.now.astimezone(zone).date()
        published = self.now.astimezone(zone).time() >= PUBLICATION
        days = [self._nodes(resolution, zone, _midnight(today + n * HOUR * 24, zone)) for n in range(2)]
        current = [node for node in days[0] if datetime.fromisoformat(node["startsAt"]) <= self.now]
        return {
            "current": current[-1] if current else None,
            "today": days[0],
            "tomorrow": days[1] if published else [],
        }

    def _nodes(self, resolution: str, zone: ZoneInfo, start: datetime) -> list[dict[str, Any]]:
        end = _midnight(start.astimezone(zone).date() + timedelta(days=1), zone)
        return [self._node(at, total, zone) for at, total in self._series(resolution) if start <= at < end]

    def _price_range(
        self, zone: ZoneInfo, _: Any, resolution: str, first: int | None = None, after: str | None = None
    ) -> dict[str, Any]:
        self._asked_with.append({"resolution": resolution, "first": first, "after": after})
        if first is None or after is None:
            raise GraphQLError("this simulation answers first and after only")
        try:
            cursor = datetime.fromisoformat(base64.b64decode(after, validate=True).decode())
        except (binascii.Error, ValueError):
            raise GraphQLError("after is no cursor") from None
        assert cursor.tzinfo is not None
        today = _midnight(self.now.astimezone(zone).date(), zone)
        known = [
            (at, total)
            for at, total in self._series(resolution)
            if at < today and (at >= cursor if self.inclusive else at > cursor)
        ]
        page = known[: min(first, self.cap or CAP[resolution])]
        cursors = [_cursor(at, zone) for at, _ in page]
        return {
            "nodes": [self._node(at, total, zone) for at, total in page],
            "pageInfo": {
                "startCursor": cursors[0] if cursors else None,
                "endCursor": cursors[-1] if cursors else None,
                "hasPreviousPage": True,
                "hasNextPage": len(known) > len(page),
                "count": len(page),
            },
        }

    def _series(self, resolution: str) -> list[tuple[datetime, float | None]]:
        """Start and total, in order; before there were quarter-hours, and where asked for, by the hour."""
        hours: dict[datetime, list[float | None]] = {}
        series: list[tuple[datetime, float | None]] = []
        for at, total in sorted(self.prices.items()):
            if resolution == "QUARTER_HOURLY" and at >= QUARTER_HOURS_SINCE:
                series.append((at, total))
            else:
                hours.setdefault(at.replace(minute=0), []).append(total)
        means = [
            (at, None if None in totals else fmean(total for total in totals if total is not None))
            for at, totals in hours.items()
        ]
        return means + series

    def _node(self, at: datetime, total: float | None, zone: ZoneInfo) -> dict[str, Any]:
        energy = None if total is None else round(total * 0.8, 6)
        return {
            "startsAt": at.astimezone(zone).isoformat(timespec="milliseconds"),
            "total": total,
            "energy": energy,
            "tax": None if total is None or energy is None else total - energy,
            "currency": self.currency,
            "level": "NORMAL",
        }


def refused(status: int = 200) -> Reply:
    """The answer to a token that is not valid (any more)."""
    return json_reply({"errors": [_error("No valid access token in request", "UNAUTHENTICATED")], "data": None}, status)


def broken(status: int = 200) -> Reply:
    """The answer when something behind the API fails."""
    return json_reply({"errors": [_error("Something went wrong", "INTERNAL_SERVER_ERROR")], "data": None}, status)


def _error(message: str, code: str) -> dict[str, Any]:
    return {"message": message, "locations": [], "path": ["viewer"], "extensions": {"code": code}}


def _cursor(at: datetime, zone: ZoneInfo) -> str:
    return base64.b64encode(at.astimezone(zone).isoformat().encode()).decode()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
