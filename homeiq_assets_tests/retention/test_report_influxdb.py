"""The storage report on a real InfluxDB: buckets, events that somebody else writes, and what it does not tell."""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from homeiq_assets.ledger.removed_days import Entry, Ledger, Proof, State
from homeiq_assets.retention.report.summary import DEAREST, ENOUGH, INFLUXDB_ROW, keep_report, made_report
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.window import local_day
from homeiq_assets_tests.retention.aged_home import ROWS, AgedHome, Opened, influx_variables
from homeiq_assets_tests.stores.influxd import Influxd

pytestmark = pytest.mark.influxdb

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
TEN_DAYS_AGO = int((NOW - timedelta(days=10)).timestamp()) * 10**9


@pytest.fixture(scope="module")
def restless() -> Iterator[Influxd]:
    """A server that soon puts what is written on disk."""
    if shutil.which("influxd") is None:
        pytest.skip("needs influxd on PATH")
    server = Influxd("--storage-cache-snapshot-write-cold-duration=1s")
    yield server
    server.stop()


@pytest.fixture
def server() -> Iterator[Callable[[str], Influxd]]:
    started: list[Influxd] = []

    def start(option: str) -> Influxd:
        if shutil.which("influxd") is None:
            pytest.skip("needs influxd on PATH")
        started.append(Influxd(option))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def on_disk(server: Influxd, aged: AgedHome, *buckets: str) -> dict[str, int]:
    """The sizes that are reported once every one of these buckets has reached the disk and was measured."""
    give_up = time.monotonic() + 90
    while time.monotonic() < give_up:
        report = made_report(aged.home, aged.store, aged.archive)
        sizes = {bucket: report.of("total", f"bucket {bucket}").bytes or 0 for bucket in buckets}
        if all(sizes.values()) and sizes == {bucket: server.disk_size(bucket) for bucket in buckets}:
            return sizes
        time.sleep(0.5)
    raise AssertionError(sizes)


def test_each_bucket_has_its_bytes_the_one_of_the_events_too_and_their_rows_count(
    restless: Influxd,
    opened: Opened,
) -> None:
    theirs = restless.create_bucket()
    variables = influx_variables(restless, EVENTS_SOURCE="homeiq", EVENTS_INFLUXDB_BUCKET=theirs)
    aged = opened(NOW, **variables)
    series = "home_assistant_events,entity_id=sensor.e"
    lines = [f'{series}{n % 50} state="{n}",normalized_value={n}.5 {TEN_DAYS_AGO + n * 10**9}' for n in range(ENOUGH)]
    for start in range(0, len(lines), 20_000):
        restless.write(theirs, "\n".join(lines[start : start + 20_000]))
    aged.meter(*aged.ago(9))
    aged.roll(*aged.ago(9))
    ours, tiers = variables["INFLUXDB_BUCKET"], f"{variables['INFLUXDB_BUCKET']}_tiers"
    Ledger(aged.store, aged.home.zone).write(
        "home_assistant_events", Entry(aged.ago(40)[0], State.REMOVED, Proof(9 * ENOUGH, {}, "", 0)), NOW
    )

    sizes = on_disk(restless, aged, ours, theirs, tiers)

    report = made_report(aged.home, aged.store, aged.archive)
    assert report.of("home_assistant_events", "raw").rows == ENOUGH
    assert report.of("home_assistant_events", "raw").rows_removed == 9 * ENOUGH
    assert report.of("total", "store").bytes == sum(sizes.values())
    there = ENOUGH + ROWS
    bytes_a_row = min((sizes[ours] + sizes[theirs]) / there, DEAREST)
    assert report.bytes_a_row == pytest.approx(bytes_a_row)
    expected = 1 - sum(sizes.values()) / (bytes_a_row * (there + 9 * ENOUGH))
    assert report.of("total", "store").reduction == pytest.approx(expected)
    assert report.warnings == ()

    # Beside tiers in one bucket the bytes of raw rows cannot be told apart.
    shared = opened(NOW, **variables, INFLUXDB_TIER_BUCKET=theirs)
    assert made_report(shared.home, shared.store, shared.archive).bytes_a_row == INFLUXDB_ROW


def test_what_others_write_into_the_bucket_makes_no_raw_row_dearer_than_one_can_be(
    restless: Influxd,
    opened: Opened,
) -> None:
    variables = influx_variables(restless)
    aged = opened(NOW, **variables)
    first = local_day(aged.ago(12)[0], aged.home.zone).start
    readings = [
        {"time": first + n * timedelta(seconds=2), "meter_type": "emporia", "total_power_w": 1.0} for n in range(ENOUGH)
    ]
    for part in range(0, ENOUGH, 25_000):
        aged.store.put(SMART_METER, rows_of(SMART_METER, readings[part : part + 25_000]))
    noise = [f'of_others x="{hash(str(n)):x}{hash(str(-n)):x}" {TEN_DAYS_AGO + n * 10**9}' for n in range(200_000)]
    for part in range(0, len(noise), 50_000):
        restless.write(variables["INFLUXDB_BUCKET"], "\n".join(noise[part : part + 50_000]))

    sizes = on_disk(restless, aged, variables["INFLUXDB_BUCKET"])

    assert sum(sizes.values()) > DEAREST * ENOUGH
    assert made_report(aged.home, aged.store, aged.archive).bytes_a_row == DEAREST


def test_events_as_home_assistants_own_integration_writes_them_count_in_all_their_measurements(
    influxd: Influxd,
    opened: Opened,
) -> None:
    theirs = influxd.create_bucket()
    influxd.write(
        theirs,
        "\n".join(
            [
                *(
                    f'W,domain=sensor,entity_id=grid value={n},friendly_name_str="g" {TEN_DAYS_AGO + n}'
                    for n in range(9)
                ),
                *(f"kWh,domain=sensor,entity_id=sum value={n} {TEN_DAYS_AGO + n}" for n in range(4)),
                f'binary_sensor.door,domain=binary_sensor,entity_id=door state="on" {TEN_DAYS_AGO}',
            ]
        ),
    )
    aged = opened(
        NOW,
        **influx_variables(influxd, EVENTS_SOURCE="home_assistant_influxdb", EVENTS_INFLUXDB_BUCKET=theirs),
    )

    report = made_report(aged.home, aged.store, aged.archive)

    assert report.of("home_assistant_events", "raw").rows == 14
    assert report.bytes_a_row == INFLUXDB_ROW


def test_rows_that_are_not_on_disk_yet_are_no_reduction(influxd: Influxd, opened: Opened) -> None:
    aged = opened(NOW, **influx_variables(influxd))
    aged.meter(*aged.ago(9))

    report = made_report(aged.home, aged.store, aged.archive)

    assert report.of("smart_meter", "raw").rows == ROWS
    assert report.of("total", "store").bytes == 0
    assert report.of("total", "store").reduction is None


def test_without_metrics_all_but_the_bytes_is_told(server: Callable[[str], Influxd], opened: Opened) -> None:
    aged = opened(NOW, **influx_variables(server("--metrics-disabled")))
    aged.meter(*aged.ago(9))

    report = made_report(aged.home, aged.store, aged.archive)

    (warning,) = report.warnings
    assert "shows no metrics" in warning
    assert report.of("smart_meter", "raw").rows == ROWS
    assert (report.of("total", "store").bytes, report.of("total", "store").reduction) == (None, None)
    assert report.of("total", "archive").bytes == 0
    assert keep_report(report, aged.home, aged.store) == len(report.lines)


def test_of_events_that_may_not_be_read_nothing_is_told_and_of_the_rest_everything(
    influxd: Influxd,
    opened: Opened,
) -> None:
    theirs, ours = influxd.create_bucket(), influxd.create_bucket()
    influxd.create_bucket(f"{ours}_tiers")
    ourselves = [ours, f"{ours}_tiers"]
    variables = influx_variables(influxd, INFLUXDB_BUCKET=ours, EVENTS_SOURCE="homeiq", EVENTS_INFLUXDB_BUCKET=theirs)
    aged = opened(NOW, **variables | {"INFLUXDB_TOKEN": influxd.token(read=ourselves, write=ourselves)})
    aged.meter(*aged.ago(9))

    report = made_report(aged.home, aged.store, aged.archive)

    assert any(f"the bucket {theirs}" in warning for warning in report.warnings)
    assert report.of("smart_meter", "raw").rows == ROWS
    assert report.of("home_assistant_events", "raw").rows is None
    assert report.of("total", "store").reduction is None
