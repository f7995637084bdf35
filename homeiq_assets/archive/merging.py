"""What one table of rows lacks of another, by series, time and field, and both as one table. Arrow in, Arrow out.

Rows are typed as `encoding.checked` wants them. Rows of several measurements have the tag `measurement` as their first
(`events/as_stored.py`): a field that these store under several types is a column for each, `<field>::<type>`, and its
plain name and these are the same field.
"""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.archive.encoding import TYPES, tags_of
from homeiq_assets.schema.measurement import Measurement, widened
from homeiq_assets.stores.tables import overlaid

_MEASUREMENT, _TYPED = "measurement", "::"


def lacking(table: pa.Table, archived: pa.Table, revised: Collection[str] = ()) -> pa.Table:
    """The values of `archived` whose series, time and field have no value in `table`, as rows like those of `archived`.

    A series is what has the same tags; one that a table has no column of is the empty text. `revised` are tags that
    tell no series apart: in them the rows that come back say what `table` says of their series and time.
    """
    if table.equals(archived):
        return archived.slice(0, 0)
    if _is_combined(table) and _is_combined(archived):
        table, archived = _typed(table), _typed(archived)
    tags = sorted({*tags_of(table), *tags_of(archived)} - set(revised))
    values, known = fields_of(archived), set(fields_of(table))
    shared = [name for name in values if name in known]
    keys = [f"k{number}" for number in range(len(tags) + 1)]
    ours, theirs = _keys(table, tags, keys), _keys(archived, tags, keys)
    for number, name in enumerate(shared):
        ours = ours.append_column(f"v{number}", table[name])
    counted = [("row", "min"), *((f"v{number}", "count") for number in range(len(shared)))]
    found = theirs.join(ours.group_by(keys).aggregate(counted), keys).sort_by("row")
    for number, name in enumerate(shared):
        there = pc.fill_null(pc.greater(found[f"v{number}_count"], 0), False)
        values_left = pc.if_else(there, pa.scalar(None, archived[name].type), archived[name])
        archived = _with(archived, name, values_left)
    for name in revised:
        archived = _with(archived, name, pc.coalesce(table[name].take(found["row_min"]), archived[name]))
    anything = pa.chunked_array([pa.repeat(False, archived.num_rows)])
    for name in values:
        anything = pc.or_(anything, pc.is_valid(archived[name]))
    return archived.filter(anything)


def merged(table: pa.Table, archived: pa.Table, revised: Collection[str] = ()) -> pa.Table:
    """`table` with the values of `archived` that it lacks, see `lacking`; where it lacks none it is `table` itself.

    Raises ValueError, which names them, for columns that cannot be one (see `clashes`), and for rows of several
    measurements beside rows of one.
    """
    more = lacking(table, archived, revised)
    if not more.num_rows:
        return table
    several = _is_combined(table)
    if several != _is_combined(archived):
        raise ValueError("rows of several measurements and of one")
    if several:
        table = _typed(table)
    more = _with_values(more)
    if clashing := clashes(table, more):
        raise ValueError(", ".join(clashing))
    table = table.drop_columns([c.name for c in more.schema if c.name in table.column_names and not _same(table, c)])
    wide = widened(Measurement("", (), ()), pa.unify_schemas([table.schema, more.schema]))
    both = overlaid([_columns_of(more, wide), _columns_of(table, wide)], wide)
    return _plain(both) if several else both


def clashes(table: pa.Table, other: pa.Table) -> list[str]:
    """The names under which one has a tag and the other a field, or both have fields of two types, with values."""
    mine, theirs = _with_values(table), _with_values(other)
    return [c.name for c in theirs.schema if c.name in mine.column_names and not _same(mine, c)]


def holds(archived: pa.Table, rows: pa.Table) -> bool:
    """Whether each value of the rows is in `archived`: equal, and of the same series, time and field."""
    if _is_combined(archived) and _is_combined(rows):
        archived, rows = _typed(archived), _typed(rows)
    archived, rows = _with_values(archived), _with_values(rows)
    if clashes(archived, rows) or lacking(archived, rows).num_rows:
        return False
    # As nothing is lacking, both have the same series, times and columns now.
    wide = widened(Measurement("", (), ()), archived)
    columns = [_columns_of(one, wide) for one in (archived, rows)]
    return bool(overlaid(columns, wide).equals(overlaid(columns[:1], wide)))


def fields_of(table: pa.Table) -> list[str]:
    """The columns that may be null."""
    return [column.name for column in table.schema if column.nullable]


def _with_values(table: pa.Table) -> pa.Table:
    """The table without fields of which it has no value."""
    return table.drop_columns([name for name in fields_of(table) if table[name].null_count == table.num_rows])


def _same(table: pa.Table, column: pa.Field) -> bool:
    return bool(table.schema.field(column.name).equals(column))


def _keys(table: pa.Table, tags: list[str], names: list[str]) -> pa.Table:
    """The tags and the time under other names, with the number of the row."""
    present, none = set(tags_of(table)), pa.repeat(pa.scalar(""), table.num_rows)
    columns = [*(table[tag] if tag in present else none for tag in tags), table["time"]]
    return pa.table([*columns, pa.arange(0, table.num_rows)], names=[*names, "row"])


def _with(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(place), column)


def _columns_of(table: pa.Table, wide: Measurement) -> pa.Table:
    """The table with all columns of `wide`: no value, no tag where it has none."""
    columns = []
    for column in wide.arrow:
        none = pa.scalar("" if column.name in wide.tag_names else None, column.type)
        there = column.name in table.column_names
        columns.append(table[column.name] if there else pa.repeat(none, table.num_rows))
    return pa.table(columns, schema=wide.arrow)


def _is_combined(table: pa.Table) -> bool:
    return bool(table.column_names[1:2] == [_MEASUREMENT]) and not table.schema.field(1).nullable


def _typed(table: pa.Table) -> pa.Table:
    """Every field as `<field>::<type>`."""
    return table.rename_columns([
        f"{column.name.removesuffix(f'{_TYPED}{TYPES[column.type]}')}{_TYPED}{TYPES[column.type]}"
        if column.nullable
        else column.name
        for column in table.schema
    ])  # fmt: skip


def _plain(table: pa.Table) -> pa.Table:
    """Fields under their own name where they have one type and no tag is called so; columns in the order of names."""
    tags = sorted(set(tags_of(table)) - {_MEASUREMENT})
    bases = [name.rpartition(_TYPED)[0] for name in fields_of(table)]
    plain = {base for base in bases if bases.count(base) == 1 and base not in (*tags, _MEASUREMENT)}
    fields = sorted(fields_of(table), key=lambda name: name.rpartition(_TYPED)[::2])
    names = {name: base if (base := name.rpartition(_TYPED)[0]) in plain else name for name in fields}
    ordered = table.select(["time", _MEASUREMENT, *tags, *fields])
    return ordered.rename_columns([names.get(name, name) for name in ordered.column_names])
