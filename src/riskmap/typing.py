"""The shapes of things that users may bring: plug-ins are plain callables and small objects.

Each protocol is checked by a function of :mod:`riskmap.testing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: What runs a function on each item, like :func:`map`: the results come in the items' order.
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


_SERIES = ("exposure", "watched", "reported", "weight")


@dataclass(frozen=True)
class CountHistory:
    """What a model sees: counts by window and region as plain arrays, oldest window first.

    A model knows nothing of maps, files or names; it sees which regions share a parent and a
    country as integer codes, and which are neighbours as a sparse matrix.

    Parameters
    ----------
    counts : ndarray, shape (n_windows, n_regions)
        Incidents (weights may be fractions); NaN where nobody could have known.
    days : ndarray, shape (n_windows,)
        Length of each window in days.
    parent, country : ndarray of int, shape (n_regions,)
        Codes 0, 1, 2 ... of the region one level up, and of the country.
    phase : ndarray, shape (n_windows,)
        Start of each window within its year, from 0 up to 1, for seasons.
    neighbours : scipy.sparse.csr_array, shape (n_regions, n_regions), optional
        Row-normalised weights of neighbours; None when there are none.
    drivers : mapping of str to ndarray, shape (n_windows, n_regions)
        Other series that may lead the counts, such as ``violence`` for ``foreign``.
    exposure : ndarray, shape (n_windows, n_regions), optional
        Worker-years at risk in each window and region; None when unknown.
    watched : ndarray, shape (n_windows, n_regions), optional
        Share of each window, 0 to 1, in which a source watched; None when every window was. Counts
        of windows that nobody watched are incidents that were told all the same: they count, and
        the days do not.
    reported : ndarray, shape (n_windows, n_regions), optional
        Share of each window in which anybody reported at all; None when of every window. Incidents
        of unwatched windows are set against these days.
    weight : ndarray, shape (n_windows, n_regions), optional
        What watched windows are worth to a forecast, above 0 to 1: less before a break. Counts and
        days alike, so that a rate changes only where others are watched.
    lead_days
        Days between the end of the history and the horizon that is forecast.
    record : CountHistory, optional
        What the sources of record tell of it, where others tell more: the share of the counts in
        another series is no less than theirs.

    Raises
    ------
    ModelError
        When shapes differ, a window is empty, a count is negative, or a share is none.

    Examples
    --------
    >>> history = CountHistory(counts=np.zeros((4, 2)), days=np.full(4, 7.0),
    ...                        parent=np.zeros(2, int), country=np.zeros(2, int))
    >>> history.n_windows, history.n_regions
    (4, 2)
    """

    counts: FloatArray
    days: FloatArray
    parent: IntArray
    country: IntArray
    phase: FloatArray = field(default_factory=lambda: np.empty(0))
    neighbours: Any = None
    drivers: Mapping[str, FloatArray] = field(default_factory=dict)
    exposure: FloatArray | None = None
    watched: FloatArray | None = None
    reported: FloatArray | None = None
    weight: FloatArray | None = None
    lead_days: float = 0.0
    record: CountHistory | None = None

    def __post_init__(self) -> None:
        """Check the shapes once, so that models can compute without checks."""
        shape = self.counts.shape
        if len(shape) != 2 or 0 in shape:  # noqa: PLR2004 - windows by regions
            raise ModelError(f"counts must be windows by regions, met shape {shape}")
        if self.phase.size == 0:
            object.__setattr__(self, "phase", np.zeros(shape[0]))
        windows, regions = shape
        shapes = {
            **dict.fromkeys(("days", "phase"), (windows,)),
            **dict.fromkeys(("parent", "country"), (regions,)),
            "neighbours": (regions, regions),
            **dict.fromkeys((*_SERIES, *self.drivers), shape),
        }
        arrays = {**vars(self), **self.drivers}
        for name, expected in shapes.items():
            array = arrays[name]
            if array is not None and array.shape != expected:
                raise ModelError(f"{name} must have shape {expected}, met {array.shape}")
        if not (self.days > 0).all():
            raise ModelError(f"days must be positive lengths, met {self.days!r}")
        if self.watched is not None and not ((self.watched >= 0) & (self.watched <= 1)).all():
            raise ModelError("watched must be shares from 0 to 1")
        if self.weight is not None and not ((self.weight > 0) & (self.weight <= 1)).all():
            raise ModelError("weight must be above 0 and at most 1")
        if np.nanmin(self.counts, initial=0.0) < 0:
            raise ModelError("counts must not be negative")

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return int(self.counts.shape[0])

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return int(self.counts.shape[1])

    def until(self, n_windows: int) -> CountHistory:
        """Return the history as it was after its first `n_windows` windows."""
        return self.part(slice(0, n_windows))

    def part(self, cut: slice) -> CountHistory:
        """Return the history of some of its windows; that of record is left out."""
        series = ((name, getattr(self, name)) for name in ("counts", "days", "phase", *_SERIES))
        some: dict[str, Any] = {name: one[cut] for name, one in series if one is not None}
        some["drivers"] = {name: one[cut] for name, one in self.drivers.items()}
        return replace(self, **some, record=None)


class NameResolver(Protocol):
    """Finds the regions that names mean, such as :class:`riskmap.places.Gazetteer`."""

    def resolve(self, names: Sequence[str], *, parents: Sequence[str | None] | None = None) -> Any:
        """Return a table with ``region_id``, ``status`` and ``matched_name``, one row a name."""


class Relevance(Protocol):
    """How incidents bear on a group, such as :class:`riskmap.WorkerGroup` tells."""

    def weigh(self, incidents: Any, *, foreign: NDArray[np.bool_]) -> FloatArray:
        """Return what each incident weighs for the group, from 0 to 1."""

    def weigh_unknown(self, incidents: Any) -> FloatArray:
        """Return what each would weigh if it had hit foreigners and does not say so."""

    def is_aimed_at(self, incidents: Any) -> NDArray[np.bool_]:
        """Return which incidents were aimed at the group."""


class Extractor(Protocol):
    """Reads a news text into records: a plug-in for :func:`riskmap.incidents.extract_incidents`."""

    def __call__(self, text: str, *, published: date | None = None) -> Sequence[Mapping[str, Any]]:
        """Return records of ``articles.RECORD_SCHEMA``, each field with its quote."""


class CountDistribution(Protocol):
    """A distribution of a count for each region, all arrays of shape (n_regions,)."""

    @property
    def mean(self) -> FloatArray:
        """Expected count."""

    @property
    def variance(self) -> FloatArray:
        """Variance of the count."""

    def cdf(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of at most `count` incidents."""

    def p_gt(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of more than `count` incidents."""

    def quantile(self, probability: float) -> FloatArray:
        """Return the smallest count whose cdf reaches `probability`."""


class CountModel(Protocol):
    """A scikit-learn estimator that forecasts counts directly over a horizon."""

    def fit(self, history: CountHistory, *, horizon_days: float) -> Self:
        """Learn from a history how many incidents follow within `horizon_days` after its end."""

    def predict_distribution(self, history: CountHistory) -> CountDistribution:
        """Return the distribution of the count in the horizon that follows a history."""

    def predict_components(self, history: CountHistory) -> dict[str, FloatArray]:
        """Return named non-negative parts, each of shape (n_regions,), that sum to the mean."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Return the constructor's parameters, as scikit-learn does."""
