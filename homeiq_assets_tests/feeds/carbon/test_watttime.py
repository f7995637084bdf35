"""WattTime, asked over HTTP: history as it is published, forecasts as they stand at the poll."""

import logging
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from homeiq_assets.errors import NoHistory, ProviderError, SettingError
from homeiq_assets.feeds.carbon import watttime
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.settings import Settings
from homeiq_assets.window import Window, local_day
from homeiq_assets_tests.vendors.server import Misbehaviour, Reply, html_reply, json_reply, no_waiting
from homeiq_assets_tests.vendors.watttime import WattTimeVendor

BERLIN = ZoneInfo("Europe/Berlin")
STEP = timedelta(minutes=5)
HOUR = timedelta(hours=1)
START = datetime(2023, 10, 1, tzinfo=UTC)
VALUES: dict[datetime, float | None] = {START + n * STEP: 800.0 + n % 288 for n in range(190 * 288)}
FORECASTS: dict[datetime, float | None] = {at: 5000.0 - (value or 0) for at, value in VALUES.items()}
DAY = local_day(date(2023, 11, 15), BERLIN)
NEXT_WEEK = DAY.end + timedelta(days=7)
NOW = DAY.start + timedelta(hours=10, minutes=7)
SLOT = DAY.start + timedelta(hours=10, minutes=5)
PASSWORD = "correct-horse-1!"
LB_PER_MWH = 0.45359237


@pytest.fixture
def vendor() -> Iterator[WattTimeVendor]:
    with WattTimeVendor(VALUES, forecasts=FORECASTS, now=NOW, password=PASSWORD) as running, no_waiting():
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def provider(vendor: WattTimeVendor, home: Path, **given: Any) -> Provider:
    usual: dict[str, Any] = {
        "watttime_base_url": vendor.url,
        "homeiq_home": home,
        "watttime_username": "owner",
        "watttime_password": SecretStr(PASSWORD),
        "grid_region": "CAISO_NORTH",
    }
    return watttime.build(Settings(**(usual | given)), BERLIN)["carbon_intensity"]


def fetch(vendor: WattTimeVendor, home: Path, window: Window, **given: Any) -> list[Answer]:
    assert vendor.now is not None
    return list(provider(vendor, home, **given).fetch(window, vendor.now))


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    found = [row for answer in answers for row in answer.rows.to_pylist()]
    return [row | {"time": row["time"].to_pydatetime()} for row in found]


def grams(at: datetime, values: dict[datetime, float | None] = VALUES) -> Any:
    return pytest.approx((values[at] or 0) * LB_PER_MWH)


def series(*points: tuple[datetime, Any], **meta: Any) -> Reply:
    usual = {
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "lbs_co2_per_mwh",
        "data_point_period_seconds": 300,
    }
    data = [{"point_time": at.isoformat().replace("+00:00", "Z"), "value": value} for at, value in points]
    return json_reply({"data": data, "meta": usual | meta})


def test_a_poll_brings_published_history_and_the_current_slot_with_its_forecasts(
    vendor: WattTimeVendor, home: Path
) -> None:
    window = Window(NOW - timedelta(minutes=30), DAY.end)
    history, current = fetch(vendor, home, window)
    published = [DAY.start + timedelta(hours=9, minutes=minutes) for minutes in (40, 45, 50, 55)]
    assert [row["time"] for row in rows([history])] == published
    assert history.covers == Window(published[0], published[-1] + STEP)
    assert current.covers == Window(SLOT, SLOT + STEP)
    assert rows([current]) == [
        {
            "time": SLOT,
            "region": "CAISO_NORTH",
            "grid_operator": "unknown",
            "carbon_intensity_gco2_kwh": grams(SLOT, FORECASTS),
            "renewable_percentage": None,
            "fossil_percentage": None,
            "forecast_1h": grams(SLOT + HOUR, FORECASTS),
            "forecast_24h": grams(SLOT + 24 * HOUR, FORECASTS),
        }
    ]


def test_what_history_has_already_stands_above_the_nowcast(vendor: WattTimeVendor, home: Path) -> None:
    vendor.lag = timedelta(0)
    history, current = fetch(vendor, home, Window(NOW - timedelta(minutes=30), DAY.end))
    assert history.covers.end == SLOT
    (row,) = rows([current])
    assert row["carbon_intensity_gco2_kwh"] == grams(SLOT)
    assert row["forecast_1h"] == grams(SLOT + HOUR, FORECASTS)


def test_a_past_day_is_its_history_without_any_forecast(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    (answer,) = fetch(vendor, home, DAY)
    assert answer.covers == DAY
    assert answer.step == STEP
    assert vendor.asked_for("/v3/forecast") == []
    found = rows([answer])
    assert [row["carbon_intensity_gco2_kwh"] for row in found] == [grams(row["time"]) for row in found]
    assert {row["forecast_1h"] for row in found} == {row["forecast_24h"] for row in found} == {None}
    assert {row["renewable_percentage"] for row in found} == {None}


def test_a_month_is_filled_by_one_login_and_one_request_with_inclusive_ends(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    month = Window(START, START + timedelta(days=31))
    (answer,) = fetch(vendor, home, month)
    assert answer.covers == month
    assert answer.rows.num_rows == 31 * 288
    assert [request.path for request in vendor.asked] == ["/login", "/v3/historical"]
    asked = vendor.asked[1].params
    assert (asked["start"], asked["end"]) == ("2023-10-01T00:00Z", "2023-10-31T23:55Z")


def test_the_longest_window_is_one_that_watttime_answers(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    carbon = provider(vendor, home)
    (answer,) = carbon.fetch(Window(START, START + carbon.longest), vendor.now)
    assert answer.covers.length == carbon.longest


@pytest.mark.parametrize(("day", "hours"), [(date(2023, 10, 29), 25), (date(2024, 3, 31), 23)])
def test_a_day_of_a_clock_change_has_the_hours_it_has(
    vendor: WattTimeVendor, home: Path, day: date, hours: int
) -> None:
    vendor.now = local_day(day, BERLIN).end + timedelta(days=2)
    (answer,) = fetch(vendor, home, local_day(day, BERLIN))
    assert answer.covers == local_day(day, BERLIN)
    assert answer.rows.num_rows == hours * 12


def test_a_day_that_has_not_begun_is_not_asked_for(vendor: WattTimeVendor, home: Path) -> None:
    assert fetch(vendor, home, local_day(date(2023, 11, 16), BERLIN)) == []
    assert vendor.asked == []


def test_an_empty_day_covers_nothing(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    vendor.values = {}
    assert fetch(vendor, home, DAY) == []


def test_a_day_before_the_regions_history_says_when_that_begins(vendor: WattTimeVendor, home: Path) -> None:
    long_ago = local_day(date(2018, 5, 1), BERLIN)
    with pytest.raises(NoHistory, match="history of CAISO_NORTH begins on 2019-01-01"):
        fetch(vendor, home, long_ago)


def test_a_short_answer_covers_from_its_first_to_its_last_point(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(series(*[(DAY.start + n * STEP, 900.0) for n in range(12, 24)]), path="/v3/historical")
    (answer,) = fetch(vendor, home, DAY)
    assert answer.covers == Window(DAY.start + HOUR, DAY.start + 2 * HOUR)


def test_a_withdrawn_point_is_covered_so_that_what_was_stored_of_it_goes(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    gone, empty = DAY.start + 3 * HOUR, DAY.start + 5 * HOUR
    del vendor.values[gone]
    vendor.values[empty] = None
    (answer,) = fetch(vendor, home, DAY)
    assert answer.covers == DAY
    assert {row["time"] for row in rows([answer])} == {DAY.start + n * STEP for n in range(288)} - {gone, empty}


def test_an_outage_of_hours_is_not_covered(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    for n in range(36, 72):
        del vendor.values[DAY.start + n * STEP]
    assert [answer.covers for answer in fetch(vendor, home, DAY)] == [
        Window(DAY.start, DAY.start + 3 * HOUR),
        Window(DAY.start + 6 * HOUR, DAY.end),
    ]


def test_a_revised_value_is_what_the_next_fetch_says(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    before = rows(fetch(vendor, home, DAY))
    vendor.values[DAY.start] = 1234.0
    after = rows(fetch(vendor, home, DAY))
    assert after[0]["carbon_intensity_gco2_kwh"] == pytest.approx(1234.0 * LB_PER_MWH)
    assert after[1:] == before[1:]


def test_a_sentinel_is_no_value(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    vendor.values[DAY.start + HOUR] = -999.0
    assert len(rows(fetch(vendor, home, DAY))) == 287


def test_the_step_is_the_one_the_vendor_says(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    quarters = [(DAY.start + n * timedelta(minutes=15), 900.0) for n in range(96)]
    vendor.misbehave(series(*quarters, data_point_period_seconds=900), path="/v3/historical")
    (answer,) = fetch(vendor, home, DAY)
    assert answer.step == timedelta(minutes=15)
    assert answer.covers == DAY


def test_points_outside_the_window_or_in_disorder_are_put_right(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    points = [(DAY.start + n * STEP, 900.0) for n in (2, 1, 0, 1, -1, 288)]
    vendor.misbehave(series(*points), path="/v3/historical")
    (answer,) = fetch(vendor, home, DAY)
    assert [row["time"] for row in rows([answer])] == [DAY.start + n * STEP for n in range(3)]


def test_a_forecast_made_long_ago_is_no_nowcast(vendor: WattTimeVendor, home: Path) -> None:
    made = (SLOT - 2 * HOUR).isoformat()
    points = [(SLOT + n * STEP, 1000.0 + n) for n in range(-24, 300)]
    vendor.misbehave(series(*points, generated_at=made), path="/v3/forecast")
    *_, current = fetch(vendor, home, Window(NOW - timedelta(minutes=30), DAY.end))
    (row,) = rows([current])
    assert row["carbon_intensity_gco2_kwh"] is None
    assert row["forecast_1h"] == pytest.approx(1012 * LB_PER_MWH)


def test_a_plan_without_forecasts_still_brings_history_and_says_so_once(
    vendor: WattTimeVendor, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.plan = ("historical",)
    carbon = provider(vendor, home)
    window = Window(NOW - timedelta(minutes=30), DAY.end)
    for _ in range(2):
        (history,) = carbon.fetch(window, NOW)
        assert history.rows.num_rows == 4
        assert history.rows["forecast_1h"].null_count == 4
    assert caplog.text.count("comes without forecasts") == 1
    assert len(vendor.asked_for("/v3/forecast")) == 1


def test_a_failing_forecast_is_an_error_after_history_was_given(vendor: WattTimeVendor, home: Path) -> None:
    vendor.misbehave(*[json_reply({}, 500)] * 4, path="/v3/forecast")
    answers = iter(provider(vendor, home).fetch(Window(NOW - timedelta(minutes=30), DAY.end), NOW))
    assert next(answers).rows.num_rows == 4
    with pytest.raises(ProviderError, match="500"):
        next(answers)


def test_a_region_outside_the_plan_names_the_setting(vendor: WattTimeVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"INVALID_SCOPE.*may not ask this of region DE\. Look at GRID_REGION"):
        fetch(vendor, home, DAY, grid_region="DE")


def test_polls_within_half_an_hour_share_one_login(vendor: WattTimeVendor, home: Path) -> None:
    for minutes in (0, 15, 30):
        vendor.now = NOW + timedelta(minutes=minutes)
        fetch(vendor, home, DAY)
    assert len(vendor.asked_for("/login")) == 2
    assert {request.headers["authorization"][:6] for request in vendor.asked_for("/login")} == {"Basic "}


def test_the_kept_token_is_for_the_owners_eyes_only(vendor: WattTimeVendor, home: Path) -> None:
    fetch(vendor, home, DAY)
    (file,) = (home / "tokens").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()


def test_a_damaged_token_file_costs_a_login(vendor: WattTimeVendor, home: Path) -> None:
    fetch(vendor, home, DAY)
    (home / "tokens" / "watttime.json").write_text('{"token": "ey')
    fetch(vendor, home, DAY)
    assert len(vendor.asked_for("/login")) == 2


def test_a_token_kept_for_another_account_is_not_used(vendor: WattTimeVendor, home: Path) -> None:
    fetch(vendor, home, DAY)
    vendor.username = "tenant"
    fetch(vendor, home, DAY, watttime_username="tenant")
    assert len(vendor.asked_for("/login")) == 2


def test_a_token_refused_before_its_time_is_replaced_once(vendor: WattTimeVendor, home: Path) -> None:
    carbon = provider(vendor, home)
    list(carbon.fetch(DAY, NOW))
    vendor.forget_logins()
    assert len(list(carbon.fetch(DAY, NOW))) == 2
    assert len(vendor.asked_for("/login")) == 2


def test_a_login_that_goes_on_being_refused_is_not_repeated_for_ever(vendor: WattTimeVendor, home: Path) -> None:
    fetch(vendor, home, DAY)
    vendor.misbehave(*[json_reply({"error": "INVALID_TOKEN"}, 401)] * 2, path="/v3/historical")
    with pytest.raises(ProviderError, match="Look at WATTTIME_USERNAME and WATTTIME_PASSWORD"):
        fetch(vendor, home, DAY)
    assert len(vendor.asked_for("/login")) == 2


def test_a_wrong_password_names_the_settings(vendor: WattTimeVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"401.*Look at WATTTIME_USERNAME, WATTTIME_PASSWORD") as caught:
        fetch(vendor, home, DAY, watttime_password=SecretStr("wrong-donkey-2?"))
    assert not caught.value.retryable
    assert len(vendor.asked) == 1


def test_an_api_token_needs_no_login(vendor: WattTimeVendor, home: Path) -> None:
    with WattTimeVendor(VALUES, now=NEXT_WEEK, api_token="given-token-1") as tokened:
        only_token = {"watttime_username": None, "watttime_password": None}
        (answer,) = fetch(tokened, home, DAY, **only_token, watttime_api_token=SecretStr("given-token-1"))
        assert answer.rows.num_rows == 288
        assert tokened.asked_for("/login") == []
        with pytest.raises(ProviderError, match="Look at WATTTIME_API_TOKEN"):
            fetch(tokened, home, DAY, **only_token, watttime_api_token=SecretStr("other-token-2"))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"watttime_username": None, "watttime_password": None}, "WATTTIME_USERNAME: is not set"),
        ({"watttime_password": None}, "WATTTIME_PASSWORD: is not set"),
    ],
)
def test_missing_credentials_name_what_is_missing(
    vendor: WattTimeVendor, home: Path, given: dict[str, None], named: str
) -> None:
    with pytest.raises(SettingError, match=named):
        fetch(vendor, home, DAY, **given)


def test_without_a_region_the_homes_place_decides_and_is_looked_up_monthly(vendor: WattTimeVendor, home: Path) -> None:
    vendor.places = {(37.8, -122.3): "CAISO_NORTH"}
    place = {"grid_region": None, "latitude": 37.8, "longitude": -122.3}
    for days in (0, 20, 40):
        vendor.now = NOW + timedelta(days=days)
        (answer, *_) = fetch(vendor, home, DAY, **place)
        assert answer.rows["region"].unique().to_pylist() == ["CAISO_NORTH"]
    lookups = vendor.asked_for("/v3/region-from-loc")
    assert len(lookups) == 2
    assert lookups[0].params == {"latitude": "37.8", "longitude": "-122.3", "signal_type": "co2_moer"}


def test_a_home_that_moves_is_looked_up_again(vendor: WattTimeVendor, home: Path) -> None:
    vendor.places = {(37.8, -122.3): "CAISO_NORTH", (38.0, -122.0): "CAISO_NORTH"}
    fetch(vendor, home, DAY, grid_region=None, latitude=37.8, longitude=-122.3)
    fetch(vendor, home, DAY, grid_region=None, latitude=38.0, longitude=-122.0)
    assert len(vendor.asked_for("/v3/region-from-loc")) == 2


def test_a_place_outside_the_coverage_names_the_settings(vendor: WattTimeVendor, home: Path) -> None:
    with pytest.raises(ProviderError, match=r"coordinates not found.*LATITUDE and LONGITUDE.*GRID_REGION"):
        fetch(vendor, home, DAY, grid_region=None)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (series((DAY.start, 1.0), units="percentile"), "units"),
        (series((DAY.start, 1.0), signal_type="co2_aoer"), "signal_type"),
        (series((DAY.start, 1.0), region="CAISO_SOUTH"), "answered for CAISO_SOUTH"),
        (series((DAY.start, 1.0), data_point_period_seconds=0), "data_point_period_seconds"),
        (series((DAY.start, "812.5")), "value"),
        (series((DAY.start, True)), "value"),
        (json_reply({"data": [{"point_time": "2023-11-15T00:00:00", "value": 1.0}], "meta": {}}), "point_time"),
        (json_reply({"data": [], "meta": {}}), "meta"),
        (json_reply({"error": "INTERNAL", "message": "an error inside a 200"}), "an error inside a 200"),
        (json_reply({"error": "INVALID_QUERY_PARAMS", "message": "no such region"}, 400), "no such region"),
        (json_reply({"detail": [{"loc": ["query", "start"], "msg": "not a time", "type": "x"}]}, 422), "not a time"),
        (html_reply(403), "Bad gateway"),
        (html_reply(), "not (complete) JSON"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({"error": "RATE", "message": "slow down"}, 429, Retry_After="300"), "asks to wait 300 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_vendor(
    vendor: WattTimeVendor, home: Path, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong, path="/v3/historical")
    with pytest.raises(ProviderError) as caught:
        fetch(vendor, home, DAY)
    assert str(caught.value).startswith("watttime: ")
    assert problem in str(caught.value)


def test_hiccups_are_waited_out(vendor: WattTimeVendor, home: Path) -> None:
    vendor.now = NEXT_WEEK
    vendor.misbehave(json_reply({}, 429), path="/login")
    vendor.misbehave(json_reply({}, 503), Misbehaviour(reset=True), Misbehaviour(truncate=True), path="/v3/historical")
    assert len(rows(fetch(vendor, home, DAY))) == 288


def test_no_secret_is_in_any_message_or_log_line(
    vendor: WattTimeVendor, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The simulated login repeats the password in its refusal, and the others the token."""
    for name in ("", "httpx", "httpcore", "httpx_retries"):
        caplog.set_level(logging.DEBUG, logger=name)
    wrong_password = "wrong-donkey-2?"
    texts: list[str] = []

    def failing(**given: Any) -> None:
        with pytest.raises(ProviderError) as caught:
            fetch(vendor, home, DAY, **given)
        error: BaseException | None = caught.value
        while error is not None:
            texts.extend((str(error), repr(error)))
            error = error.__cause__ or error.__context__

    failing(watttime_password=SecretStr(wrong_password))
    vendor.misbehave(json_reply({"token": 17, "was": PASSWORD}), path="/login")
    failing()
    fetch(vendor, home, DAY)
    token = vendor.asked_for("/v3/historical")[0].headers["authorization"].removeprefix("Bearer ")
    for status in (200, 400, 403, 500):
        vendor.misbehave(*[json_reply({"message": f"you sent {token}"}, status)] * 4, path="/v3/historical")
        failing()
        vendor.behave()
    logged = [caplog.text, *(str(vars(record)) for record in caplog.records)]
    hidden = (wrong_password, PASSWORD, token, token[:20])
    assert not [text for text in texts + logged if any(secret in text for secret in hidden)]
    assert any("***" in text for text in texts)


def test_the_probe_says_what_the_account_may_ask(vendor: WattTimeVendor, home: Path) -> None:
    assert provider(vendor, home).probe(NOW) == "logged in; region CAISO_NORTH: forecast, historical"
    with pytest.raises(ProviderError, match=r"region DE.*GRID_REGION"):
        provider(vendor, home, grid_region="DE").probe(NOW)
