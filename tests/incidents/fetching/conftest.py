"""A loopback stand-in of the services: it serves invented rows in their shapes, and faults."""

import contextlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from riskmap.downloads import Service
from riskmap.incidents.fetching import CLIENTS, fetch_rows
from riskmap.incidents.services import Pace, Query

#: Keys as services give them; no text of the stand-in holds them unless a test wants it to.
KEYS = {
    "RISKMAP_ACLED_USERNAME": "someone+else@example.org",
    "RISKMAP_ACLED_PASSWORD": "pass/word of 9 & more",
    "RISKMAP_HAPI_APP_IDENTIFIER": "cmlza21hcDpzb21lb25lQGV4YW1wbGUub3Jn",
}
TOKEN = "acled.access-token_1234567890"  # noqa: S105 - invented


def ucdp_row(number):
    return {
        "id": number,
        "type_of_violence": 3,
        "where_prec": 1,
        "date_prec": 1,
        "date_start": f"2024-03-{number % 28 + 1:02d}T00:00:00",
        "date_end": f"2024-03-{number % 28 + 1:02d}T00:00:00",
        "country": "Chad",
        "side_a": "Nobody",
        "side_b": "Civilians",
        "latitude": 13.1,
        "longitude": 20.1,
        "best": 2,
        "number_of_sources": -1,
        "source_headline": f"Invented report {number}",
    }


def acled_row(number):
    return {
        "event_id_cnty": f"QAN{number}",
        "event_date": f"2024-03-{number % 28 + 1:02d}",
        "time_precision": "1",
        "event_type": "Violence against civilians",
        "sub_event_type": "Attack",
        "actor1": "Nobody",
        "country": "Chad",
        "location": "Berin",
        "latitude": "13.1",
        "longitude": "20.1",
        "geo_precision": "1",
        "source": "Wire; Bureau",
        "fatalities": "2",
        "notes": f"Invented report {number}",
        "timestamp": "1740000000",
    }


def hapi_row(number):
    return {
        "event_type": "political_violence",
        "events": number,
        "fatalities": None,
        "reference_period_start": "2024-03-01T00:00:00",
        "reference_period_end": "2024-03-31T23:59:59",
        "location_code": "TCD",
        "admin2_code": f"TD{number:04d}",
        "admin2_name": "Berin",
    }


class StandIn:
    """Serves pages of rows; `faults` are functions of the handler, used up one by one."""

    keys, token = KEYS, TOKEN

    def __init__(self):
        self.rows = {
            "ucdp": [ucdp_row(n) for n in range(1, 6)],
            "acled": [acled_row(n) for n in range(1, 6)],
            "hapi": [hapi_row(n) for n in range(1, 6)],
        }
        self.files = {}
        self.size = 2
        self.faults = []
        self.fault_on = None
        self.asked = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                stand_in.answer(self)

            def do_POST(self):
                stand_in.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def client(self, name, *, service=None, **pace):
        """A client of the stand-in that does not wait."""
        quick = {"pause": 0.0, "backoff": 0.0, "tries": 3, "patience": 5.0}
        near = Service(self.base, ("127.0.0.1",), timeout=2.0, deadline=2.0)
        return replace(CLIENTS[name], service=service or near, pace=Pace(**(quick | pace)))

    def fetch(self, name, *, session=None, allow_empty=False, client=None, **query):
        client = client or self.client(name)
        asked = Query.of(**query)
        return fetch_rows(client, asked, session=session, allow_empty=allow_empty)

    @staticmethod
    def send_json(handler, content, status=200):
        send_json(handler, content, status)

    def pages(self):
        """What was asked but tokens."""
        return [path for path, _, _ in self.asked if "oauth" not in path]

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.asked.append((handler.path, dict(handler.headers), body))
        if self.faults and (self.fault_on is None or self.fault_on in handler.path):
            with contextlib.suppress(ConnectionError):
                self.faults.pop(0)(handler)
            return
        with contextlib.suppress(ConnectionError):
            self.serve(handler, body)

    def serve(self, handler, body):
        parts = urlsplit(handler.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        path = parts.path
        if path in self.files:
            send_bytes(handler, self.files[path])
        elif path == "/oauth/token":
            form = {k: v[0] for k, v in parse_qs(body.decode()).items()}
            good = form.get("password") == KEYS["RISKMAP_ACLED_PASSWORD"]
            good = good and form["username"] == KEYS["RISKMAP_ACLED_USERNAME"]
            token = {"access_token": TOKEN, "refresh_token": "r", "expires_in": 86400}
            send_json(handler, token if good else {"error": "invalid_grant"}, 200 if good else 400)
        elif path == "/api/acled/read":
            if handler.headers["Authorization"] != f"Bearer {TOKEN}":
                return send_json(handler, {"message": "no token"}, 401)
            start = (int(asked["page"]) - 1) * self.size
            page = self.rows["acled"][start : start + self.size]
            send_json(handler, {"status": 200, "success": True, "count": len(page), "data": page})
        elif path.endswith("/conflict-events"):
            if handler.headers["X-HDX-HAPI-APP-IDENTIFIER"] != KEYS["RISKMAP_HAPI_APP_IDENTIFIER"]:
                return send_json(handler, {"error": "no identifier"}, 403)
            start = int(asked["offset"])
            send_json(handler, {"data": self.rows["hapi"][start : start + self.size]})
        else:
            send_json(handler, {"error": "not found"}, 404)
        return None


def send_bytes(handler, body, *, status=200, length=None, headers=()):
    handler.send_response(status)
    for name, value in headers:
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def send_json(handler, content, status=200):
    send_bytes(handler, json.dumps(content).encode(), status=status)


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    server = StandIn()
    monkeypatch.setenv("RISKMAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RISKMAP_OFFLINE", raising=False)
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    yield server
    server.server.shutdown()
    server.server.server_close()
