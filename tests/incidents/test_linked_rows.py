"""Merging from disk, a few rows at a time, marks what merging the whole table marks."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.incidents import duplicates
from riskmap.incidents.duplicates import (
    find_bins,
    merge_bin,
    merge_duplicates,
    read_rows,
    store_part,
)
from riskmap.schema import CRS, INCIDENT_COLUMNS, conform

pytest.importorskip("pyarrow")

STORY = "Gunmen stopped a car of the road company near Berin and shot two engineers."
LONG = "Armed men on motorcycles attacked the camp of the bridge builders at "
ROW = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["wire", "ucdp", "acled", "paper"]),
        "source_file": st.sampled_from(["a.csv", "b.csv"]),
        "event_date": st.sampled_from(
            [
                "2024-04-30",
                "2024-05-01",
                "2024-05-02",
                "2024-05-31",
                "2024-06-01",
                "2023-01-01",
                None,
            ]
        ),
        "admin1": st.sampled_from(["North", "South", None]),
        "place": st.sampled_from(["Berin", "Tolm", None]),
        "killed": st.sampled_from([0, 2, 2, None]),
        "notes": st.sampled_from(
            [STORY, STORY + " Both were foreigners.", LONG + "Tolm.", "x", None]
        ),
        "at": st.sampled_from([(3.5, -6.5), (3.505, -6.5), (3.9, -6.5), None]),
        "actor": st.sampled_from(["Red Front", "Blue Hand", None]),
        "nationality": st.sampled_from(["CHN", None]),
        "geo_precision": st.sampled_from(["place", "admin1"]),
    }
)


def reports(*rows):
    """An Incidents table of rows that tell of incidents in one country, alike if need be."""
    table = pd.DataFrame(rows).assign(country="XQA", event_type="armed_attack")
    number = [str(i // 2 if i % 5 == 0 else i) for i in range(len(table))]
    table = table.assign(source_id=number, source_row=np.arange(len(table)) + 2)
    table["incident_id"] = table["source"] + ":" + table["source_id"]
    table["date_precision"] = table["event_date"].map({"2023-01-01": "year"}).fillna("day")
    table["event_date"] = pd.to_datetime(table["event_date"]).astype("datetime64[us]")
    table["event_date_end"] = table["event_date"]
    at = [None if at is None else shapely.Point(at) for at in table.pop("at")]
    return gpd.GeoDataFrame(conform(table, INCIDENT_COLUMNS), geometry=at, crs=CRS)


def from_disk(parts, folder):
    """The rows of all parts, merged from disk."""
    stored = [store_part(t, i, folder / f"{i}.arrow") for i, t in enumerate(parts)]
    bins = find_bins(stored)
    linked = np.concatenate([np.empty(0, np.int64), *(one.rows for one in bins)])
    assert len(np.unique(linked)) == len(linked)
    every = np.concatenate([part.number_rows() for part in stored])
    loners = read_rows(stored, np.setdiff1d(every, linked))
    return pd.concat([loners, *(merge_bin(stored, one) for one in bins)], ignore_index=True)


def in_order(table):
    by = ["incident_id", "source_file", "source_row"]
    return pd.DataFrame(table).sort_values(by, ignore_index=True)


def split(table, n, seed):
    part = np.random.default_rng(seed).integers(0, n, len(table))
    return [table[part == k].reset_index(drop=True) for k in range(n)]


@pytest.mark.slow
@settings(max_examples=10)
@given(rows=st.lists(ROW, min_size=1, max_size=40), n=st.integers(1, 4), seed=st.integers(0, 99))
def test_parts_are_merged_as_the_whole(tmp_path_factory, rows, n, seed):
    table = reports(*rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "ROWS", 7)
        patch.setattr(duplicates, "KEYS", 5)
        found = from_disk(split(table, n, seed), tmp_path_factory.mktemp("parts"))
    pd.testing.assert_frame_equal(in_order(found), in_order(merge_duplicates(table)))
