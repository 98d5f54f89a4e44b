"""Dates: read by their own shape or a declared one, converted when named, never guessed."""

from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.incidents.calendars import CALENDARS
from riskmap.incidents.date_columns import read_days, read_intervals, read_parts, read_texts
from riskmap.incidents.dates import DateRules, read_day

DAYS = st.dates(date(1971, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-03-31", "2024-03-31", "2024-03-31"),
        ("2024-03-31 00:00:00.000", "2024-03-31", "2024-03-31"),
        ("2024-03-31T00:00:00", "2024-03-31", "2024-03-31"),
        ("20240331", "2024-03-31", "2024-03-31"),
        ("2024/3/31", "2024-03-31", "2024-03-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-W13", "2024-03-25", "2024-03-31"),
        ("31/03/2024", "2024-03-31", "2024-03-31"),
        ("3/31/2024", "2024-03-31", "2024-03-31"),
        ("03/03/2024", "2024-03-03", "2024-03-03"),
        ("07 January 2025", "2025-01-07", "2025-01-07"),
        ("7-Jan-2025", "2025-01-07", "2025-01-07"),
        ("January 7, 2025", "2025-01-07", "2025-01-07"),
        ("Sept 2025", "2025-09-01", "2025-09-30"),
    ],
)
def test_shapes_that_read_one_way(text, first, last):
    day = read_day(text)
    assert (str(day.first), str(day.last), day.reason) == (first, last, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_date"),
        (" ", "no_date"),
        ("03/04/2024", "ambiguous_date"),
        ("03/04/24", "ambiguous_date"),
        ("31/31/2024", "bad_date"),
        ("2024-13-01", "bad_date"),
        ("2024-W60", "bad_date"),
        ("2023-02-29", "bad_date"),
        ("31 June 2024", "bad_date"),
        ("7 Brumaire 2024", "bad_date"),
        ("2200-01-01", "bad_date"),
        ("1399-12-14", "other_calendar"),
        ("2567-01-01", "other_calendar"),
        ("2024-03-31T25:00Z", "bad_date"),
        ("31/03/2024 10:00Z", "bad_date"),
        ("1399-01-01T10:00Z", "other_calendar"),
    ],
)
def test_what_is_no_date_says_why(text, reason):
    assert read_day(text).reason == reason


@pytest.mark.parametrize(
    ("form", "text", "first", "last"),
    [
        ("%d.%m.%Y", "03.04.2024", "2024-04-03", "2024-04-03"),
        ("%m/%Y", "02/2024", "2024-02-01", "2024-02-29"),
        ("%Y", "2024", "2024-01-01", "2024-12-31"),
    ],
)
def test_declared_formats(form, text, first, last):
    day = read_day(text, DateRules(format=form))
    assert (str(day.first), str(day.last)) == (first, last)
    assert read_day("x", DateRules(format=form)).reason == "bad_date"


def test_a_declared_format_with_a_zone_gives_a_moment():
    day = read_day("31.03.2024 22:30 +0000", DateRules(format="%d.%m.%Y %H:%M %z"))
    assert day.instant.hour == 22


@pytest.mark.parametrize(
    ("calendar", "text", "expected"),
    [
        ("solar_hijri", "1399-12-30", "2021-03-20"),
        ("solar_hijri", "1403/01/01", "2024-03-20"),
        ("ethiopian", "2016-01-01", "2023-09-12"),
        ("buddhist", "2567-04-03", "2024-04-03"),
    ],
)
def test_named_calendars(calendar, text, expected):
    day = read_day(text, DateRules(calendar=calendar))
    assert (str(day.first), str(day.last)) == (expected, expected)


def test_a_day_that_begins_with_a_sighting_is_known_to_a_day_either_way():
    day = read_day("1445-09-01", DateRules(calendar="islamic"))
    assert day.first <= date(2024, 3, 11) <= day.last
    assert day.last - day.first == timedelta(days=2)


@pytest.mark.parametrize("text", ["1399-13-01", "1400-12-30", "2024-13-01", "soon", "1399-", "399"])
def test_dates_that_another_calendar_lacks(text):
    rules = DateRules(calendar="solar_hijri")
    form = DateRules(calendar="solar_hijri", format="%d/%m/%Y")
    assert read_day(text, rules).reason == "bad_date"
    assert str(read_day("14/12/1399", form).first) == "2021-03-04"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "oracle", "epoch", "step"),
    [
        ("solar_hijri", "persian", 0, 97),  # which works out each equinox
        ("islamic", "islamic", 0, 1),
        ("ethiopian", "coptic", 276, 1),  # whose years begin on the same day
    ],
)
def test_months_start_when_another_library_says(name, oracle, epoch, step):
    """The oracle is convertdate."""
    convert = pytest.importorskip(f"convertdate.{oracle}").to_gregorian
    calendar = CALENDARS[name]
    for number in range(0, len(calendar.years) * calendar.months, step):
        year, month = calendar.years[number // calendar.months], number % calendar.months + 1
        first, _ = calendar.interval(year, month, 1)
        start = date(*convert(year - epoch, month, 1))
        assert first + timedelta(days=calendar.slack) == start, (year, month)


@pytest.mark.parametrize("name", sorted(CALENDARS))
def test_the_years_of_a_calendar_follow_one_another(name):
    calendar = CALENDARS[name]
    slack = timedelta(days=calendar.slack)
    for year in calendar.years[1:-1:7]:
        months = [calendar.interval(year, month) for month in range(1, calendar.months + 1)]
        whole = calendar.interval(year)
        assert (months[0][0], months[-1][1]) == whole
        for before, after in pairwise(months):
            assert before[1] - slack + timedelta(days=1) == after[0] + slack
        assert whole[1] - slack + timedelta(days=1) == calendar.interval(year + 1)[0] + slack


@given(DAYS)
def test_iso_days_come_back(day):
    for text in (day.isoformat(), day.strftime("%Y%m%d"), day.strftime("%d %B %Y")):
        found = read_day(text.zfill(8) if text.isdigit() else text)
        assert (found.first, found.last) == (day, day)


@given(DAYS)
def test_slashes_are_read_right_or_not_at_all(day):
    found = read_day(day.strftime("%d/%m/%Y"))
    assert found.reason == "ambiguous_date" or found.first == day


@given(st.text(max_size=12))
def test_any_text_is_a_day_or_has_a_reason(text):
    day = read_day(text)
    assert (day.reason is None) == (day.first is not None or day.instant is not None)
    if day.first is not None:
        assert 1946 <= day.first.year <= day.last.year <= 2100


def test_parts_and_intervals():
    def series(*values):
        return pd.Series(values, dtype="str")

    days = read_parts(
        series("2024", "2024.0", "2024", "0", ""),
        series("2", "0", "13", "1", ""),
        series("30", "5", "1", "1", ""),
        columns="y, m, d",
    )
    assert days.reason.tolist() == ["bad_date", None, "bad_date", "no_date", "no_date"]
    assert days.precision.tolist()[1] == "year"
    days = read_intervals(
        series("2024-01-01", "2024-01-01", "2022-01-01", "2024-01-01"),
        series("2024-01-20", "x", "2024-01-01", "2023-01-01"),
        columns=("a", "b"),
    )
    assert days.reason.tolist() == [None, "bad_date", "bad_date", "bad_date"]
    assert days.precision.tolist()[0] == "month"


def test_stated_precision_widens_a_single_day():
    days = read_days(pd.Series(["2024-02-10"] * 4, dtype="str"), column="d")
    wide = days.widened(pd.Series(["week", "month", "year", None], dtype="str"))
    assert [str(d) for d in wide.first] == ["2024-02-07", "2024-02-01", "2024-01-01", "2024-02-10"]
    assert [str(d) for d in wide.last] == ["2024-02-13", "2024-02-29", "2024-12-31", "2024-02-10"]


def test_a_country_of_many_zones_keeps_both_days():
    texts = pd.Series(["2024-03-31T23:30Z", "2024-03-31T12:00Z"], dtype="str")
    days = read_days(texts, column="d", countries=pd.Series(["RUS", "RUS"]))
    assert [str(d) for d in days.first] == ["2024-04-01", "2024-03-31"]
    assert [str(d) for d in days.last] == ["2024-04-01", "2024-04-01"]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("1399-12", "2021-02-19", "2021-03-20"), ("1399", "2020-03-20", "2021-03-20")],
)
def test_a_month_or_year_of_another_calendar_is_an_interval(text, first, last):
    day = read_day(text, DateRules(calendar="solar_hijri"))
    assert (day.first, day.last) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text",
    ["1970-01-01", "1970-01-01 00:00:00", "1969-12-31T19:00:00-05:00", "1900-01-01", "1925-01-20"],
)
def test_what_a_program_writes_for_no_day_is_none(text):
    day = read_day(text)
    assert day.first is None
    assert day.instant is None


SLASHED = [f"{day}/04/2025" for day in range(13, 28)]


@pytest.mark.parametrize(
    ("texts", "unsure"),
    [
        (["2025-03-04 00:00:00", "25/04/2025", "2025-10-04 00:00:00", "28/04/2025"], [0, 2]),
        (["2025-04-04", "25/04/2025", "2025-10-04", "28/04/2025"], [2]),  # the same either way
        (["2025-03-24", "25/04/2025", "2025-10-04", "28/04/2025"], []),
        (["2025-03-04", "25 April 2025", "2025-10-04", "28/04/2025", "31/11/2025"], [0, 2]),
        ([*(f"2025-{m:02}-02" for m in range(3, 13)), "2025-01-20", *SLASHED], range(10)),
        ([*(f"2025-{m:02}-20" for m in range(3, 13)), "2025-01-02", *SLASHED], []),
        (["2025-03-04", "25/04/2025"], []),  # may well be a chance
        (["2025-03-04", "2025-10-04", "2025-10-05", "2025-01-02"], []),
    ],
)
def test_days_that_a_spreadsheet_has_turned_round_are_ambiguous(texts, unsure):
    reasons = [day.reason for day in read_texts(texts)]
    assert [i for i, reason in enumerate(reasons) if reason == "ambiguous_date"] == list(unsure)


def test_a_declared_format_adds_and_never_refuses_a_date_cell():
    texts = ["2031-03-25 00:00:00", "03/04/2031", "2031-07-14 00:00:00", "2031-03-25", "28/04/2031"]
    days = read_texts(texts, DateRules(format="%d/%m/%Y"))
    assert [str(day.first) for day in days] == [
        *("2031-03-25", "2031-04-03", "2031-07-14", "2031-03-25", "2031-04-28"),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [("12 May 2031", "2031-05-12"), ("45560", "2024-09-25"), ("04/25/2031", "None")],
)
def test_a_declared_format_refuses_only_what_contradicts_it(text, found):
    assert str(read_day(text, DateRules(format="%d/%m/%Y")).first) == found


@pytest.mark.parametrize(
    ("texts", "firsts"),
    [
        (["1/21/2031", "11/28/2030", "12/3/2030"], ["2031-01-21", "2030-11-28", "2030-12-03"]),
        (["1/21/2031", "12/3/2030"], ["2031-01-21", None]),  # one date shows nothing
        (["1/21/2031", "28/11/2030", "12/3/2030"], ["2031-01-21", "2030-11-28", None]),
        (["1/21/2031", "11/28/2030", "12-3-2030"], ["2031-01-21", "2030-11-28", None]),
        (["21.01.2031", "03.12.2030"], ["2031-01-21", "2030-12-03"]),
        (["03.12.2030"], ["2030-12-03"]),  # the day stands first where points are written
        (["1.21.2031", "03.12.2030"], ["2031-01-21", None]),
        (["21.01.31", "03.12.30", "28.11.30"], ["2031-01-21", "2030-12-03", "2030-11-28"]),
        (["21.01.2031", "3.12.30", "30.12.03"], ["2031-01-21", "2030-12-03", None]),
        (["31.01.21", "31.02.28", "30.03.05"], [None, None, None]),  # the year may stand first
    ],
)
def test_dates_that_may_be_read_two_ways_are_settled_by_the_others_of_their_style(texts, firsts):
    days = read_texts(texts)
    assert [str(day.first) if day.first else None for day in days] == firsts


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("47751", "2030-09-25", "2030-09-25"),
        ("9-May-20", "2020-05-09", "2020-05-09"),
        ("3-5 Jan 2031", "2031-01-03", "2031-01-05"),
        ("3.-5.1.2031", "2031-01-03", "2031-01-05"),
        ("28 Dec - 2 Jan 2031", "2030-12-28", "2031-01-02"),
        ("2031-01-03/2031-01-05", "2031-01-03", "2031-01-05"),
        ("21. Januar 2031", "2031-01-21", "2031-01-21"),
        ("01/2031", "2031-01-01", "2031-01-31"),
        ("2031年1月21日", "2031-01-21", "2031-01-21"),
        ("Tue 21 Jan 2031", "2031-01-21", "2031-01-21"),
        ("21.01.2031, 14:30 Uhr", "2031-01-21", "2031-01-21"),
        ("21.01.2031 14.30", "2031-01-21", "2031-01-21"),
        ("1/21/2031 8:14:33 PM", "2031-01-21", "2031-01-21"),
    ],
)
def test_more_shapes_of_desks(text, first, last):
    day = read_day(text)
    assert (str(day.first), str(day.last)) == (first, last)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("٢١/١/٢٠٣١", "2031-01-21", None),  # noqa: RUF001
        ("۲۱ جنوری ۲۰۳۱", "2031-01-21", None),
        ("２０３１年１月２１日", "2031-01-21", None),
        ("21 كانون الثاني 2031", "2031-01-21", None),
        ("21 جانفي 2031", "2031-01-21", None),
        ("21 января 2031 года", "2031-01-21", None),
        ("Dienstag, 21. Januar 2031", "2031-01-21", None),
        ("martes, 21 de enero de 2031", "2031-01-21", None),
        ("terça-feira, 21 de janeiro de 2031", "2031-01-21", None),
        ("вторник, 21 января 2031", "2031-01-21", None),
        ("الثلاثاء 21 يناير 2031", "2031-01-21", None),
        ("2031年1月21日 星期二", "2031-01-21", None),
        ("21st of January 2031", "2031-01-21", None),
        ("2031-Jan-21", "2031-01-21", None),
        ("'2031-01-21", "2031-01-21", None),
        ("۲ دلو ۱۴۰۳", "2025-01-21", None),
        ("1 Hamal 1410", "2031-03-21", None),
        ("between 3 and 5 January 2031", "2031-01-03", "2031-01-05"),
        ("vom 3. bis 5. Januar 2031", "2031-01-03", "2031-01-05"),
        ("du 3 au 5 janvier 2031", "2031-01-03", "2031-01-05"),
        ("del 3 al 5 de enero de 2031", "2031-01-03", "2031-01-05"),
        ("с 3 по 5 января 2031", "2031-01-03", "2031-01-05"),  # noqa: RUF001
        ("من 3 إلى 5 يناير 2031", "2031-01-03", "2031-01-05"),
        ("2031年1月3日至5日", "2031-01-03", "2031-01-05"),
        ("night of 3/4 January 2031", "2031-01-03", "2031-01-04"),
        ("Anfang Januar 2031", "2031-01-01", "2031-01-10"),
        ("mid February 2031", "2031-02-11", "2031-02-20"),
        ("late Feb 2031", "2031-02-21", "2031-02-28"),
        ("ca. 21.01.2031", "2031-01-18", "2031-01-24"),
        ("on or about 21 January 2031", "2031-01-18", "2031-01-24"),
        ("21 Jan 2031 (approx)", "2031-01-18", "2031-01-24"),
        ("early 2031", "2031-01-01", "2031-12-31"),
        ("Q1 2031", "2031-01-01", "2031-03-31"),
        ("KW 3/2031", "2031-01-13", "2031-01-19"),
    ],
)
def test_dates_as_nine_languages_write_them(text, first, last):
    day = read_day(text)
    assert (str(day.first), str(day.last)) == (first, last or first)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("about", "bad_date"),
        ("late 2031 or so", "bad_date"),
        ("on Monday", "bad_date"),
        ("~3/4/2031", "ambiguous_date"),
        ("2031年1月5日至3日", "bad_date"),
        ("31 Hut 1409", "bad_date"),
        ("14 Hut 2031", "bad_date"),
        ("about " * 5000, "bad_date"),
    ],
)
def test_words_around_no_date_make_none(text, reason):
    assert read_day(text).reason == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("210630ZJAN25", "2025-01-21"),
        ("212230Z JAN 25", "2025-01-22"),  # half past ten at night in London is the next day there
        ("21 0630Z Jan 2025", "2025-01-21"),
        ("210030D*JAN25", "2025-01-21"),
        ("210030LJAN25", "2025-01-21"),
        ("212359JAN25", "2025-01-21"),
        ("21 Jan 2025 22:30Z", "2025-01-22"),
    ],
)
def test_a_date_time_group_is_a_day_where_it_happened(text, expected):
    days = read_days(pd.Series([text]), column="date", countries=pd.Series(["AFG"]))
    assert days.first.astype(str).tolist() == days.last.astype(str).tolist() == [expected]


@pytest.mark.parametrize("text", ["216030ZJAN25", "320630ZJAN25", "210630ZJAX25"])
def test_what_is_no_moment_is_no_date_time_group(text):
    assert read_day(text).reason == "bad_date"


@pytest.mark.parametrize(
    "text",
    [
        *("before 5 May 2025", "prior to 2025-05-05", "until 5 May 2025", "up to 5 May 2025"),
        *("by 5 May 2025", "no later than 5 May 2025", "after 5 May 2025", "<5 May 2025"),
        *("avant le 5 mai 2025", "antes del 5 de mayo de 2025", "bis 5. Mai 2025", "до 5 мая 2025"),
        *("2025年5月5日之前", "before May 2025", "before 5 May"),
    ],
)
def test_a_bound_alone_is_no_day_and_told_as_one(text):
    day = read_days(pd.Series([text, "2025-04-01"]), column="date")
    assert pd.isna(day.first[0])
    assert (
        day.detail[0] == f"date: met {text!r}, expected a day on which it began, not a bound alone"
    )


@pytest.mark.parametrize("text", ["Apr 98", "April 98", "Apr '98", "Apr-98", "Apr. 98", "04/1998"])
def test_a_month_among_days_is_known_to_the_month(text):
    days = read_days(pd.Series([text, "1998-05-05", "1999-06-07", "2001-01-02"]), column="date")
    assert (str(days.first[0]), str(days.last[0])) == ("1998-04-01", "1998-04-30")
    assert days.precision.tolist() == ["month", "day", "day", "day"]
