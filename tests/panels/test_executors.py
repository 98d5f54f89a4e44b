"""A cluster of real worker processes gives the bytes of one machine, also when one is killed."""

import os
import signal
from concurrent.futures import CancelledError

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap.cli import app
from riskmap.errors import InputError
from riskmap.executors import connect, map_on
from riskmap.panels import batches

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
        dashboard_address="127.0.0.1:0",
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


def kill_one(client, results):
    """All results, where a worker is killed after the first of them, and whether it was."""
    found = [next(results)]
    before = client.run(os.getpid)
    os.kill(min(before.values()), signal.SIGKILL)
    found += results
    return found, client.run(os.getpid) != before


def killing(client):
    """A mapper that kills a worker after its first result."""

    def mapper(function, items):
        found, killed = kill_one(client, map_on(client)(function, items))
        assert killed
        return found

    return mapper


@pytest.mark.slow
def test_two_workers_give_the_bytes_of_one_process(client, parts):
    districts = rm.datasets.regions()
    here = rm.scan_incidents(parts, districts)
    there = rm.scan_incidents(parts, districts, client=client)
    same(here, there)
    frames = [rm.count_incidents(s, districts, as_of=AS_OF).frame for s in (here, there)]
    pd.testing.assert_frame_equal(*frames, check_exact=True)


@pytest.mark.slow
def test_a_killed_worker_costs_a_retry_and_changes_nothing(client, parts, monkeypatch):
    districts = rm.datasets.regions()
    here = rm.scan_incidents(parts * 4, districts)
    monkeypatch.setattr(batches, "map_on", killing)
    same(here, rm.scan_incidents(parts * 4, districts, client=client))


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_a_clear_error():
    with pytest.raises(InputError, match=r"no scheduler answers.*tcp://127\.0\.0\.1:1"):
        connect("tcp://127.0.0.1:1", timeout=1.0)


@pytest.mark.slow
def test_workers_merge_duplicates_across_parts_as_one_process_does(client, parts):
    districts = rm.datasets.regions()
    told = [part.assign(source="wire", source_file=f"{i}.csv") for i, part in enumerate(parts)]
    here = rm.scan_incidents(parts + told, districts, merge=True)
    there = rm.scan_incidents(parts + told, districts, merge=True, client=client)
    same(here, there)
    assert here.ledger.stages[0].merged > 0


@pytest.mark.slow
def test_a_worker_killed_while_parts_are_merged_changes_nothing(client, parts, monkeypatch):
    districts = rm.datasets.regions()
    told = [part.assign(source="wire", source_file=f"{i}.csv") for i, part in enumerate(parts)]
    here = rm.scan_incidents(parts + told, districts, merge=True)
    kills = iter([True])

    def mapper(function, items):
        return (killing if next(kills, False) else map_on)(client)(function, items)

    monkeypatch.setattr(batches, "map_on", lambda _: mapper)
    same(here, rm.scan_incidents(parts + told, districts, merge=True, client=client))
    assert next(kills, None) is None


@pytest.fixture(scope="module")
def located():
    return rm.locate(rm.datasets.incidents(), rm.datasets.regions())


@pytest.mark.slow
def test_a_backtest_on_workers_of_which_one_is_killed_is_that_of_one_machine(client, located):
    panel = rm.count_incidents(located, rm.datasets.regions(), every="quarter", as_of=AS_OF)
    models = {"EB": rm.EmpiricalBayes(), "climatology": rm.Climatology()}
    here = rm.backtest(panel, models, origins=8)
    there = rm.backtest(panel, models, origins=8, mapper=killing(client))
    pd.testing.assert_frame_equal(here.forecasts, there.forecasts, check_exact=True)


@pytest.mark.slow
def test_a_replay_on_workers_of_which_one_is_killed_is_that_of_one_machine(client, located):
    days = [f"{day:%Y-%m-%d}" for day in pd.date_range("2020-01-01", periods=40, freq="MS")]
    options = {"days": days, "model": rm.EmpiricalBayes()}
    here = rm.replay(located, rm.datasets.regions(), **options)
    there = rm.replay(located, rm.datasets.regions(), **options, mapper=killing(client))
    pd.testing.assert_frame_equal(here.levels, there.levels, check_exact=True)
    pd.testing.assert_frame_equal(here.incidents, there.incidents, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("backtest", "--as-of", AS_OF, "--every", "quarter", "--origins", "3"),
        ("replay", "--from", "2023-01-01", "--to", "2024-06-01", "--every", "quarter"),
    ],
)
def test_the_commands_say_the_same_of_a_cluster(client, command, tmp_path):
    table = rm.datasets.incidents()
    rows, regions = tmp_path / "incidents.csv", tmp_path / "regions.geojson"
    columns = ["source_id", "event_date", "event_type", "country", "killed", "geo_precision"]
    points = {"latitude": table.geometry.y, "longitude": table.geometry.x}
    table[columns].assign(**points).to_csv(rows, index=False)
    rm.datasets.regions().to_file(regions)
    name, *options = command
    args = [name, str(rows), "--regions", str(regions), *options, "--json"]
    here = CliRunner().invoke(app, args)
    there = CliRunner().invoke(app, [*args, "--scheduler", client.scheduler.address])
    assert here.exit_code == there.exit_code == 0, there.output
    assert here.stdout == there.stdout
    nobody = CliRunner().invoke(app, [*args, "--scheduler", "tcp://127.0.0.1:1"])
    assert "no scheduler answers" in str(nobody.exception)


def test_an_item_whose_worker_took_what_was_sent_with_it_is_sent_once_more():
    """As a scheduler answers when a worker dies with the only copy."""

    class Future:
        def __init__(self, make):
            self.make = make

        def result(self):
            return self.make()

        def release(self):
            pass

    class Client:
        def scatter(self, function, **_):
            return function

        def map(self, call, functions, items, **_):
            def lost():
                raise CancelledError

            makes = [lambda f=f, i=i: call(f, i) for f, i in zip(functions, items, strict=True)]
            return [Future(make) for make in (makes[0], lost, *makes[2:])]

        def submit(self, function, item, **_):
            return Future(lambda: function(item))

    assert list(map_on(Client())(abs, [-1, -2, -3])) == [1, 2, 3]
