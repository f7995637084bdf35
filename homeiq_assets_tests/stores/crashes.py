"""What is replaced while a process is killed or another one writes, what must be left of it, and the processes.

Processes come from a fork server: each starts within milliseconds, with none of the test's threads.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from homeiq_assets.schema.measurement import Measurement, rows_of
from homeiq_assets.schema.measurements import CARBON_INTENSITY, SMART_METER
from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.places import Place, Row, put, rows

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)

processes = multiprocessing.get_context("forkserver")
# With what Arrow would import at its first use.
processes.set_forkserver_preload([__name__, "pandas", "pyarrow.acero"])


@dataclass(frozen=True)
class Replacement:
    """`stored` is there when `answer` comes for the window `covers`; `kept` is what stays of what is stored.

    `kept` has a row for each of `stored` that the answer does not remove, as it is afterwards.
    """

    measurement: Measurement
    covers: Window
    stored: Sequence[Row]
    answer: Sequence[Row]
    kept: Sequence[Row]
    step: timedelta | None = None

    @property
    def before(self) -> list[dict[str, Any]]:
        return rows(self.measurement, *self.stored)

    @property
    def after(self) -> list[dict[str, Any]]:
        """What the store has to hold in the end."""
        answered = {self._reading(row) for row in self.kept}
        return rows(self.measurement, *self.kept, *(row for row in self.answer if self._reading(row) not in answered))

    def renamed(self, name: str) -> "Replacement":
        """The same with a measurement of another name, to be done beside this one."""
        return replace(self, measurement=replace(self.measurement, name=name))

    def store_what_was_before(self, store: Store) -> None:
        put(store, self.measurement, self.stored)

    def start(self, place: Place, dies_at: int = 0) -> BaseProcess:
        """The replacement in a process of its own, which kills itself at that change of a file (from 1)."""
        process = processes.Process(target=self._in_another_process, args=(place, dies_at))
        process.start()
        return process

    def run(self, store: Store) -> None:
        store.replace(self.measurement, rows_of(self.measurement, self.answer), self.covers, self.step)

    def assert_nothing_is_lost(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Of each row that stays there is the old state, the new one, or the new one written over the old one."""
        olds = {self._reading(row): row for row in self.before}
        for new in rows(self.measurement, *self.kept):
            old = olds[self._reading(new)]
            there = [row for row in found if self._reading(row) == self._reading(new)]
            assert any(row in (old, new, {**old, **new}) for row in there), f"lost: {new}, found: {there}"
        known = [*self.before, *self.after]
        assert {self._reading(row) for row in found} <= {self._reading(row) for row in known}

    def _in_another_process(self, place: Place, dies_at: int) -> None:
        store = place.open()
        _die_at_change(dies_at)
        self.run(store)
        store.close()

    def _reading(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in (*self.measurement.identity, "time"))


CHANGES = {"open", "write", "fsync", "close", "mkdir", "rmdir", "rename", "replace", "unlink", "flock"}
"""functions of the operating system that change files, or end a change"""


def _die_at_change(number: int) -> None:
    """From here on count what changes files; at the `number`th time this process is killed before it does so."""
    counted = 0

    def watch(frame: FrameType, event: str, function: Any) -> None:
        nonlocal counted
        if event == "c_call" and function.__name__ in CHANGES:
            counted += 1
            if counted == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def _carbon(hours: float, value: float, operator: str = "APG", **more: float) -> Row:
    time = MIDNIGHT + hours * HOUR
    return {"time": time, "region": "AT", "grid_operator": operator, "carbon_intensity_gco2_kwh": value} | more


def _meter(minutes: int, watts: float) -> Row:
    time = MIDNIGHT + timedelta(minutes=minutes)
    return {"time": time, "meter_type": "emporia", "total_power_w": watts}


SETTLED_HISTORY = Replacement(
    CARBON_INTENSITY,
    Window(MIDNIGHT + 6 * HOUR, MIDNIGHT + 96 * HOUR),
    stored=[
        _carbon(5, 50.0),  # outside of what is covered
        _carbon(8, 80.0, forecast_1h=81.0),
        _carbon(9, 90.0),
        _carbon(10, 100.0, forecast_24h=124.0),
        _carbon(11, 110.0, renewable_percentage=60.0),
        _carbon(12, 120.0),
        _carbon(32, 320.0),
        _carbon(33, 330.0),
        _carbon(56, 560.0),
        _carbon(80, 800.0),
        _carbon(98, 980.0),  # outside again
    ],
    answer=[
        _carbon(8, 80.0),  # unchanged, and its forecast is kept
        _carbon(10, 100.0, "A.P.G."),  # a tag is revised; 9:00 is withdrawn
        _carbon(11, 110.0),  # a field is withdrawn
        _carbon(12, 121.0),  # a value is revised
        _carbon(13, 130.0),  # a row is new
        _carbon(33, 330.0),  # of the next day a row is withdrawn
        _carbon(56, 561.0),  # of the third one nothing is, of the fourth all there was
    ],
    kept=[
        _carbon(5, 50.0),
        _carbon(8, 80.0, forecast_1h=81.0),
        _carbon(10, 100.0, "A.P.G.", forecast_24h=124.0),
        _carbon(11, 110.0),
        _carbon(12, 121.0),
        _carbon(33, 330.0),
        _carbon(56, 561.0),
        _carbon(98, 980.0),
    ],
)
COARSER_ANSWER = Replacement(
    SMART_METER,
    Window(MIDNIGHT, MIDNIGHT + 24 * HOUR),
    stored=[_meter(0, 100.0), _meter(5, 101.0), _meter(65, 200.0), _meter(180, 300.0)],
    # The first is refused, the second is not: a single stored reading is not finer than an hour.
    answer=[_meter(0, 150.0), _meter(60, 250.0), _meter(180, 300.0)],
    kept=[_meter(0, 100.0), _meter(5, 101.0), _meter(180, 300.0)],
    step=HOUR,
)
REPLACEMENTS = {"settled history": SETTLED_HISTORY, "a coarser answer": COARSER_ANSWER}
