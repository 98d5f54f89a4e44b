"""Page one: the attack first, then what nobody can say, and no level without what is known."""

import dataclasses
import io
import re

import numpy as np
import pandas as pd
import pytest
import shapely

import riskmap as rm
from riskmap.assessment.layers import RISK_COLUMNS, SITE_COLUMNS
from riskmap.assessment.levels import LevelScale
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.documents import advisory_docx, to_markdown
from riskmap.outputs.editions import level_meaning
from riskmap.outputs.front_pages import attack_lines
from riskmap.outputs.pages import advisory_page
from riskmap.outputs.wordings import incident_words
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.panels.groups import Site
from riskmap.schema import conform

COMFORT = re.compile(
    r"usual precaution|so rare|safe to|nothing to fear|precautions are enough|通常的防范",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def sited(told):
    """A layer with sites in, next to, and far from the district of its attack."""
    own = told.regions.set_index("region_id").geometry
    place = own[told.attacks["region_id"].iloc[0]]
    inside, edge = place.representative_point(), place.exterior.interpolate(0.0)
    east = max(shapely.get_coordinates(place), key=lambda xy: xy[0])
    spots = {
        "camp": inside,
        "mine": shapely.Point(east[0] + 180.0 / (111_195.0 * np.cos(np.radians(east[1]))), east[1]),
        "far away": shapely.Point(inside.x + 1.0, inside.y),
        "to work": shapely.LineString([inside, edge]),
    }
    rows = [
        {
            "site": name,
            "kind": "route" if name == "to work" else "site",
            "wkt": shape.wkt,
            "region_id": own.index[0],
            "layer": told.headline,
            "risk_level": 3,
            "assessed_share": 1.0,
        }
        for name, shape in spots.items()
    ]
    return dataclasses.replace(told, sites=conform(pd.DataFrame(rows), SITE_COLUMNS))


def attacks(layer, language="en"):
    """All attacks as pages, alerts and feeds tell them."""
    return attack_lines(Bundle(layer).edition(language))


def headline(layer, name):
    return dataclasses.replace(layer, headline=name)


@pytest.mark.slow
def test_the_attack_stands_first_in_every_form_and_language(told):
    for language in languages():
        news, *_ = Bundle(told).report(language).lead
        first = catalogue(language)["headings"]["changes"]
        for text in (
            to_markdown(Bundle(told).report(language)),
            advisory_page(Bundle(told), language=language),
        ):
            assert text.index(news[:20]) < text.index(first)
    assert to_markdown(Bundle(told).report("en")).count("21 January 2025 in Ashkor") == 1


@pytest.mark.slow
def test_the_first_sentence_says_what_happened_to_whom_where_when_and_what_is_near(told):
    news, *more = Bundle(told).report("en").lead
    assert news.startswith(
        "Four people were killed in an armed attack that hit Chinese nationals (mining) on "
        "21 January 2025 in Ashkor (Ambrel), place given as \u201cSecret camp\u201d."
    )
    assert news.endswith("Which sites of the group are near can't be told.")  # places are not told
    assert more[-1] == "Further attacks of the last 90 days, which stand below: 1."
    chinese = Bundle(told).report("zh").lead[0]
    assert chinese.startswith("2025年1月21日")
    assert "4 人遇害" in chinese


@pytest.mark.slow
def test_one_dead_of_one_nationality_is_one_of_them(told):
    one = told.attacks.head(1).assign(killed=1, wounded=None, abducted=None)
    news = Bundle(dataclasses.replace(told, attacks=conform(one, ATTACK_COLUMNS)))
    assert news.report("en").lead[0].startswith("One Chinese national (mining) was killed in")
    assert "1 名中国公民" in news.report("zh").lead[0]


@pytest.mark.slow
def test_how_near_sites_are_is_told_from_the_spot_or_else_from_the_region(sited):
    near = Bundle(sited).report("en").lead[0]
    assert "the site \u201cmine\u201d, 180 m from the district" in near
    assert "the site \u201ccamp\u201d, in that district" in near
    assert "the route \u201cto work\u201d, which runs through the district" in near
    assert "far away" not in near  # a site 100 km off is not named
    assert "驻地“mine”距该区县 180 米" in Bundle(sited).report("zh").lead[0]
    told_of = sited.incidents["incident_id"].iloc[0]
    spot = sited.attacks.head(1).assign(is_point=True, incident_id=told_of)
    mine = shapely.from_wkt(sited.sites.set_index("site").loc["mine", "wkt"])
    here = sited.incidents["incident_id"] == told_of
    at = sited.incidents.assign(
        longitude=sited.incidents["longitude"].mask(here, mine.x),
        latitude=sited.incidents["latitude"].mask(here, mine.y + 0.1),
    )
    exact = dataclasses.replace(sited, attacks=conform(spot, ATTACK_COLUMNS), incidents=at)
    assert "the site \u201cmine\u201d, 11 km away" in Bundle(exact).report("en").lead[0]
    assert "mine" not in " ".join(Bundle(apply_profile(exact, "public")).report("en").lead)


@pytest.mark.slow
def test_a_month_without_attacks_says_so_first_and_calls_nothing_safe(told):
    quiet = dataclasses.replace(told, attacks=told.attacks.head(0))
    for language in languages():
        assert not COMFORT.search(" ".join(Bundle(quiet).report(language).lead))
    news, last, blind, *_, would = Bundle(quiet).report("en").lead
    assert last.startswith("The last one known: ")  # of these attacks, not of serious incidents
    assert news == "No attack on foreign workers is known since 3 October 2024 (90 days)."
    assert blind.startswith("In 2 of 24 districts nobody could have told of one: this is no all-")
    assert would.startswith("What would be told here first: an attack on foreign workers")


@pytest.mark.slow
def test_where_nobody_watches_nobody_could_have_told_though_reports_give_a_level(told):
    risks = told.risks.assign(data_sufficiency="insufficient")
    unwatched = dataclasses.replace(told, attacks=told.attacks.head(0), risks=risks)
    blind = Bundle(unwatched).report("en").lead[2]
    assert blind.startswith("In 24 of 24 districts nobody could have told of one: this is no all-")


def test_an_attack_that_the_issue_before_knew_is_not_called_new(told):
    known = told.provenance | {"previous_as_of": "2025-01-25"}
    lead = Bundle(dataclasses.replace(told, provenance=known)).report("en").lead
    assert lead[-1] == "No new attack is known since the issue of 25 January 2025."


def test_an_attack_says_what_happened_to_whom_where_when_and_what_is_marked(told):
    here, wide = attacks(told)
    assert here == (
        "21 January 2025, Secret camp, Ashkor (Ambrel): armed attack, 4 killed, Chinese nationals "
        "hit, sector mining. One report. Marked until 20 April 2025: Ashkor (Ambrel)."
    )
    assert wide.startswith(
        "Dostan: an attack is known to have been here, and not in which district."
    )
    assert "Marked" not in wide
    chinese = attacks(told, "zh")[0]
    assert chinese.startswith("2025年1月21日")
    assert "中国公民遭袭" in chinese


@pytest.mark.parametrize(
    ("language", "news", "row"),
    [
        ("en", "Chinese nationals (mining) were the target in", "armed attack, aimed at Chinese"),
        ("zh", "目标为中国公民", "针对中国公民"),
    ],
)
def test_who_is_known_to_have_come_to_no_harm_was_not_hit(told, language, news, row):
    none = dict.fromkeys(("killed", "wounded", "abducted"), 0)
    unhurt = told.incidents.assign(nationality="CHN", sector="mining", foreign_victims=0, **none)
    key = told.attacks["incident_id"].iloc[0]
    unhurt = unhurt.assign(event_type="armed_attack", toll=None, incident_id=key)
    hurt = told.attacks.assign(nationality="CHN", sector="mining", **none)
    layer = dataclasses.replace(told, incidents=unhurt, attacks=conform(hurt, ATTACK_COLUMNS))
    assert news in Bundle(layer).report(language).lead[0]
    assert row in incident_words(next(unhurt.itertuples()), catalogue(language))
    home = unhurt.assign(nationality=unhurt["country"])
    assert "aimed at" not in incident_words(next(home.itertuples()), catalogue("en"))


def test_many_attacks_known_to_one_area_are_one_banner(told):
    wide = told.attacks.iloc[[1, 1, 1]].assign(incident_id=["a", "b", "c"])
    (line,) = attacks(dataclasses.replace(told, attacks=wide))
    assert line.count("an attack is known to have been here") == 1
    assert line.count("1 abducted") == 3


@pytest.mark.slow
def test_rows_that_tell_of_attacks_without_a_day_are_one_line_behind_the_others(told):
    more = told.attacks.iloc[[0, 1, 1]].assign(
        event_date=pd.NaT, until=pd.NaT, regions=None, place=["Secret camp", None, "Old road"],
        unusable=["date: met 'soon'", "date: met ''", "date: met '03/04/2025'"],
    )  # fmt: skip
    table = pd.concat([told.attacks, more], ignore_index=True)
    layer = dataclasses.replace(told, attacks=table)
    *others, line = attacks(layer)
    assert tuple(others) == attacks(told)
    assert line == (
        "Rows that tell of such attacks and have no day that can be read, so that no district is "
        "marked for them: 3. Secret camp, Ashkor (Ambrel) (date \u201csoon\u201d), Dostan (date "
        "\u201c\u201d), Old road, Dostan (date \u201c03/04/2025\u201d)."
    )
    public = attacks(apply_profile(layer, "public"))[-1]
    assert public.endswith("marked for them: 3. Ashkor (Ambrel), Dostan, Dostan.")
    chinese = attacks(layer, "zh")[-1]
    assert "日期无法读取" in chinese
    assert "met" not in chinese


def test_a_cleared_attack_says_why_and_marks_nothing(told):
    why = "culprits arrested (A. Analyst, until 2025-06-01)"
    table = told.attacks.head(1).assign(cleared=f"violence: other; {told.headline}: {why}")
    cleared = dataclasses.replace(told, attacks=table)
    (line,) = attacks(cleared)
    assert line.endswith("Not marked any more: culprits arrested (A. Analyst, until 1 June 2025).")
    assert "Marked until" not in line
    assert "A. Analyst\uff0c有效至 2025年6月1日" in attacks(cleared, "zh")[0]


@pytest.mark.slow
@pytest.mark.parametrize(("language", "none"), [("en", "No attack"), ("zh", "未获知")])
def test_page_one_does_not_say_that_no_attack_is_known_where_one_was_cleared(told, language, none):
    table = told.attacks.head(1).assign(cleared=f"{told.headline}: culprits arrested")
    cleared = Bundle(dataclasses.replace(told, attacks=table)).report(language).lead
    nothing = Bundle(dataclasses.replace(told, attacks=table.head(0))).report(language).lead
    assert none in nothing[0]
    assert none not in " ".join(cleared)
    assert "1" in cleared[0]


def test_an_attack_that_was_cleared_for_another_layer_is_marked_here(told):
    table = told.attacks.head(1).assign(cleared="violence: culprits arrested (A, until 2025-06-01)")
    (line,) = attacks(dataclasses.replace(told, attacks=table))
    assert "Not marked" not in line
    assert "Marked until" in line


def test_an_attack_is_told_in_words_that_a_person_says(told):
    table = told.attacks.iloc[[0, 0]].assign(
        incident_id=["a", told.incidents["incident_id"].iloc[0]],
        event_type=["other", "unknown"],
        source_count=2,
    )
    incidents = told.incidents.assign(not_understood="event_type=blasting trouble")
    layer = dataclasses.replace(told, attacks=table, incidents=incidents)
    first, second = attacks(layer)
    assert ": incident of another kind, 4 killed" in first
    assert ": \u201cblasting trouble\u201d, 4 killed" in second
    assert "2 reports." in first  # which may be copies of one
    assert "independent" not in first


@pytest.mark.slow
def test_parts_of_attacks_are_no_fractions(told):
    own = told.risks[told.risks["layer"] == told.headline]
    risks = own.assign(attacks_told=1.11254, layer="group")
    layer = dataclasses.replace(told, risks=risks, headline="group")
    grid = Bundle(layer).report("en")["table"]
    assert {row[grid.head.index("Attacks on the group told")] for row in grid.rows} == {"about 1"}
    assert "1.11254" not in to_markdown(Bundle(layer).report("zh"))


def test_what_cannot_be_assessed_is_counted_with_its_reasons(told):
    line, *_ = Bundle(told).report("en")["unknown"]
    assert line == (
        "2 of 24 districts can't be assessed for incidents that involve foreign workers. That is "
        "not a low level. Why: no source that was read can see this here (1); no reports come from "
        "here (1). These are Wolmar (Velmar), Zarin (Velmar)."
    )


def test_sources_that_do_not_say_what_they_can_see_are_named(told):
    said = {
        "en": "What these sources can see is not stated: desk. What they tell raises levels; their "
        "silence says nothing of any district.",
        "zh": "未说明以下来源能看到什么",
    }
    rows = told.incidents.assign(source="desk")
    for scope, n in ((None, 1), ("violence; reach=reports", 0), ("none", 0)):
        incidents = rows.assign(scope=pd.Series(scope, rows.index, dtype="str"))
        layer = dataclasses.replace(told, incidents=incidents)
        for language, words in said.items():
            assert sum(words in x for x in Bundle(layer).report(language)["unknown"]) == n
        assert "desk" not in str(Bundle(apply_profile(layer, "public")).report("en")["unknown"])


def test_a_layer_asked_for_of_which_nothing_is_known_is_still_the_headline(told):
    group = told.risks["layer"] == "group"
    risks = told.risks.assign(
        risk_level=told.risks["risk_level"].mask(group, 0),
        p_any=told.risks["p_any"].mask(group),
        reasons=told.risks["reasons"].mask(group, "not_covered"),
    )
    report = Bundle(headline(dataclasses.replace(told, risks=risks), "group")).report("en")
    assert report["unknown"][0].startswith("24 of 24 districts can't be assessed")
    assert "no source that was read can see this here (24)" in report["unknown"][0]
    assert report["judgements"] == (
        "No region can be assessed. Nothing here says that any of them is calm.",
    )
    assert report["table"].rows == ()


@pytest.mark.slow
def test_a_level_stands_with_its_span_and_its_doubts(told, monkeypatch):
    monkeypatch.setattr("riskmap.outputs.reports.TABLE_ROWS", 24)
    rows = {row[0]: row for row in Bundle(told).report("en")["table"].rows}
    assert rows["Ashkor (Ambrel)"][1] == "3 moderate (2 to 4), attacked"
    assert rows["Berin (Ambrel)"][1] == "at least 3 moderate"
    assert rows["Galdor (Ambrel)"][1] == "5 extreme, kept from 1 March 2025"
    assert any("至少 3 级" in row[1] for row in Bundle(told).report("zh")["table"].rows)


def test_every_doubt_about_a_level_is_counted_on_page_one_and_named_in_the_annex(told):
    report = Bundle(told).report("en")
    line = next(line for line in report["unknown"] if "may be higher than they say" in line)
    for doubt in (
        "nobody watches (1)",
        "kept from an earlier day (1)",
        "rows could not be used (1)",
    ):
        assert doubt in line
    flags = {row[0]: row[1:] for row in report["flags"].rows}
    words = catalogue("en")["flags"]
    assert flags[words["at_least"]] == ("1", "Berin (Ambrel) 3+")
    assert flags[words["attacked"]] == ("1", "Ashkor (Ambrel) 3")
    assert flags[words["kept"]][0] == flags[words["rows_lost"]][0] == "1"


def test_where_it_is_not_understood_who_was_hit_is_told(told):
    report = Bundle(dataclasses.replace(told, risks=told.risks.assign(reasons="unclear")))
    assert any("not understood who was hit (22)" in x for x in report.report("en")["unknown"])
    counts = {row[0]: row[1] for row in report.report("en")["flags"].rows}
    assert counts[catalogue("en")["flags"]["unclear"]] == "22"


@pytest.mark.slow
def test_the_shares_are_a_sentence_a_country(told):
    line = (
        "XQA: 1,847 of 1,848 reports don't say who was hit; 1 % of them are taken to have hit "
        "foreigners (0.3 % to 3 %)."
    )
    assert line in Bundle(told).report("en")["unknown"][-1]
    other = Bundle(headline(told, "violence")).report("en")
    assert not any(line in told for told in other["unknown"])


def test_what_was_not_understood_is_counted_by_value(told):
    report = Bundle(told).report("en")
    assert report["unread"].rows == (
        ("sector", "Mining ops", "2"),
        ("nationality", "Chinse", "1"),
    )
    said = "Not understood, and kept as written: nationality \u201cChinse\u201d 1, sector"
    assert said in report["unknown"][-1]


@pytest.mark.slow
def test_how_many_attacks_hit_the_group_stands_beside_its_level(told):
    risks = told.risks.assign(attacks_told=2.0)
    report = Bundle(headline(dataclasses.replace(told, risks=risks), "group")).report("en")
    assert report["table"].head[:3] == ("Region", "Level", "Attacks on the group told")
    assert {row[2] for row in report["table"].rows} == {"2"}
    assert "Attacks on the group told" not in Bundle(told).report("en")["table"].head


def test_regions_that_are_newly_or_no_longer_assessed_are_changes(told):
    ids, name = told.regions["region_id"], told.headline
    risks = told.risks.set_index(["region_id", "layer"])
    columns = ["level_before", "p_before"]
    risks.loc[(ids[0], name), columns] = [0, None]
    risks.loc[(ids[22], name), columns] = [2, 0.02]
    layer = dataclasses.replace(told, risks=conform(risks.reset_index(), RISK_COLUMNS))
    rows = {row[0]: row[1] for row in Bundle(layer).report("en")["changes"].rows}
    assert rows == {
        "Ashkor (Ambrel)": "3 moderate (2 to 4), attacked (before: ? not assessed)",
        "Wolmar (Velmar)": "? not assessed (before: 2 low)",
    }


@pytest.mark.slow
def test_where_one_source_alone_caps_a_level_page_one_says_what_the_number_gives(told, monkeypatch):
    ids, name = told.regions["region_id"], told.headline
    risks = told.risks.set_index(["region_id", "layer"])
    risks.loc[(ids[0], name), ["threshold_level", "single_source"]] = [5, True]
    risks.loc[(ids[4], name), ["threshold_level", "single_source"]] = [5, True]
    layer = dataclasses.replace(told, risks=conform(risks.reset_index(), RISK_COLUMNS))
    report = Bundle(layer).report("en")
    said = "One source alone: plan for 5 extreme until it is confirmed."
    assert said in report.lead  # the attack was there
    monkeypatch.setattr("riskmap.outputs.reports.TABLE_ROWS", 24)
    rows = Bundle(layer).report("en")["table"].rows
    assert [row[0] for row in rows if said in row[-1]] == ["Ashkor (Ambrel)"]
    (line,) = [x for x in report["unknown"] if "Until it is confirmed, plan for" in x]
    assert "because one source alone tells of it: 1." in line
    assert line.endswith("Ashkor (Ambrel) 5 extreme.")
    assert not any("holds the level up" in flag for flag, *_ in report["flags"].rows)
    assert not any("plan for" in x for x in Bundle(told).report("en")["unknown"])


@pytest.mark.slow
def test_an_attack_holds_a_level_up_only_where_it_would_be_lower(told):
    def flags(level, threshold):
        here = (told.risks["region_id"] == "XQA0101") & (told.risks["layer"] == told.headline)
        risks = told.risks.assign(
            risk_level=told.risks["risk_level"].mask(here, level),
            threshold_level=told.risks["threshold_level"].mask(here, threshold),
        )
        rows = Bundle(dataclasses.replace(told, risks=risks)).report("en")["flags"].rows
        return any(flag == catalogue("en")["flags"]["lifted"] for flag, *_ in rows)

    assert flags(3, 2)
    assert not flags(3, 3)
    assert not flags(3, 4)
    assert not flags(4, 2)


@pytest.mark.slow
def test_no_wording_comforts(told):
    for language in languages():
        report = Bundle(told).report(language)
        assert not COMFORT.search(to_markdown(report))
    for level in LevelScale.default().levels:
        assert not COMFORT.search(f"{level.meaning} {level.advice}")


@pytest.mark.parametrize("layer", ["violence", "foreign"])
def test_level_one_says_how_rarely_by_the_thresholds_of_its_own_layer(layer):
    scale = LevelScale.default()
    told = level_meaning(scale, 1, layer, catalogue("en"))
    n = int(re.search(r"Fewer than 1 in ([\d,]+) such", told)[1].replace(",", ""))
    assert 1 / n == pytest.approx(scale.thresholds[layer][0])


def test_victims_are_told_as_people_say_them(told):
    risks = told.risks.assign(expected_victims=2.7e-6, severe_scenario=1234.0)
    report = Bundle(dataclasses.replace(told, risks=risks)).report("en")
    column = report["table"].head.index("Victims: mean (severe case)")
    assert report["table"].rows[0][column] == "fewer than 1 in 100 (1,200)"
    assert "e-0" not in to_markdown(report)


def test_the_public_page_names_the_attack_and_neither_the_place_nor_the_source(told):
    text = to_markdown(Bundle(apply_profile(told, "public")).report("en"))
    assert "Four people were killed in an armed attack that " in text
    assert "on 21 January 2025 in Ashkor (Ambrel)." in text
    for secret in ("Secret camp", "Chinese nationals hit, sector", "Mining ops", "desk"):
        assert secret not in text


@pytest.mark.slow
def test_word_shows_it_too(told):
    docx = pytest.importorskip("docx", reason="python-docx is absent: extra report")
    document = docx.Document(io.BytesIO(advisory_docx(Bundle(told))))
    (news,) = [p.text for p in document.paragraphs if p.style.name == "News"]
    assert news.startswith("Four people were killed in an armed attack")
    lines, picture = document.tables[0]._cells[-2:], document.inline_shapes[0]
    named = {p.style.name for p in document.paragraphs} | {lines[0].paragraphs[0].style.name}
    assert {"News", "Note", "Title", "Subtitle", "Heading 1"} <= named
    assert "can't be assessed" in picture._inline.docPr.get("descr")


WEEK = """id,date,province,district,place,type,killed,notes
2,2024-12-03,Ambrel,Galdor,,IED,3,police vehicle
3,2024-11-28,Ambrel,Berin,,armed clash,5,"Clash over gold mine, locals vs guards"
5,2024-07-26,Velmar,Zarin,,kidnapping,,one local driver kidnapped
"""
KILLING = '1,2025-01-21,Ambrel,Ashkor,near camp,shooting,1,"Chinese mine employee killed"\n'


@pytest.mark.slow
def test_a_weeks_killing_is_the_first_sentence_of_its_issue_and_the_first_change(tmp_path):
    districts = rm.datasets.regions()
    shapes = districts.set_index("name").geometry
    way = shapely.shortest_line(shapes["Berin"].representative_point(), shapes["Ashkor"])
    camp = way.interpolate(0.95, normalized=True)  # not far from the border
    group = rm.WorkerGroup("CHN", sector="mining", sites=(Site("camp", camp.x, camp.y),))
    layers = []
    for day, text in (("2025-01-16", WEEK), ("2025-01-23", WEEK + KILLING)):
        path = tmp_path / f"{day}.csv"
        path.write_text(text, "utf-8")
        told = rm.derive_victims(rm.read_incidents(path))
        located = rm.locate(rm.merge_duplicates(told), districts)
        panel = rm.count_incidents(located, districts, group=group, as_of=day)
        before = layers[-1] if layers else None
        layers.append(rm.assess(rm.forecast(panel), districts, previous=before))
    quiet, killed = (Bundle(layer).report("en") for layer in layers)
    assert quiet.lead[0].startswith("No attack on Chinese nationals in mining is known since 18")
    assert killed.lead[0].startswith(
        "One Chinese national (mining) was killed in an armed attack on 21 January 2025 in Ashkor "
        "(Ambrel), place given as \u201cnear camp\u201d. Where in the district is not known."
    )
    assert "Near it: the site \u201ccamp\u201d, " in killed.lead[0]
    first, *_ = killed["changes"].rows
    assert first[0] == "Ashkor (Ambrel)"
    assert first[2].startswith("21 January 2025: armed attack, 1 killed, Chinese nationals hit.")
    assert killed["sites"].rows[0][3].startswith("3 moderate, attacked: Ashkor (Ambrel), ")


def test_the_level_to_plan_for_has_its_actions_beside_those_of_the_level_that_stands(told):
    here, ours = told.risks["region_id"] == told.regions["region_id"][0], told.risks["layer"]
    here &= ours == told.headline
    low = told.risks.assign(risk_level=told.risks["risk_level"].clip(upper=3))
    low["threshold_level"] = low["risk_level"].mask(here, 5)
    low["single_source"] = here
    rows = (
        Bundle(dataclasses.replace(told, risks=conform(low, RISK_COLUMNS)))
        .report("en")["advice"]
        .rows
    )
    assert [row[0] for row in rows][:2] == ["5 extreme", "3 moderate"]
