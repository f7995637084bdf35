"""The archive in an S3 bucket, AWS's or a compatible one; errors say which setting to look at.

The client (boto3's) is given, so that nothing here is imported where S3 is not set.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's, which is not the builtin's kind)
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from homeiq_assets.archive.manifest import MANIFEST
from homeiq_assets.archive.objects import probe_writing
from homeiq_assets.errors import ArchiveError, SettingError
from homeiq_assets.redaction import redact

_CREDENTIALS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN with temporary ones), or AWS_PROFILE"
_NOT_READABLE_AT_ONCE = ("GLACIER", "DEEP_ARCHIVE")
_NO_ANSWER = "the service does not answer, or not as S3 does; look at the network, AWS_REGION and AWS_ENDPOINT_URL_S3"
_MISSING = ("404", "NoSuchKey", "NotFound")
_HINTS = {
    "NoSuchBucket": "S3_ARCHIVE_BUCKET: there is no such bucket; make it, or correct the name",
    "PermanentRedirect": "AWS_REGION: the bucket of S3_ARCHIVE_BUCKET is in another region; set that one",
    "AuthorizationHeaderMalformed": "AWS_REGION: the bucket of S3_ARCHIVE_BUCKET is in another region; set that one",
    "InvalidStorageClass": "S3_STORAGE_CLASS: the service does not know it",
    "InvalidObjectState": "S3_STORAGE_CLASS: the object must be restored in S3 before it can be read",
    "InvalidEncryptionAlgorithmError": "S3_SSE: must be AES256 or aws:kms",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it (NTP)",
} | dict.fromkeys(
    ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId"),
    f"the AWS credentials are refused; set {_CREDENTIALS}",
) | dict.fromkeys(
    ("AccessDenied", "403", "AllAccessDisabled"),
    "S3_ARCHIVE_BUCKET: the AWS credentials may not do that; allow them s3:ListBucket on the bucket and "
    "s3:GetObject, s3:PutObject, s3:DeleteObject on its objects",
)  # fmt: skip
_WAITING_HELPS = {"SlowDown", "RequestTimeout", "RequestTimeoutException", "Throttling", "ThrottlingException",
                  "InternalError", "ServiceUnavailable", "OperationAborted"}  # fmt: skip


class S3Bucket:
    """The archive below a prefix of a bucket. `storage_class` and `sse` are S3's names, None for the bucket's default.

    Manifests are encrypted as objects are, but always in the bucket's default class.

    Raises SettingError for a storage class whose objects cannot be read at once: what is archived is
    downloaded and compared.
    """

    def __init__(
        self, client: Any, bucket: str, prefix: str = "", *, storage_class: str | None = None, sse: str | None = None
    ) -> None:
        if storage_class in _NOT_READABLE_AT_ONCE:
            raise SettingError(
                "S3_STORAGE_CLASS",
                f"objects in {storage_class} cannot be read back to be checked; use GLACIER_IR, or let a "
                "lifecycle rule of the bucket move them later",
            )
        self.bucket = bucket
        self._client = client
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        # A manifest is small and often swapped, which the classes for what is seldom read bill for 128 KB and months.
        self._of_manifests = {"ServerSideEncryption": sse} if sse else {}
        self._options = self._of_manifests | ({"StorageClass": storage_class} if storage_class else {})

    def put(self, name: str, data: bytes) -> None:
        with self._errors("write", name):
            options = self._of_manifests if name.endswith(MANIFEST) else self._options
            self._client.put_object(Body=data, **self._at(name), **options)

    def get(self, name: str) -> bytes | None:
        with self._errors("read", name):
            try:
                return bytes(self._client.get_object(**self._at(name))["Body"].read())
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise

    def sizes(self, folder: str) -> dict[str, int]:
        below = f"{self._prefix}{folder.strip('/')}/" if folder.strip("/") else self._prefix
        with self._errors("list", folder):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=below)
            found: dict[str, int] = {}
            for page in pages:
                if page.keys() <= {"ResponseMetadata"}:
                    raise ArchiveError(f"{self._cannot('list', folder)}: {_NO_ANSWER} (an empty one)", retryable=True)
                found |= {
                    item["Key"].removeprefix(self._prefix): int(item["Size"]) for item in page.get("Contents", [])
                }
        return dict(sorted(found.items()))

    def delete(self, name: str) -> None:
        with self._errors("delete", name):
            self._client.delete_object(**self._at(name))

    def probe(self) -> str:
        self.sizes("_")  # a missing right to list makes a missing object look like a forbidden one
        probe_writing(self)
        return f"s3://{self.bucket}/{self._prefix}"

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": f"{self._prefix}{name}"}

    def _cannot(self, doing: str, name: str) -> str:
        return f"cannot {doing} {name} in s3://{self.bucket}/{self._prefix}"

    @contextmanager
    def _errors(self, doing: str, name: str) -> Iterator[None]:
        what = self._cannot(doing, name)
        try:
            yield
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise ArchiveError(f"{what}: there are no AWS credentials; set {_CREDENTIALS}") from error
        except ClientError as error:
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            said = f"{_code(error)}: {error.response.get('Error', {}).get('Message', '')}"
            hint = _HINTS.get(_code(error), "look at S3_ARCHIVE_BUCKET and the service")
            waiting_helps = _code(error) in _WAITING_HELPS or status >= 500 or status == 429
            raise ArchiveError(redact(f"{what}: {hint} ({said})"), retryable=waiting_helps) from error
        except (
            ConnectionError,
            HTTPClientError,
            IncompleteReadError,
            FlexibleChecksumError,
            ResponseParserError,
        ) as error:
            raise ArchiveError(redact(f"{what}: {_NO_ANSWER} ({error})"), retryable=True) from error
        except BotoCoreError as error:
            raise ArchiveError(redact(f"{what}: look at S3_ARCHIVE_BUCKET and AWS's settings ({error})")) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
