"""Armed groups: one name for the many ways to write each (``data/armed_groups.csv``)."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from riskmap.countries import fold
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    with data_path("armed_groups.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
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
