"""Places told by others: near one, between two, and names that several regions bear."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import riskmap as rm

DISTRICTS = rm.datasets.regions()
KELDA, VASTEEN = "XQA0303", DISTRICTS.set_index("name").loc["Vasteen", "region_id"]


def place(text, regions=DISTRICTS, **columns):
    """The regions of one row with their weights."""
    table = rm.read_incidents(pd.DataFrame({"date": ["2031-05-06"], "place": [text], **columns}))
    found = rm.locate(table, regions).placements
    return dict(zip(found["region_id"], found["weight"].round(3), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        *("near Kelda", "near Kelda, Velmar", "outside Kelda", "vicinity of Kelda", "Kelda area"),
        *("in the area of Kelda district", "10 km north of Kelda", "5km from Kelda, Velmar"),
        *("cerca de Kelda", "près de Kelda", "bei Kelda", "возле Kelda", "Kelda附近"),
        *("Kelda bazaar", "the Kelda airport", "Kelda mine", "Kelda集市"),
        *("on the outskirts of Kelda", "south-west of Kelda", "نزدیک Kelda", "قرب Kelda"),
    ],
)
def test_what_is_near_a_place_is_told_by_it(text):
    assert place(text) == {KELDA: 1.0}


@pytest.mark.slow
def test_what_is_far_from_a_place_is_in_no_single_region():
    assert len(place("80 km north of Kelda, Velmar")) > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        *("road between Kelda and Vasteen", "between Kelda and Vasteen districts"),
        *("Kelda-Vasteen highway", "on the Kelda - Vasteen road", "the road from Kelda to Vasteen"),
        *("en route from Kelda to Vasteen", "Kelda to Vasteen road", "entre Kelda y Vasteen"),
        *("road between Kelda and Vasteen, Qandara", "main route (Kelda to Vasteen road)"),
        *("zwischen Kelda und Vasteen", "между Kelda и Vasteen", "Kelda至Vasteen公路"),
    ],
)
def test_what_is_between_two_places_is_in_both_and_never_in_one(text):
    assert place(text) == {KELDA: 0.5, VASTEEN: 0.5}


def test_between_a_place_and_one_that_nobody_knows_is_in_no_single_region():
    assert len(place("road between Kelda and Nowhereton", country=["XQA"])) == len(DISTRICTS)


@pytest.mark.slow
def test_between_two_provinces_is_in_both():
    provinces = rm.datasets.regions(level=1)
    assert set(place("road between Velmar and Dostan", provinces).values()) == {0.5}


def doubled():
    """Two called Surobi, of which one is also written otherwise."""
    regions = rm.read_regions(
        gpd.GeoDataFrame(
            {
                "ADM2_PCODE": ["XQ1", "XQ2", "XQ3"],
                "ADM2_EN": ["Surobi", "Surobi", "Kelda"],
                "ADM1_PCODE": ["XA", "XB", "XB"],
                "ADM1_EN": ["Kogi", "Plateau", "Plateau"],
            },
            geometry=[shapely.box(x, 0, x + 1, 1) for x in range(3)],
            crs="EPSG:4326",
        )
    )
    return regions.assign(names=pd.Series([None, "Sarobi", None], dtype="str"))


@pytest.mark.slow
def test_another_spelling_of_a_name_that_two_bear_is_that_of_both():
    regions = doubled()
    assert place("Sarobi", regions) == place("Surobi", regions) == {"XQ1": 0.5, "XQ2": 0.5}
    found = rm.Gazetteer.from_regions(regions).resolve(["Sarobi"] * 3, parents=[None, "XA", "XB"])
    assert found["status"].tolist() == ["ambiguous", "match", "match"]
    assert found["region_id"].tolist()[1:] == ["XQ1", "XQ2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["Kelda valley", "Upper Kelda", "the Kelda ridge", "village Norr in Kelda", "Camp Kelda"],
)
@pytest.mark.parametrize("province", ["Velmar", None])
def test_what_a_text_mentions_counts_there_and_its_province_is_in_doubt(text, province):
    rows = pd.DataFrame([{"date": "2031-05-06", "country": "XQA", "admin1": province}])
    located = rm.locate(rm.read_incidents(rows.assign(place=text)), rm.datasets.regions())
    assert located.placements["region_id"].tolist() == ["XQA0303"]
    area = "iso3=XQA" if province is None else "parent_id=XQA03"
    assert located.aside[["area", "spread"]].to_numpy().tolist() == [[area, True]]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["near Kelda", "Kelda", "Kelda village"])
def test_the_first_word_of_one_name_alone_is_that_region_with_doubt(text):
    regions = rm.datasets.regions()
    regions["name"] = regions["name"].replace("Kelda", "Kelda Sufla")
    rows = pd.DataFrame([{"date": "2031-05-06", "country": "XQA", "place": text}])
    located = rm.locate(rm.read_incidents(rows), regions)
    assert located.placements["region_id"].tolist() == ["XQA0303"]
    assert located.aside["area"].tolist() == ["iso3=XQA"]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["the Velmar bazaar", "Velmar", "by the river"])
def test_a_province_or_nothing_is_no_mention(text):
    rows = pd.DataFrame([{"date": "2031-05-06", "country": "XQA", "place": text}])
    located = rm.locate(rm.read_incidents(rows), rm.datasets.regions())
    assert len(located.placements) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("text", ["near Kelda", "Kelda & others", "XQA0303 Kelda", "prob. Kelda"])
def test_a_districts_cell_that_mentions_one_counts_there_with_doubt(text):
    rows = pd.DataFrame([{"date": "2031-05-06", "admin1": "Velmar", "admin2": text}])
    located = rm.locate(rm.read_incidents(rows), rm.datasets.regions())
    assert located.placements["region_id"].tolist() == ["XQA0303"]
    assert located.aside["area"].tolist() == ["parent_id=XQA03"]


@pytest.mark.slow
@pytest.mark.parametrize("column", ["District", "Location"])
def test_a_district_with_another_provinces_name_may_mean_the_province(column):
    """A district of Velmar is called Ambrel, as a province is: "Ambrel" alone may be either."""
    regions = rm.datasets.regions()
    regions["name"] = regions["name"].replace("Zarin", "Ambrel")

    def place(**row):
        table = pd.DataFrame([{"Date": "2024-05-06", "Country": "XQA", "Type": "IED", **row}])
        return (
            rm.locate(rm.read_incidents(table), regions)
            .placements.groupby("region_id")["weight"]
            .sum()
        )

    either = place(**{column: "Ambrel"})
    assert either["XQA0308"] == pytest.approx(0.5)
    assert {name[:5] for name in either.index} == {"XQA01", "XQA03"}
    assert place(**{column: "Ambrel", "Province": "Velmar"}).to_dict() == {"XQA0308": 1.0}
    regions["name"] = rm.datasets.regions()["name"].replace("Berin", "Ambrel")  # its own capital
    assert place(**{column: "Ambrel"}).to_dict() == {"XQA0102": 1.0}
