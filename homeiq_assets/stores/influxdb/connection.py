"""The way to an InfluxDB 2.7 server: requests out, Arrow and plain values back, every failure a StoreError."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import urllib3.exceptions
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from homeiq_assets.errors import FieldTypeConflict, SettingError, StoreError
from homeiq_assets.redaction import redact, register
from homeiq_assets.stores.influxdb import influxql
from homeiq_assets.stores.influxdb.csv_answer import BrokenAnswer, CsvAnswer, ForeignAnswer
from homeiq_assets.stores.influxdb.errors import (
    NoBucket,
    Request,
    not_influxdb,
    refused,
    unpermitted,
    unreachable,
    unreadable_events,
)

CONNECT_SECONDS = 5.0
SHARD_SECONDS = 90 * 86400
"""shard groups of a tier bucket: few rows in long shards take less disk"""


class Connection:
    """Requests to one server about some buckets; one that is still to be made holds no rows.

    `settings` says by which setting each bucket is named, `made` which are made where they do not exist, beside the
    tier bucket. `timeout` is how many seconds an answer may take to begin or to go on. Raises SettingError for a token
    that cannot be sent.
    """

    def __init__(
        self, url: str, token: str, org: str, settings: Mapping[str, str], timeout: float, made: Collection[str] = ()
    ) -> None:
        register(token)
        if not (token.isascii() and token.isprintable()):
            # Else the client's own error would show it.
            raise SettingError("INFLUXDB_TOKEN", "holds a line break or a character that no token has: copy it again")
        self.url, self.org = redact(url), org
        self._settings, self._made = dict(settings), frozenset(made)
        # Between processes of one machine compressing costs more than it saves.
        self._gzip = urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1")
        # Any: the client has annotations only in part.
        self._client: Any = InfluxDBClient(
            url, token, org=org, enable_gzip=self._gzip, timeout=(int(CONNECT_SECONDS * 1000), int(timeout * 1000))
        )
        self._api: Any = self._client.api_client
        self._api.user_agent = "homeiq-assets"

    def close(self) -> None:
        """Release connections; the object cannot be used afterwards."""
        self._client.close()

    def rows(
        self, bucket: str, measurement_name: str, expressions: Sequence[str], rest: str, columns: Sequence[pa.Field]
    ) -> tuple[pa.Table, dict[str, set[str]]]:
        """`SELECT expressions FROM measurement rest` as columns `time` (ns) and `columns`; the stored fields' types.

        An answer without rows has been verified: the bucket is there and may be read.
        """
        source = influxql.identifier(measurement_name)
        select = f"SELECT {CsvAnswer.select(expressions)} FROM {source}{rest}"  # noqa: S608 - influxql.py quotes
        return self._proven(bucket, measurement_name, select, f"SHOW FIELD KEYS FROM {source}", columns)

    def rows_of_several(
        self,
        bucket: str,
        measurement_names: Sequence[str],
        expressions: Sequence[str],
        rest: str,
        columns: Sequence[pa.Field],
    ) -> pa.Table:
        """As `rows`, of several measurements in one question: `time`, `measurement` and `columns`."""
        source = ", ".join(map(influxql.identifier, measurement_names))
        select = f"SELECT {CsvAnswer.select(expressions)} FROM {source}{rest}"  # noqa: S608 - influxql.py quotes
        # One key is proof enough; those of sixty measurements by name took seconds (of all together, milliseconds).
        show = f"SHOW FIELD KEYS FROM {influxql.identifier(measurement_names[0])} LIMIT 1"
        return self._proven(bucket, "events", select, show, columns, named=True)[0]

    def _proven(
        self, bucket: str, subject: str, select: str, show: str, columns: Sequence[pa.Field], *, named: bool = False
    ) -> tuple[pa.Table, dict[str, set[str]]]:
        for _ in range(2):
            table, types = self._csv(bucket, subject, f"{select}; {show}", columns, named)
            if types or not self.ask(bucket, show)[0]:
                return table, types
            # Broken off, or the measurement's first rows came only now: a second look tells which.
        raise self._broken_off(subject)

    def ask(self, bucket: str, *statements: str) -> list[list[dict[str, Any]]]:
        """The rows of a few small InfluxQL statements, as mappings, by way of JSON, which shows errors."""
        return [[row for _, rows in answer for row in rows] for answer in self.series(bucket, *statements)]

    def series(self, bucket: str, *statements: str) -> list[list[tuple[str, list[dict[str, Any]]]]]:
        """As `ask`, the rows of each series apart, with its measurement's name."""
        with self._errors("read", bucket) as request:
            response = self._query(bucket, "; ".join(statements), "application/json")
            try:
                results = json.loads(response.data)["results"]
            except (ValueError, KeyError, TypeError) as error:
                raise not_influxdb(request, response.data[:4000].decode(errors="replace")) from error
        for result in results:
            if said := result.get("error"):
                if "not found" in said:
                    self._refuse_unreadable(bucket)
                    return [[] for _ in statements]
                raise StoreError(f"InfluxDB at {self.url} cannot read {bucket}: {said}", retryable=True)
        return [
            [
                (one.get("name", ""), [dict(zip(one["columns"], row, strict=True)) for row in one["values"]])
                for one in result.get("series", [])
            ]
            for result in results
        ]

    def write(self, bucket: str, lines: bytes) -> None:
        """Store lines of line protocol, times in ns. A blank line stores nothing: it only asks for permission."""
        with self._errors("write to", bucket):
            self._api.call_api(
                "/api/v2/write",
                "POST",
                query_params=[("org", self.org), ("bucket", bucket), ("precision", "ns")],
                header_params={"Content-Type": "text/plain; charset=utf-8"},
                body=lines,
            )

    def delete(
        self, bucket: str, measurement_name: str, first_ns: int, last_ns: int, tags: Mapping[str, str] | None = None
    ) -> None:
        """Remove the measurement's rows from `first_ns` to `last_ns`, both included."""
        first, last = influxql.rfc3339(first_ns), influxql.rfc3339(last_ns)
        predicate = influxql.predicate(measurement_name, tags)
        try:
            with self._errors("delete from", bucket):
                self._client.delete_api().delete(first, last, predicate, bucket, self.org)
        except NoBucket:
            if not self.makes(bucket):
                raise

    def makes(self, bucket: str) -> bool:
        """Whether it is a bucket of our own, which may still have to be made."""
        return self.setting(bucket) == "INFLUXDB_TIER_BUCKET" or bucket in self._made

    def setting(self, bucket: str) -> str:
        """The setting that names the bucket."""
        return self._settings.get(bucket, "INFLUXDB_BUCKET")

    def version(self) -> str:
        """The version that `/health` tells, which needs no token."""
        with self._errors("read", "") as request:
            response = self._api.call_api("/health", "GET", _preload_content=False, _return_http_data_only=True)
            try:
                health = json.loads(response.data)
                return str(health["version"])
            except (ValueError, KeyError, TypeError) as error:
                raise not_influxdb(request, response.data[:4000].decode(errors="replace")) from error

    def retention(self, bucket: str) -> int | None:
        """The seconds a bucket keeps rows (0: for ever), None where the token may not know it."""
        found = self._bucket(bucket)
        if found is None:
            return None
        return int(found.retention_rules[0].every_seconds) if found.retention_rules else 0

    def bucket_id(self, bucket: str) -> str | None:
        """The server's own name of a bucket, None where there is none. Raises StoreError where it may not be known."""
        try:
            found = self._bucket(bucket)
        except NoBucket:
            return None
        if found is None:
            raise unpermitted(self._request("read", bucket))
        return str(found.id)

    def metrics(self) -> str:
        """What `/metrics` tells, which needs no token; nothing where that is refused."""
        with self._errors("read", ""):
            try:
                response = self._api.call_api("/metrics", "GET", _preload_content=False, _return_http_data_only=True)
                return str(response.data, "utf-8", "replace")
            except ApiException as error:
                if error.status in (401, 403, 404):
                    return ""
                raise

    def _bucket(self, bucket: str) -> Any:
        """What the server says of a bucket, None where the token may not know it. Raises NoBucket."""
        with self._errors("read", bucket):
            found = self._client.buckets_api().find_buckets(org=self.org, name=bucket).buckets
        return found[0] if found else None

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket without end of retention and with long shard groups. Raises StoreError with the command."""
        rule = {"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": SHARD_SECONDS}
        try:
            with self._errors("make", bucket) as request:
                organizations = self._client.organizations_api().find_organizations(org=self.org)
                if not organizations:
                    raise unpermitted(request)
                self._client.buckets_api().create_bucket(
                    bucket_name=bucket, org=organizations[0], retention_rules=[rule]
                )
        except StoreError as error:
            if "already exists" in str(error):  # somebody else was faster
                return
            if error.retryable:
                raise
            tiers = " for the tiers" if self.setting(bucket) == "INFLUXDB_TIER_BUCKET" else ""
            raise NoBucket(
                f"{self.setting(bucket)}: there is no bucket {bucket}{tiers}, and the token (INFLUXDB_TOKEN) "
                f"may not make it. Make it with: {create_command(bucket, self.org)}"
            ) from error

    def _csv(
        self, bucket: str, measurement_name: str, text: str, columns: Sequence[pa.Field], named: bool
    ) -> tuple[pa.Table, dict[str, set[str]]]:
        with self._errors("read", bucket) as request:
            response = self._query(bucket, text, "application/csv", chunked="true")
            try:
                answer = CsvAnswer(response, columns, named=named)
                table = pa.Table.from_batches(list(answer), answer.schema)
            except ForeignAnswer as error:
                raise not_influxdb(request, str(error)) from error
            except BrokenAnswer as error:
                raise self._broken_off(measurement_name) from error
            except FieldTypeConflict as error:
                raise FieldTypeConflict(
                    f"{measurement_name} in the bucket {bucket} ({request.setting}): {error}. Name another bucket, or "
                    f"remove those values"
                ) from error
            finally:
                response.close()
        return table, answer.field_types

    def _broken_off(self, measurement_name: str) -> StoreError:
        return StoreError(f"INFLUXDB_URL: {self.url} broke off its answer about {measurement_name}", retryable=True)

    def _query(self, bucket: str, text: str, accept: str, **parameters: str) -> Any:
        headers = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
        if self._gzip:
            headers["Accept-Encoding"] = "gzip"
        return self._api.call_api(
            "/query",
            "POST",
            query_params=list((influxql.database(bucket) | {"epoch": "ns"} | parameters).items()),
            header_params=headers,
            post_params=[("q", text)],
            _preload_content=False,
            _return_http_data_only=True,
        )

    def _refuse_unreadable(self, bucket: str) -> None:
        """InfluxQL says the same of a bucket that is not there and of one the token may not read: which it is.

        Writing nothing tells; not even that is sent to a bucket of others. Raises StoreError but for a bucket that is
        still to be made.
        """
        if self.setting(bucket) == "EVENTS_INFLUXDB_BUCKET" and not self.makes(bucket):
            raise unreadable_events(self._request("read", bucket))
        try:
            self.write(bucket, b"\n")
        except NoBucket:
            if self.makes(bucket):
                return
            raise
        except StoreError as error:
            if error.retryable:
                raise
        raise unpermitted(self._request("read", bucket))

    def _request(self, action: str, bucket: str) -> Request:
        return Request(self.url, self.org, bucket, self.setting(bucket), action)

    @contextmanager
    def _errors(self, action: str, bucket: str) -> Iterator[Request]:
        request = self._request(action, bucket)
        try:
            yield request
        except ApiException as error:
            raise refused(error, request) from error
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(error, request) from error


def create_command(bucket: str, org: str) -> str:
    """The command that makes a bucket as `Connection.create_bucket` does."""
    return (
        f"influx bucket create --name '{bucket}' --org '{org}' --retention 0 "
        f"--shard-group-duration {SHARD_SECONDS // 3600}h"
    )
