"""The storage report: real rows and bytes, what removal saved, its cost; and what is told where little is known."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from homeiq_assets.archive.objects import LocalFolder
from homeiq_assets.errors import ArchiveError
from homeiq_assets.ledger.removed_days import Entry, Ledger, Proof, State
from homeiq_assets.retention.report.summary import GB, PARQUET_ROW, Line, Report, keep_report, made_report
from homeiq_assets.retention.report.table import LONGEST, table
from homeiq_assets.schema.measurements import HOME_ASSISTANT_HISTORY, SMART_METER, TIERED_MEASUREMENTS
from homeiq_assets.schema.retention import RETENTION_METRICS, RETENTION_OPERATIONS
from homeiq_assets_tests.household import Household, asset_key, failure_of, household, plain
from homeiq_assets_tests.retention.aged_home import ROWS, AgedHome, Opened
from homeiq_assets_tests.stores.places import ALWAYS, put

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
TODAY = "2026-11-20"
MINIMUM = 128 * 1024


def report_of(aged: AgedHome) -> Report:
    return made_report(aged.home, aged.store, aged.archive)


def lived(aged: AgedHome) -> AgedHome:
    """Four days of a meter, rolled and archived; the raw rows of the oldest are gone."""
    days = aged.ago(12, 11, 10, 9)
    aged.meter(*days)
    aged.roll(*days)
    aged.archived(*days)
    aged.remove(days[0])
    return aged


def test_what_is_there_and_what_is_gone_is_told_of_each_tier(anywhere: Opened) -> None:
    aged = lived(anywhere(NOW))

    report = report_of(aged)

    told = {line.place: (line.rows, line.rows_removed) for line in report.lines if line.measurement == "smart_meter"}
    assert told["raw"] == (3 * ROWS, ROWS)
    assert told["hourly"] == (4 * 24, 0)
    assert told["daily"] == (4, 0)
    assert report.warnings == ()
    assert {line.measurement for line in report.lines} == {"smart_meter", "total"}
    assert report.of("total", "store").rows == 3 * ROWS + 4 * 24 + 4
    assert report.of("total", "store").rows_removed == ROWS


def test_the_archive_is_told_by_the_objects_that_are_in_it(opened: Opened) -> None:
    aged = lived(opened(NOW))
    sizes = aged.archive.sizes("")

    report = report_of(aged)

    days = report.of("smart_meter", "raw_archive")
    months = report.of("smart_meter", "daily_archive")
    assert (days.objects, months.objects) == (4, 1)
    assert days.bytes == sum(size for name, size in sizes.items() if "/day=" in name)
    assert report.of("total", "archive").bytes == sum(sizes.values())


def test_a_home_with_nothing_in_it_has_a_report_of_nothing(anywhere: Opened) -> None:
    aged = anywhere(NOW)

    report = report_of(aged)

    assert [line for line in report.lines if line.measurement != "total"] == []
    assert report.of("total", "all").bytes == 0
    assert (report.of("total", "store").reduction, report.bytes_a_row, report.warnings) == (None, None, ())
    assert table(report) == "Nothing is stored yet.\n\nStore: 0 B; archive: 0 B in 0 objects; 0.00 a year"
    assert keep_report(report, aged.home, aged.store) > 0


def test_days_that_came_back_or_are_not_yet_gone_are_not_counted_as_removed(opened: Opened) -> None:
    aged = opened(NOW)
    ledger = Ledger(aged.store, aged.home.zone)
    for day, state in zip(aged.ago(14, 13, 12, 11, 10), [State.REMOVED, *State], strict=True):
        ledger.write("smart_meter", Entry(day, state, Proof(100, {}, "", 0)), aged.home.now())

    assert report_of(aged).of("smart_meter", "raw").rows_removed == 200


def test_the_reduction_is_against_all_raw_rows_at_the_bytes_that_raw_rows_here_take(opened: Opened) -> None:
    aged = opened(NOW)
    days = aged.ago(13, 12, 11, 10, 9, 8)
    aged.meter(*days)
    sizes = aged.store.sizes()
    ledger = Ledger(aged.store, aged.home.zone)
    # As if a year had gone before.
    ledger.write("smart_meter", Entry(days[0], State.REMOVED, Proof(100_000, {}, "", 0)), aged.home.now())

    report = report_of(aged)

    bytes_a_row = sizes["smart_meter"] / (6 * ROWS)
    assert report.bytes_a_row == pytest.approx(bytes_a_row)
    now = sum(aged.store.sizes().values())
    assert report.of("total", "store").reduction == pytest.approx(1 - now / (bytes_a_row * (6 * ROWS + 100_000)))
    assert "% less than all raw rows would take" in table(report)


def test_where_few_raw_rows_are_left_what_a_row_takes_is_a_documented_default(opened: Opened) -> None:
    aged = opened(NOW)
    aged.meter(*aged.ago(9))
    Ledger(aged.store, aged.home.zone).write(
        "smart_meter", Entry(aged.ago(12)[0], State.REMOVED, Proof(5000, {}, "", 0)), aged.home.now()
    )

    assert report_of(aged).bytes_a_row == PARQUET_ROW


@pytest.mark.parametrize(
    ("storage_class", "minimum"), [("GLACIER_IR", MINIMUM), ("STANDARD_IA", MINIMUM), ("STANDARD", 0)]
)
def test_an_archive_in_s3_costs_what_s3_bills_for_its_objects(
    storage_class: str,
    minimum: int,
    opened: Opened,
) -> None:
    aged = opened(
        NOW,
        S3_ARCHIVE_BUCKET="years-of-home",
        S3_STORAGE_CLASS=storage_class,
        S3_PRICE_GB_MONTH="500",
        DISK_PRICE_GB_MONTH="300",
    )
    aged.archive = LocalFolder(aged.home.settings.homeiq_home / "archive")
    lived(aged)
    sizes = aged.archive.sizes("")

    report = report_of(aged)

    billed = sum(max(size, minimum) if name.endswith(".parquet") else size for name, size in sizes.items())
    store, archive = (report.of("total", place) for place in ("store", "archive"))
    assert archive.yearly_cost == pytest.approx(billed / GB * 500 * 12)
    assert store.yearly_cost == pytest.approx(sum(aged.store.sizes().values()) / GB * 300 * 12, rel=0.05)
    assert report.of("total", "all").yearly_cost == pytest.approx((store.yearly_cost or 0) + (archive.yearly_cost or 0))


def test_an_archive_on_this_disk_costs_what_the_disk_costs_however_small_its_objects(opened: Opened) -> None:
    aged = lived(opened(NOW, DISK_PRICE_GB_MONTH="300", S3_PRICE_GB_MONTH="500"))

    told = report_of(aged).of("total", "archive")

    assert told.yearly_cost == pytest.approx((told.bytes or 0) / GB * 300 * 12)


class Unreachable(LocalFolder):
    """An archive whose service does not answer."""

    def sizes(self, folder: str) -> dict[str, int]:
        raise ArchiveError("S3_ARCHIVE_BUCKET: no answer", retryable=True)


def test_an_archive_that_cannot_be_reached_costs_the_store_nothing(opened: Opened) -> None:
    aged = lived(opened(NOW))
    aged.archive = Unreachable(aged.home.settings.homeiq_home / "archive")

    report = report_of(aged)

    assert report.warnings == ("S3_ARCHIVE_BUCKET: no answer",)
    assert report.of("smart_meter", "raw").rows == 3 * ROWS
    assert report.of("total", "store").reduction is not None
    assert report.of("total", "all") == Line("total", "all")
    assert "archive: size not known" in table(report)


def test_without_the_rows_of_one_measurement_there_is_no_reduction(opened: Opened) -> None:
    aged = lived(opened(NOW))
    damaged = aged.home.settings.homeiq_home / "store" / "smart_meter_circuit" / "2026-11-01.parquet"
    damaged.parent.mkdir()
    damaged.write_bytes(b"not Parquet")

    report = report_of(aged)

    (warning,) = report.warnings
    assert f"{damaged} is damaged" in warning
    assert report.of("smart_meter", "raw").rows == 3 * ROWS
    assert report.of("total", "store").bytes == sum(aged.store.sizes().values())
    assert report.of("total", "store").reduction is None


def test_events_that_are_kept_here_count_with_their_bytes(opened: Opened) -> None:
    aged = opened(NOW)
    row = {"time": NOW, "entity_id": "sensor.a", "domain": "sensor", "state": "1", "normalized_value": 1.0}
    put(aged.store, HOME_ASSISTANT_HISTORY, [row])

    line = report_of(aged).of("home_assistant_events", "raw")

    assert (line.rows, line.bytes) == (1, aged.store.sizes()["home_assistant_history"])


def test_a_wrong_price_costs_only_the_cost(opened: Opened) -> None:
    aged = lived(opened(NOW, DISK_PRICE_GB_MONTH="cheap"))

    report = report_of(aged)

    assert [warning.split(":")[0] for warning in report.warnings] == ["DISK_PRICE_GB_MONTH"]
    assert report.of("total", "all").bytes
    assert {line.yearly_cost for line in report.lines} == {None}
    assert " a year" not in table(report)


def test_a_later_report_of_a_day_takes_the_place_of_the_earlier_one(anywhere: Opened) -> None:
    aged = lived(anywhere(NOW))
    report = report_of(aged)

    keep_report(report, aged.home, aged.store)
    keep_report(replace(report, lines=(Line("total", "store", rows=5),)), aged.home, aged.store)

    (row,) = aged.store.read(RETENTION_METRICS, ALWAYS).to_pylist()
    assert (row["measurement"], row["place"], row["rows"], row["time"].isoformat()) == (
        "total",
        "store",
        5,
        "2026-11-20T00:00:00+00:00",
    )


def test_the_table_of_the_fullest_home_is_short_enough_to_be_shown_at_once() -> None:
    much = 999_499_999_999
    lines = [
        Line(measurement.name, place, much, much, much, much)
        for measurement in TIERED_MEASUREMENTS
        for place in ("raw", "hourly", "daily", "raw_archive", "daily_archive")
    ]
    totals = [Line("total", place, much, much, much, much, -1234.5, 1e9) for place in ("store", "archive", "all")]

    shown = table(Report((*lines, *totals), 35.0, ()))

    assert len(shown) < LONGEST
    assert all(f"|{measurement.name}|999 G|" in shown for measurement in TIERED_MEASUREMENTS)


class TestRun:
    def materialised(self, home: Household) -> Mapping[str, object]:
        result = home.materialise("retention/storage_report", days=TODAY)
        assert result.success, failure_of(result)
        (event,) = result.get_asset_materialization_events()
        return plain(event.materialization)

    def test_the_owner_sees_a_table_and_numbers_and_finds_them_in_the_store(self, tmp_path: object) -> None:
        home = household(tmp_path, NOW)  # type: ignore[arg-type]
        home.materialise("feeds/smart_meter", days=("2026-11-10", "2026-11-12"))

        told = self.materialised(home)

        assert f"|smart_meter|{3 * ROWS}|" in str(told["storage"])
        assert (told["store_rows"], told["raw_rows_removed"], told["archive_objects"]) == (3 * ROWS, 0, 0)
        assert isinstance(told["reduction"], float)
        assert "warnings" not in told
        assert {row["place"] for row in home.stored(RETENTION_METRICS).to_pylist()} == {
            "raw",
            "store",
            "archive",
            "all",
        }
        (operation,) = home.stored(RETENTION_OPERATIONS).to_pylist()
        assert (operation["operation"], operation["errors"], operation["rows"]) == ("report", 0, 4)

    def test_an_empty_home_has_a_report_too(self, tmp_path: object) -> None:
        told = self.materialised(household(tmp_path, NOW))  # type: ignore[arg-type]

        assert str(told["storage"]).startswith("Nothing is stored yet.")
        assert "reduction" not in told

    def test_what_cannot_be_told_is_a_warning(self, tmp_path: object) -> None:
        home = household(tmp_path, NOW, DISK_PRICE_GB_MONTH="-1")  # type: ignore[arg-type]

        told = self.materialised(home)

        (warning,) = told["warnings"]  # type: ignore[misc]
        assert warning.startswith("DISK_PRICE_GB_MONTH: ")
        assert "yearly_cost" not in told

    def test_another_day_has_no_report_and_says_why(self, tmp_path: object) -> None:
        home = household(tmp_path, NOW)  # type: ignore[arg-type]

        result = home.materialise("retention/storage_report", days=("2026-11-19", TODAY))

        assert not result.success
        assert "2026-11-19: what storage was used on another day cannot be looked at any more" in failure_of(result)
        assert home.instance.get_materialized_partitions(asset_key("retention/storage_report")) == {TODAY}


def test_a_measurement_of_which_only_removed_rows_are_known_is_shown(opened: Opened) -> None:
    aged = opened(NOW)
    Ledger(aged.store, aged.home.zone).write(
        SMART_METER.name, Entry(aged.ago(12)[0], State.REMOVED, Proof(5000, {}, "", 0)), aged.home.now()
    )

    assert "|smart_meter|0|||5 k||" in table(report_of(aged))


def test_a_report_is_of_the_homes_own_day(opened: Opened) -> None:
    late = NOW.replace(hour=23) + timedelta(minutes=30)
    aged = opened(late, HOMEIQ_TIMEZONE="Europe/Vienna")

    keep_report(report_of(aged), aged.home, aged.store)

    times = set(aged.store.read(RETENTION_METRICS, ALWAYS)["time"].to_pylist())
    assert [time.isoformat() for time in times] == ["2026-11-20T23:00:00+00:00"]
