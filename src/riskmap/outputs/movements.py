"""Movements: what moved levels, what would, how firmly they stand, and what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.changes import rank_moves
from riskmap.assessment.hysteresis import FLOOR
from riskmap.assessment.layers import KEY
from riskmap.assessment.levels import INSUFFICIENT
from riskmap.incidents.foreign_victims import count_of, hits_foreigners, is_violence
from riskmap.outputs.wordings import (
    NONE,
    aside,
    codes_in,
    day_words,
    display,
    enumerated,
    incident_words,
    is_told,
    level_sign,
    level_told,
    level_words,
    lies_here,
    no_issue_before,
    percent_range,
    region_names,
)
from riskmap.panels.measures import is_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.editions import Edition, Grid

#: Changes that page one has room for.
MOST_ROWS = 5
#: Codes of a level that may be higher.
DOUBTS = ("rows_lost", "borderline", "unclear")
#: Rules that a level tells itself: may be higher, attacked, kept; and the one that page one tells.
_SAY_ALL = ("at_least", "share", "attacked", "single_source")
_PARTS = 2
#: What would move levels, in so many lines at most.
MOVES = 4
#: The cause of new incidents of a region, and all causes that reports are.
NEW = "new incidents"
REPORTED = (NEW, "neighbours", "revisions", "decay", "boundary")
#: Parts of a change smaller than this share of the largest are left out.
_LEAST_SHARE = 0.05
#: Years of the history at most.
YEARS = 12


def change_rows(told: Edition) -> Grid | tuple[str, ...]:
    """Return what moved levels since the layer before, by what it means for the group.

    First regions that were attacked, then those of its sites and routes and next door, then by the
    number of steps, those up first, and by the size of the change.

    Returns
    -------
    Grid or tuple of str
        A row for each of the first regions whose level moved, with its incident where one moved it;
        the last row counts the others. A sentence where none moved or there is no layer before.
    """
    table, words, before = told.table, told.words, told.layer.context.previous_as_of
    rows = table[has_moved(table)].fillna({"risk_level": INSUFFICIENT})
    if rows.empty and (before is None or table["level_before"].isna().all()):
        return (no_issue_before(told.layer.provenance, words),)
    if rows.empty:
        return (words["unmoved"].format(day=day_words(before, words)),)
    size = (rows["p_any"] - rows["p_before"]).abs().fillna(0.0)
    rows = rows.loc[size.sort_values(ascending=False, kind="stable").index]
    sites = told.layer.sites
    own = rows["region_id"].isin([*sites["region_id"], *sites["near_region_id"].dropna()])
    rows = rank_moves(rows, rows["attacked"].eq(other=True), own)
    why, shown = _change_texts(told), rows.head(MOST_ROWS)
    cells = [
        (
            name,
            words["moved"].format(before=level_words(row.level_before, words), level=level),
            why.get(row.region_id) or (words["refit"] if row.level_before > 0 else words["newly"]),
        )
        for name, row, level in zip(
            region_names(shown, words),
            shown.itertuples(),
            (level_told(row, words) for row in shown.itertuples()),
            strict=True,
        )
    ]
    if len(rows) > len(shown):
        cells.append((_rest_moved(rows.iloc[MOST_ROWS:], why, words), NONE, NONE))
    return told.grid(("region", "moved_head", "why"), cells)


def _rest_moved(rows: pd.DataFrame, why: Mapping[str, str], words: Mapping[str, Any]) -> str:
    """Return how many other levels moved which way, and how many of them by a refit alone."""
    refit = sum(why.get(key, words["refit"]) == words["refit"] for key in rows["region_id"])
    up = int((rows["risk_level"] > rows["level_before"]).sum())
    lines = [words["others_moved"].format(n=len(rows), up=up, down=len(rows) - up)]
    lines += [words["others_refit"].format(n=refit)] if refit else []
    return str(words["gap"].join(lines))


def has_moved(table: pd.DataFrame) -> pd.Series:
    """Return which rows of risks have another level than before; none without one before.

    Examples
    --------
    >>> rows = pd.DataFrame({"risk_level": [3, None, 2], "level_before": [2, 1, None]})
    >>> has_moved(rows.astype("Int64")).tolist()
    [True, True, False]
    """
    return (table["level_before"] != table["risk_level"].fillna(INSUFFICIENT)).fillna(value=False)


def _change_texts(told: Edition) -> dict[str, str]:
    """Return why each region's level moved, in words, by ``region_id``.

    New incidents of the region are told by the latest one, those elsewhere by the latest of all;
    where neither they nor what became of old ones moved it, the figures were only calculated anew.
    """
    words, here = told.words, latest_incidents(told, new=True)
    rows = told.of_headline(told.layer.changes)
    way = rows.groupby("region_id")["value"].transform("sum")
    rows = largest_parts(rows[rows["value"] * way > 0])
    elsewhere = max(here.values(), key=lambda told: told[0], default=None)
    causes: dict[str, list[str]] = {}
    for key, cause in zip(rows["region_id"], rows["cause"], strict=True):
        causes.setdefault(key, []).append(cause)
    rules, found = _rule_texts(told), dict[str, str]()
    for key in {*causes, *here, *rules}:
        own = causes.get(key, ())
        is_new = key in here and (NEW in own or not own)
        named = [one for one in own if one != NEW or not is_new]
        lines = [here[key][1]] if is_new else []
        if set(named) & {*REPORTED}:
            text = words["list"].join(display(words["causes"].get(one, one)) for one in named)
            if "neighbours" in named and elsewhere and not is_new:
                text = aside(text, elsewhere[2], words)
            lines.append(words["because_of"].format(causes=text))
        elif own and not lines:
            lines.append(words["refit"])
        found[key] = words["gap"].join([*lines, *rules.get(key, ())])
    return found


def latest_incidents(told: Edition, *, new: bool = False) -> dict[str, tuple[Any, str, str]]:
    """Return each region's latest incident that the headline is about: its day, and two texts.

    Parameters
    ----------
    told
        The edition.
    new
        Only those that the layer before did not know; where none is about the headline, any.

    Returns
    -------
    dict
        By ``region_id``: the day, what happened on which day, and where on which day.
    """
    layer, words = told.layer, told.words
    table = layer.incidents[layer.incidents["event_date"].notna() & lies_here(layer.incidents)]
    table = table.assign(about=hits_foreigners(table) | (layer.headline == "violence"))
    before = layer.context.previous_as_of
    if new and before is not None:
        table = table[~is_known(table, before)]
    else:
        table = table.head(0) if new else table[table["about"]]
    order = ["region_id", "about", "event_date", "incident_id"]
    last = table.sort_values(order).drop_duplicates("region_id", keep="last")
    days = [day_words(day, words) for day in last["event_date"]]
    return {
        row.region_id: (
            row.event_date,
            words["told_of"].format(date=date, what=incident_words(row, words)),
            words["phrase"].join((date, told.names.get(row.region_id, ""))),
        )
        for row, date in zip(last.itertuples(index=False), days, strict=True)
    }


def largest_parts(changes: pd.DataFrame) -> pd.DataFrame:
    """Return the largest parts of each region's change, largest first: at most two of a layer.

    Examples
    --------
    >>> changes = pd.DataFrame({"region_id": "a", "cause": ["x", "y"], "value": [0.001, -0.9]})
    >>> largest_parts(changes)["cause"].tolist()
    ['y']
    """
    size = changes["value"].abs()
    largest = size.groupby(changes["region_id"]).transform("max")
    rows = changes.assign(size=size)[(size > 0) & (size >= _LEAST_SHARE * largest)]
    rows = rows.sort_values(["region_id", "size", "cause"], ascending=[True, False, True])
    return rows[rows.groupby("region_id").cumcount() < _PARTS].drop(columns="size")


def _rule_texts(told: Edition) -> dict[str, list[str]]:
    """Return the rules that spoke for each region, but those that its level tells itself."""
    rows, said = told.of_headline(told.layer.audit), told.words["rules"]
    found: dict[str, list[str]] = {}
    for key, rule in zip(rows["region_id"], rows["rule"], strict=True):
        text = said.get(rule, display(rule))
        if rule not in _SAY_ALL and text not in found.setdefault(key, []):
            found[key].append(text)
    return found


def flag_rows(told: Edition) -> Grid:
    """Return how many levels are to be read with care, and which first, a row for each reason."""
    known, words = told.known.fillna({"risk_level": INSUFFICIENT}), told.words
    flags = flag_table(known)
    signs = [
        f"{name} {level_sign(row.risk_level, at_least=is_told(row.at_least))}"
        for name, row in zip(region_names(known, words), known.itertuples(), strict=True)
    ]
    names = pd.Series(signs, known.index, dtype="object")
    cells = (
        (
            str(words["flags"][flag]),
            str(int(flags[flag].sum())),
            enumerated(names[flags[flag]].tolist(), words),
        )
        for flag in flags.columns[flags.any()]
    )
    return told.grid(("care", "count", "places"), cells)


def flag_table(risks: pd.DataFrame) -> pd.DataFrame:
    """Return for each row of risks which of the flags of a catalogue its level carries.

    Examples
    --------
    >>> from riskmap.assessment.layers import RISK_COLUMNS
    >>> from riskmap.schema import conform
    >>> risks = pd.DataFrame({"fragility": ["fragile"], "reasons": ["rows_lost"]})
    >>> flags = flag_table(conform(risks, RISK_COLUMNS)).iloc[0]
    >>> flags.index[flags].tolist()
    ['fragile', 'rows_lost']
    """
    flags = {"fragile": risks["fragility"] == "fragile"}
    for name in ("single_source", "held", "reporting_gap", "at_least", "attacked"):
        flags[name] = risks[name].eq(other=True)
    flags["lifted"] = (
        flags["attacked"]
        & (risks["threshold_level"] < risks["risk_level"])
        & (risks["risk_level"] <= FLOOR)  # an attack lifts no level beyond that
    )
    flags["kept"] = risks["level_as_of"].notna()
    for code in DOUBTS:
        told = [code in codes_in(text) for text in risks["reasons"]]
        flags[code] = pd.Series(told, risks.index, dtype=bool)
    return pd.DataFrame(
        {name: flag.fillna(value=False).astype(bool) for name, flag in flags.items()}
    )


def move_lines(told: Edition) -> tuple[str, ...]:
    """Return what would move levels: one line for all regions that the same would move alike."""
    words, under = told.words, _reads_higher(told.layer, told.moves)
    names = pd.Series(told.names)
    moves = told.moves.assign(under=under)
    moves = moves[moves["region_id"].isin(told.known["region_id"])]
    alike = [
        moves["kind"],
        moves["amount"].where(moves["kind"] == "more", 0.0),
        moves["risk_level"],
    ]
    groups = sorted(
        (rows for _, rows in moves.groupby(alike)),
        key=lambda rows: (rows["kind"].iloc[0] != "more", rows["amount"].min(), -len(rows)),
    )
    lines = []
    for rows in groups[:MOVES]:
        text = move_text(rows, words=words)
        places = enumerated(names.reindex(rows["region_id"]).tolist(), words)
        lines.append(words["moves"]["of"].format(move=text, places=places, n=len(rows)))
    if groups[MOVES:]:
        lines.append(words["moves"]["rest"].format(n=sum(map(len, groups[MOVES:]))))
    return tuple(lines)


def find_moves(layer: RiskLayer) -> pd.DataFrame:
    """Return the counterfactuals that would move the published level, up before down.

    Where a rule holds a level, more incidents may only bring the thresholds up to it: that would
    move nothing. Nor does silence where nobody watches.
    """
    levels = layer.risks[[*KEY, "risk_level"]].rename(columns={"risk_level": "level_now"})
    table = layer.counterfactuals.merge(levels, on=KEY)
    up = (table["direction"] == "up") & (table["risk_level"] > table["level_now"])
    down = (table["direction"] == "down") & (table["risk_level"] < table["level_now"])
    known = layer.knowledge
    blind = pd.MultiIndex.from_frame(known.loc[known["watched"].eq(other=False), KEY])
    down &= ~pd.MultiIndex.from_frame(table[KEY]).isin(blind)
    moves = table[(up | down).fillna(value=False).astype(bool)]
    order = ["region_id", "layer", "direction", "amount"]
    return moves.sort_values(order, ascending=[True, True, False, True], ignore_index=True)


def _reads_higher(layer: RiskLayer, moves: pd.DataFrame) -> list[bool]:
    """Return whether each probability, as it is printed, would be of a higher level than it is."""
    printed = moves.assign(p_any=[float(f"{p:.2g}") for p in moves["p_any"]])
    levels = layer.scale.levels_of(printed, horizon_days=layer.context.horizon_days)
    return [bool(level > own) for level, own in zip(levels, moves["risk_level"], strict=True)]


def move_text(rows: pd.DataFrame, *, words: Mapping[str, Any]) -> str:
    """Return what would move the levels of some regions alike as a sentence.

    Parameters
    ----------
    rows
        Counterfactuals of one kind and level: ``kind, amount, risk_level, p_any``, and ``under``,
        whether p_any is just under the next level and printed as if it were not.
    words
        A catalogue.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> rows = pd.DataFrame({"kind": "quiet", "amount": [74.0, 90.0], "risk_level": 2,
    ...                      "p_any": [0.012, 0.0198], "under": False})
    >>> move_text(rows.head(1), words=catalogue("en"))
    'If a source watches and tells of no incident for 74 days: 2 low (1.2 %).'
    >>> move_text(rows, words=catalogue("en"))
    'If a source watches and tells of no incident for 74–90 days: 2 low (1.2–2 %).'
    """
    first, moves = rows.iloc[0], words["moves"]
    key = "more_one" if (first["kind"], first["amount"]) == ("more", 1) else str(first["kind"])
    chance = percent_range(rows["p_any"].min(), rows["p_any"].max(), words)
    chance = moves["under"].format(p=chance) if rows["under"].all() else chance
    few, most = f"{rows['amount'].min():g}", f"{rows['amount'].max():g}"
    n = few if few == most else f"{few}\u2013{most}"
    return str(moves[key].format(n=n, level=level_words(first["risk_level"], words), p=chance))


def history_rows(told: Edition) -> Grid:
    """Return the recorded incidents of the last years, counted back from ``as_of``.

    Returns
    -------
    Grid
        The last day of each year, its incidents, and those with foreigners; each incident counts
        once. A public layer holds back who was hit, and has no column of foreigners.
    """
    years = _yearly(told.layer).itertuples()
    cells = ((str(row.last)[:10], str(row.violence), str(row.foreign)) for row in years)
    n = 2 if told.layer.context.is_public else 3
    keys = ("period", "all_incidents", "with_foreigners")
    return told.grid(keys[:n], (row[:n] for row in cells))


def _history_sentence(told: Edition) -> str:
    """Return the history in one sentence; empty when nothing was recorded."""
    years = _yearly(told.layer)
    if years.empty:
        return ""
    now, before = [0, 0, *years["violence"]][:-3:-1]
    once = _once(told.layer)
    key = "history_public" if told.layer.context.is_public else "history"
    return str(
        told.words["sentences"][key].format(
            n=len(once),
            m=int(hits_foreigners(once).sum()),
            start=day_words(once["event_date"].min(), told.words),
            now=now,
            before=before,
        )
    )


def _once(layer: RiskLayer) -> pd.DataFrame:
    """Return each serious incident before ``as_of`` once, also those that a row counts."""
    table = layer.incidents.drop_duplicates("incident_id")
    table = table[table["event_date"] < layer.context.as_of]
    table = table[is_violence(table)]
    return table.loc[table.index.repeat(count_of(table))]


def _yearly(layer: RiskLayer) -> pd.DataFrame:
    once = _once(layer)
    if once.empty:
        return pd.DataFrame({"last": [], "violence": [], "foreign": []})
    day = once["event_date"].to_numpy().astype("datetime64[D]")
    ends = [layer.context.as_of - pd.DateOffset(years=years) for years in range(YEARS, -1, -1)]
    edges = np.array(ends, dtype="datetime64[D]")
    edges = edges[max(0, int(np.searchsorted(edges, day.min(), side="right")) - 1) :]
    year = np.searchsorted(edges, day, side="right") - 1
    inside, n = year >= 0, len(edges) - 1
    return pd.DataFrame(
        {
            "last": edges[1:] - np.timedelta64(1, "D"),
            "violence": np.bincount(year[inside], minlength=n),
            "foreign": np.bincount(year[inside & hits_foreigners(once)], minlength=n),
        }
    )


def indicator_lines(told: Edition) -> tuple[str, ...]:
    """Return what was recorded, and what an analyst should watch until the next issue."""
    lines = (_history_sentence(told), told.words["sentences"]["stopped"])
    return tuple(line for line in lines if line)
