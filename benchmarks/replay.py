"""How often what was stated happened, and what holds save and cost (docs/levels, docs/forecasts).

    python benchmarks/replay.py [--shared FOLDER] [--only "AWSD, 16 countries 2017"]

Intervals of stated over happened are of blocks drawn 2,000 times: quarters, countries, and the
quarters of each country. For evaluation all provinces are taken as watched. Fraction and dwell were
chosen on the first two sets; the last two were not looked at.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import riskmap as rm

if TYPE_CHECKING:
    import geopandas as gpd

COUNTRIES = (
    *("AFG", "CAF", "COD", "ETH", "IRQ", "KEN", "LBY", "MLI"),
    *("NGA", "PAK", "SDN", "SOM", "SSD", "SYR", "TCD", "YEM"),
)
AWSD, CAF, MMR = (
    "incidents/awsd/awsd_2020-11-25.csv",
    "incidents/ucdp/ged231_CAR482.csv",
    "incidents/ucdp/ged_MMR.csv",
)
AID = rm.WorkerGroup(sector="aid")
#: Title, file, countries, group, first and last layer. AWSD knows one group alone, GED none.
PARTS = (
    ("chosen on: GED, Central African Republic 2005-2022", CAF, ("CAF",), None, "2005", "2022-10"),
    ("chosen on: AWSD, 16 countries 2005-2016", AWSD, COUNTRIES, AID, "2005", "2016-12"),
    ("held out: AWSD, 16 countries 2017-2020", AWSD, COUNTRIES, AID, "2017", "2020-10"),
    ("held out: GED, Myanmar 2000-2020", MMR, ("MMR",), None, "2000", "2020"),
)
NO_HOLD = (1.0, 0.0)
#: AWSD's rows of 2020 were still to be verified; 90 days from here on end before.
VERIFIED = pd.Timestamp("2019-10-02")


def find_attacked(
    located: rm.Located, regions: gpd.GeoDataFrame, group: rm.WorkerGroup | None, days: list[str]
) -> pd.MultiIndex:
    """Return the days and regions in which a recent attack holds levels up."""
    found = []
    for day in days:
        panel = rm.count_incidents(located, regions, every="month", as_of=day, group=group)
        held = panel.attacks["regions"].dropna().str.split(";").explode()
        found += [(pd.Timestamp(day), region) for region in held[held != ""].unique()]
    return pd.MultiIndex.from_tuples(found, names=["as_of", "region_id"])


def interval(rows: pd.DataFrame, *blocks: pd.Series) -> str:
    """Return the 95 % interval of stated over happened; blocks are drawn 2,000 times."""
    told = []
    for block in blocks:
        sums = rows.groupby(block.loc[rows.index])[["p_any", "happened"]].sum().to_numpy()
        if len(sums) == 1:  # one country
            continue
        drawn = np.random.default_rng(0).integers(len(sums), size=(2000, len(sums)))
        stated, happened = np.moveaxis(sums[drawn].sum(axis=1), 1, 0)
        ratios = np.where(happened > 0, stated / np.maximum(happened, 1e-9), np.inf)
        low, high = np.percentile(ratios, [2.5, 97.5], method="nearest")
        told.append(f"{low:.2f} to {high:.2f}")
    return "; ".join(told)


def frequencies(levels: pd.DataFrame, countries: pd.Series) -> pd.DataFrame:
    """Return what was stated and what happened by level, with intervals of their ratio."""
    quarter = levels["as_of"].dt.to_period("Q").astype(str)
    country = levels["region_id"].map(countries)
    rows = []
    for (layer, level), part in levels.groupby(["layer", "risk_level"]):
        row = {"layer": layer, "level": level, "stated": part["p_any"].mean()}
        row |= {"happened": part["happened"].mean(), "n": len(part)}
        row["ratio"] = part["p_any"].sum() / max(part["happened"].sum(), 1e-9)
        row["quarters; countries; both"] = interval(part, quarter, country, quarter + country)
        rows.append(row)
    return pd.DataFrame(rows)


def holds(found: rm.evaluation.Replay) -> pd.DataFrame:
    """Return what the shipped holds save and cost, beside none."""
    table = found.policy([NO_HOLD])
    none = table[table["dwell_days"] == 0].set_index("layer")
    table["share kept"] = table["flips"] / table["layer"].map(none["flips"])
    return table


def cut(shared: Path) -> None:
    """Print what violence in the Central African Republic is without 800 to 60 days ago."""
    regions, now = rm.read_regions("CAF"), pd.Timestamp("2023-01-01")
    rows = rm.read_incidents(shared / CAF).assign(scope="violence; reach=countries")
    gone = rows["event_date"].between(now - pd.Timedelta(days=800), now - pd.Timedelta(days=60))
    told = {"whole": rows, "cut": rows[~gone]}
    for name, some in told.items():
        located = rm.locate(some, regions)
        panel = rm.count_incidents(located, regions, every="month", as_of=f"{now:%Y-%m-%d}")
        for kind, one in (("missing", panel), ("taken for quiet", replace(panel, at_risk={}))):
            frame = rm.forecast(one).frame
            p_any = frame.loc[frame["layer"] == "violence", "p_any"]
            print(f"{name}, unwatched days {kind}: median {p_any.median():.2f}, ", end="")
            print(f"mean {p_any.mean():.2f}, at high or above {(p_any >= 0.35).sum()} of 17")


def main() -> None:
    """Print the tables of every part."""
    parser = argparse.ArgumentParser()
    default = os.environ.get("RISKMAP_SHARED", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--shared", type=Path, default=Path(default))
    parser.add_argument("--only", default="", help="sets whose title holds this text")
    given = parser.parse_args()
    cut(given.shared)
    for title, file, countries, group, start, end in PARTS:
        if given.only not in title:
            continue
        began = time.perf_counter()
        regions = rm.read_regions(countries, level=1)
        located = rm.locate(rm.read_incidents(given.shared / file), regions)
        days = [f"{day:%Y-%m-%d}" for day in pd.date_range(start, end, freq="MS")]
        found = rm.replay(located, regions, days=days, group=group)
        told = found.levels["happened"].groupby(found.levels["layer"]).transform("sum") > 0
        known = found.levels[found.levels["observed"].notna() & told]  # GED knows no foreigners
        print(f"\n{title}: {len(regions)} provinces, {len(days)} layers")
        print(holds(found).round(3).to_string(index=False))
        kinds = {"all": known}
        if group is not None:
            known = known[known["layer"] != "group"]  # to the digit as foreign
            attacked = find_attacked(located, regions, group, days)
            calm = known[~known.set_index(["as_of", "region_id"]).index.isin(attacked)]
            kinds |= {"without attacked": calm}
            kinds |= {"of them verified": calm[calm["as_of"] <= VERIFIED]}
        of = regions.set_index("region_id")["iso3"]
        for kind, levels in kinds.items():
            print(f"{kind}:\n{frequencies(levels, of).round(4).to_string(index=False)}")
        print(f"{time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
