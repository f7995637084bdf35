"""A small inline SVG of one day, for people who would rather look than read."""

import base64
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.window import Window

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 520, 120, 46, 16, 14
INK, LINE, GRID = "#5d6b7a", "#4a6ee0", "#c9d1da"
POINTS = 320
"""A day has up to 288 five-minute intervals; more points than pixels only cost bytes."""


def day_chart(rows: pa.Table, day: Window, zone: ZoneInfo, unit: str) -> str | None:
    """Markdown of an image of `rows` (time, one numeric column) over a local day; None without values.

    Several series at one time are drawn as their mean. The image is below 10 KB.
    """
    name = rows.column_names[1]
    if not (pa.types.is_floating(rows[name].type) or pa.types.is_integer(rows[name].type)):
        rows = rows.set_column(1, name, pc.cast(rows[name], pa.int64()))
    merged = rows.drop_null().group_by("time").aggregate([(name, "mean")]).sort_by("time")
    if merged.num_rows == 0:
        return None
    every = -(-merged.num_rows // POINTS)
    points = list(zip(merged["time"].to_pylist()[::every], merged[f"{name}_mean"].to_pylist()[::every], strict=True))
    low: float = min(value for _, value in points)
    high: float = max(value for _, value in points)
    span: float = (high - low) or 1.0

    def x(instant: datetime) -> float:
        return LEFT + (WIDTH - LEFT - 4) * ((instant - day.start) / day.length)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / span)

    path = "".join(
        f"{'M' if n == 0 else 'L'}{x(instant):.0f} {y(value):.0f}" for n, (instant, value) in enumerate(points)
    )
    marks = []
    for hours in range(0, int(day.length / timedelta(hours=1)) + 1, 6):
        instant = day.start + timedelta(hours=hours)
        marks.append(
            f'<path d="M{x(instant):.0f} {TOP}V{HEIGHT - BOTTOM}" stroke="{GRID}"/>'
            f'<text x="{x(instant):.0f}" y="{HEIGHT - 3}" text-anchor="middle">{instant.astimezone(zone):%H}</text>'
        )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        f'font-size="10" fill="{INK}">{"".join(marks)}'
        f'<text x="2" y="{TOP + 4}">{high:.4g}</text><text x="2" y="{HEIGHT - BOTTOM}">{low:.4g}</text>'
        f'<text x="{LEFT}" y="9">{name} {unit}, {day.start.astimezone(zone):%a %d %b %Y}</text>'
        f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5"/></svg>'
    )
    encoded = base64.b64encode(svg.encode()).decode()
    return f"![{name}](data:image/svg+xml;base64,{encoded})"
