"""Words in coded columns: which code a text stands for, by one open list; or that it is in no list.

The list is ``data/incident_words.csv``; armed groups have one name for the many ways to write each
in ``data/armed_groups.csv``. Case, accents, punctuation and plurals make no difference. A text that
is in no list is never taken for something harmless: it is told, as it was written.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import lru_cache
from itertools import count, pairwise
from typing import TYPE_CHECKING

from riskmap.countries import fold, strip_marks
from riskmap.schema import EVENT_TYPES, SECTORS
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd

#: The types that a word within a longer text can tell: "rocket attack on a camp" is an explosion.
ATTACKS = ("explosion", "abduction", "armed_attack", "assault", "battle")
#: The most words that a listed phrase within a longer text has.
LONGEST = 4
#: What separates the parts of a text that names several things.
PARTS = re.compile(r"[/;,|&+\n]|\s[-–—]\s|\b(?:and|or|with|et|y|e)\b", re.IGNORECASE)
WORD = re.compile(r"\w")
#: What is no name of a column, and names that are riskmap's own and nobody's question.
_OWN = ("", "scope", "source", "toll", "not_understood")
#: A question of a form's group, as forms export it.
_GROUPED = re.compile(r"[a-z0-9_]+(?:/[a-z0-9_]+)+")
#: Marks around a question.
_ASKED = "?:*\u00bf\u061f\uff1f\uff1a "
#: What separates the words of a column's name.
SPLIT = re.compile(r"[\W_]+")
#: A remark on one value, and what separates it from the next.
_REMARK = re.compile(r"(?:^|; )([a-z_]+)=")
HAN = re.compile(r"[\u4e00-\u9fff]")
#: A letter that is not Latin: folding would drop it.
OTHER_LETTER = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")


def key(name: str) -> str:
    """Return a column's name as it is compared: lower case, ``_`` for space, no mark behind it.

    Examples
    --------
    >>> key(" Incident ID "), key("Were foreigners involved?")
    ('incident_id', 'were_foreigners_involved')
    """
    plain = name.strip().strip(_ASKED).casefold().replace("\u2019", "'")
    return "_".join(plain.replace("_", " ").replace("-", " ").split())


def bare_key(name: str) -> str:
    """Return a column's name as :func:`key` does, without words that say nothing of what it holds.

    Of a form's groups the last counts, and of a name that ends in a coordinate that one.

    Examples
    --------
    >>> bare_key("How many people were killed?"), bare_key("Date of incident")
    ('killed', 'date')
    >>> bare_key("site/_gps_latitude"), bare_key("Foreigners killed")
    ('latitude', 'foreigners_killed')
    """
    plain = name.rpartition("/")[2] if _GROUPED.fullmatch(name) else name
    words = [word for word in SPLIT.split(key(plain)) if word]
    if words and words[-1] in ("latitude", "longitude"):
        return words[-1]
    said = read_words("filler")
    return "_".join(word for word in words if word not in said)


def name_columns(header: Iterable[str]) -> dict[str, str]:
    """Return the columns of a header by the names that they are compared by, the first of equals.

    Examples
    --------
    >>> name_columns(["Date", "Number of killed", "killed"])
    {'date': 'Date', 'number_of_killed': 'Number of killed', 'killed': 'killed'}
    >>> name_columns(["A. Where/District", "A. Where/Town"])["district"]
    'A. Where/District'
    """
    names = [name for name in header if name]
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(key(name), name)
    for name in names:
        if (bare := bare_key(name)) not in _OWN:
            found.setdefault(bare, name)
    for name, question in _without_groups(names):
        for short in (key(question), bare_key(question)):
            if short not in _OWN:
                found.setdefault(short, name)
    return found


def _without_groups(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield names of several columns of one group, each with what stands behind the group.

    Forms name a column by the labels of its group and its question. One answer of several, named by
    those of the question and the answer, is no question.
    """
    groups = Counter(name.partition("/")[0] for name in names)
    for name in names:
        above, slash, question = name.rpartition("/")
        if slash and groups[name.partition("/")[0]] > 1 and above not in names:
            yield name, question


def unique_names(fields: Iterable[str], *, quoted: bool = False) -> tuple[str, ...]:
    """Return the header's names, trimmed; a name that repeats gets ``.1``, ``.2`` ...

    Quotes around a name go where the file quotes nothing else (`quoted`).

    Examples
    --------
    >>> unique_names([" id ", "Killed", "Killed", ""])
    ('id', 'Killed', 'Killed.1', '')
    """
    names: dict[str, None] = {}
    next_of: dict[str, Iterator[int]] = {}
    for field in fields:
        if quoted and len(field) > 1 and field[0] == field[-1] == '"':
            field = field[1:-1]  # noqa: PLW2901 - its own name
        name = plain = field.strip().lstrip("\ufeff")
        while name in names:
            name = f"{plain}.{next(next_of.setdefault(plain, count(1)))}"
        names[name] = None
    return tuple(names)


def normalise(text: str) -> str:
    """Return a text as it is compared: no case, accents, punctuation or plurals.

    Examples
    --------
    >>> normalise(" Armed_Attacks"), normalise("Mining companies")
    ('armed attack', 'mining company')
    """
    plain = "" if OTHER_LETTER.search(text) else fold(text)
    told = " ".join(_singular(word) for word in plain.split())
    return told or strip_marks(text.strip().casefold())


def _singular(word: str) -> str:
    if len(word) <= 3 or word.endswith(("ss", "us", "is")):  # noqa: PLR2004 - as in "gas"
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word.removesuffix("s")


@lru_cache
def listed(kind: str) -> Mapping[str, str]:
    """Return the words of one kind and what each stands for.

    Examples
    --------
    >>> listed("sector")["quarry"], listed("event_type")["ied"]
    ('mining', 'explosion')
    """
    own = {"event_type": EVENT_TYPES, "sector": SECTORS}.get(kind, ())
    words = {**{code: code for code in own}, **read_words(kind)}
    return {normalise(word): value for word, value in words.items()}


@lru_cache
def read_list(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a list that ships with riskmap, by its columns.

    Examples
    --------
    >>> read_list("armed_groups.csv")[0]["name"]
    'Islamic State Khorasan Province'
    """
    with data_path(name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def any_of(phrases: Iterable[str]) -> str:
    """Return a pattern of any of some phrases, the longest first.

    Examples
    --------
    >>> any_of(["mine", "miners"])
    'miners|mine'
    """
    return "|".join(re.escape(word) for word in sorted(phrases, key=lambda w: (-len(w), w)))


@lru_cache
def read_word_list(name: str) -> Mapping[str, Mapping[str, str]]:
    """Return a list of words: for each kind its words, as written, and what each stands for.

    Examples
    --------
    >>> read_word_list("victim_words.csv")["sector"]["quarry"]
    'mining'
    """
    found: dict[str, dict[str, str]] = {}
    for row in read_list(name):
        for word in row["words"].split(";"):
            found.setdefault(row["kind"], {})[word] = row["value"]
    return found


def read_words(kind: str) -> Mapping[str, str]:
    """Return the words of one kind in ``data/incident_words.csv``, and what each stands for.

    Examples
    --------
    >>> read_words("amount")["dozens"]
    '24+'
    """
    return read_word_list("incident_words.csv").get(kind, {})


def find_event_type(text: str) -> str | None:
    """Return the event type that a text stands for; None when it is in no list.

    Of a text that names several things the attack counts.

    Examples
    --------
    >>> [find_event_type(t) for t in ("Armed Attack", "VBIED / complex attack", "March", "blorp")]
    ['armed_attack', 'explosion', 'unrest', None]
    """
    words = listed("event_type")
    if found := words.get(normalise(text)):
        return found
    told = [words.get(normalise(part)) for part in PARTS.split(text) if part.strip()]
    within = {words[phrase] for phrase in phrases_in(text) if phrase in words}
    if HAN.search(text):  # words that nothing separates
        within |= {kind for word, kind in words.items() if HAN.match(word) and word in text}
    attacks = [kind for kind in ATTACKS if kind in within]
    if attacks or not told or None in told:
        return attacks[0] if attacks else None
    return min((kind for kind in told if kind), key=EVENT_TYPES.index)


def may_have_hurt(text: str) -> bool:
    """Return whether a text is of what may have hurt somebody or not, such as a detention.

    Examples
    --------
    >>> [may_have_hurt(text) for text in ("Staff detained", "blockade", "peaceful protest")]
    [True, True, False]
    """
    words = listed("unsure_harm")
    if normalise(text) in words or any(phrase in words for phrase in phrases_in(text)):
        return True
    return bool(HAN.search(text)) and any(HAN.match(word) and word in text for word in words)


def find_sectors(text: str) -> list[str]:
    """Return the sectors that a text names, in its order; none where it is in no list.

    Examples
    --------
    >>> find_sectors("MINES"), find_sectors("Mining / road works"), find_sectors("blasting")
    (['mining'], ['mining', 'construction'], [])
    """
    words = listed("sector")
    plain = normalise(text)
    if found := words.get(plain):
        return [found]
    told = {plain.find(phrase): words[phrase] for phrase in phrases_in(text) if phrase in words}
    named = dict.fromkeys(told[place] for place in sorted(told))
    return [name for name in named if name != "services" or len(named) == 1]


def find_word(kind: str, text: str) -> str | None:
    """Return what a whole text stands for in a list; None when it is not there.

    Examples
    --------
    >>> find_word("staff_type", "Expats"), find_word("geo_precision", "District")
    ('international', 'admin2')
    """
    return listed(kind).get(normalise(text))


#: How a text in each coded column is understood.
FINDERS: Mapping[str, Callable[[str], str | None]] = {
    "event_type": find_event_type,
    "sector": lambda text: next(iter(find_sectors(text)), None),
    **{
        kind: lambda text, kind=kind: find_word(kind, text)  # type: ignore[misc]
        for kind in ("staff_type", "date_precision", "geo_precision")
    },
}


def phrases_in(text: str) -> Iterator[str]:
    """Yield the runs of words of a text, the longest first; a run within a listed one is not.

    Examples
    --------
    >>> list(phrases_in("two gold mines"))
    ['two gold mine', 'two gold', 'gold mine', 'two']
    """
    words = normalise(text).split()
    sectors, types = listed("sector"), listed("event_type")
    taken: set[int] = set()
    for length in range(min(LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            run = range(start, start + length)
            phrase = " ".join(words[start : start + length])
            if taken.isdisjoint(run):
                if length > 1 and (phrase in sectors or phrase in types):
                    taken.update(run)
                yield phrase


def is_blank(text: str) -> bool:
    """Return whether a text says that nothing is known, or nothing to be told.

    Examples
    --------
    >>> is_blank("N/A"), is_blank("-"), is_blank("No"), is_blank("NO")
    (True, True, True, False)
    """
    return text.strip() != "NO" and (
        normalise(text) in listed("blank") or not WORD.search(normalise(text))
    )


def says_yes(text: str) -> bool:
    """Return whether a text is a "yes", which is neither blank nor the name of anything.

    Examples
    --------
    >>> says_yes("Y"), says_yes("oui"), says_yes("no")
    (True, True, False)
    """
    return listed("amount").get(normalise(text)) == "1+"


def split_remarks(text: str) -> list[tuple[str, str]]:
    """Return the columns and values of ``not_understood``.

    Examples
    --------
    >>> split_remarks("sector=blasting; rigging; event_type=blorp")
    [('sector', 'blasting; rigging'), ('event_type', 'blorp')]
    """
    heads = list(_REMARK.finditer(text))
    if not heads:
        return []
    ends = [after.start() for _, after in pairwise(heads)] + [len(text)]
    return [(head[1], text[head.end() : end]) for head, end in zip(heads, ends, strict=True)]


def count_not_understood(remarks: pd.Series) -> dict[str, dict[str, int]]:
    """Return how many rows hold each value that is in no list, by column, most frequent first.

    Parameters
    ----------
    remarks
        The column ``not_understood`` of an Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> count_not_understood(pd.Series(["sector=blasting", None, "sector=blasting"], dtype="str"))
    {'sector': {'blasting': 2}}
    """
    counts: dict[str, Counter[str]] = {}
    for text, rows in remarks.dropna().value_counts().items():
        for column, value in split_remarks(str(text)):
            counts.setdefault(column, Counter())[value] += int(rows)
    return {
        column: dict(sorted(counts[column].items(), key=lambda item: (-item[1], item[0])))
        for column in sorted(counts)
    }


_BRACKET = re.compile(r"\s*\([^()]*\)\s*$")


@lru_cache(maxsize=1)
def group_aliases() -> Mapping[str, str]:
    """Return the name of each armed group by every folded way to write it.

    Examples
    --------
    >>> group_aliases()["is k"]
    'Islamic State Khorasan Province'
    """
    found: dict[str, str] = {}
    for row in read_list("armed_groups.csv"):
        for name in (row["name"], *row["aliases"].split(";")):
            found[fold(name)] = row["name"]
    return found


def find_group(text: str) -> str | None:
    """Return the one name of an armed group; None when the table does not know it.

    Parameters
    ----------
    text
        The group as written; an abbreviation in brackets at its end may be left out.

    Examples
    --------
    >>> find_group("ISIS-K"), find_group("Taleban"), find_group("Boko Haram (JAS)")
    ('Islamic State Khorasan Province', 'Taliban', 'Boko Haram')
    >>> find_group("Unidentified gunmen") is None
    True
    """
    known = group_aliases()
    return known.get(fold(text)) or known.get(fold(_BRACKET.sub("", text)))


#: What behind a date says that it is not sure.
_UNSURE = re.compile(r"\s*(?:\?+|\((?:approx\.?|approximately|est\.?|estimated|circa|ca\.?|\?)\))$")
_MARKS = " \t,.;:()[]\uff08\uff09\u060c"


def strip_phrases(text: str) -> tuple[str, bool, tuple[int, int] | None]:
    """Return a date without the words around it, whether it is about a day, and which days of it.

    Parameters
    ----------
    text
        A date as written.

    Returns
    -------
    tuple
        The date; whether the words say "about"; the first and the last day that "early", "mid" or
        "late" in a month stands for, None where nothing does.

    Examples
    --------
    >>> strip_phrases("Dienstag, 21. Januar 2025"), strip_phrases("late Jan 2025")
    (('21. Januar 2025', False, None), ('Jan 2025', False, (21, 31)))
    >>> strip_phrases("ca. 21.01.2025")
    ('21.01.2025', True, None)
    """
    is_about, part = False, None
    plain = text.strip()
    for _ in range(4):  # as in "on or about Tuesday, early May"
        before = plain
        if found := _UNSURE.search(plain):
            plain, is_about = plain[: found.start()].strip(), True
        plain = re.sub(r"^[~≈±]\s*", "", plain)
        is_about |= plain != before
        for kind, pattern in _patterns().items():
            if kind == "bound" or not (found := pattern.match(plain)):
                continue
            plain = (found["before"] or found["behind"]).strip()
            is_about |= kind == "around_day"
            if kind.startswith("early_month"):
                first, _, last = kind.rpartition(" ")[2].partition("-")
                part = int(first), int(last)
        plain = plain.rstrip(",;:")
        if plain == before:
            break
    return plain, is_about, part


def is_bound(text: str) -> bool:
    """Return whether words before or behind a date say that it is a bound: no day is known.

    Examples
    --------
    >>> is_bound("before 5 May 2031"), is_bound("since 5 May 2031")
    (True, False)
    """
    return _patterns()["bound"].match(text) is not None or text.startswith(tuple("<>≤≥"))


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    """Return for each kind of words what they look like before or behind a date."""
    found = {}
    for row in read_list("incident_words.csv"):
        kind = row["kind"]
        if kind not in ("weekday", "around_day", "night_of", "early_month", "bound"):
            continue
        words = any_of(row["words"].split(";"))
        marks = re.escape(_MARKS)
        joint = "-" if kind == "early_month" else ""  # as in "mid-June"
        found[f"{kind} {row['value']}".strip()] = re.compile(
            rf"(?:(?:{words})(?![^\W\d_])[{marks}{joint}]*(?P<before>[\w(].*)"
            rf"|(?P<behind>.*(?:\d\s*[年月日号]?(?=[{marks}])|[月日号]))[{marks}]*(?:{words})[{marks}]*)$",
            re.IGNORECASE,
        )
    return found
