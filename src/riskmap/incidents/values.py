"""Values as feeds write them: clean text, whole counts, numbers. Nothing is rounded or guessed.

Tolls are numbers, or the least that ``3-4`` or ``several`` says: an attack is never lost for the
way in which its dead are counted. Words that tell of people without a number have a small lower
bound of their own in ``data/incident_words.csv``.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from riskmap.countries import fold
from riskmap.incidents.dates import DIGITS, MONTH_NUMBERS
from riskmap.incidents.words import FINDERS, read_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray


#: More people than any incident can have hit: a larger count is a typing error.
LARGEST_COUNT = 1_000_000
_LARGEST = 2**62

#: A text that begins so would be run by a spreadsheet, the wide signs too; an apostrophe stands
#: before it in files that people open.
_FORMULA = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001 - wide signs
_GUARD = f"^'(?=[{re.escape(_FORMULA)}])"


def guard_formula(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: such text gets a leading apostrophe.

    Numbers stay numbers.

    Examples
    --------
    >>> guard_formula("=1+1"), guard_formula(-1.5), guard_formula("Qara")
    ("'=1+1", -1.5, 'Qara')
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(tuple(_FORMULA)) else value


def unguard_formulas(texts: pd.Series) -> pd.Series:
    """Return texts as they were before :func:`guard_formula`.

    Examples
    --------
    >>> unguard_formulas(pd.Series(["'=1+1", "'s-Hertogenbosch"])).tolist()
    ['=1+1', "'s-Hertogenbosch"]
    """
    return texts.str.replace(_GUARD, "", regex=True)


def number_rows(columns: Iterable[Any]) -> tuple[IntArray, IntArray]:
    """Return a number for each row, the same for equal rows, and the first row of each number.

    A million incidents happen in some ten thousand places: what is asked of a place is asked once.

    Parameters
    ----------
    columns
        Columns of one length; missing values are equal to one another.

    Examples
    --------
    >>> number_rows([pd.Series(["a", "a", None]), np.array([1.0, 2.0, 1.0])])[0].tolist()
    [0, 1, 2]
    """
    number, count = np.int64(0), 1
    with ThreadPoolExecutor() as pool:  # Arrow numbers texts without a lock
        coded = list(pool.map(partial(pd.factorize, use_na_sentinel=False), columns))
    for codes, distinct in coded:
        if count * len(distinct) > _LARGEST:
            number, found = pd.factorize(number)
            count = len(found)
        number, count = number * len(distinct) + codes, count * len(distinct)
    rows, found = pd.factorize(number)
    first = np.empty(len(found), dtype=np.int64)
    first[rows[::-1]] = np.arange(len(rows))[::-1]
    return rows, first


def per_unique(
    values: pd.Series, function: Callable[[Any], Any], dtype: str = "object"
) -> pd.Series:
    """Return a function's answer for each value, asking once for each distinct one.

    Parameters
    ----------
    values
        The column.
    function
        What is asked.
    dtype
        Type of the answers.

    Examples
    --------
    >>> per_unique(pd.Series(["a", "b", "a"]), str.upper).tolist()
    ['A', 'B', 'A']
    """
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    answers = np.empty(len(distinct), object)
    answers[:] = [function(value) for value in distinct]
    return pd.Series(pd.array(answers, dtype=dtype).take(codes), index=values.index)


def repeat_text(text: str | None, n: int) -> pd.Series:
    """Return a column that holds one text, or nothing, `n` times.

    Examples
    --------
    >>> repeat_text("a", 2).tolist()
    ['a', 'a']
    """
    return pd.Series(pd.array([text], dtype="str").take(np.zeros(n, np.int64)))


def clean_texts(values: pd.Series, unknown: Iterable[str] = ()) -> pd.Series:
    """Return a column of text without surrounding space, missing where empty or unknown.

    Parameters
    ----------
    values
        The column as object or str.
    unknown
        Values that stand for nothing, such as ``"Unknown"``.

    Examples
    --------
    >>> clean_texts(pd.Series([" Herat ", "", "NA"], dtype=object)).tolist()
    ['Herat', nan, 'NA']
    """
    texts = values.astype("str")
    stripped = texts.str.strip()
    if not stripped.equals(texts):  # the column itself, where it can be, needs no more memory
        texts = stripped
    blank = texts == ""
    if known := list(unknown):
        blank |= texts.isin(known)
    return texts.mask(blank) if blank.any() else texts


class Counts(NamedTuple):
    """Whole counts as a column holds them.

    Parameters
    ----------
    numbers
        The counts, ``Int64``; the least where a text is a bound; missing where not known.
    bounds
        Which are bounds, such as ``5+`` or ``several``.
    strange
        Which can't be understood.
    """

    numbers: pd.Series
    bounds: NDArray[np.bool_]
    strange: NDArray[np.bool_]


def parse_counts(values: pd.Series, unknown: Iterable[str] = ()) -> Counts:
    """Return whole counts, which of them are bounds, and what is no count.

    Examples
    --------
    >>> texts = ["3.0", "", "N/A", "-9", "2-3", "many", "abc"]
    >>> counts = parse_counts(pd.Series(texts, dtype=object), ["-9"])
    >>> counts.numbers.tolist()
    [3, <NA>, <NA>, <NA>, 2, 2, <NA>]
    >>> counts.bounds.tolist().index(True), counts.strange.tolist().index(True)
    (4, 6)
    """
    blank = {"", *unknown}

    def parse(value: object) -> tuple[int, bool, bool]:
        text = value.strip().lstrip("'\u2019") if isinstance(value, str) else ""
        if text in blank or text.removesuffix(".0") in blank:
            return -1, False, False
        number = to_number(text)
        bound = read_bound(text) if np.isnan(number) else of_number(number)
        if bound is None or not 0 <= (bound.low or 0) <= LARGEST_COUNT:
            return -1, False, True
        return (-1 if bound.low is None else bound.low), not bound.is_exact, False

    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    found = np.array([parse(value) for value in distinct], np.int64).reshape(-1, 3)[codes]
    counts = pd.array(found[:, 0], dtype="Int64")
    counts[found[:, 0] < 0] = pd.NA
    return Counts(
        pd.Series(counts, index=values.index), found[:, 1].astype(bool), found[:, 2].astype(bool)
    )


def is_untold(text: str) -> bool:
    """Return whether a cell says that a number is not known, which a blank one does not say.

    Examples
    --------
    >>> is_untold("Unknown"), is_untold("?"), is_untold("n/a"), is_untold("2")
    (True, True, False, False)
    """
    plain = text.strip().casefold()
    words, told = {plain, fold(plain)}, read_words("no_count")
    known = any(told.get(word) or word in read_words("untold") for word in words)
    return known or set(plain) == {"?"}


def to_number(text: str) -> float:
    """Return a decimal number, NaN for anything else (no ``inf``, ``1_000``, ``1,5`` or ``٣``).

    Examples
    --------
    >>> to_number("-1.5e1"), to_number("34,69")
    (-15.0, nan)
    """
    if not text.isascii() or "_" in text:
        return float("nan")
    try:
        number = float(text)
    except ValueError:
        return float("nan")
    return number if np.isfinite(number) else float("nan")


def parse_numbers(values: pd.Series) -> FloatArray:
    """Return decimal numbers of a column of text, NaN where there is none.

    Examples
    --------
    >>> parse_numbers(pd.Series(["34.5", "", "1_0", "inf"], dtype=object)).tolist()
    [34.5, nan, nan, nan]
    """
    found = _parse_plainly(values)
    if found is None:
        found = per_unique(values, to_number, "float64").to_numpy()
    return np.where(np.isfinite(found), found, np.nan)


def _parse_plainly(values: pd.Series) -> FloatArray | None:
    """Return the numbers of a column that Arrow holds, or None where one is not written plainly.

    What Arrow reads as a number, correctly rounded, is a number to :func:`to_number` as well.
    """
    held = getattr(values.array, "_pa_array", None)
    if held is None:
        return None
    import pyarrow as pa
    from pyarrow import compute as pc

    try:
        filled = pc.if_else(pc.equal(held, ""), pa.scalar(None, held.type), held)
        return np.asarray(filled.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        return None


def first_filled(columns: Iterable[pd.Series]) -> pd.Series:
    """Return for each row the first of several columns of text that is not blank.

    Examples
    --------
    >>> first_filled([pd.Series(["a", ""]), pd.Series(["b", "c"])]).tolist()
    ['a', 'c']
    """
    first, *others = columns
    for other in others:
        first = first.where(first.str.strip() != "", other)
    return first


def map_codes(values: pd.Series, codes: Mapping[str, str]) -> pd.Series:
    """Return a column of a feed's codes as the schema's, missing where one is in no list.

    Examples
    --------
    >>> map_codes(pd.Series([" S", "1.0", "?"]), {"S": "armed_attack", "1": "battle"}).tolist()
    ['armed_attack', 'battle', nan]
    """
    return read_codes(values, codes)[0]


def read_codes(
    values: pd.Series,
    codes: Mapping[str, str],
    default: str | None = None,
    *,
    column: str = "",
    unknown: Iterable[str] = (),
) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Return a column of a feed's codes as the schema's, and which of them are in no list.

    Codes are compared without case and surrounding space, and ``1.0`` is ``1``. A blank is
    ``"unknown"`` where there is a default.

    Parameters
    ----------
    values
        The column.
    codes
        The feed's codes and the schema's.
    default
        What strange codes stand for.
    column
        The schema's column, whose usual words are understood too.
    unknown
        Values that stand for nothing.

    Examples
    --------
    >>> found, strange = read_codes(pd.Series(["S", "IEDs", "odd"]), {"S": "armed_attack"},
    ...                             "unknown", column="event_type")
    >>> found.tolist(), strange.tolist()
    (['armed_attack', 'explosion', 'unknown'], [False, False, True])
    """
    known = {key.casefold(): value for key, value in codes.items()}
    blank = {"", *unknown}
    nothing = known.get("", None if default is None else "unknown")
    finder = FINDERS.get(column)

    def find(value: object) -> tuple[str | None, bool]:
        text = value.strip() if isinstance(value, str) else ""
        for written in (text.casefold(), text.casefold().removesuffix(".0")):
            if written in known:
                return known[written], False
        if text in blank or text.removesuffix(".0") in blank:
            return nothing, False
        found = finder(text) if finder else None
        return (found, False) if found else (default, True)

    places, distinct = pd.factorize(values, use_na_sentinel=False)
    told = [find(value) for value in distinct]
    answers = pd.array([value for value, _ in told], dtype="str").take(places)
    strange = np.array([is_strange for _, is_strange in told], bool)[places]
    return pd.Series(answers, index=values.index), strange


_THOUSANDS = re.compile(r"\d{1,3}(?:[, ]\d{3})+")
#: A table program takes ``3-4`` for a day.
_DAY = re.compile(r"(\d{1,2})-([A-Za-z]{3})|\d{4}-(\d\d)-(\d\d)(?:[ T]00:00:00)?")
_BRACKETS = re.compile(r"[(\[].*$")
#: A number that more words follow: "3 with a child" is 3 at least.
_START = re.compile(r"(\d{1,3})\s+(?!\d)\S")
#: Who is counted, which says nothing of how many.
_PEOPLE = re.compile(
    r"\b(?:people|persons?|killed|dead|deaths?|fatalit(?:y|ies)|wounded|injur(?:ed|ies)"
    r"|casualt(?:y|ies)|abducted|kidnapped|victims?|civilians?|workers?|wom[ae]n|m[ae]n|children|soldiers?|police|others?)\b"
)


class Bound(NamedTuple):
    """The least that a toll says.

    Parameters
    ----------
    low
        The number; None when the text says that it is not known.
    is_exact
        Whether the text says a number and nothing more.
    """

    low: int | None
    is_exact: bool


def of_number(number: float) -> Bound:
    """Return the least of a number; a part of a victim, as GTD splits a sum, is one at least.

    Examples
    --------
    >>> of_number(3.0), of_number(0.5).low, of_number(2.5)
    (Bound(low=3, is_exact=True), 1, Bound(low=2, is_exact=False))
    """
    if number.is_integer() or number < 0:
        return Bound(int(number) if number.is_integer() else -1, is_exact=True)
    return Bound(max(1, int(number)), is_exact=False)


def read_bound(text: str) -> Bound | None:
    """Return the least that a toll says, or None when it says nothing that is understood.

    Examples
    --------
    >>> [read_bound(text) for text in ("3-4", "5+", "several")]
    [Bound(low=3, is_exact=False), Bound(low=5, is_exact=False), Bound(low=2, is_exact=False)]
    >>> read_bound("1,200"), read_bound("unknown").low, read_bound("abc"), read_bound("-3")
    (Bound(low=1200, is_exact=True), None, None, None)
    """
    plain = text.strip().translate(DIGITS)
    if plain.startswith("#"):  # an error of a table program
        return None
    blank = read_words("no_count")
    if not set(plain) - set("-–—?. ") or fold(plain) in blank or plain.casefold() in blank:
        return Bound(None, is_exact=True)
    if _THOUSANDS.fullmatch(plain):
        return Bound(int(re.sub("[, ]", "", plain)), is_exact=True)
    if day := _DAY.fullmatch(plain):
        return _of_day(day)
    return _of_words(plain)


def _of_day(day: re.Match[str]) -> Bound | None:
    """Return the lesser of the two numbers that a table program made a day of."""
    a, b = (day[1], MONTH_NUMBERS.get(day[2].casefold())) if day[1] else (day[3], day[4])
    return Bound(min(int(a), int(b)), is_exact=False) if b else None


def _of_words(plain: str) -> Bound | None:
    """Return the least of a text of numbers and words of the list."""
    if whole := _amounts().get(plain.casefold()):
        return Bound(whole[0], is_exact=whole[1])
    bare = _BRACKETS.sub("", plain.casefold()) or plain.casefold().strip("()[] ")
    found = _shape().fullmatch(" ".join(_PEOPLE.sub(" ", bare).split()))
    if not found:
        start = _START.match(plain) or _first_word().match(bare)
        low = _amount(start[1])[0] if start else 0
        return Bound(low, is_exact=False) if low else None
    first, is_exact = _amount(found["first"])
    if found["most"]:
        return Bound(min(first, 1), is_exact=False)
    if found["more"]:
        return Bound(first + 1, is_exact=False)
    if found["second"]:
        second = _amount(found["second"])[0]
        adds = found["join"] in ("and", "&", "+") and not found["about"]
        words = not (found["first"] + found["second"]).isdigit()
        if words and first in _TENS and 0 < second < 10:  # noqa: PLR2004 - twenty-five
            return Bound(first + second, is_exact=is_exact and not found["about"])
        low = first + second if adds else min(first, second)
        if found["join"] == "/":  # killed and wounded: two zeros alone are none
            low = max(low, min(1, first + second))
        return Bound(low, is_exact=found["join"] == "/" and not low)
    marks = ("least", "about", "over", "tail")
    plainly = is_exact and not any(found[mark] for mark in marks)
    return Bound(first, is_exact=plainly and bare in (plain.casefold(), plain.strip("()[] ")))


def _amount(text: str) -> tuple[int, bool]:
    """Return the number of digits or of a listed word, and whether the word means just that."""
    return (int(text), True) if text.isdigit() else _amounts()[fold(text) or text]


@lru_cache(maxsize=1)
def _amounts() -> dict[str, tuple[int, bool]]:
    return {
        fold(word) or word: (int(value.removesuffix("+")), not value.endswith("+"))
        for word, value in read_words("amount").items()
    }


@lru_cache(maxsize=1)
def _first_word() -> re.Pattern[str]:
    """Return the pattern of a number in words that other words follow: "ein Toter"."""
    return re.compile(rf"({_any_of('amount')})\s+[^\W\d]")


#: Numbers that another of one digit goes with: twenty-five is one number.
_TENS = range(20, 100, 10)
#: What joins two numbers.
_JOINTS = "to|or|and|until|a|à|au|o|ou|bis|und|oder|y|et|e|por|по|до|и|или|إلى|الى|أو|و|تا|یا"


@lru_cache(maxsize=1)
def _shape() -> re.Pattern[str]:
    """Return the pattern of a number or two with what may stand before, between and behind."""
    any_of = {kind: _any_of(kind) for kind in ("amount", "least", "more", "most", "about")}
    number = rf"\d{{1,7}}|{any_of['amount']}"
    return re.compile(
        rf"(?:(?P<least>(?:{any_of['least']}|>=|≥|=>)[.\s:]*)"
        rf"|(?P<more>(?:{any_of['more']}|>)[.\s:]*)"
        rf"|(?P<most>(?:{any_of['most']}|<=|≤|=<|<)[.\s:]*)"
        rf"|(?P<about>(?:{any_of['about']}|between|from|~|≈|±|\+)[.\s:]*)){{0,2}}"
        rf"(?P<first>{number})"
        rf"(?P<over>[余多])?(?:\s*(?P<join>[-–—~/&+]|\b(?:{_JOINTS})\b|[至到或])"
        rf"\s*(?P<second>{number}))?"
        rf"\s*[人名位]?(?P<tail>\s*(?:\+|\?|\*|\bplus\b|\b(?:or|and) more\b|\bat least\b)*)"
    )


def _any_of(kind: str) -> str:
    words = sorted(read_words(kind), key=lambda word: (-len(word), word))
    return "|".join(
        re.escape(word).replace(r"\ ", r"\s+") + (r"\b" if word.isascii() else "") for word in words
    )
