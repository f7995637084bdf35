"""The rules of the house, held by tests: who may import Dagster, how long a module is, what an asset says of itself."""

import ast
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from homeiq_assets.defs.build import build_defs
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.feeds.registry import PROVIDERS
from homeiq_assets.home import open_home
from homeiq_assets.schema.measurements import FEED_MEASUREMENTS
from homeiq_assets.settings.variables import Settings
from homeiq_assets_tests.test_settings import WRONG

PACKAGE = Path(__file__).parent.parent / "homeiq_assets"
MODULES = sorted(PACKAGE.rglob("*.py"))
ARCHIVED = ("smart_meter", "smart_meter_circuit", "home_assistant_events")
MAY_IMPORT_DAGSTER = ("defs/",)


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_only_defs_imports_dagster(module: Path) -> None:
    name = name_of(module)
    if any(name.startswith(part) or name.endswith(part) for part in MAY_IMPORT_DAGSTER):
        return
    imported = {
        target
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        for target in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not {target for target in imported if target.split(".")[0] == "dagster"}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_says_what_belongs_in_it_and_stays_below_350_lines(module: Path) -> None:
    text = module.read_text(encoding="utf-8")

    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= 350


@pytest.fixture
def defs(settings_of: Callable[..., Settings]) -> dg.Definitions:
    return build_defs(open_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna")))


def test_definitions_are_loadable(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_asset_tells_the_owner_what_it_is(defs: dg.Definitions) -> None:
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}

    raw = [feed.name for feed in FEEDS]
    tiers = [f"{name}_{resolution}" for name in raw for resolution in ("hourly", "daily")]
    assert set(specs) == {
        *(f"feeds/{name}" for name in raw),
        *(f"tiers/{name}" for name in tiers),
        *(f"archive/{name}" for name in (*raw, *(tier for tier in tiers if tier.endswith("daily")))),
        *(f"restore/{name}" for name in (*raw, *(tier for tier in tiers if tier.endswith("daily")))),
        *(f"retention/{name}" for name in ("smart_meter", "smart_meter_circuit", *tiers, "storage_report")),
        "insights/daily_energy_report",
        "insights/electricity_price_rank",
        "insights/occupancy_accuracy",
        "insights/phantom_load",
        "vendors/simulated",
        "views/mv_daily_carbon_summary",
        "views/mv_daily_energy_by_device",
        "views/mv_hourly_room_activity",
    }
    for name, spec in specs.items():
        group, _, asset = name.partition("/")
        assert spec.group_name == group
        assert spec.description, name
        assert spec.kinds, name
        if group == "vendors":
            continue
        assert spec.owners, name
        assert spec.partitions_def is not None, name
        # What runs by itself is fresh or not; the archive of raw days does where RAW_ARCHIVE names it.
        archived = group == "archive" and (asset in ARCHIVED or asset.endswith("daily"))
        by_itself = group not in ("retention", "restore", "archive") or archived or asset == "storage_report"
        assert (spec.freshness_policy is not None) == by_itself, name
        assert "dagster/column_schema" in spec.metadata, name
        assert "dagster/code_references" in spec.metadata, name


def test_every_feed_measurement_is_an_asset_with_a_simulated_provider() -> None:
    assert {feed.measurement.name for feed in FEEDS} == {measurement.name for measurement in FEED_MEASUREMENTS}
    assert all("simulated" in PROVIDERS[feed.family] for feed in FEEDS)


def test_lineage_reads_from_the_vendor_to_the_yearly_archive(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    chain = ["archive/smart_meter_daily"]
    while parents := graph.get(dg.AssetKey(chain[-1].split("/"))).parent_keys:
        chain.append(min(parents).to_user_string())

    assert chain == [
        "archive/smart_meter_daily",
        "tiers/smart_meter_daily",
        "tiers/smart_meter_hourly",
        "feeds/smart_meter",
        "vendors/simulated",
    ]


def test_feeds_reach_to_tomorrow_views_to_today_and_tiers_to_yesterday(defs: dg.Definitions) -> None:
    now = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    ends = {}
    with dg.partition_loading_context(effective_dt=now):
        for spec in defs.resolve_all_asset_specs():
            if spec.partitions_def is not None:
                ends.setdefault(spec.group_name, set()).add(spec.partitions_def.get_last_partition_key())

    assert ends == {
        "feeds": {"2026-11-25"},
        "views": {"2026-11-24"},
        # Prices of tomorrow are ranked as soon as they are known.
        "insights": {"2026-11-24", "2026-11-25"},
        "tiers": {"2026-11-23"},
        # Days and months.
        "archive": {"2026-11-23", "2026-10-01"},
        "restore": {"2026-11-23", "2026-10-01"},
        # What storage is used is looked at today.
        "retention": {"2026-11-23", "2026-11-24"},
    }


def test_a_feed_without_a_provider_is_off_beside_a_live_influxdb(settings_of: Callable[..., Settings]) -> None:
    defs = build_defs(open_home(settings_of(INFLUXDB_URL="http://127.0.0.1:8086", PRICING_PROVIDER="awattar")))
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}

    assert specs["feeds/air_quality"].tags["homeiq/provider"] == "off"
    assert specs["feeds/air_quality"].freshness_policy is None
    assert specs["feeds/electricity_pricing"].tags["homeiq/provider"] == "awattar"
    polled = defs.resolve_job_def("poll_feeds").asset_layer.selected_asset_keys
    assert {key.path[-1] for key in polled} == {"electricity_pricing", "electricity_pricing_forecast"}


def test_automation_off_switches_every_schedule_sensor_and_freshness_policy_off(
    settings_of: Callable[..., Settings],
) -> None:
    defs = build_defs(open_home(settings_of(HOMEIQ_AUTOMATION="off")))

    assert all(schedule.default_status == dg.DefaultScheduleStatus.STOPPED for schedule in defs.schedules or ())
    assert all(sensor.default_status == dg.DefaultSensorStatus.STOPPED for sensor in defs.sensors or ())
    assert all(spec.freshness_policy is None for spec in defs.resolve_all_asset_specs())


def test_definitions_load_whatever_is_set_wrongly(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(**WRONG, CARBON_PROVIDER="nobody", PRICING_AREA="XX", METER_TYPE="home_assistant")

    dg.Definitions.validate_loadable(build_defs(open_home(settings)))
