"""At which age the days of a measurement go, checked against what still needs them."""

from collections.abc import Set
from datetime import date, timedelta
from enum import StrEnum

from homeiq_assets.errors import SettingError
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import TIERED_MEASUREMENTS, tier_of
from homeiq_assets.settings.retention import EVERY, ages_of
from homeiq_assets.settings.variables import Settings
from homeiq_assets.window import DAY

SPARE = 2
"""days that the raw rows of a day stay beyond the last time that a vendor is asked for it again"""


class Level(StrEnum):
    """What a day is removed from."""

    RAW = "raw"
    HOURLY = "hourly"
    DAILY = "daily"

    @property
    def setting(self) -> str:
        """The setting that says the ages."""
        return f"RETENTION_{self.upper()}_DAYS"

    def of(self, measurement: Measurement) -> Measurement:
        """The measurement itself, or its tier."""
        return measurement if self is Level.RAW else tier_of(measurement, self.value)


def age(measurement: Measurement, level: Level, settings: Settings, settled: int = 0) -> int | None:
    """After how many days a day goes; None: never. As it is set, whether or not it is right.

    `settled`: how many closed days the vendor may still revise; where raw ages are not set, they are no shorter than
    that needs.
    """
    if level is Level.RAW:
        days = settings.raw_ages.get(measurement.name)
        said = ages_of(settings.retention_raw_days).keys() & {measurement.name, EVERY}
        return days if days is None or said else max(days, least_age(settled, settings))
    tiers = ages_of(settings.retention_hourly_days if level is Level.HOURLY else settings.retention_daily_days)
    return tiers.get(measurement.name, tiers.get(EVERY))


def checked_age(measurement: Measurement, level: Level, settled: int, settings: Settings) -> int | None:
    """As `age`.

    Raises SettingError for an age that is shorter than what still needs the rows, and for a name that is none.
    """
    settings.sound(*(one.setting for one in Level), "HOMEIQ_HOLD_HOURS", "HOMEIQ_START_DATE")
    _refuse_unknown(level.setting, set(ages_of(getattr(settings, level.setting.lower()))) - {EVERY})
    # A name misspelt there would have raw rows go without an archive.
    _refuse_unknown("RAW_ARCHIVE", settings.archived_raw)
    days = age(measurement, level, settings, settled)
    if days is None:
        return None
    if level is Level.RAW:
        least = least_age(settled, settings)
        if days < least:
            raise SettingError(
                level.setting,
                f"{measurement.name}={days} is too short: the vendor may revise {settled} closed days, a reading holds "
                f"for {_held(settings)} (HOMEIQ_HOLD_HOURS), and {SPARE} are to spare; set {least} or more",
            )
        return days
    finer = [age(measurement, one, settings, settled) for one in (Level.RAW, Level.HOURLY) if one is not level]
    longest = max(one or 0 for one in finer)
    if days <= longest:
        name = level.of(measurement).name
        raise SettingError(
            level.setting,
            f"{name} goes after {days} days, but what it is made of stays {longest}; set more than {longest}",
        )
    return days


def _held(settings: Settings) -> int:
    """How many days a reading holds, the last one begun counted whole."""
    return -(-settings.hold // DAY)


def least_age(settled: int, settings: Settings) -> int:
    """For how many days raw rows are needed: as long as they may be revised or held, and some to spare."""
    return max(settled, _held(settings)) + SPARE


def last_due(days: int, today: date) -> date:
    """The newest local day that is older than `days`."""
    return today - timedelta(days=days + 1)


def _refuse_unknown(setting: str, names: Set[str]) -> None:
    known = {measurement.name for measurement in TIERED_MEASUREMENTS}
    unknown = sorted(names - known)
    if unknown:
        raise SettingError(
            setting, f"there is no measurement {', '.join(unknown)}; there are: {', '.join(sorted(known))}"
        )
