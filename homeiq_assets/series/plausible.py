"""What a home can draw (`HOMEIQ_MAX_POWER_KW`), and the readings of meters that cannot be: the one rule of all sums.

Numpy over the readings of counters; no storage, no schema.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LONG_AGO = -(2**62)
"""the time (ns) of last known values: before every reading, and their hold long over"""
NOT_SAID = int(np.iinfo(np.int64).min)
"""where it is not said since when a counter counts"""
SETTING = "HOMEIQ_MAX_POWER_KW"
ENERGY = {"Wh": 1e3, "kWh": 1.0, "MWh": 1e-3}
"""The units of meters, and how many of each are a kWh."""
POWER = {"W": 1e3, "kW": 1.0}
"""The units of power, and how many of each are a kW."""
SHORTEST = 60 * 10**9
"""ns; readings that come closer together are late ones that were sent together."""
_HOUR = 3600 * 10**9
_SLACK = 1 + 1e-9


@dataclass(frozen=True)
class Increases:
    """Of each reading its increase over the one before (0 for a first one), and what was left out of it.

    `absurd`: readings that no value may be compared with. `jumps`: the readings that rose by more than can be drawn,
    with the rise and the time (ns) that it took; it is no part of `amounts`.
    """

    amounts: Floats
    absurd: Mask
    jumps: list[tuple[int, float, int]]


def rates(max_kw: float, units: npt.NDArray[np.object_]) -> Floats:
    """How much a counter in each of the units may rise in a ns; without end where the unit is none of energy."""
    known, place = np.unique(units.astype(str), return_inverse=True)
    return np.array([max_kw * ENERGY.get(str(unit), np.inf) / _HOUR for unit in known])[place]


def increases(values: Floats, time: Ints, same: Mask, rate: Floats, cycles: Ints | None = None) -> Increases:
    """The increases of counters: of each reading over the one before, where `same` says that the two are comparable.

    `same` has a value for each reading but the first. A reading that starts a new cycle counts whole: one that counts
    since another instant (`cycles`, ns) or, where that is not said, a fall to below nine tenths. A smaller dip is
    negative. `rate` is how much each may rise in a ns.

    A rise beyond that is left out. The readings after it are compared with the level that they come back to, or go on
    from the new one: neither a spike nor a fall to 0 that is followed by the old value starts a cycle.
    """
    amounts = np.zeros(len(values))
    cycles = np.full(len(values), NOT_SAID) if cycles is None else cycles
    before, after = values[:-1], values[1:]
    reset = _begun(before, after, cycles[:-1], cycles[1:], time[:-1])
    amounts[1:] = np.where(same, np.where(reset, after, after - before), 0)
    with np.errstate(invalid="ignore"):
        most = rate[1:] * np.maximum(np.diff(time), SHORTEST) * _SLACK
    found = Increases(amounts, np.zeros(len(values), np.bool_), [])
    first = np.concatenate([[0], np.flatnonzero(~same) + 1, [len(values)]])
    # Few counters are ever absurd, and only these are gone through one reading after the other.
    for number in np.unique(np.searchsorted(first, np.flatnonzero(same & (amounts[1:] > most)) + 1, "right")):
        start, end = first[number - 1], first[number]
        levels = [_Level(float(values[n]), int(time[n]), int(cycles[n])) for n in range(start, end)]
        counter = _Counter(levels[0], found)
        for place, new in enumerate(levels[1:], start + 1):
            counter.read(place, new, float(rate[place]))
        counter.end()
    return found


@dataclass(frozen=True)
class _Level:
    """The reading that the next one is compared with.

    `since`: the instant (ns) that it counts from, NOT_SAID where that is not known. `began`: the reading that changed
    the level, until one has gone on from it. `jumped`: it rose by more than it can.
    """

    value: float
    time: int
    since: int
    began: int | None = None
    jumped: bool = False

    @property
    def doubtful(self) -> bool:
        return self.jumped and self.began is not None


class _Counter:
    """One counter, gone through reading by reading. What is found is put into `found`."""

    def __init__(self, first: _Level, found: Increases) -> None:
        self._level, self._found = first, found
        # The level that was left for this one, and what was counted since.
        self._other: _Level | None = None
        self._counted = 0.0

    def read(self, place: int, new: _Level, rate: float) -> None:
        """Take in the reading `place`, which may have risen by `rate` in each ns."""
        level = self._level
        amount, possible = _rise(level, new, rate)
        if self._other is not None and (level.doubtful or not possible) and _is_back(self._other, new, rate):
            self._return(self._other, new, place, amount)
        elif possible:
            self._go_on(new, place, amount)
        else:
            self._jump(new, place, amount)

    def end(self) -> None:
        """No reading is left that could go on from the last one."""
        if self._level.doubtful:
            self._leave(self._level)

    def _return(self, old: _Level, new: _Level, place: int, amount: float) -> None:
        level, self._level = self._level, new
        self._found.amounts[place] = new.value - old.value - self._counted
        # What makes a dip good is counted.
        left_out = bool(self._found.amounts[place] * _SLACK < amount)
        if left_out and not level.jumped:
            self._found.jumps.append((place, amount, new.time - level.time))
        if level.began is None:
            self._other, self._counted = level, float(self._found.amounts[place])
        else:
            self._other = None
            if left_out or level.jumped:
                self._leave(level)

    def _go_on(self, new: _Level, place: int, amount: float) -> None:
        level = self._level
        self._found.amounts[place] = amount
        self._counted += amount
        if new.value >= level.value:
            self._level = replace(new, jumped=level.jumped)
            return
        if level.doubtful:
            self._leave(level)
        if level.began is None:
            self._other, self._counted = level, amount
        self._level = replace(new, began=place)

    def _jump(self, new: _Level, place: int, amount: float) -> None:
        level = self._level
        self._found.amounts[place] = 0.0
        self._found.jumps.append((place, amount, new.time - level.time))
        if level.began is None:
            self._other, self._counted = level, 0.0
        else:
            self._leave(level)
        self._level = replace(new, began=place, jumped=True)

    def _leave(self, level: _Level) -> None:
        if level.began is not None:
            self._found.absurd[level.began] = True


def _begun(before: Floats, after: Floats, earlier: Ints, since: Ints, time: Ints) -> Mask:
    """Where a counter has begun anew between two readings, the first at `time`, that count since `earlier` and `since`.

    Where both say since when, that alone decides. Where only the later one does, it decides if it lies between them.
    """
    # Exact for whole numbers, which 0.9 * before is not.
    fallen = (after < before) & (10 * after < 9 * before)
    later = (since != NOT_SAID) & (time != LONG_AGO) & (since > time)
    begun: Mask = np.where((earlier != NOT_SAID) & (since != NOT_SAID), since != earlier, fallen | later)
    return begun


def _is_new(old: _Level, new: _Level) -> bool:
    """Whether a counter has begun anew between two readings."""
    values = (np.array([one]) for one in (old.value, new.value, old.since, new.since, old.time))
    return bool(_begun(*values)[0])


def _rise(old: _Level, new: _Level, rate: float) -> tuple[float, bool]:
    """By how much a counter rose, and whether it can have."""
    amount = new.value if _is_new(old, new) else new.value - old.value
    return amount, amount <= rate * max(new.time - old.time, SHORTEST) * _SLACK


def _is_back(old: _Level, new: _Level, rate: float) -> bool:
    """Whether a counter can have gone on from a level that it had left, without a new cycle."""
    return not _is_new(old, new) and _rise(old, new, rate)[1]


def jump_text(name: str, value: float, unit: str, at: int, rise: float, took: int, max_kw: float) -> str:
    """A rise that was left out, as the owner reads it."""
    instant = datetime.fromtimestamp(at // 10**9, UTC)
    within = timedelta(seconds=took // 10**9)
    return (
        f"{name}: {value:g} {unit} at {instant:%Y-%m-%d %H:%M} UTC, {rise:g} {unit} more within {within}, is more than "
        f"{SETTING}={max_kw:g} can draw and left out"
    )


def beyond_power(values: pa.Array, units: pa.Array, max_kw: float) -> Mask:
    """Which of the values are power (W, kW) that no home draws or feeds in."""
    beyond = np.zeros(len(values), np.bool_)
    for unit, factor in POWER.items():
        there = pc.and_(pc.equal(units, unit), pc.greater(pc.abs(values), max_kw * factor))
        beyond |= pc.fill_null(there, False).to_numpy(zero_copy_only=False)
    return beyond


def power_text(name: str, value: float, unit: str, at: int, max_kw: float) -> str:
    """Power that was left out, as the owner reads it."""
    instant = datetime.fromtimestamp(at // 10**9, UTC)
    return f"{name}: {value:g} {unit} at {instant:%Y-%m-%d %H:%M} UTC is beyond {SETTING}={max_kw:g} and left out"
