"""InfluxQL's CSV answer as Arrow, in batches, read while it arrives.

`/query` answers `name,tags,time,<the selected columns>` with times in ns; what is absent is an empty
cell, and so is an empty string. The CSV hides every error: an answer cut short by one, and one that
may not be given at all, look like an answer with fewer rows. Therefore each query ends with a second
statement, `SHOW FIELD KEYS`, which InfluxDB does not execute once the first has failed: its rows are the
proof that the first came whole.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv

from homeiq_assets.errors import FieldTypeConflict, HomeiqError

BLOCK_BYTES = 1 << 20
_KEY_COLUMNS = 4
"""name, tags, fieldKey, fieldType: rows of this length belong to the second statement"""
_AHEAD = ("__name", "__tags", "__time")


class BrokenAnswer(HomeiqError):
    """What came is not a CSV answer, or it is an error in place of one; the message is what came."""


class CsvAnswer:
    """One answer of `SELECT …; SHOW FIELD KEYS …`, typed by `columns`: the names and types selected.

    Iterate over it once; then `field_types` holds the measurement's stored fields with their types
    (several where shards differ). Empty, it means that the first statement failed, or that there is no such
    measurement.
    """

    def __init__(self, body: IO[bytes], columns: Sequence[pa.Field]) -> None:
        self.field_types: dict[str, set[str]] = {}
        self._body = body
        self._columns = list(columns)
        # A single column is asked for twice, so that rows are never as short as those of the second statement.
        self._repeated = 1 if len(self._columns) == 1 else 0

    @staticmethod
    def select(expressions: Sequence[str]) -> str:
        """The list of columns to select for an answer with these columns."""
        return ", ".join(expressions if len(expressions) > 1 else [*expressions, *expressions])

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches with the columns `time` (int64, ns since the epoch, UTC) and `columns`.

        Empty cells are null. Raises FieldTypeConflict where a column holds what is not of its type,
        BrokenAnswer, and whatever reading the body raises.
        """
        places = [*_AHEAD, *(f"c{n}" for n in range(len(self._columns) + self._repeated))]
        types = {"__time": pa.int64()} | {f"c{n}": column.type for n, column in enumerate(self._columns)}
        names = ["time", *(column.name for column in self._columns)]
        try:
            answer = pyarrow.csv.open_csv(
                self._body,
                read_options=pyarrow.csv.ReadOptions(column_names=places, skip_rows=1, block_size=BLOCK_BYTES),
                # Rows of another length and the blank line between the statements do not reach the columns.
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=self._other),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
                ),
            )
            with answer:
                for batch in answer:
                    yield pa.RecordBatch.from_arrays(batch.columns, names=names)
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            if "conversion error" not in str(error):
                raise BrokenAnswer(str(error)[:300]) from error
            raise FieldTypeConflict(self._explain(str(error))) from error

    def _other(self, row: Any) -> str:
        cells = next(csv.reader([row.text]), [])
        if row.actual_columns != _KEY_COLUMNS or len(cells) != _KEY_COLUMNS:
            return "error"
        if cells[2:] != ["fieldKey", "fieldType"]:
            self.field_types.setdefault(cells[2], set()).add(cells[3])
        return "skip"

    def _explain(self, error: str) -> str:
        for number, column in enumerate(self._columns):
            if f"CSV column #{number + len(_AHEAD)}:" in error:
                return f"the stored field {column.name} is not {column.type} throughout: {error}"
        return error
