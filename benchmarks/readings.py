"""What the bar for international victims means: the quick trial, its baseline in many readings.

    python benchmarks/readings.py [--shared FOLDER]

The trial is an additive model of the probability of any incident: non-negative weights on decayed
histories and two shrunk rates, each also through its square root, p = 1 - exp(-sum), fitted to the
0/1 target. It and the default are held against climatology shrunk to the country under every
reading of its strength, in the windows from 2017 on. ``hindsight`` are the same drivers with
weights fitted to the very rows that they are judged by: what no honest weights can reach. The last
tables replay 2008 to 2016, where other settings of the default were compared.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from forecasts import TASKS, OneYearPrior, count
from scipy import optimize

import riskmap as rm
from riskmap.evaluation.scores import brier, log_score
from riskmap.models.drivers import PastSums, drivers_of, rate_of
from riskmap.panels.features import membership

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.typing import CountHistory, FloatArray

#: No probability is lower, since a country without incidents has a shrunk rate of zero.
LEAST = 1e-6
#: Windows that no trial learns from: they only serve as past.
BURN_IN = 8
FIRST, QUARTER = 80, 91.0
#: First windows of 2008, 2010, 2012, 2014 and 2017: fitted before each, replayed to the next.
FOLDS = (44, 53, 62, 71, 80)


def country_prior(history: CountHistory, at: FloatArray, strength: FloatArray) -> FloatArray:
    """Return rates a window before each origin, the country's rate worth so many windows."""
    seen = np.vstack([np.zeros(history.n_regions), history.counts.cumsum(axis=0)])[at]
    groups = membership(history.country)
    rate = ((seen @ groups) / (at[:, None] * groups.sum(axis=0)))[:, history.country]
    return (seen + strength * rate) / (at[:, None] + strength)


def moments(history: CountHistory, at: FloatArray) -> FloatArray:
    """Return the strength of each country's prior by the method of moments, in windows."""
    found = []
    for t in at:
        rates = pd.DataFrame(history.counts[:t].mean(axis=0)).groupby(history.country)[0]
        mean = rates.transform("mean").to_numpy()
        spread = rates.transform("var").fillna(0.0).to_numpy() - mean / t
        found.append(np.where(spread > 0, mean / np.maximum(spread, 1e-12), 1e6))
    return np.array(found)


def readings(history: CountHistory, at: FloatArray) -> dict[str, FloatArray]:
    """Return the probabilities of any incident under each reading of the baseline."""
    found = {
        f"prior worth {k} quarters": country_prior(history, at, np.full((1, 1), float(k)))
        for k in (1, 2, 3, 4, 8, 20, 40)
    }
    still = np.full(len(at), at[0])
    found["4 quarters, history to 2016"] = country_prior(history, still, np.full((1, 1), 4.0))
    found["moments by country"] = country_prior(history, at, moments(history, at))
    hits = replace(history, counts=np.minimum(history.counts, 1.0))
    found["4 quarters, hits for counts"] = country_prior(hits, at, np.full((1, 1), 4.0))
    chances = {name: -np.expm1(-rate) for name, rate in found.items()}
    models = {
        "CountryShrinkage": rm.models.EmpiricalBayes(levels=("country",)),
        "OneYearPrior": OneYearPrior(),
    }
    return chances | {name: replay(model, history, at) for name, model in models.items()}


def replay(model: rm.models.EmpiricalBayes, history: CountHistory, at: FloatArray) -> FloatArray:
    """Return the probabilities of a model fitted once, before the first origin."""
    model.fit(history.until(int(at[0])), horizon_days=QUARTER)
    return np.array([model.predict_distribution(history.until(int(t))).p_gt(0) for t in at])


def drivers(history: CountHistory) -> FloatArray:
    """Return the drivers of the trial before each window, (n_windows, n_regions, n_drivers)."""
    at = np.arange(1, history.n_windows + 1)
    sums, none = PastSums(history, at), np.zeros(3)
    kept = [
        rate_of(driver, sums, strength_days=none)
        for driver in drivers_of(history)
        if driver.part.startswith(("own", "country", "violence"))
    ]
    kept += [country_prior(history, at, np.full((1, 1), k)) / QUARTER for k in (4.0, 20.0)]
    stacked = QUARTER * np.stack(kept, axis=-1)
    parts = [stacked, np.sqrt(stacked), np.ones((*stacked.shape[:2], 1))]
    whole = np.concatenate(parts, axis=-1)
    return np.concatenate([np.zeros_like(whole[:1]), whole])[:-1]


def fit_weights(design: FloatArray, hit: FloatArray) -> FloatArray:
    """Return the non-negative weights of the highest Bernoulli likelihood, p = 1 - exp(-sum)."""
    scale = np.maximum(design.mean(axis=0), 1e-12)
    some, none = design[hit] / scale, (design[~hit] / scale).sum(axis=0)

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        total = some @ weights + 1e-12
        slope = none - (1.0 / np.expm1(total)) @ some
        return float(none @ weights - np.log(-np.expm1(-total)).sum()), slope

    found = optimize.minimize(
        loss,
        np.full(len(scale), hit.mean() / len(scale)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(scale),
        options={"maxiter": 2000, "maxcor": 30, "ftol": 1e-13},
    )
    return np.asarray(found.x / scale)


def trial(history: CountHistory, fitted: slice, judged: slice) -> FloatArray:
    """Return the trial's probabilities in some windows with weights fitted to others."""
    design, hit = drivers(history), history.counts > 0
    rows = design[fitted].reshape(-1, design.shape[-1])
    return -np.expm1(-(design[judged] @ fit_weights(rows, hit[fitted].ravel())))


def skill(hit: FloatArray, stated: FloatArray, baseline: FloatArray) -> str:
    """Return the skill in log and Brier score and how many hits were forecast for one."""
    p, q = (np.clip(x, LEAST, 1 - LEAST) for x in (stated, baseline))
    values = [1 - score(hit, p).mean() / score(hit, q).mean() for score in (log_score, brier)]
    return f"{values[0]:.3f} / {values[1]:.3f}"


def judge(history: CountHistory, title: str) -> None:
    """Print the skill from 2017 on under every reading."""
    at = np.arange(FIRST, history.n_windows)
    hit = (history.counts[FIRST:] > 0).astype(float)
    judged = slice(FIRST, history.n_windows)
    stated = {
        "trial": trial(history, slice(BURN_IN, FIRST), judged),
        "default": replay(rm.models.EndemicEpidemic(), history, at),
        "hindsight": trial(history, judged, judged),
    }
    table = {
        name: {who: skill(hit, p, q) for who, p in stated.items()}
        for name, q in readings(history, at).items()
    }
    print(f"\n### {title}: {hit.sum():.0f} hits, log / Brier skill\n")
    print(as_text(pd.DataFrame(table).T, "baseline"))


def judge_early(history: CountHistory, title: str) -> None:
    """Print the skill from 2008 to 2016 against shrinkage to the country, by its likelihood."""
    folds = [np.arange(a, b) for a, b in pairwise(FOLDS)]
    hit = (history.counts[FOLDS[0] : FOLDS[-1]] > 0).astype(float)

    def over_folds(make: Callable[[FloatArray], FloatArray]) -> FloatArray:
        return np.concatenate([make(at) for at in folds])

    def of(model: rm.models.EmpiricalBayes) -> FloatArray:
        return over_folds(lambda at: replay(model, history, at))

    base = of(rm.models.EmpiricalBayes(levels=("country",)))
    every = slice(FOLDS[0], FOLDS[-1])
    stated = {
        "trial": over_folds(
            lambda at: trial(history, slice(BURN_IN, at[0]), slice(at[0], at[-1] + 1))
        ),
        "hindsight": trial(history, every, every),
        "default": of(rm.models.EndemicEpidemic()),
        "default, origins of 3 years": of(rm.models.EndemicEpidemic(memory_months=36.0)),
        "default, all origins alike": of(rm.models.EndemicEpidemic(memory_months=1e6)),
        "default, little shrinkage": of(rm.models.EndemicEpidemic(penalties=(0.02,))),
        "default, much shrinkage": of(rm.models.EndemicEpidemic(penalties=(2.0,))),
    }
    table = pd.DataFrame(
        {
            "skill": {name: skill(hit, p, base) for name, p in stated.items()},
            "hits forecast": {name: f"{p.sum() / hit.sum():.2f}" for name, p in stated.items()},
        }
    )
    print(f"\n### {title}, 2008 to 2016: {hit.sum():.0f} hits, against CountryShrinkage\n")
    print(as_text(table, "model"))


def as_text(table: pd.DataFrame, head: str) -> str:
    """Return a table of texts as Markdown."""
    lines = [f"| {head} | " + " | ".join(table) + " |", "|---" * (len(table.columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(row) + " |" for name, row in table.iterrows()]
    return "\n".join(lines)


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--shared", type=Path, default=os.environ.get("RISKMAP_SHARED", default))
    given = parser.parse_args()
    tasks = [task for task in TASKS if "aid workers" in task.title]
    for task in tasks:
        history = count(task, Path(given.shared)).history(task.series)
        judge(history, task.title)
        if task.series == "foreign":
            judge_early(history, task.title)


if __name__ == "__main__":
    main()
