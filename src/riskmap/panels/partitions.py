"""Partitions: of tables of Dask's; Parquet files of one schema, alone or in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import shapely

from riskmap.errors import InputError, MissingDependencyError
from riskmap.incidents.readers import read_incidents
from riskmap.schema import CRS, INCIDENT_COLUMNS, check_incidents, conform

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

    from riskmap.incidents.stated_scopes import ScopeRules

_SUFFIXES = (".parquet", ".pq")


class UnreadableError(InputError):
    """Rows of a file that can't be decoded.

    Parameters
    ----------
    file
        The file, and which of its rows.
    rows
        How many they are.
    met
        What the decoder said.
    """

    def __init__(self, file: str, rows: int, met: str) -> None:
        """Keep what the ledger needs."""
        super().__init__("can't be decoded", met=met)
        self.file, self.rows = file, rows


@dataclass(frozen=True)
class LazyPartition:
    """A partition of a table of ``dask.dataframe``; whoever reads it computes it.

    Parameters
    ----------
    frame
        The table of this partition alone.
    number
        Which it is, from 0 on.
    """

    frame: Any
    number: int


def compute_partition(
    lazy: LazyPartition, *, ingested_at: str | None, scope: ScopeRules
) -> gpd.GeoDataFrame:
    """Return the incidents of a partition of a feed's rows, or of an Incidents table.

    Parameters
    ----------
    lazy
        The partition.
    ingested_at, scope
        As for :func:`riskmap.read_incidents`.

    Raises
    ------
    InputError
        When it can't be computed, so that nobody knows how many rows are missing; its columns are
        not those that the table tells of, or are of no known feed; or it holds geometry as bytes,
        which don't tell their coordinate system.
    """
    try:
        rows = lazy.frame.compute(scheduler="synchronous")  # here, and not again on the cluster
    except Exception as error:  # the table is made of whatever its owner wrote
        raise InputError(
            f"partition {lazy.number} can't be computed", met=f"{type(error).__name__}: {error}"
        ) from error
    names, expected = list(rows.columns), list(lazy.frame.columns)
    if names != expected:
        raise InputError(
            f"partition {lazy.number} has other columns than the table",
            met=", ".join(sorted(set(names) ^ set(expected))) or "another order",
            expected=", ".join(expected)[:200],
        )
    rows = rows.reset_index(drop=True)
    if isinstance(rows, gpd.GeoDataFrame) and _is_incidents(rows):
        table = gpd.GeoDataFrame(
            conform(rows, INCIDENT_COLUMNS), geometry=rows.geometry, crs=rows.crs
        )
        check_incidents(table)
        return table
    if "geometry" in rows and "longitude" not in rows:
        raise InputError(
            "geometry does not tell its coordinate system here",
            column="geometry",
            expected="the path of the GeoParquet files, or columns longitude and latitude",
        )
    return read_incidents(rows, ingested_at=ingested_at, scope=scope)


def _is_incidents(rows: pd.DataFrame) -> bool:
    """Return whether a table has the columns of an Incidents table."""
    return {column.name for column in INCIDENT_COLUMNS} <= set(rows.columns)


def find_partitions(path: Path) -> list[Path]:
    """Return the Parquet files of a folder, such as Dask and Spark write, by name; or the file.

    Raises
    ------
    InputError
        When there are none, or the folders' names hold a column.
    """
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
    for file in found:
        if "=" in str(file.relative_to(path).parent):
            raise InputError(
                "a folder whose name stands for a column",
                met=str(file.relative_to(path).parent),
                expected="Parquet files that hold all of their columns",
            )
    if not found:
        raise InputError("a folder without Parquet files", file=path)
    return found


def open_partition(path: Path) -> Any:
    """Return a Parquet file, opened.

    Raises
    ------
    InputError
        When it is missing or no Parquet file.
    MissingDependencyError
        When `pyarrow` is not installed (extra ``parquet``).
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError("pyarrow", extra="parquet") from error
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError("not a Parquet file", file=path.name, met=str(error)) from error


def check_columns(paths: Iterable[Path]) -> None:
    """Raise when Parquet files differ in their columns."""
    expected: list[str] | None = None
    for path in paths:
        names = open_partition(path).schema_arrow.names
        if expected is None:
            expected = names
        elif names != expected:
            raise InputError(
                "a file with other columns than the first",
                file=path.name,
                met=", ".join(sorted(set(names) ^ set(expected))) or "another order",
                expected=", ".join(expected)[:200],
            )


def read_partition(
    path: Path, groups: tuple[int, int], *, ingested_at: str | None, scope: ScopeRules
) -> gpd.GeoDataFrame:
    """Return the incidents of row groups of a Parquet file.

    Points of a GeoParquet file are read where there are no columns of coordinates; an Incidents
    table that was written as Parquet is taken as it is.

    Parameters
    ----------
    path
        The file.
    groups
        The first row group, and the one after the last.
    ingested_at, scope
        As for :func:`riskmap.read_incidents`.

    Raises
    ------
    UnreadableError
        When the rows can't be decoded.
    InputError
        When the columns are of no known feed.
    """
    import pyarrow as pa

    file = open_partition(path)
    wanted = list(range(*groups))
    try:
        rows = file.read_row_groups(wanted).to_pandas().reset_index(drop=True)
    except (OSError, pa.ArrowException) as error:
        n = sum(file.metadata.row_group(group).num_rows for group in wanted)
        where = f"{path.name}, row groups {groups[0]} to {groups[1] - 1}"
        raise UnreadableError(where, n, str(error)) from error
    geometry = (file.schema_arrow.metadata or {}).get(b"geo")
    if geometry is not None:
        rows = _with_points(rows, json.loads(geometry), path)
        if _is_incidents(rows):
            return _as_incidents(rows)
    return read_incidents(rows, ingested_at=ingested_at, scope=scope)


def _with_points(rows: pd.DataFrame, geo: dict[str, Any], path: Path) -> pd.DataFrame:
    """Return rows of GeoParquet with longitude and latitude instead of geometry."""
    name = geo["primary_column"]
    told = geo["columns"][name]
    if told["encoding"] != "WKB" or set(told["geometry_types"]) - {"Point"}:
        raise InputError(
            "not points as WKB",
            file=path.name,
            column=name,
            met=f"{told['encoding']} {', '.join(told['geometry_types'])}",
        )
    crs = told.get("crs", "OGC:CRS84")
    points = gpd.GeoSeries(shapely.from_wkb(rows[name].to_numpy(object)), crs=crs)
    points = points.to_crs(CRS) if crs is not None else points
    others = rows.drop(columns=list(geo["columns"]))
    if "longitude" in others or "latitude" in others:
        return others
    return others.assign(longitude=points.x.to_numpy(), latitude=points.y.to_numpy())


def _as_incidents(rows: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return an Incidents table that was written as Parquet."""
    points = gpd.points_from_xy(rows["longitude"], rows["latitude"])
    points[rows["longitude"].isna().to_numpy()] = None
    table = conform(rows.drop(columns=["longitude", "latitude"]), INCIDENT_COLUMNS)
    incidents = gpd.GeoDataFrame(table, geometry=points, crs=CRS)
    check_incidents(incidents)
    return incidents
