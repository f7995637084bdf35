"""Files that are replaced whole: a reader finds the old content or the new one, also after a crash or a power cut."""

import os
import tempfile
from pathlib import Path


def replace_file(file: Path, data: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Write `data` into a temporary file beside `file`, then rename it; `owner` is its user's and group's number.

    Raises OSError, after which `file` is as it was.
    """
    # mkstemp makes its file readable by the owner alone.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            # Without it a power cut can leave the name with nothing behind it.
            os.fsync(out.fileno())
        if owner is not None and owner != (os.geteuid(), os.getegid()):
            os.chown(temporary, *owner)
        temporary.chmod(mode)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
