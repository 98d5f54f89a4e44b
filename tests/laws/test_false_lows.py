"""Law 6: whatever goes wrong with the data, no level falls unless its reader is told.

``RISKMAP_DEGRADATIONS`` says how many compositions of degradations are tried.
"""

import os
from dataclasses import replace

import degradations as low
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import riskmap as rm

pytestmark = pytest.mark.slow

#: Small countries are degraded fifty at a time.
TRIALS = int(os.environ.get("RISKMAP_DEGRADATIONS", "2000"))
COUNTRIES = range(1, 51)

#: Shrinking takes minutes and a composition is short: the first that fails is shown as it is.
trials = settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
few = settings(trials, max_examples=6)

seeds = st.integers(0, 2**20)
worlds = st.integers(1, 3)
groups = st.integers(0, len(low.GROUPS) - 1)


def steps(names):
    return st.lists(st.tuples(st.sampled_from(names), seeds), min_size=1, max_size=3)


def degraded(world, path):
    for name, seed in path:
        world = low.degrade(world, name, seed)
    return world


def check(before, after, path):
    check_none(low.find_falls(before, after), path)


def check_none(falls, path):
    assert falls.empty, f"after {path} these are lower and nobody is told:\n{falls.to_string()}"


@pytest.mark.parametrize("number", range(-(-TRIALS // len(COUNTRIES))))
def test_law_6_in_many_small_countries(number):
    batch = low.run_batch(COUNTRIES, number)
    paths = {name: path for name, path in batch.paths.items() if name[:3] in _codes(batch.falls)}
    check_none(batch.falls, paths)


#: Compositions after which a level once fell untold, in small countries that nobody had seen.
FELL = [
    (9014, 1, [("garble_districts:one_district", 321456), ("flood", 87492)]),
    (20064, 0, [("cut_gap", 340213)]),
    (20076, 1, [("strange_types:some", 595424), ("copy_rows", 816373)]),
    (21160, 1, [("strange_sectors:newest", 156325), ("stop_source", 700011)]),
    (21047, 0, [("strange_types:one_source", 774405), ("set_aside:of_foreigners", 539081)]),
    (23475, 1, [("set_aside:one_district", 521769), ("set_aside:of_foreigners", 463403)]),
]


@pytest.mark.parametrize(("seed", "group", "path"), FELL)
def test_law_6_where_a_level_once_fell_untold(seed, group, path):
    model = low.Apart()
    before = low.assess(low.small(seed), low.GROUPS[group], model=model)
    check(before, low.assess(degraded(low.small(seed), path), low.GROUPS[group], model=model), path)


def _codes(falls):
    return set(falls["region_id"].str[:3])


@trials
@given(worlds, groups, st.sampled_from([None, "window"]), steps(low.TRACES))
def test_law_6_what_leaves_a_trace_is_told(seed, group, how, path):
    previous, before = low.before(seed, group, how)
    world = degraded(low.world(seed), path)
    check(before, low.assess(world, low.GROUPS[group], previous=previous), path)


@trials
@given(worlds, groups, steps([*low.TRACES, *low.SILENT, *low.BORDERS]))
def test_law_6_beside_the_layer_before_nothing_falls_untold(seed, group, path):
    _, before = low.before(seed, group, None)
    world = degraded(low.world(seed), path)
    check(before, low.assess(world, low.GROUPS[group], previous=before), path)


@pytest.mark.parametrize("group", range(len(low.GROUPS)))
def test_whole_data_are_not_hidden_behind_flags(group):
    """Of what is watched at most one in twenty is doubted, and nearly all keeps a level."""
    tables = [low.before(seed, group, None)[1] for seed in (1, 2, 3)]
    risks = pd.concat([layer.risks for layer in tables])
    watched = pd.concat([layer.knowledge for layer in tables])["watched"].to_numpy(bool)
    assert watched.mean() > 0.9, "`watch` and `aidlog` tell of every district"
    assert low.is_doubtful(risks)[watched].mean() <= 0.05
    assert (risks.loc[watched, "risk_level"] >= 1).mean() >= 0.95


def lose_one_district(seed, group, garble, name):
    """Return the layers before and after it, the district, and where else is doubt."""
    _, before = low.before(seed, group, None)
    world = low.world(seed)
    district = world.regions.iloc[name % len(world.regions)]
    here = (world.incidents["place"] == district["name"]).to_numpy()
    rows = here & world.incidents["quarantine_reason"].isna().to_numpy()
    after = low.assess(low.GARBLES[garble](world, rows), low.GROUPS[group])
    new = low.is_doubtful(after.risks) & ~low.is_doubtful(before.risks)
    return before, after, district, new & (after.risks["region_id"] != district["region_id"])


@trials
@given(worlds, groups, st.sampled_from(sorted(low.GARBLES)), seeds)
def test_what_is_lost_of_one_district_casts_doubt_only_where_it_moves_a_level(
    seed, group, garble, name
):
    """Elsewhere the chance has really fallen, but for a few; and the country is not silent.

    A row of a district that nobody knows may be of any district of its province.
    """
    before, after, district, new = lose_one_district(seed, group, garble, name)
    moved = after.risks["p_any"] < before.risks["p_any"]
    province = district["region_id"][:5] if garble == "garble_districts" else "none"
    near = after.risks["region_id"].str.startswith(province)
    assert (new & ~moved & ~near).mean() <= 0.05
    told = after.risks.loc[new, "reasons"].fillna("")
    assert not told.str.contains("silent|no_reports|not_covered").any()


@few
@given(worlds, groups, seeds)
def test_what_is_dropped_of_one_district_casts_doubt_on_no_other(seed, group, name):
    """Beside what the rows that are left tell by themselves."""
    _, before = low.before(seed, group, None)
    world = low.world(seed)
    district = world.regions.iloc[name % len(world.regions)]
    less = low.drop(world, (world.incidents["place"] == district["name"]).to_numpy())
    alone = low.assess(less, low.GROUPS[group])
    after = low.assess(less, low.GROUPS[group], previous=before)
    new = low.is_doubtful(after.risks) & ~low.is_doubtful(alone.risks)
    assert set(after.risks.loc[new, "region_id"]) <= {district["region_id"]}


@few
@given(worlds, st.integers(100, 600))
def test_a_source_that_stops_casts_doubt_only_where_it_watched(seed, days):
    """The desk's log is of the first province: the others know what they knew."""
    _, before = low.before(seed, 0, None)
    world = low.world(seed)
    since = low.NOW - pd.Timedelta(days=days)
    late = (world.incidents["source"] == "desk") & (world.incidents["event_date"] >= since)
    after = low.assess(low.drop(world, late.to_numpy()), low.GROUPS[0])
    new = low.is_doubtful(after.risks) & ~low.is_doubtful(before.risks)
    assert not after.risks.loc[new, "region_id"].str.startswith(("XQA02", "XQA03")).any()


def falls_of(twin, paths, seed=1, group=0):
    """Return what the oracle finds when layers are made by a twin with a fault."""
    _, before = low.before(seed, group, None)
    for path in paths:
        after = twin(degraded(low.world(seed), path), low.GROUPS[group])
        falls = low.find_falls(before, after)
        if len(falls):
            return falls
    return pd.DataFrame()


STOPPED = [[("stop_source", seed)] for seed in range(12)] + [
    [("stop_everyone", seed)] for seed in (2, 3)
]


def test_a_twin_that_drops_its_flags_is_found():
    def twin(world, group):
        layer = low.assess(world, group)
        blind = layer.risks.assign(at_least=False, reporting_gap=False, reasons=None)
        blind["level_high"] = blind["risk_level"]
        return replace(layer, risks=blind)

    assert len(falls_of(twin, STOPPED))


def test_a_twin_that_takes_unwatched_days_for_quiet_ones_is_found(monkeypatch):
    """Nobody is asked what is watched: silence is zero, and there is always a level."""
    whole = rm.Panel.history

    def history(panel, series):
        return replace(whole(panel, series), watched=None)

    def twin(world, group):
        monkeypatch.setattr(rm.Panel, "history", history)
        located = rm.locate(world.incidents, world.regions)
        panel = rm.count_incidents(
            located, world.regions, every="quarter", as_of=low.AS_OF, group=group
        )
        known = panel.knowledge.assign(watched=True, reporting_gap=False, reasons=None)
        panel = replace(panel, knowledge=known)
        layer = rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), world.regions)
        monkeypatch.undo()
        return layer

    assert len(falls_of(twin, STOPPED))


def test_a_twin_that_forgets_what_it_could_not_read_is_found():
    def twin(world, group):
        read = world.incidents[world.incidents["quarantine_reason"].isna()]
        return low.assess(replace(world, incidents=read.reset_index(drop=True)), group)

    paths = [[("garble_points:one_district", seed)] for seed in range(6)]
    assert len(falls_of(twin, paths))


def test_capitals_and_plurals_change_no_level(tmp_path):
    """A table as one desk writes it and as another does gives the same levels."""
    layers = []
    for name, write in (("plain", str), ("capital", str.upper)):
        table = low.world(1).incidents.head(400)
        table = table[table["quarantine_reason"].isna()]
        words = table[["event_type", "sector", "nationality", "staff_type", "target"]]
        table = table.assign(**words.map(write, na_action="ignore"))
        table = table.assign(latitude=table.geometry.y, longitude=table.geometry.x)
        path = tmp_path / f"{name}.csv"
        shown = ["incident_id", "source", "event_date", "event_date_end", "date_precision", "place"]
        shown += ["admin1", "admin2", "country", "geo_precision", "killed", "wounded", "abducted"]
        shown += ["foreign_victims", "latitude", "longitude", "scope", *words]
        pd.DataFrame(table[shown]).to_csv(path, index=False)
        world = low.World(rm.read_incidents(path), low.world(1).regions)
        layers.append(low.assess(world, low.GROUPS[0], as_of="2020-01-01").risks["risk_level"])
    pd.testing.assert_series_equal(*layers)
