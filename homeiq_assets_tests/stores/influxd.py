"""A real InfluxDB 2.7 for tests: started on a free loopback port, or the one the environment names.

With `HOMEIQ_TEST_INFLUXDB_URL` and `HOMEIQ_TEST_INFLUXDB_TOKEN` (an all-access token, and
`HOMEIQ_TEST_INFLUXDB_ORG`, else `homeiq`) that server is used; each test makes buckets of its own in it.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

SKIP_REASON = (
    "needs a real InfluxDB 2.7: put influxd on PATH, or set HOMEIQ_TEST_INFLUXDB_URL and HOMEIQ_TEST_INFLUXDB_TOKEN"
)


def find_influxd() -> str | None:
    """The URL of the server the environment names, else the path of `influxd`, else None."""
    return os.environ.get("HOMEIQ_TEST_INFLUXDB_URL") or shutil.which("influxd")


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Influxd:
    """A running server: `url`, `org`, an all-access `token_all`, fresh buckets and tokens on demand.

    With `options` of `influxd`, or `own`, it is always one of our own.
    """

    def __init__(self, *options: str, own: bool = False) -> None:
        self._options = options
        self.org = os.environ.get("HOMEIQ_TEST_INFLUXDB_ORG", "homeiq")
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        url = os.environ.get("HOMEIQ_TEST_INFLUXDB_URL")
        if url and not options and not own:
            self.url = url.rstrip("/")
            self.token_all = os.environ["HOMEIQ_TEST_INFLUXDB_TOKEN"]
        else:
            self._folder = Path(tempfile.mkdtemp(prefix="homeiq-influxd-"))
            self.token_all = uuid.uuid4().hex
            for _ in range(3):  # somebody else may take the free port first
                port = free_port()
                self.url = f"http://127.0.0.1:{port}"
                if self._start(port):
                    break
            else:
                raise RuntimeError(f"influxd does not start: {self._log()}")
            self._setup()
        answer = self._call("GET", "/api/v2/orgs", params={"org": self.org})
        self.org_id = str(answer["orgs"][0]["id"])

    def create_bucket(
        self, name: str | None = None, retention_seconds: int = 0, shard_seconds: int | None = None
    ) -> str:
        """A new bucket; its name (a random one if none is given)."""
        name = name or f"test_{uuid.uuid4().hex[:12]}"
        rule: dict[str, Any] = {"type": "expire", "everySeconds": retention_seconds}
        if shard_seconds:
            rule["shardGroupDurationSeconds"] = shard_seconds
        self._call("POST", "/api/v2/buckets", json={"orgID": self.org_id, "name": name, "retentionRules": [rule]})
        return name

    def keep(self, name: str, days: int) -> None:
        """From now on the bucket keeps rows for so many days."""
        found = self.bucket(name)
        assert found is not None, f"no bucket {name}"
        rule = {"type": "expire", "everySeconds": days * 86400, "shardGroupDurationSeconds": 86400}
        self._call("PATCH", f"/api/v2/buckets/{found['id']}", json={"retentionRules": [rule]})

    def bucket(self, name: str) -> dict[str, Any] | None:
        """What the server says of the bucket, None where there is none."""
        found = self._call("GET", "/api/v2/buckets", params={"orgID": self.org_id, "name": name}, missing_ok=True)
        return dict(found["buckets"][0]) if found.get("buckets") else None

    def token(self, read: Sequence[str] = (), write: Sequence[str] = ()) -> str:
        """A token that may read and write only the named buckets."""
        wanted = [("read", name) for name in read] + [("write", name) for name in write]
        permissions = []
        for action, name in wanted:
            bucket = self.bucket(name)
            assert bucket is not None, f"no bucket {name}"
            resource = {"type": "buckets", "id": bucket["id"], "orgID": self.org_id}
            permissions.append({"action": action, "resource": resource})
        body = {"orgID": self.org_id, "permissions": permissions}
        return str(self._call("POST", "/api/v2/authorizations", json=body)["token"])

    def write(self, bucket: str, lines: str) -> None:
        """Store lines of line protocol, nanosecond precision."""
        parameters = {"org": self.org, "bucket": bucket, "precision": "ns"}
        self._call("POST", "/api/v2/write", params=parameters, content=lines.encode())

    def influxql(self, database: str, query: str, policy: str | None = None) -> list[dict[str, Any]]:
        """The series of an InfluxQL answer, times in ns."""
        parameters = {"db": database, "q": query, "epoch": "ns"} | ({"rp": policy} if policy else {})
        result = self._call("GET", "/query", params=parameters)["results"][0]
        assert "error" not in result, result["error"]
        return list(result.get("series", []))

    def disk_size(self, bucket: str) -> int:
        """The bytes of the bucket's data files, of a server of our own."""
        found = self.bucket(bucket)
        assert found is not None
        assert self._folder is not None
        files = (self._folder / "engine" / "data" / found["id"]).glob("autogen/*/*.tsm")
        return sum(file.stat().st_size for file in files)

    def restart(self, *options: str) -> None:
        """Stop a server of our own in good order, and start it on its data with these options."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
        self._options = options
        assert self._start(int(self.url.rpartition(":")[2])), self._log()

    def stop(self) -> None:
        """End the server and forget its data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _call(self, method: str, path: str, *, missing_ok: bool = False, **arguments: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Token {self.token_all}"}
        answer = httpx.request(method, self.url + path, headers=headers, timeout=30, trust_env=False, **arguments)
        if missing_ok and answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return dict(answer.json()) if answer.content else {}

    def _start(self, port: int) -> bool:
        assert self._folder is not None
        program = shutil.which("influxd")
        assert program is not None, SKIP_REASON
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--http-bind-address=127.0.0.1:{port}",
                    f"--bolt-path={self._folder}/influxd.bolt",
                    f"--sqlite-path={self._folder}/influxd.sqlite",
                    f"--engine-path={self._folder}/engine",
                    "--reporting-disabled",
                    "--ui-disabled",
                    "--no-tasks",
                    "--log-level=error",
                    *self._options,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env={"PATH": os.defpath, "HOME": str(self._folder)},
            )
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health", timeout=1, trust_env=False).json().get("status") == "pass":
                    return True
            except (httpx.HTTPError, ValueError):
                pass
            time.sleep(0.05)
        self._process.kill()
        self._process.wait()
        return False

    def _setup(self) -> None:
        body = {
            "username": "tester",
            "password": uuid.uuid4().hex,
            "org": self.org,
            "bucket": "first",
            "token": self.token_all,
        }
        httpx.post(f"{self.url}/api/v2/setup", json=body, timeout=30, trust_env=False).raise_for_status()

    def _log(self) -> str:
        assert self._folder is not None
        return (self._folder / "log").read_text(errors="replace")[-2000:]
