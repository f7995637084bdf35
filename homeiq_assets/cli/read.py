"""`homeiq read`: rows of a measurement to the shell, as a table, CSV, JSON or Parquet."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import get_args

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Column, Table

from homeiq_assets.archive.opening import open_archive
from homeiq_assets.errors import HomeiqError
from homeiq_assets.home import Home, resolve_home
from homeiq_assets.reading import Part, Resolution, measurement_of, parts, span
from homeiq_assets.redaction import printable
from homeiq_assets.schema import Measurement
from homeiq_assets.settings import load
from homeiq_assets.stores.opening import open_store
from homeiq_assets.window import Window

SHOWN = 200
"""Rows that a table on a terminal shows at most; the other formats are for all of them."""


@click.command()
@click.argument("measurement")
@click.option("--start", help="Local date or ISO 8601 instant; today if absent.")
@click.option("--end", help="Local date or ISO 8601 instant, exclusive; now if absent.")
@click.option("--resolution", type=click.Choice(get_args(Resolution)), default="raw", show_default=True)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table")
@click.option("--explain", is_flag=True, help="Say on standard error which place each local day came from.")
def read(
    measurement: str, start: str | None, end: str | None, resolution: Resolution, form: str, explain: bool
) -> None:
    """Rows of MEASUREMENT: time (UTC, start of the interval), tags, fields."""
    schema = measurement_of(measurement, resolution)
    home = resolve_home(load())
    window = _window(start, end, home)
    archive = open_archive(home.settings)
    store = open_store(home.settings)
    try:
        found = _explained(parts(schema, window, home, store, archive), explain)
        _written(schema, found, form)
    finally:
        store.close()


def _window(start: str | None, end: str | None, home: Home) -> Window:
    try:
        window = span(start, end, home.now(), home.zone)
        # The local months at its ends begin and end within the calendar too.
        _ = window.start - timedelta(days=40), window.end + timedelta(days=40)
    except OverflowError:
        raise HomeiqError("the window is not one: it reaches beyond the years 1 to 9999") from None
    return window


def _written(schema: Measurement, tables: Iterable[pa.Table], form: str) -> None:
    try:
        write(schema, tables, form)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is still buffered would be tried again, and fail again, when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        reason = os.strerror(error.errno) if error.errno else error
        raise HomeiqError(f"the rows cannot be written to standard output: {reason}") from error


def write(schema: Measurement, tables: Iterable[pa.Table], form: str) -> None:
    """Write tables of one schema to standard output, one after the other."""
    if form == "csv":
        _csv(schema, tables)
    elif form == "json":
        _json(tables)
    elif form == "parquet":
        if sys.stdout.isatty():
            raise HomeiqError(
                "Parquet is binary: send it into a file, as in `homeiq read … --format parquet > rows.parquet`"
            )
        with pq.ParquetWriter(sys.stdout.buffer, schema.arrow, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
    else:
        _table(schema, tables)


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


def _csv(schema: Measurement, tables: Iterable[pa.Table]) -> None:
    with pyarrow.csv.CSVWriter(sys.stdout.buffer, _texts(schema.arrow.empty_table()).schema) as writer:
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
    whole = pc.all(pc.equal(pc.floor_temporal(table["time"], unit="second"), table["time"])).as_py()
    times = table["time"].cast(pa.timestamp("s" if whole is not False else "ns", "UTC"))
    told = table.set_column(0, "time", pc.strftime(times, "%Y-%m-%dT%H:%M:%SZ"))
    return _shown(told) if sys.stdout.isatty() else told


def _shown(table: pa.Table) -> pa.Table:
    """The table without what a terminal would obey in its texts, which came from outside."""
    for place, field in enumerate(table.schema):
        if field.type == pa.string():
            texts = [None if text is None else printable(text) for text in table[field.name].to_pylist()]
            table = table.set_column(place, field, pa.array(texts, pa.string()))
    return table


def _table(schema: Measurement, tables: Iterable[pa.Table]) -> None:
    # What stands in brackets or between colons is a tag's value, not rich's markup.
    console = Console(width=None if sys.stdout.isatty() else 10_000, markup=False, emoji=False)
    shown = Table(*(Column(name, overflow="fold") for name in schema.arrow.names), box=None, pad_edge=False)
    count = 0
    for table in tables:
        for row in _texts(table.slice(0, max(0, SHOWN - count))).to_pylist():
            shown.add_row(
                *(
                    "" if value is None else f"{value:.6g}" if isinstance(value, float) else printable(str(value))
                    for value in row.values()
                )
            )
        count += table.num_rows
    console.print(shown)
    console.print(f"{count} rows" + (f", the first {SHOWN} shown" if count > SHOWN else ""))
