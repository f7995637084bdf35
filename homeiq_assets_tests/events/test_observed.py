"""The asset of events that somebody else writes: observed by real runs, read from a real InfluxDB."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from homeiq_assets.cli.doctor import examine
from homeiq_assets.defs.build import build_defs
from homeiq_assets.defs.common.options import follows
from homeiq_assets.defs.partitions import FROM_THE_DAY_BEFORE
from homeiq_assets_tests.events.foreign_home import ForeignHome, line
from homeiq_assets_tests.household import QUIET, Household, asset_key, failure_of, household

pytestmark = pytest.mark.influxdb
EVENTS = asset_key("feeds/home_assistant_events")
FOLLOWER = asset_key("views/follower")
GRID = {"entity_id": "grid_power", "domain": "sensor"}
NOW = datetime(2026, 11, 24, 10, 5, tzinfo=UTC)
TODAY = "2026-11-24"


def power(watts: float, time: datetime) -> str:
    return line("W", GRID, {"value": watts}, time)


@pytest.fixture
def home(foreign: ForeignHome, tmp_path: Path) -> Household:
    foreign.write(*(power(float(n), NOW - n * timedelta(hours=3)) for n in range(60)))
    variables = foreign.variables("home_assistant_influxdb") | {"HOMEIQ_TIMEZONE": "Europe/Vienna"}
    zone = variables.pop("HOMEIQ_TIMEZONE")
    return household(tmp_path, NOW, zone, **variables)


def observe(home: Household) -> dg.ExecuteInProcessResult:
    return home.defs.resolve_job_def("observe_events").execute_in_process(
        instance=home.instance, run_config=QUIET, raise_on_error=False
    )


def observed(home: Household) -> dict[str, tuple[Any, str]]:
    """Day -> count and version, as they were observed last."""
    records = home.instance.fetch_observations(EVENTS, limit=500).records
    found: dict[str, tuple[Any, str]] = {}
    for record in reversed(records):
        told = record.asset_observation
        if told is not None and told.partition is not None and "dagster/data_version" in (told.tags or {}):
            count = told.metadata["dagster/partition_row_count"].value
            found[told.partition] = (count, (told.tags or {})["dagster/data_version"])
    return found


def test_the_last_days_are_counted_with_a_version_each(home: Household) -> None:
    result = observe(home)

    assert result.success, failure_of(result)
    counts = {day: count for day, (count, _) in observed(home).items()}
    assert sorted(counts) == [f"2026-11-{day}" for day in range(13, 25)]
    assert counts["2026-11-20"] == 8
    assert counts[TODAY] == 4
    assert counts["2026-11-13"] == 0, "nothing was written yet"


def test_a_version_changes_with_its_days_events_only(home: Household, foreign: ForeignHome) -> None:
    observe(home)
    before = observed(home)
    observe(home)
    assert observed(home) == before

    foreign.write(power(99.0, NOW - 30 * timedelta(hours=3)))
    observe(home)

    after = observed(home)
    assert {day for day in after if after[day][1] != before[day][1]} == {"2026-11-20"}
    assert after["2026-11-20"][0] == before["2026-11-20"][0], "a revised value, no further event"


def test_a_day_without_events_has_been_seen_too(home: Household) -> None:
    home.clock.now = NOW + timedelta(days=2)
    observe(home)

    assert observed(home)["2026-11-26"][0] == 0


def test_a_time_may_be_finer_than_a_microsecond(home: Household, foreign: ForeignHome) -> None:
    foreign.write("W,domain=sensor,entity_id=fine value=1 1795500000123456789")

    result = observe(home)

    assert result.success, failure_of(result)
    assert observed(home)[TODAY][0] == 5


def test_a_view_follows_for_the_days_whose_events_changed(home: Household, foreign: ForeignHome) -> None:
    partitions = home.defs.resolve_asset_graph().get(EVENTS).partitions_def

    @dg.asset(
        key=FOLLOWER,
        deps=[dg.AssetDep(EVENTS, partition_mapping=FROM_THE_DAY_BEFORE)],
        partitions_def=partitions,
        automation_condition=follows(timedelta(days=5), "Europe/Vienna"),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def follower() -> None: ...

    everything = build_defs(home.home)
    defs = dg.Definitions([*(everything.assets or ()), follower], resources=everything.resources)
    cursor = None

    def requested(at: datetime) -> set[str]:
        nonlocal cursor
        with dg.partition_loading_context(effective_dt=at):
            found = dg.evaluate_automation_conditions(
                defs, home.instance, asset_selection=dg.AssetSelection.assets(FOLLOWER), evaluation_time=at,
                cursor=cursor,
            )  # fmt: skip
        cursor = found.cursor
        return found.get_requested_partitions(FOLLOWER)  # type: ignore[return-value]

    observe(home)
    requested(NOW)
    observe(home)
    assert requested(NOW + timedelta(minutes=2)) == set(), "seen again, and nothing changed"

    foreign.write(power(99.0, datetime(2026, 11, 22, 12, tzinfo=UTC)))
    observe(home)

    assert requested(NOW + timedelta(minutes=4)) == {"2026-11-22", "2026-11-23"}
    assert requested(NOW + timedelta(minutes=6)) == set()


def test_it_says_of_itself_what_a_feed_does_and_is_polled_by_nothing(home: Household) -> None:
    dg.Definitions.validate_loadable(home.defs)
    (spec,) = [spec for spec in home.defs.resolve_all_asset_specs() if spec.key == EVENTS]

    assert spec.owners
    assert spec.description
    assert spec.kinds == {"influxdb", "home_assistant_influxdb"}
    assert spec.tags["homeiq/provider"] == "home_assistant_influxdb"
    node = home.defs.resolve_asset_graph().get(EVENTS)
    assert node.is_observable
    assert not node.is_materializable
    schedules = {one.name: one for one in home.defs.schedules or ()}
    assert set(schedules) == {
        "observe_events_schedule",
        "check_reading_ages_schedule",
        "remove_old_days",
        "report_storage",
        "prune_history_schedule",
    }
    assert schedules["observe_events_schedule"].default_status == dg.DefaultScheduleStatus.RUNNING
    off = replace(home.home, settings=home.settings.model_copy(update={"homeiq_automation": "off"}))
    assert {one.default_status for one in build_defs(off).schedules or ()} == {dg.DefaultScheduleStatus.STOPPED}


def test_the_age_of_the_newest_event_is_checked_beside_the_feeds(home: Household) -> None:
    def age() -> dg.AssetCheckEvaluation:
        result = home.defs.resolve_job_def("check_reading_ages").execute_in_process(
            instance=home.instance, run_config=QUIET, raise_on_error=False
        )
        (found,) = result.get_asset_check_evaluations()
        return found

    assert age().passed
    home.clock.now = NOW + timedelta(minutes=61)
    assert not age().passed
    assert age().description == "stale since 2026-11-24 10:05 UTC"


def test_an_unreadable_bucket_fails_the_observation_in_the_owners_words(foreign: ForeignHome, tmp_path: Path) -> None:
    variables = foreign.variables("homeiq", EVENTS_INFLUXDB_BUCKET="nowhere")
    zone = variables.pop("HOMEIQ_TIMEZONE")
    result = observe(household(tmp_path, NOW, zone, **variables))

    assert not result.success
    assert failure_of(result).startswith("EVENTS_INFLUXDB_BUCKET: there is no bucket nowhere")


def test_observing_writes_nothing(home: Household, foreign: ForeignHome) -> None:
    before = foreign.points()
    observe(home)
    home.defs.resolve_job_def("check_reading_ages").execute_in_process(
        instance=home.instance, run_config=QUIET, raise_on_error=False
    )
    assert foreign.points() == before


def test_the_doctor_has_a_line_for_it(foreign: ForeignHome, settings_of: Callable[..., Any]) -> None:
    foreign.write(power(1.0, NOW))
    found = {probe.what: probe for probe in examine(settings_of(**foreign.variables("home_assistant_influxdb")))}
    line_of_events = found["feed home_assistant_events"]
    assert line_of_events.ok, line_of_events.detail
    assert line_of_events.detail.startswith("home_assistant_influxdb: W in the bucket")

    wrong = settings_of(**foreign.variables("homeiq"))
    found = {probe.what: probe for probe in examine(wrong)}
    assert found["feed home_assistant_events"].ok is False
    assert "EVENTS_SOURCE" in found["feed home_assistant_events"].detail


def test_materialising_a_range_observes_those_days(home: Household) -> None:
    graph = home.defs.resolve_asset_graph()

    result = home.materialise("feeds/home_assistant_events", days=("2026-11-18", "2026-11-20"))

    assert result.success, failure_of(result)
    assert {day: count for day, (count, _) in observed(home).items()} == {
        "2026-11-18": 8,
        "2026-11-19": 8,
        "2026-11-20": 8,
    }
    # Else Dagster's command line refuses a range.
    assert graph.get(EVENTS).backfill_policy == dg.BackfillPolicy.single_run()
