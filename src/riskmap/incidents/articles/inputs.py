"""Articles from files: text, HTML, RSS, Atom, fetched reports, a folder; and their language.

Files are untrusted: XML with a document type is refused, sizes are capped, nothing is fetched.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from riskmap.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        A ``.txt``, ``.html``, ``.rss``, ``.atom`` or ``.xml`` file, a ``.json`` file of reports as
        ``riskmap incidents get reliefweb`` writes it, or a folder of texts, pages and feeds (not
        below it, and no hidden files).

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


#: The language that the rules read.
ENGLISH = "en"

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
#: Scripts by their letters, and the language that most texts in each are in.
_SCRIPTS: Mapping[str, re.Pattern[str]] = {
    code: re.compile(f"[{letters}]")
    for code, letters in {
        "ja": "\u3040-\u30ff", "ko": "\uac00-\ud7af", "zh": "\u4e00-\u9fff",
        "ar": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff", "ru": "\u0400-\u04ff",
        "hi": "\u0900-\u097f", "bn": "\u0980-\u09ff", "ta": "\u0b80-\u0bff", "th": "\u0e00-\u0e7f",
        "my": "\u1000-\u109f", "am": "\u1200-\u137f", "he": "\u0590-\u05ff", "el": "\u0370-\u03ff",
        "ka": "\u10a0-\u10ff", "hy": "\u0530-\u058f", "km": "\u1780-\u17ff", "lo": "\u0e80-\u0eff",
        "si": "\u0d80-\u0dff",
    }.items()
}  # fmt: skip
#: Letters that one language of a script has and its main one has not.
_OWN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ar": (("ps", "ټډړښځڅڼېۍ"), ("ur", "ٹڈڑےں"), ("fa", "پچژگک\u06cc")),
    "ru": (("uk", "іїєґ"), ("sr", "ђћџљњј")),
}
_SMALL: Mapping[str, frozenset[str]] = {
    code: frozenset(words.split())
    for code, words in {
        "en": "the of and to in a that is was for on with as by at from were have has had an it",
        "fr": "le la les des et en du une un dans est pour que qui sur au aux ont été par avec",
        "es": "el la los las de y en del que un una por con para se al fueron su tras ellos han",
        "pt": "o a os as de e em do da dos das que um uma por com para no na foi foram ao mais não",
        "de": "der die das und in den von zu mit ist auf ein eine wurde wurden bei nach dem des im",
        "it": "il la le gli di e in del della che un una per con sono è stato stati nel al da",
        "nl": "de het een en van in is op te dat met voor door werd werden zijn bij aan",
        "tr": "ve bir bu da de için ile olarak olan çok daha en ne gibi sonra kadar",
        "id": "yang dan di dari dengan untuk pada ini itu dalam oleh telah tidak adalah akan",
        "sw": "ya na wa kwa ni katika la za cha kuwa watu hii hiyo baada",
        "ha": "da na ta a ya sun an cikin wani su ba mai kan don",
        "so": "iyo oo ka ku waa in ee uu la ayaa soo si",
    }.items()
}  # fmt: skip
_ENOUGH = 0.08
#: How many characters of a text tell its language.
_READ = 2_000
_MARGIN = 1.3
_FOREIGN_SHARE = 0.3


def find_language(text: str) -> str:
    """Return the code of the language of a text; a short one in Latin letters is taken as English.

    Parameters
    ----------
    text
        The text.

    Returns
    -------
    str
        An ISO 639-1 code.

    Examples
    --------
    >>> find_language("Two miners were killed."), find_language("两名矿工遇害。")
    ('en', 'zh')
    >>> find_language("Deux mineurs ont été tués dans une attaque dans le nord du pays.")
    'fr'
    """
    text = text[:_READ]
    if text.isascii():
        return _by_small_words(text)
    letters = _LETTER.findall(text)
    if not letters:
        return ENGLISH
    joined = "".join(letters)
    counts = {code: len(pattern.findall(joined)) for code, pattern in _SCRIPTS.items()}
    script = max(counts, key=lambda code: counts[code])
    if counts[script] <= _FOREIGN_SHARE * len(letters):
        return _by_small_words(text)
    for code, own in _OWN.get(script, ()):
        if sum(joined.count(letter) for letter in own) > len(letters) / 100:
            return code
    return "ja" if script == "zh" and counts["ja"] > counts["zh"] / 10 else script


def _by_small_words(text: str) -> str:
    words = Counter(_WORD.findall(text.lower()))
    total = max(sum(words.values()), 1)
    shares = {code: sum(words[w] for w in small) / total for code, small in _SMALL.items()}
    best = max(shares, key=lambda code: (shares[code], code == ENGLISH))
    sure = shares[best] >= _ENOUGH and shares[best] > _MARGIN * shares[ENGLISH]
    return best if sure else ENGLISH
