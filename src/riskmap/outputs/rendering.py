"""Rendering: the templates that stand beside, filled in; what is put in is text, never markup."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from jinja2 import Environment, StrictUndefined

_FOLDER = Path(__file__).parent / "templates"
_HTML = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
_XML = Environment(
    autoescape=False,  # noqa: S701 - finalize escapes every value
    finalize=lambda value: escape(str(value), {'"': "&quot;"}),
    undefined=StrictUndefined,
)


def read_template(name: str) -> str:
    """Return a file of the templates without its indentation, which no reader needs."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    return "\n".join(line.lstrip(" ") for line in text.split("\n"))


def render_html(name: str, **values: Any) -> str:
    """Return a page; values are escaped unless they are Markup."""
    return _HTML.from_string(read_template(name)).render(values)


def render_xml(name: str, **values: Any) -> bytes:
    """Return an XML document whose elements stand close to each other, its head on a line.

    Examples
    --------
    >>> data = render_xml("alerts.atom", title="<a>", tag="b", identifier="c", updated="d",
    ...                   sender="e", entries=[])
    >>> data.decode()[40:].strip().partition("<id>")[0]
    '<feed xmlns="http://www.w3.org/2005/Atom"><title>&lt;a&gt;</title>'
    """
    head, _, body = read_template(name).partition("\n")
    return f"{head}\n{_XML.from_string(body.replace(chr(10), '')).render(values)}".encode()
