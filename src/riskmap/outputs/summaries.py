"""Summaries: where the levels are highest and why, what was recorded, and what to watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.outputs.movements import find_moves
from riskmap.outputs.tables import driver_texts
from riskmap.outputs.wordings import (
    NONE,
    Grid,
    chance,
    display,
    enumerated,
    level_told,
    level_words,
    nationals,
    region_names,
)
from riskmap.panels.measures import hits_foreigners, is_violence
from riskmap.panels.windows import parse_day, step_windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.assessment.layers import RiskLayer

SUMMARY_ROWS = 7
#: Years of the history at most.
YEARS = 12
_TOLL = ("killed", "wounded", "abducted")
_QUARTERS = 4
#: An incident of which less than this lies in a region is not told as that region's latest.
_MOSTLY = 0.5


def summary_rows(
    layer: RiskLayer, known: pd.DataFrame, words: Mapping[str, Any], *, limit: int = SUMMARY_ROWS
) -> Grid:
    """Return the highest levels with the reason for each: page one of an advisory.

    Parameters
    ----------
    layer
        The risk layer.
    known
        Rows of its published table that have a level, highest first.
    words
        A catalogue.
    limit
        How many regions.

    Returns
    -------
    Grid
        Region, level, how many attacks hit the group itself, the level before where one is known,
        probability, and why: the leading drivers and the latest incident of the headline.
    """
    rows = known.head(limit)
    told = rows["level_before"].notna().any()
    theirs = layer.headline == "group" and rows["attacks_told"].notna().any()
    drivers, latest = driver_words(layer, words), _latest(layer, words)
    cells = []
    for name, row in zip(region_names(rows), rows.itertuples(), strict=True):
        why = [
            "; ".join(drivers.get(row.region_id, NONE).split("; ")[:2]),
            latest.get(row.region_id, ""),
        ]
        hit = NONE if pd.isna(row.attacks_told) else f"{row.attacks_told:g}"
        old = NONE if pd.isna(row.level_before) else level_words(int(row.level_before), words)
        cells.append(
            (
                name,
                level_told(row, words),
                *((hit,) if theirs else ()),
                *((old,) if told else ()),
                chance(row, words, brief=True),
                ". ".join(filter(None, why)),
            )
        )
    besides = [key for key, is_shown in (("attacks_told", theirs), ("previous", told)) if is_shown]
    keys = ("region", "level", *besides, "probability", "because")
    return Grid(tuple(words[key] for key in keys), tuple(cells))


def driver_words(layer: RiskLayer, words: Mapping[str, Any]) -> pd.Series:
    """Return the drivers of each region under the headline as text, indexed by ``region_id``."""
    names = words["driver_names"]
    drivers = layer.drivers[layer.drivers["layer"] == layer.headline]
    named = drivers.assign(driver=drivers["driver"].map(lambda name: names.get(name, name)))
    return driver_texts(named).map(display)


def _latest(layer: RiskLayer, words: Mapping[str, Any]) -> dict[str, str]:
    """Return each region's latest incident that the headline is about, as text."""
    table = layer.incidents[
        layer.incidents["event_date"].notna() & (layer.incidents["weight"] >= _MOSTLY)
    ]
    if layer.headline != "violence":
        table = table[hits_foreigners(table)]
    order = ["region_id", "event_date", "incident_id"]
    last = table.sort_values(order).drop_duplicates("region_id", keep="last")
    return {
        row.region_id: words["latest"].format(
            date=f"{row.event_date:%Y-%m-%d}", what=incident_words(row, words)
        )
        for row in last.itertuples(index=False)
    }


def incident_words(row: Any, words: Mapping[str, Any]) -> str:
    """Return an incident in a few words: what, the toll, and of which country people were."""
    kind = words["event_types"].get(display(row.event_type), display(row.event_type))
    return ", ".join(filter(None, (kind, victim_words(row, words))))


def victim_words(row: Any, words: Mapping[str, Any]) -> str:
    """Return the toll of an incident and whose nationals were hit; empty when unknown.

    A toll that is a bound, such as ``several``, is told as at least so many.
    """
    said, bounds = words["sentences"], display(getattr(row, "toll", ""))
    parts = []
    for key in _TOLL:
        n = getattr(row, key)
        if not pd.isna(n) and n > 0:
            least = key in bounds
            number = said["least"].format(n=int(n)) if least else int(n)
            parts.append(said[key].format(n=number))
    people = nationals(display(row.nationality), words)
    return ", ".join([*parts, *([said["hit"].format(people=people)] if people else [])])


def history_rows(layer: RiskLayer, words: Mapping[str, Any]) -> Grid:
    """Return the recorded incidents of the last years, counted back from ``as_of``.

    Returns
    -------
    Grid
        The last day of each year, its incidents, and those with foreigners; each incident counts
        once.
    """
    heads = tuple(words[key] for key in ("period", "all_incidents", "with_foreigners"))
    years = _yearly(layer)
    cells = (
        (str(row.last)[:10], str(row.violence), str(row.foreign)) for row in years.itertuples()
    )
    return Grid(heads, tuple(cells))


def history_sentence(layer: RiskLayer, words: Mapping[str, Any]) -> str:
    """Return the history in one sentence; empty when nothing was recorded."""
    years = _yearly(layer)
    if years.empty:
        return ""
    now, before = [0, 0, *years["violence"]][:-3:-1]
    once = _once(layer)
    return str(
        words["sentences"]["history"].format(
            n=len(once),
            m=int(hits_foreigners(once).sum()),
            start=f"{once['event_date'].min():%Y-%m-%d}",
            now=now,
            before=before,
        )
    )


def _once(layer: RiskLayer) -> pd.DataFrame:
    """Return each serious incident before ``as_of`` once."""
    table = layer.incidents.drop_duplicates("incident_id")
    table = table[
        table["event_date"] < parse_day(str(layer.provenance["as_of"])[:10], what="as_of")
    ]
    return table[is_violence(table)]


def _yearly(layer: RiskLayer) -> pd.DataFrame:
    once = _once(layer)
    if once.empty:
        return pd.DataFrame({"last": [], "violence": [], "foreign": []})
    as_of = parse_day(str(layer.provenance["as_of"])[:10], what="as_of")
    quarters = step_windows(as_of, once["event_date"].min(), every="quarter")
    edges = quarters[::-1][::_QUARTERS][::-1][-YEARS - 1 :]
    if edges[0] > quarters[0] and len(edges) <= YEARS:  # the first year began within the history
        edges = np.append(quarters[0], edges)
    day = once["event_date"].to_numpy().astype("datetime64[D]")
    year = np.searchsorted(edges, day, side="right") - 1
    inside = year >= 0
    n = len(edges) - 1
    return pd.DataFrame(
        {
            "last": edges[1:] - 1,
            "violence": np.bincount(year[inside], minlength=n),
            "foreign": np.bincount(year[inside & hits_foreigners(once)], minlength=n),
        }
    )


def indicator_lines(
    layer: RiskLayer, known: pd.DataFrame, words: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return what an analyst should watch until the next issue, most important first."""
    said, lines = words["sentences"], [history_sentence(layer, words)]
    moves = find_moves(layer)
    near = moves[
        (moves["layer"] == layer.headline) & (moves["kind"] == "more") & (moves["amount"] == 1)
    ]
    rows = known[known["region_id"].isin(near["region_id"])]
    if len(rows):
        lines.append(
            said["nearest"].format(n=len(rows), places=enumerated(region_names(rows), words))
        )
    drivers = layer.drivers[
        (layer.drivers["layer"] == layer.headline)
        & layer.drivers["region_id"].isin(known["region_id"])
    ]
    order = drivers.sort_values(["region_id", "value", "driver"], ascending=[True, False, True])
    leading = order.drop_duplicates("region_id")["driver"].value_counts()
    for driver, n in sorted(leading.items(), key=lambda item: (-item[1], item[0])):
        if driver in words["watches"]:
            name, watch = words["driver_names"][driver], words["watches"][driver]
            lines.append(said["rests_on"].format(n=n, driver=name, watch=watch))
    lines.append(said["stopped"])
    return tuple(line for line in lines if line)
