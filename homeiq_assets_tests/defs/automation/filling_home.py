"""A home whose schedules and sensor are asked at the instants a test names, and whose runs are then made."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import dagster as dg

from homeiq_assets.defs.common.options import FOLLOW_TAG
from homeiq_assets_tests.household import QUIET, RANGE, Household, asset_key

FOLLOWING = (
    ("tiers/smart_meter_hourly", "tiers/smart_meter_daily"),
    ("archive/smart_meter",),
    ("archive/smart_meter_daily",),
    ("insights/electricity_price_rank",),
    ("insights/daily_energy_report",),
)
"""What follows the meter and the prices; what stands together shares its runs."""
Span = tuple[str, str]


class Automation:
    """The schedules of the feeds and the sensor of what follows them, of one home.

    `scheduler` is an instance on disk, without which Dagster evaluates no schedule; runs are remembered by the home's.
    """

    def __init__(self, home: Household, scheduler: dg.DagsterInstance) -> None:
        self.home = home
        self._scheduler = scheduler
        self.runs: list[dg.ExecuteInProcessResult] = []
        self._cursor: object | None = None

    def at(self, local: str) -> datetime:
        """Set the home's clock to a local time."""
        self.home.clock.now = datetime.fromisoformat(local).replace(tzinfo=self.home.zone).astimezone(UTC)
        return self.home.clock.now

    def tick(self, schedule: str) -> list[dg.RunRequest]:
        """What a schedule asks for now."""
        now = self.home.clock.now
        context = dg.build_schedule_context(
            instance=self._scheduler,
            scheduled_execution_time=now.astimezone(self.home.zone),
            repository_def=self.home.defs.get_repository_def(),
        )
        with dg.partition_loading_context(effective_dt=now):
            return list(self.home.defs.resolve_schedule_def(schedule).evaluate_tick(context).run_requests or ())

    def spans(self) -> dict[str, Span]:
        """The days that are asked for now because they lack rows: by feed the first and the last."""
        return {
            key.path[-1]: (request.tags[f"{RANGE}start"], request.tags[f"{RANGE}end"])
            for request in self.tick("fill_gaps")
            for key in request.asset_selection or ()
        }

    def run(self, schedule: str) -> list[dg.ExecuteInProcessResult]:
        """Make the runs that a schedule asks for now."""
        made = [
            self.home.defs.resolve_job_def(schedule).execute_in_process(
                instance=self.home.instance,
                partition_key=request.partition_key,
                tags=dict(request.tags),
                asset_selection=[*(request.asset_selection or ())],
                run_config=QUIET,
                raise_on_error=False,
            )
            for request in self.tick(schedule)
        ]
        self.runs += made
        return made

    def follow(self) -> dict[str, list[str]]:
        """Make the runs that the sensor asks for now, and return the days of each asset."""
        evaluated = dg.evaluate_automation_conditions(
            defs=self.home.defs,
            instance=self.home.instance,
            asset_selection=dg.AssetSelection.assets(*(asset_key(name) for names in FOLLOWING for name in names)),
            evaluation_time=self.home.clock.now,
            cursor=self._cursor,  # type: ignore[arg-type]
        )
        self._cursor = evaluated.cursor
        asked = {
            name: sorted(evaluated.get_requested_partitions(asset_key(name)), key=str)
            for names in FOLLOWING
            for name in names
        }
        for names in FOLLOWING:
            for span in _spans(asked[names[0]] or asked[names[-1]]):
                self.runs.append(self.home.materialise(*names, days=span, tags={FOLLOW_TAG: "true"}))
        return {name: [str(key) for key in keys] for name, keys in asked.items() if keys}


def _spans(keys: Sequence[str | None]) -> Iterator[Span]:
    days = [date.fromisoformat(str(key)) for key in keys]
    for _, run in groupby(enumerate(days), lambda numbered: numbered[1] - timedelta(days=numbered[0])):
        together = [day for _, day in run]
        yield together[0].isoformat(), together[-1].isoformat()
