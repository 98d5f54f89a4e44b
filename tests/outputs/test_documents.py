"""The advisory as documents: whole, the same bytes, nothing loaded, a clear word when absent."""

import dataclasses
import io
import re
import sys
import zlib

import numpy as np
import pandas as pd
import pytest

from riskmap.errors import MissingDependencyError
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.documents import (
    _refuse,
    advisory_docx,
    advisory_pdf,
    column_widths,
    map_picture,
)
from riskmap.outputs.editions import Grid
from riskmap.outputs.pages import advisory_page
from riskmap.outputs.reports import OPTIONAL


@pytest.fixture
def pdf():
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"weasyprint can't be used: {error}")
    return advisory_pdf


def unpacked(data):
    """The compressed streams of a PDF, in which newer versions keep their objects."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    return b"".join(zlib.decompressobj().decompress(one) for one in streams if one[:1] == b"x")


@pytest.mark.slow
def test_a_pdf_is_tagged_and_the_same_twice(pdf, layer):
    first = pdf(Bundle(layer))
    assert first.startswith(b"%PDF-")
    assert b"/StructTreeRoot" in first + unpacked(first)
    assert pdf(Bundle(layer)) == first


def test_a_pdf_loads_nothing():
    with pytest.raises(ValueError, match="must not load"):
        _refuse("https://evil.example/x.png")


def read(data):
    docx = pytest.importorskip("docx", reason="python-docx is absent: extra report")
    return docx.Document(io.BytesIO(data))


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_docx_holds_every_section(layer, language):
    pytest.importorskip("docx", reason="python-docx is absent: extra report")
    document = read(advisory_docx(Bundle(layer), language=language))
    headings = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    titles = catalogue(language)["headings"]
    assert headings == [title for key, title in titles.items() if key not in OPTIONAL]
    place = catalogue(language)["place_in"].format(name="Ashkor", parent="Ambrel")
    assert document.tables[1].cell(1, 0).text == place
    alternatives = [shape._inline.docPr.get("descr") for shape in document.inline_shapes]
    assert len(alternatives) == 2
    assert "24" in alternatives[0]
    assert "2024-12-31: " in alternatives[1]


@pytest.mark.slow
def test_a_docx_tells_what_changed(explained):
    pytest.importorskip("docx", reason="python-docx is absent: extra report")
    document = read(advisory_docx(Bundle(explained)))
    headings = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    titles = catalogue("en")["headings"]
    assert headings == [
        title for key, title in titles.items() if key not in ("attacks", "unread", "sites")
    ]


@pytest.mark.slow
def test_a_docx_is_the_same_twice_and_takes_hostile_text(layers):
    pytest.importorskip("docx", reason="python-docx is absent: extra report")
    layer = layers["layer"](regions=layers["names"](["<w:b/>&amp;", "a\x00b", "ولسوالی"]))
    assert advisory_docx(Bundle(layer)) == advisory_docx(Bundle(layer))
    cells = read(advisory_docx(Bundle(layer))).tables[1].columns[0].cells
    names = {cell.text.removesuffix(" (Ambrel)") for cell in cells}
    assert {"<w:b/>&amp;", "ab", "ولسوالی"} <= names


@pytest.mark.slow
def test_a_long_table_says_what_it_leaves_out(layer, monkeypatch):
    pytest.importorskip("docx", reason="python-docx is absent: extra report")
    monkeypatch.setattr("riskmap.outputs.reports.TABLE_ROWS", 20)
    texts = [p.text for p in read(advisory_docx(Bundle(layer))).paragraphs]
    assert "2 further regions have a level; they are listed in risk.csv." in texts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "make"),
    [("weasyprint", advisory_pdf), ("docx", advisory_docx), ("matplotlib.figure", advisory_docx)],
)
def test_what_is_not_installed_is_named_with_its_command(layer, monkeypatch, package, make):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'riskmap\[report\]'"):
        make(Bundle(layer))


@pytest.mark.slow
def test_a_section_without_rows_says_none(layer):
    pytest.importorskip("docx", reason="python-docx is absent: extra report")
    empty = dataclasses.replace(layer, incidents=layer.incidents.head(0))
    assert "None." in [p.text for p in read(advisory_docx(Bundle(empty))).paragraphs]


@pytest.mark.slow
def test_a_documents_chart_falls_back_to_english_where_no_font_writes_the_language(
    layer, monkeypatch
):
    pytest.importorskip("matplotlib", reason="matplotlib is absent: extra report")
    monkeypatch.setattr("riskmap.outputs.documents._CHINESE", ())
    assert map_picture(Bundle(layer), language="zh") == map_picture(Bundle(layer), language="en")


def test_columns_fill_the_page_and_cut_no_word():
    widths = column_widths(Grid(("Level", "What"), (("4 high", "word " * 40),)))
    assert sum(widths) == pytest.approx(170, abs=0.5)
    assert widths[1] > 5 * widths[0]


@pytest.mark.slow
def test_long_judgements_leave_no_first_page_blank(layer):
    weasyprint = pytest.importorskip("weasyprint", reason="weasyprint is absent: extra report")
    risks = layer.risks.assign(risk_level=0, p_any=np.nan)
    codes = np.array(["silent", "rows_lost", "not_covered;no_reports", "gap;unclear"])
    risks["reasons"] = pd.Series(codes[np.arange(len(risks)) // 3 % 4], risks.index, dtype="str")
    long = layer.regions["name"] + " of the long name of a district far away"
    told = dataclasses.replace(layer, risks=risks, regions=layer.regions.assign(name=long))
    page = weasyprint.HTML(string=advisory_page(Bundle(told), language="en")).render().pages[0]
    boxes = page._page_box.descendants()
    text = " ".join(box.text for box in boxes if hasattr(box, "text"))
    assert "Key judgements" in text
