"""Tables of other programs, folders and addresses are read as files are."""

import sys
from datetime import date

import geopandas as gpd
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError, MissingDependencyError, OfflineError

pa = pytest.importorskip("pyarrow")

COLUMNS = {
    "id": [1, None, 3],
    "date": [date(2031, 5, 1), date(2031, 5, 2), None],
    "district": ["Kelda", "Lomar", "Kelda"],
    "killed": [2, None, 1],
}


def check(table):
    assert table["event_date"].astype("str").tolist()[:2] == ["2031-05-01", "2031-05-02"]
    assert table["source_id"].tolist()[0] == "1"  # a whole number stays whole beside a missing one
    assert table["killed"].tolist()[::2] == [2, 1]
    assert table["quarantine_reason"].fillna("").tolist() == ["", "", "no_date"]


class Streamed:
    """Anything of another library: all it has is the Arrow stream."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


@pytest.mark.slow
@pytest.mark.parametrize("wrap", [lambda x: x, Streamed, lambda x: x.to_reader()])
def test_anything_with_an_arrow_stream(wrap):
    check(rm.read_incidents(wrap(pa.table(COLUMNS))))
    assert rm.incidents.check_incidents_file(wrap(pa.table(COLUMNS))).rows == 3
    assert len(rm.incidents.import_incidents(wrap(pa.table(COLUMNS))).rows()) == 3


def test_tables_of_polars():
    polars = pytest.importorskip("polars")
    check(rm.read_incidents(polars.DataFrame(COLUMNS)))


def test_answers_of_duckdb():
    duckdb = pytest.importorskip("duckdb")
    told = pa.table(COLUMNS)  # noqa: F841 - DuckDB finds it by its name
    check(rm.read_incidents(duckdb.sql("select * from told").arrow()))


def points(**more):
    plain = pd.DataFrame({"date": ["2031-05-01", "2031-05-02"], **more})
    return gpd.GeoDataFrame(plain, geometry=gpd.points_from_xy([6.5, 7.5], [-5.5, -5.5]), crs=4326)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: x,
        lambda x: pa.table(x.to_arrow()),
        lambda x: x.to_crs(3857).to_arrow(geometry_encoding="geoarrow"),
    ],
)
def test_points_come_along(wrap):
    found = rm.read_incidents(wrap(points())).geometry
    assert [(round(p.x, 6), round(p.y, 6)) for p in found] == [(6.5, -5.5), (7.5, -5.5)]


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
def test_points_of_geoparquet_of_either_encoding(tmp_path, encoding):
    points().to_parquet(tmp_path / "a.parquet", geometry_encoding=encoding)
    found = rm.read_incidents(tmp_path / "a.parquet").geometry
    assert [(p.x, p.y) for p in found] == [(6.5, -5.5), (7.5, -5.5)]


def test_a_folder_with_partitions(tmp_path):
    frame = pd.DataFrame(COLUMNS).assign(country=["XQA", "XQA", "AFG"])
    frame.to_parquet(tmp_path / "log", partition_cols=["country"])
    table = rm.read_incidents(tmp_path / "log")
    assert sorted(table["country"]) == ["AFG", "XQA", "XQA"]
    assert set(table["source"]) == {"log"}


def test_an_incidents_table_is_taken_as_it_is():
    table = rm.datasets.incidents()
    assert rm.read_incidents(table)["incident_id"].tolist() == table["incident_id"].tolist()


@pytest.fixture
def memory():
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.pipe("/desk/log.csv", b"date,district\n2031-05-01,Kelda\n2031-05-02,Lomar\n")
    files.pipe("/desk/log.scope.toml", b'layers = ["violence"]\n')
    yield files
    files.rm("/desk", recursive=True)


@pytest.mark.slow
def test_an_address_is_read_with_the_scope_beside_it(memory):
    table = rm.read_incidents("memory://desk/log.csv")
    assert table["admin2"].tolist() == ["Kelda", "Lomar"]
    assert set(table["source"]) == {"log"}
    assert set(table["scope"]) == {"violence; reach=reports"}
    assert rm.incidents.check_incidents_file("memory://desk/log.csv").file == "log.csv"
    with memory.open("/desk/years/year=2031/a.parquet", "wb") as file:
        pd.DataFrame({"month": [5], "district": ["Kelda"]}).to_parquet(file)
    assert rm.read_incidents("memory://desk/years")["date_precision"].tolist() == ["month"]


def test_an_address_where_nothing_is(memory):
    with pytest.raises(InputError, match=r"memory://desk/none\.csv: can't be read"):
        rm.read_incidents("memory://desk/none.csv")
    with pytest.raises(InputError, match="nonsense://x: can't be read"):
        rm.read_incidents("nonsense://x")
    assert memory.exists("/desk/log.csv")


def test_no_connection_is_made_when_it_is_forbidden(monkeypatch):
    monkeypatch.setenv("RISKMAP_OFFLINE", "1")
    with pytest.raises(OfflineError, match="s3://desk/log"):
        rm.read_incidents("s3://desk/log.csv")


def test_an_address_without_fsspec_names_the_extra(monkeypatch):
    monkeypatch.delenv("RISKMAP_OFFLINE", raising=False)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingDependencyError, match=r"riskmap\[remote\]"):
        rm.read_incidents("s3://desk/log.csv")


@pytest.mark.slow
def test_a_run_takes_what_reading_takes(tmp_path, memory):
    table = rm.datasets.incidents()
    table = table[table["event_date"] >= "2024-01-01"].assign(
        longitude=lambda x: x.geometry.x, latitude=lambda x: x.geometry.y
    )
    rows = pd.DataFrame(table[["event_date", "event_type", "admin2", "country", "killed", "scope"]])
    memory.pipe("/desk/all.csv", rows.to_csv(index=False).encode())
    rows.to_parquet(tmp_path / "all", partition_cols=["country"])
    levels = set()
    given = {"frame": rows, "arrow": pa.table(rows), "geo": table, "folder": tmp_path / "all"}
    for name, source in (given | {"address": "memory://desk/all.csv"}).items():
        config = rm.RunConfig(
            incidents=source, regions="XQA:2", as_of="2025-01-01", out=tmp_path / name,
            formats=["csv"],
        )  # fmt: skip
        run = rm.run(config)
        assert run.layer.ledger.stages[0].rows_in == len(rows)
        levels.add(len(run.layer.risks))
    assert len(levels) == 1
