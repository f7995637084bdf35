"""Values that hold for a while: prices, powers, carbon intensity as step functions of time.

Instants are nanoseconds since the epoch (UTC). Numpy over Arrow columns, no storage.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import TIME
from homeiq_assets.series.holds import Floats, Ints, nanoseconds
from homeiq_assets.window import HOUR, Window

HOUR_NS = nanoseconds(HOUR)
LONGEST = HOUR_NS
"""No interval of a price or a meter is longer."""
LASTING = 3 * HOUR_NS
"""For how long rows have to be equally far apart, without a break, for their distance to be a longer step."""


@dataclass(frozen=True)
class Steps:
    """A value in each of the half-open intervals `[starts, ends)`, which are in order and do not overlap."""

    starts: Ints
    ends: Ints
    values: Floats

    def at(self, instants: Ints) -> Floats:
        """The value in force at each instant, NaN where there is none."""
        if not len(self.starts):
            return np.full(len(instants), np.nan)
        place = np.searchsorted(self.starts, instants, "right") - 1
        return np.where((place >= 0) & (instants < self.ends[place]), self.values[place], np.nan)


def edges_of(*steps: Steps, window: Window | None = None, more: Ints | None = None) -> Ints:
    """Every instant at which one of the functions may change (and `more`), in order, within `window`."""
    found = [array for one in steps for array in (one.starts, one.ends)]
    edges = np.concatenate([*found, *([] if more is None else [more]), np.zeros(0, np.int64)])
    if window is not None:
        start, end = nanoseconds(window.start), nanoseconds(window.end)
        edges = np.concatenate([np.clip(edges, start, end), [start, end]])
    return np.unique(edges.astype(np.int64))


def ends_of(starts: Ints, step: int | None = None) -> Ints:
    """The end of each interval, of which only the starts (in order) are stored.

    An interval ends where the next begins, or is as long as its series' step where the next is further away: there is a
    hole. The step changed where rows are further apart, but equally far for `LASTING` and by a part of the hour; a few
    equal holes are no longer step. No interval is longer than an hour.

    `step` is what the measurement says of its rows. A series may have a coarser one, which is the part of the hour that
    all its distances are multiples of. Without `step`, as for prices, it is the part of the hour that most rows are
    apart; a single row is that of an hour.
    """
    gaps = np.diff(starts)
    even = (gaps <= LONGEST) & (HOUR_NS % np.maximum(gaps, 1) == 0)
    own = _usual(gaps[even]) if step is None else _common(gaps, step)
    run = np.concatenate([[0], np.cumsum(gaps[1:] != gaps[:-1])])[: len(gaps)]
    changed = even & (np.bincount(run, gaps)[run] >= LASTING)
    lasting: Ints = np.append(np.where((gaps <= own) | changed, gaps, own), own)
    return starts + lasting


def _usual(gaps: Ints) -> int:
    if not len(gaps):
        return LONGEST
    lengths, counts = np.unique(gaps, return_counts=True)
    return int(lengths[np.argmax(counts)])


def _common(gaps: Ints, step: int) -> int:
    common = int(np.gcd.reduce(gaps)) if len(gaps) else step
    return common if common >= step and HOUR_NS % common == 0 else step


def times_of(rows: pa.Table) -> Ints:
    """The times of rows."""
    return rows["time"].cast(pa.int64()).to_numpy()  # type: ignore[no-any-return]


def known(rows: pa.Table, field: str) -> pa.Table:
    """`time` and `field` of the rows that have it, in order of time."""
    return rows.select(["time", field]).drop_null().sort_by("time").combine_chunks()


def intervals(rows: pa.Table, field: str, step: int) -> Steps:
    """A field of one series, each value for its own interval; `step` as in `ends_of`."""
    rows = known(rows, field)
    starts = times_of(rows)
    return Steps(starts, ends_of(starts, step), numbers(rows, field))


def held(rows: pa.Table, field: str, hold: int) -> Steps:
    """A field of one series, each value until the next, at most `hold` ns."""
    rows = known(rows, field)
    starts = times_of(rows)
    return Steps(starts, np.minimum(np.append(starts[1:], np.iinfo(np.int64).max), starts + hold), numbers(rows, field))


def numbers(rows: pa.Table, field: str) -> Floats:
    """A field's values, NaN for null."""
    return pc.cast(rows[field], pa.float64()).to_numpy()  # type: ignore[no-any-return]


def fullest(rows: pa.Table, tag: str) -> pa.Table:
    """The rows of the series that has most of them: after a change of provider two may speak of one day."""
    counts = (
        rows.group_by(tag).aggregate([("time", "count")]).sort_by([("time_count", "descending"), (tag, "ascending")])
    )
    return rows if counts.num_rows < 2 else rows.filter(pc.equal(rows[tag], counts[tag][0]))


def within(rows: pa.Table, window: Window) -> pa.Table:
    """The rows of a window."""
    after = pc.greater_equal(rows["time"], pa.scalar(window.start, TIME))
    return rows.filter(pc.and_(after, pc.less(rows["time"], pa.scalar(window.end, TIME))))
