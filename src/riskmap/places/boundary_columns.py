"""What the columns of a boundary file mean: ids, names, parents and countries by their publisher.

Each publisher has a function that looks at the column names and says which hold what, or None when
the file isn't theirs. Column names are compared in lower case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from riskmap import countries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEVEL_OF_PCODE = re.compile(r"adm([1-5])_?pcode")
_SHAPE_TYPE = re.compile(r"ADM(\d)")
_ISO3 = re.compile(r"[A-Z]{3}")
_VALID_FROM = ("valid_from", "valid_on", "validon")
_VALID_TO = ("valid_to", "validto")
_PCODE_COUNTRY = re.compile(r"([A-Z]{2,3})\d")


@dataclass(frozen=True)
class Meaning:
    """Which columns of a file hold what; an empty text where none does.

    Parameters
    ----------
    ids
        Columns that may serve as ids, best first.
    names
        Columns of names, the one for display first.
    parent_id, parent
        Columns of the region one level up.
    iso3
        Column of the country, as alpha-2 or alpha-3 code.
    level
        Administrative level; None when the file doesn't tell.
    source
        Who publishes files like this one.
    valid_from, valid_to
        Columns of dates between which a region exists.
    version
        Column of the version.

    Examples
    --------
    >>> recognise(["shapeID", "shapeName", "shapeGroup", "shapeType"]).source
    'geoBoundaries'
    """

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    parent_id: str = ""
    parent: str = ""
    iso3: str = ""
    level: int | None = None
    source: str = ""
    valid_from: str = ""
    valid_to: str = ""
    version: str = ""


def recognise(columns: Sequence[str]) -> Meaning:
    """Return what the columns mean by the publisher that names them so; empty when nobody does.

    Parameters
    ----------
    columns
        A file's column names.

    Returns
    -------
    Meaning
        With the names as the file spells them.

    Examples
    --------
    >>> meaning = recognise(["ADM2_EN", "ADM2_PCODE", "ADM1_EN", "ADM1_PCODE", "ADM0_PCODE"])
    >>> meaning.ids, meaning.names, meaning.parent_id, meaning.level
    (('ADM2_PCODE',), ('ADM2_EN',), 'ADM1_PCODE', 2)
    """
    spelt = {column.lower(): column for column in reversed(columns)}
    for publisher in _PUBLISHERS:
        meaning = publisher(spelt)
        if meaning is not None:
            return meaning
    return Meaning()


def _own(spelt: dict[str, str]) -> Meaning | None:
    """Return the meaning of a table that riskmap wrote."""
    if not {"region_id", "name"} <= spelt.keys():
        return None
    return Meaning(
        ids=(spelt["region_id"],),
        names=(spelt["name"],),
        parent_id=spelt.get("parent_id", ""),
        parent=spelt.get("parent", ""),
        iso3=spelt.get("iso3", ""),
        valid_from=_first(spelt, *_VALID_FROM),
        valid_to=_first(spelt, *_VALID_TO),
    )


def _first(spelt: dict[str, str], *names: str) -> str:
    """Return the first of the columns that the file has, as it spells it."""
    return next((spelt[name] for name in names if name in spelt), "")


def _cod_ab(spelt: dict[str, str]) -> Meaning | None:
    """Return the meaning of OCHA's columns (``ADM2_PCODE``, ``adm2_pcode``, ``ADM2_EN`` ...)."""
    levels = [int(m[1]) for name in spelt if (m := _LEVEL_OF_PCODE.fullmatch(name))]
    if not levels:
        return None
    level = max(levels)
    parents = _cod_names(spelt, level - 1) if level > 1 else []
    return Meaning(
        ids=tuple(filter(None, (_pcode(spelt, level), _first(spelt, "shapeid")))),
        names=tuple(filter(None, (*_cod_names(spelt, level), _first(spelt, "shapename")))),
        parent_id=_pcode(spelt, level - 1) if level > 1 else "",
        parent=parents[0] if parents else "",
        iso3=_first(spelt, "iso3", "adm0_iso3", "shapegroup", "adm0_pcode"),
        level=level,
        source="OCHA COD-AB",
        version=_first(spelt, "version", *_VALID_FROM, "date"),
        valid_from=_first(spelt, *_VALID_FROM),
        valid_to=_first(spelt, *_VALID_TO),
    )


def _pcode(spelt: dict[str, str], level: int) -> str:
    return _first(spelt, f"adm{level}_pcode", f"adm{level}pcode")


def _cod_names(spelt: dict[str, str], level: int) -> list[str]:
    """Return a level's columns of names: English, then the plain one, then other languages."""
    first = [f"adm{level}_en", f"adm{level}_name", f"adm{level}_name_en"]
    pattern = re.compile(rf"adm{level}_?(name\w*|[a-z]{{2}}|alt\d?_?[a-z]{{2}}|ref)")
    others = [name for name in reversed(spelt) if pattern.fullmatch(name)]
    return [spelt[name] for name in dict.fromkeys([*first, *others]) if name in spelt]


def _geoboundaries(spelt: dict[str, str]) -> Meaning | None:
    """Return the meaning of geoBoundaries' columns."""
    if not {"shapeid", "shapename"} <= spelt.keys():
        return None
    return Meaning(
        ids=(spelt["shapeid"],),
        names=(spelt["shapename"],),
        iso3=spelt.get("shapegroup", ""),
        source="geoBoundaries",
    )


def _natural_earth(spelt: dict[str, str]) -> Meaning | None:
    """Return the meaning of Natural Earth's columns of admin-1."""
    if not {"adm1_code", "name"} <= spelt.keys():
        return None
    others = ("name", "name_en", "name_alt", "name_local", "name_ar", "name_fa", "name_ur")
    return Meaning(
        ids=tuple(spelt[name] for name in ("iso_3166_2", "adm1_code") if name in spelt),
        names=tuple(spelt[name] for name in others if name in spelt),
        parent_id=spelt.get("adm0_a3", ""),
        parent=spelt.get("admin", ""),
        iso3=spelt.get("adm0_a3", ""),
        level=1,
        source="Natural Earth",
    )


_PUBLISHERS: tuple[Callable[[dict[str, str]], Meaning | None], ...] = (
    _own,
    _cod_ab,
    _geoboundaries,
    _natural_earth,
)


def text_of(column: pd.Series) -> pd.Series:
    """Return a column as trimmed text, whole numbers without a fraction, and blanks as missing.

    Examples
    --------
    >>> text_of(pd.Series([101.0, None])).tolist(), text_of(pd.Series([" AF01 ", ""])).tolist()
    (['101', nan], ['AF01', nan])
    """
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    text = column.astype("str").str.strip()
    return text.mask(column.isna() | (text == ""))


def country_codes(frame: pd.DataFrame, meaning: Meaning, ids: pd.Series) -> pd.Series:
    """Return alpha-3 codes from the column of countries, else from the letters of the P-codes.

    A file that names one country alone speaks for its silent rows too.

    Examples
    --------
    >>> frame = pd.DataFrame({"ADM1_PCODE": ["AF01", "AF02"]})
    >>> country_codes(frame, Meaning(), frame["ADM1_PCODE"]).tolist()
    ['AFG', 'AFG']
    """
    if meaning.iso3:
        written = text_of(frame[meaning.iso3]).str.upper()
    else:
        written = ids.str.extract(f"^{_PCODE_COUNTRY.pattern}", expand=False)
    codes = written.map(_alpha3, na_action="ignore").astype("str")
    known = codes.dropna().unique()
    return codes.fillna(known[0]) if len(known) == 1 else codes


def _alpha3(code: str) -> str | None:
    return code if _ISO3.fullmatch(code) else countries.from_iso2(code)


def level_of(frame: pd.DataFrame, meaning: Meaning) -> int | None:
    """Return the level that a file is of, from its columns or from the types its rows state.

    Examples
    --------
    >>> level_of(pd.DataFrame({"shapeType": ["ADM2", None]}), Meaning())
    2
    """
    if meaning.level is not None:
        return meaning.level
    for column in frame.columns:
        if column.lower() in ("shapetype", "adm_level"):
            stated = text_of(frame[column]).dropna().unique()
            if len(stated) == 1 and (m := _SHAPE_TYPE.fullmatch(f"ADM{stated[0][-1]}")):
                return int(m[1])
    return None
