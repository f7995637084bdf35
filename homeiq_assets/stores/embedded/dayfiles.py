"""The files of the embedded store: how changed days get in place, all of them or none, and are read.

A measurement's folder holds, beside `<YYYY-MM-DD>.parquet` (UTC days):

- `.lock`: the file lock of its writers. Readers need none: a file is old or new, never in between.
- `.staged/`: the changed days of a writer at work; what a killed one left there is thrown away.
- `.committed/`: the same folder, renamed once every file in it was safe on disk. From then on the change
  is decided: its files are renamed into place, by the next writer if this one is killed. Its file
  `changes` lists them with their sha256, and the days that have no rows any more.
- `.stray/`: what lay in `.committed/` without being listed. It is never read.
"""

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote, unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from homeiq_assets.errors import DamagedFile
from homeiq_assets.stores.base import Probe
from homeiq_assets.stores.local import explained, one_writer
from homeiq_assets.window import Window

SUFFIX = ".parquet"
_NAMES = b"homeiq.columns"
"""key of the columns' names: Parquet's checksums are of values only, and a column misnamed would read as absent"""
_CHANGES = "changes"
_NO_ROWS = "no rows"
"""in place of the sha256 of a day that has none any more"""
_LISTED = re.compile(rf"([0-9a-f]{{64}}|{_NO_ROWS})\t(\d{{4}}-[01]\d-[0-3]\d\.parquet)\n")
_LOG = logging.getLogger(__name__)
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
        self._stray = self._folder / ".stray"
        self._changes: dict[str, str] = {}

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
                self._changes.clear()
                try:
                    yield self._stage
                    self._commit()
                finally:
                    shutil.rmtree(self._staged, ignore_errors=True)
        except OSError as error:
            raise explained(error, self._folder) from error

    def _stage(self, day: date, table: pa.Table | None) -> None:
        self._staged.mkdir(exist_ok=True)
        name = f"{day}{SUFFIX}"
        if table is None:
            self._changes[name] = _NO_ROWS
            return
        content = pa.BufferOutputStream()
        named = table.replace_schema_metadata({_NAMES: _joined(table.column_names)})
        pq.write_table(named, content, compression="zstd", write_page_checksum=True)
        data = content.getvalue()
        _write(self._staged / name, data)
        self._changes[name] = hashlib.sha256(data).hexdigest()

    def _commit(self) -> None:
        if self._changes:
            listed = "".join(f"{sha256}\t{name}\n" for name, sha256 in sorted(self._changes.items()))
            _write(self._staged / _CHANGES, listed.encode())
            _sync(self._staged)
            self._staged.rename(self._committed)
            _sync(self._folder)
            self._finish()

    def _finish(self) -> None:
        """Put in place what is committed. Raises DamagedFile where a file of it is not what was committed."""
        if self._committed.exists():
            changes = self._listed()
            there = {name: self._committed / name for name in changes if (self._committed / name).is_file()}
            for name, path in there.items():
                self._refuse_damaged(path, changes[name])
            for name, sha256 in changes.items():
                if sha256 == _NO_ROWS:
                    (self._folder / name).unlink(missing_ok=True)
                elif name in there:  # else a killed writer had put it in place
                    there[name].replace(self._folder / name)
            # Not before the names are safe in the folder: a power cut must find them here or there.
            _sync(self._folder)
            self._set_aside()
            (self._committed / _CHANGES).unlink(missing_ok=True)
            self._committed.rmdir()
        if self._staged.exists():
            shutil.rmtree(self._staged)

    def _listed(self) -> dict[str, str]:
        """The sha256 of each committed file, by its name; nothing where there is no list. Raises DamagedFile."""
        path = self._committed / _CHANGES
        try:
            lines = path.read_bytes().decode("utf-8", "replace").splitlines(keepends=True)
        except FileNotFoundError:
            return {}
        found = [_LISTED.fullmatch(line) for line in lines]
        changes = {one[2]: one[1] for one in found if one}
        if not changes or len(changes) < len(lines):
            raise DamagedFile(
                path,
                f"HOMEIQ_HOME: {path}, which a writer of {self._measurement} that was killed had left, is damaged; the "
                f"days stay as they were before. Move {self._committed} away, then run again what was killed",
            )
        return changes

    def _refuse_damaged(self, path: Path, sha256: str) -> None:
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise DamagedFile(
                path,
                f"HOMEIQ_HOME: {path} is not what a writer of {self._measurement} that was killed had committed; the "
                "day stays as it was before. Move that file away, then run again what was killed",
            )

    def _set_aside(self) -> None:
        """Move away what nobody committed, so that it never takes the place of a day."""
        for path in sorted(self._committed.iterdir()):
            if path.name != _CHANGES:
                self._stray.mkdir(exist_ok=True)
                aside = self._stray / f"{path.name}.{uuid4().hex[:8]}"
                path.rename(aside)
                _LOG.warning("%s was not written by this store; it is not used, and is %s now", path, aside)


def _write(path: Path, data: bytes | pa.Buffer) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


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

    Raises DamagedFile where the file is damaged, StoreError or SettingError where it cannot be read.
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
        raise DamagedFile(
            path,
            f"HOMEIQ_HOME: {path} is damaged and cannot be read ({str(error).splitlines()[0]}): put it back"
            f" from a backup, or move it away and materialise its UTC day again",
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
