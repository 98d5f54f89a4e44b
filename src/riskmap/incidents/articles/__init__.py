"""News text to incidents: an offline extractor, a seam for stronger readers, a review sheet.

Sentences -> facts (places with roles, dates, counts, event words) -> events -> one record an event.
"""

from riskmap.incidents.articles.answers import RECORD_SCHEMA
from riskmap.incidents.articles.endpoints import ChatExtractor, EntityExtractor
from riskmap.incidents.articles.extractions import (
    ARTICLE_COLUMNS,
    EVIDENCE_COLUMNS,
    Extraction,
    extract_incidents,
)
from riskmap.incidents.articles.inputs import Article, read_articles
from riskmap.incidents.articles.matchers import PlaceMatcher, fold, skeleton
from riskmap.incidents.articles.reviews import extract_twice, render_review, write_review

__all__ = [
    "ARTICLE_COLUMNS",
    "EVIDENCE_COLUMNS",
    "RECORD_SCHEMA",
    "Article",
    "ChatExtractor",
    "EntityExtractor",
    "Extraction",
    "PlaceMatcher",
    "extract_incidents",
    "extract_twice",
    "fold",
    "read_articles",
    "render_review",
    "skeleton",
    "write_review",
]
