"""Reading incidents: any known file or table becomes one Incidents table that keeps every row."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import InputError, RiskmapWarning
from riskmap.incidents.date_columns import tell_orders
from riskmap.incidents.delimited import RawTable, release_memory
from riskmap.incidents.duplicates.candidates import DUPLICATE, write_detail
from riskmap.incidents.feeds.generic import generic_feed
from riskmap.incidents.feeds.mappings import Source, apply_feed
from riskmap.incidents.packed_files import local_copy
from riskmap.incidents.parts import Part, RowGroups, is_incidents
from riskmap.incidents.quarantines import LIKE, Quarantine, describe, make_incident_ids
from riskmap.incidents.reading_options import ReadingOptions
from riskmap.incidents.scope import STATED_REACH, Scope, ScopeRules, infer_scope
from riskmap.incidents.tabular import as_source, load_rows, open_tables
from riskmap.incidents.values import number_rows, repeat_text
from riskmap.incidents.workbooks import tell_sheets
from riskmap.schema import CRS, INCIDENT_COLUMNS, INSTANT, check_incidents, conform

#: Columns beside the schema's, where anything was derived: which values a reader worked out instead
#: of finding them in the feed's own fields, joined by ``;``, and the words by which it did so.
EXTRA_COLUMNS = ("derived", "evidence")

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from riskmap.incidents.dates import DateRules
    from riskmap.incidents.feeds.mappings import Feed
    from riskmap.typing import FloatArray


@dataclass(frozen=True)
class ReadFile:
    """A file of incidents as it was read.

    Parameters
    ----------
    incidents
        The Incidents table.
    opened
        Of each of its tables, one aside from workbooks, the header without rows, and the feed.
    orders
        How dates were read that may be read two ways, where that was asked
        (:func:`riskmap.incidents.date_columns.tell_orders`).
    options
        How it was read.
    scope
        What the caller and files beside it say of its scope.
    """

    incidents: gpd.GeoDataFrame
    opened: tuple[tuple[RawTable, Feed], ...]
    orders: Mapping[str, str]
    options: ReadingOptions
    scope: ScopeRules

    @property
    def name(self) -> str:
        """The name of the file, or of the table."""
        raw = self.opened[0][0]
        return raw.name.removesuffix(f" [{raw.sheet}]")

    @property
    def sheets(self) -> str:
        """What stands in sheets of incidents that were not asked for; or ``""``."""
        return tell_sheets(self.opened[0][0].others)


def read_incidents(  # noqa: PLR0913 - what a file may not tell of itself
    path: Any,
    *,
    feed: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    dates: DateRules | str | None = None,
    ingested_at: datetime | str | None = None,
    scope: Scope | ScopeRules | str | None = None,
    sheet: str | Sequence[str] | None = None,
    mapping: str | Path | None = None,
) -> gpd.GeoDataFrame:
    """Read a file of incidents; every row is kept, in order.

    A row that can't be used carries its reason in ``quarantine_reason`` and what was met and
    expected in ``quarantine_detail``; :func:`riskmap.locate` sets it aside. A row without
    coordinates can still be placed by its names and is not quarantined.

    Parameters
    ----------
    path
        A CSV or other delimited file, JSON, GeoJSON of points, XLSX (extra ``excel``), one of these
        in a zip or gzip file, Parquet or GeoParquet or a folder of it (extra ``parquet``); its
        address, such as ``s3://desk/log.csv`` (extra ``remote``); or a table whose columns are
        named like a file's: a DataFrame, or whatever has ``__arrow_c_stream__``.
    feed
        The feed, such as ``"ucdp"``; by default it is recognised by its columns.
    columns
        For tables of your own: the file's column for each schema column, such as
        ``{"event_date": "Datum", "latitude": "Breite"}``.
    encoding
        The file's encoding; by default its byte order mark, UTF-8, the feed's own, or Windows-1252
        where it is plainly that.
    dates
        A ``strptime`` format of the dates, or :class:`DateRules` with a calendar; what is not
        written so is read by its own shape.
    ingested_at
        When the file was got, for feeds that don't say so themselves.
    scope
        What its source can see, such as ``"violence; reach=countries"``: only a source that can
        see a layer makes it low. By default what the rows say in a column ``scope``, a file such as
        ``incidents.scope.toml`` beside ``incidents.csv``, or the feed; what none of them says is
        inferred where the rows show it.
    sheet
        The sheet of a workbook where several hold incidents, several that are read together, or
        ``"all"``.
    mapping
        A TOML file that says how files of one desk are read, such as ``riskmap import`` writes;
        what is said here outranks it.

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
    return read_file(
        path,
        scope=scope,
        mapping=mapping,
        feed=feed,
        columns=columns,
        encoding=encoding,
        dates=dates,
        ingested_at=ingested_at,
        sheet=sheet,
    ).incidents


def read_file(
    path: Any,
    *,
    scope: Scope | ScopeRules | str | None = None,
    mapping: str | Path | None = None,
    tell: bool = False,
    **options: Any,
) -> ReadFile:
    """Read a file as :func:`read_incidents` does, and keep how it was read.

    Parameters
    ----------
    path, scope, mapping
        As for :func:`read_incidents`.
    tell
        Whether to tell how dates were read that may be read two ways.
    **options
        Its other options.

    Raises
    ------
    InputError
        When the file as a whole can't be used.

    Examples
    --------
    >>> rows = pd.DataFrame({"date": ["2024-03-31"], "place": ["Aville"]})
    >>> read_file(rows).opened[0][1].title
    'generic table'
    """
    how = ReadingOptions.of(mapping, **options)
    with local_copy(path) as near:
        is_file = isinstance(near, str | Path)
        if not (is_file or isinstance(near, RowGroups) or hasattr(near, "__arrow_c_stream__")):
            raise InputError(
                "no file of incidents",
                met=type(near).__name__,
                expected="the path of one file, or a DataFrame; riskmap.run takes several files",
            )
        if not isinstance(scope, ScopeRules):
            scope = ScopeRules.read(scope, path=near if is_file else None)
        return _read(Part(as_source(near), feed=how.feed, scope=scope), how, tell=tell)


def read_part(part: Part, options: ReadingOptions | None = None) -> gpd.GeoDataFrame:
    """Read a part of a source as :func:`read_incidents` reads the whole, with the file's own lines.

    An Incidents table that was written as GeoParquet is taken as it is.

    Parameters
    ----------
    part
        The part, with the feed and scope of its source.
    options
        How it is read.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table of its rows.

    Raises
    ------
    InputError
        When the part can't be read as a table.
    """
    return _read(part, options or ReadingOptions()).incidents


def _read(part: Part, options: ReadingOptions, *, tell: bool = False) -> ReadFile:
    """Return a part as it was read."""
    options = replace(options, feed=part.feed or options.feed)
    source, name = load_rows(part.source)
    if isinstance(source, gpd.GeoDataFrame) and is_incidents(source):
        table = conform(source, INCIDENT_COLUMNS)
        check_incidents(table)
        header = RawTable(name, (), pd.DataFrame(), np.arange(len(table)))
        return ReadFile(table, ((header, generic_feed()),), {}, options, part.scope)
    found = open_tables(source, options, name=name)
    orders, tables = dict[str, str](), []
    opened = tuple((replace(raw, rows=pd.DataFrame()), feed) for raw, feed in found)
    while found:  # a million rows of raw text are not kept beside the table
        raw, feed = found.pop(0)
        tables.append(_read_table(raw, feed, part.scope, options))
        columns = feed.sources_of(raw.header, options.columns) if tell else {}
        for column in columns.get("event_date", ()):
            counts = {str(k): int(n) for k, n in raw.rows[column].value_counts().items()}
            orders = tell_orders(counts, options.dates) | orders
        del raw
    release_memory()
    table = tables[0] if len(tables) == 1 else join_sheets(tables, opened)
    unstated = table["scope"].isna()
    if part.scope.is_whole and unstated.any() and (shown := infer_scope(table[unstated])):
        table["scope"] = table["scope"].fillna(str(shown))
    return ReadFile(table, opened, orders, options, part.scope)


def _read_table(
    raw: RawTable, feed: Feed, scope: ScopeRules, options: ReadingOptions
) -> gpd.GeoDataFrame:
    """Return the Incidents table of rows of text; what nobody says of its scope is missing."""
    quarantine = Quarantine(len(raw))
    source = Source(raw, options.dates, unknown=feed.unknown, aliases=options.columns)
    frame = apply_feed(feed, source, quarantine)
    told = frame.get("scope", pd.Series(None, index=frame.index, dtype="str"))
    usual = options.usual_scope
    if usual is not None and scope.beside is None and feed.scope is None:
        scope = replace(scope, beside=Scope.parse(usual, reach=STATED_REACH))
    frame["scope"] = _state_scopes(feed, source, told, scope)
    if feed.name == "generic" and scope.is_whole and (frame["count"].dropna() == 1).all():
        frame["count"] = frame["count"].mask(frame["count"] == 1)  # an incident each
    frame["source_id"] = make_source_ids(frame, raw, feed)
    moment = _instant(options.ingested_at)
    return _complete(frame, replace(raw, rows=pd.DataFrame()), quarantine, ingested_at=moment)


#: The scope of what watches nothing.
_NONE = "none"


def _state_scopes(feed: Feed, source: Source, told: pd.Series, rules: ScopeRules) -> pd.Series:
    """Return what each row's source can see, as one line of text; missing where nobody says."""
    partly = told.eq(_NONE) & (feed.scope is not None)  # a feed knows what some rows leave out
    if rules.given is not None:
        _tell_override(feed, source, rules)
        return pd.Series(str(rules.given), index=told.index, dtype="str").mask(partly, _NONE)
    default = rules.beside if rules.beside is not None else feed.scope
    other = None if default is None else str(default)
    if feed.scope is not None:
        return pd.Series(other, index=told.index, dtype="str").mask(partly, _NONE)
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
    frame["incident_id"] = make_incident_ids(frame, quarantine)
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


def make_source_ids(frame: pd.DataFrame, raw: RawTable, feed: Feed) -> pd.Series:
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
    if counted.any():  # what a table counts may stand in its file's name alone
        rows = rows.assign(**{"\x1f": frame["event_type"].fillna("").to_numpy(object)})
    made = _hash_rows(rows if blank.all() else rows[blank])
    twice = made[made.duplicated(keep=False)]
    again = twice.groupby(twice, sort=False).cumcount()
    later = again[again > 0]
    made.loc[later.index] += "-" + (later + 1).astype("str")
    return made if blank.all() else ids.fillna(made)


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


def join_sheets(
    tables: Sequence[gpd.GeoDataFrame], opened: Sequence[tuple[RawTable, Feed]]
) -> gpd.GeoDataFrame:
    """Return the tables of several sheets of a workbook as one.

    A sheet's own numbers begin anew, so that its name stands before them. A row whose like, under
    the same number, stands in an earlier sheet is its duplicate: sheets that sum up others repeat
    them.

    Parameters
    ----------
    tables
        The Incidents tables, in the order of the sheets.
    opened
        The header and feed of each.
    """
    table, lengths = pd.concat(tables, ignore_index=True), [len(one) for one in tables]
    sheet = pd.Series(np.repeat([raw.sheet for raw, _ in opened], lengths), dtype="str")
    is_own = np.repeat([feed.reads is None for _, feed in opened], lengths)
    number, first = number_rows([table["source"], table["source_id"], *(table[c] for c in LIKE)])
    elsewhere = (sheet != sheet.take(first[number]).to_numpy()).to_numpy()
    named = table["source_id"].mask(is_own, sheet + ":" + table["source_id"])
    ids = (table["source"] + ":" + named).where(is_own, table["incident_id"])
    again = ids.duplicated().to_numpy() & ~elsewhere
    where = "#" + sheet + ":" + table["source_row"].astype("str")
    ids = ids.mask(ids.duplicated(), ids + where)
    usable = table["quarantine_reason"].isna().to_numpy()
    leads = ids.take(first[number]).to_numpy()
    copied = [write_detail(lead, "the same row of another sheet") for lead in leads]
    reason, detail = (table[f"quarantine_{name}"] for name in ("reason", "detail"))
    return table.assign(
        source_id=named,
        incident_id=ids,
        quarantine_reason=reason.mask(usable & elsewhere, DUPLICATE).mask(
            usable & again, "duplicate_id"
        ),
        quarantine_detail=detail.mask(usable & elsewhere, pd.Series(copied, dtype="str")).mask(
            usable & again, "incident_id: met " + named + ", expected an id of its own"
        ),
    )
