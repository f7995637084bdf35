"""A secret is known in every way it can be written, and nothing that a terminal obeys is shown."""

import base64
import html
import json
import logging
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeiq_assets.redaction import excerpt, install, printable, redact, register
from homeiq_assets.spellings import Secret, spans

PASSWORDS = [
    'pa"ss\\word/7',
    "a&b<c>'d\"",
    "grün €5 für dich",
    "C:\\new\\table",
    '100%25 s"re',
    "sesame-open-4711",
    "𝒶𝒷𝒸-&amp;",
]


def every_u(text: str) -> str:
    units = text.encode("utf-16-be").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))


WRITTEN = {
    "as it is": lambda text: text,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, Unicode as it is": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON that spares HTML": lambda text: (
        json.dumps(text)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003E")
    ),
    "JSON, each character": every_u,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"sent": text}))[1:-1],
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps({"sent": text}))),
    "Python": repr,
    "HTML": html.escape,
    "HTML in decimal": lambda text: "".join(f"&#{ord(one):04};" for one in text),
    "HTML in hexadecimal": lambda text: "".join(f"&#x{ord(one):X};" for one in text),
    "HTML in JSON": lambda text: json.dumps(html.escape(text)),
    "percent": lambda text: quote(text, safe=""),
    "percent in lower case": lambda text: "".join(f"%{one:02x}" for one in text.encode()),
    "percent of a form": quote_plus,
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON in percent": lambda text: quote(json.dumps({"sent": text})),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "Basic": lambda text: "Basic " + base64.b64encode(f"owner:{text}".encode()).decode(),
    "Basic of another user": lambda text: base64.b64encode(f"me@example.com:{text}:x".encode()).decode(),
    "Basic in JSON with slashes": lambda text: base64.b64encode(f"a:{text}".encode()).decode().replace("/", "\\/"),
    "hexadecimal": lambda text: text.encode().hex(),
}


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_secret_is_hidden_in_every_way_it_can_be_written(written: str, password: str) -> None:
    register(password)
    text = f"the vendor says: {WRITTEN[written](password)} is wrong"
    shown = redact(text)
    assert "***" in shown
    assert shown.startswith("the vendor says: ")
    assert shown.endswith(" is wrong")
    around = pieces(WRITTEN[written]("Q" * len(password)))
    assert not (pieces(WRITTEN[written](password)) - around) & pieces(shown)


def pieces(text: str) -> set[str]:
    return {text[n : n + 5] for n in range(len(text) - 4)}


@settings(max_examples=25, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), min_size=6, max_size=20),
    st.lists(st.sampled_from([WRITTEN["JSON"], WRITTEN["HTML"], WRITTEN["percent"]]), min_size=1, max_size=3),
)
def test_so_is_any_text_escaped_up_to_three_times_over(password: str, ways: list[object]) -> None:
    written = password
    for way in ways:
        written = way(written)  # type: ignore[operator]
    assert spans(f"<{written}>", [Secret(password)]) == [(1, len(written) + 1)]


@pytest.mark.parametrize("cut", range(4, 16))
def test_a_secret_cut_off_by_whoever_shortened_the_text_is_hidden(cut: int) -> None:
    register("sesame-open-4711")
    begun, end = "sesame-open-4711"[:cut], "sesame-open-4711"[-cut:]
    assert redact(f"wrong: {begun}") == "wrong: ***"
    assert redact(f"wrong: {begun}… (and so on)") == "wrong: ***… (and so on)"
    assert redact(f"wrong: {begun}...{end} (and so on)") == "wrong: ***...*** (and so on)"


def test_a_secret_is_recognised_before_a_text_is_cut() -> None:
    register('pa"ss\\word/7')
    for before in range(185, 201):
        shown = excerpt("." * before + json.dumps('pa"ss\\word/7') + "." * 9, 200)
        assert len(shown) <= 200
        assert "pa" not in shown
    # Also where it lies on the border of what is looked at.
    for before in range(3985, 4001):
        assert 'pa"s' not in excerpt(" " * before + 'pa"ss\\word/7 is wrong', 200)


def test_texts_without_a_secret_stay_as_they_are() -> None:
    register("sesame-open-4711")
    for text in ("50 % of &c. C:\\users\\n & more…", "GET https://x.test/a?b=%20c&d=1", "Wien – 21.5 °C", ""):
        assert redact(text) == text


def test_tokens_that_nobody_registered_are_hidden_where_tokens_stand() -> None:
    assert redact('{"access_token": "eyJ.fresh", "a": 1}') == '{"access_token": "***", "a": 1}'
    assert redact("GET https://x.test/?token=abc&a=1") == "GET https://x.test/?token=***&a=1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://x.test\x1b\\link", "link"),
        ("\x9b2Jgone", "gone"),
        ("bell\x07, back\x08space, delete\x7f, null\x00", "bell, backspace, delete, null"),
        ("over\rwritten", "over\nwritten"),
        ("\u202etxt.exe", "txt.exe"),
        ("half \ud800 a character", "half  a character"),
        ("\ttab\nline", "\ttab\nline"),
    ],
)
def test_nothing_is_shown_that_a_terminal_obeys(text: str, shown: str) -> None:
    assert printable(text) == redact(text) == shown


def test_a_secret_with_colours_between_is_hidden() -> None:
    register("sesame-open-4711")
    assert redact("sesame\x1b[1m-open\u200b-4711") == "***"


def test_log_records_are_clean_too(caplog: pytest.LogCaptureFixture) -> None:
    install()
    register('pa"ss\\word/7')
    logging.getLogger("some.library").warning("sent %s \x1b[2J", json.dumps('pa"ss\\word/7'))
    assert caplog.messages == ['sent "***" ']
