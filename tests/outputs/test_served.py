"""A served folder is started and asked: pygeoapi by its configuration, the page by a browser."""

import dataclasses
import functools
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from riskmap.outputs.publishing import publish

NAMES = ["<img src=x onerror=alert(1)>", "کابل", "巴米扬"]


class Ranges(http.server.SimpleHTTPRequestHandler):
    """What servers of files do: answer a part of one when asked for it."""

    def do_GET(self):
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not found:
            super().do_GET()
            return
        data = Path(self.translate_path(self.path)).read_bytes()
        first, last = int(found[1]), min(int(found[2]), len(data) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(data[first : last + 1])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def folder(layers, told, tmp_path_factory):
    layer = dataclasses.replace(told, regions=layers["names"](NAMES))
    out = tmp_path_factory.mktemp("served")
    return publish(layer, out, formats=["served"], languages=["en", "zh"], sender="example.org")


@pytest.mark.slow
def test_what_is_served_brings_what_it_needs(folder):
    names = {path.name for path in folder.iterdir()}
    assert {"index.html", "risk.geojson", "risk.pmtiles", "pygeoapi.yml", "pmtiles.js"} <= names
    assert "riskmap" not in (folder / "pygeoapi.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(folder):
    """The address of the folder, served."""
    handler = functools.partial(Ranges, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_the_page_shows_the_tiles_and_a_region_by_click(browser, pages):
    context = browser.new_context(viewport={"width": 900, "height": 700})
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{pages}/index.html")
    deadline = time.monotonic() + 60
    drawn = "Boolean(window.servedMap && servedMap.getLayer('risk-attacked') && servedMap.loaded())"
    while not page.evaluate(drawn) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    count = page.evaluate("servedMap.queryRenderedFeatures({ layers: ['risk-fill'] }).length")
    assert count >= 24
    marked = page.evaluate("servedMap.queryRenderedFeatures({ layers: ['risk-attacked'] }).length")
    assert marked >= 1
    x, y = page.evaluate(
        "(() => { const p = servedMap.project([2.4, -7.6]); return [p.x, p.y]; })()"
    )
    page.locator("#map canvas").click(position={"x": x, "y": y})
    text = page.locator(".maplibregl-popup-content").inner_text()
    assert NAMES[0] in text
    assert "3 moderate (2 to 4), attacked" in text
    assert not errors
    assert all(url.startswith((pages, "blob:", "data:")) for url in asked)
    page.goto(f"{pages}/index.zh.html")
    assert "外籍工人" in page.locator("h1").inner_text()
    context.close()


@pytest.fixture(scope="module")
def api(folder, tmp_path_factory):
    """The address of pygeoapi, started in the folder."""
    pytest.importorskip("pygeoapi", reason="pygeoapi is absent: extra dev")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    work = tmp_path_factory.mktemp("api")
    config = json.loads((folder / "pygeoapi.yml").read_bytes())
    config["server"]["bind"]["port"] = port
    config["server"]["url"] = f"http://127.0.0.1:{port}"
    (work / "config.yml").write_text(json.dumps(config), encoding="utf-8")
    env = os.environ | {
        "PYGEOAPI_CONFIG": str(work / "config.yml"),
        "PYGEOAPI_OPENAPI": str(work / "openapi.yml"),
    }
    start = [sys.executable, "-W", "ignore", "-c", "from pygeoapi import cli; cli()"]
    subprocess.run(
        [
            *start,
            "openapi",
            "generate",
            env["PYGEOAPI_CONFIG"],
            "--output-file",
            env["PYGEOAPI_OPENAPI"],
        ],
        check=True,
        env=env,
        cwd=folder,
        capture_output=True,
        timeout=100,
    )
    server = subprocess.Popen(
        [*start, "serve", "--flask"],
        env=env,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 100
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/conformance?f=json", timeout=5).close()
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    yield address
    server.terminate()
    server.wait(20)


def ask(address, path):
    with urllib.request.urlopen(f"{address}/{path}", timeout=30) as answer:
        return json.loads(answer.read())


@pytest.mark.slow
def test_pygeoapi_serves_regions_and_incidents(api, told):
    found = {one["id"] for one in ask(api, "collections?f=json")["collections"]}
    assert found == {"risk", "incidents"}
    regions = ask(api, "collections/risk/items?f=json&limit=100")
    assert regions["numberReturned"] == 24
    one = ask(api, "collections/risk/items/XQA0101?f=json")
    assert one["properties"]["name"] == NAMES[0]
    assert one["properties"]["attacked"] is True
    high = ask(api, "collections/risk/items?f=json&risk_level=5&limit=100")
    assert {one["properties"]["risk_level"] for one in high["features"]} == {5}
    incidents = ask(api, "collections/incidents/items?f=json&limit=10000")
    assert incidents["numberReturned"] == len(told.incidents)
    points = [one for one in incidents["features"] if one["geometry"]]
    assert {one["properties"]["geo_precision"] for one in points} <= {"point", "place"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", points[0]["properties"]["event_date"])
