"""The URL of an API that the owner describes: a template, its placeholders, and what they stand for."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from homeiq_assets.errors import SettingError
from homeiq_assets.window import Window, local_days

KEY = "key"
KNOWN = ("start", "end", "start_s", "end_s", "start_ms", "end_ms", "start_date", "end_date", KEY)
_FORMATTED = ("start", "end", "start_date", "end_date")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Template:
    """A URL with `{placeholders}`, from the variable `setting`. Raises SettingError where it makes no sense."""

    def __init__(self, setting: str, url: str) -> None:
        self._setting = setting
        parts = urlsplit(url)
        self.base_url = f"{parts.scheme}://{parts.netloc}"
        """scheme and host"""
        self._path = url[len(self.base_url) :]
        if not self._path.startswith("/"):
            self._path = f"/{self._path}"
        fields = [field.partition(":") for field in _PLACEHOLDER.findall(self._path)]
        for name, colon, form in fields:
            if name not in KNOWN:
                raise self._wrong(f"{{{name}}} is not known")
            if colon and (name not in _FORMATTED or "%" not in form):
                raise self._wrong(f"{{{name}:{form}}} has a format that cannot be; one is like {{start_date:%Y/%m-%d}}")
        if set("{}") & set(_PLACEHOLDER.sub("", self._path)):
            raise self._wrong("it holds a brace without its partner")
        self._names = {name for name, _, _ in fields}

    @property
    def holds_key(self) -> bool:
        """Whether the API's key travels in the URL."""
        return KEY in self._names

    @property
    def asks_for_times(self) -> bool:
        """Whether the API is told what time is wanted."""
        return bool(self._names - {KEY})

    @property
    def day_by_day(self) -> bool:
        """Whether it is told a start only, so that a day is asked for at a time."""
        return self.asks_for_times and not any(name.startswith("end") for name in self._names)

    def path(self, window: Window, zone: ZoneInfo, key: str) -> str:
        """Path and query that ask for `window`."""
        days = local_days(window, zone)
        values: Mapping[str, datetime | date] = {
            "start": window.start.astimezone(UTC),
            "end": window.end.astimezone(UTC),
            "start_date": days[0],
            "end_date": days[-1],
        }

        def text(match: re.Match[str]) -> str:
            name, _, form = match[1].partition(":")
            if name == KEY:
                return quote(key, safe="")
            if form:
                return values[name].strftime(form)
            if name.endswith("_date"):
                return values[name].isoformat()
            edge = window.end if name.startswith("end") else window.start
            if name.endswith("_s"):
                return str(int(edge.timestamp()))
            if name.endswith("_ms"):
                return str(int(edge.timestamp()) * 1000)
            return f"{edge:%Y-%m-%dT%H:%M:%SZ}"

        return _PLACEHOLDER.sub(text, self._path)

    def _wrong(self, problem: str) -> SettingError:
        known = ", ".join(f"{{{name}}}" for name in KNOWN)
        return SettingError(
            self._setting, f"{problem}; known are {known} (a brace of the URL's own is written %7B or %7D)"
        )
