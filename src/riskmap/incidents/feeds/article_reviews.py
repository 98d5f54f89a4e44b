"""The review of extracted articles: rows count when an analyst has accepted or corrected them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.incidents.feeds.generic import find_iso, read_people
from riskmap.incidents.feeds.mappings import (
    AREAS,
    STAFF_TYPES,
    Codes,
    Feed,
    Source,
    find_precision,
    same_words,
)
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import unguard_formulas
from riskmap.schema import DATE_PRECISIONS, EVENT_TYPES, RELIABILITIES
from riskmap.settings import data_path, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


#: What an analyst may write into the column ``decision``; empty is not yet decided.
DECISIONS = ("accept", "correct", "reject")

#: Status of what is not news, and stays in the ledger whatever was decided.
STATUSES = (
    *("duplicate", "recounted", "follow_up", "arrest", "alleged", "summary", "bad_answer"),
    *("invented_quote", "not_proven", "unread_language"),
)

#: The columns of a review, in order; an analyst may change all but the first.
REVIEW_COLUMNS = (
    *("incident_id", "decision", "author", "reason", "readers", "differs", "story"),
    *("event_status", "event_date", "event_date_end", "date_precision", "event_type", "place"),
    *("admin1", "admin2", "country", "killed", "wounded", "abducted", "arrested"),
    *("foreign_victims", "nationality", "sector", "occupation", "staff_type", "weapon", "actor"),
    *("claimed_by", "attributed_to", "stated_by", "reliability", "credibility", "ingested_at"),
    *("pair", "source_file", "notes"),
)

_INVENTED = re.compile("X[A-Z]{2}")
_CONFIRMED = "C"
#: What only a review has.
_READ = (
    *("decision", "event_status", "ingested_at", "author", "reason", "readers", "differs"),
    *("story", "pair", "source_file"),
)
#: The reliability of what two readers read alike, and the name that says so.
AGREED, BOTH = "C", "rules+reader"
_TEXTS = (
    "place", "admin1", "admin2", "nationality", "sector", "actor", "claimed_by", "attributed_to",
    "notes",
)  # fmt: skip


def _find_iso(text: str) -> str | None:
    """Return the code of a country; codes of invented ones (XAA to XZZ) stand for themselves."""
    return text if _INVENTED.fullmatch(text) else find_iso(text)


def _finish(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return which rows count, why others don't, and how far the rows are trusted."""
    decision, status = (source.texts(name).str.strip() for name in ("decision", "event_status"))
    decision = decision.str.casefold()
    strange = ~decision.isin((*DECISIONS, ""))
    reasons = np.select(
        [strange, status.isin(STATUSES), decision == "reject", decision == ""],
        ["bad_code", status, "rejected", "not_reviewed"],
        "",
    )
    confirmed = decision.isin(("accept", "correct"))
    readers, pair, story = (source.texts(name).str.strip() for name in ("readers", "pair", "story"))
    chosen = confirmed & (pair != "") & (reasons == "")
    tells = frame.assign(named=frame["nationality"].notna())  # what tells of foreigners, of most
    by = ["foreign_victims", "named", "killed"]
    order = tells[by].astype(float).fillna(0.0).sort_values(by, ascending=False).index
    twice = pair.where(chosen).reindex(order).duplicated().reindex(frame.index)
    reasons = np.where(chosen & twice, "duplicate", reasons)
    waits = pd.Series(reasons == "not_reviewed", frame.index)
    trusted = (
        waits
        & (pair == "")
        & ((readers == BOTH) | are_trusted(decision, readers, frame["event_type"]))
    )
    reasons = _lead_stories(np.where(trusted, "", reasons), story, status, decision)
    sentence = frame["notes"].fillna("").str.slice(0, 1000)
    return {
        **{name: unguard_formulas(frame[name]) for name in _TEXTS},
        **read_people(source, frame.assign(target=None)),
        "source_id": frame["source_id"].str.removeprefix("article:"),
        "source_count": 1,
        "geo_precision": find_precision(frame, AREAS[1:]),
        "reliability": frame["reliability"].fillna("D").mask(confirmed, _CONFIRMED),
        "ingested_at": source.moments("ingested_at"),
        "notes": _with_author(frame["notes"], decision, source),
        "set_aside": pd.Series(reasons, dtype="str").where(reasons != "", None),
        "set_aside_detail": sentence.mask(
            strange, "met " + decision + ", expected " + ", ".join(DECISIONS)
        ),
    }


def _lead_stories(
    reasons: NDArray[Any], story: pd.Series, status: pd.Series, decision: pd.Series
) -> NDArray[Any]:
    """Return the reasons with the others of a story in place of its first row that counts no more.

    A row that joins a story counts with its first. Where none of the story counts, the first that
    was confirmed does, a follow-up too; where none waits either, the first that nobody has decided
    on waits. A follow-up of no story is one of its own.
    """
    alone = (status == "follow_up") & (story == "")
    story = story.mask(alone, "row " + story.index.astype("str"))
    joins = (status.isin(("duplicate", "follow_up")) & (story != "")).to_numpy(bool)
    found = np.asarray(reasons, dtype=object)
    for word, decisions in (("", ("accept", "correct")), ("not_reviewed", ("",))):
        led = story.isin(story[np.isin(found, ("", word))]).to_numpy(bool)
        first = joins & ~led & decision.isin(decisions).to_numpy(bool)
        first &= ~story.where(first).duplicated().to_numpy(bool)
        found = np.where(first, word, found)
    return found


def are_trusted(decision: pd.Series, readers: pd.Series, event_type: pd.Series) -> pd.Series:
    """Return which rows are of a kind that analysts have accepted often enough, as it stood.

    Parameters
    ----------
    decision, readers, event_type
        What was decided on each row, which readers read it, and what it tells of.

    Examples
    --------
    >>> decision = pd.Series(["accept"] * 20 + [""])
    >>> rules, kinds = ("rules", "battle")
    >>> same = [pd.Series(word, decision.index) for word in (rules, kinds)]
    >>> bool(are_trusted(decision, *same).iloc[-1])
    True
    """
    asked = read_toml(data_path("extraction/review.toml"))
    kind = readers + "/" + event_type.fillna("unknown")
    decided = decision.isin(DECISIONS).groupby(kind).transform("sum")
    accepted = (decision == "accept").groupby(kind).transform("sum")
    share = accepted / decided.where(decided > 0)
    known = readers.ne("") & (decided >= asked["decided"])
    return (known & (share >= asked["accepted_share"])).astype(bool)


def _with_author(notes: pd.Series, decision: pd.Series, source: Source) -> pd.Series:
    """Return notes with who decided and why, where that is told."""
    author, why = (source.texts(name).str.strip() for name in ("author", "reason"))
    told = decision + " by " + author + (": " + why).where(why != "", "")
    told = told.where((author != "") & (decision != ""), "")
    plain = notes.fillna("")
    both = plain + ("; " + told).where((plain != "") & (told != ""), told)
    return both.where(both != "", None)


FEED = Feed(
    name="article",
    title="review of extracted articles",
    required=frozenset({"incident_id", "decision", "event_status", "event_date"}),
    dates=(("event_date",), ("event_date_end",)),
    undated=("event_status", STATUSES),
    texts={"source_id": ("incident_id",), **{name: (name,) for name in _TEXTS}},
    counts={
        name: (name,)
        for name in ("killed", "wounded", "abducted", "foreign_victims", "credibility")
    },
    codes={
        "event_type": Codes(("event_type",), same_words(EVENT_TYPES), "unknown"),
        "date_precision": Codes(("date_precision",), same_words(DATE_PRECISIONS)),
        "reliability": Codes(("reliability",), same_words(RELIABILITIES)),
        "staff_type": Codes(("staff_type",), same_words(STAFF_TYPES)),
    },
    country=(("country",), _find_iso),
    # stories that somebody happened to read: one story is no watch
    scope=Scope(),
    finish=_finish,
    reads=frozenset(_READ),
)
