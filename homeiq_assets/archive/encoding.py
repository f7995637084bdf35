"""Rows as the Parquet bytes of an object and back.

Columns that may not be null are the time and the tags (an absent tag is the empty text), all others fields:
so the Arrow schema, which Parquet keeps, says all that is needed to put the rows back.
"""

import io
import re

import pyarrow as pa
import pyarrow.parquet as pq

from homeiq_assets.schema.measurement import TIME, Measurement, Type

TYPES = {kind.arrow: kind for kind in Type}
_HIVE_KEY = re.compile(r"(?:measurement|year|month|day)_*", re.IGNORECASE)
"""readers of hive paths add columns of these names, some without regard to case"""


def checked(rows: pa.Table, measurement: Measurement) -> pa.Table:
    """`rows`, sorted by tags, then time; nothing else of them is changed.

    Raises ValueError where they are not typed as a store's rows are: `time` first, tags without nulls, fields of
    a known type; rows of a tier exactly as its schema says.
    """
    first, *others = rows.schema
    if first.name != "time" or first.type != TIME or first.nullable:
        raise ValueError(f"{measurement.name}: the first column must be time, {TIME}, not null: {first}")
    if measurement.tier and not rows.schema.equals(measurement.arrow):
        raise ValueError(f"{measurement.name}: rows of a tier must be typed as its schema says: {rows.schema}")
    for column in others:
        if column.type not in TYPES or not (column.nullable or column.type == pa.string()):
            raise ValueError(f"{measurement.name}: neither a tag nor a field: {column}")
    for column in rows.schema:
        if not column.nullable and rows[column.name].null_count:
            raise ValueError(f"{measurement.name}.{column.name}: the time and tags must not be null")
    order = [(name, "ascending") for name in [*tags_of(rows), "time"]]
    return rows.replace_schema_metadata(None).sort_by(order).combine_chunks()


def tags_of(table: pa.Table) -> list[str]:
    """The columns that may not be null, but for the time."""
    return [column.name for column in table.schema if not column.nullable and column.name != "time"]


def encoded(table: pa.Table) -> bytes:
    """The rows as Parquet; the same rows give the same bytes. Names of hive keys are not taken twice."""
    buffer = io.BytesIO()
    renamed = table.rename_columns([f"{n}_" if _HIVE_KEY.fullmatch(n) else n for n in table.column_names])
    pq.write_table(renamed.combine_chunks(), buffer, compression="zstd", version="2.6")
    return buffer.getvalue()


def decoded(data: bytes) -> pa.Table:
    """The rows of an object. Raises pyarrow's errors for bytes that are not Parquet."""
    table = pq.ParquetFile(io.BytesIO(data)).read()
    own = [n[:-1] if _HIVE_KEY.fullmatch(n) and n.endswith("_") else n for n in table.column_names]
    return table.rename_columns(own)
