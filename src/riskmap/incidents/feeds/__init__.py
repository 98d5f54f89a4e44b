"""The feeds: one file a source or kind of source, with its columns and its service if it has one.

Files are recognised by their columns. A new feed is a file and a line here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from riskmap.incidents.feeds import acled, aid_workers, article_reviews, gtd, machine_coded, ucdp
from riskmap.incidents.feeds.generic import generic_feed
from riskmap.incidents.feeds.own_columns import is_readable
from riskmap.incidents.queries import RELIEFWEB
from riskmap.incidents.words import key, name_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskmap.incidents.feeds.mappings import Feed
    from riskmap.incidents.queries import Client

#: The feeds that are known by their columns, in the order in which a file is compared with them.
FEEDS: tuple[Feed, ...] = (
    acled.FEED,
    ucdp.FEED,
    gtd.FEED,
    aid_workers.AWSD,
    machine_coded.GDELT,
    machine_coded.ICEWS,
    machine_coded.POLECAT,
    aid_workers.SHCC,
    aid_workers.SIND,
    acled.HAPI,
    acled.WEEKLY,
    acled.MONTHLY,
    article_reviews.FEED,
)

#: The sources whose coders have told incidents apart, those whose types say nothing of the means,
#: and those whose counts are made from the incidents of another one.
CURATED = tuple(sorted({feed.name for feed in FEEDS if feed.curated}))
TYPELESS = tuple(sorted({feed.name for feed in FEEDS if not feed.typed}))
MADE_OF = {feed.name: feed.made_of for feed in FEEDS if feed.made_of}

#: Every service by the name that callers write.
CLIENTS: Mapping[str, Client] = MappingProxyType(
    {
        client.name: client
        for client in (
            *(ucdp.CLIENT, ucdp.FILES, acled.CLIENT, acled.WITHDRAWN),
            *(acled.HAPI_CLIENT, RELIEFWEB),
        )
    }
)


@lru_cache(maxsize=1)
def every_feed() -> tuple[Feed, ...]:
    """Return the feeds that are known by their columns, and the one of any other table."""
    return (*FEEDS, generic_feed())


def find_headerless(fields: Sequence[str]) -> tuple[Feed, tuple[str, ...]] | None:
    """Return the feed, and its columns, of a file whose first line is no header but a row.

    Parameters
    ----------
    fields
        The fields of the first line.

    Examples
    --------
    >>> find_headerless(["1", "20240331", *["x"] * 59])[0].name
    'gdelt'
    """
    for feed in FEEDS:
        for header in feed.headers:
            if len(header) - feed.optional <= len(fields) <= len(header) and all(
                re.fullmatch(pattern, fields[header.index(column)])
                for column, pattern in feed.signs.items()
            ):
                return feed, header
    return None


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
    header = tuple(header)
    columns = {key(name) for name in header}
    for feed in FEEDS:
        if feed.fits(columns):
            return feed
    return generic_feed() if is_readable(name_columns(header)) else None
