"""What stores do below HOMEIQ_HOME in the same way: one writer at a time, and errors of files in the owner's words."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from homeiq_assets.errors import HomeiqError, SettingError, StoreError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP)


@contextmanager
def one_writer(path: Path, measurement: str, timeout: float) -> Iterator[None]:
    """Hold the lock file `path`, in a folder that exists, waiting up to `timeout` seconds for another writer.

    Raises StoreError where that one takes longer, and what `explained` makes of a lock that cannot be made.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=timeout)
    except Timeout as error:
        raise StoreError(
            f"HOMEIQ_HOME: another process has been writing {measurement} for more than {timeout:g} s (it holds"
            f" {path}): try again once it is done, or end it if it hangs",
            retryable=True,
        ) from error
    except OSError as error:
        raise explained(error, path) from error
    try:
        yield
    finally:
        lock.release()


def explained(error: OSError, path: Path) -> HomeiqError:
    """What the error of a file says to an owner."""
    reason = os.strerror(error.errno or 0)
    where = error.filename or path
    if error.errno in _FULL:
        return StoreError(f"HOMEIQ_HOME: no room to write {where} ({reason}): free some space, then run this again")
    if error.errno in _REFUSED:
        return SettingError("HOMEIQ_HOME", f"{where} cannot be used ({reason}): name a folder that can be written")
    return StoreError(f"HOMEIQ_HOME: {where} cannot be read or written ({reason}): look at the disk")
