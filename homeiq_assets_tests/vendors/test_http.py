"""The vendor client against a vendor that misbehaves in every way vendors do."""

import gzip
import json
import logging
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ConfigDict

from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets_tests.simulated_vendors.dripping import Dripping
from homeiq_assets_tests.simulated_vendors.server import (
    Asked,
    Misbehaviour,
    Reply,
    Vendor,
    html_reply,
    json_reply,
    no_waiting,
)

SECRET = "sesame-open-4711"


class Greeting(BaseModel):
    """What the vendor of these tests promises."""

    model_config = ConfigDict(strict=True)

    hello: str
    warmth: float


class Greeter(Vendor):
    """Greets whoever asks."""

    def respond(self, request: Asked) -> Reply:
        return json_reply({"hello": "world", "warmth": 21.5})


@pytest.fixture
def greeter() -> Iterator[Greeter]:
    with Greeter() as vendor:
        yield vendor


@pytest.fixture
def waits() -> Iterator[list[float]]:
    with no_waiting() as noted:
        yield noted


def ask(vendor: Vendor, **options: float) -> Greeting:
    with VendorClient("greeter", vendor.url, Settings(), **options) as client:  # type: ignore[arg-type]
        return client.get("/hello", {"zone": "a b"}, expect=Greeting)


def failure_of(vendor: Vendor, **options: float) -> VendorFailure:
    with pytest.raises(VendorFailure) as caught:
        ask(vendor, **options)
    return caught.value


def test_an_answer_arrives_as_the_model_asked_for(greeter: Greeter) -> None:
    assert ask(greeter) == Greeting(hello="world", warmth=21.5)
    assert greeter.asked[0].params == {"zone": "a b"}
    assert greeter.asked[0].headers["user-agent"] == "homeiq-assets/0.1"


def test_a_compressed_answer_is_read(greeter: Greeter) -> None:
    body = gzip.compress(b'{"hello": "packed", "warmth": 1}')
    greeter.misbehave(Reply(200, body, {"Content-Encoding": "gzip"}))
    assert ask(greeter).hello == "packed"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_after_growing_pauses(
    greeter: Greeter, waits: list[float], status: int
) -> None:
    greeter.misbehave(*[json_reply({"message": "later"}, status)] * 3)
    assert ask(greeter).hello == "world"
    assert len(greeter.asked) == 4
    # factor 0.5 doubled each time, with up to half of it taken off by jitter
    assert all(0.5 * 2**n / 2 <= wait <= 0.5 * 2**n for n, wait in enumerate(waits, 1))


def test_a_lasting_failure_is_given_up_and_may_be_tried_by_a_later_run(greeter: Greeter, waits: list[float]) -> None:
    greeter.misbehave(*[json_reply({"message": "on fire"}, 500)] * 4)
    failure = failure_of(greeter)
    assert len(greeter.asked) == 4
    assert failure.retryable
    assert failure.status == 500
    assert f"greeter: GET {greeter.url}/hello?zone=a+b answered 500 Internal Server Error" in str(failure).replace(
        "%20", "+"
    )
    assert "on fire" in str(failure)


def test_the_pause_is_as_long_as_the_vendor_says(greeter: Greeter, waits: list[float]) -> None:
    greeter.misbehave(json_reply({}, 429, Retry_After="7"))
    assert ask(greeter).hello == "world"
    assert waits == [7.0]


def test_a_pause_longer_than_the_budget_is_not_waited_for(greeter: Greeter, waits: list[float]) -> None:
    greeter.misbehave(json_reply({}, 429, Retry_After="3600"))
    failure = failure_of(greeter)
    assert waits == []
    assert not failure.retryable, "a step tried again in seconds would come too soon"
    assert failure.status == 429
    assert "asks to wait 3600 s" in str(failure)


def test_a_retry_after_that_makes_no_sense_is_ignored(greeter: Greeter, waits: list[float]) -> None:
    greeter.misbehave(json_reply({}, 503, Retry_After="soon"))
    assert ask(greeter).hello == "world"
    assert len(waits) == 1


@pytest.mark.parametrize(
    "accident", [Misbehaviour(reset=True), Misbehaviour(truncate=True)], ids=["reset", "cut in its middle"]
)
def test_a_lost_connection_is_tried_again(greeter: Greeter, waits: list[float], accident: Misbehaviour) -> None:
    greeter.misbehave(accident)
    assert ask(greeter).hello == "world"
    assert len(greeter.asked) == 2


def test_a_vendor_that_does_not_answer_is_given_up_on(greeter: Greeter, waits: list[float]) -> None:
    greeter.misbehave(*[Misbehaviour(delay=30)] * 2)
    failure = failure_of(greeter, timeout=0.1, retries=1)
    assert len(greeter.asked) == 2
    assert failure.retryable
    assert failure.status is None
    assert "was not answered in time" in str(failure)


def test_all_tries_together_stay_within_the_budget(greeter: Greeter, waits: list[float]) -> None:
    greeter.misbehave(*[Misbehaviour(delay=30)] * 50)
    failure = failure_of(greeter, timeout=0.1, budget=0.35, retries=50)
    assert failure.retryable
    assert len(greeter.asked) <= 4


def test_an_answer_that_trickles_in_does_not_outlast_the_budget(greeter: Greeter) -> None:
    greeter.misbehave(Misbehaviour(json_reply({"hello": "w" * 1000, "warmth": 1.0}), drip=0.05))
    failure = failure_of(greeter, budget=0.3)
    assert failure.retryable
    assert "no complete answer within 0.3 s" in str(failure)


def test_a_vendor_that_is_not_there_is_named(waits: list[float]) -> None:
    with Greeter() as gone:
        pass
    failure = failure_of(gone)
    assert failure.retryable
    assert gone.url in str(failure)
    assert len(waits) == 3


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_refused_request_is_not_repeated(greeter: Greeter, status: int) -> None:
    greeter.misbehave(json_reply({"error": "INVALID"}, status))
    failure = failure_of(greeter)
    assert len(greeter.asked) == 1
    assert not failure.retryable
    assert "INVALID" in str(failure)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_names_the_settings_to_look_at(greeter: Greeter, status: int) -> None:
    greeter.misbehave(html_reply(status))
    with VendorClient("greeter", greeter.url, Settings()) as client, pytest.raises(VendorFailure) as caught:
        client.get("/hello", expect=Greeting, credentials=("GREETER_USERNAME", "GREETER_PASSWORD"))
    assert not caught.value.retryable
    assert caught.value.status == status
    assert "Look at GREETER_USERNAME, GREETER_PASSWORD." in str(caught.value)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "nothing in it"),
        (b"<html>Sorry</html>", "not (complete) JSON"),
        (b'{"hello": "wor', "not (complete) JSON"),
        (b'{"hello": ' + b"[" * 5000 + b"]" * 5000 + b"}", "not (complete) JSON"),
        (b'{"hello": "\xff\xfe", "warmth": 1}', "not (complete) JSON"),
        (b'{"hello": "world", "warmth": "21.5"}', "warmth is not what the API promises"),
        (b'{"hello": null, "warmth": 21.5}', "hello is not what the API promises"),
        (b'{"error": {"code": 17}}', "hello is not what the API promises"),
        (b"[]", "the answer is not what the API promises"),
        (b"null", "the answer is not what the API promises"),
    ],
)
def test_a_200_that_is_no_answer_is_a_failure_that_quotes_it(greeter: Greeter, body: bytes, problem: str) -> None:
    greeter.misbehave(Reply(200, body))
    failure = failure_of(greeter)
    assert failure.status == 200
    assert problem in str(failure)
    assert body.decode(errors="replace")[:10] in str(failure)


def test_only_the_start_of_a_long_answer_is_quoted(greeter: Greeter) -> None:
    greeter.misbehave(Reply(200, b"x" * 100_000))
    failure = failure_of(greeter)
    assert failure.excerpt == "x" * 200
    assert len(str(failure)) < 500


@pytest.mark.parametrize("packed", [True, False], ids=["a bomb of a few KB", "as it is"])
def test_an_answer_beyond_all_bounds_is_not_read_to_its_end(greeter: Greeter, packed: bool) -> None:
    body = b" " * (9 * 2**20)
    greeter.misbehave(Reply(200, gzip.compress(body), {"Content-Encoding": "gzip"}) if packed else Reply(200, body))
    failure = failure_of(greeter)
    assert f"GET {greeter.url}/hello" in str(failure)
    assert "sent more than 8 MB, which is not read" in str(failure)
    assert not failure.retryable
    assert len(greeter.asked) == 1


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_an_encoding_that_was_not_asked_for_is_named(greeter: Greeter, encoding: str) -> None:
    greeter.misbehave(Reply(200, b"\x1b\x03", {"Content-Encoding": encoding}))
    assert f"an encoding that was not asked for ('{encoding}')" in str(failure_of(greeter))
    assert greeter.asked[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(b'{"hello": "packed", "warmth": 1}')[:20]], ids=["none at all", "cut short"]
)
def test_a_compressed_answer_that_is_damaged_is_a_failure(greeter: Greeter, body: bytes) -> None:
    greeter.misbehave(Reply(200, body, {"Content-Encoding": "gzip"}))
    assert failure_of(greeter).retryable


def test_a_redirect_within_the_host_is_followed(greeter: Greeter) -> None:
    greeter.misbehave(Reply(301, b"", {"Location": "/hello/"}))
    assert ask(greeter).hello == "world"
    assert [request.path for request in greeter.asked] == ["/hello", "/hello/"]


@pytest.mark.parametrize("status", [300, 304, 305, 399])
def test_a_redirect_that_leads_nowhere_is_a_failure(greeter: Greeter, status: int) -> None:
    greeter.misbehave(Reply(status))
    assert f"answered {status}" in str(failure_of(greeter))


def test_what_is_no_http_is_quoted_no_further_than_an_answer(waits: list[float]) -> None:
    with (
        Dripping(b"HTTP/1.1 200 OK\r\nX " + b"y" * 90_000 + b"\r\n\r\n", b"") as vendor,
        VendorClient("greeter", vendor.url, Settings(), retries=0) as client,
        pytest.raises(VendorFailure) as caught,
    ):
        client.get("/hello", expect=Greeting)
    assert "illegal header line" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_redirect_to_another_host_gets_neither_request_nor_credentials(greeter: Greeter) -> None:
    with Greeter() as other, VendorClient("greeter", greeter.url, Settings(), headers={"auth-token": SECRET}) as client:
        greeter.misbehave(Reply(302, b"", {"Location": f"{other.url}/hello"}))
        with pytest.raises(VendorFailure, match=r"redirect to .* not followed"):
            client.get("/hello", expect=Greeting)
        assert other.asked == []


def test_a_secret_is_in_no_message_and_no_log_line(
    greeter: Greeter, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the vendor repeats it, and with every library told to log all it does."""
    for name in ("", "httpx", "httpcore", "httpx_retries"):
        caplog.set_level(logging.DEBUG, logger=name)
    echo = {"hello": {"you sent": SECRET}, "warmth": f"{'.' * 150} {SECRET}"}
    replies = [json_reply(echo, status) for status in (200, 400, 401, 403, 503)]
    greeter.misbehave(*replies, Reply(200, b"not JSON: " + SECRET.encode()), Misbehaviour(reset=True))
    texts = []
    with VendorClient("greeter", greeter.url, Settings(), retries=0) as client:
        for _ in range(7):
            with pytest.raises(VendorFailure) as caught:
                client.get(
                    "/hello",
                    {"api_key": SECRET},
                    expect=Greeting,
                    auth=("owner", SECRET),
                    headers={"X-Api-Key": SECRET},
                )
            error: BaseException | None = caught.value
            while error is not None:
                texts += [str(error), repr(error)]
                error = error.__cause__ or error.__context__
    logged = [caplog.text, *(json.dumps(vars(record), default=str) for record in caplog.records)]
    assert greeter.asked[0].params == {"api_key": SECRET}
    assert len(texts) == 14
    # a message is cut only after it is cleaned, so that no half of a secret remains either
    assert not [text for text in texts + logged if SECRET[:8] in text]


def test_an_answer_that_is_itself_a_secret_is_never_quoted(greeter: Greeter) -> None:
    greeter.misbehave(json_reply({"hello": "eyJ-fresh-token", "warmth": None}))
    with VendorClient("greeter", greeter.url, Settings()) as client, pytest.raises(VendorFailure) as caught:
        client.get("/hello", expect=Greeting, confidential=True)
    assert "warmth is not what the API promises" in str(caught.value)
    assert "eyJ" not in str(caught.value)


def test_each_call_leaves_one_structured_log_line(greeter: Greeter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ask(greeter)
    greeter.misbehave(html_reply(404))
    failure_of(greeter)
    seen = [(vars(record)["provider"], vars(record)["status"], record.levelname) for record in caplog.records]
    assert seen == [("greeter", 200, "INFO"), ("greeter", 404, "WARNING")]
    assert all(vars(record)["ms"] >= 0 for record in caplog.records)
