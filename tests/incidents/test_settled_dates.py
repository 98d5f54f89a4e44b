"""Dates that the other cells of their column settle, or that stay ambiguous and are told."""

import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap import cli
from riskmap.incidents.date_columns import read_texts

RUN = CliRunner()


def read(cells, **options):
    """The spans of days as 'first/last', or the reason why there is none."""
    table = rm.read_incidents(pd.DataFrame({"date": cells, "place": "Kelda"}), **options)
    spans = table["event_date"].astype("str") + "/" + table["event_date_end"].astype("str")
    return table["quarantine_reason"].fillna(spans).tolist()


DAYS = ["21 January 2031", "2031-02-03", "9 May 2031"]
MONTHS = ["January 2031", "02/2031", "May 2031"]


@pytest.mark.parametrize("text", ["January 20", "Jan 20", "Jan-20", "janvier 20"])
@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (DAYS, "2031-01-20/2031-01-20"),
        (MONTHS, "2020-01-01/2020-01-31"),
        ([*DAYS, "3 May 2030"], "ambiguous_date"),  # of which year is not known
        ([*DAYS, *MONTHS], "ambiguous_date"),
        ([], "ambiguous_date"),
        (["Feb 24", "Mar 7"], "ambiguous_date"),
    ],
)
def test_a_month_and_a_number_are_what_the_other_cells_are(text, others, expected):
    assert read([text, *others])[0] == expected


def test_a_column_of_months_and_short_years_is_one():
    assert read(["Nov-30", "Dec-30", "Jan-31", "Feb-31"])[3] == "2031-02-01/2031-02-28"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 February", "2031-02-03/2031-02-03"),
        ("March 5", "2031-03-05/2031-03-05"),
        ("9月下旬", "2031-09-21/2031-09-30"),
        ("9月3日", "2031-09-03/2031-09-03"),
        ("mid-June", "2031-06-11/2031-06-20"),
        ("soon", "bad_date"),
        ("5", "bad_date"),
    ],
)
def test_a_date_without_a_year_is_of_the_only_year_of_the_others(text, expected):
    assert read([text, *DAYS])[0] == expected
    assert read([text, "2030-05-01", *DAYS])[0] == "bad_date"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mid-June 2031", "2031-06-11/2031-06-20"),
        ("early-June 2031", "2031-06-01/2031-06-10"),
        ("end June 2031", "2031-06-21/2031-06-30"),
        ("2031年9月上旬", "2031-09-01/2031-09-10"),
        ("2031年9月中旬", "2031-09-11/2031-09-20"),
        ("2031年9月下旬", "2031-09-21/2031-09-30"),
        ("January 3-5, 2031", "2031-01-03/2031-01-05"),
        ("January 3 to 5, 2031", "2031-01-03/2031-01-05"),
        ("3–5 January 2031", "2031-01-03/2031-01-05"),
        ("2031-01-03/05", "2031-01-03/2031-01-05"),
        ("June-July 2031", "2031-06-01/2031-07-31"),
        ("Jun/Jul 2031", "2031-06-01/2031-07-31"),
        ("week of 3 January 2031", "2031-01-03/2031-01-09"),
    ],
)
def test_parts_of_months_and_spans(text, expected):
    assert read([text])[0] == expected


@pytest.mark.parametrize(
    "text",
    ["1409-11-01", "1409/11/1", "\u06f1\u06f4\u06f0\u06f9-11-01", "21/11/1409", "2574-01-21"],
)
def test_a_date_of_another_calendar_is_read_by_where_it_falls_among_the_others(text):
    day = {"21/11/1409": "2031-02-10"}.get(text, "2031-01-21")
    assert read([text, *DAYS])[0] == f"{day}/{day}"
    assert read([text])[0] == "other_calendar"


def test_gregorian_dates_beside_a_declared_calendar_stay_what_they_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("date,place\n1409-11-01,Kelda\n2031-01-22,Kelda\n", "utf-8")
    done = RUN.invoke(cli.app, ["import", str(path), "--calendar", "solar_hijri"])
    assert "2031-01-21  2031-01-21" in done.output
    assert "2031-01-22  2031-01-22" in done.output
    assert "dates such as '2031-01-22' (1) read as Gregorian" in done.output
    done = RUN.invoke(cli.app, ["import", str(path), "--calendar", "mars"])
    assert "unknown calendar" in str(done.exception)


@pytest.mark.parametrize(
    ("others", "text", "expected"),
    [
        (["28 December 2030", "2030-12-30"], "January 2", "2031-01-02/2031-01-02"),
        (["28 December 2030", "2030-12-30"], "2 December", "2030-12-02/2030-12-02"),
        (["5 February 2030", "30 December 2030"], "January 2", "bad_date"),  # of either year
    ],
)
def test_a_date_without_a_year_falls_near_the_others(others, text, expected):
    assert read([text, *others])[0] == expected


def test_days_of_one_month_without_a_year_are_no_months_of_many():
    assert read(["Jan 20", "Jan 21", "Jan 22", "Jan 23"]) == ["ambiguous_date"] * 4


@pytest.mark.parametrize("text", ["January 20", "3 February", "1409-11-01"])
def test_what_was_settled_is_told(text):
    report = rm.incidents.check_incidents_file(
        pd.DataFrame({"date": [text, *DAYS], "place": "Kelda"})
    )
    assert f"{text!r} read as 2031-" in str(report)


@pytest.mark.parametrize(
    ("text", "others", "expected"),
    [
        ("1/2/1409", DAYS, "other_calendar"),  # of which order is not known
        ("1/2/1409", ["15/3/1409", "28/2/1409", *DAYS], "2030-04-21/2030-04-21"),
        ("1/2/1409", ["2/15/2031", "3/28/2031", *DAYS], "2030-03-22/2030-03-22"),
        ("1.2.1409", DAYS, "2030-04-21/2030-04-21"),
        ("2/2/1409", DAYS, "2030-04-22/2030-04-22"),
    ],
)
def test_a_date_of_another_calendar_has_its_day_where_the_others_have_it(text, others, expected):
    assert read([text, *others])[0] == expected


def test_a_declared_calendar_reads_day_and_month_before_the_year():
    rules = rm.incidents.DateRules(calendar="solar_hijri")
    days = read_texts(["1/2/1409", "15/3/1409", "28/2/1409"], rules)
    assert [str(day.first) for day in days] == ["2030-04-21", "2030-06-05", "2030-05-18"]
    assert read_texts(["1/2/1409"], rules)[0].reason == "ambiguous_date"


def test_what_a_declared_format_refuses_is_not_read_in_another_order():
    rules = rm.incidents.DateRules("%d/%m/%Y", "solar_hijri")
    days = read_texts(["5/13/1409", "5/6/1409"], rules)
    assert [day.reason for day in days] == ["bad_date", None]


def test_a_few_days_without_a_year_are_no_months():
    assert read(["Jan 20", "Mar 20", "May 21"]) == ["ambiguous_date"] * 3
    assert read(["Jan 20", "Mar 20", "May 21", "Sep 21", "Nov 20"]) == ["ambiguous_date"] * 5


@pytest.mark.parametrize("slip", ["Feb 30", "Jun 31"])
def test_a_typing_error_makes_no_years_of_days(slip):
    assert read([slip, "Mar 12", "Apr 12", "May 12", "Jul 12"]) == ["ambiguous_date"] * 5
    assert read([slip, slip.replace(slip[:3], "Mar")]) == ["ambiguous_date"] * 2


def test_many_months_of_few_years_are_months():
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    texts = [f"{name} {year}" for year in (20, 21) for name in names]
    assert read(texts)[13] == "2021-02-01/2021-02-28"


@pytest.mark.parametrize("text", ["20 Dec", "24-12", "December"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_the_newest_rows_of_a_log_are_not_of_the_year_before(text, newest_first):
    days = [str(day)[:10] for day in pd.date_range("2031-01-03", "2031-09-17", freq="9D")]
    texts = [text, *days[::-1]] if newest_first else [*days, text]
    found = read_texts(texts)[0 if newest_first else -1]
    assert (found.first.year, found.first.month) == (2031, 12)


def test_a_first_row_may_be_of_the_year_before():
    days = [str(day)[:10] for day in pd.date_range("2031-01-03", "2031-09-17", freq="9D")]
    assert str(read_texts(["20 Dec", *days])[0].first) == "2030-12-20"
    assert read_texts([*days[:9], "20 Dec", *days[9:]])[9].first is None


@pytest.mark.parametrize("times", [3, 10])
def test_days_with_several_rows_are_no_steps_of_the_order(times):
    days = [str(day)[:10] for day in pd.date_range("2031-01-03", "2031-09-17", freq="9D")]
    rows = [day for day in days for _ in range(times)]
    assert str(read_texts([*rows, "20 Dec"])[-1].first) == "2031-12-20"
    assert str(read_texts(["20 Dec", *rows])[0].first) == "2030-12-20"


def test_a_date_half_a_year_behind_all_others_is_of_no_year():
    """An old row below a log of one week: in this year's December it would count nowhere."""
    week = [f"2031-01-0{day}" for day in range(1, 8) for _ in range(3)]
    assert read_texts([*week, "28 December"])[-1].first is None
    assert str(read_texts(["28 December", *week])[0].first) == "2030-12-28"


def test_dates_of_which_the_first_alone_tell_the_year_follow_each_other():
    texts = ["2031-01-03", "2031-01-20", "2031-02-09", "10 May", "15 July", "20 September"]
    found = read_texts([*texts, "1 November", "20 December"])
    assert [str(one.first) for one in found[-2:]] == ["2031-11-01", "2031-12-20"]
