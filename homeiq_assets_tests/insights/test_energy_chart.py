"""The report's picture and table: short enough for Dagster to draw in place, whatever the day is like."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.defs.common.charts import LIMIT
from homeiq_assets.insights.energy_chart import energy_chart, share_table
from homeiq_assets.insights.energy_report import Report
from homeiq_assets.schema.insights import DAILY_ENERGY_REPORT

EMPTY: pa.Table = DAILY_ENERGY_REPORT.empty()
NOTHING = np.zeros(24)


def hours(*kwh: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([*kwh, *[0.0] * (24 - len(kwh))])


def svg(text: str) -> ET.Element:
    found = re.fullmatch(r"!\[kWh per hour\]\(data:image/svg\+xml,(.*)\)", text)
    assert found
    return ET.fromstring(unquote(found[1]))


@given(
    st.sampled_from([23, 24, 25]),
    st.lists(st.lists(st.floats(0, 60), min_size=25, max_size=25), min_size=0, max_size=20),
    st.lists(st.floats(0, 60), min_size=25, max_size=25),
    st.text(min_size=1, max_size=60),
)
def test_picture_and_table_of_any_day_are_short_enough(
    count: int, circuits: list[list[float]], fed_in: list[float], name: str
) -> None:
    amounts = {f"{name} {n}": np.array(one[:count]) for n, one in enumerate(circuits)}
    report = Report(
        EMPTY, np.array(fed_in[:count]), np.array(fed_in[:count]), amounts, np.ones(count) if amounts else None
    )

    assert len(energy_chart(report)) < LIMIT
    assert len(share_table(report)) < LIMIT
    assert len(svg(energy_chart(report))) in range(1, 5)


def test_the_bars_of_an_hour_are_stacked_in_proportion_and_what_is_fed_in_hangs_below() -> None:
    report = Report(EMPTY, NOTHING, hours(0, 1), {"heat pump": hours(2), "oven": hours(1)}, hours(1))

    paths = [path.attrib for path in svg(energy_chart(report))]

    assert [path["d"][:12] for path in paths] == ["M0,60v-60h12", "M0,60v-45h12", "M0,60v-30h12", "M0,60h12v15h"]
    assert [path["fill"] for path in paths] == ["#bbb", "#e83", "#46d", "#3a5"]
    assert all(path["d"].endswith("V60") for path in paths)


def test_the_table_names_the_largest_first_and_what_no_circuit_accounts_for_last() -> None:
    report = Report(EMPTY, NOTHING, hours(0.5), {"heat|pump": hours(2, 1), "oven": hours(0.5)}, hours(0.5))

    assert share_table(report).splitlines() == [
        "| | kWh | % |",
        "|---|---|---|",
        "| 🟦 heat/pump | 3.00 | 75 |",
        "| 🟧 oven | 0.50 | 12 |",
        "| ⬜ unmetered | 0.50 | 12 |",
        "| 🟩 fed in | 0.50 | |",
    ]


def test_many_circuits_are_summed_in_the_last_line() -> None:
    report = Report(EMPTY, NOTHING, NOTHING, {f"c{n:02}": hours(1) for n in range(12)}, hours(0))

    assert share_table(report).splitlines()[-2:] == ["| ⬜ 5 more | 5.00 | 42 |", "| ⬜ unmetered | 0.00 | 0 |"]


def test_without_circuits_what_is_drawn_is_shown() -> None:
    report = Report(EMPTY, hours(3), NOTHING, {}, None)

    assert share_table(report).splitlines()[2:] == ["| 🟦 drawn | 3.00 | 100 |"]
    assert len(svg(energy_chart(report))) == 1
