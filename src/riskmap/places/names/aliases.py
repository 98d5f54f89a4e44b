"""Dated aliases: other names of regions that spelling can't explain, each with its source."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from riskmap.errors import InputError, SchemaError
from riskmap.schema import COUNT, DAY, TEXT, Column, check_columns, conform
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Iterable

#: How an alias and its region belong together.
RELATIONS = ("other_name", "renamed", "split", "seat", "transferred")

#: Aliases: a table, one row an alias of a region.
ALIAS_COLUMNS = (
    Column("alias", TEXT, "the other name, in any script"),
    Column("name", TEXT, "name or id of the region it stands for"),
    Column("parent", TEXT, "name or id of that region's parent; may be missing"),
    Column("iso3", TEXT, "ISO 3166-1 alpha-3 code of the country"),
    Column("adm_level", COUNT, "the region's administrative level"),
    Column("relation", TEXT, "how the two belong together", RELATIONS),
    Column("valid_from", DAY, "first day on which the alias means the region; missing is ever"),
    Column("valid_to", DAY, "first day on which it no longer does; missing is never"),
    Column("source", TEXT, "where this is said"),
)
_REQUIRED = ("alias", "name", "iso3", "adm_level", "relation", "source")


def read_aliases(path: str | Path) -> pd.DataFrame:
    """Read a table of aliases from a CSV file.

    Parameters
    ----------
    path
        A UTF-8 file with the columns of :data:`ALIAS_COLUMNS`; ``parent``, ``valid_from`` and
        ``valid_to`` may be empty. Lines that start with ``#`` are comments.

    Returns
    -------
    pandas.DataFrame
        The aliases, with the columns of :data:`ALIAS_COLUMNS`.

    Raises
    ------
    InputError
        When a line has another number of fields than the header, or a field can't be read.
    SchemaError
        When a column is absent, or a required field is empty.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> table = read_aliases(data_path("aliases/AFG.csv"))
    >>> table.loc[table["alias"] == "Chaghcharan", "name"].tolist()
    ['Feroz Koh']
    """
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if _holds(row)]
    if not rows:
        raise InputError("holds no header", file=path, expected="a table of aliases")
    header = rows[0][1]
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise InputError(
                "another number of fields than in the header",
                file=path,
                row=number,
                met=len(row),
                expected=str(len(header)),
            )
    fields = [[text.strip() or None for text in row] for _, row in rows[1:]]
    table = pd.DataFrame(fields, columns=[name.strip() for name in header], dtype=object)
    try:
        return check_aliases(table)
    except InputError as error:
        error.file = str(path)
        raise


def _holds(row: list[str]) -> bool:
    """Return whether a line of the file is neither empty nor a comment."""
    return any(row) and not row[0].startswith("#")


def check_aliases(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of aliases with all its columns typed, or raise.

    Parameters
    ----------
    table
        The aliases; text will do for numbers and days.

    Returns
    -------
    pandas.DataFrame
        The same rows with the columns of :data:`ALIAS_COLUMNS`, ``valid_from`` before ``valid_to``.

    Raises
    ------
    SchemaError
        When a column is absent, a required field empty, or a value can't be read.

    Examples
    --------
    >>> check_aliases(pd.DataFrame({"alias": ["Old Town"], "name": ["Ashkor"], "iso3": ["XQA"],
    ...     "adm_level": [2], "relation": ["renamed"], "source": ["gazette 7"]})).shape
    (1, 9)
    """
    for name in _REQUIRED:
        if name not in table.columns:
            raise SchemaError("aliases lack a column", column=name)
        if table[name].isna().any():
            raise SchemaError("aliases lack a value", column=name)
    typed = table.copy()
    try:
        typed["adm_level"] = pd.to_numeric(typed["adm_level"])
        for name in ("valid_from", "valid_to"):
            if name in typed.columns:
                typed[name] = pd.to_datetime(typed[name], format="%Y-%m-%d").astype(DAY)
    except (TypeError, ValueError) as error:
        raise SchemaError("aliases hold a value that can't be read", met=str(error)) from error
    typed = conform(typed, ALIAS_COLUMNS)
    check_columns(typed, ALIAS_COLUMNS, table="aliases")
    backwards = typed["valid_from"] >= typed["valid_to"]
    if backwards.any():
        raise SchemaError(
            f"alias {typed.loc[backwards, 'alias'].iloc[0]!r} ends before it begins",
            column="valid_to",
        )
    return typed.reset_index(drop=True)


def shipped_aliases(countries: Iterable[str]) -> pd.DataFrame:
    """Return the aliases that ship with riskmap for some countries; empty when there are none.

    Examples
    --------
    >>> len(shipped_aliases(["XQA"]))
    0
    """
    tables = []
    for iso3 in sorted(set(countries)):
        try:
            tables.append(read_aliases(data_path(f"aliases/{iso3}.csv")))
        except FileNotFoundError:
            continue
    if not tables:
        return conform(pd.DataFrame(index=range(0)), ALIAS_COLUMNS)
    return pd.concat(tables, ignore_index=True)
