"""Measurements that others write, in a bucket of an InfluxDB: which there are, and their rows. Nothing is ever written.

Names, tags, fields and types are theirs: they are found out, not declared.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from homeiq_assets.schema.measurement import TIME
from homeiq_assets.stores.influxdb import influxql
from homeiq_assets.stores.influxdb.connection import Connection
from homeiq_assets.stores.influxdb.errors import NoBucket
from homeiq_assets.window import Window

SETTING = "EVENTS_INFLUXDB_BUCKET"
Fields = Mapping[str, Collection[str]]
"""The types that each field is stored under; several where shards or measurements differ."""
_KINDS = {
    "number": ({"float", "integer", "unsigned"}, "float", pa.float64()),
    "text": ({"string"}, "string", pa.string()),
    "flag": ({"boolean"}, "boolean", pa.bool_()),
}


@dataclass(frozen=True)
class Says:
    """What a row says: a value of the field, of this kind (`number`, `text` or `flag`).

    A text is a value where it matches `pattern`, a regular expression.
    """

    field: str
    kind: str
    pattern: str = "."


def kinds_of(types: Collection[str]) -> set[str]:
    """The kinds of value that a field of these types has."""
    return {kind for kind, (stored, _, _) in _KINDS.items() if stored & set(types)}


class ForeignBucket:
    """The bucket of the events. `timeout` is how many seconds an answer may take to begin or to go on.

    Every method raises StoreError that names the setting to look at.
    """

    def __init__(self, url: str, token: str, org: str, bucket: str, *, timeout: float = 60) -> None:
        self.name = bucket
        self._connection = Connection(url, token, org, {bucket: SETTING}, timeout)

    def close(self) -> None:
        """Release connections."""
        self._connection.close()

    def keeps(self) -> timedelta | None:
        """How long the bucket keeps rows; None: for ever, there is none, or the token may not know it."""
        try:
            seconds = self._connection.retention(self.name)
        except NoBucket:
            return None
        return timedelta(seconds=seconds) if seconds else None

    def measurements(self) -> dict[str, dict[str, set[str]]]:
        """Every measurement of the bucket, with its fields and their types."""
        (answer,) = self._connection.series(self.name, "SHOW FIELD KEYS")
        found: dict[str, dict[str, set[str]]] = {}
        for name, keys in answer:
            for key in keys:
                found.setdefault(name, {}).setdefault(key["fieldKey"], set()).add(key["fieldType"])
        return found

    def rows(
        self,
        measurements: Sequence[str],
        tags: Sequence[str],
        fields: Fields,
        window: Window,
        *,
        matching: Sequence[Mapping[str, str]] | None = None,
    ) -> pa.Table:
        """Rows of the window that have all tag values of one of `matching` (any row without it), in no order.

        Columns: `time`, `measurement`, the tags (null where a row lacks one), and of each field one for each kind of
        value that it is stored as: `<field>.number` (float64), `<field>.text`, `<field>.flag` (bool).
        """
        more = () if matching is None else (influxql.one_of(matching),)
        return self._select(measurements, tags, fields, influxql.where(window, None, *more))

    def newest_rows(
        self,
        measurements: Sequence[str],
        tags: Sequence[str],
        fields: Fields,
        before: datetime,
        *,
        per: Sequence[str],
        says: Sequence[Says] = (),
        without: Mapping[str, Collection[str]] | None = None,
        since: datetime | None = None,
        count: int = 1,
    ) -> pa.Table:
        """The newest of `rows` before an instant, from `since` on: `count` of each measurement and values of `per`.

        Only rows that say all of `says` count (each of another field), and none in which a field is one of the texts
        that `without` names.
        """
        terms = [f"time < {influxql.nanoseconds(before)}"]
        if since is not None:
            terms.append(f"time >= {influxql.nanoseconds(since)}")
        terms += [_condition(one) for one in says]
        # A condition sees one kind of a name, and what is no text is none of these.
        others = {one.field for one in says if one.kind != "text"}
        for field, texts in (without or {}).items():
            if "string" in fields.get(field, ()) and field not in others:
                stored = f"{influxql.identifier(field)}::string"
                # A row without the field is not told from others by !=.
                terms += [f"({stored} = {influxql.literal(text)}) = false" for text in texts]
        groups = ", ".join(influxql.tag(name) for name in per)
        rest = f" WHERE {' AND '.join(terms)} GROUP BY {groups} ORDER BY time DESC LIMIT {count}"
        return self._select(measurements, tags, fields, rest)

    def newest(self, measurements: Sequence[str], fields: Fields) -> datetime | None:
        """The time of the newest row in which one of `fields` has a value, cut to the microsecond."""
        expressions, _ = _selection((), fields)
        source = ", ".join(map(influxql.identifier, measurements))
        text = f"SELECT {', '.join(expressions)} FROM {source} ORDER BY time DESC LIMIT 1"  # noqa: S608 - quoted
        (found,) = self._connection.ask(self.name, text)
        return influxql.instant(max(row["time"] for row in found)) if found else None

    def _select(self, measurements: Sequence[str], tags: Sequence[str], fields: Fields, rest: str) -> pa.Table:
        expressions, columns = _selection(tags, fields)
        rows = self._connection.rows_of_several(self.name, measurements, expressions, rest, columns)
        return rows.set_column(0, "time", rows["time"].cast(TIME))


def _condition(says: Says) -> str:
    """The condition that a row says it."""
    value = f"{influxql.identifier(says.field)}::{_KINDS[says.kind][1]}"
    # In InfluxQL a missing field makes `f = f` false.
    return influxql.matches(value, says.pattern) if says.kind == "text" else f"({value} = {value})"


def _selection(tags: Sequence[str], fields: Fields) -> tuple[list[str], list[pa.Field]]:
    """What to select, and as which columns."""
    expressions, columns = [influxql.tag(name) for name in tags], [pa.field(name, pa.string()) for name in tags]
    for name, types in fields.items():
        for kind, (stored, cast, arrow) in _KINDS.items():
            # A selection sees one kind of a name, so each is asked for itself.
            if stored & set(types):
                expressions.append(f"{influxql.identifier(name)}::{cast}")
                columns.append(pa.field(f"{name}.{kind}", arrow))
    return expressions, columns
