"""What a provider is: it turns a window into rows of a measurement, and says what it vouches for.

No Dagster, no store: a provider only asks its vendor and answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa

from homeiq_assets.schema.measurement import Measurement
from homeiq_assets.window import Window


@dataclass(frozen=True)
class Answer:
    """Rows (conformed to the measurement), the window they are all of, and their step.

    Whatever is stored in `covers` and not among `rows` is no longer true; an answer without rows
    says nothing. `step` is the length of a row's slot, None where slots have no fixed length. `unsaid` are fields
    of which this answer says nothing, because the part of the vendor's API that has them did not: what is stored stays.
    `apart` names a tag whose values are reported each by itself: what is stored of one of them before its own first
    row and after its own last one stays, whatever the others say; so does one that is not reported at all, unless it is
    among `absent`: asked for, and without any row. `replaces_finer`: the rows are exact at any step, as the prices that
    a tariff or a market states for its slots are; otherwise an answer of a coarser step measures the same thing less
    well than stored finer rows, which then stay. `from_settings`: the rows are what the owner's settings say today, not
    a record of their days; a day whose rows were removed does not change for them.
    """

    rows: pa.Table
    covers: Window
    step: timedelta | None = None
    unsaid: frozenset[str] = frozenset()
    apart: str | None = None
    absent: frozenset[str] = frozenset()
    replaces_finer: bool = False
    from_settings: bool = False


class Provider(Protocol):
    """One vendor's way to fill one measurement."""

    @property
    def name(self) -> str:
        """The setting's value that chooses it."""
        ...

    @property
    def measurement(self) -> Measurement:
        """What it fills."""
        ...

    @property
    def longest(self) -> timedelta:
        """The longest window one call of `fetch` may ask for."""
        ...

    def fetch(self, window: Window, now: datetime) -> Iterable[Answer]:
        """What the vendor knows of `window`, at the instant `now`.

        Values in answers lie inside `window`. A part that has not begun yet, or is not published yet, is
        simply not covered. Raises ProviderError (NoHistory where the past asked for is out of reach).
        """
        ...

    def probe(self, now: datetime) -> str:
        """One cheap call that proves reachability and credentials; what it found, for the owner.

        Raises ProviderError.
        """
        ...
