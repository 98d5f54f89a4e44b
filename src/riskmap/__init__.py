"""riskmap: incident reports to district risk levels for a stated group of foreign workers.

The stream, one function a stage::

    read_regions, read_incidents -> locate -> count_incidents -> forecast -> assess -> publish

Names are loaded when they are first used, so that importing riskmap does no work.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from riskmap.settings import VERSION

if TYPE_CHECKING:
    from riskmap import datasets, testing
    from riskmap.assessment.assessments import assess
    from riskmap.assessment.authorities import compare_authorities
    from riskmap.assessment.comparisons import compare_layers
    from riskmap.assessment.decisions import read_decisions
    from riskmap.assessment.group_files import read_group
    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale
    from riskmap.errors import InputError, RiskmapError, RiskmapWarning
    from riskmap.evaluation.backtests import backtest
    from riskmap.evaluation.replays import Replay, replay
    from riskmap.incidents.articles import extract_incidents
    from riskmap.incidents.checks import check_incidents_file
    from riskmap.incidents.dates import DateRules
    from riskmap.incidents.derivations import derive_victims
    from riskmap.incidents.duplicates import merge_duplicates
    from riskmap.incidents.fetching import fetch_incidents
    from riskmap.incidents.readers import read_incidents
    from riskmap.incidents.revisions import compare_incidents
    from riskmap.ledgers import Ledger
    from riskmap.models.baselines import (
        Climatology,
        Conflictology,
        ExponentialMean,
        Persistence,
        Seasonal,
        Zero,
    )
    from riskmap.models.clusters import find_clusters
    from riskmap.models.endemic_epidemic import EndemicEpidemic
    from riskmap.models.ensembles import Adapted, Boosting, Stack
    from riskmap.models.files import load_model, save_model
    from riskmap.models.forecasts import forecast
    from riskmap.models.hawkes import Hawkes
    from riskmap.models.shrinkage import EmpiricalBayes
    from riskmap.models.tables import Forecast
    from riskmap.outputs.databases import (
        read_postgis_incidents,
        read_postgis_regions,
        write_postgis,
    )
    from riskmap.outputs.publishing import publish
    from riskmap.outputs.sets import read_layer
    from riskmap.panels.batches import scan_incidents
    from riskmap.panels.counts import count_incidents
    from riskmap.panels.frames import panel_from_counts
    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.panel import Panel
    from riskmap.panels.scans import Scan
    from riskmap.places.audits import audit_regions, repair_regions
    from riskmap.places.crosswalks import carry_over, crosswalk
    from riskmap.places.geocoders import GeocodeService, geocode
    from riskmap.places.names import Gazetteer
    from riskmap.places.placements import Located, locate
    from riskmap.places.region_index import RegionIndex
    from riskmap.places.regions import read_regions

__version__ = VERSION

#: Each public name and the module it lives in; a module stands for itself.
_HOMES = {
    "Adapted": "riskmap.models.ensembles",
    "Boosting": "riskmap.models.ensembles",
    "Climatology": "riskmap.models.baselines",
    "Conflictology": "riskmap.models.baselines",
    "DateRules": "riskmap.incidents.dates",
    "EmpiricalBayes": "riskmap.models.shrinkage",
    "EndemicEpidemic": "riskmap.models.endemic_epidemic",
    "ExponentialMean": "riskmap.models.baselines",
    "Forecast": "riskmap.models.tables",
    "Gazetteer": "riskmap.places.names",
    "GeocodeService": "riskmap.places.geocoders",
    "Hawkes": "riskmap.models.hawkes",
    "InputError": "riskmap.errors",
    "Ledger": "riskmap.ledgers",
    "LevelScale": "riskmap.assessment.levels",
    "Located": "riskmap.places.placements",
    "Panel": "riskmap.panels.counts",
    "Persistence": "riskmap.models.baselines",
    "RegionIndex": "riskmap.places.region_index",
    "Replay": "riskmap.evaluation.replays",
    "RiskLayer": "riskmap.assessment.layers",
    "RiskmapError": "riskmap.errors",
    "RiskmapWarning": "riskmap.errors",
    "Scan": "riskmap.panels.scans",
    "Seasonal": "riskmap.models.baselines",
    "Stack": "riskmap.models.ensembles",
    "WorkerGroup": "riskmap.panels.groups",
    "Zero": "riskmap.models.baselines",
    "assess": "riskmap.assessment.assessments",
    "audit_regions": "riskmap.places.audits",
    "backtest": "riskmap.evaluation.backtests",
    "carry_over": "riskmap.places.crosswalks",
    "check_incidents_file": "riskmap.incidents.checks",
    "compare_authorities": "riskmap.assessment.authorities",
    "compare_incidents": "riskmap.incidents.revisions",
    "compare_layers": "riskmap.assessment.comparisons",
    "count_incidents": "riskmap.panels.counts",
    "crosswalk": "riskmap.places.crosswalks",
    "datasets": "riskmap.datasets",
    "derive_victims": "riskmap.incidents.derivations",
    "extract_incidents": "riskmap.incidents.articles",
    "fetch_incidents": "riskmap.incidents.fetching",
    "find_clusters": "riskmap.models.clusters",
    "forecast": "riskmap.models.forecasts",
    "geocode": "riskmap.places.geocoders",
    "load_model": "riskmap.models.files",
    "locate": "riskmap.places.placements",
    "merge_duplicates": "riskmap.incidents.duplicates",
    "panel_from_counts": "riskmap.panels.frames",
    "publish": "riskmap.outputs.publishing",
    "read_decisions": "riskmap.assessment.decisions",
    "read_group": "riskmap.assessment.group_files",
    "read_incidents": "riskmap.incidents.readers",
    "read_layer": "riskmap.outputs.sets",
    "read_postgis_incidents": "riskmap.outputs.databases",
    "read_postgis_regions": "riskmap.outputs.databases",
    "read_regions": "riskmap.places.regions",
    "repair_regions": "riskmap.places.audits",
    "replay": "riskmap.evaluation.replays",
    "save_model": "riskmap.models.files",
    "scan_incidents": "riskmap.panels.batches",
    "testing": "riskmap.testing",
    "write_postgis": "riskmap.outputs.databases",
}

__all__ = [
    "Adapted",
    "Boosting",
    "Climatology",
    "Conflictology",
    "DateRules",
    "EmpiricalBayes",
    "EndemicEpidemic",
    "ExponentialMean",
    "Forecast",
    "Gazetteer",
    "GeocodeService",
    "Hawkes",
    "InputError",
    "Ledger",
    "LevelScale",
    "Located",
    "Panel",
    "Persistence",
    "RegionIndex",
    "Replay",
    "RiskLayer",
    "RiskmapError",
    "RiskmapWarning",
    "Scan",
    "Seasonal",
    "Stack",
    "WorkerGroup",
    "Zero",
    "assess",
    "audit_regions",
    "backtest",
    "carry_over",
    "check_incidents_file",
    "compare_authorities",
    "compare_incidents",
    "compare_layers",
    "count_incidents",
    "crosswalk",
    "datasets",
    "derive_victims",
    "extract_incidents",
    "fetch_incidents",
    "find_clusters",
    "forecast",
    "geocode",
    "load_model",
    "locate",
    "merge_duplicates",
    "panel_from_counts",
    "publish",
    "read_decisions",
    "read_group",
    "read_incidents",
    "read_layer",
    "read_postgis_incidents",
    "read_postgis_regions",
    "read_regions",
    "repair_regions",
    "replay",
    "save_model",
    "scan_incidents",
    "testing",
    "write_postgis",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'riskmap' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    value = home if _HOMES[name] == f"riskmap.{name}" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
