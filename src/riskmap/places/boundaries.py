"""Boundaries from geoBoundaries: asked for once, pinned to a version, kept in the cache, proved.

The first answer for a country and level is pinned: its boundaryID, the commit in its address, its
licence and the sha256 of its file stand beside the file in the cache, and later runs use that
version without asking again. A download that stops goes on where it stopped.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from riskmap.downloads import Service, ask, refuse_offline, stream, write_whole
from riskmap.errors import BoundaryError, RiskmapWarning, ServiceError
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
    licence, source, year
        Its licence, whom geoBoundaries has it from, and the year it shows.
    units
        How many regions it should hold.
    sha256
        Of the file; empty until it has been downloaded, unless it is a known one.

    Examples
    --------
    >>> boundary = Boundary("AFG-ADM2-17698898", "9469f09", url="", licence="Public Domain",
    ...                     source="", year="2014", units=398)
    >>> boundary.version, boundary.file_name
    ('AFG-ADM2-17698898@9469f09', 'AFG-ADM2-17698898-9469f09.geojson')
    """

    boundary_id: str
    commit: str
    url: str
    licence: str
    source: str
    year: str
    units: int
    sha256: str = ""

    @property
    def version(self) -> str:
        """The version as it stands in outputs."""
        return f"{self.boundary_id}@{self.commit}"

    @property
    def file_name(self) -> str:
        """The name of its file in the cache."""
        return f"{self.boundary_id}-{self.commit}.geojson"


def fetch_boundary(
    iso3: str, level: int, *, service: Service | None = None, update: bool = False
) -> tuple[Boundary, Path]:
    """Return the pinned boundaries of a country and the path of their file, from the cache or not.

    Parameters
    ----------
    iso3, level
        The country's alpha-3 code and the administrative level, 0 to 5.
    service
        Where to ask; geoBoundaries' open release when not given.
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
    service = service or GEOBOUNDARIES
    folder = cache_folder() / "boundaries"
    pin = folder / f"{iso3}-ADM{level}.json"
    boundary = None if update else _read_pin(pin)
    if boundary is None:
        refuse_offline(f"the boundaries of {iso3}, level {level} would have to be downloaded")
        answer = ask(f"{service.api}/{iso3}/ADM{level}/", service)
        if answer is None:
            raise BoundaryError("geoBoundaries has no such level", met=f"{iso3} ADM{level}")
        boundary = parse_answer(answer, iso3=iso3, level=level)
    path = folder / boundary.file_name
    if not _is_whole(path, boundary.sha256):
        refuse_offline(f"the file {path.name} would have to be downloaded")
        boundary = _download(boundary, path, service)
    _write_pin(pin, boundary)
    return boundary, path


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
    texts = {key: value for key, value in fields.items() if isinstance(value, str)}
    asked = {"boundaryISO": iso3, "boundaryType": f"ADM{level}"}
    for key, wanted in asked.items():
        if texts.get(key) != wanted:
            raise ServiceError(f"geoBoundaries: {key} is {texts.get(key)!r}, expected {wanted!r}")
    url = texts.get("simplifiedGeometryGeoJSON", "")
    commit = _COMMIT.search(url)
    boundary_id = texts.get("boundaryID", "")
    if commit is None or not _BOUNDARY_ID.fullmatch(boundary_id):
        raise ServiceError(f"geoBoundaries names no fixed version: {boundary_id!r} at {url!r}")
    units = texts.get("admUnitCount", "")
    return Boundary(
        boundary_id=boundary_id,
        commit=commit[1],
        url=url,
        licence=_known(texts.get("boundaryLicense")) or "not stated",
        source=_known(texts.get("boundarySource")),
        year=_known(texts.get("boundaryYearRepresented")),
        units=int(units) if units.isdecimal() else 0,
        sha256=_known_hash(boundary_id, commit[1]),
    )


def _known(text: str | None) -> str:
    """Return a field's text; geoBoundaries writes "nan" where it knows nothing."""
    return "" if text is None or text == "nan" else text


def _known_hash(boundary_id: str, commit: str) -> str:
    """Return the sha256 that a version must have, when riskmap knows it."""
    with data_path("boundaries/geoboundaries.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        known = {(row["boundary_id"], row["commit"]): row["sha256"] for row in rows}
    return known.get((boundary_id, commit), "")


def _is_whole(path: Path, sha256: str) -> bool:
    """Return whether a file is there and is the one that was pinned."""
    return bool(sha256) and path.is_file() and _hash(path) == sha256


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _download(boundary: Boundary, path: Path, service: Service) -> Boundary:
    """Return the boundary with the sha256 of its file, which has been put in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    goes_on = part.is_file()
    stream(boundary.url, part, service)
    try:
        _check_body(part, boundary)
    except ServiceError:
        if not goes_on:
            raise
        # What an earlier try left was no part of the file: start over.
        stream(boundary.url, part, service)
        _check_body(part, boundary)
    sha256 = _hash(part)
    if boundary.sha256 not in ("", sha256):
        part.unlink()
        raise ServiceError(
            f"{boundary.url}: the file is not the one that is pinned: "
            f"sha256 {sha256}, expected {boundary.sha256}"
        )
    part.replace(path)
    return dataclasses.replace(boundary, sha256=sha256)


def _check_body(part: Path, boundary: Boundary) -> None:
    """Raise, and forget the download, unless it is a whole GeoJSON file."""
    body = part.read_bytes()
    message = ""
    if body.startswith(_POINTER):
        message = "a Git LFS pointer stands in the file's place; try again later"
    else:
        try:
            features = orjson.loads(body)["features"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            message = f"no whole GeoJSON file, met {body[:40]!r}"
    if message:
        part.unlink()
        raise ServiceError(f"{boundary.url}: {message}")
    if boundary.units not in (0, len(features)):
        warnings.warn(
            f"{boundary.boundary_id} holds {len(features)} regions, "
            f"geoBoundaries speaks of {boundary.units}",
            RiskmapWarning,
            stacklevel=2,
        )


def _read_pin(pin: Path) -> Boundary | None:
    """Return what is pinned; None when nothing is, or when it can't be read."""
    try:
        return Boundary(**orjson.loads(pin.read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
        return None


def _write_pin(pin: Path, boundary: Boundary) -> None:
    """Write what is pinned."""
    text = orjson.dumps(dataclasses.asdict(boundary), option=orjson.OPT_INDENT_2) + b"\n"
    if pin.is_file() and pin.read_bytes() == text:
        return
    write_whole(pin, text)
