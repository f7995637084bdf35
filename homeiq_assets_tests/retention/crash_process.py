"""Work on a home in a process of its own, which is killed, or whose disk fails, at a change of a file."""

import errno
import io
import os
import posix
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from homeiq_assets.errors import HomeiqError
from homeiq_assets_tests.stores.crashes import CHANGES, processes

DISK_ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)
_REFUSABLE = {"open", "write", "fsync", "mkdir", "rename", "replace", "unlink"}
FOREIGN = "not ours: "
"""what is put before the type of an error that is none of the project's"""

# With what the work imports, some of it at its first use.
processes.set_forkserver_preload(
    [
        "pandas",
        "pyarrow.acero",
        "dagster_aws.s3",
        "homeiq_assets_tests.retention.crash_home",
        "homeiq_assets_tests.household",
        __name__,
    ]
)


@dataclass(frozen=True)
class Trouble:
    """At which change of a file (from 1; 0: none) the process is killed, or that change fails with this error."""

    at: int = 0
    error: int | None = None


@dataclass(frozen=True)
class Ended:
    """How work ended: killed, broken off with an error (its type's name and text), or done, with what it returned.

    `changes` of files were counted where any trouble was due.
    """

    killed: bool
    error: str = ""
    said: str = ""
    found: Any = None
    changes: int = 0

    @property
    def done(self) -> bool:
        """Whether all was done."""
        return not (self.killed or self.error)


class Child:
    """A process that does `work(*arguments)` and tells how it ended."""

    def __init__(self, work: Callable[..., Any], *arguments: Any, trouble: Trouble = Trouble()) -> None:
        self._told, tell = processes.Pipe(duplex=False)
        self._process = processes.Process(target=_work, args=(work, arguments, trouble, tell))
        self._process.start()
        tell.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def end(self) -> Ended:
        """Wait until it is over. Raises AssertionError for any error that is none of ours."""
        try:
            ending = self._told.recv()
        except EOFError:
            ending = Ended(killed=True)
        self._process.join()
        assert self._process.exitcode == (-signal.SIGKILL if ending.killed else 0)
        assert not ending.error.startswith(FOREIGN), ending.said
        return ending


def ended(work: Callable[..., Any], *arguments: Any, trouble: Trouble = Trouble()) -> Ended:
    """Do the work in another process, and wait for its end."""
    return Child(work, *arguments, trouble=trouble).end()


def _work(work: Callable[..., Any], arguments: tuple[Any, ...], trouble: Trouble, tell: Connection) -> None:
    watch = Watch(trouble)
    try:
        if trouble.at:
            sys.setprofile(watch)
        ending = Ended(killed=False, found=work(*arguments))
    except HomeiqError as error:
        ending = Ended(killed=False, error=type(error).__name__, said=str(error))
    except BaseException as error:
        ending = Ended(killed=False, error=FOREIGN + type(error).__name__, said=traceback.format_exc())
    sys.setprofile(None)
    tell.send(replace(ending, changes=watch.counted))
    tell.close()
    # Threads of clients need not be waited for.
    os._exit(0)


class Watch:
    """Counts what changes files, and makes the trouble."""

    def __init__(self, trouble: Trouble) -> None:
        self.counted, self._trouble = 0, trouble

    def __call__(self, frame: FrameType, event: str, function: Any) -> None:
        if event != "c_call" or function.__name__ not in CHANGES:
            return
        error = self._trouble.error
        if error is None or self._is_refusable(function):
            self.counted += 1
            if self.counted == self._trouble.at:
                if error is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise OSError(error, os.strerror(error))

    def _is_refusable(self, function: Any) -> bool:
        """Whether it is the disk that does it: texts have a `replace`, too, and giving up a lock needs no disk."""
        of_files = function in (open, io.open) or isinstance(function.__self__, io.IOBase) or function.__self__ is posix
        return of_files and function.__name__ in _REFUSABLE
