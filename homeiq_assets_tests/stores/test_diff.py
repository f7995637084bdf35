"""The plan of a replace, for any rows: it ends with the answer, twice is as good as once, and so is half and again."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.schema.measurement import Field, Measurement, Tag, Type, rows_of
from homeiq_assets.stores.base import Replaced
from homeiq_assets.stores.diff import Plan, plan
from homeiq_assets_tests.stores.places import plain

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
READINGS = Measurement(
    "readings",
    (Tag("meter"), Tag("quality", identity=False)),
    (Field("watts", Type.FLOAT), Field("on", Type.BOOLEAN), Field("forecast", Type.FLOAT, poll_only=True)),
)
Key = tuple[str, str, datetime]
Rows = dict[Key, dict[str, Any]]

values = st.fixed_dictionaries(
    {},
    optional={
        "watts": st.sampled_from([0.0, 1.0, 2.0]),
        "on": st.booleans(),
        "forecast": st.sampled_from([5.0, 6.0]),
    },
).filter(bool)
times = st.integers(0, 6).map(lambda tens: NOON + 10 * tens * MINUTE)
tables = st.dictionaries(
    st.tuples(st.sampled_from(["house", "flat"]), st.sampled_from(["good", "poor"]), times), values, max_size=8
)
steps = st.sampled_from([None, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE])


def table(rows: Rows) -> pa.Table:
    return rows_of(
        READINGS,
        [{"meter": meter, "quality": quality, "time": time} | row for (meter, quality, time), row in rows.items()],
    )


def rows_in(found: pa.Table) -> Rows:
    return {
        (row.pop("meter"), row.pop("quality"), row.pop("time").to_pydatetime()): row for row in map(dict, plain(found))
    }


def written(stored: Rows, more: Rows) -> Rows:
    """What a database holds after a write: a field of the same row is overwritten, no field goes."""
    return stored | {key: stored.get(key, {}) | row for key, row in more.items()}


def removed(stored: Rows, some: Iterable[Key]) -> Rows:
    gone = set(some)
    return {key: row for key, row in stored.items() if key not in gone}


def done(stored: Rows, todo: Plan) -> Rows:
    """The plan carried out as a database does it: delete what is stale, write."""
    early = removed(stored, rows_in(todo.stale))
    return written(written(early, rows_in(todo.final)), rows_in(todo.late))


def kept_as_finer(stored: Rows, answer: Rows, step: timedelta | None) -> tuple[set[Key], set[Key]]:
    """The answer's rows that are refused, and the stored rows that stay for them, found the slow way."""
    refused: set[Key] = set()
    stay: set[Key] = set()
    for meter, _, time in answer if step else ():
        later = [other for name, _, other in answer if name == meter and other > time]
        end = min([time + step, *later])
        slot = {key for key in stored if key[0] == meter and time <= key[2] < end}
        if len({key[2] for key in slot}) >= 2:
            refused |= {key for key in answer if (key[0], key[2]) == (meter, time)}
            stay |= slot
    return refused, stay


@given(stored=tables, answer=tables, step=steps)
def test_carried_out_a_plan_leaves_the_answer_and_what_it_had_to_keep(
    stored: Rows, answer: Rows, step: timedelta | None
) -> None:
    todo = plan(table(stored), table(answer), READINGS, step)

    expected = stored
    if answer:
        refused, stay = kept_as_finer(stored, answer, step)
        expected = {key: stored[key] for key in stay}
        for key in answer.keys() - refused:
            forecasts = [
                row["forecast"]
                for at, row in sorted(stored.items(), key=lambda item: (item[0] != key, item[0]))
                if (at[0], at[2]) == (key[0], key[2]) and "forecast" in row and (at == key or at not in answer)
            ]
            expected[key] = answer[key] | ({"forecast": forecasts[0]} if forecasts else {})
        assert todo.counts.refused == len(refused)
        assert todo.counts.removed == len(stored.keys() - expected.keys())
    assert rows_in(todo.final) == expected
    assert done(stored, todo) == expected


@given(stored=tables, answer=tables, step=steps)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(stored: Rows, answer: Rows, step: timedelta | None) -> None:
    final = plan(table(stored), table(answer), READINGS, step).final

    again = plan(final, table(answer), READINGS, step)

    assert again.final.equals(final)
    assert (again.write.num_rows, again.late.num_rows, again.stale.num_rows) == (0, 0, 0)
    if answer:
        assert again.counts == Replaced(unchanged=final.num_rows, refused=again.counts.refused)


@given(stored=tables, answer=tables, step=steps, data=st.data())
def test_a_plan_that_was_carried_out_by_half_is_completed_by_the_next(
    stored: Rows, answer: Rows, step: timedelta | None, data: st.DataObject
) -> None:
    todo = plan(table(stored), table(answer), READINGS, step)
    final, late, stale = rows_in(todo.final), rows_in(todo.late), rows_in(todo.stale)
    early = removed(rows_in(todo.write), late)

    def some(rows: Rows) -> Rows:
        return {key: row for key, row in rows.items() if data.draw(st.booleans())}

    match data.draw(st.sampled_from(["writing", "deleting", "writing what is late"])):
        case "writing":
            half = written(stored, some(early))
        case "deleting":
            # What is deleted with the stale rows is put back by whoever comes next, before it looks.
            gone = some(stale)
            back = {key: row for key, row in final.items() if key in gone and key not in late}
            half = written(removed(written(stored, early), gone), back)
        case _:
            half = written(removed(final, late), some(late))

    again = plan(table(half), table(answer), READINGS, step)

    assert rows_in(again.final) == final
    assert done(half, again) == final
