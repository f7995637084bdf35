"""What the UI is told of an asset: how fresh it has to be, its columns, where it is kept, its pool and owners."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.schema.measurements import ALL
from homeiq_assets_tests.household import household

NOW = datetime(2025, 10, 24, 10, 0, tzinfo=UTC)
HOURS, MINUTES = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dg.AssetSpec]:
    return specs_of(tmp_path_factory.mktemp("home"))


def specs_of(folder: Path, **settings: str) -> dict[str, dg.AssetSpec]:
    defs = household(folder, NOW, **settings).defs
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


@pytest.mark.parametrize(
    ("asset", "failing"),
    [
        ("feeds/smart_meter", 30 * MINUTES),
        ("feeds/smart_meter_circuit", 30 * MINUTES),
        ("feeds/carbon_intensity", 1 * HOURS),
        ("feeds/occupancy_prediction", 1 * HOURS),
        ("feeds/electricity_pricing", 4 * HOURS),
        ("feeds/electricity_pricing_forecast", 4 * HOURS),
        ("feeds/air_quality", 4 * HOURS),
        ("feeds/fx_rate", 4 * HOURS),
        ("views/mv_daily_carbon_summary", 6 * HOURS),
        ("views/mv_daily_energy_by_device", 6 * HOURS),
        ("views/mv_hourly_room_activity", 6 * HOURS),
        ("tiers/smart_meter_hourly", 36 * HOURS),
        ("tiers/smart_meter_daily", 36 * HOURS),
        ("archive/smart_meter_daily", 35 * 24 * HOURS),
    ],
)
def test_an_asset_that_runs_by_itself_is_stale_after_missing_several_turns(
    asset: str, failing: timedelta, specs: dict[str, dg.AssetSpec]
) -> None:
    assert specs[asset].freshness_policy == dg.FreshnessPolicy.time_window(fail_window=failing, warn_window=failing / 2)


def test_what_is_switched_off_or_has_no_provider_is_never_stale(tmp_path: Path) -> None:
    live = specs_of(tmp_path, INFLUXDB_URL="http://127.0.0.1:9", PRICING_PROVIDER="awattar")
    fresh = {name for name, spec in live.items() if spec.freshness_policy and name.startswith("feeds/")}
    assert fresh == {"feeds/electricity_pricing", "feeds/electricity_pricing_forecast"}

    # Nobody says where the events are.
    assert live["views/mv_hourly_room_activity"].freshness_policy is None

    off = specs_of(tmp_path, HOMEIQ_AUTOMATION="off", CARBON_PROVIDER="off")
    assert not [name for name, spec in off.items() if spec.freshness_policy]


def test_the_columns_shown_are_those_of_the_measurement(specs: dict[str, dg.AssetSpec]) -> None:
    shown = 0
    for name, spec in specs.items():
        stored = {
            "feeds/home_assistant_events": "home_assistant_history",
            "retention/storage_report": "retention_metrics",
        }
        measurement = ALL.get(stored.get(name, name.split("/")[1]))
        if measurement is None:
            continue
        columns = spec.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == measurement.arrow.names
        assert [column.constraints.nullable for column in columns] == [field.nullable for field in measurement.arrow]
        assert spec.metadata["dagster/table_name"] == measurement.name
        shown += 1
    assert shown == len(specs) - 1, "all but the vendor"


def test_a_column_tells_its_type_unit_and_meaning(specs: dict[str, dg.AssetSpec]) -> None:
    columns = {column.name: column for column in specs["feeds/smart_meter"].metadata["dagster/column_schema"].columns}

    assert columns["time"].type == "timestamp[ns, UTC]"
    assert (columns["meter_type"].type, columns["total_power_w"].type) == ("tag", "float")
    assert columns["total_power_w"].tags == {"unit": "W"}
    assert "negative while feeding in" in (columns["total_power_w"].description or "")


def test_the_kinds_say_where_rows_are_kept_and_who_gives_them(tmp_path: Path) -> None:
    embedded = specs_of(tmp_path, PRICING_PROVIDER="awattar")
    assert embedded["feeds/electricity_pricing"].kinds == {"parquet", "awattar"}
    assert embedded["archive/smart_meter_daily"].kinds == {"parquet", "file"}

    live = specs_of(tmp_path, INFLUXDB_URL="http://127.0.0.1:9", PRICING_PROVIDER="awattar", S3_ARCHIVE_BUCKET="years")
    assert live["feeds/electricity_pricing"].kinds == {"influxdb", "awattar"}
    assert live["views/mv_daily_carbon_summary"].kinds == {"influxdb", "view"}
    assert live["archive/smart_meter_daily"].kinds == {"parquet", "s3"}


def test_each_vendor_has_a_pool_of_its_own_and_stands_at_the_head_of_its_lineage(tmp_path: Path) -> None:
    home = household(tmp_path, NOW, PRICING_PROVIDER="awattar", CARBON_PROVIDER="off")
    graph = home.defs.resolve_asset_graph()

    def pools(name: str) -> set[str | None]:
        return set(graph.get(dg.AssetKey(["feeds", name])).pools or ())

    assert pools("electricity_pricing") == pools("electricity_pricing_forecast") == {"awattar"}
    assert pools("smart_meter") == {"simulated"}
    parents = {
        feed.name: {key.to_user_string() for key in graph.get(dg.AssetKey(["feeds", feed.name])).parent_keys}
        for feed in FEEDS
    }
    assert parents["electricity_pricing"] == {"vendors/awattar"}
    assert parents["smart_meter"] == {"vendors/simulated"}
    assert parents["carbon_intensity"] == set()
