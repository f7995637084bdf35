"""A home that ages through 60 days while its process is killed, and its store or archive goes away, at random points.

After each the home is looked at (nothing may be gone without its proof), and the night begins anew. In the end
everything has to be as in a home that nobody disturbed. The tests do that in a shorter life, at few points. The whole:

    python -W ignore -m homeiq_assets_tests.retention.crash_campaign --kills 50 --outages 50 --seed 1 [--store influxdb]
"""

import argparse
import logging
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from homeiq_assets.settings.variables import Settings
from homeiq_assets_tests.retention.crash_checks import End, Expected, Look, end_of
from homeiq_assets_tests.retention.crash_home import SIXTY_DAYS, House
from homeiq_assets_tests.retention.crash_places import Opened, at, in_folder, in_services, moto, with_services
from homeiq_assets_tests.retention.crash_process import DISK_ERRORS, Child, Ended, Trouble, ended
from homeiq_assets_tests.retention.crash_proxy import INFLUXDB, KILLS, OUTAGES, S3, CrashProxy, crash_proxy
from homeiq_assets_tests.stores.influxd import Influxd

NEVER = 10**9
FEW = 60
"""points of the first night, where nobody counted them"""
OUR_ERRORS = ("StoreError", "ArchiveError", "SettingError", "StaysError")
NAMED = ("HOMEIQ_HOME", "INFLUXDB_URL", "INFLUXDB_TOKEN", "S3_ARCHIVE_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_REGION")
"""what an error has to tell the owner to look at"""


@dataclass(frozen=True)
class Struck:
    """A night that was struck, or got by: how it ended, and of how many points it had."""

    ended: Ended
    struck: bool
    points: int


class Weather(Protocol):
    """What disturbs a home."""

    house: House
    kills: tuple[str, ...]
    outages: tuple[str, ...]

    def night(self, night: int, stride: int, how: str, at: int) -> Struck:
        """A night in which this happens at the `at`th point."""
        ...

    def calm(self, night: int, stride: int, *, count: bool) -> Struck:
        """A night in which nothing happens; its points, where counting costs nothing or is wanted."""
        ...


@dataclass
class Disk:
    """Every change of a file is a point: there the process is killed, or the disk fails."""

    house: House
    kills = ("killed",)
    outages = tuple(os.strerror(error) for error in DISK_ERRORS)

    def night(self, night: int, stride: int, how: str, at: int) -> Struck:
        error = None if how in self.kills else DISK_ERRORS[self.outages.index(how)]
        ending = ended(self.house.age, night, stride, trouble=Trouble(at, error))
        return Struck(ending, not ending.done, ending.changes)

    def calm(self, night: int, stride: int, *, count: bool) -> Struck:
        ending = ended(self.house.age, night, stride, trouble=Trouble(NEVER if count else 0))
        return Struck(ending, struck=False, points=ending.changes)


@dataclass
class Network:
    """Every request to InfluxDB or S3 is a point. `house` is the one behind the proxy."""

    house: House
    proxy: CrashProxy
    kills = KILLS
    outages = tuple(sorted({how for service in OUTAGES.values() for how in service}))

    def night(self, night: int, stride: int, how: str, at: int) -> Struck:
        self.proxy.hold()
        child = Child(self.house.age, night, stride)
        self.proxy.plan(how, at, child.pid)
        ending = child.end()
        struck, points = self.proxy.struck, len(self.proxy.asked)
        self.proxy.behave()
        return Struck(ending, struck, points)

    def calm(self, night: int, stride: int, *, count: bool) -> Struck:
        return self.night(night, stride, KILLS[0], NEVER)


@dataclass
class Campaign:
    """A home, how it is looked at, and what became of it. `points`: how many each night has, as far as it is known."""

    house: House
    expected: Expected
    opened: Opened
    weather: Weather
    seed: int
    stride: int = 1
    points: dict[int, int] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    errors: set[str] = field(default_factory=set)

    def run(self, kills: int, outages: int) -> End:
        """Age through so many strikes; how it ends."""
        chance = random.Random(self.seed)
        nights = range(self.stride, self.house.life.days + 1, self.stride)
        wanted = [*chance.choices(self.weather.kills, k=kills), *chance.choices(self.weather.outages, k=outages)]
        chance.shuffle(wanted)
        look, done = Look(self.expected, self.house, *self.opened), 0
        for night in nights:
            share = len(wanted) * (nights.index(night) + 1) // len(nights) - self.struck.total()
            for how in wanted[self.struck.total() :][:share]:
                done = self._strike(chance, night, how, done)
                look.assert_nothing_is_gone_unproven(done, range(done, night))
            calm = self.weather.calm(night, self.stride, count=False)
            assert calm.ended.done, calm
            self.points.setdefault(night, calm.points)
            done = night
        look.assert_nothing_is_gone_unproven(done)
        return end_of(self.house.life, *self.opened)

    def _strike(self, chance: random.Random, night: int, how: str, done: int) -> int:
        """Strike a night, somewhere; how many days are over then."""
        points = self.points.get(night) or self.points.get(night - self.stride) or FEW
        while True:
            at = chance.randint(1, points)
            struck = self.weather.night(night, self.stride, how, at)
            if struck.struck:
                self._judge(struck.ended, f"seed {self.seed}, night {night}, {how} at {at}")
                self.struck[how] += 1
                return done
            # It was over before, or nobody needed what failed: what is struck now is the night done once more.
            done, points = night, max(struck.points, FEW)

    def _judge(self, ending: Ended, told: str) -> None:
        if ending.error:
            assert ending.error in OUR_ERRORS, f"{told}: {ending}"
            assert any(name in ending.said for name in NAMED), f"{told}: {ending}"
            self.errors.add(ending.said)
        else:
            assert ending.killed or ending.done, f"{told}: {ending}"


def undisturbed(weather: Weather, opened: Opened, stride: int = 1, *, count: bool = True) -> tuple[End, dict[int, int]]:
    """How a home ends that ages by itself, and the points of its nights."""
    life, points = weather.house.life, {}
    for night in range(stride, life.days + 1, stride):
        calm = weather.calm(night, stride, count=count)
        assert calm.ended.done, calm
        points[night] = calm.points
    return end_of(life, *opened), points


@contextmanager
def networked(house: House, influxd: Influxd, s3_url: str) -> Iterator[tuple[House, Opened, Network]]:
    """A home with fresh buckets, how it is looked at, and what disturbs it."""
    own = with_services(house, influxd, s3_url)
    urls = {INFLUXDB: influxd.url, S3: s3_url}
    with in_services(own) as opened, crash_proxy(urls) as proxy:
        yield own, opened, Network(at(own, proxy.urls, influxd), proxy)


def _main() -> None:
    parser = argparse.ArgumentParser(description="Disturb a home that ages through 60 days.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--outages", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["embedded", "influxdb"], default="embedded")
    asked = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="homeiq-crashes-")))
        began = time.monotonic()
        expected = Expected(SIXTY_DAYS, folder / "expected")
        alone, house = (House(folder / name, life=SIXTY_DAYS) for name in ("alone", "disturbed"))
        if asked.store == "embedded":
            calm, points = undisturbed(Disk(alone), in_folder(alone))
            opened, weather = in_folder(house), Disk(house)
        else:
            influxd = Influxd()
            stack.callback(influxd.stop)
            s3_url = stack.enter_context(moto())
            _, looked_at, other = stack.enter_context(networked(alone, influxd, s3_url))
            calm, points = undisturbed(other, looked_at)
            house, opened, weather = stack.enter_context(networked(house, influxd, s3_url))
        print(f"{time.monotonic() - began:.0f} s: undisturbed, {len(calm.ledger)} days removed")
        campaign = Campaign(house, expected, opened, weather, asked.seed, points=points)
        end = campaign.run(asked.kills, asked.outages)
        print(f"{time.monotonic() - began:.0f} s: {dict(campaign.struck)}")
        print(*sorted(campaign.errors), sep="\n")
        for what in ("rows", "ledger", "objects"):
            print(f"{what}: {'the same' if getattr(end, what) == getattr(calm, what) else 'NOT THE SAME'}")
        assert end == calm


if __name__ == "__main__":
    _main()
