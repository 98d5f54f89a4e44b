"""Texts that tell of no incident give none."""

from pathlib import Path

import riskmap as rm

MOST_FALSE = 0.05


def texts():
    file = Path(__file__).parent / "no_incidents.txt"
    parts = file.read_text(encoding="utf-8").split("\n== ")[1:]
    return [tuple(part.strip().split("\n", 1)) for part in parts]


def test_false_incidents_are_rare(matcher):
    met = texts()
    false = [
        (kind, text)
        for kind, text in met
        for row in rm.extract_incidents(text, published="2031-05-14", regions=matcher).incident_rows
        if row["event_status"] in ("reported", "arrest")
    ]
    assert len(met) >= 60
    assert len(false) <= MOST_FALSE * len(met), "\n".join(f"{k}: {t}" for k, t in false)
