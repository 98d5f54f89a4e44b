"""What a feed does not use: columns that seem to tell who was hit, and rows that are broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from riskmap.countries import find_country, find_nationality
from riskmap.incidents.remarks import tells_nothing, tells_who
from riskmap.incidents.values import per_unique

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from riskmap.incidents.remarks import Remarks


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
            told = ~per_unique(texts.fillna(""), tells_nothing, "bool").to_numpy(bool)
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
        columns["notes"][row] = "; ".join(filter(None, map(str.strip, fields)))[:_LONGEST_NOTE]
        named = (find_nationality(text) for text in fields if find_country(text) is None)
        columns["nationality"][row] = ";".join(sorted({code for code in named if code} - {home}))
        columns["country"][row] = home
    told = {}
    for name, values in columns.items():
        texts = frame.get(name, pd.Series(None, frame.index, object)).astype(object)
        texts[list(values)] = [value or None for value in values.values()]
        told[name] = texts.astype("str")
    return frame.assign(**told)


_LONGEST_NOTE = 1000
