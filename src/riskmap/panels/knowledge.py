"""Knowledge: what could have been told of each region and layer, by whom, and what was lost.

What is told raises; only watched silence lowers; unknown is not zero.

Of the incidents that don't say who was hit, a going share is taken to be foreign. One ships with
riskmap. Where a source that watches violence mostly says who was hit, its own share is learnt
instead, with the shipped one as a prior; below that it falls on many reports alone.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from riskmap.incidents.scope import Scope
from riskmap.panels.doubts import Doubts, find_doubts
from riskmap.panels.lapses import default_rules
from riskmap.panels.watchers import names_region
from riskmap.places.placements import MEMORY_DAYS
from riskmap.schema import FLAG, NUMBER, TEXT, Column, conform
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.lapses import Rules
    from riskmap.panels.watchers import Watcher
    from riskmap.typing import FloatArray, IntArray

#: The layers that a panel tells of without a group.
LAYERS = ("violence", "foreign")


def know_regions(
    seen: pd.DataFrame,
    keys: pd.DataFrame,
    watchers: list[Watcher],
    *,
    today: int,
    lost: pd.DataFrame | None = None,
    times: Mapping[str, FloatArray] | None = None,
    group: WorkerGroup | None = None,
) -> pd.DataFrame:
    """Return what is known of each region and layer: one table that everything is judged from.

    Parameters
    ----------
    seen : DataFrame
        ``position, day, source, scope, reports, told``: the reports that named one region each;
        ``told`` of them say who was hit.
    keys : DataFrame
        ``region_id, iso3`` of the regions in order.
    watchers
        From :func:`find_watchers`.
    today
        The day, since 1970.
    lost : DataFrame, optional
        ``region_id, event_date, weight`` of rows that named a region and were set aside.
    times : mapping of str to ndarray, optional
        How many times higher the rate of each region is without a source that is hardly a main one,
        by layer; that of `foreign` is the group's too.
    group
        Whose layer is known too.

    Returns
    -------
    DataFrame
        One row a region and layer: ``region_id, layer, watched, named, sources, reports,
        last_report_days, rows_spread, rows_lost, data_sufficiency, confidence, reporting_gap,
        reasons``.

    Examples
    --------
    >>> seen = pd.DataFrame({"position": 0, "day": range(0, 700, 7), "source": "a",
    ...                      "scope": "foreign; reach=reports", "reports": 1, "told": 1})
    >>> keys = pd.DataFrame({"region_id": ["a", "b"], "iso3": "XQA"})
    >>> from riskmap.panels.watchers import find_watchers
    >>> watchers = find_watchers(seen, keys, today=700)
    >>> table = know_regions(seen, keys, watchers, today=700)
    >>> table[["region_id", "layer", "watched", "reasons"]].values.tolist()[2:]
    [['b', 'violence', False, 'not_covered;no_reports'], ['b', 'foreign', False, 'no_reports']]
    """
    rules = default_rules()
    region = _Region.of(seen, keys, lost=lost, today=today, rules=rules)
    layers = (*LAYERS, "group") if group is not None else LAYERS
    tables = [
        _know_layer(layer, keys, region, watchers, group=group, today=today) for layer in layers
    ]
    for layer, table in zip(layers, tables, strict=True):
        known = "foreign" if layer == "group" else layer
        table["border_times"] = 1.0 if times is None else times.get(known, 1.0)
    whole = pd.concat(tables).sort_index(kind="stable")
    return whole.reset_index(drop=True)


@dataclass(frozen=True)
class _Region:
    """What was reported from each region, whatever the layer."""

    seen: pd.DataFrame
    named: FloatArray
    last: FloatArray
    gap: NDArray[np.bool_]
    spread: FloatArray
    doubts: Doubts
    unclear: NDArray[np.bool_]
    unclear_lately: NDArray[np.bool_]
    names_victims: set[tuple[str, str]]
    tell_much: dict[tuple[str, str], NDArray[np.bool_]]

    @classmethod
    def of(
        cls,
        seen: pd.DataFrame,
        keys: pd.DataFrame,
        *,
        lost: pd.DataFrame | None,
        today: int,
        rules: Rules,
    ) -> _Region:
        """Sum up the reports of each region."""
        n = len(keys)
        sharp = seen[seen["position"] >= 0]
        position, day = (sharp[name].to_numpy(dtype=np.int64) for name in ("position", "day"))
        reports = sharp["reports"].to_numpy(dtype=float)
        recent = day >= today - rules.recent_days
        named = np.bincount(position, reports, n).astype(float)
        own = names_region(sharp)
        last, gap = _gaps(position[own], day[own], n=n, today=today, rules=rules)
        sharp = sharp.assign(**{k: 0.0 for k in ("foreign", "unclear", "spread") if k not in sharp})
        marks = day >= today - rules.attack_days  # it would mark an attack, had they been foreign
        spread, unclear, lately = (
            np.bincount(position, sharp[name].to_numpy(float) * some, n).astype(float)
            for name, some in (("spread", recent), ("unclear", recent), ("unclear", marks))
        )
        doubts = find_doubts(
            lost,
            keys,
            sharp,
            today=today,
            recent_days=rules.recent_days,
            lost_share=rules.lost_share,
        )
        iso3 = keys["iso3"].fillna("").to_numpy(dtype=object)[sharp["position"]]
        by = [
            sharp["source"].fillna("").rename("source"),
            pd.Series(iso3, sharp.index, name="iso3"),
        ]
        late = sharp["day"] >= today - rules.lately_days
        # the sources, by country, that lately say who was hit, whatever their scope claims
        told = sharp.loc[late, ["told", "reports"]].groupby([one[late] for one in by]).sum()
        some = told["told"] >= shipped_share()["least_told_share"] * told["reports"]
        names = set(told.index[some & (told["told"] > 0)])
        much = _tell_much(sharp, by, today=today, n=n, rules=rules)
        return cls(sharp, named, last, gap, spread, doubts, unclear > 0, lately > 0, names, much)


def _tell_much(
    seen: pd.DataFrame, by: list[pd.Series], *, today: int, n: int, rules: Rules
) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """Return the regions of which much would lack without a source, by source and country.

    Those of which it told more than a tenth in ten years; all where it told as much of its country
    in one of them, for it may have stopped since.
    """
    late = seen["reports"].where(seen["day"] >= today - MEMORY_DAYS, 0.0)
    found: dict[tuple[str, str], NDArray[np.bool_]] = {}
    years = (today - seen["day"]) // rules.recent_days
    for wide, what, whole in ((False, seen["position"], []), (True, years, ["iso3"])):
        told = late.groupby([*by, what.rename("what")]).sum()
        among = told.groupby([*whole, "what"]).transform("sum")
        for source, iso3, at in told.index[told > rules.lost_share * among]:
            much = found.setdefault((source, iso3), np.zeros(n, dtype=bool))
            much[slice(None) if wide else at] = True
    return found


def _gaps(
    position: IntArray, day: IntArray, *, n: int, today: int, rules: Rules
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the days since each region was last named, and where that is a gap.

    The rate is that of the last year before the silence: a long old history does not stretch it.
    As a silence of a source, one of a region is told for five years: wars move on.
    """
    pairs = np.unique(np.stack([position, day]), axis=1) if len(day) else np.empty((2, 0), int)
    last = np.full(n, -np.inf)
    np.maximum.at(last, pairs[0], pairs[1])
    near = pairs[1] > last[pairs[0]] - rules.recent_days
    often = np.bincount(pairs[0][near], minlength=n)
    quiet = np.where(np.isfinite(last), today - last, np.nan)
    # a year is chosen for its last report, and reports come in bursts: two fewer tell the rate
    expected = np.maximum(often - 2, 0) / rules.recent_days * np.nan_to_num(quiet)
    sure = -np.expm1(-expected) > rules.region_gap_probability
    return quiet, sure & (quiet > rules.least_gap_days) & (quiet <= rules.gap_days)


@dataclass(frozen=True)
class _Watch:
    """Who watches a layer in each region, and who no longer does."""

    watched: NDArray[np.bool_]
    by_name: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    was_silent: NDArray[np.bool_]
    names: list[list[str]]

    @classmethod
    def of(
        cls,
        layer: str,
        sector: str | None,
        keys: pd.DataFrame,
        region: _Region,
        *,
        watchers: list[Watcher],
        today: int,
    ) -> _Watch:
        """Ask each source."""
        n, rules = len(keys), default_rules()
        watched, by_name, covered, silent, stopped, was_silent = np.zeros((6, n), dtype=bool)
        names: list[list[str]] = [[] for _ in range(n)]
        able = [one for one in watchers if one.scope.covers(layer, sector)]
        covered |= keys["iso3"].isin(list({one.iso3 for one in able})).to_numpy()
        for one in able:
            if one.watches(layer):
                watched[one.regions] = True
                names_victims = (one.source, one.iso3) in region.names_victims
                by_name[one.regions] |= layer == "violence" or names_victims
                for position in one.regions:
                    names[position].append(one.source)
        parents = keys["parent_id"].to_numpy(dtype=object) if "parent_id" in keys else None
        for one in watchers:  # one that sees a part of the layer is missed when it stops
            around, much = _around(one, parents), region.tell_much.get((one.source, one.iso3))
            if layer == "violence" and layer not in one.scope.layers:
                around = around[:0] if much is None else around[much[around]]
            if not one.watches(layer):
                silent[np.intersect1d(one.regions, around)] = True
                is_missed = one.stopped or one.watches("violence")
                stopped[around] |= is_missed & ~(one.over & watched[around])
            if one.had_gap(layer) > today - rules.gap_days:
                was_silent[around] = True
        return cls(watched, by_name, covered, silent & ~watched | stopped, was_silent, names)


def _know_layer(
    layer: str,
    keys: pd.DataFrame,
    region: _Region,
    watchers: list[Watcher],
    *,
    group: WorkerGroup | None,
    today: int,
) -> pd.DataFrame:
    """Return what is known of one layer."""
    n, rules = len(keys), default_rules()
    sector = group.sector if group is not None else None
    watch = _Watch.of(layer, sector, keys, region, watchers=watchers, today=today)
    watched, silent, by_name = watch.watched, watch.silent, watch.by_name
    home = np.zeros(n, dtype=bool)
    if layer == "group" and group is not None and group.nationality:
        home = (keys["iso3"].isin(group.nationality) & (len(group.nationality) == 1)).to_numpy()
    reports = _could_tell(layer, region, sector, n=n, today=today)
    doubts = region.doubts
    wide = layer == "violence"  # a few lost rows may be all that told of foreigners
    is_lost = doubts.is_lost if wide else doubts.is_lost_foreign
    known = watched & ~is_lost & ~home
    gap = region.gap | silent | is_lost | watch.was_silent
    enough = reports >= rules.sufficient_reports
    sufficiency = np.select([~known, ~enough | gap], ["insufficient", "sparse"], "sufficient")
    unclear = region.unclear_lately if wide else region.unclear
    sure = (sufficiency == "sufficient") & by_name & ~(unclear & (not wide))
    confidence = np.select([~sure, reports < rules.confident_reports], ["low", "medium"], "high")
    codes = {
        "at_home": home,
        "rows_lost": is_lost,
        "silent": silent,
        "not_covered": ~watched & ~silent & ~watch.covered,
        "no_reports": ~watched & (region.named == 0),
        "gap": watch.was_silent & ~silent,
        "unclear": unclear,
    }
    return pd.DataFrame(
        {
            "region_id": keys["region_id"].to_numpy(),
            "layer": layer,
            "watched": known,
            "named": by_name & known,
            "sources": ["; ".join(dict.fromkeys(sorted(told))) or None for told in watch.names],
            "reports": reports,
            "last_report_days": region.last,
            "rows_spread": region.spread,
            "rows_lost": doubts.lost,
            "may_be_here": doubts.may_be if wide else doubts.may_be_foreign,
            "hazard_times": doubts.times if wide else doubts.times_foreign,
            "data_sufficiency": sufficiency,
            "confidence": confidence,
            "reporting_gap": gap,
            "reasons": [
                ";".join(c for c, rows in codes.items() if rows[i]) or None for i in range(n)
            ],
        }
    )


def _around(one: Watcher, parents: NDArray[np.object_] | None) -> IntArray:
    """Return the regions that are missed with a source: of a log, those of the same province too.

    What it would have told in a silence is not known, nor from where.
    """
    if one.scope.reach != "reports" or parents is None:
        return one.regions
    same = np.isin(parents, [name for name in parents[one.regions] if pd.notna(name)])
    return np.union1d(np.flatnonzero(same), one.regions)


def _could_tell(
    layer: str, region: _Region, sector: str | None, *, n: int, today: int
) -> FloatArray:
    """Return how many reports of ten years could have told of a layer: by scope, or knowing it."""
    seen = region.seen
    scopes = {text: Scope.parse(text) for text in seen["scope"].dropna().unique()}
    able = {
        text
        for text, scope in scopes.items()
        if layer in scope.layers or scope.covers(layer, sector) or "violence" in scope.layers
    }
    whole = seen["scope"].isin(able).to_numpy()
    told = seen["reports"] if layer == "violence" else seen["told"]
    number = np.where(whole, seen["reports"], told) * (seen["day"] >= today - MEMORY_DAYS)
    return np.bincount(seen["position"].to_numpy(dtype=np.int64), number, n).astype(float)


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
