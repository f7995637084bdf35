"""Which days stay as they are stored, because rows that they were made of are gone.

What is made of a day is looked up in the ledger after its rows were read and before anything is written: a removal
says so in the ledger before its first delete, so rows that were read before the ledger is silent were all there.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from homeiq_assets.home import Home
from homeiq_assets.ledger.removed_days import Ledger
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window, local_day, local_days


def removed_days(measurement: str, window: Window, home: Home, store: Store) -> list[date]:
    """The local days that a window touches whose rows of a measurement were removed. Raises StoreError."""
    days = local_days(window, home.zone)
    whole = Window(local_day(days[0], home.zone).start, local_day(days[-1], home.zone).end)
    return Ledger(store, home.zone).sealed(measurement, whole)


def expired_days(window: Window, keeps: timedelta | None, home: Home) -> list[date]:
    """The local days that a window touches of which the bucket's own retention has dropped rows."""
    if keeps is None:
        return []
    oldest = home.now() - keeps
    return [day for day in local_days(window, home.zone) if local_day(day, home.zone).start < oldest]


def left_days(
    made: Measurement, windows: Mapping[date, Window], inputs: Mapping[str, timedelta | None], home: Home, store: Store
) -> dict[date, str]:
    """Days of `made` that must not be rebuilt, each with the reason; `windows`: what each is made of.

    `inputs` are the raw measurements that they are made of, with how long their bucket itself keeps rows (None: for
    ever); where it has dropped some, a day stays if anything is stored of it, or was. Raises StoreError.
    """
    left: dict[date, list[str]] = {}
    if not windows:
        return {}
    whole = Window(min(window.start for window in windows.values()), max(window.end for window in windows.values()))
    for name, keeps in inputs.items():
        gone = set(removed_days(name, whole, home, store))
        for day, window in windows.items():
            missing = [one for one in local_days(window, home.zone) if one in gone]
            expired = expired_days(window, keeps, home)
            if missing:
                left.setdefault(day, []).append(restore_first(name, missing))
            elif keeps is not None and expired and _is_stored(made, day, home, store):
                left.setdefault(day, []).append(_expired(name, keeps, expired))
    return {day: "; ".join(reasons) for day, reasons in left.items()}


def _is_stored(made: Measurement, day: date, home: Home, store: Store) -> bool:
    """Whether anything is stored of a day, or was until it was removed."""
    window = local_day(day, home.zone)
    return any(store.counts(made, window).values()) or bool(removed_days(made.name, window, home, store))


def reaches(days: Sequence[date], home: Home) -> dict[date, Window]:
    """Of each local day its window with the hold before it, which is what readings of it are made of."""
    windows = {day: local_day(day, home.zone) for day in days}
    return {day: Window(window.start - home.settings.hold, window.end) for day, window in windows.items()}


def restore_first(measurement: str, days: Sequence[date]) -> str:
    """Why what is made of these days of a measurement stays as it is stored, and what to do."""
    return (
        f"{measurement} of {spelt(days)} was removed, so what is made of it stays as it is stored; to make it again, "
        f"restore first (materialise restore/{measurement} of {spelt(days)})"
    )


def spelt(days: Sequence[date]) -> str:
    """Days as an owner reads them: one, or the first and the last."""
    return f"{min(days)}" if len(set(days)) == 1 else f"{min(days)} to {max(days)}"


def lasting(keeps: timedelta) -> str:
    """A length of time as an owner reads it: days, or a clock's `6:00:00` where it is shorter."""
    return f"{keeps.days} days" if keeps.days else f"{keeps}"


def _expired(measurement: str, keeps: timedelta, days: Sequence[date]) -> str:
    return (
        f"the bucket of {measurement} keeps rows for {lasting(keeps)} only, and some of {spelt(days)} are gone, so "
        "what is made of them stays as it is stored; to make it again, restore first (give that bucket a longer "
        f"retention, then materialise restore/{measurement} of {spelt(days)})"
    )
