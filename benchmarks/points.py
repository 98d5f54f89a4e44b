"""Points in polygons: riskmap's index against its peers, answers compared before times.

Run ``python benchmarks/points.py --help``. Real districts are read from ``RISKMAP_SHARED``.
Prints, for each set of districts, millions of points a second (medians of interleaved repeats) and
the ratio to ``geopandas.sjoin`` of the same run. Peers that are not installed are named as such.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import time
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from harness import machine, store
from synthetic import fractal_districts

import riskmap as rm
from riskmap.schema import REGION_COLUMNS, conform

if TYPE_CHECKING:
    from collections.abc import Callable

Contender = tuple[str, "Callable[[], np.ndarray]", int]


def main() -> None:
    """Compare, time and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--peer-points", type=int, default=1_000_000, help="points for the peers")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--districts", type=int, default=40_000, help="synthetic ones; 0 for none")
    parser.add_argument("--no-afghanistan", action="store_true")
    options = parser.parse_args()
    print(machine())
    sets = {}
    if not options.no_afghanistan:
        default = Path(__file__).parents[2] / "shared" / "data"
        shared = Path(os.environ.get("RISKMAP_SHARED", default))
        path = shared / "boundaries/AFG/geoBoundaries-AFG-ADM2.shp"
        polygons = gpd.read_file(path).geometry.to_numpy()
        sets["Afghan districts"] = run("Afghan districts", polygons, options)
    if options.districts:
        polygons = fractal_districts(options.districts)
        sets["synthetic districts"] = run("synthetic districts", polygons, options)
    store(title="points in polygons", sets=sets)


def run(title: str, polygons: np.ndarray, options: argparse.Namespace) -> dict[str, Any]:
    """Print the table of one set of districts, and return what was measured."""
    regions = as_regions(polygons)
    started = time.perf_counter()
    index = rm.places.RegionIndex(regions, fast=False).prepare()
    built = time.perf_counter() - started
    sent = pickle.dumps(index)
    started = time.perf_counter()
    plain = pickle.loads(sent)  # noqa: S301 - its own
    loaded = time.perf_counter() - started
    fast = rm.places.RegionIndex(regions, fast=True).prepare() if find_spec("numba") else None
    vertices = int(shapely.get_num_coordinates(polygons).sum())
    print(f"\n{title}: {len(polygons)} polygons, {vertices} vertices")
    print(f"index: built in {built:.1f} s, loaded in {loaded:.1f} s, {len(sent) / 1e6:.0f} MB")
    west, south, east, north = shapely.total_bounds(polygons)
    rng = np.random.default_rng(1)
    x, y = rng.uniform((west, south), (east, north), (options.points, 2)).T.copy()
    few = slice(0, options.peer_points)
    points = shapely.points(x[few], y[few])
    contenders = [("geopandas.sjoin", lambda: by_sjoin(points, regions), options.peer_points)]
    contenders.append(("riskmap, loaded", lambda: plain.query(x, y), options.points))
    if fast is not None:
        fast.query(x[:9], y[:9])
        contenders.append(("riskmap, loaded, fast", lambda: fast.query(x, y), options.points))
    contenders.append(
        ("riskmap, one shot", lambda: one_shot(regions, x[few], y[few]), options.peer_points)
    )
    contenders.append(
        ("STRtree + prepared", lambda: by_tree(x[few], y[few], polygons), options.peer_points)
    )
    contenders += peers(points, regions, options.peer_points)
    compare(contenders)
    seconds = report(contenders, options.repeats)
    sizes = {name: n for name, _, n in contenders}
    return {"polygons": len(polygons), "vertices": vertices, "points": sizes, "seconds": seconds}


def as_regions(polygons: np.ndarray) -> gpd.GeoDataFrame:
    """Return polygons as a Regions table."""
    ids = [f"{i:06d}" for i in range(len(polygons))]
    table = pd.DataFrame({"region_id": ids, "name": ids, "adm_level": 2})
    return conform(gpd.GeoDataFrame(table, geometry=polygons, crs=4326), REGION_COLUMNS)


def one_shot(regions: gpd.GeoDataFrame, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Build and query once."""
    return rm.places.RegionIndex(regions).query(x, y)


def smallest(points: np.ndarray, polygons: np.ndarray, n: int) -> np.ndarray:
    """Return the smallest polygon of each point from pairs of positions."""
    found = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(found, points, polygons)
    return np.where(found == np.iinfo(np.int64).max, -1, found)


def by_sjoin(points: np.ndarray, regions: gpd.GeoDataFrame) -> np.ndarray:
    """Join as a user of geopandas would."""
    left = gpd.GeoDataFrame(geometry=points, crs=4326)
    joined = gpd.sjoin(left, regions[["geometry"]], how="inner", predicate="intersects")
    return smallest(joined.index.to_numpy(), joined["index_right"].to_numpy(), len(points))


def by_tree(x: np.ndarray, y: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """Put the points in a tree, then ask each prepared polygon about the points in its bounds."""
    tree = shapely.STRtree(shapely.points(x, y))
    owners, near = tree.query(polygons)
    cuts = np.searchsorted(owners, np.arange(len(polygons) + 1))
    found = np.full(len(x), -1)
    for i in range(len(polygons) - 1, -1, -1):
        candidates = near[cuts[i] : cuts[i + 1]]
        shapely.prepare(polygons[i])
        hits = shapely.intersects_xy(polygons[i], x[candidates], y[candidates])
        found[candidates[hits]] = i
    shapely.destroy_prepared(polygons)
    return found


def peers(points: np.ndarray, regions: gpd.GeoDataFrame, n: int) -> list[Contender]:
    """Return the other engines that are installed; print which are not, and why."""
    found: list[Contender] = []
    for name, package, make in (
        ("sedonadb", "sedonadb", sedona),
        ("polars-st", "polars_st", polars),
        ("DuckDB spatial", "duckdb_extension_spatial", duckdb_spatial),
    ):
        if find_spec(package) is None:
            print(f"not run: {name} is not installed")
            continue
        try:
            answer = make(points, regions)
            answer()
            found.append((name, answer, n))
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is told, and it is left out
            print(f"not run: {name}: {str(error).splitlines()[0][:90]}")
    return found


def sedona(points: np.ndarray, regions: gpd.GeoDataFrame) -> Callable[[], np.ndarray]:
    """Join in SedonaDB."""
    import sedonadb

    base = sedonadb.connect()
    left = gpd.GeoDataFrame({"p": np.arange(len(points))}, geometry=points, crs=4326)
    right = gpd.GeoDataFrame(
        {"r": np.arange(len(regions))}, geometry=regions.geometry.to_numpy(), crs=4326
    )
    base.create_data_frame(left).to_memtable().to_view("points", overwrite=True)
    base.create_data_frame(right).to_memtable().to_view("regions", overwrite=True)
    query = (
        "SELECT points.p, regions.r FROM points JOIN regions "
        "ON ST_Intersects(regions.geometry, points.geometry)"
    )

    def answer() -> np.ndarray:
        pairs = base.sql(query).to_pandas()
        return smallest(pairs["p"].to_numpy(), pairs["r"].to_numpy(), len(points))

    return answer


def polars(points: np.ndarray, regions: gpd.GeoDataFrame) -> Callable[[], np.ndarray]:
    """Join in polars-st."""
    import polars as pl
    import polars_st as st

    left = st.GeoDataFrame({"geometry": shapely.to_wkb(points)}).with_columns(
        p=pl.int_range(pl.len())
    )
    right = st.GeoDataFrame({"geometry": shapely.to_wkb(regions.geometry.to_numpy())}).with_columns(
        r=pl.int_range(pl.len())
    )

    def answer() -> np.ndarray:
        pairs = left.st.sjoin(right, on="geometry", how="inner", predicate="intersects")
        return smallest(pairs["p"].to_numpy(), pairs["r"].to_numpy(), len(points))

    return answer


def duckdb_spatial(points: np.ndarray, regions: gpd.GeoDataFrame) -> Callable[[], np.ndarray]:
    """Join in DuckDB, whose extension comes as a package, one for each version of DuckDB."""
    import duckdb

    base = duckdb.connect()
    extension = files("duckdb_extension_spatial") / "extensions" / f"v{duckdb.__version__}"
    base.execute(f"LOAD '{extension / 'spatial.duckdb_extension'}'")
    left = pd.DataFrame({"p": np.arange(len(points)), "wkb": shapely.to_wkb(points)})
    right = pd.DataFrame(
        {"r": np.arange(len(regions)), "wkb": shapely.to_wkb(regions.geometry.to_numpy())}
    )
    for name, table in (("points", left), ("regions", right)):
        base.register("wkbs", table)
        base.execute(
            f"CREATE TABLE {name} AS SELECT * EXCLUDE wkb, ST_GeomFromWKB(wkb) AS g FROM wkbs"  # noqa: S608 - two fixed names
        )

    def answer() -> np.ndarray:
        pairs = base.execute(
            "SELECT p, r FROM points JOIN regions ON ST_Intersects(regions.g, points.g)"
        ).fetchnumpy()
        return smallest(pairs["p"], pairs["r"], len(points))

    return answer


def compare(contenders: list[Contender]) -> None:
    """Stop unless all give the same answer on the points that they share."""
    answers = {name: answer() for name, answer, _ in contenders}
    shared = min(len(answer) for answer in answers.values())
    first, *others = answers.items()
    for name, answer in others:
        differ = int((answer[:shared] != first[1][:shared]).sum())
        assert differ == 0, f"{name} and {first[0]} differ at {differ} of {shared} points"
    print(f"all {len(answers)} agree on {shared} points")


def report(contenders: list[Contender], repeats: int) -> dict[str, list[float]]:
    """Print the medians of interleaved repeats, and return the seconds of each."""
    times: dict[str, list[float]] = {name: [] for name, _, _ in contenders}
    for _ in range(repeats):
        for name, answer, _ in contenders:
            started = time.perf_counter()
            answer()
            times[name].append(time.perf_counter() - started)
    rates = {name: n / statistics.median(times[name]) / 1e6 for name, _, n in contenders}
    print(f"{'':24}{'points':>12}{'M/s':>9}{'x sjoin':>9}")
    for name, _, n in contenders:
        ratio = rates[name] / rates["geopandas.sjoin"]
        print(f"{name:24}{n:12}{rates[name]:9.2f}{ratio:9.1f}")
    return times


if __name__ == "__main__":
    main()
