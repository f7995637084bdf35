"""Events that stand in a list, as a source; and Arrow tables as plain rows."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from homeiq_assets.feeds.events.values import chosen, in_order
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.series.holds import NO_VALUE
from homeiq_assets.window import Window


@dataclass
class ListedEvents:
    """An EventSource. `asked`: between which instants it was asked for the last events; `streamed`: windows read."""

    rows: Sequence[dict[str, Any]]
    asked: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    streamed: list[Window] = field(default_factory=list)

    def stream(
        self, window: Window, *, domains: Collection[str] | None = None, entities: Collection[str] | None = None
    ) -> Iterator[pa.Table]:
        self.streamed.append(window)
        for day in window.utc_days():
            table = chosen(table_of([row for row in self.rows if row["time"] in day]), domains, entities)
            if table.num_rows:
                yield table

    def last_before(self, instant: datetime, *, known: bool = False, since: datetime | None = None) -> pa.Table:
        self.asked.append((instant, since))
        newest: dict[Any, dict[str, Any]] = {}
        for row in sorted(self.rows, key=lambda row: row["time"]):
            if row["time"] < instant and (since is None or row["time"] >= since):
                if not known:
                    newest[row["entity_id"]] = row
                elif row["state"] not in NO_VALUE:
                    newest[row["entity_id"], "state"] = row
                    if row.get("normalized_value") is not None:
                        newest[row["entity_id"], "number"] = row
        return table_of(list(newest.values()))

    def newest(self) -> datetime | None:
        raise NotImplementedError

    def counts(self, window: Window, zone: ZoneInfo) -> dict[date, int]:
        raise NotImplementedError

    def probe(self) -> str:
        raise NotImplementedError


def table_of(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Events in the uniform columns, in order of time."""
    return in_order(rows_of(HOME_ASSISTANT_EVENTS, rows))


def plain(table: pa.Table) -> list[dict[str, Any]]:
    """The rows, each with what it has; times to the microsecond."""
    table = table.set_column(0, "time", table["time"].cast(pa.timestamp("us", "UTC")))
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
