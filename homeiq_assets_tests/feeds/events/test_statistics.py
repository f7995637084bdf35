"""Home Assistant's long-term statistics as rows of the hourly tier, against a strict simulated one."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.events.statistics import LongTermStatistics
from homeiq_assets.schema.measurements import HOME_ASSISTANT_HISTORY_HOURLY
from homeiq_assets.window import HOUR, Window, local_day, local_midnight
from homeiq_assets_tests.feeds.events.pulled_home import NOW, VIENNA, SettingsOf, answers, quiet, variables
from homeiq_assets_tests.household import failure_of, household
from homeiq_assets_tests.simulated_vendors.home_assistant_history import HomeAssistantHistory

POWER, METER, WIND = "sensor.grid_power", "sensor.grid_energy", "sensor.wind"
MIDNIGHT = datetime(2026, 11, 19, tzinfo=UTC)
TIER = HOME_ASSISTANT_HISTORY_HOURLY


@pytest.fixture
def vendor() -> Iterator[HomeAssistantHistory]:
    with HomeAssistantHistory(NOW) as home:
        home.power = {POWER: lambda at: 100.0 + at.minute, WIND: lambda _: 270.0}
        home.sums = {METER: lambda at: (at - home.began) / HOUR * 0.5}
        home.metadata = {WIND: {"mean_type": 2, "unit_class": None, "statistics_unit_of_measurement": "°"}}
        home.registries = {"device": [], "entity": [{"entity_id": METER, "area_id": "cellar"}]}
        yield home


def provider(settings_of: SettingsOf, vendor: HomeAssistantHistory, **changed: str) -> LongTermStatistics:
    return LongTermStatistics(settings_of(**variables(vendor, **changed)))


def test_an_hour_has_what_home_assistant_keeps_of_it_and_nothing_else(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    (answer,) = answers(provider(settings_of, vendor), Window(MIDNIGHT, MIDNIGHT + HOUR))

    meter, power = ({k: v for k, v in row.items() if v not in (None, "unknown")} for row in answer.rows.to_pylist())
    hours = (MIDNIGHT + HOUR - vendor.began) / HOUR
    assert {name: value for name, value in meter.items() if name != "time"} == {
        "entity_id": METER, "domain": "sensor", "area": "cellar", "unit_of_measurement_last": "kWh",
        "normalized_value_increase": 0.5, "normalized_value_last": hours * 0.5,
    }  # fmt: skip
    assert {name: value for name, value in power.items() if name != "time"} == {
        "entity_id": POWER, "domain": "sensor", "unit_of_measurement_last": "W",
        "normalized_value_mean": 127.5, "normalized_value_min": 100.0, "normalized_value_max": 155.0,
    }  # fmt: skip
    assert answer.covers == Window(MIDNIGHT, MIDNIGHT + HOUR)


def test_a_month_is_one_question_per_unit(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    month = Window(MIDNIGHT - timedelta(days=1000), MIDNIGHT - timedelta(days=969))

    (answer,) = answers(provider(settings_of, vendor), month)

    assert provider(settings_of, vendor).longest == 31 * 24 * HOUR + HOUR
    assert answer.rows.num_rows == 2 * 31 * 24
    assert answer.step == HOUR
    pinned = [command["units"] for command in vendor.asked_for("hour")]
    assert sorted(map(str, pinned)) == ["{'energy': 'kWh'}", "{'power': 'W'}"]


def test_only_hours_that_are_compiled_are_vouched_for(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    vendor.began = NOW - 30 * HOUR
    (answer,) = answers(provider(settings_of, vendor), Window(NOW - 100 * HOUR, NOW + 5 * HOUR))

    assert answer.covers.end == NOW.replace(minute=0, second=0)
    assert answer.covers.start > NOW - 31 * HOUR
    assert answers(provider(settings_of, vendor), Window(NOW - 500 * HOUR, NOW - 400 * HOUR)) == []


def test_globs_choose_statistics_too_and_a_circular_mean_is_left_out(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    chosen = provider(settings_of, vendor, HOME_ASSISTANT_EVENTS="sensor.*")
    assert chosen.probe(NOW) == "long-term statistics of 2 entities"
    with pytest.raises(ProviderError, match=r"HOME_ASSISTANT_EVENTS: .*no long-term statistics"):
        provider(settings_of, vendor, HOME_ASSISTANT_EVENTS="light.*").probe(NOW)


def test_what_the_owner_says_is_no_meter_has_no_increase(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    chosen = provider(settings_of, vendor, EVENTS_METERS=f"!{METER}")
    (answer,) = answers(chosen, Window(MIDNIGHT, MIDNIGHT + HOUR))
    assert answer.rows["entity_id"].to_pylist() == [POWER]


def test_an_hour_is_in_the_area_in_which_its_entity_was_then(
    vendor: HomeAssistantHistory, settings_of: SettingsOf
) -> None:
    hour = Window(MIDNIGHT, MIDNIGHT + HOUR)
    answers(provider(settings_of, vendor), hour)
    vendor.registries["entity"][0]["area_id"] = "attic"

    (answer,) = answers(provider(settings_of, vendor), hour, NOW + timedelta(days=2))

    assert answer.rows["area"].to_pylist() == ["cellar", "unknown"]


def test_a_refused_token_is_told_and_not_shown(vendor: HomeAssistantHistory, settings_of: SettingsOf) -> None:
    with pytest.raises(ProviderError, match="HOME_ASSISTANT_TOKEN") as failure:
        provider(settings_of, vendor, HOME_ASSISTANT_TOKEN="another-secret-token").probe(NOW)
    assert "another-secret-token" not in str(failure.value)


def test_a_year_is_one_run_of_monthly_questions_with_days_as_long_as_they_are(
    tmp_path: Path, vendor: HomeAssistantHistory
) -> None:
    vendor.power, vendor.metadata = {}, {}
    home = household(tmp_path, NOW, HOMEIQ_START_DATE="2025-01-01", **variables(vendor), **quiet())

    result = home.materialise("tiers/home_assistant_history_hourly", days=("2025-11-01", "2026-10-31"))

    assert result.success, failure_of(result)
    rows = {day: home.told("tiers/home_assistant_history_hourly", day) for day in ("2026-03-29", "2026-10-25")}
    assert [row["dagster/partition_row_count"] for row in rows.values()] == [23, 25]
    assert len(home.marked("tiers/home_assistant_history_hourly")) == 365
    assert len(vendor.asked_for("hour")) == 12
    whole = Window(local_midnight(date(2025, 11, 1), VIENNA), local_day(date(2026, 10, 31), VIENNA).end)
    assert home.stored(TIER).num_rows == whole.length / HOUR


def test_what_failed_midway_keeps_the_months_before(tmp_path: Path, vendor: HomeAssistantHistory) -> None:
    vendor.power, vendor.metadata = {}, {}
    home = household(tmp_path, NOW, HOMEIQ_START_DATE="2025-01-01", **variables(vendor), **quiet())
    gone = datetime(2026, 2, 15, tzinfo=UTC)

    def reading(at: datetime) -> float:
        return float("nan") if at > gone else 1.0

    vendor.sums = {METER: reading}
    result = home.materialise("tiers/home_assistant_history_hourly", days=("2026-01-01", "2026-03-31"))

    assert not result.success
    assert "not what Home Assistant's API promises" in failure_of(result)
    marked = home.marked("tiers/home_assistant_history_hourly")
    assert marked == {f"2026-01-{day:02}" for day in range(1, 32)}
