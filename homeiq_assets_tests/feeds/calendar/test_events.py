"""What the words of events say, whose calendars are, and the rules that the owner set."""

from datetime import timedelta

import pytest

from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.calendar.events import Rules, Says, Words, calendars
from homeiq_assets.settings.variables import Settings

WORDS = Words.of(Settings())


@pytest.mark.parametrize(
    ("title", "says"),
    [
        ("WFH", Says.HOME_OFFICE),
        ("Anna: home  Office!", Says.HOME_OFFICE),
        ("Working from home (maybe)", Says.HOME_OFFICE),
        ("Office", Says.WORKPLACE),
        ("Business trip to Graz", Says.AWAY),
        ("Office trip", Says.AWAY),
        ("FLIGHT OS 123", Says.AWAY),
        ("Officer's club", Says.BUSY),
        ("Remotely interesting", Says.BUSY),
        ("Out of office", Says.AWAY),
        ("Out of office: vacation", Says.AWAY),
        ("WFH, then the office", Says.BUSY),
        ("Stand-up", Says.BUSY),
        (None, Says.BUSY),
    ],
)
def test_words_are_found_whole_in_any_case_the_longest_first(title: str | None, says: Says) -> None:
    assert WORDS.read(title) is says


def test_words_of_a_place_count_and_phrases_do_not_reach_from_title_to_place() -> None:
    assert WORDS.read("Weekly", "Main office, room 3") is Says.WORKPLACE
    assert WORDS.read("Call home", "office") is Says.WORKPLACE


def test_the_words_are_the_owners() -> None:
    own = Words.of(Settings(calendar_wfh_words="Büro daheim, , teletrabajo", calendar_away_words="a.b."))
    assert own.read("BÜRO DAHEIM") is Says.HOME_OFFICE
    assert own.read("office trip") is Says.BUSY
    assert own.read("at a.b. today") is Says.AWAY
    assert own.read("at acb today") is Says.BUSY
    assert own.read("Out of Office") is Says.AWAY


def test_of_words_that_begin_alike_the_longer_is_read() -> None:
    assert Words(["remote"], ["remote site"], []).read("Remote site: pumps") is Says.AWAY
    assert Words(["remote site"], ["remote"], []).read("Remote site: pumps") is Says.HOME_OFFICE


def test_the_words_for_the_workplace_are_the_owners_and_among_those_for_being_away() -> None:
    own = Words.of(Settings(calendar_away_words="Büro, Reise", calendar_office_words="büro, Werk"))
    assert own.read("Büro") is Says.WORKPLACE
    assert own.read("Reise ins Büro") is Says.AWAY
    assert own.read("Werk") is own.read("Office") is Says.BUSY


def test_calendars_say_whose_they_are() -> None:
    text = "primary, anna=anna@example.com ,Anna Maria=x@group.calendar.google.com, ben@example.com, anna=second@x.org,"
    assert calendars("SETTING", text, {"primary": "owner"}) == [
        ("owner", "primary"),
        ("anna", "anna@example.com"),
        ("Anna Maria", "x@group.calendar.google.com"),
        ("ben", "ben@example.com"),
        ("anna", "second@x.org"),
    ]


@pytest.mark.parametrize("wrong", ["anna=", "=x", " , ", "@example.com"])
def test_a_calendar_that_is_none_names_the_setting(wrong: str) -> None:
    with pytest.raises(SettingError, match=r"^SETTING: "):
        calendars("SETTING", wrong)


def test_rules_come_from_the_settings() -> None:
    assert Rules.of(Settings()) == Rules(timedelta(minutes=30), (8, 17))
    assert Rules.of(Settings(calendar_travel_minutes=0, calendar_work_hours="24-8")) == Rules(timedelta(0), (0, 8))
    assert Rules.of(Settings(calendar_work_hours="0-24")).work_hours == (0, 24)
    for empty in ("8-8", "24-0", "2-3", "23-24"):
        with pytest.raises(SettingError, match="CALENDAR_WORK_HOURS"):
            Rules.of(Settings(calendar_work_hours=empty))
