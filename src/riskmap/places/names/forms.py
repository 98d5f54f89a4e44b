"""The forms by which a gazetteer knows regions: names, names of places in them, dated aliases.

Spellings of one name are brought together, in any script, by ever wider foldings, each a pure
function of one text:

- :func:`fold_name` removes what spelling rules and keyboards add: case, accents, joiners, dashes,
  the izafa, "and", "district". Perso-Arabic letters that look or sound alike become one letter.
- :func:`sound_name` writes the folded name in a few Latin letters, whatever its script, so that
  *Keshem* and *Kishim* are one.
- :func:`consonant_key` keeps the consonants alone, so that *کشم* joins them.
- :func:`skeleton` keeps the shapes of Perso-Arabic letters without their dots, which typists
  and old fonts lose.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anyascii import anyascii

from riskmap.errors import InputError, SchemaError
from riskmap.places.region_index import RegionIndex
from riskmap.schema import COUNT, DAY, TEXT, Column, check_columns, conform
from riskmap.settings import data_path, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import geopandas as gpd


_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_APOSTROPHES = re.compile("['`´ʻʼʽʾʿ\u2018\u2019\u201b′]")  # noqa: RUF001 - the signs meant
_NOT_WORDS = re.compile(r"[\W_]+")
_ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f]")
_HAN = re.compile("[\u4e00-\u9fff]+")
_REPEATED = re.compile(r"(.)\1+")
_NO_CONSONANTS = re.compile("[aiuwh ]+")
_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_PARTS = re.compile(r"[/|;]")

#: Foldings kept at hand: a name is folded the same way at several stages.
_REMEMBERED = 4096


@cache
def _spellings() -> dict[str, Any]:
    """Return which letters and words are brought together: ``data/places/spellings.toml``."""
    told = read_toml(data_path("places/spellings.toml"))
    for name in ("letters", "arabic_sounds", "shapes"):
        pairs = ((letter, one) for one, letters in told[name].items() for letter in letters)
        told[name] = str.maketrans(dict(pairs))
    return told


@lru_cache(maxsize=_REMEMBERED)
def fold_name(text: str) -> str:
    """Return a name without what spelling rules and keyboards add, words parted by one space.

    Parameters
    ----------
    text
        A name in any script.

    Returns
    -------
    str
        Lower case, without accents, joiners, dashes, apostrophes, izafa, "and" and generic words;
        Perso-Arabic letters folded to the Persian ones. Empty when nothing else was there.

    Examples
    --------
    >>> fold_name("Pul-e Ḩiṣār District"), fold_name("Khost-o-Fereng")
    ('pul hisar', 'khost fereng')
    >>> fold_name("كوهستان") == fold_name("کوه‌ستان")
    True
    """
    words = _NOT_WORDS.sub(" ", _APOSTROPHES.sub("", _plain(text))).split()
    generic, joints = (_spellings()["words"][kind] for kind in ("generic", "joints"))
    words = [_without_ending(word) for word in words if word not in generic]
    return " ".join(word for i, word in enumerate(words) if i == 0 or word not in joints)


def _without_ending(word: str) -> str:
    """Return a Chinese name without the word for what it is the name of."""
    if not _HAN.fullmatch(word):
        return word
    ends = (end for end in _spellings()["words"]["endings"] if word.endswith(end))
    kept = word.removesuffix(next(ends, ""))
    return kept if len(kept) > 1 else word


def _plain(text: str) -> str:
    """Return a text without invisible signs, marks and case."""
    letters = _spellings()["letters"]
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(letters).casefold()
    parted = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in parted if not unicodedata.combining(sign)).translate(letters)


@lru_cache(maxsize=_REMEMBERED)
def sound_name(text: str) -> str:
    """Return how a name sounds, roughly, in a few Latin letters; words parted by one space.

    Letters of other scripts than Latin and Perso-Arabic are transliterated by anyascii.

    Parameters
    ----------
    text
        A name in any script.

    Returns
    -------
    str
        The folded name with one letter a sound, vowels merged to ``a``, ``i``, ``u``, and no letter
        twice in a row.

    Examples
    --------
    >>> sound_name("Keshem") == sound_name("Kishim")
    True
    >>> sound_name("Кабул"), sound_name("کابل")
    ('kabul', 'kabl')
    """
    sound = fold_name(text).translate(_spellings()["arabic_sounds"])
    if not sound.isascii():
        sound = anyascii(sound).lower()
    for group, letter in _spellings()["latin_sounds"].items():
        sound = sound.replace(group, letter)
    return _REPEATED.sub(r"\1", sound)


def fold_at(text: str, stage: str) -> str:
    """Return the key under which a stage of resolving names knows a text.

    Examples
    --------
    >>> fold_at(" Old Kelda ", "exact"), fold_at("Old Kelda", "folded")
    ('old kelda', 'oldkelda')
    """
    if stage == "exact":
        return text.strip().casefold()
    folded = sound_name(text) if stage == "sound" else fold_name(text)
    return folded.replace(" ", "")


def consonant_key(sound: str) -> str:
    """Return the consonants of a sound that :func:`sound_name` returned.

    Examples
    --------
    >>> consonant_key(sound_name("Kishim")) == consonant_key(sound_name("کشم")) == "kSm"
    True
    """
    return _NO_CONSONANTS.sub("", sound)


def skeleton(folded: str) -> str:
    """Return the dotless shapes of a folded Perso-Arabic name; empty for other scripts.

    Examples
    --------
    >>> skeleton(fold_name("سرخ پارسا")) == skeleton(fold_name("سرح بارسا"))
    True
    >>> skeleton("kabul")
    ''
    """
    return (
        folded.replace(" ", "").translate(_spellings()["shapes"]) if _ARABIC.search(folded) else ""
    )


def name_variants(text: str) -> list[str]:
    """Return the names that one text holds: itself, without its brackets, and what they hold.

    Parts joined by a slash, a bar or a semicolon are names too. Names that fold to nothing, such
    as "Provincial Center", are left out.

    Examples
    --------
    >>> name_variants("Jaji (Ali Khel)")
    ['Jaji (Ali Khel)', 'Jaji', 'Ali Khel']
    """
    found = [text]
    inside = _BRACKETS.findall(text)
    if inside:
        found += [_BRACKETS.sub(" ", text).strip(), *(part.strip() for part in inside)]
    if _PARTS.search(text):
        found += [part.strip() for part in _PARTS.split(text)]
    return [name for name in dict.fromkeys(found) if fold_name(name)]


#: What a form is to its region: its very name, the name that a list kept with riskmap gives it,
#: another name that its file gives, or the name of a place inside it.
NAME, LISTED, OTHER_NAME, PLACE = range(4)

_JOINED_BY = " | "

#: How an alias and its region belong together.
RELATIONS = ("other_name", "renamed", "split", "seat", "within", "transferred")

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


@dataclass(frozen=True)
class Form:
    """One name by which one region is known.

    Parameters
    ----------
    text
        The name as written.
    code
        The region's row.
    tier
        What the name is to the region: :data:`NAME`, :data:`LISTED`, :data:`OTHER_NAME` or
        :data:`PLACE`.
    start, end
        The days on which it means the region, half open; None for ever.
    parent
        The code of the parent that is stated with it; None for the region's own.
    is_part
        Whether it is a part of the region's own name, as "Reg" is of "Reg (Khanshin)".
    is_spelt
        Whether it counts only as it is spelt or sounds: no other name is likened to it.
    people
        How many live there, where it is a town; 0 where that is not told.
    """

    text: str
    code: int
    tier: int
    start: Any = None
    end: Any = None
    parent: int | None = None
    is_part: bool = False
    is_spelt: bool = False
    people: int = 0

    @property
    def is_dated(self) -> bool:
        """Whether the name means the region on some days only."""
        return self.start is not None or self.end is not None

    @property
    def is_plain(self) -> bool:
        """Whether the name always means the region, and with its own parent."""
        return not self.is_dated and self.parent is None

    def holds_on(self, day: Any) -> bool:
        """Return whether the name means the region on a day; yes when no day is given."""
        if day is None:
            return True
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


def region_forms(regions: pd.DataFrame) -> Iterator[Form]:
    """Yield each region's id, name and other names, with and without their brackets.

    Parameters
    ----------
    regions
        ``region_id, name, names, iso3``; a region's code is its row.
    """
    columns = ("region_id", "name", "names", "iso3")
    rows = zip(*(regions[name] for name in columns), strict=True)
    for code, (region_id, name, names, iso3) in enumerate(rows):
        yield Form(region_id, code, NAME)
        for tier, text in ((NAME, name), (OTHER_NAME, names)):
            for whole in _split(text):
                for variant in name_variants(whole) or [whole]:
                    own = tier if variant == whole else OTHER_NAME
                    is_part = fold_name(variant) != fold_name(whole)
                    yield Form(variant, code, own, is_part=is_part)
                    if spelt := _respell(variant, iso3):
                        yield Form(spelt, code, OTHER_NAME, is_part=is_part)


def share_spellings(forms: Sequence[Form]) -> Iterator[Form]:
    """Yield other spellings of a name that several regions bear, for those that lack them.

    Where one of two regions called Surobi is also written Sarobi, so may be the other.

    Examples
    --------
    >>> forms = [Form("Surobi", 0, NAME), Form("Surobi", 1, NAME), Form("Sarobi", 1, OTHER_NAME),
    ...          Form("Tora Tiga", 1, OTHER_NAME)]
    >>> [(form.text, form.code) for form in share_spellings(forms)]
    [('Sarobi', 0)]
    """
    bearers: dict[str, dict[int, None]] = {}
    for form in forms:
        if form.tier == NAME:
            bearers.setdefault(fold_name(form.text), {})[form.code] = None
    shared = {name: codes for name, codes in bearers.items() if len(codes) > 1}
    whose = {code: name for name, codes in shared.items() for code in codes}
    known = {(form.code, fold_name(form.text)) for form in forms if form.code in whose}
    for form in forms:
        if form.tier != OTHER_NAME or form.code not in whose or not form.is_plain:
            continue
        name, text = whose[form.code], fold_name(form.text)
        if not _consonants(name) or _consonants(form.text) != _consonants(name):
            continue
        for code in shared[name]:
            if (code, text) not in known:
                known.add((code, text))
                yield replace(form, code=code)


def _consonants(text: str) -> str:
    """Return how a name sounds without its vowels."""
    return re.sub(r"[aeiouy\s]", "", sound_name(text))


def _respell(text: str, iso3: Any) -> str | None:
    """Return a name as others spell it who don't use the letters of its country's language."""
    letters = _spellings()["countries"].get(iso3) if isinstance(iso3, str) else None
    if letters is None:
        return None
    spelt = text.casefold()
    for pattern, letter in letters.items():
        spelt = re.sub(pattern, letter, spelt)
    return spelt if spelt != text.casefold() else None


def place_forms(places: pd.DataFrame, regions: gpd.GeoDataFrame) -> Iterator[Form]:
    """Yield the names of each place that lies in a region.

    Parameters
    ----------
    places
        ``name``, optionally ``names``, and ``region_id`` or ``lon`` and ``lat``.
    regions
        The regions sorted by id; a region's code is its row.

    Raises
    ------
    SchemaError
        When a column is absent.
    """
    if "name" not in places.columns:
        raise SchemaError("places lack a column", column="name")
    if {"lon", "lat"} <= set(places.columns):
        lon, lat = (pd.to_numeric(places[name]).to_numpy(float) for name in ("lon", "lat"))
        codes = RegionIndex(regions).query(lon, lat)
    elif "region_id" in places.columns:
        codes = np.full(len(places), -1)
    else:
        raise SchemaError("places lack a column", column="region_id", expected="or lon and lat")
    if "region_id" in places.columns:
        stated = pd.Index(regions["region_id"]).get_indexer(places["region_id"])
        codes = np.where(stated >= 0, stated, codes)
    others = places["names"] if "names" in places.columns else [None] * len(places)
    for code, *texts in zip(codes.tolist(), places["name"], others, strict=True):
        names = [name for text in texts for name in _split(text)] if code >= 0 else []
        for name in dict.fromkeys(names):
            for variant in name_variants(name):
                yield Form(variant, code, PLACE)


def _split(text: Any) -> list[str]:
    """Return the names of a cell, none when it is missing."""
    if not isinstance(text, str):
        return []
    return [part for part in (part.strip() for part in text.split(_JOINED_BY)) if part]


def read_aliases(source: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Return a table of aliases, or the one of a CSV file, with all its columns typed.

    Parameters
    ----------
    source
        A table, in which text will do for numbers and days; or the path of a UTF-8 file with the
        columns of :data:`ALIAS_COLUMNS`, of which ``parent``, ``valid_from`` and ``valid_to`` may
        be empty. Lines that start with ``#`` are comments.

    Returns
    -------
    pandas.DataFrame
        The aliases, with the columns of :data:`ALIAS_COLUMNS`, ``valid_from`` before ``valid_to``.

    Raises
    ------
    InputError
        When a line has another number of fields than the header.
    SchemaError
        When a column is absent, a required field empty, or a value can't be read.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> table = read_aliases(data_path("aliases/AFG.csv"))
    >>> table.loc[table["alias"] == "Chaghcharan", "name"].tolist()
    ['Feroz Koh']
    """
    if isinstance(source, pd.DataFrame):
        return _type_aliases(source)
    with Path(source).open(encoding="utf-8-sig", newline="") as file:
        rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(row)]
    rows = [(number, row) for number, row in rows if not row[0].startswith("#")]
    header = [name.strip() for name in rows[0][1]] if rows else []
    for number, row in rows:
        if len(row) != len(header):
            message, n = "another number of fields than in the header", str(len(header))
            raise InputError(message, file=source, row=number, met=len(row), expected=n)
    fields = [[text.strip() or None for text in row] for _, row in rows[1:]]
    try:
        return _type_aliases(pd.DataFrame(fields, columns=header, dtype=object))
    except InputError as error:
        error.file = str(source)
        raise


def _type_aliases(table: pd.DataFrame) -> pd.DataFrame:
    """Return aliases in the types of their columns, or raise."""
    for name in ("alias", "name", "iso3", "adm_level", "relation", "source"):
        if name not in table.columns:
            raise SchemaError("aliases lack a column", column=name)
        if table[name].isna().any():
            raise SchemaError("aliases lack a value", column=name)
    typed = table.assign(**{name: table.get(name) for name in ("valid_from", "valid_to")})
    try:
        typed["adm_level"] = pd.to_numeric(typed["adm_level"])
        for name in ("valid_from", "valid_to"):
            typed[name] = pd.to_datetime(typed[name], format="%Y-%m-%d").astype(DAY)
    except (TypeError, ValueError) as error:
        raise SchemaError("aliases hold a value that can't be read", met=str(error)) from error
    typed = conform(typed, ALIAS_COLUMNS).reset_index(drop=True)
    check_columns(typed, ALIAS_COLUMNS, table="aliases")
    backwards = typed.loc[typed["valid_from"] >= typed["valid_to"], "alias"]
    if len(backwards):
        message = f"alias {backwards.iloc[0]!r} ends before it begins"
        raise SchemaError(message, column="valid_to")
    return typed


def shipped_aliases(countries: Iterable[str]) -> pd.DataFrame:
    """Return the aliases that ship with riskmap for some countries; empty when there are none.

    Examples
    --------
    >>> len(shipped_aliases(["XQA"]))
    0
    """
    tables = [conform(pd.DataFrame(index=range(0)), ALIAS_COLUMNS)]
    for iso3 in sorted(set(countries)):
        with suppress(FileNotFoundError):
            tables.append(read_aliases(data_path(f"aliases/{iso3}.csv")))
    return pd.concat(tables, ignore_index=True)
