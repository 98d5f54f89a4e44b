"""CAP alerts are valid, told once, and never take an exercise for the truth."""

import dataclasses
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
import shapely

from riskmap.errors import InputError
from riskmap.outputs.alerts import POINTS, cap_alert, cap_polygons
from riskmap.outputs.atom import atom_feed
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.publishing import publish
from riskmap.outputs.senders import Sender
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.schema import conform

NS = {"c": "urn:oasis:names:tc:emergency:cap:1.2", "a": "http://www.w3.org/2005/Atom"}


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - our own


def quiet(layer, as_of="2025-01-01"):
    """The same layer with nothing above level 3."""
    risks = layer.risks.assign(risk_level=layer.risks["risk_level"].clip(upper=3))
    provenance = layer.provenance | {"as_of": as_of, "issued_at": f"{as_of}T00:00:00Z"}
    return dataclasses.replace(layer, risks=risks, provenance=provenance)


@pytest.fixture(scope="module")
def schema(shared):
    etree = pytest.importorskip("lxml.etree", reason="lxml is absent: extra report")
    return etree, etree.XMLSchema(etree.parse(shared / "suites" / "cap" / "CAP-v1.2.xsd"))


SENDER = "Security desk <alerts@example.org>"


def issue(out, layer, **options):
    """What a published set holds: the alert and the feed."""
    found = publish(layer, out, formats=["cap"], sender=SENDER, **options)
    path = found / "alert.cap.xml"
    return path.read_bytes() if path.exists() else None


def cap(layer, **chosen):
    return cap_alert(Bundle(layer, sender=Sender.parse(SENDER, "+1 555 0100"), **chosen))


def feed(layer):
    return atom_feed(Bundle(layer, sender=Sender.parse(SENDER)))


def on(layer, day, **changes):
    """The same layer issued on another day."""
    begin, end = pd.Timestamp(day), pd.Timestamp(day) + pd.Timedelta(days=90)
    times = {"issued_at": begin, "valid_from": begin, "valid_until": end}
    known = {name: f"{time:%Y-%m-%dT00:00:00Z}" for name, time in times.items()}
    return dataclasses.replace(
        layer, provenance=layer.provenance | known | {"as_of": day}, **changes
    )


def said(alert, tag):
    return parsed(alert).findtext(f"c:{tag}", namespaces=NS)


def test_alerts_updates_and_cancels_are_valid(layer, schema, tmp_path):
    etree, rules = schema
    kinds = []
    for now in (layer, on(layer, "2025-02-01"), quiet(on(layer, "2025-03-01"), "2025-03-01")):
        alert = issue(tmp_path, now, contact="+1 555 0100")
        rules.assertValid(etree.fromstring(alert))
        kinds.append(said(alert, "msgType"))
    assert kinds == ["Alert", "Update", "Cancel"]
    assert "all-clear" in parsed(alert).findtext(".//c:instruction", namespaces=NS)


def test_without_a_sender_there_is_no_alert(layer, tmp_path):
    assert cap_alert(Bundle(layer)) is None
    assert atom_feed(Bundle(layer)) is None
    with pytest.raises(InputError, match="cap needs a sender"):
        publish(layer, tmp_path / "a", formats=["csv", "cap"])
    with pytest.raises(InputError, match="column sender: no sender of an alert: met 'riskmap'"):
        publish(layer, tmp_path / "a", formats=["csv"], sender="riskmap")
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_the_kind_of_message_follows_from_what_was_sent(layer, tmp_path):
    assert issue(tmp_path / "a", quiet(layer)) is None
    assert said(issue(tmp_path / "a", on(layer, "2025-02-01")), "msgType") == "Alert"
    assert said(issue(tmp_path / "a", quiet(on(layer, "2025-03-01"), "2025-03-01")), "msgType") == (
        "Cancel"
    )
    assert issue(tmp_path / "a", quiet(on(layer, "2025-04-01"), "2025-04-01")) is None
    assert said(issue(tmp_path / "a", on(layer, "2025-05-01")), "msgType") == "Alert"
    long_after = issue(tmp_path / "a", on(layer, "2026-01-01"))
    assert said(long_after, "msgType") == "Alert"  # what went before has expired


@pytest.mark.slow
def test_an_update_refers_to_all_that_still_hold(layer, tmp_path):
    first, second, third = (
        issue(tmp_path, on(layer, day)) for day in ("2025-01-01", "2025-03-01", "2025-04-15")
    )

    def name(alert):
        return ",".join(said(alert, tag) for tag in ("sender", "identifier", "sent"))

    assert said(second, "references") == name(first)
    assert said(third, "references") == name(second)  # the first has expired
    assert said(first, "sent").endswith("-00:00")


@pytest.mark.slow
def test_a_correction_of_the_same_day_is_an_update_of_its_own(layer, tmp_path):
    levels = layer.risks["risk_level"]
    worse = dataclasses.replace(layer, risks=layer.risks.assign(risk_level=levels.replace(4, 5)))
    alerts = [issue(tmp_path, one) for one in (layer, worse, worse, layer, layer)]
    names = [said(alert, "identifier") for alert in alerts]
    assert len(set(names)) == 3  # the same again is the same message; back again is a third
    assert alerts[1] == alerts[2]
    assert alerts[3] == alerts[4]
    assert names[0] in said(alerts[1], "references")
    assert names[1] in said(alerts[3], "references")


@pytest.mark.slow
def test_no_two_organisations_groups_or_profiles_have_one_identifier(layer, tmp_path):
    miners, aid = (
        dataclasses.replace(layer, headline="group", provenance=layer.provenance | {"group": group})
        for group in ("CHN/mining", "CHN/aid")
    )
    made = [(miners, SENDER, "private"), (aid, SENDER, "private"), (miners, "b.example", "private")]
    made += [(miners, SENDER, "public")]
    names, feeds = set(), set()
    for one, sender, profile in made:
        found = publish(one, tmp_path, formats=["cap", "atom"], sender=sender, profile=profile)
        alert = (found / "alert.cap.xml").read_bytes()
        assert said(alert, "msgType") == "Alert"  # nobody's follows on another's
        names.add(said(alert, "identifier"))
        feed = parsed((found / "alerts.atom").read_bytes())
        feeds |= {node.text for node in feed.iter(f"{{{NS['a']}}}id")}
        entries = len(feed.findall("a:entry", NS)) + 1
    assert len(names) == 4
    assert len(feeds) == 4 * entries


@pytest.mark.parametrize(("profile", "scope"), [("private", "Restricted"), ("public", "Public")])
def test_only_what_is_public_says_so(layer, tmp_path, schema, profile, scope):
    etree, rules = schema
    alert = issue(tmp_path, layer, profile=profile)
    rules.assertValid(etree.fromstring(alert))
    assert said(alert, "scope") == scope
    assert bool(said(alert, "restriction")) == (profile == "private")


def test_who_it_is_about_and_of_whom_it_is_are_told(layer):
    known = layer.provenance | {"group": "CHN/mining"}
    root = parsed(cap(dataclasses.replace(layer, headline="group", provenance=known)))
    for tag in ("headline", "audience", "areaDesc"):
        assert all(
            "Chinese nationals in mining" in e.text for e in root.iterfind(f".//c:{tag}", NS)
        )
    for tag, value in (
        ("sender", "alerts@example.org"),
        (".//c:senderName", "Security desk"),
        (".//c:contact", "+1 555 0100"),
    ):
        assert root.findtext(tag if ":" in tag else f"c:{tag}", namespaces=NS) == value
    text = ET.tostring(root, encoding="unicode")
    assert "riskmap" not in text.replace(layer.scale.scale_id, "")


def test_what_has_risen_is_told_once(explained):
    root = parsed(cap(explained))
    descriptions = " ".join(e.text for e in root.iterfind(".//c:description", NS))
    assert descriptions.count("Raised since 2024-12-01: Ashkor (Ambrel).") == 1


def test_the_feed_tells_which_way_a_level_moved(explained):
    root = parsed(feed(explained))
    titles = {e.text for e in root.iterfind("a:entry/a:title", NS)}
    assert {
        "Ashkor (Ambrel): 3 moderate \u2192 5 extreme, for foreign workers",
        "Berin (Ambrel): 5 extreme \u2192 4 high, for foreign workers",
    } <= titles


def test_demonstration_data_is_an_exercise(layer):
    shown = dataclasses.replace(layer, provenance=layer.provenance | {"notice": "A demonstration."})
    assert parsed(cap(shown)).findtext("c:status", namespaces=NS) == "Exercise"
    assert parsed(cap(layer)).findtext("c:status", namespaces=NS) == "Actual"


def test_every_high_region_is_an_area_with_its_id(layer):
    root = parsed(cap(layer))
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


def test_an_attack_raises_an_alert_at_moderate_and_is_never_cancelled_as_over(
    layer, schema, tmp_path
):
    etree, rules = schema
    marked, region = attacked(layer)
    issue(tmp_path, layer)
    later = on(marked, "2025-02-01")
    for alert, kind in ((cap(marked), "Alert"), (issue(tmp_path, later), "Update")):
        rules.assertValid(etree.fromstring(alert))
        root = parsed(alert)
        assert root.findtext("c:msgType", namespaces=NS) == kind
        assert [e.text for e in root.iterfind(".//c:geocode/c:value", NS)] == [region]


def test_a_level_that_is_kept_without_a_probability_is_told(layer, schema):
    etree, rules = schema
    risks = layer.risks.assign(p_any=float("nan"))
    text = cap(dataclasses.replace(layer, risks=risks))
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


@pytest.mark.slow
def test_hostile_names_stay_text(layers):
    layer = layers["layer"](regions=layers["names"](["<b>&amp;", "a\x00\x1fb", "]]>"]))
    names = [e.text for e in parsed(cap(layer)).iterfind(".//c:areaDesc", NS)]
    assert {name.split(" (")[0] for name in names} == {"<b>&amp;", "ab", "]]>"}
    assert parsed(feed(layer)).find("a:entry", NS) is not None


def test_the_feed_lists_the_high_regions_highest_first(layer):
    root = parsed(feed(layer))
    titles = [e.text for e in root.iterfind("a:entry/a:title", NS)]
    assert len(titles) == 22
    assert titles[0] == "Ashkor (Ambrel): 5 extreme, for foreign workers"
    ids = [e.text for e in root.iterfind(".//a:id", NS)]
    assert len(set(ids)) == len(ids)
    assert root.findtext("a:updated", namespaces=NS) == "2025-01-01T00:00:00Z"


def test_an_alert_tells_what_is_known_of_each_region(told, schema):
    etree, rules = schema
    text = cap(told)
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
    titles = [e.text for e in parsed(feed(told)).iterfind("a:entry/a:title", NS)]
    assert "Ashkor (Ambrel): 3 moderate (2 to 4), attacked, for foreign workers" in titles


@pytest.mark.slow
def test_a_level_that_may_be_higher_now_or_another_attack_is_news(layer, tmp_path):
    def ids(day, **changes):
        found = publish(on(layer, day, **changes), tmp_path, formats=["atom"], sender=SENDER)
        root = parsed((found / "alerts.atom").read_bytes())
        return {
            e.find("a:category", NS).get("term"): e.findtext("a:id", namespaces=NS)
            for e in root.iterfind("a:entry", NS)
        }

    first = ids("2025-01-01")
    assert ids("2025-02-01") == first  # what only stands is no news
    mine = layer.risks["region_id"] == "XQA0102"
    doubted = layer.risks.assign(at_least=mine)
    third = ids("2025-03-01", risks=doubted)
    assert {region for region in first if third[region] != first[region]} == {"XQA0102"}
    attack = {"incident_id": "a:1", "regions": "XQA0103", "event_date": pd.Timestamp("2025-03-20")}
    attacks = conform(pd.DataFrame([attack | {"event_type": "abduction"}]), ATTACK_COLUMNS)
    fourth = ids("2025-04-01", risks=doubted, attacks=attacks)
    assert {region for region in first if fourth[region] != third[region]} == {"XQA0103"}
    worse = ids(
        "2025-04-01", risks=doubted, attacks=attacks.assign(killed=3).astype(attacks.dtypes)
    )
    assert {region for region in first if worse[region] != fourth[region]} == {"XQA0103"}


@pytest.mark.slow
def test_alert_and_feed_speak_the_languages_of_the_set_and_lead_to_its_map(told, tmp_path):
    desk = Sender.parse(SENDER, link="https://desk.example.org/latest")
    chosen = {"formats": ["cap", "atom"], "languages": ["en", "zh"], "sender": desk}
    found = publish(told, tmp_path, **chosen)
    root = parsed((found / "alert.cap.xml").read_bytes())
    infos = {e.findtext("c:language", namespaces=NS): e for e in root.iterfind("c:info", NS)}
    assert set(infos) == {"en", "zh"}
    for tag, text in (
        ("event", "安全风险等级"),
        ("audience", "外籍工人"),
        ("areaDesc", "针对外籍工人"),
    ):
        assert text in infos["zh"].findtext(f".//c:{tag}", namespaces=NS)
    assert infos["zh"].findtext("c:web", namespaces=NS) == (
        "https://desk.example.org/latest/map.zh.html"
    )
    ways = {e.findtext("c:web", namespaces=NS) for e in infos.values()}
    assert "https://desk.example.org/latest/map.html" in ways
    feeds = [parsed((found / name).read_bytes()) for name in ("alerts.atom", "alerts.zh.atom")]
    ids = [{e.text for e in one.iter(f"{{{NS['a']}}}id")} for one in feeds]
    assert not ids[0] & ids[1]
    for one, name in zip(feeds, ("alerts.atom", "alerts.zh.atom"), strict=True):
        links = [e.get("href") for e in one.iter(f"{{{NS['a']}}}link")]
        assert links[0] == f"https://desk.example.org/latest/{name}"
        assert all(link.startswith("https://desk.example.org/latest/") for link in links)
    assert "武装袭击" in (found / "alerts.zh.atom").read_text("utf-8")
    assert publish(told, tmp_path, **chosen) == found  # the same again, also in Chinese


def test_a_link_that_is_none_is_refused():
    with pytest.raises(InputError, match="no link to a set"):
        Sender.parse(SENDER, link="desk.example.org/latest")


def unplaced(layer, **changes):
    """The layer with one attack on the group that marks no region."""
    told = {"incident_id": "log:1", "event_date": "2024-12-20", "until": "2025-03-20"}
    told |= {"area": "Velmar", "nationality": "CHN", "killed": 3, "event_type": "armed_attack"}
    attacks = conform(pd.DataFrame([told | changes]), ATTACK_COLUMNS)
    risks = layer.risks.assign(attacked=False)
    return dataclasses.replace(quiet(layer), risks=risks.assign(
        risk_level=risks["risk_level"].clip(upper=2)), attacks=attacks)  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{}, {"event_date": None, "until": None, "unusable": "date: met 'soon'"}]
)
def test_an_attack_that_marks_no_region_is_an_alert_and_an_entry(layer, schema, changes):
    etree, rules = schema
    one = unplaced(layer, **changes)
    alert = cap(one)
    rules.assertValid(etree.fromstring(alert))
    assert said(alert, "msgType") == "Alert"
    (area,) = parsed(alert).iterfind(".//c:areaDesc", namespaces=NS)
    assert area.text.startswith("Velmar")
    assert "attack" in parsed(alert).findtext(".//c:headline", namespaces=NS)
    titles = [node.text for node in parsed(feed(one)).iterfind("a:entry/a:title", namespaces=NS)]
    assert any(title.startswith("Velmar: attack on") for title in titles)


@pytest.mark.parametrize(("language", "day"), [("en", "day not known"), ("zh", "日期不明")])
def test_an_attack_without_a_day_is_not_said_to_have_no_district(layer, schema, language, day):
    etree, rules = schema
    region = layer.regions["region_id"].iloc[0]
    told = {"event_date": None, "until": None, "unusable": "date: met 'soon'", "area": None}
    one = unplaced(layer, **told, region_id=region)
    alert = cap(one, languages=(language,))
    rules.assertValid(etree.fromstring(alert))
    assert day in parsed(alert).findtext(".//c:headline", namespaces=NS)
    assert f"<value>{region}</value>" in alert.decode("utf-8")
    assert parsed(alert).find(".//c:polygon", namespaces=NS) is not None
    titles = [node.text for node in parsed(feed(one)).iterfind("a:entry/a:title", namespaces=NS)]
    assert any(title.endswith(", day not known") for title in titles)


@pytest.mark.slow
def test_no_alert_is_cancelled_while_an_attack_marks_no_region(layer, tmp_path):
    issue(tmp_path, on(layer, "2024-12-15"))
    assert said(issue(tmp_path, unplaced(layer)), "msgType") == "Update"
    cleared = unplaced(layer, cleared=f"{layer.headline}: an accident, decided by A. Analyst")
    assert cap(cleared) is None
