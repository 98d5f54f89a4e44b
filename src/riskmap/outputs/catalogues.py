"""Catalogues: every fixed text of the outputs, one file a language."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FOLDER = Path(__file__).parent / "texts"


def languages() -> list[str]:
    """Return the languages that outputs can be written in.

    Examples
    --------
    >>> "en" in languages()
    True
    """
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def choose_languages(chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the languages to write in, each once; refuse what has no catalogue, and none at all.

    Raises
    ------
    InputError
        When there is no catalogue of one of them, or none is chosen.

    Examples
    --------
    >>> choose_languages(["zh", "en", "zh"])
    ('zh', 'en')
    """
    unknown = [code for code in chosen or [""] if code not in languages()]
    if unknown:
        raise InputError(
            "there are no texts in a language",
            met=unknown[0],
            expected="one of " + ", ".join(languages()),
        )
    return tuple(dict.fromkeys(chosen))


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """Return the fixed texts of a language.

    Raises
    ------
    InputError
        When there is no such catalogue.

    Examples
    --------
    >>> catalogue("en")["levels"]["extreme"]
    'extreme'
    """
    choose_languages([language])
    text = (_FOLDER / f"{language}.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
