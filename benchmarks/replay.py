"""What a dwell saves and costs: levels that would have been published on real data.

    python benchmarks/replay.py [--shared FOLDER]

The fraction and the dwell were chosen on the first two parts; the last two were not looked at.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

import riskmap as rm
from riskmap.settings import data_path

COUNTRIES = (
    *("AFG", "CAF", "COD", "ETH", "IRQ", "KEN", "LBY", "MLI"),
    *("NGA", "PAK", "SDN", "SOM", "SSD", "SYR", "TCD", "YEM"),
)
AWSD, CAF, MMR = (
    "incidents/awsd/awsd_2020-11-25.csv",
    "incidents/ucdp/ged231_CAR482.csv",
    "incidents/ucdp/ged_MMR.csv",
)
AID, CHINESE = rm.WorkerGroup(sector="aid"), rm.WorkerGroup("CHN")
#: Title, file, countries, group, first and last layer. AWSD knows one group alone, GED none. The
#: table that ships tells of few attacks, but of whom they hit.
PARTS = (
    ("chosen on: GED, Central African Republic", CAF, ("CAF",), None, "2005-01-01", "2022-10-01"),
    ("chosen on: AWSD, 16 countries, to 2016", AWSD, COUNTRIES, AID, "2005-01-01", "2016-12-01"),
    ("held out: AWSD, 16 countries, from 2017", AWSD, COUNTRIES, AID, "2017-01-01", "2020-10-01"),
    ("held out: GED, Myanmar", MMR, ("MMR",), None, "2000-01-01", "2020-01-01"),
    ("the table that ships", None, ("AFG", "PAK"), CHINESE, "2010-01-01", "2024-10-01"),
)
SETTINGS = [(1.0, 0.0), *((f, d) for f in (1.0, 0.9, 0.8, 0.7, 0.6) for d in (28, 58, 85, 115))]


def spans(found: rm.Replay) -> pd.DataFrame:
    """Return stated over happened by level with 95 % intervals: quarters, then countries drawn."""
    known = found.levels[found.levels["observed"].notna()]
    blocks = {
        "quarters": known["as_of"].dt.to_period("Q"),
        "countries": known["region_id"].str.partition("-")[0],
    }
    rows = []
    for (layer, level), part in known.groupby(["layer", "risk_level"]):
        row = {"layer": layer, "risk_level": level}
        row["ratio"] = part["p_any"].sum() / max(part["happened"].sum(), 1e-9)
        for name, block in blocks.items():
            sums = part.groupby(block.loc[part.index])[["p_any", "happened"]].sum().to_numpy()
            drawn = np.random.default_rng(0).integers(len(sums), size=(2000, len(sums)))
            stated, happened = np.moveaxis(sums[drawn].sum(axis=1), 1, 0)
            low, high = np.percentile(stated / np.maximum(happened, 1e-9), [2.5, 97.5])
            row |= {f"{name} low": low, f"{name} high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Print the tables of every part."""
    parser = argparse.ArgumentParser()
    default = os.environ.get("RISKMAP_SHARED", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--shared", type=Path, default=Path(default))
    shared = parser.parse_args().shared
    for title, file, countries, group, start, end in PARTS:
        began = time.perf_counter()
        regions = rm.read_regions(countries, level=1)
        path = (
            data_path("examples/attacks_on_foreign_workers.csv") if file is None else shared / file
        )
        located = rm.locate(rm.read_incidents(path), regions)
        days = [f"{day:%Y-%m-%d}" for day in pd.date_range(start, end, freq="MS")]
        found = rm.replay(located, regions, days=days, group=group)
        took = time.perf_counter() - began
        print(f"\n{title}: {len(regions)} provinces, {len(days)} layers, {took:.0f} s")
        table = found.policy(SETTINGS)
        none = table[table["dwell_days"] == 0].set_index("layer")
        table["flips_ratio"] = table["flips"] / table["layer"].map(none["flips"])
        table["hits_gained"] = table["hit_rate"] - table["layer"].map(none["hit_rate"])
        table["quiet_ratio"] = table["quiet_days"] / table["layer"].map(none["quiet_days"])
        print(table.dropna().round(3).to_string(index=False))
        print(found.frequencies().round(4).to_string(index=False))
        print(spans(found).round(3).to_string(index=False))
        lead = found.incidents.dropna(subset="lead_days").groupby("layer")["lead_days"]
        print(lead.describe()[["count", "25%", "50%", "75%"]].round(0).to_string())


if __name__ == "__main__":
    main()
