"""Going shares: how many of the incidents that don't say who was hit are taken to be foreign.

A share ships with riskmap. Where a source that watches violence mostly says who was hit, its own
share is learnt instead, with the shipped one as a prior; below that it falls on many reports alone.
"""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from riskmap.incidents.scope import Scope
from riskmap.schema import FLAG, NUMBER, TEXT, Column, conform
from riskmap.settings import data_path

#: Shares: what part of the incidents that don't say who was hit is taken to have hit foreigners.
SHARE_COLUMNS = (
    Column("source", TEXT, "the feed or publisher"),
    Column("iso3", TEXT, "the country"),
    Column("reports", NUMBER, "violent incidents of the source there"),
    Column("unknown", NUMBER, "those of them that don't say who was hit"),
    Column("share", NUMBER, "share of these that is taken to have hit foreigners"),
    Column("share_low", NUMBER, "low end of its span"),
    Column("share_high", NUMBER, "high end of its span"),
    Column(
        "basis", TEXT, "'shipped', or 'learnt' from what the source tells", ("shipped", "learnt")
    ),
    Column("below_prior", FLAG, "whether it was learnt to be less than the shipped one"),
)

_SPAN = (0.05, 0.95)


@cache
def shipped_share() -> dict[str, Any]:
    """Return the share that ships with riskmap, its span, its prior and how it was found.

    Examples
    --------
    >>> shipped_share()["share"]
    0.01
    """
    return tomllib.loads(data_path("shares/foreign.toml").read_text(encoding="utf-8"))


def going_shares(told: pd.DataFrame) -> pd.DataFrame:
    """Return the going share of each source in each country.

    Parameters
    ----------
    told : DataFrame
        ``source, iso3, scope, reports, told, foreign``: violent incidents, those of them of which
        it is known who was hit, and those of these in which foreigners were.

    Returns
    -------
    DataFrame
        :data:`SHARE_COLUMNS`, one row a source and country, sorted by them.

    Examples
    --------
    >>> rows = pd.DataFrame({"source": ["desk", "acled"], "iso3": "XQA", "reports": [400, 900],
    ...                      "scope": "violence; reach=countries", "told": [390, 0],
    ...                      "foreign": [20, 0]})
    >>> going_shares(rows)[["source", "share", "basis"]].round(3).values.tolist()
    [['acled', 0.01, 'shipped'], ['desk', 0.033, 'learnt']]
    """
    shipped = shipped_share()
    counts = ["reports", "told", "foreign"]
    watches = told["scope"].map(_watches_violence).to_numpy(dtype=bool)
    own = told[counts].mul(watches, axis=0).add_prefix("own_")
    keys = told[["source", "iso3"]]
    rows = pd.concat([keys, told[counts], own], axis=1).groupby(["source", "iso3"], dropna=False)
    table = rows.sum().reset_index()
    hit, known = table["own_foreign"], table["own_told"]
    foreign = shipped["prior_foreign"] + hit
    others = shipped["prior_others"] + (known - hit).clip(lower=0)
    mean = foreign / (foreign + others)
    names_victims = (known > 0) & (known >= shipped["least_told_share"] * table["own_reports"])
    many = known >= shipped["least_told_below"]
    learnt = (names_victims & ((mean >= shipped["share"]) | many)).to_numpy(dtype=bool)
    low, high = (stats.beta.ppf(q, foreign, others) for q in _SPAN)
    told_alone = stats.beta.ppf(_SPAN[1], hit + 0.5, (known - hit).clip(lower=0) + 0.5)
    found = table.assign(
        unknown=table["reports"] - table["told"],
        share=np.where(learnt, mean, shipped["share"]),
        share_low=np.where(learnt, low, shipped["low"]),
        share_high=np.where(learnt, np.maximum(high, told_alone), shipped["high"]),
        basis=np.where(learnt, "learnt", "shipped"),
        below_prior=learnt & (mean < shipped["share"]).to_numpy(dtype=bool),
    )
    found = found.astype({"reports": float, "unknown": float})
    return conform(found[[column.name for column in SHARE_COLUMNS]], SHARE_COLUMNS)


def _watches_violence(scope: object) -> bool:
    return isinstance(scope, str) and Scope.parse(scope).covers("violence")
