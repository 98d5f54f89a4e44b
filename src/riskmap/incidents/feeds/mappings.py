"""How a feed's columns become the schema's: one readable table a feed, applied by one function.

Adding a feed means adding a file with a :class:`Feed` and a line in ``FEEDS``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.countries import find_country, map_countries
from riskmap.errors import RiskmapWarning
from riskmap.incidents.coordinates import read_points
from riskmap.incidents.counted import Counted, read_count, refuse_counts, widen_periods
from riskmap.incidents.date_columns import read_intervals, read_parts
from riskmap.incidents.dates import CELL, is_declared
from riskmap.incidents.quarantines import (
    Remarks,
    note_unused,
    quarantine_broken,
    quarantine_set_aside,
    tell_broken,
    tells_who,
)
from riskmap.incidents.values import (
    clean_texts,
    first_filled,
    parse_counts,
    read_codes,
    repeat_text,
    to_number,
)
from riskmap.incidents.words import key, name_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from riskmap.incidents.date_columns import Days
    from riskmap.incidents.dates import DateRules
    from riskmap.incidents.delimited import RawTable
    from riskmap.incidents.quarantines import Quarantine
    from riskmap.incidents.scope import Scope

Columns = tuple[str, ...]
#: What a table program writes where it has no value to show: ``#REF!``, ``#N/A``, ``####``.
UNREADABLE = r"#(?:[A-Z\d/\xa1\xc0-\xde\u0400-\u042f]{1,14}[!?]|N/?[ADV]|#+|no value saved: .*)"
#: The columns that name a place, the finest first.
AREAS = ("place", "admin2", "admin1", "country")
STAFF_TYPES = ("mixed", "international", "national")


def same_words(words: Iterable[str]) -> dict[str, str]:
    """Return a table of codes that stand for themselves."""
    return {word: word for word in words}


def by_meaning(**codes: Columns) -> dict[str, str]:
    """Return a table of codes from those that stand for each word of the schema.

    Examples
    --------
    >>> by_meaning(abduction=("K", "KK"), arrest=("Detention",))
    {'K': 'abduction', 'KK': 'abduction', 'Detention': 'arrest'}
    """
    return {code: word for word, some in codes.items() for code in some}


def find_precision(frame: pd.DataFrame, areas: Columns = AREAS) -> NDArray[Any]:
    """Return how exactly places are known where a feed has no code for it: by the finest name."""
    return np.select([frame[name].notna() for name in areas], areas, "unknown")


def find_staff(frame: pd.DataFrame) -> pd.Series:
    """Return what kind of staff was hit, by the numbers of nationals and of foreign people."""
    nationals, foreign = (frame[name].fillna(0) > 0 for name in ("nationals", "foreign_victims"))
    kinds = [nationals & foreign, foreign, nationals]
    staff = pd.Series(np.select(kinds, STAFF_TYPES, ""), dtype="str")
    return staff.where(staff != "", None)


@dataclass(frozen=True)
class Codes:
    """A column of codes and what each stands for.

    Parameters
    ----------
    columns
        The feed's column; of several the first that is filled.
    table
        Its codes and the schema's.
    default
        What a code stands for that the table lacks; None leaves it missing.
    """

    columns: Columns
    table: Mapping[str, str]
    default: str | None = None


class Source:
    """A feed's rows by the names that its mapping uses.

    Parameters
    ----------
    raw
        The rows.
    rules
        What is known about the dates.
    unknown
        Values that stand for nothing.
    aliases
        Columns of the file by the name that the mapping uses, where they differ.
    """

    def __init__(
        self,
        raw: RawTable,
        rules: DateRules,
        *,
        unknown: Iterable[str] = (),
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.raw = raw
        self.rules = rules
        self.unknown = frozenset(unknown)
        self._names = name_columns(name for name in raw.header if name in raw.rows)
        self._names.update({key(name): column for name, column in (aliases or {}).items()})
        self.countries = self._nothing = repeat_text(None, len(raw))
        self._blank = repeat_text("", len(raw))
        self.not_understood = Remarks("=")
        self.tolls = Remarks(" ")
        self.also_read: set[str] = set()  # columns that no mapping names

    def __contains__(self, column: str) -> bool:
        """Return whether the file has a column."""
        return column in self._names

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.raw)

    def name(self, column: str) -> str:
        """Return a column's name as the file writes it."""
        return self._names.get(column, column)

    def clean(self, *columns: str) -> pd.Series:
        """Return text without surrounding space, missing where blank or unknown.

        Of several columns the first counts that is neither.
        """
        known, *others = self.every(*columns)
        for other in others:
            known = known.fillna(other)
        return known

    def readable(self, name: str, *columns: str) -> pd.Series:
        """Return what :meth:`clean` does, without cells that hold an error, which are noted."""
        texts = self.clean(*columns)
        marked = texts.str.startswith("#").fillna(value=False).to_numpy(bool)
        if not marked.any():
            return texts
        wrong = marked & texts.str.fullmatch(UNREADABLE).fillna(value=False).to_numpy(bool)
        self.not_understood.add(name, wrong, texts)
        return texts.mask(wrong)

    def every(self, *columns: str) -> list[pd.Series]:
        """Return for each of several columns that the file has what :meth:`clean` does."""
        names = {self._names[column]: column for column in columns if column in self}
        found = [clean_texts(self.texts(column), self.unknown) for column in names.values()]
        return found or [self._nothing]

    def days(self, origins: tuple[Columns, ...]) -> Days:
        """Return the days of one date, from one date to another, or of a year, a month and a day.

        Of the columns of each, the first that the file has. The second of two dates may be blank.
        """
        found = [next((c for c in some if c in self), some[0]) for some in origins]
        names, texts = [self.name(c) for c in found], [self.texts(c) for c in found]
        self._tell_format(names[0], texts)
        if len(texts) > 2:  # noqa: PLR2004 - from one date to another
            return read_parts(*texts, columns=", ".join(names))
        return read_intervals(
            texts[0],
            first_filled(texts[::-1]),
            columns=(names[0], names[-1]),
            rules=replace(self.rules, counts_from=self.raw.counts_from),
            countries=self.countries,
        )

    def _tell_format(self, name: str, texts: Sequence[pd.Series]) -> None:
        """Warn where a format is declared and no date that is text is in it."""
        written = {str(text).strip() for some in texts for text in some.unique()} - {""}
        written = {text for text in written if not CELL.fullmatch(text)}
        if not written or self.rules.format is None:
            return
        if not any(is_declared(text, self.rules) for text in written):
            told = f"{self.raw.name}, column {name}: no date is in the "
            told += f"format that dates={self.rules.format!r} declares, such as {min(written)!r}"
            warnings.warn(f"{told}; all are read by their own shape", RiskmapWarning, stacklevel=2)

    def moments(self, column: str) -> pd.Series:
        """Return the moments of a column in UTC, missing where a text is none."""
        texts = self.texts(column)
        return pd.to_datetime(
            texts.where(texts != "", None), format="ISO8601", utc=True, errors="coerce"
        )

    def codes(self, name: str, codes: Codes) -> pd.Series:
        """Return a schema column of codes; those that are in no list are noted."""
        texts = self.texts(*codes.columns)
        found, strange = read_codes(
            texts, codes.table, codes.default, column=name, unknown=self.unknown
        )
        self.not_understood.add(name, strange, texts)
        return found

    def counts(self, name: str, *columns: str) -> pd.Series:
        """Return a schema column of counts; bounds and what is no count are noted as written."""
        texts = self.texts(*columns)
        found = parse_counts(texts, self.unknown)
        self.tolls.add(name, found.bounds, texts)
        self.not_understood.add(name, found.strange, texts)
        return found.numbers

    def counted(self, *columns: str) -> Counted:
        """Return how many incidents each row tells of; bounds are noted as written."""
        texts = self.texts(*columns)
        name = next((self.name(one) for one in columns if one in self), "")
        found = read_count(texts, self.unknown, column=name)
        self.tolls.add("count", found.bounds, texts)
        return found

    def texts(self, *columns: str) -> pd.Series:
        """Return raw text: of several columns the first that is filled; ``""`` for none."""
        found = [self.raw.rows[self._names[column]] for column in columns if column in self]
        if not found:
            return self._blank
        return first_filled(found) if len(found) > 1 else found[0]


@dataclass(frozen=True)
class Feed:
    """A feed: how its files are recognised, and which of its columns mean what.

    Columns are written in lower case with ``_`` for space. Where several are named, the first that
    is filled counts.

    Parameters
    ----------
    name
        Value of ``source``.
    title
        What it is called.
    required
        Columns that recognise it: a file that has them all is read as this feed.
    marks
        Other sets of columns each of which recognises it as well, such as those of extracts.
    dates
        The columns of the date, of its first and its last day, or of its year, month and day.
    texts
        Schema columns of text and where they come from.
    counts
        Schema columns of counts and where they come from.
    sums
        Schema columns of counts and the columns whose sum they are.
    count
        The columns of how many incidents a row tells of, where it may be more than one, or none.
    codes
        Schema columns of codes.
    country
        The columns of the country and what turns it into an alpha-3 code.
    point
        The columns of latitude and longitude.
    vessels
        Columns that name a vessel: such a row's point is not doubted for lying outside its country.
    constants
        Schema columns that are the same for every row.
    undated
        A column, and the words there that excuse a row from having a date.
    scope
        What the feed can see; None where every file differs, as a user's own do.
    unknown
        Values that stand for nothing in any column.
    finish
        Says what a table can't: takes the rows and the columns so far, returns more columns.
    reads
        Other columns that `finish` reads; only columns that are named are kept. None
        keeps all, for feeds whose rows lack an id.
    restores_points
        Whether coordinates that are numbers may have lost their decimal point too; in what is no
        number it is put back in every feed, where the country confirms it.
    headers
        The columns of files that have no header line.
    signs
        Patterns of what stands in some columns of such a file's first row.
    optional
        How many columns at the end of such a row may be absent.
    encoding
        The encoding of files that are not UTF-8.
    curated, typed
        Whether its coders told incidents apart, however alike; whether types say what was done.
    made_of
        The feed whose incidents its counts are made from.
    """

    name: str
    title: str
    required: frozenset[str]
    dates: tuple[Columns, ...]
    texts: Mapping[str, Columns]
    counts: Mapping[str, Columns] = field(default_factory=dict)
    sums: Mapping[str, Columns] = field(default_factory=dict)
    count: Columns = ()
    codes: Mapping[str, Codes] = field(default_factory=dict)
    country: tuple[Columns, Callable[[str], str | None]] = (("country",), find_country)
    point: tuple[Columns, Columns] = (("latitude",), ("longitude",))
    vessels: Columns = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    undated: tuple[str, Columns] | None = None
    scope: Scope | None = None
    unknown: frozenset[str] = frozenset()
    finish: Callable[[Source, pd.DataFrame], Mapping[str, Any]] | None = None
    reads: frozenset[str] | None = frozenset()
    restores_points: bool = False
    headers: tuple[Columns, ...] = ()
    signs: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[frozenset[str], ...] = ()
    optional: int = 0
    encoding: str = "utf-8"
    curated: bool = False
    made_of: str | None = None
    typed: bool = True

    def fits(self, columns: AbstractSet[str]) -> bool:
        """Return whether columns, as they are compared, are those of one of its files."""
        return any(marks <= columns for marks in (self.required, *self.marks))

    @property
    def date_columns(self) -> Columns:
        """The columns that may hold a date or a part of it."""
        return tuple(column for columns in self.dates for column in columns)

    @property
    def named(self) -> set[str]:
        """The columns that a mapping names."""
        return {c for columns in self.origins().values() for c in columns}

    def kept(self, header: Iterable[str]) -> list[str] | None:
        """Return which of a file's columns are read; None, for all, where rows may lack an id."""
        if self.reads is None:
            return None
        named = {*self.reads, *self.named}
        read = {name for by, name in name_columns(header).items() if by in named}
        return [name for name in header if name in read or tells_who(key(name))]

    def origins(self) -> dict[str, Columns]:
        """Return the feed's columns behind each column of the schema."""
        return {
            "event_date": self.date_columns,
            **self.texts,
            **{name: codes.columns for name, codes in self.codes.items()},
            "country": self.country[0],
            "latitude": self.point[0],
            "longitude": self.point[1],
            "count": self.count,
            **self.counts,
            **self.sums,
        }

    def sources_of(
        self, header: Iterable[str], columns: Mapping[str, str] | None = None
    ) -> dict[str, Columns]:
        """Return the columns of a file, as it writes them, behind each column of the schema."""
        names = name_columns(header) | dict(columns or {})
        found = {
            name: tuple(dict.fromkeys(names[column] for column in origin if column in names))
            for name, origin in self.origins().items()
        }
        return {name: origin for name, origin in found.items() if origin}


def apply_feed(feed: Feed, source: Source, quarantine: Quarantine) -> pd.DataFrame:
    """Return a feed's rows as columns of the Incidents schema, and set bad rows aside.

    Parameters
    ----------
    feed
        The mapping.
    source
        The rows.
    quarantine
        Where rows that can't be used are noted.

    Returns
    -------
    pandas.DataFrame
        One row a row of the file, in order, with ``longitude`` and ``latitude`` besides the
        schema's columns.
    """
    quarantine_broken(source.raw, quarantine)
    columns, lookup = feed.country
    countries = source.clean(*columns)
    source.countries = map_countries(countries, lookup)
    strange = (source.countries.isna() & countries.notna()).to_numpy(bool)
    source.not_understood.add("country", strange, countries)
    data: dict[str, Any] = {"country": source.countries}
    data |= {name: source.readable(name, *origin) for name, origin in feed.texts.items()}
    data |= {name: source.codes(name, codes) for name, codes in feed.codes.items()}
    counted = source.counted(*feed.count)
    data |= _days(feed, source, quarantine, data.get("date_precision"), counted)
    data |= _points(feed, source, quarantine)
    data |= {name: source.counts(name, *origin) for name, origin in feed.counts.items()}
    for name, origin in feed.sums.items():
        parts = pd.concat([source.counts(name, column) for column in origin], axis=1)
        data[name] = parts.sum(axis=1, min_count=1).astype("Int64")
    data |= {"source": feed.name, **feed.constants}
    frame = pd.DataFrame(data, index=pd.RangeIndex(len(source)))
    if feed.finish is not None:
        frame = frame.assign(**feed.finish(source, frame))
    if feed.reads is None:
        _use_names(feed, source, frame, quarantine)
    frame["count"] = refuse_counts(counted, frame, quarantine)
    used = {source.name(column) for column in (*(feed.reads or ()), *feed.named)}
    used |= source.also_read
    unused = {key(name): name for name in source.raw.rows.columns if name not in used}
    note_unused(source.not_understood, source.clean, frame, unused)
    broken = np.flatnonzero(np.isin(quarantine.reason, ("ragged_row", "hashtag_row")))
    for name, remarks in (("not_understood", source.not_understood), ("toll", source.tolls)):
        remarks.forget(broken)
        frame[name] = remarks.follow(frame.get(name, repeat_text(None, len(source))))
    frame = tell_broken(frame, source.raw.broken)
    quarantine_set_aside(frame, quarantine)
    return frame


#: Why a point is none; a district that is named stands all the same.
_NO_POINT = ("bad_coordinates", "swapped_coordinates", "null_island")


def _use_names(feed: Feed, source: Source, frame: pd.DataFrame, quarantine: Quarantine) -> None:
    """Let rows count by the district that they name where their coordinates are none.

    What stands there is noted as not understood.
    """
    named = frame.filter(["admin2", "region_id"]).notna().any(axis=1).to_numpy(bool)
    where = np.isin(quarantine.reason.astype("str"), _NO_POINT) & named
    told = [source.texts(*columns).str.strip() for columns in feed.point]
    source.not_understood.add("coordinates", where, told[0] + ", " + told[1])
    quarantine.reason[where] = quarantine.detail[where] = None


def _days(
    feed: Feed,
    source: Source,
    quarantine: Quarantine,
    stated: pd.Series | None,
    counted: Counted,
) -> dict[str, Any]:
    """Return the dates' columns, and quarantine rows without a good date."""
    days = source.days(feed.dates)
    if stated is not None:
        days = days.widened(stated)
    column = next((c for c in feed.dates[0] if c in source), "")
    days = widen_periods(
        days, (counted.texts != "").to_numpy(bool) & (counted.column != ""), column
    )
    if feed.undated is not None:
        column, words = feed.undated
        days.reason[source.texts(column).str.strip().isin(words).to_numpy(bool)] = None
    quarantine.add_details(pd.notna(days.reason), days.reason, lambda row: str(days.detail[row]))
    return {
        "event_date": days.first.astype("datetime64[us]"),
        "event_date_end": days.last.astype("datetime64[us]"),
        "date_precision": days.precision,
    }


def _points(feed: Feed, source: Source, quarantine: Quarantine) -> dict[str, Any]:
    """Return latitudes and longitudes, and for restored ones what stood there."""
    names = [next((c for c in columns if c in source), columns[0]) for columns in feed.point]
    at_sea = source.clean(*feed.vessels).notna()  # off the coast of their country, not in it
    points = read_points(
        (source.texts(*feed.point[0]), source.texts(*feed.point[1])),
        quarantine,
        names=(source.name(names[0]), source.name(names[1])),
        countries=source.countries.mask(at_sea),
        no_place=[value for value in feed.unknown if np.isnan(to_number(value))],
        restore=feed.restores_points,
    )
    found = {"latitude": points.latitude, "longitude": points.longitude}
    restored = pd.notna(points.evidence)
    if not restored.any():
        return found
    derived = pd.Series(restored).map({True: "geometry", False: None})
    return found | {"derived": derived, "evidence": points.evidence}
