"""Any JSON API that the owner describes by settings: a URL with placeholders, and a JMESPath that yields rows.

What a row's value means belongs to the families that use it (prices, meters).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import jmespath
from jmespath.exceptions import ArityError, JMESPathError, ParseError, UnknownFunctionError
from pydantic import (
    BeforeValidator,
    RootModel,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from homeiq_assets.errors import NoHistory, SettingError
from homeiq_assets.redaction import excerpt, redact, register
from homeiq_assets.settings.variables import Settings, secret
from homeiq_assets.vendors.answers import VendorFailure
from homeiq_assets.vendors.described_rows import EXCERPT, NAME, Interval, Rows, intervals_of
from homeiq_assets.vendors.described_url import Template
from homeiq_assets.vendors.http import VendorClient
from homeiq_assets.vendors.skipped import skip
from homeiq_assets.window import Window

MONTH = timedelta(days=31)
# Longer than any local day, shorter than any two: each day is a question of its own.
ONE_DAY = timedelta(hours=25)


@dataclass(frozen=True)
class Names:
    """The environment variables that describe an API."""

    url: str
    jmespath: str
    key: str
    header: str


class DescribedApi:
    """One API as the settings describe it; they are judged when it is asked."""

    def __init__(self, names: Names, settings: Settings, zone: ZoneInfo) -> None:
        self.names = names
        self._settings = settings
        self._zone = zone

    @property
    def longest(self) -> timedelta:
        """The longest window for one question: a month, or a day where the URL holds a start only."""
        template = getattr(self._settings, self.names.url.lower())
        return ONE_DAY if template and Template(self.names.url, template).day_by_day else MONTH

    @property
    def asks_for_times(self) -> bool:
        """Whether the API is told what time is wanted. Raises SettingError."""
        return Template(self.names.url, self._settings.required(self.names.url)).asks_for_times

    def ask(
        self, window: Window, now: datetime, expect: type[Rows], *, lone_row_fails: bool = False
    ) -> list[Interval[Rows]]:
        """The rows of one question, in order of time, those with a null for `start` left out.

        Rows without `end` are all as long as the smallest distance between two of the answer; one that is alone has no
        length and is left out, or an error. A window that lies in the future may be answered with 404 or null: nothing
        is published yet.

        Raises SettingError; ProviderError (NoHistory where the URL cannot ask for the past).
        """
        names, settings = self.names, self._settings
        template = Template(names.url, settings.required(names.url))
        search = _Search(names.jmespath, settings.required(names.jmespath), window.start > now)
        settings.sound(names.key, names.header)
        key = secret(getattr(settings, names.key.lower()))
        register(key)
        if template.holds_key and not key:
            raise SettingError(names.key, f"is not set, and {names.url} holds {{key}}")
        headers = {}
        if key and not template.holds_key:
            header = settings.required(names.header)
            headers[header] = f"Bearer {key}" if header.lower() == "authorization" else key
        rows = _rows_of(expect, search)
        try:
            with VendorClient(NAME, template.base_url, settings, headers=headers) as client:
                path = template.path(window, self._zone, key)
                found = client.get(path, expect=rows, credentials=[names.key]).root
        except VendorFailure as failure:
            if failure.status == 404 and window.start > now:
                return []
            raise self._advised(failure) from None
        intervals = intervals_of([row for row in found if row.start is not None], lone_row_fails=lone_row_fails)
        self._refuse_past(template, window, intervals, now)
        return intervals

    def _advised(self, failure: VendorFailure) -> VendorFailure:
        if failure.retryable or failure.status in (None, 401, 403):
            return failure
        return failure.advise(f"Look at {self.names.jmespath if failure.status == 200 else self.names.url}.")

    def _refuse_past(
        self, template: Template, window: Window, intervals: Sequence[Interval[Rows]], now: datetime
    ) -> None:
        """Raise NoHistory where the API tells only of later days than those that are asked for.

        A window that ends where the answer begins is the nightly look at the days before: no error, and no rows.
        """
        if template.asks_for_times or not intervals or window.end > now:
            return
        first = intervals[0].start
        if first - window.end >= timedelta(days=1):
            raise NoHistory(
                NAME,
                f"{self.names.url} has no {{start}}, so the API tells what it tells by itself: nothing before "
                f"{first:%Y-%m-%dT%H:%MZ}, so nothing for {window}",
            )


def _rows_of(row: type[Rows], search: "_Search") -> type[RootModel[list[Rows]]]:
    """The model of an answer: what `search` finds in it, each a `row`."""
    rows: Any = Annotated[list[row], WrapValidator(_each_sound), BeforeValidator(search)]  # type: ignore[valid-type]
    return create_model("Answer", __base__=RootModel[Any], root=(rows, ...))


def _each_sound(rows: list[object], judge: ValidatorFunctionWrapHandler) -> list[object]:
    """The rows that are right; the others are skipped, unless all are wrong."""
    try:
        return list(judge(rows))
    except ValidationError:
        sound, odd = list[object](), list[str]()
        for number, row in enumerate(rows):
            try:
                sound += judge([row])
            except ValidationError as error:
                detail = error.errors(include_input=False, include_context=False, include_url=False)[0]
                where = ".".join(map(str, (number, *detail["loc"][1:])))
                odd.append(redact(f"{where} of its answer cannot be used ({detail['msg']}); row {number} is left out"))
        if not sound:
            raise
    for problem in odd:
        skip(NAME, problem)
    return sound


class _Search:
    """Takes the rows out of an answer, as a pydantic validator: its ValueErrors become the failure's text."""

    def __init__(self, setting: str, expression: str, future: bool) -> None:
        self._setting = setting
        self._future = future
        try:
            self._search = jmespath.compile(expression).search
        except ParseError as error:
            where = getattr(error, "lex_position", None)
            at = f" at character {where + 1}" if isinstance(where, int) else ""
            raise SettingError(setting, f"is no JMESPath{at}: {_line(error)}") from None
        except JMESPathError as error:
            raise SettingError(setting, f"is no JMESPath: {_line(error)}") from None

    def __call__(self, answer: object) -> list[object]:
        try:
            found = self._search(answer)
        except (UnknownFunctionError, ArityError) as error:
            raise SettingError(self._setting, f"is no JMESPath: {_line(error)}") from None
        except (JMESPathError, TypeError, ArithmeticError) as error:
            raise ValueError(f"{self._setting} does not fit it: {_line(error)}") from None
        if found is None and self._future:
            return []
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found if row is not None):
            shown = excerpt(repr(found), EXCERPT)
            raise ValueError(f"{self._setting} finds {shown} in it, which is not a list of objects")
        return [row for row in found if row is not None]


def _line(error: Exception) -> str:
    """What a JMESPath error says, without the expression drawn below it."""
    return excerpt(str(error).split(": Parse error at")[0].split(":\n")[0], 2 * EXCERPT)
