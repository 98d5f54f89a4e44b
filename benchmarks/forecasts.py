"""What the forecasts are worth on real data, against the baselines, and how long they take.

    python benchmarks/forecasts.py --proof [--shared FOLDER]
    python benchmarks/forecasts.py [--shared FOLDER] [--large] [--plot docs/images/reliability.svg]
    python benchmarks/forecasts.py --plot-layers docs/images/reliability_layers.png

Each table is made of forecasts of counts that were never used to design or tune a model. All
models keep their defaults. Skill is 1 - score / score of ``EmpiricalBayes``; more is better.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from deaths import MODELS as PEERS
from deaths import REPORTED, country_months, interval, judge_years
from scipy import sparse
from scipy.stats import beta

import riskmap as rm
from riskmap.evaluation.scores import brier, crps, log_score
from riskmap.typing import CountHistory


class OneYearPrior(rm.models.EmpiricalBayes):
    """Shrinkage to the country with a prior worth one year: a common, weaker climatology."""

    def _learn(self, history: CountHistory) -> None:  # noqa: ARG002 - nothing is learnt
        self.strength_days_ = np.array([365.25, 1e9, 1e9])


MODELS = {
    "EmpiricalBayes": rm.models.EmpiricalBayes(),
    "CountryShrinkage": rm.models.EmpiricalBayes(levels=("country",)),
    "OneYearPrior": OneYearPrior(),
    "Zero": rm.models.Zero(),
    "Persistence": rm.models.Persistence(),
    "Climatology": rm.models.Climatology(),
    "Seasonal": rm.models.Seasonal(),
    "Conflictology": rm.models.Conflictology(),
    "ExponentialMean": rm.models.ExponentialMean(),
    "EndemicEpidemic": rm.models.EndemicEpidemic(),
    "Hawkes": rm.models.Hawkes(),
    "Boosting": rm.models.Boosting(),
    "Stack": rm.models.Stack((rm.models.EndemicEpidemic(), rm.models.Boosting())),
}
#: What the default is also held against, in a table of its own.
RIVALS = ("CountryShrinkage", "OneYearPrior", "EmpiricalBayes")
EDGES = np.array([0.0, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0])


@dataclass(frozen=True)
class Task:
    """One set: where it comes from, how it is counted, when the test begins."""

    title: str
    file: str
    every: str
    start: str
    test_from: str
    as_of: str
    series: str = "violence"
    countries: tuple[str, ...] = ()
    refit_windows: int = 1_000_000
    every_point: bool = False
    marks: bool = False


TASKS = (
    Task(
        "Attacks on aid workers, any victim: province and quarter",
        "awsd/awsd_2020-11-25.csv",
        every="quarter",
        start="1997-01-01",
        test_from="2017-01-01",
        as_of="2020-10-01",
    ),
    Task(
        "Attacks on aid workers, international victims: province and quarter",
        "awsd/awsd_2020-11-25.csv",
        every="quarter",
        start="1997-01-01",
        test_from="2017-01-01",
        as_of="2020-10-01",
        series="foreign",
    ),
    Task(
        "Attacks on aid workers, any victim, every point as it is on the map",
        "awsd/awsd_2020-11-25.csv",
        every="quarter",
        start="1997-01-01",
        test_from="2017-01-01",
        as_of="2020-10-01",
        every_point=True,
    ),
    Task(
        "Attacks on aid workers, international victims, every point as it is on the map",
        "awsd/awsd_2020-11-25.csv",
        every="quarter",
        start="1997-01-01",
        test_from="2017-01-01",
        as_of="2020-10-01",
        series="foreign",
        every_point=True,
    ),
    Task(
        "Myanmar, deadly events: province and month",
        "ucdp/ged_MMR.csv",
        every="month",
        start="1989-01-01",
        test_from="2017-01-01",
        as_of="2024-01-01",
        countries=("MMR",),
        refit_windows=12,
    ),
    Task(
        "Central African Republic, deadly events: province and month",
        "ucdp/ged231_CAR482.csv",
        every="month",
        start="2001-01-01",
        test_from="2019-01-01",
        as_of="2023-01-01",
        countries=("CAF",),
        refit_windows=12,
    ),
    Task(
        "Iraq, significant activities: province and week",
        "other/iraq_sigacts_2007.csv",
        every="week",
        start="2007-02-26",
        test_from="2008-01-01",
        as_of="2008-07-01",
        countries=("IRQ",),
        refit_windows=4,
    ),
    Task(
        "Iraq, yes or no: province and day",
        "other/iraq_sigacts_2007.csv",
        every="day",
        start="2007-02-26",
        test_from="2008-01-01",
        as_of="2008-07-01",
        countries=("IRQ",),
        refit_windows=28,
        marks=True,
    ),
)


def count(task: Task, shared: Path) -> rm.Panel:
    """Return the counts; incidents known only to their year or country are left out."""
    incidents = rm.read_incidents(shared / "incidents" / task.file)
    incidents = incidents[incidents["date_precision"] != "year"]
    if task.every_point:  # also those known to a country alone, which stand on its centre
        has_point = ~incidents.geometry.is_empty & incidents.geometry.notna()
        incidents = incidents.assign(
            geo_precision=incidents["geo_precision"].where(~has_point, "point")
        )
    countries = list(task.countries or sorted(incidents["country"].dropna().unique()))
    # an incident known to its country alone would be spread over its provinces: no hit or miss
    vague = incidents["geo_precision"].isin(["country", "unknown"])
    incidents = incidents[~vague]
    regions = rm.read_regions(countries)
    located = rm.locate(incidents, regions)
    return rm.count_incidents(
        located, regions, every=task.every, as_of=task.as_of, start=task.start
    )


def replay(
    history: CountHistory, first: int, *, refit_windows: int, names: list[str]
) -> dict[str, dict[str, Any]]:
    """Return each model's forecasts of one window ahead, and what it took to fit."""
    times = range(first, history.n_windows)
    active = np.array([history.counts[max(t - 12, 0) : t].sum(axis=0) > 0 for t in times])
    seen = history.counts[first:]
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        model = MODELS[name]
        rows: dict[str, list[Any]] = {"p": [], "crps": [], "inside": [], "mean": []}
        seconds = 0.0
        for t in times:
            past = history.until(t)
            if (t - first) % refit_windows == 0:
                began = time.perf_counter()
                model.fit(past, horizon_days=float(history.days[t]))
                seconds += time.perf_counter() - began
            forecast = model.predict_distribution(past)
            rng = np.random.default_rng(t)
            below = forecast.cdf(history.counts[t] - 1)
            pit = below + rng.random(len(below)) * (forecast.cdf(history.counts[t]) - below)
            rows["p"].append(forecast.p_gt(0))
            rows["mean"].append(forecast.mean)
            rows["inside"].append((pit >= 0.05) & (pit <= 0.95))
            rows["crps"].append(crps(history.counts[t], forecast))
        found[name] = {key: np.array(value) for key, value in rows.items()}
        found[name] |= {"seconds": seconds, "hit": seen > 0, "active": active}
    return found


def scores(rows: dict[str, Any], where: Any) -> np.ndarray:
    """Return the mean log score, Brier score and CRPS of some of a model's forecasts."""
    hit, p = rows["hit"][where].astype(float), np.clip(rows["p"][where], 1e-6, 1 - 1e-6)
    return np.array([log_score(hit, p).mean(), brier(hit, p).mean(), rows["crps"][where].mean()])


def rivals(found: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the default's skill against each climatology with shrinkage."""
    own = found["EndemicEpidemic"]
    every = np.ones_like(own["active"])
    table = {
        name: 1 - scores(own, every) / scores(found[name], every)
        for name in RIVALS
        if name in found
    }
    return pd.DataFrame(table, index=["log", "brier", "crps"]).T


def skills(found: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the table of skills against empirical Bayes."""
    table = {}
    base = found["EmpiricalBayes"]
    for name, rows in found.items():
        every = np.ones_like(rows["active"])
        skill = 1 - scores(rows, every) / scores(base, every)
        active = 1 - scores(rows, rows["active"]) / scores(base, rows["active"])
        top = np.argsort(-rows["p"].ravel(), kind="stable")[: rows["p"].size // 20]
        table[name] = {
            "log": skill[0],
            "brier": skill[1],
            "crps": skill[2],
            "log active": active[0],
            "brier active": active[1],
            "hits in top 5 %": rows["hit"].ravel()[top].sum() / rows["hit"].sum(),
            "90 % covers": rows["inside"].mean(),
            "active covers": rows["inside"][rows["active"]].mean(),
            "hits forecast": rows["p"].sum() / rows["hit"].sum(),
            "fit s": rows["seconds"],
        }
    return pd.DataFrame(table).T


def reliability(rows: dict[str, Any]) -> pd.DataFrame:
    """Return forecast and seen frequency in bins of the forecast probability."""
    p, hit = rows["p"].ravel(), rows["hit"].ravel()
    place = np.clip(np.digitize(p, EDGES) - 1, 0, len(EDGES) - 2)
    n = np.bincount(place, minlength=len(EDGES) - 1)
    return pd.DataFrame(
        {
            "forecasts": n,
            "mean forecast": np.bincount(place, p, len(n)) / np.maximum(n, 1),
            "seen": np.bincount(place, hit, len(n)) / np.maximum(n, 1),
        },
        index=[f"{a:g} to {b:g}" for a, b in pairwise(EDGES)],
    )[n > 0]


def draw(curves: dict[str, pd.DataFrame], path: Path) -> None:
    """Draw the reliability of the default on each set, on logarithmic axes."""
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    rcParams["svg.hashsalt"] = "riskmap"  # the same bytes twice
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    axes.plot([1e-4, 1], [1e-4, 1], "k--", linewidth=1)
    for (title, table), marker in zip(curves.items(), "osD^vP*", strict=False):
        kept = table[(table["forecasts"] >= 20) & (table["seen"] > 0)]
        axes.plot(kept["mean forecast"], kept["seen"], linewidth=1, marker=marker, label=title)
    axes.set(xscale="log", yscale="log", xlim=(5e-4, 1.1), ylim=(5e-4, 1.1))
    axes.set(xlabel="forecast probability of any incident", ylabel="share in which there was one")
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def as_markdown(table: pd.DataFrame, head: str) -> str:
    """Return a table as Markdown."""
    lines = [
        f"| {head} | " + " | ".join(table.columns) + " |",
        "|---" * (len(table.columns) + 1) + "|",
    ]
    for name, row in table.iterrows():
        cells = [f"{v:.0f}" if v == round(v) and abs(v) > 1 else f"{v:.3f}" for v in row]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


#: What was chosen where, by series.
CHOSEN = {
    "violence": "drivers and penalties: before 2017 (CAR: 2019)",
    "foreign": "drivers, share of violence: 2008 to 2016",
}


def prove(shared: Path) -> None:
    """Print one table: the default on every set, each with what it was not chosen on."""
    print(
        "| set | score | default | against | skill | 90 % interval | told / happened | chosen on |"
    )
    print("|---" * 8 + "|")
    for task in TASKS:
        panel = count(task, shared)
        history = replace(panel.history(task.series), watched=None)
        if task.marks:
            history = replace(history, counts=np.minimum(history.counts, 1.0), drivers={})
        MODELS["EndemicEpidemic"].set_params(prior=task.series)
        first = int(np.searchsorted(panel.edges[:-1], np.datetime64(task.test_from)))
        found = replay(
            history,
            first,
            refit_windows=task.refit_windows,
            names=["EmpiricalBayes", "EndemicEpidemic"],
        )
        own, base = found["EndemicEpidemic"], found["EmpiricalBayes"]
        told = f"{own['p'].sum() / own['hit'].sum():.2f}"
        chosen = "nothing" if "Iraq" in task.title else CHOSEN[task.series]
        block = 28 if task.marks else 1
        for score, (mine, theirs) in by_window(own, base).items():
            skill, low, high = interval(mine, theirs, block)
            print(
                f"| {task.title} | {score} | {mine.mean():.4f} | EmpiricalBayes | {skill:.3f} | "
                f"{low:.3f} to {high:.3f} | {told} | {chosen} |",
                flush=True,
            )
    history = country_months(shared)
    losses = {
        name: judge_years(PEERS[name], history, REPORTED)
        for name in ("EndemicEpidemic", "Hawkes", "Conflictology, last 12 months")
    }
    own = losses.pop("EndemicEpidemic")
    for name, theirs in losses.items():
        skill, low, high = interval(own, theirs, 12)
        print(
            f"| Deaths of the world by country and month, 2012 to 2017 | crps | {own.mean():.2f} | "
            f"{name} ({theirs.mean():.2f}) | {skill:.3f} | {low:.3f} to {high:.3f} | | "
            "roots of heavy counts: 1995 to 2011 |"
        )


def by_window(own: dict[str, Any], base: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the mean of each score by window, of two models."""
    found = {}
    for name, score in (("log", log_score), ("brier", brier)):
        found[name] = tuple(
            score(one["hit"].astype(float), np.clip(one["p"], 1e-6, 1 - 1e-6)).mean(axis=1)
            for one in (own, base)
        )
    return found | {"crps": (own["crps"].mean(axis=1), base["crps"].mean(axis=1))}


def draw_layers(shared: Path, path: Path) -> None:
    """Draw the reliability of violence and of foreign victims side by side, as a small PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.1), layout="constrained", dpi=100)
    for axes, task in zip(figure.subplots(1, 2, sharey=True), TASKS[:2], strict=True):
        panel = count(task, shared)
        history = replace(panel.history(task.series), watched=None)
        MODELS["EndemicEpidemic"].set_params(prior=task.series)
        first = int(np.searchsorted(panel.edges[:-1], np.datetime64(task.test_from)))
        rows = replay(history, first, refit_windows=10**6, names=["EndemicEpidemic"])
        table = reliability(rows["EndemicEpidemic"])
        table = table[table["forecasts"] >= 20]
        n, seen = table["forecasts"], table["seen"]
        low, high = (beta.ppf(q, n * seen + 0.5, n * (1 - seen) + 0.5) for q in (0.05, 0.95))
        bars = np.abs(np.array([low, high]) - seen.to_numpy())
        axes.plot([1e-3, 1], [1e-3, 1], "k--", linewidth=1)
        axes.errorbar(table["mean forecast"], seen, yerr=bars, marker="o", markersize=4)
        axes.set(xscale="log", yscale="log", xlim=(1e-3, 1.1), ylim=(1e-3, 1.1))
        axes.set(title=task.series, xlabel="forecast probability")
    figure.axes[0].set_ylabel("share in which there was any")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def measure(n_regions: int, n_windows: int) -> str:
    """Return how long the default takes to fit and forecast, and how much memory."""
    rng = np.random.default_rng(1)
    rates = np.repeat(rng.gamma(0.1, 0.5, (n_windows // 10, n_regions)), 10, axis=0)
    ring = np.arange(n_regions)
    sides = np.concatenate([np.roll(ring, 1), np.roll(ring, -1)])
    links = sparse.csr_array(
        (np.full(2 * n_regions, 0.5), (np.tile(ring, 2), sides)), shape=(n_regions, n_regions)
    )
    history = CountHistory(
        counts=rng.poisson(rates).astype(float),
        days=np.full(n_windows, 7.0),
        parent=ring // 12,
        country=ring // 400,
        neighbours=links,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    model = rm.models.EndemicEpidemic().fit(history, horizon_days=91.0)
    model.predict_distribution(history).quantile(0.95)
    model.predict_components(history)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    size = f"{n_regions} regions x {n_windows} weeks"
    return f"{size}: {wall:.1f} s ({cpu:.1f} s of CPU), peak {peak:.2f} GB"


def measure_hawkes(n_incidents: float) -> str:
    """Return how long ``Hawkes`` takes with so many incidents in 400 regions x 520 weeks."""
    counts = np.random.default_rng(1).poisson(n_incidents / (400 * 520), (520, 400)).astype(float)
    ring = np.arange(400)
    history = CountHistory(counts, np.full(520, 7.0), ring // 12, np.zeros(400, dtype=np.int64))
    cpu = time.process_time()
    rm.models.Hawkes().fit(history, horizon_days=91.0).predict_distribution(history).quantile(0.95)
    return f"Hawkes, {counts.sum():.0f} incidents: {time.process_time() - cpu:.1f} s of CPU"


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--shared", type=Path, default=os.environ.get("RISKMAP_SHARED", default))
    parser.add_argument("--large", action="store_true", help="also time 50,000 regions x 260 weeks")
    parser.add_argument("--only", default="", help="sets whose title holds this text")
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--plot", type=Path, help="also draw the reliability, as SVG")
    parser.add_argument("--proof", action="store_true", help="the table of proof and no other")
    parser.add_argument("--plot-layers", type=Path, help="only draw the reliability by layer, PNG")
    given = parser.parse_args()
    if given.plot_layers:
        draw_layers(Path(given.shared), given.plot_layers)
        return
    if given.proof:
        prove(Path(given.shared))
        return
    names = ["EmpiricalBayes", *(n for n in given.models if n != "EmpiricalBayes")]
    print(measure(400, 520))
    if given.large:
        print(measure(50_000, 260))
    print(measure_hawkes(1e6))
    curves = {}
    for task in TASKS:
        if given.only not in task.title:
            continue
        panel = count(task, Path(given.shared))
        history = replace(panel.history(task.series), watched=None)  # these sources watch all
        if task.marks:
            history = replace(history, counts=np.minimum(history.counts, 1.0), drivers={})
        MODELS["EndemicEpidemic"].set_params(prior=task.series)
        first = int(np.searchsorted(panel.edges[:-1], np.datetime64(task.test_from)))
        quick = task.every_point or task.marks
        chosen = [n for n in names if not quick or n not in ("Boosting", "Stack")]
        found = replay(history, first, refit_windows=task.refit_windows, names=chosen)
        hits = found["EmpiricalBayes"]["hit"]
        print(f"\n### {task.title}\n")
        print(
            f"Tested on {len(hits)} windows from {task.test_from} x {history.n_regions} regions, "
            f"{hits.sum()} hits; fitted to {first} windows.\n"
        )
        print(as_markdown(skills(found), "model"))
        if "EndemicEpidemic" not in found:
            continue
        print("\nThe default against climatologies with shrinkage:\n")
        print(as_markdown(rivals(found), "baseline"))
        print("\nReliability of the default:\n")
        table = reliability(found["EndemicEpidemic"])
        print(as_markdown(table, "forecast"), flush=True)
        if not quick:
            curves[task.title.rpartition(":")[0]] = table
    if given.plot and curves:
        draw(curves, given.plot)


if __name__ == "__main__":
    main()
