"""How the benchmarks measure and print: contenders take turns, medians are told, with ratios to the first one."""

import gc
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LONG_ENOUGH = 0.2
"""seconds of work for a clock reading; what is faster is repeated within it"""


@dataclass
class Timing:
    """Seconds that one contender took for all rows, one entry a round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    """CPU of the server it asked, where that was measured"""


def race(
    contenders: Mapping[str, Callable[[], int]], rounds: int, server_cpu: Callable[[], float] = lambda: 0.0
) -> dict[str, Timing]:
    """Each contender does its work once a round, in turns. All must say that they did the same number of rows."""
    repeats, counts = {}, {}
    for name, work in contenders.items():
        start = time.perf_counter()
        counts[name] = work()
        repeats[name] = max(1, math.ceil(LONG_ENOUGH / (time.perf_counter() - start)))
    assert len(set(counts.values())) == 1, f"not the same work: {counts}"
    timings = {name: Timing() for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            gc.collect()
            wall, cpu, server = time.perf_counter(), time.process_time(), server_cpu()
            for _ in range(repeats[name]):
                work()
            timings[name].wall.append((time.perf_counter() - wall) / repeats[name])
            timings[name].cpu.append((time.process_time() - cpu) / repeats[name])
            timings[name].server.append((server_cpu() - server) / repeats[name])
    return timings


def report(title: str, rows: int, timings: Mapping[str, Timing], target: Mapping[str, float] | None = None) -> None:
    """A table of rows per second, and how many times faster the first contender is than each other one."""
    print(f"\n{title}")
    print(f"  {'':<44}{'rows/s of CPU':>15}{'rows/s':>13}{'first is':>11}{'(wall)':>9}")
    first = next(iter(timings.values()))
    for name, timing in timings.items():
        cpu, wall = statistics.median(timing.cpu), statistics.median(timing.wall)
        line = f"  {name:<44}{rows / cpu:>15,.0f}{rows / wall:>13,.0f}"
        if timing is not first:
            ratio = cpu / statistics.median(first.cpu)
            line += f"{ratio:>10.1f}x{wall / statistics.median(first.wall):>8.1f}x"
            if target and name in target:
                line += f"   target {target[name]:g}x: {'reached' if ratio >= target[name] else 'MISSED'}"
        print(line)


def peak_growth(*command: str) -> int:
    """How many bytes the peak memory of a child process grew while it did what `tell_growth` was given."""
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True)
    return int(json.loads(done.stdout.splitlines()[-1])["growth"])


def tell_growth(work: Callable[[], object]) -> None:
    """For the child process of `peak_growth`: does the work and prints by how much its peak memory grew."""
    before = peak_bytes()
    work()
    print(json.dumps({"growth": peak_bytes() - before}))


def peak_bytes(process: str = "self") -> int:
    """The most memory that a process, this one or that of a number on Linux, has had at once."""
    status = Path(f"/proc/{process}/status")
    if status.exists():  # Linux, where what getrusage tells begins with the parent's peak
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
