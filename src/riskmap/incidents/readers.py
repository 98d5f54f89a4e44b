"""Reading incidents: any known file or table becomes one Incidents table that keeps every row."""

from __future__ import annotations

import warnings
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import InputError, RiskmapWarning
from riskmap.incidents.coordinates import number_rows
from riskmap.incidents.dates import DateRules
from riskmap.incidents.delimited import RawTable, release_memory
from riskmap.incidents.feeds.mappings import Source, apply_feed
from riskmap.incidents.parts import Part, RowGroups, is_incidents
from riskmap.incidents.quarantines import Quarantine, describe
from riskmap.incidents.scope import STATED_REACH, Scope, ScopeRules, infer_scope
from riskmap.incidents.tabular import as_source, open_table
from riskmap.incidents.values import repeat_text
from riskmap.schema import CRS, INCIDENT_COLUMNS, INSTANT, check_incidents, conform

#: Columns beside the schema's, where anything was derived: which values a reader worked out instead
#: of finding them in the feed's own fields, joined by ``;``, and the words by which it did so.
EXTRA_COLUMNS = ("derived", "evidence")

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

    from riskmap.incidents.delimited import RawTable
    from riskmap.incidents.feeds.mappings import Feed
    from riskmap.typing import FloatArray


def read_incidents(  # noqa: PLR0913 - what a file may not tell of itself
    path: str | Path | pd.DataFrame,
    *,
    feed: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    dates: DateRules | str | None = None,
    ingested_at: datetime | str | None = None,
    scope: Scope | ScopeRules | str | None = None,
    sheet: str | None = None,
) -> gpd.GeoDataFrame:
    """Read a file of incidents; every row is kept, in order.

    A row that can't be used carries its reason in ``quarantine_reason`` and what was met and
    expected in ``quarantine_detail``; :func:`riskmap.locate` sets it aside. A row without
    coordinates can still be placed by its names and is not quarantined.

    Parameters
    ----------
    path
        A CSV or other delimited file, JSON, GeoJSON of points, XLSX (the one sheet that holds
        incidents; extra ``excel``), one of these in a zip or gzip file, or a table whose columns
        are named like a file's.
    feed
        The feed, such as ``"ucdp"``; by default it is recognised by its columns.
    columns
        For tables of your own: the file's column for each schema column, such as
        ``{"event_date": "Datum", "latitude": "Breite"}``.
    encoding
        The file's encoding; by default its byte order mark, UTF-8, the feed's own, or Windows-1252
        where it is plainly that.
    dates
        A ``strptime`` format of the dates, or :class:`DateRules` with a calendar.
    ingested_at
        When the file was got, for feeds that don't say so themselves.
    scope
        What its source can see, such as ``"violence; reach=countries"``: only a source that can
        see a layer makes it low. By default what the rows say in a column ``scope``, a file such as
        ``incidents.scope.toml`` beside ``incidents.csv``, or the feed; what none of them says is
        inferred where the rows show it.
    sheet
        The sheet of a workbook, where several hold incidents.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table (:data:`riskmap.schema.INCIDENT_COLUMNS`).

    Raises
    ------
    InputError
        When the file as a whole can't be used: missing, empty, a header alone, not decodable, not
        a table, or with columns that no feed has; or when a scope holds an unknown word.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> rows = pd.DataFrame({"date": ["2024-03-31", "03/04/2024"], "lat": ["34.5", "34.5"],
    ...                      "lon": ["69.2", "69.2"]})
    >>> incidents = rm.read_incidents(rows)
    >>> incidents["quarantine_reason"].tolist()
    [nan, 'ambiguous_date']
    """
    rules = dates if isinstance(dates, DateRules) else DateRules(format=dates)
    if not isinstance(scope, ScopeRules):
        scope = ScopeRules.read(scope, path=None if isinstance(path, pd.DataFrame) else path)
    part = Part(as_source(path), feed=feed, scope=scope)
    return read_part(
        part,
        columns=columns,
        encoding=encoding,
        dates=rules,
        ingested_at=ingested_at,
        sheet=sheet,
    )


def read_part(
    part: Part,
    *,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    dates: DateRules | None = None,
    ingested_at: datetime | str | None = None,
    sheet: str | None = None,
) -> gpd.GeoDataFrame:
    """Read a part of a source as :func:`read_incidents` reads the whole, with the file's own lines.

    An Incidents table that was written as GeoParquet is taken as it is.

    Parameters
    ----------
    part
        The part, with the feed and scope of its source.
    columns, encoding, dates, ingested_at, sheet
        As for :func:`read_incidents`.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table of its rows.

    Raises
    ------
    InputError
        When the part can't be read as a table.
    """
    source = part.source
    if isinstance(source, RowGroups):
        source = source.read()
        if isinstance(source, gpd.GeoDataFrame) and is_incidents(source):
            table = conform(source, INCIDENT_COLUMNS)
            check_incidents(table)
            return table
    raw, found = open_table(source, feed=part.feed, columns=columns, encoding=encoding, sheet=sheet)
    rules, scope = dates or DateRules(), part.scope
    quarantine = Quarantine(len(raw))
    source = Source(raw, rules, unknown=found.unknown, aliases=_aliases(raw, columns))
    frame = apply_feed(found, source, quarantine)
    told = frame.get("scope", pd.Series(None, index=frame.index, dtype="str"))
    frame["scope"] = _state_scopes(found, source, told, scope)
    if found.name == "generic" and scope.is_whole and (frame["count"].dropna() == 1).all():
        frame["count"] = frame["count"].mask(frame["count"] == 1)  # an incident each
    frame["source_id"] = _source_ids(frame, raw, found)
    name = replace(raw, rows=pd.DataFrame())
    del source, raw  # a million rows of raw text are not kept beside the table
    release_memory()
    moment = _instant(ingested_at)
    table = _complete(frame, name, quarantine, ingested_at=moment)
    unstated = table["scope"].isna()
    if scope.is_whole and unstated.any() and (shown := infer_scope(table[unstated])):
        table["scope"] = table["scope"].fillna(str(shown))
    return table


def _state_scopes(feed: Feed, source: Source, told: pd.Series, rules: ScopeRules) -> pd.Series:
    """Return what each row's source can see, as one line of text; missing where nobody says."""
    if rules.given is not None:
        _tell_override(feed, source, rules)
        return pd.Series(str(rules.given), index=told.index, dtype="str")
    default = rules.beside if rules.beside is not None else feed.scope
    other = None if default is None else str(default)
    if feed.scope is not None:
        return pd.Series(other, index=told.index, dtype="str")
    read = {text: _read_row(source, told, text) for text in told.dropna().unique()}
    stated = told.map(read).astype("str")
    return stated if other is None else stated.fillna(other)


def _tell_override(feed: Feed, source: Source, rules: ScopeRules) -> None:
    """Warn when the caller outranks what the feed or the file says, so that it is seen."""
    column = source.name("scope")
    others = (
        (feed.scope, f"the feed's own {str(feed.scope)!r}"),
        (rules.beside, f"{str(rules.beside)!r} in the file beside it"),
        ((feed.scope is None and "scope" in source) or None, f"its column {column}"),
    )
    met = [words for other, words in others if other is not None and other != rules.given]
    if met:
        text = f"{source.raw.name}: scope {str(rules.given)!r} as given, instead of "
        warnings.warn(text + " and ".join(met), RiskmapWarning, stacklevel=2)


def _read_row(source: Source, told: pd.Series, text: str) -> str:
    """Return what the rows with one text state, as :class:`Scope` writes it."""
    try:
        return str(Scope.parse(text, reach=STATED_REACH))
    except InputError as error:
        row = int(source.raw.lines[int(np.argmax((told == text).to_numpy()))])
        file, column = source.raw.name, source.name("scope")
        raise InputError.of(error, file=file, row=row, column=column) from error


def no_incidents() -> gpd.GeoDataFrame:
    """Return an Incidents table without rows."""
    empty = conform(pd.DataFrame(), INCIDENT_COLUMNS)
    return gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=CRS), crs=CRS)


def _aliases(raw: RawTable, columns: Mapping[str, str] | None) -> dict[str, str]:
    """Return a column map by the names that the generic feed uses, checked against the file."""
    for name, column in (columns or {}).items():
        if column not in raw.header:
            raise InputError(
                "no such column",
                file=raw.name,
                row=1,
                column=column,
                met=", ".join(raw.header)[:200],
                expected=f"the column of {name}",
            )
    return dict(columns or {})


def _instant(value: datetime | str | None) -> pd.Timestamp | None:
    """Return a moment in UTC; one without a zone is taken as UTC."""
    try:
        return None if value is None else pd.to_datetime(value, utc=True)
    except (ValueError, TypeError) as error:
        raise InputError("not a moment", column="ingested_at", met=value) from error


def _complete(
    frame: pd.DataFrame,
    raw: RawTable,
    quarantine: Quarantine,
    *,
    ingested_at: pd.Timestamp | None,
) -> gpd.GeoDataFrame:
    """Return the Incidents table: ids, geometry, provenance, and the checks that need them."""
    if ingested_at is not None:
        known = frame.get("ingested_at", pd.Series(pd.NaT, index=frame.index, dtype=INSTANT))
        frame = frame.assign(ingested_at=known.fillna(ingested_at))
    _quarantine_future(frame, quarantine)
    frame = frame.assign(source_file=raw.name, source_row=raw.lines)
    frame["incident_id"] = _incident_ids(frame, quarantine)
    frame["quarantine_reason"] = quarantine.reason
    frame["quarantine_detail"] = quarantine.detail
    points = _points(frame["longitude"].to_numpy(), frame["latitude"].to_numpy())
    extra = [name for name in EXTRA_COLUMNS if name in frame]
    table = conform(frame, INCIDENT_COLUMNS)[[*(c.name for c in INCIDENT_COLUMNS), *extra]]
    table[extra] = table[extra].astype("str")
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(points, crs=CRS), crs=CRS)


def _points(lon: FloatArray, lat: FloatArray) -> NDArray[np.object_]:
    """Return points, None where there is none; equal ones are one object."""
    number, first = number_rows([lon, lat])
    points = shapely.points(lon[first], lat[first])
    points[np.isnan(lon[first]) | np.isnan(lat[first])] = None
    return points[number]


def _quarantine_future(frame: pd.DataFrame, quarantine: Quarantine) -> None:
    """Quarantine rows that begin after the day on which they can have been known, in any zone."""
    if "ingested_at" not in frame:
        return
    last = frame["ingested_at"].dt.tz_localize(None).dt.floor("D") + pd.Timedelta(days=1)
    first, latest = (days.to_numpy("datetime64[D]") for days in (frame["event_date"], last))
    quarantine.add_details(
        first > latest,
        "future_date",
        lambda row: describe("event_date", first[row], f"a day not after {latest[row]}"),
    )


#: What a later release of counts has corrected, so that it is no part of an id.
_CORRECTED = ("count", "killed", "wounded", "abducted", "foreign_victims", "source_id")


def _source_ids(frame: pd.DataFrame, raw: RawTable, feed: Feed) -> pd.Series:
    """Return ids within the feed: its own, or one made from what the feed reads of the row.

    Parameters
    ----------
    frame
        The rows as columns of the schema, with ``source_id``.
    raw
        The rows as their file writes them.
    feed
        The feed.

    Returns
    -------
    Series of str
        Equal rows without an id get the same sixteen digits, and ``-2``, ``-3`` behind them. Those
        of a row that counts incidents are of its place and period and not of its numbers, and an id
        that several such rows have is none of a row.
    """
    ids = (frame["source_id"] if "source_id" in frame else repeat_text(None, len(frame))).copy()
    counted, kept = frame["count"].notna(), feed.kept(raw.header)
    if counted.any():
        ids = ids.mask(counted & ids.isin(ids[counted & ids.duplicated()]))
        found = feed.sources_of(raw.header)
        corrected = {name for column in _CORRECTED for name in found.get(column, ())}
        kept = [name for name in kept or raw.rows.columns if name not in corrected]
    for row in raw.broken:
        ids[row] = f"{raw.name}:{raw.lines[row]}"
    blank = ids.isna()
    if not blank.any():
        return ids
    rows = raw.rows if kept is None else raw.rows[kept]
    made = _hash_rows(rows if blank.all() else rows[blank])
    twice = made[made.duplicated(keep=False)]
    again = twice.groupby(twice, sort=False).cumcount()
    later = again[again > 0]
    made.loc[later.index] += "-" + (later + 1).astype("str")
    return made if blank.all() else ids.fillna(made)


def _incident_ids(frame: pd.DataFrame, quarantine: Quarantine) -> pd.Series:
    """Return unique ids; a row whose id stands on an earlier line goes to quarantine.

    Parameters
    ----------
    frame
        With ``source``, ``source_id`` and ``source_row``.
    quarantine
        Where rows whose id stands twice are noted.
    """
    sources = frame["source"].unique()
    ids = (sources[0] + ":" if len(sources) == 1 else frame["source"] + ":") + frame["source_id"]
    if ids.is_unique:
        return ids
    repeated = ids.duplicated().to_numpy()
    first = dict(zip(ids[~repeated], frame.loc[~repeated, "source_row"], strict=True))
    quarantine.add_details(
        repeated,
        "duplicate_id",
        lambda row: describe(
            "incident_id",
            ids.iloc[row],
            f"an id that does not stand on line {first[ids.iloc[row]]}",
        ),
    )
    made = ids.copy()
    while (again := made.duplicated()).any():
        made = made.mask(again, made + "#" + frame["source_row"].astype("str"))
    return made


def _hash_rows(rows: pd.DataFrame) -> pd.Series:
    """Return sixteen hexadecimal digits for the content of each row."""
    first, *others = (rows[name] for name in rows)
    joined = first
    for values in others:
        joined = joined + ("\x1f" + values)
    texts = joined.to_numpy(object)
    digits = b"".join([blake2b(text.encode(), digest_size=8).digest() for text in texts]).hex()
    made = [digits[i : i + 16] for i in range(0, len(digits), 16)]
    return pd.Series(made, index=rows.index, dtype="str")
