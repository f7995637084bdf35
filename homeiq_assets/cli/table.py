"""Rows as a table that people read: the columns that fit, short times, aligned numbers, units in the heading."""

import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from homeiq_assets.redaction import printable
from homeiq_assets.schema.measurement import Measurement

GAP = 2
"""Spaces between two columns."""
HEADING, TEXT = 10, 12
"""The least widths that names are broken to, and long texts folded to, where not all columns fit."""
DECIMALS = {
    "W": 1,
    "kWh": 3,
    "currency": 2,
    "USD": 2,
    "g/kWh": 1,
    "kg": 3,
    "%": 1,
    "µg/m³": 1,
    "ppb": 1,
    "s": 1,
    "h": 2,
}
"""Decimals that a person reads of each unit, at most."""
OTHER_DECIMALS = 4
MAIN = ("_mean", "_increase", "_sum", "_on_seconds")
AMOUNTS = ("_seconds", "_count", "_changes")
EDGES = ("_min", "_max", "_last")


@dataclass(frozen=True)
class _Shown:
    """A column as text. `rank`: what is left out first where not all fit is what has the highest."""

    name: str
    unit: str
    texts: list[str]
    right: bool
    rank: int

    def heading(self, most: int | None) -> list[str]:
        """The name in lines of up to `most` characters, broken before underscores only, and the unit below it."""
        lines = [""]
        for part in re.split(r"(?<=.)(?=_)", self.name) if most else [self.name]:
            if most and lines[-1] and len(lines[-1] + part) > most:
                lines.append("")
            lines[-1] += part
        return [*lines, self.unit]

    def width(self, most: int | None, longest: int | None) -> int:
        """Its width with its name broken at `most` characters, and texts folded at `longest`."""
        texts = max(map(cell_len, self.texts), default=0)
        if longest and not self.right and self.rank:
            texts = min(texts, longest)
        return max(texts, *map(cell_len, self.heading(most)))


def show(rows: pa.Table, schema: Measurement, note: str, *, all_columns: bool) -> None:
    """Print rows of a measurement, or of some of its columns, with `note` below.

    On a terminal only columns that fit are shown, unless `all_columns`; those that are not are named. Elsewhere all
    are, on lines as long as they need.
    """
    # Terminals that do not tell their width are taken to be 80 wide, as elsewhere.
    width = shutil.get_terminal_size((80 if sys.stdout.isatty() else 10_000, 0)).columns
    columns = [_shown(rows, name, schema) for name in rows.column_names]
    most, longest, fitting = None, None, columns
    if _width(columns, None, None) > width:
        most, longest = HEADING, max(TEXT, width // 3)
        fitting = columns if all_columns else _fitting(columns, width, most, longest)
    # What stands in brackets or between colons is a tag's value, not rich's markup.
    console = Console(width=max(width, _width(fitting, most, longest)), markup=False, emoji=False, highlight=False)
    table = Table(box=None, pad_edge=False)
    for column in fitting:
        table.add_column(
            "\n".join(column.heading(most)),
            justify="right" if column.right else "left",
            overflow="fold",
            width=column.width(most, longest),
        )
    for cells in zip(*(column.texts for column in fitting), strict=True):
        table.add_row(*cells)
    console.print(table)
    if left := [column.name for column in columns if column not in fitting]:
        console.print(f"not shown: {', '.join(left)} (--columns names what to show)")
    console.print(note)


def _fitting(columns: Sequence[_Shown], width: int, most: int, longest: int) -> list[_Shown]:
    chosen: list[str] = []
    left = width + GAP
    for column in sorted(columns, key=lambda one: one.rank):
        needed = column.width(most, longest) + GAP
        if needed <= left or not chosen:
            chosen.append(column.name)
            left -= needed
    return [column for column in columns if column.name in chosen]


def _width(columns: Sequence[_Shown], most: int | None, longest: int | None) -> int:
    return sum(column.width(most, longest) + GAP for column in columns) - GAP


def _shown(rows: pa.Table, name: str, schema: Measurement) -> _Shown:
    values = rows[name]
    rank = _rank(name, values, schema)
    if name == "time":
        return _Shown(name, "UTC", _times(values), False, rank)
    unit = schema.field(name).unit if name in schema.field_names else ""
    if pa.types.is_floating(values.type):
        texts = _numbers(values.to_pylist(), DECIMALS.get(unit, OTHER_DECIMALS))
        return _Shown(name, _in_currency(unit, rows), texts, True, rank)
    if pa.types.is_integer(values.type):
        return _Shown(name, unit, ["" if value is None else str(value) for value in values.to_pylist()], True, rank)
    return _Shown(name, unit, [_text(value) for value in values.cast(pa.string()).to_pylist()], False, rank)


def _rank(name: str, values: pa.ChunkedArray, schema: Measurement) -> int:
    if name == "time":
        return 0
    if values.null_count == len(values):
        return 6
    if name in schema.tag_names:
        return 1 if name in schema.identity and pc.count_distinct(values).as_py() > 1 else 3
    if not schema.tier or name.endswith(MAIN) or not name.endswith(EDGES + AMOUNTS):
        return 2
    return 4 if name.endswith(EDGES) else 5


def _times(times: pa.ChunkedArray) -> list[str]:
    """The times to the minute where all are whole minutes, else to the second."""
    whole = pc.all(pc.equal(pc.floor_temporal(times, unit="minute"), times)).as_py() is not False
    seconds = pc.floor_temporal(times, unit="second").cast(pa.timestamp("s", "UTC"))
    return pc.strftime(seconds, "%Y-%m-%d %H:%M" if whole else "%Y-%m-%d %H:%M:%S").to_pylist()  # type: ignore[no-any-return]


def _numbers(values: Sequence[float | None], most: int) -> list[str]:
    """The values with as many decimals as the one that needs the most of them does, at most `most`."""

    def spelt(value: float | None, decimals: int) -> str:
        if value is None:
            return ""
        return f"{value:z.{decimals}f}" if abs(value) < 1e15 else f"{value:g}"

    fractions = (spelt(value, most).partition(".")[2].rstrip("0") for value in values)
    needed = max((len(digits) for digits in fractions if digits.isdigit()), default=0)
    return [spelt(value, needed) for value in values]


def _in_currency(unit: str, rows: pa.Table) -> str:
    """The unit with the currency that all rows are in, where they are."""
    if "currency" in unit and "currency" in rows.column_names:
        names = pc.unique(rows["currency"].drop_null()).to_pylist()
        if len(names) == 1:
            return unit.replace("currency", names[0])
    return unit


def _text(value: str | None) -> str:
    """A text on one line, without what would steer the terminal."""
    return re.sub(r"[\n\t\u2028\u2029]", lambda found: repr(found[0])[1:-1], printable(value or ""))
