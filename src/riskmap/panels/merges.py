"""Merges: reports of the same incident count once, in whatever part of the input they stand.

Parts are read once and kept on disk. Rows that may be one incident with another are merged together
and then scanned; all others are scanned part by part. So the scan is that of the whole table merged
at once, and no more than one part, or one run of days, is in memory.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from riskmap.incidents.duplicates.shuffles import Bin, find_bins, merge_bin
from riskmap.incidents.duplicates.stores import PLACE_BITS, StoredPart, read_rows, store_part
from riskmap.panels.parts import read_part, scan_table
from riskmap.panels.scans import Scan, keep_whole, sum_scans, take_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.panels.parts import Part, Task
    from riskmap.typing import IntArray, Mapper


def scan_merged(parts: Sequence[Part], task: Task, mapper: Mapper, *, onto: Scan | None) -> Scan:
    """Return the scan of parts in which each incident counts once.

    Parameters
    ----------
    parts, task
        What is read, and what is done to it.
    mapper
        Like :func:`map`: what runs the work on each part.
    onto
        A scan to add to; the incidents that it keeps whole are compared too.
    """
    with TemporaryDirectory(prefix="riskmap-") as folder:
        store = partial(_store, task, Path(folder))
        found = list(mapper(store, list(enumerate(parts, start=1))))
        stored = [one for one in found if isinstance(one, StoredPart)]
        scans = [one for one in found if isinstance(one, Scan)]
        before = [] if onto is None else [store_part(keep_whole(onto), Path(folder) / "0.arrow", 0)]
        bins = find_bins([*before, *stored], mapper, since=1) if stored else []
        if onto is not None:
            scans += take_out(onto, _rows_of(bins, 0))
        todo = [(one, _rows_of(bins, one.number)) for one in stored]
        loners = mapper(partial(_scan_loners, task), todo)
        merged = mapper(partial(_scan_bin, task, [*before, *stored]), bins)
        return sum_scans(chain(scans, loners, merged))


def _store(task: Task, folder: Path, numbered: tuple[int, Part]) -> StoredPart | Scan:
    """Write the rows of a part to disk, or return the scan of one that can't be read."""
    number, part = numbered
    table = read_part(task, part)
    if isinstance(table, Scan):
        return table
    return store_part(table, folder / f"{number}.arrow", number)


def _rows_of(bins: Sequence[Bin], number: int) -> IntArray:
    """Return the places of the rows of a part that are in bins, ascending."""
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(one.rows for one in bins)])
    return np.sort(rows[rows >> PLACE_BITS == number] - (number << PLACE_BITS))


def _scan_loners(task: Task, todo: tuple[StoredPart, IntArray]) -> Scan:
    """Return the scan of the rows of a part that are in no bin."""
    part, linked = todo
    return scan_table(task, read_rows([part], np.delete(part.number_rows(), linked)))


def _scan_bin(task: Task, parts: Sequence[StoredPart], rows: Bin) -> Scan:
    """Return the scan of the rows of a bin, merged."""
    return scan_table(task, merge_bin(parts, rows))
