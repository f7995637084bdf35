"""What the doctor asks of an InfluxDB, without leaving data behind."""

from collections.abc import Callable

from homeiq_assets.errors import StoreError
from homeiq_assets.stores.base import Probe
from homeiq_assets.stores.influxdb.connection import Connection, create_command
from homeiq_assets.stores.influxdb.errors import NoBucket


def probe(connection: Connection, bucket: str, tier_bucket: str) -> list[Probe]:
    """Reachable, authorised, the bucket and its retention, reading, writing, the tier bucket: as far as it goes."""
    probes = [_try("reachable", lambda: f"InfluxDB {connection.version()} answers at {connection.url}")]
    if not probes[-1].ok:
        return probes
    probes.append(_try("authorised", lambda: _authorised(connection, bucket)))
    if not probes[-1].ok:
        return probes
    probes.append(_try(f"write to {bucket}", lambda: _written(connection, bucket)))
    probes.append(_try(f"read {bucket}", lambda: _read(connection, bucket)))
    if tier_bucket != bucket or connection.retention(bucket):
        probes.append(_tier(connection, tier_bucket))
    return probes


def _try(what: str, attempt: Callable[[], str]) -> Probe:
    try:
        return Probe(what, True, attempt())
    except StoreError as error:
        return Probe(what, False, str(error))


def _authorised(connection: Connection, bucket: str) -> str:
    seconds = connection.retention(bucket)
    if seconds is None:
        return "the token is accepted"
    return f"the token is accepted; the bucket {bucket} keeps rows {_kept(seconds)}"


def _kept(seconds: int) -> str:
    return f"for {seconds / 86400:g} days" if seconds else "for ever"


def _written(connection: Connection, bucket: str) -> str:
    connection.write(bucket, b"\n")
    return "the token may write"


def _read(connection: Connection, bucket: str) -> str:
    connection.ask(bucket, "SHOW FIELD KEYS LIMIT 1")
    return "the token may read"


def _tier(connection: Connection, bucket: str) -> Probe:
    what = f"tiers in {bucket}"
    try:
        connection.write(bucket, b"\n")
        connection.ask(bucket, "SHOW FIELD KEYS LIMIT 1")
        seconds = connection.retention(bucket)
    except NoBucket:
        command = create_command(bucket, connection.org)
        return Probe(what, None, f"not made yet; the first tier makes it if the token may, else: {command}")
    except StoreError as error:
        return Probe(what, False, str(error))
    if seconds:
        return Probe(
            what,
            False,
            f"INFLUXDB_TIER_BUCKET: it keeps rows {_kept(seconds)} only, and tiers are what is left of "
            "rows that were removed: set its retention to 0 (for ever)",
        )
    return Probe(what, True, "the token may read and write")
