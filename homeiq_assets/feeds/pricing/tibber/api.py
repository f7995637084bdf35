"""Tibber's GraphQL API as this project uses it: two questions about prices, the shapes of their answers, its errors.

What the prices mean as slots belongs to `provider.py`.
"""

import base64
import json
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from homeiq_assets.errors import ProviderError, SettingError
from homeiq_assets.redaction import excerpt
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.answers import EXCERPT, VendorFailure
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.quotas import Quota

NAME = "tibber"
KEY, HOME = "PRICING_API_KEY", "PRICING_AREA"
PATH = "/v1-beta/gql"
QUOTA = Quota(NAME, 100, timedelta(minutes=5))
# Tibber's ban of an address grows while it goes on asking.
RETRIES = 2
INTERNAL = "INTERNAL_SERVER_ERROR"
PRECONDITION_REQUIRED = 428

_PRICE = "{ startsAt total currency }"
_HOMES = "viewer { homes { id currentSubscription"
_PAGE = f"{{ pageInfo {{ hasNextPage endCursor }} nodes {_PRICE} }}"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class Price(_Strict):
    """The price of a kWh, taxes included, from `starts_at` on; None where Tibber has none."""

    starts_at: AwareDatetime | None = Field(alias="startsAt")
    total: float | None = Field(allow_inf_nan=False)
    currency: str | None = None


class PriceInfo(_Strict):
    """Prices of the home's local today and, once published, tomorrow."""

    today: list[Price | None] | None = None
    tomorrow: list[Price | None] | None = None


class PageInfo(_Strict):
    """Where a page of history ends, and whether another follows."""

    has_next_page: bool | None = Field(None, alias="hasNextPage")
    end_cursor: str | None = Field(None, alias="endCursor")


class PriceRange(_Strict):
    """A page of history."""

    page_info: PageInfo = Field(alias="pageInfo")
    nodes: list[Price | None] | None


class Subscription(_Strict):
    """A home's power deal; it holds what was asked for."""

    price_info: PriceInfo | None = Field(None, alias="priceInfo")
    price_range: PriceRange | None = Field(None, alias="priceInfoRange")


class _Home(_Strict):
    id: str
    subscription: Subscription | None = Field(alias="currentSubscription")


class _Viewer(_Strict):
    homes: list[_Home | None]


class _Data(_Strict):
    viewer: _Viewer


class _Extensions(_Strict):
    code: str | None = None


class _Error(_Strict):
    message: str | None = None
    extensions: _Extensions | None = None


class _Answer(_Strict):
    row_lists: ClassVar = frozenset({"today", "tomorrow", "nodes"})

    # An answer with errors is no right one, whatever data it holds: it is neither used nor kept.
    errors: list[_Error] | None = None
    data: _Data

    @field_validator("errors", mode="after")
    @classmethod
    def _none(cls, errors: list[_Error] | None) -> list[_Error] | None:
        for error in errors or ():
            code = (error.extensions.code if error.extensions else None) or "no code"
            message = excerpt(error.message or "no message", EXCERPT)
            raise PydanticCustomError("tibber", "{code}: {message}", {"code": code, "message": message})
        return errors


class TibberApi:
    """Questions to Tibber within one time budget. All methods raise ProviderError and SettingError.

    Use as a context manager. Raises SettingError where the settings do not suffice.
    """

    def __init__(self, settings: Settings) -> None:
        settings.sound("TIBBER_BASE_URL", HOME)
        headers = {"Authorization": f"Bearer {settings.required(KEY)}"}
        self._home = (settings.pricing_area or "").strip() or None
        self._client = VendorClient(
            NAME, settings.tibber_base_url, settings, headers=headers, retries=RETRIES, quota=QUOTA
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def today(self, resolution: str) -> PriceInfo:
        """The prices of today and tomorrow, as far as they are published."""
        info = f"priceInfo(resolution: {resolution}) {{ today {_PRICE} tomorrow {_PRICE} }}"
        return self._ask(f"query {{ {_HOMES} {{ {info} }} }} }} }}").price_info or PriceInfo()

    def history(self, resolution: str, first: int, after: str) -> PriceRange:
        """At most `first` prices from about the cursor `after` on."""
        # Arguments stand in the text, as in Tibber's own examples: variables would need its names of types.
        page = f"priceInfoRange(resolution: {resolution}, first: {first}, after: {json.dumps(after)}) {_PAGE}"
        found = self._ask(f"query {{ {_HOMES} {{ {page} }} }} }} }}").price_range
        return found or PriceRange(pageInfo=PageInfo(), nodes=[])

    def _ask(self, query: str) -> Subscription:
        question: dict[str, Any] = {"query": query, "variables": {}}
        try:
            answer = self._client.post(PATH, json=question, expect=_Answer)
        except VendorFailure as failure:
            raise _judged(failure) from None
        return self._chosen([home for home in answer.data.viewer.homes if home is not None])

    def _chosen(self, homes: list[_Home]) -> Subscription:
        """The subscription of the owner's home."""
        supplied = {home.id: home.subscription for home in homes if home.subscription is not None}
        known = ", ".join(supplied) or "none"
        if self._home is not None:
            if self._home in supplied:
                return supplied[self._home]
            problem = "has no running subscription" if self._home in {home.id for home in homes} else "is not known"
            raise SettingError(
                HOME, f"the Tibber home {self._home!r} {problem}; homes of the account with one: {known}"
            )
        if not supplied:
            raise ProviderError(
                NAME,
                f"of the account's {len(homes)} homes none has a running subscription, and prices come with one. "
                f"Look at {KEY}: is it of the account that has the power deal?",
            )
        if len(supplied) > 1:
            raise SettingError(HOME, f"the Tibber account has several homes; set it to the id of yours: {known}")
        return next(iter(supplied.values()))


def cursor(at: datetime) -> str:
    """Tibber's cursor of the price that begins at an instant."""
    return base64.b64encode(at.isoformat(timespec="milliseconds").encode()).decode()


def _judged(failure: VendorFailure) -> VendorFailure:
    """The failure with what the owner, or a later run, can do about it. Tibber's status says little of the cause."""
    said = str(failure)
    if failure.status in (401, 403):
        problem = said.removeprefix(f"{NAME}: ")
        refused = VendorFailure(NAME, problem, status=failure.status, excerpt=failure.excerpt)
        return refused.advise(f"Look at {KEY}.")
    if INTERNAL in said or failure.status == PRECONDITION_REQUIRED:
        problem = said.removeprefix(f"{NAME}: ")
        return VendorFailure(NAME, problem, retryable=True, status=failure.status, excerpt=failure.excerpt)
    if "UNAUTHENTICATED" in said or failure.status == 400:
        return failure.advise(f"Look at {KEY}.")
    return failure
