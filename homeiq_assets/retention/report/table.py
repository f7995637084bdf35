"""A storage report as an owner sees it: a Markdown table, short enough for the UI to show at once."""

from homeiq_assets.retention.report.summary import TOTAL, Report
from homeiq_assets.schema.measurements import TIERED_MEASUREMENTS

LONGEST = 1000
"""Characters of Markdown above which the UI hides it behind a link."""
_STEPS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def table(report: Report) -> str:
    """A line for each measurement that has anything (rows, rows removed, bytes in the archive), and the totals."""
    shown = ["|rows|raw|hourly|daily|removed|archive|", "|-|-:|-:|-:|-:|-:|"]
    for measurement in TIERED_MEASUREMENTS:
        name = measurement.name
        raw, hourly, daily = (report.of(name, place) for place in ("raw", "hourly", "daily"))
        archived = [report.of(name, place).bytes for place in ("raw_archive", "daily_archive")]
        known = [size for size in archived if size is not None]
        if any(line.rows or line.rows_removed for line in (raw, hourly, daily)) or known:
            cells = [_short(one.rows) for one in (raw, hourly, daily)]
            cells += [_short(raw.rows_removed), _short(sum(known), "B") if known else ""]
            shown.append(f"|{name}|{'|'.join(cells)}|")
    return "\n".join([*(shown if len(shown) > 2 else ["Nothing is stored yet."]), "", _totals(report)])


def _totals(report: Report) -> str:
    store, archive, everything = (report.of(TOTAL, place) for place in ("store", "archive", "all"))
    told = [f"Store: {_short(store.bytes, 'B')}" if store.bytes is not None else "Store: size not known"]
    if store.reduction is not None:
        less = "less" if store.reduction >= 0 else "more"
        told.append(f"{abs(store.reduction) * 100:.0f} % {less} than all raw rows would take")
    told.append(
        f"archive: {_short(archive.bytes, 'B')} in {archive.objects} objects"
        if archive.bytes is not None
        else "archive: size not known"
    )
    if everything.yearly_cost is not None:
        told.append(f"{everything.yearly_cost:.2f} a year")
    return "; ".join(told)


def _short(number: int | None, unit: str = "") -> str:
    """Three digits of a number; nothing where it is not known."""
    if number is None:
        return ""
    for step, letter in _STEPS:
        if number >= step:
            return f"{number / step:.3g} {letter}{unit}"
    return f"{number} {unit}".rstrip()
