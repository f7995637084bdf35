"""Dagster's own databases, which are SQLite files: whether they are sound, and what to do with one that is not."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from homeiq_assets.settings.types import project_folder

LOOK = 3.0
"""Seconds after which a large file that showed no damage so far is taken for sound."""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def damages() -> Iterator[str]:
    """One text per damaged database, in the owner's words. Writes nothing and waits for no lock."""
    # Our dagster.yaml names the folder; another one, in a DAGSTER_HOME elsewhere, leaves it at Dagster's default.
    project = project_folder().resolve()
    elsewhere = Path(os.environ.get("DAGSTER_HOME") or project).resolve()
    folder = project / ".homeiq" / "dagster" if elsewhere == project else elsewhere
    for kept, databases in (
        (folder / "history", ("runs.db", "runs/index.db")),
        (folder / "schedules", ("schedules.db",)),
    ):
        for file in (kept / name for name in databases):
            if file.is_file() and (damage := _damage(file)) is not None:
                yield _advice(file, damage, kept)


def _advice(file: Path, damage: str, folder: Path) -> str:
    """What happened, what to do, what is lost by it and what is not."""
    lost = (
        "the runs, their logs, and which days are done: Dagster shows them as missing until a backfill, which finds "
        "the same rows"
        if folder.name == "history"
        else "which schedules and sensors you switched by hand, and what they did last"
    )
    return (
        f"Dagster's own database {file} is damaged ({damage}). Stop Dagster, move the folder {folder} away and start "
        f"it again: it makes a new one. What is lost is {lost}. Readings, tiers and archive are elsewhere: nothing of "
        "them is lost."
    )


def _damage(file: Path) -> str | None:
    until = time.monotonic() + LOOK
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=LOOK)) as database:
            database.set_progress_handler(lambda: time.monotonic() > until, 100_000)
            found = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        # A busy or large one is none.
        return str(error) if error.sqlite_errorcode & 0xFF in _DAMAGED else None
    return None if found == "ok" else " ".join(found.split())
