"""The files of the embedded store: how changed days get in place, all of them or none, and are read.

A measurement's folder holds, beside `<YYYY-MM-DD>.parquet` (UTC days):

- `.lock`: the file lock of its writers. Readers need none: a file is old or new, never in between.
- `.staged/`: the changed days of a writer at work; what a killed one left there is thrown away.
- `.committed/`: the same folder, renamed once every file in it was safe on disk. From then on the change
  is decided: its files are renamed into place, by the next writer if this one is killed. A file
  without a byte in it says that the day has no rows any more.
"""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from homeiq_assets.errors import HomeiqError, SettingError, StoreError
from homeiq_assets.stores.base import Probe
from homeiq_assets.window import Window

SUFFIX = ".parquet"
_DAY = re.compile(r"\d{4}-[01]\d-[0-3]\d\.parquet")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP)

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
            raise _explained(error, self._folder) from error
        days = ((date.fromisoformat(name[:10]), self._folder / name) for name in sorted(names) if _DAY.fullmatch(name))
        return [(day, path) for day, path in days if first <= day <= last]

    def recover(self) -> None:
        """Finish what a killed writer had committed, throw away what it had not. Raises as `writing`."""
        try:
            left = self._committed.exists() or self._staged.exists()
        except OSError as error:
            raise _explained(error, self._folder) from error
        if left:
            with self.writing():
                pass

    @contextmanager
    def writing(self) -> Iterator[Write]:
        """Hold the lock, put right what a killed writer left, then commit what the block stages.

        Where the block raises nothing is changed. Raises StoreError (also where another writer
        holds the lock for too long) or SettingError.
        """
        lock = FileLock(self._folder / ".lock", timeout=self._lock_timeout)
        try:
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                _sync(self._folder.parent)
                _sync(self._folder.parent.parent)
            with lock:
                self._finish()
                try:
                    yield self._stage
                    self._commit()
                finally:
                    shutil.rmtree(self._staged, ignore_errors=True)
        except Timeout as error:
            raise StoreError(
                f"another process has been writing {self._measurement} for more than {self._lock_timeout:g} s"
                f" (it holds {self._folder / '.lock'}, in HOMEIQ_HOME): wait for it, or end it",
                retryable=True,
            ) from error
        except OSError as error:
            raise _explained(error, self._folder) from error

    def _stage(self, day: date, table: pa.Table | None) -> None:
        self._staged.mkdir(exist_ok=True)
        content = pa.BufferOutputStream()
        if table is not None:
            pq.write_table(table, content, compression="zstd", write_page_checksum=True)
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


def probe(store: Path) -> Probe:
    """Whether the store's folder can be written, and what is in it."""
    what = f"embedded store {store}"
    trial = store / f".probe-{os.getpid()}"
    try:
        store.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"homeiq")
        trial.unlink()
        days = sum(1 for _ in store.glob(f"*/[!.]*{SUFFIX}"))
    except OSError as error:
        return Probe(what, False, str(_explained(error, store)))
    return Probe(what, True, f"can be written; holds {days} day files")


def read_day(path: Path, columns: Sequence[str] | None = None) -> pa.Table | None:
    """The rows of a day file, of `columns` those it has (all by default); None if it is gone by now.

    Raises StoreError where the file is damaged or cannot be read.
    """
    try:
        with pa.OSFile(str(path)) as opened:
            file = pq.ParquetFile(opened, page_checksum_verification=True)
            known = file.schema_arrow.names
            return file.read(
                None if columns is None else [name for name in columns if name in known], use_threads=False
            )
    except FileNotFoundError:
        return None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise _explained(error, path) from error
        raise StoreError(
            f"{path} in HOMEIQ_HOME is damaged and cannot be read ({str(error).splitlines()[0]}): put it back"
            f" from a backup, or move it away and materialise its UTC day again"
        ) from error


def _explained(error: OSError, path: Path) -> HomeiqError:
    reason = os.strerror(error.errno or 0)
    where = error.filename or path
    if error.errno in _FULL:
        return StoreError(f"HOMEIQ_HOME: no room to write {where} ({reason}): free some space, then run this again")
    if error.errno in _REFUSED:
        return SettingError("HOMEIQ_HOME", f"{where} cannot be used ({reason}): name a folder that can be written")
    return StoreError(f"HOMEIQ_HOME: {where} cannot be read or written ({reason}): look at the disk")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
