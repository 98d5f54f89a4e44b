"""Values: however a column is held and whatever stands beside it, a text means the same number."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.incidents.values import (
    guard_formula,
    parse_numbers,
    read_bound,
    repeat_text,
    to_number,
    unguard_formulas,
)

NUMBERS = st.from_regex(r"[ +-]{0,2}[0-9]{0,25}[.,]?[0-9]{0,25}([eE][+-]?[0-9]{1,3})?[ fd_]?")
WORDS = st.sampled_from(["", "nan", "NaN", "inf", "-Infinity", "nan(1)", "0x10", "1_0", "٣", "1."])
PLAIN = st.floats(allow_nan=False, allow_infinity=False).map(str)


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("texts", "low"),
    [
        (("mindestens 3", "mind. 3", "3 Tote", "drei Tote", "zwischen 3 und 5", "3 bis 5"), 3),
        (("pelo menos 3", "ao menos 3", "3 mortos", "de 3 a 5", "entre 3 e 5"), 3),
        (("не менее 3", "как минимум 3", "трое", "от 3 до 5", "3 человека"), 3),
        (("على الأقل 3", "ما لا يقل عن 3", "ثلاثة", "٣", "٣-٥"), 3),  # noqa: RUF001
        (("حداقل 3", "دست کم ۳", "سه تن", "۳ نفر"), 3),
        (("至少3人", "至少三人", "3人", "三人", "3到5人", "3名"), 3),
        (("au moins 3", "entre 3 et 5", "al menos 3", "entre 3 y 5", "3 o 4"), 3),
        (("mehrere", "alguns", "vários", "несколько", "عدة", "چندین", "多人", "quelques"), 2),
        (("zwei oder drei", "двое", "قتيلان", "两人"), 2),
        (("über 10", "mais de 10", "свыше 10", "أكثر من 10", "بیش از 10", "超过10人"), 11),
        (("10余人", "10多人", "十余人", "约10人", "une dizaine", "etwa 10"), 10),
        (("jusqu'à 5", "bis zu 5", "до 5", "até 5", "ein Toter"), 1),
        (("keine", "nenhum", "нет", "لا يوجد", "هیچ", "无"), 0),
    ],
)
def test_amounts_as_nine_languages_write_them(texts, low):
    assert {text: read_bound(text).low for text in texts} == dict.fromkeys(texts, low)


@pytest.mark.parametrize("text", ["неизвестно", "не известно", "不明", "غير معروف", "unbekannt"])
def test_an_amount_that_nobody_knows_is_no_zero(text):
    found = read_bound(text)
    assert found is None or found.low is None
