"""The days around the killing in Khwaja Bahauddin, Takhar, on 21 January 2025, replayed.

    python examples/takhar_replay.py

It runs offline, on the provinces of Afghanistan and the small table of publicly reported attacks
that ship with riskmap (each row names its reports). It is a demonstration, not a risk assessment:
most incidents are not in the table, so that levels rest on very little, and that is what they say.

What it prints: for two groups, the level of Takhar as it would have been published before (as of
2025-01-21) and after the killing (as of 2025-02-01), and what moved the expected counts of the
provinces that had one. Before the killing nothing in the table names Takhar: it is not assessed,
and that is no low level. After it, an attack on one of them holds the level of Chinese mining
workers at moderate or more, marked as attacked and as "at least", because no source watches the
province. It rests on the one report, which is named with what the chance would be without it: that
of a low level, and yet the province would not be assessed, since nobody watches it. For aid
workers, whom it did not hit, the killing counts half and marks nothing; Takhar is "at least"
moderate for them too.
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
    for group in GROUPS:
        print(f"\n{group}")
        previous = None
        for day in (BEFORE, AFTER):
            panel = rm.count_incidents(located, provinces, every="month", as_of=day, group=group)
            layer = rm.assess(rm.forecast(panel), provinces, previous=previous)
            risks = layer.risks[layer.risks["region_id"] == takhar].set_index("layer")
            row = risks.loc["group"]
            print(
                f"  as of {day}: level {row['risk_level']} ({row['level_name']}), p_any "
                f"{row['p_any']:.4f}, data {row['data_sufficiency']}, "
                f"confidence {row['confidence']}, at least {row['at_least']}, "
                f"attacked {row['attacked']}, reasons {row['reasons']}"
            )
            previous = layer
        told = layer.influences.query("region_id == @takhar and layer == 'group'")
        for killing in told[told["kind"] == "incident"].itertuples():
            print(
                f"    {row['fragility']}: without {killing.key}, {killing.age_days:.0f} days ago,"
            )
            print(f"    p_any would be {killing.p_any:.4f}, in a province that nobody watches")
        parts = layer.changes[layer.changes["layer"] == "group"].groupby("cause", sort=False)
        for cause, value in parts["value"].sum().items():
            print(f"    {cause}: {value:+.5f} expected incidents in the provinces known before")


if __name__ == "__main__":
    main()
