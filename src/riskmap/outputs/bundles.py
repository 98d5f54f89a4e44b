"""Bundles: what of a layer leaves the house, and what several formats are made of, made once.

A profile is a function from a layer to a layer, applied before anything is written, so that it
holds for every format alike. What it doesn't name stays inside: a column or table that is new is
private until somebody writes its name down here.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from riskmap.outputs.catalogues import PLAIN, choose
from riskmap.outputs.editions import Edition
from riskmap.outputs.geometries import draw_regions, label_points, prepare_geometries
from riskmap.outputs.movements import find_moves
from riskmap.outputs.reports import build_report
from riskmap.outputs.tables import as_typed, layer_table, read_table, risk_table
from riskmap.schema import CRS, FLAG, REGION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.geometries import Drawing
    from riskmap.outputs.reports import Report
    from riskmap.outputs.senders import Sender


class Bundle:
    """A layer, and the tables, geometries and reports that files of it hold.

    Nothing is made before it is asked for, and nothing twice: all writers of a set share one.

    Parameters
    ----------
    layer
        The risk layer, after its profile was applied.
    sender
        Whose alerts it makes; without one it makes none.
    out
        The folder of the sets before, whose alerts it follows on.
    languages
        In which an alert speaks.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> bundle = Bundle(rm.assess(rm.forecast(panel), districts))
    >>> bundle.table is bundle.table, len(bundle.shapes) == len(bundle.table)
    (True, True)
    """

    def __init__(
        self,
        layer: RiskLayer,
        *,
        sender: Sender | None = None,
        out: Path | None = None,
        languages: Sequence[str] = (PLAIN,),
    ) -> None:
        self.layer, self.sender, self.out = layer, sender, out
        self.languages = tuple(languages)
        self._editions: dict[str, Edition] = {}
        self._reports: dict[str, Report] = {}
        self._tables: dict[str, pd.DataFrame] = {}

    @cached_property
    def regions(self) -> gpd.GeoDataFrame:
        """The regions, sorted by ``region_id``, as all tables and shapes of a bundle are."""
        return self.layer.regions.sort_values("region_id", kind="stable", ignore_index=True)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The published table, one row a region."""
        return risk_table(self.layer)

    @cached_property
    def published(self) -> pd.DataFrame:
        """What readers want of the table: the columns of files that people and maps open."""
        return read_table(self.table)

    @cached_property
    def moves(self) -> pd.DataFrame:
        """What would move levels."""
        return find_moves(self.layer)

    @cached_property
    def levels(self) -> list[int]:
        """The level of each region, 0 where it is not assessed."""
        return [int(level) for level in self.table["risk_level"].fillna(0)]

    @cached_property
    def shapes(self) -> NDArray[np.object_]:
        """The geometries, fit for RFC 7946."""
        return prepare_geometries(self.regions.geometry)

    @cached_property
    def frame(self) -> gpd.GeoDataFrame:
        """What readers want of the table, with geometries; days are days, texts are clean."""
        return gpd.GeoDataFrame(as_typed(self.published), geometry=self.shapes, crs=CRS)

    @cached_property
    def drawing(self) -> Drawing:
        """The regions as pages and pictures draw them."""
        return draw_regions(self.shapes)

    @cached_property
    def points(self) -> tuple[list[int], list[int], list[int]]:
        """Where the label of each region stands on the drawing, and how far its edge is."""
        return label_points(self.drawing.shapes)

    def table_of(self, name: str) -> pd.DataFrame:
        """Return a table of the layer, as files hold it."""
        if name not in self._tables:
            self._tables[name] = layer_table(self.layer, name)
        return self._tables[name]

    def edition(self, language: str) -> Edition:
        """Return the layer in the words of a language."""
        if language not in self._editions:
            edition = Edition(self.layer, self.table, self.moves, language=language)
            self._editions[language] = edition
        return self._editions[language]

    def report(self, language: str) -> Report:
        """Return what an advisory says in a language."""
        if language not in self._reports:
            self._reports[language] = build_report(self.edition(language))
        return self._reports[language]


#: Fewer victims than this are not told: a number so small points at people.
K = 3

_REGIONS = tuple(column.name for column in REGION_COLUMNS)
#: The columns that are told of each table.
_TOLD = {
    "risks": (
        *("region_id", "layer", "risk_level", "level_name", "p_any", "p_least", "p_most"),
        *("expected_count", "q05", "q50", "q95", "confidence", "data_sufficiency"),
        *("reporting_gap", "reasons", "at_least", "attacked", "level_low", "level_high"),
        *("level_as_of", "threshold_level", "held", "below_since", "single_source", "fragility"),
        *("level_before", "p_before", "trend", "p_change"),
        *("disagreement", "expected_victims", "severe_scenario"),
    ),
    "drivers": ("region_id", "layer", "driver", "value"),
    "incidents": (
        *("incident_id", "region_id", "weight", "method", "event_date", "event_date_end"),
        *("date_precision", "event_type", "country", "geo_precision", "reliability", "credibility"),
        *("source_count", "count", "killed", "wounded", "abducted", "foreign_victims"),
        *("nationality", "sector", "staff_type"),
    ),
    "knowledge": (
        *("region_id", "layer", "watched", "reports", "last_report_days", "rows_spread"),
        *("rows_lost", "data_sufficiency", "confidence", "reporting_gap", "reasons"),
    ),
    "shares": (
        *("iso3", "reports", "unknown", "share", "share_low", "share_high", "basis", "below_prior"),
    ),
    "attacks": (
        *("incident_id", "region_id", "area", "event_date", "until", "is_point", "regions"),
        *("event_type", "killed", "wounded", "abducted", "nationality", "sector", "source_count"),
    ),
    "influences": ("region_id", "layer", "kind", "key", "value", "p_any", "risk_level"),
    "counterfactuals": ("region_id", "layer", "direction", "kind", "amount", "p_any", "risk_level"),
    "changes": ("region_id", "layer", "cause", "value"),
    "audit": ("region_id", "layer", "rule"),
    "counts": ("region_id", "layer", "window_start", "incidents"),
}
_VICTIMS = ("killed", "wounded", "abducted", "foreign_victims")
_TRAITS = ("nationality", "sector", "staff_type")
_PROVENANCE = (
    *("as_of", "issued_at", "valid_from", "valid_until", "stale_after", "horizon"),
    *("horizon_days", "every", "model", "method_version", "history_start", "scale_id", "seed"),
    *("boundary_source", "boundary_version", "boundary_licence", "notice"),
    *("passed_over", "drafts", "later", "breaks"),
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
    check_profile(profile)
    return _public(layer) if profile == "public" else layer


def check_profile(profile: str) -> None:
    """Refuse a profile that isn't known.

    Raises
    ------
    InputError
        When there is no such profile.
    """
    choose([profile], ("private", "public"), what="an unknown profile")


def _public(layer: RiskLayer) -> RiskLayer:
    """Return what anybody may see of a layer; ids of incidents lead to no source."""
    incidents, attacks, influences = layer.incidents, layer.attacks, layer.influences
    known = incidents.drop_duplicates("incident_id").set_index("incident_id")["foreign_victims"]
    numbers = {key: f"incident {n}" for n, key in enumerate(known.index, start=1)}
    public_ids, attack_ids, keys = (
        ids.map(numbers).astype("str")
        for ids in (incidents["incident_id"], attacks["incident_id"], influences["key"])
    )
    foreign = known.reindex(attacks["incident_id"]).set_axis(attacks.index)
    tables = {
        "incidents": _without_few(incidents, incidents["foreign_victims"], public_ids),
        "attacks": _without_few(attacks, foreign, attack_ids),
        "counts": layer.counts[layer.counts["layer"] == "violence"],  # others tell who was hit
        "influences": influences.assign(key=keys.where(influences["kind"] == "incident")),
    }
    fields = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)}
    hidden: dict[str, Any] = {
        name: value.head(0) if isinstance(value, pd.DataFrame) else None
        for name, value in fields.items()
    }
    shown = {name: fields[name] for name in ("scale", "headline", "ledger")} | {
        "regions": layer.regions[[*_REGIONS, layer.regions.geometry.name]],
        "provenance": _public_provenance(layer.provenance),
        **{name: _only(tables.get(name, fields[name]), told) for name, told in _TOLD.items()},
    }
    return dataclasses.replace(layer, **hidden | shown)


def _without_few(table: pd.DataFrame, foreign: pd.Series, ids: pd.Series) -> pd.DataFrame:
    """Return rows without small numbers of victims, and without traits of few people."""
    few = ~(foreign >= K).fillna(value=False).astype(bool)
    traits = {name: table[name].mask(few) for name in _TRAITS if name in table}
    tolls = {
        name: table[name].mask(table[name].between(1, K - 1).fillna(value=False))
        for name in _VICTIMS
        if name in table
    }
    return table.assign(**traits, **tolls, incident_id=ids)


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
