"""The best hours ahead as a Markdown table, below the 1,000 characters that Dagster's pages draw in place."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from homeiq_assets.home import Home
from homeiq_assets.insights.best import Ahead, Choice, apart, together

HOURS = timedelta(hours=3)
SPANS = (timedelta(hours=24), timedelta(hours=48))
PIECES = 3
"""How many pieces of time a cell lists."""


def best_table(ahead: Callable[[timedelta], Ahead], home: Home) -> str | None:
    """The cheapest, dearest and best three hours of the next 24 and 48; None without any price.

    `ahead` says what is known of so much time from now on.
    """
    weight = home.settings.carbon_weight
    known = [ahead(span) for span in SPANS]
    until = known[-1].known_until
    if until is None:
        return None
    rows: list[tuple[str, Callable[[Ahead], Choice | None]]] = [
        ("cheapest in a row", lambda one: together(one, HOURS)),
        ("dearest in a row", lambda one: together(one, HOURS, dearest=True)),
        ("cheapest in pieces", lambda one: apart(one, HOURS)),
        ("dearest in pieces", lambda one: apart(one, HOURS, dearest=True)),
        ("price and carbon", lambda one: together(one, HOURS, carbon_weight=weight)),
    ]
    lines = ["| 3 hours | next 24 h | next 48 h |", "|---|---|---|"]
    lines += [f"| {name} | {' | '.join(_cell(choose(one), home.zone) for one in known)} |" for name, choose in rows]
    said = f"{known[-1].currency}/kWh, known to {local(until, home.zone)}. {carbon_known(known[-1], home.zone)}"
    return "\n".join([*lines, "", said])


def carbon_known(ahead: Ahead, zone: ZoneInfo) -> str:
    """How the carbon intensity of the time ahead is known."""
    if ahead.forecast_until is None:
        return "Carbon: no forecast, the last known value." if ahead.carbon_is_known else "Carbon: not known."
    return f"Carbon: forecast to {local(ahead.forecast_until, zone)}, then the last known value."


def local(instant: datetime, zone: ZoneInfo) -> str:
    """An instant by the home's clock."""
    return f"{instant.astimezone(zone):%a %H:%M}"


def spans_of(choice: Choice, zone: ZoneInfo, most: int | None = None) -> str:
    """The pieces of time of a choice."""
    texts = [f"{local(start, zone)}–{end.astimezone(zone):%H:%M}" for start, end in choice.spans[:most]]
    return ", ".join(texts) + (", …" if most is not None and len(choice.spans) > most else "")


def _cell(choice: Choice | None, zone: ZoneInfo) -> str:
    return "" if choice is None else f"{spans_of(choice, zone, PIECES)}: {choice.price:.3f}"
