"""Encodings of text: by its mark, by the zeros of UTF-16, or Windows-1252 where it plainly is."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from riskmap.errors import InputError
from riskmap.incidents.words import key

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1 << 19
#: By how many bytes an encoding without mark is judged, and the share of zeros in UTF-16.
START, _ZEROS = 1 << 10, 0.04


def find_encoding(start: bytes, encoding: str | None, path: Path) -> str:
    """Return the encoding that is given or that the byte order mark says, else UTF-8.

    Parameters
    ----------
    start
        The first bytes of the file.
    encoding
        What is given.
    path
        The file, for messages.

    Raises
    ------
    InputError
        When nobody knows the encoding that is given.
    """
    found = next((name for bom, name in _BOMS if start.startswith(bom)), _unmarked(start))
    if encoding is None:
        return found
    try:
        name = check_encoding(encoding)
    except InputError as error:
        raise InputError.of(error, file=path.name) from error
    return "utf-8-sig" if name == "utf-8" else name


def check_encoding(encoding: str) -> str:
    """Return the name of an encoding of text.

    Raises
    ------
    InputError
        When it is none that is known.

    Examples
    --------
    >>> check_encoding("Windows-1252")
    'cp1252'
    """
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # one that is no text's, such as base64, refuses
    except (LookupError, ValueError) as error:
        expected = "an encoding of text, such as utf-8 or cp1252"
        raise InputError(
            "unknown encoding", column="encoding", met=encoding, expected=expected
        ) from error
    return name


def _unmarked(start: bytes) -> str:
    """Return the encoding of a text without mark: UTF-16 by the zeros of its marks and digits.

    Examples
    --------
    >>> _unmarked("day,n".encode("utf-16-le")), _unmarked(b"day,n")
    ('utf-16-le', 'utf-8')
    """
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) < max(2, _ZEROS * len(start)) or min(even, odd):
        return "utf-8"
    return "utf-16-le" if odd else "utf-16-be"


#: Letters of Western Europe and the signs of table programs, as Windows writes them.
_WESTERN = re.compile(rb"[\xc0-\xff\x80\x82\x84\x85\x91-\x97\xa0\xab\xb0\xba\xbb\xb7\xdf]")
_HIGH = re.compile(rb"[\x80-\xff]+")
#: Letters that stand side by side in words of Western Europe.
_PAIRS = frozenset(
    pair.encode("cp1252") for pair in ("çõ", "çã", "ÇÕ", "ÇÃ", "éé", "öß", "üß", "äß", "ñí", "ïé")
)
#: Encodings of other scripts, and how many lines may hold the names of columns.
_OTHERS, _LINES = ("cp1251", "koi8-r", "cp866", "cp1256", "gb18030", "big5"), 20
#: Of runs of bytes beyond ASCII, how many stand alone at least in a text of Western Europe.
_ALONE = 0.9


def guess_encoding(path: Path) -> str | None:
    """Return cp1252 for a file that is plainly of it; None where another may be as likely.

    Letters beyond ASCII stand alone in the words of Western Europe, and side by side in Cyrillic,
    Arabic or Chinese text. A file with any letter in UTF-8 is broken UTF-8 and nothing else.

    Parameters
    ----------
    path
        The file.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        runs = _HIGH.findall(file.read(_CHUNK))
    if not runs or any(_is_utf8(run) for run in runs):
        return None
    alone = sum(len(run) == 1 or run in _PAIRS for run in runs)
    western = all(_WESTERN.fullmatch(run[i : i + 1]) for run in runs for i in range(len(run)))
    return "cp1252" if western and alone >= _ALONE * len(runs) else None


def guess_by_names(path: Path, known: Container[str]) -> str | None:
    """Return the encoding in which most names of a file's columns are known ones, two at least.

    Parameters
    ----------
    path
        The file.
    known
        The names of columns, as :func:`riskmap.incidents.words.key` has them.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        lines = file.read(_CHUNK).split(b"\n")[:_LINES]
    counts = dict.fromkeys(_OTHERS, 0)
    for name in _OTHERS:
        for line in lines:
            fields = re.split("[,;\t|]", line.decode(name, errors="replace"))
            keys = [key(field.strip().strip('"')) for field in fields]
            found = sum(one in known and not one.isascii() for one in keys)
            counts[name] = max(counts[name], found)
    best, *others = sorted(counts, key=lambda name: -counts[name])
    return best if counts[best] > max(1, counts[others[0]]) else None


def _is_utf8(run: bytes) -> bool:
    try:
        run.decode()
    except UnicodeDecodeError:
        return False
    return True
