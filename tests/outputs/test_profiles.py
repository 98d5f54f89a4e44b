"""What is private doesn't leave the house, in no format."""

import dataclasses
import zipfile

import numpy as np
import pandas as pd
import pytest

from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    INFLUENCE_COLUMNS,
    RISK_COLUMNS,
    SITE_COLUMNS,
    RiskLayer,
)
from riskmap.errors import InputError
from riskmap.outputs import bundles
from riskmap.outputs.bundles import Bundle, K, apply_profile
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.documents import to_markdown
from riskmap.outputs.formats import FORMATS
from riskmap.outputs.pages import advisory_page
from riskmap.outputs.publishing import publish
from riskmap.outputs.sets import encode_layer
from riskmap.panels.joins import EVIDENCE
from riskmap.schema import INCIDENT_COLUMNS, TEXT, conform

MARK = "Qzx-marked-text"
FREE = ("place", "admin1", "admin2", "actor", "claimed_by", "attributed_to", "notes")
HELD_BACK = {"rate_per_1000_wy", "wy_rate_q05", "wy_rate_q95", "exposure_basis", "attacks_told"}


@pytest.fixture(scope="module")
def secret(layers):
    """A layer that holds a secret wherever text can stand."""
    layer = layers["layer"]()
    free = dict.fromkeys((*FREE, "source", "source_id", "source_file"), MARK)
    incidents = layer.incidents.assign(**free, latitude=12.3456, longitude=65.4321)
    incidents["incident_id"] = MARK + incidents["incident_id"]
    where = {"region_id": "XQA0101", "layer": "foreign", "site": MARK, "source": MARK}
    rows = {
        "sites": (SITE_COLUMNS, where | {"kind": "site", "p_any": 0.1, "risk_level": 2}),
        "audit": (AUDIT_COLUMNS, where | {"rule": "hold", "detail": MARK}),
    }
    tables = {name: conform(pd.DataFrame([row]), columns) for name, (columns, row) in rows.items()}
    keys = [("incident", incidents["incident_id"].iloc[5]), ("source", MARK)]
    found = [where | {"kind": kind, "key": key, "value": 1.0} for kind, key in keys]
    tables["influences"] = conform(
        pd.DataFrame(found).drop(columns=["site", "source"]), INFLUENCE_COLUMNS
    )
    known = layer.provenance | {"inputs": [{"name": MARK, "sha256": "0"}], "group": MARK}
    risks = layer.risks.assign(exposure_basis=MARK)
    changed = {"incidents": incidents, "provenance": known, "risks": risks}
    return dataclasses.replace(layer, **changed, **tables)


def readable(path):
    """A file's bytes, unpacked where it is a package."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as package:
            return b"".join(package.read(name) for name in package.namelist())
    return path.read_bytes()


@pytest.mark.slow
def test_no_format_tells_what_is_private(secret, tmp_path):
    chosen = [name for name in FORMATS if name != "pdf"]
    found = publish(secret, tmp_path, formats=chosen, profile="public", sender="example.org")
    for path in found.iterdir():
        data = readable(path)
        for token in (MARK, "12.3456", "65.4321"):
            assert token.encode() not in data, (path.name, token)
    assert b'"profile": "public"' in (found / "manifest.json").read_bytes()


def test_the_private_profile_keeps_everything(secret):
    assert apply_profile(secret, "private") is secret
    assert encode_layer(Bundle(secret)).count(MARK.encode()) > 1000


def test_few_victims_are_not_told(layer):
    before, after = layer.incidents, apply_profile(layer, "public").incidents
    for name in ("killed", "wounded", "foreign_victims"):
        few = before[name].between(1, K - 1).fillna(value=False)
        assert few.any()
        assert after[name][few].isna().all()
        assert after[name][~few].equals(before[name][~few])
    many = before["foreign_victims"].fillna(0) >= K
    assert after["nationality"][many].equals(before["nationality"][many])
    assert after["nationality"][~many].isna().all()


def test_counts_that_tell_who_was_hit_are_not_told(layer):
    assert {"violence", "foreign"} <= set(layer.counts["layer"])
    assert set(apply_profile(layer, "public").counts["layer"]) == {"violence"}


def test_levels_are_public_and_nothing_is_changed(layer):
    before = encode_layer(Bundle(layer))
    assert apply_profile(layer, "public").risks.equals(layer.risks)
    assert encode_layer(Bundle(layer)) == before


def test_what_is_public_stays_the_same(secret):
    once = apply_profile(secret, "public")
    assert encode_layer(Bundle(apply_profile(once, "public"))) == encode_layer(Bundle(once))


@pytest.mark.slow
def test_the_same_incident_has_the_same_number_everywhere(secret):
    public = apply_profile(secret, "public")
    assert public.influences["key"].tolist() == [public.incidents["incident_id"].iloc[5], np.nan]
    twice = secret.incidents.iloc[[0, 0, 1]]
    found = apply_profile(dataclasses.replace(secret, incidents=twice), "public").incidents
    assert found["incident_id"].tolist() == ["incident 1", "incident 1", "incident 2"]


def test_each_risk_column_is_decided_on():
    assert {column.name for column in RISK_COLUMNS} == {*bundles._TOLD["risks"]} | HELD_BACK


def test_what_nobody_decided_on_is_private(layer):
    new = dataclasses.replace(
        layer,
        risks=layer.risks.assign(note=MARK, flag=True, kind=pd.Categorical([MARK] * 72), n=7),
        incidents=layer.incidents.assign(witness=MARK),
        regions=layer.regions.assign(camp=MARK),
    )
    public = apply_profile(new, "public")
    assert public.risks["note"].isna().all()
    assert not public.risks["flag"].any()
    assert public.risks[["kind", "n"]].isna().all(axis=None)
    assert public.incidents["witness"].isna().all()
    assert "camp" not in public.regions


def test_a_field_nobody_decided_on_is_private(layer):
    @dataclasses.dataclass(frozen=True)
    class Later(RiskLayer):
        witnesses: pd.DataFrame = None
        author: str = MARK

    parts = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)}
    later = Later(**parts, witnesses=pd.DataFrame({"name": [MARK]}))
    public = apply_profile(later, "public")
    assert public.witnesses.empty
    assert public.author is None


def test_no_free_text_of_incidents_is_allowed():
    coded = {"incident_id", "region_id", "country", "nationality", "sector", "staff_type"}
    text = {c.name for c in INCIDENT_COLUMNS if c.dtype == TEXT and not c.codes} - coded
    assert not text & set(bundles._TOLD["incidents"])
    assert set(FREE) <= set(EVIDENCE)


def test_an_unknown_profile_is_refused_before_anything_is_written(layer, tmp_path):
    with pytest.raises(InputError, match="unknown profile: met 'press'"):
        publish(layer, tmp_path / "out", profile="press")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_held_back_is_not_told_as_none(layer, language):
    """Who was hit is hidden: "0 of them with foreigners" would be false, and would reassure."""
    words = catalogue(language)
    bundles = Bundle(layer), Bundle(apply_profile(layer, "public"))
    private, public = (bundle.report(language) for bundle in bundles)
    assert private["history"].head[-1] == words["with_foreigners"]
    assert public["history"].rows == tuple(row[:2] for row in private["history"].rows)
    said = words["sentences"]["history"].split("{m}")[1][:6]
    assert said in "".join(private["indicators"])
    assert said not in "".join(public["indicators"])
    pages = [advisory_page(bundle, language=language) for bundle in bundles]
    assert [words["with_foreigners"] in page for page in pages] == [True, False]


@pytest.mark.slow
def test_an_older_attack_is_not_told_as_the_last_where_newer_ones_are_hidden(layers):
    """The newest attack had two foreign victims, which a public layer holds back."""
    layer = layers["layer"]()
    quiet = dataclasses.replace(layer, attacks=layer.attacks.head(0))
    said = catalogue("en")["lead"]["last"].split("{")[0]
    private, public = (
        to_markdown(Bundle(apply_profile(quiet, profile)).report("en"))
        for profile in ("private", "public")
    )
    assert said in private
    assert said not in public
