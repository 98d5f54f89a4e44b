"""Advisory and map page in any language that has a catalogue, and English as it always was."""

import shutil

import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.outputs import catalogues
from riskmap.outputs.formats import FORMATS

TOLD = ("advisory", "advisory_html", "map")
PLAIN = {"advisory.md", "advisory.html", "map.html"}


def texts(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("[am]*.[hm]*")}


@pytest.mark.slow
def test_chinese_stands_beside_english_and_changes_no_byte_of_it(layer, tmp_path):
    alone = texts(rm.publish(layer, tmp_path / "en", formats=TOLD))
    both = texts(rm.publish(layer, tmp_path / "both", formats=TOLD, languages=("en", "zh")))
    assert set(alone) == PLAIN
    assert set(both) == PLAIN | {"advisory.zh.md", "advisory.zh.html", "map.zh.html"}
    assert {name: both[name] for name in PLAIN} == alone
    words = catalogues.catalogue("zh")
    for name in ("advisory.zh.md", "advisory.zh.html"):
        assert words["title"] in both[name]
        assert words["headings"]["judgements"] in both[name]
    assert f"<title>{words['page']['title']}" in both["map.zh.html"]
    assert '"language":"zh"' in both["map.zh.html"]


def test_a_language_alone_keeps_its_names(layer, tmp_path):
    found = texts(rm.publish(layer, tmp_path, formats=["advisory"], languages=["zh"]))
    assert list(found) == ["advisory.zh.md"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_limit_is_a_sentence_and_no_heading(language):
    words = catalogues.catalogue(language)
    assert not set(words["limits"].values()) & set(words["headings"].values())
    assert all(text.endswith((".", "。")) for text in words["limits"].values())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "package"), [("docx", "docx"), ("pdf", "weasyprint")])
def test_documents_speak_chinese(layer, tmp_path, name, package):
    pytest.importorskip(package, reason=f"{package} is absent: extra report")
    found = rm.publish(layer, tmp_path, formats=[name], languages=["zh", "en"])
    files = [found / f"advisory.zh.{name}", found / f"advisory.{name}"]
    assert files[0].read_bytes() != files[1].read_bytes()


@pytest.mark.slow
def test_a_third_language_is_one_file(layer, tmp_path, monkeypatch):
    folder = tmp_path / "texts"
    shutil.copytree(catalogues._FOLDER, folder)
    text = (folder / "en.toml").read_text(encoding="utf-8")
    title = catalogues.catalogue("en")["title"]
    (folder / "fr.toml").write_text(text.replace(f'"{title}"', '"Note de risque"'), "utf-8")
    monkeypatch.setattr(catalogues, "_FOLDER", folder)
    found = texts(rm.publish(layer, tmp_path / "out", formats=TOLD, languages=["fr"]))
    assert set(found) == {"advisory.fr.md", "advisory.fr.html", "map.fr.html"}
    assert "# Note de risque" in found["advisory.fr.md"]
    assert '"fr":' in found["map.fr.html"]


@pytest.mark.parametrize("languages", [["en", "xx"], [], "zh"])
def test_an_unknown_language_is_refused_before_anything_is_written(layer, tmp_path, languages):
    with pytest.raises(InputError, match=r"no texts in a language: .*expected one of en, zh"):
        rm.publish(layer, tmp_path / "out", languages=languages)
    assert not (tmp_path / "out").exists()


def test_every_file_has_one_format_and_every_suffix_one_answer():
    files = [name for one in FORMATS.values() for name in one.files]
    ends = [end for one in FORMATS.values() for end in one.suffixes]
    assert len(set(files)) == len(files)
    assert len(set(ends)) == len(ends)
