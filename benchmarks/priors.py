"""What a prior from other countries is worth to a country that it was not learnt on.

    RISKMAP_SHARED=FOLDER python benchmarks/priors.py

Each country of the Aid Worker Security Database stands alone, as a desk has it. The prior is learnt
again on what happened before 2017, ten times, each time without a tenth of the countries, which are
then scored: the model is fitted each January from 2017 on and states 15 quarters. Skill is
1 - score / score of the same model without any prior.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import riskmap as rm
from riskmap.evaluation.scores import brier, log_score
from riskmap.settings import data_path

if TYPE_CHECKING:
    from riskmap.typing import CountHistory

START, UNTIL, END = "1997-01-01", "2017-01-01", "2020-10-01"
FIRST, A_YEAR, AHEAD = 240, 12, 3  # in months
FOLDS = 10
#: Incidents before 2017, from none to many.
BANDS = [-0.5, 0.5, 10, 50, 150, np.inf]


@cache
def script() -> Any:
    """Return the script of the prior."""
    spec = importlib.util.spec_from_file_location("make_prior", data_path("models/make_prior.py"))
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@cache
def rows_of(files: tuple[str, ...], until: str) -> pd.DataFrame:
    """Return the incidents of files."""
    found: pd.DataFrame = script().read(files, until=until, without=[])
    return found


@cache
def learn(layer: str, without: tuple[str, ...]) -> dict[str, object]:
    """Return the prior of a layer that some countries had no part in."""
    histories = []
    for start, files in script().SOURCES[layer][1]:
        rows = rows_of(files, UNTIL)
        rows = rows[~rows["country"].isin(without)].reset_index(drop=True)
        histories.append(script().count(rows, layer, start=start, until=UNTIL))
    coefficients, dispersion, _ = script().learn(histories)
    return {"coefficients": coefficients, "dispersion": dispersion.tolist()}


def state(history: CountHistory, prior: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """Return what a model states of each quarter, whether it happened, and the prior's weight."""
    stated, happened, weights = [], [], []
    model = rm.models.EndemicEpidemic(prior=prior)
    for at in range(FIRST, history.n_windows - AHEAD + 1, AHEAD):
        past = history.until(at)
        if (at - FIRST) % A_YEAR == 0:
            model.fit(past, horizon_days=90.0)
            weights.append(model.prior_weight_)
        stated.append(model.predict_distribution(past).p_gt(0))
        happened.append(history.counts[at : at + AHEAD].sum(axis=0) > 0)
    p = np.clip(np.concatenate(stated), 1e-6, 1 - 1e-6)
    return p, np.concatenate(happened).astype(float), float(np.mean(weights))


def score(layer: str, country: str, others: dict[str, object]) -> dict[str, Any] | None:
    """Return the summed scores of a country with each prior; None where it has one province."""
    regions = rm.read_regions(country)
    if len(regions) == 1:
        return None
    rows = rows_of((script().AWSD,), END)
    located = rm.locate(rows[rows["country"] == country].reset_index(drop=True), regions)
    panel = rm.count_incidents(located, regions, every="month", as_of=END, start=START)
    history = replace(panel.history(layer), watched=None)  # scope by hand: all was watched
    row: dict[str, Any] = {"layer": layer, "country": country}
    row["learnt"] = history.counts[:FIRST].sum()
    for name, prior in (("none", None), ("shipped", layer), ("others", others)):
        p, hit, weight = state(history, prior)
        row |= {f"log {name}": log_score(hit, p).sum(), f"brier {name}": brier(hit, p).sum()}
        row |= {f"stated {name}": p.sum(), "happened": hit.sum(), "n": len(hit)}
        if name == "none":
            plain = p
    return row | {"weight": weight, "moved": np.abs(p - plain).max()}


def summary(table: pd.DataFrame) -> pd.Series:
    """Return the skills over some countries, with the interval of countries drawn."""
    sums = table.sum(numeric_only=True)
    drawn = np.random.default_rng(0).integers(len(table), size=(2000, len(table)))
    found = {"countries": len(table), "happened": sums["happened"]}
    for kind in ("log", "brier"):
        for name in ("others", "shipped"):
            found[f"{kind} {name}"] = 1 - sums[f"{kind} {name}"] / sums[f"{kind} none"]
        ours, none = (table[f"{kind} {n}"].to_numpy()[drawn].sum(1) for n in ("others", "none"))
        found[f"{kind} 2.5 %"], found[f"{kind} 97.5 %"] = np.percentile(
            1 - ours / none, [2.5, 97.5]
        )
    found |= {f"stated {name}": sums[f"stated {name}"] for name in ("none", "others")}
    return pd.Series(found | {"weight": table["weight"].max(), "moved": table["moved"].max()})


def main() -> None:
    """Print a line a country, and what they come to by how much there was to learn from."""
    countries = sorted(rows_of((script().AWSD,), END)["country"].unique())
    found = []
    for layer in ("violence", "foreign"):
        for fold in range(FOLDS):
            part = tuple(countries[fold::FOLDS])
            for country in part:
                row = score(layer, country, learn(layer, part))
                if row is not None:
                    found.append(row)
                    print(pd.Series(row).to_frame().T.to_csv(header=len(found) == 1), flush=True)
    table = pd.DataFrame(found)
    table["incidents before 2017"] = pd.cut(table["learnt"], BANDS)
    for keys in (["layer"], ["layer", "incidents before 2017"]):
        told = table.groupby(keys, observed=True)[table.columns].apply(summary)
        print(told.round(4).T.to_string())


if __name__ == "__main__":
    main()
