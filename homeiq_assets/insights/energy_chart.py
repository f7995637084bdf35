"""A day's energy to look at: hours as stacked bars, circuits' shares as a table; below 1,000 characters of Markdown.

The colours of the bars stand before the names in the table.
"""

from urllib.parse import quote

import numpy as np

from homeiq_assets.insights.energy_report import Report
from homeiq_assets.series.holds import Floats

WIDTH, HEIGHT = 300, 75
LISTED, NAME = 8, 24
COLOURS = (("#46d", "🟦"), ("#e83", "🟧"), ("#bbb", "⬜"))
FED_IN = ("#3a5", "🟩")
_KEPT = "/:='.,-"


def energy_chart(report: Report) -> str:
    """Markdown of an image: what the hours used, in up to three colours, and below the line what they fed in."""
    tops = np.cumsum([amounts for _, amounts in layers(report)], axis=0)
    scale = HEIGHT / (max(tops[-1].max() + report.fed_in.max(), 1e-9))
    zero = round(scale * tops[-1].max())
    paths = [_path(-tops[n] * scale, zero, COLOURS[n][0]) for n in reversed(range(len(tops)))]
    if report.fed_in.any():
        paths.append(_path(report.fed_in * scale, zero, FED_IN[0]))
    # Four paths of 25 bars, two or three digits a number, stay below 1,000 characters.
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0,0,{WIDTH},{HEIGHT}' width='360'>{''.join(paths)}</svg>"
    return f"![kWh per hour](data:image/svg+xml,{quote(svg, safe=_KEPT)})"


def layers(report: Report) -> list[tuple[str, Floats]]:
    """What the bars are stacked of, from the bottom: the two largest circuits and the rest, or all that was drawn."""
    if not report.circuits or report.unmetered is None:
        return [("drawn", report.drawn)]
    largest = list(report.circuits.items())[:2]
    rest = sum(list(report.circuits.values())[2:], report.unmetered)
    return [*largest, ("the rest", rest)]


def share_table(report: Report) -> str:
    """Markdown of a table: kWh and share of each circuit, of what none accounts for, and what was fed in."""
    if report.unmetered is None:
        entries = [("drawn", float(report.drawn.sum()))]
    else:
        entries = [(name, float(amounts.sum())) for name, amounts in report.circuits.items()]
        if len(entries) > LISTED:
            rest = sum(kwh for _, kwh in entries[LISTED - 1 :])
            entries = [*entries[: LISTED - 1], (f"{len(entries) - LISTED + 1} more", rest)]
        entries.append(("unmetered", float(report.unmetered.sum())))
    total = sum(kwh for _, kwh in entries) or 1.0
    lines = ["| | kWh | % |", "|---|---|---|"]
    for n, (name, kwh) in enumerate(entries):
        square = COLOURS[min(n, len(COLOURS) - 1)][1]
        lines.append(f"| {square} {_plain(name)} | {kwh:.2f} | {100 * kwh / total:.0f} |")
    if report.fed_in.any():
        lines.append(f"| {FED_IN[1]} fed in | {report.fed_in.sum():.2f} | |")
    return "\n".join(lines)


def _path(heights: Floats, zero: int, colour: str) -> str:
    """The bars of all hours as one area, in relative whole pixels."""
    places = [round(WIDTH * n / len(heights)) for n in range(len(heights) + 1)]
    level, drawn = 0, f"M0,{zero}"
    for n, height in enumerate(np.rint(heights).astype(int).tolist()):
        drawn += (f"v{height - level}" if height != level else "") + f"h{places[n + 1] - places[n]}"
        level = height
    return f"<path d='{drawn}V{zero}' fill='{colour}'/>"


def _plain(name: str) -> str:
    """A name that is no Markdown."""
    return name.replace("|", "/").replace("\n", " ")[:NAME]
