"""Profiles: what of a layer may leave the house.

A profile is a function from a layer to a layer, applied before anything is written, so that it
holds for every format alike. What it doesn't name stays inside: a column or table that is new is
private until somebody writes its name down here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.errors import InputError
from riskmap.schema import FLAG, REGION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.assessment.layers import RiskLayer

#: Fewer victims than this are not told: a number so small points at people.
K = 3

_REGIONS = tuple(column.name for column in REGION_COLUMNS)
_RISKS = (
    *("region_id", "layer", "risk_level", "level_name", "p_any", "p_least", "p_most"),
    *("expected_count", "q05", "q50", "q95", "confidence", "data_sufficiency"),
    *("reporting_gap", "threshold_level"),
    *(
        "held",
        "below_since",
        "single_source",
        "fragility",
        "level_before",
        "p_before",
        "trend",
        "p_change",
    ),
    *("disagreement", "expected_victims", "severe_scenario"),
)
_DRIVERS = ("region_id", "layer", "driver", "value")
_INCIDENTS = (
    *("incident_id", "region_id", "weight", "method", "event_date", "event_date_end"),
    *("date_precision", "event_type", "country", "geo_precision", "reliability", "credibility"),
    *("source_count", "killed", "wounded", "abducted", "foreign_victims"),
    *("nationality", "sector", "staff_type"),
)
_INFLUENCES = ("region_id", "layer", "kind", "key", "value", "p_any", "risk_level")
_COUNTERFACTUALS = ("region_id", "layer", "direction", "kind", "amount", "p_any", "risk_level")
_CHANGES = ("region_id", "layer", "cause", "value")
_AUDIT = ("region_id", "layer", "rule")
_VICTIMS = ("killed", "wounded", "abducted", "foreign_victims")
_TRAITS = ("nationality", "sector", "staff_type")
_PROVENANCE = (
    *("as_of", "issued_at", "valid_from", "valid_until", "stale_after", "horizon"),
    *("horizon_days", "every", "model", "method_version", "history_start", "scale_id", "seed"),
    *("boundary_source", "boundary_version", "boundary_licence", "notice"),
)


def apply_profile(layer: RiskLayer, profile: str) -> RiskLayer:
    """Return what of a layer a profile lets through.

    Parameters
    ----------
    layer
        The risk layer.
    profile
        ``"private"``: all of it. ``"public"``: levels, probabilities, reasons by kind, and the
        incidents by date, kind and region; no names of places below the region, of people or of
        armed groups, no free text, no coordinates but the regions' borders, no names of sources,
        files or sites, no worker-years, no number of victims below :data:`K`, and nationality or
        sector only of at least so many foreign victims.

    Returns
    -------
    RiskLayer
        The provenance of a public layer says so. Columns that are held back are there and missing.

    Raises
    ------
    InputError
        When there is no such profile.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), rm.datasets.regions())
    >>> public = apply_profile(layer, "public")
    >>> public.incidents["place"].notna().any().item(), public.risks.equals(layer.risks)
    (False, True)
    """
    if profile not in PROFILES:
        raise InputError(
            "an unknown profile", met=profile, expected="one of " + ", ".join(PROFILES)
        )
    return PROFILES[profile](layer)


def _public(layer: RiskLayer) -> RiskLayer:
    """Return what anybody may see of a layer."""
    shown = {
        "regions": layer.regions[[*_REGIONS, layer.regions.geometry.name]],
        "risks": _only(layer.risks, _RISKS),
        "drivers": _only(layer.drivers, _DRIVERS),
        "incidents": _public_incidents(layer.incidents),
        "scale": layer.scale,
        "headline": layer.headline,
        "provenance": _public_provenance(layer.provenance),
        "ledger": layer.ledger,
        "influences": _public_influences(layer),
        "counterfactuals": _only(layer.counterfactuals, _COUNTERFACTUALS),
        "changes": _only(layer.changes, _CHANGES),
        "audit": _only(layer.audit, _AUDIT),
    }
    hidden = {
        field.name: _nothing_of(getattr(layer, field.name))
        for field in dataclasses.fields(layer)
        if field.name not in shown
    }
    return dataclasses.replace(layer, **shown, **hidden)


def _public_incidents(table: pd.DataFrame) -> pd.DataFrame:
    """Return incidents without what leads to people or sources."""
    few = ~(table["foreign_victims"] >= K).fillna(value=False).astype(bool)
    changed = {name: table[name].mask(few) for name in _TRAITS}
    for name in _VICTIMS:
        changed[name] = table[name].mask(table[name].between(1, K - 1).fillna(value=False))
    return _only(table.assign(incident_id=_numbers(table["incident_id"]), **changed), _INCIDENTS)


def _public_influences(layer: RiskLayer) -> pd.DataFrame:
    """Return influences that name incidents by their public numbers, and no source."""
    numbers = dict(
        zip(layer.incidents["incident_id"], _numbers(layer.incidents["incident_id"]), strict=True)
    )
    table = layer.influences
    key = table["key"].map(numbers).where(table["kind"] == "incident").astype("str")
    return _only(table.assign(key=key), _INFLUENCES)


def _numbers(ids: pd.Series) -> pd.Series:
    """Return ids that lead to no source: incidents numbered in their order."""
    numbers = pd.factorize(ids)[0] + 1
    return pd.Series([f"incident {n}" for n in numbers], ids.index, dtype="str")


def _public_provenance(known: dict[str, Any]) -> dict[str, Any]:
    """Return the provenance without names of files."""
    inputs = [
        {"name": f"input {i}", **{key: one[key] for key in ("bytes", "sha256") if key in one}}
        for i, one in enumerate(known.get("inputs") or [], start=1)
    ]
    shown = {key: known[key] for key in _PROVENANCE if key in known}
    return shown | {"inputs": inputs, "profile": "public"}


def _only(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return a table in which the other columns are there and missing."""
    hidden = [name for name in table.columns if name not in columns]
    flags = {name for name in hidden if table[name].dtype == FLAG}
    missing = table.assign(**{name: table[name].mask(table[name].notna()) for name in hidden})
    return missing.assign(**dict.fromkeys(flags, False))


def _nothing_of(value: Any) -> Any:
    """Return what is left of a field that is not public: an empty table, or None."""
    return value.head(0) if isinstance(value, pd.DataFrame) else None


#: Each profile and what it makes of a layer.
PROFILES: dict[str, Callable[[RiskLayer], RiskLayer]] = {
    "private": lambda layer: layer,
    "public": _public,
}
