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
from typing import TYPE_CHECKING

import numpy as np

import riskmap as rm
from riskmap.evaluation.scores import crps
from riskmap.panels.features import membership

if TYPE_CHECKING:
    from riskmap.typing import CountHistory

MODELS = {
    "Conflictology, last 12 months": rm.models.Conflictology(last_windows=12),
    "ExponentialMean, 3 months": rm.models.ExponentialMean(half_life_months=3.0),
    "ExponentialMean, 12 months": rm.models.ExponentialMean(),
    "EndemicEpidemic": rm.models.EndemicEpidemic(),
    "Hawkes": rm.models.Hawkes(),
}


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


if __name__ == "__main__":
    main()
