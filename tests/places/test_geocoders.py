"""The geocoder chain against a stand-in for Nominatim: polite, thrifty, silent about keys."""

import json
import logging
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from geopy.geocoders import Nominatim, OpenCage

import riskmap as rm
from riskmap.downloads import RateLimiter
from riskmap.errors import InputError, OfflineError, SchemaError
from riskmap.places.geocoders import GEOCODE_COLUMNS, GeocodeService, Reply, count_requests
from riskmap.schema import check_columns

AGENT = "riskmap-tests/1.0 (tests@example.org)"
KEY = "s3cret-k3y"
MILL = {"place": "Old Mill", "admin1": "Dostan", "country": "XQA"}


def answers(*region_ids, regions=None):
    """What Nominatim says when it finds a place in each of some regions."""
    regions = rm.datasets.regions() if regions is None else regions
    points = regions.set_index("region_id").geometry.loc[list(region_ids)].representative_point()
    return [
        {"lat": str(point.y), "lon": str(point.x), "display_name": f"Mill in {region_id}"}
        for region_id, point in points.items()
    ]


@contextmanager
def nominatim(*script):
    """A server that plays a script of (status, headers, body); its last line is repeated."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if script[0][2] == "slow":
                time.sleep(0.5)
            status, headers, body = script[min(len(asked), len(script)) - 1]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(payload)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Clock:
    """A clock that sleeping moves."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gazetteer():
    return rm.Gazetteer.from_regions(rm.datasets.regions())


@pytest.fixture
def make(clock):
    def service(host, timeout=1.0, **kwargs):
        geocoder = Nominatim(user_agent=AGENT, domain=host, scheme="http", timeout=timeout)
        pace = RateLimiter(1.0, clock=clock, sleep=clock.sleep)
        return GeocodeService(geocoder, rm.datasets.regions(), pace=pace, **kwargs)

    return service


def ask(gazetteer, service, *rows):
    return rm.geocode(pd.DataFrame(rows), gazetteer, service=service)


def test_what_is_stated_stands_and_is_not_asked(gazetteer, make):
    with nominatim((500, {}, b"")) as (host, asked):
        found = ask(
            gazetteer,
            make(host),
            {"region_id": "XQA0101", "admin2": "Berin"},
            {"admin2": "Calmez district", "place": "Old Mill", "admin1": "Dostan"},
            {"place": "Kelda"},
            {"region_id": "gone", "admin2": "Kelda"},
            {"admin1": "Dostan"},
        )
    assert asked == []
    assert found["region_id"].tolist()[:4] == ["XQA0101", "XQA0201", "XQA0303", "XQA0303"]
    assert found["method"].tolist()[:4] == ["stated", "stated", "gazetteer", "stated"]
    assert found["status"].tolist()[4] == "miss"


def test_the_answer_is_a_table_of_its_schema(gazetteer):
    places = pd.DataFrame({"place": ["Kelda", None]}, index=[5, 3])
    found = rm.geocode(places, gazetteer)
    check_columns(found, GEOCODE_COLUMNS, table="geocodes")
    assert found.index.tolist() == [5, 3]
    with pytest.raises(SchemaError, match="lack a column"):
        rm.geocode(pd.DataFrame({"country": ["XQA"]}), gazetteer)


def test_a_service_is_asked_for_the_rest(gazetteer, make):
    with nominatim((200, {}, answers("XQA0203"))) as (host, asked):
        found = ask(gazetteer, make(host), MILL, {**MILL, "country": "AFG"})
    assert found.loc[0, ["region_id", "status", "method"]].tolist() == ["XQA0203", "hit", "service"]
    assert found.loc[0, "matched_name"] == "Mill in XQA0203"
    assert found.loc[1, ["status", "detail"]].tolist() == ["miss", "outside_country"]
    query = parse_qs(urlsplit(asked[1]).query)
    assert query["q"] == ["Old Mill, Dostan, Afghanistan"]
    assert query["countrycodes"] == ["af"]


@pytest.mark.parametrize(
    ("found_in", "status", "detail", "candidates"),
    [
        ([], "miss", "not_found", ()),
        (["XQA0101"], "miss", "outside_admin1", ()),
        (["XQA0203", "XQA0203"], "hit", None, ("XQA0203",)),
        (["XQA0203", "XQA0101"], "hit", None, ("XQA0203",)),
        (["XQA0204", "XQA0203"], "ambiguous", "several_regions", ("XQA0204", "XQA0203")),
    ],
)
def test_answers_are_checked(gazetteer, make, found_in, status, detail, candidates):
    with nominatim((200, {}, answers(*found_in))) as (host, _):
        found = ask(gazetteer, make(host), MILL).iloc[0]
    assert (found["status"], found["candidates"]) == (status, candidates)
    assert found["detail"] == detail or pd.isna(found["detail"])


def test_a_point_outside_every_region_is_refused(gazetteer, make):
    body = [{"lat": "51.5", "lon": "0.0", "display_name": "Old Mill, London"}]
    with nominatim((200, {}, body)) as (host, _):
        found = ask(gazetteer, make(host), MILL).iloc[0]
    assert (found["status"], found["detail"]) == ("miss", "outside_country")
    assert pd.isna(found["region_id"])


def test_an_ambiguous_name_stays_so_when_the_service_knows_nothing(gazetteer, make):
    with nominatim((200, {}, [])) as (host, _):
        found = ask(gazetteer, make(host), {"place": "Esk"}).iloc[0]
    assert (found["status"], found["method"]) == ("ambiguous", "gazetteer")


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (403, b"blocked", "refused"),
        (401, b"who are you", "refused"),
        (402, b"pay", "quota_spent"),
        (500, b"oops", "failed"),
        (504, b"slow", "timed_out"),
        (200, b"<html>not json", "unreadable"),
        (200, [{"lat": "north", "lon": "east", "display_name": "x"}], "unreadable"),
        (200, [{"lat": "95", "lon": "0", "display_name": "x"}], "unreadable"),
        (200, [{"lat": "nan", "lon": "0", "display_name": "x"}], "unreadable"),
        (200, [1, 2], "unreadable"),
    ],
)
def test_a_failure_is_an_error_and_never_a_miss(gazetteer, make, tmp_path, status, body, detail):
    cache = tmp_path / "c.sqlite"
    with nominatim((status, {}, body)) as (host, _):
        found = ask(gazetteer, make(host, cache=cache), MILL).iloc[0]
    assert (found["status"], found["detail"]) == ("error", detail)
    assert make(host, cache=cache).recall("Old Mill, Dostan", "XQA") is None


def test_an_error_is_asked_again_by_the_next_run(gazetteer, make, tmp_path):
    script = [(500, {}, b""), (200, {}, answers("XQA0203"))]
    cache = tmp_path / "c.sqlite"
    with nominatim(*script) as (host, asked):
        statuses = [
            ask(gazetteer, make(host, cache=cache), MILL).loc[0, "status"] for _ in range(3)
        ]
    assert statuses == ["error", "hit", "hit"]
    assert len(asked) == 2


def test_a_service_that_hangs_is_given_up(gazetteer, make):
    with nominatim((200, {}, "slow")) as (host, _):
        found = ask(gazetteer, make(host, timeout=0.1), MILL).iloc[0]
    assert (found["status"], found["detail"]) == ("error", "timed_out")


def test_a_dead_service_is_an_error(gazetteer, make):
    with nominatim((200, {}, [])) as (host, _):
        pass
    assert ask(gazetteer, make(host), MILL).loc[0, "status"] == "error"


def test_a_refusal_stops_all_requests(gazetteer, make):
    with nominatim((403, {}, b"blocked")) as (host, asked):
        found = ask(gazetteer, make(host), MILL, {"place": "New Mill"}, {"place": "Third Mill"})
    assert found["status"].tolist() == ["error", "unasked", "unasked"]
    assert found["detail"].tolist() == ["refused"] * 3
    assert len(asked) == 1


def test_retry_after_is_obeyed(gazetteer, make, clock):
    script = [(429, {"Retry-After": "7"}, b""), (200, {}, answers("XQA0203"))]
    with nominatim(*script) as (host, asked):
        found = ask(gazetteer, make(host), MILL).iloc[0]
    assert found["status"] == "hit"
    assert len(asked) == 2
    assert sum(clock.slept) == pytest.approx(7.0)


def test_patience_has_an_end(gazetteer, make, clock):
    with nominatim((429, {"Retry-After": "3600"}, b"")) as (host, asked):
        found = ask(gazetteer, make(host), MILL, {"place": "New Mill"})
    assert found["status"].tolist() == ["error", "unasked"]
    assert len(asked) == 1
    assert clock.slept == []


def test_a_limit_without_a_time_is_tried_three_times(gazetteer, make):
    with nominatim((429, {}, b"")) as (host, asked):
        found = ask(gazetteer, make(host), MILL).iloc[0]
    assert (found["status"], found["detail"]) == ("error", "rate_limited")
    assert len(asked) == 3


def test_requests_keep_their_distance_and_cached_answers_need_none(
    gazetteer, make, clock, tmp_path
):
    rows = [{"place": f"Mill {i}"} for i in range(4)]
    cache = tmp_path / "c.sqlite"
    with nominatim((200, {}, [])) as (host, asked):
        ask(gazetteer, make(host, cache=cache), *rows)
        assert clock.slept == [1.0] * 3
        found = ask(gazetteer, make(host, cache=cache), *rows)
    assert clock.slept == [1.0] * 3
    assert len(asked) == 4
    assert found["method"].tolist() == ["cache"] * 4


def test_one_pace_a_service_for_the_whole_application():
    geocoder = Nominatim(user_agent=AGENT, domain="pace.example.org")
    first, second = (GeocodeService(geocoder, rm.datasets.regions()) for _ in range(2))
    assert first._pace is second._pace


def test_each_query_goes_out_once(gazetteer, make):
    with nominatim((200, {}, answers("XQA0203"))) as (host, asked):
        found = ask(gazetteer, make(host), *[MILL] * 5)
    assert found["status"].tolist() == ["hit"] * 5
    assert len(asked) == 1


def test_the_budget_is_kept(gazetteer, make):
    rows = [{"place": f"Mill {i}"} for i in range(4)]
    with nominatim((200, {}, [])) as (host, asked):
        service = make(host, budget=2)
        found = ask(gazetteer, service, *rows)
    assert len(asked) == 2
    assert found["status"].tolist() == ["miss", "miss", "unasked", "unasked"]
    assert found["detail"].tolist()[2:] == ["budget_spent"] * 2
    assert repr(service).endswith("budget=0)")


def test_a_killed_run_resumes_without_repeating_a_request(gazetteer, make, tmp_path):
    rows = [{"place": f"Mill {i}"} for i in range(5)]
    with nominatim((200, {}, answers("XQA0203"))) as (host, asked):
        service = make(host, cache=tmp_path / "c.sqlite")
        request = service._request

        def killed_at_the_third(*args):
            if len(asked) == 2:
                raise KeyboardInterrupt
            return request(*args)

        service._request = killed_at_the_third
        with pytest.raises(KeyboardInterrupt):
            ask(gazetteer, service, *rows)
        service = make(host, cache=tmp_path / "c.sqlite")
        assert count_requests(pd.DataFrame(rows), gazetteer, service=service) == 3
        found = ask(gazetteer, service, *rows)
        assert count_requests(pd.DataFrame(rows), gazetteer, service=service) == 0
    assert len(asked) == len(set(asked)) == 5
    assert found["status"].tolist() == ["hit"] * 5


def test_counting_requests_sends_none(gazetteer, make):
    places = pd.DataFrame([MILL, MILL, {"place": "Kelda"}, {"place": "New Mill"}, {"place": None}])
    with nominatim((200, {}, [])) as (host, asked):
        assert count_requests(places, gazetteer, service=make(host)) == 2
    assert asked == []


@pytest.mark.parametrize("status", [200, 403, 429, 500])
def test_keys_are_nowhere(gazetteer, tmp_path, caplog, status):
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "c.sqlite"
    body = {"results": [], "status": {"code": status, "message": f"key {KEY}"}}
    with nominatim((status, {"Retry-After": "9999"}, body)) as (host, asked):
        geocoder = OpenCage(KEY, user_agent=AGENT, domain=f"user:{KEY}@{host}", scheme="http")
        geocoder.api = f"http://{host}/geocode/v1/json"
        service = GeocodeService(geocoder, rm.datasets.regions(), cache=path, pace=RateLimiter(0.0))
        found = ask(gazetteer, service, MILL)
    assert KEY in asked[0]
    texts = [caplog.text, found.to_csv(), repr(service), service.name]
    assert not any(KEY in text for text in texts)
    assert KEY.encode() not in path.read_bytes()


def test_loggers_speak_again_afterwards(gazetteer, make, caplog):
    caplog.set_level(logging.DEBUG)
    with nominatim((200, {}, [])) as (host, _):
        ask(gazetteer, make(host), MILL)
    logging.getLogger("geopy").warning("hello")
    assert "hello" in caplog.text


@pytest.mark.parametrize("headers", [{}, {"User-Agent": " "}, {"User-Agent": "geopy/2.5.0"}])
def test_a_default_user_agent_is_refused(headers):
    geocoder = Nominatim(user_agent=AGENT)
    geocoder.headers = headers
    with pytest.raises(InputError, match="does not say who asks"):
        GeocodeService(geocoder, rm.datasets.regions())


def test_an_asynchronous_geocoder_is_refused():
    from geopy.adapters import BaseAsyncAdapter

    class Adapter(BaseAsyncAdapter):
        async def get_json(self, *args, **kwargs):
            raise NotImplementedError

        get_text = get_json

    geocoder = Nominatim(user_agent=AGENT)
    geocoder.adapter = Adapter(proxies=None, ssl_context=None)
    with pytest.raises(InputError, match="asynchronous"):
        GeocodeService(geocoder, rm.datasets.regions())


def test_offline_means_offline(gazetteer, make, monkeypatch):
    monkeypatch.setenv("RISKMAP_OFFLINE", "1")
    with nominatim((200, {}, [])) as (host, asked):
        assert ask(gazetteer, make(host), {"place": "Kelda"}).loc[0, "status"] == "hit"
        with pytest.raises(OfflineError, match="nominatim@127"):
            ask(gazetteer, make(host), MILL)
    assert asked == []


def test_answers_are_believed_for_a_time(gazetteer, make, tmp_path, clock, monkeypatch):
    monkeypatch.setattr("riskmap.places.geocoders.time.time", clock)
    cache = tmp_path / "c.sqlite"
    script = [(200, {}, answers("XQA0203")), (200, {}, []), (500, {}, b"")]
    with nominatim(*script) as (host, _):
        service = make(host, cache=cache)
        ask(gazetteer, service, MILL, {"place": "New Mill"}, {"place": "Bad Mill"})
        other = make(host.replace("127.0.0.1", "localhost"), cache=cache)
    hit = service.recall("old  mill, DOSTAN", "XQA")
    assert (hit.status, hit.points[0][2]) == ("hit", "Mill in XQA0203")
    assert service.recall("New Mill", None) == Reply("miss", detail="not_found")
    assert service.recall("Bad Mill", None) is None
    assert service.recall("Old Mill, Dostan", None) is None
    assert other.recall("Old Mill, Dostan", "XQA") is None
    clock.now += 31 * 86_400
    assert service.recall("New Mill", None) is None
    assert service.recall("Old Mill, Dostan", "XQA") == hit
    clock.now += 365 * 86_400
    assert service.recall("Old Mill, Dostan", "XQA") is None


def test_another_file_is_no_cache(make, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be looked at" * 40, encoding="utf-8")
    with pytest.raises(InputError, match="no cache of answers"):
        make("example.org", cache=text)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("create table notes (text)")
    connection.close()
    with pytest.raises(InputError, match="version 0"):
        make("example.org", cache=other)
