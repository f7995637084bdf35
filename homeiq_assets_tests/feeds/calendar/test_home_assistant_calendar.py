"""Home Assistant's calendars, asked over its REST API: the words of events become predictions."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.calendar import home_assistant
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurements import OCCUPANCY_PREDICTION
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.skipped import noting
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.household import Household, failure_of, household
from homeiq_assets_tests.simulated_vendors.home_assistant_rest import TOKEN, HomeAssistantRest, event
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply, no_waiting

VIENNA = ZoneInfo("Europe/Vienna")
DAY = local_day(date(2026, 3, 2), VIENNA)
NOW = datetime(2026, 3, 2, 9, 7, tzinfo=UTC)
ANNA, FAMILY = "calendar.anna", "calendar.family"
PATH = f"/api/calendars/{ANNA}"
EVENTS = {
    ANNA: [
        event("2026-03-02", "2026-03-03", "WFH"),
        event("2026-03-02T14:00:00+01:00", "2026-03-02T15:00:00+01:00", "Dentist (away)", location="Main street"),
        event("2026-03-03", "2026-03-04", "Office"),
    ],
    FAMILY: [event("2026-03-02T14:30:00+01:00", "2026-03-02T16:00:00+01:00", "Trip")],
}


@pytest.fixture
def vendor() -> Iterator[HomeAssistantRest]:
    with HomeAssistantRest(EVENTS) as running, no_waiting():
        yield running


def provider(vendor: HomeAssistantRest, **given: Any) -> Provider:
    usual = {
        "home_assistant_url": vendor.url,
        "home_assistant_token": TOKEN,
        "home_assistant_calendars": ANNA,
    }
    return home_assistant.build(Settings(**(usual | given)), VIENNA)["occupancy_prediction"]


def fetch(vendor: HomeAssistantRest, window: Window = DAY, **given: Any) -> list[Answer]:
    return list(provider(vendor, **given).fetch(window, NOW))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def away(answers: list[Answer]) -> dict[str, list[float]]:
    """By user, the hours since the first midnight in whose slots somebody is away."""
    found: dict[str, list[float]] = {}
    for row in rows(answers):
        gone = found.setdefault(row["user"], [])
        if not row["currently_home"]:
            gone.append((row["time"] - DAY.start) / timedelta(hours=1))
    return found


def living(vendor: HomeAssistantRest, folder: Path) -> Household:
    connection = {"HOME_ASSISTANT_URL": vendor.url, "HOME_ASSISTANT_TOKEN": TOKEN}
    return household(folder, NOW, **connection, HOME_ASSISTANT_CALENDARS=ANNA)


def test_words_decide_who_is_away_and_works_at_home(vendor: HomeAssistantRest) -> None:
    (answer,) = fetch(vendor)
    assert (answer.covers, answer.step) == (DAY, timedelta(minutes=15))
    assert away([answer]) == {"anna": [14, 14.25, 14.5, 14.75, 15, 15.25]}
    assert {(row["source"], row["wfh_today"]) for row in rows([answer])} == {("home_assistant", True)}


def test_a_poll_answers_every_slot_of_its_window_tomorrow_included(vendor: HomeAssistantRest) -> None:
    window = Window(DAY.start + timedelta(hours=9.5), DAY.end + timedelta(days=1))
    (answer,) = fetch(vendor, window)
    assert answer.covers == window
    assert away([answer])["anna"][-1] == 24 + 17.25


def test_a_month_is_one_request_for_each_calendar_in_utc(vendor: HomeAssistantRest) -> None:
    month = Window(local_day(date(2026, 3, 1), VIENNA).start, local_day(date(2026, 3, 31), VIENNA).end)
    assert provider(vendor).longest >= month.length
    (answer,) = fetch(vendor, month, home_assistant_calendars=f"{ANNA}, {FAMILY}")
    assert answer.rows.num_rows == 2 * (31 * 24 - 1) * 4
    assert [request.path for request in vendor.asked] == [PATH, f"/api/calendars/{FAMILY}"]
    assert vendor.asked[0].params == {"start": "2026-02-26T23:00:00Z", "end": "2026-04-15T22:00:00Z"}


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_a_day_of_a_clock_change_has_the_slots_it_has(vendor: HomeAssistantRest, day: date, slots: int) -> None:
    (answer,) = fetch(vendor, local_day(day, VIENNA))
    assert answer.rows.num_rows == slots


def test_calendars_of_one_user_are_merged(vendor: HomeAssistantRest) -> None:
    names = f"Anna={ANNA}, Anna={FAMILY}, {FAMILY}"
    found = away(fetch(vendor, home_assistant_calendars=names))
    assert set(found) == {"Anna", "family"}
    assert (found["Anna"][0], found["Anna"][-1]) == (14, 16.25)


def test_an_empty_calendar_is_an_answer_at_home(vendor: HomeAssistantRest) -> None:
    vendor.calendars[ANNA] = []
    (answer,) = fetch(vendor)
    assert answer.covers == DAY
    assert away([answer]) == {"anna": []}


def test_a_revised_calendar_is_what_the_next_fetch_says(vendor: HomeAssistantRest) -> None:
    assert away(fetch(vendor))["anna"]
    vendor.calendars[ANNA] = []
    assert away(fetch(vendor)) == {"anna": []}


def test_a_wrong_token_names_the_setting_and_is_not_tried_again(vendor: HomeAssistantRest) -> None:
    with pytest.raises(ProviderError, match=r"401.*Look at HOME_ASSISTANT_TOKEN") as caught:
        fetch(vendor, home_assistant_token=SecretStr("other-token-of-mine"))
    assert not caught.value.retryable
    assert "other-token-of-mine" not in str(caught.value)
    assert len(vendor.asked) == 1


def test_a_calendar_that_is_not_there_is_named_with_those_spelled_alike(vendor: HomeAssistantRest) -> None:
    with pytest.raises(
        ProviderError, match=r"HOME_ASSISTANT_CALENDARS: .* no calendar calendar\.ana; did you mean calendar\.anna\?"
    ) as caught:
        fetch(vendor, home_assistant_calendars="calendar.ana")
    assert not caught.value.retryable


def test_a_home_without_calendars_says_so(vendor: HomeAssistantRest) -> None:
    vendor.calendars.clear()
    with pytest.raises(ProviderError, match=r"no calendar calendar\.anna; it has none"):
        fetch(vendor)


def test_a_failure_of_the_calendars_own_server_may_pass(vendor: HomeAssistantRest) -> None:
    vendor.failing = "iCloud is away"
    with pytest.raises(ProviderError, match=r"500.*Error reading events: iCloud is away") as caught:
        fetch(vendor)
    assert caught.value.retryable


def test_what_is_not_home_assistant_makes_the_owner_look_at_the_address() -> None:
    with HomeAssistantRest({}) as gone:
        url = gone.url
    with no_waiting(), pytest.raises(ProviderError, match=r"Is HOME_ASSISTANT_URL right\?"):
        list(
            home_assistant.build(
                Settings(home_assistant_url=url, home_assistant_token=TOKEN, home_assistant_calendars=ANNA), VIENNA
            )["occupancy_prediction"].fetch(DAY, NOW)
        )


WHOLE = event("2026-03-02", "2026-03-03", "Trip")


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"start": {"dateTime": "2026-03-02T09:00:00Z"}}, "a date at one end and a time at the other"),
        ({"end": {"dateTime": "2026-03-03T00:00:00Z"}}, "a date at one end and a time at the other"),
        ({"start": {"date": "2026-03-05"}}, "ends before it begins (2026-03-05 to 2026-03-03)"),
        ({"start": {"date": "2026-02-30"}}, "0.start.date"),
        ({"summary": 7}, "0.summary"),
    ],
)
def test_one_odd_event_is_left_out_and_named_and_all_others_count(
    vendor: HomeAssistantRest, odd: dict[str, Any], told: str
) -> None:
    vendor.misbehave(json_reply([WHOLE | odd, *EVENTS[ANNA]]), path=PATH)
    with noting(NOW) as skipped:
        assert away(fetch(vendor)) == away(fetch(vendor))
    (named,) = skipped.listed
    assert told in named


@pytest.mark.parametrize("missing", [{"start": None}, {"end": {"date": None}}])
def test_an_event_without_an_end_is_left_out_and_told(
    vendor: HomeAssistantRest, missing: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    vendor.misbehave(json_reply([WHOLE | missing]), path=PATH)
    assert away(fetch(vendor)) == {"anna": []}
    assert "calendar.anna has an event without a beginning or an end" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (json_reply([WHOLE | {"summary": 7}]), "0.summary"),
        (json_reply([WHOLE | {"start": {"date": "2026-02-30"}}]), "0.start.date"),
        (json_reply([WHOLE | {"start": {"dateTime": "2026-03-02T09:00:00"}}]), "0.start.dateTime"),
        (json_reply([WHOLE | {"start": "2026-03-02"}]), "0.start"),
        (json_reply({"message": "an error inside a 200"}), "an error inside a 200"),
        (json_reply(None), "the answer"),
        (html_reply(), "Bad gateway"),
        (html_reply(403), "Look at HOME_ASSISTANT_TOKEN"),
        (Reply(400, b""), "400"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: HomeAssistantRest, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong, path=PATH)
    with pytest.raises(ProviderError) as caught:
        fetch(vendor)
    assert str(caught.value).startswith("home_assistant: ")
    assert problem in str(caught.value)


def test_hiccups_are_waited_out(vendor: HomeAssistantRest) -> None:
    vendor.misbehave(json_reply({}, 502), Misbehaviour(reset=True), Misbehaviour(truncate=True))
    assert len(rows(fetch(vendor))) == 96


@pytest.mark.parametrize("wrong", ["sensor.anna", "anna", "calendar.anna/../../states"])
def test_what_is_no_calendar_names_the_setting(vendor: HomeAssistantRest, wrong: str) -> None:
    with pytest.raises(SettingError, match="HOME_ASSISTANT_CALENDARS"):
        fetch(vendor, home_assistant_calendars=wrong)
    assert vendor.asked == []


@pytest.mark.parametrize("name", ["HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN", "HOME_ASSISTANT_CALENDARS"])
def test_missing_settings_are_named(vendor: HomeAssistantRest, name: str) -> None:
    with pytest.raises(SettingError, match=f"{name}: is not set"):
        fetch(vendor, **{name.lower(): None})


def test_the_probe_is_one_call_that_finds_the_calendars(vendor: HomeAssistantRest) -> None:
    assert provider(vendor, home_assistant_calendars=f"{ANNA}, us={FAMILY}").probe(NOW) == "anna: Anna; us: Family"
    assert len(vendor.asked) == 1
    with pytest.raises(ProviderError, match=r"no calendar calendar\.ben; did you mean"):
        provider(vendor, home_assistant_calendars="calendar.ben").probe(NOW)


def test_a_backfill_and_a_poll_are_stored_and_a_bad_answer_leaves_them(
    vendor: HomeAssistantRest, tmp_path: Path
) -> None:
    home = living(vendor, tmp_path)
    assert home.materialise("feeds/occupancy_prediction", days=("2026-03-01", "2026-03-02")).success
    assert home.poll("occupancy_prediction").success
    assert len(home.times(OCCUPANCY_PREDICTION)) == 3 * 96
    before = home.files()
    vendor.misbehave(json_reply([WHOLE | {"summary": 7}]), path=PATH)
    result = home.materialise("feeds/occupancy_prediction", days="2026-03-02")
    assert not result.success
    assert "home_assistant: GET http" in failure_of(result)
    assert home.files() == before
