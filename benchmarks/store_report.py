"""What the store's benchmark prints: milliseconds of each contender, and how many times faster the first one is."""

import statistics
from collections.abc import Mapping

from measuring import Timing

WIDTH = 54


def report(
    title: str, timings: Mapping[str, Timing], targets: Mapping[str, float] | None = None, *, rows: int | None = None
) -> None:
    """A line for each contender; CPU is its own and, where it is known, the server's. `targets`: times as fast."""
    print(f"\n{title}")
    head = f"  {'':<{WIDTH}}{'ms':>9}{'CPU ms':>9}{'+ server':>10}"
    print(head + (f"{'rows/s':>11}" if rows else "") + f"{'first is':>11}{'(CPU)':>8}{'(+ server)':>11}")
    first = next(iter(timings.values()))
    for name, timing in timings.items():
        wall, cpu, both = _medians(timing)
        line = f"  {name:<{WIDTH}}{1000 * wall:>9,.1f}{1000 * cpu:>9,.1f}{1000 * both:>10,.1f}"
        if rows:
            line += f"{rows / wall:>11,.0f}"
        if timing is not first:
            ratios = [other / mine for other, mine in zip((wall, cpu, both), _medians(first), strict=True)]
            line += f"{_times(ratios[0]):>11}{_times(ratios[1]):>8}{_times(ratios[2]):>11}"
            if targets and name in targets:
                line += f"  {verdict(ratios[0] >= targets[name], f'{targets[name]:g}x')}"
        print(line)


def verdict(reached: bool, target: str) -> str:
    """Whether what was measured is what was wanted."""
    return f"target {target}: {'reached' if reached else 'MISSED'}"


def milliseconds(timing: Timing) -> float:
    """The median by the clock."""
    return 1000 * statistics.median(timing.wall)


def _medians(timing: Timing) -> tuple[float, float, float]:
    cpu, server = statistics.median(timing.cpu), statistics.median(timing.server)
    return statistics.median(timing.wall), cpu, cpu + server


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"
