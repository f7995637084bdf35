"""Asks the real vendors: `pytest -m live -n0`, with the credentials of your `.env`. Off by default.

Providers that need no key are asked as well, with what `.env` says of place, region and area. Each is examined as
by the doctor, polled, and asked for a day of the past; what comes has to be rows that the schema believes.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import NoHistory, SettingError
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.feeds.feed import Feed, poll_window
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.feeds.registry import PROVIDERS, SIMULATED, needs, provider_of
from homeiq_assets.schema.bounds import out_of_bounds
from homeiq_assets.settings.variables import Settings, load
from homeiq_assets.window import Window, local_date, local_day

pytestmark = pytest.mark.live
EVERY = [(feed, name) for feed in FEEDS for name in PROVIDERS[feed.family] if name != SIMULATED]
EXAMPLES = {
    "gb_carbon_intensity": {},
    "awattar": {"PRICING_AREA": "DE"},
    "octopus": {"PRICING_AREA": "E-1R-AGILE-24-10-01-C"},
    "energy_charts": {"PRICING_AREA": "DE-LU", "GRID_REGION": "de"},
    "open_meteo": {"LATITUDE": "48.2", "LONGITUDE": "16.4"},
    "frankfurter": {},
}
"""What a provider without a key is asked where `.env` does not choose it."""


@pytest.fixture(params=EVERY, ids=lambda one: f"{one[1]}-{one[0].name}")
def asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Feed, Provider, ZoneInfo]:
    feed, name = request.param
    chosen = load()
    if getattr(chosen, feed.setting.lower()) != name and name in EXAMPLES:
        for setting, value in EXAMPLES[name].items():
            monkeypatch.setenv(setting, value)
    monkeypatch.setenv(feed.setting, name)
    settings: Settings = load()
    entry = PROVIDERS[feed.family][name]
    for needed in entry.credentials:
        missing = [setting for setting in needed if getattr(settings, setting.lower()) is None]
        if missing and len(entry.credentials) == 1:
            pytest.skip(f"{', '.join(missing)} not in .env")
    if needs(feed, settings):
        pytest.skip(f"{needs(feed, settings)} not in .env")
    zone = ZoneInfo(settings.homeiq_timezone or "UTC")
    try:
        provider = provider_of(feed, settings, zone)
        provider.probe(datetime.now(UTC))
    except SettingError as error:
        pytest.skip(str(error))
    return feed, provider, zone


def test_a_poll_of_the_real_vendor_brings_rows(asked: tuple[Feed, Provider, ZoneInfo]) -> None:
    feed, provider, zone = asked
    now = datetime.now(UTC)
    believed(provider, poll_window(feed, now, zone, None), now)


def test_a_day_of_last_week_comes_from_the_real_vendors_history(asked: tuple[Feed, Provider, ZoneInfo]) -> None:
    _, provider, zone = asked
    now = datetime.now(UTC)
    day = local_day(local_date(now, zone) - timedelta(days=4), zone)
    try:
        believed(provider, day, now)
    except NoHistory as error:
        pytest.skip(str(error))


def believed(provider: Provider, window: Window, now: datetime) -> None:
    answers: list[Answer] = []
    for part in window.chunks(provider.longest):
        answers += provider.fetch(part, now)
    rows: list[dict[str, Any]] = [row for answer in answers for row in answer.rows.to_pylist()]
    assert rows, f"nothing for {window}"
    for answer in answers:
        assert answer.covers.intersect(window) == answer.covers
        assert all(time in answer.covers for time in answer.rows["time"].to_pandas())
        assert out_of_bounds(answer.rows, provider.measurement) == []
    print(json.dumps(rows[-1], default=str))
