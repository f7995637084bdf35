"""`homeiq doctor` about retention: what goes when, what is wrong with it, and what has to be looked at."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets_tests.cli.conftest import Outcome
from homeiq_assets_tests.cli.test_doctor import Doctor, doctor  # noqa: F401 (fixture)
from homeiq_assets_tests.retention.aged_home import influx_variables
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import put

A_DAY = 86400


def test_a_home_hears_what_goes_when(doctor: Doctor) -> None:  # noqa: F811
    found = doctor()

    assert found.status == 0
    assert found.found["retention"] == (
        "ok",
        "days go after: raw smart_meter=7, smart_meter_circuit=7; hourly 90; daily 365",
    )
    assert not [what for what in found.found if what.startswith("removal")]


def test_a_wrong_age_is_a_fault_and_the_rest_is_looked_at_still(doctor: Doctor) -> None:  # noqa: F811
    found = doctor(RETENTION_RAW_DAYS="smart_meter=3")

    assert (found.status, found.state("RETENTION_RAW_DAYS")) == (1, "failed")
    assert found.detail("RETENTION_RAW_DAYS").startswith("smart_meter=3 is too short")
    assert "retention" not in found.found
    assert found.state("feed fx_rate") == "not set"


def test_an_age_that_is_no_number_is_told_once(doctor: Doctor) -> None:  # noqa: F811
    found = doctor(RETENTION_HOURLY_DAYS="a quarter")

    assert (found.status, found.state("RETENTION_HOURLY_DAYS")) == (1, "failed")
    assert found.outcome.out.count("a quarter") == 1


def test_days_that_should_be_gone_are_a_warning_and_no_fault(doctor: Doctor, tmp_path: Path) -> None:  # noqa: F811
    old = datetime.now(UTC) - timedelta(days=20)
    store = EmbeddedStore(tmp_path / "homeiq" / "store")
    put(store, SMART_METER, [{"time": old, "meter_type": "sense", "total_power_w": 1.0}])

    found = doctor(METER_TYPE="off")

    assert (found.status, found.state("removal of smart_meter")) == (0, "warning")
    assert "retention/smart_meter" in found.detail("removal of smart_meter")


def test_old_days_of_a_demonstration_are_no_warning(doctor: Doctor, tmp_path: Path) -> None:  # noqa: F811
    store = EmbeddedStore(tmp_path / "homeiq" / "store")
    for age in (20, 400):
        at = datetime.now(UTC) - timedelta(days=age)
        put(store, SMART_METER, [{"time": at, "meter_type": "simulated", "total_power_w": 1.0}])

    found = doctor()

    assert found.status == 0
    assert {what: told for what, told in found.found.items() if told[0] not in ("ok", "not set")} == {}


def test_an_archive_that_fails_holds_up_removal(doctor: Doctor, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "homeiq").mkdir()
    (tmp_path / "homeiq" / "archive").write_text("a file where the folder should be")

    found = doctor()

    assert (found.status, found.state("archive"), found.state("removal")) == (1, "failed", "failed")
    assert "RAW_ARCHIVE: raw days of smart_meter, smart_meter_circuit stay" in found.detail("removal")


def test_a_store_that_cannot_be_used_is_told_once(doctor: Doctor, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "homeiq").mkdir()
    (tmp_path / "homeiq" / "store").write_text("a file where the folder should be")

    found = doctor()

    assert found.status == 1
    assert "retention in the store" not in found.found
    assert found.state("retention") == "ok"


@pytest.mark.influxdb
def test_a_bucket_that_forgets_before_rows_may_go_is_a_fault(
    doctor: Doctor,  # noqa: F811
    homeiq: Callable[..., Outcome],
    influxd: Influxd,
) -> None:
    bucket = influxd.create_bucket(retention_seconds=8 * A_DAY)
    off = {"METER_TYPE": "generic", "METER_URL": "", "CARBON_PROVIDER": "off"}

    found = doctor(**influx_variables(influxd, INFLUXDB_BUCKET=bucket) | off)

    assert found.status == 1
    assert found.state("retention of INFLUXDB_BUCKET") == "failed"
    assert "the bucket keeps rows for 8 days only" in found.detail("retention of INFLUXDB_BUCKET")


@pytest.mark.influxdb
def test_events_that_cannot_be_read_are_told_once(doctor: Doctor, influxd: Influxd) -> None:  # noqa: F811
    events = {"EVENTS_SOURCE": "homeiq", "EVENTS_INFLUXDB_BUCKET": "nobody_has_it", "METER_TYPE": "off"}

    found = doctor(**influx_variables(influxd, RETENTION_RAW_DAYS="home_assistant_events=30") | events)

    failed = [what for what, (state, _) in found.found.items() if state == "failed"]
    assert failed == ["feed home_assistant_events"]
