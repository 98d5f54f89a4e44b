"""Articles from files: plain text, HTML, RSS and Atom, fetched reports, or a folder of them.

Files are untrusted: XML with a document type is refused, sizes are capped, nothing is fetched.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from riskmap.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 20_000_000
_TEXT = (".txt", ".text", ".md")
_HTML = (".html", ".htm", ".xhtml")
_FEED = (".xml", ".rss", ".atom")
_REPORTS = (".json",)
_KINDS = (*_TEXT, *_HTML, *_FEED)
_TAG = re.compile(r"<[^>]{0,2000}>")
_ATOM = "{http://www.w3.org/2005/Atom}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"


@dataclass(frozen=True)
class Article:
    """A text to read, with what is known of it.

    Parameters
    ----------
    text
        Plain text.
    published
        The day it appeared, when its file says so.
    source_file
        Name of its file.
    """

    text: str
    published: date | None = None
    source_file: str | None = None


def read_articles(path: str | Path) -> list[Article]:
    """Return the articles of a file or folder, sorted by file name.

    Parameters
    ----------
    path
        A ``.txt``, ``.html``, ``.rss``, ``.atom`` or ``.xml`` file, a ``.json`` file of reports
        (``{"data": [{"report_id", "published", "title", "body"}]}``), or a folder of texts, pages
        and feeds (not below it, and no hidden files).

    Raises
    ------
    InputError
        When the file is of another kind, too big, not UTF-8, a feed that can't be parsed, or one
        that has a document type.
    MissingDependencyError
        For HTML, when the extra ``news`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.txt").write_text("A report.", encoding="utf-8")
    ...     [article.text for article in read_articles(folder)]
    ['A report.']
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        return [a for p in files if p.suffix.lower() in _KINDS for a in read_articles(p)]
    kind = path.suffix.lower()
    if kind not in (*_KINDS, *_REPORTS):
        raise InputError(
            "not an article", file=path, met=kind, expected="txt, html, rss, atom, xml or json"
        )
    content = _read(path)
    if kind in _TEXT:
        return [Article(content, None, path.name)]
    if kind in _HTML:
        return [_from_html(content, path)]
    if kind in _REPORTS:
        return list(_from_reports(content, path))
    return list(_from_feed(content, path))


def _read(path: Path) -> str:
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise InputError(
            "the file is too big", file=path, met=size, expected=f"{_MOST_BYTES} bytes"
        )
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8", file=path, met=str(error.reason), expected="UTF-8") from error


def _from_html(content: str, path: Path) -> Article:
    try:
        import htmldate
        import trafilatura
    except ImportError as error:
        raise MissingDependencyError("trafilatura", extra="news") from error
    text = trafilatura.extract(content, include_comments=False, include_tables=False)
    if not text:
        raise InputError("no article was found in the page", file=path)
    found = htmldate.find_date(
        content, extensive_search=False, original_date=True, max_date="2100-01-01"
    )
    return Article(text, date.fromisoformat(found) if found else None, path.name)


def _from_reports(content: str, path: Path) -> Iterator[Article]:
    try:
        answer = json.loads(content)
        reports = answer["data"]
        for report in reports:
            parts = [str(report[name]) for name in ("title", "body") if report.get(name)]
            number = f"{path.name}:{report['report_id']}"
            yield Article("\n".join(parts), _iso_day(report["published"]), number)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            "not a file of reports", file=path, met=str(error)[:80],
            expected='{"data": [{"report_id", "published", "title", "body"}]}',
        ) from error  # fmt: skip


def _from_feed(content: str, path: Path) -> Iterator[Article]:
    if re.search(r"<!\s*(?:DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise InputError("a feed with a document type is refused", file=path, met="<!DOCTYPE")
    try:
        root = ET.fromstring(content)  # noqa: S314 - no document type, so no entity and no file
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise InputError(
            "not a feed", file=path, met=str(error)[:80], expected="RSS or Atom"
        ) from error
    for item in root.iter("item"):
        body = item.findtext(_CONTENT) or item.findtext("description") or ""
        yield _item(item.findtext("title"), body, _rss_day(item.findtext("pubDate")), path)
    for entry in root.iter(f"{_ATOM}entry"):
        body = entry.findtext(f"{_ATOM}content") or entry.findtext(f"{_ATOM}summary") or ""
        day = entry.findtext(f"{_ATOM}published") or entry.findtext(f"{_ATOM}updated")
        yield _item(entry.findtext(f"{_ATOM}title"), body, _iso_day(day), path)


def _item(title: str | None, body: str, day: date | None, path: Path) -> Article:
    parts = [plain_text(part) for part in (title or "", body) if part.strip()]
    return Article("\n".join(parts), day, path.name)


def plain_text(markup: str) -> str:
    r"""Return the words of a piece of HTML; the result is text, and is escaped where it is shown.

    Examples
    --------
    >>> plain_text("<p>Two &amp; three</p><p>Four</p>")
    'Two & three\nFour'
    """
    lined = re.sub(r"</(?:p|div|li|h\d)>|<br ?/?>", "\n", markup, flags=re.IGNORECASE)
    lines = (" ".join(line.split()) for line in html.unescape(_TAG.sub(" ", lined)).split("\n"))
    return "\n".join(line for line in lines if line)


def _rss_day(value: str | None) -> date | None:
    try:
        return parsedate_to_datetime(value).date() if value else None
    except ValueError:
        return None


def _iso_day(value: str | None) -> date | None:
    try:
        return date.fromisoformat((value or "").strip()[:10])
    except ValueError:
        return None
