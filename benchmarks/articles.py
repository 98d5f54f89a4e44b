"""How well news texts become incidents: fields right against expert labels, kinds of errors, speed.

    python benchmarks/articles.py [--data FOLDER] [--labels FILE] [--half tune|test|both]

The labels code a release by what its text supports: "several" as 3, "numerous" as 4, "more than
30" as 31, a captured leader beside "two others" as 3; the start date is the day of the deed. A
release is one incident to its coders, so the first record stands for it, and its people are the sum
over all records that are news or arrests (``killed`` with ``attackers_killed``; ``arrested``). A
province is right when its name is the label's, however it is spelt. Texts are split in halves by a
digest of the text: the rules were written on ``tune`` alone.

No day of publication is given. Where a release names no year, or "yesterday" and no date, its day
can't be known; ``start_date`` counts those as wrong, and the lines below it say what happens where
the text names day and year, and where a text that names a day comes with its year, which any reader
of the day knows (the year alone is taken from the label).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import statistics
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd

import riskmap as rm
from riskmap.incidents.articles import PlaceMatcher, fold, skeleton
from riskmap.incidents.articles.dates import Reference, find_dates
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


def answer(text: str, regions: PlaceMatcher, published: str | None = None) -> dict[str, Any]:
    """Return what the extractor says of a text, in the terms of the labels."""
    found = rm.incidents.extract_incidents(text, published=published, regions=regions)
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
    """Return the share right of each field, and every answer with its label and its seconds."""
    told = []
    for row in rows:
        label = {name: row["labels"][name] for name in FIELDS}
        start = time.process_time()
        met = answer(row["text"], regions)
        spent = time.process_time() - start
        told.append({"label": label, "met": met, "text": row["text"], "seconds": spent})
    share = {
        name: sum(is_right(name, t["met"][name], t["label"][name]) for t in told) / len(told)
        for name in FIELDS
    }
    return share, told


_HALF_A_YEAR = 182
_DATED = re.compile(
    r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? ?\d{1,2}\b"
    r"|\b20\d\d-\d\d-\d\d\b"
)


def with_year(row: dict[str, Any]) -> str | None:
    """Return the day that a text without a year names, in the year that its readers knew."""
    found = _DATED.search(row["text"])
    if not found or has_date(row["text"]):
        return None
    label = date.fromisoformat(row["labels"]["start_date"])
    days = find_dates(found[0], reference=Reference(year=label.year))
    day = days[0].first if days else None
    return day.isoformat() if day and abs((day - label).days) < _HALF_A_YEAR else None


def has_date(text: str) -> bool:
    """Return whether a text names a day of a month and, anywhere, a year."""
    return bool(_DATED.search(text)) and bool(re.search(r"\b20[01]\d\b", text))


def kind_of_error(name: str, told: dict[str, Any]) -> str:
    """Return what is wrong with a wrong answer."""
    met, label = told["met"][name], told["label"][name]
    if name == "province":
        return "another province" if met else "no province"
    if name == "start_date":
        if not has_date(told["text"]):
            return "the text names no day or no year"
        if met is None:
            return "no day read"
        days = days_off(met, label)
        return {1: "a day later than the label", -1: "a day earlier"}.get(days, "another day")
    if not met or not label:
        return "read none, label has some" if label else "read some, label has none"
    return "too few" if met < label else "too many"


def days_off(met: str, label: str) -> int:
    """Return by how many days an answer is later than the label."""
    return (date.fromisoformat(met) - date.fromisoformat(label)).days


def right_with_year(
    rows: list[dict[str, Any]], told: list[dict[str, Any]], regions: PlaceMatcher
) -> float:
    """Return the share of right days when texts without a year come with the day they appeared."""
    right = 0
    for row, first in zip(rows, told, strict=True):
        day = with_year(row)
        met = answer(row["text"], regions, day) if day else first["met"]
        right += met["start_date"] == row["labels"]["start_date"]
    return right / len(rows)


def print_errors(told: list[dict[str, Any]]) -> None:
    """Print how many errors of each kind each field has."""
    print("\nkinds of errors")
    for name in FIELDS:
        wrong = [t for t in told if not is_right(name, t["met"][name], t["label"][name])]
        kinds = Counter(kind_of_error(name, t) for t in wrong)
        print(f"  {name:<13} {len(wrong):>3} of {len(told)} wrong")
        for kind, n in sorted(kinds.items(), key=lambda item: (-item[1], item[0])):
            print(f"    {n:>3}  {kind}")


BINS = ("none", "1", "2", "3", "4", "5-9", "10+")


def bin_of(value: int) -> str:
    """Return the row or column of the confusion table that a count belongs to."""
    most = 4
    if not value:
        return "none"
    return str(value) if value <= most else "5-9" if value < 10 else "10+"


def print_confusion(told: list[dict[str, Any]], name: str) -> None:
    """Print label against answer: counts as a table, provinces and days by what was mixed up."""
    print(f"\n{name}: label (down) against answer (across)")
    if name.startswith("min_"):
        pairs = Counter((bin_of(t["label"][name]), bin_of(t["met"][name])) for t in told)
        print(" " * 8 + "".join(f"{column:>6}" for column in BINS))
        for label in BINS:
            print(f"{label:>8}" + "".join(f"{pairs[label, met] or '.':>6}" for met in BINS))
        return
    wrong = Counter(
        (
            f"{days_off(t['met'][name], t['label'][name]):+d} days"
            if name == "start_date" and t["met"][name]
            else f"{'/'.join(t['label'][name]) if name == 'province' else 'a day'}"
            f" -> {t['met'][name]}"
        )
        for t in told
        if not is_right(name, t["met"][name], t["label"][name])
    )
    for pair, n in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:15]:
        print(f"    {n:>3}  {pair}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("RISKMAP_SHARED", Path(__file__).parents[2] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--half", choices=("tune", "test", "both"), default="both")
    args = parser.parse_args()
    labels = args.labels or args.data / "articles/isaf_press_releases_dev.jsonl"
    rows = [json.loads(line) for line in labels.read_text(encoding="utf-8").split("\n") if line]
    regions = PlaceMatcher.from_regions(read_districts(args.data))
    answer("A man was killed in Kabul.", regions)
    for part in ("tune", "test", "both"):
        chosen = [row for row in rows if part in (half(row["text"]), "both")]
        if not chosen or args.half not in {part, "both"}:
            continue
        share, told = score(chosen, regions)
        figures = "  ".join(
            f"{name} {value:.3f} (>= {FIELDS[name]})" for name, value in share.items()
        )
        spent = statistics.median(t["seconds"] for t in told)
        print(f"{part:>5} n={len(chosen):<4} {figures}  {spent * 1000:.1f} ms a text (median)")
        known = [t for t in told if has_date(t["text"])]
        right = sum(t["met"]["start_date"] == t["label"]["start_date"] for t in known)
        near = sum(
            t["met"]["start_date"] is not None
            and abs(days_off(t["met"]["start_date"], t["label"]["start_date"])) <= 1
            for t in known
        )
        print(
            f"      start_date where the text names a day and a year: {right / len(known):.3f} "
            f"of {len(known)}, within a day {near / len(known):.3f}"
        )
        dated = right_with_year(chosen, told, regions)
        print(f"      start_date where readers know the year: {dated:.3f}")
        if part == args.half:
            print_errors(told)
            for name in FIELDS:
                print_confusion(told, name)


if __name__ == "__main__":
    main()
