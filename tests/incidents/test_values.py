"""Values: however a column is held and whatever stands beside it, a text means the same number."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from riskmap.incidents.values import parse_numbers, repeat_text, to_number

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
