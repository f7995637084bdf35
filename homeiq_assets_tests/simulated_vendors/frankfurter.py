"""A simulated Frankfurter v1: ranges that begin at the last working day before, 404 for what is to come."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

RANGE = re.compile(r"^/v1/(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})?$")
LOOK_BACK = timedelta(days=14)
NOT_FOUND = json_reply({"message": "not found"}, 404)


class FrankfurterVendor(Vendor):
    """Serves `rates`: date -> currency -> units for one euro.

    `now` decides what is published: earlier dates, and today's from 15:00 UTC; None publishes everything.
    """

    def __init__(self, rates: Mapping[date, Mapping[str, float | None]], *, now: datetime | None = None) -> None:
        super().__init__()
        self.rates = {day: dict(of_day) for day, of_day in rates.items()}
        self.now = now

    def respond(self, request: Asked) -> Reply:
        asked = RANGE.match(request.path)
        if not asked or request.method != "GET":
            return NOT_FOUND
        if request.params:
            return json_reply({"message": f"not understood: {request.params}"}, 422)
        try:
            start = date.fromisoformat(asked[1])
            end = date.fromisoformat(asked[2]) if asked[2] else date.max
        except ValueError:
            return json_reply({"message": "invalid date"}, 422)
        if self.now is not None and start > self.now.astimezone(UTC).date():
            return NOT_FOUND
        published = [day for day in sorted(self.rates) if self._published(day)]
        first = max((day for day in published if start - LOOK_BACK <= day <= start), default=start)
        days = [day for day in published if first <= day <= end]
        return rates({day: self.rates[day] for day in days}) if days else NOT_FOUND

    def _published(self, day: date) -> bool:
        if self.now is None:
            return True
        here = self.now.astimezone(UTC)
        return day < here.date() or (day == here.date() and here.hour >= 15)


def rates(by_day: Mapping[date, Mapping[str, float | None]], **different: object) -> Reply:
    """A range as it looks on the wire."""
    days = sorted(by_day)
    return json_reply(
        {
            "amount": 1.0,
            "base": "EUR",
            "start_date": days[0].isoformat() if days else "",
            "end_date": days[-1].isoformat() if days else "",
            "rates": {day.isoformat(): dict(by_day[day]) for day in days},
        }
        | different
    )
