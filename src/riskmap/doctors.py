"""What riskmap needs of the machine it runs on, and what it can use there."""

from __future__ import annotations

import platform
import re
from collections import Counter
from importlib import metadata
from typing import Any

from riskmap.settings import cache_folder, data_path, is_offline

_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*extra == ['\"](\w+)['\"])?")

#: Extras that bring nothing which riskmap uses by itself.
_FOR_DEVELOPERS = ("all", "bench", "dev", "docs")

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
    for name, extra in _requirements().items():
        missing = f"pip install 'riskmap[{extra}]'" if extra else "missing"
        checks.append(_check(name, found=_version(name), needed=not extra, missing=missing))
    checks += [_check(name, found=_size(name)) for name in DATA]
    checks.append(_check("cache", found=str(cache_folder()), needed=False))
    checks.append(_check("network", found="forbidden" if is_offline() else "allowed", needed=False))
    return checks


def _requirements() -> dict[str, str]:
    """Return the packages that riskmap says it uses, and the extra that brings each, "" for none.

    Of several extras the one that brings least counts.
    """
    try:
        lines = metadata.requires("riskmap") or []
    except metadata.PackageNotFoundError:
        return {"riskmap": ""}
    told = [_REQUIREMENT.match(line) for line in lines]
    pairs = [(m[1], m[2] or "") for m in told if m and m[2] not in _FOR_DEVELOPERS]
    brings = Counter(extra for _, extra in pairs)
    found: dict[str, str] = {}
    for name, extra in sorted(pairs, key=lambda pair: (bool(pair[1]), brings[pair[1]])):
        found.setdefault(name, extra)
    return found


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
