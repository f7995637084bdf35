"""Small files below HOMEIQ_HOME that a power cut or an editor damaged: they cost a call to the vendor, never a run."""

import json
import math
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.meter.sense.login import Session
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors import answer_cache, state_files
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.circuit_breaker import watched
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota, take
from homeiq_assets_tests.vendors.test_http import Greeter, Greeting

NO_JSON = [b"", b"\x00" * 200, b"\xff\xfe", b"[]", b"null", b'{"failures": 3, "sta', b"[" * 100_000]
NOW = datetime(2025, 10, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "content",
    [
        *NO_JSON,
        b'{"failures": 1000000000000}',
        b'{"failures": -1}',
        b'{"state": "ajar"}',
        b'{"state": "open"}',
        b'{"state": "open", "opened_at": "9999-12-31T23:59:59Z"}',
        b'{"state": "open", "opened_at": "2190-01-01T00:00:00Z", "failures": 5}',
        b'{"state": "open", "opened_at": "0001-01-01T00:00:00Z", "failures": 5}',
    ],
    ids=repr,
)
def test_a_damaged_note_of_an_outage_lets_polls_go_on(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "homeiq" / "caches" / "outage_pricing_vendor.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    asked = False
    with watched(Settings(), "pricing", "vendor"):
        asked = True
    assert asked


@pytest.mark.parametrize("wait", [1e30, math.inf])
def test_a_vendor_may_ask_for_any_wait(wait: float) -> None:
    with pytest.raises(VendorFailure), watched(Settings(), "pricing", "vendor"):
        raise VendorFailure("vendor", "come back after the stars are gone", wait=wait)
    with pytest.raises(ProviderError, match="is not asked before"), watched(Settings(), "pricing", "vendor"):
        pytest.fail("it was asked")


def test_a_damaged_ledger_of_requests_is_moved_aside_and_counting_begins_anew(tmp_path: Path) -> None:
    ledger, quota = tmp_path / "quotas.sqlite", Quota("vendor", 1, timedelta(days=1))
    ledger.write_bytes(b"no database" * 99)
    assert take(ledger, quota) == 0
    assert ledger.with_suffix(".damaged").exists()
    assert take(ledger, quota) == 0
    assert 0 < take(ledger, quota) <= 86_400


@pytest.mark.parametrize("content", ["'abc'", "x'00ff'"], ids=["a text", "bytes that are no text"])
def test_a_request_counted_at_no_time_is_forgotten(content: str, tmp_path: Path) -> None:
    ledger, quota = tmp_path / "quotas.sqlite", Quota("vendor", 1, timedelta(days=1))
    take(ledger, quota)
    with closing(sqlite3.connect(ledger)) as database:
        database.execute(f"UPDATE vendor SET item_timestamp = {content}")
        database.commit()
    assert take(ledger, quota) == 0
    assert 0 < take(ledger, quota) <= 86_400


def test_a_count_from_a_far_future_holds_no_longer_than_the_quota(tmp_path: Path) -> None:
    ledger, quota = tmp_path / "quotas.sqlite", Quota("vendor", 1, timedelta(days=1))
    take(ledger, quota)
    with closing(sqlite3.connect(ledger)) as database:
        database.execute("UPDATE vendor SET item_timestamp = 9e99")
        database.commit()
    assert take(ledger, quota) <= 86_400


@pytest.mark.parametrize(
    "content",
    [
        *NO_JSON,
        b'{"at": "9999-12-31T23:59:59Z", "content": "{}"}',
        b'{"at": "2025-10-24T10:00:00Z", "content": "{\\"hello\\": "}',
        b'{"at": "2025-10-24T10:00:00Z", "content": "\\ud800"}',
    ],
    ids=repr,
)
def test_a_damaged_answer_of_a_while_ago_is_asked_for_anew(content: bytes, tmp_path: Path) -> None:
    with (
        Greeter() as vendor,
        VendorClient("greeter", vendor.url, Settings()) as client,
        answer_cache.polled(NOW, timedelta(minutes=5)),
    ):
        client.get("/hello", expect=Greeting)
        (file,) = (tmp_path / "homeiq" / "caches" / "answers").iterdir()
        file.write_bytes(content)
        assert client.get("/hello", expect=Greeting).hello == "world"
        assert len(vendor.asked) == 2


SESSION = {
    "base_url": "https://api.sense.com",
    "username": "owner",
    "device_id": "0a1b",
    "access_token": "t1.token",
    "refresh_token": "t1.refresh",
    "user_id": "1",
    "monitors": ["1"],
}


@pytest.mark.parametrize("name", ["device_id", "access_token", "refresh_token"])
@pytest.mark.parametrize("value", ["", "with\nbreak", "k\u00fcche", None, 7])
def test_a_kept_login_that_no_header_takes_is_none(name: str, value: object, tmp_path: Path) -> None:
    (tmp_path / "sense.json").write_text(json.dumps(SESSION))
    assert state_files.read(tmp_path / "sense.json", Session) is not None
    (tmp_path / "sense.json").write_text(json.dumps(SESSION | {name: value}))
    assert state_files.read(tmp_path / "sense.json", Session) is None


def test_a_folder_in_a_files_place_is_none(tmp_path: Path) -> None:
    (tmp_path / "sense.json").mkdir()
    assert state_files.read(tmp_path / "sense.json", Session) is None
