"""What the doctor says of retention: wrong ages, buckets that forget too soon, days that expire unarchived."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from homeiq_assets.retention import advice
from homeiq_assets.retention.archiving import archive_days
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.settings.variables import Settings
from homeiq_assets.tiers.raw import opened_raw
from homeiq_assets_tests.retention.aged_home import DAY, PAIRS, AgedHome, Opened, influx_variables, told
from homeiq_assets_tests.stores.influxd import Influxd

A_DAY = 86400
Said = list[tuple[str, bool | None, str]]


class TestSettings:
    @pytest.fixture
    def said(self, settings_of: Callable[..., Settings]) -> Callable[..., Said]:
        def say(**variables: str) -> list[tuple[str, bool | None, str]]:
            probes = advice.of_settings(PAIRS, settings_of(**variables))
            return [(probe.what, probe.ok, probe.detail) for probe in probes]

        return say

    def test_without_any_what_goes_when_is_said(self, said: Callable[..., Said]) -> None:
        assert said() == [
            ("retention", True, "days go after: raw smart_meter=7, smart_meter_circuit=7; hourly 90; daily 365")
        ]

    def test_what_is_kept_is_not_among_what_goes(self, said: Callable[..., Said]) -> None:
        ((_, ok, detail),) = said(
            RETENTION_RAW_DAYS="smart_meter=keep, smart_meter_circuit=keep", RETENTION_HOURLY_DAYS="keep"
        )

        assert (ok, detail) == (True, "days go after: raw never; hourly keep; daily 365")

    @pytest.mark.parametrize(
        ("variables", "setting", "detail"),
        [
            ({"RETENTION_RAW_DAYS": "smart_meter=2"}, "RETENTION_RAW_DAYS", "smart_meter=2 is too short: .* set 5 or"),
            (
                {"RETENTION_RAW_DAYS": "carbon_intensity=9", "CARBON_PROVIDER": "energy_charts"},
                "RETENTION_RAW_DAYS",
                "carbon_intensity=9 is too short: the vendor may revise 8 closed days",
            ),
            (
                {"RETENTION_HOURLY_DAYS": "7"},
                "RETENTION_HOURLY_DAYS",
                "smart_meter_hourly goes after 7 days, but what it is made of stays 7; set more than 7",
            ),
            ({"RETENTION_DAILY_DAYS": "90"}, "RETENTION_DAILY_DAYS", "air_quality_daily goes after 90 days"),
            ({"RETENTION_RAW_DAYS": "smartmeter=9"}, "RETENTION_RAW_DAYS", "there is no measurement smartmeter"),
            ({"RAW_ARCHIVE": "smart_meter, evnts"}, "RAW_ARCHIVE", "there is no measurement evnts; there are: air_"),
        ],
    )
    def test_what_is_wrong_is_told_once_with_its_setting(
        self,
        variables: dict[str, str],
        setting: str,
        detail: str,
        said: Callable[..., Said],
    ) -> None:
        found = said(**variables)

        assert {(what, ok) for what, ok, _ in found} == {(setting, False)}
        assert any(re.match(detail, text) for _, _, text in found)
        assert len({text for _, _, text in found}) == len(found)

    def test_a_setting_that_cannot_be_read_at_all_is_left_to_its_own_line(self, said: Callable[..., Said]) -> None:
        assert said(RETENTION_RAW_DAYS="a week") == []


class TestBuckets:
    pytestmark = pytest.mark.influxdb

    @pytest.mark.parametrize(
        ("days", "needed"), [(9, "smart_meter_circuit has to stay 10 days: its days go once"), (10, None), (0, None)]
    )
    def test_a_bucket_has_to_keep_raw_rows_until_they_may_go(
        self,
        days: int,
        needed: str | None,
        influxd: Influxd,
        opened: Opened,
    ) -> None:
        bucket = influxd.create_bucket(retention_seconds=days * A_DAY)

        found = told(opened(**influx_variables(influxd, INFLUXDB_BUCKET=bucket)))

        assert bool(found) == (needed is not None)
        if needed is not None:
            probe = found["retention of INFLUXDB_BUCKET"]
            assert probe.ok is False
            assert f"INFLUXDB_BUCKET: the bucket keeps rows for {days} days only, and {needed}" in probe.detail
            assert "Set the bucket's retention to 10 days or more, or to 0" in probe.detail

    def test_without_removal_it_is_as_long_as_they_are_asked_for_again(self, influxd: Influxd, opened: Opened) -> None:
        bucket = influxd.create_bucket(retention_seconds=4 * A_DAY)
        kept = {"RETENTION_RAW_DAYS": "smart_meter=keep, smart_meter_circuit=keep"}

        found = told(opened(**influx_variables(influxd, INFLUXDB_BUCKET=bucket, **kept)))

        assert "smart_meter_circuit has to stay 5 days: its days are asked for" in (
            found["retention of INFLUXDB_BUCKET"].detail
        )
        influxd.keep(bucket, days=5)
        assert told(opened(**influx_variables(influxd, INFLUXDB_BUCKET=bucket, **kept))) == {}

    def test_the_bucket_of_the_events_is_named_by_its_own_setting(self, influxd: Influxd, opened: Opened) -> None:
        theirs = influxd.create_bucket(retention_seconds=20 * A_DAY)
        events = {"EVENTS_SOURCE": "homeiq", "EVENTS_INFLUXDB_BUCKET": theirs}
        influxd.write(theirs, "home_assistant_events,entity_id=sensor.a normalized_value=1")

        found = told(opened(**influx_variables(influxd, RETENTION_RAW_DAYS="home_assistant_events=30", **events)))

        assert list(found) == ["retention of EVENTS_INFLUXDB_BUCKET"]
        assert "home_assistant_events has to stay 33 days" in found["retention of EVENTS_INFLUXDB_BUCKET"].detail

    def test_tiers_in_the_raw_bucket_must_not_be_forgotten(self, influxd: Influxd, opened: Opened) -> None:
        bucket = influxd.create_bucket(retention_seconds=400 * A_DAY)
        aged = opened(**influx_variables(influxd, INFLUXDB_BUCKET=bucket, INFLUXDB_TIER_BUCKET=bucket))

        (failed,) = (probe for probe in aged.store.probe() if probe.ok is False)

        assert failed.what == f"tiers in {bucket}"
        assert "INFLUXDB_TIER_BUCKET: it keeps rows for 400 days only" in failed.detail


class TestExpiring:
    pytestmark = pytest.mark.influxdb

    @pytest.fixture(params=["homeiq", "home_assistant_influxdb"])
    def aged(self, request: pytest.FixtureRequest, influxd: Influxd, opened: Opened) -> AgedHome:
        """Events of every second day before today in a bucket that keeps 30 days."""
        theirs = influxd.create_bucket(retention_seconds=30 * A_DAY)
        events = {"EVENTS_SOURCE": request.param, "EVENTS_INFLUXDB_BUCKET": theirs}
        aged = opened(**influx_variables(influxd, **events))
        series, field = (
            ("home_assistant_events,entity_id=sensor.a,domain=sensor", "normalized_value=1")
            if request.param == "homeiq"
            else ("W,entity_id=a,domain=sensor", "value=1")
        )
        midnight = aged.home.now().replace(hour=0, minute=0, second=0, microsecond=0)
        for back in (29, 28, 27, 26, 25, 10, 1):
            noon = midnight - back * DAY + timedelta(hours=12)
            influxd.write(theirs, f"{series} {field} {int(noon.timestamp()) * 10**9}")
        return aged

    def test_days_that_expire_soon_and_are_not_archived_are_named_with_what_to_do(self, aged: AgedHome) -> None:
        soon = aged.ago(29, 28, 27)

        probe = told(aged)["archive of home_assistant_events"]

        assert probe.ok is False
        assert probe.detail.startswith(
            f"EVENTS_INFLUXDB_BUCKET: the bucket keeps rows for 30 days, so {', '.join(map(str, soon))} of "
        )
        assert f"materialise archive/home_assistant_events of {soon[0]} to {soon[-1]} now" in probe.detail
        assert "HOMEIQ_AUTOMATION" in probe.detail

    def test_days_that_are_archived_may_expire(self, aged: AgedHome) -> None:
        with opened_raw(HOME_ASSISTANT_EVENTS, aged.home, aged.store) as raw:
            list(archive_days(raw, aged.ago(29, 27), aged.home, aged.archive, aged.store))

        probe = told(aged)["archive of home_assistant_events"]
        assert f"so {aged.ago(28)[0]} of home_assistant_events will be gone" in probe.detail

        with opened_raw(HOME_ASSISTANT_EVENTS, aged.home, aged.store) as raw:
            list(archive_days(raw, aged.ago(28), aged.home, aged.archive, aged.store))
        assert told(aged) == {}

    def test_an_owner_who_does_without_the_archive_is_left_alone(
        self,
        aged: AgedHome,
        opened: Opened,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("RAW_ARCHIVE", "smart_meter")

        assert told(opened()) == {}


@pytest.mark.influxdb
def test_days_past_their_time_that_the_bucket_has_not_dropped_yet_are_named_too(
    influxd: Influxd, opened: Opened
) -> None:
    bucket = influxd.create_bucket()
    kept = {"RETENTION_RAW_DAYS": "smart_meter=keep, smart_meter_circuit=keep"}
    aged = opened(**influx_variables(influxd, INFLUXDB_BUCKET=bucket, **kept))
    aged.meter(*aged.ago(33))
    influxd.keep(bucket, days=30)

    assert f"so {aged.ago(33)[0]} of smart_meter" in told(aged)["archive of smart_meter"].detail


@pytest.mark.influxdb
def test_meter_days_in_a_bucket_that_forgets_are_named_too(influxd: Influxd, opened: Opened) -> None:
    bucket = influxd.create_bucket(retention_seconds=12 * A_DAY)
    kept = {"RETENTION_RAW_DAYS": "smart_meter=keep, smart_meter_circuit=keep"}
    aged = opened(**influx_variables(influxd, INFLUXDB_BUCKET=bucket, **kept))
    aged.meter(*aged.ago(11, 8, 1))

    (probe,) = told(aged).values()

    assert (probe.what, probe.ok) == ("archive of smart_meter", False)
    assert f"INFLUXDB_BUCKET: the bucket keeps rows for 12 days, so {aged.ago(11)[0]} of smart_meter" in probe.detail
