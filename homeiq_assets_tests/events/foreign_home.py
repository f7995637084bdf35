"""A home whose events somebody else writes into an InfluxDB, in either schema; the token may only read them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from homeiq_assets.events.opening import opened_events
from homeiq_assets.events.source import EventSource
from homeiq_assets.home import open_home
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.influxd import Influxd

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
Value = str | float | int | bool


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Value], time: datetime) -> str:
    """Line protocol: a float is a float, an int an integer."""

    def key(text: str) -> str:
        return text.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")

    def value(one: Value) -> str:
        if isinstance(one, bool):
            return str(one).lower()
        if isinstance(one, int):
            return f"{one}i"
        return repr(one) if isinstance(one, float) else '"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"'

    series = "".join(f",{key(name)}={key(text)}" for name, text in tags.items())
    values = ",".join(f"{key(name)}={value(one)}" for name, one in fields.items())
    microseconds = int(time.timestamp()) * 10**6 + time.microsecond
    return f"{measurement.replace(',', chr(92) + ',').replace(' ', chr(92) + ' ')}{series} {values} {microseconds}000"


class ForeignHome:
    """`bucket` holds the events, of which `write` adds some; `settings` lead there."""

    def __init__(self, influxd: Influxd, settings_of: Callable[..., Settings]) -> None:
        self.influxd = influxd
        self.bucket, self.ours = influxd.create_bucket(shard_seconds=7 * 86400), influxd.create_bucket()
        self._settings_of = settings_of
        self.token = influxd.token(read=[self.bucket])

    def variables(self, source: str, **changed: str) -> dict[str, str]:
        """The environment of a home that reads its events from there."""
        return {
            "HOMEIQ_TIMEZONE": "Europe/Vienna",
            "INFLUXDB_URL": self.influxd.url,
            "INFLUXDB_TOKEN": self.token,
            "INFLUXDB_ORG": self.influxd.org,
            "INFLUXDB_BUCKET": self.ours,
            "EVENTS_SOURCE": source,
            "EVENTS_INFLUXDB_BUCKET": self.bucket,
        } | changed

    def write(self, *lines: str) -> None:
        """Store these lines, as another program would."""
        self.influxd.write(self.bucket, "\n".join(lines))

    @contextmanager
    def open(self, source: str, **changed: str) -> Iterator[EventSource]:
        """Its events."""
        settings = self._settings_of(**self.variables(source, **changed))
        home = replace(open_home(settings), now=lambda: NOW)
        with opened_events(home, EmbeddedStore(settings.homeiq_home / "store")) as events:
            yield events

    def points(self) -> dict[str, list[Any]]:
        """How many values of each field each measurement of the bucket has."""
        found = self.influxd.influxql(self.bucket, "SELECT count(*) FROM /.*/", "autogen")
        return {one["name"]: [one["columns"], one["values"]] for one in found}


def events_of(source: EventSource, window: Window = DAY, **chosen: Any) -> list[dict[str, Any]]:
    """The events of the window as mappings, without what is null or `unknown`; times to the microsecond."""
    return [row for table in source.stream(window, **chosen) for row in told(table)]


def told(table: pa.Table) -> list[dict[str, Any]]:
    """As `events_of`, of one table."""
    place = table.column_names.index("time")
    plain = table.set_column(place, "time", table["time"].cast(pa.timestamp("us", "UTC")))
    absent = (None, "unknown")
    return [
        {name: value for name, value in row.items() if name == "state" or value not in absent}
        for row in plain.to_pylist()
    ]
