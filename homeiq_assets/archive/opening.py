"""Which archive the settings mean: an S3 bucket, or a folder below `HOMEIQ_HOME`."""

import os
from typing import Any

from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.errors import SettingError
from homeiq_assets.redaction import redact
from homeiq_assets.settings.types import address
from homeiq_assets.settings.variables import AWS_CREDENTIALS, Settings, home_folder

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def open_archive(settings: Settings) -> ObjectStore:
    """The archive; S3 where `S3_ARCHIVE_BUCKET` is set. Nothing is asked over the network yet.

    Raises SettingError for a setting that is wrong.
    """
    settings.sound("S3_ARCHIVE_BUCKET", "S3_ARCHIVE_PREFIX", "S3_STORAGE_CLASS", "S3_SSE")
    if settings.s3_archive_bucket is None:
        return LocalFolder(home_folder(settings) / "archive")
    settings.sound(*AWS_CREDENTIALS)
    # dagster-aws and boto3 cost seconds of import, so they are only paid where S3 is used.
    from homeiq_assets.archive.s3 import S3Bucket  # noqa: PLC0415

    return S3Bucket(
        _client(),
        settings.s3_archive_bucket,
        settings.s3_archive_prefix,
        storage_class=settings.s3_storage_class,
        sse=settings.s3_sse,
    )


def _client() -> Any:
    """boto3's client as the AWS_* variables say. Raises SettingError that names the one to look at."""
    from botocore.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415
        BotoCoreError,
        InvalidRegionError,
        ProfileNotFound,
    )
    from dagster_aws.s3 import S3Resource  # noqa: PLC0415

    endpoint = next((name for name in _ENDPOINTS if os.environ.get(name)), None)
    try:
        if endpoint is not None:
            address(os.environ[endpoint])
    except ValueError as error:
        raise SettingError(endpoint or "", str(error)) from None
    try:
        # boto3 itself reads only AWS_DEFAULT_REGION.
        return S3Resource(region_name=os.environ.get("AWS_REGION") or None).get_client()
    except ProfileNotFound as error:
        raise SettingError("AWS_PROFILE", f"{redact(str(error))}; name one of AWS's own configuration") from error
    except InvalidRegionError as error:
        region = "AWS_REGION" if os.environ.get("AWS_REGION") else "AWS_DEFAULT_REGION"
        raise SettingError(region, f"is not a region: {redact(str(error))}") from error
    except (BotoCoreError, ValueError) as error:
        raise SettingError("S3_ARCHIVE_BUCKET", f"the AWS_* variables cannot be used: {redact(str(error))}") from error
