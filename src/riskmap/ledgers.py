"""The ledger: what came into each stage, what went out, and every row in between with its reason.

Nothing is lost. At every stage ``rows_in = rows_out + quarantined + merged``; a stage that does not
add up can't be written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from riskmap.errors import LedgerError

if TYPE_CHECKING:
    import pandas as pd

Reasons = Mapping[str, int]

#: The share of rows that tell of an incident and may be lost before a run fails.
MAX_LOST = 0.2

#: Why rows are set aside that tell of no incident, or of one that another row tells of.
NO_LOSS = (
    *("duplicate", "withdrawn", "no_incident", "aggregate", "hashtag_row", "recounted", "arrest"),
    "follow_up",
)

#: Why rows are set aside by those who read articles: decided, or still to be.
DECIDED = (
    *("not_reviewed", "rejected", "alleged", "summary", "bad_answer", "invented_quote"),
    *("not_proven", "unread_language"),
)

#: Why incidents are in none of the regions that may well be elsewhere.
ELSEWHERE = ("outside_country", "outside_regions")

_DATES = "dates='%d/%m/%Y' (or as the file writes them)"
_DEGREES = "latitude and longitude in degrees, each in a column of its own"
#: What helps where all rows were set aside, by the reason.
HELPFUL = {
    "ambiguous_date": _DATES,
    "bad_date": _DATES,
    "no_date": "a column of dates, or a mapping= that names it",
    "other_calendar": "a mapping= with its calendar",
    "bad_coordinates": _DEGREES,
    "swapped_coordinates": _DEGREES,
    "null_island": _DEGREES,
    "aggregate": "one incident a row, not counts of them",
    "ragged_row": "as many fields in each row as in the header",
    "not_reviewed": "rows whose decision is to accept them",
    "unknown_region": "regions= whose ids these are, or names beside the ids",
    "outside_country": "regions= of the country that the rows state",
    "outside_regions": "regions= that hold the points",
    "imprecise": "places as exact as the regions, or regions= of a coarser level",
    "no_place": "a country, province, district or coordinates of these regions in the rows",
}

#: How many reasons are told.
TOLD = 10


@dataclass(frozen=True)
class Stage:
    """One stage of the stream: rows in, rows out, and why the others stayed behind.

    Parameters
    ----------
    stage
        The verb: ``"read"``, ``"locate"``, ``"count"``.
    rows_in, rows_out
        Rows that came in and rows that went on.
    reasons
        Rows set aside, counted by reason.
    merged
        Rows that were folded into another row because they tell of the same incident.
    lost
        Rows that may tell of an incident, and were set aside for what they lack, or count elsewhere
        than in the district that they name.
    not_used
        Those of them that name a district which was not used.

    Raises
    ------
    LedgerError
        When ``rows_in`` is not ``rows_out + quarantined + merged``.

    Examples
    --------
    >>> Stage("read", rows_in=3, rows_out=2, reasons={"no_date": 1}).quarantined
    1
    """

    stage: str
    rows_in: int
    rows_out: int
    reasons: Reasons = field(default_factory=dict)
    merged: int = 0
    lost: int = 0
    not_used: int = 0

    def __post_init__(self) -> None:
        """Sort the reasons, and refuse a stage that does not add up."""
        kept = {str(k): int(self.reasons[k]) for k in sorted(self.reasons) if self.reasons[k]}
        object.__setattr__(self, "reasons", kept)
        counts = (self.rows_in, self.rows_out, self.merged, *kept.values())
        if min(counts) < 0 or self.rows_in != self.rows_out + self.quarantined + self.merged:
            raise LedgerError(
                f"stage {self.stage!r} does not add up: {self.rows_in} in, {self.rows_out} out, "
                f"{self.quarantined} quarantined, {self.merged} merged"
            )

    @property
    def quarantined(self) -> int:
        """Rows set aside, over all reasons."""
        return sum(self.reasons.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the stage as plain values, as they stand in ``ledger.json``."""
        names = ["stage", "rows_in", "rows_out", "quarantined", "merged", "reasons"]
        names += ["lost", "not_used"] if self.lost else []
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Ledger:
    """The stages that rows went through, in order.

    Parameters
    ----------
    stages
        The stages so far. Each takes in what the one before let out.

    Raises
    ------
    LedgerError
        When a stage takes in another number of rows than the stage before let out.

    Examples
    --------
    >>> ledger = Ledger().then(Stage("read", rows_in=3, rows_out=2, reasons={"no_date": 1}))
    >>> ledger = ledger.then(Stage("locate", rows_in=2, rows_out=2))
    >>> [stage.rows_out for stage in ledger.stages]
    [2, 2]
    """

    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        """Refuse stages that lose or gain rows between them."""
        for before, after in zip(self.stages, self.stages[1:], strict=False):
            if after.rows_in != before.rows_out:
                raise LedgerError(
                    f"{before.stage!r} let {before.rows_out} rows out, "
                    f"{after.stage!r} took {after.rows_in} in"
                )

    def then(self, stage: Stage) -> Ledger:
        """Return the ledger with one more stage."""
        return Ledger((*self.stages, stage))

    def as_list(self) -> list[dict[str, Any]]:
        """Return the stages as plain values, as they stand in ``ledger.json``."""
        return [stage.as_dict() for stage in self.stages]


def count_reasons(reasons: pd.Series) -> dict[str, int]:
    """Return how many rows were set aside for each reason, from a column that names it or is empty.

    Examples
    --------
    >>> import pandas as pd
    >>> count_reasons(pd.Series(["no_date", None, "no_date"], dtype="str"))
    {'no_date': 2}
    """
    return {str(k): int(n) for k, n in reasons.value_counts().sort_index().items()}


def tell_unused(n: int, of: int) -> str:
    """Return how many incidents name a district that was not used, in a sentence.

    Examples
    --------
    >>> tell_unused(4680, 4999)
    '4,680 of 4,999 incidents name a district that was not used'
    """
    return f"{n:,} of {of:,} incidents name a district that was not used"


@dataclass(frozen=True)
class Losses:
    """How many rows that tell of an incident are lost, by a ledger.

    Parameters
    ----------
    lost, among
        Rows that can't be used, or count elsewhere than in the district that they name; and all
        that tell of an incident which may be of the regions.
    not_used, placed
        Rows that name a district which was not used, and all that could be read and may be of the
        regions.
    elsewhere
        Rows whose country or point is none of the regions'.
    reasons
        Why the others are lost.

    Examples
    --------
    >>> read = Stage("read", rows_in=5, rows_out=4, reasons={"bad_date": 1}, lost=1)
    >>> place = Stage("locate", rows_in=4, rows_out=4, lost=2, not_used=2)
    >>> Losses.of(Ledger((read, place))).tell()
    ['2 of 4 incidents name a district that was not used', '1 bad_date']
    """

    lost: int
    among: int
    not_used: int
    placed: int
    elsewhere: int
    reasons: Mapping[str, int]

    @classmethod
    def of(cls, ledger: Ledger) -> Losses:
        """Return the losses of a ledger's stages of reading and placing."""
        nothing = {name: Stage(name, rows_in=0, rows_out=0) for name in ("read", "locate")}
        known = nothing | {stage.stage: stage for stage in ledger.stages}
        read, located = known["read"], known["locate"]
        aside = {
            reason: n
            for reason, n in read.reasons.items()
            if reason not in (*NO_LOSS, *DECIDED) and read.lost
        }
        elsewhere = sum(located.reasons.get(reason, 0) for reason in ELSEWHERE)
        placed = located.rows_in - elsewhere
        unplaced = {k: n for k, n in located.reasons.items() if k not in ELSEWHERE}
        return cls(
            lost=read.lost + located.lost,
            among=read.lost + placed,
            not_used=located.not_used,
            placed=placed,
            elsewhere=elsewhere,
            reasons=aside | unplaced,
        )

    @property
    def share(self) -> float:
        """The share of rows that are lost; 0 where there are none."""
        return self.lost / self.among if self.among else 0.0

    def tell(self) -> list[str]:
        """Return in numbers what is lost, the unused districts first and then the reasons."""
        unused = tell_unused(self.not_used, self.placed)
        told = tell_reasons(self.reasons)
        return [*([unused] if self.not_used else []), *([told] if told else [])]


def tell_reasons(reasons: Reasons) -> str:
    """Return the most frequent reasons, each with its rows.

    Examples
    --------
    >>> tell_reasons({"no_date": 2, "bad_date": 1200})
    '1,200 bad_date, 2 no_date'
    """
    return ", ".join(f"{n:,} {reason}" for reason, n in _most_frequent(reasons))


def tell_helpful(reasons: Reasons) -> str:
    """Return what helps against the most frequent reasons; ``""`` where nobody knows.

    Examples
    --------
    >>> tell_helpful({"other_calendar": 3})
    'a mapping= with its calendar'
    """
    known = (HELPFUL[reason] for reason, _ in _most_frequent(reasons) if reason in HELPFUL)
    return "; ".join(dict.fromkeys(known))


def _most_frequent(reasons: Reasons) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:TOLD]
