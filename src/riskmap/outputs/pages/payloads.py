"""What the map page knows: a compact, columnar payload without free text of any source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.changes import CAUSES
from riskmap.assessment.consequences import CONSEQUENCES
from riskmap.assessment.layers import CONFIDENCES, LAYERS, SUFFICIENCIES, TRENDS
from riskmap.errors import InputError
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.contexts import GROUP, level_meaning, reason_codes, weight_words
from riskmap.outputs.front_pages import attack_lines
from riskmap.outputs.geometries import prepare_geometries
from riskmap.outputs.movements import find_moves, flag_table, largest_parts
from riskmap.outputs.pages.histories import (
    codes_of,
    count_windows,
    find_windows,
    frames_of,
    newest_incidents,
    short,
)
from riskmap.outputs.projections import draw_regions, group_shapes, label_points, svg_path
from riskmap.outputs.reports import translated
from riskmap.outputs.tables import risk_table
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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from riskmap.assessment.layers import RiskLayer

_MOVES = ("more", "quiet")
#: Flags beside the reporting gap; the page gets one bit for each.
_FLAGS = (
    "fragile",
    "single_source",
    "held",
    "kept",
    "rows_lost",
    "borderline",
    "unclear",
    "at_least",
    "attacked",
)
#: Why a region is not assessed, in the order in which they are told.
_REASONS = tuple(catalogue("en")["reasons_said"])
#: Smaller parts of a change would be shown as nothing.
_LEAST_CHANGE = 5e-4


def map_payload(layer: RiskLayer, *, earlier: Sequence[RiskLayer] = ()) -> dict[str, Any]:
    """Return all that the map page draws, as plain values.

    Parameters
    ----------
    layer
        The risk layer.
    earlier
        Layers of the same regions, issued before, oldest first.

    Raises
    ------
    InputError
        When an earlier layer has other regions.
    """
    regions = layer.regions.sort_values("region_id", ignore_index=True)
    ids = regions["region_id"]
    for other in earlier:
        if not other.regions["region_id"].sort_values(ignore_index=True).equals(ids):
            raise InputError("an earlier layer has other regions", column="region_id")
    names = _drivers(layer)
    windows = find_windows(layer)
    known = layer.provenance
    countries = ";".join(sorted(regions["iso3"].dropna().unique()))
    return {
        **_places(regions),
        "nations": {code: _nations(layer, catalogue(code), country_name) for code in languages()},
        "people": {code: _nations(layer, catalogue(code), people_of) for code in languages()},
        "attacks": {code: _attacks(layer, catalogue(code)) for code in languages()},
        "areas": {code: country_names(countries, catalogue(code)) for code in languages()},
        "headline": layer.headline,
        "asOf": known.get("as_of"),
        "validFrom": known.get("valid_from"),
        "validUntil": known.get("valid_until"),
        "staleAfter": known.get("stale_after"),
        "days": known.get("horizon_days"),
        "notices": {code: notice(known, catalogue(code)) for code in languages()},
        "group": _group(layer),
        "origin": {
            key: display(known.get(key)) or NONE
            for key in ("model", "method_version", "boundary_source", "boundary_licence")
        }
        | {"scale_id": layer.scale.scale_id},
        "scale": _scale(layer),
        "codes": {
            "confidences": CONFIDENCES,
            "sufficiencies": SUFFICIENCIES,
            "trends": TRENDS,
            "causes": CAUSES,
            "moves": _MOVES,
            "flags": _FLAGS,
            "reasons": _REASONS,
            "rules": [display(rule) for rule in _rules(layer)],
        },
        "drivers": names,
        "layers": {
            name: _layer_columns(layer, name, ids)
            | {"drivers": _parts(layer, name, ids, names)}
            | _reasons(layer, name, ids)
            for name in _present(layer)
        },
        "frames": frames_of(windows) if not earlier else [{"to": _as_of(one)} for one in earlier],
        "earlier": [_earlier(one, layer, ids) for one in earlier],
        "counts": {} if earlier else count_windows(layer, ids, windows),
        "incidents": newest_incidents(layer, ids),
    }


def _present(layer: RiskLayer) -> list[str]:
    """Return the layers of which something is known; the headline always stands."""
    known = set(layer.risks.loc[layer.risks["p_any"].notna(), "layer"]) | {layer.headline}
    return [name for name in LAYERS if name in known]


def _places(regions: Any) -> dict[str, Any]:
    """Return the regions and their parents as drawings with labels."""
    drawing = draw_regions(prepare_geometries(regions.geometry))
    parent_ids = regions["parent_id"].fillna(regions["parent"]).fillna("").astype("str")
    groups, keys = pd.factorize(parent_ids, sort=True)
    parents = group_shapes(drawing.shapes, groups, len(keys))
    names = regions["parent"].fillna("").groupby(groups).first()
    several = len(keys) > 1
    x, y, r = label_points(drawing.shapes)
    px, py, pr = label_points(parents)
    return {
        "view": [drawing.width, drawing.height],
        "regions": {
            "id": [display(key) for key in regions["region_id"]],
            "name": _names(regions),
            "native": [display(name) for name in regions["names"]],
            "parent": groups.tolist(),
            "path": drawing.paths,
            "x": x,
            "y": y,
            "r": r,
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


def _names(regions: pd.DataFrame) -> list[str]:
    return [
        display(name) or display(key)
        for name, key in zip(regions["name"], regions["region_id"], strict=True)
    ]


def _scale(layer: RiskLayer) -> dict[str, Any]:
    """Return the levels, and their lower bounds carried over to the layer's own horizon."""
    power = layer.provenance["horizon_days"] / layer.scale.horizon_days
    return {
        "levels": [{"name": level.name, "colour": level.colour} for level in layer.scale.levels],
        "bounds": {
            name: [short(-np.expm1(power * np.log1p(-bound))) for bound in bounds]
            for name, bounds in sorted(layer.scale.thresholds.items())
        },
        "meanings": {
            code: {
                name: [level_meaning(layer.scale, k, name, catalogue(code)) for k in range(6)]
                for name in _present(layer)
            }
            for code in languages()
        },
        "consequences": [[name, low] for name, low in CONSEQUENCES.items()],
    }


def _attacks(layer: RiskLayer, words: Mapping[str, Any]) -> list[str]:
    """Return the attacks that hold levels up, as page one of an advisory tells them."""
    return [*attack_lines(layer, translated(risk_table(layer), words), words)]


def _nations(
    layer: RiskLayer, words: Mapping[str, Any], name: Callable[[str, Mapping[str, Any]], str]
) -> dict[str, str]:
    """Return the names of the countries of regions and of people hit, by their codes."""
    told = layer.incidents["nationality"].dropna().unique()
    people = {code.strip() for text in told for code in display(text).split(";")}
    codes = sorted((people | {*layer.regions["iso3"].dropna()}) - {""})
    names = {code: name(code, words) for code in codes}
    return {code: text for code, text in names.items() if text != code}


def _group(layer: RiskLayer) -> dict[str, Any]:
    """Return whom the group's layer is about, and what grades weigh; empty without a group."""
    known = layer.provenance
    table = known.get("relevance") or {}
    grades = {
        code: {display(grade): weight_words(w, catalogue(code)) for grade, w in table.items()}
        for code in (languages() if table else [])
    }
    about = {key: display(known[key]) for key in GROUP if display(known.get(key))}
    return {"about": about, "grades": grades} if grades else {}


def _printed(value: Any) -> int | float | None:
    """Return a number with the two digits that the page prints, above 0.99 with all it needs."""
    number = short(value)
    if number is None or 0.99 < number < 1:  # noqa: PLR2004 - nothing is certain
        return number
    return short(float(f"{number:.2g}"))


def _percent(value: Any) -> int | float | None:
    """Return a probability in per cent, which is shorter."""
    return None if pd.isna(value) else short(100 * (_printed(value) or 0))


def _column(risks: pd.DataFrame, name: str) -> list[Any]:
    return [short(value) for value in risks[name]]


def _rows(layer: RiskLayer, name: str, ids: pd.Series) -> pd.DataFrame:
    return layer.risks[layer.risks["layer"] == name].set_index("region_id").reindex(ids)


def _layer_columns(layer: RiskLayer, name: str, ids: pd.Series) -> dict[str, Any]:
    risks = _rows(layer, name, ids)
    columns: dict[str, Any] = {
        "level": [int(level) for level in risks["risk_level"].fillna(0)],
        "p": _column(risks, "p_any"),
        "e": _column(risks, "expected_count"),
        "lo": _column(risks, "q05"),
        "hi": _column(risks, "q95"),
        "conf": codes_of(risks["confidence"], CONFIDENCES),
        "suff": codes_of(risks["data_sufficiency"], SUFFICIENCIES),
        "gap": [int(bool(gap)) for gap in risks["reporting_gap"].eq(other=True)],
    }
    told: dict[str, tuple[str, Callable[[Any], int | float | None]]] = {
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
    columns |= {
        key: [printed(value) for value in risks[name]]
        for key, (name, printed) in told.items()
        if risks[name].notna().any()
    }
    if risks["trend"].notna().any():
        columns["trend"] = codes_of(risks["trend"], TRENDS)
    flags = flag_table(risks)[list(_FLAGS)].to_numpy() @ (1 << np.arange(len(_FLAGS)))
    if flags.any():
        columns["flags"] = flags.tolist()
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


def _reasons(layer: RiskLayer, name: str, ids: pd.Series) -> dict[str, Any]:
    """Return what moved the levels and what would, flat for each region; nothing when unknown."""
    moves = find_moves(layer)
    moves = moves[moves["layer"] == name]
    changes = largest_parts(layer.changes[layer.changes["layer"] == name])
    changes = changes[changes["value"].abs() >= _LEAST_CHANGE]
    audit = layer.audit[layer.audit["layer"] == name].drop_duplicates(["region_id", "rule"])
    told: dict[str, tuple[pd.Series, list[list[Any]]]] = {
        "moves": (
            moves["region_id"],
            [
                [kind, short(amount), int(level), _printed(p_any)]
                for kind, amount, level, p_any in zip(
                    codes_of(moves["kind"], _MOVES),
                    moves["amount"],
                    moves["risk_level"],
                    moves["p_any"],
                    strict=True,
                )
            ],
        ),
        "changes": (
            changes["region_id"],
            [
                [cause, float(f"{value:.2g}")]
                for cause, value in zip(
                    codes_of(changes["cause"], CAUSES), changes["value"], strict=True
                )
            ],
        ),
        "rules": (audit["region_id"], [[code] for code in codes_of(audit["rule"], _rules(layer))]),
    }
    return {key: _flat(keys, rows, ids) for key, (keys, rows) in told.items() if rows}


def _rules(layer: RiskLayer) -> list[str]:
    return sorted(layer.audit["rule"].dropna().unique())


def _flat(keys: pd.Series, rows: list[list[Any]], ids: pd.Series) -> list[list[Any]]:
    """Return the rows of each region one after another, in the order of the regions."""
    found: list[list[Any]] = [[] for _ in ids]
    for place, row in zip(codes_of(keys, ids), rows, strict=True):
        if place >= 0:
            found[place] += row
    return found


def _earlier(other: RiskLayer, layer: RiskLayer, ids: pd.Series) -> dict[str, Any]:
    columns = {
        name: {key: found[key] for key in ("level", "p")}
        for name in _present(layer)
        for found in [_layer_columns(other, name, ids)]
    }
    return {"layers": columns}


def _as_of(layer: RiskLayer) -> str:
    return str(layer.provenance["as_of"])[:10]


def _drivers(layer: RiskLayer) -> list[str]:
    return sorted(layer.drivers["driver"].dropna().unique())


def _parts(layer: RiskLayer, name: str, ids: pd.Series, names: list[str]) -> list[list[Any]]:
    """Return for each region its drivers as driver, value, driver, value ..."""
    rows = layer.drivers[(layer.drivers["layer"] == name) & (layer.drivers["value"] > 0)]
    position = {key: i for i, key in enumerate(ids)}
    parts: list[list[Any]] = [[] for _ in ids]
    rows = rows.sort_values(["region_id", "value", "driver"], ascending=[True, False, True])
    for key, driver, value in zip(rows["region_id"], rows["driver"], rows["value"], strict=True):
        if key in position:
            parts[position[key]] += [names.index(driver), short(value)]
    return parts
