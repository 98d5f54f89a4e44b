"""Movements: what moved levels, what would move them, and how firmly they stand, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.assessment.levels import INSUFFICIENT
from riskmap.outputs.wordings import (
    NONE,
    Grid,
    codes_in,
    display,
    is_told,
    level_sign,
    level_words,
    percent,
    region_names,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.assessment.layers import RiskLayer

MOST_ROWS = 12
#: Codes of a level that may be higher.
DOUBTS = ("rows_lost", "borderline", "unclear")
_PARTS = 4
#: Parts of a change smaller than this share of the largest are left out.
_LEAST_SHARE = 0.05


def change_rows(layer: RiskLayer, table: pd.DataFrame, words: Mapping[str, Any]) -> Grid:
    """Return what moved levels since the layer before, the largest parts first.

    Parameters
    ----------
    layer
        The risk layer.
    table
        Its published table.
    words
        A catalogue.

    Returns
    -------
    Grid
        A row for each region whose level moved, with the rule that spoke for it, if any; without
        rows when there is no layer before.
    """
    parts = change_texts(layer, words)
    rules = _rule_texts(layer, words)
    now, before = (table[name].fillna(INSUFFICIENT) for name in ("risk_level", "level_before"))
    moved = table["level_before"].notna() & (now != before)
    rows = table[moved]
    shown = rows.head(MOST_ROWS)
    cells = [
        (
            name,
            NONE if pd.isna(old) else level_words(int(old), words),
            level_words(int(new), words),
            parts.get(key, NONE),
            rules.get(key, NONE),
        )
        for name, key, old, new in zip(
            region_names(shown),
            shown["region_id"],
            shown["level_before"],
            shown["risk_level"].fillna(INSUFFICIENT),
            strict=True,
        )
    ]
    if len(rows) > len(shown):
        rest = words["other_regions"].format(n=len(rows) - len(shown))
        cells.append((rest, NONE, NONE, NONE, NONE))
    keys = ("region", "previous", "level", "why", "rule")
    return Grid(tuple(words[key] for key in keys), tuple(cells))


def change_texts(layer: RiskLayer, words: Mapping[str, Any]) -> pd.Series:
    """Return the largest parts of each region's change as text, indexed by ``region_id``."""
    rows = largest_parts(layer.changes[layer.changes["layer"] == layer.headline])
    names = words["causes"]
    texts = [
        f"{display(names.get(cause, cause))} {signed(value)}"
        for cause, value in zip(rows["cause"], rows["value"], strict=True)
    ]
    return pd.Series(texts, rows["region_id"], dtype="object").groupby(level=0).agg(", ".join)


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


def held_rows(layer: RiskLayer, table: pd.DataFrame, words: Mapping[str, Any]) -> Grid:
    """Return the rules that left a level where it was, each with its regions.

    What a rule found in each region stands in the layer's audit.
    """
    audit = layer.audit[layer.audit["layer"] == layer.headline]
    now, before = (table[name].fillna(INSUFFICIENT) for name in ("risk_level", "level_before"))
    still = table[table["level_before"].isna() | (now == before)]
    cells = []
    for rule, keys in audit.groupby("rule")["region_id"]:
        rows = still[still["region_id"].isin(keys)]
        if len(rows):
            cells.append((words["rules"].get(rule, display(rule)), _with_levels(rows)))
    return Grid((words["rule"], words["places"]), tuple(cells))


def _with_levels(rows: pd.DataFrame) -> str:
    """Return the names of regions, each with its level."""
    levels = rows["risk_level"].fillna(INSUFFICIENT)
    return ", ".join(
        f"{name} {level_sign(int(level), at_least=is_told(least))}"
        for name, level, least in zip(region_names(rows), levels, rows["at_least"], strict=True)
    )


def _rule_texts(layer: RiskLayer, words: Mapping[str, Any]) -> pd.Series:
    """Return the rules that spoke for each region, with what they found where that is told."""
    rows = layer.audit[layer.audit["layer"] == layer.headline]
    texts = []
    for rule, detail in zip(rows["rule"], rows["detail"], strict=True):
        said = words["rules"].get(rule, display(rule))
        found = display(detail)
        texts.append(f"{said} ({found})" if found else said)
    told = pd.Series(texts, rows["region_id"], dtype="object")
    return told.groupby(level=0).agg(lambda lines: " ".join(dict.fromkeys(lines)))


def flag_rows(table: pd.DataFrame, words: Mapping[str, Any]) -> Grid:
    """Return the levels that are to be read with care, and why.

    Parameters
    ----------
    table
        Rows of a published table.
    words
        A catalogue.

    Returns
    -------
    Grid
        A row for each reason, with its regions.
    """
    flags = flag_table(table)
    cells = [
        (str(words["flags"][flag]), _with_levels(table[flags[flag]]))
        for flag in flags.columns[flags.any()]
    ]
    return Grid((words["care"], words["places"]), tuple(cells))


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
    flags["kept"] = risks["level_as_of"].notna()
    for code in DOUBTS:
        told = [code in codes_in(text) for text in risks["reasons"]]
        flags[code] = pd.Series(told, risks.index, dtype=bool)
    return pd.DataFrame(
        {name: flag.fillna(value=False).astype(bool) for name, flag in flags.items()}
    )


def move_rows(layer: RiskLayer, table: pd.DataFrame, words: Mapping[str, Any]) -> Grid:
    """Return what would move each level, in plain words.

    Parameters
    ----------
    layer
        The risk layer.
    table
        Rows of its published table.
    words
        A catalogue.

    Returns
    -------
    Grid
        A row for each region of which something is known.
    """
    moves = find_moves(layer)
    moves = moves[moves["layer"] == layer.headline]
    texts = [
        move_text(kind, amount, level=int(level), p_any=p_any, words=words)
        for kind, amount, level, p_any in zip(
            moves["kind"], moves["amount"], moves["risk_level"], moves["p_any"], strict=True
        )
    ]
    told = pd.Series(texts, moves["region_id"], dtype="object").groupby(level=0).agg(" ".join)
    rows = table[table["region_id"].isin(told.index)]
    cells = [
        (name, level_words(int(level), words), told[key])
        for name, key, level in zip(
            region_names(rows), rows["region_id"], rows["risk_level"], strict=True
        )
    ]
    return Grid(tuple(words[key] for key in ("region", "level", "would_move")), tuple(cells))


def find_moves(layer: RiskLayer) -> pd.DataFrame:
    """Return the counterfactuals that would move the published level, up before down.

    Where a rule holds a level, more incidents may only bring the thresholds up to it: that would
    move nothing.
    """
    keys = ["region_id", "layer"]
    levels = layer.risks[[*keys, "risk_level"]].rename(columns={"risk_level": "level_now"})
    table = layer.counterfactuals.merge(levels, on=keys)
    up = (table["direction"] == "up") & (table["risk_level"] > table["level_now"])
    down = (table["direction"] == "down") & (table["risk_level"] < table["level_now"])
    moves = table[(up | down).fillna(value=False).astype(bool)]
    order = ["region_id", "layer", "direction", "amount"]
    return moves.sort_values(order, ascending=[True, True, False, True], ignore_index=True)


def move_text(
    kind: str, amount: float, *, level: int, p_any: float, words: Mapping[str, Any]
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

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> move_text("quiet", 74.0, level=3, p_any=0.041, words=catalogue("en"))
    'No such incident for 74 days: 3 moderate (4.1 %).'
    """
    key = "more_one" if (kind, amount) == ("more", 1) else kind
    said = level_words(level, words)
    return str(words["moves"][key].format(n=f"{amount:g}", level=said, p=percent(p_any)))
