"""A source that goes on and tells hardly anything of something any more, against all chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.panels.lapses import OPEN, find_lapses, without_times

TODAY = 2000


def lapses(days, is_hit, number=None):
    order = np.argsort(days, kind="stable")
    day, hit = np.asarray(days)[order], np.asarray(is_hit, dtype=float)[order]
    n = np.ones(len(day)) if number is None else np.asarray(number, dtype=float)[order]
    found = find_lapses(
        day, n, hit * n, TODAY, probability=(0.9999, 0.999), thin_share=0.25, memory_days=1826
    )
    return found.tolist()


def steady(stop=TODAY, again=TODAY):
    """A report every other day, of which each fifth is a hit, but for a time."""
    days = np.arange(0, TODAY, 2)
    return days, (days % 10 == 0) & ((days <= stop) | (days >= again))


def test_what_goes_on_has_no_lapse():
    assert lapses(*steady()) == []


def test_one_that_lasts_begins_with_the_last_hit():
    assert lapses(*steady(stop=1500)) == [[1500, OPEN]]


def test_one_that_has_ended_has_both_days():
    assert lapses(*steady(stop=1000, again=1400)) == [[1000, 1400]]


@pytest.mark.parametrize("stray", [1600, 1800, 1990])
def test_a_stray_hit_does_not_undo_it(stray):
    days, hit = steady(stop=1400)
    ((start, end),) = lapses(days, hit | (days == stray))
    assert start == 1400
    assert end >= 1990


def test_a_trickle_that_has_ended_is_one():
    days, hit = steady()
    trickle = (days > 1000) & (days < 1600)
    ((start, end),) = lapses(days, hit & ~(trickle & (days % 80 != 0)))
    assert abs(start - 1000) <= 40
    assert abs(end - 1600) <= 80


@pytest.mark.parametrize("opened", [400, 800])
def test_a_late_beginning_hides_none(opened):
    days, hit = steady(stop=1500)
    assert lapses(days, hit & (days >= opened)) == [[1500, OPEN]]


def test_an_earlier_lapse_hides_none():
    days, hit = steady(stop=1600)
    assert lapses(days, hit & ((days < 600) | (days > 1000))) == [[590, 1010], [1600, OPEN]]


def test_a_time_without_any_report_hides_none():
    days, hit = steady(stop=1600)
    told = (days < 600) | (days > 1000)
    assert lapses(days[told], hit[told]) == [[1600, OPEN]]


@pytest.mark.parametrize("copies", [2, 500])
def test_a_flood_of_other_reports_is_none(copies):
    days, hit = steady()
    number = np.where((days > 1800) & ~hit, copies, 1)
    assert lapses(days, hit, number) == []


def test_a_calm_in_which_nothing_is_told_is_none():
    """The source tells less of everything: that is for the rule on silences to judge."""
    days, hit = steady()
    assert lapses(days[days < 1500], hit[days < 1500]) == []


def test_a_war_that_comes_and_goes_leaves_none():
    days = np.arange(0, TODAY, 2)
    assert lapses(days, (days // 100) % 2 == 1) == []  # it had been as quiet before


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, TODAY - 1), st.booleans()), max_size=200))
def test_times_follow_each_other_and_begin_with_a_hit(rows):
    days, hit = [day for day, _ in rows], [told for _, told in rows]
    found = lapses(days, hit) if rows else []
    edges = [edge for one in found for edge in one]
    assert edges == sorted(edges)
    assert {start for start, _ in found} <= {day for day, told in rows if told}
    begin, end = without_times(np.array([0]), np.array([TODAY]), np.array(found).reshape(-1, 2))
    left = sum(end - begin)
    assert left == TODAY - sum(min(high, TODAY) - low for low, high in found)
