"""Formats: what a layer can be written as. A new format is one entry of each table at the end.

Packages are imported when a format is written, so that the names alone cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from riskmap.errors import InputError
from riskmap.outputs.catalogues import PLAIN, choose, file_name
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from riskmap.outputs.bundles import Bundle
    from riskmap.outputs.senders import Sender

    Writer = Callable[[Bundle, Path, str], str | bytes | Iterable[bytes] | None]


#: What is said of a message without a sender.
NO_SENDER = "needs a sender: sender='alerts@example.org'"


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    files
        The names of its files.
    translated
        Whether there is a file for each language: of all of them, or of some.
    suffixes
        Paths that end so are answered with the first file (``layer.to_file``).
    extra
        The extra of riskmap that brings the packages it needs.
    sent
        Whether it is a message, which is of a sender.
    needs
        The formats whose files it leads to; they are written too.
    is_default
        Whether it is among those that are written where nobody chooses.
    """

    files: tuple[str, ...]
    translated: bool | tuple[str, ...] = False
    suffixes: tuple[str, ...] = ()
    extra: str = ""
    sent: bool = False
    needs: tuple[str, ...] = ()
    is_default: bool = True

    def write(self, bundle: Bundle, folder: Path, *, languages: Sequence[str]) -> None:
        """Write all files into a folder."""
        told = self.translated
        spoken = told if isinstance(told, tuple) else self.files if told else ()
        for name in self.files:
            for language in languages if name in spoken else (PLAIN,):
                write_file(name, bundle, folder / file_name(name, language), language=language)


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
    """Return the formats to write, all that are usual when None; refuse what isn't known.

    Raises
    ------
    InputError
        When a format is unknown.

    Examples
    --------
    >>> choose_formats(["csv", "atom", "csv"])
    ('csv', 'atom', 'map')
    """
    usual = [name for name, one in FORMATS.items() if one.is_default]
    chosen = choose(usual if formats is None else formats, FORMATS, what="an unknown format")
    needed = (need for name in chosen for need in FORMATS[name].needs)
    return tuple(dict.fromkeys([*chosen, *needed]))


def check_sender(formats: Sequence[str] | None, sender: Sender | None) -> None:
    """Refuse to write a message that is asked for without saying of whom it is.

    Raises
    ------
    InputError
        When one of the formats is sent, and there is no sender.

    Examples
    --------
    >>> check_sender(["csv"], None)
    """
    for name in () if sender is not None else formats or ():
        if FORMATS[name].sent:
            raise InputError(f"{name} {NO_SENDER}")


def find_file(path: Path) -> str:
    """Return the name of the one file that a path's suffix asks for, by which it is written.

    Raises
    ------
    InputError
        When the suffix is of no kind of file that holds a layer.

    Examples
    --------
    >>> from pathlib import Path
    >>> find_file(Path("risk.txt"))
    Traceback (most recent call last):
    riskmap.errors.InputError: no file that holds a layer: met 'risk.txt', expected one of .geojson, .json, .csv, .xlsx, .gpkg, .parquet, .pmtiles
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
    ['cap', 'atom', 'served (extra tiles)']
    """
    named = ((name, f" (extra {one.extra})" if one.extra else "") for name, one in FORMATS.items())
    return ", ".join(name + needs for name, needs in named)


#: The tables beside the published one (:data:`riskmap.outputs.tables.TABLES`).
TABLES = (
    *("risk_long", "incidents", "attacks", "drivers", "influences", "counterfactuals", "changes"),
    *("audit", "knowledge", "shares", "counts", "sites", "gone"),
)

#: Every format by its name.
FORMATS = {
    "geojson": Format(("risk.geojson", "risk.qml"), suffixes=(".geojson", ".json")),
    "csv": Format(("risk.csv", "risk_long.csv"), suffixes=(".csv",)),
    "csv_plain": Format(("risk_plain.csv", "risk_long_plain.csv"), is_default=False),
    "xlsx": Format(("risk.xlsx",), suffixes=(".xlsx",)),
    "gpkg": Format(("risk.gpkg",), suffixes=(".gpkg",)),
    "parquet": Format(
        ("risk.parquet", *(f"{name}.parquet" for name in TABLES)),
        suffixes=(".parquet",),
        extra="parquet",
    ),
    "pmtiles": Format(("risk.pmtiles", "risk.style.json"), suffixes=(".pmtiles",), extra="tiles"),
    "advisory": Format(("advisory.md",), translated=True),
    "map": Format(("map.html",), translated=True),
    "advisory_html": Format(("advisory.html",), translated=True),
    "pdf": Format(("advisory.pdf",), translated=True, extra="report"),
    "docx": Format(("advisory.docx",), translated=True, extra="report"),
    "cap": Format(("alert.cap.xml",), sent=True),
    "atom": Format(("alerts.atom",), translated=True, sent=True, needs=("map",)),
    "served": Format(
        (
            *("index.html", "maplibre-gl.js", "maplibre-gl.css", "pmtiles.js"),
            *("pygeoapi.yml", "incidents.geojson"),
        ),
        translated=("index.html",),
        extra="tiles",
        needs=("geojson", "pmtiles"),
        is_default=False,
    ),
}


def _writers() -> dict[str, Writer]:
    """Return what each file holds, or what writes it: of a bundle, a path and a language."""
    from riskmap.outputs import (
        alerts,
        atom,
        documents,
        geofiles,
        pages,
        table_files,
        tables,
    )

    parquets = {f"{name}.parquet": partial(geofiles.write_parquet, name) for name in TABLES}
    return parquets | {
        "risk.geojson": lambda bundle, *_: geofiles.geojson_chunks(bundle),
        "risk.qml": lambda bundle, *_: table_files.qgis_style(
            bundle.layer.scale, bundle.published.columns
        ),
        "risk.csv": lambda bundle, *_: tables.marked(tables.csv_chunks(bundle.published)),
        "risk_long.csv": lambda bundle, *_: tables.marked(
            tables.csv_chunks(tables.long_table(bundle.layer))
        ),
        "risk_plain.csv": lambda bundle, *_: tables.csv_chunks(bundle.published),
        "risk_long_plain.csv": lambda bundle, *_: tables.csv_chunks(
            tables.long_table(bundle.layer)
        ),
        "risk.xlsx": lambda bundle, *_: table_files.workbook(bundle),
        "risk.gpkg": lambda bundle, path, _: table_files.write_geopackage(bundle, path),
        "risk.parquet": lambda bundle, path, _: geofiles.write_geoparquet(bundle, path),
        "risk.pmtiles": lambda bundle, path, _: geofiles.write_pmtiles(bundle, path),
        "risk.style.json": lambda bundle, *_: geofiles.maplibre_style(bundle.layer.scale),
        "advisory.md": lambda bundle, _, code: documents.to_markdown(bundle.report(code)),
        "map.html": lambda bundle, _, code: pages.map_page(bundle, language=code),
        "advisory.html": lambda bundle, _, code: pages.advisory_page(bundle, language=code),
        "advisory.pdf": lambda bundle, _, code: documents.advisory_pdf(bundle, language=code),
        "advisory.docx": lambda bundle, _, code: documents.advisory_docx(bundle, language=code),
        "index.html": lambda bundle, _, code: pages.served_page(bundle, language=code),
        **{
            name: lambda *_, name=name: data_path(f"maplibre/{name}").read_bytes()
            for name in ("maplibre-gl.js", "maplibre-gl.css", "pmtiles.js")
        },
        "pygeoapi.yml": lambda bundle, *_: pages.pygeoapi_config(bundle),
        "incidents.geojson": lambda bundle, *_: geofiles.incident_chunks(bundle),
        "alert.cap.xml": lambda bundle, *_: alerts.cap_alert(bundle),
        "alerts.atom": lambda bundle, _, code: atom.atom_feed(bundle, language=code),
    }
