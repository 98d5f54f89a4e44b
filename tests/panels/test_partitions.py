"""Folders of Parquet and GeoParquet, as Dask and geopandas write them, give the file's panel."""

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import riskmap as rm
from riskmap.errors import InputError, RiskmapWarning
from riskmap.incidents import parts

pytest.importorskip("pyarrow")

AS_OF = "2024-10-01"


@pytest.fixture(scope="module")
def districts():
    return rm.datasets.regions()


@pytest.fixture(scope="module")
def rows():
    n = 1000
    return pd.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(n)],
            "date": [f"2024-{1 + i % 9:02d}-{1 + i % 28:02d}" for i in range(n)],
            "longitude": [2.003 + (i % 50) / 100 for i in range(n)],
            "latitude": [-7.503 + (i % 31) / 100 for i in range(n)],
            "notes": [f"told of {i}" for i in range(n)],
        }
    )


def frame(scan, districts):
    return rm.count_incidents(scan, districts, as_of=AS_OF).frame


@pytest.fixture(scope="module")
def whole(rows, districts):
    return frame(rm.scan_incidents([rm.read_incidents(rows)], districts), districts)


def geo(rows):
    points = gpd.points_from_xy(rows["longitude"], rows["latitude"])
    plain = rows.drop(columns=["longitude", "latitude"])
    return gpd.GeoDataFrame(plain, geometry=points, crs="EPSG:4326")


@pytest.mark.slow
def test_a_folder_that_dask_wrote_is_read(rows, districts, whole, tmp_path):
    dd = pytest.importorskip("dask.dataframe")
    with warnings.catch_warnings():  # of what Dask calls in pandas
        warnings.simplefilter("ignore")
        dd.from_pandas(rows, npartitions=12).to_parquet(tmp_path / "many")
    scan = rm.scan_incidents([tmp_path / "many"], districts)
    pd.testing.assert_frame_equal(frame(scan, districts), whole, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_points_of_geoparquet_are_read(rows, districts, whole, tmp_path, crs):
    geo(rows.iloc[:600]).to_crs(crs).to_parquet(tmp_path / "a.parquet")
    geo(rows.iloc[600:]).to_crs(crs).to_parquet(tmp_path / "b.parquet")
    scan = rm.scan_incidents([tmp_path], districts)
    pd.testing.assert_frame_equal(frame(scan, districts), whole, check_exact=True)


@pytest.mark.slow
def test_an_incidents_table_in_geoparquet_is_taken_as_it_is(rows, districts, tmp_path):
    table = rm.read_incidents(rows.assign(date=rows["date"].where(rows.index > 0)))
    table.to_parquet(tmp_path / "a.parquet")
    scan, found = (rm.scan_incidents([x], districts) for x in (table, tmp_path / "a.parquet"))
    pd.testing.assert_frame_equal(scan.newest, found.newest)
    assert scan.ledger == found.ledger


@pytest.mark.slow
def test_a_parquet_file_is_read_as_any_other(rows, tmp_path):
    rows.to_parquet(tmp_path / "a.parquet", row_group_size=300)
    geo(rows).to_parquet(tmp_path / "b.parquet")
    for name in ("a", "b"):
        expected = rm.read_incidents(rows.assign(source=name)).assign(source_file=f"{name}.parquet")
        found = rm.read_incidents(tmp_path / f"{name}.parquet")
        assert found.drop(columns="source_id").equals(expected.drop(columns="source_id"))
    assert rm.check_incidents_file(tmp_path / "a.parquet").rows == 1000
    expected.to_parquet(tmp_path / "c.parquet")
    assert rm.read_incidents(tmp_path / "c.parquet").equals(expected)


def test_polygons_are_no_points(rows, districts, tmp_path):
    area = geo(rows.iloc[:5])
    area.geometry = shapely.buffer(area.geometry.to_numpy(), 1.0)
    area.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet.*geometry.*not points.*Polygon"):
        rm.scan_incidents([tmp_path], districts)


def test_a_partition_with_another_schema_is_named(rows, districts, tmp_path):
    for i in range(9):
        names = {"notes": "remarks"} if i == 5 else {}
        rows.iloc[i::9].rename(columns=names).to_parquet(tmp_path / f"part.{i}.parquet")
    with pytest.raises(InputError, match=r"part\.5\.parquet.*notes, remarks"):
        rm.scan_incidents([tmp_path], districts)


def test_a_folder_without_parquet_is_named(districts, tmp_path):
    with pytest.raises(InputError, match="without Parquet"):
        rm.scan_incidents([tmp_path], districts)


@pytest.mark.slow
def test_folders_that_are_named_for_a_column_and_its_value_hold_it(rows, districts, tmp_path):
    for i, name in enumerate(
        ("iso3=XQA/type=car%20bomb", "iso3=__HIVE_DEFAULT_PARTITION__/type=c")
    ):
        (tmp_path / "log" / name).mkdir(parents=True)
        rows.iloc[i::2].to_parquet(tmp_path / "log" / name / "part-0.parquet")
    table = rm.read_incidents(tmp_path / "log")
    assert set(table["event_type"]) == {"explosion", "unknown"}
    assert table["source"].unique().tolist() == ["log"]
    assert sorted(table["country"].fillna("").value_counts().items()) == [("", 500), ("XQA", 500)]
    assert rm.scan_incidents([tmp_path / "log"], districts).ledger.stages[0].rows_in == 1000


@pytest.mark.slow
def test_a_broken_row_group_in_the_middle_of_twenty_costs_its_rows_alone(
    rows, districts, tmp_path, monkeypatch
):
    path, rows = tmp_path / "a.parquet", rows.head(200)
    rows.to_parquet(path, row_group_size=10, compression="zstd")
    from pyarrow import parquet

    column = parquet.ParquetFile(path).metadata.row_group(10).column(4)
    data = bytearray(path.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(bytes(data))
    monkeypatch.setattr(parts, "PART_ROWS", 10)
    with pytest.warns(RiskmapWarning, match=r"a\.parquet, row groups 10 to 10: set aside"):
        scan = rm.scan_incidents([path], districts)
    read = scan.ledger.stages[0]
    assert (read.rows_in, read.rows_out) == (200, 190)
    assert dict(read.reasons) == {"unreadable_part": 10}
    kept = rows[np.arange(200) // 10 != 10].reset_index(drop=True)
    expected = rm.scan_incidents([rm.read_incidents(kept.assign(source="a"))], districts)
    pd.testing.assert_frame_equal(scan.sums, expected.sums)
