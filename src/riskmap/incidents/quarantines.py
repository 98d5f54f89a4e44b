"""The quarantine: why a row can't be used, as a code and in words; the first reason stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from riskmap.incidents.delimited import RawTable


#: Every reason that a reader gives, and what it means.
REASONS = {
    "ragged_row": "the row has more or fewer fields than the header",
    "hashtag_row": "the row holds HXL hashtags and belongs to the header",
    "no_date": "no date is given",
    "bad_date": "the date can't be read, does not exist, or lies outside 1900 to 2100",
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
    "aggregate": "the row counts many incidents and is none itself",
    "not_reviewed": "nobody has accepted what was read out of an article",
    "rejected": "an analyst has rejected what was read out of an article",
    "recounted": "the article tells it again, as background",
    "arrest": "the article tells of people taken into custody",
    "alleged": "a charge that nobody has shown",
    "summary": "a sum over many events",
    "bad_answer": "an extractor's answer breaks the schema",
    "invented_quote": "an extractor quoted words that the article does not hold",
}


class Quarantine:
    """Reasons and details of the rows that can't be used, gathered check by check.

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
    [nan, "date: met 'soon', expected a date"]
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: dict[int, tuple[str, str]] = {}

    @property
    def reason(self) -> pd.Series:
        """The reason of each row, missing where there is none."""
        return self._column([reason for reason, _ in self._found.values()])

    @property
    def detail(self) -> pd.Series:
        """The detail of each row, missing where there is none."""
        return self._column([detail for _, detail in self._found.values()])

    def _column(self, told: list[str]) -> pd.Series:
        place = np.full(self._size, len(told))
        place[list(self._found)] = np.arange(len(told))
        return pd.Series(pd.array([*told, None], dtype="str").take(place))

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
        self, where: NDArray[np.bool_], reason: str, detail: Callable[[int], str]
    ) -> None:
        """Set rows aside, with a detail made for each row's position."""
        for row in np.flatnonzero(where):
            if row not in self._found:
                self._found[int(row)] = reason, detail(int(row))


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
    width, widths = len(raw.header), raw.widths
    quarantine.add_details(
        widths != width,
        "ragged_row",
        lambda row: f"row: met {widths[row]} fields, expected {width}",
    )
    filled = [text for text in raw.rows.iloc[0] if text]
    if len(filled) > 1 and all(text.startswith("#") for text in filled):
        where = np.arange(len(raw)) == 0
        quarantine.add_details(where, "hashtag_row", lambda _: f"row: {REASONS['hashtag_row']}")


def quarantine_set_aside(frame: pd.DataFrame, quarantine: Quarantine) -> None:
    """Set aside the rows that the feed itself says are none, with its words where it has any."""
    if "set_aside" not in frame:
        return
    details = frame.get("set_aside_detail", pd.Series(None, index=frame.index, dtype="str"))

    def detail(row: int) -> str:
        words = "" if pd.isna(details[row]) else f": {details[row]}"
        return f"row: {REASONS[frame.loc[row, 'set_aside']]}{words}"

    for reason in sorted(frame["set_aside"].dropna().unique()):
        quarantine.add_details((frame["set_aside"] == reason).to_numpy(bool), reason, detail)
