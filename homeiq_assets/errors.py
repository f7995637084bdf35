"""Every error an owner may meet: what happened, which setting or vendor it concerns, what to do.

Only exception types belong here. A message never carries a secret; texts that come from
outside go through `redaction.redact` before they become one.
"""

from pathlib import Path


class HomeiqError(Exception):
    """Base of all errors of this package.

    `retryable` says whether waiting can help; where it is False a run fails at once.
    """

    retryable = False


class SettingError(HomeiqError):
    """A setting is missing or wrong. `setting` is the environment variable's name."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting = setting


class StoreError(HomeiqError):
    """The store cannot do what was asked: down, full, read-only, refused, or busy."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class FieldTypeConflict(StoreError):
    """A stored field has another type than the schema says; the message names the field."""


class DamagedFile(StoreError):
    """A day file of the embedded store is damaged; others can be read. `path` is the file."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class CountsDiffer(StoreError):
    """A window holds other values than were counted in it: nothing was removed."""


class ProviderError(HomeiqError):
    """A vendor failed or sent something that is not what its API promises."""

    def __init__(self, provider: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(f"{provider}: {message}")
        self.provider = provider
        self.retryable = retryable


class NoHistory(ProviderError):
    """The provider has no history for the window asked for; the message says how far it reaches."""


class ArchiveError(HomeiqError):
    """The archive cannot be read or written, or an object in it is not what its manifest says."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class PeriodError(ArchiveError):
    """One day or month of the archive cannot be read or written, others can; waiting does not help."""
