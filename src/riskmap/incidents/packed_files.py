"""What a file is, by its first bytes and whatever its name: its kind, its encoding, what it packs.

What an address names is copied by fsspec, and nothing else goes through it. Text is of the
encoding that its mark or the zeros of UTF-16 tell, or of Windows-1252 where it plainly is.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError, OfflineError, importing
from riskmap.incidents.parts import Block
from riskmap.incidents.scope import scope_path
from riskmap.incidents.words import key
from riskmap.settings import OFFLINE_VARIABLE, is_offline

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from typing import BinaryIO

#: Kinds of file that are no delimited text.
JSON, SHEETS = (".json", ".geojson"), (".xlsx", ".xlsm")
PACKED = (".zip", ".gz")
#: Names of JSON with one record a line.
LINES = (".ndjson", ".jsonl")
#: Names that end so hold tables; others that are packed with them are left alone.
TABLES = (".csv", ".tsv", ".tab", ".txt", *JSON, *LINES, *SHEETS)
#: How many times its own size a packed file may take, what is allowed to any, and what to none.
UNPACKED, UNPACKED_BYTES, LARGEST_FILE = 100, 1 << 26, 1 << 33
_ZIP, _GZIP, _OLE = b"PK\x03\x04", b"\x1f\x8b", bytes.fromhex("D0CF11E0A1B11AE1")
_BROKEN = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_PIECE = 1 << 20
_SAVE = "a table; save it as XLSX or CSV"
#: What other files begin with.
_OTHERS = (
    (b"%PDF", "a PDF file", "a table; a PDF has none that can be read"),
    (b"SQLite format 3", "a database (SQLite, GeoPackage)", "a table; geopandas reads it"),
    (b"7z\xbc\xaf", "a 7z archive", "a zip or gzip file"),
    (b"Rar!", "a RAR archive", "a zip or gzip file"),
    (b"BZh", "a bzip2 file", "a zip or gzip file"),
    (b"\xfd7zXZ", "an xz file", "a zip or gzip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "a zip or gzip file"),
    (b"{\\rtf", "an RTF document", _SAVE),
    (b"fgb\x03", "a FlatGeobuf file", "a table; geopandas reads it"),
    (b"ARROW1", "an Arrow file", "a Parquet file"),
)
_HTML = re.compile(rb"\s*<(?:!doctype\s+html|html|table|head|body|style)", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml")
_RECORDS = re.compile(rb'\s*(?:\[\s*\{\s*["}]|\{\s*")')
#: What a zip file holds that is a document and no packed table.
_DOCUMENTS = (
    ("xl/workbook.bin", "a binary workbook (XLSB)", _SAVE),
    ("word/document.xml", "a text document (DOCX)", "a table; copy it to a workbook"),
    ("ppt/presentation.xml", "a presentation (PPTX)", "a table; copy it to a workbook"),
    ("content.xml", "an OpenDocument file (ODS)", _SAVE),
    ("Index/Document.iwa", "a Numbers document", _SAVE),
)


def kind_of(path: Path) -> str:
    """Return the kind of a file as the end of a name: by its first bytes, else by its name.

    Parameters
    ----------
    path
        The file; one that is missing is of the kind that its name says.

    Raises
    ------
    InputError
        When it is of a kind that can't be read, which the message names.

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.csv"
    ...     _ = file.write_text('[{"date": "2031-05-01"}]')
    ...     kind_of(file)
    '.json'
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        return suffix
    with path.open("rb") as file:
        start = file.read(512).removeprefix(b"\xef\xbb\xbf")
    if start.startswith(_ZIP):
        return _kind_of_zip(path)
    for mark, kind in ((_GZIP, ".gz"), (b"PAR1", ".parquet")):
        if start.startswith(mark):
            return kind
    if start.startswith(_OLE):
        locked = "EncryptedPackage".encode("utf-16-le") in path.read_bytes()[: 1 << 24]
        met = "a workbook with a password" if locked else "a workbook of Excel 97 to 2003 (XLS)"
        raise _other_kind(path, met, "one without" if locked else _SAVE)
    for mark, met, expected in _OTHERS:
        if start.startswith(mark):
            raise _other_kind(path, met, expected)
    if _HTML.match(start):
        raise _other_kind(path, "a web page (HTML)", _SAVE)
    if _XML.match(start):
        raise _other_kind(path, "an XML file", _SAVE)
    if _RECORDS.match(start):
        return ".json"
    is_other = suffix in PACKED or (suffix in (*SHEETS, *JSON) and _is_table_of_text(start))
    return ".csv" if is_other else suffix


def _is_table_of_text(start: bytes) -> bool:
    """Return whether bytes are those of a table of text that has a wrong name."""
    plain = start[:1] not in (b"", b"[", b"{") and b"\0" not in start
    return plain and b"\n" in start and any(mark in start for mark in b",;\t|")


def _kind_of_zip(path: Path) -> str:
    """Return the kind of a zip file: a workbook, or packed tables."""
    try:
        with zipfile.ZipFile(path) as packed:
            names = set(packed.namelist())
    except _BROKEN as error:
        if path.suffix.lower() in SHEETS:
            raise InputError(
                f"not a spreadsheet, or a broken one: {error}",
                file=path.name,
                expected="an XLSX file",
            ) from error
        return ".zip"
    if "xl/workbook.xml" in names:
        return ".xlsx"
    for name, met, expected in _DOCUMENTS:
        if name in names:
            raise _other_kind(path, met, expected)
    return ".zip"


def _other_kind(path: Path, met: str, expected: str) -> InputError:
    text = "a file of a kind that can't be read"
    return InputError(text, file=path.name, met=met, expected=expected)


@contextmanager
def laid_out(source: Path | Block) -> Iterator[Path]:
    """Yield a plain file: a file itself, or for as long as it is needed what is packed in it.

    Packing is told by the first bytes, whatever the name. Of a block its rows are laid out.

    Parameters
    ----------
    source
        The file, or a block of one.

    Raises
    ------
    InputError
        When it is packed and holds no table or several, is cut short, too large, or has a
        password.

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.csv.gz"
    ...     _ = file.write_bytes(gzip.compress(b"date,place"))
    ...     with laid_out(file) as plain:
    ...         plain.name, plain.read_text()
    ('a.csv', 'date,place')
    """
    kind = kind_of(source) if isinstance(source, Path) else ""
    if isinstance(source, Path) and not (kind in PACKED and source.is_file()):
        yield source
        return
    with TemporaryDirectory() as folder:
        if isinstance(source, Block):
            plain = Path(folder) / source.path.name
            source.copy_to(plain)
        else:
            try:
                plain = (_from_zip if kind == ".zip" else _from_gzip)(source, Path(folder))
            except _BROKEN as error:
                raise InputError(
                    f"can't be unpacked: {error}",
                    file=source.name,
                    expected="a whole zip or gzip file",
                ) from error
        yield plain


def _from_gzip(path: Path, folder: Path) -> Path:
    plain = folder / (path.stem if path.suffix.lower() == ".gz" else path.name)
    with gzip.open(path) as packed:
        return _unpack(packed, plain, path)


def _from_zip(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as packed:
        names = [name for name in packed.namelist() if _is_table(PurePosixPath(name))]
        if len(names) != 1:
            raise InputError(
                f"{len(names)} tables are packed in it",
                file=path.name,
                met=", ".join(names or packed.namelist())[:200],
                expected="one (" + ", ".join(TABLES) + "); unpack it and name the file",
            )
        size = packed.getinfo(names[0]).file_size
        with packed.open(names[0]) as source:
            return _unpack(source, folder / PurePosixPath(names[0]).name, path, size)


def _is_table(name: PurePosixPath) -> bool:
    """Return whether a packed file is a table, and not what an archiver put beside it."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return name.suffix.lower() in TABLES and not hidden


def _unpack(packed: Any, plain: Path, path: Path, size: int = 0) -> Path:
    """Write what is packed as a file, up to the largest size; `size` is what it states."""
    target: BinaryIO
    bound = min(max(UNPACKED * path.stat().st_size, UNPACKED_BYTES), LARGEST_FILE)
    with plain.open("wb") as target:
        while piece := packed.read(_PIECE):
            target.write(piece)
            if max(size, target.tell()) > bound:
                raise InputError(
                    "too large when unpacked",
                    file=path.name,
                    expected=f"{bound:,} bytes: {UNPACKED} times the file",
                )
    return plain


_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)(?:::|://)")
#: What is reached without a connection.
_NEAR = ("file", "local", "memory")


def is_address(path: Any) -> bool:
    """Return whether a text is an address, such as ``s3://desk/log.csv``, and no path.

    Examples
    --------
    >>> is_address("s3://desk/log.csv"), is_address("desk/log.csv")
    (True, False)
    """
    return isinstance(path, str) and _ADDRESS.match(path) is not None


@contextmanager
def local_copy(path: Any) -> Iterator[Any]:
    """Yield what is named, of an address a copy of its file or folder for as long as it is read.

    A file beside it that states its scope comes with it. What opens an address, and its keys, is
    fsspec's: ``s3://`` wants ``s3fs``, ``gs://`` wants ``gcsfs``.

    Parameters
    ----------
    path
        An address as text; everything else is yielded as it is.

    Raises
    ------
    InputError
        When nothing is there, nothing installed opens such addresses, or the file is too large.
    MissingDependencyError
        When fsspec is not installed (extra ``remote``).
    OfflineError
        When a connection would be needed, and ``RISKMAP_OFFLINE`` forbids it.

    Examples
    --------
    >>> with local_copy("log.csv") as near:
    ...     near
    'log.csv'
    """
    if not is_address(path):
        yield path
        return
    if is_offline() and not path.startswith(_NEAR):
        raise OfflineError(f"{path} can't be read: {OFFLINE_VARIABLE} forbids it")
    with importing("fsspec", extra="remote"):
        from fsspec.core import url_to_fs
    with TemporaryDirectory(prefix="riskmap-") as folder:
        try:
            files, inner = url_to_fs(path)
            near = _fetch(files, inner.rstrip("/"), Path(folder), path)
        except (OSError, ValueError, ImportError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError("can't be read", file=path, met=str(error)[:200]) from error
        yield near


def _fetch(files: Any, inner: str, folder: Path, address: str) -> Path:
    """Copy a file or folder, and what states its scope, and return where the copy is."""
    near = folder / inner.rpartition("/")[2]
    if files.isdir(inner):
        files.get(inner, str(near), recursive=True)
    else:
        if (size := files.size(inner) or 0) > LARGEST_FILE:
            raise InputError(
                "too large", file=address, met=size, expected=f"{LARGEST_FILE:,} bytes"
            )
        files.get_file(inner, str(near))
    beside = scope_path(inner)
    if files.exists(str(beside)):
        files.get_file(str(beside), str(folder / beside.name))
    return near


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
_ENCODINGS, _LINES = ("cp1251", "koi8-r", "cp866", "cp1256", "gb18030", "big5"), 20
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
    counts = dict.fromkeys(_ENCODINGS, 0)
    for name in _ENCODINGS:
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
