"""The risk layer: regions with their levels, probabilities, drivers and provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from riskmap.schema import COUNT, FLAG, NUMBER, TEXT, Column

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from riskmap.assessment.levels import LevelScale
    from riskmap.ledgers import Ledger

#: The layers, from the widest to the narrowest; each is nested in the one before.
LAYERS = ("violence", "foreign", "group")

SUFFICIENCIES = ("sufficient", "sparse", "insufficient")
CONFIDENCES = ("low", "medium", "high")
TRENDS = ("deteriorated", "unchanged", "improved")

#: Risks: one row a region and layer, sorted by ``region_id`` and then from wide to narrow.
RISK_COLUMNS = (
    Column("region_id", TEXT, "the region"),
    Column("layer", TEXT, "which incidents it is about", LAYERS),
    Column("risk_level", COUNT, "0 insufficient data, 1 minimal ... 5 extreme"),
    Column("level_name", TEXT, "name of the level"),
    Column("p_any", NUMBER, "probability of at least one incident within the horizon"),
    Column("expected_count", NUMBER, "expected incidents within the horizon"),
    Column("q05", NUMBER, "5 % quantile of the count"),
    Column("q50", NUMBER, "median of the count"),
    Column("q95", NUMBER, "95 % quantile of the count"),
    Column("confidence", TEXT, "how sure the probability is", CONFIDENCES),
    Column("data_sufficiency", TEXT, "whether enough is reported from here", SUFFICIENCIES),
    Column("reporting_gap", FLAG, "whether reports have stopped where they used to come"),
)

#: Drivers: the parts of each expected count; they sum to it.
DRIVER_COLUMNS = (
    Column("region_id", TEXT, "the region"),
    Column("layer", TEXT, "which incidents it is about", LAYERS),
    Column("driver", TEXT, "what the part is, such as 'own history'"),
    Column("value", NUMBER, "its part of expected_count"),
)


@dataclass(frozen=True)
class RiskLayer:
    """District risk levels as of a day, with everything that explains them.

    Parameters
    ----------
    regions : GeoDataFrame
        The regions, sorted by ``region_id``.
    risks : DataFrame
        One row a region and layer (:data:`RISK_COLUMNS`).
    drivers : DataFrame
        The parts of each expected count (:data:`DRIVER_COLUMNS`).
    incidents : DataFrame
        The incidents that counted: ``incident_id, region_id, weight`` and the columns of the
        Incidents table, newest first.
    scale : LevelScale
        The thresholds that made the levels.
    headline
        The layer that maps and tables show first.
    provenance : dict
        ``as_of, issued_at, valid_from, valid_until, horizon, horizon_days, every, model,
        method_version, boundary_source, boundary_version, boundary_licence``: plain values, times
        as RFC 3339 text.
    ledger : Ledger
        What became of every row.
    """

    regions: gpd.GeoDataFrame
    risks: pd.DataFrame
    drivers: pd.DataFrame
    incidents: pd.DataFrame
    scale: LevelScale
    headline: str
    provenance: dict[str, Any]
    ledger: Ledger
