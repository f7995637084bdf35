"""What the doctor says of removal: days that should be gone and are not, and removal that can never happen."""

from datetime import UTC, datetime

import pytest

from homeiq_assets_tests.retention.aged_home import ROWS, Opened, influx_variables, told
from homeiq_assets_tests.stores.influxd import Influxd

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
A_DAY = 86400


def test_days_that_should_be_gone_are_counted_and_the_asset_is_named(anywhere: Opened) -> None:
    aged = anywhere(NOW, METER_TYPE="off")
    late, young = aged.ago(30, 12, 9), aged.ago(8, 7, 2)
    aged.meter(*late, *young)

    (probe,) = told(aged).values()

    assert (probe.what, probe.ok, probe.warning) == ("removal of smart_meter", True, True)
    assert probe.detail.startswith(
        f"3 days ({late[0]} to {late[-1]}) with {3 * ROWS} rows, older than 7 days (RETENTION_RAW_DAYS), still"
    )
    assert "retention/smart_meter" in probe.detail


def test_nothing_is_said_once_they_are_gone(anywhere: Opened) -> None:
    aged = anywhere(NOW, METER_TYPE="off")
    days = aged.ago(12, 11, 10)
    aged.meter(*days)
    aged.roll(*days)
    aged.archived(*days)
    aged.remove(*days[:2])

    assert told(aged)["removal of smart_meter"].detail.startswith(f"1 day ({days[2]})")

    aged.meter(aged.ago(9)[0])
    aged.roll(*aged.ago(9))
    aged.remove(days[2])
    aged.archived(*aged.ago(9))
    aged.meter(*aged.ago(8))
    aged.roll(*aged.ago(8))
    aged.remove(*aged.ago(9))
    assert told(aged) == {}


def test_tiers_that_should_be_gone_are_counted_too(opened: Opened) -> None:
    aged = opened(
        NOW,
        METER_TYPE="off",
        RETENTION_RAW_DAYS="smart_meter=keep",
        RETENTION_HOURLY_DAYS="20",
        RETENTION_DAILY_DAYS="40",
    )
    days = aged.ago(60, 45, 30)
    aged.meter(*days)
    aged.roll(*days)

    found = told(aged)

    assert set(found) == {"removal of smart_meter_hourly", "removal of smart_meter_daily"}
    assert found["removal of smart_meter_hourly"].detail.startswith("3 days ")
    assert found["removal of smart_meter_daily"].detail.startswith(f"2 days ({days[0]} to {days[1]}) with 2 rows")
    assert "(RETENTION_DAILY_DAYS)" in found["removal of smart_meter_daily"].detail


def test_many_days_are_not_counted_to_the_last(opened: Opened) -> None:
    aged = opened(NOW, METER_TYPE="off")
    aged.meter(*aged.ago(400, 11))

    assert told(aged)["removal of smart_meter"].detail.startswith(f"at least 2 days ({aged.ago(11)[0]}) with 576 rows")


def test_a_wrong_age_removes_nothing_so_nothing_is_behind(opened: Opened) -> None:
    aged = opened(NOW, METER_TYPE="off", RETENTION_RAW_DAYS="smart_meter=1")
    aged.meter(*aged.ago(30))

    assert told(aged) == {}


def test_without_an_archive_what_has_to_be_in_it_never_goes(opened: Opened) -> None:
    probe = told(opened(NOW), archive_works=False)["removal"]

    assert probe.ok is False
    assert "RAW_ARCHIVE: raw days of smart_meter, smart_meter_circuit stay until the archive works" in probe.detail
    assert told(opened(NOW, RAW_ARCHIVE="off"), archive_works=False) == {}


@pytest.mark.influxdb
def test_events_that_home_assistant_writes_itself_never_go(influxd: Influxd, opened: Opened) -> None:
    theirs = influxd.create_bucket()
    influxd.write(theirs, f"W,entity_id=a,domain=sensor value=1 {int(NOW.timestamp() - 60 * A_DAY) * 10**9}")
    events = {"EVENTS_SOURCE": "home_assistant_influxdb", "EVENTS_INFLUXDB_BUCKET": theirs}
    aged = opened(NOW, **influx_variables(influxd, RETENTION_RAW_DAYS="home_assistant_events=30", **events))

    (probe,) = told(aged).values()

    assert (probe.what, probe.ok) == ("removal of events", False)
    assert "Home Assistant's own integration writes these events" in probe.detail


def test_an_empty_home_has_nothing_to_be_said_of(anywhere: Opened) -> None:
    assert told(anywhere(NOW)) == {}
