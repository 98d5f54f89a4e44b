"""Services that publish incidents: what is asked of one and what it answers, as plain values.

Answers of another shape than expected are told as such. Messages repeat what was met in full:
whoever shows one takes the keys out first, then cuts it short (:func:`plain`), so that no part of a
key is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from riskmap.countries import find_country
from riskmap.downloads import Service
from riskmap.errors import InputError, ServiceError
from riskmap.incidents.dates import read_day
from riskmap.incidents.words import key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Query:
    """What a caller wants to know.

    Parameters
    ----------
    country
        Alpha-3 code of the country; all countries when None.
    since, until
        First and last day.
    version
        The release, for services that have several.

    Examples
    --------
    >>> Query.of(country="Afghanistan", since=2020, until="2021-02")
    Query(country='AFG', since=datetime.date(2020, 1, 1), until=datetime.date(2021, 2, 28), \
version=None)
    """

    country: str | None = None
    since: date | None = None
    until: date | None = None
    version: str | None = None

    @classmethod
    def of(
        cls,
        *,
        country: str | None = None,
        since: date | str | int | None = None,
        until: date | str | int | None = None,
        version: str | None = None,
    ) -> Query:
        """Return a checked query; a year or month stands for its first or its last day.

        Raises
        ------
        InputError
            When the country is not known, a day is none, or the days are in the wrong order.
        """
        code = None if country is None else find_country(country)
        if country is not None and code is None:
            raise InputError("unknown country", met=country, expected="an alpha-3 code such as AFG")
        first, last = _day(since, last=False), _day(until, last=True)
        if first and last and first > last:
            raise InputError("the days are in the wrong order", met=f"{first} to {last}")
        return cls(code, first, last, None if version is None else str(version))

    def as_dict(self) -> dict[str, str]:
        """Return what was asked as plain values, without what was left open."""
        values = {name: getattr(self, name) for name in ("country", "since", "until", "version")}
        return {name: str(value) for name, value in values.items() if value is not None}

    def name_days(self, since: str, until: str) -> dict[str, str]:
        """Return the days that were asked for, by the names that a service has for them.

        Examples
        --------
        >>> Query.of(until="2021-02").name_days("from", "to")
        {'to': '2021-02-28'}
        """
        days = {since: self.since, until: self.until}
        return {name: day.isoformat() for name, day in days.items() if day is not None}


def _day(value: date | str | int | None, *, last: bool) -> date | None:
    """Return the first or last day of a day, month or year."""
    if value is None or isinstance(value, date):
        return value
    found = read_day(str(value))
    if found.first is None:
        raise InputError("not a day", met=value, expected="YYYY, YYYY-MM or YYYY-MM-DD")
    return found.last if last else found.first


@dataclass(frozen=True)
class Question:
    """One request to a service, without what signs it.

    Parameters
    ----------
    url
        The address.
    params
        What stands behind ``?``.
    body
        What is posted; nothing is, when None.
    kind
        Media type of the body.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    kind: str = "application/json"


@dataclass(frozen=True)
class Signature:
    """What shows that the caller may ask; never written and never shown.

    Parameters
    ----------
    headers, params
        What is added to a question's headers and to its parameters.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)


def sign_with_key(*, header: str = "", param: str = "") -> Callable[..., Signature]:
    """Return what signs questions with the one key of a service, in a header or a parameter.

    Examples
    --------
    >>> sign = sign_with_key(param="appname")
    >>> sign({"RISKMAP_KEY": "me"}).params
    {'appname': 'me'}
    """

    def sign(keys: Mapping[str, str], *_: Any) -> Signature:
        (key,) = keys.values()
        return Signature({header: key} if header else {}, {param: key} if param else {})

    return sign


@dataclass(frozen=True)
class Page:
    """One answer: its records, what to ask next, and how many records there are in all.

    Parameters
    ----------
    records
        The records as the service writes them.
    following
        The question for the next page; None after the last one.
    total
        How many records all pages hold, when the service says so.
    """

    records: list[dict[str, Any]]
    following: Question | None = None
    total: int | None = None


@dataclass(frozen=True)
class Pace:
    """How often a service is asked, and how patiently.

    Parameters
    ----------
    pause
        Seconds from one request to the next.
    tries
        How often a request is tried that fails for a reason that may pass.
    backoff
        Seconds before the second try; doubled before each further one.
    patience
        Seconds beyond which riskmap gives up rather than wait.
    """

    pause: float = 1.0
    tries: int = 5
    backoff: float = 2.0
    patience: float = 600.0


@dataclass(frozen=True)
class Client:
    """One service: where it is, what it needs, how it is asked and what its answers mean.

    Parameters
    ----------
    name
        What callers write.
    title
        The service's name, as it wants to be cited.
    feed
        The feed that its records are of; None for articles.
    service
        Its address and hosts.
    keys
        Environment variables that hold what it asks for, and where to get it.
    licence
        What its terms say, in one sentence.
    ask
        Makes the first question of a query.
    read
        Makes a page of an answer's JSON and its question; raises ServiceError when the answer has
        another shape than expected.
    sign
        Makes the signature from the keys; may ask the service for a token.
    columns
        What every service's records must have, by the names that it uses.
    identity, country, days
        The records' columns of the id, the country, and the first and last day.
    pace
        How often it is asked.
    versions
        Whether it has releases to choose from.
    release
        Makes the address of a query's file, for services that give files instead of pages.
    """

    name: str
    title: str
    feed: str | None
    service: Service
    keys: Mapping[str, str]
    licence: str
    ask: Callable[[Client, Query], Question]
    read: Callable[[Any, Question], Page]
    sign: Callable[[Mapping[str, str], Callable[[Question], Any], Client], Signature]
    columns: frozenset[str]
    identity: str | None = None
    country: str | None = None
    days: tuple[str, ...] = ()
    pace: Pace = field(default_factory=Pace)
    versions: bool = False
    release: Callable[[Client, Query], str] | None = None


_SHOWN = 300


def plain(text: str) -> str:
    r"""Return what a service says as one line of printable text, cut short.

    Examples
    --------
    >>> plain("no\x1b access")
    'no? access'
    """
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."


def object_of(content: Any, service: str) -> dict[str, Any]:
    """Return an answer that is an object.

    Examples
    --------
    >>> object_of({"data": []}, "a service")
    {'data': []}
    """
    if not isinstance(content, dict):
        raise ServiceError(f"{service} answered a {type(content).__name__}, expected an object")
    return content


def list_of(answer: dict[str, Any], name: str, service: str) -> list[dict[str, Any]]:
    """Return the records that an answer holds under a name.

    Examples
    --------
    >>> list_of({"data": [{"id": 1}]}, "data", "a service")
    [{'id': 1}]
    """
    records = answer.get(name)
    if not isinstance(records, list):
        met = ", ".join(sorted(str(k) for k in answer))
        raise ServiceError(f"{service} answered no list {name!r}, met {met or 'nothing'}")
    if not all(isinstance(record, dict) for record in records):
        raise ServiceError(f"{service} answered records in {name!r} that are no objects")
    return records


def count_of(answer: dict[str, Any], name: str, service: str) -> int | None:
    """Return a count that an answer may state.

    Examples
    --------
    >>> count_of({"total": "12"}, "total", "a service"), count_of({}, "total", "a service")
    (12, None)
    """
    met = answer.get(name)
    if met is None:
        return None
    if isinstance(met, bool) or not str(met).isdecimal():
        raise ServiceError(f"{service} states {name} {str(met)!r}, expected a count")
    return int(met)


def check_columns(records: list[dict[str, Any]], columns: frozenset[str], service: str) -> None:
    """Raise unless records have the columns that they must have.

    Examples
    --------
    >>> check_columns([{"Event ID": 1}], frozenset({"event_id"}), "a service")
    """
    if not records:
        return
    met = {key(str(name)) for record in records for name in record}
    if missing := sorted(columns - met):
        shown = ", ".join(sorted(met))
        raise ServiceError(
            f"{service} has changed its columns: {', '.join(missing)} not among them; met {shown}"
        )


#: Reports a page.
REPORTS_A_PAGE = 1000
#: What is asked of each report.
REPORT_FIELDS = ("title", "body", "url", "date.original", "date.created", "source.shortname")


def _ask_reports(client: Client, query: Query) -> Question:
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
    return _page_of_reports(f"{client.service.api}/reports", conditions, offset=0)


def _page_of_reports(url: str, conditions: list[dict[str, Any]], *, offset: int) -> Question:
    body = {
        "filter": {"operator": "AND", "conditions": conditions},
        "fields": {"include": list(REPORT_FIELDS)},
        "sort": ["date.created:asc"],
        "limit": REPORTS_A_PAGE,
        "offset": offset,
    }
    return Question(url, body=orjson.dumps(body).decode())


def _read_reports(content: Any, question: Question) -> Page:
    answer = object_of(content, "ReliefWeb")
    records = [_report(item) for item in list_of(answer, "data", "ReliefWeb")]
    total = count_of(answer, "totalCount", "ReliefWeb")
    asked = orjson.loads(question.body or "{}")
    offset = asked["offset"] + len(records)
    more = bool(records) and (total is None or offset < total)
    conditions = asked["filter"]["conditions"]
    return Page(
        records, _page_of_reports(question.url, conditions, offset=offset) if more else None, total
    )


def _report(item: Mapping[str, Any]) -> dict[str, Any]:
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


#: ReliefWeb v2: reports as text, coded to countries alone; each goes to ``extract_incidents``.
#: https://apidoc.reliefweb.int. The name of the application must have been approved.
RELIEFWEB = Client(
    name="reliefweb",
    title="ReliefWeb API",
    feed=None,
    service=Service(api="https://api.reliefweb.int/v2", hosts=("api.reliefweb.int",)),
    keys={
        "RISKMAP_RELIEFWEB_APPNAME": "an approved appname (apidoc.reliefweb.int/parameters#appname)"
    },
    licence="Each report belongs to its publisher; ReliefWeb asks to be named.",
    ask=_ask_reports,
    read=_read_reports,
    sign=sign_with_key(param="appname"),
    columns=frozenset({"report_id", "published", "title"}),
    identity="report_id",
    days=("published",),
)
