"""`homeiq` as it is typed, in this process: its exit status, and what it wrote."""

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeiq_assets.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command ended with; `raw` are the bytes of standard output."""

    status: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        """Standard output without the spaces that fill a table's lines."""
        return [line.rstrip() for line in self.out.splitlines()]


@pytest.fixture
def homeiq(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> Callable[..., Outcome]:
    """Run `homeiq` with these words, in an environment that has only what the test sets, and no `.env`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    if "HOMEIQ_HOME" not in os.environ:
        monkeypatch.setenv("HOMEIQ_HOME", str(tmp_path / "homeiq"))

    def run(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["homeiq", *words])
        logger = logging.getLogger("homeiq_assets")
        handlers, propagate, level = list(logger.handlers), logger.propagate, logger.level
        capfdbinary.readouterr()
        status, told = 0, ""
        try:
            main()
        except SystemExit as end:
            # The interpreter would write a text to standard error and end with 1.
            status, told = (1, f"{end.code}\n") if isinstance(end.code, str) else (int(end.code or 0), "")
        finally:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
        sys.stdout.flush()
        raw, err = capfdbinary.readouterr()
        return Outcome(status, raw, err.decode() + told)

    return run
