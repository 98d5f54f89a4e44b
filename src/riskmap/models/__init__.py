"""Models of counts: scikit-learn estimators that know nothing of space, files or names."""
