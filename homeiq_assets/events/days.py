"""A day of events in a few figures: how many, of how many entities, the newest, and whether anything changed."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.events.source import EventSource
from homeiq_assets.window import local_day


@dataclass(frozen=True)
class EventDay:
    """`version` is the same as long as the day's events are. `newest` is None without events."""

    day: date
    events: int
    entities: int
    newest: str | None
    version: str


def event_day(source: EventSource, day: date, zone: ZoneInfo) -> EventDay:
    """The figures of a local day. Raises what `source.stream` raises."""
    digest, events, entities, newest = hashlib.sha256(), 0, set[str](), None
    for events_of_a_day in source.stream(local_day(day, zone)):
        # Rows of one time and entity come in any order.
        table = events_of_a_day.sort_by([(name, "ascending") for name in events_of_a_day.column_names])
        events += table.num_rows
        entities.update(pc.unique(table["entity_id"]).to_pylist())
        newest = f"{datetime.fromtimestamp(pc.max(table['time']).value // 10**9, UTC):%Y-%m-%d %H:%M} UTC"
        for column in table.columns:
            digest.update(_bytes(column))
    return EventDay(day, events, len(entities), newest, digest.hexdigest()[:16])


def _bytes(column: pa.ChunkedArray) -> bytes:
    """The column's content, whichever way Arrow holds it."""
    if pa.types.is_string(column.type):
        lengths = pc.fill_null(pc.binary_length(column), -1).to_numpy()
        return bytes(lengths.tobytes()) + "".join(text for text in column.to_pylist() if text).encode()
    numbers = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    valid = pc.is_valid(numbers).to_numpy()
    return bytes(np.packbits(valid).tobytes() + pc.fill_null(numbers, 0).to_numpy().tobytes())
