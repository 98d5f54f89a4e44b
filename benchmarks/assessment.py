"""What an assessment costs beyond the forecast: 400 regions and 20 years of incidents.

Run: python benchmarks/assessment.py [--regions 400] [--incidents 20000] [--every month]
Times are processor seconds of one run; the fit is the forecast's own.
"""

from __future__ import annotations

import argparse
import time

import geopandas as gpd
import numpy as np
import pandas as pd
from synthetic import fractal_districts

import riskmap as rm
from riskmap.models.explanations import Decomposition, Question, find_influences, find_responses
from riskmap.models.histories import find_reports, report_codes
from riskmap.schema import CRS, INCIDENT_COLUMNS, REGION_COLUMNS, conform

AS_OF = pd.Timestamp("2025-01-01")


def invent(n_regions: int, n_incidents: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return invented districts and 20 years of invented incidents in them."""
    rng = np.random.default_rng(1)
    shapes = fractal_districts(n_regions)
    ids = [f"XQA{i:04d}" for i in range(n_regions)]
    parents = [f"XQA{i // 12:02d}" for i in range(n_regions)]
    plain = pd.DataFrame({"region_id": ids, "name": ids, "parent_id": parents, "iso3": "XQA"})
    regions = gpd.GeoDataFrame(conform(plain, REGION_COLUMNS), geometry=shapes, crs=CRS)
    where = rng.choice(n_regions, n_incidents, p=rng.dirichlet(np.full(n_regions, 0.3)))
    days = AS_OF - pd.to_timedelta(rng.integers(1, 20 * 365, n_incidents), unit="D")
    foreign = rng.random(n_incidents) < 0.05
    table = pd.DataFrame(
        {
            "incident_id": [f"invented:{i}" for i in range(n_incidents)],
            "source": rng.choice(["feed", "desk", "wire"], n_incidents, p=[0.6, 0.35, 0.05]),
            "event_date": days,
            "event_date_end": days,
            "event_type": "armed_attack",
            "country": "XQA",
            "geo_precision": "point",
            "foreign_victims": foreign.astype(int),
            "nationality": np.where(foreign, rng.choice(["CHN", "IND"], n_incidents), None),
            "sector": np.where(foreign, rng.choice(["mining", "aid"], n_incidents), None),
            "source_count": 1,
        }
    )
    points = regions.geometry.representative_point().to_numpy()[where]
    incidents = gpd.GeoDataFrame(conform(table, INCIDENT_COLUMNS), geometry=points, crs=CRS)
    return regions, incidents


def main() -> None:
    """Time each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=400)
    parser.add_argument("--incidents", type=int, default=20_000)
    parser.add_argument("--every", default="month")
    given = parser.parse_args()
    regions, incidents = invent(given.regions, given.incidents)
    located = rm.locate(incidents, regions)
    group = rm.WorkerGroup("CHN", sector="mining")
    panel = rm.count_incidents(located, regions, group=group, every=given.every, as_of=AS_OF)
    start = time.process_time()
    found = rm.forecast(panel)
    whole = time.process_time() - start
    start = time.process_time()
    reports = find_reports(panel, report_codes(panel.evidence, panel.group))
    known = Decomposition(found)
    rates = dict.fromkeys({*known.histories, "unknown", "foreign"}, np.full(given.regions, 0.01))
    for model in known.layers.values():
        question = Question(model, known.histories, panel.keys["region_id"], rates)
        find_influences(question, reports)
        find_responses(question, as_of=AS_OF, every=given.every)
    asked = time.process_time() - start
    start = time.process_time()
    rm.assess(found, regions)
    assessed = time.process_time() - start
    print(f"{given.regions} regions, {len(panel.edges) - 1} windows, {given.incidents} incidents")
    print(f"forecast without what-ifs  {whole - asked:7.2f} s")
    print(f"what-ifs of three layers   {asked:7.2f} s")
    print(f"assess with a group        {assessed:7.2f} s")
    print(f"beyond the forecast        {asked + assessed:7.2f} s")


if __name__ == "__main__":
    main()
