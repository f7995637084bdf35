"""Rows of events exactly as others store them: several measurements as one table, and back.

A column more, the tag `measurement`, says which row is of which. A field that measurements store under several
types, or that is a tag elsewhere, is a column for each type, `<field>::<type>`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import Field, Measurement, Tag, widened
from homeiq_assets.stores.tables import ordered

MEASUREMENT = "measurement"
_TYPED = "::"


def combined(tables: Mapping[str, tuple[Measurement, pa.Table]], name: str) -> tuple[Measurement, pa.Table]:
    """The rows of several measurements as those of one named `name`, sorted by tags, then time."""
    tags = {MEASUREMENT} | {tag for one, _ in tables.values() for tag in one.tag_names}
    types = defaultdict(set)
    for one, _ in tables.values():
        for field in one.fields:
            types[field.name].add(field.type)
    plain = {field for field, stored in types.items() if len(stored) == 1 and field not in tags}
    columns = {
        (field, kind): Field(field if field in plain else f"{field}{_TYPED}{kind}", kind)
        for field in sorted(types)
        for kind in sorted(types[field])
    }
    others = sorted(tags - {MEASUREMENT})
    wide = Measurement(name, tuple(Tag(tag) for tag in (MEASUREMENT, *others)), tuple(columns.values()))
    parts = [wide.empty()]
    for source, (one, rows) in tables.items():
        found = {columns[field.name, field.type].name: rows[field.name] for field in one.fields}
        found |= {tag: rows[tag] for tag in one.tag_names} | {"time": rows["time"]}
        found[MEASUREMENT] = pa.repeat(source, rows.num_rows)
        parts.append(
            pa.table(
                [
                    found[column.name]
                    if column.name in found
                    else pa.repeat(pa.scalar("" if column.name in tags else None, column.type), rows.num_rows)
                    for column in wide.arrow
                ],
                schema=wide.arrow,
            )
        )
    return wide, ordered(pa.concat_tables(parts), wide)


def is_combined(rows: pa.Table) -> bool:
    """Whether rows are those of several measurements. Others may have a tag of that name too, but not as the first."""
    return bool(rows.column_names[1:2] == [MEASUREMENT])


def separated(rows: pa.Table) -> Iterator[tuple[Measurement, pa.Table]]:
    """The measurements that `combined` put together, each with the tags and fields that its rows have."""
    wide = found_in(rows, "")
    for name in sorted(pc.unique(rows[MEASUREMENT]).to_pylist()):
        own = rows.filter(pc.equal(rows[MEASUREMENT], name))
        tags = [tag for tag in wide.tag_names if tag != MEASUREMENT and pc.any(pc.not_equal(own[tag], "")).as_py()]
        fields = [field for field in wide.fields if own[field.name].null_count < own.num_rows]
        one = Measurement(
            name,
            tuple(Tag(tag, identity=False) for tag in tags),
            tuple(Field(field.name.removesuffix(_TYPED + field.type), field.type) for field in fields),
        )
        columns = [own[column] for column in ("time", *tags, *(field.name for field in fields))]
        yield one, ordered(pa.table(columns, schema=one.arrow), one)


def found_in(rows: pa.Table, name: str, *, tier: bool = False) -> Measurement:
    """The measurement that rows are of, going by their columns alone."""
    return widened(Measurement(name, (), (), tier=tier), rows)


def by_kind(rows: pa.Table, name: str, tags: Sequence[str]) -> pa.Table:
    """Rows as they are stored in the columns in which `ForeignBucket.rows` gives them: `<field>.<kind>`.

    `name` is the measurement of rows that do not say theirs; each of `tags` is a column, null where a row lacks it.
    """
    kinds = {"float": "number", "integer": "number", "string": "text", "boolean": "flag"}
    wide, none = found_in(rows, name), pa.scalar(None, pa.string())
    columns = {"time": rows["time"]} | {tag: pa.repeat(none, rows.num_rows) for tag in tags}
    for tag in wide.tag_names:
        columns[tag] = pc.if_else(pc.equal(rows[tag], ""), none, rows[tag])
    columns.setdefault(MEASUREMENT, pa.repeat(pa.scalar(name), rows.num_rows))
    for field in wide.fields:
        kind = kinds[field.type]
        values = rows[field.name].cast(pa.float64(), safe=False) if kind == "number" else rows[field.name]
        column = f"{field.name.removesuffix(_TYPED + field.type)}.{kind}"
        # A name that is both integer and float is one number.
        columns[column] = pc.coalesce(columns[column], values) if column in columns else values
    return pa.table(columns)
