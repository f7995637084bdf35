"""The home: its settings, its time zone and the clock, as every part of the project is given them.

The zone is resolved once and kept in `HOMEIQ_HOME`, because partitions, tiers and archive are cut by it:
changing it later is refused.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from filelock import FileLock

from homeiq_assets.errors import HomeiqError, SettingError
from homeiq_assets.files import replace_file
from homeiq_assets.settings.variables import ENV_FILE, Settings, home_folder
from homeiq_assets.stores.local import explained

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
        return self.settings.homeiq_timezone is not None or _kept(self.settings)[0] is not None

    def require_zone(self) -> None:
        """Raise SettingError where days cannot be cut."""
        # What a file that cannot be read says may be the zone, or the database that is meant.
        self.settings.sound(ENV_FILE)
        if self.zone_problem is not None:
            raise SettingError(ZONE_SETTING, self.zone_problem)
        self.settings.sound("HOMEIQ_START_DATE", "HOMEIQ_HOLD_HOURS")

    def keep_zone(self) -> None:
        """As `require_zone`, and the zone stays from now on: what is stored is cut by it.

        Raises SettingError, also where another run has just kept another zone, and StoreError for a full disk.
        """
        self.require_zone()
        _keep(self.settings, self.zone)


def open_home(settings: Settings) -> Home:
    """The home with the zone that is known without asking anyone.

    The kept zone wins over the setting, so that the partitions of what is stored stay what they were;
    where the two differ `zone_problem` says so. Never raises.
    """
    kept, problem = _kept(settings)
    wanted = settings.homeiq_timezone
    if problem is not None:
        pass
    elif ZONE_SETTING in settings.problems:
        problem = settings.problems[ZONE_SETTING]
    elif kept and wanted and kept != wanted:
        problem = _changed(settings, wanted, kept)
    elif not kept and not wanted and settings.home_assistant_url:
        problem = "is not set and Home Assistant was not asked for it yet: run `homeiq doctor` once, or set it"
    return Home(settings, ZoneInfo(kept or wanted or "UTC"), problem)


def resolve_home(settings: Settings) -> Home:
    """As `open_home`, but asks Home Assistant where nothing else says the zone, and keeps its answer.

    Nothing else is kept before the first run, so that a look around decides nothing. Raises SettingError where
    the zone cannot be known.
    """
    home = open_home(settings)
    if _kept(settings) == (None, None) and settings.homeiq_timezone is None and settings.home_assistant_url:
        from homeiq_assets.vendors.home_assistant.zone import time_zone  # noqa: PLC0415 (only where one is asked)

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


def _changed(settings: Settings, wanted: str, kept: str) -> str:
    return (
        f"is {wanted}, but the days stored so far were cut in {kept}. Set it back to {kept}; to start over in "
        f"{wanted}, stop everything and move the folder {settings.homeiq_home} (HOMEIQ_HOME) away"
    )


def _kept(settings: Settings) -> tuple[str | None, str | None]:
    """The zone that is kept, None before the first run; and what is wrong with the file that keeps it."""
    file = _file(settings)
    advice = "write the name of the zone that the days were cut in, such as Europe/Vienna, back into it"
    try:
        text = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None, None
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        return None, f"is kept in {file} (HOMEIQ_HOME), which cannot be read ({reason}); make it readable, or {advice}"
    except ValueError:
        return None, f"is kept in {file} (HOMEIQ_HOME), which is damaged; {advice}"
    try:
        return ZoneInfo(text).key, None
    except (OSError, ValueError, KeyError):
        return None, f"is kept in {file} (HOMEIQ_HOME), which is damaged: {text[:40]!r} is no time zone; {advice}"


def _keep(settings: Settings, zone: ZoneInfo) -> None:
    kept, problem = _kept(settings)
    if (kept, problem) == (None, None):
        folder = home_folder(settings)
        try:
            # Of two first runs at once one decides, and the other finds what it decided.
            with FileLock(folder / "timezone.lock"):
                kept, problem = _kept(settings)
                if (kept, problem) == (None, None):
                    replace_file(_file(settings), f"{zone.key}\n".encode(), mode=0o644)
                    return
        except OSError as error:
            raise explained(error, folder) from error
    if problem is not None:
        raise SettingError(ZONE_SETTING, problem)
    if kept is not None and kept != zone.key:
        raise SettingError(ZONE_SETTING, _changed(settings, zone.key, kept))
