"""What riskmap takes from its surroundings: packaged data, the cache folder, the offline switch.

There are no global options. Everything else is an argument.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from riskmap.errors import InputError

#: The version of riskmap, here so that every floor can write it down.
VERSION = "0.1.0"

OFFLINE_VARIABLE = "RISKMAP_OFFLINE"
CACHE_VARIABLE = "RISKMAP_CACHE"

_PACKAGED = Path(__file__).parent / "data"
_CHECKOUT = Path(__file__).parents[2]


def data_path(name: str) -> Path:
    """Return the path of a data file that ships with riskmap.

    Parameters
    ----------
    name
        Path below ``data/`` with forward slashes, such as ``"boundaries/world_adm1.fgb"``;
        ``examples/...`` names a file of ``examples/data/``.

    Returns
    -------
    pathlib.Path
        Where the file is, in an installed wheel or in a checkout.

    Raises
    ------
    FileNotFoundError
        When riskmap ships no such file.

    Examples
    --------
    >>> data_path("levels/default.toml").name
    'default.toml'
    """
    in_checkout = name.replace("examples/", "../examples/data/", 1)
    for path in (_PACKAGED / name, _CHECKOUT / "data" / in_checkout):
        if path.is_file():
            return path.resolve()
    raise FileNotFoundError(f"riskmap ships no data file {name!r}")


def is_offline() -> bool:
    """Return whether ``RISKMAP_OFFLINE`` forbids every connection.

    Examples
    --------
    >>> is_offline() in (True, False)
    True
    """
    return os.environ.get(OFFLINE_VARIABLE, "").strip().lower() not in ("", "0", "false", "no")


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises
    ------
    InputError
        When it is missing or no TOML.

    Examples
    --------
    >>> read_toml(data_path("levels/default.toml"))["horizon_days"]
    90
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("not a TOML file", file=path, met=str(error)) from error


def cache_folder() -> Path:
    """Return the folder for downloads: ``RISKMAP_CACHE``, or the platform's cache folder.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser().resolve() if chosen else user_cache_path("riskmap")
