"""Models of counts: scikit-learn estimators that know nothing of space, files or names."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
