"""A vendor's limit: counted before each try, by all processes together, and kept over restarts."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest

from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota, take
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, json_reply, no_waiting
from homeiq_assets_tests.vendors.test_http import Greeter, Greeting

DAILY = Quota("greeter", 3, timedelta(days=1))


@pytest.fixture
def greeter() -> Iterator[Greeter]:
    with Greeter() as vendor, no_waiting():
        yield vendor


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "homeiq" / "quotas.sqlite"


def ask(vendor: Greeter, quota: Quota = DAILY, **extra: Quota) -> Greeting:
    with VendorClient("greeter", vendor.url, Settings(), quota=quota) as client:
        return client.get("/hello", expect=Greeting, **extra)


def test_what_is_used_up_is_not_asked_and_the_error_says_for_how_long(greeter: Greeter) -> None:
    for _ in range(3):
        ask(greeter)
    with pytest.raises(VendorFailure, match=r"allows 3 requests in 1 day.*used up for another 86\d+ s") as caught:
        ask(greeter)
    assert caught.value.wait > 86_000
    assert len(greeter.asked) == 3


def test_every_try_counts_not_only_every_question(greeter: Greeter) -> None:
    greeter.misbehave(json_reply({}, 500), Misbehaviour(reset=True))
    ask(greeter)
    assert len(greeter.asked) == 3
    with pytest.raises(VendorFailure, match="used up"):
        ask(greeter)


def test_a_vendor_that_keeps_failing_is_tried_no_oftener_than_it_allows(greeter: Greeter) -> None:
    greeter.misbehave(*[json_reply({}, 503)] * 10)
    with pytest.raises(VendorFailure, match="used up"):
        ask(greeter)
    assert len(greeter.asked) == 3


def test_a_part_of_an_api_may_have_a_limit_of_its_own(greeter: Greeter) -> None:
    logins = Quota("greeter_logins", 1, timedelta(minutes=5))
    ask(greeter, quota=logins)
    ask(greeter)
    with pytest.raises(VendorFailure, match="allows 1 requests in 0:05:00"):
        ask(greeter, quota=logins)


def test_a_turn_that_comes_soon_is_waited_for(greeter: Greeter) -> None:
    quick = Quota("quick", 2, timedelta(milliseconds=300))
    for _ in range(5):
        ask(greeter, quick)
    assert len(greeter.asked) == 5


def test_several_processes_share_what_is_left(ledger: Path) -> None:
    """Four processes try thirty times each for forty turns."""
    script = (
        "import sys; from pathlib import Path; from datetime import timedelta\n"
        "from homeiq_assets.vendors.quotas import Quota, take\n"
        "quota = Quota('shared', 40, timedelta(hours=1))\n"
        "print(sum(take(Path(sys.argv[1]), quota) == 0 for _ in range(30)))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(ledger)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    granted = [int(process.communicate(timeout=120)[0]) for process in running]
    assert sum(granted) == 40


def test_turns_come_back_as_the_oldest_ones_pass(ledger: Path) -> None:
    quick = Quota("quick", 1, timedelta(milliseconds=50))
    assert take(ledger, quick) == 0
    while (left := take(ledger, quick)) > 0:
        assert left <= 0.05


@pytest.mark.parametrize("trouble", ["not a database", "a folder"])
def test_a_ledger_that_cannot_be_kept_is_told_of_and_stops_nobody(
    greeter: Greeter, ledger: Path, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.parent.mkdir(parents=True)
    if trouble == "a folder":
        ledger.mkdir()
    else:
        ledger.write_bytes(b"no database" * 100)
    with caplog.at_level(logging.WARNING):
        assert ask(greeter).hello == "world"
    assert "quotas.sqlite cannot be kept" in caplog.text


def clock_ahead(by: timedelta) -> mock.Mock:
    return mock.Mock(time_ns=lambda: time.time_ns() + round(by.total_seconds() * 1e9))


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=400)], ids=["an hour", "a year and more"])
@pytest.mark.parametrize("per", [timedelta(minutes=5), timedelta(days=1)], ids=str)
def test_requests_counted_by_a_clock_that_was_set_back_since_hold_nobody_up(
    ahead: timedelta, per: timedelta, ledger: Path
) -> None:
    quota = Quota("greeter", 3, per)
    with mock.patch("homeiq_assets.vendors.quotas.time", clock_ahead(ahead)):
        assert [take(ledger, quota) for _ in range(3)] == [0, 0, 0]
        assert take(ledger, quota) > 0

    assert [take(ledger, quota) for _ in range(3)] == [0, 0, 0]
    assert 0 < take(ledger, quota) <= per.total_seconds(), "and counts as before"


def test_requests_counted_before_the_clock_was_set_back_still_count(ledger: Path) -> None:
    take(ledger, DAILY)
    with mock.patch("homeiq_assets.vendors.quotas.time", clock_ahead(timedelta(hours=2))):
        take(ledger, DAILY)

    assert [take(ledger, DAILY) for _ in range(2)] == [0, 0]
    assert take(ledger, DAILY) > 0


def test_a_process_whose_turn_came_a_moment_sooner_is_no_clock_set_back(ledger: Path) -> None:
    with mock.patch("homeiq_assets.vendors.quotas.time", clock_ahead(timedelta(seconds=20))):
        for _ in range(3):
            take(ledger, DAILY)

    assert take(ledger, DAILY) > 0
