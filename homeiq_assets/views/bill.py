"""What a kWh of a day costs: price slots between their edges, the feed-in price, and the rate to US dollars.

Rows of electricity_pricing say when a slot begins; it lasts until the next, or as long as most slots do (`steps.py`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import TIME
from homeiq_assets.series.holds import Floats, Ints, nanoseconds
from homeiq_assets.series.steps import ends_of
from homeiq_assets.window import Window

DOLLARS, BASE = "USD", "EUR"
NEIGHBOURS = timedelta(days=1)
"""how far beyond what is billed its slots' neighbours are looked for"""


@dataclass(frozen=True)
class Bill:
    """What a day's energy costs. `edges` (ns) cut it into slots, `prices` (currency/kWh) are NaN where none is known.

    `currency` is None without any price, `feed_in` (currency/kWh) without a feed-in price, `dollars` (US dollars for
    one of the currency) without a rate.
    """

    edges: Ints
    prices: Floats
    currency: str | None = None
    feed_in: float | None = None
    dollars: float | None = None


@dataclass(frozen=True)
class Slots:
    """Price slots in order, half-open between `starts` and `ends` (ns), none of which overlap."""

    starts: Ints
    ends: Ints
    prices: Floats
    currencies: list[str]

    def bill(self, window: Window) -> Bill:
        """The slots of a window. Of several currencies the last one's prices are the bill."""
        start, end = nanoseconds(window.start), nanoseconds(window.end)
        inside = np.flatnonzero((self.starts < end) & (self.ends > start))
        bounds = np.concatenate([self.starts[inside], self.ends[inside], [start, end]])
        edges = np.unique(bounds.clip(start, end))
        prices = np.full(len(edges) - 1, np.nan)
        if not len(inside):
            return Bill(edges, prices)
        currency = self.currencies[inside[-1]]
        slot = np.searchsorted(self.starts, edges[:-1], "right") - 1
        for bucket in np.flatnonzero((slot >= 0) & (edges[:-1] < self.ends[slot])):
            if self.currencies[slot[bucket]] == currency:
                prices[bucket] = self.prices[slot[bucket]]
        return Bill(edges, prices, currency)


def slots_of(pricing: pa.Table) -> Slots:
    """The slots that rows of electricity_pricing are; should hold those beyond both ends of what is billed.

    How long they are is told by their distances (`steps.ends_of`). Where providers share an instant, that of the
    newest row is believed.
    """
    rows = pricing.filter(pc.is_valid(pricing["current_price"])).sort_by("time")
    if rows.num_rows:
        newest = pc.equal(rows["provider"], rows["provider"][-1]).cast(pa.int8())
        rows = rows.append_column("__newest", newest).sort_by([("time", "ascending"), ("__newest", "ascending")])
    starts = rows["time"].cast(pa.int64()).to_numpy()
    last = np.flatnonzero(np.diff(starts, append=np.iinfo(np.int64).max))
    rows, starts = rows.take(pa.array(last)), starts[last]
    prices = rows["current_price"].to_numpy()
    return Slots(starts, ends_of(starts), prices, rows["currency"].to_pylist())


def dollars_for_one(rates: pa.Table, currency: str, day: date) -> float | None:
    """US dollars for one of the currency by rows of fx_rate: the last reference rates at or before the day."""
    if currency == DOLLARS:
        return 1.0
    # A reference rate is that of a date, and stands at its UTC midnight.
    until = pa.scalar(datetime.combine(day, time(), UTC), TIME)
    known = rates.filter(pc.and_(pc.less_equal(rates["time"], until), pc.equal(rates["base"], BASE))).sort_by("time")

    def rate(wanted: str) -> float | None:
        found = known.filter(pc.equal(known["currency"], wanted))["rate"]
        return float(found[-1].as_py()) if len(found) else None

    per_euro, ours = rate(DOLLARS), 1.0 if currency == BASE else rate(currency)
    return per_euro / ours if per_euro is not None and ours else None
