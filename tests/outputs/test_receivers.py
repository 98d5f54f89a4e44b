"""A receiver that drops what it has seen, by identifier, misses nothing and sees nothing twice."""

import dataclasses
from pathlib import Path

import feedparser
import pandas as pd
import pytest

import riskmap as rm
from riskmap.outputs.publishing import publish

etree = pytest.importorskip("lxml.etree", reason="lxml is absent: extra report")

CAP = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
SENDER = "Security desk <alerts@example.org>"
DAYS = [f"{day:%Y-%m-%d}" for day in pd.date_range("2024-01-01", "2024-12-01", freq="MS")]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def year():
    """A year of layers, each made when nothing later was known, each after the one before."""
    districts, layers = rm.datasets.regions(), []
    located = rm.locate(rm.datasets.incidents(), districts)
    for day in DAYS:
        panel = rm.count_incidents(located, districts, group="CHN/mining", as_of=day)
        predicted = rm.forecast(panel, model=rm.models.EmpiricalBayes())
        before = layers[-1] if layers else None
        layers.append(rm.assess(predicted, districts, previous=before))
    return layers


def worse(layer):
    """The same layer with one region at the highest level: an issue that corrects another."""
    mine = (layer.risks["region_id"] == "XQA0308") & (layer.risks["layer"] == layer.headline)
    levels = layer.risks["risk_level"].mask(mine, 5)
    return dataclasses.replace(layer, risks=layer.risks.assign(risk_level=levels))


@pytest.fixture(scope="module")
def received(year, tmp_path_factory):
    """What is published: in June an issue, a correction, and the first one again."""
    out, found = tmp_path_factory.mktemp("year"), []
    for layer in year:
        again = [layer, worse(layer), layer] if layer is year[5] else [layer]
        found += [(one, publish(one, out, formats=["cap", "atom"], sender=SENDER)) for one in again]
    return found


def risen(layer, least):
    """Regions whose level has risen to at least so much."""
    rows = layer.risks_of()
    up = (rows["level_before"] < rows["risk_level"]) & (rows["risk_level"] >= least)
    return set(rows.loc[up.fillna(value=False), "region_id"])


@pytest.mark.slow
def test_every_alert_is_seen_once_and_tells_every_rise(received, shared):
    rules = etree.XMLSchema(etree.parse(shared / "suites" / "cap" / "CAP-v1.2.xsd"))
    seen, told = {}, 0
    for layer, folder in received:
        path = folder / "alert.cap.xml"
        if not path.exists():
            assert not risen(layer, 4)
            continue
        root = etree.parse(path).getroot()
        rules.assertValid(root)
        name = root.findtext("c:identifier", namespaces=CAP)
        assert name not in seen
        references = root.findtext("c:references", default="", namespaces=CAP).split()
        assert {one.split(",")[1] for one in references} <= set(seen)
        assert bool(references) == (root.findtext("c:msgType", namespaces=CAP) != "Alert")
        seen[name] = {one.text for one in root.iterfind(".//c:geocode/c:value", CAP)}
        assert risen(layer, 4) <= seen[name]
        told += len(risen(layer, 4))
    assert len(seen) >= 3
    assert told


@pytest.mark.slow
def test_the_feed_is_valid_and_has_content_and_links(received):
    rules, feeds = etree.RelaxNG(etree.parse(HERE / "atom.rng")), set()
    for _, folder in received:
        data = (folder / "alerts.atom").read_bytes()
        rules.assertValid(etree.fromstring(data))
        feed = feedparser.parse(data)
        assert not feed.bozo
        feeds.add(feed.feed.id)
        assert len({entry.id for entry in feed.entries}) == len(feed.entries)
        for entry in feed.entries:
            assert entry.content[0].value
            assert entry.link.startswith("map.html#l=group&r=")
            assert entry.title.endswith("for Chinese nationals in mining")
    assert len(feeds) == 1


@pytest.mark.slow
def test_a_reader_of_the_feed_sees_every_rise_once_and_nothing_that_only_stands(received):
    seen, before = {}, None
    for layer, folder in received:
        entries = {
            one.tags[0].term: one for one in feedparser.parse(folder / "alerts.atom").entries
        }
        fresh = {region for region, entry in entries.items() if entry.id not in seen}
        risks = layer.risks_of().set_index("region_id")
        levels, doubted = risks["risk_level"], risks["at_least"]
        marked = set(layer.attacks["regions"].dropna().str.split(";").explode())
        if before is not None:
            up = set(levels.index[(levels > before[0]) & (levels >= 3)])
            still = set(levels.index[(levels == before[0]) & ~doubted]) - marked
            assert up <= fresh
            assert not fresh & still & before[1]
        seen |= {entry.id: region for region, entry in entries.items()}
        before = levels, set(entries)
    assert max(pd.Series(seen).value_counts()) > 1  # one region rose or fell more than once
