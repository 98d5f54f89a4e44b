"""Advisories: the report as Markdown, the canonical form that people read and diff."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.reports import OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from riskmap.outputs.reports import Report
    from riskmap.outputs.wordings import Grid

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
    headings = words["headings"]
    lines = [f"# {escape_markdown(report.title)}", "", *_pairs(report.header)]
    lines += _section(headings["judgements"], _bullets(report.judgements))
    lines += _section(headings["table"], [*_table(report.table, words["none"]), "", report.more])
    for key in OPTIONAL:
        grid = getattr(report, key)
        lines += _section(headings[key], _table_lines(grid)) if grid.rows else []
    lines += _section(headings["levels"], _table(report.levels, words["none"]))
    lines += _section(headings["drivers"], _table(report.drivers, words["none"]))
    lines += _section(headings["incidents"], _table(report.incidents, words["none"]))
    lines += _section(headings["gaps"], _table(report.gaps, words["none"]))
    mark = f"*{escape_markdown(words['sentences']['advice_mark'])}*"
    lines += _section(headings["advice"], [mark, "", *_table(report.advice, words["none"])])
    lines += _section(headings["limits"], _bullets(report.limits))
    lines += _section(headings["ledger"], _table(report.ledger, words["none"]))
    lines += _section(headings["provenance"], _pairs(report.provenance))
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(heading: str, body: Iterable[str]) -> list[str]:
    lines = [*body]
    while lines and not lines[-1]:
        lines.pop()
    return ["", f"## {heading}", "", *lines]


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"- **{escape_markdown(key)}:** {escape_markdown(value)}" for key, value in pairs]


def _bullets(sentences: Iterable[str]) -> list[str]:
    return [f"- {escape_markdown(sentence)}" for sentence in sentences]


def _table(grid: Grid, none: str) -> list[str]:
    return [*_table_lines(grid)] if grid.rows else [none]


def _table_lines(grid: Grid) -> Iterator[str]:
    yield "| " + " | ".join(map(escape_markdown, grid.head)) + " |"
    yield "|" + "---|" * len(grid.head)
    for row in grid.rows:
        yield "| " + " | ".join(map(escape_markdown, row)) + " |"
