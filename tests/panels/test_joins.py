"""What is kept of the incidents beside their counts."""

import weakref
from functools import partial

import pandas as pd

from riskmap.panels.joins import Once


def test_what_a_table_is_made_from_is_let_go():
    source = pd.DataFrame({"a": [1, 2]})
    gone = weakref.ref(source)
    table = Once(partial(lambda rows: rows.tail(1).copy(), source))
    del source
    assert len(table()) == 1
    assert gone() is None
    assert table() is table()
