"""From simulated vendors to the archive by real runs, over the day that has 25 hours: once for all the tests here."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from homeiq_assets.archive.months import read_month
from homeiq_assets.archive.opening import open_archive
from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.schema.measurements import CARBON_INTENSITY, MV_DAILY_CARBON_SUMMARY, SMART_METER, tier_of
from homeiq_assets.window import HOUR, Window, local_date, local_day, local_month
from homeiq_assets_tests.household import Household, checks_of, household

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
LONG = date(2025, 10, 26)
FED, FOLLOWED = ("2025-10-23", "2025-10-28"), ("2025-10-24", "2025-10-28")
HOURLY, DAILY = tier_of(SMART_METER, "hourly"), tier_of(SMART_METER, "daily")
MINUTES = timedelta(minutes=5)


def all_of_it(home: Household) -> list[dg.ExecuteInProcessResult]:
    return [
        home.materialise("feeds/carbon_intensity", "feeds/smart_meter", days=FED),
        home.materialise("views/mv_daily_carbon_summary", days=FOLLOWED),
        home.materialise("tiers/smart_meter_hourly", "tiers/smart_meter_daily", days=FOLLOWED),
        home.materialise("archive/smart_meter_daily", days="2025-10-01"),
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    made = household(tmp_path_factory.mktemp("home"), NOW)
    assert all(result.success for result in all_of_it(made))
    yield made
    made.instance.dispose()


def plain(home: Household, measurement: Measurement, window: Window) -> list[dict[str, object]]:
    rows = home.store.read(measurement, window)
    times = rows["time"].cast(pa.timestamp("us", "UTC"))
    return rows.set_column(0, "time", times).sort_by("time").to_pylist()  # type: ignore[no-any-return]


def test_the_view_of_the_long_day_is_what_a_hand_count_gives(home: Household) -> None:
    day = local_day(LONG, VIENNA)
    readings = plain(home, CARBON_INTENSITY, Window(day.start - 24 * HOUR, day.end))
    seconds: dict[str, float] = {"carbon": 0.0, "share": 0.0, "held": 0.0}
    for reading, following in zip(readings, [*readings[1:], {"time": day.end}], strict=True):
        begin, end = max(reading["time"], day.start), min(following["time"], day.end)  # type: ignore[type-var]
        held = max((end - begin).total_seconds(), 0.0)  # type: ignore[operator]
        seconds["held"] += held
        seconds["carbon"] += held * reading["carbon_intensity_gco2_kwh"]  # type: ignore[operator]
        seconds["share"] += held * reading["renewable_percentage"]  # type: ignore[operator]
    inside = [reading["carbon_intensity_gco2_kwh"] for reading in readings if reading["time"] in day]  # type: ignore[operator]

    (view,) = plain(home, MV_DAILY_CARBON_SUMMARY, day)

    assert seconds["held"] == 25 * 3600
    assert view["time"] == day.start
    assert view["date"] == "2025-10-26"
    assert view["avg_carbon"] == pytest.approx(seconds["carbon"] / seconds["held"], rel=1e-12)
    assert view["avg_renewable"] == pytest.approx(seconds["share"] / seconds["held"], rel=1e-12)
    assert (view["min_carbon"], view["max_carbon"]) == (min(inside), max(inside))  # type: ignore[type-var]


def test_every_followed_day_has_one_view_row_at_its_local_midnight(home: Household) -> None:
    days = [LONG + timedelta(days=n) for n in range(-2, 3)]

    assert home.times(MV_DAILY_CARBON_SUMMARY) == [local_day(day, VIENNA).start for day in days]
    assert home.stored(MV_DAILY_CARBON_SUMMARY)["date"].to_pylist() == [day.isoformat() for day in days]


def test_the_hourly_tier_has_25_rows_an_hour_apart(home: Household) -> None:
    day = local_day(LONG, VIENNA)
    hours = plain(home, HOURLY, day)

    assert [row["time"] for row in hours] == [day.start + n * HOUR for n in range(25)]
    raw = plain(home, SMART_METER, day)
    third = [row for row in raw if day.start + 3 * HOUR <= row["time"] < day.start + 4 * HOUR]  # type: ignore[operator]
    powers = [row["total_power_w"] for row in third]
    assert len(powers) == 12
    assert hours[3]["total_power_w_mean"] == pytest.approx(sum(powers) / 12)  # type: ignore[arg-type]
    assert hours[3]["total_power_w_count"] == 12
    assert hours[3]["total_power_w_seconds"] == 3600
    assert (hours[3]["total_power_w_min"], hours[3]["total_power_w_max"]) == (min(powers), max(powers))  # type: ignore[type-var]


def test_the_daily_tier_says_what_was_drawn_and_fed_in_from_midnight_to_midnight(home: Household) -> None:
    for n in range(-2, 3):
        day = local_day(LONG + timedelta(days=n), VIENNA)
        raw = plain(home, SMART_METER, day)
        kwh = [row["total_power_w"] * MINUTES / HOUR / 1000 for row in raw]  # type: ignore[operator]

        (row,) = plain(home, DAILY, day)

        assert row["time"] == day.start
        assert row["total_power_w_seconds"] == day.length.total_seconds()
        assert row["daily_kwh_increase"] == pytest.approx(sum(energy for energy in kwh if energy > 0))
        assert row["daily_export_kwh_increase"] == pytest.approx(-sum(energy for energy in kwh if energy < 0))
        assert row["total_power_w_mean"] == pytest.approx(1000 * sum(kwh) / (day.length / HOUR))


def test_the_archive_holds_the_daily_rows_of_the_month_and_names_its_days(home: Household) -> None:
    archive = open_archive(home.settings)
    month = local_month(date(2025, 10, 1), VIENNA)

    archived = read_month(DAILY, month, VIENNA, archive)

    assert archived.equals(home.stored(DAILY))
    assert len(home.archive_names()) == 2
    told = home.told("archive/smart_meter_daily", "2025-10-01")
    assert told["dagster/partition_row_count"] == 5
    assert told["object"] in home.archive_names()


def test_each_day_reports_its_rows(home: Household) -> None:
    rows = {
        asset: [
            home.told(asset, (LONG + timedelta(days=n)).isoformat())["dagster/partition_row_count"]
            for n in range(-2, 3)
        ]
        for asset in ("feeds/smart_meter", "tiers/smart_meter_hourly", "tiers/smart_meter_daily")
    }

    assert rows == {
        "feeds/smart_meter": [288, 288, 300, 288, 288],
        "tiers/smart_meter_hourly": [24, 24, 25, 24, 24],
        "tiers/smart_meter_daily": [1, 1, 1, 1, 1],
    }
    assert home.marked("views/mv_daily_carbon_summary") == home.marked("tiers/smart_meter_daily")


def test_doing_all_of_it_again_changes_no_byte_of_store_and_archive(home: Household) -> None:
    before = home.files()

    results = all_of_it(home)

    assert all(result.success for result in results)
    assert home.files() == before
    assert any(name.startswith("archive/") for name in before)


def test_the_tier_agrees_with_raw_and_a_wrong_hour_is_found(home: Household) -> None:
    days = ("2025-10-25", "2025-10-27")
    check = checks_of(home.materialise("tiers/smart_meter_daily", days=days), "tiers/smart_meter_daily")
    assert check["agrees_with_raw"].passed
    assert check["agrees_with_raw"].metadata["days"].value == 3

    day = local_day(LONG, VIENNA)
    right = home.store.read(HOURLY, day)
    hourly_means = right["total_power_w_mean"].to_pylist()
    wrong = right.set_column(
        right.column_names.index("total_power_w_mean"),
        right.schema.field("total_power_w_mean"),
        pa.chunked_array([[*hourly_means[:-1], hourly_means[-1] + 0.001]]),
    )
    home.store.replace(HOURLY, wrong, day)
    try:
        result = home.materialise("tiers/smart_meter_daily", days=days)
    finally:
        home.store.replace(HOURLY, right, day)
        home.materialise("tiers/smart_meter_daily", days=days)

    assert not result.success
    found = checks_of(result, "tiers/smart_meter_daily")["agrees_with_raw"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert found.metadata["differing"].value == ["2025-10-26: total_power_w_mean differs"]


def test_a_revised_reading_reaches_view_tier_and_archive_when_they_run_again(home: Household) -> None:
    day = local_day(date(2025, 10, 28), VIENNA)
    before = home.files()
    archive = open_archive(home.settings)
    month = local_month(date(2025, 10, 1), VIENNA)
    rows = home.store.read(SMART_METER, day)
    power = rows.column_names.index("total_power_w")
    higher = rows.set_column(power, rows.schema.field(power), pc.add(rows["total_power_w"], 100.0))

    home.store.replace(SMART_METER, higher, day)
    for assets, days in (
        (("tiers/smart_meter_hourly", "tiers/smart_meter_daily"), "2025-10-28"),
        (("archive/smart_meter_daily",), "2025-10-01"),
    ):
        assert home.materialise(*assets, days=days).success

    archived = read_month(DAILY, month, VIENNA, archive)
    assert archived.equals(home.stored(DAILY))
    means = {
        local_date(at.to_pydatetime(), VIENNA): mean
        for at, mean in zip(archived["time"].to_pylist(), archived["total_power_w_mean"].to_pylist(), strict=True)
    }
    assert means[date(2025, 10, 28)] == pytest.approx(pc.mean(rows["total_power_w"]).as_py() + 100)
    assert len(home.archive_names()) == 2, "the superseded object is gone"

    all_of_it(home)
    assert home.files() == before, "and the simulated truth brings everything back"


def test_hours_without_a_reading_hold_the_value_of_the_evening_before(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = household(tmp_path_factory.mktemp("silent"), NOW)
    home.materialise("feeds/carbon_intensity", "feeds/smart_meter", days=("2025-10-27", "2025-10-28"))
    day = local_day(date(2025, 10, 28), VIENNA)
    silence = Window(day.start - HOUR, day.start + 3 * HOUR)
    for measurement in (CARBON_INTENSITY, SMART_METER):
        home.store.delete(measurement, silence)
    evening = {
        measurement.name: plain(home, measurement, Window(silence.start - MINUTES, silence.start))[0]
        for measurement in (CARBON_INTENSITY, SMART_METER)
    }

    assert home.materialise("views/mv_daily_carbon_summary", days="2025-10-28").success
    tiers = home.materialise("tiers/smart_meter_hourly", "tiers/smart_meter_daily", days="2025-10-28")

    (view,) = plain(home, MV_DAILY_CARBON_SUMMARY, day)
    read = [row["carbon_intensity_gco2_kwh"] for row in plain(home, CARBON_INTENSITY, day)]
    held = evening["carbon_intensity"]["carbon_intensity_gco2_kwh"]
    assert len(read) == 21 * 12
    assert view["avg_carbon"] == pytest.approx((36 * held + sum(read)) / 288)  # type: ignore[arg-type,operator]
    assert (view["min_carbon"], view["max_carbon"]) == (min(read), max(read))  # type: ignore[type-var]
    hours = plain(home, HOURLY, day)
    assert len(hours) == 24
    for hour in hours[:3]:
        assert hour["total_power_w_mean"] == evening["smart_meter"]["total_power_w"]
        assert (hour["total_power_w_seconds"], hour["total_power_w_count"]) == (3600, 0)
        assert hour["total_power_w_max"] is None
    assert tiers.success
    assert checks_of(tiers, "tiers/smart_meter_daily")["agrees_with_raw"].passed
