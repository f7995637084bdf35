"""InfluxQL's CSV answer as Arrow, in batches, read while it arrives.

`/query` answers `name,tags,time,<the selected columns>` with times in ns; what is absent is an empty
cell, and so is an empty string. The CSV hides every error: an answer cut short by one, and one that
may not be given at all, look like an answer with fewer rows. Therefore each query ends with a second
statement, `SHOW FIELD KEYS`, which InfluxDB does not execute once the first has failed: its rows are the
proof that the first came whole.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv

from homeiq_assets.errors import FieldTypeConflict, HomeiqError

BLOCK_BYTES = 1 << 22
"""how much is parsed at once; a row has to fit, and InfluxDB takes strings of up to 1 MiB"""
_ROWS = "name,tags,time,"
"""how the header of a selection begins"""
_KEYS = "name,tags,fieldKey,fieldType"
"""the header of the second statement: a selection's rows have more columns"""
_TYPES = {"float", "integer", "unsigned", "string", "boolean"}


class BrokenAnswer(HomeiqError):
    """The answer ends in the middle of a row or is damaged; the message is where."""


class ForeignAnswer(BrokenAnswer):
    """What came does not begin as a CSV answer does; the message is what came."""


class CsvAnswer:
    """One answer of `SELECT …; SHOW FIELD KEYS …`, typed by `columns`: the names and types selected.

    `named` adds the name of each row's measurement, as `measurement`. Iterate over it once; then `field_types` holds
    the measurement's stored fields with their types (several where shards differ). Empty, it means that the first
    statement failed, or that there is no such measurement.
    """

    def __init__(self, body: IO[bytes], columns: Sequence[pa.Field], *, named: bool = False) -> None:
        self.field_types: dict[str, set[str]] = {}
        name = [pa.field("measurement", pa.string())] if named else []
        self.schema = pa.schema([pa.field("time", pa.int64()), *name, *columns])
        self._body = body
        self._named = named
        self._columns = list(columns)
        # A single column is asked for twice, so that rows are never as short as those of the second statement.
        self._repeated = 1 if len(self._columns) == 1 else 0
        self._in_keys = False

    @staticmethod
    def select(expressions: Sequence[str]) -> str:
        """The list of columns to select for an answer with these columns."""
        return ", ".join(expressions if len(expressions) > 1 else [*expressions, *expressions])

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches of `schema`: `time` (int64, ns since the epoch, UTC) and `columns`.

        Empty cells are null. Raises FieldTypeConflict where a column holds what is not of its type,
        BrokenAnswer, and whatever reading the body raises.
        """
        rows = _Rows(self._body)
        if not rows.header:
            return
        self._in_keys = rows.header == _KEYS
        if not self._in_keys and not rows.header.startswith(_ROWS):
            raise ForeignAnswer(rows.header[:300])
        places = ["name", "tags", "time", *(f"c{n}" for n in range(len(self._columns) + self._repeated))]
        types = {"time": pa.int64()} | ({"name": pa.string()} if self._named else {})
        types |= {f"c{n}": column.type for n, column in enumerate(self._columns)}
        try:
            answer = pyarrow.csv.open_csv(
                rows,
                read_options=pyarrow.csv.ReadOptions(column_names=places, block_size=BLOCK_BYTES),
                # Rows of another length and the blank line between the statements do not reach the columns.
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=self._other),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
                ),
            )
            with answer:
                for batch in answer:
                    yield pa.RecordBatch.from_arrays(batch.columns, names=self.schema.names)
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise self._refusal(str(error)) from error

    def _other(self, row: Any) -> str:
        """Notes a row of the second statement; any other one ends the reading."""
        if row.text == _KEYS:
            self._in_keys = True
            return "skip"
        cells = next(csv.reader([row.text])) if self._in_keys else []
        if len(cells) != len(_KEYS.split(",")) or cells[3] not in _TYPES:
            return "error"
        self.field_types.setdefault(cells[2], set()).add(cells[3])
        return "skip"

    def _refusal(self, error: str) -> HomeiqError:
        for number, column in enumerate(self._columns):
            if f"CSV column #{number + _ROWS.count(',')}:" in error:
                return FieldTypeConflict(f"the stored field {column.name} is not {column.type} throughout: {error}")
        return BrokenAnswer(error[:300])


class _Rows(io.IOBase):
    """An answer's body behind its first line, the `header`."""

    def __init__(self, body: IO[bytes]) -> None:
        self._body = body
        start = b""
        while b"\n" not in start and (more := body.read(BLOCK_BYTES)):
            start += more
        header, _, self._left = start.partition(b"\n")
        self.header = header.decode(errors="replace")

    def readable(self) -> bool:
        return True

    def read(self, size: int) -> bytes:
        """A block: about `size` bytes, because Arrow takes what it gets for one and a row must fit in it."""
        block, self._left = self._left[:size], self._left[size:]
        while len(block) < size and (more := self._body.read(size - len(block))):
            block += more
        # Arrow drops a line feed that begins a block after one that ended in a carriage return, also within quotes.
        given = block.rstrip(b"\r") or block
        self._left = block[len(given) :] + self._left
        return given
