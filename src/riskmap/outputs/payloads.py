"""What the map page knows: a compact, columnar payload without free text of any source."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.changes import CAUSES
from riskmap.assessment.exposures import LARGEST_GAP
from riskmap.assessment.layers import CONFIDENCES, LAYERS, SUFFICIENCIES, TRENDS, WINDOWS
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.editions import level_meaning, reason_codes, relevance_rows
from riskmap.outputs.front_pages import attack_lines
from riskmap.outputs.geometries import group_shapes, label_points, svg_path
from riskmap.outputs.movements import flag_table, largest_parts
from riskmap.outputs.wordings import (
    NONE,
    codes_in,
    country_name,
    country_names,
    day,
    display,
    lies_here,
    notice,
    people_of,
)
from riskmap.panels.windows import step_windows
from riskmap.schema import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.bundles import Bundle

_MOVES = ("more", "quiet")
#: Why a region is not assessed, in the order in which they are told.
_REASONS = tuple(catalogue("en")["reasons_said"])
#: Smaller parts of a change would be shown as nothing.
_LEAST_CHANGE = 5e-4
#: Incidents that are listed.
INCIDENTS_A_REGION = 8
INCIDENTS = 2100
_DIGITS = 4
#: Digits of a count; the page prints two.
_COUNTED = 3
_TOLL = ("killed", "wounded", "abducted")
#: What the page tells of the provenance, by the names that it has there.
_VALIDITY = {
    "asOf": "as_of",
    "validFrom": "valid_from",
    "validUntil": "valid_until",
    "staleAfter": "stale_after",
    "days": "horizon_days",
}
_ORIGIN = ("model", "method_version", "boundary_source", "boundary_licence")


def map_payload(bundle: Bundle) -> dict[str, Any]:
    """Return all that the map page draws, as plain values."""
    layer, known, ids = bundle.layer, bundle.layer.provenance, bundle.regions["region_id"]
    drivers, rules = _kinds(layer.drivers["driver"]), _kinds(layer.audit["rule"])
    return {
        **_places(bundle),
        **_told(bundle),
        **{key: known.get(name) for key, name in _VALIDITY.items()},
        "headline": layer.headline,
        "origin": {key: display(known.get(key)) or NONE for key in _ORIGIN}
        | {"scale_id": layer.scale.scale_id},
        "scale": _scale(layer),
        "codes": {
            "confidences": CONFIDENCES,
            "sufficiencies": SUFFICIENCIES,
            "trends": TRENDS,
            "causes": CAUSES,
            "moves": _MOVES,
            "flags": [*_flags(layer.risks.head(0))],
            "reasons": _REASONS,
            "rules": [display(rule) for rule in rules],
        },
        "drivers": drivers,
        "layers": {
            name: _layer_columns(layer, name, ids)
            | _reasons(bundle, name, ids, drivers=drivers, rules=rules)
            | _sites(layer, name, ids)
            for name in _present(layer)
        },
        **_windows(layer, ids),
        "incidents": _newest_incidents(layer, ids),
    }


def _told(bundle: Bundle) -> dict[str, dict[str, Any]]:
    """Return what the page says of this layer in the words of each language."""
    layer, known = bundle.layer, bundle.layer.provenance
    countries = ";".join(sorted(bundle.regions["iso3"].dropna().unique()))
    texts: dict[str, Callable[[Mapping[str, Any]], Any]] = {
        "nations": lambda words: _nations(layer, words, country_name),
        "people": lambda words: _nations(layer, words, people_of),
        "areas": lambda words: country_names(countries, words),
        "notices": lambda words: notice(known, words),
        "meanings": lambda words: {
            name: [level_meaning(layer.scale, k, name, words) for k in range(6)]
            for name in _present(layer)
        },
    }
    editions = {code: bundle.edition(code) for code in languages()}
    return {
        "attacks": {code: attack_lines(told) for code, told in editions.items()},
        "relevance": {code: relevance_rows(told).rows for code, told in editions.items()},
        **{
            key: {code: tell(told.words) for code, told in editions.items()}
            for key, tell in texts.items()
        },
    }


def _present(layer: RiskLayer) -> list[str]:
    """Return the layers of which something is known; the headline always stands."""
    known = set(layer.risks.loc[layer.risks["p_any"].notna(), "layer"]) | {layer.headline}
    return [name for name in LAYERS if name in known]


def _places(bundle: Bundle) -> dict[str, Any]:
    """Return the regions and their parents as drawings with labels."""
    regions, drawing = bundle.regions, bundle.drawing
    parent_ids = regions["parent_id"].fillna(regions["parent"]).fillna("").astype("str")
    groups, keys = pd.factorize(parent_ids, sort=True)
    parents = group_shapes(drawing.shapes, groups, len(keys))
    names = regions["parent"].fillna("").groupby(groups).first()
    several = len(keys) > 1
    px, py, pr = label_points(parents)
    return {
        "view": [drawing.width, drawing.height],
        "regions": {
            "id": [display(key) for key in regions["region_id"]],
            "name": [
                display(name) or display(key)
                for name, key in zip(regions["name"], regions["region_id"], strict=True)
            ],
            "native": [display(name) for name in regions["names"]],
            "parent": groups.tolist(),
            "path": drawing.paths,
            **dict(zip("xyr", bundle.points, strict=True)),
        },
        "parents": {
            "name": [display(name) for name in names],
            "id": [display(key) for key in keys],
            "path": [svg_path(shape) if several else "" for shape in parents],
            "x": px,
            "y": py,
            "r": pr if several else [0] * len(keys),
        },
    }


def _scale(layer: RiskLayer) -> dict[str, Any]:
    """Return the levels, and their lower bounds carried over to the layer's own horizon."""
    power = layer.context.horizon_days / layer.scale.horizon_days
    return {
        "levels": [{"name": level.name, "colour": level.colour} for level in layer.scale.levels],
        "bounds": {
            name: [short(-np.expm1(power * np.log1p(-bound))) for bound in bounds]
            for name, bounds in sorted(layer.scale.thresholds.items())
        },
    }


def _nations(
    layer: RiskLayer, words: Mapping[str, Any], name: Callable[[str, Mapping[str, Any]], str]
) -> dict[str, str]:
    """Return the names of the countries of regions and of people hit, by their codes."""
    told = layer.incidents["nationality"].dropna().unique()
    people = {code.strip() for text in told for code in display(text).split(";")}
    codes = sorted((people | {*layer.regions["iso3"].dropna()}) - {""})
    names = {code: name(code, words) for code in codes}
    return {code: text for code, text in names.items() if text != code}


def _printed(value: Any) -> int | float | None:
    """Return a number with the two digits that the page prints, above 0.99 with all it needs."""
    number = short(value)
    if number is None or 0.99 < number < 1:  # noqa: PLR2004 - nothing is certain
        return number
    return short(float(f"{number:.2g}"))


def _percent(value: Any) -> int | float | None:
    """Return a probability in per cent, which is shorter."""
    return None if pd.isna(value) else short(100 * (_printed(value) or 0))


def _layer_columns(layer: RiskLayer, name: str, ids: pd.Series) -> dict[str, Any]:
    risks = layer.risks[layer.risks["layer"] == name].set_index("region_id").reindex(ids)
    columns: dict[str, Any] = {
        "level": [int(level) for level in risks["risk_level"].fillna(0)],
        **{key: [short(value) for value in risks[name]] for key, name in _NUMBERS.items()},
        "conf": codes_of(risks["confidence"], CONFIDENCES),
        "suff": codes_of(risks["data_sufficiency"], SUFFICIENCIES),
        "gap": [int(bool(gap)) for gap in risks["reporting_gap"].eq(other=True)],
    }
    columns |= {
        key: [printed(value) for value in risks[name]]
        for key, (name, printed) in _WHERE_KNOWN.items()
        if risks[name].notna().any()
    }
    if risks["trend"].notna().any():
        columns["trend"] = codes_of(risks["trend"], TRENDS)
    flags = _flags(risks)
    if flags.any(axis=None):
        columns["flags"] = (flags.to_numpy() @ (1 << np.arange(flags.shape[1]))).tolist()
    why = [
        codes_in(text) if level else codes
        for codes, level, text in zip(
            reason_codes(risks), columns["level"], risks["reasons"], strict=True
        )
    ]
    if any(why):
        columns["why"] = [
            sum(1 << _REASONS.index(code) for code in codes if code in _REASONS) for codes in why
        ]
    if risks["level_as_of"].notna().any():
        columns["asOf"] = [day(moment) for moment in risks["level_as_of"]]
    return columns


def _flags(risks: pd.DataFrame) -> pd.DataFrame:
    """Return the flags beside the reporting gap; the page gets one bit for each."""
    return flag_table(risks).drop(columns="reporting_gap")


def _reasons(
    bundle: Bundle, name: str, ids: pd.Series, *, drivers: list[str], rules: list[str]
) -> dict[str, Any]:
    """Return the drivers, what moved the levels and what would, flat for each region."""
    layer = bundle.layer
    parts, changes, audit, moves = (
        table[table["layer"] == name]
        for table in (layer.drivers, layer.changes, layer.audit, bundle.moves)
    )
    parts = parts[parts["value"] > 0].sort_values(
        ["region_id", "value", "driver"], ascending=[True, False, True]
    )
    changes = largest_parts(changes)
    changes = changes[changes["value"].abs() >= _LEAST_CHANGE]
    audit = audit.drop_duplicates(["region_id", "rule"])
    told: dict[str, tuple[Any, ...]] = {
        "drivers": (parts, codes_of(parts["driver"], drivers), map(short, parts["value"])),
        "moves": (
            moves,
            codes_of(moves["kind"], _MOVES),
            map(short, moves["amount"]),
            map(int, moves["risk_level"]),
            map(_printed, moves["p_any"]),
        ),
        "changes": (
            changes,
            codes_of(changes["cause"], CAUSES),
            (float(f"{value:.2g}") for value in changes["value"]),
        ),
        "rules": (audit, codes_of(audit["rule"], rules)),
    }
    return {
        key: _flat(rows, ids, *columns)
        for key, (rows, *columns) in told.items()
        if len(rows) or key == "drivers"
    }


def _sites(layer: RiskLayer, name: str, ids: pd.Series) -> dict[str, Any]:
    """Return each site and route: name, region, level, probability, attacked, known in part."""
    rows = layer.sites[layer.sites["layer"] == name]
    columns = (
        map(display, rows["site"]),
        codes_of(rows["region_id"], ids),
        map(int, rows["risk_level"]),
        map(_printed, rows["p_any"]),
        map(int, rows["attacked"].eq(other=True)),
        map(int, rows["assessed_share"].lt(1 - LARGEST_GAP)),
    )
    return {"sites": [*map(list, zip(*columns, strict=True))]} if len(rows) else {}


def _flat(rows: pd.DataFrame, ids: pd.Series, *columns: Iterable[Any]) -> list[list[Any]]:
    """Return what stands in the rows of each region, one after another, regions in order."""
    found: list[list[Any]] = [[] for _ in ids]
    for place, *row in zip(codes_of(rows["region_id"], ids), *columns, strict=True):
        if place >= 0:
            found[place] += row
    return found


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


def _kinds(values: pd.Series) -> list[str]:
    """Return what occurs among some texts, in order."""
    return sorted(values.dropna().unique())


#: Columns of risks by what the page calls them: those that all layers have, and those that are left
#: out where nothing is known, with how their numbers are printed.
_NUMBERS = {"p": "p_any", "e": "expected_count", "lo": "q05", "hi": "q95"}
_WHERE_KNOWN: dict[str, tuple[str, Callable[[Any], int | float | None]]] = {
    "least": ("p_least", _percent),
    "most": ("p_most", _percent),
    "before": ("level_before", short),
    "pBefore": ("p_before", _printed),
    "low": ("level_low", short),
    "high": ("level_high", short),
    "told": ("attacks_told", short),
    "victims": ("expected_victims", _printed),
    "severe": ("severe_scenario", short),
}


def _windows(layer: RiskLayer, ids: pd.Series) -> dict[str, Any]:
    """Return the last windows, and what was counted in them: region, window, count, and so on.

    Of a layer that knows no counts there are none.
    """
    known, rows = layer.context, layer.counts
    if rows.empty:
        return {"frames": [], "counts": {}}
    first = rows["window_start"].min() if known.history_start is None else known.history_start
    edges = step_windows(known.as_of, first, every=known.every)[-WINDOWS - 1 :]
    places = {"region": codes_of(rows["region_id"], ids)}
    places["window"] = codes_of(rows["window_start"], pd.Series(edges[:-1]).astype(DAY))
    rows = rows.assign(**places).sort_values(["region", "window"])
    rows = rows[rows[["region", "window"]].min(axis=1) >= 0].copy()
    told = [short(float(f"{number:.{_COUNTED}g}")) for number in rows["incidents"]]
    rows["told"] = pd.Series(told, rows.index, dtype="object")
    return {
        "frames": [
            {"from": str(start), "last": str(end - np.timedelta64(1, "D"))}
            for start, end in pairwise(edges)
        ],
        "counts": {
            name: own[["region", "window", "told"]].to_numpy(dtype=object).ravel().tolist()
            for name, own in rows.groupby("layer")
        },
    }


def _newest_incidents(layer: RiskLayer, ids: pd.Series) -> dict[str, list[Any]]:
    """Return the newest incidents of each region: date, kind, toll, nationality, id; no notes.

    One that is known to an area, and to none of its regions, is listed under none of them.
    """
    table = layer.incidents[layer.incidents["region_id"].isin(ids) & lies_here(layer.incidents)]
    table = table.sort_values(["event_date", "incident_id"], ascending=[False, True], kind="stable")
    table = table[table.groupby("region_id").cumcount() < INCIDENTS_A_REGION].head(INCIDENTS)
    types = _kinds(table["event_type"])
    days = table["event_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    first = int(days.min()) if days.size else 0
    nationality = table["nationality"].map(display, na_action="ignore")
    nations = _kinds(nationality)
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
