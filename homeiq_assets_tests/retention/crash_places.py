"""Where homes are: in a folder, or in a real InfluxDB and an S3 that speaks the real wire format."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.archive.s3 import S3Bucket
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets_tests.retention.crash_home import House
from homeiq_assets_tests.retention.crash_proxy import INFLUXDB, S3
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.places import InfluxPlace

PREFIX = "homeiq"


class Opened(NamedTuple):
    """A home's store and archive, to be looked at from outside."""

    store: Store
    archive: ObjectStore


@contextmanager
def moto() -> Iterator[str]:
    """An S3; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def in_folder(house: House) -> Opened:
    """Store and archive of a home that has neither InfluxDB nor S3."""
    return Opened(EmbeddedStore(house.folder / "store"), LocalFolder(house.folder / "archive"))


def with_services(house: House, influxd: Influxd, s3_url: str) -> House:
    """The home with fresh buckets; that of the tiers is still to be made."""
    bucket = influxd.create_bucket()
    client(s3_url).create_bucket(Bucket=name_of_bucket(bucket))
    return at(replace(house, influxdb=(("INFLUXDB_BUCKET", bucket),)), {INFLUXDB: influxd.url, S3: s3_url}, influxd)


def at(house: House, urls: Mapping[str, str], influxd: Influxd, token: str | None = None) -> House:
    """The home with its services at these addresses."""
    bucket = dict(house.influxdb)["INFLUXDB_BUCKET"]
    influxdb = {
        "influxdb_url": urls[INFLUXDB],
        "INFLUXDB_TOKEN": token or influxd.token_all,
        "INFLUXDB_ORG": influxd.org,
        "INFLUXDB_BUCKET": bucket,
    }
    s3 = {
        "HOMEIQ_TEST_BUCKET": name_of_bucket(bucket),
        "AWS_ENDPOINT_URL_S3": urls[S3],
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-so-secret",
        "AWS_REGION": "us-east-1",
        # What fails is not tried again by itself.
        "AWS_MAX_ATTEMPTS": "1",
    }
    return replace(house, influxdb=tuple(influxdb.items()), s3=tuple(s3.items()))


@contextmanager
def in_services(house: House) -> Iterator[Opened]:
    """Store and archive of such a home."""
    told = dict(house.influxdb)
    bucket = told["INFLUXDB_BUCKET"]
    place = InfluxPlace(
        told["influxdb_url"], told["INFLUXDB_TOKEN"], told["INFLUXDB_ORG"], bucket, f"{bucket}_tiers",
        house.folder / "locks",
    )  # fmt: skip
    with closing(place.open()) as store:
        s3 = dict(house.s3)
        yield Opened(store, S3Bucket(client(s3["AWS_ENDPOINT_URL_S3"]), s3["HOMEIQ_TEST_BUCKET"], PREFIX))


def name_of_bucket(bucket: str) -> str:
    """S3's bucket beside one of InfluxDB."""
    return bucket.replace("_", "-")


def client(s3_url: str) -> Any:
    """A client of the S3."""
    return boto3.client(
        "s3",
        endpoint_url=s3_url,
        region_name="us-east-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="not-so-secret",
        config=Config(retries={"max_attempts": 0}),
    )
