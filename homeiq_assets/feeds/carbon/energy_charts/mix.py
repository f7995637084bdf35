"""Energy-Charts' net public generation by type, and the shares of renewables and fossils in it."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from homeiq_assets.feeds.carbon.readings import FOSSIL as FOSSIL_SHARE
from homeiq_assets.feeds.carbon.readings import RENEWABLE as RENEWABLE_SHARE
from homeiq_assets.vendors.energy_charts import NAME, Series, Strict, Value
from homeiq_assets.vendors.skipped import skip

RENEWABLE = frozenset(
    {
        "Biomass",
        "Geothermal",
        "Hydro Run-of-River",
        "Hydro water reservoir",
        "Marine",
        "Other renewables",
        "Solar",
        "Wind offshore",
        "Wind onshore",
    }
)
FOSSIL = frozenset(
    {
        "Fossil brown coal / lignite",
        "Fossil coal-derived gas",
        "Fossil gas",
        "Fossil hard coal",
        "Fossil oil",
        "Fossil oil shale",
        "Fossil peat",
    }
)
# Waste is burnt of both origins.
NEITHER = frozenset({"Nuclear", "Others", "Waste"})
# What a store gives back was counted when it was generated; the others are no generation.
NOT_COUNTED = frozenset(
    {
        "Battery",
        "Battery Consumption",
        "Cross border electricity trading",
        "Hydro pumped storage",
        "Hydro pumped storage consumption",
        "Load",
        "Renewable share of generation",
        "Renewable share of load",
        "Residual load",
    }
)
NEAR = timedelta(days=1)


class _Type(Strict):
    name: str
    data: list[Value]


class PublicPower(Series):
    """The answer of /public_power: mean MW of each interval by type, beside load, shares and trade."""

    production_types: list[_Type]

    def arrays(self) -> Mapping[str, Sequence[float | None]]:
        return {one.name: one.data for one in self.production_types}


def shares(power: PublicPower) -> dict[datetime, dict[str, float]]:
    """The shares (%) of renewables and fossils in what is generated, where the generation of every type is known.

    The newest slots come type by type. A type without a value in a slot counts as missing there where it has one
    within a day of it, else as one that the country does not have.
    """
    times = power.times
    generating = {one.name: one.data for one in power.production_types if one.name not in NOT_COUNTED}
    unknown = generating.keys() - RENEWABLE - FOSSIL - NEITHER
    if unknown:
        skip(NAME, f"types of generation that are not known are left out: {', '.join(sorted(unknown))}")
    whole = [True] * len(times)
    sums = {kind: [0.0] * len(times) for kind in (RENEWABLE, FOSSIL, NEITHER)}
    for kind, total in sums.items():
        for name in kind & generating.keys():
            seen = [at for at, value in zip(times, generating[name], strict=True) if value is not None]
            for n, value in enumerate(generating[name]):
                if value is not None:
                    # What takes power from the grid, as wind farms in a calm do, generates nothing.
                    total[n] += max(value, 0.0)
                elif _near(times[n], seen):
                    whole[n] = False
    return {
        at: {
            RENEWABLE_SHARE: 100 * (renewable / (renewable + fossil + neither)),
            FOSSIL_SHARE: 100 * (fossil / (renewable + fossil + neither)),
        }
        for at, known, renewable, fossil, neither in zip(times, whole, *sums.values(), strict=True)
        if known and renewable + fossil + neither > 0
    }


def _near(at: datetime, seen: Sequence[datetime]) -> bool:
    return bisect_left(seen, at - NEAR) < bisect_right(seen, at + NEAR)
