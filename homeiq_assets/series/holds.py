"""Readings of one field that hold until the next, laid over the buckets of a day (docs/tiers.md).

Numpy over Arrow columns: which series a row is of, how long each reading was in force in each
bucket, and what a tier's statistics are made of. No schema of a tier, no storage.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.series.plausible import Increases, increases

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NO_VALUE = ("unavailable", "unknown")
"""texts that say there is no value: they end a hold, and are neither reading nor change"""
ON = "on"
"""the text of a flag that is on, where its field is a string"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(value: datetime | timedelta) -> int:
    """An instant as nanoseconds since the epoch, or a length in nanoseconds; exact."""
    length = value - _EPOCH if isinstance(value, datetime) else value
    return length // timedelta(microseconds=1) * 1000


def series_numbers(table: pa.Table, identity: tuple[str, ...]) -> Ints:
    """For each row the number (0, 1, ...) of its series, which the columns `identity` tell apart."""
    numbers = np.zeros(table.num_rows, np.int64)
    for name in identity:
        codes = pc.dictionary_encode(table[name].combine_chunks(), null_encoding="encode").indices
        _, numbers = np.unique(numbers * (table.num_rows + 1) + codes.to_numpy(), return_inverse=True)
    return numbers.astype(np.int64)


def held_until(series: Ints, time: Ints, hold: int) -> Ints:
    """Until when what is stated at `time` (sorted by series, then time) holds: the next of a series, or `hold`."""
    until = time + hold
    followed = np.flatnonzero(series[1:] == series[:-1])
    until[followed] = np.minimum(until[followed], time[followed + 1])
    return until


def filled(texts: pa.Array, series: Ints) -> pa.Array:
    """Where a row has none, the text that its series had last before, or else first after.

    Rows are sorted by series, then time. Null where the series has none at all.
    """
    said = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False))
    if len(said) in (0, len(texts)):
        return texts
    place = np.searchsorted(said, np.arange(len(texts)), "right")
    before, after = said[np.maximum(place - 1, 0)], said[np.minimum(place, len(said) - 1)]
    # Do not fill from another series.
    after = np.where(series[after] == series, after, np.arange(len(texts)))
    return texts.take(pa.array(np.where((place > 0) & (series[before] == series), before, after)))


@dataclass(frozen=True)
class Grid:
    """Buckets between ascending instants (ns since the epoch), for each of a number of series.

    A cell is one bucket of one series: its number is `series * buckets + bucket`.
    """

    edges: Ints
    series: int

    @property
    def buckets(self) -> int:
        return len(self.edges) - 1

    @property
    def cells(self) -> int:
        return self.series * self.buckets

    def bucket(self, time: Ints) -> Ints:
        """The bucket each instant falls into, one at an edge into what begins; -1 before the first."""
        return np.searchsorted(self.edges, time, "right").astype(np.int64) - 1


class FieldReadings:
    """The readings of one field on a grid. Each statistic is an Arrow array with a value per cell.

    `column`: the field; `series` and `time` (ns) of its rows, which are sorted by both and all lie
    before the grid's end. A null is no reading. NaN and the texts of NO_VALUE are none either, but
    end the hold of the reading before. Every other reading holds until the next, at most `hold` ns.
    `units`: the unit of each row; without it, all are in the same. `cycles`: since when (ns) each row counts, NOT_SAID
    where that is not known; without it, of no row. `rate`: by how much a counter may rise in a ns, for each row;
    without it, by anything. `at`: when each row was read, where that is not its `time`.
    """

    def __init__(
        self,
        column: pa.Array,
        series: Ints,
        time: Ints,
        grid: Grid,
        hold: int,
        units: pa.Array | None = None,
        cycles: Ints | None = None,
        *,
        rate: Floats | None = None,
        at: Ints | None = None,
    ) -> None:
        stated = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        column, series, time = column.take(pa.array(stated)), series[stated], time[stated]
        until = held_until(series, time, hold)
        known = np.flatnonzero(is_value(column))
        self.grid = grid
        self.rows = stated[known]
        """the rows of `column` that are readings"""
        self._column = column.take(pa.array(known))
        self._rate = np.full(len(self.rows), np.inf) if rate is None else rate[self.rows]
        self._at = (time if at is None else at[stated])[known]
        self._units = None if units is None else units.take(pa.array(self.rows))
        self._cycles = None if cycles is None else cycles[self.rows]
        self._series, self._time, self._until = series[known], time[known], until[known]
        bucket = grid.bucket(self._time)
        # Readings from before the first edge come before all others of their series.
        self._inside = np.flatnonzero(bucket >= 0)
        self._cell = (self._series * grid.buckets + bucket)[self._inside]

    def present(self) -> Mask:
        """Cells in which the field is in force or read."""
        return (self._in_force > 0) | (self._count > 0)

    def seconds(self) -> pa.Array:
        """How long the field is in force."""
        return self._where_present(self._in_force / 1e9)

    def on_seconds(self) -> pa.Array:
        """How long the field is in force and on."""
        return self._where_present(self._integral(self._on) / 1e9)

    def mean(self) -> pa.Array:
        """The mean over the time in force; null without any."""
        weights = np.where(self._in_force > 0, self._in_force, 1)
        return pa.array(self._integral(self._numbers) / weights, mask=self._in_force == 0)

    def count(self) -> pa.Array:
        """How many readings."""
        return self._where_present(self._count)

    def min(self) -> pa.Array:
        """The least reading; null without any."""
        return self._reduced(np.minimum)

    def max(self) -> pa.Array:
        """The greatest reading; null without any."""
        return self._reduced(np.maximum)

    def sum(self) -> pa.Array:
        """The sum of the readings; null without any."""
        return self._reduced(np.add)

    def last(self) -> pa.Array:
        """The last reading, in the field's own type; null without any. One that is absurd is none."""
        position = np.full(self.grid.cells, -1, np.int64)
        there = np.ones(len(self._cell), np.bool_)
        if np.isfinite(self._rate).any():
            there = ~self._increases.absurd[self._inside]
        position[self._cell[there]] = self._inside[there]  # of several readings in a cell the last one stays
        return self._column.take(pa.array(position, mask=position < 0))

    def increase(self) -> pa.Array:
        """The sum of the increases over the last known value before each reading (`plausible.increases`).

        A reading in another unit than that value adds nothing, nor does one of which a unit is not known.
        """
        return self._per_step(self._increases.amounts[1:])

    def jumps(self) -> list[tuple[int, float, int]]:
        """The readings on the grid whose increase was left out: row, increase, and the ns that it took."""
        inside = set(self._inside.tolist())
        return [(int(self.rows[place]), rise, took) for place, rise, took in self._increases.jumps if place in inside]

    def changes(self) -> pa.Array:
        """How many readings differ from the last known value before them."""
        codes = pc.dictionary_encode(self._column).indices.to_numpy()
        steps = self._per_step((codes[1:] != codes[:-1]).astype(np.float64))
        return steps.cast(pa.int64())

    @cached_property
    def _increases(self) -> Increases:
        same = self._series[1:] == self._series[:-1]
        if self._units is not None:
            alike = pc.fill_null(pc.equal(self._units[1:], self._units[:-1]), False)
            same &= alike.to_numpy(zero_copy_only=False)
        return increases(self._numbers, self._at, same, self._rate, self._cycles)

    @cached_property
    def _count(self) -> Ints:
        return np.bincount(self._cell, minlength=self.grid.cells).astype(np.int64)

    @cached_property
    def _numbers(self) -> Floats:
        return self._column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]

    @cached_property
    def _on(self) -> Floats:
        if pa.types.is_string(self._column.type):
            on = pc.equal(self._column, ON).to_numpy(zero_copy_only=False)
        else:
            on = self._numbers != 0
        return on.astype(np.float64)  # type: ignore[no-any-return]

    @cached_property
    def _spans(self) -> tuple[Ints, Ints, Floats]:
        """Every piece of a hold within one bucket: the reading, the cell, the length in ns."""
        edges = self.grid.edges
        start, end = np.maximum(self._time, edges[0]), np.minimum(self._until, edges[-1])
        held = np.flatnonzero(end > start)
        start, end = start[held], end[held]
        first = np.searchsorted(edges, start, "right") - 1
        pieces = np.searchsorted(edges, end, "left") - first
        reading = np.repeat(np.arange(len(held)), pieces)
        bucket = np.arange(len(reading)) - np.repeat(np.cumsum(pieces) - pieces - first, pieces)
        length = np.minimum(end[reading], edges[bucket + 1]) - np.maximum(start[reading], edges[bucket])
        cell = self._series[held][reading] * self.grid.buckets + bucket
        return held[reading], cell, length.astype(np.float64)

    @cached_property
    def _in_force(self) -> Floats:
        _, cell, length = self._spans
        return np.bincount(cell, length, self.grid.cells).astype(np.float64)

    def _integral(self, values: Floats) -> Floats:
        reading, cell, length = self._spans
        return np.bincount(cell, values[reading] * length, self.grid.cells).astype(np.float64)

    def _reduced(self, function: np.ufunc) -> pa.Array:
        result = np.zeros(self.grid.cells)
        if len(self._cell):
            starts = np.flatnonzero(np.diff(self._cell, prepend=-1))
            result[self._cell[starts]] = function.reduceat(self._numbers[self._inside], starts)
        return pa.array(result, mask=self._count == 0)

    def _per_step(self, amounts: Floats) -> pa.Array:
        """The sum per cell of an amount for each reading but the first; a series' first one has none."""
        step = np.zeros(len(self._series))
        step[1:] = np.where(self._series[1:] == self._series[:-1], amounts, 0)
        return self._where_present(np.bincount(self._cell, step[self._inside], self.grid.cells))

    def _where_present(self, values: Ints | Floats) -> pa.Array:
        return pa.array(values, mask=~self.present())


def is_value(column: pa.Array) -> Mask:
    """Which of the column's values (none null) are readings."""
    if pa.types.is_floating(column.type):
        return ~np.isnan(column.to_numpy(zero_copy_only=False))  # type: ignore[no-any-return]
    if pa.types.is_string(column.type):
        missing = pc.is_in(column, value_set=pa.array(NO_VALUE))
        return ~missing.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    return np.ones(len(column), np.bool_)
