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
from riskmap.assessment.layers import AUDIT_COLUMNS, COUNTERFACTUAL_COLUMNS, KNOWLEDGE_COLUMNS
from riskmap.errors import InputError
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.documents import escape_markdown, to_markdown
from riskmap.outputs.editions import level_rows
from riskmap.outputs.pages import advisory_page
from riskmap.outputs.payloads import map_payload
from riskmap.outputs.reports import OPTIONAL, notable_incidents, unknown_lines
from riskmap.outputs.wordings import (
    aside,
    country_name,
    display,
    likelihood,
    percent,
    percent_range,
)
from riskmap.schema import conform

ASHKOR = "Ashkor (Ambrel) 5"


def written(layer):
    return to_markdown(Bundle(layer).report("en"))


def test_the_highest_levels_come_first(layer, monkeypatch):
    monkeypatch.setattr("riskmap.outputs.reports.TABLE_ROWS", 24)
    report = Bundle(layer).report("en")
    first, *_ = report["judgements"]
    assert first.startswith("Level 5 (extreme), 16 of 24 districts: Ashkor (Ambrel)")
    assert first.endswith("and 11 more. Data: sufficient in 16.")
    levels = [int(row[1][0]) for row in report["table"].rows]
    assert levels == sorted(levels, reverse=True)
    assert len(levels) == 22


def test_what_is_not_assessed_is_counted_and_not_in_the_table(layer):
    report = Bundle(layer).report("en")
    (line,) = (line for line in report["unknown"] if "not a low level" in line)
    assert line.startswith("2 of 24 districts can't be assessed")
    assert report["gaps"].rows == (
        ("reports have stopped", "2", "Wolmar (Velmar), Zarin (Velmar)"),
    )
    assert not any(name in str(report["table"].rows) for name in ("Wolmar", "Zarin"))


@pytest.mark.slow
def test_the_scale_counts_every_region(layer):
    assert sum(int(row[2]) for row in Bundle(layer).report("en")["levels"].rows) == 24


@pytest.mark.slow
def test_without_an_issue_before_page_one_says_so(layer):
    first = "This is the first issue: there is none before to compare with."
    assert Bundle(layer).report("en")["changes"] == (first,)
    same = layer.risks.assign(level_before=layer.risks["risk_level"])
    known = layer.provenance | {"previous_as_of": "2024-12-01"}
    still = dataclasses.replace(layer, risks=same, provenance=known)
    said = "No level has changed since the issue of 1 December 2024."
    assert Bundle(still).report("en")["changes"] == (said,)


def test_a_change_is_told_with_its_incident_and_not_with_its_decimal(explained):
    told = explained.incidents.assign(ingested_at=pd.NaT)
    here = told["region_id"] == explained.regions["region_id"].iloc[0]
    told.loc[told.index[here][-1], "event_date"] = pd.Timestamp("2024-12-31")
    first, second = (
        Bundle(dataclasses.replace(explained, incidents=told)).report("en")["changes"].rows
    )
    assert first[:2] == ("Ashkor (Ambrel)", "5 extreme (before: 3 moderate)")
    assert re.match(r"31 December 2024: [a-z ]+", first[2])
    assert second[1] == "4 high (before: 5 extreme)"
    assert second[2] == "The level falls: the probability has been low for long enough."
    assert "0.9" not in first[2]


def test_what_was_only_calculated_anew_is_called_that(explained):
    causes = explained.changes["cause"].mask(explained.changes["cause"] != "boundary", "method")
    layer = dataclasses.replace(explained, changes=explained.changes.assign(cause=causes))
    first, *_ = Bundle(layer).report("en")["changes"].rows
    assert first[2] == "No new report: the figures were calculated anew."


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
    assert rows[1][1].startswith("5 extreme")
    rest = rows[-1][0]
    assert "further levels moved" in rest
    assert "Only because the figures were calculated anew" in rest


def test_what_would_move_a_level_is_told_when_it_moves_the_published_one(explained):
    assert Bundle(explained).report("en")["moves"] == (
        "One more such incident: 5 extreme (35 %). That holds for Berin (Ambrel).",
        (
            "If a source watches and tells of no incident for 74 days: 3 moderate (1.4 %). That "
            "holds for Berin (Ambrel)."
        ),
    )


def test_what_would_move_many_levels_alike_is_one_line(layer):
    ids = layer.regions["region_id"].iloc[:7]
    risks = layer.risks.assign(risk_level=3).astype({"risk_level": "Int64"})
    moves = {"direction": "up", "kind": "more", "amount": 1, "risk_level": 5}
    table = pd.DataFrame({"region_id": ids, "layer": layer.headline, **moves, "p_any": 0.35})
    table["p_any"] = np.linspace(0.1, 0.3, 7)
    told = conform(table, COUNTERFACTUAL_COLUMNS)
    (line,) = Bundle(dataclasses.replace(layer, risks=risks, counterfactuals=told)).report("en")[
        "moves"
    ]
    assert line.startswith("One more such incident: 5 extreme (10–30 %). That holds for Ashkor")
    assert line.endswith("and 2 more.")


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
    up = "One more such incident: 5 extreme (35 %). That holds for Berin (Ambrel)."
    for told in (layer, apply_profile(layer, "public")):
        assert Bundle(told).report("en")["moves"] == (up,)
        assert set(Bundle(told).moves["kind"]) == {"more"}


def test_a_probability_just_under_the_next_level_is_said_to_be(explained):
    bound = explained.scale.thresholds[explained.headline][2]
    quiet = explained.counterfactuals["kind"] == "quiet"
    p_any = explained.counterfactuals["p_any"].mask(quiet, bound - 1e-6)
    moves = explained.counterfactuals.assign(p_any=p_any)
    layer = dataclasses.replace(explained, counterfactuals=moves)
    *_, text = Bundle(layer).report("en")["moves"]
    under = percent(bound, catalogue("en"))
    assert f"74 days: 3 moderate (just under {under})." in text


@pytest.mark.slow
def test_levels_to_read_with_care_and_consequences(explained):
    report = Bundle(explained).report("en")
    assert report["flags"].rows == (
        ("Fragile: without one incident or one source the level would be another.", "1", ASHKOR),
        ("One source alone raises the level.", "1", ASHKOR),
        ("Held up: the thresholds alone give less.", "1", "Berin (Ambrel) 4"),
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
            assert words["rules"]["lower"] in text


def test_the_table_says_where_how_likely_and_why(explained):
    table = Bundle(explained).report("en")["table"]
    assert table.head == (
        *("Region", "Level", "Probability", "Victims: mean (severe case)"),
        *("Data; confidence", "Why"),
    )
    region, level, probability, victims, known, why = table.rows[0]
    assert (region, level, victims) == ("Ashkor (Ambrel)", "5 extreme", "0.4 (5)")
    assert probability == "22 % (about 1 in 5; models: 15–31 %)"
    assert known == "sufficient; medium"
    assert re.fullmatch(r"\d+ \w+ \d{4}: .+\. It rests mostly on own history, its province\.", why)


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
def test_the_rule_that_moved_a_level_is_told_unless_the_level_tells_it(explained):
    found = ("XQA0102", "foreign", "at_least", "not_covered")
    rows = pd.DataFrame([found], columns=explained.audit.columns)
    layer = dataclasses.replace(
        explained, audit=conform(pd.concat([explained.audit, rows]), AUDIT_COLUMNS)
    )
    for language in languages():
        words = catalogue(language)["rules"]
        assert Bundle(layer).report(language)["changes"].rows[1][2] == words["lower"]


@pytest.mark.slow
def test_the_table_of_relevance_is_printed_with_the_group(explained, layer):
    rows = dict(Bundle(explained).report("en")["relevance"].rows)
    assert rows["Group"] == "Chinese nationals in mining"
    for grade, weight in explained.provenance["relevance"].items():
        assert rows[catalogue("en")["relevances"][grade]] == f"{weight:g}"
    assert Bundle(layer).report("en")["relevance"].rows == ()


@pytest.mark.slow
def test_the_history_counts_each_incident_once_and_ends_on_the_day(layer):
    doubled = pd.concat([layer.incidents, layer.incidents.assign(weight=0.2, region_id="XQA0101")])
    report = Bundle(dataclasses.replace(layer, incidents=doubled)).report("en")
    assert report["history"] == Bundle(layer).report("en")["history"]
    assert report["history"].rows[-1][0] == "2024-12-31"
    assert all(int(row[1]) >= int(row[2]) for row in report["history"].rows)


@pytest.mark.slow
def test_what_to_watch_names_the_nearest(explained):
    lead = Bundle(explained).report("en").lead
    said = "One more such incident would raise the level of 1 districts, first of Berin (Ambrel)."
    assert said in lead


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


@pytest.mark.slow
def test_authorities_are_quoted_in_their_own_words(layer):
    rows = Bundle(layer).report("zh")["crosswalk"].rows
    assert rows[0][:1] + rows[0][3:4] == ("5 级\uff08极高\uff09", "红色")
    assert Bundle(layer).report("en")["crosswalk"].rows[0][1] == "Do Not Travel"
    told = dataclasses.replace(layer.scale, scale_id="ours-1")
    own = Bundle(dataclasses.replace(layer, scale=told)).report("en")
    assert own["crosswalk"].rows == ()


@pytest.mark.slow
def test_a_public_advisory_names_rules_and_not_what_they_found(explained):
    text = written(apply_profile(explained, "public"))
    assert "low for long enough." in text
    assert "0.8 of the bound" not in text


def test_without_reasons_nothing_is_said_of_them(layer):
    report = Bundle(layer).report("en")
    assert report["moves"] == ()
    assert "Victims: mean (severe case)" not in report["table"].head
    assert not any("worst 5 %" in line or "fitted model" in line for line in report["limits"])


@pytest.mark.slow
def test_many_moved_levels_say_how_many_are_left_out(explained, monkeypatch):
    monkeypatch.setattr("riskmap.outputs.movements.MOST_ROWS", 1)
    assert Bundle(explained).report("en")["changes"].rows[-1][0] == (
        "1 further levels moved (0 up, 1 down). They are listed in risk.csv."
    )


@pytest.mark.parametrize(("language", "said"), [("en", "say in which"), ("zh", "未说明在哪个")])
def test_reports_that_know_no_district_are_told_in_numbers(layer, language, said):
    for each in (0.0, 0.5):
        known = layer.regions[["region_id"]].assign(layer="violence", rows_spread=each)
        one = dataclasses.replace(layer, knowledge=conform(known, KNOWLEDGE_COLUMNS))
        lines = " ".join(unknown_lines(Bundle(one).edition(language)))
        assert (said in lines) == (each > 0)
    assert f"{round(0.5 * len(layer.regions))}" in lines


@pytest.mark.slow
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
    assert "2 further regions have a level; they are listed in risk.csv." in written(layer)


def test_notable_incidents_stand_once_and_foreign_victims_lead(layer):
    doubled = pd.concat([layer.incidents, layer.incidents.assign(weight=0.2, region_id="XQA0101")])
    found = notable_incidents(dataclasses.replace(layer, incidents=doubled))
    assert found["incident_id"].is_unique
    assert (found["weight"] == 1.0).all()
    assert (found["foreign_victims"] > 0).all()


@pytest.mark.parametrize(("level", "unit"), [(1, "province"), (2, "district"), (None, "region")])
def test_regions_are_called_what_those_of_the_map_are(layer, level, unit):
    regions = layer.regions.assign(adm_level=pd.array([level] * len(layer.regions), "Int64"))
    told = Bundle(dataclasses.replace(layer, regions=regions)).edition("en")
    texts = (
        told.words["attack"]["area"],
        told.words["attack"]["unusable"],
        told.words["alert"]["unplaced"],
        told.words["district_unknown"],
        level_rows(told).rows[0][-1],
    )
    for text in texts:
        assert {word for word in ("province", "district", "region") if word in text} == {unit}


@pytest.mark.parametrize(
    "told",
    [{"nationality": "CHN"}, {"staff_type": "international"}, {"target": "foreigners"}],
    ids=lambda told: next(iter(told)),
)
def test_a_foreign_attack_is_notable_however_it_is_told(layer, told):
    local = {"foreign_victims": pd.NA, "nationality": pd.NA, "staff_type": pd.NA, "target": pd.NA}
    rows = layer.incidents.assign(**local, killed=5, event_date=layer.context.as_of)
    assert rows["incident_id"].nunique() > 8
    theirs = rows["incident_id"].min()
    rows.loc[rows["incident_id"] == theirs, [*told, "killed"]] = [*told.values(), 0]
    found = notable_incidents(dataclasses.replace(layer, incidents=rows))
    assert found["incident_id"].iloc[0] == theirs


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
    ].format(place="Old road\uff0cAmbrel", unit="区县")
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
        assert not any("December" in row[-1] for row in Bundle(vague).report("en")["table"].rows)
    known = spread_out(layer, ambrel[:1], 0.6)
    assert map_payload(Bundle(known))["incidents"]["region"] == [0]
    assert Bundle(known).report("en")["incidents"].rows[0][1] == "Ashkor (Ambrel)"


@pytest.mark.slow
def test_every_section_is_there_and_the_ledger_adds_up(layer):
    text = written(layer)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    titles = catalogue("en")["headings"]
    assert headings == [title for key, title in titles.items() if key not in OPTIONAL]
    assert r"| read | 5 | 4 | 1 | 0 | no\_date 1 |" in text
    assert "**boundary\\_licence:** Apache-2.0" in text


def test_the_first_page_is_short(layer):
    page = written(layer).split("## Key judgements")[0]
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


@pytest.mark.slow
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
    every = catalogue("en")
    words = every["likelihoods"]
    said = likelihood(p, words)
    if p < 1e-4:
        assert said == "fewer than 1 in 10,000"
    else:
        assert said in words.values() if p > 0.45 else re.fullmatch(r"about \d in [\d,]+", said)
    assert percent(p, every) not in ("0 %", "100 %")


@given(st.floats(1e-4, 0.45))
def test_a_frequency_is_close_to_its_probability(p):
    k, n = re.findall(r"[\d,]+", likelihood(p, catalogue("en")["likelihoods"]))
    assert int(k) / int(n.replace(",", "")) == pytest.approx(p, rel=0.17)


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
def test_the_range_over_the_models_stands_beside_every_probability(layer, language):
    words = catalogue(language)
    said = words["sentences"]["models"].format(range=percent_range(0.15, 0.31, words))
    report = Bundle(layer).report(language)
    column = words["probability"]
    about = words["list"].join((likelihood(0.22, words["likelihoods"]), said))
    worded = aside(percent(0.22, words), about, words)
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
    for part in ("lead", "unknown", "attack", "alert"):
        for key, sentence in english[part].items():
            if isinstance(sentence, str):
                assert {*fields(other[part][key])} <= {*fields(sentence)}, key
    assert to_markdown(Bundle(layer).report(language))


def test_an_unknown_language_is_refused():
    with pytest.raises(InputError, match="in a language"):
        catalogue("../en")


@pytest.mark.slow
def test_the_sites_of_a_group_stand_with_the_level_of_their_region(told, layer):
    sites = Bundle(told).report("en")["sites"]
    assert sites.head == ("Site or route", "Region", "Level here", "Next door")
    camp, road = sites.rows
    assert camp[0] == "camp <b>"
    assert camp[2].startswith("3 moderate")
    assert camp[2].endswith(", attacked")
    assert road[2].startswith("at least 3 moderate")
    assert road[3] == "50 % of the way is not assessed"
    for language in languages():
        text = to_markdown(Bundle(told).report(language))
        assert text.index("camp") < text.index(catalogue(language)["headings"]["table"])
    assert "sites" not in {key for key, *_ in Bundle(layer).report("en").sections()}
    public = apply_profile(told, "public")
    assert "camp <b>" not in str(Bundle(public).report("en").contents)
