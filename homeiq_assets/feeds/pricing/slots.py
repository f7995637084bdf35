"""Price slots and what is made of them: the same rules for every price provider.

Plain functions. A slot is one market interval with the price of a kWh in it; which prices a vendor
knows, and what it calls them, belongs to its provider.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.provider import Answer
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING, ELECTRICITY_PRICING_FORECAST
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import Window, local_date, local_day, local_days

SHORTEST = timedelta(minutes=5)
"""No electricity market has a shorter interval."""


@dataclass(frozen=True, order=True)
class Slot:
    """Half-open market interval `[start, end)` (UTC) and its price in currency/kWh."""

    start: datetime
    end: datetime
    price: float


def tidy(provider: str, slots: Iterable[Slot]) -> list[Slot]:
    """The slots in order, each once.

    A slot that is too short (or ends before it has begun) is skipped, and so are slots that are not the same and share
    time: which of their prices is true cannot be known. Raises ProviderError where no slot remains.
    """
    known = sorted(set(slots))
    odd: dict[Slot, str] = {}
    latest: Slot | None = None
    for slot in known:
        if slot.end - slot.start < SHORTEST:
            odd[slot] = f"the price of {slot.start:%Y-%m-%dT%H:%MZ} is for less time than any market's interval"
            continue
        if latest is not None and slot.start < latest.end:
            odd[slot] = f"two different prices for the time from {slot.start:%Y-%m-%dT%H:%MZ}"
            odd.setdefault(latest, odd[slot])
        if latest is None or slot.end > latest.end:
            latest = slot
    for slot, problem in odd.items():
        skip(provider, problem, slot.start)
    if odd and len(odd) == len(known):
        raise ProviderError(provider, next(iter(odd.values())))
    return [slot for slot in known if slot not in odd]


def with_tariff(slot: Slot, settings: Settings) -> Slot:
    """The slot at what the owner pays: the vendor's price, plus the net surcharge, plus VAT on both."""
    price = (slot.price + settings.pricing_surcharge) * (1 + settings.pricing_vat_percent / 100)
    return Slot(slot.start, slot.end, price)


def whole_days(window: Window, zone: ZoneInfo) -> Window:
    """The whole local days that `window` touches; ranking a day's slots needs all of them."""
    days = local_days(window, zone)
    return Window(local_day(days[0], zone).start, local_day(days[-1], zone).end)


def pricing_answers(
    slots: list[Slot],
    window: Window,
    *,
    provider: str,
    currency: str,
    zone: ZoneInfo,
    settings: Settings,
    peaks: Mapping[datetime, bool] | None = None,
) -> Iterator[Answer]:
    """Rows of electricity_pricing for the slots that begin in `window`.

    `slots` are tidy and should reach over the whole local days of the window, so that `peak_period` is known. Where
    the owner names no peak hours, `peaks` (by a slot's start) stand above what the prices tell.
    """
    if peaks is None or settings.pricing_peak_hours is not None:
        peaks = peak_periods(slots, zone, settings.pricing_peak_hours)
    for part, covers, step in _runs(slots, window):
        rows = [
            {
                "time": slot.start,
                "provider": provider,
                "currency": currency,
                "current_price": slot.price,
                "peak_period": peaks.get(slot.start),
            }
            for slot in part
        ]
        yield Answer(rows_of(ELECTRICITY_PRICING, rows), covers, step, replaces_finer=True)


def forecast_answers(slots: list[Slot], window: Window, *, provider: str, zone: ZoneInfo) -> Iterator[Answer]:
    """Rows of electricity_pricing_forecast for the (tidy) slots that begin in `window`."""
    for part, covers, step in _runs(slots, window):
        rows: pa.Table = rows_of(
            ELECTRICITY_PRICING_FORECAST,
            [
                {
                    "time": slot.start,
                    "provider": provider,
                    "price": slot.price,
                    "hour_offset": slot.start.astimezone(zone).hour,
                }
                for slot in part
            ],
        )
        yield Answer(rows, covers, step, replaces_finer=True)


def peak_periods(slots: list[Slot], zone: ZoneInfo, hours: str | None = None) -> dict[datetime, bool]:
    """Whether each slot, by its start, is a dear one; a slot of which that is not known is absent.

    `hours` ("17-21", half-open local wall hours, "22-6" wraps midnight) says so outright. Without it
    the dearest quarter of the slots of a local day is (at most a quarter where the day does not divide by
    four, the earlier slot where prices are equal), known only once the day is complete from midnight to
    midnight. A slot belongs to the local day of its start.
    """
    if hours is not None:
        first, last = (int(hour) for hour in hours.split("-"))
        return {slot.start: _between(slot.start.astimezone(zone).hour, first, last) for slot in slots}
    per_day: dict[date, list[Slot]] = defaultdict(list)
    for slot in slots:
        per_day[local_date(slot.start, zone)].append(slot)
    peaks: dict[datetime, bool] = {}
    for day, members in per_day.items():
        if _complete(local_day(day, zone), slots):
            dearest = sorted(members, key=lambda slot: (-slot.price, slot.start))[: len(members) // 4]
            dear = {slot.start for slot in dearest}
            peaks.update({slot.start: slot.start in dear for slot in members})
    return peaks


def _between(hour: int, first: int, last: int) -> bool:
    return first <= hour < last if first <= last else hour >= first or hour < last


def _complete(day: Window, slots: list[Slot]) -> bool:
    """Whether the slots reach over the whole day without a hole; the first and last may reach beyond it."""
    known = day.start
    for slot in slots:
        if slot.start <= known < slot.end:
            known = slot.end
    return known >= day.end


def _runs(slots: list[Slot], window: Window) -> Iterator[tuple[list[Slot], Window, timedelta]]:
    """The slots cut where there is a hole or the step changes: those that begin in `window`, what they cover, step.

    A hole is not covered: the vendor has not said that there is no price.
    """
    run: list[Slot] = []
    for following in [*slots, None]:
        if run and (
            following is None
            or following.start != run[-1].end
            or following.end - following.start != run[-1].end - run[-1].start
        ):
            covers = Window(run[0].start, run[-1].end).intersect(window)
            inside = [slot for slot in run if slot.start in window]
            if covers and inside:
                yield inside, covers, run[0].end - run[0].start
            run = []
        if following is not None:
            run.append(following)
