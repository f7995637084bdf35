"""A simulated Octopus Energy: unit rates that overlap a period, newest first, in pages with whole addresses."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply

LONDON = ZoneInfo("Europe/London")
PUBLICATION = time(16)
HALF_HOUR = timedelta(minutes=30)
LARGEST_PAGE, USUAL_PAGE = 1500, 100
HOST = "https://api.octopus.energy"
PATH = re.compile(
    r"/v1/products/(?P<product>[^/]+)/electricity-tariffs/(?P<tariff>[^/]+)/(?P<kind>standard|day|night)-unit-rates/"
)


@dataclass(frozen=True)
class Rate:
    """A row: pence per kWh with VAT between two instants, for one payment method or (None) for all."""

    pence: Any
    start: datetime | None
    end: datetime | None = None
    method: str | None = None


class OctopusVendor(Vendor):
    """Serves the rates of `tariffs`, by their code, that begin before what is published at `now`.

    Rates without an end are open: published. Those of half-hours reach to 23:00 UK of today, from 16:00 of tomorrow.
    `most` stands in place of the real largest page. `registers`: (tariff, day or night) -> the rates of a register, of
    E-2R tariffs and of those of E-1R whose standard rates are empty.
    """

    def __init__(self, tariffs: Mapping[str, Sequence[Rate]], now: datetime) -> None:
        super().__init__()
        self.tariffs = {code: list(rates) for code, rates in tariffs.items()}
        self.now = now
        self.most = LARGEST_PAGE
        self.registers: dict[tuple[str, str], list[Rate]] = {}

    def respond(self, request: Asked) -> Reply:
        found = PATH.fullmatch(request.path)
        if found is None:
            return Reply(404, b"<!DOCTYPE html><h1>Not Found</h1>", {"Content-Type": "text/html"})
        code = found["tariff"]
        if code not in self.tariffs or code[5:-2] != found["product"]:
            return json_reply({"detail": "Not found."}, 404)
        kind = found["kind"]
        apart = kind != "standard"
        if (apart and (code, kind) not in self.registers) or (not apart and code[2] == "2"):
            return json_reply({"detail": "This tariff does not have such rates, try the others."}, 400)
        params = request.params
        if set(params) - {"period_from", "period_to", "page_size", "page"}:
            return json_reply({"detail": "Unknown parameter."}, 400)
        try:
            start, end = (_instant(params[name]) for name in ("period_from", "period_to"))
        except KeyError:
            return json_reply({"period_from": ["This field is required when providing a `period_to`."]}, 400)
        except ValueError:
            return json_reply({"period_from": ["Enter a valid date/time."]}, 400)
        if start > end:
            return json_reply({"period_from": ["Must not be greater than `period_to`."]}, 400)
        known = self.registers[code, kind] if apart else self.tariffs[code]
        rates = [rate for rate in known if self._published(rate) and _overlaps(rate, start, end)]
        rates.sort(key=lambda rate: rate.start or datetime.min.replace(tzinfo=UTC), reverse=True)
        size = min(int(params.get("page_size", USUAL_PAGE)), self.most)
        page = int(params.get("page", 1))
        after = {**params, "page": page + 1}
        return json_reply(
            {
                "count": len(rates),
                "next": f"{HOST}{request.path}?{urlencode(after)}" if len(rates) > page * size else None,
                "previous": None,
                "results": [_row(rate) for rate in rates[(page - 1) * size : page * size]],
            }
        )

    def _published(self, rate: Rate) -> bool:
        if rate.end is None or rate.start is None or rate.end - rate.start > HALF_HOUR:
            return True
        local = self.now.astimezone(LONDON)
        last = local.date() + timedelta(days=int(local.time() >= PUBLICATION))
        return rate.start < datetime.combine(last, time(23), LONDON)


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    # Without an offset it is London's time, as the vendor has it.
    return value if value.tzinfo else value.replace(tzinfo=LONDON)


def _overlaps(rate: Rate, start: datetime, end: datetime) -> bool:
    return (rate.start is None or rate.start < end) and (rate.end is None or rate.end > start)


def _row(rate: Rate) -> dict[str, Any]:
    without_vat = round(rate.pence / 1.05, 6) if isinstance(rate.pence, float) else rate.pence
    return {
        "value_exc_vat": without_vat,
        "value_inc_vat": rate.pence,
        "valid_from": rate.start and f"{rate.start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "valid_to": rate.end and f"{rate.end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "payment_method": rate.method,
    }
