"""Only watched silence lowers: who watched where and when, and what is known of each region."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.panels.coverage import days_at_risk_share, reported_share, watched_windows
from riskmap.panels.knowledge import know_regions
from riskmap.panels.lapses import default_rules
from riskmap.panels.measures import join_sources
from riskmap.panels.watchers import find_watchers

TODAY = 3000
KEYS = pd.DataFrame({"region_id": [*"abc"], "iso3": ["XQA", "XQA", "XQB"]})
WATCH = "violence; reach=countries"


def told(days, *, position=0, scope=WATCH, source="a", tells=True):
    return pd.DataFrame(
        {
            "position": position,
            "day": np.asarray(days, dtype=np.int64),
            "source": source,
            "scope": scope,
            "reports": 1.0,
            "told": float(tells),
        }
    )


def weekly(start=0, end=TODAY, **options):
    return told(np.arange(start, end, 7), **options)


def find(*tables):
    return find_watchers(pd.concat(tables), KEYS, today=TODAY)


def know(*tables, **options):
    table = know_regions(pd.concat(tables), KEYS, find(*tables), today=TODAY, **options)
    return table.set_index(["region_id", "layer"])


def spans(watcher):
    return list(zip(watcher.begin.tolist(), watcher.end.tolist(), strict=True))


def test_one_that_reports_every_week_watches_its_country_from_its_first_report_on():
    (found,) = find(weekly(700))
    assert found.alive
    assert found.regions.tolist() == [0, 1]
    assert spans(found) == [(700, TODAY)]


def test_a_gap_is_no_watch():
    (found,) = find(weekly(0, 1000), weekly(1500))
    assert spans(found) == [(0, 994), (1500, TODAY)]


def test_a_pause_that_may_well_be_chance_is_watched():
    (found,) = find(told(np.arange(0, 2000, 40)), told(np.arange(2050, TODAY, 40)))
    assert spans(found) == [(0, TODAY)]


def test_one_that_has_stopped_watches_no_more_however_long_it_did():
    (found,) = find(weekly(0, TODAY - 270))
    assert not found.alive
    known = know(weekly(0, TODAY - 270))
    assert not known["watched"].any()
    assert (known.loc[["a", "b"], "reasons"].str.contains("silent")).all()


def test_a_thin_old_history_is_no_watch():
    old = told(np.arange(0, 2000, 300))
    (found,) = find(old, weekly(2000))
    assert found.begin.min() >= 1800
    share = watched_windows([found], "violence", bounds=np.array([0, 1500, TODAY]), n_regions=3)
    assert share[0].tolist() == [0.0, 0.0, 0.0]


def test_what_is_older_than_since_is_no_watch_nor_what_is_newer_than_its_delay():
    (found,) = find(weekly(0, scope=f"{WATCH}; since=1970-06-01; delay=30"))
    assert spans(found) == [(151, TODAY - 30)]


def test_since_counts_in_countries_that_are_named_later_but_not_before_any_report():
    scope = f"{WATCH}; since=1970-06-01"
    one, other = find(weekly(700, scope=scope), weekly(1400, position=2, scope=scope))
    assert (spans(one)[0][0], spans(other)[0][0]) == (700, 700)


def test_reports_of_the_delay_are_no_watch_and_their_absence_no_silence():
    (found,) = find(weekly(0, TODAY - 60, scope=f"{WATCH}; delay=60"))
    assert found.alive
    assert found.end.max() <= TODAY - 60


def test_a_log_watches_only_where_its_reports_come_from():
    known = know(weekly(0, scope="violence,foreign; reach=reports"))
    assert known["watched"].groupby("region_id").all().to_dict() == {
        "a": True,
        "b": False,
        "c": False,
    }
    assert known.loc[("b", "foreign"), "reasons"] == "no_reports"
    assert known.loc[("c", "foreign"), "reasons"] == "not_covered;no_reports"


def test_what_is_spread_over_a_province_is_no_report_from_its_regions():
    spread = weekly(0, scope="violence; reach=reports").assign(reports=0.0, told=0.0)
    assert find(spread) == []
    (found,) = find(spread.assign(scope=WATCH))
    assert found.regions.tolist() == [0, 1]


def test_a_country_that_is_named_beside_others_is_watched_once_it_is_told_of():
    scope = "violence; reach=XQA,XQB"
    assert [one.iso3 for one in find(weekly(0, scope=scope)) if one.alive] == ["XQA"]
    stray = told([1500], position=2, scope=scope)
    assert [one.iso3 for one in find(weekly(0, scope=scope), stray) if one.alive] == ["XQA"]
    found = find(weekly(0, scope=scope), told(range(1500, 1550, 10), position=2, scope=scope))
    assert sorted(one.iso3 for one in found if one.alive) == ["XQA", "XQB"]


def test_a_country_that_alone_is_named_is_watched_without_a_report_from_it():
    found = find(weekly(0, scope="violence; reach=XQB"))
    assert [one.iso3 for one in found if one.alive] == ["XQB"]


def test_a_named_country_of_which_no_more_is_told_is_not_watched():
    """What goes on in the other countries is no watch of this one."""
    scope = "violence; reach=XQA,XQB"
    left = find(weekly(0, scope=scope), weekly(3, 2000, position=2, scope=scope))
    assert [one.iso3 for one in left if one.alive] == ["XQA"]
    assert [one.iso3 for one in left if one.stopped] == ["XQB"]


@pytest.mark.parametrize("old", [50, 2000, 2600])
def test_one_old_row_makes_no_young_log_a_watch(old):
    assert find(told(np.arange(2950, 3000, 2))) == []
    assert find(told(np.append(old, np.arange(2950, 3000, 2)))) == []


def test_one_old_row_adds_no_days_to_a_slow_log():
    days = np.arange(2600, 3000, 25)
    (young,), (old,) = find(told(days)), find(told(np.append(100, days)))
    assert old.begin.tolist() == young.begin.tolist()


def test_who_tells_of_foreigners_and_none_of_the_group_watches_the_group_no_more():
    rows = weekly(0).assign(foreign=1.0, theirs=lambda t: (t["day"] < 2000).astype(float))
    (found,) = find(rows)
    watched = {layer: found.watches(layer) for layer in ("violence", "foreign", "group")}
    assert watched == {"violence": True, "foreign": True, "group": False}


@pytest.mark.parametrize("days", [[2990], [100, 200, 300, 400, 2990]])
def test_a_country_that_is_named_seldom_or_not_lately_is_not_watched(days):
    assert not any(one.alive for one in find(told(days)))


@pytest.mark.parametrize("scope", ["none", None])
def test_a_source_without_a_scope_watches_nothing(scope):
    rows = weekly(0).assign(scope=pd.Series([scope] * len(weekly(0)), dtype="str"))
    assert find(rows) == []
    known = know(rows)
    assert not known["watched"].any()
    assert set(known["data_sufficiency"]) == {"insufficient"}


@pytest.mark.parametrize(
    ("scope", "layers"),
    [
        (WATCH, {"violence", "foreign", "group"}),
        ("foreign; reach=countries", {"foreign", "group"}),
        ("foreign; sectors=aid; reach=countries", set()),
        ("foreign; sectors=mining; reach=countries", {"group"}),
        ("violence; reach=countries; deaths", set()),
    ],
)
def test_a_scope_makes_only_its_own_layers_low(scope, layers):
    known = know(weekly(0, scope=scope), group=rm.WorkerGroup("CHN", sector="mining"))
    watched = known.loc["a", "watched"]
    assert set(watched.index[watched]) == layers


def test_one_that_does_not_say_who_was_hit_gives_no_confidence_in_foreigners():
    known = know(weekly(0, tells=False))
    assert known.loc[("a", "violence"), "confidence"] == "high"
    assert known.loc[("a", "foreign"), "confidence"] == "low"
    assert not known.loc[("a", "foreign"), "named"]


def test_nationals_at_home_have_no_level():
    home = rm.WorkerGroup("CHN")
    keys = KEYS.assign(iso3=["CHN", "CHN", "XQB"])
    seen = weekly(0)
    known = know_regions(
        seen, keys, find_watchers(seen, keys, today=TODAY), today=TODAY, group=home
    )
    group = known[(known["layer"] == "group") & (known["region_id"] == "a")]
    assert not group["watched"].item()
    assert group["reasons"].item() == "at_home"


@pytest.mark.parametrize(("lost", "is_lost"), [(5, False), (6, True)])
def test_a_region_is_not_watched_when_more_than_a_tenth_of_its_recent_rows_was_lost(lost, is_lost):
    day = pd.Timestamp("1970-01-01") + pd.to_timedelta(TODAY - 30, unit="D")
    rows = pd.DataFrame({"region_id": ["a"] * lost, "event_date": day, "weight": 1.0})
    known = know(weekly(0), lost=rows)  # 53 reports within the last year
    assert known.loc[("a", "violence"), "watched"] == (not is_lost)
    assert (known.loc[("a", "violence"), "reasons"] == "rows_lost") == is_lost
    assert known.loc[("b", "violence"), "watched"]
    assert known.loc[("a", "violence"), "rows_lost"] == lost


def test_lost_rows_without_a_day_count_against_the_whole_history():
    rows = pd.DataFrame({"region_id": ["a"] * 60, "event_date": pd.NaT, "weight": 1.0})
    assert not know(weekly(0), lost=rows).loc[("a", "violence"), "watched"]
    assert know(weekly(0), lost=rows.head(40)).loc[("a", "violence"), "watched"]


def test_a_second_source_that_stops_is_told_and_takes_no_watch_away():
    known = know(weekly(0), weekly(0, 2400, source="b"))
    assert known.loc[("a", "violence"), "watched"]
    assert known.loc[("a", "violence"), "reasons"] == "silent"
    assert known.loc[("a", "violence"), "sources"] == "a"


@pytest.mark.parametrize("end", [2400, TODAY])
def test_one_that_sees_foreign_aid_workers_alone_is_not_missed_among_violence(end):
    days = np.arange(0, end, 28)
    days = days[(days < TODAY - 700) | (days > TODAY - 200)]  # stopped, or with a hole
    often = pd.concat([weekly(0)] * 4)
    known = know(often, told(days, source="b", scope="foreign; sectors=aid; reach=countries"))
    assert pd.isna(known.loc[("a", "violence"), "reasons"])
    assert not known.loc[("a", "violence"), "reporting_gap"]
    assert known.loc[("a", "foreign"), "reporting_gap"]
    known = know(weekly(0), told(days, source="b", scope="foreign; sectors=aid; reach=countries"))
    assert known.loc[("a", "violence"), "reporting_gap"], (
        "much of what is told of violence is theirs"
    )
    # little of its country's reports, and all of those of one region
    alone = told(days, position=1, source="b", scope="foreign; sectors=aid; reach=countries")
    known = know(pd.concat([weekly(0)] * 4), alone)
    gaps = known.loc[[("a", "violence"), ("b", "violence")], "reporting_gap"].tolist()
    assert gaps == [False, True]
    # much in a year before the hole, and little of all that was told
    some = days[(days > TODAY - 1100) & (days < TODAY - 735) | (days > TODAY - 200)]
    known = know(weekly(0), told(some, source="b", scope="foreign; sectors=aid; reach=countries"))
    assert known.loc[("a", "violence"), "reporting_gap"]


@pytest.mark.parametrize("scope", [WATCH, "violence; reach=reports"])
@pytest.mark.parametrize(("last", "silent"), [(TODAY - 1860, False), (TODAY - 1800, True)])
def test_a_source_that_ended_long_ago_is_over_where_another_watches(scope, last, silent):
    """An archive beside a live source is history; alone it is a silence for ever."""
    archive = weekly(0, last, source="old", scope=scope)
    known = know(archive, weekly(last - 400))
    assert known.loc[("a", "violence"), "watched"]
    assert (known.loc[("a", "violence"), "reasons"] == "silent") == silent
    assert known.loc[("a", "violence"), "reporting_gap"] == silent
    alone = know(archive, weekly(last - 400, position=2))
    assert "silent" in alone.loc[("a", "violence"), "reasons"]


@pytest.mark.parametrize(("last", "gap"), [(TODAY - 1860, False), (TODAY - 1800, True)])
def test_a_region_that_is_named_no_more_is_missed_for_five_years(last, gap):
    """Wars move on, and who watched the region all the while has told nothing of it."""
    known = know(weekly(), weekly(0, last, position=1))
    assert known.loc[("b", "violence"), "reporting_gap"] == gap
    assert not known.loc[("a", "violence"), "reporting_gap"]


@pytest.mark.parametrize(
    ("names", "n"),
    [
        (("log 2023", "log 2024"), 1),
        (("log Dec 2023", "log Jan 2024"), 1),
        (("log_December_2023", "log_January_2024"), 1),
        (("LogDec2023", "LogJan2024"), 1),
        (("log 2023", "log_Jan_2024"), 1),
        (("log 2023", "log Jan 2024"), 1),
        (("log to june 2023", "log July 2023"), 1),
        (("marine log", "market log"), 2),
        (("north 2023", "south 2024"), 2),
    ],
)
def test_files_that_follow_each_other_are_one_source_however_dates_are_written(names, n):
    day = np.arange(0, 700, 7)
    source = pd.Series(np.where(day < 350, *names))
    joined = join_sources(source, day, pd.Series(["a"] * len(day)))
    assert joined.nunique() == n


def test_a_region_that_nobody_watched_is_held_against_the_days_of_any_report():
    bounds = np.arange(0, TODAY + 1, 30)
    anybody = reported_share(
        weekly(0).assign(is_partial=False),
        KEYS,
        np.zeros((len(bounds) - 1, 3)),
        bounds=bounds,
        today=TODAY,
    )
    watchers = find(weekly(0, scope="none"))
    watched, at_risk = days_at_risk_share(watchers, anybody, "violence", bounds=bounds)
    assert not watched.any()
    assert at_risk is None or (at_risk[:, :2] == 1).all()


def test_old_rows_beside_a_log_are_no_days_on_which_anybody_reported():
    """But for the windows of which a region itself is told."""
    bounds = np.arange(0, TODAY + 1, 90)
    old, log = weekly(0, 1400).iloc[::30].assign(source="old"), weekly(1500)
    counts = np.zeros((len(bounds) - 1, 3))
    counts[5, 0] = 1
    both = pd.concat([old, log], ignore_index=True).assign(is_partial=False)
    share = reported_share(both, KEYS, counts, bounds=bounds, today=TODAY)
    assert not share[:10, 1].any()
    assert share[5, 0] == 1
    assert (share[bounds[:-1] > 1500][:-1, 1] == 1).all()


@pytest.mark.parametrize(("start", "counts"), [(0, False), (TODAY - 300, True)])
def test_a_source_of_one_sector_adds_no_day_to_regions_that_another_told_of_for_a_year(
    start, counts
):
    bounds = np.arange(0, TODAY + 1, 90)
    log = weekly(start, TODAY - 150).assign(is_partial=False)
    aid = weekly(0).assign(source="aid", is_partial=True)
    share = reported_share(
        pd.concat([log, aid], ignore_index=True),
        KEYS, np.zeros((len(bounds) - 1, 3)), bounds=bounds, today=TODAY,
    )  # fmt: skip
    assert (share[-1, np.unique(log["position"])] > 0).all() == counts


def test_windows_of_a_gap_add_no_days():
    bounds = np.array([0, 1000, 1400, 1490, TODAY])
    watchers = find(weekly(0, 1000), weekly(1500))
    share = watched_windows(watchers, "violence", bounds=bounds, n_regions=3)
    watched, at_risk = days_at_risk_share(watchers, share, "violence", bounds=bounds)
    assert watched[:, 0].tolist() == pytest.approx([0.994, 0.0, 0.0, 1500 / 1510])
    assert np.array_equal(at_risk[:, :2], watched[:, :2])


def test_the_rules_are_numbers_of_one_file():
    rules = default_rules()
    assert (rules.attack_days, rules.lost_share, rules.attack_reach_km) == (90, 0.1, 25.0)
