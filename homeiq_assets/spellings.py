"""In which ways a secret can be written, and where a text holds it in one of them.

As it is; escaped for JSON, for HTML or for a URL, every character or some, also several times over; in base64, alone
or with a user's name before it; in hexadecimal digits; and cut off at the text's end or at an ellipsis. A text is
unescaped and searched, with a note of where each of its characters came from.
"""

import base64
import html
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

DEPTH = 3
"""How many times over an escaped text is unescaped: JSON in JSON in a URL."""
SHORTEST = 4
"""Of a secret that was cut off: so few characters may be anything."""
_CUT = re.compile(r"…|\.\.\.|[\"')\]}>]*\Z")
_DIGITS = frozenset(string.ascii_letters + string.digits + "+/-_=")
"""of base64"""
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
Span = tuple[int, int]


class Secret:
    """A secret's spellings: `plain` stands for itself, `packed` is what base64 makes of it whatever stands before."""

    def __init__(self, secret: str) -> None:
        raw = {secret.encode(errors="replace"), secret.encode("latin-1", errors="replace")}
        plain = {secret, secret.strip(), secret.replace(" ", "+")}
        plain |= {unicodedata.normalize(form, secret) for form in ("NFC", "NFD")}
        plain |= {digits for one in raw for digits in (one.hex(), one.hex().upper())}
        self.plain = sorted((one for one in plain if len(one) >= SHORTEST), key=len, reverse=True)
        self.packed = sorted({piece for one in raw for piece in _in_base64(one)})


@dataclass(frozen=True)
class _Reading:
    """A text as it reads once unescaped, and the span of the original that each of its characters comes from."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> Span:
        return self.starts[start], self.ends[end - 1]


def spans(text: str, secrets: Sequence[Secret]) -> list[Span]:
    """Where `text` holds one of the secrets, in order and apart from each other."""
    if not secrets or not text:
        return []
    found = sorted(span for reading in _readings(text) for span in _found(reading, secrets))
    apart: list[Span] = []
    for start, end in found:
        if apart and start <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((start, end))
    return apart


def _found(reading: _Reading, secrets: Iterable[Secret]) -> Iterator[Span]:
    text = reading.text
    cuts = [(cut.start(), cut.end()) for cut in _CUT.finditer(text)]
    before = [(text[at - SHORTEST : at], at) for at, _ in cuts if at >= SHORTEST]
    behind = [(text[at : at + SHORTEST], at) for _, at in cuts if at <= len(text) - SHORTEST]
    for secret in secrets:
        for one in secret.plain:
            at = text.find(one)
            while at >= 0:
                yield reading.span(at, at + len(one))
                at = text.find(one, at + 1)
            for tail, at in before:
                if tail in one and (size := _begun(text, at, one)):
                    yield reading.span(at - size, at)
            for head, at in behind:
                if head in one and (size := _ended(text, at, one)):
                    yield reading.span(at, at + size)
        for one in secret.packed:
            at = text.find(one)
            while at >= 0:
                # The digits beside it tell of the secret's ends too.
                first, end = at, at + len(one)
                while first and text[first - 1] in _DIGITS:
                    first -= 1
                while end < len(text) and text[end] in _DIGITS:
                    end += 1
                yield reading.span(first, end)
                at = text.find(one, end)


def _begun(text: str, at: int, secret: str) -> int:
    """How much of the secret's beginning stands before `at`, 0 where that is too little."""
    sizes = range(min(len(secret) - 1, at), SHORTEST - 1, -1)
    return next((size for size in sizes if text.startswith(secret[:size], at - size)), 0)


def _ended(text: str, at: int, secret: str) -> int:
    """How much of the secret's end stands from `at` on, 0 where that is too little."""
    sizes = range(len(secret) - 1, SHORTEST - 1, -1)
    return next((size for size in sizes if text.startswith(secret[-size:], at)), 0)


def _readings(text: str) -> Iterator[_Reading]:
    """The text as it is, and as it reads once unescaped, in any order and `DEPTH` times over."""
    current, seen = [_Reading(text, range(len(text)), range(1, len(text) + 1))], {text}
    for _ in range(DEPTH + 1):
        yield from current
        current = [one for reading in current for one in _unescaped(reading) if one.text not in seen]
        seen |= {one.text for one in current}


def _unescaped(reading: _Reading) -> Iterator[_Reading]:
    for pattern, plain in _ESCAPES:
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        last = 0
        for match in pattern.finditer(reading.text):
            meant = plain(match[0])
            pieces += [reading.text[last : match.start()], meant]
            starts += [*reading.starts[last : match.start()], *[reading.starts[match.start()]] * len(meant)]
            ends += [*reading.ends[last : match.start()], *[reading.ends[match.end() - 1]] * len(meant)]
            last = match.end()
        if last:
            text = "".join([*pieces, reading.text[last:]])
            yield _Reading(text, [*starts, *reading.starts[last:]], [*ends, *reading.ends[last:]])


def _percent(escaped: str) -> str:
    raw = bytes.fromhex(escaped.replace("%", ""))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _backslash(escaped: str) -> str:
    kind = escaped[1]
    if kind == "u" and len(escaped) > 2:
        if escaped[2] == "{":
            number = int(escaped[3:-1], 16)
            return chr(number) if number <= 0x10FFFF else "\ufffd"
        return bytes.fromhex(escaped.replace("\\u", "")).decode("utf-16-be", errors="replace")
    if kind == "x" and len(escaped) > 2:
        return chr(int(escaped[2:], 16))
    return _LETTERS.get(kind, kind)


_ESCAPES: Iterable[tuple[re.Pattern[str], Callable[[str], str]]] = (
    (re.compile(r"(?:%[0-9A-Fa-f]{2})+"), _percent),
    (
        re.compile(r"(?:\\u[0-9A-Fa-f]{4})+|\\u\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\.", re.DOTALL),
        _backslash,
    ),
    (re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});?"), html.unescape),
)


def _in_base64(secret: bytes) -> Iterator[str]:
    """The digits that stand in base64 of any text with the secret in it, for each place it may begin at."""
    for before in range(3):
        digits = base64.b64encode(bytes(before) + secret).decode()
        # A digit holds six bits; those that hold bits of what stands before or behind may be others.
        piece = digits[-(-8 * before // 6) : 8 * (before + len(secret)) // 6]
        if len(piece) > SHORTEST:
            yield from {piece, piece.translate(str.maketrans("+/", "-_"))}
