"""Articles from files, which nobody vouches for."""

import sys
from datetime import date

import pytest

from riskmap.errors import InputError, MissingDependencyError
from riskmap.incidents.articles import read_articles

BODY = "Gunmen killed two miners in Kitoulo on Monday, police said. " * 6
PAGE = f"""<html><head><title>Two killed</title>
<meta property="article:published_time" content="2031-05-14T08:00:00Z"></head>
<body><nav>Home | Sport</nav><article><h1>Two killed</h1><p>{BODY}</p><p>{BODY[::-1]}</p></article>
<script>alert(1)</script></body></html>"""
RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
<item><title>Two killed</title>
<description>&lt;p&gt;Gunmen killed &lt;b&gt;two&lt;/b&gt; men.&lt;/p&gt;</description>
<pubDate>Wed, 14 May 2031 08:00:00 GMT</pubDate></item>
<item><title>Rain</title><pubDate>not a day</pubDate></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>One hurt</title>
<summary>A guard was wounded.</summary><updated>2031-05-13T10:00:00Z</updated></entry>
<entry><title>Other</title><content>Nothing.</content></entry></feed>"""
BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY l2 "&lol;&lol;">]>
<rss><channel><item><title>&l2;</title></item></channel></rss>"""
THIEF = """<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss><item><title>&x;</title></item></rss>"""


def write(folder, name, content):
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_feed_gives_an_article_an_item(tmp_path):
    first, second = read_articles(write(tmp_path, "a.rss", RSS))
    assert first.text == "Two killed\nGunmen killed two men."
    assert first.published == date(2031, 5, 14)
    assert (second.text, second.published) == ("Rain", None)


def test_atom(tmp_path):
    first, second = read_articles(write(tmp_path, "a.atom", ATOM))
    assert (first.text, first.published) == ("One hurt\nA guard was wounded.", date(2031, 5, 13))
    assert second.published is None


def test_html(tmp_path):
    pytest.importorskip("trafilatura")
    (found,) = read_articles(write(tmp_path, "a.html", PAGE))
    assert "Gunmen killed two miners" in found.text
    assert "alert" not in found.text
    assert found.published == date(2031, 5, 14)


def test_an_empty_page_is_refused(tmp_path):
    pytest.importorskip("trafilatura")
    with pytest.raises(InputError, match="no article"):
        read_articles(write(tmp_path, "a.html", "<html><body></body></html>"))


def test_html_needs_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "htmldate", None)
    with pytest.raises(MissingDependencyError, match="news"):
        read_articles(write(tmp_path, "a.html", PAGE))


def test_a_folder_in_order_of_names(tmp_path):
    write(tmp_path, "b.txt", "Second.")
    write(tmp_path, "a.txt", "\ufeffFirst.")
    write(tmp_path, ".hidden.txt", "Hidden.")
    write(tmp_path, "table.csv", "a,b")
    found = read_articles(tmp_path)
    assert [(a.text, a.source_file) for a in found] == [("First.", "a.txt"), ("Second.", "b.txt")]


@pytest.mark.parametrize("content", [BOMB, THIEF])
def test_a_document_type_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="document type"):
        read_articles(write(tmp_path, "a.xml", content))


@pytest.mark.parametrize("content", ["<rss>", "no xml", "", "<rss>\x00</rss>"])
def test_a_broken_feed_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="not a feed"):
        read_articles(write(tmp_path, "a.xml", content))


def test_other_encodings_are_refused(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes(THIEF.encode("utf-16"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_articles(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="not an article"):
        read_articles(write(tmp_path, "a.exe", "x"))


def test_a_huge_file_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(20_000_001)
    with pytest.raises(InputError, match="too big"):
        read_articles(path)
