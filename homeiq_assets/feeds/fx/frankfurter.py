"""Frankfurter: the European Central Bank's daily reference rates of the euro, without a key (GET /v1/{start}..{end}).

One rate a currency on each TARGET working day, published about 16:00 CET; nothing on weekends and holidays, where a
reader takes the last rate before. Only v1 is the ECB's word: v2 blends many banks. Rates stay in euro, because rebased
ones are rounded.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from homeiq_assets.errors import NoHistory
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import FX_RATE
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import DAY, Window, ceil_to

NAME = "frankfurter"
BASE = "EUR"
FIRST = date(1999, 1, 4)
# No limit is published; a poll an hour and a backfill of decades take far less.
QUOTA = Quota(NAME, 60, timedelta(hours=1))
# The longest that TARGET was ever closed is five days: rates further apart have others missing between them.
CLOSED = timedelta(days=7)
HIGHEST = FX_RATE.field("rate").high or 0.0

_Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
_Rate = Annotated[float, Field(allow_inf_nan=False)] | None


class _Rates(BaseModel):
    model_config = ConfigDict(strict=True)

    amount: float = Field(ge=1, le=1)
    base: Literal["EUR"]
    rates: dict[date, dict[_Currency, _Rate]]


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The provider of fx_rate. Settings are judged when they are used, not here."""
    return {FX_RATE.name: Frankfurter(settings)}


class Frankfurter:
    """Rows of fx_rate: a rate's time is 00:00 UTC of its date."""

    name = NAME
    measurement = FX_RATE
    longest = timedelta(days=5 * 366)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def fetch(self, window: Window, now: datetime) -> Iterator[Answer]:
        """The rates of the dates that begin in `window`. Raises ProviderError, SettingError.

        A day without a rate is covered where rates stand on both sides of it: there is none. What follows the newest
        rate is not, for its rate may be yet to come.
        """
        first = ceil_to(window.start, DAY).date()
        last = min(ceil_to(window.end, DAY).date() - DAY, now.astimezone(UTC).date())
        if last < first:
            return
        if last < FIRST:
            raise NoHistory(NAME, f"the euro's reference rates begin on {FIRST}; there are none for {window}")
        yield from _answers(self._ask(first, last, now), window)

    def probe(self, now: datetime) -> str:
        """The newest rates. Raises ProviderError, SettingError."""
        today = now.astimezone(UTC).date()
        rates = self._ask(today, today, now)
        if not rates:
            return "reachable, but no rate is published"
        newest = max(rates)
        dollars = rates[newest].get("USD")
        return f"{len(rates[newest])} rates of {newest}" + (f", 1 EUR = {dollars:.4f} USD" if dollars else "")

    def _ask(self, first: date, last: date, now: datetime) -> dict[date, dict[str, float | None]]:
        """The rates from `first` to `last`, and of the last working day before where `first` is none."""
        self._settings.sound("FRANKFURTER_BASE_URL")
        with VendorClient(NAME, self._settings.frankfurter_base_url, self._settings, quota=QUOTA) as client:
            try:
                return client.get(f"/v1/{first}..{last}", expect=_Rates).rates
            except VendorFailure as failure:
                if failure.status != 404:
                    raise
                # By its clock today may not have begun.
                if first >= now.astimezone(UTC).date() and '"not found"' in failure.excerpt:
                    return {}
                raise failure.advise("Look at FRANKFURTER_BASE_URL.") from None


def _answers(rates: dict[date, dict[str, float | None]], window: Window) -> Iterator[Answer]:
    """An answer from the first to the newest rate, cut where rates of working days are missing.

    A rate of before the window proves that the days from its beginning to the first rate in it have none.
    """
    run: list[date] = []
    for day in [*sorted(rates), None]:
        if run and (day is None or day - run[-1] > CLOSED):
            covers = window.intersect(Window(_start(run[0]), _start(run[-1]) + DAY))
            inside = [day for day in run if _start(day) in window]
            rows = rows_of(FX_RATE, [row for day in inside for row in _rows(day, rates[day])])
            if covers and rows.num_rows:
                # Slots have no fixed length: a rate is in force until the next.
                yield Answer(rows, covers)
            run = []
        if day is not None:
            run.append(day)


def _rows(day: date, rates: dict[str, float | None]) -> Iterator[dict[str, object]]:
    for currency, rate in rates.items():
        if rate is None or not 0 < rate <= HIGHEST:
            skip(NAME, f"no usable rate of {currency} for {day}: {rate}", _start(day))
            continue
        yield {"time": _start(day), "base": BASE, "currency": currency, "rate": rate}


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
