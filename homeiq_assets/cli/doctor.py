"""`homeiq doctor`: what is configured, what answers, what to set."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from homeiq_assets.archive.opening import open_archive
from homeiq_assets.cli.dagster_files import damages
from homeiq_assets.errors import HomeiqError
from homeiq_assets.events.opening import opened_events
from homeiq_assets.feeds.catalog import EVENTS, FEEDS, raw_of
from homeiq_assets.feeds.feed import Feed
from homeiq_assets.feeds.registry import OFF, SIMULATED, choice, needs, observed, provider_of, serves
from homeiq_assets.home import Home, open_home, resolve_home
from homeiq_assets.ledger.gaps import record_of
from homeiq_assets.redaction import redact
from homeiq_assets.retention import advice
from homeiq_assets.settings.names import unread
from homeiq_assets.settings.variables import Settings, env_path, load
from homeiq_assets.stores.base import Probe
from homeiq_assets.stores.opening import open_store
from homeiq_assets.vendors import circuit_breaker
from homeiq_assets.vendors.skipped import last, noting
from homeiq_assets.views.events import assumed_meters

MARKS = {True: "[green]ok[/]", False: "[red]failed[/]", None: "[dim]not set[/]"}
WARNING = "[yellow]warning[/]"
LISTED = 20
"""How many days without rows, or entities, a line lists."""


@click.command()
def doctor() -> None:
    """Try each thing cheaply; exit status 1 where something that is set does not work."""
    console = Console(width=None if sys.stdout.isatty() else 150, emoji=False)
    columns = (Column(name, overflow="fold") for name in ("what", "state", "found, and what to do"))
    shown = Table(*columns, box=None, pad_edge=False)
    failed = False
    for probe in examine(load()):
        what, detail = (escape(redact(text)) for text in (probe.what, probe.detail))
        shown.add_row(what, WARNING if probe.warning else MARKS[probe.ok], detail)
        failed |= probe.ok is False
    console.print(shown)
    if failed:
        sys.exit(1)


def examine(settings: Settings) -> Iterator[Probe]:
    """Every probe in turn: settings, zone, store, archive, retention, feeds, what is assumed of meters."""
    for name, problem in settings.problems.items():
        yield Probe(name, False, problem)
    for name, problem in unread(env_path()):
        yield Probe(name, None, problem, warning=True)
    home, zone = _zone(settings)
    yield zone
    store = list(_told("store", _store(settings)))
    yield from store
    for damage in damages():
        yield Probe("Dagster", False, damage)
    archive = _tried("archive", lambda: open_archive(settings).probe())
    yield archive
    pairs = [(raw_of(feed), feed) for feed in FEEDS]
    yield from advice.of_settings(pairs, settings)
    if all(probe.ok is not False for probe in store):
        yield from _told("retention in the store", _retention(pairs, home, archive_works=bool(archive.ok)))
    for feed in FEEDS:
        probe = _feed(feed, home)
        yield probe
        yield from _unfillable(feed, home)
        if feed is EVENTS and probe.ok:
            yield from _told("meters", _meters(home))


def _zone(settings: Settings) -> tuple[Home, Probe]:
    try:
        home = resolve_home(settings)
    except HomeiqError as error:
        return open_home(settings), Probe("time zone", False, str(error))
    except Exception as error:
        return open_home(settings), _unforeseen("time zone", error)
    if home.zone_said:
        return home, Probe("time zone", True, f"{home.zone.key} (HOMEIQ_TIMEZONE)")
    return home, Probe("time zone", None, "UTC is used; set HOMEIQ_TIMEZONE before the first run, which fixes it")


def _store(settings: Settings) -> Iterator[Probe]:
    with closing(open_store(settings)) as store:
        yield from store.probe()


def _retention(pairs: advice.Pairs, home: Home, *, archive_works: bool) -> Iterator[Probe]:
    with closing(open_store(home.settings)) as store:
        yield from advice.of_store(pairs, home, store, open_archive(home.settings) if archive_works else None)


def _told(what: str, probes: Iterable[Probe]) -> Iterator[Probe]:
    """The probes as far as they come, and a failed one where they break off."""
    try:
        yield from probes
    except HomeiqError as error:
        yield Probe(what, False, str(error))
    except Exception as error:
        yield _unforeseen(what, error)


def _feed(feed: Feed, home: Home) -> Probe:
    what, name = f"feed {feed.name}", choice(feed, home.settings)
    if name == OFF:
        return Probe(what, None, f"set {feed.setting} to choose a provider")
    if name == SIMULATED and not home.settings.live:
        return Probe(what, None, f"simulated; set {feed.setting} to choose a provider")
    missing = needs(feed, home.settings)
    if missing is not None:
        return Probe(what, None, f"set {missing} to have it from {name}")
    with noting(home.now()) as skipped:
        probe = _tried(what, lambda: f"{name}: {(_seen if observed(feed, home.settings) else _answer)(feed, home)}")
    left_out = [*filter(None, [skipped.summary()]), *last(home.settings, feed.name)]
    if not probe.ok or not left_out:
        return probe
    return Probe(what, True, "; ".join([probe.detail, *left_out]), warning=True)


def _unfillable(feed: Feed, home: Home) -> Iterator[Probe]:
    days = record_of(feed, home).unfillable if serves(feed, home.settings) else []
    if days:
        shown = ", ".join(map(str, days[-LISTED:]))
        yield Probe(
            f"days of {feed.name}",
            True,
            f"{len(days)} days lack rows that {choice(feed, home.settings)} did not have when it was asked twice: "
            f"{'…, ' if len(days) > LISTED else ''}{shown}. They are left alone; to ask again, materialise "
            f"feeds/{feed.name} of them",
            warning=True,
        )


def _seen(feed: Feed, home: Home) -> str:
    with closing(open_store(home.settings)) as store, opened_events(home, store) as events:
        return events.probe()


def _meters(home: Home) -> Iterator[Probe]:
    with closing(open_store(home.settings)) as store:
        assumed = assumed_meters(home, store)
    if not assumed:
        yield Probe("meters", True, "of all that spoke in Wh, kWh or MWh since yesterday it is said what they are")
    else:
        told = "; ".join(f"{entity} {why}" for entity, why in list(assumed.items())[:LISTED])
        yield Probe("meters", True, f"{told}; {len(assumed)} in all", warning=True)


def _answer(feed: Feed, home: Home) -> str:
    found = provider_of(feed, home.settings, home.zone).probe(home.now())
    circuit_breaker.over(home.settings, feed.family, choice(feed, home.settings))
    return found


def _tried(what: str, probe: Callable[[], str]) -> Probe:
    try:
        return Probe(what, True, probe())
    except HomeiqError as error:
        return Probe(what, False, str(error))
    except Exception as error:
        return _unforeseen(what, error)


def _unforeseen(what: str, error: Exception) -> Probe:
    """One probe that goes wrong in a way of its own never costs the others their lines."""
    return Probe(what, False, redact(f"{type(error).__name__}: {error}"))
