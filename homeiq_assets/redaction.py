"""Secrets are known here, so that no text that leaves the process holds one; nor a character that is not to be seen.

`register` remembers a secret's value; `redact` replaces every remembered value in whatever way it is written (see
`spellings.py`), and whatever stands where credentials stand in URLs, headers and JSON. `excerpt` is what may be
quoted of a text that came from outside. `install` redacts every log record.
"""

import logging
import re
from typing import Any

from homeiq_assets.spellings import Secret, spans

HIDDEN = "***"
_NAMES = "(?:api_?key|access_token|refresh_token|id_token|client_secret|token|password|appid)"
_PATTERNS = (
    re.compile(rf"(?i)((?:^|[?&\s\"']){_NAMES}=)[^&\s\"']+"),
    re.compile(rf"(?i)([\"']{_NAMES}[\"']\s*:\s*[\"'])[^\"']+"),
    re.compile(
        r"(?i)((?:authorization|auth-token|x-api-key)[\"']?\s*[:=]\s*[\"']?(?:bearer |basic |token )?)[^\s\"',;]+"
    ),
    re.compile(r"(?i)(\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{8,}"),
)
_IN_ADDRESS = re.compile(r"(://)[^/@\s:]+:[^/@\s]+@")
# Sequences that move a terminal's cursor, colour it, set its title.
_SEQUENCES = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
# Controls but tab and line break, marks that turn the direction of writing, halves of characters that no encoding has.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_secrets: dict[str, Secret] = {}


def register(*secrets: str) -> None:
    """Remember values that must never be shown. Fewer than four characters are none: they stand in any text."""
    for secret in secrets:
        if len(secret) >= 4 and secret not in _secrets:
            _secrets[secret] = Secret(secret)


def redact(text: str) -> str:
    """`text` as it may be shown: every secret replaced by `***`, without characters that are not to be seen."""
    text = printable(text)
    shown, last = [], 0
    for start, end in spans(text, list(_secrets.values())):
        shown += [text[last:start], HIDDEN]
        last = end
    text = "".join([*shown, text[last:]])
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return _IN_ADDRESS.sub(rf"\g<1>{HIDDEN}@", text)


def excerpt(text: str, longest: int) -> str:
    """The start of a text from outside, in one line. Redacted before it is cut: half a secret is not recognised."""
    # What is beyond is not looked at, for it may be megabytes; `redact` knows a secret that is cut off at the end.
    return " ".join(redact(text[: 20 * longest]).split())[:longest]


def printable(text: str) -> str:
    """`text` without what a terminal or a page would obey instead of showing it; tabs and line breaks stay."""
    return _UNSEEN.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def install() -> None:
    """Redact every log record of this process as it is made, whoever logs it (libraries included)."""
    plain = logging.getLogRecordFactory()

    def redacting(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = plain(*args, **kwargs)
        message = record.getMessage()
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0] is not None:
            text = logging.Formatter().formatException(record.exc_info)
            if redact(text) != text:
                record.exc_text, record.exc_info = redact(text), None
        return record

    if not getattr(plain, "redacting", False):
        redacting.redacting = True  # type: ignore[attr-defined]
        logging.setLogRecordFactory(redacting)
