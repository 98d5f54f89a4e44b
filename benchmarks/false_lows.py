"""Whether real deletions and cuts lower a level untold, and how often layers are in doubt.

    python benchmarks/false_lows.py [--shared FOLDER] [--number 100] [--seed 7] [--every quarter]
        [--sets INVENTED CAR MMR AWSD] [--default-model] [--show 5] [--copies 1]
        [--scope "violence; reach=countries"]

Set INVENTED composes degradations of small invented countries, fifty at a time
(``benchmarks/degradations.py``). Of three real sets rows are deleted or cut after they are placed:
some of them, the newest, those of one region, all after a day, or all within a span. Each layer is
held against the one of the whole data: alone, where the silence is long enough to be one, and else
as the layer before it.

With copies, so many of the country are cut and forecast at once, by a model in which countries have
nothing in common: a trial then takes a tenth of the time.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from degradations import Apart, World, find_falls, foresee, is_doubtful, judge, run_batch

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


#: Days of silence that chance does not explain in the calmest of the sets: AWSD tells of
#: Afghanistan on five to twenty days a year.
SILENCES = (400, 800)


def stop(located: rm.Located, rng: Generator, now: pd.Timestamp) -> NDArray[np.bool_]:
    """Pick all rows of so many days that their absence is a silence."""
    days = int(rng.choice(SILENCES))
    return (located.incidents["event_date"] >= now - pd.Timedelta(days=days)).to_numpy()


def gap(located: rm.Located, rng: Generator, now: pd.Timestamp) -> NDArray[np.bool_]:
    """Pick all rows of a span that ended some time ago."""
    end = now - pd.Timedelta(days=int(rng.integers(30, 1500)))
    start = end - pd.Timedelta(days=int(rng.choice(SILENCES)))
    return located.incidents["event_date"].between(start, end).to_numpy()


#: What is deleted beside the layer of the whole data, and what alone: there only what leaves a
#: trace, since nobody can miss a row that was never seen.
CUTS: dict[bool, dict[str, Callable[..., NDArray[np.bool_]]]] = {
    True: {f.__name__: f for f in (some, newest, region, stop, gap)},
    False: {f.__name__: f for f in (stop, gap)},
}

#: How often the layer of the whole data is given as the layer before.
AFTER = 0.7


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


def copy_of(located: rm.Located, regions: gpd.GeoDataFrame, number: int) -> tuple[Any, ...]:
    """Return placed incidents and their regions as another country."""
    code = f"X{chr(65 + number // 26)}{chr(65 + number % 26)}"
    home = regions["iso3"].iloc[0]

    def renamed(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
        return table.assign(**{name: table[name] + code for name in columns})

    def at_home(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
        return table.assign(**{name: table[name].str.replace(home, code) for name in columns})

    own = ("country", "nationality")
    area = located.aside["area"].str.replace(r"((?:region|parent)_id=.+)", rf"\1{code}", regex=True)
    aside = at_home(renamed(located.aside, "incident_id"), *own)
    moved = regions.set_geometry(regions.geometry.translate(0.0, 90.0 * number))
    return (
        replace(
            located,
            incidents=at_home(renamed(located.incidents, "incident_id"), *own),
            placements=renamed(located.placements, "incident_id", "region_id"),
            aside=aside.assign(area=area.str.replace(f"iso3={home}", f"iso3={code}")),
        ),
        renamed(moved, "region_id", "parent_id").assign(iso3=code),
    )


def join(parts: list[rm.Located]) -> rm.Located:
    """Return the placed incidents of several countries."""
    names = ("incidents", "placements", "aside")
    tables = {
        name: pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        for name in names
    }
    return replace(parts[0], ledger=Ledger(), **tables)


def run_set(name: str, options: argparse.Namespace) -> None:
    """Print what deletions do to one set."""
    task = SETS[name]
    located, regions = task.read(options.shared, options.scope)
    now = pd.Timestamp(task.as_of)
    copies = [copy_of(located, regions, number) for number in range(options.copies)]
    regions = pd.concat([there for _, there in copies], ignore_index=True)
    model = (
        None
        if options.default_model
        else Apart()
        if len(copies) > 1
        else rm.models.EmpiricalBayes()
    )
    asked = {"as_of": task.as_of, "model": model, "every": options.every}
    parts = [part for part, _ in copies]
    world = World(parts[0].incidents, regions)
    forecast = foresee(world, task.group, located=join(parts), **asked)
    whole = rm.assess(forecast, regions)
    watched = whole.knowledge["watched"].to_numpy(bool)
    doubt = is_doubtful(whole.risks)[watched].groupby(whole.risks["layer"][watched]).mean()
    share = whole.knowledge.groupby("layer")["watched"].mean()
    print(f"\n{name}: {len(located.incidents)} incidents, {task.group}")
    print("watched            ", {layer: f"{100 * part:.0f} %" for layer, part in share.items()})
    print("of these, in doubt ", {layer: f"{100 * part:.0f} %" for layer, part in doubt.items()})
    trials, failed, falls, shown = Counter[str](), Counter[str](), Counter[str](), 0
    flags: dict[str, list[float]] = {}
    for number in range(-(-options.number // len(copies))):
        rng = np.random.default_rng([options.seed, number])
        after = bool(rng.random() < AFTER)
        chosen = [str(rng.choice(list(CUTS[after]))) for _ in parts]
        left = [
            without(part, CUTS[after][cut](part, rng, now))
            for part, cut in zip(parts, chosen, strict=True)
        ]
        forecast = foresee(world, task.group, located=join(left), **asked)
        layer = judge(forecast, regions, previous=whole if after else None)
        found = find_falls(whole, layer)
        doubtful = is_doubtful(layer.risks)
        for cut, (_, there) in zip(chosen, copies, strict=True):
            told = f"{cut} after" if after else cut
            here = found[found["region_id"].isin(there["region_id"])]
            trials[told] += 1
            failed[told] += len(here) > 0
            falls.update(here["layer"])
            own = layer.risks["region_id"].isin(there["region_id"])
            flags.setdefault(told, []).append(float(doubtful[own].mean()))
            if len(here) and shown < options.show:
                shown += 1
                print(f"-- {told}, seed {options.seed}, trial {number}\n{here.head(4).to_string()}")
    print(f"{'deletion':12s} {'trials':>6s} {'with a fall untold':>18s} {'in doubt then':>14s}")
    for cut, n in sorted(trials.items()):
        print(f"{cut:12s} {n:6d} {failed[cut]:18d} {100 * np.mean(flags[cut]):12.0f} %")
    print("falls untold by layer:", dict(falls) or "none", "of", sum(trials.values()), flush=True)


def run_invented(options: argparse.Namespace) -> None:
    """Print what compositions of degradations do to invented countries."""
    seeds = range(options.seed, options.seed + COUNTRIES)
    failed = shown = 0
    doubt = []
    batches = -(-options.number // COUNTRIES)
    for number in range(batches):
        batch = run_batch(seeds, number)
        countries = batch.falls["region_id"].str[:3].unique()
        failed += len(countries)
        doubt.append(float(is_doubtful(batch.risks).mean()))
        for country in countries:
            if shown < options.show:
                shown += 1
                path = next(p for name, p in batch.paths.items() if name.startswith(country))
                here = batch.falls[batch.falls["region_id"].str.startswith(country)]
                print(
                    f"-- batch {number}, {country}: {path}\n{here.head(3).to_string()}", flush=True
                )
    print(f"INVENTED: {batches * COUNTRIES} trials from seed {options.seed}, {failed} with a fall")
    print(f"in doubt then: {100 * np.mean(doubt):.0f} %", flush=True)


#: How many invented countries are degraded at a time.
COUNTRIES = 50


def main() -> None:
    """Run the sets that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    shared = Path(os.environ.get("RISKMAP_SHARED", "../shared/data"))
    parser.add_argument("--shared", type=Path, default=shared)
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--every", default="quarter")
    parser.add_argument("--sets", nargs="+", choices=["INVENTED", *SETS], default=list(SETS))
    parser.add_argument("--default-model", action="store_true")
    parser.add_argument("--scope", help="what each source is taken to see, instead of its own")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--show", type=int, default=5)
    options = parser.parse_args()
    if not options.shared.is_dir():
        raise SystemExit("the shared data is absent: set RISKMAP_SHARED to its folder")
    for name in options.sets:
        (run_invented if name == "INVENTED" else partial(run_set, name))(options)


if __name__ == "__main__":
    main()
