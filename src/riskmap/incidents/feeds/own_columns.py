"""Columns of anybody's table: the rows their names stand in, the names, and what shows without.

The names are those of the kind ``column`` in ``data/incident_words.csv``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, pairwise, product
from string import Formatter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.countries import find_country, fold
from riskmap.incidents.coordinates import LIMITS, MGRS, SQUARE, split_pair
from riskmap.incidents.dates import read_day
from riskmap.incidents.nationalities import find_nationalities
from riskmap.incidents.quarantines import ASKED, BY, HIT, PEOPLE, SHORTEST, tells_of_others
from riskmap.incidents.values import parse_counts, to_number
from riskmap.incidents.words import (
    SPLIT,
    bare_key,
    find_event_type,
    key,
    listed,
    name_columns,
    read_list,
    read_words,
)
from riskmap.schema import TOLLS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from riskmap.incidents.delimited import RawTable

#: The columns that others stand for, and those that stand for them.
_PARTS = ("event_date", "year", "month", "day", "latitude", "longitude", "coordinates")
#: A day of a month alone, or what stands where it is not known.
_DAY = re.compile(r"(?:\d{1,2}(?:\.0)?|-99?)?")
_NO_PART = ("", "0", "00", "-9", "-99", "0.0")
#: Rows by which a column is judged whose name says nothing, and the share that must be of a kind.
_SAMPLE, _MOSTLY, _PARTLY = 200, 0.8, 0.5
#: A year has no more weeks than this.
_WEEKS = 53
#: What in a column's name says that its days are not those of incidents.
_NOT_OF = re.compile(
    r"birth|updat|submi|enter|entry|creat|modif|timestamp|start|end|record|report", re.IGNORECASE
)


@lru_cache(maxsize=1)
def column_names() -> Mapping[str, tuple[str, ...]]:
    """Return the names under which a schema's column is found, its own first.

    Those of ``victims`` tell of the victims in words and are read with the notes.

    Examples
    --------
    >>> column_names()["event_date"][:5]
    ('event_date', 'incident_date', 'date', 'date_start', 'fecha')
    """
    told: dict[str, dict[str, list[str]]] = {}
    for row in read_list("incident_words.csv"):
        told.setdefault(row["kind"], {})[row["value"]] = row["words"].split(";")
    parts = told["column_part"]
    return {
        column: tuple(dict.fromkeys(name for form in forms for name in _spell_out(form, parts)))
        for column, forms in told["column"].items()
    }


def _spell_out(form: str, parts: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield the names that a form such as ``{victim}_nation`` stands for."""
    used = [part for _, part, _, _ in Formatter().parse(form) if part]
    if not used:
        yield form
    for words in product(*(parts[part] for part in used)) if used else ():
        yield from _spell_out(form.format(**dict(zip(used, words, strict=True))), parts)


@lru_cache(maxsize=1)
def known_names() -> frozenset[str]:
    """Return all names under which a column of any table is understood.

    Examples
    --------
    >>> "muertos" in known_names()
    True
    """
    return frozenset(chain.from_iterable(column_names().values()))


def is_readable(columns: Container[str]) -> bool:
    """Return whether a table has a date and something of a place, by any of their names.

    Examples
    --------
    >>> is_readable({"date", "lat", "lon"}), is_readable({"date", "price"})
    (True, False)
    """
    place = ("latitude", "coordinates", "place", "admin1", "admin2", "region_id", "country")
    has = {name for name, names in column_names().items() if any(n in columns for n in names)}
    dated = "event_date" in has or {"year", "month"} <= has
    return dated and any(name in has for name in place)


def compose_columns(raw: RawTable) -> RawTable:
    """Return a table with the columns that others of it hold together.

    A date from a year and a month, and a latitude and a longitude from one column of both. Where
    no name says which column holds the date, or the coordinates, the one that plainly holds some
    does.

    Parameters
    ----------
    raw
        The rows as their file writes them.

    Examples
    --------
    >>> from riskmap.incidents.structured import read_frame
    >>> rows = pd.DataFrame({"Year": [2031], "Month": ["May"], "GPS": ["1.5, 2.5"]})
    >>> compose_columns(read_frame(rows)).rows.iloc[0].tolist()
    ['2031', 'May', '1.5, 2.5', 'May 2031', '1.5', '2.5']
    """
    names, by = column_names(), name_columns(raw.header)
    has = {name: next((by[one] for one in names[name] if one in by), None) for name in _PARTS}
    made: dict[str, pd.Series] = {}
    others = [
        name for name in raw.header if name and not {key(name), bare_key(name)} & known_names()
    ]
    if has["event_date"] is None and not has["year"]:
        told = [
            name for name in others if _holds(raw.rows[name], _is_date) and not _NOT_OF.search(name)
        ]
        if len(told) == 1:
            made["event_date"] = raw.rows[told[0]]
    if has["latitude"] is None and has["coordinates"] is None:
        has["coordinates"] = next((n for n in others if _holds(raw.rows[n], _is_pair)), None)
    if has["year"] and has["month"] and has["event_date"]:
        days = raw.rows[has["event_date"]].str.strip()
        if (days.map(_DAY.fullmatch).notna()).all():  # "Tag" beside "Monat" and "Jahr"
            has |= {"day": has["event_date"], "event_date": None}
    if has["event_date"] and has["year"] and _holds(raw.rows[has["event_date"]], _is_week):
        week = raw.rows[has["event_date"]].str.strip().str.zfill(2)
        made["event_date"] = raw.rows[has["year"]].str.strip() + "-W" + week
    if has["event_date"] is None and not has["year"] and has["month"]:
        made["event_date"] = raw.rows[has["month"]]
    if has["event_date"] is None and has["year"] and has["month"]:
        made["event_date"] = _join_dates(raw.rows, has["year"], has["month"], has["day"])
    made |= _split_pairs(raw.rows, has, [by[name] for name in names["coordinates"] if name in by])
    if (name := _find_kind(raw, by)) is not None:
        made["event_type"] = raw.rows[name]
    if not made:
        return raw
    header = tuple(dict.fromkeys((*raw.header, *made)))
    return replace(raw, header=header, rows=raw.rows.assign(**made))


#: What in the name of a column says that it holds squares of a map rather than degrees.
_GRID = re.compile("grid|mgrs|utm|map_ref|plus_code|what3words")


def _pairs_in(name: str, texts: pd.Series) -> pd.Series:
    """Return latitudes and longitudes that a column tells; "12 34" of a grid is no degree."""
    if _GRID.search(key(name)):
        texts = texts.mask(texts.str.fullmatch(SQUARE), "")
    return texts.map(split_pair)


def _split_pairs(
    rows: pd.DataFrame, has: Mapping[str, str | None], named: Sequence[str]
) -> dict[str, pd.Series]:
    """Return latitudes and longitudes with what cells hold that tell both.

    A desk that begins to write grid references leaves its two columns blank; a pasted pair stands
    in the first of them.
    """
    latitude, longitude, both = has["latitude"], has["longitude"], has["coordinates"]
    if latitude is None and longitude is None and both:
        pairs = _pairs_in(both, rows[both].fillna(""))
        made = {
            axis: pairs.str[i].astype("str") for i, axis in enumerate(("latitude", "longitude"))
        }
        return made | ({} if named else {"coordinates": rows[both]})
    if not latitude or not longitude:
        return {}
    axes = rows[[latitude, longitude]].fillna("").astype("str")
    for name in (*named, latitude):
        blank = axes.apply(lambda axis: axis.str.strip() == "")
        open_ = blank[longitude] & (blank[latitude] | (name == latitude))
        texts = rows.loc[open_, name].fillna("")
        pairs = _pairs_in(name, texts[texts != ""])
        pairs = pairs[pairs.str[0] != ""]
        axes.loc[pairs.index] = np.array(pairs.tolist(), dtype=object).reshape(-1, 2)
    changed = (axes != rows[[latitude, longitude]].fillna("")).any()
    return {name: axes[name] for name in axes if changed[name]}


def _find_kind(raw: RawTable, by: Mapping[str, str]) -> str | None:
    """Return a column such as "Incident" that says what happened, where no other does."""
    if any(name in by for name in column_names()["event_type"]):
        return None
    names = [by[name] for name in read_words("what") if name in by]
    return next((n for n in names if _holds(raw.rows[n], _is_kind, mostly=_PARTLY)), None)


def _is_kind(text: str) -> bool:
    return find_event_type(text) is not None


def find_parts(header: Sequence[str], name: str) -> dict[str, str]:
    """Return the columns that count some of the victims, and which people each is of.

    Parameters
    ----------
    header
        The columns' names.
    name
        ``"killed"``, ``"wounded"`` or ``"abducted"``.

    Examples
    --------
    >>> find_parts(["KIA", "Civ KIA", "Killed (EXP)", "Insurgents killed"], "killed")
    {'Civ KIA': 'civilians', 'Killed (EXP)': 'foreign'}
    """
    words, fates = read_words("victim_part"), column_names()[name]
    found = {}
    for column in header:
        said = [part for part in SPLIT.split(key(column)) if part]
        for length in (1, 2):
            for part, rest in ((said[:length], said[length:]), (said[-length:], said[:-length])):
                if "_".join(part) in words and "_".join(rest) in fates:
                    found[column] = words["_".join(part)]
    return found


def find_harm_columns(header: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the columns that count victims of several kinds together, and which they name.

    Examples
    --------
    >>> find_harm_columns(["Killed/Injured", "Casualties", "Killed", "Victim age"])
    {'Killed/Injured': ('killed', 'wounded'), 'Casualties': ()}
    """
    kinds = {word: name for name in TOLLS for word in column_names()[name]} | {**read_words("harm")}
    plain, found = read_words("filler").keys() | read_words("victim_part").keys(), {}
    for column in header:
        name = key(column)
        if name in known_names() - {*column_names()["victims"]} or tells_of_others(name):
            continue
        said = [word for word in SPLIT.split(name) if word]
        named = tuple(dict.fromkeys(kinds[word] for word in said if word in kinds))
        rest = [word for word in said if word not in kinds and word not in plain]
        letters = [word for word in said if len(word) == 1 and word.isascii()]
        if letters and letters[0] != "k":  # W/A may be weapons and ammunition
            continue
        fates = tuple(kind for kind in named if kind != "harm")
        is_whose = all(PEOPLE.fullmatch(one) or one in listed("sector") for one in rest)
        if len(named) + ("harm" in named) > 1 and is_whose:
            found[column] = fates
    return found


def find_nation_columns(rows: pd.DataFrame) -> dict[str, str]:
    """Return the columns that count the victims of one nation, and which it is.

    Such are "Chinese killed" and "CHN KIA", and "Chinese" or "CHN" where it holds numbers alone.
    "Niger" beside "Mali" ticks where something happened.

    Parameters
    ----------
    rows
        The rows as their file writes them.

    Examples
    --------
    >>> rows = {"Chinese killed": ["2"], "Chinese text": ["3"], "CHN": ["1"]}
    >>> find_nation_columns(pd.DataFrame(rows))
    {'Chinese killed': 'CHN', 'CHN': 'CHN'}
    """
    names = (column_names()[name] for name in TOLLS)
    fates = {word for one in chain.from_iterable(names) for word in SPLIT.split(one)}
    found = {}
    for column in rows.columns:
        if key(column) in known_names() or tells_of_others(key(column)) or BY.search(key(column)):
            continue
        words = [word for word in SPLIT.split(column.replace("_", " ")) if word]
        nations = {word: _nation_of(word) for word in words}
        codes = {code for code in nations.values() if code}
        rest = {word.casefold() for word in words if nations[word] is None}
        named = [word for word in words if word.casefold() not in read_words("asked")]
        rest &= {word.casefold() for word in named}
        hit = {word for word in rest if word in fates or HIT.search(word)}
        place = len(named) == 1 and not named[0].isupper() and find_country(named[0])
        if len(codes) == 1 and not place and all(PEOPLE.fullmatch(one) for one in rest - hit):
            texts = read_ticks(rows[column].fillna("").str.strip())
            texts = texts[texts != ""]
            is_asked = bool(ASKED.search(key(column)))
            if is_asked or hit or not parse_counts(texts).strange.any():
                found[column] = codes.pop()
    return found


def join_texts(first: pd.Series, *others: pd.Series) -> pd.Series:
    """Return the texts of several columns in one, those of a row joined by ``; ``, equal ones once.

    Examples
    --------
    >>> one, two = (pd.Series(texts, dtype="str") for texts in (["a", None, "c"], ["b", "b", "c"]))
    >>> join_texts(one, two).tolist()
    ['a; b', 'b', 'c']
    """
    for other in others:
        both = first.notna() & other.notna() & (first != other)
        first = first.mask(both, first + "; " + other).fillna(other)
    return first


def read_ticks(texts: pd.Series) -> pd.Series:
    """Return the cells of a column that counts people, a tick as "yes" and "N" as "no".

    Examples
    --------
    >>> read_ticks(pd.Series(["x", "2", "\N{CHECK MARK}", "", "N"])).tolist()
    ['yes', '2', 'yes', '', 'no']
    """
    plain = texts.str.strip().str.casefold()
    ticked = texts.mask(plain.isin(read_words("tick").keys()), "yes")
    return ticked.mask(plain == "n", "no")


def _nation_of(word: str) -> str | None:
    """Return the nation that a word of a column's name tells, None for no or several."""
    is_code = len(word) <= SHORTEST and word.isascii()  # "no" is no Norway
    if word.isdigit() or (is_code and not (word.isupper() and len(word) == SHORTEST)):
        return None
    codes = find_nationalities(word)[0]
    return codes[0] if len(codes) == 1 else None


def _join_dates(rows: pd.DataFrame, year: str, month: str, day: str | None) -> pd.Series:
    """Return dates from a column of years, one of months in numbers or words, and one of days."""
    parts = [
        rows[name].str.strip().str.replace(r"\.0$", "", regex=True)
        for name in (year, month, day)
        if name is not None
    ]
    parts = [part.where(~part.isin(_NO_PART), "") for part in parts]
    years, months, days = (*parts, pd.Series("", rows.index, "str"))[:3]
    in_words = ~months.str.isdecimal() & (months != "")
    iso = years.where(months == "", years + "-" + months)
    iso = iso.where((months == "") | (days == ""), iso + "-" + days).where(years != "", "")
    return iso.mask(in_words, (days + " " + months + " " + years).str.strip())


def _holds(column: pd.Series, reads: Callable[[str], bool], mostly: float = _MOSTLY) -> bool:
    """Return whether the texts of a column, its first ones, are mostly of one kind."""
    texts = column.head(_SAMPLE).fillna("").str.strip()
    filled = texts[texts != ""]
    return len(filled) * 2 > len(texts) and filled.map(reads).mean() >= mostly


def _is_date(text: str) -> bool:
    day = read_day(text)
    return not text.isdecimal() and (day.reason is None or day.reason == "ambiguous_date")


def _is_week(text: str) -> bool:
    return text.isdecimal() and 0 < int(text) <= _WEEKS


def _is_pair(text: str) -> bool:
    latitude, longitude = (to_number(part) for part in split_pair(text))
    is_exact = any(mark in text for mark in ".°") or MGRS.fullmatch(text) is not None
    return is_exact and abs(latitude) <= LIMITS[0] and abs(longitude) <= LIMITS[1]


#: Rows among which the columns' names are looked for when they don't stand in the first.
TITLE_ROWS = 20
#: Names that each of the two rows of a header holds at least.
_NAMES = 2


@dataclass(frozen=True)
class Header:
    """Where the names of the columns stand.

    Parameters
    ----------
    names
        The columns' names.
    stop
        The position of the first row below them.
    """

    names: tuple[str, ...]
    stop: int


def find_header(
    rows: Sequence[Sequence[str]],
    fits: Callable[[tuple[str, ...]], bool],
    known: Container[str],
) -> Header | None:
    """Return where the names of the columns stand in a table's first rows; None where nowhere.

    Parameters
    ----------
    rows
        The first rows as text, ``""`` where blank.
    fits
        Whether names are those of a table of incidents.
    known
        All names of columns that are understood, as they are compared.

    Examples
    --------
    >>> rows = [["Log", "", ""], ["Date", "Location", ""], ["", "Province", "District"], ["1"]]
    >>> known = {"date", "location", "province", "district"}
    >>> find_header(rows, lambda names: "Date" in names, known)
    Header(names=('Date', 'Province', 'District'), stop=3)
    """
    for i, (row, below) in enumerate(pairwise([*rows[:TITLE_ROWS], []])):
        is_wide = sum(bool(text.strip()) for text in row) >= _NAMES
        third = rows[i + 2] if i + 2 < len(rows) else []
        if is_wide and _are_plain(below) and is_second_row(third, known):
            joined = tuple(join_rows(tuple(join_rows(row, below, known)), third, known))
            if fits(joined):
                return Header(joined, i + 3)
        if is_wide and is_second_row(below, known):
            joined = tuple(join_rows(row, below, known))
            if fits(joined):
                return Header(joined, i + 2)
        if fits(tuple(row)):
            return Header(tuple(row), i + 1)
    return None


def is_second_row(row: Sequence[str], known: Container[str]) -> bool:
    """Return whether a row may be the second of a header: names, most of them known, no number.

    Examples
    --------
    >>> is_second_row(["", "Killed", "Injured"], {"killed", "injured"})
    True
    >>> is_second_row(["2 May", "Killed", "Injured"], {"killed", "injured"})
    False
    """
    filled = [text for text in row if text.strip()]
    marks = len({*filled}) == 1 and len(filled[0]) == 1  # a row of crosses
    names = 0 if marks else sum(_is_known(text, known) for text in filled)
    plain = not any(sign.isdigit() for text in filled for sign in text)
    return plain and names >= _NAMES and 2 * names >= len(filled)


def _are_plain(row: Sequence[str]) -> bool:
    """Return whether a row holds words and no number, as one between two of a header does."""
    return any(text.strip() for text in row) and not any(sign.isdigit() for sign in "".join(row))


def _is_known(text: str, known: Container[str]) -> bool:
    return key(text) in known or bare_key(text) in known


def join_rows(above: Sequence[str], below: Sequence[str], known: Container[str]) -> Iterator[str]:
    """Yield the names of two rows of a header; a cell above holds for blank ones to its right.

    What a cell above says of those who were hit is kept: "Foreigners" over "Killed".

    Examples
    --------
    >>> known = {"killed", "foreigners_killed"}
    >>> list(join_rows(["Foreigners", "Toll", "Locals"], ["Killed", "Killed", "Killed"], known))
    ['Foreigners Killed', 'Killed', 'Locals Killed']
    """
    width = max(len(above), len(below))
    upper, lower = ([*row, *[""] * (width - len(row))] for row in (above, below))
    held = ""
    for over, under in zip(upper, lower, strict=True):
        held = over.strip() or (held if under.strip() else "")
        both = f"{held} {under}".strip()
        if not under.strip() or not held or (_is_known(both, known) and not _is_heading(held)):
            yield both
        else:
            yield under if _is_heading(held) else both


def _is_heading(text: str) -> bool:
    """Return whether a name says no more than of what kind the columns below it are."""
    words = read_words("heading")
    return key(text) in words or fold(text) in words


def is_sum(text: str) -> bool:
    """Return whether a cell says that its row sums up others.

    Examples
    --------
    >>> is_sum("TOTAL:"), is_sum("Itogo"), is_sum("Total war")
    (True, False, False)
    """
    return key(text.strip(" .=")) in read_words("sum")
