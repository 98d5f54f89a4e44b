"""The days around the killing in Khwaja Bahauddin, Takhar, on 21 January 2025, replayed.

    python examples/takhar_replay.py

It runs offline, on the provinces of Afghanistan and the small table of publicly reported attacks
that ship with riskmap (each row names its reports). It is a demonstration, not a risk assessment:
most incidents are not in the table, so that levels rest on very little, and that is what they say.

What it prints: for two groups, the level of Takhar as it would have been published before (as of
2025-01-21) and after the killing (as of 2025-02-01), and what moved the expected counts of the
provinces that had one. Before the killing nothing in the table names Takhar: its data are
insufficient, which is no low level. After it there is one report, and for both groups level 2, on
sparse data and with low confidence. For Chinese mining workers that is fragile: without the one
report, which is named, the probability of an attack on one of them in 90 days would be 1 in 2,500
and not 1 in 230, level 1. For aid workers it is robust: 1 in 850 without it, 1 in 450 with it,
level 2 both times. So the killing raises the probability of those like its victims elevenfold, and
that of aid workers not twofold, and by less. In the
provinces known before, it (``neighbours``: news from elsewhere) adds to what Chinese mining workers
must expect, and takes a little from aid workers, whose share of all attacks is now smaller; the
rest is the model, fitted again (``method``).
"""

from __future__ import annotations

import riskmap as rm
from riskmap.settings import data_path

BEFORE, AFTER = "2025-01-21", "2025-02-01"
GROUPS = (rm.WorkerGroup("CHN", sector="mining"), rm.WorkerGroup(sector="aid"))


def main() -> None:
    """Print the levels of Takhar before and after."""
    provinces = rm.read_regions("AFG", level=1)
    takhar = provinces.loc[provinces["name"] == "Takhar", "region_id"].item()
    incidents = rm.read_incidents(data_path("examples/attacks_on_foreign_workers.csv"))
    located = rm.locate(incidents[incidents["country"] == "AFG"], provinces)
    forecasts = {
        day: rm.forecast(rm.count_incidents(located, provinces, every="month", as_of=day))
        for day in (BEFORE, AFTER)
    }
    for group in GROUPS:
        print(f"\n{group}")
        previous = None
        for day, forecast in forecasts.items():
            layer = rm.assess(forecast, provinces, group=group, previous=previous)
            risks = layer.risks[layer.risks["region_id"] == takhar].set_index("layer")
            row = risks.loc["group"]
            print(
                f"  as of {day}: level {row['risk_level']} ({row['level_name']}), p_any "
                f"{row['p_any']:.4f}, data {row['data_sufficiency']}, "
                f"confidence {row['confidence']}"
            )
            previous = layer
        told = layer.influences.query("region_id == @takhar and layer == 'group'")
        for killing in told[told["kind"] == "incident"].itertuples():
            print(
                f"    {row['fragility']}: without {killing.key}, {killing.age_days:.0f} days ago,"
            )
            print(f"    p_any would be {killing.p_any:.4f}, level {killing.risk_level}")
        parts = layer.changes[layer.changes["layer"] == "group"].groupby("cause", sort=False)
        for cause, value in parts["value"].sum().items():
            print(f"    {cause}: {value:+.5f} expected incidents in the provinces known before")


if __name__ == "__main__":
    main()
