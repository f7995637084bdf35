"""Both views over events: random homes over three days, read in one go, against slow plain Python."""

import math
from typing import Any

from hypothesis import given

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import ELECTRICITY_PRICING
from homeiq_assets.views.bill import Bill, slots_of
from homeiq_assets.views.energy_by_device import energy_by_device
from homeiq_assets.views.readings import days_of
from homeiq_assets.views.room_activity import DOMAINS, room_activity
from homeiq_assets_tests.views import brute_force
from homeiq_assets_tests.views.brute_force import SPOKEN_FOR, Case, cases
from homeiq_assets_tests.views.listed_events import ListedEvents, plain


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return found.keys() == wanted.keys() and all(
        math.isclose(found[name], value, rel_tol=1e-9, abs_tol=1e-9)
        if isinstance(value, float)
        else found[name] == value
        for name, value in wanted.items()
    )


@given(cases(lambda entity: entity.startswith("sensor.")))
def test_energy_of_devices_is_what_is_counted_instant_by_instant(case: Case) -> None:
    prices = [
        {"time": slot.start, "provider": "us", "currency": "EUR", "current_price": slot.price} for slot in case.slots
    ]
    slots, source = slots_of(rows_of(ELECTRICITY_PRICING, prices)), ListedEvents(case.rows)

    for day in days_of(source, case.days, case.zone, case.hold, case.now):
        bill = slots.bill(day.window)
        bill = Bill(bill.edges, bill.prices, bill.currency, case.feed_in)
        devices = energy_by_device(day.readings, day.window, day.date, case.hold, bill, SPOKEN_FOR)
        found = plain(devices.rows)
        assert {row.pop("time") for row in found} <= {day.window.start}
        wanted = brute_force.energy(case, day.date)
        assert [row["entity_id"] for row in found] == sorted(wanted)
        for row in found:
            entity = row.pop("entity_id")
            assert same(row, wanted[entity]), (day, entity, row, wanted[entity])
        assert set(devices.skipped) <= {"sensor.nameless"}
    assert len(source.asked) <= 3


@given(cases(lambda entity: entity.startswith("binary_sensor.")))
def test_activity_of_rooms_is_what_is_counted_instant_by_instant(case: Case) -> None:
    source = ListedEvents(case.rows)

    for day in days_of(source, case.days, case.zone, case.hold, case.now, domains=DOMAINS):
        found = plain(room_activity(day.readings, day.window, day.date, case.hold, case.zone))
        wanted = brute_force.activity(case, day.date)
        assert {(row["area"], row["time"]) for row in found} == wanted.keys()
        for row in found:
            key = row.pop("area"), row.pop("time")
            assert same(row, wanted[key]), (key, row, wanted[key])
    assert len(source.asked) <= 3
