"""Answers to polls are good enough for a while; whoever asks for a day always gets the vendor's own word."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answer_cache import polled
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets_tests.simulated_vendors.server import html_reply, json_reply, no_waiting
from homeiq_assets_tests.vendors.test_http import SECRET, Greeter, Greeting

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEN = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def greeter() -> Iterator[Greeter]:
    with Greeter() as vendor, no_waiting():
        yield vendor


def ask(vendor: Greeter, path: str = "/hello", token: str = SECRET, confidential: bool = False) -> Greeting:
    with VendorClient("greeter", vendor.url, Settings(), headers={"Authorization": f"Bearer {token}"}) as client:
        return client.get(path, {"zone": "a"}, expect=Greeting, confidential=confidential)


def test_a_poll_soon_after_another_does_not_ask_again(greeter: Greeter) -> None:
    for minutes in (0, 9):
        with polled(NOON + minutes * MINUTE, TEN):
            assert ask(greeter) == Greeting(hello="world", warmth=21.5)
    assert len(greeter.asked) == 1


def test_when_the_answer_has_had_its_time_it_is_asked_for_again(greeter: Greeter) -> None:
    for minutes in (0, 10):
        with polled(NOON + minutes * MINUTE, TEN):
            ask(greeter)
    assert len(greeter.asked) == 2


def test_with_no_time_to_live_every_poll_asks(greeter: Greeter) -> None:
    for _ in range(2):
        with polled(NOON, timedelta()):
            ask(greeter)
    assert len(greeter.asked) == 2


def test_outside_a_poll_the_vendor_is_always_asked(greeter: Greeter) -> None:
    with polled(NOON, TEN):
        ask(greeter)
    ask(greeter)
    ask(greeter)
    assert len(greeter.asked) == 3


def test_another_question_or_another_account_is_another_answer(greeter: Greeter) -> None:
    with polled(NOON, TEN):
        ask(greeter)
        ask(greeter, "/hello/again")
        ask(greeter, token="another-token")
    assert len(greeter.asked) == 3


def test_a_question_in_a_body_is_told_from_another(greeter: Greeter) -> None:
    with polled(NOON, TEN), VendorClient("greeter", greeter.url, Settings()) as client:
        for query in ("{ a }", "{ b }", "{ a }"):
            client.post("/gql", json={"query": query}, expect=Greeting)
    assert [request.body for request in greeter.asked] == [b'{"query":"{ a }"}', b'{"query":"{ b }"}']


def test_what_was_wrong_is_never_used_again(greeter: Greeter) -> None:
    greeter.misbehave(html_reply(), json_reply({"hello": 1, "warmth": 1}))
    with polled(NOON, TEN):
        for _ in range(2):
            with pytest.raises(VendorFailure):
                ask(greeter)
        assert ask(greeter).hello == "world"


def test_neither_secrets_nor_secret_answers_are_kept(greeter: Greeter, tmp_path: Path) -> None:
    with polled(NOON, TEN):
        ask(greeter)
        ask(greeter, "/login", confidential=True)
    files = [path for path in (tmp_path / "homeiq" / "caches").rglob("*") if path.is_file()]
    assert len(files) == 1
    assert SECRET.encode() not in files[0].read_bytes()
    assert files[0].stat().st_mode & 0o077 == 0


def test_answers_of_long_ago_are_cleared_away(greeter: Greeter, tmp_path: Path) -> None:
    with polled(NOON, TEN):
        ask(greeter)
    (old,) = (tmp_path / "homeiq" / "caches" / "answers").iterdir()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    with polled(NOON, TEN):
        ask(greeter, "/hello/again")
    assert not old.exists()
