"""Page one: the attack first, then what nobody can say, and no level without what is known."""

import dataclasses
import io
import re

import pandas as pd
import pytest

from riskmap.assessment.layers import RISK_COLUMNS
from riskmap.assessment.levels import LevelScale
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.documents import advisory_docx, to_markdown
from riskmap.outputs.editions import level_meaning
from riskmap.outputs.front_pages import summary_rows
from riskmap.outputs.pages import advisory_page
from riskmap.outputs.profiles import apply_profile
from riskmap.schema import conform

COMFORT = re.compile(
    r"usual precaution|so rare|safe to|nothing to fear|precautions are enough|通常的防范",
    re.IGNORECASE,
)


def headline(layer, name):
    return dataclasses.replace(layer, headline=name)


@pytest.mark.slow
def test_the_attack_stands_first_in_every_form_and_language(told):
    for language in languages():
        words = catalogue(language)
        texts = [
            to_markdown(Bundle(told).report(language)),
            advisory_page(Bundle(told), language=language),
        ]
        for text in texts:
            first, then = (text.index(words["headings"][key]) for key in ("attacks", "judgements"))
            assert first < then
    assert to_markdown(Bundle(told).report("en")).count("21 January 2025, Secret camp") == 1


def test_an_attack_says_what_happened_to_whom_where_when_and_what_is_marked(told):
    here, wide = Bundle(told).report("en")["attacks"]
    assert here == (
        "21 January 2025, Secret camp, Ashkor (Ambrel): armed attack, 4 killed, Chinese nationals "
        "hit, sector mining. One report. Marked until 20 April 2025: Ashkor (Ambrel)."
    )
    assert wide.startswith(
        "Dostan: an attack is known to have been here, and not in which district."
    )
    assert "Marked" not in wide
    chinese = Bundle(told).report("zh")["attacks"][0]
    assert chinese.startswith("2025年1月21日")
    assert "中国公民遭袭" in chinese


def test_many_attacks_known_to_one_area_are_one_banner(told):
    wide = told.attacks.iloc[[1, 1, 1]].assign(incident_id=["a", "b", "c"])
    (line,) = Bundle(dataclasses.replace(told, attacks=wide)).report("en")["attacks"]
    assert line.count("an attack is known to have been here") == 1
    assert line.count("1 abducted") == 3


@pytest.mark.slow
def test_rows_that_tell_of_attacks_without_a_day_are_one_line_behind_the_others(told):
    more = told.attacks.iloc[[0, 1, 1]].assign(
        event_date=pd.NaT, until=pd.NaT, regions=None, place=["Secret camp", None, "Old road"],
        unusable=["date: met 'soon'", "date: met ''", "date: met '03/04/2025'"],
    )  # fmt: skip
    attacks = pd.concat([told.attacks, more], ignore_index=True)
    layer = dataclasses.replace(told, attacks=attacks)
    *others, line = Bundle(layer).report("en")["attacks"]
    assert tuple(others) == Bundle(told).report("en")["attacks"]
    assert line == (
        "Rows that tell of such attacks and have no day that can be read, so that no district is "
        "marked for them: 3. Secret camp, Ashkor (Ambrel) (date \u201csoon\u201d), Dostan (date "
        "\u201c\u201d), Old road, Dostan (date \u201c03/04/2025\u201d)."
    )
    public = Bundle(apply_profile(layer, "public")).report("en")["attacks"][-1]
    assert public.endswith("marked for them: 3. Ashkor (Ambrel), Dostan, Dostan.")
    chinese = Bundle(layer).report("zh")["attacks"][-1]
    assert "日期无法读取" in chinese
    assert "met" not in chinese


def test_a_cleared_attack_says_why_and_marks_nothing(told):
    why = "culprits arrested (A. Analyst, until 2025-06-01)"
    attacks = told.attacks.head(1).assign(cleared=f"violence: other; {told.headline}: {why}")
    cleared = Bundle(dataclasses.replace(told, attacks=attacks))
    (line,) = cleared.report("en")["attacks"]
    assert line.endswith("Not marked any more: culprits arrested (A. Analyst, until 1 June 2025).")
    assert "Marked until" not in line
    assert "A. Analyst\uff0c至 2025年6月1日" in cleared.report("zh")["attacks"][0]


def test_an_attack_that_was_cleared_for_another_layer_is_marked_here(told):
    attacks = told.attacks.head(1).assign(
        cleared="violence: culprits arrested (A, until 2025-06-01)"
    )
    (line,) = Bundle(dataclasses.replace(told, attacks=attacks)).report("en")["attacks"]
    assert "Not marked" not in line
    assert "Marked until" in line


def test_an_attack_is_told_in_words_that_a_person_says(told):
    attacks = told.attacks.iloc[[0, 0]].assign(
        incident_id=["a", told.incidents["incident_id"].iloc[0]],
        event_type=["other", "unknown"],
        source_count=2,
    )
    incidents = told.incidents.assign(not_understood="event_type=blasting trouble")
    layer = dataclasses.replace(told, attacks=attacks, incidents=incidents)
    first, second = Bundle(layer).report("en")["attacks"]
    assert ": incident of another kind, 4 killed" in first
    assert ": \u201cblasting trouble\u201d, 4 killed" in second
    assert "2 reports." in first  # which may be copies of one
    assert "independent" not in first


def test_parts_of_attacks_are_no_fractions(told):
    own = told.risks[told.risks["layer"] == told.headline]
    risks = own.assign(attacks_told=1.11254, layer="group")
    layer = dataclasses.replace(told, risks=risks, headline="group")
    grid = summary_rows(Bundle(layer).edition("en"))
    assert {row[grid.head.index("Attacks on the group told")] for row in grid.rows} == {"about 1"}
    assert "1.11254" not in to_markdown(Bundle(layer).report("zh"))


def test_what_cannot_be_assessed_is_said_first_with_its_reasons(told):
    gap, *why = Bundle(told).report("en")["judgements"][:3]
    assert gap.startswith("2 of 24 regions can't be assessed for incidents that involve foreign")
    assert why == [
        "Not assessed because no reports come from here: Zarin (Velmar) (1 in all).",
        (
            "Not assessed because no source that was read can see this here: Wolmar (Velmar) "
            "(1 in all)."
        ),
    ]


def test_a_layer_asked_for_of_which_nothing_is_known_is_still_the_headline(told):
    group = told.risks["layer"] == "group"
    risks = told.risks.assign(
        risk_level=told.risks["risk_level"].mask(group, 0),
        p_any=told.risks["p_any"].mask(group),
        reasons=told.risks["reasons"].mask(group, "not_covered"),
    )
    report = Bundle(headline(dataclasses.replace(told, risks=risks), "group")).report("en")
    assert report["judgements"][0].startswith("24 of 24 regions can't be assessed")
    assert "no source" in report["judgements"][1].lower()
    assert not any(line.startswith("Level") for line in report["judgements"])


@pytest.mark.slow
def test_a_level_stands_with_its_span_and_its_doubts(told):
    rows = {row[0]: row for row in Bundle(told).report("en")["table"].rows}
    assert rows["Ashkor"][2] == "3 moderate (2 to 4), attacked"
    assert rows["Berin"][2] == "at least 3 moderate"
    assert rows["Galdor"][2] == "5 extreme, kept from 1 March 2025"
    assert "至少 3 中" in {row[2] for row in Bundle(told).report("zh")["table"].rows}


def test_doubts_about_levels_are_judgements(told):
    lines = Bundle(told).report("en")["judgements"]
    assert (
        "It may be higher than the level says, because nobody watches: Berin (Ambrel) (1 in all)."
        in lines
    )
    assert any("kept from an earlier day: Galdor (Ambrel) 2025-03-01" in line for line in lines)
    assert any("could not be used" in line and "Hamra" in line for line in lines)


def test_where_it_is_not_understood_who_was_hit_is_a_judgement(told):
    risks = told.risks.assign(reasons="unclear")
    lines = Bundle(dataclasses.replace(told, risks=risks)).report("en")["judgements"]
    assert any(line.startswith("It is not understood who was hit in recent") for line in lines)
    assert any("Ashkor (Ambrel)" in line for line in lines)


def test_the_shares_are_a_sentence_a_country(told):
    line = (
        "XQA: 1,847 of 1,848 reports don't say who was hit; 1 % of them are taken to have hit "
        "foreigners (0.3 % to 3 %)."
    )
    assert line in Bundle(told).report("en")["judgements"]
    assert line not in Bundle(headline(told, "violence")).report("en")["judgements"]


def test_what_was_not_understood_is_counted_by_value(told):
    report = Bundle(told).report("en")
    assert report["unread"].rows == (
        ("sector", "Mining ops", "2"),
        ("nationality", "Chinse", "1"),
    )
    assert report["judgements"][-1].startswith(
        "Not understood, and kept as written: nationality \u201cChinse\u201d 1, sector \u201cMining"
    )


def test_how_many_attacks_hit_the_group_stands_beside_its_level(told):
    risks = told.risks.assign(attacks_told=2.0)
    report = Bundle(headline(dataclasses.replace(told, risks=risks), "group")).report("en")
    assert report["summary"].head[:3] == ("Region", "Level", "Attacks on the group told")
    assert {row[2] for row in report["summary"].rows} == {"2"}
    assert "Attacks on the group told" not in Bundle(told).report("en")["summary"].head


def test_regions_that_are_newly_or_no_longer_assessed_are_told(told):
    ids, name = told.regions["region_id"], told.headline
    risks = told.risks.set_index(["region_id", "layer"])
    columns = ["level_before", "p_before"]
    risks.loc[(ids[0], name), columns] = [0, None]
    risks.loc[(ids[22], name), columns] = [2, 0.02]
    risks.loc[(ids[23], name), columns] = [3, None]  # lost in an issue before that one
    layer = dataclasses.replace(told, risks=conform(risks.reset_index(), RISK_COLUMNS))
    (line,) = [x for x in Bundle(layer).report("en")["judgements"] if "since the last" in x]
    assert line == (
        "Regions since the last issue: 0 deteriorated, 0 improved; newly assessed: Ashkor (Ambrel) "
        "(1 in all); no longer assessed: Wolmar (Velmar) (1 in all)."
    )
    assert any("不再得到评定" in line for line in Bundle(layer).report("zh")["judgements"])


def test_where_one_source_alone_caps_a_level_page_one_says_what_the_number_gives(told):
    ids, name = told.regions["region_id"], told.headline
    risks = told.risks.set_index(["region_id", "layer"])
    risks.loc[(ids[0], name), ["threshold_level", "single_source"]] = [5, True]
    risks.loc[(ids[4], name), ["threshold_level", "single_source"]] = [5, True]
    layer = dataclasses.replace(told, risks=conform(risks.reset_index(), RISK_COLUMNS))
    report = Bundle(layer).report("en")
    said = (
        "The number gives 5 extreme; shown as 3 moderate because one source alone tells it: plan "
        "for the number until it is confirmed."
    )
    edition = Bundle(layer).edition("en")
    rows = {row[0]: row[-1] for row in summary_rows(edition, limit=24).rows}
    assert [place for place, why in rows.items() if said in why] == ["Ashkor (Ambrel)"]
    assert sum("The number gives" in why for why in rows.values()) == 1
    (line,) = [x for x in report["judgements"] if x.startswith("Plan for the number")]
    assert "Ashkor (Ambrel) (the number gives 5 extreme, shown as 3 moderate) (1 in all)" in line
    assert not any("holds the level up" in flag for flag, _ in report["flags"].rows)
    assert not any("Plan for the number" in x for x in Bundle(told).report("en")["judgements"])


@pytest.mark.slow
def test_an_attack_holds_a_level_up_only_where_it_would_be_lower(told):
    def flags(level, threshold):
        here = (told.risks["region_id"] == "XQA0101") & (told.risks["layer"] == told.headline)
        risks = told.risks.assign(
            risk_level=told.risks["risk_level"].mask(here, level),
            threshold_level=told.risks["threshold_level"].mask(here, threshold),
        )
        rows = Bundle(dataclasses.replace(told, risks=risks)).report("en")["flags"].rows
        return any(flag == catalogue("en")["flags"]["lifted"] for flag, _ in rows)

    assert flags(3, 2)
    assert not flags(3, 3)
    assert not flags(3, 4)
    assert not flags(4, 2)


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
    assert "21 January 2025, Ashkor (Ambrel): armed attack, 4 killed." in text
    for secret in ("Secret camp", "Chinese nationals hit, sector", "Mining ops", "desk"):
        assert secret not in text


@pytest.mark.slow
def test_word_shows_it_too(told):
    docx = pytest.importorskip("docx", reason="python-docx is absent: extra report")
    document = docx.Document(io.BytesIO(advisory_docx(Bundle(told))))
    headings = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    assert headings[:3] == [
        *("Attacks of the last 90 days", "Sites and routes of the group", "Key judgements"),
    ]
