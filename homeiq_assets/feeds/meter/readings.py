"""Mean power per interval turned into rows of the smart meter and of its circuits.

Plain functions, Arrow in, Arrow out. Powers of the home: columns `time` (timestamp, UTC, START of
the interval), `power_w` (mean W, negative while feeding in) and `seconds` (length of the interval).
Powers of circuits: `time`, `circuit_name`, `power_w`.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homeiq_assets.schema.measurement import TIME, conform
from homeiq_assets.schema.measurements import SMART_METER, SMART_METER_CIRCUIT
from homeiq_assets.window import Window, local_days, local_midnight

JOULES_PER_KWH = 3_600_000
_SHARE = SMART_METER_CIRCUIT.field("percentage")


def powers(times: "pa.ChunkedArray | pa.Array", power_w: pa.Array, seconds: pa.Array) -> pa.Table:
    """The home's powers as `meter_rows` takes them."""
    return pa.table({"time": times, "power_w": power_w, "seconds": seconds}).cast(
        pa.schema([("time", TIME), ("power_w", pa.float64()), ("seconds", pa.float64())])
    )


def meter_rows(readings: pa.Table, zone: ZoneInfo, meter_type: str) -> pa.Table:
    """Rows of `smart_meter` from the home's powers, one reading per time.

    `daily_kwh` is the sum of positive mean × interval from the local midnight before a row to the END
    of its interval, `daily_export_kwh` the same of what is fed in (0.0 without any), so readings have
    to begin at a local midnight for the first day to be whole. An interval belongs to the day in
    which it begins (an hour that straddles a midnight at half past counts whole, and nothing of it is
    lost); gaps contribute nothing. Readings without power are no rows.
    """
    readings = readings.filter(pc.is_valid(readings["power_w"])).sort_by("time")
    if readings.num_rows == 0:
        return SMART_METER.empty()
    energy = readings["power_w"].to_numpy() * readings["seconds"].to_numpy() / JOULES_PER_KWH
    drawn, fed_in = np.maximum(energy, 0.0), np.maximum(0.0 - energy, 0.0)
    # A sum per day, not differences of one long sum: the same day gives the same digits in any window.
    for day in _days(readings["time"], zone):
        drawn[day], fed_in[day] = np.cumsum(drawn[day]), np.cumsum(fed_in[day])
    return conform(
        pa.table(
            {
                "time": readings["time"],
                "meter_type": pa.array([meter_type] * readings.num_rows, pa.string()),
                "total_power_w": readings["power_w"],
                "daily_kwh": pa.array(drawn),
                "daily_export_kwh": pa.array(fed_in),
            }
        ),
        SMART_METER,
    )


def circuit_rows(circuits: pa.Table, home: pa.Table) -> pa.Table:
    """Rows of `smart_meter_circuit`; `percentage` is 100 · power / the home's power at the same time.

    It is absent where the home's power is unknown or zero, or so small that the share would lie
    beyond the field's bounds. A circuit's share is negative while the home feeds in.
    """
    joined = circuits.select(["time", "circuit_name", "power_w"]).join(
        home.select(["time", "power_w"]).rename_columns(["time", "total"]), "time"
    )
    share = pc.divide(pc.multiply(joined["power_w"], 100.0), joined["total"])
    sound = pc.and_(pc.greater_equal(share, _SHARE.low), pc.less_equal(share, _SHARE.high))
    return conform(
        joined.drop_columns("total").append_column(
            "percentage", pc.if_else(sound, share, pa.scalar(None, pa.float64()))
        ),
        SMART_METER_CIRCUIT,
    )


def _days(times: pa.ChunkedArray, zone: ZoneInfo) -> list[slice]:
    """The rows of each local day, of sorted times."""
    instants = times.cast(pa.int64()).to_numpy()
    first, last = (datetime.fromtimestamp(int(instants[n]) // 10**9, UTC) for n in (0, -1))
    days = local_days(Window(first, last + timedelta(seconds=1)), zone)
    midnights = [int(local_midnight(day, zone).timestamp()) * 10**9 for day in days]
    edges = [0, *np.searchsorted(instants, midnights[1:]).tolist(), len(instants)]
    return [slice(start, end) for start, end in pairwise(edges)]
