"""Whatever stands in a feed's columns, no row is lost and nothing untyped is raised."""

import csv
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.feeds import FEEDS
from riskmap.incidents.quarantines import REASONS
from riskmap.schema import check_incidents

#: Rows a test; RISKMAP_FUZZ=100000 looks at a million rows.
EXAMPLES = int(os.environ.get("RISKMAP_FUZZ", "6"))

cells = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.sampled_from(
        [
            *("", "NA", "-9", "0", "1", "2.0", "1e400", "nan", "inf", "-1", "9" * 30, "34,69"),
            *("2024-05-06", "03/04/2024", "1399-12-14", "2024-05-06T22:30Z"),
            *("0001-01-01T00:00Z", "9999-12-31T23:59Z", "346.912.643", "AFG", "Chad"),
            *("#event+id", "0102", "190"),
        ]
    ),
)


def columns_of(feed):
    named = {c for columns in feed.origins().values() for c in columns[:2]}
    return sorted(named | feed.required | (feed.reads or set()))


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_no_row_is_lost(feed, tmp_path_factory):
    header = columns_of(feed)
    path = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    row = st.lists(cells, min_size=len(header), max_size=len(header))

    @settings(max_examples=EXAMPLES)
    @given(st.lists(row, min_size=1, max_size=10))
    def check(rows):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        try:
            table = rm.read_incidents(path, feed=feed.name)
        except InputError as error:
            assert "no row" in str(error) or "can't be split" in str(error)  # noqa: PT017
            return
        check_incidents(table)
        assert len(table) == len(rows)
        assert set(table["quarantine_reason"].dropna()) <= set(REASONS)
        usable = table[table["quarantine_reason"].isna()]
        assert usable["event_date"].notna().all()
        assert usable["date_precision"].notna().all()

    check()
