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
