"""Tibber: what a customer pays per quarter of an hour, taxes included, for today, tomorrow and the past.

Today and tomorrow (published from about 13:00 CET on) are one question, the past is paged through. Questions
and the shapes of their answers are in `tibber_api.py`.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.pricing.published import Published, price_feeds
from homeiq_assets.feeds.pricing.slots import Slot
from homeiq_assets.feeds.pricing.tibber_api import NAME, Price, TibberApi, cursor
from homeiq_assets.feeds.provider import Provider
from homeiq_assets.schema import UNKNOWN
from homeiq_assets.settings import Settings
from homeiq_assets.window import HOUR, Window, floor_to

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
# The first delivery in quarter-hours, 2025-10-01 00:00 in all of Tibber's countries. Asked for quarter-hours of before,
# it answers the hours, or each of them four times.
QUARTER_HOURS_SINCE = datetime(2025, 9, 30, 22, tzinfo=UTC)
# What one question is answered with at most; beyond, an answer is cut without a word.
LARGEST_PAGE = {QUARTER: 672, HOUR: 744}
RESOLUTION = {QUARTER: "QUARTER_HOURLY", HOUR: "HOURLY"}
# In euros and in crowns, no market's limits with all taxes reach so far: beyond stands a sentinel, not a price.
LOWEST, HIGHEST = -50.0, 300.0

logger = logging.getLogger(__name__)


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

        The home's day need not be Tibber's, whose history ends where its own today begins: a window that ends within
        the last day asks for today's prices too.
        """
        prices: list[Price] = []
        slots: list[Slot] = []
        past_end = window.end
        with TibberApi(self.settings) as api:
            if window.end > now - DAY:
                info = api.today()
                listed = _given([*(info.today or ()), *(info.tomorrow or ())])
                prices += _given([info.current, *listed])
                slots += _slots(listed, QUARTER)
                past_end = min([past_end, *(at for at in map(_start, listed) if at)])
            for part, step in _eras(window.start, past_end):
                found = _history(api, part, step)
                prices += found
                slots += [slot for slot in _slots(found, step) if slot.start in part]
        return Published(slots, _currency(prices))


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

    Tibber only says when a price begins. A slot is as long as was asked for, or an hour where no two prices are
    closer; where one is missing, the one before it is not longer for that. Raises ProviderError for a price that
    begins within a slot.
    """
    starts = sorted({at for at in map(_start, prices) if at})
    hourly = min((later - earlier for earlier, later in pairwise(starts)), default=asked) == HOUR
    step = HOUR if hourly else asked
    slots = []
    for price in prices:
        start = _start(price)
        if start is None:
            continue
        if floor_to(start, step) != start:
            raise ProviderError(NAME, f"the price of {start:%Y-%m-%dT%H:%M:%SZ} begins within a slot of {step}")
        if price.total is None or not LOWEST <= price.total <= HIGHEST:
            logger.warning("%s: no usable price for %s: %s", NAME, start.isoformat(), price.total)
            continue
        slots.append(Slot(start, start + step, price.total))
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
