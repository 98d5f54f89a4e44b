"""Published sets: what one is, whether it is whole, and the layer that it holds."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from riskmap.assessment.validities import check_validity
from riskmap.errors import InputError, PublishedSetError
from riskmap.outputs.archives import decode_layer

if TYPE_CHECKING:
    from datetime import date

    from riskmap.assessment.layers import RiskLayer

POINTER = "latest"
MANIFEST = "manifest.json"
LAYER = "layer.json"
DIGITS = 12
_NAMED = re.compile(rf".*?([0-9a-f]{{{DIGITS}}})(\.\d+)?")
_PLAIN_NAME = re.compile(r"[\w][\w.-]*")


def read_layer(folder: str | Path, *, today: str | date | None = None) -> RiskLayer:
    """Return the layer of a published set, after checking that the set is whole and unchanged.

    Parameters
    ----------
    folder
        A folder that :func:`riskmap.publish` wrote to, for the set that ``latest`` points at, or
        the folder of one set.
    today
        The day of reading, which decides whether the layer has expired; the clock's day in UTC when
        None. Nothing else depends on it.

    Returns
    -------
    RiskLayer
        The layer that was published: the same tables, with coordinates rounded to 6 decimals and
        infinite numbers missing. Of a set published with the profile ``public``, what is public.

    Raises
    ------
    PublishedSetError
        When there is no set, a file is missing or isn't as the manifest says, or the set is of a
        kind that this version can't read.

    Warns
    -----
    RiskmapWarning
        When the layer is stale or has expired.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel, horizon="90D"), districts)
    >>> with TemporaryDirectory() as out:
    ...     _ = rm.publish(layer, out, formats=["csv"])
    ...     rm.read_layer(out, today="2025-02-01").risks.equals(layer.risks)
    True
    """
    found = find_set(folder)
    check_set(found)
    try:
        layer = decode_layer((found / LAYER).read_bytes())
    except FileNotFoundError as error:
        raise PublishedSetError("the set holds no layer", file=found / LAYER) from error
    except InputError as error:
        raise PublishedSetError(
            error.message,
            file=found / LAYER,
            column=error.column,
            met=error.met,
            expected=error.expected,
        ) from error
    check_validity(layer.provenance, today=today, stacklevel=3)
    return layer


def find_set(folder: str | Path) -> Path:
    """Return the folder of the set that a path means: itself, or where its ``latest`` points."""
    folder = Path(folder)
    for candidate in (folder / POINTER, folder):
        if (candidate / MANIFEST).is_file():
            return candidate.resolve()
    raise PublishedSetError("no published set", file=folder, expected=f"a folder with {MANIFEST}")


def check_set(folder: Path) -> dict[str, Any]:
    """Return the manifest of a set after comparing every file with it, and it with the set's name.

    Raises
    ------
    PublishedSetError
        When a file is missing or changed, or the manifest is.
    """
    path = folder / MANIFEST
    data = path.read_bytes()
    named = _NAMED.fullmatch(folder.name)
    digest = hashlib.sha256(data).hexdigest()[:DIGITS]
    if named and named[1] != digest:
        raise PublishedSetError(
            "changed since it was published", file=path, met=digest, expected=named[1]
        )
    try:
        manifest: dict[str, Any] = orjson.loads(data)
        entries = {str(entry["name"]): str(entry["sha256"]) for entry in manifest["files"]}
    except (KeyError, TypeError, ValueError) as error:
        raise PublishedSetError("not a manifest", file=path, met=str(error)) from error
    for name, expected in entries.items():
        _check_file(folder, name, expected)
    return manifest


def _check_file(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    if not _PLAIN_NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
        raise PublishedSetError("a file of the set is missing", file=folder, met=name)
    with path.open("rb") as file:
        met = hashlib.file_digest(file, "sha256").hexdigest()
    if met != expected:
        raise PublishedSetError(
            "changed since it was published", file=path, met=met, expected=expected
        )
