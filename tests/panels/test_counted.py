"""A table that counts makes the panel that its incidents make one by one; its zeros are watched."""

from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import RiskmapWarning
from riskmap.incidents.foreign_victims import is_incident

REGIONS = rm.datasets.regions()
IDS = REGIONS["region_id"].tolist()
MONTHS = pd.date_range("2022-01-01", periods=36, freq="MS")
AS_OF = "2025-01-01"
BY_REPORTS = "violence; reach=reports"


def table_of(rows, scope=BY_REPORTS, **columns):
    """Rows of region, month and number."""
    frame = pd.DataFrame(rows, columns=["region_id", "month", "events"])
    return rm.read_incidents(
        pd.DataFrame(
            {
                "date": frame["month"].dt.strftime("%Y-%m"),
                "region_id": frame["region_id"],
                "type": "Armed attack",
                "events": frame["events"],
                **columns,
            }
        ),
        scope=scope,
    )


def written_out(rows):
    """The same incidents, one a row, with ids of their own."""
    rows = [(region, month) for region, month, n in rows for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["region_id", "month"])
    return rm.read_incidents(
        pd.DataFrame(
            {
                "id": range(len(frame)),
                "date": frame["month"].dt.strftime("%Y-%m"),
                "region_id": frame["region_id"],
                "type": "Armed attack",
            }
        ),
        scope=BY_REPORTS,
    )


def count(incidents, **options):
    located = rm.locate(rm.merge_duplicates(incidents), REGIONS)
    return rm.count_incidents(located, REGIONS, as_of=AS_OF, **options)


def drawn(seed, n_regions=6, most=5):
    rng = np.random.default_rng(seed)
    return [
        (region, month, int(rng.integers(0, most)))
        for region in IDS[:n_regions]
        for month in MONTHS
        if rng.random() < 0.8
    ]


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_counts_and_incidents_of_the_same_days_make_the_same_panel(seed):
    rows = [row for row in drawn(seed) if row[2]]
    counted, single = count(table_of(rows)), count(written_out(rows))
    pd.testing.assert_frame_equal(counted.frame, single.frame, check_exact=True)
    pd.testing.assert_frame_equal(counted.knowledge, single.knowledge, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_scan_counts_as_the_whole_table_does(seed):
    table = table_of(drawn(seed))
    parts = [table.iloc[: len(table) // 2], table.iloc[len(table) // 2 :]]
    scan = rm.scan_incidents(parts, REGIONS, merge=True)
    whole, summed = count(table), rm.count_incidents(scan, REGIONS, as_of=AS_OF)
    pd.testing.assert_frame_equal(whole.frame, summed.frame, check_exact=True)
    pd.testing.assert_frame_equal(whole.knowledge, summed.knowledge, check_exact=True)
    assert whole.evidence["weight"].sum() == summed.evidence["weight"].sum() > len(table)


@pytest.mark.slow
def test_rows_not_incidents_go_through_the_ledger():
    rows = drawn(3)
    panel = count(table_of(rows))
    assert panel.ledger.stages[-1].rows_out == len(rows)
    assert panel.frame["reports"].sum() == pytest.approx(sum(n for *_, n in rows))


def test_a_missing_count_is_one():
    panel = count(table_of([(IDS[0], MONTHS[3], None), (IDS[0], MONTHS[4], 7)]))
    assert panel.frame["violence"].sum() == 8


def busy(region=IDS[0]):
    return [(region, month, 4) for month in MONTHS]


@pytest.mark.slow
@pytest.mark.parametrize(("scope", "zeros", "watched"), [
    (BY_REPORTS, True, True),
    (BY_REPORTS, False, False),
    ("foreign; sectors=aid; reach=reports", True, False),
    (None, True, False),
])  # fmt: skip
def test_zeros_are_watched_where_the_source_can_see(scope, zeros, watched):
    quiet = [(IDS[1], month, 0) for month in MONTHS] if zeros else []
    panel = count(table_of(busy() + quiet, scope))
    known = panel.knowledge.set_index(["region_id", "layer"])
    for layer in ("violence", "foreign"):
        assert known.loc[(IDS[1], layer), "watched"] == watched
        assert known.loc[(IDS[2], layer), "watched"] == np.False_
    told = panel.frame[panel.frame["region_id"] == IDS[1]]
    assert told["violence"].fillna(0).sum() == 0
    assert bool((told["violence"] == 0).all()) == (zeros and scope == BY_REPORTS)


@pytest.mark.slow
def test_districts_of_zeros_have_low_levels_and_those_without_rows_have_none():
    quiet = [one for one in IDS[1:12] if one != IDS[8]]
    rows = busy() + busy(IDS[8]) + [(region, month, 0) for region in quiet for month in MONTHS]
    layer = rm.assess(rm.forecast(count(table_of(rows))), REGIONS)
    levels = layer.risks_of("violence").set_index("region_id")["risk_level"]
    assert levels[IDS[0]] >= 3
    assert (levels[quiet] > 0).all()
    assert levels[quiet].min() <= 2
    assert set(levels[IDS[12:]]) == {0}


@pytest.mark.slow
@pytest.mark.parametrize(("told", "watched"), [
    (slice(None), slice(None)),
    (slice(None, 24), slice(None, 23)),  # its source ceased in the last one
    (slice(12, None), slice(12, None)),  # it had not begun
    (slice(None, -1), slice(None)),  # one month of none may be chance
    (slice(0, 0), slice(0, 0)),  # it never told anything
])  # fmt: skip
def test_zeros_are_watched_while_their_table_tells_of_incidents(told, watched):
    """What a table is filled up with is unknown, and not zero."""
    own = set(MONTHS[told])
    rows = [(one, m, 4 * (m in own and i == 0)) for i, one in enumerate(IDS[:3]) for m in MONTHS]
    with catch_warnings(record=True) as warned:
        simplefilter("always")
        panel = count(table_of(rows), every="month")
    counts = panel.frame.pivot_table(
        index="window_start", columns="region_id", values="violence", dropna=False
    )
    known = counts[IDS[1]].to_numpy()[-36:] if len(counts) else np.full(36, np.nan)
    expected = np.full(36, np.nan)
    expected[watched] = 0.0
    np.testing.assert_array_equal(known, expected)
    is_padded = len(MONTHS[watched]) < 36
    assert any("zeros are not watched" in str(one.message) for one in warned) == is_padded


@pytest.mark.slow
def test_zeros_of_provinces_that_a_log_never_tells_of_are_no_watch():
    rows = busy() + [(region, month, 0) for region in IDS[1:] for month in MONTHS]
    with pytest.warns(RiskmapWarning, match="zeros are not watched"):
        panel = count(table_of(rows))
    known = panel.knowledge.set_index(["region_id", "layer"])["watched"].xs("violence", level=1)
    province = REGIONS.set_index("region_id")["parent_id"]
    assert known.to_dict() == (province[known.index] == province[IDS[0]]).to_dict()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*zeros are not watched")
@pytest.mark.parametrize("scope", [BY_REPORTS, "none"])
@pytest.mark.parametrize("every", [0, 3])
def test_zeros_of_a_table_of_aid_workers_lower_nothing_for_miners(scope, every):
    """Where it tells of incidents too its zeros are no padding; it goes on when a log ended."""
    log = written_out([row for row in drawn(5) if row[2] and row[1].year < 2024]).assign(
        scope=scope
    )
    told = {(IDS[5], month) for month in (MONTHS[::every] if every else ())}
    zeros = table_of(
        [(region, month, int((region, month) in told)) for region in IDS for month in MONTHS],
        "foreign; sectors=aid; reach=countries",
    ).assign(source="aid")
    zeros["incident_id"] = "aid:" + zeros["source_id"]
    both = pd.concat([log, zeros], ignore_index=True)
    alone, beside = (
        rm.assess(rm.forecast(count(table, group="CHN/mining")), REGIONS).risks.set_index(
            ["region_id", "layer"]
        )
        for table in (log, both)
    )
    assert not (beside["p_any"].fillna(0) < alone["p_any"].fillna(0) - 0.05).any()
    assert not (beside["risk_level"] < alone["risk_level"]).any()


@pytest.mark.slow
def test_a_zero_is_no_attack_and_a_count_of_foreigners_is():
    rows = [(IDS[0], MONTHS[-1], 3), (IDS[1], MONTHS[-1], 0)]
    table = table_of(rows, foreign_victims=[2, None], target="foreigners")
    panel = count(table)
    assert panel.attacks["region_id"].tolist() == [IDS[0]]
    assert panel.frame["foreign"].sum() == 3
    assert panel.frame["unknown"].sum() == 0


def test_a_count_tells_nothing_of_who_was_hit_without_their_number():
    table = table_of([(IDS[0], MONTHS[-1], 3)] * 1, nationality="XQA", country="XQA")
    panel = count(table)
    assert panel.frame["unknown"].sum() == 3
    assert panel.attacks.empty


def test_counts_are_never_merged_by_likeness():
    rows = [(IDS[0], MONTHS[-1], 2), (IDS[0], MONTHS[-1], 2)]
    text = "the same long text of sixty signs and more, word for word and sign for sign"
    table = table_of(rows, killed=[4, 4], notes=text)
    log = rm.read_incidents(
        pd.DataFrame({"date": ["2024-12-01"], "region_id": IDS[0], "type": "Armed attack",
                      "killed": [4], "notes": text}),
        scope=BY_REPORTS,
    )  # fmt: skip
    merged = rm.merge_duplicates(pd.concat([table, log.assign(source="log")], ignore_index=True))
    assert merged["quarantine_reason"].isna().all()
    assert is_incident(merged).sum() == 1


@pytest.mark.slow
def test_a_later_release_of_the_same_rows_counts_once_with_the_higher_number():
    old, new = (table_of([(IDS[0], MONTHS[-1], n), (IDS[1], MONTHS[-1], 2)]) for n in (9, 5))
    panel = count(pd.concat([old, new.assign(source_file="b")], ignore_index=True))
    assert panel.frame["violence"].sum() == 11


def test_a_table_of_months_watches_to_the_end_of_its_last():
    late = rm.count_incidents(
        rm.locate(table_of(busy()), REGIONS), REGIONS, as_of="2025-04-01", every="month"
    )
    watched = late.at_risk["violence"][:, 0]
    assert watched[-4] == 1.0
    assert (watched[-3:] == 0.0).all()


@pytest.mark.slow
def test_the_dead_of_a_count_are_no_toll_of_an_incident():
    rows = busy()
    layer = rm.assess(rm.forecast(count(table_of(rows, killed=400))), REGIONS)
    assert layer.risks["expected_victims"].isna().all()


@pytest.mark.slow
def test_a_recount_of_the_evidence_is_the_panel():
    from riskmap.panels.counts import recount_evidence

    rows = drawn(7)
    panel = count(table_of(rows, killed=[n for *_, n in rows]))
    found = recount_evidence(
        panel.evidence, keys=panel.keys, neighbours=panel.neighbours,
        start=str(panel.edges[0]), as_of=AS_OF, every="month",
    )  # fmt: skip
    pd.testing.assert_frame_equal(found.frame, panel.frame)
    pd.testing.assert_frame_equal(
        found.knowledge.drop(columns="rows_lost"), panel.knowledge.drop(columns="rows_lost")
    )
