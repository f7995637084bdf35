"""The stores and archives that days are removed from and brought back into."""

from homeiq_assets_tests.archive.conftest import s3_bucket, s3_client, s3_url
from homeiq_assets_tests.retention.aged_home import anywhere, opened

__all__ = ["anywhere", "opened", "s3_bucket", "s3_client", "s3_url"]
