"""Coordinates: swapped ones are seen, broken ones restored only with the country as witness."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.incidents.coordinates import read_points, readings, split_pair
from riskmap.incidents.quarantines import Quarantine


def read(*rows, restore=False):
    lat, lon, countries = (
        pd.Series(list(column), dtype="str") for column in zip(*rows, strict=True)
    )
    quarantine = Quarantine(len(rows))
    points = read_points(
        (lat, lon), quarantine, names=("lat", "lon"), countries=countries, restore=restore
    )
    return points, quarantine


def told(column):
    return [None if pd.isna(value) else value for value in column]


def test_a_swap_within_range_is_seen_with_the_country_as_witness():
    points, quarantine = read(
        ("69.2", "34.5", "AFG"), ("69.2", "34.5", None), ("34.5", "69.2", "AFG")
    )
    assert told(quarantine.reason) == ["swapped_coordinates", None, None]
    assert np.isnan(points.latitude).tolist() == [True, False, False]


def test_incidents_of_states_that_split_stay():
    _, quarantine = read(("40.0", "46.6", "RUS"), ("4.8", "31.6", "SDN"))
    assert told(quarantine.reason) == [None, None]


@pytest.mark.parametrize(
    ("lat", "lon", "place"),
    [
        ("346.912.643", "691.234.567", (34.6912643, 69.1234567)),
        ("34,69", "69,12", (34.69, 69.12)),
        ("34.69", "69.12", (34.69, 69.12)),
    ],
)
def test_one_way_in_the_country_is_restored(lat, lon, place):
    points, quarantine = read((lat, lon, "AFG"), restore=True)
    assert (points.latitude[0], points.longitude[0]) == place
    assert (points.evidence[0] is None) == (lat == "34.69")
    assert told(quarantine.reason) == [None]


@pytest.mark.parametrize(
    "row",
    [
        ("346.912.643", "691.234.567", None),
        ("346.912.643", "12", "AFG"),
        ("346.912.643 N", "69", "AFG"),
    ],
)
def test_no_witness_or_no_single_way_is_quarantined(row):
    _, quarantine = read(row, restore=True)
    assert told(quarantine.reason) == ["bad_coordinates"]


def test_two_ways_in_the_country_are_no_way():
    _, quarantine = read(("551.234.567", "100.123.456", "RUS"), restore=True)
    assert told(quarantine.reason) == ["bad_coordinates"]


def test_a_legal_point_abroad_is_doubted_only_in_a_broken_file():
    _, quarantine = read(("8.1", "9.1", "AFG"), ("346.912.643", "69.1", "AFG"), restore=True)
    assert told(quarantine.reason) == ["bad_coordinates", None]
    _, quarantine = read(("8.1", "9.1", "AFG"), ("34.6", "69.1", "AFG"), restore=True)
    assert told(quarantine.reason) == [None, None]


@pytest.mark.slow
@given(st.floats(29.4, 38.4), st.floats(60.5, 74.8))
def test_a_thousands_grouping_of_a_real_place_comes_back(lat, lon):
    grouped = [f"{round(value * 10**7):,}".replace(",", ".") for value in (lat, lon)]
    points, _ = read((*grouped, "AFG"), restore=True)
    assert points.latitude[0] == pytest.approx(lat, abs=1e-6)
    assert points.longitude[0] == pytest.approx(lon, abs=1e-6)


def test_readings_of_no_number():
    assert readings("north", 90) == []


@pytest.mark.parametrize(
    ("lat", "lon", "reason"),
    [
        ("34,512345", "69,2", None),
        ("346.912.643", "69.2", None),
        ("34,5", "-69,2", "bad_coordinates"),
        ("34 31 30", "69 10 12", "bad_coordinates"),
        ("34°31'", "69°10'", None),
        ("34°71'", "69°10'", "bad_coordinates"),
        ("3.45", "6.92", None),
    ],
)
def test_any_feed_gets_its_decimal_comma_back_and_nothing_else(lat, lon, reason):
    points, quarantine = read((lat, lon, "AFG"))
    assert told(quarantine.reason) == [reason]
    assert (points.evidence[0] is None) == (reason is not None or lat in ("3.45", "34°31'"))


def test_a_zero_that_may_have_been_lost_is_another_way():
    _, quarantine = read(("5.184.021", "252.057.292", "COD"), restore=True)
    assert told(quarantine.reason) == ["bad_coordinates"]
    points, _ = read(("-0,5184", "25,2", "COD"), restore=True)
    assert (points.latitude[0], points.longitude[0]) == (-0.5184, 25.2)


@pytest.mark.parametrize(
    ("lat", "lon", "reason"),
    [("-999", "-999", None), ("-99", "-99.0", None), ("-999", "69.2", "bad_coordinates")],
)
def test_a_number_that_stands_for_unknown_is_no_place(lat, lon, reason):
    points, quarantine = read((lat, lon, "AFG"))
    assert told(quarantine.reason) == [reason]
    assert np.isnan(points.latitude).all()


@pytest.mark.parametrize(
    ("text", "latitude", "longitude"),
    [
        ("42SWD1234567890", 34.9535, 69.1352),
        ("42S WD 12345 67890", 34.9535, 69.1352),
        ("42SWD 123 678", 34.9532, 69.1353),
        ("42SWD1267", 34.9500, 69.1369),
        ("mgrs: 42swd 12345 67890", 34.9535, 69.1352),
    ],
)
def test_a_reference_of_the_military_grid_is_the_middle_of_its_cell(text, latitude, longitude):
    pytest.importorskip("mgrs")
    found = [float(part) for part in split_pair(text)]
    assert found == pytest.approx([latitude, longitude], abs=2e-4)


@pytest.mark.parametrize("text", ["12MAY2031", "3 DEC 2024", "42SWI1234", "42SWD123", "99ZZZ1234"])
def test_what_is_no_reference_of_the_grid_is_no_point(text):
    pytest.importorskip("mgrs")
    assert split_pair(text) == ("", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("WD 12345 67890", "bad_coordinates"),
        ("42S 512345 3867890", "bad_coordinates"),
        ("map sheet 4", "bad_coordinates"),
        ("unknown", None),
        ("", None),
    ],
)
def test_a_place_in_numbers_that_are_not_understood_is_lost_and_not_blank(text, reason):
    rows = pd.DataFrame({"date": "2031-05-06", "country": "AFG", "gps": ["34.6, 69.2", text]})
    table = rm.read_incidents(rows)
    assert told(table["quarantine_reason"]) == [None, reason]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [("see map", "see map"), ("912345", "12345"), ("0", "0"), ("34.6", ""), ("169.2", "34.6")],
)
def test_coordinates_that_are_none_take_no_district_away(latitude, longitude):
    row = {"date": "2031-05-06", "lat": latitude, "lon": longitude, "country": "XQA"}
    rows = pd.DataFrame([row | {"district": "Kelda"}, row | {"district": ""}])
    table = rm.read_incidents(rows)
    assert table["quarantine_reason"].notna().tolist() == [False, True]
    assert table["not_understood"].iloc[0] == f"coordinates={latitude}, {longitude}".strip()
    assert rm.locate(table, rm.datasets.regions()).placements["region_id"].tolist() == ["XQA0303"]


@pytest.mark.slow
def test_coordinates_that_are_not_understood_leave_all_of_the_province_in_doubt():
    rows = pd.DataFrame({"date": "2031-05-06", "province": "Velmar", "gps": ["-6.5, 6.9", "by 4"]})
    aside = rm.locate(rm.read_incidents(rows), rm.datasets.regions()).aside
    assert aside[["area", "spread"]].to_numpy().tolist() == [["parent_id=XQA03", True]]


@pytest.mark.parametrize("header", ["MGRS", "grid", "Grid Reference", "UTM", "GPS"])
def test_a_column_of_grid_references_fills_the_two_of_degrees(header):
    rows = {"date": "2031-05-06", "lat": ["34.5", "", ""], "lon": ["69.2", "", ""]}
    rows |= {header: ["", "42S WD 18 18", "see map 4"], "country": "AFG"}
    table = rm.read_incidents(pd.DataFrame(rows))
    assert table.geometry.y.round(1).tolist()[:2] == [34.5, 34.5]
    assert table["quarantine_reason"].tolist()[2] == "bad_coordinates"


def test_a_pair_in_the_column_of_latitudes_is_one():
    rows = {"date": "2031-05-06", "lat": ["34.5", "34.6, 69.3"], "lon": ["69.2", ""]}
    table = rm.read_incidents(pd.DataFrame(rows | {"country": "AFG"}))
    assert table.geometry.x.tolist() == [69.2, 69.3]


@pytest.mark.slow
@pytest.mark.parametrize("header", ["Grid", "Map ref", "UTM"])
@pytest.mark.parametrize("cell", ["12 34", "33 65", "42S 512345 3823456", "512345E 3823456N"])
@pytest.mark.parametrize("axes", [{}, {"lat": "", "lon": ""}])
def test_squares_and_metres_are_no_degrees(header, cell, axes):
    row = {"date": "2031-05-06", "country": "XQA", "province": "Velmar", header: cell}
    table = rm.read_incidents(pd.DataFrame([row | axes]))
    assert table["quarantine_reason"].isna().all()
    assert table["not_understood"].tolist() == [f"coordinates={cell}"]
    placed = rm.locate(table, rm.datasets.regions()).placements["region_id"]
    assert sorted(placed) == [f"XQA030{n}" for n in range(1, 9)]
