"""When to run a load: the cheapest, the dearest and the best hours that are ahead, by price and by carbon."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from homeiq_assets.insights.price_rank import instant, price_steps
from homeiq_assets.series.holds import Floats, Ints, nanoseconds
from homeiq_assets.series.steps import HOUR_NS, Steps, edges_of, fullest, known, numbers, times_of
from homeiq_assets.window import Window

CARBON, SOON, LATER = "carbon_intensity_gco2_kwh", "forecast_1h", "forecast_24h"
DAY_NS = 24 * HOUR_NS


@dataclass(frozen=True)
class Choice:
    """Hours that were chosen: `spans` in order, their mean price (currency/kWh) and carbon intensity (g/kWh)."""

    spans: tuple[tuple[datetime, datetime], ...]
    price: float
    carbon: float | None


@dataclass(frozen=True)
class Ahead:
    """What is known of the time ahead, in pieces between `edges` (ns): NaN where no price, or no carbon, is known.

    `forecast_until` is where carbon forecasts end; later the last known value stands for it.
    """

    window: Window
    edges: Ints
    price: Floats
    carbon: Floats
    currency: str
    forecast_until: datetime | None

    @property
    def offsets(self) -> Floats:
        """The edges in ns from the window's start."""
        return (self.edges - self.edges[0]).astype(np.float64)  # type: ignore[no-any-return]

    @property
    def carbon_is_known(self) -> bool:
        """Whether anything is known of carbon."""
        return not bool(np.isnan(self.carbon).any())

    @property
    def known_until(self) -> datetime | None:
        """The end of the last price known."""
        priced = np.flatnonzero(~np.isnan(self.price))
        return instant(self.edges[priced[-1] + 1]) if len(priced) else None


def ahead(prices: pa.Table, carbon: pa.Table, window: Window) -> Ahead:
    """Prices and carbon intensity of a window that begins now.

    `prices`: rows of electricity_pricing of the window and its neighbours (`bill.NEIGHBOURS`). `carbon`: rows of
    carbon_intensity of the day before now. At an instant the last forecast for it is in force, for up to an hour:
    what was forecast an hour before, beyond that a day before; where there is none, the last known value.
    """
    price, currency = price_steps(prices)
    said, fallback = _carbon_ahead(fullest(carbon, "region"), window)
    edges = edges_of(price, said, window=window)
    intensity = said.at(edges[:-1])
    last = said.ends[-1] if len(said.ends) else None
    return Ahead(
        window,
        edges,
        price.at(edges[:-1]),
        np.where(np.isnan(intensity), fallback, intensity),
        currency or "",
        instant(last) if last is not None and last > edges[0] else None,
    )


def together(
    known_ahead: Ahead, length: timedelta, *, carbon_weight: float = 0.0, dearest: bool = False
) -> Choice | None:
    """The best window of `length`: least price + `carbon_weight` (currency/kg) · carbon; the earliest of equal ones.

    None where prices are not known for so long without a hole. Where no carbon is known, the price decides alone.
    `dearest`: the worst instead. It is exact: between two changes of either end, the sum is linear in the start.
    """
    edges, wanted = known_ahead.offsets, float(nanoseconds(length))
    pieces = np.diff(edges)
    score = known_ahead.price + carbon_weight / 1000 * np.nan_to_num(known_ahead.carbon)
    begun = np.unique(np.concatenate([edges, edges - wanted]))
    begun = begun[(begun >= 0) & (begun <= edges[-1] - wanted)]
    sums = _sum_over(edges, pieces * np.nan_to_num(score), begun, wanted)
    whole = _sum_over(edges, pieces * ~np.isnan(score), begun, wanted) >= wanted - 1000
    if not whole.any():
        return None
    begun, sums = begun[whole], sums[whole] * (-1 if dearest else 1)
    start = begun[np.flatnonzero(sums <= sums.min() + 1e-9 * max(1.0, abs(sums.min())))[0]]
    return _choice(known_ahead, [(start, start + wanted)])


def apart(known_ahead: Ahead, length: timedelta, *, dearest: bool = False) -> Choice | None:
    """The cheapest (`dearest`: the dearest) hours of `length` in all, in one piece or several; the earlier of equal.

    None where prices are known for less.
    """
    edges, left = known_ahead.offsets, float(nanoseconds(length))
    order = np.argsort(-known_ahead.price if dearest else known_ahead.price, kind="stable")
    spans: list[tuple[float, float]] = []
    for piece in order[~np.isnan(known_ahead.price[order])]:
        start = float(edges[piece])
        end = min(float(edges[piece + 1]), start + left)
        left -= end - start
        spans.append((start, end))
        if left <= 0:
            return _choice(known_ahead, spans)
    return None


def now(known_ahead: Ahead, length: timedelta) -> Choice | None:
    """The load at once, None where prices are not known for so long."""
    wanted = float(nanoseconds(length))
    begun = known_ahead.offsets[:-1] < wanted
    if known_ahead.offsets[-1] < wanted or np.isnan(known_ahead.price[begun]).any():
        return None
    return _choice(known_ahead, [(0.0, wanted)])


def _carbon_ahead(carbon: pa.Table, window: Window) -> tuple[Steps, float]:
    """What is forecast from the window's start on, and what is taken where nothing is (NaN if nothing is known)."""
    readings = known(carbon, CARBON)
    starts, values = times_of(readings), numbers(readings, CARBON)
    fallback = values[-1] if len(values) else np.nan
    for field, later in ((SOON, HOUR_NS), (LATER, DAY_NS)):
        rows = known(carbon, field)
        at = times_of(rows) + later
        new = at > (starts[-1] if len(starts) else -1)
        starts, values = np.concatenate([starts, at[new]]), np.concatenate([values, numbers(rows, field)[new]])
    if np.isnan(fallback) and len(values):
        fallback = values[-1]
    ends = np.minimum(np.append(starts[1:], np.iinfo(np.int64).max), starts + HOUR_NS)
    inside = ends > nanoseconds(window.start)
    return Steps(starts[inside], ends[inside], values[inside]), float(fallback)


def _sum_over(edges: Floats, amounts: Floats, begun: Floats, wanted: float) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(amounts)])
    sums: Floats = np.interp(begun + wanted, edges, total) - np.interp(begun, edges, total)
    return sums


def _choice(known_ahead: Ahead, spans: list[tuple[float, float]]) -> Choice:
    edges = known_ahead.offsets
    weights = sum(
        (np.maximum(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0) for start, end in spans),
        np.zeros(len(edges) - 1),
    )
    used = weights > 0
    price = np.average(known_ahead.price[used], weights=weights[used])
    carbon = np.average(known_ahead.carbon[used], weights=weights[used])
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted((_at(known_ahead, start), _at(known_ahead, end)) for start, end in spans):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return Choice(tuple(joined), float(price), None if np.isnan(carbon) else float(carbon))


def _at(known_ahead: Ahead, offset: float) -> datetime:
    return known_ahead.window.start + timedelta(microseconds=round(offset / 1000))
