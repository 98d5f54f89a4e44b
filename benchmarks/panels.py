"""Placed incidents to a panel of 400 regions and 520 weeks: ``python benchmarks/panels.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import harness
import numpy as np
import pandas as pd
from harness import Bar, Contender, Work

from riskmap.panels.windows import sum_days

if TYPE_CHECKING:
    from pathlib import Path

N_REGIONS, N_WEEKS = 400, 520
Columns = tuple[np.ndarray, np.ndarray]


def make_work(rows: int) -> Work:
    """Return the work on some number of incidents."""
    return Work(
        title="placed incidents to a panel of 400 x 520",
        rows=rows,
        make=lambda folder: make(folder, rows),
        contenders=(
            Contender("riskmap", by_riskmap, load),
            Contender("pandas, two keys", by_pandas, load_frame),
            Contender("pandas, one fused key", by_fused_pandas, load_frame),
            Contender("polars", by_polars, load_polars, needs="polars"),
            Contender("DuckDB", by_duckdb, load_duckdb, needs="duckdb"),
            Contender("reading the columns once", read_once, load),
        ),
        bars=(
            Bar("riskmap", "ratio", 3, "pandas, two keys"),
            Bar("riskmap", "ratio", 1, "DuckDB"),
            Bar("riskmap", "times", 25, "reading the columns once"),
        ),
    )


def make(folder: Path, rows: int) -> None:
    """Write the region and the day of each incident."""
    rng = np.random.default_rng(0)
    region = rng.integers(0, N_REGIONS, rows).astype(np.int32)
    day = rng.integers(0, 7 * N_WEEKS, rows).astype(np.int32)
    region[:2], day[:2] = (0, N_REGIONS - 1), (0, 7 * N_WEEKS - 1)
    np.save(folder / "region.npy", region)
    np.save(folder / "day.npy", day)


def load(folder: Path) -> Columns:
    """Return the columns in memory."""
    return np.load(folder / "region.npy"), np.load(folder / "day.npy")


def load_frame(folder: Path) -> pd.DataFrame:
    """Return the columns as a frame."""
    region, day = load(folder)
    return pd.DataFrame({"region": region, "day": day})


def load_polars(folder: Path) -> Any:
    """Return the columns as a frame of polars."""
    import polars as pl

    return pl.from_pandas(load_frame(folder))


def load_duckdb(folder: Path) -> Any:
    """Return a database that holds the columns."""
    import duckdb

    base = duckdb.connect()
    base.register("frame", load_frame(folder))
    base.execute("CREATE TABLE incidents AS SELECT * FROM frame")
    return base


def by_riskmap(columns: Columns) -> np.ndarray:
    """Count as riskmap does."""
    edges = np.datetime64("1970-01-01") + 7 * np.arange(N_WEEKS + 1)
    region, day = columns
    one = {"reports": np.broadcast_to(np.int64(1), len(day))}
    return sum_days(region, day, series=one, n_regions=N_REGIONS, edges=edges)["reports"]


def full(region: np.ndarray, week: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the complete panel, where zero is zero."""
    panel = np.zeros(N_REGIONS * N_WEEKS)
    panel[region.astype(np.int64) * N_WEEKS + week] = counts
    return panel


def by_pandas(frame: pd.DataFrame) -> np.ndarray:
    """Count as a user of pandas would."""
    sizes = frame.assign(week=frame["day"] // 7).groupby(["region", "week"]).size()
    region, week = (sizes.index.get_level_values(i).to_numpy() for i in (0, 1))
    return full(region, week, sizes.to_numpy())


def by_fused_pandas(frame: pd.DataFrame) -> np.ndarray:
    """Count as a user of pandas would who knows the trick."""
    sizes = frame.groupby(frame["region"] * N_WEEKS + frame["day"] // 7).size()
    return full(np.zeros(len(sizes)), sizes.index.to_numpy(), sizes.to_numpy())


def by_polars(frame: Any) -> np.ndarray:
    """Count in polars."""
    import polars as pl

    keys = ["region", (pl.col("day") // 7).alias("week")]
    counts = frame.group_by(keys).len()
    return full(*(counts[name].to_numpy() for name in ("region", "week", "len")))


def by_duckdb(base: Any) -> np.ndarray:
    """Count in DuckDB."""
    query = "SELECT region, day // 7 AS week, count(*) AS n FROM incidents GROUP BY region, week"
    counts = base.execute(query).fetchnumpy()
    return full(counts["region"], counts["week"], counts["n"])


def read_once(columns: Columns) -> np.ndarray:
    """Stream the bytes: the floor under any answer; the answer itself is not in it."""
    region, day = columns
    checks = int(region.sum(dtype=np.int64)) + int(day.sum(dtype=np.int64))
    assert checks > 0
    return np.empty(0)


if __name__ == "__main__":
    harness.main(make_work, rows=10_000_000)
