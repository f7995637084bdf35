"""`homeiq best`: when to run a load, by the prices that are known and the carbon that is forecast."""

from datetime import timedelta

import click
from rich.console import Console
from rich.table import Table

from homeiq_assets.errors import HomeiqError
from homeiq_assets.home import resolve_home
from homeiq_assets.insights.best import Choice, apart, now, together
from homeiq_assets.insights.best_table import carbon_known, local, spans_of
from homeiq_assets.insights.days import ahead_of
from homeiq_assets.settings.variables import load
from homeiq_assets.stores.opening import open_store


@click.command()
@click.option("--kw", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="The load.")
@click.option("--hours", type=click.FloatRange(0, 48, min_open=True), default=3.0, show_default=True)
@click.option("--within", type=click.FloatRange(0, 48, min_open=True), default=24.0, show_default=True, help="Hours.")
@click.option("--carbon-weight", type=click.FloatRange(0), help="Worth of a kg of CO2; CARBON_WEIGHT if absent.")
def best(kw: float, hours: float, within: float, carbon_weight: float | None) -> None:
    """The best time for a load that runs for some hours, within the next ones."""
    home = resolve_home(load())
    if carbon_weight is None:
        home.settings.sound("CARBON_WEIGHT")
        carbon_weight = home.settings.carbon_weight
    store = open_store(home.settings)
    try:
        ahead = ahead_of(home.now(), timedelta(hours=within), store)
    finally:
        store.close()
    length = timedelta(hours=hours)
    until = ahead.known_until
    if until is None:
        raise HomeiqError("no price is known of the time ahead; poll or materialise feeds/electricity_pricing first")
    found = together(ahead, length, carbon_weight=carbon_weight)
    if found is None:
        raise HomeiqError(
            f"prices are known to {local(until, home.zone)}, which leaves no {hours:g} hours on end within {within:g}"
        )
    choices: list[tuple[str, Choice | None]] = [
        ("best", found),
        ("cheapest", together(ahead, length)),
        ("cheapest in pieces", apart(ahead, length)),
        ("now", now(ahead, length)),
        ("dearest", together(ahead, length, dearest=True)),
    ]
    shown = Table("", "when", f"{ahead.currency}/kWh", "g CO2/kWh", ahead.currency, "kg CO2", box=None, pad_edge=False)
    for name, choice in choices:
        if choice is not None:
            carbon = ("", "")
            if choice.carbon is not None:
                carbon = (f"{choice.carbon:.0f}", f"{choice.carbon * kw * hours / 1000:.2f}")
            cost = f"{choice.price * kw * hours:.2f}"
            shown.add_row(name, spans_of(choice, home.zone), f"{choice.price:.3f}", carbon[0], cost, carbon[1])
    console = Console(markup=False, emoji=False)
    console.print(shown)
    console.print(
        f"{kw:g} kW for {hours:g} h within {within:g} h; prices known to {local(until, home.zone)}. "
        f"{carbon_known(ahead, home.zone)} best: price + {carbon_weight:g} {ahead.currency} per kg of CO2."
    )
