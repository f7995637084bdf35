"""A simulated Amazon Cognito user pool: the server's side of SRP-6a as Cognito does it, tokens and their renewal.

The mathematics is done here anew from the verifier of the password; only Cognito's constants and its way to hash
are pycognito's.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pycognito.aws_srp import N_HEX, compute_hkdf, hash_sha256, hex_hash, long_to_hex, pad_hex

from homeiq_assets_tests.simulated_vendors.server import Asked, Reply, json_reply

N, G = int(N_HEX, 16), 2
K = int(hex_hash("00" + N_HEX + "0" + "2"), 16)
SERVICE = "AWSCognitoIdentityProviderService."
TOKEN_LIFE = timedelta(hours=1)


class Cognito:
    """One user, `username` with `password`, of the pool `pool`; `challenge` is asked for after the password.

    `rotates`: a renewal hands out a new refresh token, and the one before is no longer good.
    """

    def __init__(
        self, username: str, password: str, clock: Callable[[], datetime], *, pool: str, client_id: str
    ) -> None:
        self.username, self.password = username, password
        self.challenge: str | None = None
        self.rotates = False
        self.refresh_tokens: set[str] = set()
        self.id_tokens: dict[str, datetime] = {}
        self._clock = clock
        self._pool = pool.split("_")[1]
        self._client_id = client_id
        self._salt = pad_hex(secrets.randbits(128))
        self._open: dict[str, tuple[int, int, int]] = {}

    def forget(self) -> None:
        """Every id token is refused from now on."""
        self.id_tokens.clear()

    def valid(self, token: str) -> bool:
        return token in self.id_tokens and self._clock() < self.id_tokens[token]

    def respond(self, request: Asked) -> Reply:
        if request.headers.get("content-type") != "application/x-amz-json-1.1":
            return _error("UnknownOperationException", "")
        body = json.loads(request.body)
        if body.get("ClientId") != self._client_id:
            return _error("ResourceNotFoundException", f"User pool client {body.get('ClientId')} does not exist.")
        operation = request.headers.get("x-amz-target", "").removeprefix(SERVICE)
        flow = body.get("AuthFlow")
        if operation == "InitiateAuth" and flow == "USER_SRP_AUTH":
            return self._begin(body["AuthParameters"])
        if operation == "InitiateAuth" and flow == "REFRESH_TOKEN_AUTH":
            return self._renew(body["AuthParameters"]["REFRESH_TOKEN"])
        if operation == "RespondToAuthChallenge" and body.get("ChallengeName") == "PASSWORD_VERIFIER":
            return self._verify(body["ChallengeResponses"])
        return _error("InvalidParameterException", "Auth flow not enabled for this client")

    def _begin(self, asked: dict[str, str]) -> Reply:
        if asked["USERNAME"] != self.username:
            return _error("UserNotFoundException", "User does not exist.")
        big_a, b = int(asked["SRP_A"], 16), secrets.randbits(512)
        verifier = pow(G, self._x(), N)
        big_b = (K * verifier + pow(G, b, N)) % N
        block = base64.standard_b64encode(secrets.token_bytes(48)).decode()
        self._open[block] = (big_a, b, big_b)
        parameters = {
            "USER_ID_FOR_SRP": self._user_id,
            "USERNAME": self._user_id,
            "SALT": self._salt,
            "SRP_B": long_to_hex(big_b),
            "SECRET_BLOCK": block,
        }
        return json_reply({"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": parameters})

    def _verify(self, given: dict[str, str]) -> Reply:
        block = given["PASSWORD_CLAIM_SECRET_BLOCK"]
        big_a, b, big_b = self._open.pop(block)
        u = int(hex_hash(pad_hex(big_a) + pad_hex(big_b)), 16)
        secret = pow(big_a * pow(pow(G, self._x(), N), u, N), b, N)
        key = compute_hkdf(bytearray.fromhex(pad_hex(secret)), bytearray.fromhex(pad_hex(long_to_hex(u))))
        message = self._pool + self._user_id
        signed = message.encode() + base64.standard_b64decode(block) + given["TIMESTAMP"].encode()
        expected = base64.standard_b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if given["USERNAME"] != self._user_id or given["PASSWORD_CLAIM_SIGNATURE"] != expected:
            return _error("NotAuthorizedException", "Incorrect username or password.")
        if self.challenge:
            return json_reply({"ChallengeName": self.challenge, "ChallengeParameters": {}, "Session": "AYABe..."})
        refresh = f"eyJjdHkiOiJKV1QifQ.refresh-{secrets.token_hex(8)}"
        self.refresh_tokens.add(refresh)
        return self._tokens(RefreshToken=refresh)

    def _renew(self, refresh: str) -> Reply:
        if refresh not in self.refresh_tokens:
            return _error("NotAuthorizedException", "Refresh Token has expired")
        if not self.rotates:
            return self._tokens()
        self.refresh_tokens.remove(refresh)
        anew = f"eyJjdHkiOiJKV1QifQ.refresh-{secrets.token_hex(8)}"
        self.refresh_tokens.add(anew)
        return self._tokens(RefreshToken=anew)

    def _tokens(self, **more: str) -> Reply:
        token = f"eyJraWQiOiJhIn0.id-{secrets.token_hex(8)}.sig"
        self.id_tokens[token] = self._clock() + TOKEN_LIFE
        result: dict[str, Any] = {
            "AccessToken": f"eyJraWQiOiJhIn0.access-{secrets.token_hex(8)}.sig",
            "ExpiresIn": int(TOKEN_LIFE.total_seconds()),
            "IdToken": token,
            "TokenType": "Bearer",
            **more,
        }
        return json_reply({"AuthenticationResult": result, "ChallengeParameters": {}})

    @property
    def _user_id(self) -> str:
        return f"8d1f-{hashlib.sha256(self.username.encode()).hexdigest()[:12]}"

    def _x(self) -> int:
        inner = hash_sha256(f"{self._pool}{self._user_id}:{self.password}".encode())
        return int(hex_hash(pad_hex(self._salt) + inner), 16)


def _error(kind: str, message: str) -> Reply:
    return json_reply({"__type": kind, "message": message}, 400)
