"""What InfluxDB and the way to it can answer instead of data, as errors that name the setting to look at."""

import re
from dataclasses import dataclass

import urllib3.exceptions
from influxdb_client.rest import ApiException

from homeiq_assets.errors import FieldTypeConflict, StoreError
from homeiq_assets.redaction import excerpt

_CONFLICT = re.compile(
    r'input field "(.*)" on measurement "(.*)" is type (\w+), already exists as type (\w+)', re.DOTALL
)
_RETENTION = re.compile(r"outside retention policy of duration ([\dhms.]+)")
_BUSY = (429, 502, 503, 504)


class NoBucket(StoreError):
    """The bucket does not exist."""


class OutsideRetention(StoreError):
    """Some rows are older than the bucket keeps; the others of the same write are stored."""


@dataclass(frozen=True)
class Request:
    """What was tried: for an error's text. `setting` is the one that names the bucket."""

    url: str
    org: str
    bucket: str
    setting: str
    action: str
    """`read`, `write to`, `delete from`"""


def refused(error: ApiException, request: Request) -> StoreError:
    """An answer with a status other than 2xx."""
    said = excerpt(str(error.message if error.response is not None else error.reason), 500)
    return _by_words(said, request) or _by_status(int(error.status or 0), said, request)


def _by_words(said: str, request: Request) -> StoreError | None:
    if found := _CONFLICT.search(said):
        field, measurement, ours, stored = found.groups()
        return FieldTypeConflict(
            f"{measurement}.{field} is stored as {stored} in the bucket {request.bucket} ({request.setting}), and "
            f"{ours} was to be written: an InfluxDB field keeps its type. Name another bucket, or remove the stored one"
        )
    if found := _RETENTION.search(said):
        return OutsideRetention(
            f"{request.setting}: the bucket {request.bucket} keeps rows for {found[1]} only, and some of these are "
            f"older: lengthen its retention (influx bucket update --id … --retention 0), or ask for later days. {said}"
        )
    if "no space left" in said:
        return StoreError(f"INFLUXDB_URL: the disk of InfluxDB at {request.url} is full: make room on it. {said}")
    return None


def _by_status(status: int, said: str, request: Request) -> StoreError:
    if status == 403:
        return unpermitted(request)
    if status == 404:
        return _not_found(said, request)
    url = request.url
    if status == 401:
        text = f"INFLUXDB_TOKEN: {url} does not accept the token; make one in InfluxDB and set it"
    elif status in _BUSY:
        text = f"INFLUXDB_URL: {url} is busy or starting ({status}): {said}"
    elif status >= 500:
        text = (
            f"INFLUXDB_URL: InfluxDB at {url} failed to {request.action} {request.bucket} ({status}): {said}. "
            "Its own log says why; a full disk is a usual cause"
        )
    elif status == 0:
        text = f"INFLUXDB_URL: no secure connection to {url}: {said}"
    elif 300 <= status < 400:
        text = f"INFLUXDB_URL: {url} sends elsewhere ({status}); set the address it sends to"
    else:
        text = f"INFLUXDB_URL: {url} will not {request.action} {request.bucket} ({status}): {said}"
    return StoreError(text, retryable=status >= 500 or status in _BUSY)


def unpermitted(request: Request) -> StoreError:
    """The token may not do it."""
    return StoreError(
        f"INFLUXDB_TOKEN: the token may not {request.action} the bucket {request.bucket} ({request.setting}); "
        "give it read and write permission on that bucket"
    )


def unreadable_events(request: Request) -> NoBucket:
    """The bucket of the events does not exist, or the token may not read it."""
    return NoBucket(
        f"EVENTS_INFLUXDB_BUCKET: there is no bucket {request.bucket} (in InfluxDB 1.8 a database) at {request.url}, "
        "or the token (INFLUXDB_TOKEN) may not read it; it needs read permission on that bucket"
    )


def unreachable(error: urllib3.exceptions.HTTPError, request: Request) -> StoreError:
    """No answer, or one that broke off."""
    if isinstance(error, urllib3.exceptions.LocationValueError):
        return StoreError(f"INFLUXDB_URL: {request.url} is not an address")
    if isinstance(error, urllib3.exceptions.SSLError):
        return StoreError(f"INFLUXDB_URL: no secure connection to {request.url}: {excerpt(str(error), 300)}")
    what = (
        "nothing answers at"
        if isinstance(error, urllib3.exceptions.NewConnectionError)
        else "no timely answer from"
        if isinstance(error, urllib3.exceptions.TimeoutError)
        else "the connection broke to"
    )
    return StoreError(
        f"INFLUXDB_URL: {what} {request.url}: is InfluxDB running there, and reachable from here? "
        f"({excerpt(str(error), 300)})",
        retryable=True,
    )


def not_influxdb(request: Request, said: str) -> StoreError:
    """Something else answers at the address."""
    return StoreError(f"INFLUXDB_URL: what answers at {request.url} is not InfluxDB 2: {excerpt(said, 200)}")


def _not_found(said: str, request: Request) -> StoreError:
    if said.startswith("organization"):
        return StoreError(f"INFLUXDB_ORG: InfluxDB at {request.url} has no organization {request.org}")
    if said.startswith("bucket"):
        return NoBucket(
            f"{request.setting}: InfluxDB at {request.url} has no bucket {request.bucket} in the organization "
            f"{request.org} (INFLUXDB_ORG)"
        )
    return not_influxdb(request, said)
