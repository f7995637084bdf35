"""Tibber: what a customer pays per quarter of an hour, taxes included, for today, tomorrow and the past.

Today and tomorrow (published from about 13:00 CET on) are one question, the past is paged through. Questions
and the shapes of their answers are in `api.py`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.pricing.published import Published, price_feeds
from homeiq_assets.feeds.pricing.slots import Slot
from homeiq_assets.feeds.pricing.tibber.api import NAME, Price, TibberApi, cursor
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.schema.measurement import UNKNOWN
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import DAY, HOUR, Window, floor_to, local_date, local_day, local_days

QUARTER = timedelta(minutes=15)
# The first delivery in quarter-hours, 2025-10-01 00:00 in all of Tibber's countries. Asked for quarter-hours of before,
# it answers the hours, or each of them four times.
QUARTER_HOURS_SINCE = datetime(2025, 9, 30, 22, tzinfo=UTC)
# What one question is answered with at most; beyond, an answer is cut without a word.
LARGEST_PAGE = {QUARTER: 672, HOUR: 744}
# The market's zone; it publishes tomorrow at 13:00, sometimes two hours later.
MARKET = ZoneInfo("Europe/Berlin")
PUBLISHED_BY = 15
RESOLUTION = {QUARTER: "QUARTER_HOURLY", HOUR: "HOURLY"}
# In euros and in crowns, no market's limits with all taxes reach so far: beyond stands a sentinel, not a price.
LOWEST, HIGHEST = -50.0, 300.0


def build(settings: Settings, zone: ZoneInfo) -> dict[str, Provider]:
    """The providers of both price feeds. Settings are judged when they are used, not here."""
    return price_feeds(Tibber(settings), settings, zone)


@dataclass(frozen=True)
class Tibber:
    """Asks Tibber for prices."""

    settings: Settings
    name: str = NAME
    # A month of local days, one of which may have 25 hours: five pages, as every month.
    longest: timedelta = timedelta(days=31, hours=1)

    def published(self, window: Window, now: datetime) -> Published:
        """What Tibber knows of `window`: history up to where today's prices begin, then those.

        Where it has no quarter-hours of a day it is asked for the hours. The home's day need not be Tibber's, whose
        history ends where its own today begins: a window that ends within the last day asks for today's prices too.
        """
        prices: list[Price] = []
        slots: list[Slot] = []
        past_end = window.end
        with TibberApi(self.settings) as api:
            if window.end > now - DAY:
                days = _published_days(now)
                prices, slots = _of_days(days, partial(_listed, api))
                past_end = min([past_end, days[0].start, *(slot.start for slot in slots)])
            for part, step in _eras(window.start, past_end):
                found, past = _of_days(_market_days(part), partial(_history, api), step)
                prices += found
                slots += [slot for slot in past if slot.start in part]
        # Without its quarter-hours Tibber gives hours, each the mean of four.
        return Published(slots, _currency(prices), means=True)


def _of_days(
    days: Sequence[Window], ask: Callable[[Window, timedelta], list[Price]], step: timedelta = QUARTER
) -> tuple[list[Price], list[Slot]]:
    """Prices and slots of market days. Days without any quarter-hour are asked for by the hour.

    Tibber has had days whose quarter-hours it answered with nothing, while their hours were there.
    """
    prices = ask(Window(days[0].start, days[-1].end), step)
    slots = _slots(prices, step)
    silent = [day for day in days if not any(slot.start in day for slot in slots)]
    if step == HOUR or not silent:
        return prices, slots
    hourly = ask(Window(silent[0].start, silent[-1].end), HOUR)
    instead = [slot for slot in _slots(hourly, HOUR) if any(slot.start in day for day in silent)]
    for day in silent:
        hours = sum(slot.start in day for slot in instead)
        instead_of = f"so {hours} hourly prices are taken" if hours else "nor hours"
        skip(NAME, f"no quarter-hours of {day}, {instead_of}", day.start)
    return prices + hourly, slots + instead


def _published_days(now: datetime) -> list[Window]:
    """The market day of `now`, and the next one where it should be published."""
    today = local_date(now, MARKET)
    days = [today, today + DAY] if now.astimezone(MARKET).hour >= PUBLISHED_BY else [today]
    return [local_day(day, MARKET) for day in days]


def _market_days(window: Window) -> list[Window]:
    """The window cut at the market's midnights."""
    return [part for day in local_days(window, MARKET) if (part := local_day(day, MARKET).intersect(window))]


def _listed(api: TibberApi, _: Window, step: timedelta) -> list[Price]:
    """What is published of today and tomorrow."""
    info = api.today(RESOLUTION[step])
    return _given([*(info.today or ()), *(info.tomorrow or ())])


def _eras(start: datetime, end: datetime) -> Iterable[tuple[Window, timedelta]]:
    """The part of the past that was sold by the hour, and the one by the quarter-hour."""
    hourly_end, quarterly_start = min(end, QUARTER_HOURS_SINCE), max(start, QUARTER_HOURS_SINCE)
    if start < hourly_end:
        # A day that begins within a market hour needs that hour too.
        yield Window(floor_to(start, HOUR), hourly_end), HOUR
    if quarterly_start < end:
        yield Window(quarterly_start, end), QUARTER


def _history(api: TibberApi, window: Window, step: timedelta) -> list[Price]:
    """All that is known of `window`, page by page; a little of before and after may be among it.

    Whether a page holds the price at its cursor is not documented, so the first begins one slot early.
    """
    found: list[Price] = []
    last = window.start - step
    after = cursor(last)
    while last + step < window.end:
        first = min(LARGEST_PAGE[step], -((last - window.end) // step))
        page = api.history(RESOLUTION[step], first, after)
        prices = _given(page.nodes or ())
        newest = max((at for at in map(_start, prices) if at), default=last)
        if newest <= last:
            break
        found += prices
        # A page with fewer prices than asked for was cut, or is the last: only Tibber knows which.
        if len(page.nodes or ()) < first and not page.page_info.has_next_page:
            break
        last = newest
        after = page.page_info.end_cursor or cursor(newest)
    return found


def _slots(prices: Sequence[Price], asked: timedelta) -> list[Slot]:
    """Slots of the prices of one answer.

    Tibber only says when a price begins. A slot is as long as was asked for, or an hour where prices are an hour
    apart; where one is missing, the one before it is not longer for that. A price that begins within a slot is skipped.
    Raises ProviderError where all do.
    """
    starts = sorted({at for at in map(_start, prices) if at})
    apart = Counter(later - earlier for earlier, later in pairwise(starts)).most_common(1)
    step = HOUR if apart and apart[0][0] == HOUR else asked
    slots, odd = [], ""
    for price in prices:
        start = _start(price)
        if start is None:
            continue
        if floor_to(start, step) != start:
            odd = f"the price of {start:%Y-%m-%dT%H:%M:%SZ} begins within a slot of {step}"
            skip(NAME, odd, start)
        elif price.total is None or not LOWEST <= price.total <= HIGHEST:
            skip(NAME, f"no usable price for {start.isoformat()}: {price.total}", start)
        else:
            slots.append(Slot(start, start + step, price.total))
    if odd and not slots:
        raise ProviderError(NAME, odd)
    return slots


def _given(prices: Iterable[Price | None]) -> list[Price]:
    return [price for price in prices if price is not None]


def _start(price: Price) -> datetime | None:
    return price.starts_at.astimezone(UTC) if price.starts_at else None


def _currency(prices: Iterable[Price]) -> str:
    """The currency of all prices. Raises ProviderError where there are several."""
    found = sorted({price.currency for price in prices if price.currency})
    if len(found) > 1:
        raise ProviderError(NAME, f"one home's prices are in several currencies: {', '.join(found)}")
    return found[0] if found else UNKNOWN
