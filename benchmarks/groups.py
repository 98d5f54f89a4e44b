"""What a group costs beyond the forecast: rates, consequence, sites and routes.

Processor seconds of one core for 400 regions and 20 years of incidents, the best of five runs.
Run: ``python benchmarks/groups.py [incidents]``.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import riskmap as rm
from riskmap.assessment.consequences import add_consequences, consequence_matrix
from riskmap.assessment.exposures import add_rates, assess_sites
from riskmap.panels.groups import Presence, Route, Site, WorkerGroup
from riskmap.schema import INCIDENT_COLUMNS, REGION_COLUMNS, conform

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 20
DAYS = 7_300
RUNS = 5


def make_regions() -> gpd.GeoDataFrame:
    """Return 400 square regions whose borders have many vertices."""
    corners = [(x, y) for y in range(SIDE) for x in range(SIDE)]
    table = pd.DataFrame(
        {
            "region_id": [f"XQA{i:03d}" for i in range(SIDE**2)],
            "name": "invented",
            "parent_id": [f"XQA{i // SIDE:02d}" for i in range(SIDE**2)],
            "iso3": "XQA",
            "adm_level": 2,
        }
    )
    cells = [shapely.box(x, y, x + 1, y + 1).segmentize(0.02) for x, y in corners]
    return gpd.GeoDataFrame(conform(table, REGION_COLUMNS), geometry=cells, crs=4326)


def make_incidents(n: int) -> gpd.GeoDataFrame:
    """Return invented incidents of 20 years with heavy-tailed tolls."""
    rng = np.random.default_rng(7)
    region = rng.choice(SIDE**2, n, p=rng.dirichlet(np.full(SIDE**2, 0.3)))
    foreign = rng.random(n) < 0.1
    day = pd.Timestamp("2005-01-01") + pd.to_timedelta(rng.integers(0, DAYS, n), "D")
    nobody = np.array([None] * n)
    table = pd.DataFrame(
        {
            "incident_id": [f"invented:{i}" for i in range(n)],
            "source": "invented",
            "event_date": day,
            "event_date_end": day,
            "date_precision": "day",
            "event_type": rng.choice(["armed_attack", "explosion", "abduction", "assault"], n),
            "country": "XQA",
            "geo_precision": "point",
            "killed": np.minimum(rng.zipf(2.0, n), 500),
            "wounded": rng.poisson(1.0, n),
            "abducted": 0,
            "foreign_victims": foreign.astype(int),
            "nationality": np.where(foreign, rng.choice(["CHN", "IND"], n), nobody),
            "sector": np.where(foreign, "mining", nobody),
        }
    )
    points = shapely.points(region % SIDE + rng.random(n), region // SIDE + rng.random(n))
    return gpd.GeoDataFrame(conform(table, INCIDENT_COLUMNS), geometry=points, crs=4326)


def make_group() -> WorkerGroup:
    """Return a group with 20 sites, a route through many regions, and exposure in half of them."""
    rng = np.random.default_rng(7)
    ends = (Site("a", 0.5, 0.5), Site("b", 19.5, 18.2))
    return WorkerGroup(
        "CHN",
        sector="mining",
        sites=tuple(Site(f"s{i}", *rng.uniform(0.1, 19.9, 2)) for i in range(20)),
        routes=(Route("way", ends),),
        presence=tuple(Presence(f"XQA{i:03d}", 100.0) for i in range(0, SIDE**2, 2)),
    )


def best(work: Callable[[], object]) -> float:
    """Return the least processor seconds of a few runs."""
    seconds = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main(n: int) -> None:
    """Print the seconds of each part."""
    regions, group = make_regions(), make_group()
    located = rm.locate(make_incidents(n), regions)
    count = partial(rm.count_incidents, located, regions, group=group, as_of="2025-01-01")
    asked = rm.forecast(count(), model=rm.models.EmpiricalBayes())
    judged = rm.assess(asked, regions)
    parts: dict[str, Callable[[], object]] = {
        "counting": count,
        "consequence": lambda: add_consequences(judged.risks, asked),
        "rates": lambda: add_rates(judged.risks, asked, judged.regions, context=judged.context),
        "sites and routes": lambda: assess_sites(judged.risks, judged.regions, group=group),
        "matrix": lambda: consequence_matrix(judged),
    }
    print(f"{len(regions)} regions, {n:,} incidents of 20 years; processor seconds, best of {RUNS}")
    for name, work in parts.items():
        print(f"  {name:<18}{best(work):6.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
