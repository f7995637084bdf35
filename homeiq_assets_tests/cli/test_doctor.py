"""`homeiq doctor`: what is set, what answers, what to set; exit status 1 where something that is set does not work."""

import base64
import html
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from homeiq_assets.feeds.catalog import FEEDS
from homeiq_assets.schema.measurements import HOME_ASSISTANT_HISTORY
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import HOUR, floor_to
from homeiq_assets_tests.cli.conftest import Outcome
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant
from homeiq_assets_tests.simulated_vendors.home_assistant_history import HomeAssistantHistory
from homeiq_assets_tests.simulated_vendors.server import Reply, json_reply
from homeiq_assets_tests.simulated_vendors.watttime import WattTimeVendor
from homeiq_assets_tests.stores.places import put
from homeiq_assets_tests.test_settings import WRONG

Doctor = Callable[..., "Examined"]


class Examined:
    """The table as state and finding by what was looked at."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome, self.status = outcome, outcome.status
        header, *lines = outcome.lines
        state, detail = header.index("state"), header.index("found")
        self.found: dict[str, tuple[str, str]] = {}
        what = ""
        for line in lines:
            if line[state:detail].strip():
                what = line[:state].strip()
                self.found[what] = (line[state:detail].strip(), line[detail:].strip())
            else:
                # What is long goes on below itself.
                before, found = self.found[what]
                self.found[what] = (before, f"{found} {line[detail:].strip()}".strip())

    def state(self, what: str) -> str:
        return self.found[what][0]

    def detail(self, what: str) -> str:
        return self.found[what][1]


@pytest.fixture
def doctor(homeiq: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    def examine(**settings: str) -> Examined:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return Examined(homeiq("doctor"))

    return examine


def test_a_home_with_nothing_set_is_well(doctor: Doctor) -> None:
    found = doctor()

    assert found.status == 0
    assert found.outcome.err == ""
    assert found.state("time zone") == "not set"
    assert "set HOMEIQ_TIMEZONE before the first run" in found.detail("time zone")
    (embedded,) = (what for what in found.found if what.startswith("embedded store"))
    assert found.state(embedded) == "ok"
    assert found.state("archive") == "ok"
    assert "S3_ARCHIVE_BUCKET" in found.detail("archive")
    for feed in FEEDS:
        assert found.found[f"feed {feed.name}"] == (
            "not set",
            f"simulated; set {feed.setting} to choose a provider",
        )


def test_every_wrong_setting_is_told_with_what_is_wrong(doctor: Doctor) -> None:
    found = doctor(**WRONG)

    assert found.status == 1
    for name in WRONG:
        assert found.state(name) == "failed"
        assert found.detail(name)
    assert "'Mars/Olympus' is not a time zone name" in found.detail("HOMEIQ_TIMEZONE")
    assert "must be a URL" in found.detail("INFLUXDB_URL")


@pytest.mark.parametrize(
    ("settings", "feed", "told"),
    [
        ({"CARBON_PROVIDER": "nobody"}, "carbon_intensity", "CARBON_PROVIDER: 'nobody' is not a provider"),
        ({"CARBON_PROVIDER": "watttime"}, "carbon_intensity", "WATTTIME_USERNAME: is not set"),
        ({"PRICING_PROVIDER": "awattar", "PRICING_AREA": "FR"}, "electricity_pricing", "PRICING_AREA: aWATTar has"),
        ({"METER_TYPE": "home_assistant"}, "smart_meter", "HOME_ASSISTANT_URL: is not set"),
    ],
)
def test_a_feed_that_cannot_work_names_the_setting(
    settings: dict[str, str], feed: str, told: str, doctor: Doctor
) -> None:
    found = doctor(HOMEIQ_TIMEZONE="Europe/Vienna", **settings)

    assert (found.status, found.state(f"feed {feed}")) == (1, "failed")
    assert found.detail(f"feed {feed}").startswith(told)


def test_a_feed_switched_off_is_no_fault(doctor: Doctor) -> None:
    found = doctor(CARBON_PROVIDER="off")

    assert found.status == 0
    assert found.found["feed carbon_intensity"] == ("not set", "set CARBON_PROVIDER to choose a provider")


def test_a_database_that_is_down_and_what_is_missing_for_it_are_named(doctor: Doctor) -> None:
    missing = doctor(INFLUXDB_URL="http://127.0.0.1:9", HOMEIQ_TIMEZONE="Europe/Vienna")
    assert (missing.status, missing.state("store")) == (1, "failed")
    assert missing.detail("store") == "INFLUXDB_BUCKET: is not set"
    assert missing.state("feed smart_meter") == "not set"

    down = doctor(INFLUXDB_TOKEN="a-secret-token", INFLUXDB_ORG="home", INFLUXDB_BUCKET="ha", METER_TYPE="simulated")
    assert down.status == 1
    assert "INFLUXDB_URL" in down.outcome.out
    assert down.detail("feed smart_meter").startswith("HOMEIQ_ALLOW_SIMULATED: METER_TYPE is simulated")
    assert "a-secret-token" not in down.outcome.out


def test_a_folder_that_cannot_be_used_is_named_and_the_rest_is_looked_at_still(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where the folder should be")

    found = doctor(HOMEIQ_HOME=str(tmp_path / "file"))

    assert found.status == 1
    assert "HOMEIQ_HOME" in found.detail("store")
    assert "HOMEIQ_HOME" in found.detail("archive")
    assert found.state("feed fx_rate") == "not set"


def test_a_changed_time_zone_is_told(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "homeiq").mkdir()
    (tmp_path / "homeiq" / "timezone").write_text("Europe/Vienna\n")

    found = doctor(HOMEIQ_TIMEZONE="Asia/Kolkata")

    assert (found.status, found.state("time zone")) == (1, "failed")
    assert "HOMEIQ_TIMEZONE: is Asia/Kolkata, but" in found.detail("time zone")


def test_brackets_in_a_finding_are_shown(doctor: Doctor, tmp_path: Path) -> None:
    found = doctor(HOMEIQ_HOME=str(tmp_path / "[home]"), CARBON_PROVIDER="[/b]")

    assert "[home]" in found.detail("archive").replace(" ", "")
    assert found.detail("feed carbon_intensity").startswith("CARBON_PROVIDER: '[/b]' is not a provider")


def test_an_env_file_that_cannot_be_read_is_told(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"HOMEIQ_TIMEZONE=Europe/Vienna # f\xfcr uns\n")

    found = doctor()

    assert (found.status, found.state(".env")) == (1, "failed")
    assert "is not UTF-8 text" in found.detail(".env")
    assert found.state("archive") == "ok"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL_S3", "foo"),
        ("AWS_ENDPOINT_URL", "http://localhost:99999"),
        ("AWS_PROFILE", "nonexistent"),
        ("AWS_REGION", "eu west"),
        ("AWS_DEFAULT_REGION", "eu west"),
        ("AWS_SESSION_TOKEN", "\u201ctoken\u201d"),
    ],
)
def test_an_aws_variable_that_cannot_be_used_is_named_and_the_rest_is_looked_at_still(
    name: str, value: str, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(other, raising=False)

    found = doctor(S3_ARCHIVE_BUCKET="years-of-home", **{name: value})

    assert (found.status, found.state("archive")) == (1, "failed")
    assert found.detail("archive").startswith(f"{name}: ")
    assert found.state("feed fx_rate") == "not set"


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("homeiq_assets.vendors.home_assistant.zone.time_zone", "time zone"),
        ("homeiq_assets.stores.embedded.store.EmbeddedStore.probe", "store"),
        ("homeiq_assets.archive.objects.LocalFolder.probe", "archive"),
    ],
)
def test_a_probe_that_goes_wrong_in_a_way_of_its_own_costs_no_other_its_line(
    where: str, what: str, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("something odd about a-secret-token")

    monkeypatch.setattr(where, broken)

    found = doctor(HOME_ASSISTANT_URL="http://127.0.0.1:9", HOME_ASSISTANT_TOKEN="a-secret-token")

    assert found.status == 1
    assert found.found[what] == ("failed", "RuntimeError: something odd about ***")
    assert found.state("feed fx_rate") == "not set"


def test_a_misspelt_setting_is_told_with_the_one_that_is_meant(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEIQ_TIMEZON", "Europe/Vienna")
    monkeypatch.setenv("OTHER_TYPE", "no business of ours")
    (tmp_path / ".env").write_text(
        "METER_TYP=emporia\n"
        "# METER_TIPE=commented out\n"
        "\n"
        "export METER-USERNAME=owner\n"
        "INFLUX_URL=\n"
        "AWS_ACCES_KEY_ID=AKIA\n"
        "PRICING_MARGIN=2\n"
        "METER_PASSWORD: hunter-2-and-3\n"
        "METER_API_TOKEN\n"
        "carbon_provider=off\n"
        "COMPOSE_PROFILES=a\n"
        "AWS_STS_REGIONAL_ENDPOINTS=regional\n"
        "OTHER=1\n"
    )

    found = doctor()

    assert found.status == 0
    warned = {what: detail for what, (state, detail) in found.found.items() if state == "warning"}
    no_setting = "is no setting, so what .env says of it is not in force"
    no_line = "sets nothing; a setting is written NAME=value, in one line"
    assert warned == {
        "METER_TYP": f"{no_setting}; did you mean METER_TYPE?",
        "METER-USERNAME": f"{no_setting}; did you mean METER_USERNAME?",
        "INFLUX_URL": f"{no_setting}; did you mean INFLUXDB_URL?",
        "AWS_ACCES_KEY_ID": f"{no_setting}; did you mean AWS_ACCESS_KEY_ID?",
        "PRICING_MARGIN": f"{no_setting}; .env.example has them all",
        ".env line 8": no_line,
        ".env line 9": no_line,
        "HOMEIQ_TIMEZON": "is set in the environment, and is no setting; did you mean HOMEIQ_TIMEZONE?",
    }
    assert "hunter" not in found.outcome.out


@pytest.mark.parametrize("file", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
def test_a_damaged_database_of_dagster_is_told_and_the_rest_is_looked_at_still(
    file: str, doctor: Doctor, tmp_path: Path
) -> None:
    database = tmp_path / "dagster" / file
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as made:
        made.executescript("CREATE TABLE t (x); CREATE INDEX i ON t (x);")
        made.executemany("INSERT INTO t VALUES (?)", [(f"{n:0900}",) for n in range(60)])
        made.commit()
    well = doctor(DAGSTER_HOME=str(tmp_path / "dagster"))
    with database.open("r+b") as pages:
        pages.seek(8192)
        pages.write(b"\xff" * 8192)
    found = doctor()

    assert (well.status, "Dagster" in well.found) == (0, False)
    assert (found.status, found.state("Dagster")) == (1, "failed")
    told = found.detail("Dagster").replace(" ", "")
    assert f"{database}isdamaged" in told
    assert f"movethefolder{tmp_path / 'dagster' / file.partition('/')[0]}away" in told
    assert "nothingofthemislost" in told
    assert found.state("feed fx_rate") == "not set"


class TestVendors:
    NOW = datetime.now(UTC)

    @pytest.fixture
    def awattar(self) -> Iterator[AwattarVendor]:
        first = floor_to(self.NOW, HOUR) - 48 * HOUR
        with AwattarVendor({first + n * HOUR: 80.0 for n in range(96)}) as vendor:
            yield vendor

    @pytest.fixture
    def watttime(self) -> Iterator[WattTimeVendor]:
        with WattTimeVendor({floor_to(self.NOW, timedelta(minutes=5)): 800.0}) as vendor:
            yield vendor

    @pytest.fixture
    def home_assistant(self) -> Iterator[HomeAssistant]:
        with HomeAssistant(self.NOW, {"sensor.grid": lambda _: 1200.0}) as vendor:
            vendor.time_zone = "Australia/Lord_Howe"
            yield vendor

    @pytest.fixture
    def settings(
        self, awattar: AwattarVendor, watttime: WattTimeVendor, home_assistant: HomeAssistant
    ) -> dict[str, str]:
        return {
            "PRICING_PROVIDER": "awattar",
            "AWATTAR_BASE_URL": awattar.url,
            "WATTTIME_USERNAME": "owner",
            "WATTTIME_PASSWORD": watttime.password,
            "WATTTIME_BASE_URL": watttime.url,
            "GRID_REGION": watttime.region,
            "HOME_ASSISTANT_URL": home_assistant.url,
            "HOME_ASSISTANT_TOKEN": TOKEN,
            "HOME_ASSISTANT_POWER_ENTITY": "sensor.grid",
        }

    def test_each_vendor_that_answers_says_what_it_has_and_home_assistant_the_zone(
        self, doctor: Doctor, settings: dict[str, str]
    ) -> None:
        found = doctor(**settings)

        assert found.status == 0
        assert found.state("time zone") == "ok"
        assert found.detail("time zone").startswith("Australia/Lord_Howe")
        assert found.found["feed carbon_intensity"] == (
            "ok",
            "watttime: logged in; region CAISO_NORTH: forecast, historical",
        )
        assert found.detail("feed electricity_pricing").startswith("awattar: 2")
        assert found.detail("feed electricity_pricing").endswith("now 0.0800 EUR/kWh")
        assert found.detail("feed smart_meter") == "home_assistant: power statistics of sensor.grid"
        assert found.state("feed smart_meter_circuit") == "not set"
        assert "HOME_ASSISTANT_CIRCUITS" in found.detail("feed smart_meter_circuit")

    def test_each_vendor_that_refuses_is_told_with_the_settings_to_look_at_and_no_secret(
        self,
        doctor: Doctor,
        settings: dict[str, str],
        awattar: AwattarVendor,
        home_assistant: HomeAssistant,
    ) -> None:
        awattar.misbehave(*[json_reply({"message": "no"}, 403)] * 2)
        settings |= {
            "WATTTIME_PASSWORD": "wrong-donkey-2?",
            "HOME_ASSISTANT_TOKEN": "not-the-token",
            "HOMEIQ_TIMEZONE": "Europe/Vienna",
        }

        found = doctor(**settings)

        assert found.status == 1
        failed = {what for what, (state, _) in found.found.items() if state == "failed"}
        assert failed == {
            "feed carbon_intensity",
            "feed electricity_pricing",
            "feed electricity_pricing_forecast",
            "feed smart_meter",
        }
        assert "WATTTIME_USERNAME, WATTTIME_PASSWORD" in found.detail("feed carbon_intensity")
        assert "HOME_ASSISTANT_TOKEN" in found.detail("feed smart_meter")
        assert "answered 403" in found.detail("feed electricity_pricing")
        seen = found.outcome.out + found.outcome.err
        assert not [secret for secret in ("wrong-donkey-2?", "not-the-token") if secret in seen]

    def test_a_password_that_a_vendor_repeats_escaped_is_not_shown_nor_are_codes_that_a_terminal_obeys(
        self, doctor: Doctor, settings: dict[str, str], awattar: AwattarVendor
    ) -> None:
        password = 'pa"ss\\word/7'
        basic = base64.b64encode(f"owner:{password}".encode()).decode()
        said = [json.dumps(password), basic, quote(password), html.escape(password), json.dumps(json.dumps(password))]
        awattar.misbehave(*[Reply(403, f"\x1b[2J\x07no: {' '.join(said)}".encode())] * 2)

        found = doctor(**settings | {"WATTTIME_PASSWORD": password})

        told = found.detail("feed electricity_pricing")
        assert told.endswith('answered 403 Forbidden: no: "***" *** *** *** "\\"***\\""')
        assert not [code for code in ("\x1b", "\x07") if code in found.outcome.out]

    def test_a_zone_that_home_assistant_cannot_tell_is_a_fault(
        self, doctor: Doctor, settings: dict[str, str], home_assistant: HomeAssistant
    ) -> None:
        home_assistant.status = 502

        found = doctor(**settings)

        assert (found.status, found.state("time zone")) == (1, "failed")
        assert "HOMEIQ_TIMEZONE" in found.detail("time zone")


def test_what_is_taken_for_a_meter_or_for_none_without_being_said_is_named(doctor: Doctor, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    rows = [
        {
            "time": now - (4 - n) * HOUR, "entity_id": entity, "domain": "sensor", "device_class": "energy",
            "state": str(value), "normalized_value": float(value), "unit_of_measurement": "kWh", "state_class": said,
        }
        for entity, said in (("sensor.boiler", "total"), ("sensor.bare", None), ("sensor.solar_today", "measurement"))
        for n, value in enumerate((3, 4, 5))
    ]  # fmt: skip
    put(EmbeddedStore(tmp_path / "homeiq" / "store"), HOME_ASSISTANT_HISTORY, rows)
    with HomeAssistantHistory(now) as vendor:
        vendor.states = {"sensor.boiler": {"device_class": "energy", "unit_of_measurement": "kWh"}}
        settings = {
            "EVENTS_SOURCE": "home_assistant",
            "HOME_ASSISTANT_URL": vendor.url,
            "HOME_ASSISTANT_TOKEN": TOKEN,
            "HOMEIQ_TIMEZONE": "Europe/Vienna",
        }
        found = doctor(**settings)
        named = doctor(**settings, EVENTS_METERS="sensor.bare, !sensor.solar_*")

    assert (found.status, found.state("meters")) == (0, "warning")
    assert found.detail("meters") == (
        "sensor.bare has no known state_class and counts as a meter; if it is none, name it with ! in EVENTS_METERS; "
        "sensor.solar_today has the state_class measurement in Home Assistant, so it counts as no meter; if it is one, "
        "name it in EVENTS_METERS; 2 in all"
    )
    assert named.state("meters") == "ok"
