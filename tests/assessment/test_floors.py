"""After an attack on the group nobody reads "low": floors come last, and end."""

from dataclasses import replace
from datetime import date
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod

import riskmap as rm
from riskmap.assessment.desk_files import Decision
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.front_pages import attack_lines
from riskmap.outputs.wordings import NONE, attacks_words

REGIONS = rm.datasets.regions()
MINERS = rm.WorkerGroup("CHN", sector="mining")
AS_OF = pd.Timestamp("2025-01-01")
HOME = REGIONS.set_index("name").loc["Uldra", "region_id"]
CALM = rm.datasets.incidents().assign(
    foreign_victims=lambda t: pd.array([0] * len(t), dtype="Int64"),
    nationality=lambda t: pd.Series([None] * len(t), dtype="str", index=t.index),
    sector=lambda t: pd.Series([None] * len(t), dtype="str", index=t.index),
)


def attack(days=10, *, precision="point", told=None, **changes):
    """One attack on a Chinese miner in Uldra, so many days before."""
    point = REGIONS.set_index("region_id").geometry[HOME].representative_point()
    day = AS_OF - pd.Timedelta(days=days)
    row = CALM.iloc[[0]].assign(
        incident_id="attack:1",
        source="wire",
        event_date=day,
        event_date_end=day,
        nationality="CHN",
        sector="mining",
        foreign_victims=pd.array([1], dtype="Int64"),
        place=None,
        admin2=None,
        admin1=None,
        scope="none",
        geo_precision=precision,
        **changes,
    )
    known = day if told is None else AS_OF - pd.Timedelta(days=told)
    row["ingested_at"] = pd.Series([known.tz_localize("UTC")], index=row.index)
    row = row.astype(dict.fromkeys(("place", "admin1", "admin2"), "str"))
    return row.set_geometry(gpd.points_from_xy([point.x], [point.y]), crs=4326)


ATTACK = attack()


def foresee(*rows, group=MINERS, regions=REGIONS):
    table = gpd.GeoDataFrame(pd.concat([CALM, *rows], ignore_index=True), crs=4326)
    panel = rm.count_incidents(rm.locate(table, regions), regions, group=group, as_of=AS_OF)
    return rm.forecast(panel, model=rm.Climatology())


@cache
def foreseen(group, *, attacked):
    """What most tests begin with: nothing but the calm, or the attack as well."""
    return foresee(*([ATTACK] if attacked else []), group=group)


def assess(*rows, group=MINERS, regions=REGIONS, **options):
    if regions is REGIONS and all(row is ATTACK for row in rows):
        return rm.assess(foreseen(group, attacked=bool(rows)), regions, **options)
    return rm.assess(foresee(*rows, group=group, regions=regions), regions, **options)


def at(layer, region=HOME):
    return layer.risks[layer.risks["region_id"] == region].set_index("layer")


@pytest.mark.slow
def test_its_region_is_at_least_moderate_and_says_why():
    calm, layer = assess(), assess(ATTACK)
    assert at(calm).loc["group", "risk_level"] < 3
    assert not calm.risks["attacked"].any()
    rows = at(layer)
    assert (rows.loc[["foreign", "group"], "risk_level"] >= 3).all()
    assert rows.loc[["foreign", "group"], "attacked"].all()
    assert rows.loc["violence", "risk_level"] not in (1, 2)
    audit = layer.audit[(layer.audit["region_id"] == HOME) & (layer.audit["rule"] == "attacked")]
    assert audit["detail"].str.contains("attack:1").all()


@pytest.mark.slow
@pytest.mark.parametrize(("days", "told", "holds"), [
    (90, None, False), (89, None, True), (200, 89, True), (200, 90, False),
])  # fmt: skip
def test_it_holds_for_90_days_from_the_later_of_the_day_and_the_news(days, told, holds):
    layer = assess(attack(days, told=told))
    assert at(layer)["attacked"].any() == holds


@pytest.mark.slow
def test_without_a_group_any_foreigner_counts_and_for_a_group_only_its_own():
    hurt = attack().assign(nationality="TUR", sector="construction")
    assert at(assess(hurt, group=None)).loc["foreign", "attacked"]
    assert not assess(hurt).risks["attacked"].any()


@pytest.mark.slow
def test_an_attack_aimed_at_the_group_counts_whoever_was_hit():
    aimed = attack().assign(
        nationality=None, foreign_victims=pd.array([0], dtype="Int64"), target="foreigners"
    )
    assert at(assess(aimed)).loc["group", "attacked"]


#: Of the place of an attack: what is told, and the area that it is known to then.
UNPLACED = {
    "a province": ({"admin1": "Ambrel", "geo_precision": "admin1"}, "Ambrel"),
    "a province that nobody knows": ({"admin1": "Xxqzt", "geo_precision": "admin1"}, "XQA"),
    "a district that nobody knows": ({"admin1": "Ambrel", "admin2": "Xxqzt"}, "Ambrel"),
    "no district": ({"place": "Xxqzt"}, "XQA"),
    "an id that nobody knows": ({"region_id": "XQA9999"}, "XQA"),
    "no country": ({"country": None, "place": "Xxqzt"}, "XQA"),
    "null island": ({"quarantine_reason": "null_island", "admin1": "Ambrel"}, "Ambrel"),
}


@pytest.mark.slow
@pytest.mark.parametrize("told", UNPLACED)
def test_what_is_known_to_an_area_is_told_of_it_and_holds_up_no_district(told):
    """Whatever the machinery can't do with the row, its reader is told of the attack."""
    fields, area = UNPLACED[told]
    vague = attack(precision=None).assign(**fields).set_geometry([None], crs=4326)
    layer = assess(vague.astype(CALM.dtypes))
    assert not layer.risks["attacked"].any()
    (row,) = layer.attacks.to_dict("records")
    assert row["area"] == area
    assert pd.isna(row["regions"])
    written = {"Xxqzt", "XQA9999"} & set(map(str, fields.values()))
    assert row["place"] == (written or {"Ambrel"}).pop()


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [
        {"quarantine_reason": "bad_number"},
        {"region_id": "XQA9999"},
        {"region_id": f" {HOME.lower()} "},
    ],
    ids=["a number that nobody can read", "an id that nobody knows", "an id written otherwise"],
)  # fmt: skip
def test_a_row_that_can_be_used_only_for_its_place_marks_its_region(fields):
    layer = assess(ATTACK.assign(**fields).astype(CALM.dtypes))
    assert at(layer).loc[["foreign", "group"], "attacked"].all()


@pytest.mark.slow
@pytest.mark.parametrize("km", [20, 30])
def test_an_attack_at_a_point_beyond_the_border_marks_what_is_within_25_km_of_it(km):
    """The other country's row can't be counted here; those who work along the border read of it."""
    lon, lat, _ = Geod(ellps="WGS84").fwd(2.0, -7.5, 270.0, 1000.0 * km)
    abroad = attack().assign(country="AFG").set_geometry([shapely.Point(lon, lat)], crs=4326)
    layer = assess(abroad)
    marked = set(layer.risks.loc[layer.risks["attacked"], "region_id"])
    assert marked == ({"XQA0101"} if km == 20 else set())
    assert len(layer.attacks) == len(marked)
    assert set(layer.attacks["area"]) <= {"AFG"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [
        {"quarantine_reason": "duplicate"},
        {"quarantine_reason": "rejected"},
        {"country": "AFG", "place": "Kabul"},
        {"quarantine_reason": "bad_number", "event_date": AS_OF},
        {"quarantine_reason": "bad_number", "nationality": None, "sector": None,
         "foreign_victims": None},
    ],
    ids=["told twice", "rejected", "another country", "tomorrow", "nobody foreign"],
)  # fmt: skip
def test_a_row_that_tells_of_no_attack_here_by_now_marks_nothing(fields):
    vague = attack(precision=None).assign(**fields).set_geometry([None], crs=4326)
    assert assess(vague.astype(CALM.dtypes)).attacks.empty


@pytest.mark.slow
def test_other_regions_are_not_held_up_unless_within_reach():
    layer = assess(ATTACK)
    marked = set(layer.risks.loc[layer.risks["attacked"], "region_id"])
    assert marked == set(layer.attacks["regions"].item().split(";"))
    assert len(marked) < len(REGIONS)


@pytest.mark.slow
def test_floors_come_after_the_cap_of_a_single_voice_and_after_every_hold():
    before = assess()
    layer = assess(ATTACK, previous=before)
    assert (at(layer).loc[["foreign", "group"], "risk_level"] >= 3).all()


@pytest.mark.slow
def test_what_an_attack_alone_held_up_falls_when_it_has_passed():
    first = assess(ATTACK)
    located = rm.locate(
        gpd.GeoDataFrame(pd.concat([CALM, attack()], ignore_index=True), crs=4326), REGIONS
    )
    panel = rm.count_incidents(located, REGIONS, group=MINERS, as_of=AS_OF + pd.Timedelta(days=81))
    later = rm.assess(rm.forecast(panel, model=rm.Climatology()), REGIONS, previous=first)
    rows = at(later)
    assert not rows["attacked"].any()
    own = at(first)["threshold_level"]
    assert (
        rows["risk_level"] <= pd.concat([own, rows["threshold_level"]], axis=1).max(axis=1)
    ).all()


def clearance(**changes):
    told = Decision(HOME, "group", "attacked", "an accident", "A. Analyst", date(2025, 2, 1))
    return replace(told, **{"decided": date(2025, 1, 1)} | changes)


@pytest.mark.slow
def test_a_decision_clears_a_layer_of_a_region():
    layer = assess(ATTACK, decisions=(clearance(),))
    assert not at(layer).loc["group", "attacked"]
    assert at(layer).loc["foreign", "attacked"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"until": date(2025, 1, 1)},
        {"clears": "another:1"},
        {"region_id": "XQA0101"},
        {"decided": date(2024, 6, 1)},
    ],
    ids=["over", "another attack", "another region", "an attack that came later"],
)
def test_a_decision_clears_nothing_else(changes):
    layer = assess(ATTACK, decisions=(clearance(**changes),))
    assert at(layer).loc["group", "attacked"]


@pytest.mark.slow
def test_where_only_foreigners_are_watched_violence_is_at_least_theirs():
    table = CALM.assign(scope="none")
    rows = [
        attack(days).assign(incident_id=f"attack:{days}", source="desk", source_id=str(days),
                            scope="foreign; reach=countries")
        for days in range(5, 900, 15)
    ]  # fmt: skip
    both = gpd.GeoDataFrame(pd.concat([table, *rows], ignore_index=True), crs=4326)
    panel = rm.count_incidents(rm.locate(both, REGIONS), REGIONS, group=MINERS, as_of=AS_OF)
    layer = rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), REGIONS)
    rows = at(layer)
    assert rows.loc["violence", "at_least"]
    assert rows.loc["violence", "p_any"] >= rows.loc["foreign", "p_any"]
    quiet = layer.risks[(layer.risks["layer"] == "violence")]
    assert not quiet["risk_level"].isin([1, 2]).any()


@pytest.mark.slow
def test_an_attack_that_is_withdrawn_is_told_until_it_has_passed_or_is_cleared():
    """A row that was changed or deleted is no decision."""
    before = assess(ATTACK)
    gone = assess(previous=before)
    assert at(gone).loc[["foreign", "group"], "attacked"].all()
    cleared = assess(previous=before, decisions=(clearance(), clearance(layer="foreign")))
    assert not at(cleared).loc[["foreign", "group"], "attacked"].any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "held"),
    [("CHN", True), ("PAK/mining", True), (None, True), ("PAK,CHN", True), ("PAK/aid", False)],
)
def test_an_attack_that_is_withdrawn_is_told_to_another_group_that_it_was_on(group, held):
    before = assess(ATTACK)
    group = None if group is None else rm.WorkerGroup.parse(group)
    assert at(assess(previous=before, group=group)).loc["foreign", "attacked"] == held


@pytest.mark.slow
def test_nobody_reads_that_no_attack_was_told_where_one_holds_the_level_up():
    """Its row has gone, so today's files tell none: beside "attacked" a 0 is no answer."""
    before = assess(ATTACK)
    assert at(before).loc["group", "attacks_told"] == 1
    gone = assess(previous=before)
    told = gone.risks[gone.risks["layer"] == "group"].set_index("region_id")["attacks_told"]
    assert pd.isna(told[HOME])
    assert (told.drop(HOME) == 0).all()
    edition = Bundle(gone).edition("en")
    row = edition.table.set_index("region_id").loc[HOME]
    assert attacks_words(row["attacks_told"], edition.words) == NONE


@pytest.mark.slow
@pytest.mark.parametrize("told", ["named", "placeless"])
def test_a_public_set_alone_holds_up_what_its_attacks_did(told):
    """It keeps the region and the last day, and not whose attack it was or who told it."""
    row = attack()
    if told == "placeless":  # it counts nowhere, and has no public number
        row = row.assign(country="PAK", admin1="Ambrel", admin2="Berin", geo_precision=None)
        row = row.set_geometry([None], crs=4326)
    home = "XQA0102" if told == "placeless" else HOME
    before = apply_profile(assess(row.astype(CALM.dtypes)), "public")
    layer = assess(previous=before)
    assert at(layer, home).loc["group", ["risk_level", "attacked"]].tolist() == [3, True]
    assert layer.attacks["until"].tolist() == before.attacks["until"].tolist()
    assert "nan" not in "".join(layer.audit["detail"].dropna())
    again = assess(row.astype(CALM.dtypes), previous=before)
    assert len(again.attacks) == 1
    calm = apply_profile(assess(row.astype(CALM.dtypes), group=None), "public")
    assert not assess(previous=calm).risks["attacked"].any()  # of any foreigners, not of theirs


def renamed():
    """The same districts, of which Uldra has another id."""
    ids = REGIONS["region_id"].replace(HOME, "XQA9999")
    return REGIONS.assign(region_id=ids).sort_values("region_id", ignore_index=True)


@pytest.mark.slow
def test_an_attack_that_is_withdrawn_in_a_region_that_is_renamed_marks_it():
    layer = assess(previous=assess(ATTACK), regions=renamed())
    assert layer.attacks["region_id"].tolist() == ["XQA9999"]
    assert at(layer, "XQA9999").loc[["foreign", "group"], "attacked"].all()


@pytest.mark.slow
def test_an_attack_that_is_withdrawn_in_a_region_that_is_no_more_is_told_by_its_old_name():
    without = REGIONS[REGIONS["region_id"] != HOME].reset_index(drop=True)
    layer = assess(previous=assess(ATTACK), regions=without)
    (row,) = layer.attacks.to_dict("records")
    assert row["area"] == "Uldra"
    assert pd.isna(row["region_id"])
    assert pd.isna(row["regions"])
    (line,) = attack_lines(Bundle(layer).edition("en"))
    assert line.startswith("Uldra: an attack is known to have been here")


@pytest.mark.slow
def test_an_attack_in_a_region_that_is_renamed_is_told_once():
    layer = assess(ATTACK, previous=assess(ATTACK), regions=renamed())
    assert layer.attacks["region_id"].tolist() == ["XQA9999"]
    assert at(layer, "XQA9999").loc["group", "attacked"]


@pytest.mark.slow
def test_an_attack_that_is_told_of_another_region_than_before_is_told_once_and_marks_both():
    other = REGIONS.loc[REGIONS["region_id"] == "XQA0101"].geometry.representative_point()
    moved = attack().set_geometry(other.to_list(), crs=4326)
    layer = assess(moved, previous=assess(ATTACK))
    assert layer.attacks["region_id"].tolist() == ["XQA0101"]
    assert at(layer).loc["group", "attacked"]
    assert at(layer, "XQA0101").loc["group", "attacked"]


@pytest.mark.slow
def test_a_region_stays_marked_when_the_attack_is_told_less_precisely():
    before = assess(attack(precision="admin2"))
    vague = attack(precision=None).assign(place="Xxqzt").set_geometry([None], crs=4326)
    layer = assess(vague, previous=before)
    assert at(layer).loc["group", "attacked"]
    assert set(layer.attacks["area"].dropna()) == {"XQA"}
    placed = assess(ATTACK, previous=assess(vague))
    assert len(placed.attacks) == 1, "and the other way round the banner is settled"


@pytest.mark.slow
def test_attacks_of_one_day_in_two_areas_do_not_stand_for_each_other():
    one, other = (
        attack(precision="admin1")
        .assign(admin1=name, incident_id=name)
        .astype(CALM.dtypes)
        .set_geometry([None], crs=4326)
        for name in ("Ambrel", "Velmar")
    )
    layer = assess(other, previous=assess(one))
    assert set(layer.attacks["area"]) == {"Ambrel", "Velmar"}


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_violence_is_at_least_as_probable_as_attacks_on_foreigners(share):
    rng, names = np.random.default_rng(1), REGIONS["name"].to_numpy()
    busy = rng.gamma(0.3, 1.0, len(names))
    busy[0] = 0.0
    place = rng.choice(len(names), 300, p=busy / busy.sum())
    days = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 1480, 300), unit="D")
    log = pd.DataFrame(
        {
            "id": np.arange(300).astype(str),
            "date": days.strftime("%Y-%m-%d"),
            "country": "Qandara",
            "province": REGIONS["parent"].to_numpy()[place],
            "district": names[place],
            "type": "armed attack",
            "killed": "1",
            "nationality": np.where(rng.random(300) < share, "FRA", "XQA"),
        }
    )
    rows = rm.read_incidents(log, scope="violence; reach=countries")
    panel = rm.count_incidents(rm.locate(rows, REGIONS), REGIONS, as_of="2025-02-01")
    layer = rm.assess(rm.forecast(panel), REGIONS)
    p, level = (
        layer.risks.set_index(["region_id", "layer"])[name].unstack("layer")  # noqa: PD010
        for name in ("p_any", "risk_level")
    )
    assert (p["violence"] >= p["foreign"]).all()
    least = layer.scale.level_of(p["foreign"].to_numpy(), layer="violence", horizon_days=90)
    assert (level["violence"].to_numpy() >= least).all()
    raised = layer.audit[layer.audit["rule"] == "foreign"]
    assert len(raised)
