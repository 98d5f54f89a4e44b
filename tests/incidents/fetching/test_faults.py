"""What services do wrong over real HTTP, and that no fault ever shows or keeps a key."""

import base64
import gzip
import io
import json
import logging
import threading
import time
import traceback
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.downloads import Service
from riskmap.errors import InputError, RiskmapError, ServiceError
from riskmap.incidents import fetching
from riskmap.incidents.fetching import CLIENTS, check_columns, fetch_rows, write_rows
from riskmap.incidents.services import Query, Session

SOURCES = ("acled", "hapi")


def status(code, body=b"", headers=()):
    def fault(handler):
        handler.send_response(code)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return fault


def answers(body, *, length=None, kind="application/json"):
    def fault(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        if length != "none":
            handler.send_header("Content-Length", str(length or len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return fault


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


def hang(_):
    time.sleep(1.5)


PAGE = json.dumps({"data": [{"id": 1, "new": 2}], "more": "x" * 30}).encode()

#: What HAPI's stand-in answers to the first question, what is said, and how often it is asked.
FAULTS = {
    "bad request": (status(400), "HTTP 400", 1),
    "no key": (status(401), "HTTP 401: it does not accept RISKMAP_HAPI_APP_IDENTIFIER", 1),
    "forbidden": (
        status(403),
        "HTTP 403: RISKMAP_HAPI_APP_IDENTIFIER is known there but may not",
        1,
    ),
    "no such release": (status(404), "HTTP 404", 1),
    "gone": (status(410), "HTTP 410", 1),
    "too many": (status(429), r"HTTP 429 \(tried 3 times\)", 3),
    "broken": (status(500), r"HTTP 500 \(tried 3 times\)", 3),
    "away": (status(503), r"HTTP 503 \(tried 3 times\)", 3),
    "html": (answers(b"<html>sign in</html>"), "not JSON, met 20 bytes", 1),
    "nothing": (answers(b""), "not JSON, met 0 bytes", 1),
    "cut": (answers(PAGE[:30], length=len(PAGE)), "ended after 30 of|IncompleteRead", 3),
    "cut, length not told": (answers(PAGE[:30], length="none"), "not JSON", 1),
    "packed": (answers(gzip.compress(PAGE)), "not JSON", 1),
    "list": (answers(b"[]"), "answered a list, expected an object", 1),
    "other envelope": (answers(b'{"Rows": []}'), "no list 'data', met Rows", 1),
    "no objects": (answers(b'{"data": [1]}'), "that are no objects", 1),
    "changed columns": (answers(PAGE), "has changed its columns: events, fatalities", 1),
    "silent": (hang, "timed out", 3),
    "drip": (drip, "bytes in 0.5 seconds", 3),
    "garbage": (lambda h: h.wfile.write(b"no HTTP\r\n\r\n"), "no HTTP", 3),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_is_told_and_the_next_try_succeeds(stand_in, name):
    fault, message, times = FAULTS[name]
    stand_in.faults = [fault] * times
    hasty = Service(stand_in.base, ("127.0.0.1",), timeout=0.4, deadline=0.5)
    with pytest.raises(ServiceError, match=message):
        stand_in.fetch("hapi", client=stand_in.client("hapi", service=hasty))
    assert stand_in.faults == []
    assert len(stand_in.fetch("hapi").rows) == 5


@pytest.mark.parametrize("fault", [status(429), status(502), hang, answers(b"{", length=9)])
def test_what_passes_is_waited_for(stand_in, fault):
    stand_in.faults = [fault, fault]
    hasty = Service(stand_in.base, ("127.0.0.1",), timeout=0.4)
    assert len(stand_in.fetch("hapi", client=stand_in.client("hapi", service=hasty)).rows) == 5


class Time:
    """Waits without waiting, and writes down for how long."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    def clock(self):
        return self.now


def patient(stand_in, name="hapi", **pace):
    moments = Time()
    client = stand_in.client(name, **pace)
    return client, moments, Session(client, sleep=moments.sleep, clock=moments.clock)


def test_requests_keep_their_distance(stand_in):
    client, moments, session = patient(stand_in, pause=1.5)
    fetch_rows(client, Query(), session=session)
    assert moments.waits == [1.5, 1.5, 1.5]


def test_tries_are_further_and_further_apart(stand_in):
    client, moments, session = patient(stand_in, backoff=2.0, tries=4, patience=60.0)
    stand_in.faults = [status(500)] * 3
    fetch_rows(client, Query(), session=session)
    assert moments.waits == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ([("Retry-After", "7")], 7.0),
        ([("Retry-After", "1")], 2.0),
        ([("Retry-After", "soon")], 2.0),
        ([("Retry-After", "Wed, 21 Oct 2099 07:28:00 GMT")], None),
    ],
)
def test_a_service_that_says_when_is_taken_at_its_word(stand_in, headers, wait):
    client, moments, session = patient(stand_in, backoff=2.0, patience=60.0)
    stand_in.faults = [status(429, headers=headers)]
    if wait is None:
        with pytest.raises(ServiceError, match=r"asks to wait [\d,]+ seconds: run again then"):
            fetch_rows(client, Query(), session=session)
    else:
        fetch_rows(client, Query(), session=session)
        assert moments.waits == [wait]


@pytest.mark.parametrize("name", SOURCES)
def test_pages_that_repeat_have_an_end(stand_in, name):
    rows = stand_in.rows[name][:2]
    stand_in.fault_on = "/api/"
    stand_in.faults = [status(200, json.dumps({"data": rows}).encode())] * 50
    with pytest.raises(ServiceError, match="the pages don't end; page 2 is one that came before"):
        stand_in.fetch(name)


def test_pages_that_never_end_are_given_up(stand_in, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_PAGES", 3)
    stand_in.rows["acled"] = [
        row | {"event_id_cnty": f"Q{i}"} for i, row in enumerate(stand_in.rows["acled"] * 4)
    ]
    with pytest.raises(ServiceError, match="page 4 is beyond 3"):
        stand_in.fetch("acled")


def test_records_that_are_nested_without_end_are_told(stand_in):
    deep = []
    for _ in range(400):
        deep = [deep]
    stand_in.rows["hapi"][0]["deep"] = deep
    with pytest.raises(ServiceError, match="records can't be kept"):
        stand_in.fetch("hapi")


def test_records_that_come_twice_are_told(stand_in):
    stand_in.rows["acled"].append(stand_in.rows["acled"][0])
    with pytest.raises(ServiceError, match="gave 1 records twice"):
        stand_in.fetch("acled")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "invalid_grant"}', "without an access token"),
        (b'{"access_token": 7}', "without an access token"),
        (b'{"access_token": "a\\nb"}', "without an access token"),
        (b"[]", "without an access token"),
    ],
)
def test_no_token_no_question(stand_in, body, message):
    stand_in.faults = [status(200, body)]
    with pytest.raises(ServiceError, match=message):
        stand_in.fetch("acled")
    assert stand_in.pages() == []


def test_acled_may_say_that_it_failed_with_a_good_status(stand_in):
    stand_in.fault_on = "acled/read"
    stand_in.faults = [status(200, b'{"success": false, "data": []}')]
    with pytest.raises(ServiceError, match="did not succeed"):
        stand_in.fetch("acled")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=9)
    | st.sampled_from(["http://[", "http://127.0.0.1:9/gedevents/1?page=1", "2024-03-31", "5"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            [
                *("data", "Result", "NextPageUrl", "TotalCount", "totalCount", "fields", "id"),
                *("title", "date", "original", "source", "shortname", "success", "access_token"),
            ]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=200)
@given(content=VALUES)
def test_whatever_is_answered_is_a_page_or_a_typed_error(name, content):
    client = CLIENTS[name]
    question = client.ask(client, Query())
    try:
        page = client.read(content, question)
        check_columns(page.records, client.columns, name)
    except ServiceError:
        return
    assert all(isinstance(record, dict) for record in page.records)


def test_a_service_without_a_clock_is_no_fault(stand_in):
    fetched = stand_in.fetch("hapi")
    told = fetching._provenance(fetched.client, Query(), fetched.rows, "no clock")
    assert told["answered_at"] is None


# Keys ------------------------------------------------------------------------------------------


@pytest.fixture
def other_host():
    """Another server, which writes down what it is given."""
    met = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            met.append((self.path, dict(self.headers)))
            status(200, b'{"Result": [], "data": [], "NextPageUrl": ""}')(self)

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_address[1], met
    server.shutdown()
    server.server_close()


def secrets(stand_in):
    """Every way in which a key could stand somewhere."""
    plain = [*stand_in.keys.values(), stand_in.token]
    packed = [base64.b64encode(key.encode()).decode() for key in plain]
    return {w for key in [*plain, *packed] for w in (key, quote(key), quote_plus(key))}


def shows(text, stand_in):
    return [key for key in secrets(stand_in) if key in text]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_carries_no_key(stand_in, other_host, name, code):
    port, met = other_host
    home = Service(stand_in.base, ("127.0.0.1",), timeout=2.0)
    client = stand_in.client(name, service=home)
    target = f"http://127.0.0.1:{port}/x"  # a host that may answer, but another origin
    stand_in.fault_on = "/oauth" if name == "acled" else "/"
    stand_in.faults = [status(code, headers=[("Location", target)])] * 5
    with pytest.raises(RiskmapError) as raised:
        stand_in.fetch(name, client=client)
    assert shows(json.dumps(met), stand_in) == []
    assert shows(str(raised.value), stand_in) == []
    assert not any(
        k.lower() in ("authorization", "x-hdx-hapi-app-identifier") for _, h in met for k in h
    )


@pytest.mark.parametrize("name", SOURCES)
def test_a_redirect_to_a_foreign_host_is_not_followed(stand_in, other_host, name):
    port, met = other_host
    key = stand_in.keys["RISKMAP_HAPI_APP_IDENTIFIER"]
    stand_in.faults = [status(302, headers=[("Location", f"http://localhost:{port}/?k={key}")])] * 5
    with pytest.raises(ServiceError, match="is refused") as raised:
        stand_in.fetch(name)
    assert met == []
    assert shows(str(raised.value), stand_in) == []


def test_a_redirect_within_the_service_keeps_the_key(stand_in):
    where = "/api/v2/coordination-context/conflict-events?offset=0"
    stand_in.faults = [status(302, headers=[("Location", where)])]
    assert len(stand_in.fetch("hapi").rows) == 5


ECHOES = {
    "refused": lambda h, keys: status(401, keys.encode())(h),
    "forbidden": lambda h, keys: status(403, keys.encode())(h),
    "broken": lambda h, keys: status(500, keys.encode())(h),
    "no JSON": lambda h, keys: status(200, keys.encode())(h),
    "records": lambda h, keys: status(
        200,
        json.dumps(
            {
                "data": [{"a": keys, "fields": {"title": keys}}],
                "Result": [{"a": keys}],
                "NextPageUrl": f"http://127.0.0.1/{keys}",
            }
        ).encode(),
    )(h),
    "columns": lambda h, keys: status(
        200, json.dumps({"data": [{keys: 1, "fields": {"body": 1}}], keys: 1}).encode()
    )(h),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("echo", sorted(ECHOES))
def test_no_key_is_shown_or_kept_even_if_the_service_repeats_it(
    stand_in, name, echo, tmp_path, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    client = stand_in.client(name)
    keys = " ".join([*map(stand_in.keys.get, client.keys), stand_in.token][: 1 + len(client.keys)])
    keys = keys if name == "acled" else keys.removesuffix(stand_in.token)
    stand_in.fault_on = "read" if name == "acled" else "/"
    stand_in.faults = [lambda h: ECHOES[echo](h, keys)] * 5
    session = Session(client)
    with pytest.raises(RiskmapError) as raised:
        stand_in.fetch(name, client=client, session=session)
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(session)
    told += caplog.text + "".join(capfd.readouterr())
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert shows(told, stand_in) == []
    assert shows(kept.decode("utf-8", "replace"), stand_in) == []


@pytest.mark.parametrize("name", SOURCES)
def test_no_key_is_in_anything_a_good_fetch_leaves(stand_in, name, tmp_path, caplog, capfd):
    """The cache, the file, the provenance, the ledger and the table."""
    caplog.set_level(logging.DEBUG)
    session = Session(stand_in.client(name))
    fetched = stand_in.fetch(name, session=session)
    write_rows(fetched, tmp_path / "rows.json")
    told = repr(fetched) + repr(session) + repr(session.client) + caplog.text
    told += "".join(capfd.readouterr()) + fetching.read_fetched(fetched).to_csv()
    text = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()).decode()
    assert shows(told + text, stand_in) == []


@pytest.mark.parametrize("name", SOURCES)
def test_a_key_that_is_missing_or_none_is_told_by_its_variable(stand_in, monkeypatch, name):
    client = stand_in.client(name)
    variable = next(iter(client.keys))
    monkeypatch.delenv(variable)
    with pytest.raises(InputError, match=f"{variable} is not set"):
        stand_in.fetch(name)
    monkeypatch.setenv(variable, "bad\nX-Injected: 1")
    with pytest.raises(InputError, match=f"{variable} holds no key") as raised:
        stand_in.fetch(name)
    assert "Injected" not in str(raised.value)
    assert stand_in.asked == []


@pytest.mark.parametrize("name", SOURCES)
def test_a_wrong_key_is_told(stand_in, monkeypatch, name):
    for variable in stand_in.client(name).keys:
        monkeypatch.setenv(variable, "wrong-but-well-formed")
    with pytest.raises(ServiceError, match=r"HTTP 40[013]") as raised:
        stand_in.fetch(name)
    assert "wrong-but-well-formed" not in str(raised.value)


def test_what_the_service_says_is_shown_as_plain_text(stand_in):
    stand_in.faults = [status(403, b"No\x1b[31m\r\n access \xff for you" + b"!" * 500)]
    with pytest.raises(ServiceError, match="it says: No") as raised:
        stand_in.fetch("hapi")
    assert "\x1b" not in str(raised.value)
    assert len(str(raised.value)) < 600


# Files -----------------------------------------------------------------------------------------


def csv_of(rows):
    columns = list(rows[0])
    lines = [",".join(columns), *(",".join(str(row[c]) for c in columns) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def zip_of(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in files.items():
            file.writestr(name.replace("_csv", ".csv"), content)
    return packed.getvalue()


def test_yearly_and_candidate_files_need_no_key_and_come_once(stand_in, monkeypatch):
    for variable in stand_in.keys:
        monkeypatch.delenv(variable)
    rows = stand_in.rows["ucdp"]
    rows[0]["country"] = "Mali"
    stand_in.files["/ged/ged251-csv.zip"] = zip_of(GEDEvent_v25_1_csv=csv_of(rows))
    stand_in.files["/candidateged/GEDEvent_v25_0_3.csv"] = csv_of(rows[:2])
    for _ in range(2):
        yearly = stand_in.fetch("ucdp", version="25.1", country="TCD")
        candidate = stand_in.fetch("ucdp", version="25.0.3")
    assert [len(f.rows) for f in (yearly, candidate)] == [4, 2]
    assert dict(yearly.ledger.stages[0].reasons) == {"not_asked": 1}
    assert fetching.read_fetched(yearly)["source_file"].tolist()[0] == "ucdp-25.1"
    assert len(stand_in.asked) == 2
    monkeypatch.setenv("RISKMAP_OFFLINE", "1")
    assert len(stand_in.fetch("ucdp", version="25.1").rows) == 5


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"PK no zip", "not a table"),
        (zip_of(a_csv=b"", b_csv=b""), "2 tables are packed"),
        (zip_of(a_csv=b"a,b\n1,2\n"), "changed its columns"),
        (zip_of(a_csv=b"\xff\xfe\x00"), "decode|changed its columns"),
        (zip_of(a_csv=b""), "changed its columns|expected"),
    ],
)
def test_a_file_that_is_none_is_told_and_forgotten(stand_in, body, message):
    path = "/ged/ged251-csv.zip"
    stand_in.files[path] = body
    with pytest.raises(ServiceError, match=f"no whole file.*({message})"):
        stand_in.fetch("ucdp", version="25.1")
    stand_in.files[path] = zip_of(a_csv=csv_of(stand_in.rows["ucdp"]))
    assert len(stand_in.fetch("ucdp", version="25.1").rows) == 5


def test_a_file_that_was_cut_is_told_or_gone_on_with(stand_in):
    path = "/candidateged/GEDEvent_v25_0_3.csv"
    whole = csv_of(stand_in.rows["ucdp"])
    stand_in.files[path] = whole[:-30]
    with pytest.raises(ServiceError, match=r"line 6 holds \d+ fields of 14"):
        stand_in.fetch("ucdp", version="25.0.3")
    stand_in.files[path] = whole
    stand_in.faults = [answers(whole[:100], length=len(whole))] * 2
    assert len(stand_in.fetch("ucdp", version="25.0.3").rows) == 5


def test_a_release_that_is_not_there_is_told(stand_in):
    with pytest.raises(ServiceError, match="HTTP 404"):
        stand_in.fetch("ucdp", version="25.1")


def test_a_client_can_be_given_another_address(stand_in):
    client = replace(stand_in.client("ucdp"), service=Service(stand_in.base, ("localhost",)))
    with pytest.raises(ServiceError, match="is refused"):
        stand_in.fetch("ucdp", client=client)
