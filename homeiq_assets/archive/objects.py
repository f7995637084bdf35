"""Where the archive's objects are kept: the interface, and a folder below `HOMEIQ_HOME`.

An object is bytes under a name with `/` between folders. What the bytes mean is in `periods.py`.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from homeiq_assets.errors import ArchiveError

PROBE = "_probe"
_ABANDONED = 3600.0
"""seconds after which an unfinished file is one that a killed process left"""


class ObjectStore(Protocol):
    """Named objects, each there as a whole or not at all; safe with several processes at once.

    Every method raises ArchiveError whose message names the setting to look at.
    """

    def put(self, name: str, data: bytes) -> None:
        """Keep an object, in place of one of the same name."""
        ...

    def get(self, name: str) -> bytes | None:
        """The object's bytes, None where there is none of that name."""
        ...

    def sizes(self, folder: str) -> dict[str, int]:
        """All objects below a folder: name from the archive's root -> bytes, sorted by name."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; none of that name is no error."""
        ...

    def probe(self) -> str:
        """Write, read and delete a small object; where the archive is, for the owner."""
        ...


class LocalFolder:
    """The archive in a folder, which is made when the first object is put."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, data: bytes) -> None:
        target = self.path / name
        unfinished = target.parent / f".{uuid4().hex}.part"
        with self._errors("write", name):
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(target.parent)
            try:
                with unfinished.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)
            _sync_folder(target.parent)

    def get(self, name: str) -> bytes | None:
        with self._errors("read", name), suppress(FileNotFoundError):
            return (self.path / name).read_bytes()
        return None

    def sizes(self, folder: str) -> dict[str, int]:
        found = {}
        with self._errors("read", folder):
            for path in (self.path / folder).rglob("*"):
                with suppress(FileNotFoundError):  # deleted or renamed since it was listed
                    if path.suffix != ".part" and path.is_file():
                        found[path.relative_to(self.path).as_posix()] = path.stat().st_size
        return dict(sorted(found.items()))

    def delete(self, name: str) -> None:
        with self._errors("delete", name):
            (self.path / name).unlink(missing_ok=True)

    def probe(self) -> str:
        probe_writing(self)
        return f"folder {self.path} (HOMEIQ_HOME); set S3_ARCHIVE_BUCKET to keep it on S3"

    @contextmanager
    def _errors(self, doing: str, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ArchiveError(
                f"HOMEIQ_HOME: cannot {doing} {name} in the archive folder {self.path}: {reason}; "
                "look at that disk's free space and the folder's owner and permissions"
            ) from error


def probe_writing(objects: ObjectStore) -> None:
    """Write, read and delete a small object. Raises ArchiveError."""
    data = b"written by homeiq to see whether the archive works\n"
    objects.put(PROBE, data)
    found = objects.get(PROBE)
    objects.delete(PROBE)
    if found not in (data, None):  # None: another process's probe has deleted it meanwhile
        raise ArchiveError("the archive gives back other bytes than were written; look at its disk or service")


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(".*.part"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened, and a rename is kept without it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
