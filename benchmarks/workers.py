"""Points in CSV scanned by one worker and by two: ``python benchmarks/workers.py``.

Every row is read, checked, placed and summed up, through the same parts as on one machine; both
clusters give the same panel. Two workers on two cores share them with the scheduler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import harness
import numpy as np
from harness import Bar, Contender, Work
from synthetic import invented_districts

import riskmap as rm

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2025-01-01"
#: Rows written at a time.
CHUNK = 1_000_000


def make_work(rows: int) -> Work:
    """Return the work on some number of points."""
    return Work(
        title="points in CSV to a panel of 398 districts, on a cluster",
        rows=rows,
        make=lambda folder: make(folder, rows),
        contenders=(
            Contender("two workers", scan, load_cluster_of(2), needs="distributed"),
            Contender("one worker", scan, load_cluster_of(1), needs="distributed"),
        ),
        bars=(Bar("two workers", "ratio", 1.6, "one worker"),),
    )


def make(folder: Path, rows: int) -> None:
    """Write districts, and points on days of ten years as CSV."""
    import pyarrow as pa
    from pyarrow import csv

    districts = invented_districts()
    districts.to_parquet(folder / "districts.parquet")
    west, south, east, north = districts.total_bounds
    rng = np.random.default_rng(4)
    schema = pa.schema(
        {"event_date": pa.string(), "latitude": pa.float64(), "longitude": pa.float64()}
    )
    options = csv.WriteOptions(quoting_style="needed")
    with csv.CSVWriter(folder / "points.csv", schema, write_options=options) as file:
        for start in range(0, rows, CHUNK):
            n = min(CHUNK, rows - start)
            day = np.datetime64("2015-01-01") + rng.integers(0, 3650, n)
            y, x = rng.uniform(south, north, n).round(5), rng.uniform(west, east, n).round(5)
            file.write_table(pa.table([day.astype(str), y, x], schema=schema))


def load_cluster_of(workers: int) -> Any:
    """Return what starts a cluster of some processes that have imported what they need."""

    def load(folder: Path) -> tuple[Path, Any, gpd.GeoDataFrame]:
        from distributed import Client

        client = Client(n_workers=workers, threads_per_worker=1, dashboard_address=None)
        client.run(lambda: rm.panels.scan_incidents)
        return folder, client, gpd.read_parquet(folder / "districts.parquet")

    return load


def scan(loaded: tuple[Path, Any, gpd.GeoDataFrame]) -> np.ndarray:
    """Scan and count."""
    folder, client, districts = loaded
    found = rm.panels.scan_incidents([folder / "points.csv"], districts, client=client)
    panel = rm.count_incidents(found, districts, every="month", as_of=AS_OF)
    client.close()
    return panel.frame["reports"].to_numpy()


if __name__ == "__main__":
    harness.main(make_work, rows=50_000_000)
