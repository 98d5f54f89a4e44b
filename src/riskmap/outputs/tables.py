"""The tables of a layer: the published one, a row a region, and those beside it; also as text.

What they are called, the types of their columns and what these mean stands here alone.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    CHANGE_COLUMNS,
    COUNTERFACTUAL_COLUMNS,
    DRIVER_COLUMNS,
    GONE_COLUMNS,
    INFLUENCE_COLUMNS,
    KNOWLEDGE_COLUMNS,
    LAYERS,
    RISK_COLUMNS,
    SITE_COLUMNS,
    WINDOW_COLUMNS,
)
from riskmap.incidents.values import guard_formula
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.panels.joins import POINT_COLUMNS
from riskmap.panels.knowledge import SHARE_COLUMNS
from riskmap.schema import (
    DAY,
    INCIDENT_COLUMNS,
    INSTANT,
    NUMBER,
    PLACEMENT_COLUMNS,
    REGION_COLUMNS,
    TEXT,
    Column,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer

_PLACE = ("region_id", "name", "names", "parent_id", "parent", "iso3", "adm_level")
_VALIDITY = ("as_of", "issued_at", "valid_from", "valid_until", "horizon", "horizon_days")
#: Columns of risks that are days; they are published as such, without a time.
DAYS = ("level_as_of", "below_since")
_ORIGIN = ("method_version", "boundary_source", "boundary_version", "boundary_licence")
_SIDE_BY_SIDE = (
    *("risk_level", "p_any", "p_least", "p_most", "expected_count", "q05", "q95", "confidence"),
    *("data_sufficiency", "reporting_gap", "reasons", "at_least", "attacked", "level_low"),
    *("level_high", "level_as_of"),
)
#: What a reader of the published table wants of its regions; the rest stands in the other tables.
_READ = (
    *("layer", "risk_level", "level_name", "at_least", "attacked", "level_low", "level_high"),
    *("level_as_of", "level_before", "trend", "p_any", "p_least", "p_most", "expected_count"),
    *("expected_victims", "confidence", "data_sufficiency", "reporting_gap", "reasons", "drivers"),
    *("threshold_level", "single_source", "fragility"),
    *("scale_id", "as_of", "valid_until", "boundary_licence"),
)
_READ_BESIDE = (
    *("risk_level", "p_any", "at_least", "attacked"),
    *("level_as_of", "reporting_gap", "reasons"),
)
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
#: Rows that are turned into text at a time.
_BLOCK = 2000


def risk_table(layer: RiskLayer) -> pd.DataFrame:
    """Return the published table of a layer: one row a region, plain values, no geometry.

    First the headline layer under the canonical names, then every layer side by side with the
    prefix ``v_`` (violence), ``f_`` (foreign) or ``g_`` (group).

    Parameters
    ----------
    layer
        The risk layer.

    Returns
    -------
    pandas.DataFrame
        Sorted by ``region_id``; names are unique in their first 10 characters, where shapefiles
        cut them.
    """
    regions = pd.DataFrame(layer.regions[list(_PLACE)]).set_index("region_id", drop=False)
    told = _with_days(layer.risks)
    by_layer = {
        name: told[told["layer"] == name].set_index("region_id").reindex(regions.index)
        for name in LAYERS
        if (layer.risks["layer"] == name).any()
    }
    columns: dict[str, Any] = {name: regions[name] for name in _PLACE}
    columns.update(by_layer[layer.headline].items())
    drivers = layer.drivers[layer.drivers["layer"] == layer.headline]
    columns["drivers"] = driver_texts(drivers).reindex(regions.index)
    columns["scale_id"] = layer.scale.scale_id
    columns.update({name: layer.provenance.get(name) for name in (*_VALIDITY, *_ORIGIN)})
    for name, risks in by_layer.items():
        columns.update({f"{name[0]}_{column}": risks[column] for column in _SIDE_BY_SIDE})
    return pd.DataFrame(columns, index=regions.index).sort_index().reset_index(drop=True)


def read_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return what readers want of a published table, of each layer the level with its flags.

    Parameters
    ----------
    table
        What :func:`risk_table` returned.
    """
    beside = [f"{name[0]}_{column}" for name in LAYERS for column in _READ_BESIDE]
    return table[[name for name in (*_PLACE, *_READ, *beside) if name in table]]


def long_table(layer: RiskLayer) -> pd.DataFrame:
    """Return the risks with the names of their regions: one row a region and layer.

    Parameters
    ----------
    layer
        The risk layer.

    Returns
    -------
    pandas.DataFrame
        Sorted by ``region_id``, layers from wide to narrow.
    """
    names = pd.DataFrame(layer.regions[["region_id", "name", "parent_id", "parent", "iso3"]])
    order = layer.risks["layer"].map(LAYERS.index)
    risks = (
        _with_days(layer.risks)
        .assign(order=order)
        .sort_values(["region_id", "order"], kind="stable")
    )
    table = names.merge(risks.drop(columns="order"), on="region_id", how="right")
    known = {name: layer.provenance.get(name) for name in _VALIDITY}
    return table.assign(**known, scale_id=layer.scale.scale_id).reset_index(drop=True)


def _with_days(risks: pd.DataFrame) -> pd.DataFrame:
    """Return risks with their days as text, such as ``2025-01-31``."""
    days = {
        name: risks[name].dt.strftime("%Y-%m-%d").astype("str") for name in DAYS if name in risks
    }
    return risks.assign(**days)


def driver_texts(drivers: pd.DataFrame) -> pd.Series:
    """Return the drivers of one layer as text by region, largest first.

    Examples
    --------
    >>> parts = pd.DataFrame({"region_id": ["a", "a"], "driver": ["x", "y"], "value": [1.0, 3.0]})
    >>> driver_texts(parts).to_dict()
    {'a': 'y 75 %; x 25 %'}
    """
    drivers = drivers[drivers["value"] != 0]
    share = drivers["value"] / drivers.groupby("region_id")["value"].transform("sum")
    text = [
        f"{driver} {_share(part)}" for driver, part in zip(drivers["driver"], share, strict=True)
    ]
    order = drivers.assign(text=text, share=-share).sort_values(
        ["region_id", "share", "driver"], kind="stable"
    )
    return order.groupby("region_id")["text"].agg("; ".join).astype("str")


def _share(part: float) -> str:
    if part < 0:  # what a break takes away
        return f"\N{MINUS SIGN}{_share(-part)}"
    return f"{100 * part:.0f} %" if part >= 0.005 else "< 1 %"  # noqa: PLR2004 - rounds to zero


def plain_records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield a table's rows as flat values that JSON and CSV can hold; missing and infinite is None.

    Examples
    --------
    >>> list(plain_records(pd.DataFrame({"a": [1.5, float("inf")], "b": ["x", None]})))
    [{'a': 1.5, 'b': 'x'}, {'a': None, 'b': None}]
    """
    for columns in _plain_blocks(table):
        for values in zip(*columns, strict=True):
            yield dict(zip(table.columns, values, strict=True))


def _plain_blocks(table: pd.DataFrame) -> Iterator[list[list[Any]]]:
    """Yield some rows of a table at a time, as columns of plain values."""
    for start in range(0, len(table), _BLOCK):
        block = table.iloc[start : start + _BLOCK]
        yield [plain_values(block[name]) for name in block.columns]


def plain_values(column: pd.Series) -> list[Any]:
    """Return a column as JSON can hold it: missing and infinite is None, times are text in UTC.

    Examples
    --------
    >>> plain_values(pd.Series(["2025-01-31", None], dtype="datetime64[us]"))
    ['2025-01-31T00:00:00Z', None]
    """
    missing, kind = column.isna().to_numpy(dtype=bool), column.dtype.kind
    if kind == "M":
        times = pd.DatetimeIndex(pd.to_datetime(column, utc=True))
        values = times.strftime("%Y-%m-%dT%H:%M:%SZ").to_numpy(dtype=object)
    else:
        values = np.array(column.to_numpy(dtype=object))
    if kind == "f":
        missing = ~np.isfinite(column.to_numpy())
    values[missing] = None
    if kind in "iufbM" or _is_clean_text(column, values):
        return values.tolist()
    return [clean_plain(value) for value in values]


def _is_clean_text(column: pd.Series, values: NDArray[np.object_]) -> bool:
    """Return whether a column holds texts alone that need no cleaning: nearly all do."""
    return str(column.dtype) == "str" and not _UNFIT.search("\n".join(filter(None, values)))


def clean_text(text: str) -> str:
    r"""Return text without what no file format can carry: lone surrogates and control characters.

    Line breaks and tabs stay.

    Examples
    --------
    >>> clean_text("a\x00b\ud800c\n")
    'ab?c\n'
    """
    if not _UNFIT.search(text):
        return text
    return _UNFIT.sub("", text.encode("utf-8", "replace").decode("utf-8"))


def clean_plain(value: Any) -> Any:
    r"""Return a plain value, nested or not, whose texts JSON can hold.

    Examples
    --------
    >>> clean_plain({"a": ("b\x00", 1)})
    {'a': ['b', 1]}
    """
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return clean_text(value) if isinstance(value, str) else value


def csv_chunks(table: pd.DataFrame) -> Iterator[bytes]:
    r"""Yield a table as CSV: UTF-8, RFC 4180, missing is empty, safe to open in a spreadsheet.

    Examples
    --------
    >>> b"".join(csv_chunks(pd.DataFrame({"a": [-1, 2], "b": ["=x", "y, z"]})))
    b'a,b\r\n-1,\'=x\r\n2,"y, z"\r\n'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(table.columns)
    for columns in _plain_blocks(table):
        writer.writerows(zip(*(map(_cell, values) for values in columns), strict=True))
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def marked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield CSV after the mark by which spreadsheets know that it is UTF-8.

    Examples
    --------
    >>> b"".join(marked([b"a"]))
    b'\xef\xbb\xbfa'
    """
    yield codecs.BOM_UTF8
    yield from chunks


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else guard_formula(value)


#: The published table itself.
RISK = "risk"
INCIDENTS = "incidents"

_VALID = (
    Column("as_of", DAY, "the day the levels are of"),
    Column("issued_at", INSTANT, "when they were issued"),
    Column("valid_from", INSTANT, "from when they hold"),
    Column("valid_until", INSTANT, "until when they hold"),
    Column("horizon", TEXT, "how far ahead they look"),
    Column("horizon_days", NUMBER, "the same in days"),
    Column("scale_id", TEXT, "the scale of the levels"),
)
_PLACED = {column.name: column for column in PLACEMENT_COLUMNS}
_OF_INCIDENTS = (
    *(column for column in INCIDENT_COLUMNS if column.name not in _PLACED),
    *(_PLACED[name] for name in ("incident_id", "region_id", "weight", "method")),
    *POINT_COLUMNS,
    Column("relevance", TEXT, "how it bears on the group"),
)

#: What each table holds, in the order in which they are written.
TABLES: Mapping[str, tuple[Column, ...]] = {
    "risk_long": (*REGION_COLUMNS, *RISK_COLUMNS, *_VALID),
    INCIDENTS: _OF_INCIDENTS,
    "attacks": ATTACK_COLUMNS,
    "drivers": DRIVER_COLUMNS,
    "influences": INFLUENCE_COLUMNS,
    "counterfactuals": COUNTERFACTUAL_COLUMNS,
    "changes": CHANGE_COLUMNS,
    "audit": AUDIT_COLUMNS,
    "knowledge": KNOWLEDGE_COLUMNS,
    "shares": SHARE_COLUMNS,
    "counts": WINDOW_COLUMNS,
    "sites": SITE_COLUMNS,
    "gone": GONE_COLUMNS,
}
_TYPES = {column.name: column.dtype for columns in TABLES.values() for column in columns}
#: Incidents that are known to an area only: a point of theirs would say too much.
_AREAS = ("admin2", "admin1", "country")


#: Columns of a table that say where the group is, which no table tells.
_PLACES = {"sites": ["wkt"]}


def layer_table(layer: RiskLayer, name: str) -> pd.DataFrame:
    """Return a table of a layer: days and times as such, nothing infinite, clean texts.

    Parameters
    ----------
    layer
        The risk layer.
    name
        One of :data:`TABLES`.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> layer_table(layer, "counts")["window_start"].dtype.kind
    'M'
    """
    table = long_table(layer) if name == "risk_long" else getattr(layer, name)
    if name == INCIDENTS:
        points = [column.name for column in POINT_COLUMNS]
        lacking = {point: np.nan for point in points if point not in table}
        coarse = table["geo_precision"].isin(_AREAS)
        table = table.assign(**lacking)
        table = table.assign(**{point: table[point].astype(float).mask(coarse) for point in points})
    return as_typed(table.drop(columns=_PLACES.get(name, []), errors="ignore"))


def as_typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with days and times as such, nothing infinite, clean texts; no index."""
    return pd.DataFrame({name: _as_typed(table[name]) for name in table.columns}).reset_index(
        drop=True
    )


def _as_typed(column: pd.Series) -> pd.Series:
    kind = kind_of(str(column.name))
    if kind in (DAY, INSTANT):
        times = pd.to_datetime(column, utc=True, format="ISO8601")
        return (times.dt.tz_localize(None) if kind == DAY else times).astype(kind)
    if str(column.dtype) in ("str", "object"):
        clean = {value: clean_text(str(value)) for value in column.dropna().unique()}
        return column.map(clean).astype("str")
    return column.replace([np.inf, -np.inf], np.nan) if column.dtype.kind == "f" else column


def kind_of(name: str) -> str:
    """Return the type of a column, also where it is a day that stands as text; empty if unknown."""
    return _TYPES.get(name, "")


def incident_points(incidents: pd.DataFrame) -> NDArray[np.object_]:
    """Return the points of incidents, None where none is known."""
    places = incidents[["longitude", "latitude"]].to_numpy(dtype=float)
    known = np.isfinite(places).all(axis=1)
    found = np.full(len(incidents), None, dtype=object)
    found[known] = shapely.points(places[known])
    return found


def describe_columns(
    tables: Mapping[str, pd.DataFrame], words: Mapping[str, Any]
) -> list[tuple[str, str, str, str]]:
    """Return the name, the words for people and the meaning of each column of some tables.

    Returns
    -------
    list of tuple
        Table, column, what people call it, what it holds.
    """
    return [
        (table, name, alias_of(name, words), meaning_of(table, name))
        for table, frame in tables.items()
        for name in frame.columns
    ]


def alias_of(name: str, words: Mapping[str, Any]) -> str:
    """Return what people call a column, of those side by side with their layer.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> alias_of("f_risk_level", catalogue("en")), alias_of("q50", catalogue("en"))
    ('Foreign workers: Risk level', 'q50')
    """
    layers = {"v_": "violence", "f_": "foreign", "g_": "group"}
    layer = layers.get(name[:2])
    if layer and name[2:] in words["aliases"]:
        return f"{words['page'][f'layer_{layer}']}: {words['aliases'][name[2:]]}"
    return str(words["aliases"].get(name, name))


def meaning_of(table: str, name: str) -> str:
    """Return what a column holds, as the schema says."""
    columns = TABLES["risk_long"] if table == RISK else TABLES[table]
    meanings = {column.name: column.meaning for column in columns}
    plain = name[2:] if table == RISK and name[:2] in ("v_", "f_", "g_") else name
    return meanings.get(plain, "")
