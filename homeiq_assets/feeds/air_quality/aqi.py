"""The US EPA air quality index by the table in force since 6 May 2024 (40 CFR 58, appendix G; EPA-454/B-24-002).

Concentrations are truncated, never rounded, before they are looked up; the index is rounded half up and
ends at 500.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from homeiq_assets.schema.measurement import UNKNOWN

OZONE_1H = "Ozone, 1 h"
NOWCAST_HOURS = 12
OZONE_HOURS = 8
_SMALLEST_WEIGHT = 0.5
_INDEX = ((0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500))
_TABLE = {
    "PM2.5": ("0.1", 0, ("0.0 9.0", "9.1 35.4", "35.5 55.4", "55.5 125.4", "125.5 225.4", "225.5 325.4")),
    "PM10": ("1", 0, ("0 54", "55 154", "155 254", "255 354", "355 424", "425 604")),
    "Ozone": ("1", 0, ("0 54", "55 70", "71 85", "86 105", "106 200")),
    OZONE_1H: ("1", 2, ("125 164", "165 204", "205 404", "405 604")),
}
"""Smallest unit, first step of the index, concentrations of each step: µg/m³ over 24 h, ozone in ppb over 8 h, 1 h."""
_CATEGORIES = (
    (50, "Good"),
    (100, "Moderate"),
    (150, "Unhealthy for Sensitive Groups"),
    (200, "Unhealthy"),
    (300, "Very Unhealthy"),
)
HIGHEST = 500


def index_of(parameter: str, concentration: float) -> int | None:
    """The AQI (0-500) of a concentration: PM in µg/m³, ozone in ppb (8-hour). Negative counts as 0.

    None where the table defines none: ozone above 200 ppb over 8 h, below 125 ppb over 1 h (OZONE_1H).
    """
    unit, first, steps = _TABLE[parameter]
    # A mean of 55 that floating point made 54.999999999 is 55.
    exact = Decimal(str(round(concentration, 6)))
    value = max(exact, Decimal(0)).quantize(Decimal(unit), ROUND_DOWN)
    indices = _INDEX[first : first + len(steps)]
    for step, (low_index, high_index) in zip(steps, indices, strict=True):
        low, high = (Decimal(text) for text in step.split())
        if value < low:
            return None
        if value <= high:
            index = (high_index - low_index) * (value - low) / (high - low) + low_index
            return int(index.quantize(Decimal(1), ROUND_HALF_UP))
    return HIGHEST if indices[-1] == _INDEX[-1] else None


def ozone_index(eight_hours: float | None, one_hour: float | None) -> int | None:
    """Ozone's AQI of its means (ppb) over 8 h and 1 h: the larger of the two, None where neither defines one."""
    indices = [
        index_of(parameter, mean)
        for parameter, mean in (("Ozone", eight_hours), (OZONE_1H, one_hour))
        if mean is not None
    ]
    return max((index for index in indices if index is not None), default=None)


def nowcast(hours: Sequence[float | None]) -> float | None:
    """EPA's NowCast of particles: hourly means, oldest first, of which the last 12 count; None for a missing one.

    The mean of the hours, each weighing `w` times the one after it, where w = max(0.5, lowest / highest). It needs two
    of the newest three hours, else it is None. Not truncated: `index_of` does that.
    """
    newest_first = list(reversed(hours[-NOWCAST_HOURS:]))
    present = {age: max(value, 0.0) for age, value in enumerate(newest_first) if value is not None}
    if sum(age in present for age in range(3)) < 2:
        return None
    highest = max(present.values())
    weight = max(_SMALLEST_WEIGHT, min(present.values()) / highest) if highest else 1.0
    weights = {age: weight**age for age in present}
    return sum(weights[age] * present[age] for age in present) / sum(weights.values())


def mean_of_8_hours(hours: Sequence[float | None]) -> float | None:
    """The mean of the last 8 hourly values, oldest first; None with fewer than 6 of them."""
    present = [value for value in hours[-OZONE_HOURS:] if value is not None]
    return sum(present) / len(present) if len(present) >= 6 else None


def category_of(index: int | None) -> str:
    """EPA's name of the range an AQI falls into, `unknown` without one."""
    if index is None:
        return UNKNOWN
    return next((name for highest, name in _CATEGORIES if index <= highest), "Hazardous")
