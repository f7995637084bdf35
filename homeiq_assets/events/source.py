"""What a source of events is, whoever wrote them and wherever they are: the same rows, read and never written.

Rows are those of `HOME_ASSISTANT_EVENTS`: `time` (timestamp[ns, UTC]), `entity_id` (with its domain), `domain`,
`device_class`, `area` (texts, `unknown` where unknown), `state` (text or null), `normalized_value` (float or null),
`energy_consumption` (float or null), `unit_of_measurement`, `state_class` (texts or null; `none` where Home Assistant
says that there is none), `last_reset` (text or null, ISO 8601 in UTC). The states `unavailable` and `unknown` come
as they are, without a `normalized_value`; a source in Home Assistant's own InfluxDB schema has no such rows.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from homeiq_assets.window import Window, local_days, local_midnight


class EventSource(Protocol):
    """Events of one home. Every method raises StoreError or SettingError that names the setting to look at."""

    def stream(
        self, window: Window, *, domains: Collection[str] | None = None, entities: Collection[str] | None = None
    ) -> Iterator[pa.Table]:
        """The events of the window in order of time (then entity), a UTC day at a time; empty days are left out.

        `domains` (`sensor`) and `entities` (`sensor.grid_power`) keep theirs; with both, an event has to be in both.
        """
        ...

    def last_before(self, instant: datetime, *, known: bool = False, since: datetime | None = None) -> pa.Table:
        """The newest event of each entity strictly before an instant, from `since` on, in order of entity.

        `known`: the newest that says a state and the newest that says a number, as `values.newest_known` has them,
        however old they are.
        """
        ...

    def keeps(self) -> timedelta | None:
        """How long the bucket of the events keeps rows by itself; None: for ever, or it may not be known."""
        ...

    def newest(self) -> datetime | None:
        """The time of the newest event, None without any."""
        ...

    def counts(self, window: Window, zone: ZoneInfo) -> dict[date, int]:
        """How many events each local day of the window has, those without any included."""
        ...

    def probe(self) -> str:
        """A cheap try; what was found, for the owner."""
        ...


def daily_counts(tables: Iterable[pa.Table], window: Window, zone: ZoneInfo) -> dict[date, int]:
    """Rows per local day of `window`, of tables with a column `time`."""
    days = local_days(window, zone)
    midnights = np.array([int(local_midnight(day, zone).timestamp()) for day in days[1:]], np.int64) * 10**9
    counts = np.zeros(len(days), np.int64)
    for table in tables:
        times = table["time"].cast(pa.int64()).to_numpy()
        counts += np.bincount(np.searchsorted(midnights, times, "right"), minlength=len(days))
    return dict(zip(days, counts.tolist(), strict=True))
