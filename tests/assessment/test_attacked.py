"""After an attack on the group nobody reads "low": where, for how long, and how exactly known."""

import pandas as pd
import pytest
import shapely

import riskmap as rm

REGIONS = rm.datasets.regions()
MINERS = rm.WorkerGroup("CHN", sector="mining")
DAY = pd.Timestamp("2024-12-01")


def risks(as_of="2024-12-20", group=MINERS, **told):
    """Return the risks after one attack in the quietest district; `told` is what is known of it."""
    table = rm.datasets.incidents()
    table = table[(table["event_date"] < DAY - pd.Timedelta(days=120))].reset_index(drop=True)
    table = table.assign(nationality=None, foreign_victims=pd.array([0] * len(table), "Int64"))
    home = REGIONS.set_index("name").loc["Hamra"]
    attack = table.iloc[[0]].assign(
        incident_id="invented:attack",
        source_id="attack",
        event_date=DAY,
        event_date_end=DAY,
        ingested_at=DAY.tz_localize("UTC"),
        event_type="abduction",
        abducted=1,
        place="Hamra",
        admin1=home["parent"],
        admin2="Hamra",
        geo_precision="point",
        nationality="CHN",
        foreign_victims=1,
        geometry=home.geometry.representative_point(),
    )
    for name, value in told.items():
        attack[name] = value
    whole = pd.concat([table, attack.set_crs(4326)], ignore_index=True)
    located = rm.locate(whole.astype(table.dtypes), REGIONS)
    panel = rm.count_incidents(located, REGIONS, every="quarter", as_of=as_of, group=group)
    layer = rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), REGIONS)
    return layer.risks.merge(REGIONS[["region_id", "name"]]).set_index(["name", "layer"])


def attacked(found):
    return set(found.index[found["attacked"]].get_level_values("name"))


@pytest.mark.slow
def test_its_own_district_is_at_least_moderate_in_every_layer():
    found = risks()
    assert attacked(found) == {"Hamra"}
    assert (found.loc["Hamra", "risk_level"] >= 3).all()


@pytest.mark.slow
@pytest.mark.parametrize(("days", "held"), [(1, True), (89, True), (90, False)])
def test_an_attack_holds_for_ninety_days(days, held):
    as_of = f"{DAY + pd.Timedelta(days=days):%Y-%m-%d}"
    assert attacked(risks(as_of=as_of)) == ({"Hamra"} if held else set())


@pytest.mark.slow
def test_an_attack_that_became_known_late_holds_from_then_on():
    late = (DAY + pd.Timedelta(days=60)).tz_localize("UTC")
    as_of = f"{DAY + pd.Timedelta(days=120):%Y-%m-%d}"
    assert attacked(risks(as_of=as_of)) == set()
    assert attacked(risks(as_of=as_of, ingested_at=late)) == {"Hamra"}


@pytest.mark.slow
def test_a_point_near_a_border_concerns_the_neighbour():
    home = REGIONS.set_index("name").loc["Hamra"].geometry
    other = REGIONS.set_index("name").loc["Galdor"].geometry
    edge = home.intersection(other).centroid
    inside = shapely.Point(edge.x + 0.02, edge.y)
    assert home.contains(inside)
    found = attacked(risks(geometry=inside))
    assert {"Hamra", "Galdor"} <= found
    assert len(found) <= 4


@pytest.mark.slow
def test_known_to_a_district_it_concerns_no_neighbour():
    home = REGIONS.set_index("name").loc["Hamra"].geometry
    edge = home.intersection(REGIONS.set_index("name").loc["Galdor"].geometry).centroid
    told = {"geo_precision": "admin2", "geometry": shapely.Point(edge.x + 0.02, edge.y)}
    assert attacked(risks(**told)) == {"Hamra"}


@pytest.mark.slow
def test_known_to_a_province_it_raises_no_district():
    assert attacked(risks(admin2=None, place=None, geo_precision="admin1", geometry=None)) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "told", "held"),
    [
        (MINERS, {"nationality": "IND"}, False),
        (MINERS, {"nationality": "IND", "sector": "mining"}, True),
        (MINERS, {"nationality": "XQA", "foreign_victims": 0, "target": "mining"}, True),
        (MINERS, {"nationality": "XQA", "foreign_victims": 0, "target": "foreigners"}, True),
        (MINERS, {"nationality": "XQA", "foreign_victims": 0}, False),
        (None, {"nationality": "IND"}, True),
        (None, {"nationality": "XQA", "foreign_victims": 0}, False),
    ],
)
def test_whose_attack_it_is(group, told, held):
    assert attacked(risks(group=group, **told)) == ({"Hamra"} if held else set())
