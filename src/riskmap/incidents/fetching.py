"""Fetching incidents: page by page until all are there, then read like a file.

What to ask next is decided by each service's pure functions (one file a source, in ``feeds``);
asking and waiting happen once for all of them. What was fetched can be written as a file that
``read_incidents`` reads again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from riskmap.downloads import bare_address, stream, write_whole
from riskmap.errors import InputError, ServiceError
from riskmap.incidents.delimited import read_header, sniff_text
from riskmap.incidents.feeds import acled, hapi, ucdp
from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.parts import split_file
from riskmap.incidents.readers import no_incidents, read_incidents
from riskmap.incidents.services import FileClient, Query, Session, plain
from riskmap.incidents.tabular import laid_out, open_table
from riskmap.incidents.words import key
from riskmap.ledgers import Ledger, Stage, count_reasons
from riskmap.settings import VERSION, cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import geopandas as gpd

    from riskmap.incidents.services import AnyClient, Client, PagedClient, Question

#: Every service by the name that callers write.
CLIENTS: Mapping[str, AnyClient] = MappingProxyType(
    {client.name: client for client in (acled.CLIENT, hapi.CLIENT, ucdp.CLIENT)}
)

#: Pages after which a fetch that has no end is given up.
MOST_PAGES = 20_000
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Fetched:
    """What a service answered: rows as it writes them.

    Parameters
    ----------
    client
        The service.
    rows
        One row a record, columns as the service names them.
    ledger
        One stage, ``fetch``: records that came, and those left out because they are of another
        country or day than was asked for.
    provenance
        The service, what was asked, when it answered, its licence, and a sha256 of the rows. No
        key.
    """

    client: Client
    rows: pd.DataFrame
    ledger: Ledger
    provenance: Mapping[str, Any]


def fetch_incidents(
    source: str,
    *,
    country: str | None = None,
    since: date | str | int | None = None,
    until: date | str | int | None = None,
    version: str | None = None,
    allow_empty: bool = False,
    client: AnyClient | None = None,
) -> gpd.GeoDataFrame:
    """Fetch incidents from a service, and read them as a file of theirs would be read.

    Keys come from environment variables (docs/incidents.md) and are written nowhere.

    Parameters
    ----------
    source
        ``"ucdp"`` (yearly and candidate files, no key), ``"acled"`` or ``"hapi"`` (aggregates, all
        set aside).
    country
        Name or alpha-3 code.
    since, until
        First and last day; a year or month will do.
    version
        UCDP's release, such as ``"25.1"`` or the candidate ``"25.0.3"``.
    allow_empty
        Whether an answer without a record is an answer.
    client
        Another client than the source's own, such as one with a mirror's address.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table.

    Raises
    ------
    InputError
        When the source, country or days are none, or an environment variable is not set.
    OfflineError
        When ``RISKMAP_OFFLINE`` forbids connections.
    ServiceError
        When the service refuses, fails, answers in another shape, or answers nothing.

    Examples
    --------
    >>> fetch_incidents("ucdb", country="AFG")
    Traceback (most recent call last):
        ...
    riskmap.errors.InputError: unknown source: met 'ucdb', expected one of acled, hapi, ucdp
    """
    query = Query.of(country=country, since=since, until=until, version=version)
    return read_fetched(fetch_rows(client or find_client(source), query, allow_empty=allow_empty))


def find_client(source: str) -> AnyClient:
    """Return the client of a source of incidents.

    Raises
    ------
    InputError
        When there is none.

    Examples
    --------
    >>> find_client("hapi").title
    'HDX Humanitarian API (HAPI)'
    """
    if source not in CLIENTS:
        raise InputError("unknown source", met=source, expected="one of " + ", ".join(CLIENTS))
    return CLIENTS[source]


def fetch_rows(
    client: AnyClient,
    query: Query,
    *,
    allow_empty: bool = False,
    session: Session | None = None,
) -> Fetched:
    """Return all records that a service has for a query.

    Parameters
    ----------
    client, query
        The service and what to ask it.
    allow_empty
        Whether an answer without a record is an answer.
    session
        How to ask; made from the client when not given.

    Raises
    ------
    InputError, OfflineError, ServiceError
        As for :func:`fetch_incidents`.
    """
    answered = None
    if isinstance(client, FileClient):
        rows, came = _read_release(client, query, session)
    elif query.version is not None:
        raise InputError(f"{client.title} has no versions", met=query.version)
    else:
        records, answered = collect_pages(client, query, session)
        rows, came = pd.DataFrame(records, dtype=object), len(records)
        rows = rows[_asked_for(rows, client, query)].reset_index(drop=True)
    if not len(rows) and not allow_empty:
        asked = ", ".join(f"{name} {value}" for name, value in query.as_dict().items())
        raise ServiceError(
            f"{client.title} answered {came} records, none of them asked for "
            f"({asked or 'everything'}); pass allow_empty when that may be"
        )
    left = {"not_asked": came - len(rows)}
    stage = Stage("fetch", rows_in=came, rows_out=len(rows), reasons=left)
    return Fetched(client, rows, Ledger((stage,)), _provenance(client, query, rows, answered))


def collect_pages(
    client: PagedClient, query: Query, session: Session | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the records of all pages as the service writes them, and when it answered last.

    Parameters
    ----------
    client, query
        The service and what to ask it.
    session
        How to ask; made from the client when not given.

    Raises
    ------
    ServiceError
        When pages repeat, don't end or hold a key, or records come twice.
    """
    session = session or Session(client)
    records: list[dict[str, Any]] = []
    seen: set[bytes] = set()
    answered = None
    question: Question | None = client.ask(client, query)
    while question is not None:
        content, answered = session.ask(client, question)
        try:
            page = client.read(content, question)
            check_columns(page.records, client.columns, client.title)
        except ServiceError as error:
            raise ServiceError(session.without_keys(str(error))) from None
        digest = hashlib.sha256(session.refuse_keys(page.records)).digest()
        if (page.records and digest in seen) or len(seen) >= MOST_PAGES:
            again = "one that came before" if digest in seen else f"beyond {MOST_PAGES:,}"
            number = len(seen) + 1
            raise ServiceError(f"{client.title}: the pages don't end; page {number} is {again}")
        seen.add(digest)
        records += page.records
        question = page.following
    ids = {str(record.get(client.identity or "")) for record in records}
    if client.identity and (twice := len(records) - len(ids)):
        raise ServiceError(
            f"{client.title} gave {twice:,} records twice, so that its pages have moved and others "
            "may be lost; run again"
        )
    return records, answered


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


def _read_release(
    client: FileClient, query: Query, session: Session | None
) -> tuple[pd.DataFrame, int]:
    """Return the wanted rows of a release, as text, and how many rows it holds.

    It is downloaded once, checked, kept in the cache, and read a part at a time; a spoilt file is
    forgotten.
    """
    address = client.release(client, query)
    path = cache_folder() / "incidents" / client.name / address.rpartition("/")[2]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        session = session or Session(client)
        session.persist(lambda: stream(address, part, client.service))
        part.replace(path)
    try:
        return _read_file(path, client, query)
    except (InputError, ServiceError) as error:
        path.unlink()
        raise ServiceError(
            f"{bare_address(address)}: no whole file of {client.title}: " + plain(str(error))
        ) from None


def _read_file(path: Path, client: Client, query: Query) -> tuple[pd.DataFrame, int]:
    """Return wanted rows and the number of all, a part at a time."""
    found: list[pd.DataFrame] = []
    count = 0
    with laid_out(path) as file:
        header = read_header(sniff_text(file)).header
        check_columns([dict.fromkeys(header, "")], client.columns, client.title)
        for block in split_file(file):
            raw, _ = open_table(block, feed=client.feed, every=True)
            for row, fields in raw.broken.items():
                line = raw.lines[row]
                raise ServiceError(f"line {line} holds {len(fields)} fields of {len(header)}")
            found.append(raw.rows[_asked_for(raw.rows, client, query)])
            count += len(raw)
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=header)
    return rows, count


def _asked_for(rows: pd.DataFrame, client: Client, query: Query) -> pd.Series:
    """Return which rows are of the country and days that were asked for.

    A row whose country or day can't be read stays: the reader says what is wrong with it.
    """
    asked = pd.Series(data=True, index=rows.index)
    if query.country is not None and client.country in rows:
        texts = rows[client.country].astype("str")
        codes = texts.map({text: find_iso(text) for text in texts.dropna().unique()})
        asked &= codes.isna() | (codes == query.country)
    days = [_iso_days(rows[name]) for name in client.days if name in rows]
    if days:
        first, last = days[0], days[-1].fillna(days[0])
        if query.since is not None:
            asked &= last.isna() | (last >= query.since.isoformat())
        if query.until is not None:
            asked &= first.isna() | (first <= query.until.isoformat())
    return asked


def _iso_days(values: pd.Series) -> pd.Series:
    texts = values.astype("str").str[:10]
    return texts.where(texts.str.fullmatch(_ISO_DAY.pattern).fillna(value=False).astype(bool))


def _provenance(
    client: Client, query: Query, rows: pd.DataFrame, answered: str | None
) -> dict[str, Any]:
    body = rows.to_csv(index=False).encode("utf-8", "surrogatepass")
    return {
        "source": client.name,
        "title": client.title,
        "service": client.service.api,
        "query": query.as_dict(),
        "answered_at": _moment(answered),
        "rows": len(rows),
        "sha256": hashlib.sha256(body).hexdigest(),
        "licence": client.licence,
        "riskmap": VERSION,
    }


def _moment(answered: str | None) -> str | None:
    """Return when a service answered, by its own clock; None when it does not say."""
    try:
        return parsedate_to_datetime(answered or "").isoformat()
    except (ValueError, TypeError):
        return None


def read_fetched(fetched: Fetched) -> gpd.GeoDataFrame:
    """Return fetched rows as an Incidents table, read as a file of the feed would be.

    Parameters
    ----------
    fetched
        What :func:`fetch_rows` returned.

    Raises
    ------
    InputError
        When the rows are not incidents.
    """
    client = fetched.client
    if not len(fetched.rows):
        return no_incidents()
    incidents = read_incidents(fetched.rows, feed=client.feed)
    version = fetched.provenance["query"].get("version")
    return incidents.assign(source_file="-".join(filter(None, (client.name, version))))


def count_read(fetched: Fetched) -> Ledger:
    """Return the ledger with what reading makes of the rows."""
    reasons = count_reasons(read_fetched(fetched)["quarantine_reason"])
    rows = len(fetched.rows)
    stage = Stage("read", rows_in=rows, rows_out=rows - sum(reasons.values()), reasons=reasons)
    return fetched.ledger.then(stage)


def write_rows(fetched: Fetched, path: str | Path) -> Path:
    """Write fetched rows as the service wrote them, with where they come from, all at once.

    Parameters
    ----------
    fetched
        The rows.
    path
        A ``.json`` file.

    Raises
    ------
    InputError
        When the path has another ending.
    """
    path = Path(path)
    if path.suffix.lower() != ".json":
        raise InputError("unknown kind of file", file=path, met=path.suffix, expected=".json")
    rows = fetched.rows.astype(object)
    records = rows.where(rows.notna(), None).to_dict("records")
    content = {"provenance": dict(fetched.provenance), "data": records}
    return write_whole(path, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
