"""The map page in a real browser: quick, reachable by keyboard, silent, and it runs nobody else."""

import dataclasses
import re
from pathlib import Path

import pandas as pd
import pytest

from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.pages import advisory_page, map_page

NODE = Path(__file__).parent / "node" / "node_modules"
LABELS = "[...document.querySelectorAll('#labels text')].map(e => e.textContent)"
STEPS = """() => {
  const slider = document.getElementById('slider');
  for (let i = 0; i < 12; i += 1) {
    slider.value = i;
    slider.dispatchEvent(new Event('input'));
    document.body.getBoundingClientRect();
  }
}"""


@pytest.fixture(scope="module")
def html(layer):
    return map_page(Bundle(layer))


def text_of(page, selector):
    return page.locator(selector).inner_text()


def test_it_draws_every_region_and_asks_nobody(open_page, html):
    page = open_page(html)
    assert page.locator("#areas path").count() == 24
    assert len(page.asked) == 1
    assert page.asked[0].startswith("file:")
    assert page.errors == []


def test_the_legend_counts_and_unknown_regions_are_hatched(open_page, html):
    page = open_page(html)
    assert "5 extreme\n16" in text_of(page, "#legend").replace("\xa0", " ")
    assert page.locator("#areas path.l0").count() == 2
    assert page.evaluate(LABELS).count("?") == 2
    assert "url" in page.locator("#areas path.l0").first.evaluate("e => getComputedStyle(e).fill")


def test_layers_switch_by_mouse_and_by_arrow(open_page, html):
    page = open_page(html)
    page.click("#layers >> text=All violence")
    assert page.locator("#areas path.l5").count() == 12
    page.keyboard.press("ArrowRight")
    assert page.locator("#areas path.l5").count() == 16
    assert page.locator('#layers [aria-checked="true"]').inner_text() == "Foreign workers"


def test_the_slider_steps_through_recorded_incidents_and_plays(open_page, html):
    page = open_page(html)
    page.focus("#slider")
    page.keyboard.press("ArrowLeft")
    assert "Recorded incidents" in text_of(page, "#moment")
    assert page.locator("#areas path.l5").count() == 0
    page.keyboard.press("End")
    assert "forecast" in text_of(page, "#moment")
    page.click("#play")
    page.wait_for_timeout(900)
    page.click("#play")
    assert page.locator("#slider").input_value() in ("0", "1", "2")
    assert page.get_attribute("#play", "aria-label") == "Play"


def test_a_region_is_found_and_explained(open_page, html):
    page = open_page(html)
    page.fill("#search", "nolv")
    assert text_of(page, "#found") == "1 of 24 regions"
    page.press("#search", "Enter")
    panel = text_of(page, "#panel")
    for part in ("Nolva", "extreme", "18 %", "own history", "Expected count", "Latest incidents"):
        assert part in panel
    assert "about 1 in 6" in panel
    assert "The models that were asked say 12–25 %; the level rests on the figure above." in panel
    assert "no confidence interval" in text_of(page, "#foot")
    assert page.locator("#chosen").get_attribute("d").startswith("M")
    assert "Nolva: 5 extreme" in page.locator("#status").inner_text()
    page.click("#panel >> role=button[name=Close]")
    assert page.locator("#panel").is_hidden()


@pytest.mark.parametrize(("victims", "said"), [(0, "aimed at Chinese nationals"), (1, "hit")])
def test_whom_an_attack_was_aimed_at_and_did_not_hit_is_not_said_to_be_hit(
    open_page, layer, victims, said
):
    told = layer.incidents.assign(nationality="CHN", country="XQA", foreign_victims=victims)
    told["foreign_victims"] = told["foreign_victims"].astype("Int64")
    page = open_page(map_page(Bundle(dataclasses.replace(layer, incidents=told))))
    page.fill("#search", "nolv")
    page.press("#search", "Enter")
    panel = text_of(page, "#panel")
    assert said in panel
    assert ("Chinese nationals hit" in panel) == bool(victims)


def test_a_region_of_which_nothing_is_known_says_so(open_page, html):
    page = open_page(html, fragment="#r=XQA0308")
    panel = text_of(page, "#panel")
    assert "Not assessed: reports have stopped." in panel
    assert "Silence is not safety" in panel
    assert "%" not in panel.split("Confidence")[0]


def test_the_table_sorts_and_shows_more(open_page, layers):
    regions = layers["grid"](10, 10, vertices=2)
    page = open_page(map_page(Bundle(layers["layer"](regions=regions))))
    rows = page.locator("#table tbody tr")
    assert rows.count() == 50
    page.click("#more")
    assert rows.count() == 100
    page.click("#table th >> text=Region")
    assert "Cell 0" in rows.first.inner_text()
    assert page.locator('th[aria-sort="ascending"]').inner_text() == "Region"


def test_zoom_by_wheel_button_and_key_and_pan_by_drag(open_page, html):
    page = open_page(html)
    scene = page.locator("#scene")
    whole = scene.get_attribute("transform")
    page.mouse.move(400, 400)
    page.mouse.wheel(0, -600)
    near = scene.get_attribute("transform")
    assert near != whole
    page.mouse.down()
    page.mouse.move(300, 350, steps=4)
    page.mouse.up()
    assert scene.get_attribute("transform") != near
    page.focus("#map")
    page.keyboard.press("0")
    assert scene.get_attribute("transform") == whole
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    assert scene.get_attribute("transform") != whole
    page.click("#home")
    page.click("#in")
    page.click("#out")
    assert scene.get_attribute("transform") == whole


def test_two_fingers_zoom(open_page, html):
    page = open_page(html, has_touch=True)
    fingers = """([from, to]) => {
      const map = document.getElementById('map');
      const send = (type, pointerId, clientX) => map.dispatchEvent(new PointerEvent(type,
        { pointerId, pointerType: 'touch', clientX, clientY: 400, bubbles: true, button: 0 }));
      send('pointerdown', 1, 400); send('pointerdown', 2, 400 + from);
      send('pointermove', 2, 400 + to); send('pointerup', 1, 400); send('pointerup', 2, 400 + to);
    }"""
    page.evaluate(fingers, [50, 200])
    scale = re.search(r"scale\(([\d.]+)\)", page.locator("#scene").get_attribute("transform"))
    assert float(scale.group(1)) == pytest.approx(4.0)


def test_a_permalink_leads_back(open_page, html):
    page = open_page(html)
    page.click("#layers >> text=Stated group")
    page.click("#table tbody tr:nth-child(3) .go")
    page.click("#in")
    page.wait_for_timeout(300)
    fragment = page.evaluate("location.hash")
    again = open_page(html, fragment=fragment)
    assert text_of(again, "#panel h2") == text_of(page, "#panel h2")
    assert again.locator("#scene").get_attribute("transform").startswith("translate(")
    assert again.locator('#layers [aria-checked="true"]').inner_text() == "Stated group"


def test_a_spoilt_permalink_does_no_harm(open_page, html):
    page = open_page(html, fragment="#l=__proto__&t=9e9&r=<b>&z=a_b_c&lang=constructor")
    assert page.errors == []
    assert page.locator("#areas path").count() == 24


def test_english_and_chinese(open_page, html):
    page = open_page(html)
    page.click("#language")
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert "各地区安全风险" in text_of(page, "#title")
    page.click("#language")
    assert "Security risk by region" in text_of(page, "#title")


def test_an_expired_layer_says_so_and_a_valid_one_does_not(open_page, html, layer, layers):
    assert "expired on 2025-04-01" in text_of(open_page(html), "#expired")
    lasting = layer.provenance | {"valid_until": "2999-01-01T00:00:00Z"}
    page = open_page(map_page(Bundle(layers["layer"](provenance=lasting))))
    assert page.locator("#expired").is_hidden()


def test_a_layer_that_should_have_been_made_again_says_so(open_page, layer, layers):
    times = {"valid_until": "2999-01-01T00:00:00Z", "stale_after": "2025-03-01T00:00:00Z"}
    stale = layers["layer"](provenance=layer.provenance | times)
    assert "made again by 2025-03-01" in text_of(open_page(map_page(Bundle(stale))), "#expired")


def test_the_panel_tells_what_moved_a_level_and_what_would(open_page, explained):
    html = map_page(Bundle(explained))
    risen = open_page(html, fragment="#r=XQA0101")
    panel = text_of(risen, "#panel")
    for part in (
        *("deteriorated", "(before 3 moderate", "Fragile:", "One source alone"),
        *("new incidents here +0.9", "incidents growing old -0.1", "0.4 (5)"),
    ):
        assert part in panel
    fallen = text_of(open_page(html, fragment="#r=XQA0102&lang=zh"), "#panel")
    for part in ("好转", "上期 5 极高", "再发生 1 起此类事件", "5 极高", "连续 74 天", "等级下调"):
        assert part in fallen
    assert risen.errors == []


def test_dark_mode_follows_the_system_and_the_button(open_page, html):
    back = "getComputedStyle(document.body).backgroundColor"
    page = open_page(html, color_scheme="dark")
    dark = page.evaluate(back)
    page.click("#theme")
    assert page.evaluate(back) != dark
    assert open_page(html).evaluate(back) != dark


def test_print_leaves_out_what_paper_cannot_do(open_page, html):
    page = open_page(html)
    page.emulate_media(media="print")
    assert page.locator(".controls").is_hidden()
    assert page.locator("#legend").is_visible()


def test_every_control_is_reached_by_tab(open_page, html):
    page = open_page(html)
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert seen[0] == "skip"
    assert {"search", "language", "theme", "map", "in", "out", "home", "play", "slider"} <= set(
        seen
    )


OPEN = """() => {
  for (const box of document.querySelectorAll('details')) box.open = true;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["", "#r=XQA0101", "#r=XQA0102&lang=zh"])
def test_no_serious_barrier_for_anyone(open_page, explained, scheme, fragment):
    axe = NODE / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is absent: npm install --prefix tests/outputs/node")
    page = open_page(
        map_page(Bundle(explained)), color_scheme=scheme, fragment=fragment, bypass_csp=True
    )
    page.evaluate(OPEN)
    page.evaluate(axe.read_text(encoding="utf-8"))
    assert barriers(page) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_serious_barrier_on_the_advisory(open_page, explained, language):
    axe = NODE / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is absent: npm install --prefix tests/outputs/node")
    page = open_page(advisory_page(Bundle(explained), language=language), bypass_csp=True)
    page.evaluate(axe.read_text(encoding="utf-8"))
    assert barriers(page) == []


def barriers(page):
    """What axe-core finds that keeps somebody out."""
    return [
        (one["id"], [node["target"] for node in one["nodes"]][:3])
        for one in page.evaluate("axe.run()")["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_relevance_stands_beside_the_ranking(open_page, explained):
    page = open_page(map_page(Bundle(explained)))
    page.evaluate(OPEN)
    relevance = page.locator("#context details").nth(0).inner_text()
    assert "people of the same nationality\t" in relevance
    assert "Chinese nationals in mining" in relevance


def test_sites_stand_beside_the_ranking_and_in_the_panel_of_their_region(open_page, told):
    page = open_page(map_page(Bundle(told)), fragment=f"#r={told.regions['region_id'].iloc[5]}")
    rows = page.locator("#context details").nth(0).locator("tbody tr").all_inner_texts()
    assert rows[0].startswith("camp <b>\t")
    assert "3 moderate, attacked" in rows[0]
    assert "at least 3 moderate" in rows[1]
    assert "camp <b>" in page.locator("#panel").inner_text()


def processor_time(session):
    """Milliseconds of processor time that the page's thread has used: no neighbour adds to it."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1000 * next(one["value"] for one in metrics if one["name"] == "TaskDuration")


@pytest.mark.parametrize(
    ("columns", "rows", "incidents", "megabytes", "ready", "step"),
    [(20, 20, 4000, 0.5, 300, 60), (80, 50, 8000, 3.0, 3000, 200)],
)
def test_size_and_pace(open_page, layers, columns, rows, incidents, megabytes, ready, step):
    regions = layers["grid"](columns, rows)
    table = layers["spread"](regions, incidents)
    layer = dataclasses.replace(layers["layer"](regions=regions), incidents=table)
    html = map_page(Bundle(layer))
    assert len(html.encode()) <= megabytes * 1e6
    page = open_page("")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = processor_time(session)
    page.set_content(html)
    assert page.evaluate("document.documentElement.dataset.ready") == "yes"
    loaded = processor_time(session)
    assert loaded - before <= ready
    page.evaluate(STEPS)
    assert (processor_time(session) - loaded) / 12 <= step


def test_the_map_marks_attacks_bounds_and_why_nothing_is_known(open_page, told):
    page = open_page(map_page(Bundle(told)))
    legend = text_of(page, "#legend").replace("\xa0", " ")
    for part in (
        *("? not assessed: no source can see it\n1", "? not assessed: no reports\n1"),
        *("3+\nor higher\n1", "▲\nattack of the last 90 days\n1"),
    ):
        assert part in legend
    assert page.locator("#marks path").count() == 1
    assert page.locator("#areas path.attacked").count() == 1
    assert page.locator("#areas path.uncovered").count() == 1
    assert "3+" in page.evaluate(LABELS)
    assert text_of(page, "#attacks").startswith("▲ 21 January 2025, Secret camp, Ashkor")
    assert page.errors == []


@pytest.mark.parametrize(
    ("region", "parts"),
    [
        ("XQA0101", ("3\n", "moderate (2 to 4), attacked", "An attack of the last 90 days holds")),
        ("XQA0102", ("3+\n", "at least 3 moderate", "nobody watches: it may be")),
        ("XQA0103", ("Kept from 2025-03-01", "Reports have stopped")),
        ("XQA0104", ("rows could not be used",)),
        ("XQA0308", ("?\n", "Not assessed: no reports.", "It is not a low level.")),
    ],
)
def test_the_panel_tells_what_is_known_of_a_level(open_page, told, region, parts):
    panel = text_of(open_page(map_page(Bundle(told)), fragment=f"#r={region}"), "#panel")
    for part in parts:
        assert part in panel


def test_fewer_victims_than_anybody_would_say_are_no_number(open_page, told):
    risks = told.risks.assign(expected_victims=2.7e-6, severe_scenario=0.2)
    told = dataclasses.replace(told, risks=risks)
    panel = text_of(open_page(map_page(Bundle(told)), fragment="#r=XQA0101"), "#panel")
    assert "fewer than 1 in 100 (0.2)" in panel


def test_the_group_stands_on_its_tab_by_its_name(open_page, explained):
    html = map_page(Bundle(explained))
    assert "Chinese nationals in mining" in text_of(open_page(html), "#layers")
    assert "从事采矿的中国公民" in text_of(open_page(html, fragment="#lang=zh"), "#layers")


@pytest.fixture(scope="module")
def located(told):
    """A layer with a point, a place, a district and a province of the last days, and with sites."""
    points = {"geo_precision": ["point", "place", "admin2"], "longitude": [4.5, 5.1, 4.5]}
    points |= {"latitude": [-6.5, -6.1, -6.5], "event_date": told.context.as_of}
    incidents = told.incidents.head(3).reset_index(drop=True).assign(**points)
    spread = incidents.iloc[[0, 0]].assign(incident_id="wide", weight=0.5, geo_precision="admin1")
    spread = spread.assign(region_id=told.regions["region_id"].iloc[:2].tolist())
    where = {"camp <b>": "POINT (4.5 -6.5)", "road": "LINESTRING (4.5 -6.5, 5 -6)"}
    return dataclasses.replace(
        told,
        incidents=pd.concat([incidents, spread], ignore_index=True),
        sites=told.sites.assign(wkt=told.sites["site"].map(where)),
    )


def test_an_incident_is_drawn_as_exactly_as_it_is_known(open_page, located):
    page = open_page(map_page(Bundle(located)))
    assert page.locator("#spots .point").count() == 1
    assert page.locator("#spots .place").count() == 1
    assert page.locator("#spread path:not(.area):not(.under)").count() == 1
    assert page.locator("#spread .area").count() == 1
    legend = text_of(page, "#legend")
    for part in (
        "at its place\n1",
        "known to its district only\n1",
        "known to its province only\n1",
    ):
        assert part in legend
    page.click("#marks_on")
    assert page.locator("#spots circle, #spread path, #ways path").count() == 0


def test_sites_stand_on_the_private_map_alone(open_page, located):
    page = open_page(map_page(Bundle(located)))
    assert page.locator("#ways .site").count() == 1
    assert page.locator("#ways .way").count() == 1
    assert page.locator("#ways text").text_content() == "camp <b>"
    public = open_page(map_page(Bundle(apply_profile(located, "public"))))
    assert public.locator("#ways path, #ways text, #spots circle").count() == 0
    assert page.errors + public.errors == []


def test_counts_that_are_held_back_are_no_zeros(open_page, told):
    page = open_page(map_page(Bundle(apply_profile(told, "public"))), fragment="#t=3")
    assert page.locator(".time").is_hidden()
    assert "no counts of this layer" in text_of(page, "#legend")
    page.click("#layers >> text=All violence")
    assert page.locator(".time").is_visible()
    assert page.errors == []


def test_a_name_is_found_by_alias_without_marks_and_nearly(open_page, layers):
    regions = layers["names"](["Ñuñoa", "خواجه بهاوالدین", "Yangi Qala"])
    regions = regions.assign(names=["Puerto Viejo", *[None] * (len(regions) - 1)])
    page = open_page(map_page(Bundle(layers["layer"](regions=regions))))
    for typed, said in (
        *(("puerto", "Puerto Viejo"), ("nunoa", "Ñuñoa"), ("خواجه بهاوالدين", "خواجه")),
        ("yangi kala", "the nearest are listed"),
    ):
        page.fill("#search", typed)
        assert said in text_of(page, "#found_box"), typed
    page.fill("#search", "qqqqqqq")
    assert text_of(page, "#found_box") == "No region of that name is known."
    page.fill("#search", "puerto")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#search", "aria-activedescendant") == "option0"
    page.keyboard.press("Enter")
    assert "Ñuñoa" in text_of(page, "#panel")
    assert page.locator("#found_box").is_hidden()
    assert page.errors == []


def test_names_from_right_to_left_keep_their_order(open_page, layers):
    page = open_page(map_page(Bundle(layers["layer"](regions=layers["names"](["کابل (Kabul)"])))))
    name = page.locator("#table bdi").first
    assert name.get_attribute("dir") == "auto"
    assert name.evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_spans_and_reasons_are_seen_without_a_click(open_page, told):
    page = open_page(map_page(Bundle(told)))
    assert page.locator("#labels .span").all_text_contents() == ["2–4"]
    page.fill("#search", "XQA0101")
    assert "2–4" in text_of(page, "#table")
    page.fill("#search", "XQA0307")
    assert "no source can see it" in text_of(page, "#table")
    assert page.locator("#table .badge.uncovered").count() == 1
    page.fill("#search", "XQA0308")
    assert "no reports" in text_of(page, "#table")
    assert page.locator("#table .badge.uncovered").count() == 0


def test_on_a_phone_the_panel_opens_over_the_map(open_page, html):
    page = open_page(html, viewport={"width": 390, "height": 844})
    page.click("#table .go")
    panel, stage = (page.locator(name).bounding_box() for name in ("#panel", "#map"))
    assert panel["y"] + panel["height"] == pytest.approx(844, abs=1)
    assert stage["y"] <= 1
    assert panel["y"] > 300
    page.click("#panel >> role=button[name=Close]")
    assert page.locator("#panel").is_hidden()


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 390, "height": 844}}])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_barrier_where_names_are_suggested(open_page, located, scheme, options):
    axe = NODE / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is absent: npm install --prefix tests/outputs/node")
    page = open_page(map_page(Bundle(located)), color_scheme=scheme, bypass_csp=True, **options)
    page.evaluate(OPEN)
    page.click("#table .go")
    page.fill("#search", "or")
    page.keyboard.press("ArrowDown")
    page.evaluate(axe.read_text(encoding="utf-8"))
    assert barriers(page) == []
