"""Headers: in which row of a table the columns' names stand, under titles, in one row or in two."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from riskmap.countries import fold
from riskmap.incidents.words import bare_key, key, read_words

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

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
        if sum(bool(text.strip()) for text in row) >= _NAMES and is_second_row(below, known):
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
