"""Google Calendar, asked over HTTP: events become predictions for every slot, past and future alike."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from homeiq_assets.schema.measurements import OCCUPANCY_PREDICTION
from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.feeds.calendar.google_home import (
    DAY,
    EVENTS,
    MONDAY,
    NOW,
    PRIMARY,
    VIENNA,
    at,
    fetch,
    page,
    provider,
    rows,
    running,
    slot,
)
from homeiq_assets_tests.household import checks_of, failure_of, household
from homeiq_assets_tests.simulated_vendors.google import (
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    Calendar,
    GoogleVendor,
    all_day,
    cancelled,
    fault,
    timed,
    working,
)

ONE = timedelta(days=1)


@pytest.fixture
def vendor() -> Iterator[GoogleVendor]:
    with running() as google:
        yield google


def only(vendor: GoogleVendor, *events: dict[str, Any], **calendar: Any) -> None:
    vendor.calendars = {"primary": Calendar(events, **calendar)}


def test_a_poll_answers_every_slot_of_its_window_tomorrow_included(vendor: GoogleVendor) -> None:
    window = Window(at(9.75), at(48))
    (answer,) = fetch(vendor, window)
    assert (answer.covers, answer.step) == (window, timedelta(minutes=15))
    assert answer.rows.num_rows == 4 * 38.25
    assert rows([answer])[0] == {
        "time": at(9.75),
        "source": "google",
        "user": "owner",
        "currently_home": True,
        "wfh_today": True,
        "confidence": 0.95,
        "hours_until_arrival": 0.0,
    }
    assert slot([answer], 14)["hours_until_arrival"] == 1.5
    assert slot([answer], 34)["wfh_today"] is False
    assert slot([answer], 34)["hours_until_arrival"] == 7.5


def test_a_month_is_one_request_for_each_calendar(vendor: GoogleVendor) -> None:
    vendor.calendars["second@example.com"] = Calendar()
    month = Window(local_day(date(2026, 3, 1), VIENNA).start, local_day(date(2026, 3, 31), VIENNA).end)
    assert provider(vendor).longest >= month.length
    (answer,) = fetch(vendor, month, google_calendar_ids="primary, ben=second@example.com")
    assert answer.covers == month
    assert answer.rows.num_rows == 2 * (31 * 24 - 1) * 4
    assert len(vendor.lists) == 2
    assert len(vendor.asked_for("/token")) == 1


def test_what_is_asked_reaches_two_weeks_beyond_the_window_with_offsets(vendor: GoogleVendor) -> None:
    fetch(vendor)
    asked = vendor.lists[0].params
    assert datetime.fromisoformat(asked["timeMin"]) == DAY.start - 2 * ONE
    assert datetime.fromisoformat(asked["timeMax"]) == DAY.end + 15 * ONE
    assert asked["singleEvents"] == "true"
    assert "eventTypes" not in asked


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_a_day_of_a_clock_change_has_the_slots_it_has(vendor: GoogleVendor, day: date, slots: int) -> None:
    only(vendor, all_day(day.isoformat(), summary="Vacation"))
    (answer,) = fetch(vendor, local_day(day, VIENNA))
    assert answer.rows.num_rows == slots
    assert rows([answer])[0]["hours_until_arrival"] == slots / 4 + 0.5


def test_an_empty_calendar_is_an_answer_at_home(vendor: GoogleVendor) -> None:
    only(vendor)
    (answer,) = fetch(vendor)
    assert answer.covers == DAY
    assert {row["currently_home"] for row in rows([answer])} == {True}


def test_a_revised_calendar_is_what_the_next_fetch_says(vendor: GoogleVendor) -> None:
    before = slot(fetch(vendor), 14)
    only(vendor)
    after = slot(fetch(vendor), 14)
    assert (before["currently_home"], after["currently_home"]) == (False, True)


def test_all_pages_count_also_after_an_empty_one(vendor: GoogleVendor) -> None:
    vendor.page, vendor.empty_first = 1, True
    assert slot(fetch(vendor), 14)["currently_home"] is False
    assert [request.params.get("pageToken") for request in vendor.lists] == [None, "p0", "p1", "p2", "p3"]


def test_a_long_event_that_began_before_the_window_counts(vendor: GoogleVendor) -> None:
    only(vendor, all_day("2026-01-10", "2026-03-04", summary="Long trip"))
    assert slot(fetch(vendor), 0)["hours_until_arrival"] == 48.5


def test_the_exclusive_end_of_an_all_day_event_is_a_day_at_home(vendor: GoogleVendor) -> None:
    sunday = date(2026, 3, 8)
    assert slot(fetch(vendor, local_day(sunday - ONE, VIENNA)), 23.75, sunday - ONE)["hours_until_arrival"] == 0.75
    assert slot(fetch(vendor, local_day(sunday, VIENNA)), 0.5, sunday)["currently_home"] is True


def test_an_all_day_event_is_on_its_date_wherever_the_calendar_is(vendor: GoogleVendor) -> None:
    only(vendor, all_day("2026-03-02", summary="Trip"), zone="Pacific/Auckland")
    assert {row["currently_home"] for row in rows(fetch(vendor))} == {False}
    assert slot(fetch(vendor, local_day(MONDAY - ONE, VIENNA)), 23, MONDAY - ONE)["currently_home"] is True


GONE = {"summary": "Away"}
HOURS = ("2026-03-02T09:00:00+01:00", "2026-03-02T12:00:00+01:00")


@pytest.mark.parametrize(
    "event",
    [
        cancelled(timed(*HOURS, **GONE)),
        timed(*HOURS, **GONE, status="cancelled"),
        timed(*HOURS, **GONE, attendees=[{"self": True, "responseStatus": "declined"}]),
        timed(*HOURS, **GONE, transparency="transparent"),
        timed(*HOURS, summary="Trip", eventType="birthday"),
        timed(*HOURS),
        timed(*HOURS, summary=None),
        working("homeOffice", timed(*HOURS, **GONE)),
    ],
)
def test_what_says_nothing_of_being_away_leaves_the_owner_at_home(vendor: GoogleVendor, event: dict[str, Any]) -> None:
    only(vendor, event)
    assert slot(fetch(vendor), 9)["currently_home"] is True


@pytest.mark.parametrize(
    ("event", "confidence"),
    [
        (timed(*HOURS, **GONE), 0.85),
        (timed(*HOURS, **GONE, eventType="outOfOffice"), 0.85),
        (timed(*HOURS, summary="Out of office"), 0.85),
        (timed(*HOURS, summary="Dentist", eventType="outOfOffice"), 0.85),
        (timed(*HOURS, **GONE, attendees=[{"self": True, "responseStatus": "accepted"}]), 0.85),
        (timed(*HOURS, **GONE, attendees=[{"email": "x@y.org", "responseStatus": "declined"}]), 0.85),
        (timed(*HOURS, **GONE, attendees=[{"self": True, "responseStatus": "needsAction"}]), 0.6),
        (timed(*HOURS, **GONE, status="tentative"), 0.6),
        (timed(*HOURS, summary="Flight to Graz", eventType="fromGmail"), 0.85),
        (timed(*HOURS, summary="Weekly", location="Head office"), 0.85),
        (timed(*HOURS, **GONE, eventType="aKindOfTomorrow"), 0.85),
        (all_day("2026-03-02", summary="Vacation", transparency="transparent"), 0.85),
        (working("officeLocation", timed(*HOURS)), 0.95),
        (working("customLocation", all_day("2026-03-02")), 0.95),
    ],
)
def test_who_is_away_is_away(vendor: GoogleVendor, event: dict[str, Any], confidence: float) -> None:
    only(vendor, event)
    row = slot(fetch(vendor), 9)
    assert (row["currently_home"], row["confidence"]) == (False, confidence)


def test_out_of_office_is_not_away_where_the_owner_says_so(vendor: GoogleVendor) -> None:
    only(vendor, timed(*HOURS, summary="Dentist", eventType="outOfOffice"))
    words = {"calendar_wfh_words": "home office, out of office"}
    assert slot(fetch(vendor, **words), 9)["currently_home"] is True


def test_a_calendar_that_shows_only_when_it_is_busy_is_told(
    vendor: GoogleVendor, caplog: pytest.LogCaptureFixture
) -> None:
    only(vendor, timed(*HOURS, **GONE), access="freeBusyReader")
    row = slot(fetch(vendor), 9)
    assert (row["currently_home"], row["confidence"]) == (True, 0.5)
    assert caplog.text.count("primary shows only when it is busy") == 1


@pytest.mark.parametrize("missing", ["start", "end"])
def test_an_event_without_an_end_is_left_out_and_told(
    vendor: GoogleVendor, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.misbehave(page(timed(*HOURS, **GONE) | {missing: None}), path=PRIMARY)
    assert slot(fetch(vendor), 9)["currently_home"] is True
    assert "without a beginning or an end" in caplog.text


def test_an_event_with_a_date_at_one_end_is_left_out_and_named_and_all_others_count(vendor: GoogleVendor) -> None:
    odd = timed("2026-03-02T09:00:00+01:00", "2026-03-02T12:00:00+01:00", summary="Away") | {
        "start": {"date": "2026-03-02"}
    }
    usual = rows(fetch(vendor))
    vendor.misbehave(page(odd, {"status": 7}, *EVENTS), path=PRIMARY)
    with noting(NOW) as skipped:
        assert rows(fetch(vendor)) == usual
    first, second = skipped.listed
    assert "items.1.status of its answer is not what the API promises" in first
    assert second.startswith("primary has an event with a date at one end and a time at the other (2026-03-02 to ")


def test_a_working_location_of_an_unknown_kind_is_left_out_and_told(
    vendor: GoogleVendor, caplog: pytest.LogCaptureFixture
) -> None:
    only(vendor, working("moonBase", all_day("2026-03-02")))
    assert slot(fetch(vendor), 9)["currently_home"] is True
    assert "working location of an unknown kind" in caplog.text


def test_users_are_tagged_and_calendars_of_one_user_are_merged(vendor: GoogleVendor) -> None:
    vendor.calendars |= {
        "anna@example.com": Calendar([timed(*HOURS, **GONE)]),
        "c_1@group.calendar.google.com": Calendar([timed(HOURS[1], "2026-03-02T13:00:00+01:00", **GONE)]),
    }
    ids = "primary, anna@example.com, anna=c_1@group.calendar.google.com"
    found = {row["user"]: row for row in rows(fetch(vendor, google_calendar_ids=ids)) if row["time"] == at(9)}
    assert {user: row["hours_until_arrival"] for user, row in found.items()} == {"owner": 0.0, "anna": 4.5}
    asked = {request.path for request in vendor.lists}
    assert "/calendar/v3/calendars/c_1%40group.calendar.google.com/events" in asked


def test_a_second_poll_within_the_ttl_asks_google_nothing_and_a_backfill_does(
    vendor: GoogleVendor, tmp_path: Path
) -> None:
    home = living(vendor, tmp_path)
    for seconds in (0, 240, 400):
        home.clock.now = NOW + timedelta(seconds=seconds)
        assert home.poll("occupancy_prediction").success
    assert len(vendor.lists) == 2
    home.materialise("feeds/occupancy_prediction", days="2026-03-02")
    assert len(vendor.lists) == 3


def test_a_live_poll_is_stored_from_midnight_on_and_checked(vendor: GoogleVendor, tmp_path: Path) -> None:
    home = living(vendor, tmp_path)
    result = home.poll("occupancy_prediction")
    assert result.success
    assert all(check.passed for check in checks_of(result, "feeds/occupancy_prediction").values())
    assert home.times(OCCUPANCY_PREDICTION)[0] == at(0)
    assert home.times(OCCUPANCY_PREDICTION)[-1] == at(47.75)


@pytest.mark.parametrize("wrong", [page({"summary": 7}), fault(404, "notFound", "Not Found")])
def test_a_bad_answer_leaves_what_a_backfill_stored(vendor: GoogleVendor, tmp_path: Path, wrong: Any) -> None:
    home = living(vendor, tmp_path)
    assert home.materialise("feeds/occupancy_prediction", days=("2026-03-01", "2026-03-02")).success
    before = home.files()
    assert len(home.times(OCCUPANCY_PREDICTION)) == 2 * 96
    vendor.misbehave(wrong, path=PRIMARY)
    result = home.materialise("feeds/occupancy_prediction", days="2026-03-02")
    assert not result.success
    assert "google: GET http" in failure_of(result)
    assert home.files() == before


def test_a_backfill_run_again_changes_nothing_and_a_removed_event_is_gone(vendor: GoogleVendor, tmp_path: Path) -> None:
    home = living(vendor, tmp_path)
    for _ in range(2):
        assert home.materialise("feeds/occupancy_prediction", days="2026-03-02").success
        stored = home.stored(OCCUPANCY_PREDICTION)
    assert sum(not each for each in stored["currently_home"].to_pylist()) == 6
    only(vendor)
    home.materialise("feeds/occupancy_prediction", days="2026-03-02")
    assert all(home.stored(OCCUPANCY_PREDICTION)["currently_home"].to_pylist())


def test_googles_libraries_are_loaded_by_those_only_who_ask_google() -> None:
    code = (
        "import sys, homeiq_assets.cli, homeiq_assets.feeds.registry; "
        "print(*(name for name in sys.modules if name.startswith(('google', 'httplib2', 'oauthlib'))))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "\n", "")


def living(vendor: GoogleVendor, folder: Path) -> Any:
    return household(
        folder,
        NOW,
        GOOGLE_BASE_URL=vendor.url,
        GOOGLE_CLIENT_ID=CLIENT_ID,
        GOOGLE_CLIENT_SECRET=CLIENT_SECRET,
        GOOGLE_REFRESH_TOKEN=REFRESH_TOKEN,
    )
