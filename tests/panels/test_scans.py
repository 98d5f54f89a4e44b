"""Scanning a part at a time gives the panel of the whole, to the byte."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError, RiskmapWarning, SchemaError
from riskmap.incidents import parts
from riskmap.panels import scans
from riskmap.panels.groups import Presence
from riskmap.panels.scans import add_scans

AS_OF = "2024-10-01"


@pytest.fixture(scope="module")
def districts():
    return rm.datasets.regions()


@pytest.fixture(scope="module")
def table():
    """Incidents of every precision, some with several days, some known late, some harmless."""
    incidents = rm.datasets.incidents().reset_index(drop=True)
    rng = np.random.default_rng(7)
    late = rng.random(len(incidents)) < 0.3
    days = pd.to_timedelta(rng.integers(0, 200, len(incidents)), unit="D")
    known = (incidents["event_date"] + days).dt.tz_localize("UTC")
    long = incidents["event_date"] + pd.to_timedelta(rng.integers(0, 40, len(incidents)), unit="D")
    return incidents.assign(
        ingested_at=known.where(late),
        event_date_end=long.where(rng.random(len(incidents)) < 0.2, incidents["event_date_end"]),
    )


def panels(table, districts, parts, **options):
    whole = rm.count_incidents(rm.locate(table, districts), districts, as_of=AS_OF, **options)
    scan = rm.scan_incidents(parts, districts)
    return whole, rm.count_incidents(scan, districts, as_of=AS_OF, **options)


def cut(table, n):
    return [table.iloc[i::n].reset_index(drop=True) for i in range(n)]


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("every", ["week", "month"])
def test_a_panel_of_parts_is_the_panel_of_the_whole(table, districts, n, every):
    whole, scanned = panels(table, districts, cut(table, n), every=every)
    pd.testing.assert_frame_equal(whole.frame, scanned.frame, check_exact=True)
    assert whole.ledger == scanned.ledger
    columns = list(whole.evidence.columns)
    pd.testing.assert_frame_equal(whole.evidence, scanned.evidence[columns], check_dtype=False)


@pytest.mark.slow
def test_attacks_that_can_not_be_placed_are_told_whatever_the_parts(table, districts):
    vague = {"admin2": None, "place": "Xxqzt", "geometry": None, "nationality": "CHN"}
    vague |= dict.fromkeys(["event_date", "event_date_end"], pd.Timestamp("2024-09-01"))
    several = [
        {"admin1": "Ambrel"},
        {"admin1": None},
        {"admin1": None, "country": None},
        {"admin1": "Ambrel", "quarantine_reason": "null_island"},
        {"region_id": "XQA0304", "quarantine_reason": "bad_number"},
    ]
    rows = [
        table.iloc[[i]].assign(**vague | told, incident_id=f"more:{i}", ingested_at=None)
        for i, told in enumerate(several)
    ]
    grown = pd.concat([table, *rows], ignore_index=True).astype(table.dtypes)
    group = rm.WorkerGroup("CHN")
    whole, scanned = panels(grown, districts, cut(grown, 3), group=group)
    assert set(whole.attacks["area"].dropna()) == {"Ambrel", "XQA"}
    assert "XQA0304" in set(whole.attacks["region_id"])
    assert len(whole.attacks[whole.attacks["incident_id"].str.startswith("more:")]) == len(rows)
    pd.testing.assert_frame_equal(whole.attacks, scanned.attacks)
    pd.testing.assert_frame_equal(whole.knowledge, scanned.knowledge)


@pytest.mark.slow
def test_a_group_is_targeted_alike_whatever_the_parts(table, districts):
    workers = {
        name: tuple(Presence(region, number) for region in districts["region_id"])
        for name, number in (("presence", 100.0), ("all_foreigners", 400.0))
    }
    group = rm.WorkerGroup("CHN", sector="mining", **workers)
    whole, scanned = panels(table, districts, cut(table, 3), group=group)
    assert whole.group.targeting.attacks > 0
    assert scanned.group.targeting.attacks == pytest.approx(whole.group.targeting.attacks)
    assert scanned.group.targeting.expected == pytest.approx(whole.group.targeting.expected)
    np.testing.assert_allclose(scanned.wide("group"), whole.wide("group"), rtol=2**-9)


@pytest.mark.slow
def test_what_was_lost_is_known_whatever_the_parts(table, districts):
    reasons = np.where(np.arange(len(table)) % 7 == 0, "bad_number", None)
    reasons[(table["place"] == "Berin").to_numpy()] = "null_island"
    words = np.where(np.arange(len(table)) % 5 == 0, "nationality=Lunarian", None)
    marred = table.assign(
        quarantine_reason=pd.array(reasons, "str"), not_understood=pd.array(words, "str")
    )
    group = rm.WorkerGroup("CHN", sector="mining")
    whole, scanned = panels(marred, districts, cut(marred, 3), group=group)
    lost = whole.knowledge["reasons"].fillna("").str.contains("rows_lost")
    assert lost.any()
    assert whole.knowledge["may_be_here"].gt(0).any()
    pd.testing.assert_frame_equal(whole.knowledge, scanned.knowledge)
    pd.testing.assert_frame_equal(whole.frame, scanned.frame, check_exact=True)


@pytest.mark.slow
def test_what_is_not_kept_whole_still_counts(table, districts, monkeypatch):
    whole, _ = panels(table, districts, [table])
    monkeypatch.setattr(scans, "KEPT", 2)
    _, scanned = panels(table, districts, cut(table, 3))
    pd.testing.assert_frame_equal(whole.frame, scanned.frame, check_exact=True)
    named = whole.evidence["incident_id"].isin(scanned.evidence["incident_id"])
    assert 0 < named.sum() < len(named)
    assert scanned.evidence["incident_id"].str.contains("incidents of").any()
    for keys in (["region_id", "source"], ["region_id", "sector"]):
        told = [p.evidence.groupby(keys, dropna=False)["weight"].sum() for p in (whole, scanned)]
        pd.testing.assert_series_equal(*told, rtol=1e-12)
    one, other = rm.forecast(whole), rm.forecast(scanned)
    pd.testing.assert_frame_equal(one.frame, other.frame)
    pd.testing.assert_frame_equal(one.knowledge, other.knowledge)


@pytest.mark.slow
def test_yesterday_plus_today_is_the_whole(table, districts):
    old, new = cut(table, 2)
    yesterday = rm.scan_incidents([old], districts)
    today = rm.scan_incidents([new], districts, onto=yesterday)
    found = rm.count_incidents(today, districts, as_of=AS_OF)
    whole, _ = panels(table, districts, [table])
    pd.testing.assert_frame_equal(whole.frame, found.frame, check_exact=True)
    assert yesterday.sums["reports"].sum() < today.sums["reports"].sum()


def write(path, n, *, start=0):
    rows = pd.DataFrame(
        {
            "event_id": [f"e{start + i}" for i in range(n)],
            "date": [f"2024-{1 + i % 9:02d}-{1 + i % 28:02d}" for i in range(n)],
            "longitude": [2.0 + (i % 50) / 100 for i in range(n)],
            "latitude": [-7.5 + (i % 31) / 100 for i in range(n)],
            "notes": ['said "no", twice\nand again' if i % 17 == 0 else "x" for i in range(n)],
        }
    )
    rows.to_csv(path, index=False)
    return rows


@pytest.mark.slow
def test_a_file_in_blocks_is_the_file(tmp_path, districts, monkeypatch):
    path = tmp_path / "a.csv"
    write(path, 3000)
    monkeypatch.setattr(parts.split_file, "__kwdefaults__", {"has_header": True, "size": 1 << 14})
    whole, scanned = panels(rm.read_incidents(path), districts, [path])
    assert len(list(parts.split_file(path))) > 3
    pd.testing.assert_frame_equal(whole.frame, scanned.frame, check_exact=True)
    assert whole.ledger == scanned.ledger
    lines = [p.evidence.set_index("incident_id")["source_row"] for p in (whole, scanned)]
    named = lines[1].index.intersection(lines[0].index)
    assert len(named)
    assert (lines[0][named] == lines[1][named]).all()


@pytest.mark.slow
def test_parquet_is_read_a_row_group_at_a_time(tmp_path, districts, monkeypatch):
    pytest.importorskip("pyarrow")
    csv, path = tmp_path / "a.csv", tmp_path / "a.parquet"
    rows = write(csv, 1000)
    rows.to_parquet(path, row_group_size=100)
    monkeypatch.setattr(parts, "PART_ROWS", 250)
    whole, scanned = panels(rm.read_incidents(csv), districts, [path])
    assert len(list(parts.split_parquet(path))) == 4
    pd.testing.assert_frame_equal(whole.frame, scanned.frame, check_exact=True)


def test_a_parquet_file_with_other_columns_is_named(tmp_path, districts):
    pytest.importorskip("pyarrow")
    rows = write(tmp_path / "a.csv", 10)
    rows.to_parquet(tmp_path / "a.parquet")
    rows.rename(columns={"notes": "remarks"}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet.*notes, remarks"):
        rm.scan_incidents([tmp_path / "a.parquet", tmp_path / "b.parquet"], districts)


@pytest.mark.slow
@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_broken_part_in_the_middle_costs_its_rows_alone(tmp_path, districts, monkeypatch, byte):
    path = tmp_path / "a.csv"
    write(path, 8000)
    monkeypatch.setattr(parts.split_file, "__kwdefaults__", {"has_header": True, "size": 1 << 14})
    data = bytearray(path.read_bytes().replace(b",x\n", ",\u00e9\n".encode(), 1))  # plainly UTF-8
    data[len(data) // 2] = byte
    path.write_bytes(bytes(data))
    with pytest.warns(RiskmapWarning, match=r"a\.csv, lines \d+ to \d+: set aside"):
        scan = rm.scan_incidents([path], districts)
    read = scan.ledger.stages[0]
    assert 0 < read.reasons["unreadable_part"] < 1000
    assert read.rows_out > 6000


@pytest.mark.slow
def test_scans_of_other_regions_are_not_added(table, districts):
    scan = rm.scan_incidents([table], districts)
    fewer = rm.scan_incidents([table], districts.iloc[1:])
    with pytest.raises(InputError, match="different regions"):
        add_scans([scan, fewer])
    with pytest.raises(SchemaError, match="not those that were scanned"):
        rm.count_incidents(scan, districts.iloc[1:], as_of=AS_OF)


@pytest.mark.parametrize("sources", [[], ["none.csv"], ["none.parquet"]])
def test_nothing_to_read_is_an_input_error(sources, districts):
    with pytest.raises(InputError):
        rm.scan_incidents(sources, districts)


@pytest.mark.slow
def test_memory_of_a_scan_does_not_grow_with_rows(table, districts):
    one = rm.scan_incidents([table], districts)
    many = rm.scan_incidents([table] * 5, districts)
    assert len(many.sums) == len(one.sums)
    assert isinstance(table, gpd.GeoDataFrame)
