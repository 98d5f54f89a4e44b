"""What other files, other columns and other ids may not do to a desk's log: lower it untold."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm

pytestmark = pytest.mark.slow

REGIONS = rm.datasets.regions()
NAMES = dict(zip(REGIONS["region_id"], REGIONS["name"], strict=True))
PROVINCES = dict(zip(REGIONS["region_id"], REGIONS["parent"], strict=True))
GROUP = rm.WorkerGroup("CHN", sector="mining")
WATCHES = "violence,foreign; reach=countries"
QUIET, HOT = "XQA0102", "XQA0202"


def log(seed=3, start="2019-01-01", end="2025-01-31", *, rate=0.3, foreign=0.06, regions=NAMES):
    """Return a desk's log as it is written: a row an attack."""
    rng = np.random.default_rng(seed)
    days = pd.date_range(start, end).strftime("%Y-%m-%d").to_numpy()
    rows = []
    for i, region in enumerate(NAMES):
        pace = rate * [0.002, 0.005, 0.01, 0.02, 0.04][i % 5]
        for day in rng.choice(days, rng.poisson(pace * len(days)), replace=False):
            abroad = rng.random() < foreign
            row = {
                "date": day,
                "province": PROVINCES[region],
                "district": NAMES[region],
                "country": "XQA",
                "type": "armed attack",
                "killed": int(rng.integers(0, 4)),
                "foreigners": int(abroad),
                "nationality": rng.choice(["CHN", "USA"]) if abroad else "",
                "sector": "",
            }
            rows += [row] if region in regions else []
    table = pd.DataFrame(rows).sort_values(["date", "district"], ignore_index=True)
    table.insert(0, "id", [f"{start[:4]}-{i}" for i in range(len(table))])
    return table


def attacks(region, dates, **told):
    """Return rows of attacks on local people in one district."""
    told = {"district": NAMES[region], "foreigners": 0, "nationality": "", "sector": ""} | told
    table = pd.DataFrame({"date": dates}).assign(
        province=PROVINCES[region], country="XQA", type="armed attack", killed=1, **told
    )
    return table.assign(id=[f"more-{i}" for i in range(len(table))])


@pytest.fixture(scope="module")
def assess(tmp_path_factory):
    """Return what assesses logs, each a name, a table and its scope; the same ones only once."""
    tmp_path, layers = tmp_path_factory.mktemp("logs"), {}

    def run(*files, as_of="2025-02-01", previous=None, regions=REGIONS):
        told = tuple((name, table.to_csv(), scope) for name, table, scope in files)
        key = (told, as_of, id(previous), id(regions))
        if key not in layers:  # the arguments are kept too: their ids stay theirs
            found = make(files, as_of=as_of, previous=previous, regions=regions)
            layers[key] = found, previous, regions
        return layers[key][0]

    def make(files, *, as_of, previous, regions):
        tables = []
        for name, table, scope in files:
            table.to_csv(tmp_path / f"{name}.csv", index=False)
            tables.append(rm.read_incidents(tmp_path / f"{name}.csv", scope=scope))
        found = rm.merge_duplicates(rm.derive_victims(pd.concat(tables, ignore_index=True)))
        panel = rm.count_incidents(
            rm.locate(found, regions), regions, group=GROUP, every="month", as_of=as_of
        )
        return rm.assess(rm.forecast(panel, horizon="90D"), regions, previous=previous)

    return run


def fallen(before, after):
    """Return the region-layers that are lower, and have nothing beside them that says why."""
    a, b = before.risks, after.risks
    told = (
        b["reasons"].notna()
        | b["reporting_gap"]
        | b["held"]
        | b["level_as_of"].notna()
        | b["at_least"]
    )
    lower = (b["risk_level"] < a["risk_level"]) & (b["level_high"].fillna(5) < a["risk_level"])
    return b.loc[lower & ~told, ["region_id", "layer", "risk_level", "p_any"]]


SOME = sorted(NAMES)[9:15]


@pytest.mark.parametrize("one_file", [True, False])
@pytest.mark.parametrize("every", [1, 10])
def test_an_old_history_lowers_nothing(assess, every, one_file):
    """Neither as a file of its own, whose source ended long ago, nor before the rows of the log."""
    now = log()
    old = log(9, "2000-01-01", "2012-12-31", rate=3, foreign=0.01, regions=SOME)[::every]
    files = [("log", pd.concat([old, now]), WATCHES)]
    if not one_file:
        files = [("log", now, WATCHES), ("old", old, WATCHES)]
    before = assess(("log", now, WATCHES))
    assert fallen(before, assess(*files)).empty


@pytest.mark.parametrize("reach", ["countries", "reports"])
@pytest.mark.parametrize(("start", "n"), [("2005-01-01", 150), ("2021-01-01", 60)])
def test_a_source_that_sees_aid_workers_alone_lowers_nobody(assess, start, n, reach):
    now = log(start="2021-01-01")
    days = pd.date_range(start, "2025-01-20", periods=n).strftime("%Y-%m-%d")
    aid = attacks("XQA0204", days, foreigners=1, nationality="USA", sector="aid")
    before = assess(("log", now, WATCHES))
    after = assess(("log", now, WATCHES), ("aid", aid, f"foreign; sectors=aid; reach={reach}"))
    assert fallen(before, after).empty


def test_a_source_that_watches_nothing_lowers_nothing(assess):
    now = log(start="2021-01-01")
    flood = log(5, "2015-01-01", rate=2, regions=SOME)
    before = assess(("log", now, WATCHES))
    assert fallen(before, assess(("log", now, WATCHES), ("machine", flood, "none"))).empty


@pytest.mark.parametrize("blank", [{"district": ""}, {"district": "", "province": ""}])
@pytest.mark.parametrize(("start", "n"), [("2023-08-01", 30), ("2015-01-01", 350)])
def test_a_district_that_is_left_blank_may_be_any_of_its_province(assess, start, n, blank):
    """Lately, or in all reports that there ever were of it; then others may move by a hair."""
    now = log(5, "2015-01-01", rate=0.5, foreign=0.03)
    now = now[(now["district"] != NAMES["XQA0301"]) | (n == 30)]
    days = pd.date_range(start, "2025-01-20", periods=n).strftime("%Y-%m-%d")
    front = attacks("XQA0301", days)
    before = assess(("log", pd.concat([now, front]), WATCHES))
    after = assess(("log", pd.concat([now, front.assign(**blank)]), WATCHES))
    untold = fallen(before, after)
    assert (untold if n == 30 else untold[untold["region_id"] == "XQA0301"]).empty


def say_local(table):
    return table.assign(foreigners=0, nationality="", sector="")


def move(table):
    hot = table["district"] == NAMES[HOT]
    return table.assign(district=table["district"].mask(hot, NAMES["XQA0203"]))


def date_back(table):
    early = pd.to_datetime(table["date"]) - pd.Timedelta(days=900)
    return table.assign(date=early.dt.strftime("%Y-%m-%d"))


def turn_mild(table):
    return table.assign(type="protest", killed=0)


@pytest.mark.parametrize("retell", [say_local, move, date_back, turn_mild])
def test_what_is_told_otherwise_under_the_same_id_is_missed(assess, retell):
    """Week after week, and not in the first alone."""
    whole = log(end="2025-07-31")
    days = ["2025-02-01", "2025-02-08", "2025-04-15"]
    layers = {}
    for name, change in (("as it was", lambda table: table), ("otherwise", retell)):
        layer = None
        for i, day in enumerate(days):
            table = whole[whole["date"] < day]
            table = change(table) if i else table
            layer = assess(("log", table, WATCHES), as_of=day, previous=layer)
        layers[name] = layer
    assert len(layers["otherwise"].gone)
    assert fallen(layers["as it was"], layers["otherwise"]).empty


def test_a_log_of_a_file_a_year_is_one_source(assess):
    now = log(start="2021-01-01")
    years = [
        (year, now[now["date"].str.startswith(year)], WATCHES)
        for year in ("2021", "2022", "2023", "2024")
    ]
    before, after = assess(("2021", now, WATCHES)), assess(*years)
    assert after.risks["risk_level"].tolist() == before.risks["risk_level"].tolist()
    assert not after.knowledge["reasons"].fillna("").str.contains("silent|gap").any()


def test_rows_that_are_numbered_anew_are_not_missed(assess):
    """As where the newest stands on top and has number 1."""
    whole = log(end="2025-03-31")
    layer = None
    for day in ("2025-02-01", "2025-03-01", "2025-04-01"):
        table = whole[whole["date"] < day].iloc[::-1]
        numbered = table.assign(id=range(1, len(table) + 1))
        layer = assess(("log", numbered, WATCHES), as_of=day, previous=layer)
    assert layer.gone.empty
    assert not layer.risks["reporting_gap"].any()


@pytest.mark.parametrize("reach", ["countries", "reports"])
def test_a_team_elsewhere_does_not_follow_one_that_stopped(assess, reach):
    now = log(start="2021-01-01", rate=1)
    north = now["district"].isin([NAMES[r] for r in NAMES if r < "XQA02"])
    old = now[north & (now["date"] < "2024-04-01")]
    new = now[~north & (now["date"] >= "2024-04-01")]
    scope = f"violence,foreign; reach={reach}"
    layer = assess(("team 1", old, scope), ("team 2", new, scope))
    here = layer.knowledge[layer.knowledge["region_id"] < "XQA02"]
    assert here["reasons"].fillna("").str.contains("silent").all()


def test_three_stops_do_not_excuse_each_other(assess):
    now = log(start="2019-01-01", rate=1)
    gone = np.zeros(len(now), dtype=bool)
    for year in ("2021", "2022", "2023"):
        gone |= now["date"].between(f"{year}-07-01", f"{year}-12-31").to_numpy()
    after = assess(("log", now[~gone], WATCHES))
    assert after.risks["reasons"].fillna("").str.contains("gap").all()


HERE = PROVINCES["XQA0301"]


@pytest.mark.parametrize(
    ("code", "province"),
    [
        *(("XQA", HERE), ("XQB", HERE), ("UGA", HERE), ("", HERE)),
        *(("XQB", PROVINCES["XQA0101"]), ("XQA", PROVINCES["XQA0101"])),
        *(("XQA", ""), ("XQA", HERE[:-1]), ("UGA", ""), ("UGA", HERE[:-1])),
    ],
)
def test_an_attack_marks_the_district_that_is_written_whatever_stands_beside_it(
    assess, code, province
):
    """With two countries in one map as well as with a country of nobody."""
    south = REGIONS["region_id"].str.startswith("XQA03")
    both = REGIONS.assign(iso3=REGIONS["iso3"].mask(south, "XQB"))
    now = log(start="2021-01-01")
    now = now.assign(country=now["country"].mask(now["province"] == HERE, "XQB"))
    fresh = attacks("XQA0301", ["2025-01-20"], foreigners=1, nationality="CHN", sector="mining")
    table = pd.concat([now, fresh.assign(country=code, province=province)])
    layer = assess(("log", table, WATCHES), regions=both)
    here = layer.risks[layer.risks["region_id"] == "XQA0301"].set_index("layer")
    assert here["attacked"].all()
    assert (here.loc[["foreign", "group"], "risk_level"] >= 3).all()


@pytest.mark.parametrize("seed", [3, 5])
def test_a_district_beside_another_province_is_not_lowered_untold(assess, seed):
    now = log(seed, "2015-01-01", rate=0.5, foreign=0.03)
    days = pd.date_range("2023-08-01", "2025-01-20", periods=20).strftime("%Y-%m-%d")
    front = attacks("XQA0301", days, foreigners=1, nationality="CHN", sector="mining")
    before = assess(("log", pd.concat([now, front]), WATCHES))
    after = assess(("log", pd.concat([now, front.assign(province=PROVINCES["XQA0101"])]), WATCHES))
    here = after.risks[after.risks["region_id"] == "XQA0301"]
    assert here["attacked"].all()
    assert fallen(before, after).empty


@pytest.mark.parametrize("nation", ["CHN", "HKG", "MAC"])
def test_people_of_hong_kong_and_macau_are_chinese(assess, nation):
    fresh = attacks("XQA0301", ["2025-01-20"], foreigners=1, nationality=nation)
    layer = assess(("log", pd.concat([log(), fresh]), WATCHES))
    here = layer.risks[layer.risks["region_id"] == "XQA0301"].set_index("layer")
    assert here.loc["group", "attacked"]


@pytest.mark.parametrize("scope", ["none", "foreign; sectors=aid; reach=countries"])
def test_one_old_row_of_another_source_moves_nothing_much(assess, scope):
    now = log(start="2021-01-01", rate=1)
    before = assess(("log", now, WATCHES))
    old = attacks("XQA0107", ["2011-06-01"], foreigners=1, nationality="USA", sector="aid")
    after = assess(("log", now, WATCHES), ("old", old, scope))
    assert (after.risks["p_any"] > 0.97 * before.risks["p_any"]).all()
    assert fallen(before, after).empty


@pytest.mark.parametrize("scope", [WATCHES, "violence,foreign; reach=reports"])
@pytest.mark.parametrize("start", ["2015-01-01", "2021-01-01", "2023-06-01"])
def test_a_source_that_tells_much_of_some_districts_lowers_no_other(assess, start, scope):
    """What a country is learnt from is the source that tells of most of it, not the one that tells
    the most."""
    now = log(5, start="2021-01-01")
    much = log(11, start, rate=8, foreign=0.08, regions=SOME)
    before, after = (
        assess(("log", now, WATCHES)),
        assess(("log", now, WATCHES), ("mine", much, scope)),
    )
    assert len(much) > 2 * len(now)
    assert fallen(before, after).empty
    pairs = before.risks.merge(after.risks, on=["region_id", "layer"])
    elsewhere = pairs[~pairs["region_id"].isin(SOME)]
    assert (elsewhere["p_any_y"] > 0.8 * elsewhere["p_any_x"]).all()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("start", ["2010-01-01", "2021-01-01"])
def test_a_bulletin_of_a_few_rows_lowers_nothing(assess, rows, start):
    """It names half of the regions, and tells next to nothing of them."""
    now = log(5, start="2021-01-01", rate=1.0)
    days = pd.date_range(start, "2024-12-01", periods=rows).strftime("%Y-%m-%d")
    bulletin = pd.concat([attacks(region, days) for region in sorted(NAMES)[::2]])
    bulletin = bulletin.assign(id=[f"b{i}" for i in range(len(bulletin))])
    before = assess(("log", now, WATCHES))
    after = assess(("log", now, WATCHES), ("bulletin", bulletin, WATCHES))
    assert fallen(before, after).empty
    pairs = before.risks.merge(after.risks, on=["region_id", "layer"])
    assert (pairs["p_any_y"] > 0.95 * pairs["p_any_x"]).all()


def test_what_watches_nothing_dilutes_no_share_of_foreigners(assess):
    """A thousand attacks on local people, told by nobody whose silence tells anything."""
    now = log(5, start="2021-01-01", rate=1.0, foreign=0.1)
    days = pd.date_range("2021-01-01", "2025-01-20", periods=1000).strftime("%Y-%m-%d")
    before = assess(("log", now, WATCHES))
    after = assess(("log", now, WATCHES), ("articles", attacks(QUIET, days), "none"))
    pairs = before.risks.merge(after.risks, on=["region_id", "layer"])
    assert (pairs["p_any_y"] > 0.98 * pairs["p_any_x"]).all()


@pytest.mark.parametrize(("seed", "same"), [(1, False), (4, False), (4, True), (6, True)])
def test_the_same_rows_in_two_books_lower_no_level(assess, seed, same):
    """One of foreign victims, one of local ones: the second still leads the first."""
    now = log(seed, start="2021-01-01", rate=1.0, foreign=0.1)
    hit = now["foreigners"] == 1
    scopes = (
        (WATCHES, WATCHES) if same else ("foreign; reach=countries", "violence; reach=countries")
    )
    books = ("foreign", now[hit], scopes[0]), ("local", now[~hit], scopes[1])
    before, after = assess(("log", now, WATCHES)), assess(*books)
    assert fallen(before, after).empty
    pairs = before.risks.merge(after.risks, on=["region_id", "layer"])
    assert (pairs["p_any_y"] > 0.95 * pairs["p_any_x"]).all()


def test_a_feed_of_the_same_attacks_but_for_those_on_foreigners_lowers_nothing(assess):
    """What a log tells of foreigners still teaches, though most rows that count are the feed's."""
    own = ("log", log(), "violence; reach=countries")
    local = own[1][own[1]["foreigners"] == 0].assign(source="gtd")
    local["id"] = "gtd-" + local["id"]
    before = assess(own)
    after = assess(own, ("gtd", local, "violence, foreign; reach=countries"))
    assert fallen(before, after).empty
    whole, kept = (layer.risks_of("foreign")["p_any"].to_numpy() for layer in (before, after))
    assert (kept > 0.8 * whole).all()


def test_a_scope_that_the_rows_do_not_bear_out_gives_no_confidence(assess):
    """Who was hit stands in no column that is read: half or more would have to say it."""
    now = log(5, start="2021-01-01", rate=1.0, foreign=0.1)
    mute = now.drop(columns=["foreigners", "nationality"])
    before, after = (assess(("log", table, WATCHES)).risks for table in (now, mute))
    narrow = (before["layer"] != "violence").to_numpy()
    assert (before["confidence"][narrow] != "low").any()
    assert (after["confidence"][narrow] == "low").all()
    assert (after["confidence"][~narrow] == before["confidence"][~narrow]).all()


def test_a_year_typed_too_late_is_no_day(assess):
    """The rows were known before: they can't be of 2034, and are missed where they happened."""
    now = log(5, start="2021-01-01", rate=1.0).assign(ingested_at="2025-01-31")
    here = now["district"] == NAMES[HOT]
    late = now.assign(date=now["date"].mask(here, "2034" + now["date"].str[4:]))
    own = assess(("log", late, WATCHES)).risks.query("region_id == @HOT")
    assert here.sum() > 10
    assert own["reasons"].str.contains("rows_lost").all()
    assert (own["risk_level"] == 0).all()


@pytest.mark.parametrize(("quiet", "told"), [(10, False), (26, True)])
def test_a_busy_source_that_has_just_stopped_has_a_gap(assess, quiet, told):
    now = log(5, start="2021-01-01", rate=6.0)
    last = pd.Timestamp("2025-02-01") - pd.Timedelta(days=quiet)
    found = assess(("log", now[pd.to_datetime(now["date"]) < last], WATCHES)).risks
    assert (found["reporting_gap"] == told).mean() > 0.9


@pytest.mark.parametrize(
    ("reach", "months", "opened"),
    [("countries", 20, ""), ("reports", 12, ""), ("countries", 12, "2022-01-01")],
)
def test_an_office_that_closes_is_missed_in_its_province(assess, months, reach, opened):
    """The others go on with the same log; that nobody writes of a province is no quiet there."""
    now, scope = (
        log(5, start="2021-01-01", rate=1.0, foreign=0.1),
        f"violence,foreign; reach={reach}",
    )
    until = str((pd.Timestamp("2025-02-01") - pd.DateOffset(months=months)).date())
    now = now[(now["province"] != "Velmar") | (now["date"] >= opened)]
    there = now["province"] == "Velmar"
    left = now[~(there & (now["date"] >= until))]
    before, after = assess(("log", now, scope)), assess(("log", left, scope))
    home = after.regions.loc[after.regions["parent"] == "Velmar", "region_id"]
    assert not fallen(before, after)["region_id"].isin(home).any()
    pairs = before.risks.merge(after.risks, on=["region_id", "layer"])
    others = pairs[~pairs["region_id"].isin(home)]
    assert (others["p_any_y"].fillna(1) > 0.7 * others["p_any_x"].fillna(0)).all()
    known = after.knowledge[after.knowledge["layer"] == "violence"].set_index("region_id")
    assert known.loc[home, "reasons"].str.contains("silent").all()
    assert not known["reasons"].drop(home).str.contains("silent").fillna(value=False).any()
    assert not (after.risks["region_id"].isin(home) & after.risks["risk_level"].between(1, 2)).any()
    # one row more from there, and the time before is not watched all the same
    again = pd.concat([left, now[there & (now["date"] >= until)].tail(1)])
    after = assess(("log", again, scope))
    assert not fallen(before, after)["region_id"].isin(home).any()
    assert after.risks.loc[after.risks["region_id"].isin(home), "reporting_gap"].all()


def test_a_form_that_says_nobody_foreign_by_default_is_no_quiet(assess):
    """The log goes on; that no report tells of foreigners any more is no chance."""
    now = log(5, start="2021-01-01", rate=1.0, foreign=0.1)
    late = now["date"] >= "2023-06-01"
    mute = now.assign(foreigners=now["foreigners"].mask(late, 0))
    mute["nationality"] = now["nationality"].mask(late, "")
    before, after = assess(("log", now, WATCHES)), assess(("log", mute, WATCHES))
    narrow = after.risks["layer"] != "violence"
    assert fallen(before, after).empty
    assert after.risks.loc[narrow, "reasons"].str.contains("silent").all()
    stray = now["date"] == now.loc[now["foreigners"] == 1, "date"].max()
    once = assess(("log", mute.where(~stray, now), WATCHES))
    assert fallen(before, once).empty
    assert once.risks.loc[narrow, "reasons"].str.contains("gap").all()
    wide = after.risks[~narrow].reset_index(drop=True)
    assert not wide["reasons"].str.contains("silent").fillna(value=False).any()
