"""Which provider serves a feed: the one named, else the one whose credentials are there, else none of a live home's."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from homeiq_assets.defs.build import build_defs
from homeiq_assets.errors import SettingError
from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import OFF, SIMULATED, choice, provider_of, serves
from homeiq_assets.home import open_home
from homeiq_assets.settings.variables import Settings

SettingsOf = Callable[..., Settings]
BY_NAME = {feed.name: feed for feed in FEEDS}
CARBON, PRICES, METER, CIRCUITS = (
    BY_NAME[name] for name in ("carbon_intensity", "electricity_pricing", "smart_meter", "smart_meter_circuit")
)
LIVE = {"INFLUXDB_URL": "http://127.0.0.1:8086"}
WATTTIME = {"WATTTIME_USERNAME": "owner", "WATTTIME_PASSWORD": "correct-horse-1!"}
HOME_ASSISTANT = {
    "HOME_ASSISTANT_URL": "http://127.0.0.1:8123",
    "HOME_ASSISTANT_TOKEN": "long-lived-token",
    "HOME_ASSISTANT_POWER_ENTITY": "sensor.grid",
}
VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_with_nothing_set_every_feed_is_simulated_and_none_is_beside_a_live_influxdb(
    feed: Feed, settings_of: SettingsOf
) -> None:
    assert choice(feed, settings_of()) == SIMULATED
    assert serves(feed, settings_of())
    assert provider_of(feed, settings_of(), VIENNA).name == SIMULATED

    live = settings_of(**LIVE)
    assert choice(feed, live) == OFF
    assert not serves(feed, live)
    with pytest.raises(SettingError, match=rf"{feed.setting}: no provider is configured for {feed.name}.*simulated"):
        provider_of(feed, live, VIENNA)


@pytest.mark.parametrize(
    "credentials", [WATTTIME, {"WATTTIME_API_TOKEN": "given-token"}, WATTTIME | {"WATTTIME_API_TOKEN": "given-token"}]
)
def test_credentials_choose_their_provider(credentials: dict[str, str], settings_of: SettingsOf) -> None:
    assert choice(CARBON, settings_of(**credentials)) == "watttime"


@pytest.mark.parametrize("partly", [{"WATTTIME_USERNAME": "owner"}, {"WATTTIME_PASSWORD": "correct-horse-1!"}])
def test_half_of_the_credentials_choose_nothing(partly: dict[str, str], settings_of: SettingsOf) -> None:
    assert choice(CARBON, settings_of(**partly)) == SIMULATED


def test_the_setting_stands_above_credentials(settings_of: SettingsOf) -> None:
    assert choice(CARBON, settings_of(**WATTTIME, CARBON_PROVIDER="off")) == OFF
    assert choice(CARBON, settings_of(**WATTTIME, CARBON_PROVIDER="simulated")) == SIMULATED


def test_a_provider_without_a_key_is_chosen_by_name_only(settings_of: SettingsOf) -> None:
    assert choice(PRICES, settings_of(PRICING_AREA="AT")) == SIMULATED
    assert provider_of(PRICES, settings_of(PRICING_PROVIDER="awattar"), VIENNA).name == "awattar"


@pytest.mark.parametrize("spelled", ["Awattar", "AWATTAR", " awattar "])
def test_a_providers_name_may_be_written_in_any_case(spelled: str, settings_of: SettingsOf) -> None:
    assert choice(PRICES, settings_of(PRICING_PROVIDER=spelled)) == "awattar"


def test_a_name_that_no_provider_has_is_told_with_those_there_are(settings_of: SettingsOf) -> None:
    with pytest.raises(SettingError, match=r"CARBON_PROVIDER: 'Nobody' is not a provider.*watttime, .*simulated, off"):
        provider_of(CARBON, settings_of(CARBON_PROVIDER="Nobody"), VIENNA)


@pytest.mark.parametrize("odd", ["my own provider!", "a/b", "ü", "x" * 200, "provider,other", "-", '"'])
def test_definitions_load_whatever_a_provider_is_called(odd: str, settings_of: SettingsOf) -> None:
    settings = settings_of(CARBON_PROVIDER=odd, METER_TYPE=odd)

    dg.Definitions.validate_loadable(build_defs(open_home(settings)))
    with pytest.raises(SettingError, match="CARBON_PROVIDER"):
        provider_of(CARBON, settings, VIENNA)


def test_simulated_readings_never_enter_a_live_influxdb_unless_allowed_by_name(settings_of: SettingsOf) -> None:
    with pytest.raises(SettingError, match=r"HOMEIQ_ALLOW_SIMULATED: CARBON_PROVIDER is simulated.*never enter a live"):
        provider_of(CARBON, settings_of(**LIVE, CARBON_PROVIDER="simulated"), VIENNA)
    with pytest.raises(SettingError, match="HOMEIQ_ALLOW_SIMULATED"):
        provider_of(CARBON, settings_of(INFLUXDB_URL="no url at all", CARBON_PROVIDER="simulated"), VIENNA)

    allowed = settings_of(**LIVE, CARBON_PROVIDER="simulated", HOMEIQ_ALLOW_SIMULATED="on")
    assert provider_of(CARBON, allowed, VIENNA).name == SIMULATED


def test_a_credential_that_is_wrong_still_chooses_its_provider_which_then_names_it(settings_of: SettingsOf) -> None:
    settings = settings_of(**HOME_ASSISTANT | {"HOME_ASSISTANT_TOKEN": "“quoted by a word processor”"})

    assert choice(METER, settings) == "home_assistant"
    with pytest.raises(SettingError, match="HOME_ASSISTANT_TOKEN"):
        provider_of(METER, settings, VIENNA)


def test_circuits_are_polled_only_where_there_are_some(settings_of: SettingsOf) -> None:
    without = settings_of(**HOME_ASSISTANT)
    assert (choice(METER, without), serves(METER, without), serves(CIRCUITS, without)) == (
        "home_assistant",
        True,
        False,
    )
    with pytest.raises(SettingError, match=r"HOME_ASSISTANT_CIRCUITS: is not set, and without it home_assistant"):
        provider_of(CIRCUITS, without, VIENNA)

    with_one = settings_of(**HOME_ASSISTANT, HOME_ASSISTANT_CIRCUITS="sensor.oven")
    assert serves(CIRCUITS, with_one)
    assert provider_of(CIRCUITS, with_one, VIENNA).measurement.name == "smart_meter_circuit"
