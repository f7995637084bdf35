"""Which archive the settings mean: an S3 bucket, or a folder below `HOMEIQ_HOME`."""

from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.settings import Settings, home_folder


def open_archive(settings: Settings) -> ObjectStore:
    """The archive; S3 where `S3_ARCHIVE_BUCKET` is set. Nothing is asked over the network yet.

    Raises SettingError for a setting that is wrong.
    """
    settings.sound("S3_ARCHIVE_BUCKET", "S3_ARCHIVE_PREFIX", "S3_STORAGE_CLASS", "S3_SSE")
    if settings.s3_archive_bucket is None:
        return LocalFolder(home_folder(settings) / "archive")
    # dagster-aws and boto3 cost seconds of import, so they are only paid where S3 is used.
    from dagster_aws.s3 import S3Resource  # noqa: PLC0415

    from homeiq_assets.archive.s3 import S3Bucket  # noqa: PLC0415

    return S3Bucket(
        S3Resource().get_client(),
        settings.s3_archive_bucket,
        settings.s3_archive_prefix,
        storage_class=settings.s3_storage_class,
        sse=settings.s3_sse,
    )
