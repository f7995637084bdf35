"""No secret in anything that is written or shown, even where a vendor repeats all that it was sent.

Every provider is polled and examined by the doctor, with every secret set, against a vendor that
answers each request with that request. Then every byte that was written, and every line that was logged, is searched.
"""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import dagster as dg
import pytest

from homeiq_assets.cli.doctor import examine
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.feeds.registry import PROVIDERS, SIMULATED
from homeiq_assets.settings.variables import Settings
from homeiq_assets_tests.household import failure_of, household
from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, Vendor, json_reply, no_waiting, passing_turns

NOW = datetime(2026, 3, 10, 12, 2, tzinfo=UTC)
SECRETS = {
    name.upper(): f's3cret+/"{number:02}\\=of-{name.replace("_", "-")}'
    for number, (name, field) in enumerate(Settings.model_fields.items())
    if "SecretStr" in str(field.annotation)
}
OTHERS = {
    "LATITUDE": "48.2",
    "LONGITUDE": "16.4",
    "WATTTIME_USERNAME": "owner",
    "METER_USERNAME": "owner@example.com",
    "METER_DEVICE_ID": "111",
    "HOME_ASSISTANT_POWER_ENTITY": "sensor.grid",
    "HOME_ASSISTANT_CIRCUITS": "sensor.oven",
    "HOME_ASSISTANT_CALENDARS": "calendar.family",
    "PRICING_JMESPATH": "data",
    "METER_JMESPATH": "data",
}
AREAS = {"octopus": "E-1R-AGILE-24-10-01-C", "energy_charts": "DE-LU", "awattar": "DE"}
REGIONS = {"gb_carbon_intensity": "13", "energy_charts": "de", "watttime": "CAISO_NORTH", "electricity_maps": "DE"}
EVERY = [(family, name) for family, known in PROVIDERS.items() for name in known if name != SIMULATED]


class Echo(Vendor):
    """Answers each request with that request, under a status that changes from one to the next."""

    def respond(self, request: Asked) -> Reply:
        status = (200, 401, 403, 400, 500, 404)[len(self.asked) % 6]
        sent = {"url": request.path, **request.params, **request.headers, "body": request.body.decode()}
        return json_reply({"error": sent, "message": json.dumps(sent), "data": sent, "token": sent}, status)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as vendor, no_waiting(), passing_turns():
        yield vendor


@pytest.mark.parametrize(("family", "provider"), EVERY, ids=lambda value: value)
def test_no_secret_is_written_or_shown(
    family: str, provider: str, echo: Echo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feeds = [feed for feed in FEEDS if feed.family == family]
    addresses = {name.upper(): echo.url for name in Settings.model_fields if name.endswith("_base_url")}
    queries = {"PRICING_URL": f"{echo.url}/p?a={{start}}&k={{key}}", "METER_URL": f"{echo.url}/m?a={{start}}&k={{key}}"}
    chosen = {feeds[0].setting: provider, "HOME_ASSISTANT_URL": echo.url}
    places = {"PRICING_AREA": AREAS.get(provider, ""), "GRID_REGION": REGIONS.get(provider, "")}
    variables = {**SECRETS, **OTHERS, **addresses, **queries, **chosen, **places}
    (tmp_path / "dagster").mkdir()
    instance = dg.DagsterInstance.local_temp(str(tmp_path / "dagster"))
    # The store is the embedded one: what is tried here are the vendors.
    del variables["INFLUXDB_TOKEN"]
    home = household(tmp_path / "homeiq", NOW, instance=instance, **variables)
    with caplog.at_level(logging.DEBUG):
        shown = [failure_of(home.poll(*(feed.name for feed in feeds))) for _ in range(3)]
        if provider == "watttime":
            # Only a backfill is tried again by Dagster, which waits for real.
            shown.append(failure_of(home.materialise(f"feeds/{feeds[0].name}", days="2026-03-08")))
        shown += [probe.detail for probe in examine(home.settings)]

    assert echo.asked or provider == "emporia", "the vendor was reached, so that there is something to hide"
    written = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes().decode("utf-8", "replace")
        for path in tmp_path.rglob("*")
        if path.is_file() and "/tokens/" not in path.as_posix()
    }
    assert any(name.startswith("dagster/") for name in written)
    everything = written | {"shown": "\n".join(shown), "logged": caplog.text}
    found = [
        (name, where) for name, secret in SECRETS.items() for where, text in everything.items() if told(secret, text)
    ]
    assert found == []


def told(secret: str, text: str) -> bool:
    """Whether the text holds the secret, in any spelling of a URL or of JSON, be it JSON within JSON."""
    in_json = json.dumps(secret)[1:-1]
    spelt = (secret, quote(secret, safe=""), in_json, json.dumps(in_json)[1:-1])
    return any(one in text for one in spelt) or secret in unquote(text)
