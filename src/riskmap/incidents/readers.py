"""Reading incidents: any known file or table becomes one Incidents table that keeps every row."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import InputError
from riskmap.incidents.arrow_rows import release_memory
from riskmap.incidents.coordinates import distinct_points
from riskmap.incidents.dates import DateRules
from riskmap.incidents.feeds import FEEDS, find_headerless, recognise
from riskmap.incidents.feeds.mappings import Feed, Source, apply_feed
from riskmap.incidents.gates import RawTable, read_header, read_rows
from riskmap.incidents.identities import make_incident_ids, make_source_ids
from riskmap.incidents.packings import unpacked
from riskmap.incidents.quarantines import Quarantine, describe
from riskmap.incidents.records import read_frame, read_json_table, read_sheet
from riskmap.incidents.stated_scopes import ScopeRules, infer_scope, state_scopes
from riskmap.incidents.surveys import survey_file
from riskmap.schema import CRS, DAY, INCIDENT_COLUMNS, INSTANT, conform

#: Columns beside the schema's, where anything was derived: which values a reader worked out instead
#: of finding them in the feed's own fields, joined by ``;``, and the words by which it did so.
EXTRA_COLUMNS = ("derived", "evidence")
#: Rows among which the columns' names are looked for when they don't stand in the first.
TITLE_ROWS = 20

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from numpy.typing import NDArray

    from riskmap.incidents.blocks import Block
    from riskmap.incidents.scope import Scope
    from riskmap.typing import FloatArray


def read_incidents(
    path: str | Path | pd.DataFrame,
    *,
    feed: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    dates: DateRules | str | None = None,
    ingested_at: datetime | str | None = None,
    scope: Scope | ScopeRules | str | None = None,
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
        The file's encoding; by default its byte order mark, UTF-8, or the feed's own.
    dates
        A ``strptime`` format of the dates, or :class:`DateRules` with a calendar, a time zone, or
        the last day that can have been known.
    ingested_at
        When the file was got, for feeds that don't say so themselves.
    scope
        What its source can see, such as ``"violence; reach=countries"``: only a source that can
        see a layer makes it low. By default what the rows say in a column ``scope``, a file such as
        ``incidents.scope.toml`` beside ``incidents.csv``, or the feed; what none of them says is
        inferred where the rows show it.

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
    raw, found = open_table(path, feed=feed, columns=columns, encoding=encoding)
    return _interpret(raw, found, rules, columns=columns, ingested_at=ingested_at, scope=scope)


def read_block(
    block: Block,
    *,
    feed: str,
    columns: Mapping[str, str] | None,
    ingested_at: str | None,
    scope: ScopeRules,
) -> gpd.GeoDataFrame:
    """Read a part of a file as :func:`read_incidents` reads the whole, with the file's own lines.

    Parameters
    ----------
    block
        The part.
    feed, columns, ingested_at
        As for :func:`read_incidents`.
    scope
        What is known of the file's scope.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table of its rows.

    Raises
    ------
    InputError
        When the part can't be read as a table.
    """
    with TemporaryDirectory() as folder:
        part = Path(folder) / block.path.name
        block.copy_to(part)
        raw, found = open_table(part, feed=feed, columns=columns)
    before = block.line - 1 - bool(block.header)
    moved = replace(raw, lines=raw.lines + before)
    return _interpret(
        moved, found, DateRules(), columns=columns, ingested_at=ingested_at, scope=scope
    )


def _interpret(
    raw: RawTable,
    found: Feed,
    rules: DateRules,
    *,
    columns: Mapping[str, str] | None,
    ingested_at: datetime | str | None,
    scope: ScopeRules,
) -> gpd.GeoDataFrame:
    """Return the Incidents table of rows of text."""
    quarantine = Quarantine(len(raw))
    source = Source(raw, rules, unknown=found.unknown, aliases=_aliases(raw, columns))
    frame = apply_feed(found, source, quarantine)
    told = frame.get("scope", pd.Series(None, index=frame.index, dtype="str"))
    frame["scope"] = state_scopes(found, source, told, scope)
    frame["source_id"] = make_source_ids(frame, raw, found.kept(raw.header))
    name = replace(raw, rows=pd.DataFrame())
    del source, raw  # a million rows of raw text are not kept beside the table
    release_memory()
    moment = _instant(ingested_at)
    table = _complete(frame, name, quarantine, ingested_at=moment, latest=rules.last_day)
    unstated = table["scope"].isna()
    if scope.is_whole and unstated.any() and (shown := infer_scope(table[unstated])):
        table["scope"] = table["scope"].fillna(str(shown))
    return table


def open_table(
    path: str | Path | pd.DataFrame,
    *,
    feed: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> tuple[RawTable, Feed]:
    """Return a file's rows as text and the feed that they are of.

    Parameters
    ----------
    path, feed, columns, encoding
        As for :func:`read_incidents`.

    Raises
    ------
    InputError
        When the file as a whole can't be used.

    Examples
    --------
    >>> import pandas as pd
    >>> raw, feed = open_table(pd.DataFrame({"date": ["2024-03-31"], "place": ["Aville"]}))
    >>> len(raw), feed.name
    (1, 'generic')
    """
    chosen = None if feed is None else _feed_named(feed)
    if columns is not None and chosen is None:
        chosen = _feed_named("generic")
    if isinstance(path, pd.DataFrame):
        raw = read_frame(path)
        found = chosen or recognise(raw.header)
    else:
        raw, found = _from_file(Path(path), chosen, encoding=encoding, columns=columns)
    if found is None:
        raise _unknown_columns(raw)
    if columns is None and "event_date" not in found.sources_of(raw.header):
        raise InputError(
            f"no date of {found.title}",
            file=raw.name,
            row=1,
            met=", ".join(raw.header)[:200],
            expected=", ".join(found.date_columns),
        )
    return raw, found


def _feed_named(name: str) -> Feed:
    """Return a feed by its name."""
    for feed in FEEDS:
        if feed.name == name:
            return feed
    raise InputError(
        "unknown feed", met=name, expected="one of " + ", ".join(feed.name for feed in FEEDS)
    )


def _unknown_columns(raw: RawTable) -> InputError:
    """Return the error for a table that no feed's columns fit; a title may stand over them."""
    expected = "a date and a place, a known feed's columns, or columns={'event_date': ...}"
    for line, row in zip(raw.lines[:TITLE_ROWS], raw.rows.head(TITLE_ROWS).values, strict=True):
        if found := recognise(row):
            expected = f"these in the first row; those of {found.title} stand in row {line}"
    return InputError(
        "columns of no known feed",
        file=raw.name,
        row=1,
        met=", ".join(raw.header)[:200],
        expected=expected,
    )


def _from_file(
    path: Path,
    feed: Feed | None,
    *,
    encoding: str | None,
    columns: Mapping[str, str] | None,
) -> tuple[RawTable, Feed | None]:
    """Return a file's rows and its feed, also those of a packed file."""

    def fits(header: tuple[str, ...]) -> bool:
        if columns is not None:
            return set(columns.values()) <= set(header)
        own = feed or recognise(header)
        return own is not None and "event_date" in own.sources_of(header)

    with unpacked(path) as plain:
        suffix = plain.suffix.lower()
        if suffix in (".json", ".geojson"):
            raw = read_json_table(plain)
        elif suffix == ".xlsx":
            raw = read_sheet(plain, fits)
        else:
            raw, feed = _from_text(plain, feed, encoding)
    return replace(raw, name=path.name), feed or recognise(raw.header)


def _from_text(path: Path, feed: Feed | None, encoding: str | None) -> tuple[RawTable, Feed | None]:
    """Return a text's rows and its feed; bytes that are not UTF-8 get the feed's own encoding."""
    try:
        survey = survey_file(path, encoding=encoding)
    except InputError as error:
        known = feed or _peek(path)
        if encoding is not None or known is None or known.encoding == "utf-8":
            raise
        try:
            survey = survey_file(path, encoding=known.encoding)
        except InputError:
            raise error from None
    header = read_header(path, survey)
    if found := find_headerless(header.header, header.delimiter):
        own, names = found
        header = replace(header, header=names, lines=np.zeros(1, np.int64))
        raw = read_rows(path, survey, header, keep=own.kept(names), optional=own.optional)
        return raw, feed or own
    feed = feed or recognise(header.header)
    keep = None if feed is None else feed.kept(header.header)
    return read_rows(path, survey, header, keep=keep), feed


def _peek(path: Path) -> Feed | None:
    """Return the feed of a file by its first line, whatever the encoding of the others."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        line = file.readline(1 << 16)
    return recognise(next(csv.reader([line.decode("latin-1")]), []))


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
    if value is None:
        return None
    try:
        moment = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise InputError("not a moment", column="ingested_at", met=value) from error
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _complete(
    frame: pd.DataFrame,
    raw: RawTable,
    quarantine: Quarantine,
    *,
    ingested_at: pd.Timestamp | None,
    latest: date | None,
) -> gpd.GeoDataFrame:
    """Return the Incidents table: ids, geometry, provenance, and the checks that need them."""
    if ingested_at is not None:
        known = frame.get("ingested_at", pd.Series(pd.NaT, index=frame.index, dtype=INSTANT))
        frame = frame.assign(ingested_at=known.fillna(ingested_at))
    _quarantine_future(frame, quarantine, latest)
    frame = frame.assign(
        source_file=raw.name,
        source_row=raw.lines,
    )
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
    number, first = distinct_points(lon, lat)
    points = shapely.points(lon[first], lat[first])
    points[np.isnan(lon[first]) | np.isnan(lat[first])] = None
    return points[number]


def _quarantine_future(frame: pd.DataFrame, quarantine: Quarantine, latest: date | None) -> None:
    """Quarantine rows that begin after the day on which they can have been known, in any zone."""
    last = pd.Series(pd.NaT, index=frame.index, dtype=DAY)
    if "ingested_at" in frame:
        last = frame["ingested_at"].dt.tz_localize(None).dt.floor("D") + pd.Timedelta(days=1)
    if latest is not None:
        last = last.fillna(pd.Timestamp(latest)).clip(upper=pd.Timestamp(latest))
    first, latest_days = (days.to_numpy("datetime64[D]") for days in (frame["event_date"], last))
    quarantine.add_details(
        (frame["event_date"] > last).to_numpy(bool),
        "future_date",
        lambda row: describe("event_date", first[row], f"a day not after {latest_days[row]}"),
    )
