"""Days whose tags hold a tab, a line break or a backslash at the end go like any other, and come back."""

from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest

from homeiq_assets.retention.removal import Outcome
from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS
from homeiq_assets.stores.base import Store
from homeiq_assets.stores.embedded.store import EmbeddedStore
from homeiq_assets.stores.opening import opened_bucket
from homeiq_assets_tests.retention.old_days import DAY, OldDays, in_influxdb, meter_rows, old_days, three_at_night
from homeiq_assets_tests.stores.influxd import Influxd

D = date(2025, 10, 26)
NEXT = D + DAY
NOW = three_at_night(D + 8 * DAY)
OPEN = replace(HOME_ASSISTANT_EVENTS, tags=(), fields=())
ODD = ["living\troom", "\tcellar\t", "last\\", "last\\\\", "two\nlines", "a\rb"]


@pytest.mark.parametrize("tag", ODD)
def test_rows_of_ours_with_an_odd_tag_go_and_come_back(tmp_path: Path, store: Store, tag: str) -> None:
    home = old_days(tmp_path / "home", store, NOW)
    for day in (D, NEXT):
        home.put([row | {"meter_type": tag, "phase": tag} for row in meter_rows(home.window(day))])
    rows = home.raw(D)
    home.ready(D, NEXT)

    assert home.remove(D)[0].outcome is Outcome.REMOVED

    home.restore(D)
    assert home.raw(D).equals(rows)


def others(folder: Path, influxd: Influxd, tag: str) -> tuple[OldDays, str]:
    """Events that somebody else wrote by Flux, which puts anything into an only tag; and their bucket."""
    bucket = influxd.create_bucket()
    home = old_days(
        folder / "home",
        None,
        NOW,
        measurement=HOME_ASSISTANT_EVENTS,
        stored_as=OPEN,
        EVENTS_SOURCE="homeiq",
        EVENTS_INFLUXDB_BUCKET=bucket,
        RETENTION_RAW_DAYS="home_assistant_events=7",
        **in_influxdb(influxd, influxd.create_bucket()),
    )
    text = tag.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    rows = ", ".join(
        f'{{_time: {time:%Y-%m-%dT%H:%M:%SZ}, _measurement: "home_assistant_events", _field: "normalized_value", '
        f'_value: {number}.5, entity_id: "sensor.{text}"}}'
        for day in (D, NEXT)
        for number, time in enumerate([home.window(day).start, home.window(day).start + DAY / 2])
    )
    answer = httpx.post(
        f"{influxd.url}/api/v2/query",
        params={"org": influxd.org},
        headers={"Authorization": f"Token {influxd.token_all}", "Content-Type": "application/vnd.flux"},
        content=f'import "array"\narray.from(rows: [{rows}]) |> to(bucket: "{bucket}")',
    )
    assert answer.is_success, answer.text
    return home, bucket


@pytest.mark.influxdb
@pytest.mark.parametrize("tag", ODD)
def test_events_of_others_with_an_odd_tag_go_and_come_back(tmp_path: Path, influxd: Influxd, tag: str) -> None:
    home, bucket = others(tmp_path, influxd, tag)

    def there() -> list[tuple[str, float]]:
        with closing(opened_bucket(bucket, home.home.settings)) as store:
            return [
                (row["entity_id"].removeprefix("sensor."), row["normalized_value"])
                for row in store.whole(OPEN, home.window(D))[1].to_pylist()
            ]

    with closing(home.store):
        assert there() == [(tag, 0.5), (tag, 1.5)]
        home.ready(D, NEXT)
        assert home.restore(D, bucket=bucket)[0].put == 0

        (removal,) = home.remove(D)

        assert removal.outcome is Outcome.REMOVED, removal.reason
        assert there() == []
        assert [home.restore(D, bucket=bucket)[0].put for _ in range(2)] == [2, 0]
        assert [value for _, value in there()] == [0.5, 1.5]
        if "\t" in tag:
            assert [entity for entity, _ in there()] == [tag, tag]
        home.ready(D, NEXT)
        assert home.remove(D)[0].outcome is Outcome.REMOVED


@pytest.mark.influxdb
def test_a_day_of_the_embedded_store_with_odd_tags_comes_back_into_an_influxdb(
    tmp_path: Path, influxd: Influxd
) -> None:
    before = old_days(tmp_path / "home", EmbeddedStore(tmp_path / "store"), NOW)
    for number, tag in enumerate(ODD):
        before.put([row | {"meter_type": f"{number} {tag}"} for row in meter_rows(before.window(D))])
    before.archive_raw(D)
    live = old_days(tmp_path / "home", None, NOW, **in_influxdb(influxd, influxd.create_bucket()))

    with closing(live.store):
        assert [live.restore(D)[0].put for _ in range(2)] == [51 * len(ODD), 0]
