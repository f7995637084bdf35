"""Secrets are known here, so that no text that leaves the process holds one.

`register` remembers a secret's value; `redact` replaces every remembered value, and whatever
stands where credentials stand in URLs and headers, in any text. `install` does so for every log
record.
"""

import logging
import re
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"
_PATTERNS = (
    re.compile(
        r"(?i)((?:^|[?&\s\"'])(?:api_?key|access_token|refresh_token|client_secret|token|password|appid)=)[^&\s\"']+"
    ),
    re.compile(
        r"(?i)((?:authorization|auth-token|x-api-key)[\"']?\s*[:=]\s*[\"']?(?:bearer |basic |token )?)[^\s\"',;]+"
    ),
    re.compile(r"(?i)(\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(://)[^/@\s:]+:[^/@\s]+@"),
)
_secrets: set[str] = set()


def register(*secrets: str) -> None:
    """Remember values that must never be shown, also in their URL-encoded forms."""
    for secret in secrets:
        if len(secret) >= 4:
            _secrets.update((secret, quote(secret, safe=""), quote_plus(secret)))


def redact(text: str) -> str:
    """`text` with every secret replaced by `***`."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern in _PATTERNS[:3]:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return _PATTERNS[3].sub(rf"\g<1>{HIDDEN}@", text)


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
