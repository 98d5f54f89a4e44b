"""Formats: what a layer can be written as. A new format is one entry of the table at the end.

Packages are imported when a format is written, so that the names alone cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from riskmap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd

    from riskmap.outputs.bundles import Bundle

    Writer = Callable[[Bundle, Path, str], None]

#: The language whose files have plain names; others stand before the suffix: ``map.zh.html``.
PLAIN = "en"


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    files
        Its files, each with what writes it: from a bundle, to a path that is not there yet, in a
        language. One that has nothing to say writes no file.
    translated
        Whether there is a file for each language.
    suffixes
        Paths that end so are answered with the first file (``layer.to_file``).
    extra
        The extra of riskmap that brings the packages it needs.
    """

    files: Mapping[str, Writer]
    translated: bool = False
    suffixes: tuple[str, ...] = ()
    extra: str = ""

    def write(self, bundle: Bundle, folder: Path, *, languages: Sequence[str]) -> None:
        """Write all files into a folder."""
        for name, writer in self.files.items():
            for language in languages if self.translated else (PLAIN,):
                plain = Path(name)
                told = "" if language == PLAIN else f".{language}"
                writer(bundle, folder / f"{plain.stem}{told}{plain.suffix}", language)


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
    chosen = tuple(FORMATS) if formats is None else tuple(dict.fromkeys(formats))
    unknown = [name for name in chosen if name not in FORMATS]
    if unknown:
        raise InputError(
            "an unknown format", met=unknown[0], expected="one of " + ", ".join(FORMATS)
        )
    return chosen


def find_writer(path: Path) -> Writer:
    """Return what writes a layer as the one file that a path's suffix says.

    Raises
    ------
    InputError
        When the suffix is of no kind of file that holds a layer.

    Examples
    --------
    >>> find_writer(Path("risk.txt"))
    Traceback (most recent call last):
    riskmap.errors.InputError: no file that holds a layer: met 'risk.txt', expected one of .geojson, .json, .csv, .gpkg, .parquet, .pmtiles
    """  # noqa: E501 - one line of an error
    writers = {end: next(iter(f.files.values())) for f in FORMATS.values() for end in f.suffixes}
    if path.suffix.lower() not in writers:
        raise InputError(
            "no file that holds a layer", met=path.name, expected="one of " + ", ".join(writers)
        )
    return writers[path.suffix.lower()]


def describe_formats() -> str:
    """Return the names of all formats in one line, those that need an extra with it.

    Examples
    --------
    >>> describe_formats().split(", ")[-3:]
    ['docx (extra report)', 'cap', 'atom']
    """
    named = ((name, f" (extra {one.extra})" if one.extra else "") for name, one in FORMATS.items())
    return ", ".join(name + needs for name, needs in named)


def _stream(path: Path, chunks: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(chunks)


def _geojson(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.geofiles import geojson_chunks

    _stream(path, geojson_chunks(bundle))


def _qgis(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.geofiles import qgis_style

    path.write_bytes(qgis_style(bundle.layer.scale))


def _csv(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.tables import csv_chunks

    _stream(path, csv_chunks(bundle.table))


def _long_csv(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.tables import csv_chunks

    _stream(path, csv_chunks(bundle.long))


def _hxl(bundle: Bundle, path: Path, *_: str) -> None:
    _tagged(bundle, bundle.table, path)


def _long_hxl(bundle: Bundle, path: Path, *_: str) -> None:
    _tagged(bundle, bundle.long, path)


def _tagged(bundle: Bundle, table: pd.DataFrame, path: Path) -> None:
    """Write a table with a row of HXL tags."""
    from riskmap.outputs.tables import csv_chunks, hxl_tags

    levels = bundle.regions["adm_level"].dropna().unique()
    level = int(levels[0]) if len(levels) == 1 else None
    _stream(path, csv_chunks(table, tags=hxl_tags(table, level=level)))


def _gpkg(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.geofiles import write_geopackage

    write_geopackage(bundle, path)


def _parquet(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.geofiles import write_geoparquet

    write_geoparquet(bundle, path)


def _pmtiles(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.geofiles import write_pmtiles

    write_pmtiles(bundle, path)


def _maplibre(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.geofiles import maplibre_style

    path.write_bytes(maplibre_style(bundle.layer.scale))


def _advisory(bundle: Bundle, path: Path, language: str) -> None:
    from riskmap.outputs.documents import to_markdown

    path.write_bytes(to_markdown(bundle.report(language)).encode())


def _map(bundle: Bundle, path: Path, language: str) -> None:
    from riskmap.outputs.pages import map_page

    path.write_bytes(map_page(bundle, language=language).encode())


def _advisory_html(bundle: Bundle, path: Path, language: str) -> None:
    from riskmap.outputs.pages import advisory_page

    path.write_bytes(advisory_page(bundle, language=language).encode())


def _pdf(bundle: Bundle, path: Path, language: str) -> None:
    from riskmap.outputs.documents import advisory_pdf

    path.write_bytes(advisory_pdf(bundle, language=language))


def _docx(bundle: Bundle, path: Path, language: str) -> None:
    from riskmap.outputs.documents import advisory_docx

    path.write_bytes(advisory_docx(bundle, language=language))


def _cap(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.alerts import cap_alert

    alert = cap_alert(bundle)
    if alert is not None:
        path.write_bytes(alert)


def _atom(bundle: Bundle, path: Path, *_: str) -> None:
    from riskmap.outputs.alerts import atom_feed

    path.write_bytes(atom_feed(bundle))


#: Every format by its name.
FORMATS = {
    "geojson": Format(
        {"risk.geojson": _geojson, "risk.qml": _qgis}, suffixes=(".geojson", ".json")
    ),
    "csv": Format({"risk.csv": _csv, "risk_long.csv": _long_csv}, suffixes=(".csv",)),
    "hxl": Format({"risk_hxl.csv": _hxl, "risk_long_hxl.csv": _long_hxl}),
    "gpkg": Format({"risk.gpkg": _gpkg}, suffixes=(".gpkg",)),
    "parquet": Format({"risk.parquet": _parquet}, suffixes=(".parquet",), extra="parquet"),
    "pmtiles": Format(
        {"risk.pmtiles": _pmtiles, "risk.style.json": _maplibre},
        suffixes=(".pmtiles",),
        extra="tiles",
    ),
    "advisory": Format({"advisory.md": _advisory}, translated=True),
    "map": Format({"map.html": _map}, translated=True),
    "advisory_html": Format({"advisory.html": _advisory_html}, translated=True),
    "pdf": Format({"advisory.pdf": _pdf}, translated=True, extra="report"),
    "docx": Format({"advisory.docx": _docx}, translated=True, extra="report"),
    "cap": Format({"alert.cap.xml": _cap}),
    "atom": Format({"alerts.atom": _atom}),
}
