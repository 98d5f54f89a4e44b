"""What the map page knows: a compact, columnar payload without free text of any source."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.changes import CAUSES
from riskmap.assessment.layers import CONFIDENCES, LAYERS, SUFFICIENCIES, TRENDS, WINDOWS
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.editions import level_meaning, reason_codes, relevance_rows
from riskmap.outputs.front_pages import attack_lines
from riskmap.outputs.geometries import group_shapes, label_points, svg_path
from riskmap.outputs.map_features import (
    codes_of,
    find_kinds,
    newest_incidents,
    other_names,
    parent_codes,
    printed,
    short,
    site_levels,
    site_places,
)
from riskmap.outputs.movements import flag_table, largest_parts
from riskmap.outputs.senders import name_group
from riskmap.outputs.wordings import (
    NONE,
    codes_in,
    country_name,
    country_names,
    day,
    display,
    notice,
    people_of,
)
from riskmap.panels.windows import step_windows
from riskmap.schema import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.bundles import Bundle

_MOVES = ("more", "quiet")
#: Why a region is not assessed, in the order in which they are told.
_REASONS = tuple(catalogue("en")["reasons_said"])
#: Smaller parts of a change would be shown as nothing.
_LEAST_CHANGE = 5e-4
#: Digits of a count; the page prints two.
_COUNTED = 3
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
    drivers, rules = find_kinds(layer.drivers["driver"]), find_kinds(layer.audit["rule"])
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
            | site_levels(layer, name, ids)
            for name in _present(layer)
        },
        **_windows(layer, ids),
        "incidents": newest_incidents(bundle),
        "ways": site_places(bundle),
    }


def _told(bundle: Bundle) -> dict[str, dict[str, Any]]:
    """Return what the page says of this layer in the words of each language."""
    layer, known = bundle.layer, bundle.layer.provenance
    countries = ";".join(sorted(bundle.regions["iso3"].dropna().unique()))
    texts: dict[str, Callable[[Mapping[str, Any]], Any]] = {
        "nations": lambda words: _nations(layer, words, country_name),
        "people": lambda words: _nations(layer, words, people_of),
        "groups": lambda words: name_group(layer, words),
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
    groups, keys = parent_codes(regions)
    parents = group_shapes(drawing.shapes, groups, len(keys))
    names = regions["parent"].fillna("").groupby(groups).first()
    several = len(keys) > 1
    px, py, pr = label_points(parents)
    also, has_towns = other_names(bundle)
    return {
        "view": [drawing.width, drawing.height],
        "towns": has_towns,
        "regions": {
            "id": [display(key) for key in regions["region_id"]],
            "name": [
                display(name) or display(key)
                for name, key in zip(regions["name"], regions["region_id"], strict=True)
            ],
            "native": [display(name) for name in regions["names"]],
            "also": also,
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


def _percent(value: Any) -> int | float | None:
    """Return a probability in per cent, which is shorter."""
    return None if pd.isna(value) else short(100 * (printed(value) or 0))


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
            map(printed, moves["p_any"]),
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


def _flat(rows: pd.DataFrame, ids: pd.Series, *columns: Iterable[Any]) -> list[list[Any]]:
    """Return what stands in the rows of each region, one after another, regions in order."""
    found: list[list[Any]] = [[] for _ in ids]
    for place, *row in zip(codes_of(rows["region_id"], ids), *columns, strict=True):
        if place >= 0:
            found[place] += row
    return found


#: Columns of risks by what the page calls them: those that all layers have, and those that are left
#: out where nothing is known, with how their numbers are printed.
_NUMBERS = {"p": "p_any", "e": "expected_count", "lo": "q05", "hi": "q95"}
_WHERE_KNOWN: dict[str, tuple[str, Callable[[Any], int | float | None]]] = {
    "least": ("p_least", _percent),
    "most": ("p_most", _percent),
    "before": ("level_before", short),
    "pBefore": ("p_before", printed),
    "low": ("level_low", short),
    "high": ("level_high", short),
    "told": ("attacks_told", short),
    "victims": ("expected_victims", printed),
    "severe": ("severe_scenario", short),
}


def _windows(layer: RiskLayer, ids: pd.Series) -> dict[str, Any]:
    """Return the last windows, and what was counted in them: region, window, count, and so on.

    Of a layer that knows no counts there are none; ``counted`` are the layers whose counts are
    told.
    """
    known, rows = layer.context, layer.counts
    if rows.empty:
        return {"frames": [], "counts": {}, "counted": []}
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
        # a layer that is not among the counts had none, but where they are held back
        "counted": ["violence"] if known.is_public else [*LAYERS],
    }
