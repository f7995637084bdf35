"""Two real processes that archive the same day and the same month at once: one of theirs, whole, and nothing less."""

import multiprocessing
from pathlib import Path
from typing import Any

import boto3
import pytest

from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.archive.s3 import S3Bucket
from homeiq_assets.errors import ArchiveError
from homeiq_assets_tests.archive import feed_day, march
from homeiq_assets_tests.archive.conftest import BUCKET

ROUNDS = 8


def opened(place: str) -> ObjectStore:
    if not place.startswith("http"):
        return LocalFolder(Path(place))
    client = boto3.client(
        "s3",
        endpoint_url=place,
        region_name="us-east-1",
        aws_access_key_id="AKIA",
        aws_secret_access_key="not-so-secret",
    )
    return S3Bucket(client, BUCKET)


def archive_again_and_again(place: str, number: int, start: Any, failures: Any) -> None:
    """Each round a day and a month with a row more; only the other one's being at work may stop it."""
    objects = opened(place)
    start.wait()
    for turn in range(1, ROUNDS + 1):
        for write, rows in (
            (feed_day.write, feed_day.raw_day(10 + turn, power=100.0 * number)),
            (march.write, march.rows(range(1, 10 + turn), power=100.0 * number)),
        ):
            try:
                write(rows, objects)
            except ArchiveError as error:
                if not error.retryable and "restore first" not in str(error):
                    failures.put(str(error))
            except BaseException as error:
                failures.put(repr(error))
                raise


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_two_processes_leave_a_day_and_a_month_that_nobody_had_more_of(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if kind == "s3":
        request.getfixturevalue("s3_bucket")
    place = str(tmp_path / "archive") if kind == "folder" else request.getfixturevalue("s3_url")
    context = multiprocessing.get_context("spawn")
    start, failures = context.Barrier(2), context.SimpleQueue()
    workers = [
        context.Process(target=archive_again_and_again, args=(place, number, start, failures)) for number in (1, 2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert failures.empty(), failures.get()
    assert [worker.exitcode for worker in workers] == [0, 0]
    objects = opened(place)
    assert any(feed_day.read(objects).equals(feed_day.raw_day(10 + ROUNDS, power=100.0 * n)) for n in (1, 2))
    assert any(march.read(objects).equals(march.rows(range(1, 10 + ROUNDS), power=100.0 * n)) for n in (1, 2))
    assert len(march.parquet_names(objects)) == 2
