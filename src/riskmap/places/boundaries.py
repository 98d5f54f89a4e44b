"""Boundaries from geoBoundaries: asked for once, pinned to a version, kept in the cache, proved.

The first answer for a country and level is pinned: its boundaryID, the commit in its address, its
licence and the sha256 of its file stand beside the file in the cache, and later runs use that
version without asking again. A download that stops goes on where it stopped.
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from riskmap.downloads import Service, ask, refuse_offline, stream, write_whole
from riskmap.errors import BoundaryError, ServiceError
from riskmap.settings import cache_folder, data_path

if TYPE_CHECKING:
    from pathlib import Path

GEOBOUNDARIES = Service(
    api="https://www.geoboundaries.org/api/current/gbOpen",
    hosts=(
        "www.geoboundaries.org",
        "github.com",
        "raw.githubusercontent.com",
        "media.githubusercontent.com",
    ),
)

_COMMIT = re.compile(r"/raw/([0-9a-f]{7,40})/")
_BOUNDARY_ID = re.compile(r"[A-Z]{3}-ADM\d-\w{1,40}")
_POINTER = b"version https://git-lfs.github.com/spec/v1"


@dataclass(frozen=True)
class Boundary:
    """One version of one country's boundaries at one level.

    Parameters
    ----------
    boundary_id
        geoBoundaries' id of the version, such as ``AFG-ADM2-17698898``.
    commit
        The commit that the address names, so that the address always gives the same file.
    url
        Where the file is.
    licence, source
        Its licence, and whom geoBoundaries has it from.
    sha256
        Of the file; empty until it has been downloaded, unless it is a known one.

    Examples
    --------
    >>> boundary = Boundary("AFG-ADM2-17698898", "9469f09", "", licence="Public Domain", source="")
    >>> boundary.version
    'AFG-ADM2-17698898@9469f09'
    """

    boundary_id: str
    commit: str
    url: str
    licence: str
    source: str
    sha256: str = ""

    @property
    def version(self) -> str:
        """The version as it stands in outputs."""
        return f"{self.boundary_id}@{self.commit}"


def fetch_boundary(iso3: str, level: int, *, update: bool = False) -> tuple[Boundary, Path]:
    """Return the pinned boundaries of a country and the path of their file, from the cache or not.

    Parameters
    ----------
    iso3, level
        The country's alpha-3 code and the administrative level, 0 to 5.
    update
        Ask again, and pin what the service has now.

    Returns
    -------
    boundary : Boundary
        What is pinned, with its sha256.
    path : pathlib.Path
        The GeoJSON file, whose sha256 was checked.

    Raises
    ------
    BoundaryError
        When the service has no such level of the country.
    OfflineError
        When the file isn't in the cache and ``RISKMAP_OFFLINE`` forbids a connection.
    ServiceError
        When the service fails, leads to another host, or gives something else than the file.
    """
    folder = cache_folder() / "boundaries"
    pin = folder / f"{iso3}-ADM{level}.json"
    boundary = None if update else _read_pin(pin)
    if boundary is None:
        refuse_offline(f"the boundaries of {iso3}, level {level} would have to be downloaded")
        answer = ask(f"{GEOBOUNDARIES.api}/{iso3}/ADM{level}/", GEOBOUNDARIES)
        if answer is None:
            raise BoundaryError("geoBoundaries has no such level", met=f"{iso3} ADM{level}")
        boundary = parse_answer(answer, iso3=iso3, level=level)
    path = folder / f"{boundary.boundary_id}-{boundary.commit}.geojson"
    if not (boundary.sha256 and path.is_file() and _hash(path) == boundary.sha256):
        refuse_offline(f"the file {path.name} would have to be downloaded")
        boundary = _download(boundary, path)
    text = orjson.dumps(asdict(boundary), option=orjson.OPT_INDENT_2) + b"\n"
    if not (pin.is_file() and pin.read_bytes() == text):
        write_whole(pin, text)
    return boundary, path


def _read_pin(pin: Path) -> Boundary | None:
    """Return what is pinned; None when nothing is, or when it can't be read."""
    try:
        return Boundary(**orjson.loads(pin.read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
        return None


def parse_answer(answer: Any, *, iso3: str, level: int) -> Boundary:
    """Return what the service's answer describes.

    Parameters
    ----------
    answer
        The API's answer, as JSON values.
    iso3, level
        What was asked for.

    Raises
    ------
    ServiceError
        When the answer lacks a field, is about something else, or names no fixed version.

    Examples
    --------
    >>> parse_answer({"boundaryID": "AFG-ADM2-1", "boundaryISO": "AFG", "boundaryType": "ADM2",
    ...               "simplifiedGeometryGeoJSON": "https://github.com/a/raw/9469f09/b.geojson",
    ...               "boundaryLicense": "Public Domain"}, iso3="AFG", level=2).version
    'AFG-ADM2-1@9469f09'
    """
    fields = answer if isinstance(answer, dict) else {}
    # geoBoundaries writes "nan" where it knows nothing
    told = {key: text for key, text in fields.items() if isinstance(text, str) and text != "nan"}
    for key, wanted in (("boundaryISO", iso3), ("boundaryType", f"ADM{level}")):
        if told.get(key) != wanted:
            raise ServiceError(f"geoBoundaries: {key} is {told.get(key)!r}, expected {wanted!r}")
    url, boundary_id = told.get("simplifiedGeometryGeoJSON", ""), told.get("boundaryID", "")
    commit = _COMMIT.search(url)
    if commit is None or not _BOUNDARY_ID.fullmatch(boundary_id):
        raise ServiceError(f"geoBoundaries names no fixed version: {boundary_id!r} at {url!r}")
    return Boundary(
        boundary_id=boundary_id,
        commit=commit[1],
        url=url,
        licence=told.get("boundaryLicense") or "not stated",
        source=told.get("boundarySource", ""),
        sha256=_known_hash(boundary_id, commit[1]),
    )


def _known_hash(boundary_id: str, commit: str) -> str:
    """Return the sha256 that a version must have, when riskmap knows it."""
    with data_path("boundaries/geoboundaries.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        known = {(row["boundary_id"], row["commit"]): row["sha256"] for row in rows}
    return known.get((boundary_id, commit), "")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _download(boundary: Boundary, path: Path) -> Boundary:
    """Return the boundary with the sha256 of its file, which has been put in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    # What an earlier try left may be no part of the file: then it starts over.
    for is_last in (not part.is_file(), True):
        stream(boundary.url, part, GEOBOUNDARIES)
        message = _find_fault(part.read_bytes())
        if not message:
            break
        part.unlink()
        if is_last:
            raise ServiceError(f"{boundary.url}: {message}")
    sha256 = _hash(part)
    if boundary.sha256 not in ("", sha256):
        part.unlink()
        raise ServiceError(
            f"{boundary.url}: the file is not the one that is pinned: "
            f"sha256 {sha256}, expected {boundary.sha256}"
        )
    part.replace(path)
    return replace(boundary, sha256=sha256)


def _find_fault(body: bytes) -> str:
    """Return why what came is no whole GeoJSON file; nothing when it is one."""
    if body.startswith(_POINTER):
        return "a Git LFS pointer stands in the file's place; try again later"
    try:
        features = orjson.loads(body)["features"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        features = None
    return "" if features else f"no whole GeoJSON file, met {body[:40]!r}"
