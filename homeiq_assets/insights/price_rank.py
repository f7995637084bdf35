"""The rank of each price among those of its local day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.feeds.pricing.slots import Slot, peak_periods
from homeiq_assets.schema.insights import ELECTRICITY_PRICE_RANK
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.series.steps import Steps
from homeiq_assets.views import bill
from homeiq_assets.window import Window


def price_rank(prices: pa.Table, day: Window, zone: ZoneInfo) -> pa.Table:
    """Rows of electricity_price_rank of one local day: for each provider a rank per slot that begins in it.

    `prices`: rows of electricity_pricing of the day and of its neighbours (`bill.NEIGHBOURS`). Rank 1 is the
    cheapest slot known, of equal prices the earlier one. `cheap` and `dear` say whether a slot is in the cheapest and
    the dearest quarter (at most a quarter of the slots, the earlier of equal ones); they are absent until the day is
    known from midnight to midnight. Time = the slot's start.
    """
    rows = []
    for provider in pc.unique(prices["provider"]).to_pylist():
        slots = slots_of(prices.filter(pc.equal(prices["provider"], provider)))
        dear = peak_periods(slots, zone)
        cheap = peak_periods([replace(slot, price=-slot.price) for slot in slots], zone)
        ordered = sorted((slot for slot in slots if slot.start in day), key=lambda slot: (slot.price, slot.start))
        rows += [
            {
                "time": slot.start,
                "provider": provider,
                "rank": rank,
                "cheap": cheap.get(slot.start),
                "dear": dear.get(slot.start),
            }
            for rank, slot in enumerate(ordered, 1)
        ]
    return rows_of(ELECTRICITY_PRICE_RANK, rows)


def slots_of(prices: pa.Table) -> list[Slot]:
    """The price slots of one provider's rows of electricity_pricing, in order."""
    steps, _ = price_steps(prices)
    return [
        Slot(instant(start), instant(end), price)
        for start, end, price in zip(steps.starts.tolist(), steps.ends.tolist(), steps.values.tolist(), strict=True)
    ]


def price_steps(prices: pa.Table) -> tuple[Steps, str | None]:
    """The price of a kWh over time, and its currency (None without any); slots as the views have them."""
    slots = bill.slots_of(prices)
    return Steps(slots.starts, slots.ends, slots.prices), slots.currencies[-1] if slots.currencies else None


def instant(nanoseconds: float) -> datetime:
    """Nanoseconds since the epoch as a datetime (UTC)."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(nanoseconds) // 1000)
