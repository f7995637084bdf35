"""Editing the owner's `.env`: one setting's line is replaced or added, everything else stays as it is."""

import os
import re
import stat
from pathlib import Path

from homeiq_assets.files import replace_file


def keep_setting(file: Path, name: str, value: str, aside: Path) -> Path:
    """Put the line `name=value` into `file`, or into `aside` (mode 0600) where that is not there or not writable.

    Returns which of the two. `value` must be free of spaces, quotes, # and $. Raises OSError where neither works.
    """
    line = f"{name}={value}"
    try:
        # Through a link, so that the link stays one.
        real = file.resolve(strict=True)
        if not os.access(real, os.W_OK):
            raise PermissionError(file)
        before = real.read_bytes().decode("utf-8")
        like = real.stat()
        after = _with_line(before, name, line).encode()
        replace_file(real, after, mode=stat.S_IMODE(like.st_mode), owner=(like.st_uid, like.st_gid))
    except (OSError, UnicodeDecodeError):
        aside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(aside, f"{line}\n".encode())
        return aside
    return file


def _with_line(text: str, name: str, line: str) -> str:
    """The text with the setting's first line replaced and its other ones gone; else its commented one; else added."""
    said = re.compile(rf"^[ \t]*(?:export[ \t]+)?{name}[ \t]*=[^\r\n]*", re.MULTILINE)
    if not said.search(text):
        said = re.compile(rf"^#[ \t]*{name}=[^\r\n]*", re.MULTILINE)
    first = said.search(text)
    if first is None:
        newline = "\r\n" if "\r\n" in text else "\n"
        return text + ("" if not text or text.endswith("\n") else newline) + line + newline
    rest = re.sub(rf"{said.pattern}(?:\r?\n|\Z)", "", text[first.end() :], flags=re.MULTILINE)
    return text[: first.start()] + line + rest
