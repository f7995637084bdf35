"""What a bucket really holds of a measurement, beyond and beside its schema: tags, fields, types, and the rows whole.

A field has one type in a shard, and may have another in the next. `SHOW FIELD KEYS` lists all of them, a selection
takes numbers for the widest type of the shards that its window touches, and no function tells integers from floats:
only the way a number overflows does.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.errors import FieldTypeConflict, StoreError
from homeiq_assets.schema.measurement import Field, Measurement, Tag, Type
from homeiq_assets.stores.influxdb import influxql, row_queries
from homeiq_assets.stores.influxdb.connection import Connection
from homeiq_assets.stores.influxdb.row_queries import NUMBERS, counts
from homeiq_assets.stores.tables import ordered
from homeiq_assets.window import Window

_OVERFLOWS = {-(2**63): "integer", 2**63: "unsigned"}
"""what becomes of 2^63 as each type; a float is shown rounded"""


def as_found(
    connection: Connection, bucket: str, measurement: Measurement, name: str, window: Window | None = None
) -> Measurement | None:
    """`measurement` under the name `name`, with the tags and fields of the window (of all times) beyond its schema.

    None where nothing was ever stored under that name.
    """
    keys = _keys(connection, bucket, name)
    if not keys:
        return None
    types = {key: _type(stored[-1]) for key, stored in keys.items()}
    fields = [Field(key, Type(type_)) for key, type_ in types.items()]
    named = replace(measurement, name=name)
    return replace(
        named,
        tags=(*named.tags, *_further_tags(connection, bucket, named, fields, window)),
        fields=(*named.fields, *(field for field in fields if field.name not in named.field_names)),
    )


def whole(
    connection: Connection, bucket: str, measurement: Measurement, window: Window
) -> tuple[Measurement, pa.Table]:
    """See `Store.whole`. Raises FieldTypeConflict also for values that would not come back as they are."""
    if measurement.tier:
        return measurement, row_queries.read(connection, bucket, measurement, window)  # nobody else writes tiers
    keys = _keys(connection, bucket, measurement.name)
    types = {
        key: _only(stored, connection, bucket, f"{measurement.name}.{key}", window)
        for key, stored in _stored_types(connection, bucket, measurement.name, keys, window).items()
    }
    if not types:
        return measurement, measurement.empty()
    wide = _widened(connection, bucket, measurement, types, window)
    # Beside floats of another shard an integer above 2^53 would be rounded, and a day lies in one shard.
    apart = any(_is_mixed(keys[key]) for key in types)
    pieces = window.utc_days() if apart else [window]
    rows = pa.concat_tables([row_queries.read(connection, bucket, wide, piece) for piece in pieces])
    absent = [
        tag.name for tag in wide.tags[len(measurement.tags) :] if not pc.any(pc.not_equal(rows[tag.name], "")).as_py()
    ]
    narrow = replace(wide, tags=tuple(tag for tag in wide.tags if tag.name not in absent))
    return narrow, ordered(rows.drop_columns(absent), narrow)


def _widened(
    connection: Connection, bucket: str, measurement: Measurement, types: Mapping[str, Type], window: Window
) -> Measurement:
    """The measurement with the fields `types` as such, and with the tags of the window."""
    tags = _further_tags(connection, bucket, measurement, [Field(key, type_) for key, type_ in types.items()], window)
    tagged = {tag.name for tag in tags} - types.keys()
    # What is a tag there, whatever the measurement says, is one.
    declared = (one for one in measurement.fields if one.name not in tagged)
    named = tuple(replace(one, type=types.get(one.name, one.type)) for one in declared)
    further = tuple(Field(key, type_) for key, type_ in types.items() if key not in measurement.field_names)
    both = {tag.name for tag in (*measurement.tags, *tags)} & {field.name for field in (*named, *further)}
    if both:
        raise StoreError(
            f"{measurement.name} in the bucket {bucket} ({connection.setting(bucket)}) has {', '.join(sorted(both))} "
            f"as a tag and as a field, and rows here can have a name only once: what writes it has to name one of "
            f"them otherwise"
        )
    return replace(measurement, tags=(*measurement.tags, *tags), fields=named + further)


def _keys(connection: Connection, bucket: str, name: str) -> dict[str, list[str]]:
    """Every field ever stored, with its types."""
    (rows,) = connection.ask(bucket, f"SHOW FIELD KEYS FROM {influxql.identifier(name)}")
    keys: dict[str, list[str]] = {}
    for row in rows:
        keys.setdefault(row["fieldKey"], []).append(row["fieldType"])
    return keys


def _further_tags(
    connection: Connection, bucket: str, measurement: Measurement, fields: Iterable[Field], window: Window | None
) -> tuple[Tag, ...]:
    """The tags of the window's rows that the measurement does not name; `fields` are those that they have."""
    # SHOW TAG KEYS would answer for the database's default policy, which may be another bucket.
    expressions = [influxql.field(field) for field in fields]
    source = influxql.identifier(measurement.name)
    text = f"SELECT {', '.join(['*::tag', *expressions])} FROM {source}{influxql.where(window, None)} LIMIT 1"  # noqa: S608
    (found,) = connection.ask(bucket, text)
    tags = list(found[0])[1 : -len(expressions)] if found else []
    return tuple(Tag(tag, identity=False) for tag in tags if tag not in measurement.tag_names)


def _stored_types(
    connection: Connection, bucket: str, name: str, keys: Mapping[str, Collection[str]], window: Window
) -> dict[str, set[str]]:
    """The types of the values that the window holds of each field; fields without any are absent."""
    types: dict[str, set[str]] = {}
    for key, counted in counts(connection, bucket, name, keys, window, None).items():
        kinds = {kind for kind, number in counted.items() if number}
        if kinds & NUMBERS:
            kinds -= NUMBERS
            if _is_mixed(keys[key]):
                kinds |= _number_types(connection, bucket, name, key, window)
            else:
                kinds |= NUMBERS.intersection(keys[key])
        if kinds:
            types[key] = kinds
    return types


def _number_types(connection: Connection, bucket: str, name: str, key: str, window: Window) -> set[str]:
    """The types of the window's numbers of a field; a day is taken for one shard."""
    found = set()
    for day in window.utc_days():
        rest = f" FROM {influxql.identifier(name)}{influxql.where(day, None)}"
        if counts(connection, bucket, name, {key: ["float"]}, day, None)[key].get("float"):
            overflow = f"{influxql.identifier(key)}::field * 0 + {2**63 - 1} + 1 AS overflow"
            (rows,) = connection.ask(bucket, f"SELECT {overflow}{rest} LIMIT 1")
            found |= {_OVERFLOWS.get(row["overflow"], "float") for row in rows}
    return found


def _is_mixed(types: Iterable[str]) -> bool:
    return len(NUMBERS.intersection(types)) > 1


def _only(stored: set[str], connection: Connection, bucket: str, what: str, window: Window) -> Type:
    where = f"in the bucket {bucket} ({connection.setting(bucket)})"
    if len(stored) > 1:
        raise FieldTypeConflict(
            f"{what} is stored as {' and as '.join(sorted(stored))} in {window} {where}: remove the values of one type"
        )
    if stored == {"unsigned"}:
        raise FieldTypeConflict(
            f"{what} is stored as unsigned in {window} {where}, and could not be brought back so: write it as integer"
        )
    return Type(*stored)


def _type(stored: str) -> str:
    return "integer" if stored == "unsigned" else stored
