"""Boundaries from geoBoundaries: pinned, proved, resumed, and every fault of the network."""

import contextlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import riskmap as rm
from riskmap.downloads import Service, check_address
from riskmap.errors import BoundaryError, OfflineError, ServiceError
from riskmap.places import regions as boundaries
from riskmap.places.regions import fetch_boundary, parse_answer

API = "/api/current/gbOpen"
COMMIT = "9469f09"
RAW = f"/wmgeolab/geoBoundaries/raw/{COMMIT}/releaseData/gbOpen"


def districts(level=2):
    """Districts of an invented country as geoBoundaries writes them, under a real code."""
    table = rm.datasets.regions(level=min(level, 2))
    features = [
        {
            "type": "Feature",
            "properties": {
                "shapeName": row.name_,
                "shapeISO": "",
                "shapeID": f"123B{i}",
                "shapeGroup": "STP",
                "shapeType": f"ADM{level}",
            },
            "geometry": row.geometry.__geo_interface__,
        }
        for i, row in enumerate(table.rename(columns={"name": "name_"}).itertuples())
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


class StandIn:
    """A loopback server: bodies by path, faults by path, and what was asked."""

    def __init__(self):
        self.bodies = {}
        self.faults = {}
        self.asked = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                stand_in.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, handler):
        self.asked.append((handler.path, handler.headers.get("Range")))
        fault = self.faults.get(handler.path)
        if fault is not None:
            with contextlib.suppress(ConnectionError):
                fault(handler)
            return
        body = self.bodies.get(handler.path)
        if body is None:
            handler.send_error(404)
            return
        self.send(handler, body)

    @staticmethod
    def send(handler, body):
        start = 0
        wanted = handler.headers.get("Range")
        if wanted:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                handler.send_error(416)
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        handler.wfile.write(body[start:])

    def publish(self, iso3, level, body, **fields):
        path = f"{RAW}/{iso3}/ADM{level}/geoBoundaries-{iso3}-ADM{level}_simplified.geojson"
        answer = {
            "boundaryID": f"{iso3}-ADM{level}-123",
            "boundaryISO": iso3,
            "boundaryType": f"ADM{level}",
            "boundaryYearRepresented": "2014",
            "boundarySource": "Survey of Qandara",
            "boundaryLicense": "Public Domain",
            "licenseDetail": "nan",
            "simplifiedGeometryGeoJSON": self.base + path,
            **fields,
        }
        self.bodies[f"{API}/{iso3}/ADM{level}/"] = json.dumps(answer).encode()
        self.bodies[path] = body
        return path


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    server = StandIn()
    service = Service(server.base + API, ("127.0.0.1",))
    monkeypatch.setattr(boundaries, "GEOBOUNDARIES", service)
    monkeypatch.setenv("RISKMAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RISKMAP_OFFLINE", raising=False)
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_districts_come_with_version_licence_and_source(stand_in):
    stand_in.publish("STP", 2, districts())
    regions = rm.read_regions("STP", level=2)
    assert len(regions) == 24
    assert regions["iso3"].unique().tolist() == ["STP"]
    assert regions["adm_level"].unique().tolist() == [2]
    assert regions["boundary_version"].unique().tolist() == [f"STP-ADM2-123@{COMMIT}"]
    assert regions["boundary_licence"].unique().tolist() == ["Public Domain"]
    assert regions["boundary_source"].unique().tolist() == ["geoBoundaries: Survey of Qandara"]


def test_the_second_time_nothing_is_asked(stand_in, monkeypatch):
    stand_in.publish("STP", 2, districts())
    first = rm.read_regions("STP", level=2)
    asked = len(stand_in.asked)
    monkeypatch.setenv("RISKMAP_OFFLINE", "1")
    again = rm.read_regions("STP", level=2)
    assert len(stand_in.asked) == asked == 2
    assert again.equals(first)


def test_what_is_pinned_stays_until_an_update_is_asked_for(stand_in):
    stand_in.publish("STP", 2, districts())
    old, _ = fetch_boundary("STP", 2)
    stand_in.publish("STP", 2, districts(), boundaryID="STP-ADM2-456")
    assert fetch_boundary("STP", 2)[0] == old
    new, path = fetch_boundary("STP", 2, update=True)
    assert new.version == f"STP-ADM2-456@{COMMIT}"
    assert path.name == f"STP-ADM2-456-{COMMIT}.geojson"


def test_a_file_that_was_spoilt_in_the_cache_comes_anew(stand_in, monkeypatch):
    stand_in.publish("STP", 2, districts())
    _, path = fetch_boundary("STP", 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + b"tampered!")
    monkeypatch.setenv("RISKMAP_OFFLINE", "1")
    with pytest.raises(OfflineError, match="would have to be downloaded"):
        fetch_boundary("STP", 2)
    monkeypatch.setenv("RISKMAP_OFFLINE", "0")
    assert fetch_boundary("STP", 2)[1].read_bytes() == whole


def test_a_spoilt_pin_is_asked_for_anew(stand_in):
    stand_in.publish("STP", 2, districts())
    boundary, path = fetch_boundary("STP", 2)
    path.with_name("STP-ADM2.json").write_text("{", encoding="utf-8")
    assert fetch_boundary("STP", 2)[0] == boundary


@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_offline_forbids_every_connection(stand_in, monkeypatch, value):
    monkeypatch.setenv("RISKMAP_OFFLINE", value)

    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(OfflineError, match="STP, level 2"):
        rm.read_regions("STP", level=2)
    assert stand_in.asked == []


def test_a_level_that_is_not_there_is_told(stand_in):
    with pytest.raises(BoundaryError, match="no such level: met 'STP ADM5'"):
        rm.read_regions("STP", level=5)
    assert stand_in.asked == [(f"{API}/STP/ADM5/", None)]


@pytest.mark.parametrize("level", [-1, 6, 17])
def test_only_levels_can_be_asked_for(stand_in, level):
    with pytest.raises(BoundaryError, match="not an administrative level"):
        rm.read_regions("STP", level=level)
    assert stand_in.asked == []


def test_several_countries_are_one_table(stand_in):
    stand_in.publish("STP", 2, districts())
    stand_in.publish("GNQ", 2, districts().replace(b"123B", b"456B").replace(b"STP", b"GNQ"))
    regions = rm.read_regions(["STP", "GNQ"], level=2)
    assert regions["iso3"].value_counts().to_dict() == {"STP": 24, "GNQ": 24}


def test_a_third_level_takes_its_parents_from_the_second(stand_in):
    stand_in.publish("STP", 2, districts())
    stand_in.publish("STP", 3, districts(3).replace(b"123B", b"789B"))
    regions = rm.read_regions("STP", level=3)
    assert (
        regions["parent_id"].str.replace("123B", "789B").tolist() == regions["region_id"].tolist()
    )


def status(code):
    return lambda handler: handler.send_error(code)


def body(data, *, length=None):
    def send(handler):
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(data)

    return send


def redirect(to):
    def send(handler):
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.end_headers()

    return send


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.03)


def hang(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    time.sleep(1)


def garbage(handler):
    handler.wfile.write(b"this is no HTTP\r\n\r\n")


POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)

FAULTS = {
    "not found": (status(404), "HTTP 404"),
    "server error": (status(500), "HTTP 500"),
    "too many": (status(429), "HTTP 429"),
    "pointer": (body(POINTER), "Git LFS pointer"),
    "page": (body(b"<html>please log in</html>"), "no whole GeoJSON file"),
    "cut, with its length": (body(b'{"type":', length=5000), "ended after 8 of 5,000 bytes"),
    "cut, without its length": (body(b'{"type": "Fea'), "no whole GeoJSON file"),
    "empty": (body(b"", length=0), "no whole GeoJSON file"),
    "no features": (body(b'{"type": "Topology"}'), "no whole GeoJSON file"),
    "list": (body(b"[1]"), "no whole GeoJSON file"),
    "other host": (redirect("http://localhost:9/a.geojson"), "is refused"),
    "other scheme": (redirect("file:///etc/passwd"), "not allowed"),
    "no https": (redirect("http://github.com/a"), "is refused"),
    "slow": (drip, "run again to go on"),
    "silent": (hang, "timed out"),
    "garbage": (garbage, "BadStatusLine|no HTTP"),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_of_the_file_is_told_and_leaves_nothing_wrong(stand_in, monkeypatch, name):
    fault, message = FAULTS[name]
    path = stand_in.publish("STP", 2, districts())
    stand_in.faults[path] = fault
    hasty = Service(stand_in.base + API, ("127.0.0.1",), timeout=0.5, deadline=0.4)
    with monkeypatch.context() as context:
        context.setattr(boundaries, "GEOBOUNDARIES", hasty)
        with pytest.raises(ServiceError, match=message):
            rm.read_regions("STP", level=2)
    del stand_in.faults[path]
    assert len(rm.read_regions("STP", level=2)) == 24


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (status(500), "HTTP 500"),
        (body(b"<html>"), "not JSON"),
        (body(b"[]"), "boundaryISO is None"),
        (redirect("http://localhost:9/"), "is refused"),
        (hang, "timed out|not JSON"),
        (garbage, "BadStatusLine|no HTTP"),
    ],
)
def test_a_fault_of_the_question_is_told(stand_in, monkeypatch, fault, message):
    hasty = Service(stand_in.base + API, ("127.0.0.1",), timeout=0.5)
    monkeypatch.setattr(boundaries, "GEOBOUNDARIES", hasty)
    stand_in.faults[f"{API}/STP/ADM2/"] = fault
    with pytest.raises(ServiceError, match=message):
        rm.read_regions("STP", level=2)


def test_a_service_that_is_not_there_is_told(stand_in, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(
        boundaries, "GEOBOUNDARIES", Service(f"http://127.0.0.1:{port}", ("127.0.0.1",))
    )
    with pytest.raises(ServiceError, match="refused"):
        rm.read_regions("STP", level=2)
    assert stand_in.asked == []


def test_a_redirect_within_the_service_is_followed(stand_in):
    path = stand_in.publish("STP", 2, districts())
    stand_in.bodies["/media"] = stand_in.bodies[path]
    stand_in.faults[path] = redirect("/media")
    assert len(rm.read_regions("STP", level=2)) == 24


def test_a_download_goes_on_where_it_stopped(stand_in):
    whole = districts()
    path = stand_in.publish("STP", 2, whole)
    stand_in.faults[path] = body(whole[:3000], length=len(whole))
    with pytest.raises(ServiceError, match="ended after 3,000 of"):
        fetch_boundary("STP", 2)
    del stand_in.faults[path]
    _, file = fetch_boundary("STP", 2)
    assert stand_in.asked[-1] == (path, "bytes=3000-")
    assert file.read_bytes() == whole


def test_a_server_that_starts_over_is_followed(stand_in):
    whole = districts()
    path = stand_in.publish("STP", 2, whole)
    stand_in.faults[path] = body(whole[:3000], length=len(whole))
    with pytest.raises(ServiceError):
        fetch_boundary("STP", 2)
    stand_in.faults[path] = body(whole, length=len(whole))
    assert fetch_boundary("STP", 2)[1].read_bytes() == whole


def test_a_rest_that_is_too_long_is_forgotten(stand_in, tmp_path):
    stand_in.publish("STP", 2, districts())
    folder = tmp_path / "cache" / "boundaries"
    folder.mkdir(parents=True)
    (folder / f"STP-ADM2-123-{COMMIT}.part").write_bytes(b"x" * 1_000_000)
    assert fetch_boundary("STP", 2)[1].read_bytes() == districts()


def test_an_endless_file_is_refused(stand_in, monkeypatch):
    stand_in.publish("STP", 2, districts())
    small = Service(stand_in.base + API, ("127.0.0.1",), largest=100)
    monkeypatch.setattr(boundaries, "GEOBOUNDARIES", small)
    with pytest.raises(ServiceError, match="more than 100 bytes"):
        fetch_boundary("STP", 2)


def test_a_known_hash_must_be_met(stand_in, monkeypatch):
    stand_in.publish("STP", 2, districts())
    monkeypatch.setattr(boundaries, "_known_hash", lambda *_: "0" * 64)
    with pytest.raises(ServiceError, match="not the one that is pinned"):
        fetch_boundary("STP", 2)


ANSWER = {
    "boundaryID": "STP-ADM2-1",
    "boundaryISO": "STP",
    "boundaryType": "ADM2",
    "simplifiedGeometryGeoJSON": f"https://github.com/a/raw/{COMMIT}/b.geojson",
}


@pytest.mark.parametrize(
    "change",
    [
        {"boundaryISO": "AFG"},
        {"boundaryType": "ADM1"},
        {"boundaryID": "../../etc/passwd"},
        {"boundaryID": None},
        {"simplifiedGeometryGeoJSON": "https://github.com/a/raw/main/b.geojson"},
        {"simplifiedGeometryGeoJSON": 7},
    ],
)
def test_an_answer_that_names_no_fixed_version_is_refused(change):
    with pytest.raises(ServiceError, match="geoBoundaries"):
        parse_answer({**ANSWER, **change}, iso3="STP", level=2)


def test_what_the_answer_does_not_know_is_not_made_up():
    boundary = parse_answer({**ANSWER, "boundarySource": "nan"}, iso3="STP", level=2)
    assert (boundary.licence, boundary.source) == ("not stated", "")


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/a",
        "https://github.com.evil.example/a",
        "https://github.com@evil.example/a",
        "ftp://github.com/a",
        "file:///etc/passwd",
        "https://127.0.0.1/a",
        "",
    ],
)
def test_only_https_at_the_named_hosts_is_asked(url):
    with pytest.raises(ServiceError, match="is refused"):
        check_address(url, boundaries.GEOBOUNDARIES)


@pytest.mark.parametrize(("iso3", "level"), [("AFG", 1), ("AFG", 2), ("PAK", 2)])
def test_recorded_answers_are_understood(shared, iso3, level):
    recorded = shared / f"boundaries/api/api/current/gbOpen/{iso3}/ADM{level}/index.json"
    boundary = parse_answer(json.loads(recorded.read_bytes()), iso3=iso3, level=level)
    assert boundary.commit == COMMIT
    assert boundary.licence == "Public Domain"
    check_address(boundary.url, boundaries.GEOBOUNDARIES)


def test_the_real_afghan_districts_come_through_with_their_provinces(stand_in, shared):
    folder = shared / "boundaries"
    answer = json.loads((folder / "api/api/current/gbOpen/AFG/ADM2/index.json").read_bytes())
    key = "simplifiedGeometryGeoJSON"
    path = answer[key].removeprefix("https://github.com")
    answer[key] = stand_in.base + path
    stand_in.bodies[f"{API}/AFG/ADM2/"] = json.dumps(answer).encode()
    stand_in.bodies[path] = (folder / "AFG/geoBoundaries-AFG-ADM2_simplified.geojson").read_bytes()
    districts = rm.read_regions("AFG", level=2)
    assert len(districts) == 398
    provinces = rm.read_regions("AFG")
    assert set(districts["parent_id"]) == set(provinces["region_id"])
    path = folder / "AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson"
    stated = rm.read_regions(path, id="shapeID").set_index("region_id")["parent"]
    both = districts.set_index("region_id")[["parent"]].assign(stated=stated)
    usual = both.groupby("stated")["parent"].agg(lambda names: names.mode()[0])
    assert (both["parent"] == both["stated"].map(usual)).mean() > 0.99
