"""A log of days: attacks are told, what it tells raises, and its silence lowers nothing."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm

REGIONS = rm.datasets.regions()
MINERS = rm.WorkerGroup("CHN", sector="mining")
AS_OF = pd.Timestamp("2024-07-01")


def log(days, *, n=12, attack=True):
    """A desk's rows of so many days, of which the first may be an attack on the group."""
    table = rm.datasets.incidents().iloc[:n]
    day = AS_OF - pd.to_timedelta(np.linspace(days, 1, n).round().astype(int), unit="D")
    theirs = np.arange(n) == (0 if attack else n)
    return table.assign(
        event_date=day,
        event_date_end=day,
        ingested_at=pd.DatetimeIndex([pd.NaT] * n, tz="UTC"),
        nationality=np.where(theirs, "CHN", None),
        foreign_victims=pd.array(theirs.astype(int), dtype="Int64"),
        sector=None,
        scope="violence; reach=countries",
    ).astype(table.dtypes)


def assess(table, *, every="month", horizon="90D"):
    located = rm.locate(table, REGIONS)
    panel = rm.count_incidents(located, REGIONS, group=MINERS, every=every, as_of=AS_OF)
    return rm.assess(rm.forecast(panel, horizon=horizon), REGIONS)


@pytest.mark.slow
@pytest.mark.parametrize("every", ["day", "month", "quarter"])
@pytest.mark.parametrize("days", [1, 40, 80])
def test_no_level_is_low_and_every_missing_one_has_a_reason(days, every):
    risks = assess(log(days), every=every).risks
    assert not risks["risk_level"].isin([1, 2]).any()
    assert risks.loc[risks["risk_level"] == 0, "reasons"].notna().all()
    assert (risks["risk_level"] == 0).any()
    assert risks.loc[(risks["risk_level"] > 0) & ~risks["attacked"], "at_least"].all()


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 12])
def test_an_attack_holds_its_region_up(n):
    layer = assess(log(40, n=n))
    (home,) = layer.attacks["region_id"]
    rows = layer.risks[(layer.risks["region_id"] == home) & layer.risks["attacked"]]
    assert rows["layer"].tolist() == ["violence", "foreign", "group"]
    assert (rows["risk_level"] >= 3).all()
    assert rows["p_any"].notna().all()


@pytest.mark.slow
def test_a_log_that_is_shorter_than_a_long_horizon_is_no_watch_either():
    risks = assess(log(200), horizon="365D").risks
    assert not risks["risk_level"].isin([1, 2]).any()
    assert (assess(log(200)).risks["risk_level"] > 0).any()


@pytest.mark.slow
def test_what_was_not_watched_makes_no_rate_smaller():
    """Forty days with a horizon of 60 and of 90: a day at risk is one on which there were rows."""
    located = rm.locate(log(40, attack=False), REGIONS)
    panel = rm.count_incidents(located, REGIONS, every="day", as_of=AS_OF)
    counts = [
        rm.forecast(panel, horizon=f"{days}D", model=rm.Climatology()).frame["expected_count"].sum()
        for days in (20, 40, 80)
    ]
    assert counts[1] / counts[0] == pytest.approx(2.0, rel=0.05)
    assert counts[2] / counts[1] == pytest.approx(2.0, rel=0.05)
