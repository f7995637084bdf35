"""No InfluxDB where one is due, or one that fails or breaks off: each error says what to look at."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeiq_assets.schema.measurements import AIR_QUALITY
from homeiq_assets.stores.base import Store
from homeiq_assets_tests.simulated_vendors.server import Asked, Misbehaviour, Reply, Vendor, html_reply, json_reply
from homeiq_assets_tests.stores.failing import DAY, READING, WRITING, error_of, shown
from homeiq_assets_tests.stores.influxd import free_port
from homeiq_assets_tests.stores.places import InfluxPlace, held

TOKEN = "a-secret-of-the-house"
EVERYTHING = READING | WRITING


def field_keys(*keys: list[str]) -> Reply:
    return json_reply({"results": [{"series": [{"columns": ["fieldKey", "fieldType"], "values": keys}]}]})


class Canned(Vendor):
    """A server that answers each way of asking with what a test puts there, like an InfluxDB with a row in it."""

    def __init__(self) -> None:
        super().__init__()
        self.csv = Reply(
            200,
            b"name,tags,time,location,category,parameter,aqi,pm25,pm10,ozone\n"
            b"air_quality,,1773144000000000000,here,Good,PM2.5,41,,,\n\n"
            b"name,tags,fieldKey,fieldType\nair_quality,,aqi,integer\n",
        )
        self.json = field_keys()
        self.written = Reply(204)

    def respond(self, request: Asked) -> Reply:
        if request.path != "/query":
            return self.written
        return self.csv if "csv" in request.headers["accept"] else self.json

    def answer_everything_with(self, reply: Reply) -> None:
        self.csv = self.json = self.written = reply


@pytest.fixture
def server() -> Iterator[Canned]:
    with Canned() as running:
        yield running


@pytest.fixture
def store_at(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    opened: list[Store] = []

    def make(url: str, timeout: float = 5) -> Store:
        place = InfluxPlace(url, TOKEN, "homeiq", "home", "home_tiers", tmp_path / "locks", timeout=timeout)
        opened.append(place.open())
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.mark.parametrize("act", EVERYTHING)
def test_where_nothing_listens_it_is_the_urls_fault_and_waiting_may_help(
    store_at: Callable[..., Store], act: str
) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    error = error_of(store_at(url), EVERYTHING[act])

    assert str(error).startswith(f"INFLUXDB_URL: nothing answers at {url}: is InfluxDB running there")
    assert error.retryable
    assert TOKEN not in shown(error)


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("act", EVERYTHING)
def test_a_web_page_is_not_influxdb(server: Canned, store_at: Callable[..., Store], act: str, status: int) -> None:
    server.answer_everything_with(html_reply(status))

    error = error_of(store_at(server.url), EVERYTHING[act])

    assert str(error).startswith(f"INFLUXDB_URL: what answers at {server.url} is not InfluxDB 2")
    assert not error.retryable
    assert TOKEN not in shown(error)


@pytest.mark.parametrize(
    ("reply", "message", "retryable"),
    [
        (html_reply(502), r"INFLUXDB_URL: .* is busy or starting \(502\)", True),
        (json_reply({"code": "unavailable", "message": "engine is closed"}, 503), r"busy .*engine is closed", True),
        (json_reply({"code": "too many requests", "message": "slow down"}, 429), r"busy .*slow down", True),
        (
            json_reply({"code": "internal error", "message": "write /var/lib/influxdb2: no space left on device"}, 500),
            r"INFLUXDB_URL: the disk of InfluxDB at .* is full: make room",
            False,
        ),
        (
            json_reply({"code": "internal error", "message": "engine: panic"}, 500),
            r"INFLUXDB_URL: InfluxDB at .* failed to .* \(500\): engine: panic",
            True,
        ),
        (Reply(301, headers={"Location": "https://home.example/"}), r"INFLUXDB_URL: .* sends elsewhere \(301\)", False),
        (
            json_reply({"code": "unauthorized", "message": f"unauthorized access with {TOKEN}"}, 418),
            r"INFLUXDB_URL: .* will not .* \(418\): unauthorized access with \*\*\*",
            False,
        ),
    ],
    ids=["a proxy's page", "starting", "too busy", "full", "failing", "elsewhere", "telling secrets"],
)
@pytest.mark.parametrize("act", ["read", "replace", "delete"])
def test_each_refusal_says_what_to_do_and_whether_waiting_helps(
    server: Canned, store_at: Callable[..., Store], act: str, reply: Reply, message: str, retryable: bool
) -> None:
    server.answer_everything_with(reply)

    error = error_of(store_at(server.url), EVERYTHING[act])

    assert re.search(message, str(error))
    assert error.retryable is retryable
    assert TOKEN not in str(error)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (Misbehaviour(reset=True), "INFLUXDB_URL: the connection broke to"),
        (Misbehaviour(truncate=True), "INFLUXDB_URL: the connection broke to"),
        (Misbehaviour(delay=3), "INFLUXDB_URL: no timely answer from"),
    ],
    ids=["reset", "cut off", "silent"],
)
def test_an_answer_that_does_not_come_whole_is_no_answer(
    server: Canned, store_at: Callable[..., Store], how: Misbehaviour, message: str
) -> None:
    server.misbehave(how, path="/query")

    error = error_of(store_at(server.url, timeout=0.3), READING["read"])

    assert re.search(message, str(error))
    assert error.retryable


def test_an_answer_without_the_proof_that_it_is_whole_is_no_answer(
    server: Canned, store_at: Callable[..., Store]
) -> None:
    server.csv = Reply(200, server.csv.body.split(b"\n\n")[0])
    server.json = field_keys(["aqi", "integer"])

    error = error_of(store_at(server.url), READING["read"])

    assert re.search("INFLUXDB_URL: .* broke off its answer about air_quality", str(error))
    assert error.retryable


def test_an_answer_that_a_proxy_ends_in_the_middle_of_a_row_may_come_whole_next_time(
    server: Canned, store_at: Callable[..., Store]
) -> None:
    rows = server.csv.body.split(b"\n\n")[0]
    server.csv = Reply(200, rows[: rows.rindex(b",")])

    error = error_of(store_at(server.url), READING["read"])

    assert re.search("INFLUXDB_URL: .* broke off its answer about air_quality", str(error))
    assert error.retryable


def test_the_first_rows_of_a_measurement_may_come_while_it_is_read(
    server: Canned, store_at: Callable[..., Store]
) -> None:
    server.json = field_keys(["aqi", "integer"])
    server.misbehave(Reply(200, b""), path="/query")

    assert len(held(store_at(server.url), AIR_QUALITY, DAY)) == 1


def test_a_long_answer_that_is_cut_off_is_no_answer(server: Canned, store_at: Callable[..., Store]) -> None:
    head, row, *rest = server.csv.body.split(b"\n")
    server.csv = Reply(200, b"\n".join([head, *[row] * 200_000, *rest]))
    server.misbehave(Misbehaviour(truncate=True), path="/query")

    error = error_of(store_at(server.url), READING["read"])

    assert str(error).startswith("INFLUXDB_URL: the connection broke to")


def test_the_canned_server_is_taken_for_an_influxdb(server: Canned, store_at: Callable[..., Store]) -> None:
    (row,) = held(store_at(server.url), AIR_QUALITY, DAY)

    assert (row["category"], row["aqi"]) == ("Good", 41)


def test_an_error_told_in_the_answer_is_an_error(server: Canned, store_at: Callable[..., Store]) -> None:
    server.json = json_reply({"results": [{"error": "timeout"}]})

    error = error_of(store_at(server.url), READING["newest"])

    assert re.search("InfluxDB at .* cannot read home: timeout", str(error))


def test_a_url_with_a_password_in_it_does_not_show_it(store_at: Callable[..., Store]) -> None:
    error = error_of(store_at(f"http://owner:open-sesame@127.0.0.1:{free_port()}"), READING["read"])

    assert str(error).startswith("INFLUXDB_URL: nothing answers at http://***@127.0.0.1")
    assert "open-sesame" not in str(error)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://influxdb:port"])
def test_an_address_that_is_none_is_named(store_at: Callable[..., Store], url: str) -> None:
    error = error_of(store_at(url), READING["read"])

    assert str(error) == f"INFLUXDB_URL: {url} is not an address"
    assert not error.retryable


def test_the_doctor_hears_that_nothing_answers(store_at: Callable[..., Store]) -> None:
    (probe,) = store_at(f"http://127.0.0.1:{free_port()}").probe()

    assert (probe.what, probe.ok) == ("reachable", False)
    assert probe.detail.startswith("INFLUXDB_URL: nothing answers")


def test_the_doctor_hears_that_something_else_answers(server: Canned, store_at: Callable[..., Store]) -> None:
    server.written = html_reply()

    (probe,) = store_at(server.url).probe()

    assert (probe.what, probe.ok) == ("reachable", False)
    assert "is not InfluxDB 2" in probe.detail
