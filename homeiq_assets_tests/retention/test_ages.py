"""Ages: how they are said, and that those are refused which something else still needs the rows beyond."""

from collections.abc import Callable
from datetime import date

import pytest

from homeiq_assets.errors import SettingError
from homeiq_assets.retention.ages import Level, age, checked_age, last_due
from homeiq_assets.schema.measurements import CARBON_INTENSITY, HOME_ASSISTANT_EVENTS, SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.settings.variables import Settings

SettingsOf = Callable[..., Settings]


def refused(measurement, level: Level, settings: Settings, settled: int = 3) -> SettingError:
    with pytest.raises(SettingError) as caught:
        checked_age(measurement, level, settled, settings)
    return caught.value


def test_meters_go_after_a_week_and_all_tiers_after_their_time_but_no_other_raw_rows(settings_of: SettingsOf) -> None:
    settings = settings_of()

    assert [age(SMART_METER, level, settings) for level in Level] == [7, 90, 365]
    assert [age(SMART_METER_CIRCUIT, level, settings) for level in Level] == [7, 90, 365]
    assert [age(CARBON_INTENSITY, level, settings) for level in Level] == [None, 90, 365]
    assert [age(HOME_ASSISTANT_EVENTS, level, settings) for level in Level] == [None, 90, 365]


def test_a_bare_number_is_for_all_that_goes_by_itself_and_never_for_events(settings_of: SettingsOf) -> None:
    settings = settings_of(RETENTION_RAW_DAYS="12", RETENTION_HOURLY_DAYS="smart_meter=50, 100")

    assert age(SMART_METER, Level.RAW, settings) == age(SMART_METER_CIRCUIT, Level.RAW, settings) == 12
    assert age(HOME_ASSISTANT_EVENTS, Level.RAW, settings) is None
    assert age(CARBON_INTENSITY, Level.RAW, settings) is None
    assert age(SMART_METER, Level.HOURLY, settings) == 50
    assert age(HOME_ASSISTANT_EVENTS, Level.HOURLY, settings) == 100


def test_events_and_other_feeds_go_once_they_are_named(settings_of: SettingsOf) -> None:
    settings = settings_of(RETENTION_RAW_DAYS="home_assistant_events=30, carbon_intensity=20")

    assert checked_age(HOME_ASSISTANT_EVENTS, Level.RAW, 3, settings) == 30
    assert checked_age(CARBON_INTENSITY, Level.RAW, 3, settings) == 20
    assert checked_age(SMART_METER, Level.RAW, 3, settings) == 7, "and what is not named stays as it was"


def test_keep_keeps(settings_of: SettingsOf) -> None:
    settings = settings_of(RETENTION_RAW_DAYS="smart_meter=keep", RETENTION_HOURLY_DAYS="keep")

    assert checked_age(SMART_METER, Level.RAW, 3, settings) is None
    assert checked_age(SMART_METER, Level.HOURLY, 3, settings) is None
    assert checked_age(SMART_METER, Level.DAILY, 3, settings) == 365
    assert checked_age(SMART_METER_CIRCUIT, Level.RAW, 3, settings) == 7


def test_rows_stay_two_days_longer_than_the_vendor_may_revise_them(settings_of: SettingsOf) -> None:
    settings = settings_of(RETENTION_RAW_DAYS="smart_meter=7")

    assert checked_age(SMART_METER, Level.RAW, 5, settings) == 7
    error = refused(SMART_METER, Level.RAW, settings, settled=6)
    assert error.setting == "RETENTION_RAW_DAYS"
    assert "smart_meter=7 is too short" in str(error)
    assert "may revise 6 closed days" in str(error)
    assert "set 8 or more" in str(error)


@pytest.mark.parametrize(("hours", "least"), [("24", 5), ("96", 6), ("96.5", 7)])
def test_rows_stay_two_days_longer_than_a_reading_holds(settings_of: SettingsOf, hours: str, least: int) -> None:
    enough = settings_of(RETENTION_RAW_DAYS=f"smart_meter={least}", HOMEIQ_HOLD_HOURS=hours)
    assert checked_age(SMART_METER, Level.RAW, 3, enough) == least

    short = settings_of(RETENTION_RAW_DAYS=f"smart_meter={least - 1}", HOMEIQ_HOLD_HOURS=hours)
    assert f"set {least} or more" in str(refused(SMART_METER, Level.RAW, short))


def test_a_tier_stays_longer_than_what_it_is_made_of(settings_of: SettingsOf) -> None:
    settings = settings_of(RETENTION_RAW_DAYS="30", RETENTION_HOURLY_DAYS="30", RETENTION_DAILY_DAYS="31")

    error = refused(SMART_METER, Level.HOURLY, settings)
    assert error.setting == "RETENTION_HOURLY_DAYS"
    assert "smart_meter_hourly goes after 30 days, but what it is made of stays 30; set more than 30" in str(error)
    assert checked_age(SMART_METER, Level.DAILY, 3, settings) == 31

    settings = settings_of(RETENTION_RAW_DAYS="7", RETENTION_HOURLY_DAYS="30", RETENTION_DAILY_DAYS="30")
    assert checked_age(SMART_METER, Level.HOURLY, 3, settings) == 30
    error = refused(SMART_METER, Level.DAILY, settings)
    assert error.setting == "RETENTION_DAILY_DAYS"
    assert "smart_meter_daily goes after 30 days, but what it is made of stays 30" in str(error)


def test_the_daily_tier_outlives_raw_rows_also_where_the_hourly_one_is_kept(settings_of: SettingsOf) -> None:
    settings = settings_of(RETENTION_RAW_DAYS="30", RETENTION_HOURLY_DAYS="keep", RETENTION_DAILY_DAYS="30")

    assert "smart_meter_daily goes after 30 days" in str(refused(SMART_METER, Level.DAILY, settings))


@pytest.mark.parametrize("level", list(Level))
def test_a_name_that_is_none_is_refused_with_those_there_are(settings_of: SettingsOf, level: Level) -> None:
    settings = settings_of(**{level.setting: "smart_metre=400"})

    error = refused(SMART_METER, level, settings)

    assert error.setting == level.setting
    assert "there is no measurement smart_metre; there are: air_quality, carbon_intensity" in str(error)


def test_a_misspelt_raw_archive_removes_nothing_rather_than_without_an_archive(settings_of: SettingsOf) -> None:
    error = refused(SMART_METER, Level.RAW, settings_of(RAW_ARCHIVE="smart-meter"))

    assert error.setting == "RAW_ARCHIVE"
    assert "there is no measurement smart-meter" in str(error)
    assert checked_age(SMART_METER, Level.RAW, 3, settings_of(RAW_ARCHIVE="off")) == 7


@pytest.mark.parametrize("said", ["smart_meter=0", "smart_meter=-7", "smart_meter", "7.5", "smart_meter=7 days"])
def test_what_is_no_age_is_refused_by_its_setting(settings_of: SettingsOf, said: str) -> None:
    error = refused(SMART_METER, Level.RAW, settings_of(RETENTION_RAW_DAYS=said))

    assert error.setting == "RETENTION_RAW_DAYS"
    assert "is no age such as smart_meter=7" in str(error)


def test_a_day_is_due_the_day_after_it_reached_its_age() -> None:
    assert last_due(7, date(2025, 11, 10)) == date(2025, 11, 2)


def test_an_age_that_nobody_set_is_as_long_as_the_vendor_needs(settings_of: SettingsOf) -> None:
    unset, week = settings_of(), settings_of(RETENTION_RAW_DAYS="smart_meter=7")

    assert checked_age(SMART_METER, Level.RAW, 3, unset) == 7
    assert checked_age(SMART_METER, Level.RAW, 6, unset) == 8
    assert age(SMART_METER, Level.RAW, unset, 6) == 8
    with pytest.raises(SettingError, match="smart_meter=7 is too short"):
        checked_age(SMART_METER, Level.RAW, 6, week)
