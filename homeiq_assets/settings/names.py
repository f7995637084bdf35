"""Variables meant for a setting and read by none: misspelt names, and lines of `.env` that set nothing."""

import difflib
import io
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import AliasChoices

from homeiq_assets.settings.variables import Settings

OTHERS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE",
    "AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION", "DAGSTER_HOME",
)  # fmt: skip
"""What is read too, by the libraries beneath."""
NEAR, NEAR_OUTSIDE = 0.85, 0.9
"""How alike names are where one is taken for the other, of 1; the environment holds names of other programs too."""


def unread(file: Path) -> Iterator[tuple[str, str]]:
    """Each such name in the file or the environment, or the line of the file, and what to do about it.

    A file that cannot be read has none: `Settings.problems` tells of it.
    """
    known = _known()
    ours = {_first(one) for one in known - set(OTHERS)}
    said: set[str] = set()
    for name, line in _lines(file):
        if name is None:
            yield f"{file.name} line {line}", "sets nothing; a setting is written NAME=value, in one line"
            continue
        said.add(name)
        if (meant := _meant(name, known, NEAR)) is not None:
            yield name, f"is no setting, so what {file.name} says of it is not in force; did you mean {meant}?"
        elif name.upper() not in known and _first(name) in ours:
            yield name, f"is no setting, so what {file.name} says of it is not in force; .env.example has them all"
    for name in sorted(set(os.environ) - said):
        if (meant := _meant(name, known, NEAR_OUTSIDE)) is not None:
            yield name, f"is set in the environment, and is no setting; did you mean {meant}?"


def _known() -> frozenset[str]:
    aliases = [info.validation_alias for info in Settings.model_fields.values()]
    further = [str(one) for alias in aliases if isinstance(alias, AliasChoices) for one in alias.choices]
    return frozenset([*(name.upper() for name in Settings.model_fields), *further, *OTHERS])


def _lines(file: Path) -> Iterator[tuple[str | None, int]]:
    """Each name that the file sets, None where a line is no setting; and the line's number."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for binding in parse_stream(io.StringIO(text)):
        # Blank lines stand before what they are read with.
        written = binding.original.string
        line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
        if binding.error or (binding.key is not None and binding.value is None):
            # What stands there may be a secret.
            yield None, line
        elif binding.key is not None:
            yield binding.key.partition(":")[0], line


def _meant(name: str, known: Collection[str], near: float) -> str | None:
    """The setting that a name is a misspelling of, None for a setting's own name and for others."""
    upper = name.upper()
    if upper in known:
        return None
    plain = upper.replace("-", "_").replace(".", "_")
    return plain if plain in known else next(iter(difflib.get_close_matches(plain, known, n=1, cutoff=near)), None)


def _first(name: str) -> str:
    return name.upper().partition("_")[0]
