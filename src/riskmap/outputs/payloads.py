"""What the map page knows: a compact, columnar payload without free text of any source."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.changes import CAUSES
from riskmap.assessment.consequences import CONSEQUENCES
from riskmap.assessment.exposures import LARGEST_GAP
from riskmap.assessment.layers import CONFIDENCES, LAYERS, SUFFICIENCIES, TRENDS
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.editions import GROUP, level_meaning, reason_codes, weight_words
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
from riskmap.panels.cells import GRAIN, Cells, day_numbers, sum_cells
from riskmap.panels.measures import measure
from riskmap.panels.windows import step_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.bundles import Bundle
    from riskmap.typing import FloatArray

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
    "lifted",
)
#: Why a region is not assessed, in the order in which they are told.
_REASONS = tuple(catalogue("en")["reasons_said"])
#: Smaller parts of a change would be shown as nothing.
_LEAST_CHANGE = 5e-4
#: Windows that the slider steps through, and incidents that are listed.
FRAMES = 24
INCIDENTS_A_REGION = 8
INCIDENTS = 2100
_DIGITS = 4
#: Digits of a count; the page prints two.
_COUNTED = 3
_TOLL = ("killed", "wounded", "abducted")


def map_payload(bundle: Bundle) -> dict[str, Any]:
    """Return all that the map page draws, as plain values."""
    layer, known, ids = bundle.layer, bundle.layer.provenance, bundle.regions["region_id"]
    countries = ";".join(sorted(bundle.regions["iso3"].dropna().unique()))
    names, windows = _kinds(layer.drivers["driver"]), _find_windows(layer)

    def in_each(tell: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
        return {code: tell(catalogue(code)) for code in languages()}

    return {
        **_places(bundle),
        "nations": in_each(lambda words: _nations(layer, words, country_name)),
        "people": in_each(lambda words: _nations(layer, words, people_of)),
        "attacks": {code: [*attack_lines(bundle.edition(code))] for code in languages()},
        "areas": in_each(lambda words: country_names(countries, words)),
        "headline": layer.headline,
        "asOf": known.get("as_of"),
        "validFrom": known.get("valid_from"),
        "validUntil": known.get("valid_until"),
        "staleAfter": known.get("stale_after"),
        "days": known.get("horizon_days"),
        "notices": in_each(lambda words: notice(known, words)),
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
            "rules": [display(rule) for rule in _kinds(layer.audit["rule"])],
        },
        "drivers": names,
        "layers": {
            name: _layer_columns(layer, name, ids)
            | {"drivers": _parts(layer, name, ids, names)}
            | _reasons(bundle, name, ids)
            | _sites(layer, name, ids)
            for name in _present(layer)
        },
        "frames": [
            {"from": str(start), "last": str(end - np.timedelta64(1, "D"))}
            for start, end in pairwise(windows[-FRAMES - 1 :])
        ],
        "counts": _count_windows(layer, ids, windows),
        "incidents": _newest_incidents(layer, ids),
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
        "meanings": {
            code: {
                name: [level_meaning(layer.scale, k, name, catalogue(code)) for k in range(6)]
                for name in _present(layer)
            }
            for code in languages()
        },
        "consequences": [[name, low] for name, low in CONSEQUENCES.items()],
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


def _group(layer: RiskLayer) -> dict[str, Any]:
    """Return whom the group's layer is about, and what grades weigh; empty without a group."""
    known = layer.provenance
    table = known.get("relevance") or {}
    grades = {
        code: {display(grade): weight_words(w, catalogue(code)) for grade, w in table.items()}
        for code in (languages() if table else [])
    }
    told = {key: display(known[key]) for key in GROUP if display(known.get(key))}
    kinds = {code: catalogue(code)["staff_types"] for code in grades}
    about = {
        code: {key: kinds[code].get(text, text) for key, text in told.items()} for code in grades
    }
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


def _reasons(bundle: Bundle, name: str, ids: pd.Series) -> dict[str, Any]:
    """Return what moved the levels and what would, flat for each region; nothing when unknown."""
    layer, moves = bundle.layer, bundle.moves[bundle.moves["layer"] == name]
    rules = _kinds(layer.audit["rule"])
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
        "rules": (audit["region_id"], [[code] for code in codes_of(audit["rule"], rules)]),
    }
    return {key: _flat(keys, rows, ids) for key, (keys, rows) in told.items() if rows}


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


def _flat(keys: pd.Series, rows: list[list[Any]], ids: pd.Series) -> list[list[Any]]:
    """Return the rows of each region one after another, in the order of the regions."""
    found: list[list[Any]] = [[] for _ in ids]
    for place, row in zip(codes_of(keys, ids), rows, strict=True):
        if place >= 0:
            found[place] += row
    return found


def _parts(layer: RiskLayer, name: str, ids: pd.Series, names: list[str]) -> list[list[Any]]:
    """Return for each region its drivers as driver, value, driver, value ..."""
    rows = layer.drivers[(layer.drivers["layer"] == name) & (layer.drivers["value"] > 0)]
    rows = rows.sort_values(["region_id", "value", "driver"], ascending=[True, False, True])
    values = zip(codes_of(rows["driver"], names), map(short, rows["value"]), strict=True)
    return _flat(rows["region_id"], [*map(list, values)], ids)


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


def _find_windows(layer: RiskLayer) -> NDArray[np.datetime64]:
    """Return the edges of the panel's windows; empty when nothing was counted."""
    dates, known = layer.incidents["event_date"], layer.context
    if dates.isna().all():
        return np.array([], dtype="datetime64[D]")
    start = dates.min() if known.history_start is None else known.history_start
    return step_windows(known.as_of, start, every=known.every)


def _count_windows(
    layer: RiskLayer, ids: pd.Series, windows: NDArray[np.datetime64]
) -> dict[str, list[Any]]:
    """Return what the panel counts in the last windows, for each layer that it has a series of.

    An incident whose day is known to its month is spread over windows, as in the panel. The group's
    incidents weigh what its table of relevance says, where the layer tells how they bear on it.

    Returns
    -------
    dict of str to list
        Region, window, count, one after another; what is zero is left out.
    """
    if not len(windows):
        return {}
    table, edges = layer.incidents, day_numbers(windows)
    first = day_numbers(table["event_date"].to_numpy())
    last = day_numbers(table["event_date_end"].fillna(table["event_date"]).to_numpy())
    region = pd.Index(ids).get_indexer(table["region_id"])
    inside = (region >= 0) & (last >= edges[0]) & (first < edges[-1])
    rows = table[inside]
    found = {}
    for name, (values, weights) in _series(layer, rows).items():
        cells = Cells(
            position=region[inside],
            first=first[inside],
            last=last[inside],
            grains=(weights / GRAIN).astype(np.int64),
            series={name: values},
        )
        sums = sum_cells(cells, n_regions=len(ids), edges=windows)[name]
        found[name] = _sparse(sums.reshape(len(ids), -1)[:, -FRAMES:])
    return found


def _series(layer: RiskLayer, rows: pd.DataFrame) -> dict[str, tuple[Any, FloatArray]]:
    """Return for each layer what each row adds to its series, and with what weight."""
    weights = rows["weight"].to_numpy(dtype=float)
    series = {name: (values, weights) for name, values in measure(rows).items() if name in LAYERS}
    relevance = layer.context.relevance
    if "relevance" in rows and relevance:
        grades = rows["relevance"].map(relevance).fillna(0).to_numpy(dtype=float)
        series["group"] = (np.ones(len(rows), dtype=np.int64), weights * grades)
    return series


def _sparse(counts: FloatArray) -> list[Any]:
    """Return what is not zero as row, column, value, one after another."""
    flat: list[Any] = []
    for row, column in np.argwhere(counts).tolist():
        flat += [row, column, short(float(f"{counts[row, column]:.{_COUNTED}g}"))]
    return flat


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
