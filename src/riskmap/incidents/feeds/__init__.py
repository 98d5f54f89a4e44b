"""The feeds: one file each, recognised by their columns. A new feed is a file and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskmap.incidents.feeds import acled, awsd, generic, ucdp
from riskmap.incidents.feeds.mappings import key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskmap.incidents.feeds.mappings import Feed

#: Every feed, in the order in which a file's columns are compared with them.
FEEDS: tuple[Feed, ...] = (acled.FEED, ucdp.FEED, awsd.FEED, generic.FEED)


def recognise(header: Iterable[str]) -> Feed | None:
    """Return the feed whose columns a header has; None when it is no known one.

    Parameters
    ----------
    header
        The columns' names as written.

    Examples
    --------
    >>> recognise(["date", "latitude", "longitude"]).name, recognise(["a", "b"])
    ('generic', None)
    """
    columns = {key(name) for name in header}
    for feed in FEEDS:
        if feed.required and feed.required <= columns:
            return feed
    return generic.FEED if generic.is_readable(columns) else None
