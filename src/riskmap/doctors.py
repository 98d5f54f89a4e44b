"""What riskmap needs of the machine it runs on, and what it can use there."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from riskmap.settings import cache_folder, data_path, is_offline

NEEDED = (
    "geopandas",
    "shapely",
    "pandas",
    "numpy",
    "scipy",
    "scikit-learn",
    "pyogrio",
    "geopy",
    "rapidfuzz",
    "anyascii",
    "orjson",
    "jinja2",
    "platformdirs",
    "typer",
)

#: Packages that an extra brings, and the extra.
OPTIONAL = {
    "pyarrow": "parquet",
    "dask": "dask",
    "weasyprint": "report",
    "python-docx": "report",
    "matplotlib": "report",
    "sqlalchemy": "postgis",
    "psycopg": "postgis",
    "trafilatura": "news",
    "htmldate": "news",
    "dateparser": "news",
    "folium": "notebook",
    "mapclassify": "notebook",
    "numba": "fast",
}

DATA = (
    "boundaries/world_adm1.fgb",
    "countries.csv",
    "levels/default.toml",
    "shares/foreign.toml",
    "examples/attacks_on_foreign_workers.csv",
)


def examine() -> list[dict[str, Any]]:
    """Return what was found: ``name, needed, ok, found``, one entry a check.

    Examples
    --------
    >>> examine()[0]["name"]
    'python'
    """
    checks = [_check("python", found=platform.python_version())]
    checks += [_check(name, found=_version(name)) for name in NEEDED]
    checks += [
        _check(name, found=_version(name), needed=False, missing=f"pip install 'riskmap[{extra}]'")
        for name, extra in OPTIONAL.items()
    ]
    checks += [_check(name, found=_size(name)) for name in DATA]
    checks.append(_check("cache", found=str(cache_folder()), needed=False))
    checks.append(_check("network", found="forbidden" if is_offline() else "allowed", needed=False))
    return checks


def _check(
    name: str, *, found: str | None, needed: bool = True, missing: str = "missing"
) -> dict[str, Any]:
    return {"name": name, "needed": needed, "ok": found is not None, "found": found or missing}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _size(name: str) -> str | None:
    try:
        return f"{data_path(name).stat().st_size:,} bytes"
    except FileNotFoundError:
        return None
