"""riskmap: incident reports to district risk levels for a stated group of foreign workers.

The stream, one function a stage::

    read_regions, read_incidents -> locate -> count_incidents -> forecast -> assess -> publish

What every script needs stands here; the rest has a namespace: ``incidents``, ``places``,
``panels``, ``models``, ``assessment``, ``evaluation``, ``outputs``, ``datasets``, ``testing``.
Names are loaded when they are first used, so that importing riskmap does no work. They are listed
in ``__init__.pyi``, here and in each namespace.
"""

from importlib import import_module
from typing import Any

import lazy_loader

from riskmap.settings import VERSION

__version__ = VERSION
_find, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_NAMESPACES = ("incidents", "places", "panels", "models", "assessment", "evaluation", "outputs")


def __getattr__(name: str) -> Any:
    """Return a name of the face; what was here before it had a namespace is found there."""
    if name not in __all__ and not name.startswith("_"):
        for namespace in (import_module(f"{__name__}.{space}") for space in _NAMESPACES):
            if name in namespace.__all__:
                return getattr(namespace, name)
    return _find(name)
