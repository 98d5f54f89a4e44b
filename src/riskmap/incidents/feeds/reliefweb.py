"""ReliefWeb v2: reports as text, coded to countries alone; each goes to ``extract_incidents``.

https://apidoc.reliefweb.int. The name of the application must have been approved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from riskmap.downloads import Service
from riskmap.errors import ServiceError
from riskmap.incidents.queries import (
    Client,
    Page,
    Query,
    Question,
    count_of,
    list_of,
    object_of,
    sign_with_key,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


#: Reports a page.
SIZE = 1000
#: What is asked of each report.
FIELDS = ("title", "body", "url", "date.original", "date.created", "source.shortname")


def _ask(client: Client, query: Query) -> Question:
    conditions: list[dict[str, Any]] = [{"field": "language.code", "value": "en"}]
    if query.country is not None:
        conditions.append({"field": "country.iso3", "value": query.country.lower()})
    days = {}
    if query.since is not None:
        days["from"] = f"{query.since}T00:00:00+00:00"
    if query.until is not None:
        days["to"] = f"{query.until}T23:59:59+00:00"
    if days:
        conditions.append({"field": "date.created", "value": days})
    return _page(f"{client.service.api}/reports", conditions, offset=0)


def _page(url: str, conditions: list[dict[str, Any]], *, offset: int) -> Question:
    body = {
        "filter": {"operator": "AND", "conditions": conditions},
        "fields": {"include": list(FIELDS)},
        "sort": ["date.created:asc"],
        "limit": SIZE,
        "offset": offset,
    }
    return Question(url, body=orjson.dumps(body).decode())


def _read(content: Any, question: Question) -> Page:
    answer = object_of(content, "ReliefWeb")
    records = [_record(item) for item in list_of(answer, "data", "ReliefWeb")]
    total = count_of(answer, "totalCount", "ReliefWeb")
    asked = orjson.loads(question.body or "{}")
    offset = asked["offset"] + len(records)
    more = bool(records) and (total is None or offset < total)
    conditions = asked["filter"]["conditions"]
    return Page(records, _page(question.url, conditions, offset=offset) if more else None, total)


def _record(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report as one flat record."""
    fields = item.get("fields")
    if not isinstance(fields, dict):
        raise ServiceError("ReliefWeb has changed its columns: a report holds no 'fields'")
    dates = fields.get("date")
    dates = dates if isinstance(dates, dict) else {}
    sources = fields.get("source")
    sources = sources if isinstance(sources, list) else []
    names = [str(s.get("shortname")) for s in sources if isinstance(s, dict) and "shortname" in s]
    return {
        "report_id": str(item.get("id", "")),
        "published": str(dates.get("original") or dates.get("created") or "")[:10],
        "url": str(fields.get("url") or ""),
        "publisher": "; ".join(names),
        **{name: str(fields[name]) for name in ("title", "body") if fields.get(name)},
    }


CLIENT = Client(
    name="reliefweb",
    title="ReliefWeb API",
    feed=None,
    service=Service(api="https://api.reliefweb.int/v2", hosts=("api.reliefweb.int",)),
    keys={
        "RISKMAP_RELIEFWEB_APPNAME": "an approved appname (apidoc.reliefweb.int/parameters#appname)"
    },
    licence="Each report belongs to its publisher; ReliefWeb asks to be named.",
    ask=_ask,
    read=_read,
    sign=sign_with_key(param="appname"),
    columns=frozenset({"report_id", "published", "title"}),
    identity="report_id",
    days=("published",),
)
