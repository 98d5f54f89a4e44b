"""Duplicates: reports that tell of the same incident, within a feed and across feeds.

Reports are compared when they are of neighbouring days and close in space. What speaks for one
incident adds up, what speaks against it is taken off, and from
:data:`riskmap.incidents.duplicates.likeness.ENOUGH` points on two reports are one incident. Within
one release of a feed (one source and file; of articles, one text) rows are different incidents by
the feed's own word, however alike, unless nobody has curated it and they are copies or reprints: a
desk that files six attacks of a day under six ids has counted six. Whatever their points, reports
that state different districts or places, or tell of different things, stay two incidents
(:mod:`riskmap.incidents.duplicates.likeness`).
"""

from __future__ import annotations

from riskmap.incidents.duplicates.candidates import DUPLICATE
from riskmap.incidents.duplicates.linked_rows import merge_duplicates
from riskmap.incidents.duplicates.merging import share_knowledge

__all__ = ["DUPLICATE", "merge_duplicates", "share_knowledge"]
