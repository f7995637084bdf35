"""Readings of any interval length, put in order: five-minute means of finer ones, and runs without long holes.

Plain functions. A reading is the mean power of one series in one interval; where it comes from belongs to its
provider.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from homeiq_assets.errors import ProviderError
from homeiq_assets.vendors.skipped import without_odd
from homeiq_assets.window import HOUR, Window, floor_to

STEP = timedelta(minutes=5)
"""The shortest interval that is stored."""
LONGEST = timedelta(hours=25)


@dataclass(frozen=True, order=True)
class Reading:
    """Mean `watts` of a series (a circuit's name, `` for the home) in `[start, end)`, of which `known` is known."""

    start: datetime
    end: datetime
    series: str
    watts: float
    known: timedelta

    @property
    def length(self) -> timedelta:
        return self.end - self.start


def tidy(provider: str, readings: Iterable[Reading]) -> list[Reading]:
    """The readings in order, each once, none finer than five minutes.

    Of finer ones each five minutes hold the mean over the part that is known, weighted by time. Five minutes that the
    newest of all readings does not reach the end of are left out: the rest of them may still come. Readings of a
    series that share time are skipped (which of them is true cannot be known), and so are those longer than a day.
    Raises ProviderError where none remains, or finer and coarser ones share time.
    """
    known = sorted(set(readings))
    odd = _contradictions(known)
    ordered = without_odd(provider, known, odd.get)
    fine = [reading for reading in ordered if reading.length < STEP]
    if not fine:
        return ordered
    newest = max(reading.end for reading in ordered)
    means = [mean for mean in _means(fine) if mean.end <= newest]
    result = sorted([*(reading for reading in ordered if reading.length >= STEP), *means])
    for problem in _contradictions(result).values():
        raise ProviderError(provider, problem)
    return result


def _means(readings: Iterable[Reading]) -> Iterator[Reading]:
    known: dict[tuple[str, datetime], float] = defaultdict(float)
    joules: dict[tuple[str, datetime], float] = defaultdict(float)
    for reading in readings:
        at = reading.start
        while at < reading.end:
            slot = floor_to(at, STEP)
            end = min(slot + STEP, reading.end)
            seconds = (end - at).total_seconds()
            known[reading.series, slot] += seconds
            joules[reading.series, slot] += seconds * reading.watts
            at = end
    for (series, slot), seconds in known.items():
        yield Reading(slot, slot + STEP, series, joules[series, slot] / seconds, timedelta(seconds=seconds))


def _contradictions(ordered: Iterable[Reading]) -> dict[Reading, str]:
    """The readings that cannot be true, and why."""
    odd: dict[Reading, str] = {}
    latest: dict[str, Reading] = {}
    for reading in ordered:
        if reading.length > LONGEST:
            odd[reading] = f"the reading of {reading.start:%Y-%m-%dT%H:%MZ} is of more than a day"
            continue
        before = latest.get(reading.series)
        if before is not None and reading.start < before.end:
            of = f" of {reading.series}" if reading.series else ""
            odd[reading] = f"two different readings{of} for the time from {reading.start:%Y-%m-%dT%H:%M:%SZ}"
            odd.setdefault(before, odd[reading])
        if before is None or reading.end > before.end:
            latest[reading.series] = reading
    return odd


def runs(provider: str, readings: list[Reading], window: Window) -> Iterator[tuple[Window, timedelta]]:
    """What the readings that begin in `window` cover, and their length, in order.

    Cut where nothing is there for more than an hour, and where the length changes. A shorter hole is covered: single
    readings are withdrawn, or were never made. Raises ProviderError where series that share time differ in length.
    """
    lengths: dict[datetime, timedelta] = {}
    for reading in readings:
        if lengths.setdefault(reading.start, reading.length) != reading.length:
            raise _uneven(provider, reading.start)
    run: list[datetime] = []
    for start in [*(start for start in lengths if start in window), None]:
        if run and start is not None and start < run[-1] + lengths[run[-1]]:
            raise _uneven(provider, start)
        if run and (start is None or lengths[start] != lengths[run[-1]] or start - run[-1] - lengths[run[-1]] > HOUR):
            step = lengths[run[-1]]
            yield Window(run[0], min(run[-1] + step, window.end)), step
            run = []
        if start is not None:
            run.append(start)


def _uneven(provider: str, start: datetime) -> ProviderError:
    return ProviderError(
        provider, f"from {start:%Y-%m-%dT%H:%MZ} on there are circuits with intervals of different lengths, or shifted"
    )
