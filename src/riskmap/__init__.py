"""riskmap: incident reports to district risk levels for a stated group of foreign workers.

The stream, one function a stage::

    read_regions, read_incidents -> locate -> count_incidents -> forecast -> assess -> publish

Names are loaded when they are first used, so that importing riskmap does no work. They are listed
in ``__init__.pyi``.
"""

import lazy_loader

from riskmap.settings import VERSION

__version__ = VERSION
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
