"""What a file of incidents holds and what will be lost; and what a newer release of it changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.counted import find_double_counts, tell_counted
from riskmap.incidents.duplicates import merge_duplicates
from riskmap.incidents.duplicates.candidates import DUPLICATE, lead_of
from riskmap.incidents.feeds import MADE_OF
from riskmap.incidents.feeds.own_columns import column_names, find_parts
from riskmap.incidents.quarantines import count_lost
from riskmap.incidents.readers import read_file
from riskmap.incidents.scope import describe_scopes, find_end
from riskmap.incidents.words import count_not_understood, key, name_columns
from riskmap.ledgers import count_reasons
from riskmap.schema import INCIDENT_COLUMNS, NUMBER, TEXT, TOLLS, Column, check_incidents, conform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import geopandas as gpd

    from riskmap.incidents.readers import ReadFile

#: How many reasons a report shows.
SHOWN = 10
#: How many rows a report names for each reason, and incidents that several rows tell of.
NAMED = 5
#: How many letters of a value a report shows.
WIDEST = 40
#: The columns that a report tells of; those of the geometry are none of the schema's.
TOLD = (*(column.name for column in INCIDENT_COLUMNS), "latitude", "longitude")


@dataclass(frozen=True)
class FileReport:
    """What a file of incidents holds.

    Parameters
    ----------
    file, feed, title, encoding
        The file's name, the feed that it was recognised as, and how it was read.
    rows, usable
        All rows, and those that no reason keeps back.
    columns
        The file's column for each schema column that the feed fills.
    ignored
        The file's columns that mean nothing to the feed.
    first_day, last_day
        Range of the usable rows' dates, ISO; None when there is none.
    reports_until
        The day up to which the rows come regularly; it is before ``last_day`` where a few strange
        rows follow long after all others.
    scope
        How many rows have a source that can see what; ``""`` where nobody says.
    geo_precision, date_precision, event_type
        How many usable rows have each code.
    with_coordinates
        Share of the usable rows that have coordinates.
    duplicate_ids
        Rows whose id an earlier row has.
    duplicates, merged
        Usable rows that tell of an incident that another one tells of, with other ids
        (:func:`riskmap.merge_duplicates`), and for the first incidents which they are.
    not_understood
        For each column the values that are in no list, as written, and how many usable rows have
        each.
    bounds
        Usable rows whose tolls are bounds, such as ``5+``.
    counted
        What usable rows add up to that count incidents, in words; ``""`` where none does.
    twice
        What may be told twice, by counts and by incidents of the same feed, in words.
    reasons
        The most frequent reasons of rows that can't be used, and how many rows each keeps back.
    examples
        The first details of each of these reasons, each with its line.
    lost, of
        How many rows are lost (:func:`riskmap.incidents.quarantines.count_lost`), and of how many.
    orders
        How dates were read that may be read two ways, by the format that they are in.
    sheets
        What stands in sheets of incidents that were not read, in a sentence; or ``""``.
    told
        What a reader should know of how the file was read, such as hidden rows.

    Examples
    --------
    >>> import pandas as pd
    >>> report = check_incidents_file(pd.DataFrame({"date": ["2024-03-31", "soon"],
    ...                                             "lat": [1, 1], "lon": [2, 2]}))
    >>> report.lost_share, dict(report.reasons), report.columns["latitude"]
    (0.5, {'bad_date': 1}, 'lat')
    """

    file: str
    feed: str
    title: str
    encoding: str
    rows: int
    usable: int
    columns: Mapping[str, str]
    ignored: tuple[str, ...]
    first_day: str | None
    last_day: str | None
    reports_until: str | None
    scope: Mapping[str, int]
    geo_precision: Mapping[str, int]
    date_precision: Mapping[str, int]
    event_type: Mapping[str, int]
    with_coordinates: float
    duplicate_ids: int
    duplicates: int
    merged: tuple[str, ...]
    not_understood: Mapping[str, Mapping[str, int]]
    bounds: int
    counted: str
    twice: tuple[str, ...]
    reasons: Mapping[str, int]
    examples: Mapping[str, tuple[str, ...]]
    lost: int
    of: int
    orders: Mapping[str, str]
    sheets: str
    told: tuple[str, ...] = ()

    @property
    def lost_share(self) -> float:
        """Share of the rows that tell of an incident and can't be used; 1 where none can."""
        return self.lost / self.of if self.usable else 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return asdict(self) | {"ignored": list(self.ignored), "lost_share": self.lost_share}

    def __str__(self) -> str:
        """Return the report as text."""
        lines = [
            f"{self.file}: {self.title} ({self.feed}), {self.encoding}",
            f"rows: {self.rows}, usable: {self.usable}, lost: {self.lost_share:.1%}",
            *([self.sheets] if self.sheets else []),
            f"dates: {self.first_day or 'none'} to {self.last_day or 'none'}",
            *(f"  {order}" for order in self.orders.values()),
            *(f"can see: {line}" for line in describe_scopes(self.scope)),
            f"date precision: {_mix(self.date_precision)}",
            f"place precision: {_mix(self.geo_precision)}",
            f"with coordinates: {self.with_coordinates:.1%}",
            f"event types: {_mix(self.event_type)}",
            f"ids met twice: {self.duplicate_ids}, other duplicates: {self.duplicates}",
            "columns: " + ", ".join(f"{a} <- {b}" for a, b in self.columns.items()),
            "not used: " + (", ".join(self.ignored) or "none"),
        ]
        lines[-2:-2] = [f"  {text}" for text in self.merged]
        if self.reports_until != self.last_day:
            end = f"reports end on {self.reports_until}"
            at = next(i for i, line in enumerate(lines) if line.startswith("dates:"))
            lines.insert(at + 1, f"{end}; a few rows follow long after all others")
        if self.counted:
            lines.insert(2, f"counts: {self.counted}")
        lines += [f"warning: {text}" for text in self.twice]
        lines[1:1] = self.told
        if self.bounds:
            lines.append(f"tolls that are bounds: {self.bounds} rows, counted with the least")
        if self.not_understood:
            lines.append("not understood (an attack of unknown type still counts as an attack):")
            lines += [_told(*item) for item in self.not_understood.items()]
        if self.reasons:
            lines.append("rows that can't be used:")
            for name, n in self.reasons.items():
                first, *others = self.examples[name]
                lines += [f"  {n} {name}: {first}", *(f"    {text}" for text in others)]
                lines += [f"    and {n - NAMED} more"] if n > NAMED else []
        return "\n".join(lines)


def _iso(day: pd.Timestamp) -> str | None:
    return None if pd.isna(day) else f"{day:%Y-%m-%d}"


def _mix(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _told(column: str, counts: Mapping[str, int]) -> str:
    """Return a line on a column's values that are in no list, the most frequent first."""
    shown = [f"{value[:WIDEST]!r} {count} rows" for value, count in list(counts.items())[:SHOWN]]
    more = len(counts) - len(shown)
    return f"  {column}: " + ", ".join([*shown, *([f"{more} more values"] if more else [])])


def _tell_merged(told: pd.DataFrame, lines: pd.Series) -> tuple[str, ...]:
    """Return for the first incidents that several rows tell of which rows are counted as one."""
    found = []
    for detail, rows in told.groupby("quarantine_detail", sort=False):
        lead = lead_of(rows["quarantine_detail"]).iloc[0]
        named = [str(line) for line in rows["source_row"].head(SHOWN)]
        named += [f"{len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
        why = str(detail).removeprefix(f"of {lead} ")
        count = f"{len(rows)} {'row' if len(rows) == 1 else 'rows'} counted with another"
        found.append(f"{count}: line {', '.join(named)} with line {lines[lead]}, {lead} {why}")
    more = len(found) - NAMED
    return (*found[:NAMED], *([f"and so for {more} more incidents"] if more > 0 else []))


def check_incidents_file(path: Any, **options: Any) -> FileReport:
    """Read a file of incidents and report what was recognised, how, and what will be lost.

    Parameters
    ----------
    path
        As for :func:`riskmap.read_incidents`.
    **options
        As for :func:`riskmap.read_incidents`.

    Returns
    -------
    FileReport
        The report; ``str()`` of it is for people, ``as_dict()`` for programs.

    Raises
    ------
    InputError
        When the file as a whole can't be used.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"date": ["2024-03-31"], "district": ["Aville"], "price": [3]})
    >>> print(check_incidents_file(rows))  # doctest: +ELLIPSIS
    table: generic table (generic), utf-8
    rows: 1, usable: 1, lost: 0.0%
    dates: 2024-03-31 to 2024-03-31
    can see: not stated and can't be inferred: watched by nobody (1 row)
    date precision: day 1
    place precision: admin2 1
    with coordinates: 0.0%
    ...
    not used: price
    """
    return describe_file(read_file(path, tell=True, **options))


def describe_file(found: ReadFile) -> FileReport:
    """Return the report of a file that was read.

    Parameters
    ----------
    found
        What :func:`riskmap.incidents.readers.read_file` returned.

    Examples
    --------
    >>> rows = pd.DataFrame({"date": ["2024-03-31"], "district": ["Aville"]})
    >>> describe_file(read_file(rows)).usable
    1
    """
    incidents, (raw, feed) = found.incidents, found.opened[0]
    columns, ignored = _tell_columns(found)
    lost, of = count_lost(incidents)
    reasons = count_reasons(incidents["quarantine_reason"])
    top = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:SHOWN])
    good = incidents[incidents["quarantine_reason"].isna()]
    merged = merge_duplicates(good)
    told = merged[merged["quarantine_reason"] == DUPLICATE]
    return FileReport(
        file=found.name,
        feed=feed.name,
        title=feed.title,
        encoding=raw.encoding,
        rows=len(incidents),
        usable=len(good),
        columns=columns,
        ignored=ignored,
        **_tell_days(good),
        scope=count_reasons(incidents["scope"].fillna("")),
        geo_precision=count_reasons(good["geo_precision"].fillna("not told")),
        date_precision=count_reasons(good["date_precision"]),
        event_type=count_reasons(good["event_type"].fillna("not told")),
        with_coordinates=float(good.geometry.notna().mean()) if len(good) else 0.0,
        duplicate_ids=reasons.get("duplicate_id", 0),
        duplicates=len(told),
        merged=_tell_merged(told, good.set_index("incident_id")["source_row"]),
        not_understood=count_not_understood(good["not_understood"]),
        bounds=int(good["toll"].notna().sum()),
        counted=tell_counted(good),
        twice=tuple(find_double_counts(good, MADE_OF)),
        reasons=top,
        told=(*raw.told, *_tell_points(good, named=len(found.opened) > 1)),
        examples={
            name: _tell_examples(incidents[incidents["quarantine_reason"] == name], found)
            for name in top
        },
        lost=lost,
        of=of,
        orders=found.orders,
        sheets=found.sheets,
    )


def _tell_days(good: pd.DataFrame) -> dict[str, str | None]:
    """Return the first and the last day of usable rows, and until when they come regularly."""
    first, last = good["event_date"].min(), good["event_date_end"].max()
    end = find_end(good["event_date"])
    end = end if end < good["event_date"].max() else last
    return {"first_day": _iso(first), "last_day": _iso(last), "reports_until": _iso(end)}


def _tell_examples(rows: pd.DataFrame, found: ReadFile) -> tuple[str, ...]:
    """Return for the first rows of one reason where they stand, and what was met."""
    lines = _tell_lines(rows, named=len(found.opened) > 1)
    return tuple(
        f"{line}, {why}" for line, why in zip(lines, rows["quarantine_detail"], strict=False)
    )


def _tell_lines(rows: pd.DataFrame, *, named: bool) -> list[str]:
    """Return the lines of the first rows, of several tables each with its name."""
    first = rows.head(NAMED)
    lines = [f"line {line}" for line in first["source_row"]]
    if not named:
        return lines
    return [f"{file}, {line}" for file, line in zip(first["source_file"], lines, strict=True)]


def _tell_points(good: pd.DataFrame, *, named: bool) -> Iterator[str]:
    """Yield which coordinates are not understood, the first with their lines."""
    told = good["not_understood"].str.extract(r"(?:^|; )coordinates=([^;]*)")[0]
    rows = good[told.notna()]
    if len(rows):
        shown = [
            f"{line} {text[:WIDEST]!r}"
            for line, text in zip(_tell_lines(rows, named=named), told.dropna(), strict=False)
        ]
        shown += [f"{len(rows) - NAMED} more"] if len(rows) > NAMED else []
        yield f"coordinates that are not understood: {', '.join(shown)}"


def _tell_columns(found: ReadFile) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the file's column for each of the schema, and those that mean nothing."""
    columns: dict[str, str] = {}
    ignored: dict[str, None] = {}
    for raw, feed in found.opened:
        told = feed.sources_of(raw.header, found.options.columns)
        used = {name for names in told.values() for name in names}
        used.update(name for name in raw.header if key(name) in (feed.reads or ()))
        if feed.reads is None:
            for name in TOLLS:
                if parts := find_parts(raw.header, name):
                    told[name] = (*told.get(name, ()), *parts)
                    used.update(parts)
            known = column_names()["coordinates"]
            used.update(name for by, name in name_columns(raw.header).items() if by in known)
        ignored |= dict.fromkeys(name for name in raw.header if name not in used)
        columns = {name: " | ".join(told[name]) for name in TOLD if name in told} | columns
    return {name: columns[name] for name in TOLD if name in columns}, tuple(ignored)


#: Revisions: one row for each added or removed incident, and for each changed cell of another.
REVISION_COLUMNS = (
    Column("incident_id", TEXT, "the incident"),
    Column("change", TEXT, "what happened to it", ("added", "removed", "moved", "changed")),
    Column("column", TEXT, "the column that changed; missing when the whole row came or went"),
    Column("before", TEXT, "the older value as text; missing when there was none"),
    Column("after", TEXT, "the newer value as text; missing when there is none"),
    Column("moved_km", NUMBER, "kilometres between the older and the newer point"),
)
#: Columns that tell of the file and not of the incident.
_OF_THE_FILE = ("incident_id", "source_file", "source_row", "ingested_at")
_EARTH_KM = 6371.0088


def compare_incidents(
    old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, *, moved_km: float = 0.1
) -> pd.DataFrame:
    """Return what changed between two releases of a feed, by incident id.

    Parameters
    ----------
    old, new
        Incidents tables of the older and the newer release.
    moved_km
        Points that shift by less have not moved.

    Returns
    -------
    pandas.DataFrame
        :data:`REVISION_COLUMNS`, sorted by incident and column. An incident has one row when it
        was added or removed, and one for each column that changed; `moved` stands for its point.

    Raises
    ------
    SchemaError
        When a table is not an Incidents table.

    Examples
    --------
    >>> import riskmap as rm
    >>> old = rm.datasets.incidents()
    >>> new = old.iloc[1:].assign(killed=old["killed"].where(old["source_id"] != "3", 9))
    >>> rm.compare_incidents(old, new)[["incident_id", "change", "column", "after"]].values.tolist()
    [['invented:1', 'removed', nan, nan], ['invented:3', 'changed', 'killed', '9']]
    """
    check_incidents(old)
    check_incidents(new)
    before, after = (table.set_index("incident_id") for table in (old, new))
    both = before.index.intersection(after.index)
    older, newer = before.loc[both], after.loc[both]
    where = (table.geometry.to_numpy() for table in (older, newer))
    (x, y), (u, v) = (np.radians([shapely.get_x(at), shapely.get_y(at)]) for at in where)
    half = np.sin((v - y) / 2) ** 2 + np.cos(y) * np.cos(v) * np.sin((u - x) / 2) ** 2
    km = pd.Series(2.0 * _EARTH_KM * np.arcsin(np.sqrt(half)), index=both)
    parts = [
        pd.DataFrame({"incident_id": after.index.difference(both), "change": "added"}),
        pd.DataFrame({"incident_id": before.index.difference(both), "change": "removed"}),
    ]
    names = [column.name for column in INCIDENT_COLUMNS if column.name not in _OF_THE_FILE]
    for name in (*names, "geometry"):
        texts = pd.DataFrame({"before": _as_texts(older[name]), "after": _as_texts(newer[name])})
        differs = texts["before"].fillna("") != texts["after"].fillna("")
        found = texts.assign(column=name, change="changed")
        if name == "geometry":
            found = texts.assign(column=name, change="moved", moved_km=km)
            differs &= ~(km < moved_km)
        parts.append(found[differs].rename_axis("incident_id").reset_index())
    table = conform(pd.concat([part for part in parts if len(part)] or parts[:1]), REVISION_COLUMNS)
    return table.sort_values(["incident_id", "column"], ignore_index=True)


def _as_texts(values: pd.Series) -> pd.Series:
    """Return a column as text, points as 'latitude, longitude', missing where nothing is known."""
    if values.name == "geometry":
        points = values.to_numpy()
        pairs = zip(shapely.get_y(points), shapely.get_x(points), strict=True)
        told = [f"{lat:.6f}, {lon:.6f}" if np.isfinite(lat) else None for lat, lon in pairs]
        return pd.Series(told, index=values.index, dtype="str")
    if str(values.dtype).startswith("datetime64"):
        return values.dt.strftime("%Y-%m-%d").astype("str")
    return values.astype("str")
