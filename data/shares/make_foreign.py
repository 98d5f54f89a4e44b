"""Remake foreign.toml: set RISKMAP_SHARED to the folder of the sources, then run this file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, stats

import riskmap as rm

#: What is taken, and why: rounded from the ratios below, and wide.
SHARE, LOW, HIGH = 0.01, 0.003, 0.03

TEXT = """\
# What share of violent incidents that don't say who was hit is taken to have hit foreigners.
# Written by make_foreign.py.
share = {share}
low = {low}
high = {high}
# A Beta distribution of this mean whose 5 and 95 % quantiles are as near to low and high as can be.
prior_foreign = {foreign}
prior_others = {others}
# A source's own share is learnt where at least this share of its reports says who was hit ...
least_told_share = 0.5
# ... and may be below the one above from so many such reports on.
least_told_below = 1000

# How it was found: aid workers from abroad are one kind of foreigner, so that attacks on them are
# a part of the whole.
{evidence}
# Sources: UCDP Georeferenced Event Dataset (Uppsala Conflict Data Program, CC BY 4.0), for the
# world its state-based events alone; Aid Worker Security Database of 2020-11-25 (Humanitarian
# Outcomes, aidworkersecurity.org). UCDP holds fatal events alone, AWSD also those with no dead.
"""

EVIDENCE = """\
[[evidence]]
country = "{country}"
years = "{first} to {last}"
events = {events}
foreign_aid_workers_hit = {hit}
ratio = {ratio:.4f}
"""


def measure(folder: Path) -> list[dict[str, object]]:
    """Return how many events of UCDP there were, and how many of AWSD hit foreign aid workers."""
    aid = rm.read_incidents(folder / "incidents/awsd/awsd_2020-11-25.csv")
    hit = aid[aid["foreign_victims"].fillna(0) > 0]
    places = {"CAF": "ged231_CAR482.csv", "MMR": "ged_MMR.csv"}
    found = []
    for iso3, name in places.items():
        days = rm.read_incidents(folder / "incidents/ucdp" / name)["event_date"].dt.year
        ours = hit.loc[hit["country"] == iso3, "event_date"].dt.year
        found.append(_ratio(iso3, (2006, 2020), days.between(2006, 2020).sum(), ours))
    months = pd.read_parquet(folder / "panels/ged_country_month_to_2017.parquet")
    year = 1980 + (months["month_id"] - 1) // 12
    events = months.loc[year.between(2006, 2017), "ged_count_sb"].sum()
    return [*found, _ratio("world", (2006, 2017), events, hit["event_date"].dt.year)]


def _ratio(
    country: str, years: tuple[int, int], events: np.integer, hit: pd.Series
) -> dict[str, object]:
    n = int(hit.between(*years).sum())
    return {
        "country": country,
        "first": years[0],
        "last": years[1],
        "events": int(events),
        "hit": n,
        "ratio": n / int(events),
    }


def find_prior() -> tuple[int, int]:
    """Return the two numbers of the Beta distribution, whole."""

    def miss(foreign: float) -> float:
        ends = stats.beta.ppf([0.05, 0.95], foreign, foreign * (1 / SHARE - 1))
        return float(np.sum(np.log(ends / [LOW, HIGH]) ** 2))

    found = optimize.minimize_scalar(miss, bounds=(0.5, 20.0), method="bounded")
    foreign = round(found.x)
    return foreign, round(foreign * (1 / SHARE - 1))


def write(folder: Path) -> str:
    """Return the text of foreign.toml."""
    foreign, others = find_prior()
    evidence = "\n".join(EVIDENCE.format(**row) for row in measure(folder))
    return TEXT.format(
        share=SHARE, low=LOW, high=HIGH, foreign=foreign, others=others, evidence=evidence
    )


if __name__ == "__main__":
    path = Path(__file__).with_name("foreign.toml")
    path.write_text(write(Path(os.environ["RISKMAP_SHARED"])), encoding="utf-8")
