"""The resources that runs work with: what the UI shows of them, and that a test can put its own in their place."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from homeiq_assets.archive.objects import LocalFolder
from homeiq_assets.defs.build import build_defs
from homeiq_assets.home import open_home
from homeiq_assets.schema.measurements import SMART_METER
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import Window

SECRETS = {
    "INFLUXDB_TOKEN": "influx-token-of-the-owner",
    "WATTTIME_PASSWORD": "watttime-password-of-the-owner",
    "HOME_ASSISTANT_TOKEN": "long-lived-token-of-the-owner",
}
LIVE = SECRETS | {
    "INFLUXDB_URL": "http://127.0.0.1:9",
    "INFLUXDB_ORG": "home",
    "INFLUXDB_BUCKET": "sensors",
    "S3_ARCHIVE_BUCKET": "years-of-home",
    "WATTTIME_USERNAME": "owner",
    "GRID_REGION": "CAISO_NORTH",
    "HOME_ASSISTANT_URL": "http://127.0.0.1:9",
    "HOME_ASSISTANT_POWER_ENTITY": "sensor.grid",
}
DAY = "2025-10-24"


def shown(defs: dg.Definitions) -> dict[str, dict[str, Any]]:
    """The configuration of each resource, as the Resources page has it."""
    found = {}
    for name, resource in (defs.resources or {}).items():
        assert isinstance(resource, dg.ConfigurableResource), name
        found[name] = resource._get_non_default_public_field_values()
    return found


def test_each_resource_says_what_it_points_at_and_names_the_variable_of_a_secret(
    settings_of: Callable[..., Settings],
) -> None:
    found = shown(build_defs(open_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna", **LIVE))))

    assert set(found) == {"home", "store", "archive", "influxdb", "s3", "watttime", "home_assistant"}
    assert found["home"]["time_zone"] == "Europe/Vienna"
    assert found["influxdb"] == {
        "address": "http://127.0.0.1:9",
        "organisation": "home",
        "bucket": "sensors",
        "tier_bucket": "sensors_tiers",
        "credentials": ["INFLUXDB_TOKEN"],
    }
    assert (found["s3"]["bucket"], found["s3"]["prefix"]) == ("years-of-home", "homeiq")
    assert found["watttime"] == {
        "feeds": ["carbon_intensity"],
        "points_at": {"WATTTIME_BASE_URL": "https://api.watttime.org", "GRID_REGION": "CAISO_NORTH"},
        "credentials": ["WATTTIME_PASSWORD"],
    }
    assert found["home_assistant"]["points_at"]["HOME_ASSISTANT_POWER_ENTITY"] == "sensor.grid"


def test_no_secret_is_in_any_resources_configuration(settings_of: Callable[..., Settings]) -> None:
    found = shown(build_defs(open_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna", **LIVE))))

    text = json.dumps(
        {name: {k: v for k, v in of.items() if isinstance(v, str | list | dict)} for name, of in found.items()}
    )
    assert not [secret for secret in SECRETS.values() if secret in text]


def test_a_home_without_database_and_s3_shows_its_folders(settings_of: Callable[..., Settings], tmp_path: Path) -> None:
    found = shown(build_defs(open_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna"))))

    assert set(found) == {"home", "store", "archive", "embedded_store", "archive_folder", "simulated"}
    assert found["embedded_store"] == {"folder": str(tmp_path / "homeiq" / "store")}
    assert found["archive_folder"] == {"folder": str(tmp_path / "homeiq" / "archive")}


def test_a_run_takes_the_resources_that_stand_in_place_of_influxdb_and_s3(
    settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    mine = EmbeddedStore(tmp_path / "mine")
    settings = settings_of(HOMEIQ_TIMEZONE="Europe/Vienna", HOMEIQ_ALLOW_SIMULATED="on", METER_TYPE="simulated", **LIVE)
    defs = build_defs(open_home(settings), {"influxdb": mine, "s3": LocalFolder(tmp_path / "objects")})

    job = defs.resolve_implicit_global_asset_job_def()
    for asset in (["feeds", "smart_meter"], ["archive", "smart_meter"]):
        with dg.DagsterInstance.ephemeral() as instance:
            done = job.execute_in_process(
                instance=instance, asset_selection=[dg.AssetKey(asset)], partition_key=DAY, raise_on_error=False
            )
        assert done.success, asset

    day = Window(datetime(2025, 10, 23, 22, tzinfo=UTC), datetime(2025, 10, 24, 22, tzinfo=UTC))
    assert mine.read(SMART_METER, day).num_rows == 288
    assert list((tmp_path / "objects").rglob("*.parquet"))
