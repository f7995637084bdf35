"""Answers of feeds for days whose rows were removed: whole ones open the day again, others leave it as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from homeiq_assets.home import Home
from homeiq_assets.ledger.removed_days import Ledger, State
from homeiq_assets.ledger.seals import removed_days, spelt
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window, local_date, local_day

CLOSED = timedelta(days=2)
"""How old a window is, at least, that may hold removed days; polls are younger and do not look."""


@dataclass(frozen=True)
class Refilled:
    """Days that were removed and are whole again, and those that rows came for which are not all of the day."""

    whole: Sequence[date] = ()
    short: Sequence[date] = ()
    left: Sequence[date] = ()
    """days that stay removed, because only the settings of today state rows for them"""

    def told(self, name: str) -> str | None:
        """What to tell the owner of the days that are not whole, None without any."""
        told = []
        if self.short:
            told.append(
                f"rows came for {spelt(self.short)}, of which {name} was removed, but not for the whole day at the "
                f"step it had. They stay, and are not in what was made of these days; to take them in, restore first "
                f"(materialise restore/{name} of {spelt(self.short)}), then the tiers"
            )
        if self.left:
            told.append(
                f"{name} of {spelt(self.left)} was removed, so what the settings say of it today was not stored; to "
                f"store it, restore first (materialise restore/{name} of {spelt(self.left)})"
            )
        return "; ".join(told) or None


def closed_days(name: str, window: Window, home: Home, store: Store) -> Sequence[date]:
    """The days of a window whose rows were removed; none where they are too young for that. Raises StoreError."""
    return () if window.start > home.now() - CLOSED else removed_days(name, window, home, store)


def refill(
    name: str,
    window: Window,
    covers: Sequence[Window],
    received: Mapping[date, int],
    steps: Mapping[date, timedelta],
    home: Home,
    store: Store,
) -> Refilled:
    """Open again those days of a measurement that answers cover wholly, at no coarser step than was removed.

    `covers` are the windows that the answers vouch for, `received` their rows and `steps` their coarsest step by day.
    Raises StoreError.
    """
    if window.start > home.now() - CLOSED:
        return Refilled()
    ledger = Ledger(store, home.zone)
    first = local_day(local_date(window.start, home.zone), home.zone).start
    whole, short = list[date](), list[date]()
    for day, entry in ledger.entries(name, Window(first, window.end)).items():
        if not entry.sealed or not received.get(day):
            continue
        fine = not entry.proof.step or steps.get(day, entry.proof.step) <= entry.proof.step
        (whole if fine and _covered(local_day(day, home.zone), covers) else short).append(day)
    ledger.reopen(name, whole, State.REFILLED, home.now())
    return Refilled(sorted(whole), sorted(short))


def _covered(day: Window, covers: Sequence[Window]) -> bool:
    """Whether windows, in any order, cover a day without a hole."""
    reached = day.start
    for cover in sorted(covers):
        if cover.start <= reached:
            reached = max(reached, cover.end)
    return reached >= day.end
