"""What the map page shows of past incidents: the counts of the panel's windows, and the newest."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.layers import LAYERS
from riskmap.outputs.wordings import display
from riskmap.panels.cells import GRAIN, Cells, day_numbers, sum_cells
from riskmap.panels.measures import measure
from riskmap.panels.windows import parse_day, step_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer
    from riskmap.typing import FloatArray

FRAMES = 24
INCIDENTS_A_REGION = 8
INCIDENTS = 2100
_DIGITS = 4
#: Digits of a count; the page prints two.
_COUNTED = 3
_TOLL = ("killed", "wounded", "abducted")


def short(value: Any) -> int | float | None:
    """Return a number with four significant digits, whole when it can be; None when missing.

    Examples
    --------
    >>> short(0.123456), short(3.0), short(float("nan"))
    (0.1235, 3, None)
    """
    if pd.isna(value) or not np.isfinite(value):
        return None
    found = float(f"{float(value):.{_DIGITS}g}")
    return int(found) if found.is_integer() else found


def codes_of(values: pd.Series, codes: Sequence[str] | pd.Series) -> list[int]:
    """Return the position of each value among its codes, -1 when missing.

    Examples
    --------
    >>> codes_of(pd.Series(["b", None]), ["a", "b"])
    [1, -1]
    """
    return [int(code) for code in pd.Index(codes).get_indexer(values)]


def find_windows(layer: RiskLayer) -> NDArray[np.datetime64]:
    """Return the edges of the panel's windows; empty when nothing was counted."""
    dates = layer.incidents["event_date"].dropna()
    as_of = parse_day(str(layer.provenance["as_of"])[:10], what="as_of")
    dates = dates[dates < as_of]
    if dates.empty:
        return np.array([], dtype="datetime64[D]")
    return step_windows(as_of, dates.min(), every=layer.provenance["every"])


def frames_of(windows: NDArray[np.datetime64]) -> list[dict[str, str]]:
    """Return the first and the last day of the last windows, at most :data:`FRAMES`."""
    shown = windows[-FRAMES - 1 :]
    return [{"from": str(start), "last": str(end - 1)} for start, end in pairwise(shown)]


def count_windows(
    layer: RiskLayer, ids: pd.Series, windows: NDArray[np.datetime64]
) -> dict[str, list[Any]]:
    """Return what the panel counts in the last windows, for each layer that it has a series of.

    An incident whose day is known to its month is spread over windows, as in the panel. The group's
    incidents weigh what its table of relevance says, where the layer tells how they bear on it.

    Parameters
    ----------
    layer
        The risk layer.
    ids
        Its regions, in order.
    windows
        Edges of all windows.

    Returns
    -------
    dict of str to list
        Region, window, count, one after another; what is zero is left out.
    """
    if not len(windows):
        return {}
    table, edges = layer.incidents, day_numbers(windows)
    first = day_numbers(table["event_date"].to_numpy())
    last = day_numbers(table["event_date_end"].fillna(table["event_date"]).to_numpy())
    region = pd.Index(ids).get_indexer(table["region_id"])
    inside = (region >= 0) & (last >= edges[0]) & (first < edges[-1])
    rows = table[inside]
    found = {}
    for name, (values, weights) in _series(layer, rows).items():
        cells = Cells(
            position=region[inside],
            first=first[inside],
            last=last[inside],
            grains=(weights / GRAIN).astype(np.int64),
            series={name: values},
        )
        sums = sum_cells(cells, n_regions=len(ids), edges=windows)[name]
        found[name] = _sparse(sums.reshape(len(ids), -1)[:, -FRAMES:])
    return found


def _series(layer: RiskLayer, rows: pd.DataFrame) -> dict[str, tuple[Any, FloatArray]]:
    """Return for each layer what each row adds to its series, and with what weight."""
    weights = rows["weight"].to_numpy(dtype=float)
    series = {name: (values, weights) for name, values in measure(rows).items() if name in LAYERS}
    relevance = layer.provenance.get("relevance") or {}
    if "relevance" in rows and relevance:
        grades = rows["relevance"].map(relevance).fillna(0).to_numpy(dtype=float)
        series["group"] = (np.ones(len(rows), dtype=np.int64), weights * grades)
    return series


def _sparse(counts: FloatArray) -> list[Any]:
    """Return what is not zero as row, column, value, one after another."""
    flat: list[Any] = []
    for row, column in np.argwhere(counts).tolist():
        flat += [row, column, short(float(f"{counts[row, column]:.{_COUNTED}g}"))]
    return flat


def newest_incidents(layer: RiskLayer, ids: pd.Series) -> dict[str, list[Any]]:
    """Return the newest incidents of each region: date, kind, toll, nationality, id; no notes."""
    table = layer.incidents[layer.incidents["region_id"].isin(ids)]
    table = table.sort_values(["event_date", "incident_id"], ascending=[False, True], kind="stable")
    table = table[table.groupby("region_id").cumcount() < INCIDENTS_A_REGION].head(INCIDENTS)
    types = sorted(table["event_type"].dropna().unique())
    days = table["event_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    first = int(days.min()) if days.size else 0
    nationality = table["nationality"].map(display, na_action="ignore")
    nations = sorted(nationality.dropna().unique())
    bounds = [
        sum(1 << bit for bit, name in enumerate(_TOLL) if name in text)
        for text in table["toll"].map(display)
    ]
    return {
        "region": codes_of(table["region_id"], ids),
        "first": first,
        "day": (days - first).tolist(),
        "types": types,
        "type": codes_of(table["event_type"], types),
        **{name: [short(n) for n in table[name].fillna(0)] for name in _TOLL},
        **({"bounds": bounds} if any(bounds) else {}),
        "nations": nations,
        "nation": codes_of(nationality, nations),
        "source": [display(key) for key in table["incident_id"]],
    }
