"""Today's 10,000 rows onto yesterday's scan of 10 M: ``python benchmarks/nightly.py``.

Timed is all that a nightly job does before it forecasts: yesterday's scan is loaded from disk,
today's file is read, placed and added, and the panel is counted. Yesterday's scan is drawn with the
sums of as many invented rows as are asked for, over ten years and 398 districts, and with the
newest incidents of a file of 300,000. Reading the scan alone is the floor.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import harness
import numpy as np
import pandas as pd
from harness import Bar, Contender, Work
from synthetic import invented_districts, write_acled

import riskmap as rm
from riskmap.ledgers import Ledger, Stage
from riskmap.panels.scans import sum_up

if TYPE_CHECKING:
    from pathlib import Path

TODAY, NEWEST = 10_000, 300_000
DRAWN = 1_000_000
AS_OF = "2025-01-01"
Loaded = tuple["Path", gpd.GeoDataFrame]


def make_work(rows: int) -> Work:
    """Return the work on a scan of some number of rows."""
    return Work(
        title="10,000 new rows onto a scan",
        rows=rows,
        make=lambda folder: make(folder, rows),
        contenders=(
            Contender("riskmap", add, load),
            Contender("riskmap, merging duplicates", add_merged, load),
            Contender("reading yesterday's scan", read, load),
        ),
        bars=(
            Bar("riskmap", "seconds", 5),
            Bar("riskmap, merging duplicates", "seconds", 5),
            Bar("riskmap", "times", float("inf"), "reading yesterday's scan"),
        ),
    )


def make(folder: Path, rows: int) -> None:
    """Write districts, yesterday's scan and today's file."""
    districts = invented_districts()
    districts.to_parquet(folder / "districts.parquet")
    write_acled(folder / "old.csv", NEWEST, districts)
    write_acled(folder / "today.csv", TODAY, districts, seed=2)
    today = (folder / "today.csv").read_text(encoding="utf-8").replace('\n"XQA', '\n"NEW')
    (folder / "today.csv").write_text(today, encoding="utf-8")
    few = rm.panels.scan_incidents([folder / "old.csv"], districts)
    sums = draw_sums(few.sums, rows)
    n = int(sums["reports"].sum())
    ledger = Ledger(tuple(Stage(name, rows_in=n, rows_out=n) for name in ("read", "locate")))
    replace(few, sums=sums, ledger=ledger).save(folder / "yesterday.scan")


def draw_sums(sums: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Return the sums of many rows that are like those of a few, at regions and days of chance."""
    rng = np.random.default_rng(3)
    total = sums
    for _ in range(0, rows, DRAWN):
        n = min(DRAWN, rows)
        drawn = sums.iloc[rng.integers(0, len(sums), n)].reset_index(drop=True)
        day = sums["first"].to_numpy()[rng.integers(0, len(sums), n)]
        drawn = drawn.assign(reports=1, first=day, last=day, known=day)
        total = sum_up(pd.concat([total, drawn], ignore_index=True))
    return total


def load(folder: Path) -> Loaded:
    """Return the folder and the districts; importing is not timed either."""
    assert callable(rm.panels.scan_incidents)
    assert callable(rm.count_incidents)
    return folder, gpd.read_parquet(folder / "districts.parquet")


def add(loaded: Loaded, *, merge: bool = False) -> np.ndarray:
    """Return the panel of yesterday and today."""
    folder, districts = loaded
    scan = rm.panels.scan_incidents(
        [folder / "today.csv"],
        districts,
        onto=rm.panels.Scan.load(folder / "yesterday.scan"),
        merge=merge,
    )
    return rm.count_incidents(scan, districts, as_of=AS_OF).frame["reports"].to_numpy()


def add_merged(loaded: Loaded) -> np.ndarray:
    """Return the panel of yesterday and today, where today's repetitions count once."""
    add(loaded, merge=True)
    return np.empty(0)


def read(loaded: Loaded) -> np.ndarray:
    """Read yesterday's scan; the answer is none."""
    assert len(rm.panels.Scan.load(loaded[0] / "yesterday.scan").sums)
    return np.empty(0)


if __name__ == "__main__":
    harness.main(make_work, rows=10_000_000)
