"""Fetching a feed into the store: chunks of whole local days, each answer a replace, counted per day."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import ProviderError
from homeiq_assets.feeds.calendar import simulated as calendar
from homeiq_assets.feeds.collect import Collected, collect
from homeiq_assets.feeds.meter import simulated as meter
from homeiq_assets.feeds.pricing import awattar
from homeiq_assets.feeds.provider import Answer, Provider
from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import (
    ELECTRICITY_PRICING,
    OCCUPANCY_PREDICTION,
    SMART_METER,
    SMART_METER_CIRCUIT,
)
from homeiq_assets.settings.variables import Settings
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.window import HOUR, Window, local_day, local_midnight
from homeiq_assets_tests.simulated_vendors.awattar import AwattarVendor
from homeiq_assets_tests.simulated_vendors.server import Misbehaviour, json_reply

VIENNA, KOLKATA, LORD_HOWE = ZoneInfo("Europe/Vienna"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Lord_Howe")
LATER = datetime(2025, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)

SettingsOf = Callable[..., Settings]


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    return EmbeddedStore(tmp_path / "store")


@pytest.fixture
def metered(settings_of: SettingsOf) -> Callable[..., Provider]:
    """A simulated meter whose calls may ask for no more than `longest`."""

    def build(zone: ZoneInfo, longest: timedelta) -> Provider:
        provider = meter.build(settings_of(), zone)["smart_meter"]
        assert isinstance(provider, meter.SimulatedMeter)
        return replace(provider, longest=longest)

    return build


def days(first: date, count: int, zone: ZoneInfo) -> Window:
    return Window(local_midnight(first, zone), local_midnight(first + count * DAY, zone))


def gathered(
    provider: Provider, store: EmbeddedStore, window: Window, zone: ZoneInfo, now: datetime = LATER
) -> list[Collected]:
    return list(collect(provider, store, window, now, zone))


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        (VIENNA, date(2025, 10, 24)),
        (VIENNA, date(2025, 3, 28)),
        (KOLKATA, date(2025, 10, 24)),
        (LORD_HOWE, date(2025, 10, 3)),
        (LORD_HOWE, date(2025, 4, 4)),
    ],
)
@pytest.mark.parametrize("longest", [timedelta(days=2), timedelta(hours=49.5), timedelta(days=3, hours=7)])
def test_every_chunk_ends_at_a_local_midnight(
    zone: ZoneInfo, first: date, longest: timedelta, metered: Callable[..., Provider], store: EmbeddedStore
) -> None:
    window = days(first, 7, zone)

    parts = gathered(metered(zone, longest), store, window, zone)

    midnights = [local_midnight(first + n * DAY, zone) for n in range(1, 8)]
    assert {part.window.end for part in parts} <= set(midnights)
    assert all(part.window.length <= longest for part in parts)
    assert [part.window.start for part in parts] == [window.start, *(part.window.end for part in parts[:-1])]
    assert parts[-1].window.end == window.end
    assert [day for part in parts for day in part.finished] == [first + n * DAY for n in range(7)]


def test_names_that_a_terminal_would_obey_are_stored_as_they_may_be_shown(store: EmbeddedStore) -> None:
    names = ["Oven\x1b[31m", "Heat\tpump", "\x1b]0;owned\x07", "Car\u202e", "Küche  2"]
    start = local_midnight(date(2025, 10, 24), VIENNA)

    class Vendor:
        name, measurement, longest = "vendor", SMART_METER_CIRCUIT, DAY

        def fetch(self, window: Window, now: datetime) -> list[Answer]:
            rows = [{"time": start, "circuit_name": name, "power_w": 1.0} for name in names]
            return [Answer(rows_of(SMART_METER_CIRCUIT, rows), Window(start, start + HOUR), HOUR)]

        def probe(self, now: datetime) -> str:
            return ""

    gathered(Vendor(), store, days(date(2025, 10, 24), 1, VIENNA), VIENNA)

    stored = store.read(SMART_METER_CIRCUIT, days(date(2025, 10, 24), 1, VIENNA))
    assert stored["circuit_name"].to_pylist() == ["Car", "Heat pump", "Küche  2", "Oven", "unknown"]


def test_a_day_longer_than_one_call_may_ask_for_is_finished_by_its_last_chunk(
    metered: Callable[..., Provider], store: EmbeddedStore
) -> None:
    long = date(2025, 10, 26)

    parts = gathered(metered(VIENNA, DAY), store, days(long, 2, VIENNA), VIENNA)

    assert [(part.window.length, part.finished) for part in parts] == [
        (24 * HOUR, ()),
        (1 * HOUR, (long,)),
        (24 * HOUR, (date(2025, 10, 27),)),
    ]
    assert store.read(SMART_METER, local_day(long, VIENNA)).num_rows == 25 * 12


def test_a_window_that_one_call_may_ask_for_is_one_chunk(
    metered: Callable[..., Provider], store: EmbeddedStore
) -> None:
    poll = Window(local_midnight(date(2025, 10, 26), VIENNA) - HOUR, local_midnight(date(2025, 10, 27), VIENNA) - HOUR)

    (part,) = gathered(metered(VIENNA, timedelta(days=31)), store, poll, VIENNA)

    assert part.window == poll
    assert part.received == {date(2025, 10, 25): 12, date(2025, 10, 26): 24 * 12}
    assert part.finished == (date(2025, 10, 25),)


def test_rows_are_counted_by_the_local_day_they_begin_in(
    metered: Callable[..., Provider], store: EmbeddedStore
) -> None:
    (part,) = gathered(metered(LORD_HOWE, 31 * DAY), store, days(date(2025, 10, 4), 3, LORD_HOWE), LORD_HOWE)

    assert part.received == {date(2025, 10, 4): 288, date(2025, 10, 5): 282, date(2025, 10, 6): 288}
    assert part.replaced.written == 288 + 282 + 288
    assert set(part.steps.values()) == {timedelta(minutes=5)}


def test_a_day_of_which_nothing_came_counts_as_zero(metered: Callable[..., Provider], store: EmbeddedStore) -> None:
    first = date(2025, 11, 3)

    (part,) = gathered(
        metered(VIENNA, 31 * DAY), store, days(first, 3, VIENNA), VIENNA, local_midnight(first + DAY, VIENNA)
    )

    assert part.received == {first: 288, first + DAY: 0, first + 2 * DAY: 0}


def test_each_answer_replaces_what_is_stored_of_it_and_nothing_beside(
    settings_of: SettingsOf, store: EmbeddedStore
) -> None:
    tuesday = date(2025, 11, 4)
    provider = calendar.build(settings_of(), VIENNA)["occupancy_prediction"]
    gathered(provider, store, days(tuesday, 2, VIENNA), VIENNA)
    truth = store.read(OCCUPANCY_PREDICTION, days(tuesday, 2, VIENNA))
    wrong = [
        {"time": local_midnight(tuesday + n * DAY, VIENNA) + timedelta(minutes=1), "user": "a ghost", "confidence": 1.0}
        for n in range(2)
    ]
    for row in wrong:
        store.replace(
            OCCUPANCY_PREDICTION,
            rows_of(OCCUPANCY_PREDICTION, [row]),
            Window(row["time"], row["time"] + timedelta(seconds=1)),
        )

    (part,) = gathered(provider, store, days(tuesday, 1, VIENNA), VIENNA)

    assert (part.replaced.removed, part.replaced.unchanged, part.replaced.written) == (1, 96, 0)
    left = store.read(OCCUPANCY_PREDICTION, days(tuesday, 2, VIENNA))
    assert left.num_rows == truth.num_rows + 1
    assert left.filter([user == "owner" for user in left["user"].to_pylist()]).equals(truth)


def test_collecting_twice_changes_nothing(metered: Callable[..., Provider], store: EmbeddedStore) -> None:
    window = days(date(2025, 10, 25), 3, VIENNA)
    gathered(metered(VIENNA, 31 * DAY), store, window, VIENNA)
    before = store.read(SMART_METER, window)

    (again,) = gathered(metered(VIENNA, 31 * DAY), store, window, VIENNA)

    assert (again.replaced.written, again.replaced.removed, again.replaced.unchanged) == (0, 0, before.num_rows)
    assert store.read(SMART_METER, window).equals(before)


def test_a_failing_chunk_leaves_the_chunks_before_it_stored(settings_of: SettingsOf, store: EmbeddedStore) -> None:
    first, count = date(2025, 7, 1), 70
    window = days(first, count, VIENNA)
    prices: dict[datetime, float | None] = {
        window.start + n * HOUR: 80.0 + n % 24 for n in range(int(window.length / HOUR))
    }
    with AwattarVendor(prices) as vendor:
        provider = awattar.build(settings_of(AWATTAR_BASE_URL=vendor.url), VIENNA)["electricity_pricing"]
        vendor.misbehave(Misbehaviour(), json_reply({"message": "Bad Request"}, 400))
        finished: list[date] = []

        with pytest.raises(ProviderError, match="400"):
            finished.extend(day for part in collect(provider, store, window, LATER, VIENNA) for day in part.finished)
        assert len(vendor.asked) == 2

        stored = store.read(ELECTRICITY_PRICING, window)
        assert stored.num_rows == 31 * 24
        assert store.newest(ELECTRICITY_PRICING) == local_midnight(first + 31 * DAY, VIENNA) - HOUR

        vendor.behave()
        gathered(provider, store, window, VIENNA)
        assert store.read(ELECTRICITY_PRICING, window).num_rows == count * 24


def test_a_day_that_came_in_two_steps_is_known_by_the_coarser_one(
    metered: Callable[..., Provider], store: EmbeddedStore
) -> None:
    day = date(2025, 11, 4)
    midnight, noon = local_midnight(day, VIENNA), local_midnight(day, VIENNA) + 12 * HOUR

    class TwoSteps:
        """Hourly until noon, then every five minutes, as Home Assistant answers at the edge of its memory."""

        name, measurement, longest = "two steps", SMART_METER, 31 * DAY

        def fetch(self, window: Window, now: datetime) -> list[Answer]:
            fine = metered(VIENNA, 31 * DAY)
            (whole,) = fine.fetch(Window(midnight, noon), now)
            (rest,) = fine.fetch(Window(noon, window.end), now)
            hourly = whole.rows.filter([at.minute == 0 for at in whole.rows["time"].to_pylist()])
            return [Answer(hourly, whole.covers, HOUR), rest]

        def probe(self, now: datetime) -> str:
            return ""

    (part,) = gathered(TwoSteps(), store, days(day, 1, VIENNA), VIENNA)

    assert part.received == {day: 12 + 144}
    assert part.steps == {day: HOUR}
