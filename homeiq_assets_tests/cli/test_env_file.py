"""Editing `.env`: one line changes, and the file stays what it was otherwise."""

import os
import stat
from pathlib import Path

import pytest

from homeiq_assets.cli.env_file import keep_setting

TOKEN = "1//0gRefresh-of_the-tests"
LINE = f"GOOGLE_REFRESH_TOKEN={TOKEN}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{LINE}\n"),
        ("A=1", f"A=1\n{LINE}\n"),
        ("A=1\r\n", f"A=1\r\n{LINE}\r\n"),
        ("GOOGLE_REFRESH_TOKEN=old\nB=2\n", f"{LINE}\nB=2\n"),
        ("export GOOGLE_REFRESH_TOKEN = 'old' # mine\r\nB=2\r\n", f"{LINE}\r\nB=2\r\n"),
        ("GOOGLE_REFRESH_TOKEN=one\nB=2\nGOOGLE_REFRESH_TOKEN=two\nC=3", f"{LINE}\nB=2\nC=3"),
        ("GOOGLE_REFRESH_TOKEN=one\nGOOGLE_REFRESH_TOKEN=two", f"{LINE}\n"),
        ("#GOOGLE_REFRESH_TOKEN=\nB=ö\n", f"{LINE}\nB=ö\n"),
        ("# about GOOGLE_REFRESH_TOKEN=x\nMY_GOOGLE_REFRESH_TOKEN=x\n", None),
    ],
)
def test_one_line_of_env_changes_and_nothing_else(tmp_path: Path, before: str, after: str | None) -> None:
    file = tmp_path / ".env"
    file.write_bytes(before.encode())
    file.chmod(0o640)
    assert keep_setting(file, "GOOGLE_REFRESH_TOKEN", TOKEN, tmp_path / "aside") == file
    assert file.read_bytes().decode() == (after or f"{before}{LINE}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == [".env"]


def test_a_linked_env_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / ".env"
    real.write_text("A=1\n")
    link.symlink_to(real)
    keep_setting(link, "GOOGLE_REFRESH_TOKEN", TOKEN, tmp_path / "aside")
    assert link.is_symlink()
    assert real.read_text() == f"A=1\n{LINE}\n"
