"""The advisory: what matters first, nothing hidden, nothing executed."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap
from riskmap import datasets
from riskmap.assessment.layers import AUDIT_COLUMNS, KNOWLEDGE_COLUMNS
from riskmap.errors import InputError
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.documents import escape_markdown, to_markdown
from riskmap.outputs.pages import advisory_page
from riskmap.outputs.payloads import map_payload
from riskmap.outputs.profiles import apply_profile
from riskmap.outputs.reports import OPTIONAL, notable_incidents
from riskmap.outputs.wordings import NONE, country_name, display, likelihood, percent
from riskmap.schema import conform

ASHKOR = "Ashkor (Ambrel) 5"


def written(layer):
    return to_markdown(Bundle(layer).report("en"))


def test_the_highest_levels_come_first(layer):
    report = Bundle(layer).report("en")
    first, why, level = report["judgements"][:3]
    assert first.startswith("2 of 24 regions can't be assessed")
    assert why == (
        "Not assessed because reports have stopped: Wolmar (Velmar), Zarin (Velmar) (2 in all)."
    )
    assert level.startswith("Level 5 (extreme), 16 of 24 regions: Ashkor")
    assert level.endswith("Data: sufficient in 16.")
    levels = [int(row[2][0]) for row in report["table"].rows]
    assert levels == sorted(levels, reverse=True)


def test_what_is_not_assessed_is_named_and_not_in_the_table(layer):
    report = Bundle(layer).report("en")
    assert report["gaps"].rows == (("Velmar", "2: Wolmar, Zarin"),)
    assert not {"Wolmar", "Zarin"} & {row[0] for row in report["table"].rows}
    assert any("not a low level" in line for line in report["judgements"])


def test_the_scale_counts_every_region(layer):
    assert sum(int(row[2]) for row in Bundle(layer).report("en")["levels"].rows) == 24


def test_changes_are_told_when_known(layer):
    trend = np.where(layer.risks["risk_level"] == 5, "deteriorated", "improved")
    changed = dataclasses.replace(layer, risks=layer.risks.assign(trend=trend))
    line = next(line for line in Bundle(changed).report("en")["judgements"] if "last issue" in line)
    assert line == "Regions since the last issue: 16 deteriorated, 6 improved."
    assert "since the last issue" not in written(layer)


def test_what_moved_levels_is_told_by_its_largest_parts(explained):
    report = Bundle(explained).report("en")
    lines = [line for line in report["judgements"] if line.startswith(("Deteriorated", "Improved"))]
    assert lines == [
        "Deteriorated: Ashkor (Ambrel) 3 → 5.",
        "Improved: Berin (Ambrel) 5 → 4.",
    ]
    first, second = report["changes"].rows
    assert first[1:3] == ("3 moderate", "5 extreme")
    assert re.fullmatch(
        r"new incidents here\. Latest: \d{4}-\d\d-\d\d [^;]+; incidents growing old", first[3]
    )
    assert second[4].endswith("for long enough. (under 0.8 of the bound)")
    assert report["table"].head[3:5] == ("Before", "Trend")
    assert report["table"].rows[0][3:5] == ("3 moderate", "deteriorated")


def test_what_was_only_calculated_anew_is_called_that(explained):
    causes = explained.changes["cause"].mask(explained.changes["cause"] != "boundary", "method")
    layer = dataclasses.replace(explained, changes=explained.changes.assign(cause=causes))
    rows = Bundle(layer).report("en")["changes"].rows
    told = {row[3] for row in rows} - {NONE}
    assert told == {"No new report: the figures were calculated anew."}


def test_the_first_changes_are_those_of_attacked_regions_and_at_most_five(layer):
    risks = layer.risks.assign(level_before=1)
    risks["level_before"] = risks["level_before"].astype("Int64")
    place = risks.loc[risks["risk_level"] == 3, "region_id"].iloc[-1]
    marked = (risks["region_id"] == place).astype("boolean")
    changed = dataclasses.replace(layer, risks=risks.assign(attacked=marked, p_before=0.01))
    rows = Bundle(changed).report("en")["changes"].rows
    name = layer.regions.set_index("region_id").loc[place, "name"]
    assert rows[0][0].startswith(name)
    assert len(rows) == 6  # and a line of how many more there are
    assert rows[1][2].startswith("5 extreme")


def test_what_would_move_a_level_is_told_when_it_moves_the_published_one(explained):
    up = "One more such incident: 5 extreme (35 %)."
    down = "If a source watches and tells of no incident for 74 days: 3 moderate (1.4 %)."
    told = f"{up} {down}"
    assert Bundle(explained).report("en")["moves"].rows == (("Berin (Ambrel)", "4 high", told),)


@pytest.mark.slow
def test_where_nobody_watches_no_silence_lowers_a_level(explained):
    risks, place = explained.risks, explained.regions["region_id"].iloc[1]
    here = (risks["region_id"] == place) & (risks["layer"] == explained.headline)
    known = {"region_id": place, "layer": explained.headline, "watched": False}
    layer = dataclasses.replace(
        explained,
        risks=risks.assign(at_least=here.astype("boolean")),
        knowledge=conform(pd.DataFrame([known]), KNOWLEDGE_COLUMNS),
    )
    up = "One more such incident: 5 extreme (35 %)."
    for told in (layer, apply_profile(layer, "public")):
        rows = Bundle(told).report("en")["moves"].rows
        assert rows == (("Berin (Ambrel)", "at least 4 high", up),)
        assert set(Bundle(told).moves["kind"]) == {"more"}


def test_a_probability_just_under_the_next_level_is_said_to_be(explained):
    bound = explained.scale.thresholds[explained.headline][2]
    quiet = explained.counterfactuals["kind"] == "quiet"
    p_any = explained.counterfactuals["p_any"].mask(quiet, bound - 1e-6)
    moves = explained.counterfactuals.assign(p_any=p_any)
    layer = dataclasses.replace(explained, counterfactuals=moves)
    ((*_, text),) = Bundle(layer).report("en")["moves"].rows
    assert text.endswith(f"74 days: 3 moderate (just under {percent(bound)}).")


def test_levels_to_read_with_care_and_consequences(explained):
    report = Bundle(explained).report("en")
    assert report["flags"].rows == (
        ("Fragile: without one incident or one source the level would be another.", ASHKOR),
        ("One source alone raises the level.", ASHKOR),
        ("Held up: the thresholds alone give less.", "Berin (Ambrel) 4"),
    )
    assert (
        report["table"].rows[0][report["table"].head.index("Victims: mean (severe case)")]
        == "0.4 (5)"
    )
    assert any("worst 5 %" in line for line in report["limits"])
    assert any("nothing about how severe" in line for line in report["limits"])


@pytest.mark.slow
def test_every_format_tells_it_in_every_language(explained):
    for language in languages():
        words = catalogue(language)
        texts = [
            to_markdown(Bundle(explained).report(language)),
            advisory_page(Bundle(explained), language=language),
        ]
        for text in texts:
            absent = ("attacks", "unread", "sites")
            assert all(words["headings"][key] in text for key in OPTIONAL if key not in absent)
            assert words["causes"]["new incidents"] in text


def test_the_first_page_says_where_why_and_what_was_before(explained):
    first = Bundle(explained).report("en")["summary"]
    assert first.head == ("Region", "Level", "Before", "Probability", "Why")
    region, level, before, probability, why = first.rows[0]
    assert (region, level, before) == ("Ashkor (Ambrel)", "5 extreme", "3 moderate")
    assert probability == "22 % (models: 15–31 %)"
    assert re.fullmatch(r"own history 70 %; its province 30 %\. Latest: \d{4}-\d\d-\d\d .+", why)


def every_rule():
    """The rules that the method writes into the audit."""
    folder = Path(riskmap.__file__).parent / "assessment"
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    found = set(re.findall(r'(?:\brule = |\brule, detail = |audit_lines\([^"]*)"(\w+)"', text))
    for chosen in re.findall(r"\brule = np\.select\(.*\[(.*?)\]", text):
        found |= set(re.findall(r'"(\w+)"', chosen))
    assert {"at_least", "unwatched", "kept", "hold", "lower"} <= found
    return sorted(found)


@pytest.mark.parametrize("language", languages())
def test_every_rule_has_words(language):
    assert set(every_rule()) <= set(catalogue(language)["rules"])


@pytest.mark.slow
def test_what_a_rule_found_is_told_in_english_only_and_where_its_words_do_not_say_it(explained):
    found = ("XQA0102", "foreign", "at_least", "not_covered")
    rows = pd.DataFrame([found], columns=explained.audit.columns)
    layer = dataclasses.replace(
        explained, audit=conform(pd.concat([explained.audit, rows]), AUDIT_COLUMNS)
    )
    for language in languages():
        words = catalogue(language)["rules"]
        why = " (under 0.8 of the bound)" if language == "en" else ""
        told = Bundle(layer).report(language)["changes"].rows[1][4]
        assert told == f"{words['lower']}{why} {words['at_least']}"


def test_the_table_of_relevance_is_printed_with_the_group(explained, layer):
    rows = dict(Bundle(explained).report("en")["relevance"].rows)
    assert rows["Group"] == "CHN/mining"
    for grade, weight in explained.provenance["relevance"].items():
        assert rows[catalogue("en")["relevances"][grade]] == f"{weight:g}"
    assert Bundle(layer).report("en")["relevance"].rows == ()


def test_the_history_counts_each_incident_once_and_ends_on_the_day(layer):
    doubled = pd.concat([layer.incidents, layer.incidents.assign(weight=0.2, region_id="XQA0101")])
    report = Bundle(dataclasses.replace(layer, incidents=doubled)).report("en")
    assert report["history"] == Bundle(layer).report("en")["history"]
    assert report["history"].rows[-1][0] == "2024-12-31"
    assert all(int(row[1]) >= int(row[2]) for row in report["history"].rows)


def test_what_to_watch_names_the_nearest(explained):
    lines = Bundle(explained).report("en")["indicators"]
    assert "One more such incident would raise the level of: Berin (Ambrel) (1 in all)." in lines


@pytest.mark.slow
def test_the_shipped_wording_is_told_in_the_readers_language_and_another_as_it_is(layer):
    scale = layer.scale
    english, chinese = (Bundle(layer).report(code) for code in ("en", "zh"))
    for report, words in ((english, catalogue("en")), (chinese, catalogue("zh"))):
        assert report["advice"].rows[0][1] == words["advices"]["extreme"]
    for level in scale.levels:
        assert catalogue("en")["advices"][level.name] == level.advice
        assert catalogue("en")["meanings"][level.name] == level.meaning
        assert catalogue("en")["sector_advices"].get(level.name, {}) == level.by_sector
    own = dataclasses.replace(scale.levels[5], meaning="Our own meaning.", advice="Our own advice.")
    told = dataclasses.replace(scale, levels=(*scale.levels[:5], own), scale_id="ours-1")
    report = Bundle(dataclasses.replace(layer, scale=told)).report("zh")
    assert report["advice"].rows[0][1] == "Our own advice."
    assert report["levels"].rows[0][3] == "Our own meaning."


def test_authorities_are_quoted_in_their_own_words(layer):
    rows = Bundle(layer).report("zh")["crosswalk"].rows
    assert rows[0][:1] + rows[0][3:4] == ("5 极高", "红色")
    assert Bundle(layer).report("en")["crosswalk"].rows[0][1] == "Do Not Travel"
    told = dataclasses.replace(layer.scale, scale_id="ours-1")
    own = Bundle(dataclasses.replace(layer, scale=told)).report("en")
    assert own["crosswalk"].rows == ()


def test_a_public_advisory_names_rules_and_not_what_they_found(explained):
    text = written(apply_profile(explained, "public"))
    assert "low for long enough." in text
    assert "of the bound" not in text


def test_without_reasons_nothing_is_said_of_them(layer):
    report = Bundle(layer).report("en")
    assert (report["changes"].rows, report["moves"].rows) == ((), ())
    assert not {"Before", "Trend", "Victims: mean (severe case)"} & set(report["table"].head)
    assert not any("worst 5 %" in line or "fitted model" in line for line in report["limits"])


def test_many_moved_levels_say_how_many_are_left_out(explained, monkeypatch):
    monkeypatch.setattr("riskmap.outputs.movements.MOST_ROWS", 1)
    assert (
        Bundle(explained).report("en")["changes"].rows[-1][0]
        == "1 further regions are listed in risk.csv."
    )


def test_a_layer_of_which_nothing_is_known(layers):
    layer = layers["layer"]()
    risks = layer.risks.assign(risk_level=0, level_name="insufficient_data", p_any=np.nan)
    empty = layers["layer"](
        risks=risks.astype({"risk_level": "Int64"}),
        drivers=layer.drivers.head(0),
        incidents=layer.incidents.head(0),
    )
    text = written(empty)
    assert "No region can be assessed" in text
    assert "None." in text


def test_a_long_table_says_what_it_leaves_out(layer, monkeypatch):
    monkeypatch.setattr("riskmap.outputs.reports.TABLE_ROWS", 20)
    assert "2 further regions are listed in risk.csv." in written(layer)


def test_notable_incidents_stand_once_and_foreign_victims_lead(layer):
    doubled = pd.concat([layer.incidents, layer.incidents.assign(weight=0.2, region_id="XQA0101")])
    found = notable_incidents(dataclasses.replace(layer, incidents=doubled))
    assert found["incident_id"].is_unique
    assert (found["weight"] == 1.0).all()
    assert (found["foreign_victims"] > 0).all()


def spread_out(layer, regions, weight, **changes):
    """The layer with its first incident alone, spread over some regions."""
    told = {"event_date": pd.Timestamp("2024-12-01"), "admin1": pd.NA, "admin2": pd.NA} | changes
    first = layer.incidents.head(1).assign(**told)
    rows = [first.assign(region_id=key, weight=weight) for key in regions]
    return dataclasses.replace(layer, incidents=pd.concat(rows, ignore_index=True))


@pytest.mark.slow
def test_an_incident_known_to_an_area_is_told_under_no_district_of_it(layer):
    table = layer.regions
    ambrel = table.loc[table["parent"] == "Ambrel", "region_id"]
    some = spread_out(layer, ambrel, 1 / len(ambrel), place="Old road")
    one = Bundle(some).report("en")["incidents"].rows
    assert [row[1] for row in one] == ["district not known (Old road, Ambrel)"]
    assert Bundle(some).report("zh")["incidents"].rows[0][1] == catalogue("zh")[
        "district_unknown_in"
    ].format(place="Old road, Ambrel")
    wide = spread_out(layer, table["region_id"], 1 / len(table), place=pd.NA)
    ((_, where, *_),) = Bundle(wide).report("en")["incidents"].rows
    assert where == f"district not known ({country_name('XQA', catalogue('en'))})"
    odd = spread_out(layer, table["region_id"], 0.01, place=pd.NA, admin2="Nowhere")
    assert "(Nowhere, " in Bundle(odd).report("en")["incidents"].rows[0][1]
    assert "Nowhere" not in written(apply_profile(odd, "public"))
    part = spread_out(layer, ambrel[:2], 0.2, place=pd.NA)
    assert Bundle(part).report("en")["incidents"].rows[0][1] == where
    for vague in (some, wide, spread_out(layer, ambrel[:2], 0.5)):
        assert map_payload(Bundle(vague))["incidents"]["region"] == []
        assert not any("Latest" in row[-1] for row in Bundle(vague).report("en")["summary"].rows)
    known = spread_out(layer, ambrel[:1], 0.6)
    assert map_payload(Bundle(known))["incidents"]["region"] == [0]
    assert Bundle(known).report("en")["incidents"].rows[0][1] == "Ashkor"


@pytest.mark.slow
def test_every_section_is_there_and_the_ledger_adds_up(layer):
    text = written(layer)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    titles = catalogue("en")["headings"]
    assert headings == [title for key, title in titles.items() if key not in OPTIONAL]
    assert r"| read | 5 | 4 | 1 | 0 | no\_date 1 |" in text
    assert "**boundary\\_licence:** Apache-2.0" in text


def test_the_first_page_is_short(layer):
    page = written(layer).split("## Regions, highest first")[0]
    assert len(page.split()) < 400  # two minutes at 200 words a minute


HOSTILE = (
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "`code` **bold** | cell",
    "line\n\n# heading",
    "a\u202eb",
    "www.evil.example",
    "x@evil.example",
)


def test_hostile_names_and_notes_are_shown_as_text(layers):
    regions = layers["names"](HOSTILE)
    incidents = datasets.incidents()
    incidents["event_type"] = "other"
    incidents["nationality"] = "<img src=x onerror=alert(1)>"
    text = written(layers["layer"](regions=regions, incidents=incidents))
    assert "<" not in text
    assert "\u202e" not in text
    assert not re.search(r"(?<!\\)\]\(|(?<!\\)!\[", text)
    sections = [key for key in catalogue("en")["headings"] if key not in OPTIONAL]
    assert len(re.findall(r"^#+ ", text, re.MULTILINE)) == 1 + len(sections)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_escaped_text_opens_no_markup(text):
    found = escape_markdown(text)
    assert "<" not in found
    assert "\n" not in found
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]|~]", found)


def test_text_is_short_and_on_one_line():
    assert display("x" * 500) == "x" * 159 + "…"
    assert display(float("nan")) == display(pd.NA) == display(None) == ""


@given(st.floats(0, 1))
def test_every_probability_has_a_word_and_is_never_certain(p):
    words = catalogue("en")["likelihoods"]
    said = likelihood(p, words)
    if p < 1e-4:
        assert said == "fewer than 1 in 10,000"
    else:
        assert said in words.values() if p > 0.45 else re.fullmatch(r"about \d in [\d,]+", said)
    assert percent(p) not in ("0 %", "100 %")


@given(st.floats(1e-4, 0.45))
def test_a_frequency_is_close_to_its_probability(p):
    k, n = re.findall(r"[\d,]+", likelihood(p, catalogue("en")["likelihoods"]))
    assert int(k) / int(n.replace(",", "")) == pytest.approx(p, rel=0.17)


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
def test_the_range_over_the_models_stands_beside_every_probability(layer, language):
    words = catalogue(language)
    said = words["sentences"]["models"].format(range="15–31 %")
    report = Bundle(layer).report(language)
    column = words["probability"]
    assert report["summary"].rows[0][report["summary"].head.index(column)] == f"22 % ({said})"
    worded = f"22 % ({likelihood(0.22, words['likelihoods'])}; {said})"
    assert report["table"].rows[0][report["table"].head.index(column)] == worded
    assert any(worded in line for line in report["judgements"])
    assert words["limits"]["models"] in report["limits"]
    assert said in advisory_page(Bundle(layer), language=language)


def test_a_set_of_before_says_nothing_of_models(layer):
    risks = layer.risks.assign(p_least=np.nan, p_most=np.nan)
    report = Bundle(dataclasses.replace(layer, risks=risks)).report("en")
    assert (
        report["table"].rows[0][report["table"].head.index("Probability")] == "22 % (about 1 in 5)"
    )
    assert not any("models" in text.lower() for text in (*report["judgements"], *report["limits"]))


def keys(table, prefix=""):
    for key, value in table.items():
        yield from keys(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]


def fields(text):
    return sorted(re.findall(r"{(\w+)}", text))


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
def test_catalogues_agree(layer, language):
    english, other = catalogue("en"), catalogue(language)
    named = [
        key for key in keys(other) if not key.startswith("countries.")
    ]  # English: from a table
    assert sorted(named) == sorted(keys(english))
    for part in ("sentences", "moves", "flags", "rules", "page"):
        for key, sentence in english[part].items():
            if isinstance(sentence, str):
                assert fields(other[part][key]) == fields(sentence), key
    assert to_markdown(Bundle(layer).report(language))


def test_an_unknown_language_is_refused():
    with pytest.raises(InputError, match="in a language"):
        catalogue("../en")


@pytest.mark.slow
def test_the_sites_of_a_group_stand_with_the_level_of_their_region(told, layer):
    sites = Bundle(told).report("en")["sites"]
    assert sites.head == ("Site or route", "Region", "Level", "Probability", "Next door")
    camp, road = sites.rows
    assert camp[0] == "camp <b>"
    assert camp[2].startswith("3 moderate")
    assert camp[2].endswith(", attacked")
    assert camp[3].startswith("2 % (about 1 in 50")
    assert road[2].startswith("at least 3 moderate")  # half of it is not assessed
    for language in languages():
        text = to_markdown(Bundle(told).report(language))
        assert text.index("camp") < text.index(catalogue(language)["headings"]["table"])
    assert "sites" not in {key for key, *_ in Bundle(layer).report("en").sections()}
    public = apply_profile(told, "public")
    assert "camp <b>" not in str(Bundle(public).report("en").contents)
