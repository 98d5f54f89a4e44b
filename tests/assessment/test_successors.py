"""Where a region was renamed, split or merged, its level, dwell and attacks pass on."""

from dataclasses import replace

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import riskmap as rm
from riskmap.assessment.changes import carry_regions

REGIONS = rm.datasets.regions()
TABLE = rm.datasets.incidents().assign(
    admin2=lambda t: pd.Series([None] * len(t), dtype="str", index=t.index),
    place=lambda t: pd.Series([None] * len(t), dtype="str", index=t.index),
)
BEFORE, DAY = "2024-10-01", "2024-12-01"
KEY = ["region_id", "layer"]
HOME = "XQA0106"


def assess(regions=REGIONS, day=DAY, previous=None, table=TABLE):
    panel = rm.count_incidents(rm.locate(table, regions), regions, as_of=day, every="quarter")
    return rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), regions, previous=previous)


def halves(region=HOME, ids=("XQA0191", "XQA0192"), at=0.5):
    """The regions with one cut in two from west to east."""
    one = REGIONS[REGIONS["region_id"] == region]
    x0, y0, x1, y1 = one.total_bounds
    x = x0 + at * (x1 - x0)
    boxes = [shapely.box(x0, y0, x, y1), shapely.box(x, y0, x1, y1)]
    parts = [
        one.assign(region_id=name, name=name).set_geometry(one.intersection(box))
        for name, box in zip(ids, boxes, strict=True)
    ]
    return sort(pd.concat([REGIONS[REGIONS["region_id"] != region], *parts]))


def merged(ids, name="XQA0190"):
    some = REGIONS["region_id"].isin(ids)
    whole = REGIONS[some].iloc[[0]].assign(region_id=name, name=name)
    whole = whole.set_geometry([REGIONS[some].union_all()], crs=4326)
    return sort(pd.concat([REGIONS[~some], whole]))


def sort(regions):
    return gpd.GeoDataFrame(regions.sort_values("region_id", ignore_index=True), crs=4326)


def told(layer, **levels):
    """A layer whose risks say what the test wants of some regions, in every layer."""
    risks = layer.risks
    for region, values in levels.items():
        rows = risks["region_id"] == region
        for name, value in values.items():
            risks = risks.assign(**{name: risks[name].mask(rows, value)})
    return replace(layer, risks=risks)


BASE = assess(day=BEFORE)
HIGH = {"risk_level": 5, "level_before": 5, "below_since": pd.Timestamp("2024-09-25")}


def at(layer, region):
    return layer.risks[layer.risks["region_id"] == region].set_index("layer")


@pytest.mark.slow
def test_a_renamed_region_is_the_same():
    renamed = REGIONS.assign(region_id="N" + REGIONS["region_id"])
    plain, layer = assess(previous=BASE), assess(renamed, previous=BASE)
    back = layer.risks.assign(region_id=layer.risks["region_id"].str[1:])
    pd.testing.assert_frame_equal(back, plain.risks)
    sums = [one.changes.groupby("cause")["value"].sum().to_numpy() for one in (layer, plain)]
    assert sums[0] == pytest.approx(sums[1])
    assert set(layer.audit.loc[layer.audit["rule"] == "boundary", "detail"].str[-7:]) == set(
        REGIONS["region_id"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("ids", [("XQA0191", "XQA0192"), (HOME, "XQA0192")])
@pytest.mark.parametrize("at_share", [0.5, 0.05])
def test_every_part_of_a_split_has_the_level_and_the_dwell_of_the_whole(ids, at_share):
    before = told(BASE, **{HOME: HIGH})
    layer = assess(halves(ids=ids, at=at_share), previous=before)
    for part in ids:
        assert (at(layer, part)["risk_level"] == 5).all()
        assert at(layer, part)["held"].all()
        assert set(at(layer, part)["below_since"]) == {HIGH["below_since"]}
    assert not layer.risks["reporting_gap"].any()
    later = assess(halves(ids=ids, at=at_share), previous=layer, day="2025-02-01")
    assert (at(later, ids[1])["risk_level"] < 5).any(), "and the dwell ends"


@pytest.mark.slow
def test_a_merged_region_has_the_highest_level_however_small_its_part_was():
    small, large = "XQA0101", "XQA0102"
    before = told(BASE, **{small: HIGH, large: {"risk_level": 1}})
    layer = assess(merged([small, large]), previous=before)
    assert (at(layer, "XQA0190")["level_before"] == 5).all()
    assert at(layer, "XQA0190")["p_before"].isna().all(), "nobody gave this region a probability"
    line = layer.audit[(layer.audit["rule"] == "boundary")]
    assert set(line["detail"]) == {f"the state is that of {small}"}


def test_a_border_drawn_a_little_otherwise_passes_nothing_to_the_neighbour():
    moved = REGIONS.copy()
    one, other = (REGIONS.index[REGIONS["region_id"] == name][0] for name in ("XQA0101", "XQA0102"))
    shapes = REGIONS.geometry
    sliver = shapes[one].intersection(shapes[other].buffer(0.01))
    moved.loc[one, "geometry"] = shapes[one].difference(sliver)
    moved.loc[other, "geometry"] = shapes[other].union(sliver)
    carried, lines = carry_regions(told(BASE, XQA0101=HIGH), moved)
    assert (
        at(carried, "XQA0102")["risk_level"].tolist() == at(BASE, "XQA0102")["risk_level"].tolist()
    )
    assert (at(carried, "XQA0101")["risk_level"] == 5).all()
    assert lines.empty


@pytest.mark.slow
def test_parts_of_a_change_add_up_where_regions_were_split_and_counts_are_kept():
    regions = halves()
    layer = assess(regions, previous=BASE)
    table = rm.compare_layers(BASE, layer).set_index(KEY)
    sums = layer.changes.groupby(KEY)["value"].sum()
    change = (table["expected_count"] - table["expected_before"]).loc[sums.index]
    assert {"XQA0191", "XQA0192"} <= set(sums.index.get_level_values(0))
    assert sums.to_numpy() == pytest.approx(change.to_numpy(), abs=1e-9)
    whole = BASE.risks.groupby("layer")["expected_count"].sum()
    assert table["expected_before"].groupby("layer").sum().to_numpy() == pytest.approx(
        whole.to_numpy()
    )


@pytest.mark.slow
def test_a_level_that_is_kept_is_kept_for_every_part_with_its_day():
    unheard = TABLE.assign(scope="none")
    before = assess(day="2024-11-01", previous=BASE, table=unheard)
    day = before.risks.set_index(KEY)["level_as_of"].dropna()
    region, layer = day.index[0]
    after = assess(halves(region), previous=before, table=unheard)
    for part in ("XQA0191", "XQA0192"):
        assert at(after, part).loc[layer, "level_as_of"] == day.iloc[0]


@pytest.mark.slow
def test_an_attack_that_today_tells_no_more_holds_up_every_part():
    old = BASE.attacks.head(0)
    row = {"incident_id": "gone:1", "region_id": HOME, "regions": f"{HOME};XQA0105"}
    row |= {"event_date": pd.Timestamp("2024-09-20"), "until": pd.Timestamp("2024-12-20")}
    before = replace(
        BASE, attacks=pd.DataFrame([row]).reindex(columns=old.columns).astype(old.dtypes)
    )
    layer = assess(halves(), previous=before)
    marked = set(layer.risks.loc[layer.risks["attacked"], "region_id"])
    assert {"XQA0191", "XQA0192", "XQA0105"} <= marked


@pytest.mark.slow
def test_provinces_pass_nothing_to_their_districts():
    provinces = rm.datasets.regions(level=1)
    before = assess(provinces, BEFORE)
    assert assess(previous=before).risks["level_before"].isna().all()


def test_regions_that_are_where_they_were_are_left_alone():
    assert carry_regions(BASE, REGIONS)[0] is BASE
    back = rm.datasets.regions()
    back["geometry"] = shapely.set_precision(back.geometry.to_numpy(), 1e-6)
    assert carry_regions(BASE, back)[0] is BASE
