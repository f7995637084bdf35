"""Home Assistant as a meter, against a strict simulated one."""

import json
import logging
import socket
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.feeds.meter.home_assistant import build, time_zone
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings import Settings
from homeiq_assets.window import HOUR, Window, local_day
from homeiq_assets_tests.vendors.home_assistant import TOKEN, HomeAssistant

VIENNA = ZoneInfo("Europe/Vienna")
GRID, OVEN, BOILER = "sensor.grid_power", "sensor.oven_power", "sensor.boiler_power"
NOW = datetime(2026, 11, 20, 10, 7, 30, tzinfo=UTC)
MINUTES = timedelta(minutes=1)

SettingsOf = Callable[..., Settings]


def constant(watts: float) -> Callable[[datetime], float | None]:
    return lambda _: watts


@pytest.fixture
def vendor() -> Iterable[HomeAssistant]:
    with HomeAssistant(NOW, {GRID: constant(1200.0), OVEN: constant(300.0), BOILER: constant(600.0)}) as running:
        yield running


@pytest.fixture
def configured(settings_of: SettingsOf, vendor: HomeAssistant) -> Callable[..., Settings]:
    def settings(**changed: str) -> Settings:
        chosen = {
            "HOME_ASSISTANT_URL": vendor.url,
            "HOME_ASSISTANT_TOKEN": TOKEN,
            "HOME_ASSISTANT_POWER_ENTITY": GRID,
            **changed,
        }
        return settings_of(**chosen)

    return settings


@pytest.fixture
def meter(configured: SettingsOf) -> Provider:
    return build(configured(), VIENNA)["smart_meter"]


def answers(provider: Provider, window: Window, now: datetime = NOW) -> list[Answer]:
    return list(provider.fetch(window, now))


def only(answered: Iterable[Answer]) -> Answer:
    (answer,) = answered
    return answer


def times(rows: pa.Table) -> list[datetime]:
    return [time.to_pydatetime() for time in rows["time"].to_pandas()]


def test_a_poll_brings_the_closed_intervals_and_counts_from_local_midnight(meter: Provider) -> None:
    window = Window(NOW - 12.5 * MINUTES, NOW + timedelta(days=1))

    answer = only(answers(meter, window))

    nine55, ten = datetime(2026, 11, 20, 9, 55, tzinfo=UTC), datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert times(answer.rows) == [nine55, ten]
    assert answer.covers == Window(nine55, ten + 5 * MINUTES)  # 10:05 is still open
    assert answer.step == 5 * MINUTES
    assert answer.rows["meter_type"].to_pylist() == ["home_assistant"] * 2
    assert answer.rows["total_power_w"].to_pylist() == [1200.0, 1200.0]  # W, although its user displays kW
    assert answer.rows["daily_kwh"][-1].as_py() == pytest.approx(1.2 * (11 + 5 / 60))  # since 23:00 UTC


def test_an_interval_that_is_not_compiled_yet_is_not_vouched_for(meter: Provider, vendor: HomeAssistant) -> None:
    vendor.now = datetime(2026, 11, 20, 10, 5, 4, tzinfo=UTC)  # 10:00 to 10:05 ended 4 seconds ago

    answer = only(answers(meter, Window(vendor.now - 20 * MINUTES, vendor.now), vendor.now))

    assert answer.covers.end == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_a_window_that_has_not_begun_asks_nothing(meter: Provider, vendor: HomeAssistant) -> None:
    assert answers(meter, Window(NOW, NOW + HOUR)) == []
    assert vendor.logins == []


def test_a_month_is_hourly_until_five_minute_statistics_begin(meter: Provider, vendor: HomeAssistant) -> None:
    window = Window(NOW - timedelta(days=31), NOW)

    hourly, fine = answers(meter, window)

    seam = datetime(2026, 11, 10, 11, tzinfo=UTC)  # purged up to 10:07:30, so that hour is taken whole
    assert (hourly.step, fine.step) == (HOUR, 5 * MINUTES)
    assert hourly.covers == Window(datetime(2026, 10, 20, 11, tzinfo=UTC), seam)
    assert fine.covers == Window(seam, datetime(2026, 11, 20, 10, 5, tzinfo=UTC))
    assert hourly.rows.num_rows == 21 * 24
    assert fine.rows.num_rows == (fine.covers.end - seam) / (5 * MINUTES)
    assert len(vendor.logins) == 1
    assert [command["id"] for command in vendor.commands] == [1, 2, 3]
    # The day of the seam is counted over both: 23:00 to 11:00 in hours, then in five minutes.
    assert fine.rows["daily_kwh"][0].as_py() == pytest.approx(1.2 * (12 + 1 / 12))


def test_days_long_gone_are_hourly_only(meter: Provider) -> None:
    day = local_day(date(2026, 3, 29), VIENNA)  # the clocks go forward

    answer = only(answers(meter, day))

    assert answer.covers == day
    assert answer.rows.num_rows == 23
    assert answer.rows["daily_kwh"][-1].as_py() == pytest.approx(1.2 * 23)


def test_an_hour_recorded_in_part_keeps_its_five_minutes(meter: Provider, vendor: HomeAssistant) -> None:
    vendor.began = datetime(2026, 11, 20, 8, 20, tzinfo=UTC)

    answer = only(answers(meter, local_day(date(2026, 11, 20), VIENNA)))

    assert answer.step == 5 * MINUTES
    assert answer.covers.start == vendor.began
    assert answer.rows["daily_kwh"][0].as_py() == pytest.approx(0.1)


def test_an_outage_before_the_window_is_not_taken_for_a_purge(meter: Provider, vendor: HomeAssistant) -> None:
    down = Window(datetime(2026, 11, 19, 23, tzinfo=UTC), datetime(2026, 11, 19, 23, 30, tzinfo=UTC))
    vendor.power[GRID] = lambda at: None if at in down else 1200.0

    answer = only(answers(meter, local_day(date(2026, 11, 20), VIENNA)))

    assert answer.step == 5 * MINUTES
    assert answer.covers.start == down.end


def test_an_outage_stays_a_gap(meter: Provider, vendor: HomeAssistant) -> None:
    down = Window(datetime(2026, 11, 18, 2, tzinfo=UTC), datetime(2026, 11, 18, 12, 20, tzinfo=UTC))
    vendor.power[GRID] = lambda at: None if at in down else 1200.0
    day = local_day(date(2026, 11, 18), VIENNA)

    answer = only(answers(meter, day))

    assert answer.covers == day
    assert not any(time in down for time in times(answer.rows))
    assert answer.rows["daily_kwh"][-1].as_py() == pytest.approx(1.2 * (24 - 10 - 1 / 3))


def test_a_null_mean_is_an_absent_reading(meter: Provider, vendor: HomeAssistant) -> None:
    null = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    vendor.nulls = {null}

    answer = only(answers(meter, Window(null - 15 * MINUTES, null + 15 * MINUTES)))

    assert len(times(answer.rows)) == 5
    assert null not in times(answer.rows)


def test_feeding_in_is_negative_power_and_counts_as_export(meter: Provider, vendor: HomeAssistant) -> None:
    noon = datetime(2026, 11, 19, 11, tzinfo=UTC)
    vendor.power[GRID] = lambda at: -2400.0 if noon <= at < noon + HOUR else 600.0

    rows = only(answers(meter, local_day(date(2026, 11, 19), VIENNA))).rows

    assert min(rows["total_power_w"].to_pylist()) == -2400.0
    assert rows["daily_export_kwh"][-1].as_py() == pytest.approx(2.4)
    assert rows["daily_kwh"][-1].as_py() == pytest.approx(0.6 * 23)


def test_half_hour_zones_lose_nothing_of_their_hourly_past(configured: SettingsOf) -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    provider = build(configured(), kolkata)["smart_meter"]

    first, second = (only(answers(provider, local_day(date(2026, 5, day), kolkata))) for day in (4, 5))

    assert first.rows.num_rows + second.rows.num_rows == 48
    assert first.covers.end == datetime(2026, 5, 4, 18, 30, tzinfo=UTC)  # its last hour begins at 23:30
    assert times(second.rows)[0] == datetime(2026, 5, 4, 19, tzinfo=UTC)


def test_circuits_are_named_and_shares_of_the_home(configured: SettingsOf, vendor: HomeAssistant) -> None:
    providers = build(configured(HOME_ASSISTANT_CIRCUITS=f" Hot water = {BOILER}, {OVEN} ,"), VIENNA)
    circuits = providers["smart_meter_circuit"]

    hourly, fine = answers(circuits, Window(NOW - timedelta(days=12), NOW))
    polled = only(answers(circuits, Window(NOW - 12 * MINUTES, NOW)))

    assert {row["circuit_name"]: row["percentage"] for row in polled.rows.to_pylist()} == {
        "Hot water": 50.0,
        "oven_power": 25.0,
    }
    assert hourly.rows["percentage"].null_count == fine.rows["percentage"].null_count == 0
    assert len(vendor.asked_for("hour")) == 1  # a poll in the middle of an interval does not ask for hours


def test_without_circuits_there_is_only_the_meter(configured: SettingsOf) -> None:
    assert list(build(configured(), VIENNA)) == ["smart_meter"]


@pytest.mark.parametrize("circuits", [",", "oven", "=sensor.oven", f"a={OVEN},a={BOILER}", f"{OVEN},b={OVEN}"])
def test_circuits_that_make_no_sense_name_their_setting(configured: SettingsOf, circuits: str) -> None:
    with pytest.raises(SettingError, match="HOME_ASSISTANT_CIRCUITS"):
        build(configured(HOME_ASSISTANT_CIRCUITS=circuits), VIENNA)


def test_a_wrong_token_is_said_once_and_never_tried_again(configured: SettingsOf, vendor: HomeAssistant) -> None:
    provider = build(configured(HOME_ASSISTANT_TOKEN="a-token-that-was-revoked"), VIENNA)["smart_meter"]

    with pytest.raises(ProviderError, match="HOME_ASSISTANT_TOKEN") as caught:
        provider.probe(NOW)

    assert not caught.value.retryable
    assert len(vendor.logins) == 1
    assert "revoked" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"HOME_ASSISTANT_POWER_ENTITY": "sensor.grid_pover"}, "HOME_ASSISTANT_POWER_ENTITY.*mean sensor.grid_power"),
        ({"HOME_ASSISTANT_CIRCUITS": "x=sensor.ovn_power"}, "HOME_ASSISTANT_CIRCUITS.*mean sensor.oven_power"),
    ],
)
def test_an_unknown_entity_names_the_setting_and_what_is_spelled_alike(
    configured: SettingsOf, changed: dict[str, str], said: str
) -> None:
    provider = list(build(configured(**changed), VIENNA).values())[-1]

    with pytest.raises(ProviderError, match=said) as caught:
        provider.probe(NOW)

    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"mean_type": 0, "has_mean": False, "has_sum": True}, "no mean statistics"),
        ({"mean_type": 2}, "no mean statistics"),
        ({"unit_class": "energy", "statistics_unit_of_measurement": "kWh"}, "not power: its statistics are in kWh"),
    ],
)
def test_an_entity_that_is_no_power_says_so(
    meter: Provider, vendor: HomeAssistant, metadata: dict[str, object], said: str
) -> None:
    vendor.metadata[GRID] = metadata

    with pytest.raises(ProviderError, match=said):
        answers(meter, Window(NOW - HOUR, NOW))


def test_the_probe_says_what_it_found(meter: Provider) -> None:
    assert GRID in meter.probe(NOW)


@pytest.mark.parametrize(
    "raw",
    [
        "{",
        "[]",
        "null",
        '{"id": 1, "result": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"id": 1, "type": "result"}',
        '{"id": 7, "type": "result", "success": true, "result": []}',
        '{"id": 1, "type": "result", "success": true}',
        '{"id": 1, "type": "result", "success": true, "result": null}',
        '{"id": 1, "type": "result", "success": true, "result": [null]}',
        '{"id": 1, "type": "result", "success": true, "result": [{"name": "x"}]}',
    ],
)
def test_what_is_not_the_api_is_quoted(meter: Provider, vendor: HomeAssistant, raw: str) -> None:
    vendor.raw = raw

    with pytest.raises(ProviderError, match="not what Home Assistant's API promises") as caught:
        meter.probe(NOW)

    assert "HOME_ASSISTANT_URL" in str(caught.value)
    assert str(caught.value).rpartition("It began: ")[2] in raw


@pytest.mark.parametrize(
    "row", [{"mean": 5.0}, {"start": "2026-11-20", "mean": 1.0}, {"start": 1e300, "mean": 1.0}, [], 5]
    + [{"start": 1795168800000, "mean": mean} for mean in ("5.0", True, float("nan"), [1.0])],
)  # fmt: skip
def test_statistics_of_the_wrong_shape_are_no_rows(configured: SettingsOf, vendor: HomeAssistant, row: object) -> None:
    described = {"id": 1, "type": "result", "success": True, "result": [vendor._described(GRID)]}
    statistics = {"id": 2, "type": "result", "success": True, "result": {GRID: [row]}}
    scripted = iter([json.dumps(described), json.dumps(statistics)])
    vendor._result = lambda command: setattr(vendor, "raw", next(scripted))  # type: ignore[method-assign]

    with pytest.raises(ProviderError, match="not what Home Assistant's API promises"):
        answers(build(configured(), VIENNA)["smart_meter"], Window(NOW - HOUR, NOW))


@pytest.mark.parametrize(
    ("misbehaviour", "said", "retryable"),
    [
        ("close", "closed the connection midway", True),
        ("error", "unknown_error", True),
        ("hello", "HOME_ASSISTANT_URL", False),
    ],
)
def test_misbehaviour_is_an_error_that_says_what_happened(
    meter: Provider, vendor: HomeAssistant, misbehaviour: str, said: str, retryable: bool
) -> None:
    vendor.misbehaviour = misbehaviour

    with pytest.raises(ProviderError, match=said) as caught:
        answers(meter, Window(NOW - HOUR, NOW))

    assert caught.value.retryable is retryable


@pytest.mark.parametrize(
    ("status", "said", "retryable"),
    [
        (200, "HOME_ASSISTANT_URL", False),
        (404, "HOME_ASSISTANT_URL", False),
        (502, "HOME_ASSISTANT_URL", True),
        (403, "banned", False),
    ],
)
def test_a_web_page_instead_of_a_socket_points_at_the_url(
    meter: Provider, vendor: HomeAssistant, status: int, said: str, retryable: bool
) -> None:
    vendor.status = status

    with pytest.raises(ProviderError, match=said) as caught:
        meter.probe(NOW)

    assert caught.value.retryable is retryable


def test_nobody_at_home_can_be_tried_again(configured: SettingsOf) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        provider = build(configured(HOME_ASSISTANT_URL=url), VIENNA)["smart_meter"]

        with pytest.raises(ProviderError, match=r"cannot be reached.*HOME_ASSISTANT_URL") as caught:
            provider.probe(NOW)

    assert caught.value.retryable


def test_the_token_is_in_no_log_line_and_no_error(
    meter: Provider, vendor: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers(meter, Window(NOW - HOUR, NOW))
    vendor.raw = json.dumps({"echo": f"you sent {'x' * 60} {TOKEN}"})

    with pytest.raises(ProviderError) as caught:
        meter.probe(NOW)

    assert vendor.logins == [TOKEN, TOKEN]
    for text in (caplog.text, str(caught.value), repr(caught.value.__context__)):
        assert TOKEN[:12] not in text


def test_home_assistant_knows_the_homes_time_zone(configured: SettingsOf) -> None:
    assert time_zone(configured()) == "Europe/Vienna"


@pytest.mark.parametrize(
    ("changed", "status", "zone", "said"),
    [
        ({"HOME_ASSISTANT_TOKEN": "another-token"}, None, "UTC", "HOME_ASSISTANT_TOKEN"),
        ({}, 200, "UTC", "HOME_ASSISTANT_URL"),
        ({}, 404, "UTC", "HOME_ASSISTANT_URL"),
        ({}, None, "Mars/Olympus", "HOMEIQ_TIMEZONE"),
        ({}, None, "../etc/passwd", "HOMEIQ_TIMEZONE"),
    ],
)
def test_a_time_zone_that_cannot_be_learned_says_why(
    configured: SettingsOf, vendor: HomeAssistant, changed: dict[str, str], status: int | None, zone: str, said: str
) -> None:
    vendor.status, vendor.time_zone = status, zone

    with pytest.raises(ProviderError, match=said) as caught:
        time_zone(configured(**changed))

    assert "another-token" not in str(caught.value)
