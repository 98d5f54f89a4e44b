"""Spellings of one name brought together, in any script.

Ever wider foldings, each a pure function of one text:

- :func:`fold_name` removes what spelling rules and keyboards add: case, accents, joiners, dashes,
  the izafa, "and", "district". Perso-Arabic letters that look or sound alike become one letter.
- :func:`sound_name` writes the folded name in a few Latin letters, whatever its script, so that
  *Keshem* and *Kishim* are one.
- :func:`consonant_key` keeps the consonants alone, so that *کشم* joins them.
- :func:`skeleton` keeps the shapes of Perso-Arabic letters without their dots, which typists
  and old fonts lose.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from anyascii import anyascii

from riskmap.settings import data_path

_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_APOSTROPHES = re.compile("['`´ʻʼʽʾʿ\u2018\u2019\u201b′]")  # noqa: RUF001 - the signs meant
_NOT_WORDS = re.compile(r"[\W_]+")
_ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f]")
_REPEATED = re.compile(r"(.)\1+")
_NO_CONSONANTS = re.compile("[aiuwh ]+")
_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_PARTS = re.compile(r"[/|;]")

#: Foldings kept at hand: a name is folded the same way at several stages.
_REMEMBERED = 4096


@dataclass(frozen=True)
class _Spellings:
    """Which letters and words are brought together: ``data/places/spellings.toml``."""

    letters: dict[int, str]
    arabic_sounds: dict[int, str]
    shapes: dict[int, str]
    latin_sounds: dict[str, str]
    words: dict[str, frozenset[str]]


@cache
def _spellings() -> _Spellings:
    told = tomllib.loads(data_path("places/spellings.toml").read_text(encoding="utf-8"))
    letters, arabic_sounds, shapes = (
        {ord(letter): one for one, letters in told[name].items() for letter in letters}
        for name in ("letters", "arabic_sounds", "shapes")
    )
    words = {kind: frozenset(words) for kind, words in told["words"].items()}
    return _Spellings(letters, arabic_sounds, shapes, told["latin_sounds"], words)


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
    generic, joints = (_spellings().words[kind] for kind in ("generic", "joints"))
    words = [word for word in words if word not in generic]
    return " ".join(word for i, word in enumerate(words) if i == 0 or word not in joints)


def _plain(text: str) -> str:
    """Return a text without invisible signs, marks and case."""
    letters = _spellings().letters
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
    sound = fold_name(text).translate(_spellings().arabic_sounds)
    if not sound.isascii():
        sound = anyascii(sound).lower()
    for group, letter in _spellings().latin_sounds.items():
        sound = sound.replace(group, letter)
    return _REPEATED.sub(r"\1", sound)


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
    return folded.replace(" ", "").translate(_spellings().shapes) if _ARABIC.search(folded) else ""


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
