"""A cluster of real worker processes gives the bytes of one machine, also when one is killed."""

import os
import signal

import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.panels import batches
from riskmap.panels.batches import connect
from riskmap.panels.scans import add_scans

AS_OF = "2025-01-01"

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def client():
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
    )
    with cluster, distributed.Client(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def parts():
    table = rm.datasets.incidents()
    return [table.iloc[i::5].reset_index(drop=True) for i in range(5)]


def same(one, other):
    pd.testing.assert_frame_equal(one.sums, other.sums, check_exact=True)
    pd.testing.assert_frame_equal(one.newest, other.newest, check_exact=True)
    assert one.ledger == other.ledger


def test_two_workers_give_the_bytes_of_one_process(client, parts):
    districts = rm.datasets.regions()
    here = rm.scan_incidents(parts, districts)
    there = rm.scan_incidents(parts, districts, client=client)
    same(here, there)
    frames = [rm.count_incidents(s, districts, as_of=AS_OF).frame for s in (here, there)]
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_a_killed_worker_costs_a_retry_and_changes_nothing(client, parts):
    districts = rm.datasets.regions()
    here = rm.scan_incidents(parts * 4, districts)
    task = batches.prepare(districts)
    scans = batches.scan_there(
        [part for table in parts * 4 for part in batches.split(table)], task, client
    )
    found = [next(scans)]
    before = client.run(os.getpid)
    os.kill(min(before.values()), signal.SIGKILL)
    found += scans
    same(here, add_scans(found))
    assert client.run(os.getpid) != before


def test_a_scheduler_that_is_not_there_is_a_clear_error():
    with pytest.raises(InputError, match=r"no scheduler answers.*tcp://127\.0\.0\.1:1"):
        connect("tcp://127.0.0.1:1", timeout=1.0)
