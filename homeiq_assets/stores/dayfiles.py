"""The files of the embedded store: how changed days get in place, all of them or none, and are read.

A measurement's folder holds, beside `<YYYY-MM-DD>.parquet` (UTC days):

- `.lock`: the file lock of its writers. Readers need none: a file is old or new, never in between.
- `.staged/`: the changed days of a writer at work; what a killed one left there is thrown away.
- `.committed/`: the same folder, renamed once every file in it was safe on disk. From then on the change
  is decided: its files are renamed into place, by the next writer if this one is killed. A file
  without a byte in it says that the day has no rows any more.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq

from homeiq_assets.errors import StoreError
from homeiq_assets.stores.base import Probe
from homeiq_assets.stores.local import explained, one_writer
from homeiq_assets.window import Window

SUFFIX = ".parquet"
_NAMES = b"homeiq.columns"
"""key of the columns' names: Parquet's checksums are of values only, and a column misnamed would read as absent"""
_DAY = re.compile(r"\d{4}-[01]\d-[0-3]\d\.parquet")

Write = Callable[[date, pa.Table | None], None]
"""stage the new content of a day; None where it has no rows any more"""


class DayFiles:
    """The day files of one measurement below the store's folder."""

    def __init__(self, store: Path, measurement: str, lock_timeout: float) -> None:
        # Names of measurements may hold anything (units such as "W/m²"); those of files may not.
        self._folder = store / quote(measurement, safe="").replace(".", "%2E")
        self._measurement = measurement
        self._lock_timeout = lock_timeout
        self._staged = self._folder / ".staged"
        self._committed = self._folder / ".committed"

    def between(self, window: Window) -> list[tuple[date, Path]]:
        """The days that the window touches and that have a file, in order. Raises SettingError."""
        first, last = window.start.date(), (window.end - timedelta(microseconds=1)).date()
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise explained(error, self._folder) from error
        days = ((_day(name), self._folder / name) for name in sorted(names))
        return [(day, path) for day, path in days if day and first <= day <= last]

    def recover(self) -> None:
        """Finish what a killed writer had committed, throw away what it had not. Raises as `writing`."""
        try:
            left = self._committed.exists() or self._staged.exists()
        except OSError as error:
            raise explained(error, self._folder) from error
        if left:
            with self.writing():
                pass

    @contextmanager
    def writing(self) -> Iterator[Write]:
        """Hold the lock, put right what a killed writer left, then commit what the block stages.

        Where the block raises nothing is changed. Raises StoreError (also where another writer
        holds the lock for too long) or SettingError.
        """
        try:
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                _sync(self._folder.parent)
                _sync(self._folder.parent.parent)
            with one_writer(self._folder / ".lock", self._measurement, self._lock_timeout):
                self._finish()
                try:
                    yield self._stage
                    self._commit()
                finally:
                    shutil.rmtree(self._staged, ignore_errors=True)
        except OSError as error:
            raise explained(error, self._folder) from error

    def _stage(self, day: date, table: pa.Table | None) -> None:
        self._staged.mkdir(exist_ok=True)
        content = pa.BufferOutputStream()
        if table is not None:
            named = table.replace_schema_metadata({_NAMES: _joined(table.column_names)})
            pq.write_table(named, content, compression="zstd", write_page_checksum=True)
        with (self._staged / f"{day}{SUFFIX}").open("wb") as file:
            file.write(content.getvalue())
            file.flush()
            os.fsync(file.fileno())

    def _commit(self) -> None:
        if self._staged.exists():
            _sync(self._staged)
            self._staged.rename(self._committed)
            _sync(self._folder)
            self._finish()

    def _finish(self) -> None:
        if self._committed.exists():
            for file in sorted(self._committed.iterdir()):
                if file.stat().st_size:
                    file.replace(self._folder / file.name)
                else:
                    (self._folder / file.name).unlink(missing_ok=True)
                    file.unlink()
            # Not before the names are safe in the folder: a power cut must find them here or there.
            _sync(self._folder)
            self._committed.rmdir()
        if self._staged.exists():
            shutil.rmtree(self._staged)


def bytes_of(store: Path) -> dict[str, int]:
    """The bytes of the day files of each measurement below the store's folder. Raises SettingError or StoreError."""
    sizes: dict[str, int] = {}
    try:
        for folder in sorted(store.iterdir()) if store.exists() else ():
            # A writer may put another file in place of one, or remove it, in between.
            found = [_size(path) for path in folder.glob(f"*{SUFFIX}") if _day(path.name)]
            if found:
                sizes[unquote(folder.name)] = sum(found)
    except OSError as error:
        raise explained(error, store) from error
    return sizes


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def probe(store: Path) -> Probe:
    """Whether the store's folder can be written, and what is in it."""
    what = f"embedded store {store}"
    trial = store / f".probe-{os.getpid()}"
    try:
        store.mkdir(parents=True, exist_ok=True)
        try:
            trial.write_bytes(b"homeiq")
        finally:
            trial.unlink(missing_ok=True)
        days = sum(1 for _ in store.glob(f"*/[!.]*{SUFFIX}"))
    except OSError as error:
        return Probe(what, False, str(explained(error, store)))
    return Probe(what, True, f"can be written; holds {days} day files")


def read_day(path: Path, columns: Sequence[str] | None = None) -> pa.Table | None:
    """The rows of a day file, of `columns` those it has (all by default); None if it is gone by now.

    Raises StoreError where the file is damaged or cannot be read.
    """
    try:
        with pa.OSFile(str(path)) as opened:
            file = pq.ParquetFile(opened, page_checksum_verification=True)
            known = file.schema_arrow.names
            if (file.schema_arrow.metadata or {}).get(_NAMES, _joined(known)) != _joined(known):
                raise pa.ArrowInvalid("the names of its columns are not those it was written with")
            wanted = None if columns is None else [name for name in columns if name in known]
            return file.read(wanted, use_threads=False).replace_schema_metadata(None)
    except FileNotFoundError:
        return None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise explained(error, path) from error
        raise StoreError(
            f"HOMEIQ_HOME: {path} is damaged and cannot be read ({str(error).splitlines()[0]}): put it back"
            f" from a backup, or move it away and materialise its UTC day again"
        ) from error


def _joined(names: Sequence[str]) -> bytes:
    return "\n".join(names).encode()


def _day(name: str) -> date | None:
    """The day of a day file's name, None for any other name."""
    try:
        return date.fromisoformat(name.removesuffix(SUFFIX)) if _DAY.fullmatch(name) else None
    except ValueError:
        return None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
