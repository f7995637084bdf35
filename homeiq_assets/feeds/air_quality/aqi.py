"""The US EPA air quality index by the table in force since 6 May 2024 (40 CFR 58, appendix G).

Concentrations are truncated, never rounded, before they are looked up; the index is rounded half up and
ends at 500.
"""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

_INDEX = ((0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500))
_TABLE = {
    "PM2.5": ("0.1", ("0.0 9.0", "9.1 35.4", "35.5 55.4", "55.5 125.4", "125.5 225.4", "225.5 325.4")),
    "PM10": ("1", ("0 54", "55 154", "155 254", "255 354", "355 424", "425 604")),
    "Ozone": ("1", ("0 54", "55 70", "71 85", "86 105", "106 200")),
}
"""Smallest unit and the concentrations of each step: µg/m³ over 24 h, ozone in ppb over 8 h."""
_CATEGORIES = (
    (50, "Good"),
    (100, "Moderate"),
    (150, "Unhealthy for Sensitive Groups"),
    (200, "Unhealthy"),
    (300, "Very Unhealthy"),
)


def index_of(parameter: str, concentration: float) -> int:
    """The AQI (0-500) of a concentration: PM in µg/m³, ozone in ppb (8-hour). Negative counts as 0."""
    unit, steps = _TABLE[parameter]
    value = max(Decimal(str(concentration)), Decimal(0)).quantize(Decimal(unit), ROUND_DOWN)
    for step, (low_index, high_index) in zip(steps, _INDEX, strict=False):
        low, high = (Decimal(text) for text in step.split())
        if value <= high:
            slope = Decimal(high_index - low_index) / (high - low)
            return int((slope * (value - low) + low_index).quantize(Decimal(1), ROUND_HALF_UP))
    return 500


def category_of(index: int) -> str:
    """EPA's name of the range an AQI falls into."""
    return next((name for highest, name in _CATEGORIES if index <= highest), "Hazardous")
