"""Events in the `homeiq` schema: one measurement, `home_assistant_events`, and whatever tags and fields it has."""

from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.events.foreign import ForeignEvents, Found
from homeiq_assets.feeds.events.values import SAYS_NUMBER, normalized, number_of, text_of, uniform
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.stores.influxdb.foreign import Says

NAME = HOME_ASSISTANT_EVENTS.name
_FIELDS = HOME_ASSISTANT_EVENTS.field_names


class HomeiqEvents(ForeignEvents):
    """See `EventSource`. A `normalized_value` that is not stored is read from the state, where that says a number."""

    TAGS = (*HOME_ASSISTANT_EVENTS.tag_names, "state_class")
    READING = ("state", "normalized_value", "energy_consumption")
    STATE = tuple(Says("state", kind) for kind in ("text", "number", "flag"))
    NUMBER = (
        *(Says("normalized_value", kind, SAYS_NUMBER) for kind in ("number", "text", "flag")),
        *(Says("state", kind, SAYS_NUMBER) for kind in ("number", "text")),
    )

    def find(self, stored: Mapping[str, Mapping[str, set[str]]]) -> Found:
        fields = {name: types for name, types in stored.get(NAME, {}).items() if name in _FIELDS}
        return Found([NAME] if fields.keys() & set(self.READING) else [], fields)

    def uniform(self, rows: pa.Table) -> pa.Table:
        return uniform_events(rows)

    def matching(
        self, domains: Collection[str] | None, entities: Collection[str] | None
    ) -> list[dict[str, str]] | None:
        """See `ForeignEvents.matching`: an `entity_id` is stored with or without its domain."""
        if entities is not None:
            parts = [entity.partition(".") for entity in sorted(entities)]
            whole = [{"entity_id": entity} for entity in sorted(entities)]
            return whole + [{"entity_id": name, "domain": domain} for domain, _, name in parts if name]
        return None if domains is None else [{"domain": domain} for domain in sorted(domains)]


def uniform_events(rows: pa.Table) -> pa.Table:
    """Rows with the tags of `HomeiqEvents.TAGS` and fields as `ForeignBucket.rows` gives them, as events."""
    state = text_of(rows, "state")
    return uniform(
        rows,
        state=state,
        value=pc.coalesce(number_of(rows, "normalized_value"), normalized(state)),
        device_class=rows["device_class"],
        area=rows["area"],
        unit=text_of(rows, "unit_of_measurement"),
        # Whoever writes these events may say the class of some entities only: of the others it is not known.
        state_class=pc.coalesce(text_of(rows, "state_class"), rows["state_class"]),
        last_reset=text_of(rows, "last_reset"),
        energy=number_of(rows, "energy_consumption"),
    )
