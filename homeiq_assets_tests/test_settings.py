"""Settings: wrong ones never stop the project from loading, and each is explained to the owner."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from homeiq_assets.defs.build import build_defs
from homeiq_assets.errors import SettingError
from homeiq_assets.home import open_home
from homeiq_assets.redaction import redact
from homeiq_assets.settings.variables import AWS_CREDENTIALS, Settings, load
from homeiq_assets_tests.conftest import PROJECT

WRONG = {
    "HOMEIQ_TIMEZONE": "Mars/Olympus",
    "HOMEIQ_START_DATE": "yesterday",
    "HOMEIQ_AUTOMATION": "perhaps",
    "HOMEIQ_HOLD_HOURS": "-3",
    "LATITUDE": "123",
    "INFLUXDB_URL": "influx.local:8086",
    "HOME_ASSISTANT_URL": "http://ha.example.com:8123",
    "WATTTIME_BASE_URL": "http://api.watttime.org",
    "PRICING_VAT_PERCENT": "twenty",
    "PRICING_PEAK_HOURS": "evening",
    "EVENTS_METERS": "grid_energy",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_wrong_setting_is_remembered_and_its_default_is_in_force(
    name: str, value: str, settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(**{name: value})

    assert list(settings.problems) == [name]
    with pytest.raises(SettingError, match=name):
        settings.sound(name)


def test_all_wrong_at_once_still_loads(settings_of: Callable[..., Settings]) -> None:
    assert set(settings_of(**WRONG).problems) == set(WRONG)


def test_a_wrong_influxdb_url_does_not_fall_back_to_the_embedded_store(settings_of: Callable[..., Settings]) -> None:
    assert settings_of(INFLUXDB_URL="influx.local:8086").live


def test_plain_http_is_allowed_within_the_home(settings_of: Callable[..., Settings]) -> None:
    for url in ("http://192.168.1.4:8123", "http://homeassistant.local:8123", "http://127.0.0.1:9", "http://hass:8123"):
        assert settings_of(HOME_ASSISTANT_URL=url).problems == {}


def test_the_older_names_of_the_influxdb_settings_are_read(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(INFLUX_TOKEN="older-token", INFLUX_ORG="home", INFLUX_BUCKET="ha")

    assert settings.required("INFLUXDB_TOKEN") == "older-token"
    assert (settings.influxdb_org, settings.influxdb_bucket) == ("home", "ha")


def test_an_empty_variable_is_an_unset_one(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(INFLUXDB_URL="", HOMEIQ_TIMEZONE="")

    assert not settings.live
    assert settings.problems == {}


def test_a_missing_setting_is_named(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(SettingError, match="INFLUXDB_TOKEN: is not set"):
        settings_of(INFLUXDB_URL="http://127.0.0.1:8086").required("INFLUXDB_TOKEN")


def test_secrets_are_hidden_from_the_moment_settings_are_loaded(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(HOME_ASSISTANT_TOKEN="long-lived-token", WATTTIME_PASSWORD="pass/word 1")

    assert "long-lived" not in repr(settings)
    assert redact("sent long-lived-token and pass%2Fword%201") == "sent *** and ***"


def test_the_example_file_explains_every_setting_and_no_other() -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^#([A-Z0-9_]+)=", text, re.MULTILINE))

    assert explained == {name.upper() for name in Settings.model_fields}


def test_the_example_file_shows_the_defaults_in_force(settings_of: Callable[..., Settings]) -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#([A-Z0-9_]+)=(\S+)$", text, re.MULTILINE))
    places = {"INFLUXDB_URL", "HOME_ASSISTANT_URL", "AWATTAR_BASE_URL"}
    settings, plain = settings_of(**{k: v for k, v in shown.items() if k not in places}), settings_of()

    assert settings.problems == {}
    for name in shown.keys() - places - {"PRICING_AREA"}:
        assert getattr(settings, name.lower()) == getattr(plain, name.lower())


@pytest.mark.parametrize("name", ["INFLUXDB_URL", "HOME_ASSISTANT_URL", "WATTTIME_BASE_URL"])
def test_an_address_with_credentials_is_refused_because_addresses_are_shown(
    name: str, settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(**{name: "https://user:hidden-password@10.0.0.1:8086"})

    assert "must not hold a user or password" in settings.problems[name]
    assert "hidden-password" not in repr(settings) + str(settings.problems)


@pytest.mark.parametrize("name", ["INFLUXDB_URL", "HOME_ASSISTANT_URL", "WATTTIME_BASE_URL"])
@pytest.mark.parametrize("ending", ["?token=hidden-token", "/#hidden-token", "/?"])
def test_an_address_with_a_query_or_fragment_is_refused_because_addresses_are_shown(
    name: str, ending: str, settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(**{name: f"https://10.0.0.1:8086{ending}"})

    assert "must end before any ? or #" in settings.problems[name]
    assert "hidden-token" not in repr(settings) + str(settings.problems)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://localhost:99999", "must have a port from 0 to 65535"),
        ("http://localhost:abc", "must have a port from 0 to 65535"),
        ("http://local host:8086", "must not hold spaces"),
        ("http://localhost:8086/\u200b", "must not hold spaces or characters that cannot be seen"),
    ],
)
@pytest.mark.parametrize("name", ["INFLUXDB_URL", "AWATTAR_BASE_URL"])
def test_an_address_that_no_client_takes_is_refused(
    name: str, url: str, told: str, settings_of: Callable[..., Settings]
) -> None:
    assert told in settings_of(**{name: url}).problems[name]


@pytest.mark.parametrize("name", ["INFLUXDB_TOKEN", "INFLUX_TOKEN", "HOME_ASSISTANT_TOKEN", "WATTTIME_API_TOKEN"])
@pytest.mark.parametrize(
    "value", ["\u201ctoken-in-quotes\u201d", "token-in\ntwo-lines", "token-and-space ", "t\u00f6ken-x"]
)
def test_a_token_that_no_header_takes_is_refused_without_being_shown(
    name: str, value: str, settings_of: Callable[..., Settings]
) -> None:
    problems = settings_of(**{name: value}).problems

    assert list(problems) == [name.replace("INFLUX_", "INFLUXDB_")]
    assert "copy it again" in "".join(problems.values())
    assert value.strip() not in str(problems)


def test_a_password_may_be_any_text(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(WATTTIME_PASSWORD="\u201cgr\u00fcn\u201d \u20ac")

    assert settings.problems == {}
    assert settings.required("WATTTIME_PASSWORD") == "\u201cgr\u00fcn\u201d \u20ac"


@pytest.fixture
def aws_unset() -> Iterator[None]:
    """An environment without AWS_*; what is put into it is gone afterwards."""
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        yield


@pytest.mark.usefixtures("aws_unset")
class TestAwsVariables:
    def test_those_of_the_file_reach_boto3_and_the_environment_wins(self, tmp_path: Path) -> None:
        os.environ["AWS_REGION"] = "eu-central-1"
        (tmp_path / ".env").write_text(
            "AWS_ACCESS_KEY_ID=AKIAFROMFILE\nexport AWS_SECRET_ACCESS_KEY='from the file'\nAWS_REGION=us-east-1\n"
            "AWS_PROFILE=\nUNRELATED=1\n"
        )

        assert load(tmp_path / ".env").problems == {}

        found = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        assert found == {
            "AWS_ACCESS_KEY_ID": "AKIAFROMFILE",
            "AWS_SECRET_ACCESS_KEY": "from the file",
            "AWS_REGION": "eu-central-1",
        }
        assert "UNRELATED" not in os.environ
        assert redact("sent from the file") == "sent ***"

    def test_secrets_of_the_environment_are_hidden_too(self, tmp_path: Path) -> None:
        os.environ |= {"AWS_SECRET_ACCESS_KEY": "environment/secret", "AWS_SESSION_TOKEN": "environment+session"}

        load(tmp_path / ".env")

        assert redact("environment/secret environment+session environment%2Fsecret") == "*** *** ***"

    @pytest.mark.parametrize("name", AWS_CREDENTIALS)
    def test_one_that_cannot_be_sent_is_named(self, name: str, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text(f"{name}=\u201ckey\u201d\n", encoding="utf-8")

        assert "copy it again" in load(tmp_path / ".env").problems[name]


class TestFile:
    def test_one_that_is_not_utf_8_is_told_and_everything_still_loads(
        self, tmp_path: Path, settings_of: Callable[..., Settings]
    ) -> None:
        settings_of()
        (tmp_path / ".env").write_bytes("HOMEIQ_TIMEZONE=Europe/Vienna\n# f\u00fcr uns\n".encode("latin-1"))

        settings = load(tmp_path / ".env")

        assert list(settings.problems) == [".env"]
        assert "is not UTF-8 text" in settings.problems[".env"]
        assert build_defs(open_home(settings)).assets

    def test_a_folder_in_its_place_is_told(self, tmp_path: Path, settings_of: Callable[..., Settings]) -> None:
        settings_of()
        (tmp_path / ".env").mkdir()

        assert "cannot be read (Is a directory)" in load(tmp_path / ".env").problems[".env"]

    def test_nothing_runs_without_what_it_may_say(self, tmp_path: Path, settings_of: Callable[..., Settings]) -> None:
        settings_of()
        (tmp_path / ".env").mkdir()

        with pytest.raises(SettingError, match=r"^\.env: .* cannot be read"):
            open_home(load(tmp_path / ".env")).keep_zone()


def test_what_is_kept_is_in_the_nearest_folder_upwards_that_holds_a_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings_of: Callable[..., Settings]
) -> None:
    settings_of()
    (tmp_path / "project" / "docs").mkdir(parents=True)
    (tmp_path / "project" / "workspace.yaml").touch()
    (tmp_path / "project" / ".env").write_text("PRICING_AREA=AT\n")
    monkeypatch.chdir(tmp_path / "project" / "docs")
    monkeypatch.delenv("HOMEIQ_HOME")

    assert load().homeiq_home == tmp_path / "project" / ".homeiq"
    assert load().pricing_area == "AT"

    monkeypatch.chdir(tmp_path)

    assert load().homeiq_home == tmp_path / ".homeiq"
    assert load().pricing_area is None


def test_a_relative_homeiq_home_is_taken_from_the_project_wherever_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings_of: Callable[..., Settings]
) -> None:
    settings_of()
    (tmp_path / "workspace.yaml").touch()
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    monkeypatch.setenv("HOME", str(tmp_path / "owner"))

    assert settings_in_force(monkeypatch, "data/homeiq") == tmp_path / "data" / "homeiq"
    assert settings_in_force(monkeypatch, "~/homeiq") == tmp_path / "owner" / "homeiq"
    assert settings_in_force(monkeypatch, str(tmp_path)) == tmp_path


def test_the_home_folder_of_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEIQ_HOME", "~nobody-of-that-name/homeiq")

    assert "home folder is not known" in load(Path(os.devnull)).problems["HOMEIQ_HOME"]


def settings_in_force(monkeypatch: pytest.MonkeyPatch, home: str) -> Path:
    monkeypatch.setenv("HOMEIQ_HOME", home)
    return load(Path(os.devnull)).homeiq_home
