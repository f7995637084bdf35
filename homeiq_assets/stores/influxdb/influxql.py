"""InfluxQL texts: quoting, the columns of a measurement, conditions; and the predicate of a delete.

Only text is made here. Names and values may hold anything: they are quoted so that none can end its
quotes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from homeiq_assets.schema.measurement import Field, Measurement, Type
from homeiq_assets.window import Window

FIRST_NS, LAST_NS = -(2**63) + 2, 2**63 - 2
"""the first and the last instant that InfluxDB keeps, in ns since the epoch"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def identifier(name: str) -> str:
    """A measurement's, tag's or field's name in double quotes."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(text: str) -> str:
    """A string in single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def matches(expression: str, pattern: str) -> str:
    """The condition that a string matches a regular expression."""
    return f"{expression} =~ /{pattern.replace('/', chr(92) + '/')}/"


def database(bucket: str) -> dict[str, str]:
    """How `/query` names a bucket: `a/b` is policy b of database a, any other name a database of that name.

    Its policy is then `autogen`; left out, a mapping the owner made for that name may lead to another bucket.
    """
    name, slash, policy = bucket.partition("/")
    return {"db": name, "rp": policy if slash else "autogen"}


def tag(name: str) -> str:
    return f"{identifier(name)}::tag"


def field(field: Field) -> str:
    """The expression of a field.

    Without a type InfluxQL drops strings and booleans where another shard holds numbers under the name.
    """
    cast = field.type if field.type in (Type.STRING, Type.BOOLEAN) else "field"
    return f"{identifier(field.name)}::{cast}"


def columns(measurement: Measurement, fields: Sequence[Field]) -> list[str]:
    """The expressions of the tags and `fields`, in the order of the schema."""
    return [*(tag(name) for name in measurement.tag_names), *(field(one) for one in fields)]


def where(window: Window | None, tags: Mapping[str, str] | None, *more: str) -> str:
    """` WHERE …` for rows of the window with these tag values, nothing where all rows are meant."""
    terms = [f"time >= {nanoseconds(window.start)} AND time < {nanoseconds(window.end)}"] if window else []
    terms += [f"{tag(name)} = {literal(value)}" for name, value in (tags or {}).items()]
    terms += more
    return f" WHERE {' AND '.join(terms)}" if terms else ""


def one_of(tags: Iterable[Mapping[str, str]]) -> str:
    """The condition that a row has all tag values of at least one of the mappings."""
    terms = [" AND ".join(f"{tag(name)} = {literal(value)}" for name, value in one.items()) for one in tags]
    return f"({' OR '.join(f'({term})' for term in terms)})"


def predicate(measurement_name: str, tags: Mapping[str, str] | None) -> str:
    """The predicate of a delete: its grammar takes values, too, only in double quotes."""
    wanted = {"_measurement": measurement_name, **(tags or {})}
    return " AND ".join(f"{identifier(name)} = {identifier(value)}" for name, value in wanted.items())


def nanoseconds(instant: datetime) -> int:
    """An instant in ns since the epoch, within what InfluxDB keeps."""
    return min(max((instant - _EPOCH) // timedelta(microseconds=1) * 1000, FIRST_NS), LAST_NS)


def instant(ns: int) -> datetime:
    """The UTC instant of ns since the epoch, cut to the microsecond."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def rfc3339(ns: int) -> str:
    """ns since the epoch as a delete's bound takes it, exact."""
    seconds, rest = divmod(ns, 10**9)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
