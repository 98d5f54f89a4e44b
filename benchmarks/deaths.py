"""What forecasts of deaths are worth: heavy-tailed counts by month, one and three months ahead.

    python benchmarks/deaths.py [--shared FOLDER]

Each model is fitted once before the first test month with its defaults and replayed over six
years. Mean CRPS (lower is better) and the coverage of the 90 % interval, by
randomised ranks. The peers are those that are hard to beat: history resampled and decayed means.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import riskmap as rm
from riskmap.evaluation.scores import crps
from riskmap.panels.features import membership
from riskmap.typing import CountHistory

MODELS = {
    "Conflictology, last 12 months": rm.models.Conflictology(last_windows=12),
    "ExponentialMean, 3 months": rm.models.ExponentialMean(half_life_months=3.0),
    "ExponentialMean, 12 months": rm.models.ExponentialMean(),
    "EndemicEpidemic": rm.models.EndemicEpidemic(),
    "Hawkes": rm.models.Hawkes(),
}


#: The years on which a choice was made, and those that are reported.
CHOSEN_ON, REPORTED = range(1995, 2012), range(2012, 2018)


@dataclass(frozen=True)
class Task:
    """One set and its test months."""

    title: str
    file: str
    start: str
    test_from: str
    as_of: str
    countries: tuple[str, ...] = ()
    by_country: bool = False


TASKS = (
    Task(
        "Myanmar, 2011 to 2016",
        "ucdp/ged_MMR.csv",
        "1989-01-01",
        "2011-01-01",
        "2017-01-01",
        ("MMR",),
    ),
    Task(
        "Central African Republic, 2013 to 2018",
        "ucdp/ged231_CAR482.csv",
        "2001-01-01",
        "2013-01-01",
        "2019-01-01",
        ("CAF",),
    ),
    Task(
        "Myanmar as a whole, 2011 to 2016",
        "ucdp/ged_MMR.csv",
        "1989-01-01",
        "2011-01-01",
        "2017-01-01",
        ("MMR",),
        by_country=True,
    ),
    Task(
        "Central African Republic as a whole, 2013 to 2018",
        "ucdp/ged231_CAR482.csv",
        "2001-01-01",
        "2013-01-01",
        "2019-01-01",
        ("CAF",),
        by_country=True,
    ),
    Task(
        "Aid workers by country, 2011 to 2016",
        "awsd/awsd_2020-11-25.csv",
        "1997-01-01",
        "2011-01-01",
        "2017-01-01",
        by_country=True,
    ),
)


def deaths(task: Task, shared: Path) -> tuple[CountHistory, int]:
    """Return deaths by month, and the first test month."""
    incidents = rm.read_incidents(shared / "incidents" / task.file)
    incidents = incidents[incidents["date_precision"] != "year"]
    regions = rm.read_regions(
        list(task.countries or sorted(incidents["country"].dropna().unique()))
    )
    panel = rm.count_incidents(
        rm.locate(incidents, regions), regions, every="month", as_of=task.as_of, start=task.start
    )
    # these sources watch all
    history = replace(panel.history("fatalities"), drivers={}, watched=None, reported=None)
    if task.by_country:
        counts = np.round(history.counts @ membership(history.country))
        each = np.arange(counts.shape[1])
        history = replace(history, counts=counts, parent=each, country=each, neighbours=None)
    first = int(np.searchsorted(panel.edges[:-1], np.datetime64(task.test_from)))
    return history, first


def country_months(shared: Path) -> CountHistory:
    """Return state-based deaths of the world by country and month, 1989 to 2017."""
    table = pd.read_parquet(shared / "panels" / "ged_country_month_to_2017.parquet")
    counts = table.pivot_table(index="month_id", columns="country_id", values="ged_best_sb")
    edges = pd.date_range("1989-01-01", periods=len(counts) + 1, freq="MS")
    each = np.arange(counts.shape[1])
    days = np.diff(edges.to_numpy()).astype("timedelta64[D]").astype(float)
    return CountHistory(counts.to_numpy(dtype=float), days, each, each)


def judge_years(model: Any, history: CountHistory, years: range) -> np.ndarray:
    """Return the mean CRPS of each month, forecast from the October before its year.

    As in published monthly forecasts: fitted each October to all months before, one month ahead,
    and the same distribution said of all twelve months. Countries are those of the last month.
    """
    known = ~np.isnan(history.counts[-1])
    losses = []
    for year in years:
        start = 12 * (year - 1989)
        past = history.until(start - 2)
        found = model.fit(past, horizon_days=30.0).predict_distribution(past)
        for seen in history.counts[start : start + 12]:
            some = known & ~np.isnan(seen)
            loss = crps_of(np.where(some, seen, 0.0), found)
            losses.append(loss[some].mean())
    return np.array(losses)


def crps_of(seen: np.ndarray, found: Any) -> np.ndarray:
    """Return the CRPS; of resampled history from its values, which may be large."""
    if not hasattr(found, "values"):
        return crps(seen, found)
    drawn = np.nan_to_num(found.values)
    apart = np.abs(drawn[:, None] - drawn[None]).mean(axis=(0, 1))
    return np.abs(drawn - seen).mean(axis=0) - apart / 2.0


def interval(own: np.ndarray, other: np.ndarray, block: int) -> tuple[float, float, float]:
    """Return 1 - own / other, and its 90 % interval from blocks that are drawn again."""
    n = len(own) // block
    sums = [x[: n * block].reshape(n, block).sum(axis=1) for x in (own, other)]
    drawn = np.random.default_rng(0).integers(n, size=(4000, n))
    skill = 1.0 - sums[0][drawn].sum(axis=1) / sums[1][drawn].sum(axis=1)
    low, high = np.percentile(skill, [5, 95])
    return 1.0 - own.sum() / other.sum(), float(low), float(high)


def judge(
    model: rm.models.EndemicEpidemic, history: CountHistory, first: int, months: int
) -> list[str]:
    """Return the mean CRPS and the coverage of one model so many months ahead."""
    model.fit(history.until(first), horizon_days=float(history.days[first : first + months].sum()))
    losses, inside = [], []
    for t in range(first, history.n_windows - months + 1):
        found = model.predict_distribution(history.until(t))
        seen = history.counts[t : t + months].sum(axis=0)
        rng = np.random.default_rng(t)
        losses.append(crps(seen, found).mean())
        below = found.cdf(seen - 1)
        rank = below + rng.random(len(seen)) * (found.cdf(seen) - below)
        inside.append(((rank >= 0.05) & (rank <= 0.95)).mean())
    return [f"{np.mean(losses):.3f}", f"{np.mean(inside):.2f}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--shared", type=Path, default=os.environ.get("RISKMAP_SHARED", default))
    given = parser.parse_args()
    print("| set | model | CRPS, 1 month | covers | CRPS, 3 months | covers |\n" + "|---" * 6 + "|")
    for task in TASKS:
        history, first = deaths(task, Path(given.shared))
        for name, model in MODELS.items():
            cells = judge(model, history, first, 1) + judge(model, history, first, 3)
            print(f"| {task.title} | {name} | " + " | ".join(cells) + " |", flush=True)
    history = country_months(Path(given.shared))
    print("\n| world, by country and month | 1995 to 2011 | 2012 to 2017 |\n|---|---|---|")
    for name, model in MODELS.items():
        means = (judge_years(model, history, years).mean() for years in (CHOSEN_ON, REPORTED))
        print(f"| {name} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |", flush=True)


if __name__ == "__main__":
    main()
