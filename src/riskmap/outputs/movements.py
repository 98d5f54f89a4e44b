"""Movements: what moved levels, what would, how firmly they stand, and what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.changes import rank_moves
from riskmap.assessment.holds import FLOOR
from riskmap.assessment.layers import KEY
from riskmap.assessment.levels import INSUFFICIENT
from riskmap.outputs.wordings import (
    NONE,
    codes_in,
    display,
    enumerated,
    incident_words,
    is_told,
    level_least,
    level_sign,
    level_words,
    lies_here,
    percent,
    region_names,
)
from riskmap.panels.measures import count_of, hits_foreigners, is_violence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.editions import Edition, Grid

#: Changes that page one has room for.
MOST_ROWS = 5
#: Codes of a level that may be higher.
DOUBTS = ("rows_lost", "borderline", "unclear")
#: Rules whose words say all that they found.
_SAY_ALL = ("at_least", "unwatched", "share", "attacked", "kept")
_PARTS = 4
#: The cause of new incidents of a region, and all causes that reports are.
NEW = "new incidents"
REPORTED = (NEW, "neighbours", "revisions", "decay", "boundary")
#: Parts of a change smaller than this share of the largest are left out.
_LEAST_SHARE = 0.05
#: Years of the history at most.
YEARS = 12


def change_rows(told: Edition) -> Grid:
    """Return what moved levels since the layer before, by what it means for the group.

    First regions that were attacked, then those of its sites and routes, then by the number of
    steps, those up first, and by the size of the change.

    Returns
    -------
    Grid
        A row for each region whose level moved, with its latest incident where new ones moved it,
        and the rule that spoke for it, if any; without rows when there is no layer before.
    """
    table, words = told.table, told.words
    parts, rules = change_texts(told), _rule_texts(told)
    rows = table[has_moved(table)].fillna({"risk_level": INSUFFICIENT})
    size = (rows["p_any"] - rows["p_before"]).abs().fillna(0.0)
    rows = rows.loc[size.sort_values(ascending=False, kind="stable").index]
    own = rows["region_id"].isin(told.layer.sites["region_id"])
    rows = rank_moves(rows, rows["attacked"].eq(other=True), own)
    shown = rows.head(MOST_ROWS)
    cells = [
        (
            name,
            level_words(row.level_before, words),
            level_words(row.risk_level, words),
            parts.get(row.region_id, NONE),
            rules.get(row.region_id, NONE),
        )
        for name, row in zip(region_names(shown), shown.itertuples(), strict=True)
    ]
    if len(rows) > len(shown):
        rest = words["other_regions"].format(n=len(rows) - len(shown))
        cells.append((rest, *[NONE] * 4))
    return told.grid(("region", "previous", "level", "why", "rule"), cells)


def has_moved(table: pd.DataFrame) -> pd.Series:
    """Return which rows of risks have another level than before; none without one before.

    Examples
    --------
    >>> rows = pd.DataFrame({"risk_level": [3, None, 2], "level_before": [2, 1, None]})
    >>> has_moved(rows.astype("Int64")).tolist()
    [True, True, False]
    """
    return (table["level_before"] != table["risk_level"].fillna(INSUFFICIENT)).fillna(value=False)


def change_texts(told: Edition) -> pd.Series:
    """Return why each region's level moved, in words, the largest cause first, by ``region_id``.

    New incidents are told by the latest one. Where neither they nor what became of old ones moved
    it, the figures were only calculated anew.
    """
    rows, words = largest_parts(told.of_headline(told.layer.changes)), told.words
    latest = latest_incidents(told)
    causes = [display(words["causes"].get(cause, cause)) for cause in rows["cause"]]
    what = rows["region_id"].map(latest).where(rows["cause"] == NEW).fillna("")
    texts = [". ".join(filter(None, pair)) for pair in zip(causes, what, strict=True)]
    said = pd.Series(texts, rows["region_id"], dtype="object").groupby(level=0)
    found = said.agg(lambda lines: words["list"].join(dict.fromkeys(lines)))
    only = ~rows["cause"].isin(REPORTED).groupby(rows["region_id"]).any()
    return found.mask(only.reindex(found.index), words["refit"])


def latest_incidents(told: Edition) -> dict[str, str]:
    """Return each region's latest incident that the headline is about, as text."""
    layer, words = told.layer, told.words
    table = layer.incidents[layer.incidents["event_date"].notna() & lies_here(layer.incidents)]
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


def largest_parts(changes: pd.DataFrame) -> pd.DataFrame:
    """Return the largest parts of each region's change, largest first: at most four of a layer.

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


def _with_levels(rows: pd.DataFrame) -> str:
    """Return the names of regions, each with its level."""
    rows = rows.fillna({"risk_level": INSUFFICIENT})
    return ", ".join(
        f"{name} {level_sign(row.risk_level, at_least=is_told(row.at_least))}"
        for name, row in zip(region_names(rows), rows.itertuples(), strict=True)
    )


def _rule_texts(told: Edition) -> pd.Series:
    """Return the rules that spoke for each region, with what they found where that is told.

    What they found is told in English, and so in no other language; nor is it where the rule says
    all of it.
    """
    rows = told.of_headline(told.layer.audit)
    texts = []
    for rule, detail in zip(rows["rule"], rows["detail"], strict=True):
        said = told.words["rules"].get(rule, display(rule))
        found = "" if rule in _SAY_ALL or told.language != "en" else display(detail)
        texts.append(f"{said} ({found})" if found else said)
    spoke = pd.Series(texts, rows["region_id"], dtype="object")
    return spoke.groupby(level=0).agg(lambda lines: " ".join(dict.fromkeys(lines)))


def flag_rows(told: Edition, rows: pd.DataFrame) -> Grid:
    """Return which of some rows of the table are to be read with care, a row for each reason."""
    flags = flag_table(rows)
    flags = flags.drop(columns="attacked")  # told with the level; here only where it holds it up
    cells = (
        (str(told.words["flags"][flag]), _with_levels(rows[flags[flag]]))
        for flag in flags.columns[flags.any()]
    )
    return told.grid(("care", "places"), cells)


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


def move_rows(told: Edition, rows: pd.DataFrame) -> Grid:
    """Return what would move the level of some rows of the table, where something is known."""
    moves, words = told.moves, told.words
    under = _reads_higher(told.layer, moves)
    texts = [
        move_text(row.kind, row.amount, level=row.risk_level, p_any=row.p_any, words=words, under=k)
        for row, k in zip(moves.itertuples(), under, strict=True)
    ]
    said = pd.Series(texts, moves["region_id"], dtype="object").groupby(level=0).agg(" ".join)
    rows = rows[rows["region_id"].isin(said.index)]
    cells = (
        (
            name,
            level_least(row.risk_level, at_least=row.at_least, words=words),
            said[row.region_id],
        )
        for name, row in zip(region_names(rows), rows.itertuples(), strict=True)
    )
    return told.grid(("region", "level", "would_move"), cells)


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


def move_text(
    kind: str,
    amount: float,
    *,
    level: int,
    p_any: float,
    words: Mapping[str, Any],
    under: bool = False,
) -> str:
    """Return what would move a level as a sentence.

    Parameters
    ----------
    kind
        ``"more"`` or ``"quiet"``.
    amount
        So many incidents, or days.
    level, p_any
        What they would be then.
    words
        A catalogue.
    under
        Whether `p_any` is just under the next level, and printed as if it were not.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> move_text("more", 2.0, level=3, p_any=0.041, words=catalogue("en"))
    '2 more such incidents: 3 moderate (4.1 %).'
    >>> move_text("quiet", 74.0, level=2, p_any=0.0198, words=catalogue("en"), under=True)
    'If a source watches and tells of no incident for 74 days: 2 low (just under 2 %).'
    """
    key = "more_one" if (kind, amount) == ("more", 1) else kind
    chance, moves = percent(p_any), words["moves"]
    chance = moves["under"].format(p=chance) if under else chance
    return str(moves[key].format(n=f"{amount:g}", level=level_words(level, words), p=chance))


def history_rows(told: Edition) -> Grid:
    """Return the recorded incidents of the last years, counted back from ``as_of``.

    Returns
    -------
    Grid
        The last day of each year, its incidents, and those with foreigners; each incident counts
        once.
    """
    years = _yearly(told.layer).itertuples()
    cells = ((str(row.last)[:10], str(row.violence), str(row.foreign)) for row in years)
    return told.grid(("period", "all_incidents", "with_foreigners"), cells)


def _history_sentence(told: Edition) -> str:
    """Return the history in one sentence; empty when nothing was recorded."""
    years = _yearly(told.layer)
    if years.empty:
        return ""
    now, before = [0, 0, *years["violence"]][:-3:-1]
    once = _once(told.layer)
    return str(
        told.words["sentences"]["history"].format(
            n=len(once),
            m=int(hits_foreigners(once).sum()),
            start=f"{once['event_date'].min():%Y-%m-%d}",
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
    """Return what an analyst should watch until the next issue, most important first."""
    known, words, said = told.known, told.words, told.words["sentences"]
    lines = [_history_sentence(told)]
    near = told.moves[(told.moves["kind"] == "more") & (told.moves["amount"] == 1)]
    rows = known[known["region_id"].isin(near["region_id"])]
    if len(rows):
        lines.append(
            said["nearest"].format(n=len(rows), places=enumerated(region_names(rows), words))
        )
    lines.append(said["stopped"])
    return tuple(line for line in lines if line)
