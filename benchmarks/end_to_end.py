"""A file of 1 M ACLED-shaped rows to a published layer: ``python benchmarks/end_to_end.py``.

The plain script does what a careful analyst would write in an hour with pandas and geopandas: it
reads the columns that it needs, joins points with districts and counts by month. It checks nothing:
neither widths, ids, dates nor coordinates; it keeps no text, and drops what is known vaguely.
riskmap keeps every row and column, and checks them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import harness
import numpy as np
import pandas as pd
from harness import Bar, Contender, Work
from synthetic import invented_districts, write_acled

import riskmap as rm

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2025-01-01"
FORMATS = ("geojson", "csv", "gpkg", "advisory", "advisory_html", "map", "cap", "atom")
Loaded = tuple["Path", gpd.GeoDataFrame]


def make_work(rows: int) -> Work:
    """Return the work on some number of rows."""
    return Work(
        title="ACLED rows in CSV to 398 districts",
        rows=rows,
        make=lambda folder: make(folder, rows),
        contenders=(
            Contender("riskmap: read, place, count", place_and_count, load, answer=precise_totals),
            Contender("plain: read, place, count", plainly, load),
            Contender("riskmap: read", read, load, answer=lambda _: np.empty(0)),
            Contender("pandas: read all", read_plainly, load, answer=lambda _: np.empty(0)),
            Contender("riskmap: to a published layer", publish, load),
        ),
        bars=(
            Bar("riskmap: read, place, count", "ratio", 1, "plain: read, place, count"),
            Bar("riskmap: read", "seconds", 20),
            Bar("riskmap: read", "gigabytes", 2),
            Bar("riskmap: to a published layer", "seconds", 60),
            Bar("riskmap: to a published layer", "gigabytes", 2.5),
        ),
    )


def make(folder: Path, rows: int) -> None:
    """Write districts and incidents."""
    districts = invented_districts()
    districts.to_parquet(folder / "districts.parquet")
    write_acled(folder / "incidents.csv", rows, districts)


def load(folder: Path) -> Loaded:
    """Return the folder and the districts; importing is not timed either."""
    assert callable(rm.read_incidents)
    assert callable(rm.locate)
    assert callable(rm.count_incidents)
    assert callable(rm.publish)
    return folder, gpd.read_parquet(folder / "districts.parquet")


def read(loaded: Loaded) -> gpd.GeoDataFrame:
    """Read and check every row."""
    return rm.read_incidents(loaded[0] / "incidents.csv")


def read_plainly(loaded: Loaded) -> pd.DataFrame:
    """Read all columns, as pandas guesses them."""
    return pd.read_csv(loaded[0] / "incidents.csv")


def place_and_count(loaded: Loaded) -> tuple[Any, Any, gpd.GeoDataFrame]:
    """Read, place and count."""
    incidents = read(loaded)
    located = rm.locate(incidents, loaded[1])
    return rm.count_incidents(located, loaded[1], as_of=AS_OF), located, loaded[1]


def precise_totals(found: tuple[Any, Any, gpd.GeoDataFrame]) -> np.ndarray:
    """Return how many incidents count in one district alone, by district; all were counted."""
    panel, located, districts = found
    assert np.isclose(panel.frame["reports"].sum(), len(located.incidents))
    sharp = located.placements[located.placements["method"] != "spread"]
    counts = sharp.groupby("region_id")["weight"].sum()
    return counts.reindex(districts["region_id"], fill_value=0).to_numpy()


def plainly(loaded: Loaded) -> np.ndarray:
    """Read, place and count as a plain script does."""
    folder, districts = loaded
    rows = pd.read_csv(
        folder / "incidents.csv",
        usecols=["event_date", "latitude", "longitude", "geo_precision", "fatalities"],
    )
    rows = rows[rows["geo_precision"] < 3]
    rows["month"] = pd.to_datetime(rows["event_date"], format="%d %B %Y").dt.to_period("M")
    points = gpd.GeoDataFrame(
        rows, geometry=gpd.points_from_xy(rows["longitude"], rows["latitude"]), crs=4326
    )
    joined = gpd.sjoin(points, districts[["region_id", "geometry"]], predicate="within")
    panel = joined.groupby(["region_id", "month"])["fatalities"].agg(["size", "sum"])
    cells = pd.MultiIndex.from_product([districts["region_id"], panel.index.levels[1]])
    complete = panel.reindex(cells, fill_value=0)
    return complete["size"].groupby(level=0).sum().to_numpy(dtype=float)


def publish(loaded: Loaded) -> np.ndarray:
    """Go all the way, without PDF and Word."""
    folder, districts = loaded
    panel = rm.count_incidents(rm.locate(read(loaded), districts), districts, as_of=AS_OF)
    layer = rm.assess(rm.forecast(panel, horizon="90D"), districts)
    published = rm.publish(layer, folder / "out", formats=FORMATS, sender="example.org")
    assert (published / "risk.geojson").stat().st_size > 0
    return np.empty(0)


if __name__ == "__main__":
    harness.main(make_work, rows=1_000_000)
