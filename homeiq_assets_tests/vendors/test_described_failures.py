"""An API that the owner describes: its key, expressions that make no sense, answers that do not fit."""

import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.window import HOUR
from homeiq_assets_tests.simulated_vendors.described import DescribedVendor
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, Reply, html_reply, json_reply, no_waiting
from homeiq_assets_tests.vendors.described_api import (
    DAY,
    KEY,
    RANGE,
    ROWS,
    VIENNA,
    ask,
)


@pytest.fixture
def vendor() -> Iterator[DescribedVendor]:
    with DescribedVendor({DAY.start + n * HOUR: [{"v": n}] for n in range(48)}, zone=VIENNA) as running, no_waiting():
        yield running


def test_a_key_travels_behind_bearer_or_plain_in_a_header_of_its_own(vendor: DescribedVendor) -> None:
    vendor.key = KEY
    assert len(ask(vendor, pricing_api_key=SecretStr(KEY))) == 24

    vendor.header = "x-api-key"
    assert len(ask(vendor, pricing_api_key=SecretStr(KEY), pricing_auth_header="X-API-Key")) == 24
    assert "authorization" not in vendor.asked[1].headers


def test_a_key_in_the_url_travels_there_only(vendor: DescribedVendor) -> None:
    vendor.key, vendor.header = KEY, None

    assert len(ask(vendor, path=f"{RANGE}&key={{key}}", pricing_api_key=SecretStr(KEY))) == 24
    assert "authorization" not in vendor.asked[0].headers


def test_a_missing_key_names_its_setting(vendor: DescribedVendor) -> None:
    with pytest.raises(SettingError, match=r"PRICING_API_KEY: is not set, and PRICING_URL holds \{key\}"):
        ask(vendor, path=f"{RANGE}&key={{key}}")
    assert vendor.asked == []

    vendor.key = KEY
    with pytest.raises(ProviderError, match=r"401.*a key is needed.*Look at PRICING_API_KEY"):
        ask(vendor)


@pytest.mark.parametrize("path", [RANGE, f"{RANGE}&key={{key}}"])
@pytest.mark.parametrize("header", ["Authorization", "X-Meter-Key"])
@pytest.mark.parametrize("wrong", [None, 400, 500])
def test_the_key_is_shown_nowhere(
    vendor: DescribedVendor, path: str, header: str, wrong: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = uuid4().hex  # what one test told is known to be secret in all that follow
    key = f"{hidden}/with+signs="
    vendor.key, vendor.header = "another", None if "key" in path else header.lower()
    if wrong is not None:
        vendor.misbehave(*[json_reply({"error": f"your key {key} is bad"}, wrong)] * 4)

    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderError) as caught:
        ask(vendor, path=path, pricing_api_key=SecretStr(key), pricing_auth_header=header)

    told = str(caught.value) + caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert f"GET {vendor.url}/v1/rows" in told
    assert not [form for form in (hidden, "with+signs", "with%2Bsigns") if form in told]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("data[].{start: t, value v}", "at character 25: Expecting: colon, got: unquoted_identifier$"),
        ("data[", "at character 6: .*Incomplete expression"),
        ("data[]#", "at character 7"),
        ("data[].{start: t, value: number(v)}", r"Unknown function: number\(\)"),
        ("data[].{start: t, value: to_number(v, v)}", "Expected 1 argument for function to_number"),
    ],
)
def test_an_expression_that_is_no_jmespath_names_its_setting_and_the_place(
    vendor: DescribedVendor, expression: str, problem: str
) -> None:
    with pytest.raises(SettingError, match=f"PRICING_JMESPATH: is no JMESPath.*{problem}"):
        ask(vendor, jmespath=expression)


@pytest.mark.parametrize(
    ("answer", "jmespath", "problem"),
    [
        ({"data": {"v": 1}}, "data", "PRICING_JMESPATH finds {'v': 1} in it, which is not a list of objects"),
        ({"data": [1, 2]}, "data", "finds [1, 2] in it"),
        ({"error": "maintenance"}, ROWS, 'finds None in it, which is not a list of objects): {"error": "maintenance"}'),
        ([], ROWS, "finds None in it"),
        (
            {"data": [{"t": "today", "v": 1}]},
            ROWS,
            "0.start is not what the API promises (Value error, 'today' is no time",
        ),
        (
            {"data": [{"t": 17, "v": 1}]},
            ROWS,
            "0.start is not what the API promises (Value error, is no time of this cent",
        ),
        ({"data": [{"t": 1e300, "v": 1}]}, ROWS, "is no time of this century"),
        ({"data": [{"t": "1066-10-14T09:00Z", "v": 1}]}, ROWS, "is no time of this century"),
        ({"data": [{"t": True, "v": 1}]}, ROWS, "0.start"),
        ({"data": [{"t": "2026-11-20T00:00Z", "v": "0.3"}]}, ROWS, "0.value is not what the API promises"),
        ({"data": [{"t": "2026-11-20T00:00Z", "v": True}]}, ROWS, "0.value"),
        ({"data": [{"t": "2026-11-20T00:00Z", "v": 10**400}]}, ROWS, "0.value"),
        ({"data": [{"t": "2026-11-20T00:00Z"}]}, "data[].{start: t, price: v}", "0.value"),
        (
            {"data": [{"t": 1}]},
            "sort_by(data, &v)[].{start: t}",
            "PRICING_JMESPATH does not fit it: In function sort_by",
        ),
        ({"data": [{"t": 1}]}, "data[].{start: abs(t), zone: 'Mars', value: v}", "0.start"),
        ({"data": [{"t": None}]}, "data[].{start: t, zone: 'Mars', value: v}", "zone 'Mars' is not a time zone"),
    ],
)
def test_an_answer_that_does_not_fit_is_shown_with_the_setting_to_look_at(
    vendor: DescribedVendor, answer: Any, jmespath: str, problem: str
) -> None:
    vendor.misbehave(json_reply(answer))

    with pytest.raises(ProviderError) as caught:
        ask(vendor, jmespath=jmespath)

    told = str(caught.value)
    assert told.startswith(f"generic: GET {vendor.url}/v1/rows?from=2026-11-19T23:00:00Z")
    assert problem in told
    assert told.endswith("Look at PRICING_JMESPATH.")


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (html_reply(), "not (complete) JSON: <!DOCTYPE html>"),
        (Reply(200, b""), "nothing in it"),
        (Misbehaviour(half=True), "not (complete) JSON"),
        (json_reply({"error": "no"}, 403), "403 Forbidden"),
        (json_reply({"error": {"message": "from?"}}, 422), '"from?"}} Look at PRICING_URL.'),
        (json_reply({"error": "gone"}, 410), "Look at PRICING_URL."),
        (json_reply({"error": "no such page"}, 404), "Look at PRICING_URL."),
        (Reply(302, headers={"Location": "https://elsewhere.example/"}), "a redirect to https://elsewhere.example/"),
        (json_reply({}, 429, Retry_After="900"), "asks to wait 900 s"),
    ],
)
def test_whatever_else_comes_back_is_an_error_that_names_the_url(
    vendor: DescribedVendor, wrong: Reply | Misbehaviour, problem: str
) -> None:
    vendor.misbehave(wrong)

    with pytest.raises(ProviderError, match=r"^generic: GET http://127.0.0.1:\d+/v1/rows") as caught:
        ask(vendor)

    assert problem in str(caught.value)


def test_hiccups_are_waited_out(vendor: DescribedVendor) -> None:
    vendor.misbehave(json_reply({}, 503), Misbehaviour(reset=True), json_reply({}, 429))

    assert len(ask(vendor)) == 24
