"""News text to incidents: an offline extractor, a seam for stronger readers, a review sheet.

Sentences -> facts (places with roles, dates, counts, event words) -> events -> one record an event.
"""

from riskmap.incidents.articles.extractions import (
    ARTICLE_COLUMNS,
    EVIDENCE_COLUMNS,
    Extraction,
    extract_incidents,
)
from riskmap.incidents.articles.matchers import PlaceMatcher, fold, skeleton

__all__ = [
    "ARTICLE_COLUMNS",
    "EVIDENCE_COLUMNS",
    "Extraction",
    "PlaceMatcher",
    "extract_incidents",
    "fold",
    "skeleton",
]
