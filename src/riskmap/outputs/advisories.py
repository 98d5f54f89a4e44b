"""Advisories: the report as Markdown, the canonical form that people read and diff."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.reports import SAID
from riskmap.outputs.wordings import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from riskmap.outputs.reports import Report

_SPECIAL = re.compile(
    r"([\\`*_\[\]|~@$]|:(?=//)|(?<=mailto):|(?<=xmpp):|(?<=www)\.)", re.IGNORECASE
)
_LINE_START = re.compile(r"^(?:(\d+)([.)])(?=\s|$)|([-+#=]))")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape_markdown(text: str) -> str:
    r"""Return text that Markdown shows as it is: no markup, no HTML, no link.

    Examples
    --------
    >>> print(escape_markdown("[x](https://a.b) <b>|"))
    \[x\](https\://a.b) &lt;b&gt;\|
    """
    flat = " ".join(text.split())
    return _LINE_START.sub(r"\1\\\2\3", _SPECIAL.sub(r"\\\1", flat.translate(_ENTITIES)))


def to_markdown(report: Report) -> str:
    """Return a report as Markdown that is read in two minutes.

    Parameters
    ----------
    report
        What it says.

    Returns
    -------
    str
        CommonMark with tables; all text from incidents and regions is escaped.
    """
    words = catalogue(report.language)
    lines = [f"*{escape_markdown(report.mark)}*", "", f"# {escape_markdown(report.title)}", ""]
    lines += [f"**{escape_markdown(report.subtitle)}**", "", *_pairs(report.header)]
    if report.notice:
        lines += ["", f"> **{escape_markdown(report.notice)}**"]
    for key, heading, content in report.sections():
        said = words["sentences"].get(SAID.get(key))
        lines += ["", f"## {heading}", ""]
        lines += [f"*{escape_markdown(said)}*", ""] if said else []
        lines += _body(content, words["none"])
        if key == "table" and report.more:
            lines += ["", report.more]
    return "\n".join(lines).rstrip("\n") + "\n"


def _body(content: Grid | tuple[Any, ...], none: str) -> list[str]:
    """Return a section's content: a table, sentences, or pairs of label and value."""
    if isinstance(content, Grid):
        return _table(content, none)
    return [*map(_item, content)]


def _item(item: str | tuple[str, str]) -> str:
    return f"- {escape_markdown(item)}" if isinstance(item, str) else _pair(item)


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [_pair(pair) for pair in pairs]


def _pair(pair: tuple[str, str]) -> str:
    key, value = map(escape_markdown, pair)
    return f"- **{key}:** {value}"


def _table(grid: Grid, none: str) -> list[str]:
    return [*_table_lines(grid)] if grid.rows else [none]


def _table_lines(grid: Grid) -> Iterator[str]:
    yield "| " + " | ".join(map(escape_markdown, grid.head)) + " |"
    yield "|" + "---|" * len(grid.head)
    for row in grid.rows:
        yield "| " + " | ".join(map(escape_markdown, row)) + " |"
