"""Time and memory of reading ACLED-shaped rows: ``python benchmarks/reading.py [ROWS]``.

The rows are invented. The time is compared with that of ``pandas.read_csv`` on the same file, which
neither checks widths nor reads dates, codes and coordinates.
"""

import csv
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

import riskmap as rm

HEADER = (
    "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,"
    "assoc_actor_1,inter1,actor2,assoc_actor_2,inter2,interaction,civilian_targeting,iso,region,"
    "country,admin1,admin2,admin3,location,latitude,longitude,geo_precision,source,source_scale,"
    "notes,fatalities,tags,timestamp"
)
WORDS = (
    "armed",
    "men",
    "attacked",
    "a",
    "convoy",
    "on",
    "the",
    "road",
    "near",
    "village",
    "police",
)
MONTHS = ("January", "March", "July", "November")


def write_rows(path: Path, size: int) -> None:
    """Write `size` invented rows with the 31 columns of an ACLED export."""
    rng = random.Random(1)  # noqa: S311 - invented rows
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        file.write(HEADER + "\n")
        for i in range(size):
            day = rng.randrange(3650)
            date = f"{1 + day % 28:02d} {MONTHS[day % 4]} {2014 + day // 365}"
            place = (f"P{day % 34}", f"D{day % 399}", "", f"V{day}")
            point = (f"{30 + day / 1000:.4f}", f"{60 + rng.random() * 10:.4f}", rng.choice("123"))
            writer.writerow(
                [
                    *(f"XXA{i}", date, date[-4:], rng.choice("112"), "Political violence"),
                    *("Battles", "Armed clash", "Militia (X)", "", "Political Militia"),
                    *("Police Forces of X", "", "State Forces", "State Forces-Militia", ""),
                    *(999, "Nowhere", "X", *place, *point, "Paper; Radio", "National"),
                    *(" ".join(rng.choices(WORDS, k=45)), rng.randrange(9), "", 1735689600 + i),
                ]
            )


def main(size: int) -> None:
    """Print time, memory and the ratio to pandas."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        write_rows(path, size)
        start, busy = time.perf_counter(), time.process_time()
        incidents = rm.read_incidents(path)
        ours, busy = time.perf_counter() - start, time.process_time() - busy
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        assert len(incidents) == size
        assert incidents["quarantine_reason"].isna().all()
        del incidents
        start = time.perf_counter()
        pd.read_csv(path, dtype=str, keep_default_na=False)
        theirs = time.perf_counter() - start
    print(
        f"{size:,} rows: {ours:.1f} s ({busy:.1f} s of processor time), peak {peak:.2f} GB, "
        f"{ours / theirs:.2f} x pandas.read_csv"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
