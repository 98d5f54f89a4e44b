"""Catalogues: every fixed text of the outputs, one file a language; and the templates they fill."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from riskmap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "texts"
#: The language whose files have plain names.
PLAIN = "en"
_TEMPLATES = Path(__file__).parent / "templates"


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
    return choose(chosen or [""], languages(), what="there are no texts in a language")


def choose(chosen: Iterable[str], known: Iterable[str], *, what: str) -> tuple[str, ...]:
    """Return what is chosen, each once; refuse what isn't known, in a sentence that begins so.

    Examples
    --------
    >>> choose(["b", "a", "b"], "ab", what="an unknown letter")
    ('b', 'a')
    """
    names = list(known)
    for one in chosen:
        if one not in names:
            raise InputError(what, met=one, expected="one of " + ", ".join(names))
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
    return MappingProxyType({"code": language} | tomllib.loads(text))


def file_name(plain: str, language: str) -> str:
    """Return what a file is called in a language: in English as it is, else with its code.

    Examples
    --------
    >>> file_name("map.html", "en"), file_name("map.html", "zh")
    ('map.html', 'map.zh.html')
    """
    path = Path(plain)
    return plain if language == PLAIN else f"{path.stem}.{language}{path.suffix}"


def read_template(name: str) -> str:
    """Return a file of the templates without its indentation, which no reader needs."""
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    return "\n".join(line.lstrip(" ") for line in text.split("\n"))


def render_html(name: str, **values: Any) -> str:
    """Return a page; values are escaped unless they are Markup."""
    return _environment(is_xml=False).from_string(read_template(name)).render(values)


def render_xml(name: str, **values: Any) -> bytes:
    """Return an XML document whose elements stand close to each other, its head on a line.

    Examples
    --------
    >>> data = render_xml("table.qml", fields=[("name", "<Region>")])
    >>> data.decode().splitlines()[1].partition("<aliases>")[2].partition(" />")[0]
    '<alias index="0" field="name" name="&lt;Region&gt;"'
    """
    head, _, body = read_template(name).partition("\n")
    template = _environment(is_xml=True).from_string(body.replace("\n", ""))
    return f"{head}\n{template.render(values)}".encode()


@cache
def _environment(*, is_xml: bool) -> Environment:
    """Return what fills templates in; pages are escaped but for Markup, XML is always."""
    from jinja2 import Environment, StrictUndefined

    return Environment(
        autoescape=not is_xml,  # noqa: S701 - finalize escapes each value of XML
        finalize=(lambda value: escape(str(value), {'"': "&quot;"})) if is_xml else None,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
