"""Fetching incidents: page by page, each kept until all are there, then read like a file.

What to ask next is decided by each service's pure functions (one file a source, in ``feeds``);
asking, waiting and keeping happen once for all of them. What was fetched can be written as a file
that ``read_incidents`` or ``extract_incidents`` reads again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from riskmap.downloads import bare_address, stream, write_whole
from riskmap.errors import InputError, ServiceError
from riskmap.incidents.articles import extract_incidents
from riskmap.incidents.dates import read_day
from riskmap.incidents.delimited import read_header, sniff_text
from riskmap.incidents.feeds import CLIENTS, acled
from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.packed_files import laid_out
from riskmap.incidents.parts import split_file
from riskmap.incidents.queries import Query, check_columns, plain
from riskmap.incidents.readers import no_incidents, read_incidents
from riskmap.incidents.reading_options import ReadingOptions
from riskmap.incidents.sessions import PageStore, Session, collect_pages
from riskmap.incidents.structured import to_text
from riskmap.incidents.tabular import open_tables
from riskmap.incidents.values import guard_formula
from riskmap.ledgers import Ledger, Stage, count_reasons
from riskmap.settings import VERSION, cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import geopandas as gpd

    from riskmap.incidents.queries import Client


#: Characters of a report that are read.
LONGEST_REPORT = 200_000
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
    client: Client | None = None,
) -> gpd.GeoDataFrame:
    """Fetch incidents from a service, and read them as a file of theirs would be read.

    Keys come from environment variables (docs/incidents.md) and are written nowhere. Pages are kept
    in the cache folder until all are there: a fetch that was cut short goes on where it stopped.

    Parameters
    ----------
    source
        ``"ucdp"`` (API), ``"ucdp-files"`` (yearly and candidate files, no key), ``"acled"``,
        ``"hapi"`` (aggregates, all set aside) or ``"reliefweb"`` (reports, read by
        :func:`riskmap.extract_incidents`).
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
    riskmap.errors.InputError: unknown source: met 'ucdb', expected one of acled, hapi, \
reliefweb, ucdp, ucdp-files
    """
    query = Query.of(country=country, since=since, until=until, version=version)
    return read_fetched(fetch_rows(client or find_client(source), query, allow_empty=allow_empty))


def find_client(source: str) -> Client:
    """Return the client of a source of incidents or articles.

    Raises
    ------
    InputError
        When there is none.

    Examples
    --------
    >>> find_client("hapi").title
    'HDX Humanitarian API (HAPI)'
    """
    named = [name for name in sorted(CLIENTS) if name != acled.WITHDRAWN.name]
    if source not in CLIENTS:
        raise InputError("unknown source", met=source, expected="one of " + ", ".join(named))
    return CLIENTS[source]


def fetch_rows(
    client: Client,
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
    if query.version is not None and not client.versions:
        raise InputError(f"{client.title} has no versions", met=query.version)
    answered = None
    if client.release is not None:
        address = client.release(client, query)
        rows, came = _read_release(client, query, address=address, session=session)
    else:
        store = PageStore(client, query)
        records, answered = collect_pages(query, session or Session(client), store)
        rows, came = pd.DataFrame(records, dtype=object), len(records)
        rows = rows[_asked_for(rows, client, query)].reset_index(drop=True)
        store.drop()
    if not len(rows) and not allow_empty:
        raise ServiceError(
            f"{client.title} answered {came} records, none of them asked for "
            f"({_said(query)}); pass allow_empty when that may be"
        )
    left = {"not_asked": came - len(rows)}
    stage = Stage("fetch", rows_in=came, rows_out=len(rows), reasons=left)
    return Fetched(client, rows, Ledger((stage,)), _provenance(client, query, rows, answered))


def _read_release(
    client: Client, query: Query, *, address: str, session: Session | None
) -> tuple[pd.DataFrame, int]:
    """Return the wanted rows of a release, as text, and how many rows it holds.

    It is downloaded once, checked, kept in the cache, and read a part at a time; a spoilt file is
    forgotten.

    Parameters
    ----------
    client, query
        The service and which rows are wanted.
    address
        Where the file is: CSV, or a zip file with one CSV in it.
    session
        How to ask, when the file isn't in the cache.

    Raises
    ------
    ServiceError
        When it can't be had, or is no whole file of the feed.
    """
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
            raw, _ = open_tables(block, ReadingOptions(feed=client.feed), every=True)[0]
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


def _said(query: Query) -> str:
    return ", ".join(f"{name} {value}" for name, value in query.as_dict().items()) or "everything"


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
    if client.name == acled.WITHDRAWN.name:
        raise InputError("withdrawn events are no incidents", expected="withdraw_incidents")
    if not len(fetched.rows):
        return no_incidents()
    if client.feed is None:
        return _read_reports(fetched.rows)
    incidents = read_incidents(fetched.rows, feed=client.feed)
    version = fetched.provenance["query"].get("version")
    return incidents.assign(source_file="-".join(filter(None, (client.name, version))))


def count_read(fetched: Fetched) -> Ledger:
    """Return the ledger with what reading makes of the rows; articles and ids are not rows yet."""
    if fetched.client.feed is None:
        return fetched.ledger
    reasons = count_reasons(read_fetched(fetched)["quarantine_reason"])
    rows = len(fetched.rows)
    stage = Stage("read", rows_in=rows, rows_out=rows - sum(reasons.values()), reasons=reasons)
    return fetched.ledger.then(stage)


def _read_reports(rows: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the incidents that reports tell of; ids name their report.

    A report is read up to :data:`LONGEST_REPORT` characters.
    """
    tables = []
    for row in rows.fillna("").to_dict("records"):
        text = "\n".join(str(row[name]) for name in ("title", "body") if row.get(name))
        found = extract_incidents(
            text[:LONGEST_REPORT],
            published=read_day(row["published"]).first,
            source_id=f"reliefweb-{row['report_id']}",
        ).incidents
        tables.append(found.assign(source_file=f"reliefweb-{row['report_id']}"))
    told = [table for table in tables if len(table)]
    return pd.concat(told, ignore_index=True) if told else no_incidents()


def withdraw_incidents(incidents: gpd.GeoDataFrame, withdrawn: Fetched) -> gpd.GeoDataFrame:
    """Return incidents with those set aside that ACLED has withdrawn since they were fetched.

    Parameters
    ----------
    incidents
        The Incidents table, such as one of an older file.
    withdrawn
        What ``fetch_rows(CLIENTS["acled-withdrawn"], query)`` returned.

    Returns
    -------
    geopandas.GeoDataFrame
        A copy; a withdrawn row has the ``quarantine_reason`` ``withdrawn``.
    """
    gone = set(withdrawn.rows.get("event_id_cnty", pd.Series(dtype="str")).astype("str"))
    met = (incidents["source"] == "acled") & incidents["source_id"].isin(gone)
    where = met & incidents["quarantine_reason"].isna()
    table = incidents.copy()
    table.loc[where, "quarantine_reason"] = "withdrawn"
    table.loc[where, "quarantine_detail"] = "event_id_cnty: ACLED has withdrawn the event"
    return table


def write_rows(fetched: Fetched, path: str | Path) -> Path:
    """Write fetched rows as the service wrote them, all at once.

    Parameters
    ----------
    fetched
        The rows.
    path
        A ``.json`` file, which also holds where the rows come from, or a ``.csv`` file. In CSV,
        text that a spreadsheet would take for a formula gets a leading apostrophe.

    Raises
    ------
    InputError
        When the path has another ending.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".json", ".csv"):
        raise InputError("unknown kind of file", file=path, met=kind, expected=".json or .csv")
    rows = fetched.rows.astype(object)
    if kind == ".csv":
        text = rows.map(_cell).to_csv(index=False, lineterminator="\n")
        return write_whole(path, text.encode())
    records = rows.where(rows.notna(), None).to_dict("records")
    content = {"provenance": dict(fetched.provenance), "data": records}
    return write_whole(path, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


def _cell(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula."""
    text = "" if value is None or value is pd.NA or value != value else to_text(value)  # noqa: PLR0124 - NaN
    try:
        float(text)
    except ValueError:
        return str(guard_formula(text))
    return text
