"""What a run is given: its files of incidents, its regions, its group, and what may be lost."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from riskmap import datasets
from riskmap.assessment.desk_files import read_group
from riskmap.errors import BoundaryError, InputError
from riskmap.incidents.derivations import derive_victims
from riskmap.incidents.duplicates import merge_duplicates
from riskmap.incidents.parts import NO_FILE
from riskmap.incidents.readers import read_file
from riskmap.ledgers import Losses, tell_helpful
from riskmap.panels.groups import WorkerGroup
from riskmap.places.regions import read_regions
from riskmap.schema import CRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.panels.scans import Scan
    from riskmap.places.placements import Located

    Progress = Callable[[str], object]

#: How many unused names of districts an error shows.
NAMED = 3


def read_files(
    sources: Sequence[Any],
    *,
    scope: str | None = None,
    group: WorkerGroup | None = None,
    progress: Progress | None = None,
    **reading: Any,
) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """Read files of incidents; who was hit is read from notes, and an incident counts once.

    Notes come before duplicates, so that the report that stands for an incident also knows what
    the words of the others say; what a feed itself says outranks them all.

    Parameters
    ----------
    sources
        The files, or what else :func:`riskmap.read_incidents` takes.
    scope, **reading
        As for :func:`riskmap.read_incidents`, for all files.
    group
        The group, whose employers notes may name.
    progress
        What is told of each step.

    Returns
    -------
    tuple
        The Incidents table, and what a reader should know of the files, in sentences.
    """
    tell = progress or (lambda _: None)
    tables, notes, employers = [], [], () if group is None else group.employers
    for source in sources:
        tell(f"reading {Path(source).name if is_path(source) else NO_FILE}")
        found = read_file(source, scope=scope, **reading)
        tables.append(derive_victims(found.incidents, employers=employers))
        about = (found.sheets, _tell_scope(found.incidents["scope"]))
        notes += [f"{found.name}: {words}" for words in about if words]
    tell("looking for reports of the same incident")
    table = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    return merge_duplicates(table), tuple(notes)


def _tell_scope(scope: pd.Series) -> str:
    """Return that nobody states what rows can see, and what they show of it; else nothing."""
    inferred = scope[scope.str.endswith("inferred").fillna(value=False)]
    if len(inferred):
        return f"what it can see is not stated; inferred from its rows: {inferred.iloc[0]}"
    if scope.isna().any():
        return (
            "nothing says what it can see, so it can raise levels and never lower one; "
            "state it with scope="
        )
    return ""


def is_path(source: Any) -> bool:
    """Return whether a source is named, and is not the rows themselves."""
    return isinstance(source, str | Path)


def find_regions(source: Any) -> gpd.GeoDataFrame:
    """Return the regions of files, or of countries with an optional level such as ``AFG:1``.

    ``XQA`` is the invented country of :mod:`riskmap.datasets`.

    Parameters
    ----------
    source
        What :meth:`riskmap.desk.sources.RegionSource.of` takes.

    Raises
    ------
    InputError
        When it is neither.

    Examples
    --------
    >>> len(find_regions("AFG:1")), len(find_regions("XQA:2"))
    (34, 24)
    """
    return RegionSource.of(source).read()


def find_group(group: WorkerGroup | str | Path | None) -> WorkerGroup | None:
    """Return a group as it is given, as a TOML file or a text such as ``CHN/mining`` says.

    Examples
    --------
    >>> print(find_group("CHN/mining"))
    CHN/mining
    """
    if isinstance(group, Path) or (isinstance(group, str) and group.endswith(".toml")):
        return read_group(group)
    return WorkerGroup.of(group)


def refuse_losses(found: Located | Scan, max_lost: float) -> None:
    """Raise, with the most frequent reasons, when too many rows that tell of an incident are lost.

    Raises
    ------
    InputError
        Which says how many name a district that was not used, and some of these names.
    """
    lost = Losses.of(found.ledger)
    nothing = not found.ledger.stages[-1].rows_out  # counting says what became of them all
    if nothing or lost.lost <= max_lost * lost.among:
        return
    aside = pd.DataFrame(found.aside)
    if lost.not_used and "spread" in aside:
        named = aside.loc[aside["spread"].to_numpy(bool), "admin2"].value_counts().head(NAMED)
    else:
        named = pd.Series(dtype="int64")
    some = ", ".join(f"{name!r} {n}" for name, n in named.items())
    allowed = f"max_lost={math.ceil(lost.share * 100) / 100:g} where that is meant"
    helpful = [tell_helpful(lost.reasons), "riskmap incidents check tells more of a file"]
    raise InputError(
        f"{lost.share:.1%} of the rows can't be used",
        met="; ".join([*lost.tell(), *([f"such as {some}"] if some else [])]),
        expected="; ".join([f"at most {max_lost:.1%}, or {allowed}", *filter(None, helpful)]),
    )


def describe_inputs(given: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the name, size and sha256 of each input that is a file."""
    inputs = []
    for path in (Path(name) for name in given if isinstance(name, str | Path)):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        inputs.append({"name": path.name, "bytes": path.stat().st_size, "sha256": digest})
    return inputs


_COLUMNS = ("id", "name", "parent")


@dataclass(frozen=True)
class RegionSource:
    """Where regions are read from: files or countries, and what columns of files hold.

    Parameters
    ----------
    parts
        Paths of files, countries with an optional level such as ``"AFG:1"``, or GeoDataFrames.
    id, name, parent
        As for :func:`riskmap.read_regions`, for all files and tables.

    Examples
    --------
    >>> len(RegionSource.of("AFG:1").read()), len(RegionSource.of(["AFG", "PAK"]).read())
    (34, 42)
    """

    parts: tuple[str | Path | gpd.GeoDataFrame, ...]
    id: str | None = None
    name: str | None = None
    parent: str | None = None

    @classmethod
    def of(cls, told: Any) -> RegionSource:
        """Return a source from a text, a path, a table, a list of them, or the parameters.

        Raises
        ------
        BoundaryError
            When it is none of these.
        """
        if isinstance(told, RegionSource):
            return told
        columns: dict[str, Any] = dict(told) if isinstance(told, Mapping) else {"parts": told}
        parts = columns.pop("parts", None)
        kinds = str | Path | gpd.GeoDataFrame
        several = (parts,) if isinstance(parts, kinds) else parts
        fits = isinstance(several, Sequence) and all(isinstance(x, kinds) for x in several)
        known = set(columns) <= set(_COLUMNS) and all(
            isinstance(x, str | None) for x in columns.values()
        )
        if not (fits and several and known):
            wanted = (
                "a file, ISO3[:LEVEL], a GeoDataFrame, a list of them, "
                "or a table of parts, id, name, parent"
            )
            raise BoundaryError("of a wrong kind", column="regions", met=told, expected=wanted)
        return cls(tuple(several), **columns)

    def __str__(self) -> str:
        """Return the files and countries; of a table how many regions it has."""
        return ", ".join(
            f"a table of {len(part):,} regions" if isinstance(part, gpd.GeoDataFrame) else str(part)
            for part in self.parts
        )

    def read(self) -> gpd.GeoDataFrame:
        """Return the regions of all parts as one table.

        Raises
        ------
        BoundaryError
            When a part can't be read, ids stand in two of them, or their levels differ.
        """
        tables = [self._read_part(part) for part in self.parts]
        if len(tables) == 1:
            return tables[0]
        regions = pd.concat(tables, ignore_index=True)
        twice = regions.loc[regions["region_id"].duplicated(), "region_id"]
        if len(twice):
            wanted = "ids of their own; name another column by id="
            raise BoundaryError("files share ids", met=twice.iloc[0], expected=wanted)
        levels = regions["adm_level"].dropna().unique()
        if len(levels) > 1:
            met = ", ".join(map(str, sorted(levels)))
            raise BoundaryError("regions of several levels", met=met, expected="one level")
        regions = regions.sort_values("region_id", ignore_index=True)
        return gpd.GeoDataFrame(regions, geometry="geometry", crs=CRS)

    def _read_part(self, part: str | Path | gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Return the regions of one file or table, or of one country."""
        if isinstance(part, gpd.GeoDataFrame) or Path(part).exists():
            source = Path(part) if isinstance(part, str) else part
            return read_regions(source, id=self.id, name=self.name, parent=self.parent)
        iso3, _, level = str(part).partition(":")
        if level and not level.isdecimal():
            raise BoundaryError("neither a file nor ISO3[:LEVEL]", column="regions", met=str(part))
        if iso3.upper() == datasets.ISO3:
            return datasets.regions(int(level or 2))
        columns = {"id": self.id, "name": self.name, "parent": self.parent}
        return read_regions(iso3, level=int(level) if level else None, **columns)
