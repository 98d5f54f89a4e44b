"""Hostile text through every page: it runs nothing and asks nobody, with and without a policy."""

import dataclasses
import re
from pathlib import Path

import pytest

import riskmap as rm
from riskmap.incidents.articles import render_review
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.pages import advisory_page, map_page

LEAFLET = Path(__file__).parent / "node" / "node_modules" / "leaflet" / "dist" / "leaflet.js"

#: Before any script of a page: whatever text would call or send is counted.
HOOK = """
window.ran = 0;
for (const name of ['alert', 'confirm', 'prompt', 'open', 'print'])
  window[name] = () => { window.ran += 1; };
"""
BLANK = "<!doctype html><meta charset=utf-8><title>a notebook</title><body>"
#: What folium's own page asks for: its scripts and styles.
FOLIUM = ("cdn.jsdelivr.net", "code.jquery.com", "cdnjs.cloudflare.com", "netdna.bootstrapcdn.com")


@pytest.fixture(scope="module")
def hostile(payloads, layers):
    """A layer in which every name, kind and number of people is a hostile text."""
    regions = layers["grid"](len(payloads) // 50 + 1, 50, vertices=1)
    count = len(regions)
    told = [payloads[k % len(payloads)] for k in range(count)]
    regions = regions.assign(name=told, names=told[::-1])
    regions["parent"] = [payloads[k // 25] for k in range(count)]
    incidents = layers["spread"](regions, count)
    incidents["nationality"] = told
    incidents["event_type"] = told[::-1]
    incidents["incident_id"] = [f"{k} {text}" for k, text in enumerate(told)]
    layer = layers["layer"](regions=regions)
    known = layer.provenance | {"notice": told[0], "group": told[1], "model": told[2]}
    drivers = layer.drivers.assign(driver=told[3])
    return dataclasses.replace(layer, incidents=incidents, provenance=known, drivers=drivers)


def survey(page, *, asked=1):
    """What must hold of a page that was opened: nothing ran, nothing was asked for."""
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") == 0
    assert len(page.asked) == asked, page.asked[:5]
    assert page.url.startswith("file:")
    assert page.locator("main script, main iframe, main img, main a, main form").count() == 0


@pytest.fixture(scope="module")
def map_html(hostile):
    return map_page(Bundle(hostile))


@pytest.mark.parametrize("bypass_csp", [False, True])
def test_the_map_page(open_page, map_html, bypass_csp):
    page = open_page(map_html, hook=HOOK, bypass_csp=bypass_csp)
    page.evaluate(
        """() => {
          const rows = document.getElementsByClassName('go');
          for (let k = 0; k < 6; k += 1) document.getElementById('more').click();
          for (let k = 0; k < 350; k += 29) rows[k].click();
        }"""
    )
    survey(page)
    assert page.errors == []


@pytest.fixture(scope="module")
def advisory_html(hostile):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("reports.TABLE_ROWS", "reports.INCIDENT_ROWS", "wordings._NAMED"):
            patch.setattr(f"riskmap.outputs.{name}", 10**6)
        return advisory_page(Bundle(hostile))


@pytest.mark.parametrize("bypass_csp", [False, True])
def test_the_advisory(open_page, advisory_html, hostile, bypass_csp):
    page = open_page(advisory_html, hook=HOOK, bypass_csp=bypass_csp)
    assert page.locator("section.table tbody tr").count() == len(hostile.regions) - 2
    survey(page)


@pytest.mark.parametrize("bypass_csp", [False, True])
def test_the_review_of_an_article(open_page, payloads, bypass_csp):
    texts = [" ".join(text.split()) for text in payloads]
    told = "\n".join(
        f"Gunmen killed two miners at {text} in Kitoulo on Monday." for text in texts[::25]
    )
    found = rm.extract_incidents(told, published="2031-05-14")
    assert len(found.incident_rows) + len(found.set_aside_rows) > 0
    page = open_page(
        render_review(dataclasses.replace(found, text=told + "\n" + "\n".join(texts))),
        hook=HOOK,
        bypass_csp=bypass_csp,
    )
    survey(page)


def test_the_table_of_a_notebook(open_page, hostile, monkeypatch):
    monkeypatch.setattr("riskmap.outputs.views._ROWS", 10**6)
    page = open_page(f"{BLANK}<main>{hostile._repr_html_()}</main>", hook=HOOK)
    assert page.locator("main tbody tr").count() > len(hostile.regions)
    survey(page)


def test_the_map_of_a_notebook(browser, hostile, tmp_path):
    pytest.importorskip("folium", reason="folium is absent: extra notebook")
    if not LEAFLET.exists():
        pytest.skip("leaflet is absent: npm install --prefix tests/outputs/node")
    path = tmp_path / "explored.html"
    path.write_text(hostile.explore().get_root().render(), encoding="utf-8")
    context, strange = browser.new_context(), []
    context.add_init_script(HOOK)

    def answer(route):
        url = route.request.url
        if url.startswith("file:"):
            route.continue_()
        elif url.endswith("/leaflet.js"):
            route.fulfill(path=LEAFLET, content_type="text/javascript")
        else:
            host = re.sub(r"^https?://([^/]*)/.*$", r"\1", url)
            strange.extend([] if host in FOLIUM else [url])
            route.abort()

    context.route("**/*", answer)
    page = context.new_page()
    page.goto(path.as_uri())
    opened = page.evaluate(
        """() => {
          const map = Object.values(window).find(x => x instanceof L.Map);
          let n = 0;
          map.eachLayer(layer => {
            if (!layer.feature) return;
            layer.fire('mouseover', { latlng: layer.getBounds().getCenter() }, true);
            if (document.querySelector('.leaflet-tooltip td')) n += 1;
          });
          return n;
        }"""
    )
    page.wait_for_timeout(300)
    assert opened == len(hostile.regions)
    assert (page.evaluate("window.ran"), strange) == (0, [])
    context.close()


def test_the_same_text_on_a_naive_page_does_run(open_page, payloads):
    page = open_page(BLANK, hook=HOOK)
    page.context.set_offline(offline=True)
    page.evaluate(
        "texts => { for (const text of texts) { const li = document.createElement('li');"
        " li.innerHTML = text; document.body.append(li); } }",
        [text for text in payloads if "location" not in text and "meta" not in text.lower()],
    )
    page.wait_for_function("window.ran > 20")
    assert len(page.asked) > 20
