"""Explanations of a forecast: what it would be without one report or source, with more, or quiet.

The coefficients of the fitted model are held; only the history changes. The forecast that would be
made after a refit can differ a little.
"""

from riskmap.models.explanations.influences import INFLUENCES, find_influences
from riskmap.models.explanations.questions import Question
from riskmap.models.explanations.reports import (
    Reports,
    amounts_of,
    find_reports,
    history_of_record,
    report_codes,
)
from riskmap.models.explanations.responses import (
    MOST_QUIET_DAYS,
    RESPONSES,
    find_responses,
    lengthen,
)

__all__ = [
    "INFLUENCES",
    "MOST_QUIET_DAYS",
    "RESPONSES",
    "Question",
    "Reports",
    "amounts_of",
    "find_influences",
    "find_reports",
    "find_responses",
    "history_of_record",
    "lengthen",
    "report_codes",
]
