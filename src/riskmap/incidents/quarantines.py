"""The quarantine: why a row can't be used, as a code and in words; what is lost or not understood.

Of several reasons the first stands. Columns that no feed reads, and rows that are broken, still
tell who was hit.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.countries import find_country, find_nationality
from riskmap.incidents.values import number_rows, per_unique
from riskmap.incidents.words import (
    SPLIT,
    is_blank,
    key,
    listed,
    normalise,
    read_words,
    says_yes,
)
from riskmap.ledgers import DECIDED, NO_LOSS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from numpy.typing import NDArray

    from riskmap.incidents.delimited import RawTable

#: Every reason that a reader gives, and what it means.
REASONS = {
    "ragged_row": "the row has more or fewer fields than the header",
    "hashtag_row": "the row holds HXL hashtags and belongs to the header",
    "no_date": "no date is given",
    "bad_date": "the date can't be read, does not exist, or lies outside 1946 to 2100",
    "ambiguous_date": "day and month could be swapped, and no format is declared",
    "other_calendar": "the year belongs to another calendar than the declared one",
    "future_date": "the date lies after the day on which the row became known",
    "bad_coordinates": "a coordinate is no number, out of range, or stands alone",
    "swapped_coordinates": "latitude and longitude are in each other's place",
    "null_island": "both coordinates are 0, which stands for unknown",
    "bad_code": "a decision is none of those that an analyst can take",
    "duplicate_id": "an earlier row has the same id",
    "no_incident": "the row reports talk or agreement, and no incident",
    "withdrawn": "the feed has taken the row back",
    "aggregate": "the row sums up other rows",
    "bad_count": "the number of incidents is no whole number, or 0 where the row tells of one",
    "not_reviewed": "nobody has accepted what was read out of an article",
    "rejected": "an analyst has rejected what was read out of an article",
    "duplicate": "another row tells of the same incident",
    "recounted": "the article tells it again, as background",
    "follow_up": "the article tells more of an incident that was told before",
    "arrest": "the article tells of people taken into custody",
    "alleged": "a charge that nobody has shown",
    "summary": "a sum over many events",
    "bad_answer": "an extractor's answer breaks the schema",
    "invented_quote": "an extractor quoted words that the article does not hold",
    "not_proven": "the words that an extractor quoted do not say so",
    "unread_language": "no reader that is present reads the language of the article",
}


class Quarantine:
    """Reasons and details of the rows that can't be used, gathered check by check.

    ``reason`` and ``detail`` are arrays of text, None where a row can be used.

    Parameters
    ----------
    size
        Number of rows.

    Examples
    --------
    >>> quarantine = Quarantine(2)
    >>> quarantine.add(np.array([False, True]), "bad_date", column="date", met=["2024", "soon"],
    ...                expected="a date")
    >>> quarantine.detail.tolist()
    [None, "date: met 'soon', expected a date"]
    """

    def __init__(self, size: int) -> None:
        self.reason: NDArray[Any] = np.full(size, None, object)
        self.detail: NDArray[Any] = self.reason.copy()

    def add(
        self, where: NDArray[np.bool_], reason: str, *, column: str, met: Any, expected: str
    ) -> None:
        """Set rows aside that no earlier check has set aside.

        Parameters
        ----------
        where
            The rows, as a mask.
        reason
            One of :data:`REASONS`.
        column
            The column's name as the file writes it.
        met
            What stands there, one value a row.
        expected
            What should stand there.
        """
        if not where.any():
            return
        values = np.asarray(met, dtype=object)
        self.add_details(where, reason, lambda row: describe(column, values[row], expected))

    def add_details(
        self, where: NDArray[np.bool_], reason: str | NDArray[Any], detail: Callable[[int], str]
    ) -> None:
        """Set rows aside, for one reason or each for its own, with a detail made for each."""
        for row in np.flatnonzero(where & pd.isna(self.reason)):
            self.reason[row] = reason if isinstance(reason, str) else reason[row]
            self.detail[row] = detail(int(row))


def describe(column: str, met: object, expected: str) -> str:
    """Return a detail: the column, what was met (cut short) and what was expected.

    Examples
    --------
    >>> describe("latitude", "346.912.643", "a number from -90 to 90")
    "latitude: met '346.912.643', expected a number from -90 to 90"
    """
    text = str(met)
    shown = text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line's worth
    return f"{column}: met {shown!r}, expected {expected}"


def quarantine_broken(raw: RawTable, quarantine: Quarantine) -> None:
    """Set aside rows that don't fit the header, and a first row of HXL hashtags."""
    quarantine.add_details(
        np.isin(np.arange(len(raw)), list(raw.broken)),
        "ragged_row",
        lambda row: f"row: met {len(raw.broken[row])} fields, expected {len(raw.header)}",
    )
    filled = [text for text in raw.rows.iloc[0] if text]
    if len(filled) > 1 and all(text.startswith("#") for text in filled):
        where = np.arange(len(raw)) == 0
        quarantine.add_details(where, "hashtag_row", lambda _: f"row: {REASONS['hashtag_row']}")


def quarantine_set_aside(frame: pd.DataFrame, quarantine: Quarantine) -> None:
    """Set aside the rows that the feed itself says are none, with its words where it has any."""
    if "set_aside" not in frame:
        return
    reasons = frame["set_aside"].to_numpy(object)
    words = frame.get("set_aside_detail", pd.Series("", index=frame.index)).fillna("")
    undated = np.isin(quarantine.reason.astype("str"), ("no_date", "bad_date"))
    quarantine.reason[undated & pd.notna(reasons)] = None  # a sum has no date to be bad
    quarantine.add_details(
        pd.notna(reasons),
        reasons,
        lambda row: words[row] if ": " in words[row] else _tell_reason(reasons[row], words[row]),
    )


def _tell_reason(reason: str, words: str) -> str:
    """Return what a feed's reason means, with its words."""
    return f"row: {REASONS[reason]}" + (f": {words}" if words else "")


class Remarks:
    """Columns and values as written, gathered check by check; most rows have none.

    Parameters
    ----------
    joint
        What stands between a column and its value.

    Examples
    --------
    >>> remarks = Remarks("=")
    >>> remarks.add("sector", np.array([False, True]), ["mining", " blasting "])
    >>> remarks.follow(pd.Series([None, None], dtype="str")).tolist()
    [nan, 'sector=blasting']
    """

    def __init__(self, joint: str) -> None:
        self._joint = joint
        self._told: dict[int, list[str]] = {}

    def add(self, column: str, where: NDArray[np.bool_], values: Any) -> None:
        """Note a column's values of some rows, given as a mask.

        Parameters
        ----------
        column
            The column of the schema.
        where
            The rows.
        values
            What stands in each row.
        """
        if not where.any():
            return
        written = np.asarray(values, dtype=object)
        for row in np.flatnonzero(where):
            self.note(int(row), column, str(written[row]))

    def note(self, row: int, column: str, value: str) -> None:
        """Note one value of one row."""
        self._told.setdefault(row, []).append(f"{column}{self._joint}{value.strip()}")

    def forget(self, rows: Iterable[int]) -> None:
        """Take back what was noted of rows that can't be split into fields."""
        for row in rows:
            self._told.pop(int(row), None)

    def follow(self, written: pd.Series) -> pd.Series:
        """Return the remarks of each row behind those that a file brings, joined by ``; ``."""
        if not self._told:
            return written
        told = written.astype(object).to_numpy(copy=True)
        for row, found in self._told.items():
            before = [] if pd.isna(told[row]) else told[row].split("; ")
            told[row] = "; ".join(dict.fromkeys([*before, *found]))
        return pd.Series(told, index=written.index, dtype="str")


#: What in the name of a column says that it may tell who was hit, and what says that it does not.
_TELLS_WHO = re.compile(
    r"national[ií]|citizen|nacionalid|staatsang|foreign|expat|étranger|etranger|extranjer|estrangeir"
    r"|国籍|外国|外籍|外方|中方|华人|гражданств|национальн|иностран|جنسي|أجنب|تابعیت"
    r"|(?:victim|casualt|staff|worker|kill|dead|injur|wound|hit).*(?:nation|nat\b|countr|origin)"
    r"|(?:nation|nat\b|countr|origin).*(?:victim|casualt|staff|worker|kill|dead|injur|wound|hit)"
)
_TELLS_OTHERS = re.compile(
    r"perpetrat|attacker|suspect|offender|assailant|culprit|actor|source|reporter|affairs|ministr"
    r"|polic[yi]|currenc|exchange|\bnat'l_"
    r"|(?<!inter)(?<!of_)\bnationals?_(?:staff|killed|wounded|injured)"
)


#: What stands in notes before a cell of a column of employers.
EMPLOYER = "Employer: "


def tells_who(name: str) -> bool:
    """Return whether the name of a column, says that it tells who was hit.

    Examples
    --------
    >>> tells_who("victim_nation"), tells_who("国籍2"), tells_who("attacker_nationality")
    (True, True, False)
    """
    return bool(_TELLS_WHO.search(name)) and not _TELLS_OTHERS.search(name)


def tells_of_others(name: str) -> bool:
    """Return whether a column's name says that it tells of others than those who were hit.

    Examples
    --------
    >>> tells_of_others("perpetrator"), tells_of_others("subject")
    (True, False)
    """
    return bool(_TELLS_OTHERS.search(name))


#: What in the name of a column says that it tells of those who were hit.
HIT = re.compile(
    r"affect|victim|casualt|kill|dead|death|injur|wound|abduct|kidnap|hurt|(?<!p)harm|死|伤|遇害|绑架"
)
#: Who did it is not who was hit, nor who was there, was warned or came to no harm.
BY = re.compile(
    r"(?:^|_)(?:by|from|suspects?|attackers?|before|after|arrested|present|area|nearby|warned|informed"
    r"|evacuated|escaped|safe|un(?:harmed|hurt|injured|scathed)|non_(?:foreign|expat|int)\w*"
    r"|national_or)(?:_|$)"
)
#: What else stands in the name of a column that counts people.
PEOPLE = re.compile(
    r"(?:national|nationalitie|citizen|worker|employee|engineer|person|miner|expat|foreigner|contractor)s?"
    r"|nationality|human|staff|personnel|people|number|no|nr|of|total|and|or"
)
#: Codes and the like have so many letters; shorter words say nothing.
SHORTEST = 3
#: What in the name of a column asks whether people were among those who were hit.
ASKED = re.compile(rf"{HIT.pattern}|involv|targeted|impliqu|implicad|envolvid|beteiligt|涉")
#: Words for foreigners that are two.
_JOINED = re.compile("non_nationals?|non_locals?|ex_pats?|third_country_nationals?")


def find_foreign_columns(header: Iterable[str], known: Container[str]) -> list[str]:
    """Return the columns that count foreign victims, or say whether there were any.

    Their names hold a word for foreigners, and beside it none but those by which a column asks
    ("involved", "targeted", "Y/N") and those for people. One that is only "international" asks.

    Parameters
    ----------
    header
        The columns' names.
    known
        Names that are understood in another way, as they are compared.

    Examples
    --------
    >>> find_foreign_columns(["Foreigner (Y/N)", "Expat involved?", "Foreign troops"], ())
    ['Foreigner (Y/N)', 'Expat involved?']
    """
    plain, some = listed("asked"), {normalise(word) for word in read_words("adjective")}
    found = []
    for column in header:
        name = _JOINED.sub("foreigner", key(column))
        if key(column) in known or tells_of_others(name) or BY.search(name):
            continue
        words = [normalise(word) for word in SPLIT.split(name) if word]
        people = [word for word in words if word in listed("foreign") and len(word) >= SHORTEST]
        rest = [word for word in words if word not in people and word not in plain]
        is_asked = len(rest) + len(people) < len(words) or bool(ASKED.search(name))
        others = [one for one in rest if not (PEOPLE.fullmatch(one) or ASKED.search(one))]
        if people and not others and (is_asked or not some.issuperset(people)):
            found.append(column)
    return found


def _tells(text: str) -> bool:
    """Return whether a cell of such a column says more than that nobody was hit, or nothing."""
    return says_yes(text) or (not is_blank(text) and bool(text.strip("0. ")))


def note_unused(
    notes: Remarks,
    clean: Callable[[str], pd.Series],
    frame: pd.DataFrame,
    unused: Mapping[str, str],
) -> None:
    """Note what columns hold that seem to tell who was hit, and that the feed does not use.

    It may be a nationality, so that it stands among those that are not understood.

    Parameters
    ----------
    notes
        The notes of the rows.
    clean
        Gives the texts of a column.
    frame
        Their columns so far; where foreign victims are counted, nothing is left open.
    unused
        The columns that it does not use, by the names that they are compared by.
    """
    victims = frame.get("foreign_victims", pd.Series(pd.NA, frame.index, "Int64"))
    known = (victims.fillna(0) > 0).to_numpy(bool)
    for plain, name in unused.items():
        if tells_who(plain):
            texts = clean(plain)
            told = per_unique(texts.fillna(""), _tells, "bool").to_numpy(bool)
            notes.add("nationality", told & ~known, f"{name}: " + texts)


def tell_broken(frame: pd.DataFrame, broken: Mapping[int, tuple[str, ...]]) -> pd.DataFrame:
    """Return rows of which those with too few or too many fields tell what they hold in words.

    Which field is which is not known, but a row that names Chinese people still does. They are of
    the country of all other rows, where that is one.

    Parameters
    ----------
    frame
        The rows, those with too few or too many fields emptied.
    broken
        Their fields, by position.
    """
    if not broken:
        return frame
    homes = frame["country"].dropna().unique()
    home = homes[0] if len(homes) == 1 else None
    columns: dict[str, dict[int, str | None]] = {"country": {}, "notes": {}, "nationality": {}}
    for row, fields in broken.items():
        filled = list(islice(filter(None, map(str.strip, fields)), _MOST_FIELDS))
        columns["notes"][row] = "; ".join(filled)[:_LONGEST_NOTE]
        named = (find_nationality(text) for text in filled if find_country(text) is None)
        columns["nationality"][row] = ";".join(sorted({code for code in named if code} - {home}))
        columns["country"][row] = home
    told = {}
    for name, values in columns.items():
        texts = frame.get(name, pd.Series(None, frame.index, object)).astype(object)
        texts[list(values)] = [value or None for value in values.values()]
        told[name] = texts.astype("str")
    return frame.assign(**told)


_LONGEST_NOTE, _MOST_FIELDS = 1000, 4096


def make_incident_ids(frame: pd.DataFrame, quarantine: Quarantine) -> pd.Series:
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


#: What two rows of one id have in common when they are copies.
LIKE = ("event_date", "admin1", "admin2", "region_id", "place", "killed")


def are_lost(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows were quarantined and may tell of an incident that no other row tells of.

    Parameters
    ----------
    incidents
        Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> rows = pd.DataFrame({"date": ["2031-05-01", "soon"], "place": ["Kelda", "Kelda"]})
    >>> are_lost(rm.read_incidents(rows)).tolist()
    [False, True]
    """
    reason = incidents["quarantine_reason"]
    told = reason.notna() & ~reason.isin(NO_LOSS)
    return np.asarray(told.to_numpy() & ~_are_copies(incidents))


def _are_copies(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows whose id stands twice tell the same as the row that has it first."""
    again = np.flatnonzero(incidents["quarantine_reason"] == "duplicate_id")
    copies = np.zeros(len(incidents), dtype=bool)
    if not len(again):
        return copies
    ids = incidents["source"] + ":" + incidents["source_id"]
    number, _ = number_rows([ids, *(incidents[name] for name in LIKE)])
    kept = np.delete(number, again)
    copies[again] = np.isin(number[again], kept)
    return copies


def count_lost(incidents: pd.DataFrame) -> tuple[int, int]:
    """Return how many rows are lost, and of how many that tell of an incident.

    Copies, totals, and what readers of articles have decided are neither.

    Parameters
    ----------
    incidents
        Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> rows = pd.DataFrame({"date": ["2031-05-01", "soon", "TOTAL"], "place": ["Kelda"] * 3})
    >>> count_lost(rm.read_incidents(rows))
    (1, 2)
    """
    reason = incidents["quarantine_reason"]
    lost = are_lost(incidents) & ~reason.isin(DECIDED).to_numpy()
    return int(lost.sum()), int(lost.sum() + reason.isna().sum())
