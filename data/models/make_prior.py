"""Remake endemic_epidemic_prior.toml: set RISKMAP_SHARED, then run this file.

    python data/models/make_prior.py [--until 2017-01-01] [--without AFG CAF] [--print]

Nothing of the sources is kept but the coefficients that were learnt on them.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import riskmap as rm
from riskmap.models.endemic_epidemic import EndemicEpidemic, _Task, _terms_that_differ

if TYPE_CHECKING:
    from riskmap.typing import CountHistory

AWSD = "awsd/awsd_2020-11-25.csv"
CAF, MMR = "ucdp/ged231_CAR482.csv", "ucdp/ged_MMR.csv"
WORLD = "ucdp/lilinduo_ged251_events_sample.json"
#: Layer, name of the source, and its sets: first day and files.
SOURCES = {
    "foreign": ("Aid Worker Security Database, international victims", [("1997-01-01", (AWSD,))]),
    "violence": (
        "UCDP GED: Central African Republic, Myanmar, a sample of the world",
        [("1989-01-01", (CAF, MMR)), ("1989-01-01", (WORLD,))],
    ),
}
HORIZON_DAYS = 90.0
#: Smaller coefficients are left out.
LEAST = 5e-4


def read(files: tuple[str, ...], *, until: str, without: list[str]) -> pd.DataFrame:
    """Return the incidents before a day that are known to a province at least."""
    folder = Path(os.environ["RISKMAP_SHARED"]) / "incidents"
    rows = pd.concat([rm.read_incidents(folder / file) for file in files], ignore_index=True)
    known = rows["date_precision"].ne("year") & ~rows["country"].isin(without)
    known &= ~rows["geo_precision"].isin(["country", "unknown"])
    return rows[known & (rows["event_date"] < pd.Timestamp(until)) & rows["country"].notna()]


def count(rows: pd.DataFrame, layer: str, *, start: str, until: str) -> CountHistory:
    """Return the counts of provinces and months; these sources watched all of them."""
    regions = rm.read_regions(sorted(rows["country"].unique()))
    located = rm.locate(rows, regions)
    panel = rm.count_incidents(located, regions, every="month", as_of=until, start=start)
    return replace(panel.history(layer), watched=None)


def learn(histories: list[CountHistory]) -> tuple[dict[str, float], np.ndarray, float]:
    """Return the coefficients, the dispersion and the incidents of several histories as one."""
    tasks = []
    for history in histories:
        model = EndemicEpidemic(prior=None, memory_months=np.inf)
        model.horizon_days_ = HORIZON_DAYS
        names, targets = tuple(_terms_that_differ(history)), model._find_targets(history)  # noqa: SLF001
        tasks.append(model._choose_level(history, targets, names))  # noqa: SLF001 - its own script
    # one country alone has no drivers of all regions: they are those of the country
    names = max((task.names for task in tasks), key=len)
    wide = [np.zeros((len(task.design), len(names))) for task in tasks]
    for design, task in zip(wide, tasks, strict=True):
        design[:, [names.index(name) for name in task.names]] = task.design
    told = [task.targets for task in tasks]
    rows = ("when", "counts", "risk", "weights")
    joined = _Task(
        names,
        np.concatenate(wide),
        replace(
            told[0],
            at=np.unique(np.concatenate([one.at for one in told])),
            **{name: np.concatenate([getattr(one, name) for one in told]) for name in rows},
        ),
    )
    found, worth, dispersion = joined.learn(EndemicEpidemic().penalties)
    print(f"penalties are worth {worth.round(2)}, {len(joined.design)} rows")
    incidents = float(sum(history.counts.sum() for history in histories))
    coefficients = dict(zip(joined.names, found, strict=True))
    return {k: float(v) for k, v in coefficients.items() if v > LEAST}, dispersion, incidents


def main() -> None:
    """Write the table, or print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--until", default="2017-01-01")
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--print", action="store_true", dest="show")
    given = parser.parse_args()
    lines = [
        "# What EndemicEpidemic leans on where a history holds few incidents: coefficients by",
        "# driver, for rates a day, learnt for 90 days ahead on provinces and months.",
        "# make_prior.py remakes it.",
    ]
    for layer, (source, sets) in SOURCES.items():
        histories, countries = [], set()
        for start, files in sets:
            rows = read(files, until=given.until, without=given.without)
            countries |= set(rows["country"])
            histories.append(count(rows, layer, start=start, until=given.until))
        coefficients, dispersion, incidents = learn(histories)
        lines += [
            "",
            f"[{layer}]",
            f'source = "{source}"',
            f'years = "{sets[0][0][:4]} to {int(given.until[:4]) - 1}"',
            f"countries = {len(countries)}",
            f"incidents = {incidents:.0f}",
            f"dispersion = [{dispersion[0]:.3f}, {dispersion[1]:.3f}]",
            f"[{layer}.coefficients]",
            *(f'"{name}" = {value:.4f}' for name, value in coefficients.items()),
        ]
    text = "\n".join(lines) + "\n"
    if given.show:
        print(text)
        return
    Path(__file__).with_name("endemic_epidemic_prior.toml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
