"""Opening tables: the rows of any kind of file as text, the feed that they are of, and its parts.

One function a kind of file; a file that is read whole is one part.
"""

from __future__ import annotations

import csv
import io
import warnings
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.errors import InputError, RiskmapWarning
from riskmap.incidents.delimited import (
    DELIMITERS,
    RawTable,
    check_width,
    read_header,
    read_rows,
    sniff_text,
    split_fields,
)
from riskmap.incidents.feeds import every_feed, find_headerless, recognise
from riskmap.incidents.feeds.machine_coded import find_other_table
from riskmap.incidents.feeds.own_columns import (
    TITLE_ROWS,
    compose_columns,
    find_header,
    known_names,
)
from riskmap.incidents.packed_files import (
    JSON,
    PACKED,
    SHEETS,
    guess_by_names,
    guess_encoding,
    kind_of,
    laid_out,
)
from riskmap.incidents.parts import (
    NO_FILE,
    PARQUET,
    Block,
    Part,
    RowGroups,
    read_arrow,
    read_folder,
    split_file,
    split_parquet,
)
from riskmap.incidents.reading_options import ReadingOptions
from riskmap.incidents.scope import ScopeRules
from riskmap.incidents.structured import read_frame, read_json_table
from riskmap.incidents.words import unique_names
from riskmap.incidents.workbooks import read_workbook
from riskmap.schema import check_incidents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from riskmap.incidents.delimited import TextFile
    from riskmap.incidents.feeds.mappings import Feed
    from riskmap.incidents.feeds.own_columns import Header
    from riskmap.incidents.scope import Scope

_HEAD = 1 << 16


def as_source(path: Any) -> Any:
    """Return what a caller names: a Parquet file as its row groups, a path, or the rows."""
    if isinstance(path, pd.DataFrame):
        return path
    if hasattr(path, "__arrow_c_stream__"):
        return read_arrow(path)
    if not isinstance(path, str | Path):
        return path
    return RowGroups(Path(path)) if _is_parquet(Path(path)) else Path(path)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in PARQUET or kind_of(path) in PARQUET


def load_rows(source: Any) -> tuple[Any, str]:
    """Return a source, and of what comes with Arrow its rows and what they are called."""
    if isinstance(source, RowGroups):
        return source.read(), source.name
    if isinstance(source, Path) and source.is_dir():
        return read_folder(source), source.name
    return source, NO_FILE


def split_source(
    source: Any, *, scope: Scope | str | None = None, options: ReadingOptions | None = None
) -> Iterator[Part]:
    """Yield the parts of a source.

    What a source can see is inferred from its rows only where it is one part: no part shows what
    the others hold.

    Parameters
    ----------
    source
        A file, a folder of Parquet files, or an Incidents table.
    scope
        As for :func:`riskmap.read_incidents`.
    options
        How it is read.

    Raises
    ------
    InputError
        When a file is missing or of no known feed, or a scope holds an unknown word.
    """
    if isinstance(source, pd.DataFrame):
        check_incidents(source)
        yield Part(source)
        return
    parts = list(_split(Path(source), options or ReadingOptions()))
    rules = ScopeRules.read(scope, path=source, is_whole=len(parts) == 1)
    yield from (replace(part, scope=rules) for part in parts)


def _split(path: Path, options: ReadingOptions) -> Iterator[Part]:
    """Yield the parts of a file or folder."""
    if path.is_dir() or _is_parquet(path):
        yield from map(Part, split_parquet(path))
    elif kind_of(path) in (*JSON, *SHEETS, *PACKED):
        yield Part(path)
    else:
        feed, start = _peek_text(path, options)
        if start > 2:  # noqa: PLR2004 - titles above the header, or two rows of it, are no block's
            yield Part(path, feed)
            return
        yield from (Part(block, feed) for block in split_file(path, has_header=start > 1))


def _peek_text(path: Path, options: ReadingOptions) -> tuple[str, int]:
    """Return the feed of a text file, and the line of its first row below any header."""
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    with path.open("rb") as file:
        size = len(file.read(_HEAD) + file.readline())
    raw, feed = open_tables(Block(path, b"", 0, size, 1), options)[0]
    return feed.name, int(raw.lines[0])


def open_table(source: Any, *, every: bool = False, **options: Any) -> tuple[RawTable, Feed]:
    """Return the rows of a source as text and the feed that they are of.

    Parameters
    ----------
    source
        As for :func:`riskmap.read_incidents`, or what a part of a source is.
    every
        Whether rows are kept as they stand, with columns that the feed does not read.
    **options
        As for :class:`ReadingOptions`.

    Raises
    ------
    InputError
        When the file as a whole can't be used.

    Examples
    --------
    >>> raw, feed = open_table(pd.DataFrame({"date": ["2024-03-31"], "place": ["Aville"]}))
    >>> len(raw), feed.name
    (1, 'generic')
    """
    return open_tables(source, ReadingOptions(**options), every=every)[0]


def open_tables(
    source: Any, options: ReadingOptions, *, every: bool = False, name: str = NO_FILE
) -> list[tuple[RawTable, Feed]]:
    """Return what :func:`open_table` does, of a workbook for each of its sheets that is read.

    Parameters
    ----------
    source, every
        As for :func:`open_table`.
    options
        How it is read.
    name
        What rows that come from no file are called.

    Raises
    ------
    InputError
        When the file as a whole can't be used.

    Examples
    --------
    >>> rows = pd.DataFrame({"date": ["2024-03-31"], "place": ["Aville"]})
    >>> [len(raw) for raw, _ in open_tables(rows, ReadingOptions())]
    [1]
    """
    chosen = None if options.feed is None else _feed_named(options.feed)
    if options.columns is not None and chosen is None:
        chosen = _feed_named("generic")
    source, own = load_rows(as_source(source))
    if isinstance(source, pd.DataFrame):
        name = name if own == NO_FILE else own
        raw = read_frame(source, name=name)
        opened = [(raw, chosen or recognise(raw.header))]
    else:
        opened = _from_file(source, chosen, options, every=every)
    if options.sheets and not any(raw.sheet for raw, _ in opened):
        told = f"{opened[0][0].name} has no sheets; sheet={', '.join(options.sheets)!r} is of a"
        warnings.warn(f"{told} workbook, and all rows are read", RiskmapWarning, stacklevel=2)
    return [_understand(raw, found, options, every=every) for raw, found in opened]


def _understand(
    raw: RawTable, found: Feed | None, options: ReadingOptions, *, every: bool
) -> tuple[RawTable, Feed]:
    """Return rows with the columns and words that theirs stand for, and their feed."""
    written = raw
    if found is None or (found.reads is None and not every):
        raw = compose_columns(raw)
    found = found or recognise(raw.header)
    if found is None:
        raise _unknown_columns(written)
    options.check(raw, found)
    if options.words:
        raw = options.translate(raw, found)
    if options.columns is None and "event_date" not in found.sources_of(raw.header):
        raise InputError(
            f"no date of {found.title}",
            file=raw.name,
            row=1,
            met=", ".join(raw.header)[:200],
            expected=", ".join(found.date_columns),
        )
    return raw, found


def _feed_named(name: str) -> Feed:
    """Return a feed by its name."""
    named = {feed.name: feed for feed in every_feed()}
    if name not in named:
        raise InputError("unknown feed", met=name, expected="one of " + ", ".join(named))
    return named[name]


def _unknown_columns(raw: RawTable) -> InputError:
    """Return the error for a table that no feed's columns fit, in none of its first rows."""
    return InputError(
        "columns of no known feed",
        file=raw.name,
        row=1,
        met=", ".join(raw.header)[:200],
        expected="a date and a place, a known feed's columns, or columns={'event_date': ...}",
    )


def _from_file(
    source: Path | Block, feed: Feed | None, options: ReadingOptions, *, every: bool
) -> list[tuple[RawTable, Feed | None]]:
    """Return the rows of a file or a block of one and its feed, also those of a packed file.

    Of a workbook those of each sheet that is read.
    """
    columns = options.columns

    def fits(header: tuple[str, ...]) -> bool:
        if columns is not None:
            return set(columns.values()) <= set(header)
        own = feed or recognise(header)
        if own is None:
            return False
        return "event_date" in own.sources_of(header) or (feed is None and own.reads is None)

    def find(rows: Sequence[Sequence[str]]) -> Header | None:
        return find_header(rows, fits, known_names())

    with laid_out(source) as plain:
        kind = kind_of(plain)
        if kind in (*JSON, *SHEETS):
            tables = (
                [read_json_table(plain, _is_of_a_feed)]
                if kind in JSON
                else read_workbook(plain, find, sheets=options.sheets)
            )
            opened = [(raw, feed or recognise(raw.header)) for raw in tables]
        else:
            whole = source.path if isinstance(source, Block) else plain
            opened = [_from_text(plain, whole, feed, options, find, every=every)]
        name = plain.name
    if isinstance(source, Block):
        before = source.line - 1 - bool(source.header)  # lines of the whole file, its header aside
        return [(replace(raw, lines=raw.lines + before), own) for raw, own in opened]
    return [
        (replace(raw, name=source.name + raw.name.removeprefix(name)), own) for raw, own in opened
    ]


def _is_of_a_feed(header: Iterable[str]) -> bool:
    """Return whether columns are those of a feed, which knows what is within them."""
    own = recognise(header)
    return own is not None and own.reads is not None


def _from_text(
    path: Path,
    whole: Path,
    feed: Feed | None,
    options: ReadingOptions,
    find: Callable[[Sequence[Sequence[str]]], Header | None],
    *,
    every: bool,
) -> tuple[RawTable, Feed | None]:
    """Return a text's rows and its feed; bytes that are not UTF-8 get the feed's own encoding.

    Which one it may be is asked of the whole file that a block is of: one broken byte of a part
    makes no other encoding.
    """
    encoding = options.encoding
    try:
        file = sniff_text(path, encoding=encoding)
    except InputError as error:
        known = feed or _peek_header(path)
        own = None if known is None or known.encoding == "utf-8" else known.encoding
        other = options.usual_encoding or own or guess_encoding(whole)
        other = other or guess_by_names(whole, known_names())
        if encoding is not None or other is None:
            raise
        try:
            file = sniff_text(path, encoding=other)
        except InputError:
            raise error from None
    header, optional = _text_header(file, feed, find), 0
    other = find_other_table(header.header) if feed is None and options.columns is None else None
    if other is not None:
        raise InputError(
            f"GDELT's {other} lists articles and what they speak of, and no events",
            file=path.name,
            expected="GDELT's event files of the same days (.export.CSV), or the articles "
            "themselves with riskmap extract",
        )
    own_feed = feed or recognise(header.header)
    if found := find_headerless(header.header):
        own_feed, names = found
        header = replace(header, header=names, lines=np.zeros(1, np.int64))
        optional = 0 if every else own_feed.optional
    keep = None if own_feed is None or every else own_feed.kept(header.header)
    return read_rows(file, header, keep=keep, optional=optional), feed or own_feed


def _text_header(
    file: TextFile,
    feed: Feed | None,
    find: Callable[[Sequence[Sequence[str]]], Header | None],
) -> RawTable:
    """Return a text's header: its first line if that is a known feed's, else where it is found."""
    error, first = None, None
    try:
        first = read_header(file)
    except InputError as met:
        error = met
    if first is not None:
        check_width(len(first.header), first.name)
    own = None if first is None else feed or recognise(first.header)
    if first is not None and own is not None and own.reads is not None:
        return first
    best = _find_header(file, find) or first
    if best is None:
        raise error or InputError("not a table", file=file.path.name)
    return best


def _find_header(
    file: TextFile, find: Callable[[Sequence[Sequence[str]]], Header | None]
) -> RawTable | None:
    """Return the header under any titles, by the delimiter that finds most, without rows."""
    best: RawTable | None = None
    for mark in DELIMITERS:
        rows: list[list[str]] = []
        stops: list[int] = []
        reader = split_fields(io.StringIO(file.head, newline=""), mark)
        with suppress(csv.Error):
            for row in islice(reader, TITLE_ROWS + 1):
                rows.append(row)
                stops.append(reader.line_num)
        header = find(rows)
        if header is None or (best is not None and len(header.names) <= len(best.header)):
            continue
        best = RawTable(
            name=file.path.name,
            header=unique_names(header.names, quoted=mark == "\t"),
            rows=pd.DataFrame(),
            lines=np.array([stops[header.stop - 1]]),
            encoding=file.encoding,
            delimiter=mark,
        )
    return best


def _peek_header(path: Path) -> Feed | None:
    """Return the feed of a file by its first line, whatever the encoding of the others."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        line = file.readline(_HEAD)
    return recognise(next(split_fields(io.StringIO(line.decode("latin-1"), newline=""), ","), []))
