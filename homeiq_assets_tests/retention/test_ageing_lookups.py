"""What the tiers of a home with gaps look up and compare: days without anything, and values that no tier keeps."""

from datetime import UTC, datetime

from homeiq_assets.schema.measurement import rows_of
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, SMART_METER, tier_of
from homeiq_assets.tiers.comparison import difference
from homeiq_assets.tiers.event_kinds import compared

DAILY = tier_of(SMART_METER, "daily")


def test_a_day_of_which_nothing_is_known_does_not_differ_from_what_its_rows_say() -> None:
    assert difference(DAILY.empty(), DAILY.empty(), ("time", *DAILY.tag_names, *DAILY.field_names)) is None


def test_only_values_that_a_tier_compares_are_looked_up_and_those_it_does_not_keep_never() -> None:
    said = [
        ("sensor.meter", "7.5", 7.5, "kWh"),
        ("sensor.unit_unsaid", "7.5", 7.5, None),
        ("sensor.warmth", "20.5", 20.5, "°C"),
        ("sensor.programme", "washing", None, None),
        ("light.hall", "on", 1.0, None),
    ]
    events = rows_of(
        HOME_ASSISTANT_EVENTS,
        [
            {
                "time": datetime(2025, 3, 6, 12, tzinfo=UTC),
                "entity_id": entity,
                "state": state,
                "normalized_value": value,
                "unit_of_measurement": unit,
            }
            for entity, state, value, unit in said
        ],
    )

    def entities(field: str) -> list[str]:
        return sorted(compared(events, field)["entity_id"].to_pylist())

    assert entities("state") == ["light.hall", "sensor.programme"]
    assert entities("normalized_value") == ["sensor.meter", "sensor.unit_unsaid"]
