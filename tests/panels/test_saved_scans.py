"""Yesterday's scan comes back from disk as it was, and takes on today's rows."""

import zipfile

import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.panels import scans

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def districts():
    return rm.datasets.regions()


@pytest.fixture(scope="module")
def scan(districts):
    return rm.scan_incidents([rm.datasets.incidents()], districts)


def same(one, other):
    pd.testing.assert_frame_equal(one.sums, other.sums, check_exact=True)
    pd.testing.assert_frame_equal(one.newest, other.newest, check_exact=True)
    assert (one.ledger, one.region_ids) == (other.ledger, other.region_ids)


def test_a_saved_scan_is_the_scan(scan, tmp_path):
    scan.save(tmp_path / "a.scan")
    same(rm.Scan.load(tmp_path / "a.scan"), scan)
    first = (tmp_path / "a.scan").read_bytes()
    rm.Scan.load(tmp_path / "a.scan").save(tmp_path / "a.scan")
    assert (tmp_path / "a.scan").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["a.scan"]


@pytest.mark.slow
def test_a_few_rows_onto_many_give_the_sums_of_all(districts, monkeypatch):
    table = rm.datasets.incidents()
    table = table.assign(event_date=table["event_date"].where(table.index % 50 > 0))
    old, new = table.iloc[::2].reset_index(drop=True), table.iloc[1:20:2].reset_index(drop=True)
    both = [rm.scan_incidents([part], districts) for part in (old, new)]
    monkeypatch.setattr(scans, "_FEW", 10**9)
    slow = scans.add_scans(both)
    monkeypatch.setattr(scans, "_FEW", 1)
    same(scans.add_scans(both), slow)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04broken"])
def test_what_is_no_scan_is_named(tmp_path, content):
    (tmp_path / "a.scan").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.scan: not a scan"):
        rm.Scan.load(tmp_path / "a.scan")
    with pytest.raises(InputError, match="no such file"):
        rm.Scan.load(tmp_path / "b.scan")


def test_another_format_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.scan", "w") as file:
        file.writestr("scan.json", '{"format": 99}')
    with pytest.raises(InputError, match="another format"):
        rm.Scan.load(tmp_path / "a.scan")
