"""Documents: the advisory as Markdown, as PDF to print, and as DOCX to complete."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any, NoReturn

import geopandas as gpd
import numpy as np
import shapely

from riskmap.errors import MissingDependencyError, importing
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.editions import Grid
from riskmap.outputs.pages import advisory_page, ink, legend_texts, map_labels, map_marks
from riskmap.outputs.reports import ANNEX, SAID
from riskmap.outputs.wordings import level_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from riskmap.outputs.bundles import Bundle
    from riskmap.outputs.reports import Report
    from riskmap.typing import FloatArray

UNKNOWN, HATCH = "#e3e5e6", "#a9b0b6"
ALL, FOREIGN = "#b9c7d6", "#174c78"
_DOTS = 160
#: Where the legend of a map stands that has room on its right.
BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
#: Families that hold Chinese, the first that is installed is taken.
_CHINESE = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Microsoft YaHei"),
    *("PingFang SC", "SimHei", "WenQuanYi Zen Hei"),
)
#: The date of every member of a DOCX, so that the same advisory has the same bytes.
_STAMP = (1980, 1, 1, 0, 0, 0)
#: Margins of a page of A4, and the width between them, in mm.
_MARGIN, _WIDTH = 20.0, 170.0
#: Columns whose longest text has no more characters than this get no share of the spare width.
_SHORT = 9
#: Tables of more columns than this are set smaller.
_MANY = 7
_SPECIAL = re.compile(
    r"([\\`*_\[\]|~@$]|:(?=//)|(?<=mailto):|(?<=xmpp):|(?<=www)\.)", re.IGNORECASE
)
#: What a line of text is not broken within: a word, or six Chinese characters.
_WORD = re.compile(r"[\u2e80-\uffef]{1,6}|[^\s\u2e80-\uffef]+")
_LINE_START = re.compile(r"^(?:(\d+)([.)])(?=\s|$)|([-+#=]))")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape_markdown(text: str) -> str:
    r"""Return text that Markdown shows as it is: no markup, no HTML, no link.

    Examples
    --------
    >>> print(escape_markdown("[x](https://a.b) <b>|"))
    \[x\](https\://a.b) &lt;b&gt;\|
    """
    flat = " ".join(text.split())
    return _LINE_START.sub(r"\1\\\2\3", _SPECIAL.sub(r"\\\1", flat.translate(_ENTITIES)))


def to_markdown(report: Report) -> str:
    """Return a report as Markdown that is read in two minutes.

    Parameters
    ----------
    report
        What it says.

    Returns
    -------
    str
        CommonMark with tables; all text from incidents and regions is escaped.
    """
    words = catalogue(report.language)
    lines = [f"*{escape_markdown(report.mark)}*", "", f"# {escape_markdown(report.title)}", ""]
    first, *rest = map(escape_markdown, report.lead)
    lines += [f"*{escape_markdown(report.subtitle)}*", "", f"**{first}**", ""]
    lines += [" ".join(rest), "", *map(_item, report.header)]
    if report.notice:
        lines += ["", f"> **{escape_markdown(report.notice)}**"]
    parts = [*report.sections()]
    apart = next((key for key, _, _ in parts if key in ANNEX), "")
    for key, heading, content in parts:
        said = words["sentences"].get(SAID.get(key))
        lines += ["", f"**{words['annex']}**"] if key == apart else []
        lines += ["", f"## {heading}", ""]
        lines += [f"*{escape_markdown(said)}*", ""] if said else []
        lines += _body(content, words["none"])
        if key == "table" and report.more:
            lines += ["", report.more]
    return "\n".join(lines).rstrip("\n") + "\n"


def _body(content: Grid | tuple[Any, ...], none: str) -> list[str]:
    """Return a section's content: a table, or a line for each sentence or label with its value."""
    if not isinstance(content, Grid):
        return [*map(_item, content)]
    if not content.rows:
        return [none]
    head, *rows = (
        f"| {' | '.join(map(escape_markdown, row))} |" for row in (content.head, *content.rows)
    )
    return [head, "|" + "---|" * len(content.head), *rows]


def _item(item: str | tuple[str, str]) -> str:
    if isinstance(item, str):
        return f"- {escape_markdown(item)}"
    key, value = map(escape_markdown, item)
    return f"- **{key}:** {value}"


def advisory_pdf(bundle: Bundle, *, language: str = "en") -> bytes:
    """Return the advisory as a tagged PDF.

    Parameters
    ----------
    bundle
        The layer.
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
    page = weasyprint.HTML(string=advisory_page(bundle, language=language), url_fetcher=_refuse)
    return bytes(page.write_pdf(pdf_tags=True))


def _refuse(url: str, *_: object, **__: object) -> NoReturn:
    """Fetch nothing: an advisory holds all that it shows."""
    raise ValueError(f"an advisory must not load {url}")


def advisory_docx(bundle: Bundle, *, language: str = "en") -> bytes:
    """Return the advisory as a Word document for an analyst to complete.

    Parameters
    ----------
    bundle
        The layer.
    language
        Code of a catalogue.

    Raises
    ------
    MissingDependencyError
        When python-docx or matplotlib is not installed.
    """
    with importing("python-docx", extra="report"):
        import docx
    report, words = bundle.report(language), catalogue(language)
    document, is_apart = _blank(docx, report), False
    colours = {str(level.level or "?"): level.colour for level in bundle.layer.scale.levels}
    for key, heading, content in report.sections():
        if key in ANNEX and not is_apart:
            document.add_page_break()
            document.add_paragraph(words["annex"], style="Title")
            is_apart = True
        document.add_heading(heading, level=1)
        if key in SAID:
            document.add_paragraph(words["sentences"][SAID[key]], style="Note")
        if key == "history" and content.rows:
            picture = history_picture(content, language=language)
            told = "; ".join(": ".join((row[0], ", ".join(row[1:]))) for row in content.rows)
            _add_picture(document.add_paragraph(), picture, f"{heading}. {told}", _WIDTH * 0.8)
        elif isinstance(content, Grid):
            _add_grid(document, content, words, colours=colours)
        elif key == "unknown":
            _add_beside(document, content, map_picture(bundle, language=language))
        else:
            _add_lines(document, content)
        if key == "table" and report.more:
            document.add_paragraph(report.more, style="Note")
    buffer = io.BytesIO()
    document.save(buffer)
    return _undated(buffer.getvalue())


#: Styles, for who edits the document: name, base, size in points, whether bold and italic.
_STYLES = (
    *(("Normal", "", 10, False, False), ("Title", "", 20, True, False)),
    *(("Subtitle", "", 12, False, False), ("Heading 1", "", 13, True, False)),
    *(("News", "Normal", 13, True, False), ("Note", "Normal", 9, False, True)),
    *(("Table Text", "Normal", 8.5, False, False), ("Table Head", "Table Text", 8.5, True, False)),
    ("Small Table Text", "Table Text", 7.5, False, False),
)


def _blank(docx: Any, report: Report) -> Any:
    """Return a document with its styles, its head, and who may see it on every page."""
    document = docx.Document()
    document.core_properties.title = f"{report.title}: {report.subtitle}"
    document.core_properties.author = "riskmap"
    page = document.sections[0]
    page.page_width, page.page_height = docx.shared.Mm(210), docx.shared.Mm(297)
    page.left_margin = page.right_margin = docx.shared.Mm(_MARGIN)
    page.top_margin = page.bottom_margin = docx.shared.Mm(_MARGIN)
    page.header.paragraphs[0].text = report.mark
    for name, base, points, bold, italic in _STYLES:
        _set_style(docx, document, name, base, points).font.bold = bold
        document.styles[name].font.italic = italic
    for name, space in (("Normal", 4), ("Title", 2), ("Table Text", 0), ("News", 4)):
        document.styles[name].paragraph_format.space_after = docx.shared.Pt(space)
    document.add_paragraph(report.title, style="Title")
    document.add_paragraph(report.subtitle, style="Subtitle")
    first, *rest = report.lead
    document.add_paragraph(first, style="News")
    for line in rest:
        document.add_paragraph(line)
    _add_lines(document, report.header)
    if report.notice:
        document.add_paragraph(report.notice, style="News")
    return document


def _set_style(docx: Any, document: Any, name: str, base: str, points: float) -> Any:
    """Return a style of paragraphs in fonts that hold every script, made where there is none."""
    if base:
        kind = docx.enum.style.WD_STYLE_TYPE.PARAGRAPH
        document.styles.add_style(name, kind).base_style = document.styles[base]
    style = document.styles[name]
    style.font.size, style.font.name = docx.shared.Pt(points), "Calibri"
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(docx.oxml.ns.qn(f"w:{theme}"), None)
    fonts.set(docx.oxml.ns.qn("w:eastAsia"), "Microsoft YaHei")
    fonts.set(docx.oxml.ns.qn("w:cs"), "Arial")
    return style


def _add_lines(document: Any, content: Iterable[str | tuple[str, str]]) -> None:
    """Add sentences as bullets, and pairs of label and value line by line."""
    for item in content:
        if isinstance(item, str):
            document.add_paragraph(item, style="List Bullet")
            continue
        paragraph = document.add_paragraph(style="Table Text")
        paragraph.add_run(f"{item[0]}: ").bold = True
        paragraph.add_run(item[1])


def _add_beside(document: Any, content: Iterable[str], png: bytes) -> None:
    """Add sentences, and beside them a picture that shows what they say."""
    from docx.shared import Mm

    lines, table = [*content], document.add_table(rows=1, cols=2)
    table.autofit = False
    left, right = table._cells  # noqa: SLF001 - as below
    left.width, right.width = Mm(_WIDTH * 0.52), Mm(_WIDTH * 0.48)
    left.paragraphs[0].text, left.paragraphs[0].style = lines[0], "List Bullet"
    _add_lines(left, lines[1:])
    _add_picture(right.paragraphs[0], png, " ".join(lines), _WIDTH * 0.46)


def _add_picture(paragraph: Any, png: bytes, text: str, width: float) -> None:
    """Add a picture so many mm wide, with its text for those who don't see it."""
    from docx.shared import Mm

    shape = paragraph.add_run().add_picture(io.BytesIO(png), width=Mm(width))
    shape._inline.docPr.set("descr", text)  # noqa: SLF001 - python-docx has no name for it


def _add_grid(
    document: Any, grid: Grid, words: Mapping[str, Any], *, colours: Mapping[str, str]
) -> None:
    """Add a table: columns as wide as what they hold, a head on every page, levels in colour."""
    from docx.shared import Mm

    if not grid.rows:
        document.add_paragraph(words["none"])
        return
    table = document.add_table(rows=1 + len(grid.rows), cols=len(grid.head))
    table.style, table.autofit = "Light List Accent 1", False
    sides = (_element(side, w="50", type="dxa") for side in ("left", "right"))  # under a mm
    table._tbl.tblPr.insert_element_before(  # noqa: SLF001 - python-docx has no name for it
        _element("tblCellMar", *sides), "w:tblLook", "w:tblCaption"
    )
    text_style = "Table Text" if len(grid.head) < _MANY else "Small Table Text"
    head, body = (document.styles[name].style_id for name in ("Table Head", text_style))
    widths = [Mm(width) for width in column_widths(grid)]
    levels = [head in (words["level"], words["here"], words["moved_head"]) for head in grid.head]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    cells = iter(table._cells)  # noqa: SLF001 - table.cell() looks all of them up for each one
    for k, row in enumerate((grid.head, *grid.rows)):
        for text, width, is_level in zip(row, widths, levels, strict=True):
            cell = next(cells)
            cell.text, cell.width = text, width
            cell.paragraphs[0]._p.style = body if k else head  # noqa: SLF001 - as above
            if k and is_level and level_in(text) in colours:
                _shade(cell, colours[level_in(text)])
    for k, row in enumerate(table.rows):
        marks = ["cantSplit"] if k else ["tblHeader", "cantSplit"]
        row._tr.get_or_add_trPr().extend(map(_element, marks))  # noqa: SLF001 - likewise


def column_widths(grid: Grid) -> list[float]:
    """Return the widths of a table's columns in mm: by what they hold, and no word is cut.

    Examples
    --------
    >>> column_widths(Grid(("a", "b"), (("short", "a text that is long " * 4),)))
    [12.6, 157.4]
    """
    letter = 1.95 if len(grid.head) <= _MANY else 1.65
    columns = [*zip(grid.head, *grid.rows, strict=True)]
    longest = [
        max(len(word) for text in column for word in _WORD.findall(text) or [""])
        for column in columns
    ]
    least = [min(34.0, max(9.0, letter * n + 2.2)) for n in longest]
    wish = [min(110, max(map(len, column))) for column in columns]
    spare = max(0.0, _WIDTH - sum(least)) / (sum(wish) or 1)
    wide = [low + spare * n if n > _SHORT else low for low, n in zip(least, wish, strict=True)]
    return [round(width * _WIDTH / sum(wide), 1) for width in wide]


def _shade(cell: Any, colour: str) -> None:
    from docx.shared import RGBColor

    shade = _element("shd", val="clear", color="auto", fill=colour[1:])
    cell._tc.get_or_add_tcPr().append(shade)  # noqa: SLF001 - python-docx has no name for it
    for run in cell.paragraphs[0].runs:
        run.font.color.rgb = RGBColor.from_string(ink(colour)[1:])


def _element(name: str, *inside: Any, **attributes: str) -> Any:
    """Return an element of a Word document: what python-docx has no name for."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    element = OxmlElement(f"w:{name}")
    element.extend(inside)
    for key, value in attributes.items():
        element.set(qn(f"w:{key}"), value)
    return element


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


def map_picture(bundle: Bundle, *, language: str = "en") -> bytes:
    """Return the map of an advisory as PNG, for documents that hold no SVG.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed (extra ``report``).
    """
    figure = _figure(4.4, 4.6)
    axes, drawing, (x, y, _) = figure.add_subplot(), bundle.drawing, bundle.points
    spots = np.column_stack([x, y])
    draw_map(axes, bundle, drawing.shapes, spots, language=_language(language), below=True)
    axes.set(xlim=(0, drawing.width), ylim=(drawing.height, 0))
    return _png(figure)


def draw_map(
    axes: Any,
    bundle: Bundle,
    shapes: NDArray[np.object_],
    spots: FloatArray,
    *,
    language: str = "en",
    below: bool = False,
) -> None:
    """Draw a layer on axes of matplotlib, as the maps of pages are drawn.

    Parameters
    ----------
    axes
        Where to draw.
    bundle
        The layer.
    shapes
        The regions, in any units; None where there is nothing to draw.
    spots
        Where the number of each region stands, in the same units; only where there is room.
    language, below
        Of the legend; whether it stands below, and not on the right.
    """
    from matplotlib.patches import Patch
    from matplotlib.transforms import offset_copy

    levels, keys = np.array(bundle.levels), list[Any]()
    styles: list[dict[str, Any]] = [{"facecolor": UNKNOWN, "hatch": "////", "edgecolor": HATCH}] + [
        {"facecolor": level.colour, "edgecolor": "#5c6670"}
        for level in bundle.layer.scale.levels[1:]
    ]
    for level, text in legend_texts(bundle, language):
        keys.append(Patch(label=text, **styles[level]))
        own = shapes[(levels == level) & ~shapely.is_missing(shapes)]
        if len(own):
            gpd.GeoSeries(own).plot(ax=axes, aspect=None, linewidth=0.4, **styles[level])
    for i, text, colour in map_labels(bundle):
        axes.text(*spots[i], text, color=colour, ha="center", va="center", fontsize=7)
    marked = spots[map_marks(bundle)]
    if len(marked):
        about = f"{catalogue(language)['page']['mark']}: {len(marked)}"
        above = offset_copy(axes.transData, axes.figure, y=10, units="points")
        at = {"marker": "^", "markersize": 7, "color": "#10161c", "markeredgecolor": "white"}
        keys += axes.plot(*marked.T, linestyle="none", label=about, transform=above, **at)
    axes.set(aspect="equal")
    axes.set_axis_off()
    where = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "ncols": 2} if below else BESIDE
    axes.legend(handles=keys, frameon=False, prop=font(8), **where)


def history_picture(history: Grid, *, language: str = "en") -> bytes:
    """Return the history of an advisory as PNG: bars of all, and of those with foreigners.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed (extra ``report``).
    """
    figure = _figure(6.4, 2.0)
    axes = figure.add_subplot()
    at = range(len(history.rows))
    words = catalogue(_language(language))
    named = (words["all_incidents"], words["with_foreigners"])
    told = range(1, len(history.head))  # a public one doesn't tell who was hit
    for column, colour, label in zip(told, (ALL, FOREIGN), named, strict=False):
        axes.bar(at, [int(row[column]) for row in history.rows], color=colour, label=label)
    axes.set_xticks(at, [row[0][:7] for row in history.rows], fontsize=5.5)
    axes.tick_params(axis="y", labelsize=7)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, prop=font(8), loc="upper left", bbox_to_anchor=(1, 1))
    return _png(figure)


def _figure(width: float, height: float) -> Any:
    with importing("matplotlib", extra="report"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height), dpi=_DOTS, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _language(language: str) -> str:
    """Return a language that an installed font can write, English where none can."""
    from matplotlib import font_manager

    words = catalogue(language)
    text = "".join([*words["levels"].values(), words["all_incidents"], words["with_foreigners"]])
    fonts = [font_manager.get_font(font_manager.findfont(name)) for name in _families()]
    written = all(any(font.get_char_index(ord(c)) for font in fonts) for c in set(text))
    return language if written else "en"


def _families() -> list[str]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *[name for name in _CHINESE if name in installed][:1]]


def font(size: float) -> Any:
    """Return a font of matplotlib that writes Latin and, where one is installed, Chinese."""
    from matplotlib import font_manager

    return font_manager.FontProperties(family=_families(), size=size)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
