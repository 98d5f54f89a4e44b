"""Remarks: what a reader notes beside the values of a row, such as ``sector=blasting``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.incidents.values import repeat_text
from riskmap.incidents.words import is_blank

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


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


def tells_nothing(text: str) -> bool:
    """Return whether a cell of such a column says that nobody was hit, or nothing.

    Examples
    --------
    >>> tells_nothing("0"), tells_nothing("unknown"), tells_nothing("2")
    (True, True, False)
    """
    return is_blank(text) or not text.strip("0. ")


class Remarks:
    """Columns and values as written, gathered check by check; most rows have none.

    Parameters
    ----------
    size
        Number of rows.
    joint
        What stands between a column and its value.

    Examples
    --------
    >>> remarks = Remarks(2, "=")
    >>> remarks.add("sector", np.array([False, True]), ["mining", " blasting "])
    >>> remarks.column.tolist()
    [nan, 'sector=blasting']
    """

    def __init__(self, size: int, joint: str) -> None:
        self._size = size
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
        """Return the remarks behind those that a file brings along."""
        if not self._told:
            return written
        told = written.astype(object).to_numpy(copy=True)
        for row, found in self._told.items():
            before = [] if pd.isna(told[row]) else told[row].split("; ")
            told[row] = "; ".join(dict.fromkeys([*before, *found]))
        return pd.Series(told, index=written.index, dtype="str")

    @property
    def column(self) -> pd.Series:
        """The remarks of each row, joined by ``; ``, missing where there are none."""
        return self.follow(repeat_text(None, self._size))
