"""Surveys: one pass over a file's bytes tells its encoding, its lines and how it starts."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from riskmap.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 1 << 19
#: The encodings whose bytes are those of ASCII text.
UTF8 = ("utf-8", "utf-8-sig")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Survey:
    """What one pass over a file's bytes tells: its encoding, its lines, its first lines.

    Parameters
    ----------
    encoding
        The encoding in which every byte decodes.
    head
        The start of the file as text.
    newlines
        Number of line feeds.
    lines
        Number of lines; the last may lack a line feed.
    has_returns
        Whether there are carriage returns that are not part of a line end.
    """

    encoding: str
    head: str
    newlines: int
    lines: int
    has_returns: bool


def survey_file(path: Path, *, encoding: str | None = None) -> Survey:
    """Return what one pass over a file tells; every byte is decoded once.

    Parameters
    ----------
    path
        The file.
    encoding
        Its encoding when known; otherwise a byte order mark decides, and then UTF-8.

    Raises
    ------
    InputError
        When the file is missing, empty, holds bytes that the encoding can't decode, or holds NUL.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> survey_file(data_path("countries.csv")).head[:9]
    'iso3,iso2'
    """
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise InputError("the file is empty", file=path.name, expected="a header and rows")
    encoding = _find_encoding(start, encoding, path)
    decoder = codecs.getincrementaldecoder(encoding)()
    head, tally = "", _Tally()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if head and encoding in UTF8 and block.isascii() and not decoder.getstate()[0]:
                found = block
            else:
                try:
                    text = decoder.decode(block, final=len(block) < BLOCK)
                except UnicodeError as error:
                    raise _undecodable(error, path, block, tally.newlines, encoding) from error
                head = head or text[: 1 << 20]
                found = block if encoding in UTF8 else text.encode()
            if b"\0" in found:
                line = tally.newlines + found[: found.index(b"\0")].count(b"\n") + 1
                raise InputError(
                    "not a text file", file=path.name, row=line, met="NUL", expected="text"
                )
            tally.add(found)
    lines = tally.newlines + (tally.last != b"\n")
    return Survey(encoding, head, tally.newlines, lines, tally.returns != tally.pairs)


class _Tally:
    """Counts of line ends over blocks of bytes."""

    def __init__(self) -> None:
        self.newlines = self.returns = self.pairs = 0
        self.last = b""

    def add(self, block: bytes) -> None:
        """Count one block."""
        self.newlines += int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n")))
        if b"\r" in block:
            self.returns += block.count(b"\r")
            self.pairs += block.count(b"\r\n")
        self.pairs += self.last == b"\r" and block.startswith(b"\n")
        self.last = block[-1:] or self.last


def _find_encoding(start: bytes, encoding: str | None, path: Path) -> str:
    """Return the encoding that is given or that the byte order mark says, else UTF-8."""
    found = next((name for bom, name in _BOMS if start.startswith(bom)), "utf-8")
    if encoding is None:
        return found
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise InputError("unknown encoding", file=path.name, met=encoding) from error
    return "utf-8-sig" if name == "utf-8" else name


def _undecodable(
    error: UnicodeError, path: Path, block: bytes, newlines: int, encoding: str
) -> InputError:
    """Return the error for bytes that the encoding does not know, with the line they are on."""
    start = error.start if isinstance(error, UnicodeDecodeError) else 0
    met = error.object[start : start + 4] if isinstance(error, UnicodeDecodeError) else block[:4]
    return InputError(
        "bytes that can't be decoded",
        file=path.name,
        row=newlines + block[:start].count(b"\n") + 1,
        met=met,
        expected=f"{encoding} text; pass encoding=, such as encoding='cp1252'",
    )
