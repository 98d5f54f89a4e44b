"""How well news texts become incidents: fields right against expert labels, false incidents, speed.

    python benchmarks/articles.py [--data FOLDER] [--labels FILE] [--half tune|test|both]

The labels code a release by what its text supports: "several" as 3, "numerous" as 4, "more than
30" as 31, a captured leader beside "two others" as 3; the start date is the day of the deed. A
release is one incident to its coders, so the first record stands for it, and its people are the sum
over all records that are news or arrests (``killed`` with ``attackers_killed``; ``arrested``). A
province is right when its name is the label's, however it is spelt. Texts are split in halves by a
digest of the text: the rules were written on ``tune`` alone.

No day of publication is given. Where a release names no year, or "yesterday" and no date, its day
can't be known; ``start_date`` counts those as wrong, ``resolvable`` leaves them out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import geopandas as gpd

import riskmap as rm
from riskmap.incidents.articles import PlaceMatcher, fold, skeleton
from riskmap.schema import REGION_COLUMNS, conform

FIELDS = {"province": 0.96, "start_date": 0.80, "min_killed": 0.90, "min_captured": 0.75}


def read_districts(folder: Path) -> gpd.GeoDataFrame:
    """Return the Afghan districts of the shared data as a Regions table."""
    file = folder / "boundaries/AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson"
    frame = gpd.GeoDataFrame.from_features(json.loads(file.read_text(encoding="utf-8")), crs=4326)
    return conform(
        gpd.GeoDataFrame(
            {
                "region_id": frame["adm2_pcode"],
                "name": frame["shapeName"],
                "names": frame["adm2_name_cod"] + " | " + frame["adm2_name_dari"],
                "parent": frame["adm1_name"],
                "parent_id": frame["adm1_pcode"],
                "iso3": "AFG",
                "adm_level": 2,
            },
            geometry=frame.geometry,
        ),
        REGION_COLUMNS,
    )


def half(text: str) -> str:
    """Return the half that a text belongs to."""
    odd = int(hashlib.sha256(text.encode()).hexdigest(), 16) % 2
    return "test" if odd else "tune"


def answer(text: str, regions: PlaceMatcher) -> dict[str, Any]:
    """Return what the extractor says of a text, in the terms of the labels."""
    found = rm.extract_incidents(text, regions=regions)
    rows = [row for row in found.incident_rows if row["event_status"] in ("reported", "arrest")]
    first = rows[0] if rows else {}
    day = first.get("event_date")
    return {
        "province": first.get("admin1"),
        "start_date": day and day.isoformat(),
        "min_killed": sum(r.get("killed", 0) + r.get("attackers_killed", 0) for r in rows),
        "min_captured": sum(r.get("arrested", 0) for r in rows),
    }


def is_right(name: str, met: Any, label: Any) -> bool:
    """Return whether an answer is the label's."""
    if name != "province":
        return bool(met == label)
    return met is not None and any(
        skeleton(fold(met)) == skeleton(fold(p)) or _short(met, p) for p in label
    )


def _short(met: str, label: str) -> bool:
    return skeleton(fold(met.rsplit(maxsplit=1)[-1])) == skeleton(fold(label))


def score(
    rows: list[dict[str, Any]], regions: PlaceMatcher
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Return the share right of each field, and every answer with its label."""
    told = []
    for row in rows:
        label = {name: row["labels"][name] for name in FIELDS}
        met = answer(row["text"], regions)
        told.append({"label": label, "met": met, "text": row["text"]})
    share = {
        name: sum(is_right(name, t["met"][name], t["label"][name]) for t in told) / len(told)
        for name in FIELDS
    }
    return share, told


_DATED = re.compile(
    r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? ?\d{1,2}\b"
    r"|\b20\d\d-\d\d-\d\d\b"
)


def has_date(text: str) -> bool:
    """Return whether a text names a day of a month and, anywhere, a year."""
    return bool(_DATED.search(text)) and bool(re.search(r"\b20[01]\d\b", text))


def print_confusion(told: list[dict[str, Any]], name: str) -> None:
    """Print label against answer for the answers that are wrong."""
    wrong = Counter(
        (str(t["label"][name]), str(t["met"][name]))
        for t in told
        if not is_right(name, t["met"][name], t["label"][name])
    )
    print(f"\n{name}: label -> answer, {sum(wrong.values())} wrong")
    for (label, met), n in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:15]:
        print(f"  {label:>22} -> {met:<22} {n}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("RISKMAP_SHARED", Path(__file__).parents[2] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--half", choices=("tune", "test", "both"), default="both")
    parser.add_argument("--confusion", action="store_true")
    args = parser.parse_args()
    labels = args.labels or args.data / "articles/isaf_press_releases_dev.jsonl"
    rows = [json.loads(line) for line in labels.read_text(encoding="utf-8").split("\n") if line]
    regions = PlaceMatcher.from_regions(read_districts(args.data))
    answer("A man was killed in Kabul.", regions)
    for part in ("tune", "test", "both"):
        chosen = [row for row in rows if part in (half(row["text"]), "both")]
        if not chosen or args.half not in {part, "both"}:
            continue
        start = time.process_time()
        share, told = score(chosen, regions)
        spent = (time.process_time() - start) / len(chosen)
        figures = "  ".join(
            f"{name} {value:.3f} (>= {FIELDS[name]})" for name, value in share.items()
        )
        print(f"{part:>5} n={len(chosen):<4} {figures}  {spent * 1000:.1f} ms a text")
        known = [t for t in told if has_date(t["text"])]
        right = sum(t["met"]["start_date"] == t["label"]["start_date"] for t in known)
        print(f"      resolvable start_date {right / len(known):.3f} of {len(known)}")
        if args.confusion and part == args.half:
            for name in FIELDS:
                print_confusion(told, name)


if __name__ == "__main__":
    main()
