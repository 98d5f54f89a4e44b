"""Values: however a column is held and whatever stands beside it, a text means the same number."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.incidents.values import (
    guard_formula,
    parse_numbers,
    repeat_text,
    to_number,
    unguard_formulas,
)

NUMBERS = st.from_regex(r"[ +-]{0,2}[0-9]{0,25}[.,]?[0-9]{0,25}([eE][+-]?[0-9]{1,3})?[ fd_]?")
WORDS = st.sampled_from(["", "nan", "NaN", "inf", "-Infinity", "nan(1)", "0x10", "1_0", "٣", "1."])
PLAIN = st.floats(allow_nan=False, allow_infinity=False).map(str)


@given(st.lists(st.one_of(NUMBERS, WORDS, PLAIN, st.text(max_size=5)), max_size=8))
def test_a_column_of_texts_holds_the_numbers_of_each(texts):
    expected = np.array([to_number(text) for text in texts], dtype=float)
    for dtype in ("str", "object"):
        np.testing.assert_array_equal(parse_numbers(pd.Series(texts, dtype=dtype)), expected)


def test_a_column_of_nothing():
    assert repeat_text(None, 3).isna().all()
    assert repeat_text("", 0).empty


@pytest.mark.parametrize("value", [-1, -0.5, 2.0, None, True])
def test_numbers_are_no_formulas(value):
    assert guard_formula(value) is value


@pytest.mark.parametrize("sign", "=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - wide signs
def test_a_formula_is_guarded_and_read_back(sign):
    guarded = guard_formula(f"{sign}1+1")
    assert guarded == f"'{sign}1+1"
    assert unguard_formulas(pd.Series([guarded])).tolist() == [f"{sign}1+1"]
