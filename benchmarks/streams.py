"""Points streamed from Parquet to 398 districts and counted: ``python benchmarks/streams.py``.

Beside the peers, riskmap counts a tenth, a fiftieth and twice of the rows, to see whether the cost
is a straight line. Reading the coordinates alone is the floor under all of them.
"""

from __future__ import annotations

import logging
import pickle
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import harness
import numpy as np
from harness import Bar, Contender, Work
from synthetic import invented_districts, write_points

import riskmap as rm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

BATCH = 1_000_000
#: Joining in geopandas is slow: it is given fewer rows, and rates are compared.
FEW = 400_000


def make_work(rows: int) -> Work:
    """Return the work on some number of points."""
    few = min(FEW, rows)
    sizes = sorted({rows // 50, rows // 10, 2 * rows})
    lines = tuple(
        Contender(f"riskmap, {size:,}", by_riskmap_of(size), load_index, rows=size)
        for size in sizes
    )
    return Work(
        title="points streamed from Parquet to 398 districts",
        rows=rows,
        make=lambda folder: make(folder, rows),
        contenders=(
            Contender("riskmap", by_riskmap_of(rows), load_index),
            Contender("sedonadb", by_sedona_of(rows), needs="sedonadb"),
            Contender("Dask with sjoin", by_dask_of(few), load_dask, rows=few, needs="distributed"),
            *lines,
            Contender("reading the coordinates", read_once_of(rows)),
        ),
        bars=(
            Bar("riskmap", "ratio", 3, "sedonadb"),
            Bar("riskmap", "ratio", 25, "Dask with sjoin"),
            Bar("riskmap", "gigabytes", 1),
            Bar("riskmap", "line", 15, peers=tuple(one.name for one in lines)),
            Bar("riskmap", "times", float("inf"), "reading the coordinates"),
        ),
    )


def make(folder: Path, rows: int) -> None:
    """Write districts, their index, and points, some of which lie outside."""
    districts = invented_districts()
    districts.to_parquet(folder / "districts.parquet")
    (folder / "index").write_bytes(pickle.dumps(rm.places.RegionIndex(districts, fast=False)))
    west, south, east, north = districts.total_bounds
    box = (west - 1, south - 1, east + 1, north + 1)
    for size in {min(FEW, rows), rows // 50, rows // 10, rows, 2 * rows}:
        write_points(folder / f"points-{size}.parquet", size, box)


def load_index(folder: Path) -> tuple[Path, rm.places.RegionIndex]:
    """Return the prepared index."""
    return folder, pickle.loads((folder / "index").read_bytes())  # noqa: S301 - its own


def batches(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield longitudes and latitudes, a batch after the other."""
    from pyarrow import parquet

    # row groups that were read are let go
    with parquet.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(BATCH, columns=["lon", "lat"]):
            yield tuple(batch.column(i).to_numpy() for i in (0, 1))


def by_riskmap_of(rows: int) -> Any:
    """Return the count of some number of points by riskmap."""

    def run(loaded: tuple[Path, rm.places.RegionIndex]) -> np.ndarray:
        folder, index = loaded
        total = np.zeros(len(index) + 1, dtype=np.int64)
        for lon, lat in batches(folder / f"points-{rows}.parquet"):
            total += np.bincount(index.query(lon, lat) + 1, minlength=len(total))
        return total[1:]

    return run


def by_sedona_of(rows: int) -> Any:
    """Return the count by SedonaDB, which streams Parquet by itself."""

    def run(folder: Path) -> np.ndarray:
        import sedonadb

        base = sedonadb.connect()
        districts = gpd.read_parquet(folder / "districts.parquet")
        right = gpd.GeoDataFrame(
            {"r": np.arange(len(districts))}, geometry=districts.geometry.to_numpy(), crs=4326
        )
        base.create_data_frame(right).to_memtable().to_view("regions", overwrite=True)
        path = folder / f"points-{rows}.parquet"
        base.read_parquet(path).to_view("points", overwrite=True)
        counts = base.sql(
            "SELECT regions.r, count(*) AS n FROM"
            " (SELECT ST_SetSRID(ST_Point(lon, lat), 4326) AS g FROM points) AS p"
            " JOIN regions ON ST_Intersects(regions.geometry, p.g) GROUP BY regions.r"
        ).to_pandas()
        total = np.zeros(len(districts), dtype=np.int64)
        total[counts["r"].to_numpy()] = counts["n"].to_numpy()
        return total

    return run


def joined(part: pd.DataFrame, districts: gpd.GeoDataFrame) -> pd.Series:
    """Count one partition by geopandas."""
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(part["lon"], part["lat"]), crs=4326)
    hits = gpd.sjoin(points, districts[["geometry"]], how="inner", predicate="intersects")
    hits = hits[~hits.index.duplicated()]
    return hits["index_right"].value_counts().astype("int64").rename("n").rename_axis("r")


def load_dask(folder: Path) -> tuple[Path, Any]:
    """Return a cluster of two processes on this machine that have imported what they need."""
    from distributed import Client

    quiet = logging.CRITICAL  # at the end it deplores that the districts are lost
    client = Client(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=quiet)
    client.run(lambda: gpd.GeoSeries([]).empty)
    return folder, client


def by_dask_of(rows: int) -> Any:
    """Return the count by Dask, partition by partition with geopandas, in two processes."""

    def run(loaded: tuple[Path, Any]) -> np.ndarray:
        import dask
        import dask.dataframe as dd

        folder, client = loaded
        districts = gpd.read_parquet(folder / "districts.parquet")
        shared = client.scatter(districts, broadcast=True)
        points = dd.read_parquet(folder / f"points-{rows}.parquet", split_row_groups=True)
        parts = [dask.delayed(joined)(part, shared) for part in points.to_delayed()]
        total = np.zeros(len(districts), dtype=np.int64)
        for count in client.gather(client.compute(parts)):
            total[count.index.to_numpy()] += count.to_numpy()
        return total

    return run


def read_once_of(rows: int) -> Any:
    """Return the time of streaming the bytes: the floor; its answer is none."""

    def run(folder: Path) -> np.ndarray:
        for lon, lat in batches(folder / f"points-{rows}.parquet"):
            assert lon.sum() + lat.sum() > 0
        return np.empty(0)

    return run


if __name__ == "__main__":
    harness.main(make_work, rows=50_000_000)
