"""The home: its settings, its time zone and the clock, as every part of the project is given them.

The zone is resolved once and kept in `HOMEIQ_HOME`, because partitions, tiers and archive are cut by it:
changing it later is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from homeiq_assets.errors import HomeiqError, SettingError
from homeiq_assets.settings import Settings, home_folder

ZONE_SETTING = "HOMEIQ_TIMEZONE"


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Home:
    """What a run needs to know of the home. `now` is the clock (UTC), replaced where time is simulated."""

    settings: Settings
    zone: ZoneInfo
    zone_problem: str | None = None
    now: Callable[[], datetime] = field(default=utc_now)

    @property
    def zone_said(self) -> bool:
        """Whether a setting or an earlier run says the zone; else it is UTC for want of a better one."""
        return self.settings.homeiq_timezone is not None or _kept(self.settings) is not None

    def require_zone(self) -> None:
        """Raise SettingError where days cannot be cut."""
        if self.zone_problem is not None:
            raise SettingError(ZONE_SETTING, self.zone_problem)
        self.settings.sound("HOMEIQ_START_DATE", "HOMEIQ_HOLD_HOURS")

    def keep_zone(self) -> None:
        """As `require_zone`, and the zone stays from now on: what is stored is cut by it."""
        self.require_zone()
        _keep(self.settings, self.zone)


def open_home(settings: Settings) -> Home:
    """The home with the zone that is known without asking anyone.

    The kept zone wins over the setting, so that the partitions of what is stored stay what they were;
    where the two differ `zone_problem` says so. Never raises.
    """
    kept = _kept(settings)
    wanted = settings.homeiq_timezone
    problem = None
    if ZONE_SETTING in settings.problems:
        problem = settings.problems[ZONE_SETTING]
    elif kept and wanted and kept != wanted:
        problem = (
            f"is {wanted}, but the days stored so far were cut in {kept}. Set it back to {kept}; to start over in "
            f"{wanted}, stop everything and move the folder {settings.homeiq_home} (HOMEIQ_HOME) away"
        )
    elif not kept and not wanted and settings.home_assistant_url:
        problem = "is not set and Home Assistant was not asked for it yet: run `homeiq doctor` once, or set it"
    return Home(settings, ZoneInfo(kept or wanted or "UTC"), problem)


def resolve_home(settings: Settings) -> Home:
    """As `open_home`, but asks Home Assistant where nothing else says the zone, and keeps its answer.

    Nothing else is kept before the first run, so that a look around decides nothing. Raises SettingError where
    the zone cannot be known.
    """
    home = open_home(settings)
    if _kept(settings) is None and settings.homeiq_timezone is None and settings.home_assistant_url:
        from homeiq_assets.feeds.meter.home_assistant import time_zone  # noqa: PLC0415 (only where one is asked)

        settings.require("HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN")
        try:
            home = Home(settings, ZoneInfo(time_zone(settings)))
        except HomeiqError as error:
            raise SettingError(ZONE_SETTING, f"is not set and Home Assistant could not be asked: {error}") from error
        home.keep_zone()
    home.require_zone()
    return home


def _file(settings: Settings) -> Path:
    return settings.homeiq_home / "timezone"


def _kept(settings: Settings) -> str | None:
    try:
        return ZoneInfo(_file(settings).read_text(encoding="utf-8").strip()).key
    except (OSError, ValueError, KeyError):
        return None


def _keep(settings: Settings, zone: ZoneInfo) -> None:
    if _kept(settings) is not None:
        return
    folder = home_folder(settings)
    try:
        temporary = folder / "timezone.new"
        temporary.write_text(zone.key + "\n", encoding="utf-8")
        temporary.replace(_file(settings))
    except OSError as error:
        raise SettingError("HOMEIQ_HOME", f"the folder {folder} cannot be written: {error.strerror}") from error
