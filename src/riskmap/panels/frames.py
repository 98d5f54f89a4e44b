"""Panels of counts that were made elsewhere, or as they would be, had nothing been lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.errors import InputError
from riskmap.incidents.foreign_victims import (
    HARMLESS,
    is_violence,
    leaves_victims_unclear,
    may_be_any,
)
from riskmap.incidents.scope import Scope
from riskmap.ledgers import Ledger
from riskmap.panels.counts import recount_evidence
from riskmap.panels.joins import EVIDENCE, POINT_COLUMNS
from riskmap.panels.knowledge import LAYERS, know_regions
from riskmap.panels.measures import NO_DAY, SERIES
from riskmap.panels.panel import Panel
from riskmap.panels.tallies import as_incidents
from riskmap.panels.watchers import Watcher
from riskmap.panels.windows import GRAIN, day_numbers, day_of, frame_of
from riskmap.places.evidence import members_of, readings
from riskmap.schema import INCIDENT_COLUMNS, conform

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from riskmap.typing import FloatArray

#: Days between the starts of windows, from and to, by their name.
_LENGTHS = {"day": (1, 1), "week": (7, 7), "month": (28, 31), "quarter": (89, 92)}


def panel_from_counts(
    counts: pd.DataFrame | Mapping[str, pd.DataFrame],
    neighbours: Any = None,
    *,
    exposure: pd.DataFrame | pd.Series | None = None,
    regions: pd.DataFrame | None = None,
    missing: bool = False,
) -> Panel:
    """Make a panel of counts that were made elsewhere, so that models can be used on any of them.

    Parameters
    ----------
    counts : DataFrame, or mapping of str to DataFrame
        A row for each window, oldest first, and a column for each region. The index holds the
        windows: their first days (a DatetimeIndex or ISO dates; days, weeks, months or quarters,
        told by their distances), a PeriodIndex, or an IntervalIndex closed on the left, of any
        lengths. A single table is the series ``violence``; a mapping names
        ``violence, foreign, unknown, fatalities, reports``, of one shape.
    neighbours : array_like or sparse matrix, shape (n_regions, n_regions), optional
        Weights of the neighbours of each region (rows) in the order of the columns; rows are
        normalised. Every region needs one: link islands to their nearest
        (:func:`riskmap.panels.features.find_neighbours` with ``by="nearest"``). Without
        neighbours nothing next to a region counts.
    exposure : DataFrame or Series, optional
        Worker-years at risk, by window and region, or by region when they never change.
    regions : DataFrame, optional
        A Regions table, or any with ``region_id, parent_id, iso3``; without it all regions belong
        to one parent and one country.
    missing
        Whether counts may be missing (NaN: nobody could have known), which is not zero.

    Returns
    -------
    Panel
        Sorted by region. ``as_of`` is the end of the last window; ``every`` the nearest name where
        windows are of no regular length. There is no evidence and the ledger is empty.

    Raises
    ------
    InputError
        When windows are not dates, not in order, overlap or leave gaps; when a count is missing,
        negative, infinite or no number; when neighbours don't fit the regions, are negative,
        make a region its own neighbour, or leave one without any; when exposure is missing or
        negative, or zero where something happened; when a region stands twice or is not among
        `regions`.

    Examples
    --------
    >>> months = pd.date_range("2024-01-01", periods=12, freq="MS")
    >>> counts = pd.DataFrame({"north": 1, "south": range(12)}, index=months)
    >>> panel = panel_from_counts(counts)
    >>> panel.every, panel.as_of, panel.wide("violence")["south"].sum().item()
    ('month', Timestamp('2025-01-01 00:00:00'), 66.0)
    """
    tables = _series_of(counts)
    first = next(iter(tables.values()))
    ids = first.columns.astype(str)
    order = np.argsort(ids.to_numpy(dtype=object), kind="stable")
    edges, every = _edges(first.index)
    values = {
        name: _values(name, table, missing=missing)[:, order] for name, table in tables.items()
    }
    keys = _keys(ids[order], regions)
    sums = {
        name: (values[name] if name in values else np.full(first.shape, np.nan)).T.ravel()
        for name in SERIES
    }
    if "reports" not in values:
        sums["reports"] = sums["violence"]
    if "foreign" in values:
        sums["unknown"] = np.nan_to_num(sums["unknown"])
    frame = frame_of(sums, keys=keys, edges=edges)
    return Panel(
        frame=frame,
        keys=keys,
        neighbours=_links(neighbours, ids)[order][:, order],
        evidence_of=_no_evidence,
        as_of=pd.Timestamp(edges[-1]).as_unit("us"),
        every=every,
        ledger=Ledger(),
        exposure=_exposure(exposure, first, values)[:, order] if exposure is not None else None,
        at_risk={
            name: None if np.isfinite(values[name]).all() else np.isfinite(values[name]) * 1.0
            for name in LAYERS
            if name in values
        },
        knowledge=_know(frame, keys, edges),
    )


def _know(frame: pd.DataFrame, keys: pd.DataFrame, edges: NDArray[np.datetime64]) -> pd.DataFrame:
    """Return what is known of regions whose counts are given: somebody counted in all of them."""
    bounds = day_numbers(edges)
    n_windows = len(bounds) - 1
    some = np.flatnonzero(np.nan_to_num(frame["reports"].to_numpy()) > 0)
    number = frame["reports"].to_numpy()[some]
    seen = pd.DataFrame(
        {
            "position": some // n_windows,
            "day": bounds[1:][some % n_windows] - 1,
            "source": "counts",
            "scope": "violence,foreign",
            "reports": number,
            "told": number,
        }
    )
    scope = Scope(("violence", "foreign"))
    watchers = [
        Watcher(
            "counts",
            code,
            scope,
            np.flatnonzero(keys["iso3"].fillna("") == code),
            bounds[:1],
            bounds[-1:],
            alive=True,
        )
        for code in sorted(keys["iso3"].fillna("").unique())
    ]
    return know_regions(seen, keys, watchers, today=int(bounds[-1]))


def _no_evidence() -> pd.DataFrame:
    """Return the evidence of a panel that has none: its columns."""
    facts = conform(pd.DataFrame(), INCIDENT_COLUMNS)[["incident_id", *EVIDENCE]]
    placed = {"region_id": "str", "weight": "float64", "method": "str"}
    placed |= {column.name: column.dtype for column in POINT_COLUMNS}
    return facts.assign(**{name: pd.Series(dtype=kind) for name, kind in placed.items()})


def _series_of(counts: Any) -> dict[str, pd.DataFrame]:
    """Return the tables by series, of which there is at least ``violence``, all alike."""
    given = dict(counts) if isinstance(counts, Mapping) else {"violence": counts}
    strange = [name for name in given if name not in SERIES]
    if strange or "violence" not in given:
        raise InputError(
            "unknown series, or none of violence",
            column="counts",
            met=", ".join(map(str, given)),
            expected="violence and any of " + ", ".join(SERIES),
        )
    first = given["violence"]
    for name, table in given.items():
        if not isinstance(table, pd.DataFrame) or 0 in table.shape:
            raise InputError(
                "no table of windows by regions", column=name, met=type(table).__name__
            )
        if not (table.index.equals(first.index) and table.columns.equals(first.columns)):
            raise InputError("other windows or regions than violence", column=name)
    if not first.columns.astype(str).is_unique:
        twice = first.columns[first.columns.astype(str).duplicated()][0]
        raise InputError("a region stands twice", column=str(twice))
    return given


def _edges(index: pd.Index) -> tuple[NDArray[np.datetime64], str]:
    """Return the edges of the windows in days, and what the windows are called."""
    if isinstance(index, pd.IntervalIndex):
        starts, ends = _days(index.left), _days(index.right)
        if index.closed != "left":
            raise InputError("windows must be closed on the left", met=index.closed)
    elif isinstance(index, pd.PeriodIndex):
        starts, ends = _days(index.start_time), _days((index + 1).start_time)
    else:
        starts = _days(index)
        ends = np.append(starts[1:], _next_start(starts))
    steps = np.diff(starts).astype(int)
    if (steps <= 0).any():
        at = int(np.argmax(steps <= 0)) + 1
        raise InputError(
            "windows are not in order, or one stands twice", row=at + 1, met=str(starts[at])
        )
    if (ends <= starts).any() or (ends[:-1] > starts[1:]).any():
        at = int(np.argmax(np.append(ends[:-1] > starts[1:], ends[-1] <= starts[-1])))
        raise InputError("windows overlap or are empty", row=at + 1, met=str(starts[at]))
    if (ends[:-1] < starts[1:]).any():
        at = int(np.argmax(ends[:-1] < starts[1:]))
        raise InputError("a gap follows a window", row=at + 1, met=str(ends[at]), expected="no gap")
    edges = np.append(starts, ends[-1])
    lengths = np.diff(edges).astype(int)
    nearest = min(_LENGTHS, key=lambda k: abs(np.log(np.median(lengths) / _LENGTHS[k][1])))
    return edges, _name(lengths) or nearest


def _days(index: pd.Index) -> NDArray[np.datetime64]:
    """Return the days that an index holds, or raise where it holds none."""
    try:
        # a number would be read as nanoseconds since 1970
        moments = pd.DatetimeIndex(index if index.dtype.kind not in "iufb" else [None] * len(index))
    except (TypeError, ValueError) as error:
        raise InputError("windows are not dates", met=repr(index[0]), expected="dates") from error
    if moments.isna().any() or moments.tz is not None or (moments != moments.normalize()).any():
        raise InputError(
            "windows are not plain calendar days", met=repr(index[0]), expected="days without zone"
        )
    return moments.to_numpy().astype("datetime64[D]")


def _name(steps: NDArray[np.int64]) -> str | None:
    """Return what windows of such lengths are called; None when they are of no kind."""
    if len(steps) == 0:
        return None
    kinds = (k for k, (low, high) in _LENGTHS.items() if low <= steps.min() <= steps.max() <= high)
    return next(kinds, None)


def _next_start(starts: NDArray[np.datetime64]) -> np.datetime64:
    """Return the start of the window after the last, from the distances between them."""
    steps = np.diff(starts).astype(int)
    if (steps <= 0).any():
        return starts[-1] + np.timedelta64(1, "D")
    kind = _name(steps)
    if kind is None:
        longest = f"{steps.min()} to {steps.max()} days apart" if len(steps) else "one window"
        raise InputError(
            "windows of no known length, or a gap between them",
            met=longest,
            expected="days, weeks, months or quarters in a row, or an IntervalIndex",
        )
    if kind in ("day", "week"):
        return starts[-1] + np.timedelta64(_LENGTHS[kind][0], "D")
    # months that end on the 31st are short now and then: the day of the month is the highest seen
    months = 1 if kind == "month" else 3
    after = pd.Timestamp(starts[-1]) + pd.DateOffset(months=months)
    day = max(pd.DatetimeIndex(starts).day.max(), after.day)
    return np.datetime64(after.replace(day=min(day, after.days_in_month)), "D")


def _values(name: str, table: pd.DataFrame, *, missing: bool) -> FloatArray:
    """Return counts as floats, or raise where they are none."""
    try:
        values = table.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError("not numbers", column=name, met=str(error)) from error
    wrong = (values < 0) | np.isinf(values) | (np.isnan(values) & (not missing))
    _refuse(
        wrong,
        table,
        values,
        column=name,
        expected="counts" if missing else "counts, none missing (or missing=True)",
    )
    if np.isnan(values).all():
        raise InputError("nothing but missing counts", column=name)
    return values


def _refuse(
    wrong: NDArray[np.bool_], table: pd.DataFrame, values: FloatArray, **where: str
) -> None:
    """Raise where something is wrong, and say in which region and window first."""
    if wrong.any():
        window, region = np.argwhere(wrong)[0]
        raise InputError(
            f"not a count in region {table.columns[region]}, window {table.index[window]}",
            met=values[window, region].item(),
            column=where["column"],
            expected=where["expected"],
        )


def _keys(ids: pd.Index, regions: pd.DataFrame | None) -> pd.DataFrame:
    """Return the keys of the regions, in order."""
    keys = pd.DataFrame({"region_id": pd.array(ids.to_numpy(), dtype="str")})
    if regions is None:
        return keys.assign(parent_id=pd.array([""] * len(ids), dtype="str"), iso3="")
    table = pd.DataFrame(regions).set_index("region_id")
    strange = ids[~ids.isin(table.index)]
    if len(strange) or not table.index.is_unique:
        met = strange[0] if len(strange) else "one twice"
        raise InputError("a region is not among the regions", column="region_id", met=met)
    found = table.loc[ids, ["parent_id", "iso3"]].reset_index(drop=True)
    return pd.concat([keys, found], axis=1)


def _links(neighbours: ArrayLike | None, ids: pd.Index) -> Any:
    """Return row-normalised weights, empty without neighbours."""
    n = len(ids)
    if neighbours is None:
        return sparse.csr_array((n, n))
    if isinstance(neighbours, pd.DataFrame):
        neighbours = neighbours.to_numpy()
    links = sparse.csr_array(neighbours, dtype=float)
    if links.shape != (n, n):
        raise InputError(
            "neighbours don't fit the regions",
            column="neighbours",
            met=f"{links.shape[0]} x {links.shape[1]}",
            expected=f"{n} x {n}",
        )
    if not (np.isfinite(links.data) & (links.data >= 0)).all():
        raise InputError("weights must be numbers, not negative", column="neighbours")
    if links.diagonal().any():
        alone = ids[np.flatnonzero(links.diagonal())[0]]
        raise InputError("a region is its own neighbour", column="neighbours", met=alone)
    links.eliminate_zeros()
    total = np.asarray(links.sum(axis=1)).ravel()
    if n > 1 and not (total > 0).all():
        raise InputError(
            "a region is linked to no other",
            column="neighbours",
            met=ids[np.flatnonzero(total == 0)[0]],
            expected="one for each region, the nearest for islands, or none at all",
        )
    return sparse.csr_array(sparse.diags_array(1.0 / np.where(total > 0, total, 1.0)) @ links)


def _exposure(
    exposure: pd.DataFrame | pd.Series, counts: pd.DataFrame, values: dict[str, FloatArray]
) -> FloatArray:
    """Return exposure by window and region, or raise where it can't be."""
    if isinstance(exposure, pd.Series):
        table = pd.DataFrame([exposure.reindex(counts.columns)] * len(counts), index=counts.index)
    else:
        table = exposure.reindex(index=counts.index, columns=counts.columns)
    given = table.to_numpy(dtype=float, na_value=np.nan)
    wrong = ~(np.isfinite(given) & (given >= 0))
    _refuse(wrong, counts, given, column="exposure", expected="worker-years, 0 or more")
    for name, series in values.items():
        wrong = (given == 0) & (np.nan_to_num(series) > 0)
        _refuse(wrong, counts, series, column=name, expected="0 where exposure is 0")
    return given


def impute_lost(panel: Panel) -> list[Panel]:
    """Return the panels as if what was set aside had counted; none where nothing was.

    A row that was set aside counts in its region, or in equal parts in those of its province; one
    that knows neither, nowhere. Without a readable day it is given one of its source's other
    reports, so that all of them are spread over time as those are. One that is spread over its
    province since nobody knows its district shows that its source may name each district of it;
    one that may be of two areas counts whole in either. Who was hit in words that are not
    understood is foreign. What is of an unknown type without a toll may be no attack, which teaches
    nothing of how many attacks hit foreigners, or one, of which others lend to their neighbours:
    there are two panels then.

    Parameters
    ----------
    panel : Panel
        With what was ``lost``.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts, table = rm.datasets.regions(), rm.datasets.incidents()
    >>> table.loc[90:99, "quarantine_reason"] = "bad_number"
    >>> panel = rm.count_incidents(rm.locate(table, districts), districts, as_of="2025-01-01")
    >>> (whole,) = impute_lost(panel)
    >>> float(whole.frame["reports"].sum() - panel.frame["reports"].sum())
    10.0
    """
    evidence, lost = panel.evidence.drop(columns="relevance", errors="ignore"), _place_lost(panel)
    read = _read_strange(evidence)
    if lost.empty:
        return [] if read is evidence else [_recount(read, panel)]
    hit = lost["foreign_victims"].mask(leaves_victims_unclear(lost), 1)
    lost = lost.assign(foreign_victims=hit)
    tables = [evidence] if read is evidence else [evidence, read]
    return [_recount(pd.concat([one, lost], ignore_index=True), panel) for one in tables]


def _recount(evidence: pd.DataFrame, panel: Panel) -> Panel:
    """Return the panel of other evidence, with what else the models are told."""
    found = recount_evidence(
        evidence,
        keys=panel.keys,
        neighbours=panel.neighbours,
        start=str(panel.edges[0]),
        as_of=f"{panel.as_of:%Y-%m-%d}",
        every=panel.every,
        group=panel.group,
    )
    return replace(found, exposure=panel.exposure, breaks=panel.breaks, lead_days=panel.lead_days)


def _read_strange(incidents: pd.DataFrame) -> pd.DataFrame:
    """Return incidents in which words that are not understood mean the worst for foreigners."""
    unclear = leaves_victims_unclear(incidents)
    hit = incidents["foreign_victims"].mask(unclear, 1)
    harmless = incidents["event_type"].mask(may_be_any(incidents, "event_type"), HARMLESS[-1])
    found = incidents.assign(foreign_victims=hit, event_type=harmless)
    unsure = is_violence(incidents) & ~is_violence(found)
    return found if (unclear | unsure).any() else incidents


def _place_lost(panel: Panel) -> pd.DataFrame:
    """Return what was lost of regions and provinces as evidence."""
    lost = panel.lost
    if lost.empty:
        return pd.DataFrame()
    areas = lost["area"].map(readings)
    rows = lost.assign(area=areas, ways=areas.str.len()).explode("area", ignore_index=True)
    rows = rows[rows["area"].str.match("region_id=|parent_id=")]
    code, names = pd.factorize(rows["area"])
    members = [members_of(str(area), panel.keys) for area in names]
    iso3 = panel.keys["iso3"].fillna("").to_numpy(dtype=object)
    home = np.array([iso3[some[0]] if len(some) else "" for some in members], dtype=object)
    rows = _give_days(rows.assign(area=code, country=home[code]), panel)
    size = np.array([len(some) for some in members], dtype=float)[rows["area"]]
    row = np.repeat(np.arange(len(rows)), size.astype(np.int64))
    position = np.concatenate([np.empty(0, dtype=np.int64), *(members[i] for i in rows["area"])])
    spread, ways = rows["spread"].to_numpy(bool), rows["ways"].to_numpy(dtype=float)
    part = rows["reports"].to_numpy(dtype=float) / np.maximum(size * ways, 1.0)
    part = np.where(spread, np.maximum(part * (ways - 1.0), GRAIN), part)
    told = as_incidents(rows.take(row).reset_index(drop=True))
    return told.assign(
        incident_id=pd.Series(row, dtype="str") + " lost",
        region_id=panel.keys["region_id"].array.take(position),
        weight=part[row],
        method=np.where((size == 1) | spread, "named", "spread")[row],
    )


def _give_days(lost: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Return lost rows, those without a day with days as their source's other reports have.

    The k-th of n of an area has the day of the report that stands as far on in their order.
    """
    undated = (lost["first"] == NO_DAY).to_numpy()
    rows = lost[undated]
    rows = rows.take(np.repeat(np.arange(len(rows)), rows["reports"].to_numpy(dtype=np.int64)))
    evidence = panel.evidence
    at = pd.Index(panel.keys["region_id"]).get_indexer(evidence["region_id"])
    country = panel.keys["iso3"].fillna("").to_numpy(dtype=object)[at]
    day = pd.Series(day_numbers(evidence["event_date"].to_numpy()), index=evidence.index)
    known = {
        key: np.sort(some) for key, some in day.groupby([evidence["source"].fillna(""), country])
    }
    yesterday = np.array([day_of(panel.as_of) - 1])
    by = rows.assign(source=rows["source"].fillna("")).groupby(["source", "area"])["reports"]
    rank = (by.cumcount() + 0.5) / by.transform("size")
    keys = zip(rows["source"].fillna(""), rows["country"], strict=True)
    own = [known.get(key, yesterday) for key in keys]
    given = [days[int(part * len(days))] for part, days in zip(rank, own, strict=True)]
    dated = rows.assign(first=given, last=given, reports=1)
    return pd.concat([lost[~undated], dated], ignore_index=True)
