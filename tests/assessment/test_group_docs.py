"""What the pages on groups and authorities say is what happens."""

import re
from pathlib import Path

import pytest

import riskmap as rm
from riskmap.assessment.consequences import CONSEQUENCES
from riskmap.assessment.exposures import CARRIED, DISPUTED, GIVEN, NONE, read_scenarios
from riskmap.assessment.levels import LEVEL_NAMES, authority_scales, map_level
from riskmap.panels.groups import PRIOR_ATTACKS, RELEVANCE

DOCS = Path(__file__).parents[2] / "docs"
GROUPS = (DOCS / "groups.md").read_text(encoding="utf-8")
AUTHORITIES = (DOCS / "authorities.md").read_text(encoding="utf-8")
REGIONS = rm.datasets.regions()


def block(text, language):
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    path = tmp_path_factory.mktemp("docs") / "group.toml"
    path.write_text(block(GROUPS, "toml"), encoding="utf-8")
    located = rm.locate(rm.datasets.incidents(), REGIONS)
    group = rm.read_group(path)
    panel = rm.count_incidents(located, REGIONS, group=group, as_of="2025-01-01")
    return rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), REGIONS)


@pytest.mark.slow
def test_the_example_runs(layer):
    assert layer.provenance["group"] == "CHN/mining"
    assert layer.provenance["relevance"]["same sector, local"] == 0.6
    assert layer.provenance["targeting"]["ratio"] > 0
    assert set(layer.sites["site"]) == {"camp", "mine", "to work"}
    basis = layer.risks[layer.risks["layer"] == "group"].set_index("region_id")["exposure_basis"]
    assert basis["XQA0203"] == basis["XQA0204"] == GIVEN


@pytest.mark.parametrize(("grade", "weight"), RELEVANCE.items())
def test_every_grade_is_explained(grade, weight):
    line = next(row for row in GROUPS.splitlines() if row.startswith(f"| {grade}"))
    said = line.rsplit("|", 2)[1].strip()
    assert float(said.split(",")[0]) == weight


def test_the_weight_of_the_prior_is_told():
    assert f"(k + {PRIOR_ATTACKS:g}) / (E + {PRIOR_ATTACKS:g})" in GROUPS


def test_every_basis_and_class_is_explained():
    for basis in (GIVEN, CARRIED, NONE, DISPUTED):
        ending = basis.rsplit(", ", 1)[-1].removesuffix(": no rate")
        assert ending in GROUPS
    for low, mid, high in read_scenarios()[1].values():
        numbers = (f"{n:,.0f}".replace(",", " ") for n in (low, mid, high))
        assert "| " + " | ".join(numbers) + " |" in GROUPS
    for name in CONSEQUENCES:
        assert name in GROUPS


def test_the_crosswalk_is_printed_as_it_is():
    authorities = ("us_state", "uk_fcdo", "cn_mfa", "commercial")
    assert set(authorities) == set(authority_scales()["authority"])
    for level in range(1, 6):
        steps = " | ".join(map_level(level, authority) for authority in authorities)
        assert f"| {level} {LEVEL_NAMES[level]} | {steps} |" in AUTHORITIES
