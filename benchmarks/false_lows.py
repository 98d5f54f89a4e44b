"""Whether real deletions and cuts lower a level untold, and how often layers are in doubt.

    python benchmarks/false_lows.py [--shared FOLDER] [--number 100] [--seed 7] [--every quarter]
        [--sets CAR MMR AWSD] [--default-model] [--show 5] [--scope "violence; reach=countries"]

Rows of three real sets are deleted or cut after they are placed: some of them, the newest, those of
one region, all after a day, or all within a span. Each layer is held against the one of the whole
data: alone, where the silence is long enough to be one, and else as the layer before it.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from degradations import find_falls, is_doubtful

import riskmap as rm
from riskmap.ledgers import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    from numpy.random import Generator
    from numpy.typing import NDArray

AFG = "boundaries/AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson"


@dataclass(frozen=True)
class Task:
    """One set: its file, its country, its day, and whose risk is asked for."""

    path: str
    country: str
    as_of: str
    group: rm.WorkerGroup

    def read(self, shared: Path, scope: str | None) -> tuple[rm.Located, gpd.GeoDataFrame]:
        """Return the placed incidents and the regions."""
        if self.country == "AFG":
            regions = rm.read_regions(shared / AFG, level=2)
        else:
            regions = rm.read_regions(self.country, level=1)
        found = rm.read_incidents(shared / "incidents" / self.path)
        if scope is not None:
            found = found.assign(scope=scope)
        return rm.locate(rm.merge_duplicates(rm.derive_victims(found)), regions), regions


MINING, AID = rm.WorkerGroup("CHN", sector="mining"), rm.WorkerGroup(sector="aid")
SETS = {
    "CAR": Task("ucdp/ged231_CAR482.csv", "CAF", "2023-01-01", MINING),
    "MMR": Task("ucdp/ged_MMR.csv", "MMR", "2017-01-01", MINING),
    "AWSD": Task("awsd/awsd_2020-11-25.csv", "AFG", "2020-11-01", AID),
}


def some(located: rm.Located, rng: Generator, now: pd.Timestamp) -> NDArray[np.bool_]:  # noqa: ARG001
    """Pick rows anywhere."""
    return rng.random(len(located.incidents)) < rng.choice([0.02, 0.1, 0.3, 0.7])


def newest(located: rm.Located, rng: Generator, now: pd.Timestamp) -> NDArray[np.bool_]:
    """Pick all rows of the last days."""
    days = int(rng.choice([5, 15, 30, 90]))
    return (located.incidents["event_date"] >= now - pd.Timedelta(days=days)).to_numpy()


def region(located: rm.Located, rng: Generator, now: pd.Timestamp) -> NDArray[np.bool_]:  # noqa: ARG001
    """Pick the rows that name one region."""
    sharp = located.placements[located.placements["method"] != "spread"]
    one = rng.choice(sharp["region_id"].unique())
    there = sharp.loc[sharp["region_id"] == one, "incident_id"]
    return located.incidents["incident_id"].isin(there).to_numpy()


def stop(located: rm.Located, rng: Generator, now: pd.Timestamp) -> NDArray[np.bool_]:
    """Pick all rows of so many days that their absence is a silence."""
    days = int(rng.choice([200, 400, 800]))
    return (located.incidents["event_date"] >= now - pd.Timedelta(days=days)).to_numpy()


def gap(located: rm.Located, rng: Generator, now: pd.Timestamp) -> NDArray[np.bool_]:
    """Pick all rows of a span that ended some time ago."""
    end = now - pd.Timedelta(days=int(rng.integers(30, 1500)))
    start = end - pd.Timedelta(days=int(rng.choice([200, 400, 800])))
    return located.incidents["event_date"].between(start, end).to_numpy()


#: What is deleted, and whether the layer of the whole data is given as the layer before.
CUTS: dict[str, tuple[Callable[..., NDArray[np.bool_]], bool]] = {
    "some": (some, True),
    "newest": (newest, True),
    "region": (region, True),
    "stop after": (stop, True),
    "stop": (stop, False),
    "gap after": (gap, True),
    "gap": (gap, False),
}


def without(located: rm.Located, rows: NDArray[np.bool_]) -> rm.Located:
    """Return placed incidents without some of them."""
    kept = located.incidents[~rows].reset_index(drop=True)
    placed = located.placements["incident_id"].isin(kept["incident_id"])
    return replace(
        located,
        incidents=kept,
        placements=located.placements[placed].reset_index(drop=True),
        ledger=Ledger(),
    )


def run_set(name: str, options: argparse.Namespace) -> None:
    """Print what deletions do to one set."""
    task = SETS[name]
    located, regions = task.read(options.shared, options.scope)
    now = pd.Timestamp(task.as_of)
    model = None if options.default_model else rm.EmpiricalBayes()

    def assess(table: rm.Located, previous: rm.RiskLayer | None = None) -> rm.RiskLayer:
        panel = rm.count_incidents(
            table, regions, every=options.every, as_of=task.as_of, group=task.group
        )
        return rm.assess(rm.forecast(panel, model=model), regions, previous=previous)

    whole = assess(located)
    doubt = is_doubtful(whole.risks).groupby(whole.risks["layer"]).mean()
    watched = whole.knowledge.groupby("layer")["watched"].mean()
    print(f"\n{name}: {len(located.incidents)} incidents, {len(regions)} regions, {task.group}")
    print("in doubt  ", {layer: f"{100 * share:.0f} %" for layer, share in doubt.items()})
    print("watched   ", {layer: f"{100 * share:.0f} %" for layer, share in watched.items()})
    trials, failed, falls, shown = Counter[str](), Counter[str](), Counter[str](), 0
    flags: dict[str, list[float]] = {}
    for number in range(options.number):
        rng = np.random.default_rng([options.seed, number])
        cut = list(CUTS)[number % len(CUTS)]
        pick, after = CUTS[cut]
        layer = assess(without(located, pick(located, rng, now)), whole if after else None)
        found = find_falls(whole, layer)
        trials[cut] += 1
        failed[cut] += len(found) > 0
        falls.update(found["layer"])
        flags.setdefault(cut, []).append(float(is_doubtful(layer.risks).mean()))
        if len(found) and shown < options.show:
            shown += 1
            print(f"-- {cut}, seed {options.seed}, trial {number}\n{found.head(4).to_string()}")
    print(f"{'deletion':12s} {'trials':>6s} {'with a fall untold':>18s} {'in doubt then':>14s}")
    for cut, n in trials.items():
        print(f"{cut:12s} {n:6d} {failed[cut]:18d} {100 * np.mean(flags[cut]):12.0f} %")
    print("falls untold by layer:", dict(falls) or "none")


def main() -> None:
    """Run the sets that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    shared = Path(os.environ.get("RISKMAP_SHARED", "../shared/data"))
    parser.add_argument("--shared", type=Path, default=shared)
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--every", default="quarter")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--default-model", action="store_true")
    parser.add_argument("--scope", help="what each source is taken to see, instead of its own")
    parser.add_argument("--show", type=int, default=5)
    options = parser.parse_args()
    if not options.shared.is_dir():
        raise SystemExit("the shared data is absent: set RISKMAP_SHARED to its folder")
    for name in options.sets:
        run_set(name, options)


if __name__ == "__main__":
    main()
