"""CAP alerts are valid, told once, and never take an exercise for the truth."""

import dataclasses
from xml.etree import ElementTree as ET

import pytest
import shapely

from riskmap.outputs.alerts import POINTS, atom_feed, cap_alert, cap_polygons
from riskmap.outputs.bundles import Bundle

NS = {"c": "urn:oasis:names:tc:emergency:cap:1.2", "a": "http://www.w3.org/2005/Atom"}


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - our own


def quiet(layer, as_of="2025-01-01"):
    """The same layer with nothing above level 3."""
    risks = layer.risks.assign(risk_level=layer.risks["risk_level"].clip(upper=3))
    provenance = layer.provenance | {"as_of": as_of, "issued_at": f"{as_of}T00:00:00Z"}
    return dataclasses.replace(layer, risks=risks, provenance=provenance)


def after(layer, before):
    """A layer that knows the one before it."""
    risks = layer.risks.assign(level_before=before.risks["risk_level"])
    known = layer.provenance | {"previous_as_of": before.provenance["as_of"]}
    return dataclasses.replace(layer, risks=risks, provenance=known)


@pytest.fixture(scope="module")
def schema(shared):
    etree = pytest.importorskip("lxml.etree", reason="lxml is absent: extra report")
    return etree, etree.XMLSchema(etree.parse(shared / "suites" / "cap" / "CAP-v1.2.xsd"))


def test_alerts_updates_and_cancels_are_valid(layer, schema):
    etree, rules = schema
    later = dataclasses.replace(layer, provenance=layer.provenance | {"as_of": "2025-02-01"})
    for alert in (
        cap_alert(Bundle(layer)),
        cap_alert(Bundle(after(later, layer))),
        cap_alert(Bundle(after(quiet(layer, "2025-02-01"), layer))),
    ):
        rules.assertValid(etree.fromstring(alert))


def test_the_kind_of_message_follows_from_what_was_said_before(layer):
    def kind(layer):
        return parsed(cap_alert(Bundle(layer))).findtext("c:msgType", namespaces=NS)

    assert kind(layer) == "Alert"
    assert kind(after(layer, quiet(layer))) == "Alert"
    assert kind(after(layer, layer)) == "Update"
    assert kind(after(quiet(layer), layer)) == "Cancel"
    assert cap_alert(Bundle(quiet(layer))) is None
    assert cap_alert(Bundle(after(quiet(layer), quiet(layer)))) is None


def test_an_update_refers_to_the_alert_before(layer):
    later = dataclasses.replace(layer, provenance=layer.provenance | {"as_of": "2025-02-01"})
    before = parsed(cap_alert(Bundle(layer)))
    sender, identifier, sent = (
        before.findtext(f"c:{tag}", namespaces=NS) for tag in ("sender", "identifier", "sent")
    )
    alert = cap_alert(Bundle(after(later, layer)))
    references = parsed(alert).findtext("c:references", namespaces=NS)
    assert references == f"{sender},{identifier},{sent}"
    assert sent.endswith("-00:00")


def test_a_layer_that_knows_the_one_before_updates_its_alert_by_itself(explained, layer, schema):
    etree, rules = schema
    before = layer.provenance | {"as_of": "2024-12-01", "issued_at": "2024-12-01T00:00:00Z"}
    first = parsed(cap_alert(Bundle(dataclasses.replace(layer, provenance=before))))
    text = cap_alert(Bundle(explained))
    rules.assertValid(etree.fromstring(text))
    root = parsed(text)
    assert root.findtext("c:msgType", namespaces=NS) == "Update"
    references = root.findtext("c:references", namespaces=NS)
    assert references.split(",")[1] == first.findtext("c:identifier", namespaces=NS)
    assert references.split(",")[2] == first.findtext("c:sent", namespaces=NS)
    said = " ".join(e.text for e in root.iterfind(".//c:description", NS))
    assert said.count("Raised since 2024-12-01: Ashkor (Ambrel).") == 1


def test_the_feed_tells_which_way_a_level_moved(explained):
    root = parsed(atom_feed(Bundle(explained)))
    titles = {e.text for e in root.iterfind("a:entry/a:title", NS)}
    assert {"Ashkor: 3 moderate \u2192 5 extreme", "Berin: 5 extreme \u2192 4 high"} <= titles


def test_demonstration_data_is_an_exercise(layer):
    shown = dataclasses.replace(layer, provenance=layer.provenance | {"notice": "A demonstration."})
    assert parsed(cap_alert(Bundle(shown))).findtext("c:status", namespaces=NS) == "Exercise"
    assert parsed(cap_alert(Bundle(layer))).findtext("c:status", namespaces=NS) == "Actual"


def test_every_high_region_is_an_area_with_its_id(layer):
    root = parsed(cap_alert(Bundle(layer)))
    found = [e.text for e in root.iterfind(".//c:geocode/c:value", NS)]
    risks = layer.risks[(layer.risks["layer"] == "foreign") & (layer.risks["risk_level"] >= 4)]
    assert sorted(found) == sorted(risks["region_id"])
    first = root.find("c:info", NS)
    said = [first.findtext(f"c:{tag}", namespaces=NS) for tag in ("urgency", "severity")]
    assert said == ["Expected", "Severe"]
    certainties = {e.text for e in root.iterfind(".//c:certainty", NS)}
    assert certainties == {"Possible"}  # "Unlikely" is about zero, and no level 4 is that


def attacked(layer, as_of="2025-01-01"):
    """A layer of level 3 at most, in the first region because of an attack."""
    still = quiet(layer, as_of)
    first = still.risks["region_id"].iloc[0]
    mine = still.risks["region_id"] == first
    risks = still.risks.assign(
        risk_level=still.risks["risk_level"].mask(mine, 3), attacked=mine.to_numpy()
    )
    return dataclasses.replace(still, risks=risks), first


def test_an_attack_raises_an_alert_at_moderate_and_is_never_cancelled_as_over(layer, schema):
    etree, rules = schema
    marked, region = attacked(layer)
    for alert, kind in (
        (cap_alert(Bundle(marked)), "Alert"),
        (cap_alert(Bundle(after(attacked(layer, "2025-02-01")[0], layer))), "Update"),
    ):
        rules.assertValid(etree.fromstring(alert))
        root = parsed(alert)
        assert root.findtext("c:msgType", namespaces=NS) == kind
        assert [e.text for e in root.iterfind(".//c:geocode/c:value", NS)] == [region]


def test_a_level_that_is_kept_without_a_probability_is_told(layer, schema):
    etree, rules = schema
    risks = layer.risks.assign(p_any=float("nan"))
    text = cap_alert(Bundle(dataclasses.replace(layer, risks=risks)))
    rules.assertValid(etree.fromstring(text))
    root = parsed(text)
    assert {e.text for e in root.iterfind(".//c:certainty", NS)} == {"Unknown"}
    assert not any("Probability" in e.text for e in root.iterfind(".//c:description", NS))


def test_polygons_are_closed_short_and_in_latitude_longitude():
    circle = shapely.Point(60, 30).buffer(1, quad_segs=400)
    (ring,) = cap_polygons(circle)
    points = [tuple(map(float, pair.split(","))) for pair in ring.split(" ")]
    assert points[0] == points[-1]
    assert 4 <= len(points) <= POINTS
    assert all(29 <= lat <= 31 for lat, _ in points)
    assert shapely.Polygon([(lon, lat) for lat, lon in points]).area == pytest.approx(
        3.14, rel=0.02
    )
    assert cap_polygons(None) == []


def test_hostile_names_stay_text(layers):
    layer = layers["layer"](regions=layers["names"](["<b>&amp;", "a\x00\x1fb", "]]>"]))
    names = [e.text for e in parsed(cap_alert(Bundle(layer))).iterfind(".//c:areaDesc", NS)]
    assert {name.split(" (")[0] for name in names} == {"<b>&amp;", "ab", "]]>"}
    assert parsed(atom_feed(Bundle(layer))).find("a:entry", NS) is not None


def test_the_feed_lists_the_high_regions_highest_first(layer):
    root = parsed(atom_feed(Bundle(layer)))
    titles = [e.text for e in root.iterfind("a:entry/a:title", NS)]
    assert len(titles) == 22
    assert titles[0] == "Ashkor: 5 extreme"
    ids = [e.text for e in root.iterfind(".//a:id", NS)]
    assert len(set(ids)) == len(ids)
    assert root.findtext("a:updated", namespaces=NS) == "2025-01-01T00:00:00Z"


def test_an_alert_tells_what_is_known_of_each_region(told, schema):
    etree, rules = schema
    text = cap_alert(Bundle(told))
    rules.assertValid(etree.fromstring(text))
    known = {
        e.findtext("c:valueName", namespaces=NS): e.findtext("c:value", namespaces=NS)
        for e in parsed(text).iterfind(".//c:parameter", NS)
    }
    assert "reasons=silent" in known["region_id=XQA0103"]
    assert "level_as_of=2025-03-01" in known["region_id=XQA0103"]
    said = " ".join(e.text for e in parsed(text).iterfind(".//c:description", NS))
    assert "could not be used: it may be higher. (Hamra (Ambrel))" in said


def test_the_feed_lists_an_attacked_region_whatever_its_level(told):
    titles = [e.text for e in parsed(atom_feed(Bundle(told))).iterfind("a:entry/a:title", NS)]
    assert "Ashkor: 3 moderate (2 to 4), attacked" in titles
