"""A small inline SVG of one day, for people who would rather look than read.

Dagster's pages draw Markdown in place only below 1,000 characters (longer texts hide behind a link), so the
image is written sparingly: percent-encoded, a path of relative whole pixels, a point for each 96th of the day.
"""

from itertools import pairwise
from statistics import fmean, median
from urllib.parse import quote
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.window import Window

WIDTH, TOP, BOTTOM, HEIGHT = 288, 12, 60, 72
POINTS = (96, 72, 48, 24)
"""How many points a day may have, the first of these with which the text is short enough."""
LIMIT = 1000
_KEPT = "/:='.,-"
"""What needs no percent-encoding in an image's address between single quotes."""


def day_chart(rows: pa.Table, day: Window, unit: str) -> str | None:
    """Markdown of an image of `rows` (time, one column of numbers or flags) over a local day; None without values.

    Of several series the mean is drawn. A point is the reading in its part of the day that lies farthest from the
    day's mean, so that peaks stay; a hole in the readings stays open. The figures are the highest and the lowest
    reading, the lines are quarters of the day.
    """
    name = rows.column_names[1]
    if pa.types.is_boolean(rows[name].type):
        rows = rows.set_column(1, name, pc.cast(rows[name], pa.int64()))
    known = rows.drop_null().group_by("time").aggregate([(name, "mean")])
    if known.num_rows == 0:
        return None
    drawn = (f"![{name}](data:image/svg+xml,{quote(_svg(known, day, unit, n), safe=_KEPT)})" for n in POINTS)
    return next(text for text in drawn if len(text) < LIMIT)


def _svg(rows: pa.Table, day: Window, unit: str, points: int) -> str:
    times, values = (column.to_pylist() for column in rows.columns)
    low, high, mean = min(values), max(values), fmean(values)
    parts: dict[int, float] = {}
    for at, value in zip(times, values, strict=True):
        part = int(points * ((at - day.start) / day.length))
        parts[part] = max(parts.get(part, mean), value, key=lambda one: abs(one - mean))
    scale = (BOTTOM - TOP) / ((high - low) or 1.0)
    places = [(part * WIDTH // points, round(BOTTOM - scale * (parts[part] - low))) for part in sorted(parts)]
    quarters = "".join(f"M{WIDTH * n // 4},{TOP}V{BOTTOM}" for n in range(5))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0,0,{WIDTH},{HEIGHT}' width='{WIDTH * 5 // 4}'>"
        f"<path d='{quarters}' stroke='#ccc'/><path d='{_path(places)}' fill='none' stroke='#46d'/>"
        f"<g font-family='sans-serif' font-size='8' fill='#777'>"
        f"{_text(TOP - 3, high, unit)}{_text(HEIGHT - 2, low, unit)}</g></svg>"
    )


def _path(places: list[tuple[int, int]]) -> str:
    """A line through the places; over a hole, more than three times as wide as usual, it jumps."""
    steps = [(x - before_x, y - before_y) for (before_x, before_y), (x, y) in pairwise(places)]
    usual = median(dx for dx, _ in steps) if steps else 0
    x, y = places[0]
    return f"M{x},{y}h1m-1,0" + "".join(
        f"{'m' if dx > 3 * usual else 'l'}{dx}{'' if dy < 0 else ','}{dy}" for dx, dy in steps
    )


def _text(y: int, value: float, unit: str) -> str:
    return f"<text y='{y}'>{escape(f'{value:.4g} {unit}'.strip())}</text>"
