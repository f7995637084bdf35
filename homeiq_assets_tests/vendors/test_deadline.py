"""No vendor holds a run for longer than its deadline, however busily it sends nothing.

Each of these vendors goes on for ever: only the deadline ends what is tried here.
"""

import base64
import hashlib
import re
import socket
from datetime import UTC, datetime, timedelta

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.connections import tls
from homeiq_assets.vendors.home_assistant.socket import HomeAssistantSocket
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.window import Window
from homeiq_assets_tests.simulated_vendors.dripping import Dripping
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour
from homeiq_assets_tests.vendors.test_http import Greeter, Greeting

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GZIP = bytes.fromhex("1f8b0800000000000003")
EMPTY_BLOCK = bytes.fromhex("000000ffff")


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (OK + b"X-Long: ", b"a"),
        (OK, b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (OK + b"Content-Length: 1000000\r\n\r\n", b" "),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5;", b"e"),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + GZIP, EMPTY_BLOCK),
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\n", b"X: y\r\n"),
    ],
    ids=[
        "a header byte by byte",
        "header after header",
        "to be continued",
        "a body byte by byte",
        "chunk after chunk",
        "the length of a chunk",
        "a gzip stream without a byte in it",
        "an error's headers",
    ],
)
def test_what_drips_in_for_ever_is_given_up_at_the_deadline(beginning: bytes, piece: bytes) -> None:
    with Dripping(beginning, piece) as vendor, VendorClient("drip", vendor.url, Settings(), budget=0.4) as client:
        with pytest.raises(VendorFailure, match=r"no complete answer within 0\.4 s, retries included") as caught:
            client.get("/hello", expect=Greeting)
        assert caught.value.retryable
        assert vendor.connections <= 1, "what the deadline ended is not tried again"


def test_a_tls_handshake_that_drips_is_given_up_at_the_deadline() -> None:
    with Dripping(b"\x16\x03\x03\x40\x00", b"\x00") as vendor:
        url = f"https://127.0.0.1:{vendor.port}"
        with (
            VendorClient("drip", url, Settings(), budget=0.4) as client,
            pytest.raises(VendorFailure, match="no complete answer within"),
        ):
            client.get("/hello", expect=Greeting)


def test_vendors_libraries_and_logins_are_held_to_the_same_deadline() -> None:
    with (
        Dripping(OK, b"X: y\r\n") as vendor,
        VendorClient("drip", vendor.url, Settings(), budget=0.4) as client,
        pytest.raises(VendorFailure, match="no complete answer within"),
    ):
        client.exchange("POST", "/token", content=b"grant_type=refresh_token")


def test_one_question_may_have_a_nearer_deadline_than_all_of_a_long_backfill() -> None:
    with (
        Greeter() as vendor,
        VendorClient("greeter", vendor.url, Settings(), budget=600, question=2, retries=0) as client,
    ):
        assert client.get("/hello", expect=Greeting).hello == "world"
        vendor.misbehave(Misbehaviour(drip=0.2))
        with pytest.raises(VendorFailure, match="within 2 s"):
            client.get("/hello", expect=Greeting)
        assert client.get("/hello", expect=Greeting).hello == "world"


def test_the_owners_patience_multiplies_every_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_PATIENCE", "0.01")
    with (
        Dripping(OK, b"X: y\r\n") as vendor,
        VendorClient("drip", vendor.url, Settings(), timeout=500) as client,
        pytest.raises(VendorFailure, match=r"no complete answer within 0\.6 s"),
    ):
        client.get("/hello", expect=Greeting)


def test_a_name_that_has_no_address_is_told() -> None:
    with (
        VendorClient("nobody", "http://nobody.invalid", Settings(), retries=0) as client,
        pytest.raises(VendorFailure, match=r"GET http://nobody\.invalid/hello failed") as caught,
    ):
        client.get("/hello", expect=Greeting)
    assert caught.value.retryable


def test_certificates_are_loaded_once_for_all_vendors() -> None:
    assert tls() is tls()
    assert tls().get_ca_certs() or tls().cert_store_stats()["x509_ca"]


class TestWebSocket:
    def test_a_handshake_that_drips_is_given_up(self) -> None:
        with Dripping(b"HTTP/1.1 101 Switching Protocols\r\n", b"X: y\r\n") as home:
            with pytest.raises(ProviderError, match="cannot be reached") as caught:
                HomeAssistantSocket(home.url, "a-token", 0.06).__enter__()
            assert caught.value.retryable

    @pytest.mark.parametrize(
        ("begun", "piece"),
        [(b"\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x00", b" "), (b"\x01\x01 ", b"\x00\x01 ")],
        ids=["a message byte by byte", "fragment after fragment"],
    )
    def test_a_message_that_drips_is_given_up(self, begun: bytes, piece: bytes) -> None:
        with DrippingSocket(begun, piece) as home:
            with pytest.raises(ProviderError, match=r"did not finish its answer within 3\.6 s") as caught:
                HomeAssistantSocket(home.url, "a-token", 0.06).__enter__()
            assert caught.value.retryable

    def test_statistics_of_many_entities_are_asked_for_in_parts_that_can_be_read(self) -> None:
        began = datetime(2025, 10, 1, tzinfo=UTC)
        window = Window(began, began + timedelta(days=31))
        names = [f"sensor.plug_{n}" for n in range(300)]
        with HomeAssistant(began, {}) as home, HomeAssistantSocket(home.url, TOKEN, 1) as socket:
            assert socket.statistics(names, window, "hour", units={}, types=["mean"]) == {name: {} for name in names}
        asked = [command["statistic_ids"] for command in home.asked_for("hour")]
        assert [name for some in asked for name in some] == names
        assert [len(some) for some in asked] == [134, 134, 32]

    def test_a_message_beyond_all_bounds_is_not_read_also_where_it_comes_compressed(self) -> None:
        with HomeAssistant(datetime.now(UTC), {}) as home, HomeAssistantSocket(home.url, TOKEN, 1) as socket:
            home.raw = " " * (17 * 2**20)
            with pytest.raises(ProviderError, match="sent more than 16 MB at once") as caught:
                socket.registry("device")
            assert not caught.value.retryable


class DrippingSocket(Dripping):
    """Takes the handshake of a WebSocket as it should be, and drips frames."""

    def answer(self, connection: socket.socket) -> bytes:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += connection.recv(4096)
        found = re.search(rb"(?i)sec-websocket-key: (\S+)", asked)
        assert found
        accepted = base64.b64encode(hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        return head + b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n" + self._beginning
