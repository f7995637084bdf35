"""What a dashboard asks, from the view and from raw events: by pandas, and by the best that the server itself can do.

Each contender gives the energy, the mean and the peak power of each device and local day. The view and pandas agree;
the server's own figures are simpler (its means are those of the readings, not of the time), to its advantage.
"""

import warnings
from collections.abc import Callable
from datetime import timedelta

import httpx
import numpy as np
import pandas as pd
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.warnings import MissingPivotFunction
from measuring import race
from store_home import ZONE, entities_of, local_window
from store_report import milliseconds, report, verdict
from store_server import Server

from homeiq_assets.schema.measurements import HOME_ASSISTANT_EVENTS, MV_DAILY_ENERGY_BY_DEVICE
from homeiq_assets.window import HOUR, Window, local_days, local_midnight

VIEW = "the view, by store.read"
PIVOTED, PANDAS = "raw: query_data_frame, pivoted, and pandas", "raw: query_data_frame of the one field, and pandas"
_NAME = HOME_ASSISTANT_EVENTS.name
_ONE_FIELD = ' |> filter(fn: (r) => r._field == "normalized_value")'
_BEFORE = timedelta(days=1)
"""what is read before the window, for the values that hold when it begins"""
FIGURES = ["total_kwh", "avg_power", "peak_power"]
SERVER_TARGET, PANDAS_TARGET, SINGLE_MS = 10.0, 100.0, 50.0


def dashboards(server: Server, events_bucket: str, view_bucket: str, rounds: int) -> None:
    """A day of one device, and 30 days of all."""
    # One field needs no pivot.
    warnings.simplefilter("ignore", MissingPivotFunction)
    with server.client() as client, httpx.Client(timeout=600, trust_env=False) as http:
        http.headers["Authorization"] = f"Token {server.token}"
        store = server.store(view_bucket)
        for title, covers, entity in (
            ("One device, one day", local_window(20, 1), entities_of("power")[7]),
            ("All devices, 30 days", local_window(10, 30), None),
        ):
            tags = None if entity is None else {"entity_id": entity}

            def from_view(covers: Window = covers, tags: dict[str, str] | None = tags) -> pd.DataFrame:
                return store.read(MV_DAILY_ENERGY_BY_DEVICE, covers, tags=tags, columns=FIGURES).to_pandas()

            def from_raw(pivoted: bool, covers: Window = covers, entity: str | None = entity) -> pd.DataFrame:
                return by_device(readings(client, events_bucket, covers, entity, pivoted), covers)

            contenders = {
                VIEW: lambda: len(from_view()),
                PIVOTED: lambda: len(from_raw(True)),
                PANDAS: lambda: len(from_raw(False)),
            }
            contenders |= on_server(http, server, events_bucket, covers, entity)
            timings = race(contenders, rounds, server.cpu)
            best = min((name for name in timings if name.startswith("server")), key=lambda n: milliseconds(timings[n]))
            everything = entity is None
            report(
                title,
                timings,
                {PIVOTED: PANDAS_TARGET, PANDAS: PANDAS_TARGET, best: SERVER_TARGET} if everything else None,
            )
            if not everything:
                taken = milliseconds(timings[VIEW])
                print(f"  {VIEW}: {taken:.1f} ms  {verdict(taken < SINGLE_MS, f'below {SINGLE_MS:g} ms')}")
            print(f"  the view's figures are those that pandas computes: {agreement(from_view(), from_raw(False))}")
        store.close()


def readings(client: InfluxDBClient, bucket: str, covers: Window, entity: str | None, pivoted: bool) -> pd.DataFrame:
    """The raw events that pandas needs: as the client advises to ask for them, or of the one field that matters."""
    earlier = Window(covers.start - _BEFORE, covers.end)
    pivot = ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
    keep = ' |> keep(columns: ["_time", "_value", "entity_id", "device_class"])'
    flux = _source(bucket, earlier, entity, every_field=pivoted) + (pivot if pivoted else keep)
    found = client.query_api().query_data_frame(flux)
    frame = pd.concat(found) if isinstance(found, list) else found
    return frame.rename(columns={"normalized_value": "_value"})


def by_device(frame: pd.DataFrame, covers: Window) -> pd.DataFrame:
    """Energy, mean and peak power of each device and local day; a reading of power holds until the next."""
    days = local_days(covers, ZONE)
    edges = pd.DatetimeIndex([local_midnight(day, ZONE) for day in days] + [covers.end])
    frame = frame[["entity_id", "device_class", "_time", "_value"]].assign(read=True)
    grid = frame.drop_duplicates("entity_id")[["entity_id", "device_class"]].merge(
        pd.DataFrame({"_time": edges, "_value": np.nan, "read": False}), how="cross"
    )
    rows = pd.concat([frame, grid]).sort_values(["entity_id", "_time"], ignore_index=True)
    rows["day"] = np.searchsorted(edges, rows["_time"], "right") - 1
    entity = rows.groupby("entity_id", sort=False)
    held = entity["_value"].ffill()
    rows["hours"] = -entity["_time"].diff(-1) / HOUR
    rows["wh"], rows["increase"] = held * rows["hours"], held.groupby(rows["entity_id"]).diff().clip(lower=0)
    rows = rows[(rows["day"] >= 0) & (rows["day"] < len(days))]
    sums = rows.groupby(["entity_id", "day"], as_index=False).agg(
        kind=("device_class", "first"), wh=("wh", "sum"), hours=("hours", "sum"),
        increase=("increase", "sum"), peak_power=("_value", "max"),
    )  # fmt: skip
    meter = sums["kind"] == "energy"
    sums["total_kwh"] = np.where(meter, sums["increase"], sums["wh"] / 1000)
    sums["avg_power"] = 1000 * sums["total_kwh"] / sums["hours"]
    sums.loc[meter, "peak_power"] = np.nan
    sums["time"] = edges[sums["day"]].as_unit("ns")
    return sums[["entity_id", "time", *FIGURES]]


def on_server(
    http: httpx.Client, server: Server, bucket: str, covers: Window, entity: str | None
) -> dict[str, Callable[[], int]]:
    """Queries that leave all work to the server; each counts the devices' days in what it answered."""
    v = '"normalized_value"'
    which = f" AND \"entity_id\" = '{entity}'" if entity else ""
    days = f"{_between(covers)} GROUP BY \"entity_id\", time(1d) fill(none) tz('{ZONE.key}')"

    def raw(kind: str, rest: str) -> str:
        return f"FROM {_NAME} WHERE \"device_class\" = '{kind}'{which} AND {rest}"

    power = f"SELECT max({v}), mean({v}) {raw('power', days)}"
    increases = f'SELECT non_negative_difference({v}) AS d {raw("energy", _between(covers))} GROUP BY "entity_id"'
    exact = f"SELECT sum(d) FROM ({increases}) WHERE {days}; {power}"
    coarse = f"SELECT difference(last({v})) {raw('energy', days)}; {power}"

    def flux(meters: str) -> str:
        start = f"{covers.start:%Y-%m-%dT%H:%M:%SZ}"
        source = _source(bucket, Window(covers.start - _BEFORE, covers.end), entity)
        daily = "|> aggregateWindow(every: 1d, createEmpty: false, fn: "
        today = _source(bucket, covers, entity)
        kind = '|> filter(fn: (r) => r.device_class == "{}") '
        return (
            f'import "timezone"\noption location = timezone.location(name: "{ZONE.key}")\n'
            f'{source} {kind.format("energy")}{meters.format(daily=daily, start=start)} |> yield(name: "kwh")\n'
            f'{today} {kind.format("power")}{daily}mean) |> yield(name: "mean")\n'
            f'{today} {kind.format("power")}{daily}max) |> yield(name: "max")\n'
        )

    def influxql_rows(text: str) -> int:
        return http.post(
            f"{server.url}/query", params={"db": bucket, "rp": "autogen", "epoch": "s"}, data={"q": text},
            headers={"Accept": "application/csv"},
        ).raise_for_status().text.count(f"\n{_NAME},")  # fmt: skip

    def flux_rows(text: str) -> int:
        answer = http.post(
            f"{server.url}/api/v2/query", params={"org": server.org},
            json={"query": text, "dialect": {"annotations": ["default"]}},
        ).raise_for_status().text  # fmt: skip
        # Of power there are two rows a day.
        results = answer.split("#default,")[1:]
        counts = {part.partition(",")[0]: part.count("\r\n,,") for part in results}
        return counts.get("kwh", 0) + counts.get("max", 0)

    return {
        "server: InfluxQL, increases, mean, max": lambda: influxql_rows(exact),
        "server: InfluxQL, last of each day, mean, max": lambda: influxql_rows(coarse),
        "server: Flux, last of each day, mean, max": lambda: flux_rows(flux("{daily}last) |> difference()")),
        "server: Flux, increases, mean, max": lambda: flux_rows(
            flux("|> difference(nonNegative: true) |> range(start: {start}) {daily}sum)")
        ),
    }


def agreement(view: pd.DataFrame, computed: pd.DataFrame) -> str:
    """Whether two sets of figures are the same ones."""
    pairs = view.merge(computed, on=["entity_id", "time"], suffixes=("", "_raw"))
    same = len(pairs) == len(view) == len(computed) and all(
        np.allclose(pairs[name], pairs[f"{name}_raw"], rtol=1e-9, equal_nan=True) for name in FIGURES
    )
    return "yes" if same else "NO"


def _source(bucket: str, covers: Window, entity: str | None, *, every_field: bool = False) -> str:
    start, end = (f"{instant:%Y-%m-%dT%H:%M:%SZ}" for instant in (covers.start, covers.end))
    which = f' |> filter(fn: (r) => r.entity_id == "{entity}")' if entity else ""
    return (
        f'from(bucket: "{bucket}") |> range(start: {start}, stop: {end})'
        f' |> filter(fn: (r) => r._measurement == "{_NAME}")'
        + ("" if every_field else _ONE_FIELD)
        + f' |> filter(fn: (r) => r.device_class == "energy" or r.device_class == "power"){which}'
    )


def _between(covers: Window) -> str:
    return f"time >= '{covers.start:%Y-%m-%dT%H:%M:%SZ}' AND time < '{covers.end:%Y-%m-%dT%H:%M:%SZ}'"
