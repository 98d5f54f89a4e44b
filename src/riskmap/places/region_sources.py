"""Where the regions of a run come from: files or countries, one or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from riskmap import datasets
from riskmap.errors import BoundaryError
from riskmap.places.regions import read_regions
from riskmap.schema import CRS

_COLUMNS = ("id", "name", "parent")


@dataclass(frozen=True)
class RegionSource:
    """Where regions are read from: files or countries, and what columns of files hold.

    Parameters
    ----------
    parts
        Paths of files, or countries with an optional level such as ``"AFG:1"``.
    id, name, parent
        As for :func:`riskmap.read_regions`, for all files.

    Examples
    --------
    >>> len(RegionSource.of("AFG:1").read()), len(RegionSource.of(["AFG", "PAK"]).read())
    (34, 42)
    """

    parts: tuple[str | Path, ...]
    id: str | None = None
    name: str | None = None
    parent: str | None = None

    @classmethod
    def of(cls, told: Any) -> RegionSource:
        """Return a source from a text, a path, a list of them, or a table of the parameters.

        Raises
        ------
        BoundaryError
            When it is none of these.
        """
        if isinstance(told, RegionSource):
            return told
        columns: dict[str, Any] = dict(told) if isinstance(told, Mapping) else {"parts": told}
        parts = columns.pop("parts", None)
        several = (parts,) if isinstance(parts, str | Path) else parts
        texts = isinstance(several, Sequence) and all(isinstance(x, str | Path) for x in several)
        known = set(columns) <= set(_COLUMNS) and all(
            isinstance(x, str | None) for x in columns.values()
        )
        if not (texts and several and known):
            wanted = "a file, ISO3[:LEVEL], a list of them, or a table of parts, id, name, parent"
            raise BoundaryError("of a wrong kind", column="regions", met=told, expected=wanted)
        return cls(tuple(several), **columns)

    def __str__(self) -> str:
        """Return the files and countries."""
        return ", ".join(map(str, self.parts))

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

    def _read_part(self, part: str | Path) -> gpd.GeoDataFrame:
        """Return the regions of one file, or of one country."""
        if Path(part).exists():
            return read_regions(Path(part), id=self.id, name=self.name, parent=self.parent)
        iso3, _, level = str(part).partition(":")
        if level and not level.isdecimal():
            raise BoundaryError("neither a file nor ISO3[:LEVEL]", column="regions", met=str(part))
        if iso3.upper() == datasets.ISO3:
            return datasets.regions(int(level or 2))
        columns = {"id": self.id, "name": self.name, "parent": self.parent}
        return read_regions(iso3, level=int(level) if level else None, **columns)
