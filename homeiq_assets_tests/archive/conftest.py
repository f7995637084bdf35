"""Archives to put through the same tests: a folder, and a bucket of an S3 that speaks the real wire format."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.archive.s3 import S3Bucket

BUCKET = "years-of-home"


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_client(s3_url: str) -> Callable[..., Any]:
    """Makes clients of the service; one that fails is not tried again by itself."""

    def make(url: str = s3_url, key: str | None = "AKIAEXAMPLE", **options: Any) -> Any:
        given = {"aws_access_key_id": key, "aws_secret_access_key": "not-so-secret"} if key else {}
        quick = Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=5)
        return boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=quick, **given, **options)

    return make


@pytest.fixture
def s3_bucket(s3_client: Callable[..., Any]) -> Iterator[Any]:
    """A client, with an empty bucket BUCKET made."""
    client = s3_client()
    client.create_bucket(Bucket=BUCKET)
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page.get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return LocalFolder(tmp_path / "archive")
    return S3Bucket(request.getfixturevalue("s3_bucket"), BUCKET, "homeiq", storage_class="GLACIER_IR", sse="AES256")
