"""How well and how fast the gazetteer reads real Afghan spellings, on a part it was not tuned on.

The lists of spellings are split by district: what the folding and its thresholds were chosen on
("tune") and the rest ("test"). Attacks on aid workers (AWSD, 2020) are placed by their words alone,
against their own points: years of odd number are those that were tuned on. Peers answer the same
queries: exact equality, and the best rapidfuzz ratio of the lower-case names.

Run: ``python benchmarks/names.py FOLDER``, the folder that holds ``places`` and ``boundaries``.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import shapely
from rapidfuzz import fuzz, process

import riskmap as rm
from riskmap.places.names.forms import sound_name
from riskmap.settings import data_path


def part_of(district: str) -> str:
    """Return the part that a district's spellings belong to, by a hash of its code."""
    return "test" if hashlib.sha256(district.encode()).digest()[0] & 1 else "tune"


def districts(shared: Path) -> pd.DataFrame:
    """Return the districts that the spellings are of."""
    return rm.read_regions(shared / "boundaries/AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson")


def spellings(shared: Path) -> pd.DataFrame:
    """Return real spellings of districts: name, gold, script, part."""
    table = pd.read_csv(shared / "places/AFG_district_variants_dev.csv", dtype=str)
    return pd.DataFrame(
        {
            "name": table["query"],
            "gold": "AF" + table["pcode"],
            "script": table["script"],
            "part": table["pcode"].map(part_of),
        }
    )


def villages(shared: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return known villages as places, and other spellings of some: name, gold, part."""
    known = pd.read_csv(shared / "places/AFG_villages_2014.csv", dtype=str)
    known = known.dropna(subset=["pc_location_eng"])
    places = pd.DataFrame(
        {
            "name": known["pc_location_eng"],
            "names": known["pc_location_dari"],
            "region_id": known["gold"],
        }
    )
    pairs = pd.read_csv(shared / "places/AFG_village_pairs_dev.csv", dtype=str)
    asked = pd.DataFrame({"name": pairs["pc_location_eng_q"], "gold": pairs["dist"]})
    return places, asked.assign(part=pairs["dist"].map(part_of))


def judge(found: pd.DataFrame, gold: pd.Series) -> dict[str, float]:
    """Return the shares right at first, matched, wrong among all, and right of those matched."""
    right = found["region_id"].to_numpy() == gold.to_numpy()
    match = (found["status"] == "match").to_numpy()
    return {
        "n": len(gold),
        "top1": right.mean(),
        "match": match.mean(),
        "wrong_match": (match & ~right).mean(),
        "right_of_match": right[match].mean(),
    }


def peers(regions: pd.DataFrame, asked: pd.DataFrame) -> dict[str, float]:
    """Return the top-1 share of equality and of the plain ratio, country-wide."""
    forms = [
        (name.strip().lower(), region_id)
        for region_id, *cells in regions[["region_id", "name", "names"]].itertuples(index=False)
        for cell in cells
        if isinstance(cell, str)
        for name in cell.split(" | ")
    ]
    ids = np.array([region_id for _, region_id in forms])
    scores = process.cdist(
        asked["name"].str.strip().str.lower(), [name for name, _ in forms], scorer=fuzz.ratio
    )
    right = ids[scores.argmax(axis=1)] == asked["gold"].to_numpy()
    equal = right & (scores.max(axis=1) == 100)
    return {"equal": round(float(equal.mean()), 4), "ratio": round(float(right.mean()), 4)}


#: Districts of countries, against which attacks are placed by name.
FILES = {
    "AFG": "AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson",
    "PAK": "PAK/PAK_ADM2_codab2022_simplified5p.geojson",
    "SOM": "SOM/SOM_ADM2.parquet",
    "UKR": "UKR/geoBoundaries-UKR-ADM2.geojson",
    "ETH": "ETH/ETH_ADM2.parquet",
    "COD": "COD/COD_ADM2.parquet",
    "BFA": "BFA/BFA_ADM2.parquet",
}


def attacks(shared: Path) -> pd.DataFrame:
    """Return attacks with a point and a name of a place."""
    table = rm.read_incidents(shared / "incidents/awsd/awsd_2020-11-25.csv")
    told = table[["admin1", "admin2", "place"]].notna().any(axis=1)
    located = np.isfinite(table.geometry.x) & table["country"].notna()
    return table[told & located].reset_index(drop=True)


def place_by_name(table: pd.DataFrame, regions: pd.DataFrame, level: int) -> dict[str, float]:
    """Return the shares of attacks right, wrong, in none, and how many contradict themselves.

    An attack contradicts itself whose district (province, at level 1) bears the name of a region
    that its point does not lie in, or whose province does.
    """
    if level > 1:  # what names a province alone names no district
        table = table[table[["admin2", "place"]].notna().any(axis=1)]
    x, y = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    gold = rm.RegionIndex(regions).query(x, y)
    table, gold = table[gold >= 0], gold[gold >= 0]
    nowhere = np.full(len(table), shapely.Point(np.nan, np.nan), dtype=object)
    asked = table.set_geometry(nowhere, crs=table.crs).assign(geo_precision=None)
    ids = [f"a{number}" for number in range(len(asked))]
    asked = asked.assign(
        incident_id=ids, geo_precision=asked["geo_precision"].astype("str"), quarantine_reason=None
    ).astype({"quarantine_reason": "str"})
    placed = rm.locate(asked, regions).placements
    one = placed[placed["method"] != "spread"].set_index("incident_id")["region_id"]
    found = pd.Series(ids).map(one)
    own = regions.iloc[gold].reset_index(drop=True)
    doubtful = _is_of_another(asked["admin2" if level > 1 else "admin1"], own, regions, "name")
    if level > 1:
        doubtful |= _is_of_another(asked["admin1"], own, regions, "parent")
    right = (found == own["region_id"])[~doubtful]
    return {
        "n": len(right),
        "contradict": int(doubtful.sum()),
        "right": right.mean(),
        "wrong": (found[~doubtful].notna() & ~right).mean(),
    }


def _is_of_another(
    told: pd.Series, own: pd.DataFrame, regions: pd.DataFrame, column: str
) -> pd.Series:
    """Return which names are those of other regions than the one that a point lies in."""
    sounds = regions[column].dropna().map(sound_name)
    sound = told.reset_index(drop=True).map(sound_name, na_action="ignore")
    return sound.isin(set(sounds)) & (sound != own[column].map(sound_name, na_action="ignore"))


def show_attacks(shared: Path) -> None:
    """Print how attacks are placed by name, in districts of some countries and in provinces."""
    table, results = attacks(shared), []
    for year, rows in table.groupby(table["event_date"].dt.year % 2):
        part = "tune" if year else "test"
        for iso3, name in FILES.items():
            regions = rm.read_regions(shared / "boundaries" / name)
            met = place_by_name(rows[rows["country"] == iso3], regions, 2)
            results.append({"part": part, "regions": f"{iso3} districts", **met})
        known = sorted(set(rows["country"]) & set(_shipped()))
        met = place_by_name(rows[rows["country"].isin(known)], rm.read_regions(known), 1)
        results.append({"part": part, "regions": "provinces", **met})
    print(pd.DataFrame(results).round(3).to_string(index=False))


def _shipped() -> list[str]:
    """Return the countries whose provinces ship."""
    world = pyogrio.read_dataframe(data_path("boundaries/world_adm1.fgb"), read_geometry=False)
    return sorted(world["iso3"].dropna().unique())


def speed(
    gazetteer: rm.places.Gazetteer, names: list[str], n: int = 100_000
) -> tuple[float, float]:
    """Return wall and processor seconds for names that are all misspelt anew, the worst case."""
    rng = random.Random(7)  # noqa: S311 - misspellings, not secrets
    asked = []
    for _ in range(n):
        letters = list(rng.choice(names))
        letters[rng.randrange(len(letters))] = rng.choice("aeioubdk")
        letters.insert(rng.randrange(len(letters)), rng.choice("aeious"))
        asked.append("".join(letters))
    start, spent = time.perf_counter(), time.process_time()
    gazetteer.resolve(asked)
    return time.perf_counter() - start, time.process_time() - spent


def main(shared: Path) -> None:
    """Print the tables."""
    regions, table = districts(shared), spellings(shared)
    gazetteer = rm.places.Gazetteer.from_regions(regions)
    places, pairs = villages(shared)
    with_places = rm.places.Gazetteer.from_regions(regions, places)
    asked = [(gazetteer, *key, rows) for key, rows in table.groupby(["part", "script"])]
    asked += [(with_places, part, "village", rows) for part, rows in pairs.groupby("part")]
    results = []
    for asker, part, what, rows in asked:
        for where, parents in (("province", rows["gold"].str[:4]), ("country", None)):
            shares = judge(asker.resolve(rows["name"], parents), rows["gold"])
            results.append({"part": part, "what": what, "where": where, **shares})
    print(pd.DataFrame(results).sort_values("part").round(4).to_string(index=False))
    latin = table[(table["part"] == "test") & (table["script"] == "latin")]
    print("peers, test part, Latin, country-wide:", peers(regions, latin))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rm.RiskmapWarning)  # of old boundaries
        show_attacks(shared)
    wall, processor = speed(gazetteer, table["name"].tolist())
    print(f"100 k misspelt names: {wall:.1f} s, of the processor {processor:.1f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
