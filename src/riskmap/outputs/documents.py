"""Documents: the advisory as PDF, which people print, and as DOCX, which analysts complete."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, NoReturn

from riskmap.errors import MissingDependencyError
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.pages import advisory_page
from riskmap.outputs.reports import OPTIONAL, build_report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.wordings import Grid

#: The date of every member of a DOCX, so that the same advisory has the same bytes.
_STAMP = (1980, 1, 1, 0, 0, 0)


def advisory_pdf(layer: RiskLayer, *, language: str = "en") -> bytes:
    """Return the advisory as a tagged PDF.

    Parameters
    ----------
    layer
        The risk layer.
    language
        Code of a catalogue.

    Raises
    ------
    MissingDependencyError
        When weasyprint, or the Pango library that it draws with, is not installed.
    """
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise MissingDependencyError("weasyprint (with Pango)", extra="report") from error
    page = weasyprint.HTML(string=advisory_page(layer, language=language), url_fetcher=_refuse)
    return bytes(page.write_pdf(pdf_tags=True))


def _refuse(url: str, *_: object, **__: object) -> NoReturn:
    """Fetch nothing: an advisory holds all that it shows."""
    raise ValueError(f"an advisory must not load {url}")


def advisory_docx(layer: RiskLayer, *, language: str = "en") -> bytes:
    """Return the advisory as a Word document for an analyst to complete.

    Parameters
    ----------
    layer
        The risk layer.
    language
        Code of a catalogue.

    Raises
    ------
    MissingDependencyError
        When python-docx is not installed.
    """
    try:
        import docx
    except ImportError as error:
        raise MissingDependencyError("python-docx", extra="report") from error
    report, words = build_report(layer, language=language), catalogue(language)
    document = docx.Document()
    document.core_properties.title = report.title
    document.core_properties.author = "riskmap"
    document.add_heading(report.title, level=0)
    _add_pairs(document, report.header)
    for key in words["headings"]:
        section: Any = getattr(report, key)
        if key in OPTIONAL and not section.rows:
            continue
        document.add_heading(words["headings"][key], level=1)
        if key == "advice":
            mark = document.add_paragraph().add_run(words["sentences"]["advice_mark"])
            mark.italic = True
        if key in ("judgements", "limits"):
            for sentence in section:
                document.add_paragraph(sentence, style="List Bullet")
        elif key == "provenance":
            _add_pairs(document, section)
        else:
            _add_grid(document, section, words["none"])
        if key == "table" and report.more:
            document.add_paragraph(report.more)
    buffer = io.BytesIO()
    document.save(buffer)
    return _undated(buffer.getvalue())


def _add_pairs(document: Any, pairs: Iterable[tuple[str, str]]) -> None:
    for key, value in pairs:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = 0
        paragraph.add_run(f"{key}: ").bold = True
        paragraph.add_run(value)


def _add_grid(document: Any, grid: Grid, none: str) -> None:
    if not grid.rows:
        document.add_paragraph(none)
        return
    table = document.add_table(rows=1 + len(grid.rows), cols=len(grid.head))
    table.style = "Light Grid Accent 1"
    cells = iter(table._cells)  # noqa: SLF001 - table.cell() looks all of them up for each one
    for row in (grid.head, *grid.rows):
        for text in row:
            next(cells).text = text


def _undated(package: bytes) -> bytes:
    """Return a zipped package with its members' dates fixed."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(package)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            member = zipfile.ZipInfo(name, date_time=_STAMP)
            member.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(member, source.read(name))
    return buffer.getvalue()
