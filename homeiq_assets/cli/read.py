"""`homeiq read`: rows of a measurement to the shell, as a table, CSV, JSON or Parquet."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import get_args

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from homeiq_assets.archive.opening import open_archive
from homeiq_assets.cli.table import show
from homeiq_assets.errors import HomeiqError
from homeiq_assets.home import resolve_home
from homeiq_assets.reading import Part, Resolution, measurement_of, parts, span
from homeiq_assets.redaction import printable
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.settings.variables import load
from homeiq_assets.stores.opening import open_store

SHOWN = 200
"""Rows that a table on a terminal shows at most; the other formats are for all of them."""


@click.command()
@click.argument("measurement")
@click.option("--start", help="Local date, ISO 8601 instant, or a day as -7d, yesterday, today; today if absent.")
@click.option("--end", help="The same, also tomorrow, +2d; exclusive; now if absent.")
@click.option("--resolution", type=click.Choice(get_args(Resolution)), default="raw", show_default=True)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table")
@click.option("--columns", help="Which columns, as in time,power_w; all if absent (on a terminal those that fit).")
@click.option("--explain", is_flag=True, help="Say on standard error which place each local day came from.")
def read(
    measurement: str,
    start: str | None,
    end: str | None,
    resolution: Resolution,
    form: str,
    columns: str | None,
    explain: bool,
) -> None:
    """Rows of MEASUREMENT: time (UTC, start of the interval), tags, fields."""
    schema = measurement_of(measurement, resolution)
    names = None if columns is None else _named(columns, schema)
    home = resolve_home(load())
    window = span(start, end, home.now(), home.zone)
    archive = open_archive(home.settings)
    store = open_store(home.settings)
    try:
        found = _explained(parts(schema, window, home, store, archive), explain)
        _written(schema, names, found, form)
    finally:
        store.close()


def _named(columns: str, schema: Measurement) -> list[str]:
    """The columns of a text with commas, each once. Raises HomeiqError that lists those there are."""
    names = list(dict.fromkeys(name.strip() for name in columns.split(",") if name.strip()))
    unknown = [name for name in names if name not in schema.arrow.names]
    if unknown or not names:
        problem = f"{schema.name} has no column {', '.join(unknown)}" if unknown else "--columns names no column"
        raise HomeiqError(f"{problem}; there are: {', '.join(schema.arrow.names)}")
    return names


def _written(schema: Measurement, names: Sequence[str] | None, tables: Iterable[pa.Table], form: str) -> None:
    try:
        write(schema, names, tables, form)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is still buffered would be tried again, and fail again, when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        reason = os.strerror(error.errno) if error.errno else error
        raise HomeiqError(f"the rows cannot be written to standard output: {reason}") from error


def write(schema: Measurement, names: Sequence[str] | None, tables: Iterable[pa.Table], form: str) -> None:
    """Write tables of one schema to standard output, one after the other: the columns `names`, all where None."""
    none = schema.empty().select(names or schema.arrow.names)
    chosen = (table.select(none.column_names) for table in tables)
    if form == "csv":
        _csv(none, chosen)
    elif form == "json":
        _json(chosen)
    elif form == "parquet":
        if sys.stdout.isatty():
            raise HomeiqError(
                "Parquet is binary: send it into a file, as in `homeiq read … --format parquet > rows.parquet`"
            )
        with pq.ParquetWriter(sys.stdout.buffer, none.schema, compression="zstd") as writer:
            for table in chosen:
                writer.write_table(table)
    else:
        _table(schema, none, chosen, all_columns=names is not None)


def _explained(found: Iterator[Part], explain: bool) -> Iterator[pa.Table]:
    told: set[date] = set()
    for part in found:
        if explain:
            # Two parts share a local day where they meet within it.
            for day in part.days:
                if day not in told:
                    click.echo(f"{day} {part.source}", err=True)
            told.update(part.days)
        yield part.rows


def _csv(none: pa.Table, tables: Iterable[pa.Table]) -> None:
    with pyarrow.csv.CSVWriter(sys.stdout.buffer, _texts(none).schema) as writer:
        for table in tables:
            writer.write_table(_texts(table))


def _json(tables: Iterable[pa.Table]) -> None:
    separator = "["
    for table in tables:
        for row in _texts(table).to_pylist():
            sys.stdout.write(separator + json.dumps(row, ensure_ascii=False))
            separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[" else "]\n")


def _texts(table: pa.Table) -> pa.Table:
    """The table with its times as ISO 8601 text, which no format reads in a second way."""
    if "time" not in table.column_names:
        return _shown(table) if sys.stdout.isatty() else table
    whole = pc.all(pc.equal(pc.floor_temporal(table["time"], unit="second"), table["time"])).as_py()
    times = table["time"].cast(pa.timestamp("s" if whole is not False else "ns", "UTC"))
    at = table.column_names.index("time")
    told = table.set_column(at, "time", pc.strftime(times, "%Y-%m-%dT%H:%M:%SZ"))
    return _shown(told) if sys.stdout.isatty() else told


def _shown(table: pa.Table) -> pa.Table:
    """The table without what a terminal would obey in its texts, which came from outside."""
    for place, field in enumerate(table.schema):
        if field.type == pa.string():
            texts = [None if text is None else printable(text) for text in table[field.name].to_pylist()]
            table = table.set_column(place, field, pa.array(texts, pa.string()))
    return table


def _table(schema: Measurement, none: pa.Table, tables: Iterable[pa.Table], *, all_columns: bool) -> None:
    shown, count = none, 0
    for table in tables:
        if count < SHOWN:
            shown = pa.concat_tables([shown, table.slice(0, SHOWN - count)])
        count += table.num_rows
    note = f"{count} row{'' if count == 1 else 's'}" + (f", the first {SHOWN} shown" if count > SHOWN else "")
    show(shown, schema, note, all_columns=all_columns)
