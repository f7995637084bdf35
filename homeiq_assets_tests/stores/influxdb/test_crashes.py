"""A process that is killed at any request to InfluxDB loses nothing, and the next one puts right what it left."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from homeiq_assets.stores.base import Store
from homeiq_assets.window import Window
from homeiq_assets_tests.stores.crashes import HOUR, REPLACEMENTS, SETTLED_HISTORY, Replacement
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.killing_proxy import KillingProxy
from homeiq_assets_tests.stores.places import ALWAYS, InfluxPlace, held, put, rows

pytestmark = pytest.mark.influxdb

SMALL_BATCHES = 3
"""so that a write is several requests, too"""


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[KillingProxy]:
    with KillingProxy(influxd.url) as running:
        yield running


@pytest.fixture
def place(influx_place: Callable[..., InfluxPlace]) -> InfluxPlace:
    return influx_place(batch_rows=SMALL_BATCHES)


@pytest.fixture
def store(place: InfluxPlace) -> Iterator[Store]:
    opened = place.open()
    yield opened
    opened.close()


def dies(one: Replacement, place: InfluxPlace, proxy: KillingProxy, at: int, *, during: bool) -> bool:
    """Replace through the proxy; whether the process got as far as its `at`th request and was killed there."""
    proxy.disarm()
    process = one.start(replace(place, url=proxy.url))
    assert process.pid is not None
    proxy.arm(process.pid, at, during=during)
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.fixture
def after_a_delete(place: InfluxPlace, proxy: KillingProxy, store: Store) -> int:
    """Which request of SETTLED_HISTORY follows its first delete."""
    whole = SETTLED_HISTORY.renamed("not killed")
    whole.store_what_was_before(store)
    assert not dies(whole, place, proxy, at=1000, during=False)
    return proxy.asked.index("POST /api/v2/delete") + 2


def in_place_or_set_aside(one: Replacement, store: Store) -> list[dict[str, Any]]:
    """What is stored, and what lies in the copy that a writer makes before it deletes."""
    return held(store, one.measurement) + held(store, pending(one).measurement)


def pending(one: Replacement) -> Replacement:
    return one.renamed(f"homeiq_pending_{one.measurement.name}")


@pytest.mark.parametrize("during", [False, True], ids=["before a request", "during a request"])
@pytest.mark.parametrize("case", REPLACEMENTS)
def test_killed_at_any_request_a_replace_loses_nothing_and_a_re_run_completes_it(
    case: str, during: bool, place: InfluxPlace, proxy: KillingProxy, store: Store
) -> None:
    at, done = 0, False
    while not done:
        at += 1
        one = REPLACEMENTS[case].renamed(f"killed at {at}")
        one.store_what_was_before(store)

        done = not dies(one, place, proxy, at, during=during)

        one.assert_nothing_is_lost(in_place_or_set_aside(one, store))
        store.recover(one.measurement)
        one.assert_nothing_is_lost(held(store, one.measurement))
        one.run(store)
        assert held(store, one.measurement) == one.after
        assert held(store, pending(one).measurement) == []
    assert at > 8


def test_killed_again_while_putting_right_a_replace_loses_nothing(
    place: InfluxPlace, proxy: KillingProxy, store: Store, after_a_delete: int
) -> None:
    for at in range(1, 9):
        one = SETTLED_HISTORY.renamed(f"killed again at {at}")
        one.store_what_was_before(store)
        assert dies(one, place, proxy, after_a_delete, during=False)

        assert dies(one, place, proxy, at, during=True)

        one.assert_nothing_is_lost(in_place_or_set_aside(one, store))
        one.run(store)
        assert held(store, one.measurement) == one.after
        assert held(store, pending(one).measurement) == []


def test_what_was_set_aside_does_not_come_back_after_a_delete(
    place: InfluxPlace, proxy: KillingProxy, store: Store, after_a_delete: int
) -> None:
    one = SETTLED_HISTORY
    one.store_what_was_before(store)
    assert dies(one, place, proxy, after_a_delete, during=False)
    assert held(store, pending(one).measurement) != []

    store.delete(one.measurement, ALWAYS)
    store.recover(one.measurement)

    assert held(store, one.measurement) == []


def test_what_was_set_aside_and_is_too_old_for_the_bucket_by_now_stops_nobody(
    influxd: Influxd, place: InfluxPlace, proxy: KillingProxy, store: Store, after_a_delete: int
) -> None:
    one = SETTLED_HISTORY
    one.store_what_was_before(store)
    assert dies(one, place, proxy, after_a_delete, during=False)
    influxd.keep(place.bucket, days=7)
    today = {**one.answer[0], "time": datetime.now(UTC).replace(microsecond=0)}

    put(store, one.measurement, [today], Window(today["time"], today["time"] + HOUR))

    assert rows(one.measurement, today)[0] in held(store, one.measurement)
    assert held(store, pending(one).measurement) == []
