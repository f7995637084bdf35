"""Home Assistant's long-term statistics, which it keeps for ever, as rows of `home_assistant_history_hourly`.

A row has what Home Assistant says of the entity's hour and nothing else: mean, min and max of a measurement, increase
and last reading of a counter. Its hours are those of UTC, also where the home's zone is half an hour beside them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from homeiq_assets.feeds.events.areas import Areas, areas_of
from homeiq_assets.feeds.events.entities import DEFAULT_CLASSES, SETTING, globs, wanted
from homeiq_assets.feeds.events.meters import owners_meters
from homeiq_assets.feeds.events.pulled import CONNECTION
from homeiq_assets.feeds.provider import Answer
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import HOME_ASSISTANT_HISTORY_HOURLY
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.home_assistant.socket import NAME, HomeAssistantSocket, failure
from homeiq_assets.window import HOUR, Window

_FIELDS = {"mean": "mean", "min": "min", "max": "max", "change": "increase", "state": "last"}
"""Home Assistant's name of a statistic -> ours."""
_GAUGE, _COUNTER = ("mean", "min", "max"), ("change", "state")


class LongTermStatistics:
    """A provider of `home_assistant_history_hourly`."""

    name = NAME
    measurement = HOME_ASSISTANT_HISTORY_HOURLY
    # A month in which the clocks go back is an hour longer than 31 days.
    longest = timedelta(days=31, hours=1)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """The hours of the window, vouched for from the first to the last there is. Raises ProviderError."""
        if now <= window.start:
            return
        asked = Window(window.start, min(window.end, now))
        rows = []
        with self._socket() as socket:
            for (unit_class, unit, types), ids in self._chosen(socket).items():
                units = {unit_class: unit} if unit_class and unit else {}
                found = socket.statistics(ids, asked, "hour", units=units, types=types)
                rows += [(name, at, unit, one) for name, hours in found.items() for at, one in hours.items() if one]
        if rows:
            starts = [at for _, at, _, _ in rows]
            areas = areas_of(self._settings, now)
            table = rows_of(self.measurement, [_row(*row, areas=areas) for row in rows])
            yield Answer(table, Window(min(starts), min(max(starts) + HOUR, window.end)), HOUR)

    def probe(self, now: datetime) -> str:
        """Authenticate and look up which statistics there are."""
        with self._socket() as socket:
            return f"long-term statistics of {sum(map(len, self._chosen(socket).values()))} entities"

    def _socket(self) -> HomeAssistantSocket:
        url, token = (self._settings.required(name) for name in CONNECTION)
        return HomeAssistantSocket(url, token, self._settings.vendor_patience)

    def _chosen(self, socket: HomeAssistantSocket) -> dict[tuple[str | None, str | None, tuple[str, ...]], list[str]]:
        """Ids by unit class, stored unit and kind: each unit is pinned as it is stored, so nothing is converted."""
        patterns, meters = globs(self._settings), owners_meters(self._settings)
        chosen = defaultdict(list)
        for name, said in sorted(socket.statistics_metadata().items()):
            unit_class, types = said.get("unit_class"), _types(said)
            in_class = unit_class if unit_class in DEFAULT_CLASSES["sensor"] else None
            if types == _COUNTER and meters.named(name) is False:
                continue
            if types and "." in name and wanted(name, in_class, patterns):
                chosen[(unit_class, said.get("statistics_unit_of_measurement"), types)].append(name)
        if not chosen:
            raise failure(f"{SETTING}: Home Assistant keeps no long-term statistics of any of these entities")
        return chosen


def _types(said: Mapping[str, Any]) -> tuple[str, ...]:
    """The statistics that fit an entity: none of a circular mean (wind), of which no other is kept."""
    if said.get("has_sum"):
        return _COUNTER
    return _GAUGE if said.get("mean_type", 1 if said.get("has_mean") else 0) == 1 else ()


def _row(name: str, at: datetime, unit: str | None, values: Mapping[str, float], *, areas: Areas) -> dict[str, Any]:
    return {
        "time": at,
        "entity_id": name,
        "domain": name.partition(".")[0],
        "area": areas.of(name, at),
        "unit_of_measurement_last": unit,
        **{f"normalized_value_{_FIELDS[kind]}": value for kind, value in values.items()},
    }
