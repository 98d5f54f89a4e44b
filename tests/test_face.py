"""The face: few names, each stated once, and namespaces for the rest."""

import re
from importlib import import_module, metadata
from pathlib import Path

import pytest

import riskmap as rm

ROOT = Path(rm.__file__).parent
NAMESPACES = sorted(path.parent.name for path in ROOT.glob("*/__init__.pyi"))
PLACED = {name: space for space in NAMESPACES for name in import_module(f"riskmap.{space}").__all__}


def test_about_25_names_and_namespaces_for_the_rest():
    modules = {"datasets", "testing", *NAMESPACES}
    assert modules <= set(rm.__all__)
    assert len(set(rm.__all__) - modules) <= 28
    assert set(dir(rm)) == set(rm.__all__)


def test_every_name_is_stated_once():
    stubs = [ROOT / "__init__.pyi", *(ROOT / name / "__init__.pyi" for name in NAMESPACES)]
    found = [
        name
        for stub in stubs
        for name in re.findall(r"import (\w+) as \1", stub.read_text(encoding="utf-8"))
    ]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", rm.__all__)
def test_a_name_of_the_face_is_there(name):
    assert getattr(rm, name) is not None


@pytest.mark.parametrize(("name", "space"), sorted(PLACED.items()))
def test_a_name_of_a_namespace_is_there_and_was_at_the_top(name, space):
    found = getattr(getattr(rm, space), name)
    assert found.__doc__
    assert getattr(rm, name) is found
    assert name not in dir(rm)


@pytest.mark.parametrize("name", ["places_", "find_nothing", "_NOTHING", "articles"])
def test_what_is_nowhere_is_refused(name):
    with pytest.raises(AttributeError, match=name):
        getattr(rm, name)


def test_one_version_everywhere():
    assert rm.__version__ == metadata.version("riskmap")
