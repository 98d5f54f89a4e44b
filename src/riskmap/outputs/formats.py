"""Formats: what a layer can be written as. A new format is one entry of each table at the end.

Packages are imported when a format is written, so that the names alone cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from riskmap.errors import InputError
from riskmap.outputs.catalogues import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from riskmap.outputs.bundles import Bundle

    Writer = Callable[[Bundle, Path, str], str | bytes | Iterable[bytes] | None]

#: The language whose files have plain names; others stand before the suffix: ``map.zh.html``.
PLAIN = "en"


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    files
        The names of its files.
    translated
        Whether there is a file for each language.
    suffixes
        Paths that end so are answered with the first file (``layer.to_file``).
    extra
        The extra of riskmap that brings the packages it needs.
    """

    files: tuple[str, ...]
    translated: bool = False
    suffixes: tuple[str, ...] = ()
    extra: str = ""

    def write(self, bundle: Bundle, folder: Path, *, languages: Sequence[str]) -> None:
        """Write all files into a folder."""
        for name in self.files:
            for language in languages if self.translated else (PLAIN,):
                plain = Path(name)
                told = "" if language == PLAIN else f".{language}"
                path = folder / f"{plain.stem}{told}{plain.suffix}"
                write_file(name, bundle, path, language=language)


def write_file(name: str, bundle: Bundle, path: Path, *, language: str = PLAIN) -> None:
    """Write one of the files of a format to a path that is not there yet.

    One that has nothing to say writes no file.
    """
    made = _writers()[name](bundle, path, language)
    if isinstance(made, str):
        made = made.encode()
    if made is not None:
        with path.open("wb") as file:
            file.writelines([made] if isinstance(made, bytes) else made)


def choose_formats(formats: Sequence[str] | None) -> tuple[str, ...]:
    """Return the formats to write, all of them when None; refuse what isn't known.

    Raises
    ------
    InputError
        When a format is unknown.

    Examples
    --------
    >>> choose_formats(["csv", "map", "csv"])
    ('csv', 'map')
    """
    return choose(FORMATS if formats is None else formats, FORMATS, what="an unknown format")


def find_file(path: Path) -> str:
    """Return the name of the one file that a path's suffix asks for, by which it is written.

    Raises
    ------
    InputError
        When the suffix is of no kind of file that holds a layer.

    Examples
    --------
    >>> find_file(Path("risk.txt"))
    Traceback (most recent call last):
    riskmap.errors.InputError: no file that holds a layer: met 'risk.txt', expected one of .geojson, .json, .csv, .gpkg, .parquet, .pmtiles
    """  # noqa: E501 - one line of an error
    files = {end: one.files[0] for one in FORMATS.values() for end in one.suffixes}
    if path.suffix.lower() not in files:
        raise InputError(
            "no file that holds a layer", met=path.name, expected="one of " + ", ".join(files)
        )
    return files[path.suffix.lower()]


def describe_formats() -> str:
    """Return the names of all formats in one line, those that need an extra with it.

    Examples
    --------
    >>> describe_formats().split(", ")[-3:]
    ['docx (extra report)', 'cap', 'atom']
    """
    named = ((name, f" (extra {one.extra})" if one.extra else "") for name, one in FORMATS.items())
    return ", ".join(name + needs for name, needs in named)


#: Every format by its name.
FORMATS = {
    "geojson": Format(("risk.geojson", "risk.qml"), suffixes=(".geojson", ".json")),
    "csv": Format(("risk.csv", "risk_long.csv"), suffixes=(".csv",)),
    "gpkg": Format(("risk.gpkg",), suffixes=(".gpkg",)),
    "parquet": Format(("risk.parquet",), suffixes=(".parquet",), extra="parquet"),
    "pmtiles": Format(("risk.pmtiles", "risk.style.json"), suffixes=(".pmtiles",), extra="tiles"),
    "advisory": Format(("advisory.md",), translated=True),
    "map": Format(("map.html",), translated=True),
    "advisory_html": Format(("advisory.html",), translated=True),
    "pdf": Format(("advisory.pdf",), translated=True, extra="report"),
    "docx": Format(("advisory.docx",), translated=True, extra="report"),
    "cap": Format(("alert.cap.xml",)),
    "atom": Format(("alerts.atom",)),
}


def _writers() -> dict[str, Writer]:
    """Return what each file holds, or what writes it: of a bundle, a path and a language."""
    from riskmap.outputs import alerts, documents, geofiles, pages, tables

    return {
        "risk.geojson": lambda bundle, *_: geofiles.geojson_chunks(bundle),
        "risk.qml": lambda bundle, *_: geofiles.qgis_style(bundle.layer.scale),
        "risk.csv": lambda bundle, *_: tables.csv_chunks(bundle.table),
        "risk_long.csv": lambda bundle, *_: tables.csv_chunks(tables.long_table(bundle.layer)),
        "risk.gpkg": lambda bundle, path, _: geofiles.write_geopackage(bundle, path),
        "risk.parquet": lambda bundle, path, _: geofiles.write_geoparquet(bundle, path),
        "risk.pmtiles": lambda bundle, path, _: geofiles.write_pmtiles(bundle, path),
        "risk.style.json": lambda bundle, *_: geofiles.maplibre_style(bundle.layer.scale),
        "advisory.md": lambda bundle, _, code: documents.to_markdown(bundle.report(code)),
        "map.html": lambda bundle, _, code: pages.map_page(bundle, language=code),
        "advisory.html": lambda bundle, _, code: pages.advisory_page(bundle, language=code),
        "advisory.pdf": lambda bundle, _, code: documents.advisory_pdf(bundle, language=code),
        "advisory.docx": lambda bundle, _, code: documents.advisory_docx(bundle, language=code),
        "alert.cap.xml": lambda bundle, *_: alerts.cap_alert(bundle),
        "alerts.atom": lambda bundle, *_: alerts.atom_feed(bundle),
    }
