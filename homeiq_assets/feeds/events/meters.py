"""Which entities in Wh, kWh or MWh are meters, and which are levels: a forecast, a battery's content, a setting.

The increases of a meter are energy; those of a level are not. The owner's EVENTS_METERS decides, then Home Assistant's
`state_class`, and where neither says anything, the readings themselves: that is an assumption, and named as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.settings.types import meters_of
from homeiq_assets.settings.variables import Settings

SETTING = "EVENTS_METERS"
ENERGY: Mapping[str, float] = {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6}
"""The units of energy, each in Wh."""
NO_STATE_CLASS = "none"
"""Stored as the state class of an entity that has none in Home Assistant."""
INCREASING = "total_increasing"
_TOTALS = ("total", INCREASING)
_STORED = "energy_storage"
_SET_BY_HAND = ("number", "input_number")
_NO_INSTANT = int(np.iinfo(np.int64).min)
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Verdict:
    """Whether an entity in a unit of energy is a meter; `assumed` says why, for the owner, where nobody says so."""

    meter: bool
    assumed: str | None = None


@dataclass(frozen=True)
class Meters:
    """What EVENTS_METERS says: patterns of entity ids, whether what they match is a meter; the last match counts."""

    patterns: Sequence[tuple[str, bool]] = ()

    def named(self, entity_id: str) -> bool | None:
        """Whether the owner says that an entity is a meter, None where he says nothing of it."""
        said = [meter for pattern, meter in self.patterns if fnmatchcase(entity_id, pattern)]
        return said[-1] if said else None

    def verdict(self, entity_id: str, device_class: str, state_class: str | None, *, jumps: bool) -> Verdict:
        """Whether an entity in a unit of energy is a meter. `jumps`: see `jumping`."""
        said = self.named(entity_id)
        if said is not None:
            return Verdict(said)
        if device_class == _STORED or entity_id.partition(".")[0] in _SET_BY_HAND:
            return Verdict(False)
        if state_class in _TOTALS:
            return Verdict(True)
        if state_class is not None:
            why = "has no state_class" if state_class == NO_STATE_CLASS else f"has the state_class {state_class}"
            return Verdict(
                False, f"{why} in Home Assistant, so it counts as no meter; if it is one, name it in {SETTING}"
            )
        if jumps:
            return Verdict(
                False,
                "has no known state_class and goes up and down, so it counts as no meter; if it is one, name it in "
                f"{SETTING}",
            )
        return Verdict(
            True, f"has no known state_class and counts as a meter; if it is none, name it with ! in {SETTING}"
        )

    def verdicts(self, entities: pa.Table, jumps: Mask) -> list[Verdict]:
        """As `verdict`, of a row per entity: `entity_id`, `device_class`, `state_class`."""
        names = ("entity_id", "device_class", "state_class")
        rows = zip(*(entities[name].to_pylist() for name in names), jumps.tolist(), strict=True)
        return [self.verdict(*texts, jumps=jumped) for *texts, jumped in rows]


def owners_meters(settings: Settings) -> Meters:
    """What EVENTS_METERS says. Raises SettingError."""
    settings.sound(SETTING)
    return Meters(meters_of(settings.events_meters or ""))


def in_watt_hours(value: pa.Array, unit: pa.Array) -> Floats:
    """Readings in Wh; NaN for none, and for those in a unit that is none of energy."""
    codes = unit.dictionary_encode()
    factors = np.array([*(ENERGY.get(name, np.nan) for name in codes.dictionary.to_pylist()), np.nan])
    numbers = codes.indices.fill_null(len(factors) - 1).to_numpy(zero_copy_only=False)
    energy: Floats = value.fill_null(np.nan).to_numpy(zero_copy_only=False) * factors[numbers]
    return energy


def jumping(series: Ints, time: Ints, energy: Floats, start: int) -> Mask:
    """For each series whether its readings from `start` (ns) on fall as those of a meter do not.

    `energy` in Wh, NaN for no reading; rows sorted by series, then time. A meter that begins a new cycle begins near
    zero, and seldom does so twice a day: two falls to between a tenth and 90 % of the reading before are those of a
    level. A fall back to where the value was before one wrong reading is none.
    """
    known = np.flatnonzero(~np.isnan(energy))
    of, at, value = series[known], time[known], energy[known]
    before, after = value[:-1], value[1:]
    fell = (of[1:] == of[:-1]) & (at[1:] >= start) & (10 * after < 9 * before) & (10 * after > before)
    if len(value) > 2:
        earlier = np.where(of[2:] == of[:-2], value[:-2], np.nan)
        fell[1:] &= ~((earlier <= after[1:]) & (100 * after[1:] <= 101 * earlier))
    jumped: Mask = np.bincount(of[1:][fell], minlength=int(series.max(initial=-1)) + 1) >= 2
    return jumped


def cycles(last_reset: pa.Array, state_class: pa.Array) -> Ints:
    """`last_reset` in ns since the epoch; the least integer where it is not said, or says nothing.

    As in Home Assistant, a `total_increasing` begins anew where it falls, whatever `last_reset` it has.
    """
    codes = last_reset.dictionary_encode()
    known = np.array([_nanoseconds(text) for text in codes.dictionary.to_pylist()] + [_NO_INSTANT], np.int64)
    found = known[codes.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)]
    ignored = pc.fill_null(pc.equal(state_class, INCREASING), False).to_numpy(zero_copy_only=False)
    return np.where(ignored, _NO_INSTANT, found).astype(np.int64)


def instant(text: str | None) -> str | None:
    """A time with its offset, however it is written, as ISO 8601 in UTC; None for what is none."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return moment.astimezone(UTC).isoformat() if moment.tzinfo else None


def _nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp() * 10**6) * 1000
