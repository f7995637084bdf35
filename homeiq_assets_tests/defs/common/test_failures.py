"""How an error ends a run: the owner's words, retried only where waiting helps, and never a secret in them (R8)."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from homeiq_assets.defs.common.failures import owner_errors
from homeiq_assets.errors import HomeiqError, ProviderError, SettingError, StoreError
from homeiq_assets.redaction import register
from homeiq_assets.window import local_midnight
from homeiq_assets_tests.household import Household, failure_of, household
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant
from homeiq_assets_tests.simulated_vendors.server import html_reply, json_reply, no_waiting
from homeiq_assets_tests.simulated_vendors.watttime import WattTimeVendor

NOW = datetime(2025, 11, 20, 10, 7, tzinfo=UTC)
PASSWORD = "correct-horse-1!"
STEP = timedelta(minutes=5)


class TestOwnerErrors:
    @pytest.mark.parametrize(
        ("error", "retried"),
        [
            (SettingError("GRID_REGION", "is not set"), False),
            (ProviderError("watttime", "answered 400"), False),
            (ProviderError("watttime", "was not answered in time", retryable=True), True),
            (StoreError("INFLUXDB_URL: is down", retryable=True), True),
            (StoreError("INFLUXDB_TOKEN: may not write"), False),
        ],
    )
    def test_an_error_of_ours_is_a_failure_with_the_owners_words_and_no_traceback(
        self, error: HomeiqError, retried: bool
    ) -> None:
        with pytest.raises(dg.Failure) as caught, owner_errors():
            raise error

        assert caught.value.description == str(error)
        assert caught.value.allow_retries is retried
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    def test_a_fault_of_the_program_keeps_its_traceback(self) -> None:
        with pytest.raises(ZeroDivisionError), owner_errors():
            _ = 1 / 0

    def test_a_fault_whose_text_holds_a_secret_is_told_without_it(self) -> None:
        register("s3cr3t-of-the-fault")

        with pytest.raises(dg.Failure) as caught, owner_errors():
            raise KeyError("token s3cr3t-of-the-fault is no key")

        assert caught.value.description == "KeyError: 'token *** is no key'"
        assert not caught.value.allow_retries
        assert caught.value.__suppress_context__

    def test_a_secret_in_what_led_to_the_fault_is_not_told_either(self) -> None:
        register("s3cr3t-of-the-fault")

        def fail() -> None:
            try:
                raise ConnectionError("s3cr3t-of-the-fault was refused")
            except ConnectionError as error:
                raise RuntimeError("no answer") from error

        with pytest.raises(dg.Failure) as caught, owner_errors():
            fail()

        assert caught.value.description == "RuntimeError: no answer"
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    def test_dagsters_own_errors_pass(self) -> None:
        with pytest.raises(dg.DagsterInvalidInvocationError), owner_errors():
            raise dg.DagsterInvalidInvocationError("as it is")


def everything_recorded(home: Household) -> str:
    """All that the instance keeps of its runs: events, metadata, tags, configuration."""
    logs = [entry.to_json() for run in home.instance.get_runs() for entry in home.instance.all_logs(run.run_id)]
    runs = [dg.serialize_value(run) for run in home.instance.get_runs()]
    return "\n".join((*logs, *runs))


class TestSecrets:
    @pytest.fixture
    def watttime(self) -> Iterator[WattTimeVendor]:
        first = NOW.replace(hour=0, minute=0)
        values: dict[datetime, float | None] = {first + n * STEP: 800.0 + n for n in range(-288, 288)}
        with WattTimeVendor(values, now=NOW, password=PASSWORD) as vendor, no_waiting():
            yield vendor

    @pytest.fixture
    def home_assistant(self) -> Iterator[HomeAssistant]:
        with HomeAssistant(NOW, {"sensor.grid": lambda _: 1200.0}) as vendor:
            yield vendor

    @pytest.fixture
    def home(self, tmp_path: Path, watttime: WattTimeVendor, home_assistant: HomeAssistant) -> Household:
        return household(
            tmp_path,
            NOW,
            WATTTIME_USERNAME="owner",
            WATTTIME_PASSWORD=PASSWORD,
            WATTTIME_BASE_URL=watttime.url,
            GRID_REGION="CAISO_NORTH",
            HOME_ASSISTANT_URL=home_assistant.url,
            HOME_ASSISTANT_TOKEN=TOKEN,
            HOME_ASSISTANT_POWER_ENTITY="sensor.grid",
        )

    def test_live_vendors_fill_the_store_and_no_secret_is_recorded_anywhere(
        self,
        home: Household,
        watttime: WattTimeVendor,
        home_assistant: HomeAssistant,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        caplog.set_level(logging.DEBUG)

        assert home.poll("carbon_intensity", "smart_meter").success
        watttime.misbehave(json_reply({"message": f"the password {PASSWORD} is wrong"}, 400))
        home_assistant.raw = json.dumps({"token": TOKEN, "type": "result", "id": 1})
        failed = home.poll("carbon_intensity", "smart_meter")

        assert not failed.success
        told = failure_of(failed)
        assert "watttime: " in told
        assert "home_assistant: " in told
        tokens = {request.headers["authorization"].rpartition(" ")[2] for request in watttime.asked}
        assert len(tokens) == 2
        out, err = capfd.readouterr()
        seen = "\n".join((everything_recorded(home), caplog.text, out, err, repr(home.settings), repr(home.home)))
        for secret in (PASSWORD, TOKEN, *tokens):
            assert secret not in seen
        stored = b"".join(home.files().values())
        assert not [secret for secret in (PASSWORD, TOKEN, *tokens) if secret.encode() in stored]

    def test_a_vendor_that_hiccups_is_asked_again_within_the_run(
        self, home: Household, watttime: WattTimeVendor
    ) -> None:
        watttime.misbehave(json_reply({}, 503), html_reply(502), path="/v3/historical")

        assert home.poll("carbon_intensity").success

        assert len(watttime.asked_for("/v3/historical")) == 3

    def test_definitions_show_the_settings_names_and_no_secret(self, home: Household) -> None:
        shown = [
            repr(home.defs.resolve_all_asset_specs()),
            *(repr(definition.config_schema) + str(definition.description) for definition in _resources(home)),
        ]

        assert not [text for text in shown if PASSWORD in text or TOKEN in text]


def _resources(home: Household) -> list[dg.ResourceDefinition]:
    return list(home.defs.get_repository_def().get_top_level_resources().values())


def test_a_live_home_fills_a_past_day_from_both_vendors(tmp_path: Path) -> None:
    vienna = ZoneInfo("Europe/Vienna")
    midnight = local_midnight(date(2025, 10, 26), vienna)
    values: dict[datetime, float | None] = {midnight + n * STEP: 800.0 for n in range(-12, 400)}
    with (
        WattTimeVendor(values, now=midnight + 48 * 12 * STEP, password=PASSWORD) as watttime,
        HomeAssistant(midnight + 48 * 12 * STEP, {"sensor.grid": lambda _: -1200.0}) as home_assistant,
    ):
        home = household(
            tmp_path,
            midnight + 48 * 12 * STEP,
            WATTTIME_USERNAME="owner",
            WATTTIME_PASSWORD=PASSWORD,
            WATTTIME_BASE_URL=watttime.url,
            GRID_REGION="CAISO_NORTH",
            HOME_ASSISTANT_URL=home_assistant.url,
            HOME_ASSISTANT_TOKEN=TOKEN,
            HOME_ASSISTANT_POWER_ENTITY="sensor.grid",
        )

        result = home.materialise("feeds/carbon_intensity", "feeds/smart_meter", days="2025-10-26")

        assert result.success
        for feed in ("feeds/carbon_intensity", "feeds/smart_meter"):
            told = home.told(feed, "2025-10-26")
            assert told["rows_received"] == told["intervals"] == told["intervals_expected"] == 300
